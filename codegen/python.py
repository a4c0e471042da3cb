"""Print a Program as a Python function that a person can read."""

from __future__ import annotations

import math
import re
import textwrap
from typing import TYPE_CHECKING

from overbar.codegen.calls import call_lines
from overbar.codegen.lines import INDENT, WIDTH, filled, wrap
from overbar.ir.ops import OPS
from overbar.ir.ops.row import ATOM, LOOSEST, Notation
from overbar.ir.program import (
    Allocate,
    Assign,
    Call,
    Comment,
    For,
    If,
    Program,
    Row,
    Store,
    is_packed,
    leaves,
)
from overbar.ir.source import printable
from overbar.ir.text import Writer, Written, number
from overbar.ir.types import BOOL, F32, F64, INT

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from overbar.ir.graph import Graph, Node
    from overbar.ir.ops import Op
    from overbar.ir.program import Result, Statement

_LOAD = OPS["load"]
_CONSTANTS = re.compile(r"\b(pi|inf|nan)\b")


class PythonWriter(Writer):
    """Write expressions as Python over `math` and `np`."""

    column = "python"

    def __init__(self, names: Mapping[Node, str]) -> None:
        super().__init__(names)
        self.used: dict[Op, None] = {}
        self.recent: list[Op] = []

    def leaf(self, node: Node) -> Written:
        """Return a constant that a float may be combined with."""
        return self.constant(node, plain=True)

    def constant(self, node: Node, *, plain: bool = False) -> Written:
        """Return a constant; one that stands alone keeps its point."""
        if not node.is_const:
            return super().leaf(node)
        text, binding = number(node.value, plain=plain and node.type is not F32)
        return _CONSTANTS.sub(r"math.\1", text), binding

    def operand(self, node: Node, user: Node) -> Written:
        """Return an operand; helpers and branches are given floats, not integers."""
        alone = self.notation(user).binding == LOOSEST
        if node.is_const and (user.op.helper or user.op.chooses or alone):
            return self.constant(node)
        return self.leaf(node)

    def apply(self, node: Node, operands: Sequence[Written]) -> Written:
        """Return an op applied, noting that it is used."""
        self.used[node.op] = None
        self.recent.append(node.op)
        return super().apply(node, operands)

    def element(self, node: Node) -> str:
        """Return where a value is put: a variable, or an element of an array.

        That element may be a variable's value elsewhere, where it is read.
        """
        if node.op is not _LOAD:
            return self.names[node]
        operands = [(self.read(a), ATOM if a in self.names else 0) for a in node.args]
        return self.notation(node).write(operands, node.attrs)

    def value(self, node: Node) -> str:
        """Return an expression that stands alone: assigned or returned."""
        if node in self.names:
            return self.names[node]
        text = self.constant(node)[0] if not node.args else self.write(node)[0]
        return f"np.float32({text})" if node.type is F32 else text


def print_function(
    program: Program, graph: Graph, decorator: str
) -> tuple[str, list[Op]]:
    """Return the function's text and the ops that it applies."""
    writer = PythonWriter(program.names)
    lines = [decorator] if decorator else []
    lines += _signature(program)
    lines += [f'{INDENT}"""{program.doc}"""']
    lines += [INDENT + line for line in _unpack(program)]
    body = _statements(program.body, writer, graph)
    filling, result = _result(program.result, writer, set(program.names.values()))
    body += [INDENT + line for line in filling]
    body += wrap("return ", result, INDENT)
    lines += _sizes(program, body) + body
    return "\n".join(lines) + "\n", list(writer.used)


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
    return _CONSTANTS.sub(r"math.\1", number(value, plain=False)[0])


def _unpack(program: Program) -> list[str]:
    """Return the lines that take packed arguments apart."""
    if program.packed:
        return [
            f"{name} = inputs[{i}]"
            for i, (name, node) in enumerate(program.params)
            if node in program.read
        ]
    lines: list[str] = []
    read = {program.names[n] for n in program.read}
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


