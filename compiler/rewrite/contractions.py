"""Rows that choose the order of sums and products: the same terms for less work.

A sum of products may be taken in any order: each has the same bound on its error, n
units in the last place of the sum of the terms' absolute values (Higham, Accuracy and
Stability of Numerical Algorithms, sections 3.1 and 3.5). So a label that stands in one
factor alone is summed there first, `(A @ B) @ x` is `A @ (B @ x)`, and a number comes
out of a product. What the user gave a name stays as it is.

An order is taken where its loops run over fewer labels whatever the sizes, or, where
all sizes are known, over fewer places than the largest loop before, so that nothing is
lost where what is between is needed elsewhere too.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

from overbar.ir.ops import OPS
from overbar.ir.ops.contract import contract, repeated, stripped
from overbar.rewrite.engine import Rule

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping, Sequence

    from overbar.ir.graph import Graph, Node
    from overbar.ir.ops import Op
    from overbar.ir.types import Extent

    Labels = Sequence[Hashable]
    Factor = tuple[Node, Labels]
    Extents = Mapping[Any, Extent]
    Pair = tuple[set[Hashable], set[Hashable]]

_CONTRACT, _MUL, _DIV, _NEG = (OPS[n] for n in ("contract", "mul", "div", "neg"))
_THROUGH = {
    _CONTRACT,
    _MUL,
    _DIV,
    _NEG,
    *(OPS[n] for n in ("sum", "broadcast", "transpose")),
}
MOST_SHARED, DEEPEST = 8, 30
"""Factors of each operand up to which a product of products is taken apart, since both
may be one node: A (A x) is cheap, the same of the 60th square of A is not. And steps
that sums are taken into products, each inside of the one before."""


class _Split(NamedTuple):
    """Take an operand apart: `first` meets the other operand, `last` the result.

    join: the op that brings `last` back; None where that is a sign.
    fused: whether the operand is made element by element, inside of the loops.
    """

    first: Factor
    last: Factor | None
    join: Op
    fused: bool


class _Order(NamedTuple):
    """Contract `left` with `right` into `middle`, then bring in `last`."""

    left: Factor
    right: Factor
    middle: Labels
    last: Factor | None
    join: Op
    on_left: bool


def _of_product(node: Node, labels: Labels) -> list[_Split]:
    one, other = (stripped(a, labels) for a in node.args)
    return [
        _Split(one, other, _CONTRACT, fused=True),
        _Split(other, one, _CONTRACT, fused=True),
    ]


def _of_quotient(node: Node, labels: Labels) -> list[_Split]:
    above, below = (stripped(a, labels) for a in node.args)
    return [_Split(above, below, _DIV, fused=True)]


def _of_negative(node: Node, labels: Labels) -> list[_Split]:
    return [_Split(stripped(node.args[0], labels), None, _NEG, fused=True)]


def _of_contraction(node: Node, labels: Labels) -> list[_Split]:
    known: dict[int, Hashable] = dict(zip(node.attrs[2], labels, strict=True))
    for part in node.attrs[:2]:
        for k in part:
            known.setdefault(k, object())  # summed: a label of its own
    one, other = (
        (a, [known[k] for k in part])
        for a, part in zip(node.args, node.attrs, strict=False)
    )
    return [
        _Split(one, other, _CONTRACT, fused=False),
        _Split(other, one, _CONTRACT, fused=False),
    ]


_SPLITS: dict[Any, Callable[[Node, Labels], list[_Split]]] = {
    _MUL: _of_product, _DIV: _of_quotient, _NEG: _of_negative,
    _CONTRACT: _of_contraction,
}  # fmt: skip


def named(graph: Graph, node: Node) -> bool:
    """Whether a node stands in a statement of its own, so that it stays as it is."""
    return node in graph.names or node in graph.whole


def weave(graph: Graph, node: Node) -> tuple[int, int, int]:
    """Return of how many factors a product is, shared ones counted again.

    And how many of them both operands of some product in it have, and its depth.
    """
    known, stack = graph.woven, [node]
    while stack:
        top = stack[-1]
        apart = top.op in _THROUGH and not named(graph, top)
        args = top.args if apart else ()
        missing = [a for a in args if a not in known]
        if missing and top not in known:
            stack += missing
            continue
        parts = [known[a] for a in args] or [(1, 0, 0)]
        factors = [p[0] for p in parts]
        both = min(factors) if len(parts) > 1 else 0
        known[top] = (
            sum(factors), max(both, *(p[1] for p in parts)),
            1 + max(p[2] for p in parts),
        )  # fmt: skip
        stack.pop()
    return known[node]


def _best(graph: Graph, x: Factor, y: Factor, out: Labels) -> _Order | None:
    """Return the cheapest order of the three factors that two operands are made of."""
    found: list[tuple[list[int], _Order]] = []
    for mine, other, on_left in ((x, y, True), (y, x, False)):
        node = mine[0]
        if node.op not in _SPLITS or named(graph, node):
            continue
        if weave(graph, node)[1] > MOST_SHARED:
            continue
        for split in _SPLITS[node.op](*mine):
            order = _ordered(split, mine, other, out, on_left=on_left)
            if order is not None:
                found.append(order)
    return min(found, key=lambda pair: pair[0])[1] if found else None


def _ordered(
    split: _Split, mine: Factor, other: Factor, out: Labels, *, on_left: bool
) -> tuple[list[int], _Order] | None:
    """Return an order with what it is ranked by, None where it is no cheaper."""
    first, last = split.first, split.last
    outside = set(last[1]) if last is not None else set()
    if split.join is not _CONTRACT and not outside <= {*out}:
        return None
    needed = outside | {*out}
    middle = [k for k in dict.fromkeys([*out, *first[1], *other[1]]) if k in needed]
    middle = [k for k in middle if k in {*first[1], *other[1]}]
    extents: dict[Hashable, Extent] = {}
    for node, labels in (first, other, *([last] if last is not None else [])):
        extents |= zip(labels, node.type.shape, strict=True)
    inner = {*first[1], *outside}
    before = inner, {*mine[1], *other[1]}
    after = {*first[1], *other[1]}, {*middle, *outside}
    if not _cheaper(after, before, extents, fused=split.fused):
        return None
    pair = (first, other) if on_left else (other, first)
    rank = sorted((len(step) for step in after), reverse=True)
    rank.append(len(outside))  # rather take a number out of all than put it elsewhere
    return rank, _Order(*pair, middle, last, split.join, on_left)


def _cheaper(after: Pair, before: Pair, extents: Extents, *, fused: bool) -> bool:
    """Whether two steps are cheaper than two others, given the labels they run over."""
    new, old = ([long(step, extents) for step in pair] for pair in (after, before))
    if fused:  # what is made element by element costs nothing that others share
        orders = (old, old[::-1])
        return new not in orders and any(new[0] <= a and new[1] <= b for a, b in orders)
    work = [[_places(step, extents) for step in steps] for steps in (new, old)]
    known = [w for steps in work for w in steps if w is not None]
    if len(known) == 4:
        return sum(known[:2]) < max(known[2:])
    most = max(old, key=len)
    return all(step < most for step in new)


def _places(step: set[Hashable], extents: Extents) -> int | None:
    """Return how many places loops run over, where that is known."""
    sizes_ = [e for k in step if isinstance(e := extents[k], int)]
    return prod(sizes_) if len(sizes_) == len(step) else None


def long(step: set[Hashable], extents: Extents) -> set[Hashable]:
    """Return the labels that loops run along; of nothing there is nothing to gain."""
    return {k for k in step if extents[k] not in {0, 1}}


def regrouped(
    graph: Graph, x: Node, y: Node, xs: Labels, ys: Labels, out: Labels
) -> Node | None:
    """Return a contraction with factors in a cheaper order, None where there is none.

    No recursion: a chain of products may be as long as it likes.
    """
    left, right = (x, xs), (y, ys)
    waiting: list[tuple[_Order, Labels]] = []
    order = _best(graph, left, right, out)
    if order is None:
        return None
    while True:
        while order is not None:
            waiting.append((order, out))
            left, right, out = order.left, order.right, order.middle
            order = _best(graph, left, right, out)
        node = contract(graph, left[0], right[0], left[1], right[1], out)
        while order is None:
            if not waiting:
                return node
            done, out = waiting.pop()
            made = node, done.middle
            if done.last is None:
                node = -node
                continue
            if done.join is _DIV:
                node = divided(node, done.middle, done.last, out)
                continue
            left, right = (done.last, made) if done.on_left else (made, done.last)
            if not done.last[1]:  # a number stands in front
                left, right = done.last, made
            order = _best(graph, left, right, out)
            if order is None:
                node = contract(graph, left[0], right[0], left[1], right[1], out)


def divided(node: Node, have: Labels, below: Factor, out: Labels) -> Node:
    """Return an array divided by another, each spread along the labels of the result.

    have: the labels of the node, in the order of `out`.
    """
    divisor, labels = below
    ordered = [k for k in out if k in labels]
    size = dict(
        zip((*have, *labels), (*node.type.shape, *divisor.type.shape), strict=True)
    )
    if labels:
        turn = tuple(list(labels).index(k) for k in ordered)
        divisor = node.graph.make("transpose", (divisor,), (turn,))
    return repeated(node, have, out, size) / repeated(divisor, ordered, out, size)


def _both_signs(
    graph: Graph, x: Node, y: Node, xs: Labels, ys: Labels, out: Labels
) -> Node | None:
    if any(n.op is not _NEG or named(graph, n) for n in (x, y)):
        return None
    return contract(graph, x.args[0], y.args[0], xs, ys, out)


def _sign_inside(graph: Graph, x: Node) -> Node | None:
    """Return -(-A B) as A B."""
    if x.op is not _CONTRACT or named(graph, x):
        return None
    bare = [a.args[0] if a.op is _NEG and not named(graph, a) else a for a in x.args]
    if sum(a is not b for a, b in zip(bare, x.args, strict=True)) != 1:
        return None
    return contract(graph, *bare, *x.attrs)


CONTRACTIONS = (
    Rule("neg", "-((-A) B) = A B", _sign_inside, operands=("contract",)),
    Rule("contract", "(-A) (-B) = A B", _both_signs),
    Rule("contract", "(A B) x = A (B x), (c A) x = c (A x), in the cheapest order",
         regrouped, exact=False),
)  # fmt: skip
