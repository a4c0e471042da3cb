"""Turn expressions into steps for a stack machine, and take them.

An expression becomes a flat list of steps, operands before what uses them; a function
of the file is such a list too, taken anew for every new tuple of arguments (the same
arguments give the same node). So neither depth nor calls cost recursion.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, Any, NamedTuple

from overbar.ir.errors import LimitError, OverbarError, ParseError, ShapeError
from overbar.ir.types import BOOL, INT
from overbar.read import integers
from overbar.read.functions import Function
from overbar.read.lexing import short
from overbar.read.operators import BINARY, CHOICE, UNARY, Operation, call, comparison
from overbar.read.syntax import Part, Phrase, listed, place

if TYPE_CHECKING:
    from lark import Token

    from overbar.ir.graph import Graph, Node
    from overbar.ir.source import Source
    from overbar.read.limits import Limits
    from overbar.read.names import Names


_FREE_BITS = 256
"""Work on integers of so many bits counts as one more operation."""


class Kind(IntEnum):
    """Name what a step does with the stack and the local values."""

    PUSH = 0
    LOCAL = 1
    STORE = 2
    APPLY = 3
    CALL = 4


class Step(NamedTuple):
    """Hold one step.

    data: the node to push, the number of the local value, the `Operation` to apply or
        the `Definition` to call.
    operands: the phrases of the operands; at: the phrase of the whole.
    """

    kind: Kind
    data: Any
    operands: Sequence[Part]
    at: Part


@dataclass(eq=False)
class Definition:
    """Hold a function of the file: a list of steps over local values.

    slots: the local values' numbers by name, the arguments' first.
    below: names that the body assigns, but has not yet.
    """

    name: str
    arguments: list[str]
    slots: dict[str, int] = field(default_factory=dict)
    below: set[str] = field(default_factory=set)
    steps: list[Step] = field(default_factory=list)
    results: dict[tuple[Node, ...], Node] = field(default_factory=dict)

    def check(self, count: int) -> None:
        """Raise ParseError for a wrong number of arguments."""
        if count != len(self.arguments):
            plural = "s" * (len(self.arguments) != 1)
            listed = f" ({', '.join(self.arguments)})" if self.arguments else ""
            message = f"{self.name} expects {len(self.arguments)} argument{plural}"
            raise ParseError(f"{message}{listed}, found {count}")


class Translator:
    """Turn phrases into steps, with the names of the file and of one function."""

    def __init__(
        self, names: Names, limits: Limits, inside: Definition | None = None
    ) -> None:
        self.names = names
        self.limits = limits
        self.inside = inside

    def translate(self, root: Part) -> list[Step]:
        """Return the steps of an expression."""
        steps: list[Step] = []
        stack: list[Part | Step] = [root]
        while stack:
            item = stack.pop()
            if isinstance(item, Step):
                steps.append(item)
            elif isinstance(item, Phrase):
                operands, step = _FORMS[item.rule](self, item)
                if step is not None:
                    stack.append(step)
                stack.extend(reversed(operands))
            else:
                steps.append(self._leaf(item))
        return steps

    def _leaf(self, token: Token) -> Step:
        source, graph = self.names.source, self.names.graph
        if token.type == "NUMBER":
            graph.span = place(source, token)
            try:
                number = integers.literal(token, self.limits.digits)
            except OverbarError as error:
                raise error.at(graph.span) from None
            return Step(Kind.PUSH, graph.const(number), (), token)
        if self.inside is not None:
            if token.value in self.inside.slots:
                return Step(Kind.LOCAL, self.inside.slots[token.value], (), token)
            if token.value in self.inside.below:
                message = f"expected a name with a value, found {short(token)}"
                raise self.names.error(f"{message}, which gets it further down", token)
        return Step(Kind.PUSH, self.names.value(token), (), token)

    def binary(self, phrase: Phrase) -> Form:
        """Read `x + y` and the like."""
        left, sign, right = phrase.children
        operands = [left, right]
        return operands, Step(Kind.APPLY, BINARY[sign.value], operands, phrase)

    def unary(self, phrase: Phrase) -> Form:
        """Read `-x` and `not c`."""
        sign, operand = phrase.children
        return [operand], Step(Kind.APPLY, UNARY[sign.value], [operand], phrase)

    def compare(self, phrase: Phrase) -> Form:
        """Read a chain of comparisons."""
        operands = phrase.children[::2]
        row = comparison([sign.value for sign in phrase.children[1::2]])
        return operands, Step(Kind.APPLY, row, operands, phrase)

    def conditional(self, phrase: Phrase) -> Form:
        """Read `x if c else y`."""
        x, _, condition, _, y = phrase.children
        operands = [condition, x, y]
        return operands, Step(Kind.APPLY, CHOICE, operands, phrase)

    def group(self, phrase: Phrase) -> Form:
        """Read what stands in parentheses."""
        return [phrase.children[1]], None

    def refuse(self, phrase: Phrase) -> Form:
        """Refuse a tuple inside an expression."""
        message = "expected a number, found a tuple; only the last line may be one"
        raise ShapeError(message, place(self.names.source, phrase))

    def call(self, phrase: Phrase) -> Form:
        """Read a call of a function of ours or of the file."""
        name = phrase.children[0]
        operands = listed(phrase.children[2:-1])
        callee = self._callee(name)
        try:
            callee.check(len(operands))
        except OverbarError as error:
            raise ParseError(error.message, place(self.names.source, phrase)) from None
        if isinstance(callee, Function):
            return operands, Step(Kind.APPLY, call(callee), operands, phrase)
        return operands, Step(Kind.CALL, callee, operands, phrase)

    def _callee(self, name: Token) -> Function | Definition:
        if self.inside is not None:
            if name == self.inside.name:
                message = f"expected another function, found {short(name)} itself"
                advice = "a function is inlined where it is called"
                raise self.names.error(f"{message}; {advice}", name)
            if name in self.inside.slots:
                raise self.names.no_function(name, f"a value in {self.inside.name}")
        return self.names.callee(name)


Form = tuple[Sequence[Part], Step | None]
_FORMS: dict[str, Callable[[Translator, Phrase], Form]] = {
    "binary": Translator.binary,
    "unary": Translator.unary,
    "compare": Translator.compare,
    "conditional": Translator.conditional,
    "group": Translator.group,
    "tuple": Translator.refuse,
    "call": Translator.call,
}


class Machine:
    """Take steps, making nodes."""

    def __init__(self, source: Source, graph: Graph, limits: Limits) -> None:
        self.source = source
        self.graph = graph
        self.limits = limits
        self.most = len(graph) + limits.operations
        self.left = limits.operations
        self.stack: list[Node] = []

    def run(self, steps: Sequence[Step]) -> Node:
        """Return the node of an expression."""
        stack, local, at = self.stack, list[Any](), 0
        callers: list[tuple[Sequence[Step], list[Node], int, Any]] = []
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
                local.append(stack.pop())
            elif step.kind is Kind.APPLY:
                stack.append(self._apply(step, self._take(step)))
            else:
                arguments = tuple(self._take(step))
                known = step.data.results.get(arguments)
                if known is not None:
                    stack.append(known)
                else:
                    self._charge(1 + len(step.data.steps) // 2, step.at)
                    callers.append((steps, local, at, (step.data, arguments)))
                    steps, local, at = step.data.steps, list(arguments), 0

    def check_size(self, at: Part) -> None:
        """Raise LimitError for a graph of too many nodes."""
        if len(self.graph) > self.most:
            message = f"expected at most {self.limits.operations:,} nodes, found more"
            raise LimitError(message, place(self.source, at))

    def _take(self, step: Step) -> list[Node]:
        count = len(step.operands)
        if not count:
            return []
        operands = self.stack[-count:]
        del self.stack[-count:]
        return operands

    def _charge(self, count: int, at: Part) -> None:
        """Count work that the text does not show: inlining, long integers."""
        self.left -= count
        if self.left < 0:
            budget = f"{self.limits.operations:,} operations"
            message = f"expected at most {budget} after inlining, found more"
            raise LimitError(message, place(self.source, at))

    def _apply(self, step: Step, operands: list[Node]) -> Node:
        operation: Operation = step.data
        for i, operand in enumerate(operands):
            if (operand.type is BOOL) is not (i < operation.conditions):
                raise mismatch(self.source, step.operands[i], operand)
        graph = self.graph
        graph.span = place(self.source, step.at)
        try:
            node = self._compute(operation, operands, step.at)
        except OverbarError as error:
            raise error.at(graph.span) from None
        self.check_size(step.at)
        return node

    def _compute(self, operation: Operation, operands: list[Node], at: Part) -> Node:
        if operation.exact is None or any(a.type is not INT for a in operands):
            return operation.build(self.graph, operands)
        values: list[Any] = [a.value for a in operands]
        self._charge(sum(v.bit_length() for v in values) // _FREE_BITS, at)
        value = operation.exact(self.limits.digits, *values)
        integers.check(value, self.limits.digits)
        return self.graph.const(value)


def mismatch(source: Source, part: Part, node: Node) -> ShapeError:
    """Return the error for a condition instead of a number, or the reverse."""
    span = place(source, part)
    if node.type is BOOL:
        message = f"expected a number, found the condition {short(span.text)}"
        advice = "where(condition, 1, 0) makes a number of it"
    else:
        message = f"expected a condition, found the number {short(span.text)}"
        advice = "a condition is a comparison, such as x > 0"
    return ShapeError(f"{message}; {advice}", span)
