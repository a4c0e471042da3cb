"""Write a Python formula briefly: cut off where it is deep, wide or long."""

from __future__ import annotations

from typing import TYPE_CHECKING

from overbar.ir.ops import Op
from overbar.ir.ops.row import ATOM, SUM, UNARY, Notation, call
from overbar.ir.types import Dim
from overbar.read.array_call import ArrayCall

if TYPE_CHECKING:
    from overbar.ir.constants import Constant
    from overbar.read.overloading import Expression

DEEPEST, WIDEST, LONGEST = 5, 4, 80
_LARGEST = 10**20
_CUT = ("...", ATOM)


def brief(root: Expression) -> str:
    """Return the formula as text, level by level from the deepest one shown."""
    levels = [[root]]
    for _ in range(DEEPEST):
        levels.append([a for e in levels[-1] for a in _shown(e)])
    texts = [_CUT if _shown(e) else _write(e, []) for e in levels.pop()]
    for level in reversed(levels):
        rest = iter(texts)
        texts = [_write(e, [next(rest) for _ in _shown(e)]) for e in level]
    text = texts[0][0]
    return text if len(text) <= LONGEST else text[: LONGEST - 3] + "..."


def _shown(e: Expression) -> tuple[Expression, ...]:
    return () if e.payload is not None else e.args[:WIDEST]


def _write(e: Expression, operands: list[tuple[str, int]]) -> tuple[str, int]:
    """Return the text of an expression and how tightly it binds."""
    if e.name is not None:
        return e.name, ATOM
    if e.payload is not None:
        return _number(e.payload)  # type: ignore[arg-type]
    if len(e.args) > WIDEST:
        operands = [*operands, _CUT]
    if isinstance(e.op, ArrayCall):
        return e.op.write(operands[:WIDEST])
    written = e.op.text if isinstance(e.op, Op) else None
    if not isinstance(written, Notation):
        written = call(e.op.name)
    return written.write(operands, ()), written.binding


def _number(value: float | Dim | Constant) -> tuple[str, int]:
    if isinstance(value, int) and abs(value) > _LARGEST:  # Python may refuse to print
        return f"<an integer of {value.bit_length()} bits>", ATOM
    if isinstance(value, Dim):
        return str(value), ATOM if value.name else SUM
    text = repr(value)
    return text, UNARY if text.startswith("-") else ATOM
