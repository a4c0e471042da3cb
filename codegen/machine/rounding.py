"""Compute remainders and whole quotients as Numba does under `error_model="numpy"`.

Of floats by functions that are translated as those of `ir/ops/portable.py` are, of
integers by instructions; the sign is that of the divisor.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from overbar.codegen.machine.instructions import Instructions, Value

_LOWEST = -(2**63)


def float_modulo(x: float, y: float) -> Any:
    """Return x % y; NaN where y = 0."""
    r = np.fmod(x, y)
    if r != 0.0:
        if (y < 0.0) != (r < 0.0):
            r += y
    elif y < 0.0:
        r = -0.0
    else:
        r = 0.0
    return r


def float_modulo_single(x: float, y: float) -> Any:
    """Return x % y in single precision."""
    return np.float32(float_modulo(x, y))


def float_quotient(x: float, y: float) -> Any:
    """Return x // y; x/y where y = 0."""
    if y == 0.0:
        return x / y
    r = np.fmod(x, y)
    d = (x - r) / y
    if r != 0.0 and (y < 0.0) != (r < 0.0):
        d -= 1.0
    if d == 0.0 or np.isnan(d):
        return d * d * x / y
    whole = np.floor(d)
    return whole + 1.0 if d - whole > 0.5 else whole


def float_quotient_single(x: float, y: float) -> Any:
    """Return x // y in single precision: each operation is rounded to it."""
    if y == 0.0:
        return np.float32(x / y)
    r = np.fmod(x, y)
    d = np.float32(np.float32(x - r) / y)
    if r != 0.0 and (y < 0.0) != (r < 0.0):
        d = np.float32(d - 1.0)
    if d == 0.0 or np.isnan(d):
        return np.float32(np.float32(d * d * x) / y)
    whole = np.floor(d)
    up = np.float32(whole + 1.0)
    return up if d - whole > 0.5 else whole


def divided(code: Instructions, x: Value, y: Value) -> tuple[Value, Value]:
    """Write x // y and x % y of integers; 0 where y = 0, or x // y is too large."""
    zero, one = code.constant(0, "int64"), code.constant(1, "int64")
    most = code.test("icmp eq", x, code.constant(_LOWEST, "int64"))
    large = code.both(most, code.test("icmp eq", y, code.constant(-1, "int64")))
    bad = code.either(code.test("icmp eq", y, zero), large)
    divisor = code.select(bad, one, y)
    whole = code.operate("sdiv", x, divisor)
    rest = code.operate("srem", x, divisor)
    other = code.test("icmp slt", code.operate("xor", divisor, rest), zero)
    low = code.both(code.test("icmp ne", rest, zero), other)
    whole = code.select(low, code.operate("sub", whole, one), whole)
    rest = code.select(low, code.operate("add", rest, divisor), rest)
    return code.select(bad, zero, whole), code.select(bad, zero, rest)


FLOATS: dict[tuple[str, bool], Callable[..., Any]] = {
    ("float64", False): float_modulo, ("float32", False): float_modulo_single,
    ("float64", True): float_quotient, ("float32", True): float_quotient_single,
}  # fmt: skip
"""The function of floats of a dtype for the remainder, or for the whole quotient."""
