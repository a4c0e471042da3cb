"""Check the static arguments of functions on whole arrays: axes, shapes, widths.

Comes in: integers, tuples and extents as a user gave them, and the function's name.
Goes out: axes counted from the front, shapes as tuples; or a ShapeError that says what
was expected and found.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from overbar.ir.errors import ShapeError, UnsupportedError
from overbar.ir.ops.shapes import product
from overbar.ir.types import DTYPES, Dim, dim, extents

if TYPE_CHECKING:
    from collections.abc import Sequence

    from overbar.ir.graph import Graph, Node
    from overbar.ir.types import Extent, Shape, Type


def shown(shape: Shape) -> str:
    """Return a shape as messages show it."""
    return f"[{extents(shape)}]" if shape else "[] (a scalar)"


def rank(x: Node) -> int:
    """Return how many axes a value has."""
    return len(x.type.shape)


def whole(name: str, value: Any, what: str) -> int:
    """Return a static argument that has to be an integer."""
    if isinstance(value, int | np.integer) and not isinstance(value, bool):
        return int(value)
    raise ShapeError(f"{name} expects a whole number as {what}, found {value!r}")


def is_sequence(value: Any) -> bool:
    """Whether a static argument is a tuple or list: an extent is none."""
    return isinstance(value, tuple | list) and not isinstance(value, Dim)


def several(value: Any) -> Any:
    """Return a tuple or list as it is, anything else as the only entry of one."""
    return value if is_sequence(value) else (value,)


def axis_of(name: str, axis: Any, shape: Shape) -> int:
    """Return an axis counted from the front."""
    n = len(shape)
    found = whole(name, axis, "axis")
    if not -n <= found < n:
        message = f"{name} expects an axis of shape {shown(shape)}, which has {n}"
        raise ShapeError(f"{message} ax{'i' if n == 1 else 'e'}s, found axis {found}")
    return found % n


def axes_of(name: str, axis: Any, shape: Shape) -> tuple[int, ...]:
    """Return axes in their order, counted from the front; None for all of them."""
    if axis is None:
        return tuple(range(len(shape)))
    given = several(axis)
    found = [axis_of(name, a, shape) for a in given]
    if len(set(found)) < len(found):
        raise ShapeError(f"{name} expects each axis once, found {tuple(given)}")
    return tuple(sorted(found))


def need_rank(name: str, x: Node, *ranks: int) -> None:
    """Raise ShapeError for a value that has another number of axes."""
    if rank(x) not in ranks:
        expected = " or ".join(map(str, ranks))
        s = "is" if ranks == (1,) else "es"
        message = f"{name} expects an operand with {expected} ax{s}"
        raise ShapeError(f"{message}, found shape {shown(x.type.shape)}")


def need_square(name: str, x: Node) -> None:
    """Raise ShapeError for what is no square matrix, nor a stack of these."""
    shape = x.type.shape
    if len(shape) < 2 or shape[-2] != shape[-1]:
        raise ShapeError(f"{name} expects a square matrix, found shape {shown(shape)}")


def extent_of(name: str, value: Any, what: str = "size") -> Extent:
    """Return an extent from an integer, a name or an extent."""
    if isinstance(value, Dim):
        return value
    if isinstance(value, str):
        return dim(value)
    size = whole(name, value, what)
    if size < 0:
        raise ShapeError(f"{name} expects no negative {what}, found {size}")
    return size


def shape_of(name: str, shape: Any) -> Shape:
    """Return a shape from one extent or a sequence of them."""
    given = shape if is_sequence(shape) else (shape,)
    return tuple([extent_of(name, e) for e in given])


def type_of(graph: Graph, name: str, dtype: Any, default: Type | None = None) -> Type:
    """Return the element type of a dtype's name; the graph's floats by default."""
    if dtype is None:
        return default or graph.real
    if dtype in {float, "float"}:
        return graph.real
    kind = DTYPES.get(np.dtype(dtype).name)
    if kind is None:
        known = ", ".join(DTYPES)
        raise UnsupportedError(f"{name} expects a dtype of {known}, found {dtype!r}")
    return kind


def quotient(name: str, own: Shape, rest: Shape) -> Extent:
    """Return the extent that makes `rest` hold as many elements as `own`."""
    top, below = list(own), list(rest)
    for extent in rest:
        if extent in top:
            top.remove(extent)
            below.remove(extent)
    found = _divided(product(tuple(top)), product(tuple(below)))
    if found is None:
        message = f"{name} cannot fill -1 in ({extents(rest)}, -1) from shape "
        message += f"{shown(own)}: {product(own)} is no multiple of {product(rest)}"
        raise ShapeError(message)
    return found


def _divided(top: Extent, bottom: Extent) -> Extent | None:
    """Return an exact quotient by a product of names and an integer."""
    if isinstance(top, int) and isinstance(bottom, int):
        return None if not bottom or top % bottom else top // bottom
    terms = top.terms if isinstance(top, Dim) else (((), top),)
    below = bottom.terms if isinstance(bottom, Dim) else (((), bottom),)
    if len(below) != 1 or not below[0][1]:
        return None
    names, divisor = below[0]
    total: Extent = 0
    for factors, times in terms:
        left = list(factors)
        for name in names:
            if name not in left:
                return None
            left.remove(name)
        if times % divisor:
            return None
        total = total + (
            Dim(((tuple(left), times // divisor),)) if left else times // divisor
        )
    return total


def least(name: str, x: Extent, y: Extent) -> Extent:
    """Return the smaller of two extents.

    Raises UnsupportedError where that depends on sizes known only when called.
    """
    difference = x - y
    if not isinstance(difference, int):
        message = f"{name} expects sizes of which one is known to be smaller"
        raise UnsupportedError(f"{message}, found {x} and {y}")
    return x if difference <= 0 else y


def dropped(shape: Sequence[Extent], axes: Sequence[int]) -> Shape:
    """Return a shape without some axes."""
    return tuple(e for k, e in enumerate(shape) if k not in axes)
