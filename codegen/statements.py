"""Print statements as lines of Python."""

from __future__ import annotations

import math
import textwrap
from typing import TYPE_CHECKING

from overbar.codegen.calls import call_lines
from overbar.codegen.lines import INDENT, WIDTH, wrap
from overbar.codegen.writer import with_math
from overbar.ir.ops import OPS
from overbar.ir.ops.row import ATOM, Notation
from overbar.ir.program import (
    Allocate,
    Assign,
    Call,
    Comment,
    For,
    If,
    Row,
    Store,
)
from overbar.ir.source import printable
from overbar.ir.text import Writer, number
from overbar.ir.types import F32

if TYPE_CHECKING:
    from collections.abc import Sequence

    from overbar.codegen.writer import PythonWriter
    from overbar.ir.graph import Graph
    from overbar.ir.ops import Op
    from overbar.ir.program import Statement


def statement_lines(
    body: Sequence[Statement], writer: PythonWriter, graph: Graph
) -> list[str]:
    """Return the lines of statements, those inside of others indented."""
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
    if item.kind == "dot":
        return _dot(item, writer, pad)
    target = writer.element(item.target)
    if item.kind in OPS:
        writer.used[OPS[item.kind]] = None
    head, _, tail = _GATHERED[item.kind].format(target, "\0").partition("\0")
    return wrap(head, writer.value(item.value) + tail, pad)


def _dot(item: Store, writer: PythonWriter, pad: str) -> list[str]:
    """Return the lines that multiply two matrices into a third."""
    labels = item.value.attrs
    operands = [
        writer.element(a) + ".T" * turned
        for a, turned in zip(
            item.value.args, (labels[0][0] != 0, labels[1][1] != 1), strict=True
        )
    ]
    text = ", ".join([*operands, writer.element(item.target)])
    return wrap("np.dot(", f"{text})", pad)


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
    text = with_math(number(value, plain=False)[0])
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
