"""Apply functions to formulas: elementwise ones, and those on whole arrays.

Comes in: functions by name, as ufuncs or as NumPy's other functions, and operands that
are formulas, numbers, arrays or lists of these. Goes out: expressions, each with its
shape, so that what does not fit raises where it is written.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from overbar.ir.errors import OverbarError, UnsupportedError
from overbar.ir.ops import OPS
from overbar.ir.types import Dim, Type
from overbar.read.array_call import TABLE, ArrayCall, results_of
from overbar.read.calls import (
    array_name,
    array_ufunc,
    elementwise_call,
    fact,
    resolve,
    resolve_ufunc,
    takes,
)
from overbar.read.operand import to_constant, to_number
from overbar.read.overloading import Expression, lift, size, spread
from overbar.read.splitting import Splitter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from overbar.read.calls import Callee

CONST, ARRAY = OPS["const"], OPS["array"]


class Slogdet(NamedTuple):
    """Hold the results of `slogdet`, as NumPy does."""

    sign: Expression
    logabsdet: Expression


class Eigh(NamedTuple):
    """Hold the results of `eigh`, as NumPy does."""

    eigenvalues: Expression
    eigenvectors: Expression


_RESULTS: dict[str, Callable[..., Any]] = {"slogdet": Slogdet, "eigh": Eigh}


def lift_other(value: object) -> Expression:
    """Return an expression for what is neither an expression nor a plain number."""
    if isinstance(value, Dim):
        return size(value)
    if isinstance(value, list | tuple) and holds_formula(value):
        return called("stack", (value,), {})  # type: ignore[no-any-return]
    if isinstance(value, list | tuple) or (
        isinstance(value, np.ndarray) and value.ndim
    ):
        constant = to_constant(value)
        if constant is None:  # formulas in an array of objects, fractions in a list
            return called("stack", (list(value),), {})  # type: ignore[no-any-return]
        return Expression(ARRAY, (), constant, constant.type.shape)
    if isinstance(value, np.ndarray):
        return lift(value[()])
    return Expression(CONST, (), to_number(value))


def holds_formula(value: object) -> bool:
    """Whether a nested list has a formula in it."""
    if isinstance(value, list | tuple):
        return any(holds_formula(v) for v in value)
    return type(value) is Expression


def applied(op: Callee, operands: Iterable[object]) -> Expression:
    """Return an elementwise op or function applied to expressions and numbers."""
    args = tuple([lift(a) for a in operands])
    if any(a.extents for a in args):
        return spread(op, args)
    return Expression(op, args)


def named(name: str, args: Sequence[object], options: Mapping[str, object]) -> Any:
    """Return the formula of a function by name, elementwise or on whole arrays."""
    if name in TABLE and (options or not takes(name, len(args))):
        return called(name, args, options)
    if options:
        listed = ", ".join(f"{option}=" for option in options)
        raise UnsupportedError(f"{name} on formulas takes no {listed}")
    return applied(resolve(name, len(args)), args)


def called(name: str, args: Sequence[object], options: Mapping[str, object]) -> Any:
    """Return the formula of a function on whole arrays, several in a tuple."""
    splitter = Splitter(lift)
    call = ArrayCall(name, *splitter.call(name, args, options))
    operands = tuple(splitter.operands)
    found = _results(call, operands)
    if isinstance(found, Type):
        return Expression(call, operands, None, found.shape, found.dtype)
    results = [
        Expression(replace(call, item=i), operands, None, t.shape, t.dtype)
        for i, t in enumerate(found)
    ]
    return _RESULTS[name](*results) if name in _RESULTS else tuple(results)


def _results(call: ArrayCall, operands: tuple[Expression, ...]) -> list[Type] | Type:
    """Return the types of a call's results; read all of the formula on an error.

    What is read then is exact where stand-ins are not, and the message names the place.
    """
    try:
        return results_of(call, operands)
    except OverbarError:
        from overbar.read.build import types_of

        return types_of(Expression(call, operands))


def ufunc_call(
    ufunc: np.ufunc, method: str, inputs: Sequence[object], options: Mapping[str, Any]
) -> Any:
    """Return the formula of a NumPy or SciPy ufunc, found by its name."""
    whole = array_ufunc(ufunc, method, options)
    if whole is not None:
        return called(whole[0], inputs, whole[1])
    if method == "outer":
        inputs, method = _crossed(*map(lift, inputs)), "__call__"
    return applied(resolve_ufunc(ufunc, method, len(inputs), options), inputs)


def _crossed(x: Expression, y: Expression) -> tuple[Expression, Expression]:
    """Return two operands with the axes of one ahead of the other's."""
    return x[(..., *[None] * y.ndim)], y


def function_call(
    function: Callable[..., Any], args: Sequence[Any], options: Mapping[str, Any]
) -> Any:
    """Return the formula of another NumPy function, such as `np.where`."""
    answer = fact(function)
    if answer is not None:
        return answer(*args, **options)
    elementwise = elementwise_call(function, args, options)
    if elementwise is not None:
        return applied(*elementwise)
    return called(array_name(function), args, options)
