"""Apply rewrite rows as nodes are made.

A row states its algebra and whether it is exact in floating point (NaN, infinities
and -0.0 included). `rewriter` turns rows into the function that a Graph asks before it
makes a node; what a row answers is itself built of nodes that went through the rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from overbar.ir.ops import OPS
from overbar.ir.types import INT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from overbar.ir.graph import Graph, Node, Rewrite
    from overbar.ir.ops import Op

Answer: TypeAlias = "Callable[..., Node | None]"


@dataclass(frozen=True, slots=True)
class Rule:
    """Hold one rewrite row.

    op: the name of the op that it looks at.
    algebra: what it does, as mathematics.
    answer: `(graph, *args)` with the op's attributes after the operands; the better
        node, or None where the row does not apply.
    exact: whether the value is the same float for all operands; rows that are not
        exact are noted in the graph's `rewrites` when they are applied.
    """

    op: str
    algebra: str
    answer: Answer
    exact: bool = True


def rewriter(rules: Iterable[Rule]) -> Rewrite:
    """Return the rewrite function of a Graph for these rows, first come first."""
    table: dict[str, list[Rule]] = {}
    for rule in rules:
        table.setdefault(rule.op, []).append(rule)
    none: list[Rule] = []
    const = OPS["const"]

    def rewrite(
        graph: Graph, op: Op, args: Sequence[Node], attrs: tuple[Any, ...]
    ) -> Node | None:
        if op.exact and args[-1].op is const and args[0].op is const:
            folded = _fold(graph, op, args)
            if folded is not None:
                return folded
        for rule in table.get(op.name, none):
            better = rule.answer(graph, *args, *attrs)
            if better is not None:
                if not rule.exact:
                    graph.rewrites.setdefault((rule.algebra, graph.span))
                return better
        return None

    return rewrite


def _fold(graph: Graph, op: Op, args: Sequence[Node]) -> Node | None:
    """Return the constant that an exact op makes of constants, if it is finite."""
    if any(a.op is not OPS["const"] for a in args):
        return None
    values = [a.value for a in args]
    if all(a.type is INT for a in args) and op.mp is not None:
        result = op.mp(None, *values)
        return graph.const(result)
    if op.numpy is None:
        return None
    with np.errstate(all="ignore"):
        result = op.numpy(*(np.asarray(v, a.type.dtype) for v, a in zip(values, args, strict=True)))
    if result.dtype == bool:
        return graph.const(bool(result))
    if not np.isfinite(result):
        return None
    return graph.const(float(result), args[-1].type)
