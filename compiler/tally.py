"""Walk a Program and add up the operations that it computes.

Comes in: a Program. Goes out: a Tally, how often each op of the table is computed, as
polynomials in the named sizes. The rules are those of `cost`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from overbar.ir.graph import Graph
from overbar.ir.ops import OPS
from overbar.ir.ops.shapes import product
from overbar.ir.program import (
    LOAD,
    Allocate,
    Assign,
    Call,
    Comment,
    For,
    If,
    Row,
    Store,
    leaves,
)
from overbar.ir.types import BOOL, INT, dims, size_of
from overbar.rewrite.engine import Rewriter
from overbar.rewrite.exact import EXACT

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from overbar.ir.graph import Node
    from overbar.ir.program import Program, Statement
    from overbar.ir.types import Extent

_GATHERS = {"plus": "add", "larger": "max", "smaller": "min"}
"""Ops of the table by how a loop gathers values, where it has another name."""


@dataclass(slots=True)
class Tally:
    """Add up operations, and their weights."""

    operations: dict[str, Extent] = field(default_factory=dict)
    flops: Extent = 0

    def note(self, name: str, number: Extent, weight: int) -> None:
        """Add so many operations of a kind, each of a weight."""
        self.operations[name] = self.operations.get(name, 0) + number
        self.flops = self.flops + number * weight

    def add(self, other: Tally, times: Extent = 1) -> None:
        """Add those of another tally, so many times."""
        for name, number in other.operations.items():
            self.operations[name] = self.operations.get(name, 0) + number * times
        self.flops = self.flops + other.flops * times


def tallied(program: Program) -> Tally:
    """Return the operations of a program's body and of its result."""
    counter = _Counter(program)
    total = counter.block(program.body)
    for root in leaves(program.result):
        if root not in program.names:
            total.add(counter.expression(root))
    return total


class _Counter:
    """Hold what one program has computed so far."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.computed: dict[Node, None] = {}
        self.constants: dict[Node, Node] = {}
        self.places: set[Node] = set()
        self.depth = 0

    def block(self, body: Sequence[Statement]) -> Tally:
        """Count statements; the schedule bounds how deep they nest."""
        total = Tally()
        for item in body:
            if isinstance(item, If):
                total.add(self._value(item.cond))
                sides = [self.block(item.then), self.block(item.orelse)]
                total.add(max(sides, key=lambda side: at_large(side.flops)))
            elif isinstance(item, For):
                # over strips: inside are loops over their elements, all of the extent
                times = item.extent if item.step == 1 else 1
                total.add(self._loop(item.body), times)
            elif isinstance(item, Store):
                total.add(self._value(item.value))
                if item.kind != "set":
                    op = OPS[_GATHERS.get(item.kind, item.kind)]
                    total.note(op.name, 1, op.cost)
            elif isinstance(item, Assign):
                total.add(self._assigned(item))
            elif isinstance(item, Call):
                total.add(tallied(item.program))
            elif not isinstance(item, Allocate | Comment | Row):
                raise TypeError(item)
        return total

    def _loop(self, body: Sequence[Statement]) -> Tally:
        """Count one turn of a loop; another loop computes its values anew."""
        known, self.depth = len(self.computed), self.depth + 1
        turn = self.block(body)
        while len(self.computed) > known:
            self.computed.popitem()
        self.depth -= 1
        return turn

    def _assigned(self, item: Assign) -> Tally:
        if item.value is not item.of and item.value in self.program.names:
            return Tally()
        if item.value.is_const:  # a seed of 1
            self.constants[item.of] = item.value
        return self.expression(item.value)

    def _value(self, node: Node) -> Tally:
        return Tally() if node in self.program.names else self.expression(node)

    def expression(self, root: Node) -> Tally:
        """Count what an expression computes, down to the variables that it reads."""
        total, stack = Tally(), [root]
        inside: list[Node] = []
        while stack:
            node = stack.pop()
            if node.args and node.op is not LOAD and node not in self.computed:
                self.computed[node] = None
                inside.append(node)
                stack += [a for a in node.args if a not in self.program.names]
        for node in sorted(inside, key=lambda n: n.index):
            if not self._is_place(node) and not self._is_free(node):
                self._note(total, node)
        return total

    @staticmethod
    def _note(total: Tally, node: Node) -> None:
        """Add a node's operations: of an array that is computed as a whole, all."""
        shape = node.type.shape
        if shape or node.op.steps is not None:
            for name, number in whole(node).items():
                total.note(name, number, OPS[name].cost if name in OPS else 1)
            return
        several = node.op.arity is None
        weight = node.op.cost * (len(node.args) - 1 if several else 1)
        total.note(node.op.name, 1, weight)

    def _is_place(self, node: Node) -> bool:
        """Whether a node in a loop says where in an array something is."""
        found = self.depth > 0 and (
            node.type == INT
            or (
                node.type == BOOL
                and all(a.type == INT or a in self.places for a in node.args)
            )
        )
        if found:
            self.places.add(node)
        return found

    def _is_free(self, node: Node) -> bool:
        """Whether a node is another value of the program, or a constant."""
        known = [a if a.is_const else self.constants.get(a) for a in node.args]
        if not node.op.cost:
            if len(known) == 1 and known[0] is not None:
                self.constants[node] = known[0]
            return True
        if not any(a in self.constants for a in node.args):
            return False
        scratch = Graph(rewrite=_EXACTLY)
        args = [
            scratch.input(f"x{i}", kind=a.type) if c is None
            else scratch.const(c.value, a.type)
            for i, (a, c) in enumerate(zip(node.args, known, strict=True))
        ]  # fmt: skip
        result = scratch.make(node.op, args, node.attrs)
        if result.is_const:
            self.constants[node] = result
        return result.is_const or result in args


def whole(node: Node) -> Mapping[str, Extent]:
    """Return the operations of a node that is computed as a whole, by their names."""
    if node.op.steps is not None:
        return node.op.steps(node)
    return {node.op.name: product(node.type.shape)}


def elementary(node: Node) -> Extent:
    """Return how much work a node is, element by element, in operations by weight."""
    if node.op.steps is not None:
        return sum_of(node.op.steps(node).values())
    own = product(node.type.shape)
    if node.op.shaping is None:
        return own * max(1, node.op.cost)
    return sum_of([own, *(product(a.type.shape) for a in node.args)])


def sum_of(numbers: Iterable[Extent]) -> Extent:
    """Return a sum of numbers and polynomials."""
    total: Extent = 0
    for n in numbers:
        total = total + n
    return total


_LARGE = 10**9
"""A size for which the terms of lower degree are nothing beside the others."""


def at_large(number: Extent) -> int:
    """Return a number where all sizes are large."""
    names = {name for e in dims(number) for name in e.names}
    return size_of(number, dict.fromkeys(names, _LARGE))


_EXACTLY = Rewriter(EXACT)
