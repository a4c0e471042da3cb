"""Run generated source without Numba and get the same bits.

Comes in: nothing. Goes out: stand-ins for `math`, `numpy` and `float`, and for a code
object one whose constants follow IEEE 754.

Numba calls the C library's libm for scalars. Python's `math` calls it too but raises
where IEEE 754 has NaN or infinity; NumPy has code of its own for most functions, which
differs in the last bits. So: the value from `math`, and where that raises from NumPy.
The caller passes `numpy.float64` arguments under `numpy.errstate(all="ignore")`.
"""

from __future__ import annotations

import ast
import math
from types import CodeType, ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from overbar.codegen.allowlist import IMPORTS

if TYPE_CHECKING:
    from collections.abc import Callable

# NumPy's name -> the name in `math`.
_SAME = ("exp", "exp2", "expm1", "log", "log1p", "log2", "log10", "sin", "cos", "tan")
_INVERTIBLE = ("sin", "cos", "tan", "sinh", "cosh", "tanh")
_NAMES = {
    **{name: name for name in (*_SAME, "sinh", "cosh", "tanh", "cbrt")},
    **{f"arc{name}": f"a{name}" for name in _INVERTIBLE},
    "arctan2": "atan2",
    "power": "pow",
}
_CONSTANTS = ("e", "inf", "nan", "pi", "tau")


def _through(libm: Callable[..., Any], ieee: Callable[..., Any]) -> Callable[..., Any]:
    """Return `libm` for scalars and arrays, and the value of `ieee` where it raises."""

    def scalar(*args: Any) -> np.float64:
        try:
            return np.float64(libm(*map(float, args)))
        except (ValueError, OverflowError):  # NaN or infinity: every library has those
            return np.float64(ieee(*map(np.float64, args)))

    mapped = np.vectorize(scalar, otypes=[np.float64])

    def call(*args: Any) -> Any:
        arrays = any(isinstance(x, np.ndarray) for x in args)
        return mapped(*args) if arrays else scalar(*args)

    return call


def _sign(x: Any) -> Any:
    return np.where(x == 0.0, x, np.sign(x))[()]  # Numba keeps the sign of a zero


def _maximum(x: Any, y: Any) -> Any:
    return np.where((x >= y) | np.isnan(x), x, y)[()]  # of two zeros the first


def _minimum(x: Any, y: Any) -> Any:
    return np.where((x <= y) | np.isnan(x), x, y)[()]


def _module(name: str, attributes: dict[str, Any]) -> ModuleType:
    module = ModuleType(name)
    vars(module).update({key: attributes[key] for key in sorted(IMPORTS[name])})
    return module


def _make_numpy() -> ModuleType:
    own = {n: _through(getattr(math, m), getattr(np, n)) for n, m in _NAMES.items()}
    own |= {"sign": _sign, "maximum": _maximum, "minimum": _minimum}
    module = _module("numpy", {**vars(np), **own})
    vars(module)["linalg"] = _module("numpy.linalg", vars(np.linalg))
    return module


def _make_math() -> ModuleType:
    own: dict[str, Any]
    own = {m: _through(getattr(math, m), getattr(np, n)) for n, m in _NAMES.items()}
    own |= {n: _through(getattr(math, n), getattr(math, n)) for n in ("erf", "erfc")}
    same = ("copysign", "degrees", "fabs", "radians", "sqrt")
    own |= {n: getattr(np, n) for n in same}
    own |= {n: np.float64(getattr(math, n)) for n in _CONSTANTS}
    return _module("math", {**vars(math), **own})


NUMPY = _make_numpy()
MATH = _make_math()


def with_ieee_sizes(tree: ast.Module) -> ast.Module:
    """Change a module to read an array's sizes as NumPy's integers.

    Python's raise where they are divided by zero, as they are for empty arrays.
    """
    for node in list(ast.walk(tree)):
        if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Attribute):
            shape = node.value
            if shape.attr == "shape":
                name = ast.copy_location(ast.Name(SIZES, ast.Load()), shape)
                call = ast.Call(name, [shape], [])
                node.value = ast.copy_location(call, shape)
    return tree


SIZES = "<sizes>"
"""The name, which no generated code can have, of what returns sizes so."""


def sizes(shape: tuple[int, ...]) -> tuple[Any, ...]:
    """Return a shape as NumPy's integers."""
    return tuple(map(np.int64, shape))


def with_ieee_constants(code: CodeType) -> CodeType:
    """Return the code of a module with every float constant as a `numpy.float64`.

    A Python float raises on division by zero, and one from a branch (`x if c else 0.0`)
    may get there. Functions lie one level deep (see allowlist.py).
    """
    inner = code.replace(co_consts=tuple(map(_ieee, code.co_consts)))
    functions = (
        c.replace(co_consts=tuple(map(_ieee, c.co_consts)))
        if isinstance(c, CodeType)
        else c
        for c in inner.co_consts
    )
    return inner.replace(co_consts=tuple(functions))


def _ieee(constant: Any) -> Any:
    if type(constant) is float:
        return np.float64(constant)
    if type(constant) is tuple:
        return tuple(np.float64(c) if type(c) is float else c for c in constant)
    return constant
