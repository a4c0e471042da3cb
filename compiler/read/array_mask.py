"""Find what masks choose: places as integers, and how many there are.

Comes in: arrays of truths. Goes out: one array of places for each axis of a mask. Their
size is a number where the mask is known when compiling, else one named after the mask,
such as `count(y > 0)`: the same for the same mask.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from overbar.ir.constants import Constant
from overbar.ir.errors import ShapeError
from overbar.ir.evaluate import evaluate
from overbar.ir.ops import OPS
from overbar.ir.ops.shapes import product
from overbar.ir.types import Dim, dim, dims
from overbar.read.array_reduce import truth
from overbar.read.array_shape import reshaped
from overbar.read.array_static import rank, shown

if TYPE_CHECKING:
    from collections.abc import Callable

    from overbar.ir.graph import Graph, Node
    from overbar.ir.types import Shape

INPUT = OPS["input"]


class Alike(dict["Node", Dim]):
    """Give all masks one size: of stand-ins nobody knows which are the same."""

    def __missing__(self, mask: Node) -> Dim:
        """Return the size of what any mask chooses."""
        return dim("count(mask)")


def places(mask: Node) -> list[Node]:
    """Return the places where a mask is True, one array an axis, as `np.nonzero`."""
    graph = mask.graph
    if not rank(mask):
        message = "expected a mask with axes, as in x[x > 0], found one condition"
        raise ShapeError(f"{message}; where(condition, x, 0) takes one")
    known = _known(mask)
    if known is not None:
        found = [Constant(axis) for axis in np.nonzero(known)]
        return [graph.make("array", (), (constant,)) for constant in found]
    size = _count(graph, mask)
    return [graph.make("nonzero", (mask,), (k, size)) for k in range(rank(mask))]


def need_fit(mask: Node, axis: int, shape: Shape, place: int) -> None:
    """Raise ShapeError unless an axis of a mask fits that of the array it is for."""
    own = mask.type.shape[axis]
    if own != shape[place]:
        message = f"expected a mask that fits {shown(shape)}, of size {shape[place]} "
        message += f"for its axis {place}, found {own} in {shown(mask.type.shape)}"
        raise ShapeError(message)


def _known(mask: Node) -> Any:
    """Return a mask's truths if no call changes them, else None."""
    order = mask.graph.order([mask])
    if any(n.op is INPUT or dims((n.type.shape, n.attrs)) for n in order):
        return None
    return evaluate(mask.graph, {}, [mask])[mask]


def _count(graph: Graph, mask: Node) -> Dim:
    """Return the size of what a mask chooses."""
    try:
        return graph.counts[mask]
    except KeyError:
        from overbar.explain import phrase

        text = graph.names.get(mask) or phrase(graph, mask)
        name = f"count({text})"
        taken = {size.name for size in graph.counts.values()}
        while name in taken:
            name += "'"
        return graph.counts.setdefault(mask, dim(name))


# Functions ----------------------------------------------------------------------------


def flat(a: Node) -> Node:
    """Return an array along one axis."""
    return reshaped(a, (product(a.type.shape),))


def _nonzero(graph: Graph, a: Node) -> tuple[Node, ...]:
    del graph
    return tuple(places(truth(a)))


def _flatnonzero(graph: Graph, a: Node) -> Node:
    del graph
    return places(truth(flat(a)))[0]


BUILDERS: dict[str, Callable[..., Any]] = {
    "nonzero": _nonzero, "flatnonzero": _flatnonzero,
}  # fmt: skip
