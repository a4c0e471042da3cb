"""Say of what kind a value of a text is, where another kind was expected."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from overbar.ir.errors import ShapeError
from overbar.ir.graph import Node
from overbar.read.labels import Affine, Labelled
from overbar.read.lexing import short
from overbar.read.syntax import place

if TYPE_CHECKING:
    from overbar.ir.source import Source
    from overbar.read.syntax import Part

NUMBERS = (Node, Affine, Labelled)
"""The types of numbers and arrays; other values are arguments of functions alone."""

_KINDS: dict[type, str] = {tuple: "a tuple", list: "a list", str: "a string"}


def is_condition(value: Any) -> bool:
    """Whether a number is a condition."""
    return value.type.dtype == "bool"  # type: ignore[no-any-return]


def check_number(source: Source, part: Part, value: Any) -> None:
    """Raise ShapeError for a value that is no number or array."""
    if not isinstance(value, NUMBERS):
        span = place(source, part)
        kind = _KINDS.get(type(value), short(span.text))
        advice = "; only the last line may be one" if kind == "a tuple" else ""
        raise ShapeError(f"expected a number, found {kind}{advice}", span)


def mismatch(source: Source, part: Part, value: Any) -> ShapeError:
    """Return the error for a condition instead of a number, or the reverse."""
    span = place(source, part)
    if is_condition(value):
        message = f"expected a number, found the condition {short(span.text)}"
        advice = "where(condition, 1, 0) makes a number of it"
    else:
        message = f"expected a condition, found the number {short(span.text)}"
        advice = "a condition is a comparison, such as x > 0"
    return ShapeError(f"{message}; {advice}", span)
