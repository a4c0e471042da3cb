"""Multiply arrays whose axes carry labels, and sum over labels: as contractions.

Comes in: factors, each an array and the labels of its axes (anything hashable), and the
labels of the result. Goes out: a node made of contractions of two arrays each.
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any, NamedTuple

from overbar.ir.ops.contract import contract

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from overbar.ir.graph import Graph, Node

_MOST_COMPARED = 12


class Factor(NamedTuple):
    """Pair an array with the labels of its axes."""

    node: Node
    labels: tuple[Any, ...]


def einsum(graph: Graph, factors: Sequence[Factor], out: Sequence[Any]) -> Node:
    """Return the product of factors, summed over all labels that are not in `out`.

    A label that a factor has twice means its diagonal. Of three factors or more the
    two are multiplied first whose product has the fewest axes.
    """
    left = [_diagonal(graph, f) for f in factors]
    while len(left) > 1:
        i, j = _next(left, out)
        rest = [f for k, f in enumerate(left) if k not in {i, j}]
        labels = _result(left[i], left[j], rest, out)
        x, y = left[i], left[j]
        node = contract(graph, x.node, y.node, x.labels, y.labels, labels)
        rest.insert(i, Factor(node, tuple(labels)))
        left = rest
    return _arranged(graph, left[0], out)


def _result(x: Factor, y: Factor, rest: Iterable[Factor], out: Sequence[Any]) -> list[Any]:
    """Return the labels of a product that are needed further on."""
    needed = {*out, *(label for f in rest for label in f.labels)}
    kept = [k for k in dict.fromkeys((*x.labels, *y.labels)) if k in needed]
    return list(out) if set(kept) == set(out) else kept


def _next(left: Sequence[Factor], out: Sequence[Any]) -> tuple[int, int]:
    """Return the positions of the two factors to multiply next."""
    if len(left) > _MOST_COMPARED:
        return 0, 1
    uses: dict[Any, int] = dict.fromkeys(out, len(left))
    for f in left:
        for label in f.labels:
            uses[label] = uses.get(label, 0) + 1

    def key(pair: tuple[int, int]) -> tuple[int, int, int, int]:
        x, y = (set(left[k].labels) for k in pair)
        gone = {k for k in x | y if uses[k] == (k in x) + (k in y)}
        kept = (x | y) - gone
        return len(kept) - max(len(x), len(y)), -len(gone), *pair

    return min(combinations(range(len(left)), 2), key=key)


def _arranged(graph: Graph, factor: Factor, out: Sequence[Any]) -> Node:
    """Return one factor summed over what is not in `out`, its axes in that order."""
    node, labels = factor
    axes = tuple(k for k, label in enumerate(labels) if label not in out)
    if axes:
        node = graph.make("sum", (node,), (axes,))
    kept = [label for label in labels if label in out]
    perm = tuple(kept.index(label) for label in out)
    if perm == tuple(range(len(perm))):
        return node
    return graph.make("transpose", (node,), (perm,))


def _diagonal(graph: Graph, factor: Factor) -> Factor:
    """Return a factor with each of its labels once."""
    node, labels = factor
    for label in dict.fromkeys(labels):
        axes = tuple(k for k, other in enumerate(labels) if other == label)
        if len(axes) > 1:
            places = graph.iota(node.type.shape[axes[0]])
            node = graph.make("gather", (node, *[places] * len(axes)), (axes,))
            labels = (label, *(other for other in labels if other != label))
    return Factor(node, labels)
