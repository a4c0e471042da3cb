"""Build NumPy's functions that read and add at places: take, compress, segment sums.

Comes in: arrays, places as integers or masks, and axes. Goes out: gathers and scatters.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from overbar.ir.errors import ShapeError
from overbar.ir.ops.indexing import one_hot
from overbar.ir.ops.typing import joined
from overbar.read.array_index import index, place_of
from overbar.read.array_mask import flat
from overbar.read.array_shape import joined_along, moved
from overbar.read.array_static import (
    axis_of,
    extent_of,
    need_rank,
    rank,
    shown,
    type_of,
    whole,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from overbar.ir.graph import Graph, Node
    from overbar.ir.types import Shape


def _whole_numbers(name: str, indices: Node) -> Node:
    if indices.type.dtype != "int64":
        message = f"{name} expects whole numbers as indices, found {indices.type}"
        raise ShapeError(message)
    return indices


def _take(graph: Graph, a: Node, indices: Node, axis: int | None = None) -> Node:
    _whole_numbers("take", indices)
    if axis is None:
        a, axis = flat(a), 0
    place = axis_of("take", axis, a.type.shape)
    if not rank(indices):
        return graph.make("gather", (a, indices), ((place,),))
    found = graph.make("gather", (a, indices), ((place,),))
    n = rank(indices)
    return moved(found, range(n), range(place, place + n))


def _take_along_axis(graph: Graph, arr: Node, indices: Node, axis: int = -1) -> Node:
    _whole_numbers("take_along_axis", indices)
    place = axis_of("take_along_axis", axis, arr.type.shape)
    own, theirs = arr.type.shape, indices.type.shape
    others = [dropped for shape in (own, theirs) for dropped in [_less(shape, place)]]
    if len(own) != len(theirs):
        message = f"take_along_axis expects indices with {len(own)} axes"
        raise ShapeError(f"{message}, found shape {shown(theirs)}")
    rest = joined("take_along_axis", others)
    shape = (*rest[:place], theirs[place], *rest[place:])
    places = []
    for k, extent in enumerate(shape):
        if k == place:
            places.append(graph.spread(indices, shape))
        elif own[k] == 1 and extent != 1:
            places.append(graph.const(0))
        else:
            places.append(graph.spread_along(graph.iota(extent), (k,), shape))
    return graph.make("gather", (arr, *places), (tuple(range(len(own))),))


def _less(shape: Shape, axis: int) -> Shape:
    return shape[:axis] + shape[axis + 1 :]


def _one_hot(graph: Graph, x: Node, n: Any, *, dtype: Any = None) -> Node:
    _whole_numbers("one_hot", x)
    kind = type_of(graph, "one_hot", dtype)
    return one_hot(x, extent_of("one_hot", n), kind)


def _segment_sum(graph: Graph, x: Node, ids: Node, n: Any) -> Node:
    _whole_numbers("segment_sum", ids)
    need_rank("segment_sum", ids, 1)
    if not rank(x) or x.type.shape[0] != ids.type.shape[0]:
        message = f"segment_sum expects an id for each row of {shown(x.type.shape)}"
        raise ShapeError(f"{message}, found ids of shape {shown(ids.type.shape)}")
    shape = (extent_of("segment_sum", n), *x.type.shape[1:])
    return graph.make("scatter", (x, ids), ((0,), shape))


def _delete(graph: Graph, arr: Node, obj: int, axis: int = 0) -> Node:
    place = axis_of("delete", axis, arr.type.shape)
    at = place_of(whole("delete", obj, "place"), arr.type.shape, place)
    before = [slice(None)] * place
    parts = [
        index(graph, arr, (*before, slice(None, at))),
        index(graph, arr, (*before, slice(at + 1, None))),
    ]
    return joined_along("delete", parts, place)


def _compress(graph: Graph, condition: Node, a: Node, axis: int | None = None) -> Node:
    """Return `a[condition]` along an axis."""
    need_rank("compress", condition, 1)
    if axis is None:
        a, axis = flat(a), 0
    place = axis_of("compress", axis, a.type.shape)
    return index(graph, a, (*[slice(None)] * place, condition))


def _extract(graph: Graph, condition: Node, arr: Node) -> Node:
    return index(graph, flat(arr), flat(condition))


BUILDERS: dict[str, Callable[..., Any]] = {
    "compress": _compress, "extract": _extract,
    "take": _take, "take_along_axis": _take_along_axis, "one_hot": _one_hot,
    "segment_sum": _segment_sum, "delete": _delete,
}  # fmt: skip
