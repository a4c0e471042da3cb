"""Rows of sums: of all elements along axes, and running ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from overbar.ir.ops import phrases
from overbar.ir.ops.contract import contract, stripped
from overbar.ir.ops.masks import along
from overbar.ir.ops.reduce import (
    back,
    kept,
    of_transposed,
    reduced_to,
    reduction,
    unknown_activity,
)
from overbar.ir.ops.row import (
    Notation,
    Op,
    call,
)
from overbar.ir.ops.shapes import product
from overbar.ir.types import INT, extents

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from overbar.ir.graph import Graph, Node


def _sum_tidy(
    graph: Graph, args: Sequence[Node], attrs: tuple[Any, ...]
) -> Node | None:
    """Take what is the same along an axis, signs, and products out of a sum."""
    (x,), (axes,) = args, attrs
    if not axes:
        return x
    rule = _IN_ORDER.get(x.op.name)
    if rule is None and not graph.strict:
        rule = _IN_ANY_ORDER.get(x.op.name)
    return None if rule is None else rule(x, axes)


def _sum_neg(x: Node, axes: Sequence[int]) -> Node:
    return -x.graph.make("sum", x.args, (axes,))


def _sum_product(whole: Node, axes: Sequence[int]) -> Node | None:
    """Return the sum of a product over axes as a contraction.

    Factors that are the same along all the axes come out of the sum, one after the
    other. At strict accuracy products are added as they are written.
    """
    graph = whole.graph
    left = [k for k in range(len(whole.type.shape)) if k not in axes]
    outside: list[tuple[Node, list[int]]] = []
    inner = whole
    while not graph.strict and (found := _constant_along(inner, axes)) is not None:
        inner, taken = found
        outside.append(taken)
    if not outside:
        return _as_contraction(graph, whole, axes, left)
    total = graph.make("sum", (inner,), (tuple(axes),))
    for factor, labels in reversed(outside):
        total = contract(graph, factor, total, labels, left, left)
    return total


def _constant_along(
    node: Node, axes: Sequence[int]
) -> tuple[Node, tuple[Node, list[int]]] | None:
    """Return a product's factor that varies along axes, and the other, with labels."""
    if node.op.name != "mul" or not node.type.shape:
        return None
    every = range(len(node.type.shape))
    for one, other in (node.args, node.args[::-1]):
        factor, labels = stripped(one, every)
        if not set(labels) & set(axes) and other.type.shape:
            return other, (factor, labels)
    return None


def _as_contraction(
    graph: Graph, whole: Node, axes: Sequence[int], out: Sequence[int]
) -> Node | None:
    shape = whole.type.shape
    factors = [stripped(a, range(len(shape))) for a in whole.args]
    full = all(len(labels) == len(shape) for _, labels in factors)
    if full and len(shape) > 1:  # the sum of elements' products stays as written
        return None
    present = {label for _, labels in factors for label in labels}
    if not present >= {*out, *axes}:  # some factor is the same along an axis
        return None
    (x, xs), (y, ys) = factors
    if graph.strict and not {*xs} & {*ys} >= {*axes}:  # one would be summed first
        return None
    return contract(graph, x, y, xs, ys, out)


def _sum_one_hot(x: Node, axes: Sequence[int]) -> Node | None:
    """Return ones for sums over rows that have a single 1."""
    graph, last = x.graph, len(x.type.shape) - 1
    if last not in axes:
        return None
    ones = graph.const(1.0, x.type.scalar.of(x.type.shape[:-1]))
    left = tuple(a for a in axes if a < last)
    return graph.make("sum", (ones,), (left,)) if left else ones


def _sum_sum(x: Node, axes: Sequence[int]) -> Node:
    own = kept(x.args[0].type.shape, x.attrs[0])
    both = (*x.attrs[0], *(own[a] for a in axes))
    return x.graph.make("sum", x.args, (tuple(sorted(both)),))


def _sum_transpose(x: Node, axes: Sequence[int]) -> Node:
    return of_transposed("sum", x, axes)


