"""Resolve what a Python formula calls: by name, as a ufunc, as a NumPy function.

Comes in: a name or a NumPy function and how many arguments it got. Goes out: the row
of the op table, or the composed function, that computes it.
"""

from __future__ import annotations

from inspect import signature
from typing import TYPE_CHECKING, Any, TypeAlias

from overbar.ir.errors import UnsupportedError
from overbar.ir.ops import OPS, Op
from overbar.read.array_call import TABLE
from overbar.read.functions import Function, function, names, nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy as np

Callee: TypeAlias = "Op | Function"

NO_DIGITS = "rounding to decimal digits is not supported; use round(x*100)/100"
NO_OUT = "; write a = a + b for a += b, where a is an array and b a formula"
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
    advice = nearest(name, [*names(), *TABLE])
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
        advice = NO_OUT if "out" in options else ""
        raise UnsupportedError(f"{name} on formulas takes no {listed}{advice}")
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


_RENAMED = {
    "amax": "max", "amin": "min", "concat": "concatenate", "permute_dims": "transpose",
    "cumulative_sum": "cumsum", "astype": "cast",
}  # fmt: skip
_FACTS: dict[str, Callable[..., Any]] = {
    "shape": lambda a: a.shape, "ndim": lambda a: a.ndim, "copy": lambda a: a,
    "size": lambda a, axis=None: a.size if axis is None else a.shape[axis],
    "real": lambda a: a, "isrealobj": lambda *_: True, "iscomplexobj": lambda *_: False,
}  # fmt: skip
"""NumPy's functions whose answer is known without a formula of their own."""
_MODULES = ("numpy", "numpy.linalg")
_OTHER_AXES = ("numpy.linalg.trace", "numpy.linalg.diagonal")
"""What takes the last two axes where NumPy's function of the name takes the first."""


def fact(called: Callable[..., Any]) -> Callable[..., Any] | None:
    """Return what answers a NumPy function about a formula at once, if anything."""
    return _FACTS.get(called.__name__) if called.__module__ == "numpy" else None


def elementwise_call(
    called: Callable[..., Any], args: Sequence[object], options: Mapping[str, object]
) -> tuple[Callee, Sequence[object]] | None:
    """Return what computes a NumPy function that is elementwise but no ufunc."""
    name = called.__name__
    rule = _ARRAY_FUNCTIONS.get(name)
    if rule is None or called.__module__ != "numpy":
        return None
    try:
        bound = signature(rule).bind(*args, **options)
    except TypeError as error:
        raise UnsupportedError(f"{name} on formulas: {error}") from None
    function_name, operands = rule(*bound.args, **bound.kwargs)
    return resolve(function_name, len(operands)), operands


def array_name(called: Callable[..., Any]) -> str:
    """Return our name of a NumPy function on whole arrays.

    Raises UnsupportedError for one that is not known.
    """
    name, module = called.__name__, called.__module__
    ours = _RENAMED.get(name, name)
    full = f"{module}.{name}"
    if ours not in TABLE or module not in _MODULES or full in _OTHER_AXES:
        raise UnsupportedError(_unknown(full))
    return ours


_REDUCTIONS = {
    ("add", "reduce"): "sum", ("multiply", "reduce"): "prod",
    ("maximum", "reduce"): "max", ("minimum", "reduce"): "min",
    ("logical_and", "reduce"): "all", ("logical_or", "reduce"): "any",
    ("add", "accumulate"): "cumsum",
}  # fmt: skip


def array_ufunc(
    ufunc: np.ufunc, method: str, options: Mapping[str, object]
) -> tuple[str, dict[str, object]] | None:
    """Return the function on whole arrays that a ufunc's call means, if it is one."""
    if ufunc.__name__ == "matmul" and method == "__call__":
        return "matmul", dict(options)
    name = _REDUCTIONS.get((ufunc.__name__, method))
    return None if name is None else (name, {"axis": 0, **options})


def takes(name: str, count: int) -> bool:
    """Whether an elementwise function of the name takes so many operands."""
    found = function(name)
    return found is not None and count >= found.least and (
        found.most is None or count <= found.most
    )  # fmt: skip
