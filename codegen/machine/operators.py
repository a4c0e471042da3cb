"""Write the operators of Python on numbers, typed as Numba types them.

Comes in: an operator of Python's syntax tree and values. Goes out: instructions. What
has no meaning here is an `UnfitError`.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any, Protocol

from overbar.codegen.machine import elementary, rounding
from overbar.codegen.machine.instructions import (
    FLOATS,
    MIXED,
    Instructions,
    Term,
    UnfitError,
    Value,
    joined,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_ARITHMETIC: dict[type[ast.operator], tuple[str, str]] = {
    ast.Add: ("fadd", "add"), ast.Sub: ("fsub", "sub"), ast.Mult: ("fmul", "mul"),
}  # fmt: skip
"""Instructions for floats and for integers."""
_TESTS: dict[type[ast.cmpop], tuple[str, str]] = {
    ast.Lt: ("fcmp olt", "icmp slt"), ast.LtE: ("fcmp ole", "icmp sle"),
    ast.Gt: ("fcmp ogt", "icmp sgt"), ast.GtE: ("fcmp oge", "icmp sge"),
    ast.Eq: ("fcmp oeq", "icmp eq"), ast.NotEq: ("fcmp une", "icmp ne"),
}  # fmt: skip
_LARGEST_POWER = 0x10000
"""The exponent up to which Numba multiplies."""


class Caller(elementary.Caller, Protocol):
    """Give the symbols of all functions that are called."""

    def function(
        self, function: Callable[..., Any], dtypes: tuple[str, ...]
    ) -> tuple[str, str | tuple[str, ...]]:
        """Return the symbol of a portable function and the dtype of its result."""


def binary(
    op: ast.operator, code: Instructions, caller: Caller, left: Value, right: Value
) -> Value:
    """Write an operator of arithmetic."""
    if "bool" in {left.dtype, right.dtype}:
        raise UnfitError("numbers", "a condition as an operand")
    if isinstance(op, ast.Pow):
        return _power(code, caller, left, right)
    dtype = joined(left.dtype, right.dtype)
    if isinstance(op, ast.Div) and dtype == "int64":
        dtype = "float64"
    x, y = code.cast(left, dtype), code.cast(right, dtype)
    if isinstance(op, ast.Div):
        return code.compute("fdiv", x, y)
    if isinstance(op, ast.Mod | ast.FloorDiv):
        return _rounded(code, caller, x, y, whole=isinstance(op, ast.FloorDiv))
    if type(op) not in _ARITHMETIC:
        raise UnfitError("an operator of arithmetic", type(op).__name__)
    real, integer = _ARITHMETIC[type(op)]
    return code.compute(real, x, y) if dtype in FLOATS else code.operate(integer, x, y)


def _rounded(
    code: Instructions, caller: Caller, x: Value, y: Value, *, whole: bool
) -> Value:
    """Write a whole quotient or a remainder."""
    if x.dtype == "int64":
        quotient, rest = rounding.divided(code, x, y)
        return quotient if whole else rest
    function = rounding.FLOATS[x.dtype, whole]
    symbol, _ = caller.function(function, (x.dtype, x.dtype))
    return code.call(symbol, (x, y), x.dtype)


def _power(code: Instructions, caller: Caller, x: Value, y: Value) -> Value:
    """Write a power, by products for a literal whole exponent."""
    if y.dtype != "int64":
        dtype = joined(x.dtype, y.dtype)
        symbol = caller.elementary("pow", dtype, 2)
        return code.call(symbol, (code.cast(x, dtype), code.cast(y, dtype)), dtype)
    if y.number is None or abs(y.number) > _LARGEST_POWER:
        raise UnfitError("a literal or a float as an exponent", "an integer")
    exponent = int(y.number)
    if x.dtype == "int64" and exponent < 0:
        raise UnfitError("an exponent of 0 or more", str(exponent))
    times = code.compute if x.dtype in FLOATS else code.operate
    name = "fmul" if x.dtype in FLOATS else "mul"
    result, factor, left = None, x, abs(exponent)
    while left:
        if left & 1:
            result = factor if result is None else times(name, result, factor)
        left >>= 1
        if left:
            factor = times(name, factor, factor)
    if result is None:
        return code.constant(1, x.dtype)
    one = code.constant(1.0, x.dtype)
    return result if exponent > 0 else code.compute("fdiv", one, result)


def negative(code: Instructions, x: Value) -> Value:
    """Write a minus sign."""
    if x.dtype == "int64":
        return code.operate("sub", code.constant(0, "int64"), x)
    return code.operate("fneg", x)


def absolute(code: Instructions, x: Value) -> Value:
    """Write `abs` of an integer."""
    below = code.test("icmp slt", x, code.constant(0, "int64"))
    return code.select(below, negative(code, x), x)


def compare(op: ast.cmpop, code: Instructions, left: Value, right: Value) -> Value:
    """Write a comparison."""
    if type(op) not in _TESTS:
        raise UnfitError("a comparison of numbers", type(op).__name__)
    dtype = joined(left.dtype, right.dtype)
    if dtype == "bool" and not isinstance(op, ast.Eq | ast.NotEq):
        raise UnfitError("a comparison of numbers", "conditions")
    name = _TESTS[type(op)][dtype not in FLOATS]
    return code.test(name, code.cast(left, dtype), code.cast(right, dtype))


def extremum(op: ast.cmpop, code: Instructions, values: Sequence[Value]) -> Value:
    """Write `max` or `min`: a later one only where it is beyond."""
    whole = values[0]
    for value in values[1:]:
        dtype = joined(whole.dtype, value.dtype)
        old, new = code.cast(whole, dtype), code.cast(value, dtype)
        whole = code.select(compare(op, code, new, old), new, old)
    return whole


def selected(code: Instructions, test: Value, yes: Term, no: Term) -> Term:
    """Write a choice of one of two values, in their common type."""
    if isinstance(yes, Value) and isinstance(no, Value):
        dtype = joined(yes.dtype, no.dtype)
        return code.select(test, code.cast(yes, dtype), code.cast(no, dtype))
    if isinstance(yes, Value) or isinstance(no, Value) or len(yes) != len(no):
        raise UnfitError(*MIXED)
    found = [selected(code, test, *pair) for pair in zip(yes, no, strict=True)]
    return tuple(v for v in found if isinstance(v, Value))
