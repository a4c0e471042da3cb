"""Write the functions of `math` and NumPy as Numba does, with the same bits.

Comes in: a function's name and values. Goes out: instructions. Numba calls libm, or
intrinsics of LLVM's that become the same calls; a few functions are instructions.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Protocol

from overbar.codegen.machine.instructions import (
    FLOATS,
    SHORT,
    Instructions,
    UnfitError,
    Value,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_INTRINSICS = frozenset({"exp", "exp2", "log", "log2", "log10", "sin", "cos", "pow"})
_SAME = (
    "exp", "exp2", "expm1", "log", "log1p", "log2", "log10", "sin", "cos", "tan",
    "sinh", "cosh", "tanh",
)  # fmt: skip
_INVERTIBLE = ("sin", "cos", "tan", "sinh", "cosh", "tanh")
LIBM: dict[str, tuple[str, int]] = {
    **{f"{m}.{name}": (name, 1) for m in ("math", "np") for name in _SAME},
    **{f"math.a{name}": (f"a{name}", 1) for name in _INVERTIBLE},
    **{f"np.arc{name}": (f"a{name}", 1) for name in _INVERTIBLE},
    "math.erf": ("erf", 1), "math.erfc": ("erfc", 1),
    "math.atan2": ("atan2", 2), "np.arctan2": ("atan2", 2),
    "np.power": ("pow", 2), "np.hypot": ("hypot", 2), "np.nextafter": ("nextafter", 2),
}  # fmt: skip
"""Functions of libm's: its name for each, and how many operands there are."""
_PROCESSOR: dict[str, tuple[str, int]] = {
    "math.sqrt": ("sqrt", 1), "np.sqrt": ("sqrt", 1),
    "math.fabs": ("fabs", 1), "np.fabs": ("fabs", 1), "np.abs": ("fabs", 1),
    "np.floor": ("floor", 1), "np.ceil": ("ceil", 1), "np.trunc": ("trunc", 1),
    "np.rint": ("rint", 1),
    "math.copysign": ("copysign", 2), "np.copysign": ("copysign", 2),
}  # fmt: skip
"""What the processor computes itself, in lanes too."""
_WHOLE = frozenset({"np.floor", "np.ceil", "np.trunc"})
"""What leaves integers as they are."""
CONSTANTS = {
    **{f"{m}.{name}": getattr(math, name) for m in ("math", "np")
       for name in ("e", "inf", "nan", "pi")},
    "math.tau": math.tau,
}  # fmt: skip
CONVERSIONS = {
    "np.float64": "float64", "np.float32": "float32", "np.int64": "int64",
    "float": "float64", "int": "int64",
}  # fmt: skip


class Caller(Protocol):
    """Give the symbols of functions, and see that they are declared."""

    def elementary(self, name: str, dtype: str, arity: int) -> str:
        """Return the symbol of a function of libm's."""

    def intrinsic(self, name: str, dtype: str, arity: int) -> str:
        """Return the symbol of an intrinsic of LLVM's."""


def scalar_symbol(name: str, dtype: str) -> str:
    """Return the symbol that computes a function of libm's for one number."""
    if name in _INTRINSICS:
        return f"@llvm.{name}.{SHORT[dtype]}"
    return f"@{name}{'f' if dtype == 'float32' else ''}"


def _isnan(code: Instructions, x: Value) -> Value:
    return code.test("fcmp uno", x, x)


def _magnitude(test: str) -> Callable[[Instructions, Value], Value]:
    """Compare with infinity; NaN compares with nothing."""

    def written(code: Instructions, x: Value) -> Value:
        high = code.constant(math.inf, x.dtype)
        low = code.constant(-math.inf, x.dtype)
        above = code.test(f"fcmp {test}", x, high)
        below = code.test(f"fcmp {test}", x, low)
        return code.operate("or" if test == "oeq" else "and", above, below)

    return written


def _signbit(code: Instructions, x: Value) -> Value:
    wide = code.kind(x.dtype)
    whole = wide.replace("double", "i64").replace("float", "i32")
    bits = code.make(f"bitcast {wide} {x.text} to {whole}", "bool")
    return code.make(f"icmp slt {whole} {bits.text}, zeroinitializer", "bool")


