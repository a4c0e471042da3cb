"""Rows that take sums of products, contractions and quotients with less work.

They are orders of the same terms, as in `contractions`. Sums of sums are not taken
apart: `sum(x - m)` is not `sum(x) - n*m`, whose terms cancel.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from overbar.ir.ops import OPS
from overbar.ir.ops.contract import contract, repeated, sizes, stripped
from overbar.rewrite.contractions import (
    DEEPEST,
    MOST_SHARED,
    divided,
    long,
    named,
    weave,
)
from overbar.rewrite.engine import MOST_FACTORS, Rule

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from overbar.ir.graph import Graph, Node

    Labels = Sequence[Hashable]

_CONTRACT, _MUL, _DIV = (OPS[n] for n in ("contract", "mul", "div"))


def _of_contraction(graph: Graph, x: Node, axes: Sequence[int]) -> Node | None:
    """Return the sum of a contraction as one that sums over these labels too."""
    if x.op is not _CONTRACT or named(graph, x):
        return None
    _, shared, depth = weave(graph, x)
    if shared > MOST_SHARED or depth > DEEPEST:
        return None
    xs, ys, out = x.attrs
    left = [k for a, k in enumerate(out) if a not in axes]
    extents = sizes(x.args, x.attrs)
    both, every = {*xs} & {*ys}, {*xs, *ys}
    alone = {*out} - {*left} - both
    steps = [{*part} for part in (xs, ys) if alone & {*part}]
    if steps:  # each operand is summed first, then there are fewer labels
        whole = long(every, extents)
        if not all(long(step, extents) < whole for step in (*steps, every - alone)):
            return None
    one, other = x.args
    return contract(graph, one, other, xs, ys, left)


def _of_quotient(graph: Graph, x: Node, axes: Sequence[int]) -> Node | None:
    """Return sum(x/c) as sum(x)/c where c is the same along the axes."""
    if x.op is not _DIV or named(graph, x) or not x.args[0].type.shape:
        return None
    below, labels = stripped(x.args[1], range(len(x.type.shape)))
    if set(labels) & set(axes):
        return None
    left = [k for k in range(len(x.type.shape)) if k not in axes]
    total = graph.make("sum", x.args[:1], (tuple(axes),))
    return divided(total, left, (below, labels), left)


def _of_product(graph: Graph, x: Node, axes: Sequence[int]) -> Node | None:
    """Return the sum of a product whose factors each vary along fewer axes."""
    every = range(len(x.type.shape))
    groups: dict[tuple[Hashable, ...], Node] = {}
    for factor, labels in _factors(graph, x) if x.op is _MUL else ():
        known = groups.get((*labels,))
        groups[*labels,] = factor if known is None else known * factor
    if any(len(labels) == len(every) for labels in groups) or not groups:
        return None
    terms = sorted(((n, k) for k, n in groups.items()), key=lambda f: -len(f[1]))
    out = [k for k in every if k not in axes]
    node: Node = terms[0][0]
    have: Labels = terms[0][1]
    for i, (factor, labels) in enumerate(terms[1:], 2):
        needed = {*out}.union(*(k for _, k in terms[i:]))
        left = [k for k in every if k in needed and k in {*have, *labels}]
        node, have = contract(graph, node, factor, have, labels, left), left
    size = dict(enumerate(x.type.shape))
    lost = {*every}.difference(out, *groups)
    return repeated(node, have, out, size, lost)


def _factors(graph: Graph, x: Node) -> list[tuple[Node, Labels]]:
    """Return the factors of a product, and of those that it multiplies."""
    found: list[tuple[Node, Labels]] = [(x, range(len(x.type.shape)))]
    for _ in range(MOST_FACTORS):
        split = [k for k, (n, _) in enumerate(found) if n.op is _MUL]
        split = [k for k in split if found[k][0] is x or not named(graph, found[k][0])]
        if not split:
            break
        node, labels = found[split[0]]
        found[split[0] : split[0] + 1] = [stripped(a, labels) for a in node.args]
    return found


SUMS = (
    Rule("sum", "sum_i sum_j a_ij b_jk = sum_j (sum_i a_ij) b_jk", _of_contraction,
         exact=False),
    Rule("sum", "sum(x/c) = sum(x)/c", _of_quotient, exact=False),
    Rule("sum", "sum_ij a_i b_j = (sum_i a_i) (sum_j b_j)", _of_product, exact=False),
)  # fmt: skip
