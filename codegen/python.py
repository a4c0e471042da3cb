"""Print a Program as a Python function that a person can read."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from overbar.codegen.lines import INDENT, WIDTH, filled, wrap
from overbar.codegen.names import unused
from overbar.codegen.statements import statement_lines
from overbar.codegen.writer import PythonWriter, with_math
from overbar.ir.program import Program, is_packed, leaves
from overbar.ir.text import number
from overbar.ir.types import dims, extents

if TYPE_CHECKING:
    from collections.abc import Sequence

    from overbar.ir.graph import Graph
    from overbar.ir.ops import Op
    from overbar.ir.program import Result


def print_function(
    program: Program, graph: Graph, decorator: str, *, checked: bool = False
) -> tuple[str, list[Op]]:
    """Return the function's text and the ops that it applies.

    checked: whether it refuses arrays whose sizes do not fit.
    """
    writer = PythonWriter(program.names)
    lines = [decorator] if decorator else []
    lines += _signature(program)
    lines += [f'{INDENT}"""{program.doc}"""']
    body = statement_lines(program.body, writer, graph)
    filling, result = _result(program.result, writer, set(program.names.values()))
    body += [INDENT + line for line in filling]
    body += wrap("return ", result, INDENT)
    body = [*(_checks(program, graph) if checked else []), *body]
    sizes = _sizes(program, body)
    lines += [INDENT + line for line in _unpack(program, sizes)]
    lines += sizes + body
    return "\n".join(lines) + "\n", list(writer.used)


def _checks(program: Program, graph: Graph) -> list[str]:
    """Return the lines that refuse arrays of other shapes, and sizes below zero."""
    known = {f"{text} != {name}" for name, text in program.sizes.items()}
    tests: dict[str, str] = {}
    own = len(program.params) - len(program.constants)
    arrays = [(n, p) for n, p in program.params[:own] if not isinstance(p, tuple)]
    for name, node in arrays:
        expected = f"{name} of shape [{extents(node.type.shape)}]"
        for axis, extent in enumerate(node.type.shape):
            tests[f"{name}.shape[{axis}] != {extent}"] = expected
    for node in graph.order(leaves(program.result)):
        for size in dims(node.type.shape):
            if size.name is None:
                tests[f"{size} < 0"] = f"sizes with {size} of at least 0"
    found: list[str] = []
    for test, expected in tests.items():
        if test not in known:
            found += [f"if {test}:", f'{INDENT}raise ValueError("expected {expected}")']
    return [INDENT + line for line in found]


def _sizes(program: Program, body: Sequence[str]) -> list[str]:
    """Return the lines that read sizes off arrays, of the sizes that the body reads."""
    read = {word for line in body for word in re.findall(r"\w+", line.split("#")[0])}
    found = [f"{name} = {text}" for name, text in program.sizes.items() if name in read]
    return [INDENT + line for line in found]


def _signature(program: Program) -> list[str]:
    if program.packed:
        return [f"def {program.name}(inputs):"]
    names = [
        f"{name}={_default(program.defaults[name])}"
        if name in program.defaults
        else name
        for name, _ in program.params
    ]
    one = f"def {program.name}({', '.join(names)}):"
    if len(one) <= WIDTH:
        return [one]
    return [
        f"def {program.name}(",
        *(f"{INDENT}{line}" for line in filled(names, WIDTH - 4)),
        "):",
    ]


def _default(value: float) -> str:
    return with_math(number(value, plain=False)[0])


def _unpack(program: Program, sizes: Sequence[str]) -> list[str]:
    """Return the lines that take packed arguments apart.

    sizes: the lines after, which read sizes off arrays.
    """
    if program.packed:
        return [
            f"{name} = inputs[{i}]"
            for i, (name, node) in enumerate(program.params)
            if node in program.read
        ]
    lines: list[str] = []
    read = {program.names[n] for n in program.read}
    read |= {word for line in sizes for word in re.findall(r"\w+", line)}
    for name, part in program.params:
        if isinstance(part, tuple) and part:
            own = [program.names[n] for n in part]
            names = [n if n in read else "_" for n in own]
            lines += _tuple(names, name)
    return lines


def _tuple(names: Sequence[str], value: str) -> list[str]:
    one = f"{', '.join(names)}{',' * (len(names) == 1)} = {value}"
    if len(one) <= WIDTH - len(INDENT):
        return [one]
    return ["(", *(INDENT + x for x in filled(names, WIDTH - 8)), f") = {value}"]


def _result(
    result: Result, writer: PythonWriter, taken: set[str]
) -> tuple[list[str], str]:
    """Return the lines that fill arrays of results, and what is returned.

    taken: names of variables; those of the arrays are added.
    """
    if not isinstance(result, tuple):
        return [], writer.value(result)
    if is_packed(result):
        name = unused("results", taken)
        taken.add(name)
        kind = str(np.result_type(*{n.type.dtype for n in leaves(result)}))
        kind = "bool_" if kind == "bool" else kind  # NumPy 1 has no other name
        lines = [f"{name} = np.empty({len(result)}, np.{kind})"]
        lines += [
            f"{name}[{i}] = {writer.value(n)}" for i, n in enumerate(leaves(result))
        ]
        return lines, name
    lines, parts = [], []
    for part in result:
        filling, text = _result(part, writer, taken)
        lines += filling
        nested = isinstance(part, tuple) and not is_packed(part)
        parts.append(f"({text})" if nested and part else text)
    return lines, ", ".join(parts) + "," * (len(parts) == 1) if parts else "()"