def _sign(code: Instructions, x: Value) -> Value:
    zero, one = code.constant(0.0, x.dtype), code.constant(1.0, x.dtype)
    above = code.test("fcmp ogt", x, zero)
    below = code.test("fcmp olt", x, zero)
    rest = code.select(below, code.constant(-1.0, x.dtype), x)
    return code.select(above, one, rest)


def _extremum(test: str) -> Callable[[Instructions, Value, Value], Value]:
    """Return the first where it compares so or is NaN, else the second."""

    def written(code: Instructions, x: Value, y: Value) -> Value:
        first = code.test(f"fcmp {test}", x, y)
        return code.select(code.operate("or", first, _isnan(code, x)), x, y)

    return written


def _skipping(test: str) -> Callable[[Instructions, Value, Value], Value]:
    """Return the first where it compares so or the second is NaN, else the second."""

    def written(code: Instructions, x: Value, y: Value) -> Value:
        first = code.test(f"fcmp {test}", x, y)
        return code.select(code.operate("or", first, _isnan(code, y)), x, y)

    return written


def _times(factor: float) -> Callable[[Instructions, Value], Value]:
    def written(code: Instructions, x: Value) -> Value:
        return code.compute("fmul", x, code.constant(factor, x.dtype))

    return written


def _fmod(code: Instructions, x: Value, y: Value) -> Value:
    return code.compute("frem", x, y)


def _square(code: Instructions, x: Value) -> Value:
    return code.compute("fmul", x, x)


def _reciprocal(code: Instructions, x: Value) -> Value:
    return code.compute("fdiv", code.constant(1.0, x.dtype), x)


_WRITTEN: dict[str, tuple[Callable[..., Value], int]] = {
    "math.isnan": (_isnan, 1), "np.isnan": (_isnan, 1),
    "math.isinf": (_magnitude("oeq"), 1), "np.isinf": (_magnitude("oeq"), 1),
    "math.isfinite": (_magnitude("one"), 1), "np.isfinite": (_magnitude("one"), 1),
    "np.signbit": (_signbit, 1), "np.sign": (_sign, 1), "np.square": (_square, 1),
    "np.maximum": (_extremum("oge"), 2), "np.minimum": (_extremum("ole"), 2),
    "np.fmax": (_skipping("oge"), 2), "np.fmin": (_skipping("ole"), 2),
    "np.fmod": (_fmod, 2), "np.reciprocal": (_reciprocal, 1),
    "math.degrees": (_times(180.0 / math.pi), 1),
    "np.rad2deg": (_times(180.0 / math.pi), 1),
    "math.radians": (_times(math.pi / 180.0), 1),
    "np.deg2rad": (_times(math.pi / 180.0), 1),
}  # fmt: skip
KNOWN: dict[str, tuple[str | Callable[..., Value], int]] = {
    **{name: (dtype, 1) for name, dtype in CONVERSIONS.items()},
    **LIBM, **_PROCESSOR, **_WRITTEN,
}  # fmt: skip
"""All functions that are known, and how many arguments each takes."""


def write(name: str, code: Instructions, caller: Caller, xs: Sequence[Value]) -> Value:
    """Write a call of a function; raise UnfitError for one that is not known."""
    if name not in KNOWN:
        raise UnfitError("a known function", name)
    function, count = KNOWN[name]
    if len(xs) != count:
        raise UnfitError(f"{count} arguments of {name}", str(len(xs)))
    if name in CONVERSIONS:
        # Numba leaves a float32 as it is
        same = name == "float" and xs[0].dtype in FLOATS
        return xs[0] if same else code.cast(xs[0], CONVERSIONS[name])
    dtypes = {x.dtype for x in xs}
    if dtypes == {"int64"} and name in _WHOLE:
        return xs[0]
    single = dtypes == {"float32"}
    mixed = name in LIBM and dtypes == {"float64", "int64"}
    if not (mixed or dtypes <= FLOATS):
        raise UnfitError(f"floats for {name}", " and ".join(sorted(dtypes)))
    dtype = "float32" if single else "float64"
    given = [code.cast(x, dtype) for x in xs]
    if not isinstance(function, str):
        return function(code, *given)
    find = caller.elementary if name in LIBM else caller.intrinsic
    return code.call(find(function, dtype, count), given, dtype)
