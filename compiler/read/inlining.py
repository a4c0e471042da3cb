"""Turn expressions into steps for a stack machine.

An expression becomes a flat list of steps, operands before what uses them; a function
of the file is such a list too. So neither depth nor calls cost recursion.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from overbar.ir.errors import OverbarError, ParseError
from overbar.read import indexing, integers, loops, text_calls, whole
from overbar.read.functions import Function
from overbar.read.lexing import CONSTANTS, short
from overbar.read.operators import BINARY, CHOICE, UNARY, call, comparison
from overbar.read.steps import Definition, Kind, Scope, Step
from overbar.read.syntax import Part, Phrase, kind_of, listed, place

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lark import Token

    from overbar.read.limits import Limits
    from overbar.read.names import Names


Item: TypeAlias = "Part | Step | Scope"


class Translator:
    """Turn phrases into steps, with the names of the file and of one function.

    slots: the numbers of local values, by name or phrase; scope: those of indices.
    """

    def __init__(
        self, names: Names, limits: Limits, inside: Definition | None = None
    ) -> None:
        self.names = names
        self.limits = limits
        self.inside = inside
        self.slots: dict[Any, int] = {} if inside is None else inside.slots
        self.scope: Mapping[str, int] = {}

    def translate(self, *items: Item) -> list[Step]:
        """Return the steps of expressions, steps among them as they are."""
        steps: list[Step] = []
        stack: list[Item] = list(reversed(items))
        while stack:
            item = stack.pop()
            if isinstance(item, Step):
                steps.append(item)
            elif isinstance(item, Scope):
                self.scope = item.indices
            elif isinstance(item, Phrase):
                stack.extend(reversed(_FORMS[item.rule](self, item)))
            else:
                steps.append(self._leaf(item))
        return steps

    def keep(self, key: object, at: Part) -> Step:
        """Return the step that stores a value as a local one."""
        self.slots[key] = len(self.slots)
        return Step(Kind.STORE, self.slots[key], (), at)

    def kept(self, key: object, at: Part) -> Step:
        """Return the step that pushes a local value."""
        return Step(Kind.LOCAL, self.slots[key], (), at)

    def _leaf(self, token: Token) -> Step:
        source, graph = self.names.source, self.names.graph
        if token.type == "NUMBER":
            graph.span = place(source, token)
            try:
                number = integers.literal(token, self.limits.digits)
            except OverbarError as error:
                raise error.at(graph.span) from None
            return Step(Kind.PUSH, graph.const(number), (), token)
        if token.type in _STATIC:
            try:
                value = _STATIC[token.type](str(token))
            except OverbarError as error:
                raise error.at(place(source, token)) from None
            return Step(Kind.PUSH, value, (), token)
        if token.value in self.scope:
            return Step(Kind.LOCAL, self.scope[token.value], (), token)
        if self.inside is not None:
            if token.value in self.slots:
                return Step(Kind.LOCAL, self.slots[token.value], (), token)
            if token.value in self.inside.below:
                message = f"expected a name with a value, found {short(token)}"
                raise self.names.error(f"{message}, which gets it further down", token)
        return Step(Kind.PUSH, self.names.value(token), (), token)

    def binary(self, phrase: Phrase) -> Form:
        """Read `x + y` and the like."""
        left, sign, right = phrase.children
        operands = [left, right]
        if sign == "@":
            return [*operands, Step(Kind.RUN, whole.matmul, operands, phrase)]
        return [*operands, Step(Kind.APPLY, BINARY[sign.value], operands, phrase)]

    def unary(self, phrase: Phrase) -> Form:
        """Read `-x` and `not c`."""
        sign, operand = phrase.children
        return [operand, Step(Kind.APPLY, UNARY[sign.value], [operand], phrase)]

    def compare(self, phrase: Phrase) -> Form:
        """Read a chain of comparisons."""
        operands = phrase.children[::2]
        row = comparison([sign.value for sign in phrase.children[1::2]])
        return [*operands, Step(Kind.APPLY, row, operands, phrase)]

    def conditional(self, phrase: Phrase) -> Form:
        """Read `x if c else y`."""
        x, _, condition, _, y = phrase.children
        operands = [condition, x, y]
        return [*operands, Step(Kind.APPLY, CHOICE, operands, phrase)]

    def group(self, phrase: Phrase) -> Form:
        """Read what stands in parentheses."""
        return [phrase.children[1]]

    def listing(self, phrase: Phrase) -> Form:
        """Read a tuple or list: an argument of functions over arrays."""
        operands = listed(phrase.children[1:-1])
        make = whole.listing if phrase.rule == "list" else whole.pack
        return [*operands, Step(Kind.RUN, make, operands, phrase)]

    def slicing(self, phrase: Phrase) -> Form:
        """Read `start:stop:step`."""
        parts: list[list[Part]] = [[]]
        for part in phrase.children:
            if kind_of(part) == "COLON":
                parts.append([])
            else:
                parts[-1].append(part)
        operands = [part for found in parts for part in found]
        make = whole.slicing([bool(found) for found in parts])
        return [*operands, Step(Kind.RUN, make, operands, phrase)]

    def transposed(self, phrase: Phrase) -> Form:
        """Read `x.T`."""
        operand = phrase.children[0]
        return [operand, Step(Kind.RUN, whole.transposed, [operand], phrase)]

    def index(self, phrase: Phrase) -> Form:
        """Read `x[i, 1:]`."""
        base, _, *rest = phrase.children
        items = listed(rest[:-1])
        for item in items:
            self.check_index(item)
        first = self.kept(phrase, base) if phrase in self.slots else base
        step = Step(Kind.RUN, indexing.index, [base, *items], phrase)
        return [first, *items, step]

    def check_index(self, item: Part) -> None:
        """Refuse a name between brackets that stands for nothing."""
        if isinstance(item, Phrase) or item.type != "NAME" or item in self.scope:
            return
        inside = self.inside
        if inside is None or not (item in self.slots or item in inside.below):
            self.names.check_index(item)

    def comprehension(self, phrase: Phrase) -> Form:
        """Read `sum(x[j] for j in n)`."""
        return loops.comprehension(self, phrase)

    def keyword(self, phrase: Phrase) -> Form:
        """Read the value of `axis=1`."""
        return [phrase.children[2]]

    def call(self, phrase: Phrase) -> Form:
        """Read a call of a function of ours or of the file."""
        name = phrase.children[0]
        operands = listed(phrase.children[2:-1])
        callee = self._callee(name)
        if not isinstance(callee, Definition):
            array = text_calls.function(self.names, name, operands, callee)
            if array is not None:
                return [*operands, Step(Kind.RUN, array, operands, phrase)]
        for operand in operands:
            if kind_of(operand) == "keyword":
                raise self._misplaced(operand)
        try:
            callee.check(len(operands))  # type: ignore[union-attr]
        except OverbarError as error:
            raise ParseError(error.message, place(self.names.source, phrase)) from None
        if isinstance(callee, Function):
            return [*operands, Step(Kind.APPLY, call(callee), operands, phrase)]
        return [*operands, Step(Kind.CALL, callee, operands, phrase)]

    def _misplaced(self, phrase: Part) -> OverbarError:
        """Return the error for a keyword argument of a function that takes none."""
        sign = phrase.children[1]  # type: ignore[union-attr]
        message = "expected arguments by position, found '='; equal is written =="
        return self.names.error(message, sign)

    def _callee(self, name: Token) -> Function | Definition | None:
        if self.inside is not None:
            if name == self.inside.name:
                message = f"expected another function, found {short(name)} itself"
                advice = "a function is inlined where it is called"
                raise self.names.error(f"{message}; {advice}", name)
            if name.value in self.slots:
                raise self.names.no_function(name, f"a value in {self.inside.name}")
        if name.value in self.scope:
            raise self.names.no_function(name, "an index")
        return self.names.callee(name)


_STATIC: dict[str, Callable[[str], Any]] = {
    "STRING": whole.string, "CONSTANT": CONSTANTS.__getitem__,
    "ELLIPSIS": lambda _text: ...,
}  # fmt: skip
Form: TypeAlias = Sequence[Item]
_FORMS: dict[str, Callable[[Translator, Phrase], Form]] = {
    "binary": Translator.binary,
    "unary": Translator.unary,
    "compare": Translator.compare,
    "conditional": Translator.conditional,
    "group": Translator.group,
    "tuple": Translator.listing,
    "list": Translator.listing,
    "slice": Translator.slicing,
    "index": Translator.index,
    "transposed": Translator.transposed,
    "call": Translator.call,
    "keyword": Translator.keyword,
    "comprehension": Translator.comprehension,
}
