"""Build indexing as NumPy has it, and its functions that read at computed places.

Comes in: an array and the items between the brackets, integers, slices, None, `...`
and arrays of integers. Goes out: one slice for what is static, one gather for the rest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from overbar.ir.errors import ShapeError, UnsupportedError
from overbar.ir.graph import Node
from overbar.ir.ops.typing import joined
from overbar.ir.types import Dim
from overbar.read.array_mask import need_fit, places
from overbar.read.array_shape import moved
from overbar.read.array_static import (
    rank,
    shown,
    whole,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from overbar.ir.graph import Graph
    from overbar.ir.types import Extent, Shape

_TRUTH = "expected integers, slices or masks as index; where(condition, x, 0) takes one"


class _Axis(NamedTuple):
    """Stand for one axis of a mask: where it is True, and the axis."""

    places: Node
    mask: Node
    axis: int


def index(graph: Graph, x: Node, items: Any) -> Node:
    """Return `x[items]`.

    items: an item or a tuple of them: int or extent, slice of these, None, Ellipsis, a
    node of integers, a mask. Sizes known only when called are taken to be as large as
    an item needs (`x[2]`, `x[1:-1]`); a call checks that.

    Raises ShapeError for too many items, places outside, and masks that do not fit.
    """
    given = _full(x, items if type(items) is tuple else (items,))
    shape = x.type.shape
    starts, sizes, steps = [], [], []
    layout: list[Any] = []  # what becomes of each item: "new", "gone", "kept" or a node
    axis = 0
    for item in given:
        if item is None:
            layout.append("new")
            continue
        start, size, step = 0, shape[axis], 1
        if isinstance(item, slice):
            start, size, step = _window(item, shape[axis], axis)  # type: ignore[assignment]
            layout.append("kept")
        elif isinstance(item, Node):
            layout.append(item)
        elif isinstance(item, _Axis):
            need_fit(item.mask, item.axis, shape, axis)
            layout.append(item.places)
        else:
            start, size = place_of(item, shape, axis), 1  # type: ignore[assignment]
            layout.append("gone")
        starts.append(start)
        sizes.append(size)
        steps.append(step)
        axis += 1
    own = [item for item in layout if not _is(item, "new")]
    gone = tuple(k for k, item in enumerate(own) if _is(item, "gone"))
    window = tuple(starts), tuple(sizes), tuple(steps), gone
    return _laid_out(graph.make("pick", (x,), window) if shape else x, layout)


def _full(x: Node, items: tuple[Any, ...]) -> list[Any]:
    """Return one item for every axis, and those for new axes."""
    own = [part for item in items for part in _checked(item)]
    used = sum(item is not None and item is not Ellipsis for item in own)
    if used > rank(x):
        message = f"an index of shape {shown(x.type.shape)} has at most {rank(x)} items"
        raise ShapeError(f"{message}, found {used}")
    dots = [k for k, item in enumerate(own) if item is Ellipsis]
    if len(dots) > 1:
        raise ShapeError("an index has ... at most once, found it twice")
    place = dots[0] if dots else len(own)
    return [
        *own[:place], *[slice(None)] * (rank(x) - used), *own[place + 1 :]
    ]  # fmt: skip


def _checked(item: Any) -> list[Any]:
    """Return an item, a mask as one for each of its axes."""
    if isinstance(item, Node):
        if item.type.dtype == "bool":
            return [_Axis(p, item, k) for k, p in enumerate(places(item))]
        if item.type.dtype != "int64":
            message = f"expected whole numbers as indices, found {item.type}"
            raise ShapeError(message)
        return [int(item.value) if item.is_const else item]
    if isinstance(item, bool | np.bool_):
        raise UnsupportedError(f"{_TRUTH}, found {item}")
    if isinstance(item, np.integer):
        return [int(item)]
    if item is None or item is Ellipsis or isinstance(item, int | slice | Dim):
        return [item]
    message = "expected an integer, a slice, None, ... or an array of integers"
    raise ShapeError(f"{message} as index, found {item!r}")


def from_front(place: Extent, size: Extent) -> Extent:
    """Return a place counted from the front, negative ones from the end."""
    if isinstance(place, Dim):
        ends = all(times < 0 for factors, times in place.terms if factors)
        return place + size if ends else place
    return place + size if place < 0 else place


def place_of(item: Extent, shape: Shape, axis: int) -> Extent:
    """Return where an integer index points to."""
    size = shape[axis]
    place = from_front(item, size)
    below, beyond = place, place - size
    if (isinstance(below, int) and below < 0) or (
        isinstance(beyond, int) and beyond >= 0
    ):
        message = f"index {item} is out of range for axis {axis} of {shown(shape)}"
        raise ShapeError(message)
    return place


def _window(item: slice, size: Extent, axis: int) -> tuple[Extent, Extent, int]:
    """Return a slice's start, extent and step."""
    step = 1 if item.step is None else whole("a slice", item.step, "step")
    if not step:
        raise ShapeError(f"a slice expects a step other than 0, found 0 on axis {axis}")
    for end in (item.start, item.stop):
        if end is not None and not isinstance(end, int | np.integer | Dim):
            message = "a slice expects integers and sizes as its ends"
            raise ShapeError(f"{message}, found {end!r} on axis {axis}")
    if isinstance(size, int) and not any(
        isinstance(end, Dim) for end in (item.start, item.stop)
    ):
        known = range(*item.indices(size))
        return (known.start if known else 0), len(known), step
    if step > 0:
        start = _end(item.start, 0, size)
        length = _end(item.stop, size, size) - start
    else:
        start = _end(item.start, size - 1, size)
        length = start - _end(item.stop, -1, size)
    if isinstance(length, int):
        length = max(length, 0)
    return start, (length + (abs(step) - 1)) // abs(step), step


def _end(given: Extent | None, default: Extent, size: Extent) -> Extent:
    if given is None:
        return default
    place = from_front(given, size)
    beyond = place - size
    return size if isinstance(beyond, int) and beyond > 0 else place


def _laid_out(part: Node, layout: Sequence[Any]) -> Node:
    """Return what was picked with axes added, and read at the nodes of a layout."""
    arrays = [item for item in layout if isinstance(item, Node)]
    rest = [item for item in layout if not _is(item, "gone")]
    old = tuple(k for k, item in enumerate(rest) if not _is(item, "new"))
    extents = iter(part.type.shape)
    shape = tuple(1 if _is(item, "new") else next(extents) for item in rest)
    part = part.graph.spread_along(part, old, shape) if shape else part
    if not arrays:
        return part
    axes = [k for k, item in enumerate(rest) if isinstance(item, Node)]
    shared = joined("an index", [a.type.shape for a in arrays])
    found = part.graph.make("gather", (part, *arrays), (tuple(axes),))
    front = len(shared)
    return moved(found, range(front), range(_front(layout), _front(layout) + front))


def _is(item: Any, word: str) -> bool:
    return isinstance(item, str) and item == word


def _front(layout: Sequence[Any]) -> int:
    """Return where NumPy puts the axes of the indices.

    In the place of the first of them if they (integers among them) stand side by side,
    else in front.
    """
    points = [
        k
        for k, item in enumerate(layout)
        if isinstance(item, Node) or _is(item, "gone")
    ]
    if points[-1] - points[0] >= len(points):
        return 0
    return points[0]
