"""Read SymPy's numbers: each becomes the float64 nearest to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from overbar.ir.errors import LimitError

if TYPE_CHECKING:
    from overbar.ir.graph import Node
    from overbar.read.symbolic_reader import Reader
    from overbar.read.symbolic_scope import Scope

_PRECISION = 150


def integer(reader: Reader, expr: Any, _scope: Scope) -> Node:
    """Read an Integer or a Rational: one rounding."""
    return reader.number(quotient(expr.p, expr.q))


def quotient(p: int, q: int) -> float:
    """Return p/q, rounded once."""
    try:
        return int(p) / int(q)
    except OverflowError:
        raise LimitError(_too_large("integer" if q == 1 else "fraction")) from None


def _too_large(kind: str) -> str:
    return f"expected a number below 1.8e308, found a larger {kind}"


def decimal(reader: Reader, expr: Any, _scope: Scope) -> Node:
    """Read a Float: the float64 nearest to all of its digits."""
    return reader.number(nearest(expr._mpf_))


def constant(reader: Reader, expr: Any, _scope: Scope) -> Node:
    """Read a named constant such as pi: the float64 nearest to it."""
    return reader.number(nearest(expr._as_mpf_val(_PRECISION)))  # noqa: SLF001 - to so many bits


def nearest(mpf: tuple[int, int, int, int]) -> float:
    """Return the float nearest to mpmath's `(sign, mantissa, exponent, bits)`.

    mpmath's own conversion rounds towards zero.

    >>> nearest((0, 2**53 + 3, -1, 54)) == 2.0**52 + 2
    True
    """
    sign, mantissa, exponent, bits = map(int, mpf)
    if exponent + bits < -1100:
        return 0.0
    if exponent + bits > 1024:
        raise LimitError(_too_large("float"))
    try:
        size = (mantissa << max(exponent, 0)) / (1 << max(-exponent, 0))
    except OverflowError:
        raise LimitError(_too_large("float")) from None
    return -size if sign else size
