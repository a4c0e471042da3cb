"""Name every way in which Overbar refuses: what was expected, found, and where."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from overbar.ir.source import Span


class OverbarError(Exception):
    """Stand above all of Overbar's own errors.

    `message` says what was expected and what was found; `span`, where known, points
    at the user's line and column, and `str` then shows that line with a caret.
    """

    def __init__(self, message: str, span: Span | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.span = span

    def at(self, span: Span | None) -> Self:
        """Return the error, pointed at `span` unless it has a place already."""
        if self.span is None:
            self.span = span
        return self

    def __str__(self) -> str:
        """Return the message, below it the user's line with a caret."""
        return self.message if self.span is None else self.span.point(self.message)

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle by message and span."""
        return type(self), (self.message, self.span)


class ParseError(OverbarError):
    """Raised when a text is not in the expression language."""


class ShapeError(OverbarError):
    """Raised when compiling, for shapes or dtypes that do not fit together."""


class UnsupportedError(OverbarError):
    """Raised when compiling, for what Overbar cannot do (yet), naming the place."""


class InputError(OverbarError):
    """Raised for a call or option with a wrong name, shape, dtype or value."""


class LimitError(OverbarError):
    """Raised when an input exceeds a budget (size, nesting, literals)."""


class CacheWarning(RuntimeWarning):
    """Warned once per process when the cache folder cannot be used safely."""
