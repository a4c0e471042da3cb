"""Take steps on a stack, making nodes.

A function of the file is a list of steps too, taken anew for every new tuple of
arguments (the same arguments give the same value). So neither depth nor calls cost
recursion.
"""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any

from overbar.ir.errors import LimitError, OverbarError
from overbar.ir.graph import Node
from overbar.ir.types import INT
from overbar.read import integers
from overbar.read.kinds import check_number, is_condition, mismatch
from overbar.read.labels import Affine, Labelled, Loop, aligned, labelled, union
from overbar.read.operators import is_size, size_of, written
from overbar.read.steps import Kind
from overbar.read.syntax import place

if TYPE_CHECKING:
    from collections.abc import Sequence

    from overbar.ir.graph import Graph
    from overbar.ir.source import Source, Span
    from overbar.read.limits import Limits
    from overbar.read.operators import Operation
    from overbar.read.steps import Step
    from overbar.read.syntax import Part

_FREE_BITS = 256
"""Work on integers of so many bits counts as one more operation."""


class Machine:
    """Take steps, making nodes."""

    def __init__(self, source: Source, graph: Graph, limits: Limits) -> None:
        self.source = source
        self.graph = graph
        self.limits = limits
        self.most = len(graph) + limits.operations
        self.left = limits.operations
        self.stack: list[Any] = []
        self._serials = count()

    def run(self, steps: Sequence[Step]) -> Any:
        """Return the value of an expression."""
        stack, local, at = self.stack, dict[int, Any](), 0
        callers: list[tuple[Sequence[Step], dict[int, Any], int, Any]] = []
        while True:
            if at == len(steps):
                if not callers:
                    return stack.pop()
                steps, local, at, (definition, arguments) = callers.pop()
                definition.results[arguments] = stack[-1]
                continue
            step = steps[at]
            at += 1
            if step.kind is Kind.PUSH:
                stack.append(step.data)
            elif step.kind is Kind.LOCAL:
                stack.append(local[step.data])
            elif step.kind is Kind.STORE:
                local[step.data] = stack.pop()
            elif step.kind is Kind.APPLY:
                stack.append(self._apply(step, self._take(step)))
            elif step.kind is Kind.RUN:
                stack.append(self._run(step, self._take(step)))
            else:
                arguments = self._arguments(step)
                known = step.data.results.get(arguments)
                if known is not None:
                    stack.append(known)
                else:
                    self.charge(1 + len(step.data.steps) // 2, step.at)
                    callers.append((steps, local, at, (step.data, arguments)))
                    steps, local, at = step.data.steps, dict(enumerate(arguments)), 0

    def check_size(self, at: Part) -> None:
        """Raise LimitError for a graph of too many nodes."""
        if len(self.graph) > self.most:
            message = f"expected at most {self.limits.operations:,} nodes, found more"
            raise LimitError(message, place(self.source, at))

    def place(self, part: Part) -> Span:
        """Return where a part stands."""
        return place(self.source, part)

    def loop(self, name: str, start: Any, extent: Any, at: Part) -> Affine:
        """Return a new index, the innermost so far."""
        loop = Loop(name, next(self._serials), start, extent, self.place(at))
        return Affine(((loop, 1),), 0)

    def _arguments(self, step: Step) -> tuple[Any, ...]:
        """Return the arguments of a call of the file's function: numbers, arrays."""
        found = self._take(step)
        for value, part in zip(found, step.operands, strict=True):
            check_number(self.source, part, value)
        return tuple(found)

    def _take(self, step: Step) -> list[Any]:
        count = len(step.operands)
        if not count:
            return []
        operands = self.stack[-count:]
        del self.stack[-count:]
        return operands

    def charge(self, count: int, at: Part) -> None:
        """Count work that the text does not show: inlining, long integers."""
        self.left -= count
        if self.left < 0:
            budget = f"{self.limits.operations:,} operations"
            message = f"expected at most {budget} after inlining, found more"
            raise LimitError(message, place(self.source, at))

    def _run(self, step: Step, operands: list[Any]) -> Any:
        graph = self.graph
        graph.span = place(self.source, step.at)
        try:
            value = step.data(self, operands, step)
        except OverbarError as error:
            raise error.at(graph.span) from None
        self.check_size(step.at)
        self._check_rank(value, step.at)
        return value

    def _check_rank(self, value: Any, at: Part) -> None:
        """Raise LimitError for an array of too many axes."""
        node = value.node if type(value) is Labelled else value
        if type(node) is Node and len(node.type.shape) > self.limits.axes:
            message = f"expected arrays of at most {self.limits.axes} axes, found one "
            message += f"of {len(node.type.shape)}"
            raise LimitError(message, place(self.source, at))

    def _apply(self, step: Step, operands: list[Any]) -> Any:
        operation: Operation = step.data
        for i, operand in enumerate(operands):
            if type(operand) is not Node:
                check_number(self.source, step.operands[i], operand)
            if is_condition(operand) is not (i < operation.conditions):
                raise mismatch(self.source, step.operands[i], operand)
        graph = self.graph
        graph.span = place(self.source, step.at)
        try:
            value = self.compute(operation, operands, step.at)
        except OverbarError as error:
            raise error.at(graph.span) from None
        self.check_size(step.at)
        self._check_rank(value, step.at)
        return value

    def compute(self, operation: Operation, operands: list[Any], at: Part) -> Any:
        """Return the value of an operation."""
        if any(type(a) is not Node for a in operands):
            return self._along(operation, operands)
        if any(a.type is not INT for a in operands):
            return operation.build(self.graph, operands)
        if operation.exact is not None and all(a.is_const for a in operands):
            values: list[Any] = [a.value for a in operands]
            self.charge(sum(v.bit_length() for v in values) // _FREE_BITS, at)
            value = operation.exact(self.limits.digits, *values)
            integers.check(value, self.limits.digits)
            return self.graph.const(value)
        if operation.whole is not None and all(is_size(a) for a in operands):
            size = operation.whole(*map(size_of, operands))
            if written(size):
                return self.graph.extent(size)
        return operation.build(self.graph, operands)

    def _along(self, operation: Operation, operands: list[Any]) -> Any:
        """Return the value of an operation on what has indices."""
        graph = self.graph
        if operation.affine is not None:
            forms = [_affine(a) for a in operands]
            if all(form is not None for form in forms):
                value = operation.affine(*forms)
                if value is not None:
                    return value
        each = [labelled(graph, a) for a in operands]
        node = operation.build(graph, aligned(graph, each))
        return Labelled(node, union(each))


def _affine(value: Any) -> Affine | None:
    """Return an index, an integer or a size as an affine form."""
    if type(value) is Affine:
        return value
    if type(value) is Node and is_size(value):
        return Affine((), size_of(value))
    return None
