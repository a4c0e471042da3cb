"""Tell sizes from formulas: the extents of shapes, slices and other static arguments.

Comes in: integers, names of dimensions, and formulas over sizes (`x.shape[0] - 1`).
Goes out: extents as the graph has them, integers or polynomials in named dimensions.
"""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

import numpy as np

from overbar.ir.errors import InputError
from overbar.ir.ops import OPS, Op
from overbar.ir.types import DTYPES, Dim, dim
from overbar.read.operand import check_name, found

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from overbar.ir.types import Extent, Shape
    from overbar.read.overloading import Expression

EXTENT, CONST, COPY, FLOORDIV = (
    OPS["extent"], OPS["const"], OPS["copy"], OPS["floordiv"],
)  # fmt: skip
_ARITHMETIC: Mapping[object, Callable[..., Any]] = {
    OPS["add"]: operator.add, OPS["sub"]: operator.sub, OPS["mul"]: operator.mul,
    OPS["neg"]: lambda n: 0 - n, FLOORDIV: operator.floordiv, COPY: lambda n: n,
}  # fmt: skip
_COMPARISONS: Mapping[object, Callable[[Any, Any], bool]] = {
    OPS["lt"]: operator.lt, OPS["le"]: operator.le, OPS["gt"]: operator.gt,
    OPS["ge"]: operator.ge, OPS["eq"]: operator.eq, OPS["ne"]: operator.ne,
}  # fmt: skip
_DECIDED = (OPS["eq"], OPS["ne"])
"""Two sizes with different names count as different, as everywhere."""


def extent_of(root: Expression) -> Extent | None:
    """Return the size that a formula is, None for one that is more than a size."""
    if root.op is EXTENT:
        return root.payload  # type: ignore[return-value]
    values: dict[Expression, Extent] = {}
    stack = [root]
    while stack:
        e = stack[-1]
        if e not in values:
            waiting = [a for a in e.args if a not in values]
            if waiting or not _is_whole(e):
                if not _is_whole(e):
                    return None
                stack += waiting
                continue
            values[e] = _value(e, [values[a] for a in e.args])
        stack.pop()
    return values[root]


def _is_whole(e: Expression) -> bool:
    """Whether a formula's outermost operation keeps sizes sizes."""
    if e.op is EXTENT:
        return True
    if e.op is CONST:
        return type(e.payload) is int
    if e.op is FLOORDIV:
        divisor: Any = e.args[1].payload
        return type(divisor) is int and divisor > 0
    return e.op in _ARITHMETIC


def _value(e: Expression, operands: list[Extent]) -> Extent:
    if not e.args:
        return e.payload  # type: ignore[return-value]
    return _ARITHMETIC[e.op](*operands)  # type: ignore[no-any-return]


def compares_sizes(condition: Expression) -> bool:
    """Whether a formula is a comparison of two sizes."""
    return condition.op in _COMPARISONS and all(
        extent_of(a) is not None for a in condition.args
    )


def decided(condition: Expression) -> bool | None:
    """Return the truth of a comparison of two sizes where it is known already."""
    if not compares_sizes(condition):
        return None
    left, right = map(extent_of, condition.args)
    difference: Any = left - right  # type: ignore[operator]
    if isinstance(difference, int):
        return _COMPARISONS[condition.op](difference, 0)
    return condition.op is _DECIDED[1] if condition.op in _DECIDED else None


def check_extent(value: object, what: str) -> Extent:
    """Return one entry of a shape that a user gave.

    Raises InputError for what is neither a whole number from 0 on, nor a name, nor a
    size such as `ob.dim("n") - 1`.
    """
    if isinstance(value, str):
        if value in DTYPES:
            message = "expected sizes in its shape, the dtype beside it"
            raise InputError(f"{what}: {message}, found {value!r}")
        return dim(check_name(value))
    if isinstance(value, Dim):
        return value
    size = value
    if isinstance(getattr(value, "op", None), Op):
        size = extent_of(value)  # type: ignore[arg-type]
        if isinstance(size, Dim):
            return size
    if isinstance(size, int | np.integer) and not isinstance(size, bool) and size >= 0:
        return int(size)
    shown = repr(value) if isinstance(value, int) else found(value)
    message = "expected sizes in its shape, integers or names such as 'n'"
    raise InputError(f"{what}: {message}, found {shown}")


def check_shape(shape: object, what: str) -> Shape:
    """Return a shape that a user gave: a tuple, or the only entry of one.

    >>> check_shape((2, "n"), "data 'x'")[0]
    2
    """
    entries = shape if isinstance(shape, tuple | list) else (shape,)
    if isinstance(shape, Dim):  # a tuple too
        entries = (shape,)
    return tuple([check_extent(entry, what) for entry in entries])
