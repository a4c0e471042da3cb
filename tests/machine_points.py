"""Vector functions to call by themselves, points that try them, and the truth."""

from __future__ import annotations

import ctypes
import math
from functools import cache
from typing import TYPE_CHECKING, Any

import mpmath
import numpy as np
import pytest

from overbar.codegen.machine import inlined, inlined_near, libraries
from overbar.codegen.machine.instructions import KINDS
from overbar.codegen.machine.target import assemble, load

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from overbar.codegen.machine.libraries import Library

ONE = (
    "exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sin", "cos", "tan",
    "asin", "acos", "atan", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "cbrt",
    "erf", "erfc",
)  # fmt: skip
TWO = ("pow", "atan2", "hypot")
"""Functions of libm's over vectors, of one number and of two."""
_NUMPY = {
    "pow": "power", "asin": "arcsin", "acos": "arccos", "atan": "arctan",
    "asinh": "arcsinh", "acosh": "arccosh", "atanh": "arctanh", "atan2": "arctan2",
}  # fmt: skip
_TRUTH: dict[str, Callable[..., Any]] = {
    "exp2": lambda x: mpmath.mpf(2) ** x,
    "log2": lambda x: mpmath.log(x, 2),
    "cbrt": lambda x: mpmath.sign(x) * mpmath.cbrt(abs(x)),
    "pow": mpmath.power,
    "log1p": mpmath.log1p,
}
_LARGEST = {"exp": 2e3, "exp2": 3e3, "expm1": 2e3, "sinh": 2e3, "cosh": 2e3,
            "erf": 40.0, "erfc": 40.0}  # fmt: skip
"""Numbers from which on there is nothing to learn, and mpmath takes long."""
FORMULAS = {
    "functions": "exp(-x*y)*sin(x) + log(x + y)*tanh(x - y)",
    "branch": "where(x > y, sqrt(x - y), log(y - x + 1)) + x**3",
    "helpers": "sigmoid(x) + gammaln(y) + log(1 + exp(x*y)) + hypot(x, y)",
    "arithmetic": "x*y/(1 + x*x) - max(x, y) + abs(x - y)",
}
ENTRIES = ("value", "grad", "hessian", "vjp", "jvp")
"""To be mapped over points, and entry points to do it by."""
TEXT = """
define void @run({pointers}, ptr %out) {{
{loads}%r = call {kind} {symbol}({operands})
store {kind} %r, ptr %out, align 4
ret void
}}
attributes #0 = {{ nounwind }}
"""


@cache
def function(
    name: str, dtype: str, lanes: int, library: Library, *, inside: bool = False
) -> Callable[..., Any] | None:
    """Return a vector function that takes arrays, None where there is none.

    inside: the function that is put in place of calls, not the library's.
    """
    arity = 2 if name in TWO else 1
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(libraries, "LIBRARIES", (library,))
        symbol = libraries.symbol.__wrapped__(name, lanes, arity, dtype)
    if symbol is None:
        return None
    kind = f"<{lanes} x {KINDS[dtype]}>"
    lines = [f"declare {kind} @{symbol}({', '.join([kind] * arity)})"]
    if inside:
        declared, defined = inlined.definition(name, "own", lanes, symbol)
        lines = [*declared, *defined]
    called = "@own" if inside else f"@{symbol}"
    return _on_arrays(lines, called, dtype, lanes, arity, [symbol])


@cache
def near(name: str, lanes: int) -> Callable[..., Any]:
    """Return a function for numbers that are not large that takes arrays."""
    declared, symbol, text = inlined_near.definition(name, lanes)
    return _on_arrays([*declared, text], symbol, "float64", lanes, 1, [])


def _on_arrays(
    lines: list[str],
    symbol: str,
    dtype: str,
    lanes: int,
    arity: int,
    needed: Sequence[str],
) -> Callable[..., Any]:
    """Return a function over vectors as one over arrays."""
    kind, places = f"<{lanes} x {KINDS[dtype]}>", range(arity)
    lines.append(TEXT.format(
        kind=kind,
        symbol=symbol,
        pointers=", ".join(f"ptr %a{i}" for i in places),
        loads="".join(f"%x{i} = load {kind}, ptr %a{i}, align 4\n" for i in places),
        operands=", ".join(f"{kind} %x{i}" for i in places),
    ))  # fmt: skip
    object_code = assemble("\n".join(lines), inline=True)
    code = load(object_code, ["run"], libraries.addresses(needed))
    types = [ctypes.c_void_p] * (arity + 1)
    run = ctypes.CFUNCTYPE(None, *types)(code.addresses["run"])

    def on_arrays(*xs: Any, _: Any = code) -> Any:
        size = len(xs[0])
        rest = -size % lanes
        padded = [np.concatenate([x, np.ones(rest)]).astype(dtype) for x in xs]
        out = np.empty(size + rest, dtype)
        for i in range(0, size, lanes):
            run(*[x[i:].ctypes.data for x in padded], out[i:].ctypes.data)
        return out[:size]

    return on_arrays


