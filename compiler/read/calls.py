"""Resolve what a Python formula calls: by name, as a ufunc, as a NumPy function.

Comes in: a name or a NumPy function and how many arguments it got. Goes out: the row
of the op table, or the composed function, that computes it.
"""

from __future__ import annotations

from inspect import signature
from typing import TYPE_CHECKING, Any, TypeAlias

from overbar.ir.errors import UnsupportedError
from overbar.ir.ops import OPS, Op
from overbar.read.functions import Function, function, names, nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy as np

Callee: TypeAlias = "Op | Function"

NO_DIGITS = "rounding to decimal digits is not supported; use round(x*100)/100"
_OPERATORS = {
    "add": "add", "subtract": "sub", "multiply": "mul", "divide": "div",
    "true_divide": "div", "floor_divide": "floordiv", "negative": "neg",
    "power": "pow", "float_power": "pow", "less": "lt", "less_equal": "le",
    "greater": "gt", "greater_equal": "ge", "equal": "eq", "not_equal": "ne",
    "logical_and": "and", "logical_or": "or", "logical_not": "not",
    "bitwise_and": "and", "bitwise_or": "or", "invert": "not",
}  # fmt: skip
"""Rows of the ufuncs that are operators in Python."""
_UFUNCS: dict[str, Callee] = {name: OPS[row] for name, row in _OPERATORS.items()}
_UFUNCS["positive"] = Function("positive", lambda x: x, 1, 1)


def resolve(name: str, count: int) -> Callee:
    """Return the row or function of a name, if it takes so many arguments.

    Raises UnsupportedError for an unknown name or a wrong number of arguments.
    """
    known = function(name)
    if known is None:
        raise UnsupportedError(_unknown(name))
    known.check(count)
    row = OPS.get(known.name)
    if row is not None and row.parsed and row.arity in {None, count}:
        return row  # the graph applies it at once, with no function between
    return known


def _unknown(name: str) -> str:
    advice = nearest(name, names())
    return f"expected a function that Overbar knows, found {name!r}{advice}"


def resolve_ufunc(
    ufunc: np.ufunc, method: str, count: int, options: Mapping[str, object]
) -> Callee:
    """Return what computes a ufunc of NumPy, SciPy or another library."""
    name = ufunc.__name__
    if method != "__call__":
        message = f"{name}.{method} is not supported on formulas, only {name} itself is"
        raise UnsupportedError(message)
    if options:
        listed = ", ".join(f"{option}=" for option in options)
        raise UnsupportedError(f"{name} on formulas takes no {listed}")
    return _UFUNCS.get(name) or resolve(name, count)


def _where(condition: object, x: object, y: object) -> tuple[str, Sequence[object]]:
    return "where", (condition, x, y)


def _clip(
    a: object,
    a_min: object = None,
    a_max: object = None,
    *,
    min: object = None,
    max: object = None,
) -> tuple[str, Sequence[object]]:
    low = min if a_min is None else a_min
    high = max if a_max is None else a_max
    if low is None and high is None:
        raise UnsupportedError("clip expects a lower or an upper bound, found neither")
    if low is None:
        return "min", (a, high)
    return ("max", (a, low)) if high is None else ("clip", (a, low, high))


def _round(a: object, decimals: int = 0) -> tuple[str, Sequence[object]]:
    if decimals:
        raise UnsupportedError(NO_DIGITS)
    return "round", (a,)


_ARRAY_FUNCTIONS: dict[str, Callable[..., tuple[str, Sequence[object]]]] = {
    "where": _where, "clip": _clip, "round": _round, "around": _round,
}  # fmt: skip
"""NumPy's functions that are no ufuncs, as a name of the language and its operands."""


def array_call(
    called: Callable[..., Any], args: Sequence[object], options: Mapping[str, object]
) -> tuple[Callee, Sequence[object]]:
    """Return what computes a NumPy function that is no ufunc, and its operands."""
    name = called.__name__
    rule = _ARRAY_FUNCTIONS.get(name)
    if rule is None or called.__module__ != "numpy":
        raise UnsupportedError(_unknown(f"{called.__module__}.{name}"))
    try:
        bound = signature(rule).bind(*args, **options)
    except TypeError as error:
        raise UnsupportedError(f"{name} on formulas: {error}") from None
    function_name, operands = rule(*bound.args, **bound.kwargs)
    return resolve(function_name, len(operands)), operands