def _sum_broadcast(x: Node, axes: Sequence[int]) -> Node:
    """Return the sum before a broadcast; times a count where it is along new axes."""
    graph, own, shape = x.graph, x.attrs[0], x.type.shape
    new = [a for a in axes if a not in own]
    count = graph.extent(product(tuple(shape[a] for a in new)))
    inner = graph.make(
        "sum", x.args, (tuple(k for k, a in enumerate(own) if a in axes),)
    )
    left = kept(shape, axes)
    scaled = inner if count.equals(1) else graph.convert(count, inner.type) * inner
    return graph.spread_along(
        scaled,
        tuple(left.index(a) for a in own if a not in axes),
        tuple(shape[a] for a in left),
    )


_IN_ORDER: dict[str, Callable[..., Node | None]] = {
    "neg": _sum_neg, "mul": _sum_product, "one_hot": _sum_one_hot,
}  # fmt: skip
"""What sums of some ops are, their terms added in the order written."""

_IN_ANY_ORDER: dict[str, Callable[..., Node | None]] = {
    "sum": _sum_sum, "transpose": _sum_transpose, "broadcast": _sum_broadcast,
}  # fmt: skip


def plus(total, x):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN201
    """Return total + x; such sums may be taken in several lanes at once."""
    return total + x


plus.fastmath = {"reassoc"}  # type: ignore[attr-defined]


def _cumsum_back(g: Node, out: Node, x: Node) -> Node:
    axis, backwards = out.attrs
    return x.graph.make("cumsum", (g,), (axis, not backwards))


def _cumsum(axis: int, backwards: Any, x: Any) -> Any:
    if not backwards:
        return np.cumsum(x, axis)
    return np.flip(np.cumsum(np.flip(x, axis), axis), axis)


def cumulated(x, backwards):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN201
    """Return running sums along the middle axis of three."""
    out = np.empty_like(x)
    for i in range(x.shape[0]):
        for k in range(x.shape[2]):
            total = 0.0
            for step in range(x.shape[1]):
                j = x.shape[1] - 1 - step if backwards else step
                total += x[i, j, k]
                out[i, j, k] = total
    return out


def _cumsum_latex(node: Node) -> Notation:
    axis, backwards = node.attrs
    along = f"_{{{{{axis + 1}}}}}" if len(node.type.shape) > 1 else ""
    arrow = r"^{{\leftarrow}}" if backwards else ""
    return Notation(rf"\operatorname{{{{cumsum}}}}{along}{arrow}\left({{0}}\right)")


def _cumsum_python(node: Node) -> Notation:
    axis, backwards = node.attrs
    shape = node.type.shape
    three = (product(shape[:axis]), shape[axis], product(shape[axis + 1 :]))
    inner = f"cumulated({{0}}.reshape({extents(three)}), {backwards})"
    return Notation(f"{inner}.reshape({extents(shape)})")


ROWS = (
    Op(
        name="plus", arity=2, typing=None, helper=plus, python=call("plus"),
        accuracy="a step of a sum whose order is free, so that LLVM may vectorise it",
    ),
    reduction(
        "sum", np.sum, shaping=reduced_to(INT), tidy=_sum_tidy,
        phrases=phrases.OF_SUM, sparing=along(0, linear=True),
        transposes=(lambda g, out, x: back(g, out.attrs[0], x),),
    ),
    Op(
        name="cumsum", typing=None, helper=cumulated, python=_cumsum_python,
        routine="running",
        sparing=along(0, lambda node: node.attrs[:1]),
        activity=unknown_activity, numpy=_cumsum, mixes=lambda n: (n.attrs[0],),
        shaping=lambda graph, name, args, attrs: (args, args[0].type),
        text=lambda n: Notation(
            f"cumsum({{0}}, axis={n.attrs[0]}{', reverse=True' * n.attrs[1]})"
        ),
        latex=_cumsum_latex,
        transposes=(_cumsum_back,),
    ),
)  # fmt: skip
