"""The row of the places that a mask chooses, and how ops leave out what it does not.

`x[mask]` has as many elements as the mask has True, which only a call can tell. So it
is computed over all elements of x: what masks leave out stays where it is, and each op
that puts elements together takes them for a number that does not count, 0 in a sum.
The rules here say so, one a kind of op (column `sparing`); `spare` is what knows masks
(see `overbar.masks`), `spare[node]` a node over all elements.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from overbar.ir.ops.row import LOOSEST, Notation, Op, apply
from overbar.ir.types import BOOL, INT

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from overbar.ir.graph import Graph, Node
    from overbar.ir.ops.typing import Typed

    Rule = Callable[[Any, Node], Node]


def moving(spare: Any, node: Node) -> Node:
    """Return an op that repeats or moves elements, all of a chosen axis alike."""
    spare.need_whole(node)
    args = [spare[a] for a in node.args]
    return node.graph.make(node.op, args, spare.attrs(node))


def along(
    value: float,
    axes: Callable[[Node], Sequence[int]] = lambda node: node.attrs[0],
    *,
    linear: bool = False,
) -> Rule:
    """Return the rule of an op that puts elements along axes together.

    value: what does not count, as an infinity the smallest or largest of integers.
    linear: elements along other axes may be anything. Else they are left out too: in a
    derivative 0 would meet a NaN there.
    """

    def rule(spare: Any, node: Node) -> Node:
        (x,) = node.args
        full = spare.filled(x, value, axes(node))
        if not linear and full is spare[x]:
            full = spare.filled(x, 0.0, range(len(x.type.shape)))
        return node.graph.make(node.op, (full,), spare.attrs(node))

    return rule


def contracting(spare: Any, node: Node) -> Node:
    """Return a product, with 0 for what is not chosen.

    Along axes of the result too: what is there is a factor in the other one's adjoint.
    """
    args = [spare.filled(a, 0.0, range(len(a.type.shape))) for a in node.args]
    return node.graph.make(node.op, args, node.attrs)


def gathering(spare: Any, node: Node) -> Node:
    """Return what is read at computed places: at a mask's, all elements in order."""
    x, *indices = node.args
    (axes,) = node.attrs
    if spare.is_choice(x, indices, axes):
        return spare.all_of(x, indices, axes)  # type: ignore[no-any-return]
    places = []
    for axis, index in zip(axes, indices, strict=True):
        if x.type.shape[axis] in spare:
            places.append(spare.place_in(index, node))
        else:
            places.append(spare.filled(index, 0, range(len(index.type.shape))))
    full = spare.filled(x, 0.0, range(len(x.type.shape)))  # it has no activity
    return node.graph.make(node.op, (full, *places), node.attrs)


def scattering(spare: Any, node: Node) -> Node:
    """Return rows added at computed places, zeros for those that are not chosen."""
    g, *indices = node.args
    axes, shape = node.attrs
    if any(shape[k] in spare for k in axes):
        raise spare.refusal(node)
    own = range(len(indices[0].type.shape))
    args = [spare.filled(a, 0, own) for a in (g, *indices)]
    return node.graph.make(node.op, args, spare.attrs(node))


def placing(spare: Any, node: Node) -> Node:
    """Return rows with a single 1 each, anywhere in those that are not chosen."""
    (index,) = node.args
    if node.attrs[0] in spare:
        raise spare.refusal(node)
    full = spare.filled(index, 0, range(len(index.type.shape)))
    return node.graph.make(node.op, (full,), node.attrs)


def counting(spare: Any, node: Node) -> Node:
    """Return how many elements are chosen, for a size that is made of that."""
    return spare.size(node.attrs[0], node)  # type: ignore[no-any-return]


def ranking(spare: Any, node: Node) -> Node:
    """Return 0, 1, 2, ... along what is chosen."""
    if node.attrs[0] not in spare:
        raise spare.refusal(node)
    ones = node.graph.convert(spare.mask(node.attrs[0]), INT)
    return node.graph.make("cumsum", (ones,), (0, False)) - 1


def _places(
    _graph: Graph, _name: str, args: Sequence[Node], attrs: tuple[Any, ...]
) -> Typed:
    return args, INT.of((attrs[1],))


def _axis_places(spare: Any, node: Node) -> Node:
    """Return where each element of a mask stands along one of its axes."""
    (mask,) = node.args
    shape = spare[mask].type.shape
    axis = node.attrs[0]
    graph = node.graph
    each = graph.spread_along(graph.iota(shape[axis]), (axis,), shape)
    return graph.make("reshape", (each,), (spare.attrs(node)[1:],))


def _places_text(node: Node) -> Notation:
    """Write the places in a line by the mask, as in an index."""
    if len(node.args[0].type.shape) == 1:
        return Notation("{0}", LOOSEST)
    return Notation(f"nonzero({{0}})[{node.attrs[0]}]")


def fill_of(value: float, dtype: str) -> float:
    """Return a number that does not count, in a dtype."""
    if dtype == BOOL.dtype:
        return bool(value > 0)
    if dtype == INT.dtype:
        ends = np.iinfo(np.int64)
        if math.isinf(value):
            return int(ends.max if value > 0 else ends.min)
        return int(value)
    return value


def both(one: Node | None, other: Node) -> Node:
    """Return where two masks choose, the first may be none."""
    return other if one is None else apply("and", one, other)


ROWS = (
    Op(
        name="nonzero", typing=None, shaping=_places, sparing=_axis_places,
        numpy=lambda axis, _size, mask: np.nonzero(mask)[axis],
        text=_places_text,
        accuracy="the places that a mask chooses along an axis: while reading alone",
    ),
)  # fmt: skip
