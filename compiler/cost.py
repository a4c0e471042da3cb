"""Count what a formula and its gradient compute: operations, their weight, bytes saved.

Comes in: the Programs of the value and of the gradient. Goes out: a Cost. Counted are
computed statements, every node once: of a branch the side that costs more. What a
constant makes trivial (a product with the seed 1) is free, as the machine has it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from overbar.ir.graph import Graph
from overbar.ir.program import Assign, If, leaves
from overbar.rewrite.engine import rewriter
from overbar.rewrite.exact import EXACT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from overbar.ir.graph import Node
    from overbar.ir.program import Program, Statement

BYTES = 8
"""Bytes of a saved value."""


@dataclass(frozen=True, slots=True)
class Count:
    """Count the operations of one function.

    operations: how often each op of the table is computed, by its name.
    flops: the same weighted by the rows' `cost`: 1 is an IEEE operation.
    """

    operations: Mapping[str, int]
    flops: int

    @property
    def total(self) -> int:
        """The number of operations."""
        return sum(self.operations.values())

    def __str__(self) -> str:
        """Return the operations by number, `mul 4, add 2`."""
        ranked = sorted(self.operations.items(), key=lambda item: (-item[1], item[0]))
        return ", ".join(f"{name} {number}" for name, number in ranked)


@dataclass(frozen=True, slots=True)
class Cost:
    """Hold the cost of a function and of its gradient (with or without its value).

    saved: bytes that the forward pass keeps for the backward pass.
    """

    value: Count
    gradient: Count
    saved: int
    names: tuple[str, str] = field(default=("value", "value_and_grad"), repr=False)

    @property
    def ratio(self) -> float:
        """How many times the gradient costs what the value does, weighted."""
        return self.gradient.flops / max(1, self.value.flops)

    def __str__(self) -> str:
        """Return a small table."""
        width = max(map(len, self.names))
        lines = [f"{'':{width}}  operations  weighted"]
        for name, count in zip(self.names, (self.value, self.gradient), strict=True):
            row = f"{name:{width}}  {count.total:10}  {count.flops:8}  {count}"
            lines.append(row.rstrip())
        lines.append(f"{'ratio':{width}}  {'':10}  {self.ratio:8.2f}")
        lines.append(f"{'saved':{width}}  {self.saved} bytes")
        return "\n".join(lines)


def cost(value: Program, grad: Program, saved: int = 0) -> Cost:
    """Return the cost of two programs, and of so many values saved between passes.

    grad: the program of the gradient, or of the value and the gradient together.
    """
    names = (value.name, grad.name)
    return Cost(count(value), count(grad), saved * BYTES, names)


def count(program: Program) -> Count:
    """Return the operations that a program computes."""
    return _Counter(program).count()


@dataclass(slots=True)
class _Tally:
    """Add up operations."""

    operations: Counter[str] = field(default_factory=Counter)
    flops: int = 0

    def add(self, other: _Tally) -> None:
        """Add those of another tally."""
        self.operations += other.operations
        self.flops += other.flops


class _Counter:
    """Hold what one program has computed so far."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.computed: set[Node] = set()
        self.constants: dict[Node, Node] = {}

    def count(self) -> Count:
        """Return the operations of the body and of the result."""
        total = self._block(self.program.body)
        for root in leaves(self.program.result):
            if root not in self.program.names:
                total.add(self._expression(root))
        return Count(dict(sorted(total.operations.items())), total.flops)

    def _block(self, body: Sequence[Statement]) -> _Tally:
        """Count statements; the schedule bounds how deep branches nest."""
        total = _Tally()
        for item in body:
            if isinstance(item, If):
                if item.cond not in self.program.names:
                    total.add(self._expression(item.cond))
                sides = [self._block(item.then), self._block(item.orelse)]
                total.add(max(sides, key=lambda side: side.flops))
            elif not isinstance(item, Assign):
                raise TypeError(item)
            elif item.value is item.of or item.value not in self.program.names:
                total.add(self._expression(item.value))
                if item.value.is_const:  # a seed of 1
                    self.constants[item.of] = item.value
        return total

    def _expression(self, root: Node) -> _Tally:
        """Count what an expression computes, down to the variables that it reads."""
        total, stack = _Tally(), [root]
        inside: list[Node] = []
        while stack:
            node = stack.pop()
            if node.args and node not in self.computed:
                self.computed.add(node)
                inside.append(node)
                stack += [a for a in node.args if a not in self.program.names]
        for node in sorted(inside, key=lambda n: n.index):
            if not self._is_free(node):
                total.operations[node.op.name] += 1
                several = node.op.arity is None
                total.flops += node.op.cost * (len(node.args) - 1 if several else 1)
        return total

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


_EXACTLY = rewriter(EXACT)
