"""Compute with the integers of a text exactly, and never for long.

Comes in: Python integers, as written. Goes out: an integer, or the one float that is
nearest to the exact quotient or power.
"""

from __future__ import annotations

import math
from fractions import Fraction

from overbar.ir.errors import LimitError

_CHUNK = 4000  # Python refuses to read more than 4300 digits at a time
_VANISHES = 1100  # 2**-1100 rounds to zero


def literal(text: str, digits: int) -> int | float:
    """Return the number that a literal stands for.

    Errors: LimitError for an integer of more than `digits` digits, and for a float
    beyond the largest.

    >>> literal("12_000", 10), literal("1e3", 10)
    (12000, 1000.0)
    """
    text = text.replace("_", "")
    if not text.isdigit():
        value = float(text)
        if math.isinf(value):
            message = "expected a number below 1.8e308, found a larger one"
            raise LimitError(message)
        return value
    if len(text) > digits:
        raise _too_long(digits, f"one of {len(text):,}")
    value = 0
    for start in range(0, len(text), _CHUNK):
        chunk = text[start : start + _CHUNK]
        value = value * 10 ** len(chunk) + int(chunk)
    return value


def bits(digits: int) -> int:
    """Return how many bits an integer of so many digits may have."""
    return math.ceil(digits * math.log2(10))


def check(value: object, digits: int) -> None:
    """Raise LimitError for an integer of more than `digits` digits."""
    if isinstance(value, int) and value.bit_length() > bits(digits):
        raise _too_long(digits, "a longer one")


def _too_long(digits: int, found: str) -> LimitError:
    return LimitError(
        f"expected an integer of at most {digits:,} digits, found {found}"
    )


def divide(_digits: int, x: int, y: int) -> float:
    """Return x/y, rounded once; by zero, as floats have it.

    >>> divide(10, 1, 3), divide(10, -1, 0)
    (0.3333333333333333, -inf)
    """
    if y == 0:
        return math.copysign(math.inf, x) if x else math.nan
    try:
        return x / y
    except OverflowError:
        message = "expected a quotient below 1.8e308, found a larger one"
        raise LimitError(message) from None


def floor_divide(_digits: int, x: int, y: int) -> int | float:
    """Return the floor of x/y; by zero, as floats have it."""
    return x // y if y else divide(0, x, y)


def modulo(_digits: int, x: int, y: int) -> int | float:
    """Return x - y*floor(x/y), of the sign of y; NaN by zero."""
    return x % y if y else math.nan


def power(digits: int, x: int, n: int) -> int | float:
    """Return x**n: exactly, or rounded once where n is negative.

    Errors: LimitError for a result of more than `digits` digits, found beforehand.

    >>> power(10, 3, 4), power(10, 10, -3), power(10, -2, -1101)
    (81, 0.001, -0.0)
    """
    size = (abs(x).bit_length() - 1) * abs(n)  # the power has more bits than this
    if n < 0:
        if x == 0:
            return math.inf
        if size > _VANISHES:
            return -0.0 if x < 0 and n % 2 else 0.0
        return float(Fraction(1, x**-n))
    if size > bits(digits):
        message = f"expected a power of at most {digits:,} digits, found a longer one"
        raise LimitError(f"{message}; a power of a float, as 9.0**n, may be infinite")
    result: int = x**n
    return result
