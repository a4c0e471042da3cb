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

_CONST, _NEG, _MUL, _POWI = OPS["const"], OPS["neg"], OPS["mul"], OPS["powi"]
_SCALES = (_MUL, OPS["div"])
_SEEN_THROUGH = frozenset((_NEG, *_SCALES))
"""Ops whose head may be another one; all others are their own."""
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
    operands: the same for the operands as they are.
    """

    op: str
    algebra: str
    answer: Answer
    exact: bool = True
    heads: tuple[str, ...] = ()
    operands: tuple[str, ...] = ()

    @property
    def picky(self) -> bool:
        """Whether the row is asked about some operands alone."""
        return bool(self.heads or self.operands)

    def looks_at(self, operands: Iterable[Op], heads: Iterable[Op]) -> bool:
        """Whether the row is to be asked about operands of these ops and heads."""
        return all(
            not wanted or any(op.name in wanted for op in found)
            for wanted, found in ((self.operands, operands), (self.heads, heads))
        )


def rewriter(rules: Iterable[Rule]) -> Rewrite:
    """Return the rewrite function of a Graph for these rows, first come first."""
    table: dict[str, list[Rule]] = {}
    for rule in rules:
        table.setdefault(rule.op, []).append(rule)
        if rule.picky and OPS[rule.op].arity not in {1, 2}:
            message = f"expected an op of one or two operands, found {rule.op}"
            raise ValueError(message)
    picky = {name for name, rows in table.items() if any(r.picky for r in rows)}
    chosen: dict[tuple[Op, ...], list[Rule]] = {}  # by op, operands, and their heads

    def choose(op: Op, args: Sequence[Node]) -> list[Rule]:
        x, y = args[0], args[-1]
        one, other = x.op, y.op
        key = (
            op,
            one, head(x) if one in _SEEN_THROUGH else one,
            other, head(y) if other in _SEEN_THROUGH else other,
        )  # fmt: skip
        rows = chosen.get(key)
        if rows is None:
            rows = [r for r in table[op.name] if r.looks_at(key[1::2], key[2::2])]
            chosen[key] = rows
        return rows

    def rewrite(
        graph: Graph, op: Op, args: Sequence[Node], attrs: tuple[Any, ...]
    ) -> Node | None:
        if op.exact and args[-1].op is _CONST and args[0].op is _CONST:
            folded = _fold(graph, op, args)
            if folded is not None:
                return folded
        name = op.name
        rules = choose(op, args) if name in picky else table.get(name)
        return _first(rules, graph, args, attrs) if rules else None

    return rewrite


def _first(
    rules: Iterable[Rule], graph: Graph, args: Sequence[Node], attrs: tuple[Any, ...]
) -> Node | None:
    """Return the first answer, and note it where it is not exact."""
    for rule in rules:
        try:
            better = rule.answer(graph, *args, *attrs)
        except OverflowError:  # constants were gathered into one that no float holds
            continue
        if better is not None:
            if not rule.exact:
                graph.rewrites.setdefault((rule.algebra, graph.span))
            return better
    return None


def head(node: Node) -> Op:
    """Return the op of a node, constants and signs taken off; x*x is a power.

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
            return _POWI if op is _MUL and _squares(*args) else op
    return node.op


def _squares(x: Node, y: Node) -> bool:
    """Whether x*y is u*u, or (2*u)*u."""
    return x is y or (x.op is _MUL and y in x.args and x.args[0].op is _CONST)


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