def special(dtype: str) -> list[float]:
    """Return numbers where functions are often wrong."""
    info = np.finfo(dtype)
    tiny = [info.tiny, info.smallest_subnormal, info.tiny / 4, info.max, np.inf]
    near = [1.0, 1 - info.epsneg, 1 + info.eps, 0.5, 2.0, 1e-5, 1e5, 1e9, 1e22]
    ends = [6.0, 26.5, 27.3, 88.0, 104.0, 127.9, 149.0, 709.5, 710.0, 745.0, 1074.0]
    angles = [k * math.pi / 4 for k in (1, 2, 3, 4, 11, 710, 100_000)]
    positive = np.array([0.0, *tiny, *near, *ends, *angles])
    return [*positive, *-positive, math.nan]


def dense(rng: np.random.Generator) -> Any:
    """Return numbers where functions put in place of calls change their ways."""
    return np.concatenate([
        rng.uniform(-3, 3, 2_000), rng.uniform(-746, -700, 100),
        rng.uniform(-0.7, 0.7, 500), rng.uniform(-2e6, 2e6, 200),
        np.arange(-150, 150) * math.pi / 2, rng.uniform(0.6, 1.6, 500),
    ])  # fmt: skip


def points(name: str, dtype: str, rng: np.random.Generator) -> list[Any]:
    """Return arguments over a function's range, one array a place."""
    width = 300 if dtype == "float64" else 37
    signs, n = rng.choice([-1.0, 1.0], (3, 60)), 60
    xs = [
        rng.uniform(-1, 1, n), rng.uniform(-30, 30, n), rng.uniform(-750, 750, n),
        signs[0] * 10.0 ** rng.uniform(-width, width, n),
        1 + signs[1] * 10.0 ** rng.uniform(-8, -0.5, n),
        signs[2] * 10.0 ** rng.uniform(-9, 1, n),
    ]  # fmt: skip
    x = np.concatenate([special(dtype), *xs]).astype(dtype)
    if name not in TWO:
        return [x]
    y = rng.permutation(x)
    moderate = rng.uniform(0, 50, 200), rng.uniform(-20, 20, 200)
    return [np.append(x, moderate[0]).astype(dtype),
            np.append(y, moderate[1]).astype(dtype)]  # fmt: skip


def truth(name: str, *xs: float) -> Any:
    """Return a function's value to many digits, None where mpmath has none to compare.

    Those at infinity, at zero and beyond a function's domain are C's to define.
    """
    if any(not math.isfinite(x) or x == 0 for x in xs):
        return None
    if abs(xs[0]) > _LARGEST.get(name, math.inf):
        return None
    if name == "pow" and abs(xs[1] * math.log(abs(xs[0]))) > 2e3:
        return None
    try:
        with mpmath.workprec(1400 if name in {"sin", "cos", "tan"} else 200):
            value = _TRUTH.get(name, getattr(mpmath, name, None))(*map(mpmath.mpf, xs))
    except (ZeroDivisionError, ValueError):
        return None
    return None if isinstance(value, mpmath.mpc) else value


def by_libm(name: str, dtype: str, xs: Sequence[float]) -> float:
    """Return what C defines: by libm, or by Python's `math` for what NumPy lacks."""
    found = getattr(np, _NUMPY.get(name, name), None)
    with np.errstate(all="ignore"):
        if found is not None:
            return float(found(*np.array(xs, dtype)))
        return float(getattr(math, name)(*xs))


def ulps(got: float, want: Any, dtype: str) -> float:
    """Return how many units in the last place apart a number is from the truth."""
    info = np.finfo(dtype)
    if math.isnan(got):
        return math.inf
    if math.isinf(got):
        return (
            0.0 if abs(want) > float(info.max) and (got > 0) == (want > 0) else math.inf
        )
    digits, least = (53, -1074) if dtype == "float64" else (24, -149)
    unit = max(mpmath.frexp(want)[1] - digits, least)
    return float(abs(mpmath.mpf(got) - want) / mpmath.mpf(2) ** unit)


def wrong(
    name: str, dtype: str, function: Callable[..., Any], given: Sequence[Any]
) -> list[Any]:
    """Return arguments, what they give and should, where these are 4 ulps apart."""
    found = []
    places = [g.tolist() for g in given]
    for got, *xs in zip(function(*given).tolist(), *places, strict=True):
        want = truth(name, *xs)
        if want is not None:
            if ulps(got, want, dtype) > 4:
                found.append((xs, got, want))
            continue
        try:
            want = by_libm(name, dtype, xs)
        except (ValueError, OverflowError):
            continue
        close = math.isclose(got, want, rel_tol=4 * float(np.finfo(dtype).eps))
        same = close and (want != 0 or np.signbit(got) == np.signbit(want))
        if not same and not (math.isnan(got) and math.isnan(want)):
            found.append((xs, got, want))
    return found


def called(f: Any, name: str, x: Any, y: Any) -> Any:
    """Return an entry point's results at points, as rows."""
    extra = {"vjp": [1.5], "jvp": [0.5, np.ones_like(x)]}.get(name, [])
    return np.array(f.run_entry(name, [x, y, *extra]))
