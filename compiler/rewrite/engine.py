"""Apply rewrite rows as nodes are made.

A row states its algebra and whether it is exact in floating point (NaN, infinities
and -0.0 included). `Rewriter` turns rows into the function that a Graph asks before it
makes a node; what a row answers is itself built of nodes that went through the rows.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from overbar.ir.ops import OPS
from overbar.ir.types import F64, INT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from overbar.ir.graph import Graph, Node
    from overbar.ir.ops import Op

Answer: TypeAlias = "Callable[..., Node | None]"
_Choice: TypeAlias = "tuple[bool, list[Rule]]"

_CONST, _NEG, _POWI = OPS["const"], OPS["neg"], OPS["powi"]
_MUL, _DIV = OPS["mul"], OPS["div"]
_SEEN_THROUGH = frozenset((_NEG, _MUL, _DIV))
"""Ops whose head may be another one; all others are their own."""
_FACES: dict[tuple[Op, Op], object] = {}
"""Faces of such ops, by their head: an object has its hash at once, a pair has not."""
_UNIT = "unit"
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
    operands: the same for the operands as they are; "unit" are the constants 1 and -1.
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

    def looks_at(self, operands: set[str], heads: set[str]) -> bool:
        """Whether the row is to be asked about operands of these ops and heads."""
        return all(
            not wanted or not found.isdisjoint(wanted)
            for wanted, found in ((self.operands, operands), (self.heads, heads))
        )


class Rewriter:
    """Rewrite by rules: the function that a Graph asks, first come first.

    silent: ops with their operands' faces about which no rule is asked and nothing is
        folded, as far as they came up: a graph looks here before it asks.
    """

    def __init__(self, rules: Iterable[Rule]) -> None:
        self.silent: set[tuple[Op, object, object]] = set()
        self._rules: dict[Op, list[Rule]] = defaultdict(list)
        self._chosen: dict[tuple[Op, object, object], _Choice] = {}
        for rule in rules:
            op = OPS[rule.op]
            self._rules[op].append(rule)
            if rule.picky and op.arity not in {1, 2}:
                message = f"expected an op of one or two operands, found {rule.op}"
                raise ValueError(message)

    def __call__(
        self, graph: Graph, op: Op, args: Sequence[Node], attrs: tuple[Any, ...]
    ) -> Node | None:
        """Return the better node for an op on operands, None where there is none."""
        if not args:
            return None
        x, y = args[0], args[-1]
        key = op, x.face or face(x), y.face or face(y)
        if key in self.silent:  # as for most operands
            return None
        choice = self._chosen.get(key)
        if choice is None:
            choice = self._choose(op, args)
            if not any(choice):
                self.silent.add(key)
                return None
            self._chosen[key] = choice
        folds, rules = choice
        folded = _fold(graph, op, args) if folds else None
        return folded or _first(rules, graph, args, attrs)

    def _choose(self, op: Op, args: Sequence[Node]) -> _Choice:
        """Return whether constants may be folded, and the rows to ask."""
        operands, heads = {a.op.name for a in args}, {head(a).name for a in args}
        operands |= {_UNIT} if any(map(is_unit, args)) else set()
        folds = op.exact and args[0].op is args[-1].op is _CONST
        rows = self._rules.get(op, ())
        return folds, [r for r in rows if r.looks_at(operands, heads)]


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


def face(node: Node) -> object:
    """Return what chooses the rows about a node's users: its op and its head."""
    op = node.op
    if op in _SEEN_THROUGH:
        pair = op, head(node)
        node.face = _FACES.setdefault(pair, object())
    else:
        node.face = _UNIT if is_unit(node) else op
    return node.face


def is_unit(node: Node) -> bool:
    """Whether a node is the constant 1 or -1."""
    return node.op is _CONST and abs(node.attrs[0]) == 1


def head(node: Node) -> Op:
    """Return the op of a node, constants and signs taken off; x*x is a power.

    >>> from overbar.ir.graph import Graph
    >>> from overbar.ir.ops import apply
    >>> head(-2.0 * apply("exp", Graph().input("x")) / 3.0)
    <op exp>
    """
    for _ in range(MOST_FACTORS):
        op = node.op
        if op is _MUL:
            x, y = node.args
            if y.op is _CONST:
                node = x
            elif x.op is _CONST:
                node = y
            else:
                return _POWI if x is y or (x.op is _MUL and _squares(x, y)) else op
        elif op is _NEG or (op is _DIV and node.args[1].op is _CONST):
            node = node.args[0]
        else:
            return op
    return node.op


def _squares(x: Node, y: Node) -> bool:
    """Whether x*y is (2*u)*u."""
    return y in x.args and x.args[0].op is _CONST


def _fold(graph: Graph, op: Op, args: Sequence[Node]) -> Node | None:
    """Return the constant that an exact op makes of constants, if it is finite."""
    if any(a.op is not _CONST for a in args):
        return None
    values: list[Any] = [a.value for a in args]
    if all(a.type is INT for a in args) and op.mp is not None:
        result = op.mp(None, *values)
        return graph.const(result)
    if op.numpy is None:
        return None
    if any(a.type is not F64 for a in args):
        pairs = zip(values, args, strict=True)
        values = [np.asarray(v, a.type.dtype) for v, a in pairs]
    with np.errstate(all="ignore"):
        result = np.asarray(op.numpy(*values))
    if result.dtype == bool:
        return graph.const(bool(result))
    return graph.const(float(result), args[-1].type) if isfinite(result) else None
