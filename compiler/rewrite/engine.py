"""Apply rewrite rows as nodes are made.

A row states its algebra and whether it is exact in floating point (NaN, infinities
and -0.0 included). `rewriter` turns rows into the function that a Graph asks before it
makes a node; what a row answers is itself built of nodes that went through the rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from overbar.ir.ops import OPS, lookup
from overbar.ir.types import INT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from overbar.ir.graph import Graph, Node, Rewrite
    from overbar.ir.ops import Op

Answer: TypeAlias = "Callable[..., Node | None]"

_CONST, _NEG, _MUL, _POWI = OPS["const"], OPS["neg"], OPS["mul"], OPS["powi"]
_SCALES = (_MUL, OPS["div"])
MOST_FACTORS = 4
"""So many constant factors are looked through: a bound, lest long chains cost n**2."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Hold one rewrite row.

    op: the name of the op that it looks at.
    algebra: what it does, as mathematics.
    answer: `(graph, *args)` with the op's attributes after the operands; the better
        node, or None where the row does not apply.
    exact: whether the value is the same float for all operands; rows that are not
        exact are noted in the graph's `rewrites` when they are applied.
    heads: ops one of which an operand has to be, once constant factors and signs are
        taken off it; none: the row is asked in any case.
    """

    op: str
    algebra: str
    answer: Answer
    exact: bool = True
    heads: tuple[str, ...] = ()


def rewriter(rules: Iterable[Rule]) -> Rewrite:
    """Return the rewrite function of a Graph for these rows, first come first."""
    table, headed = _index(rules)
    none: list[Rule] = []
    no_heads: dict[Op, list[Rule]] = {}

    def rewrite(
        graph: Graph, op: Op, args: Sequence[Node], attrs: tuple[Any, ...]
    ) -> Node | None:
        if op.exact and args[-1].op is _CONST and args[0].op is _CONST:
            folded = _fold(graph, op, args)
            if folded is not None:
                return folded
        rows = table.get(op.name, none)
        by_head = headed.get(op.name, no_heads)
        if by_head:
            found = [rule for a in args for rule in by_head.get(head(a), none)]
            rows = [*rows, *dict.fromkeys(found)] if found else rows
        for rule in rows:
            better = rule.answer(graph, *args, *attrs)
            if better is not None:
                if not rule.exact:
                    graph.rewrites.setdefault((rule.algebra, graph.span))
                return better
        return None

    return rewrite


def _index(
    rules: Iterable[Rule],
) -> tuple[dict[str, list[Rule]], dict[str, dict[Op, list[Rule]]]]:
    """Return the rows to ask in any case, by op, and those by op and head."""
    table: dict[str, list[Rule]] = {}
    headed: dict[str, dict[Op, list[Rule]]] = {}
    for rule in rules:
        if not rule.heads:
            table.setdefault(rule.op, []).append(rule)
        for name in rule.heads:
            rows = headed.setdefault(rule.op, {}).setdefault(lookup(name), [])
            rows.append(rule)
    return table, headed


def head(node: Node) -> Op:
    """Return the op of a node, constant factors and signs taken off; x*x is a power.

    >>> from overbar.ir.graph import Graph
    >>> from overbar.ir.ops import apply
    >>> head(-2.0 * apply("exp", Graph().input("x")) / 3.0)
    <op exp>
    """
    for _ in range(MOST_FACTORS):
        op, args = node.op, node.args
        if op is _NEG or (op in _SCALES and args[1].op is _CONST):
            node = args[0]
        elif op is _MUL and args[0].op is _CONST:
            node = args[1]
        else:
            return _POWI if op is _MUL and args[0] is args[1] else op
    return node.op


def _fold(graph: Graph, op: Op, args: Sequence[Node]) -> Node | None:
    """Return the constant that an exact op makes of constants, if it is finite."""
    if any(a.op is not _CONST for a in args):
        return None
    values = [a.value for a in args]
    if all(a.type is INT for a in args) and op.mp is not None:
        result = op.mp(None, *values)
        return graph.const(result)
    if op.numpy is None:
        return None
    with np.errstate(all="ignore"):
        result = op.numpy(
            *(np.asarray(v, a.type.dtype) for v, a in zip(values, args, strict=True))
        )
    if result.dtype == bool:
        return graph.const(bool(result))
    if not np.isfinite(result):
        return None
    return graph.const(float(result), args[-1].type)
