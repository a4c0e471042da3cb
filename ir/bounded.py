"""Keep mpmath's numbers within bounds, so that towers of functions end in time.

mpmath's exponents are whole numbers without limit: exp(exp(1e10)) would take more
digits than there is memory for. Here a number beyond 2**(2**40) is infinite and one
below 2**-(2**40) is zero, and functions that need every digit of an argument take one
beyond 2**4096, far out of any float's range, as infinite.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

LARGEST = 2**40
"""Bits before the point, or zeros after it, from which on a number overflows."""

DEEPEST = 2**12
"""Bits before the point that functions look into."""

FINEST = 10_000
"""Digits that a rule may ask for, to subtract what is nearly equal."""

_DIGIT_BY_DIGIT = (
    "exp", "expm1", "sin", "cos", "tan", "sinh", "cosh", "tanh", "gamma", "rgamma",
    "digamma", "psi", "beta", "erf", "erfc", "polylog",
)  # fmt: skip
"""Functions whose work grows with the size of their arguments, not of their digits."""


def bounded_context(digits: int) -> Any:
    """Return an mpmath context of so many digits whose functions end in time."""
    import mpmath

    context = mpmath.MPContext()
    context.dps = digits
    for name in _DIGIT_BY_DIGIT:
        setattr(context, name, _shallow(context, getattr(context, name)))
    context.power = _power(context, context.power)
    context.workdps = _working(context.workdps)
    context.mpf.__mod__ = _remainder(context, context.mpf.__mod__)
    return context


def bounded(context: Any, value: Any) -> Any:
    """Return a number, infinite where it overflows and zero where it underflows."""
    size = _size(value)
    if abs(size) <= LARGEST:
        return value
    if size < 0:
        return context.zero
    return context.inf if value > 0 else context.ninf


def _size(value: Any) -> int:
    """Return the number of bits before the point, 0 for what is no finite number."""
    parts = getattr(value, "_mpf_", None)
    if parts is None:
        return 0
    _, digits, exponent, count = parts
    return exponent + count if digits else 0


def _shallow(context: Any, function: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any, **options: Any) -> Any:
        return function(*(_reached(context, a) for a in args), **options)

    return call


def _reached(context: Any, value: Any) -> Any:
    """Return an argument, infinite where it is too large to look into."""
    if _size(value) <= DEEPEST:
        return value
    return context.inf if value > 0 else context.ninf


def _power(context: Any, function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a power whose exponents are cut where all but 1 overflow, at an even."""

    def power(x: Any, y: Any) -> Any:
        most = context.prec + 2 * LARGEST.bit_length()
        if _size(y) > most:
            y = context.sign(y) * context.mpf(2) ** most
        return function(x, y)

    return power


def _working(function: Callable[..., Any]) -> Callable[..., Any]:
    def workdps(digits: int, *args: Any) -> Any:
        if digits > FINEST:
            message = f"expected at most {FINEST} digits, found {digits}"
            raise OverflowError(message)
        return function(digits, *args)

    return workdps


def _remainder(context: Any, function: Callable[..., Any]) -> Callable[..., Any]:
    def remainder(x: Any, y: Any) -> Any:
        deep = abs(_size(x) - _size(y)) > DEEPEST
        return context.nan if deep else function(x, y)

    return remainder
