"""Build NumPy's functions that move elements about: reshape, join, repeat, pad."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from overbar.ir.constants import Constant
from overbar.ir.errors import ShapeError
from overbar.ir.ops.shapes import product
from overbar.ir.ops.typing import joined
from overbar.ir.types import Dim
from overbar.read.array_static import (
    axes_of,
    axis_of,
    dropped,
    extent_of,
    quotient,
    rank,
    several,
    shape_of,
    shown,
    whole,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from overbar.ir.graph import Graph, Node
    from overbar.ir.types import Extent, Shape


def reshaped(x: Node, shape: Shape) -> Node:
    """Return an array in another shape."""
    return x.graph.make("reshape", (x,), (shape,))


def permuted(x: Node, order: Sequence[int]) -> Node:
    """Return an array with its axes in another order."""
    return x.graph.make("transpose", (x,), (tuple(order),)) if order else x


def along(x: Node, axis: int, start: Extent, extent: Extent, step: int = 1) -> Node:
    """Return a slice along one axis."""
    shape = x.type.shape
    starts = tuple(start if k == axis else 0 for k in range(len(shape)))
    whole_ = tuple(extent if k == axis else e for k, e in enumerate(shape))
    steps = tuple(step if k == axis else 1 for k in range(len(shape)))
    return x.graph.make("slice", (x,), (starts, whole_, steps))


# Axes ---------------------------------------------------------------------------------


def _transpose(graph: Graph, a: Node, axes: Any = None) -> Node:
    del graph
    if axes is None:
        return permuted(a, range(rank(a))[::-1])
    given = axes if isinstance(axes, tuple | list) else (axes,)
    order = [axis_of("transpose", k, a.type.shape) for k in given]
    if sorted(order) != list(range(rank(a))):
        message = f"transpose expects each axis of {shown(a.type.shape)} once"
        raise ShapeError(f"{message}, found {tuple(given)}")
    return permuted(a, order)


def _matrix_transpose(graph: Graph, x: Node) -> Node:
    return _swapaxes(graph, x, -1, -2)


def _swapaxes(graph: Graph, a: Node, axis1: int, axis2: int) -> Node:
    del graph
    first, second = (axis_of("swapaxes", k, a.type.shape) for k in (axis1, axis2))
    order = list(range(rank(a)))
    order[first], order[second] = second, first
    return permuted(a, order)


def moved(x: Node, source: Sequence[int], destination: Sequence[int]) -> Node:
    """Return an array with some axes at other places, the rest in their order."""
    order = [k for k in range(rank(x)) if k not in source]
    for place, axis in sorted(zip(destination, source, strict=True)):
        order.insert(place, axis)
    return permuted(x, order)


def _moveaxis(graph: Graph, a: Node, source: Any, destination: Any) -> Node:
    del graph
    pair = [
        [axis_of("moveaxis", k, a.type.shape) for k in several(g)]
        for g in (source, destination)
    ]  # fmt: skip
    if len(pair[0]) != len(pair[1]) or any(len(set(p)) < len(p) for p in pair):
        message = "moveaxis expects as many distinct sources as destinations"
        raise ShapeError(f"{message}, found {source} and {destination}")
    return moved(a, *pair)


def _expand_dims(graph: Graph, a: Node, axis: Any) -> Node:
    del graph
    given = axis if isinstance(axis, tuple | list) else (axis,)
    full = (1,) * (rank(a) + len(given))
    axes = axes_of("expand_dims", tuple(given), full)
    rest = iter(a.type.shape)
    return reshaped(a, tuple(1 if k in axes else next(rest) for k in range(len(full))))


def _squeeze(graph: Graph, a: Node, axis: Any = None) -> Node:
    del graph
    shape = a.type.shape
    if axis is None:
        axes: tuple[int, ...] = tuple(k for k, e in enumerate(shape) if e == 1)
    else:
        axes = axes_of("squeeze", axis, shape)
    for k in axes:
        if shape[k] != 1:
            message = f"squeeze expects axes of size 1, found {shape[k]} along axis {k}"
            raise ShapeError(f"{message} of {shown(shape)}")
    return reshaped(a, dropped(shape, axes))


def _reshape(graph: Graph, a: Node, shape: Any) -> Node:
    del graph
    given = list(several(shape))
    open_ = [k for k, e in enumerate(given) if not isinstance(e, Dim) and e == -1]
    if len(open_) > 1:
        raise ShapeError(f"reshape expects -1 at most once, found {tuple(given)}")
    for k in open_:
        rest = shape_of("reshape", [e for i, e in enumerate(given) if i != k])
        given[k] = quotient("reshape", a.type.shape, rest)
    return reshaped(a, shape_of("reshape", given))


def _ravel(graph: Graph, a: Node) -> Node:
    del graph
    return reshaped(a, (product(a.type.shape),))


def _broadcast_to(graph: Graph, array: Node, shape: Any) -> Node:
    to = shape_of("broadcast_to", shape)
    if joined("broadcast_to", [array.type.shape, to]) != to:
        message = f"broadcast_to cannot spread shape {shown(array.type.shape)}"
        raise ShapeError(f"{message} to {shown(to)}")
    return graph.spread(array, to)


# Joining ------------------------------------------------------------------------------


def _need_some(name: str, arrays: Sequence[Node]) -> None:
    if not arrays:
        raise ShapeError(f"{name} expects at least one array, found none")


def joined_along(name: str, arrays: Sequence[Node], axis: int) -> Node:
    """Return arrays joined along an axis that they have."""
    _need_some(name, arrays)
    if not rank(arrays[0]):
        raise ShapeError(f"{name} expects arrays with axes, found scalars; use stack")
    if len(arrays) == 1:
        return arrays[0]
    graph = arrays[0].graph
    place = axis_of(name, axis, arrays[0].type.shape)
    return graph.make("concat", arrays, (place,))


def _concatenate(graph: Graph, arrays: Sequence[Node], axis: int | None = 0) -> Node:
    if axis is None:
        return joined_along("concatenate", [_ravel(graph, a) for a in arrays], 0)
    return joined_along("concatenate", arrays, axis)


def _stack(graph: Graph, arrays: Sequence[Node], axis: int = 0) -> Node:
    _need_some("stack", arrays)
    for a, b in pairwise(arrays):
        if a.type.shape != b.type.shape:
            message = f"stack expects arrays of one shape, found {shown(a.type.shape)}"
            raise ShapeError(f"{message} and {shown(b.type.shape)}")
    place = axis_of("stack", axis, (1, *arrays[0].type.shape))
    return joined_along("stack", [_expand_dims(graph, a, place) for a in arrays], place)


def _vstack(graph: Graph, tup: Sequence[Node]) -> Node:
    rows = [
        reshaped(a, (1, *(a.type.shape or (1,)))) if rank(a) < 2 else a for a in tup
    ]
    del graph
    return joined_along("vstack", rows, 0)


def _hstack(graph: Graph, tup: Sequence[Node]) -> Node:
    del graph
    _need_some("hstack", tup)
    least = [reshaped(a, (1,)) if not rank(a) else a for a in tup]
    return joined_along("hstack", least, 0 if rank(least[0]) == 1 else 1)


def _column_stack(graph: Graph, tup: Sequence[Node]) -> Node:
    del graph
    columns = [
        reshaped(a, (*(a.type.shape or (1,)), 1)) if rank(a) < 2 else a for a in tup
    ]
    return joined_along("column_stack", columns, 1)


def _split(
    graph: Graph, ary: Node, indices_or_sections: Any, axis: int = 0
) -> tuple[Node, ...]:
    del graph
    place = axis_of("split", axis, ary.type.shape)
    size = ary.type.shape[place]
    if isinstance(indices_or_sections, tuple | list):
        ends = [extent_of("split", e) for e in indices_or_sections]
    else:
        parts = whole("split", indices_or_sections, "number of sections")
        each = size // parts
        if parts * each != size:
            message = f"split expects a size that {parts} divides, found {size}"
            raise ShapeError(f"{message} along axis {place}")
        ends = [k * each for k in range(1, parts)]
    cuts: list[Extent] = [0, *ends, size]
    return tuple(along(ary, place, a, b - a) for a, b in pairwise(cuts))


# Repeating ----------------------------------------------------------------------------


def _tile(graph: Graph, A: Node, reps: Any) -> Node:
    times = shape_of("tile", reps)
    n = max(len(times), rank(A))
    times = (1,) * (n - len(times)) + times
    own = (1,) * (n - rank(A)) + A.type.shape
    both = tuple(e for pair in zip(times, own, strict=True) for e in pair)
    wide = graph.spread_along(reshaped(A, own), tuple(range(1, 2 * n, 2)), both)
    return reshaped(wide, tuple(r * e for r, e in zip(times, own, strict=True)))


def _repeat(graph: Graph, a: Node, repeats: Any, axis: int | None = None) -> Node:
    if axis is None:
        a, axis = _ravel(graph, a), 0
    place = axis_of("repeat", axis, a.type.shape)
    shape = a.type.shape
    if isinstance(repeats, tuple | list):
        return _repeat_each(a, [whole("repeat", r, "repeats") for r in repeats], place)
    times = extent_of("repeat", repeats, "repeats")
    wide = graph.spread_along(
        a, tuple(k + (k > place) for k in range(len(shape))),
        (*shape[: place + 1], times, *shape[place + 1 :]),
    )  # fmt: skip
    longer = shape[place] * times
    return reshaped(wide, (*shape[:place], longer, *shape[place + 1 :]))


def _repeat_each(a: Node, repeats: Sequence[int], axis: int) -> Node:
    """Return each slice along an axis as often as its own number says."""
    graph, shape = a.graph, a.type.shape
    if shape[axis] != len(repeats):
        message = f"repeat expects {shape[axis]} repeats for axis {axis} of"
        raise ShapeError(f"{message} {shown(shape)}, found {len(repeats)}")
    places = [k for k, times in enumerate(repeats) for _ in range(times)]
    index = graph.make("array", (), (Constant(places or [0]),))
    if not places:
        return along(a, axis, 0, 0)
    return moved(graph.make("gather", (a, index), ((axis,),)), [0], [axis])


def _flip(graph: Graph, m: Node, axis: Any = None) -> Node:
    del graph
    for k in axes_of("flip", axis, m.type.shape):
        size = m.type.shape[k]
        m = along(m, k, size - 1, size, -1)
    return m


def _roll(graph: Graph, a: Node, shift: Any, axis: Any = None) -> Node:
    if axis is None:
        return reshaped(_roll(graph, _ravel(graph, a), shift, 0), a.type.shape)
    axes = axis if isinstance(axis, tuple | list) else (axis,)
    shifts = shift if isinstance(shift, tuple | list) else (shift,) * len(axes)
    if len(shifts) != len(axes):
        message = f"roll expects as many shifts as axes, found {shift} and {axis}"
        raise ShapeError(message)
    for k, by in zip(axes, shifts, strict=True):
        a = _rolled(a, whole("roll", by, "shift"), axis_of("roll", k, a.type.shape))
    return a


def _rolled(a: Node, shift: int, axis: int) -> Node:
    """Return two parts of an array in the other order; more than `shift` long."""
    size = a.type.shape[axis]
    if isinstance(size, int):
        shift = shift % size if size else 0
    if not shift:
        return a
    cut: Extent = size - shift if shift > 0 else -shift
    parts = [along(a, axis, cut, size - cut), along(a, axis, 0, cut)]
    return joined_along("roll", parts, axis)


BUILDERS: dict[str, Callable[..., Any]] = {
    "transpose": _transpose, "permute_dims": _transpose,
    "matrix_transpose": _matrix_transpose, "swapaxes": _swapaxes,
    "moveaxis": _moveaxis, "expand_dims": _expand_dims, "squeeze": _squeeze,
    "reshape": _reshape, "ravel": _ravel, "broadcast_to": _broadcast_to,
    "concatenate": _concatenate, "concat": _concatenate, "stack": _stack,
    "vstack": _vstack, "hstack": _hstack, "column_stack": _column_stack,
    "split": _split, "tile": _tile, "repeat": _repeat, "flip": _flip, "roll": _roll,
}  # fmt: skip
