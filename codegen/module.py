"""Assemble the text of a generated module: header, imports, helpers, functions."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from functools import cache
from typing import TYPE_CHECKING, Any

from overbar.codegen.lines import INDENT
from overbar.codegen.names import APART
from overbar.codegen.points import print_points
from overbar.codegen.python import print_function
from overbar.ir.errors import InputError
from overbar.ir.program import leaves
from overbar.ir.source import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from overbar.ir.graph import Graph
    from overbar.ir.ops import Op
    from overbar.ir.program import Program

DECORATOR = '@njit(cache=True, error_model="numpy", nogil=True)'


def print_module(
    graph: Graph, programs: Sequence[Program], header: str, *, checked: bool = False
) -> str:
    """Return the source of a module with one function a program.

    Each function is followed, at the end of the module, by one that maps it over the
    columns of an array. The module imports nothing of Overbar's.

    checked: whether functions look at the sizes of arrays, which calls do otherwise.
    """
    functions: list[str] = []
    ops: dict[Op, None] = {}
    for program in programs:
        text, used = print_function(program, graph, DECORATOR, checked=checked)
        functions.append(text)
        ops |= dict.fromkeys(used)
    mapped = [print_points(p, DECORATOR) for p in programs if _maps(p)]
    body = [*_helpers(ops), *functions, *mapped]
    return "\n\n".join([_head(header, "\n".join(body)), *body])


def _maps(program: Program) -> bool:
    """Whether a function is mapped over points; the two passes apart are not."""
    return program.name not in APART and bool(leaves(program.result))


def function_text(graph: Graph, program: Program) -> str:
    """Return the text of one function alone."""
    return print_function(program, graph, "")[0]


def _head(header: str, body: str) -> str:
    lines = [printable(line).rstrip() for line in header.strip().split("\n")]
    safe = "\n".join(lines).replace("\\", "\\\\").replace('"""', "'''")
    imports = [
        *(["import math", ""] if re.search(r"\bmath\.", body) else []),
        *(["import numpy as np"] if re.search(r"\bnp\.", body) else []),
        "from numba import njit",
        "",
    ]
    opening = f'"""{safe}\n"""' if "\n" in safe else f'"""{safe}"""'
    return "\n".join([opening, "", *imports])


def _helpers(ops: Iterable[Op]) -> list[str]:
    """Return the text of the portable functions that these ops need, needed first."""
    done: dict[Callable[..., Any], str] = {}
    stack = [op.helper for op in ops if op.helper is not None][::-1]
    while stack:
        function = stack[-1]
        missing = [f for f in _calls(function) if f not in done and f not in stack]
        if missing:
            stack.extend(missing)
            continue
        stack.pop()
        done.setdefault(function, _text(function))
    texts: dict[str, str] = {}
    for function, text in done.items():
        if texts.setdefault(function.__name__, text) != text:
            message = f"expected one operation named {function.__name__!r} in a "
            message += "formula, found two: it was replaced between its parts"
            raise InputError(message)
    return list(texts.values())


def _calls(function: Callable[..., Any]) -> list[Callable[..., Any]]:
    """Return the functions of the same file that a portable function calls."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    names = dict.fromkeys(n.id for n in ast.walk(tree) if isinstance(n, ast.Name))
    read = {*function.__code__.co_names}  # neither variables of its own nor decorators
    found = (function.__globals__.get(name) for name in names if name in read)
    return [f for f in found if inspect.isfunction(f)]


def helper_module(function: Callable[..., Any]) -> str:
    """Return a module that holds one function alone, as it would be printed.

    Raises OSError where the function has no text that can be read.
    """
    return "\n\n".join([_head(function.__name__, "math. np."), _text(function)])


@cache
def _text(function: Callable[..., Any]) -> str:
    """Return a function's text, without annotations and decorators."""
    source = textwrap.dedent(inspect.getsource(function))
    tree = ast.parse(source).body[0]
    if not isinstance(tree, ast.FunctionDef):
        raise OSError(function.__name__)
    arguments = ", ".join(a.arg for a in tree.args.args)
    first = tree.body[0]
    lines = source.split("\n")[first.lineno - 1 :]
    if lines[0][: first.col_offset].strip():  # all in one line
        lines = [textwrap.indent(ast.unparse(part), INDENT) for part in tree.body]
    body = "\n".join(lines).rstrip()
    decorator = DECORATOR
    flags = getattr(function, "fastmath", None)
    if flags:  # of this function's own operations alone, wherever it is inlined
        shown = ", ".join(f'"{flag}"' for flag in sorted(flags))
        decorator = f"{DECORATOR[:-1]}, fastmath={{{shown}}})"
    return f"{decorator}\ndef {tree.name}({arguments}):\n{body}\n"
