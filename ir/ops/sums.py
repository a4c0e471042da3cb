"""Rows of sums: of all elements along axes, and running ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from overbar.ir.ops import phrases
from overbar.ir.ops.contract import contract, contract_sum
from overbar.ir.ops.reduce import back, kept, reduced_to, reduction, unknown_activity
from overbar.ir.ops.row import (
    Notation,
    Op,
    call,
)
from overbar.ir.ops.shapes import product
from overbar.ir.types import INT, extents

if TYPE_CHECKING:
    from collections.abc import Sequence

    from overbar.ir.graph import Graph, Node


def _sum_tidy(  # noqa: PLR0911 - one rule after the other
    graph: Graph, args: Sequence[Node], attrs: tuple[Any, ...]
) -> Node | None:
    """Take what is the same along an axis, signs, and products out of a sum."""
    (x,), (axes,) = args, attrs
    if not axes:
        return x
    if x.op.name == "sum":
        own = kept(x.args[0].type.shape, x.attrs[0])
        both = (*x.attrs[0], *(own[a] for a in axes))
        return graph.make("sum", x.args, (tuple(sorted(both)),))
    if x.op.name == "neg":
        return -graph.make("sum", x.args, attrs)
    if x.op.name == "transpose":
        return _sum_transpose(x, axes)
    if x.op.name == "broadcast":
        return _sum_broadcast(x, axes)
    if x.op.name == "mul":
        return contract_sum(graph, x, axes)
    if x.op.name == "contract":
        xs, ys, out = x.attrs
        if all(out[a] in xs and out[a] in ys for a in axes):  # a trace
            left_out = [k for a, k in enumerate(out) if a not in axes]
            one, other = x.args
            return contract(graph, one, other, xs, ys, left_out)
    if x.op.name == "one_hot" and len(x.type.shape) - 1 in axes:
        left = tuple(a for a in axes if a < len(x.type.shape) - 1)
        ones = graph.const(1.0, x.type.scalar.of(x.type.shape[:-1]))
        return graph.make("sum", (ones,), (left,)) if left else ones
    return None


def _sum_transpose(x: Node, axes: Sequence[int]) -> Node:
    """Return the sum of what was transposed, the rest transposed after it."""
    (perm,) = x.attrs
    graph = x.graph
    inner = graph.make("sum", x.args, (tuple(sorted(perm[a] for a in axes)),))
    left = [perm[a] for a in kept(x.type.shape, axes)]
    order = tuple(sorted(left).index(a) for a in left)
    return graph.make("transpose", (inner,), (order,)) if order else inner


def _sum_broadcast(x: Node, axes: Sequence[int]) -> Node | None:
    """Return a sum over axes along which some values are the same."""
    graph, own, shape = x.graph, x.attrs[0], x.type.shape
    new = [a for a in axes if a not in own]
    if not new:
        return None
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
        phrases=phrases.OF_SUM,
        transposes=(lambda g, out, x: back(g, out.attrs[0], x),),
    ),
    Op(
        name="cumsum", typing=None, helper=cumulated, python=_cumsum_python,
        activity=unknown_activity, numpy=_cumsum, mixes=lambda n: (n.attrs[0],),
        shaping=lambda graph, name, args, attrs: (args, args[0].type),
        text=lambda n: Notation(
            f"cumsum({{0}}, axis={n.attrs[0]}{', reverse=True' * n.attrs[1]})"
        ),
        latex=_cumsum_latex,
        transposes=(_cumsum_back,),
    ),
)  # fmt: skip