def _statements(
    body: Sequence[Statement], writer: PythonWriter, graph: Graph
) -> list[str]:
    lines: list[str] = []
    stack: list[tuple[Statement | str, str]] = [(s, INDENT) for s in body[::-1]]
    while stack:
        item, pad = stack.pop()
        if isinstance(item, str):
            lines.append(pad + item)
        elif isinstance(item, Assign):
            lines += _assign(item, writer, graph, pad)
        elif isinstance(item, For):
            lines += [pad + line for line in _loop(item)]
            stack += [(s, pad + INDENT) for s in item.body[::-1]]
        elif isinstance(item, Store):
            lines += _store(item, writer, pad)
        elif isinstance(item, Allocate):
            lines.append(pad + _allocate(item, writer))
        elif isinstance(item, Row):
            lines.append(pad + _row(item, writer))
        elif isinstance(item, Comment):
            lines += _comment(item.text, pad)
        elif isinstance(item, Call):
            lines += [pad + line for line in call_lines(item, writer, WIDTH - len(pad))]
        else:
            stack += _branch(item, writer, pad)
    return lines


def _comment(text: str, pad: str) -> list[str]:
    """Return a comment, on as many lines as it needs."""
    return textwrap.wrap(
        text, WIDTH, initial_indent=f"{pad}# ", subsequent_indent=f"{pad}#     ",
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip


def _loop(item: For) -> list[str]:
    """Return the lines that open a loop: over elements, over strips, or inside one."""
    if item.strip is None:
        return [f"for {item.index} in range({item.extent}):"]
    start, stop = item.strip
    if item.step == 1:
        bounds = f"{start}, {stop}" if item.whole else f"{stop} - {start}"
        return [f"for {item.index} in range({bounds}):"]
    return [
        f"for {start} in range(0, {item.extent}, {item.step}):",
        f"{INDENT}{stop} = min({start} + {item.step}, {item.extent})",
    ]


def _row(item: Row, writer: PythonWriter) -> str:
    """Return the line that names a part of a row."""
    index = [writer.read(i) for i in item.index]
    place = ", ".join([*index, ":".join(item.strip)])
    return f"{writer.names[item.of]} = {writer.names[item.array]}[{place}]"


def _branch(
    item: If, writer: PythonWriter, pad: str
) -> list[tuple[Statement | str, str]]:
    """Return a branch's lines and statements, the last first."""
    inside = pad + INDENT
    out: list[tuple[Statement | str, str]] = [
        (f"{writer.names[n]} = 0.0", pad) for n in item.preset
    ]
    then, orelse, test = item.then, item.orelse, writer.read(item.cond)
    if not then:
        then, orelse = orelse, then
        test = f"not {test}" if " " not in test else f"not ({test})"
    out.append((f"if {test}:", pad))
    out += [(s, inside) for s in then]
    if orelse:
        out.append(("else:", pad))
        out += [(s, inside) for s in orelse]
    return out[::-1]


def _assign(item: Assign, writer: PythonWriter, graph: Graph, pad: str) -> list[str]:
    whole = item.value is item.of
    writer.recent.clear()
    if whole:
        text = writer.write(item.value)[0]
        text = f"np.float32({text})" if item.value.type is F32 else text
    else:
        text = writer.value(item.value)
    lines = wrap(f"{writer.names[item.of]} = ", text, pad)
    note = _note(item, writer, graph) if whole else ""
    if note and len(lines[-1]) + len(note) <= WIDTH:
        lines[-1] += note
    return lines


_GATHERED = {
    "set": "{0} = {1}", "add": "{0} += {1}", "mul": "{0} *= {1}",
    "larger": "{0} = np.maximum({0}, {1})", "smaller": "{0} = np.minimum({0}, {1})",
    "plus": "{0} = plus({0}, {1})",
    "or": "{0} = {0} or {1}", "and": "{0} = {0} and {1}",
}  # fmt: skip


def _store(item: Store, writer: PythonWriter, pad: str) -> list[str]:
    """Return the lines that put a value in its place."""
    target = writer.element(item.target)
    if item.kind in OPS:
        writer.used[OPS[item.kind]] = None
    head, _, tail = _GATHERED[item.kind].format(target, "\0").partition("\0")
    return wrap(head, writer.value(item.value) + tail, pad)


def _allocate(item: Allocate, writer: PythonWriter) -> str:
    """Return the line that makes an array, or a variable, to be filled."""
    name, dtype = writer.names[item.of], item.of.type.dtype
    if not item.shape:
        return f"{name} = {_constant(item.fill or 0.0, dtype)}"
    if item.inside is not None:
        old = writer.names[item.inside]
        return f"{name} = {old}  # in the memory of {old}"
    if item.again:
        return f"{name}[:] = {_constant(item.fill or 0.0, dtype)}"
    shape = ", ".join(map(str, item.shape))
    shape = f"({shape})" if len(item.shape) > 1 else shape
    kind = "" if dtype == "float64" else f", np.{dtype.replace('bool', 'bool_')}"
    if item.fill is None:
        return f"{name} = np.empty({shape}{kind})"
    if not item.fill:
        return f"{name} = np.zeros({shape}{kind})"
    return f"{name} = np.full({shape}, {_constant(item.fill, dtype)}{kind})"


def _constant(value: float, dtype: str) -> str:
    if dtype == "bool":
        return str(bool(value))
    if dtype == "int64":
        return str(int(value)) if value == value and abs(value) < math.inf else (
            f"np.iinfo(np.int64).{'min' if value < 0 else 'max'}"
        )  # fmt: skip
    text = _CONSTANTS.sub(r"math.\1", number(value, plain=False)[0])
    return f"np.float32({text})" if dtype == "float32" else text


def _note(item: Assign, writer: PythonWriter, graph: Graph) -> str:
    """Return a comment: the user's line, and the mathematics that a helper hides."""
    notes = []
    span = graph.spans.get(item.of)
    if span is not None and "\n" in span.source.text.strip():
        notes.append(f"{printable(span.source.label)}{span.line}")
    if any(_is_hidden(op) for op in writer.recent):
        notes.append(Writer(writer.names).write(item.value)[0])
    return f"  # {': '.join(notes)}" if notes else ""


def _is_hidden(op: Op) -> bool:
    """Whether a helper's name hides arithmetic that a reader may want to see."""
    text = op.text
    return bool(op.helper and isinstance(text, Notation) and text.binding < ATOM)


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
        kind = leaves(result)[0].type.dtype
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


def unused(name: str, taken: Collection[str]) -> str:
    """Return the name, with underscores where it is taken."""
    while name in taken:
        name += "_"
    return name


_POINT = {
    F64: "points[{}, k]",
    F32: "points[{}, k]",
    INT: "int(points[{}, k])",
    BOOL: "points[{}, k] != 0",
}


def print_points(program: Program, decorator: str) -> str:
    """Return a function that calls the program's at every column of an array."""
    points = ["points[:, k]"] if program.packed else [
        _POINT[node.type].format(i)
        for i, (_, node) in enumerate(program.params)
        if not isinstance(node, tuple)
    ]  # fmt: skip
    targets: list[str] = []
    copies: list[str] = []
    pattern = _pattern(program.result, targets, copies)
    lines = [
        decorator,
        f"def {program.name}_points(points, out):",
        f'{INDENT}"""Call {program.name} at each column of points, into out."""',
        f"{INDENT}for k in range(points.shape[1]):",
        *_called(pattern, f"{program.name}({', '.join(points)})"),
        *(INDENT * 2 + line for line in copies),
    ]
    return "\n".join(lines) + "\n"


def _called(pattern: str, call: str) -> list[str]:
    """Return the lines that give a nested result's values their names."""
    pad = INDENT * 2
    if len(pattern) + len(call.partition("(")[0]) < WIDTH - len(pad) - 4:
        return wrap(f"{pattern} = ", call, pad)
    return [*wrap("r = ", call, pad), *wrap("", f"{pattern} = r", pad)]


def _pattern(result: Result, targets: list[str], copies: list[str]) -> str:
    """Return what a nested result is assigned to; note where its values go."""
    if not isinstance(result, tuple):
        targets.append(f"r{len(targets)}")
        copies.append(f"out[{len(targets) - 1}, k] = {targets[-1]}")
        return targets[-1]
    if is_packed(result):
        first, name = len(targets), f"r{len(targets)}"
        targets += [name] * len(result)
        copies.append(f"out[{first} : {len(targets)}, k] = {name}")
        return name
    parts = [_pattern(part, targets, copies) for part in result]
    return f"({', '.join(parts)}{',' * (len(parts) == 1)})"
