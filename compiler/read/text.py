"""Read the expression language, scalar part: from a text to a Graph.

Comes in: a `Source` and a fresh Graph. Goes out: the graph filled. The text is cut
into tokens (lexing), parsed into phrases (syntax), and each statement in order turned
into steps that make nodes (inlining); nothing of it is ever executed as Python.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from overbar.ir.errors import OverbarError, ParseError, UnsupportedError
from overbar.ir.evaluate import evaluate
from overbar.ir.source import Span
from overbar.ir.types import BOOL
from overbar.read.build import natural
from overbar.read.definitions import define, docstring
from overbar.read.inlining import Machine, Translator, mismatch
from overbar.read.lexing import short, tokens
from overbar.read.limits import LIMITS, Limits
from overbar.read.names import Names, suggest
from overbar.read.operators import real
from overbar.read.syntax import Part, Phrase, kind_of, listed, parse, place

if TYPE_CHECKING:
    from collections.abc import Callable

    from overbar.ir.graph import Graph, Node
    from overbar.ir.source import Source

ROLES = {"param": "a param", "data": "data"}
"""The roles of inputs, and what messages call them."""


def read_text(source: Source, graph: Graph, limits: Limits = LIMITS) -> None:
    """Fill a fresh graph with what a text says.

    Errors: ParseError for what is not in the language, ShapeError for conditions and
    numbers in each other's place and wrong numbers of arguments, UnsupportedError for
    arrays and unknown functions, LimitError for what exceeds the limits; each points
    at the text.

    >>> from overbar.ir.graph import Graph
    >>> from overbar.ir.source import Source
    >>> graph = Graph()
    >>> read_text(Source("example", "r = x10*x2 + 1"), graph)
    >>> list(graph.inputs), graph.roles["x2"], list(graph.outputs)
    (['x2', 'x10'], 'param', ['r'])
    """
    try:
        statements = parse(source, tokens(source, limits))
        _Reader(source, graph, limits, statements).read()
    finally:
        graph.span = None


class _Reader:
    """Read the statements of one text in order."""

    def __init__(
        self, source: Source, graph: Graph, limits: Limits, statements: list[Phrase]
    ) -> None:
        self.source = source
        self.graph = graph
        self.limits = limits
        self.statements = statements
        self.names = Names(source, graph, statements)
        self.machine = Machine(source, graph, limits)
        self.assigned: dict[str, Node] = {}

    def read(self) -> None:
        """Read all statements, then settle outputs and the order of the inputs."""
        for statement in self.statements:
            _STATEMENTS[statement.rule](self, statement)
        if not self.graph.outputs:
            self._last_assignment()
        self._arrange_inputs()

    def docstring(self, phrase: Phrase) -> None:
        """Keep the docstring."""
        if phrase is not self.statements[0]:
            message = "expected a docstring on the first line alone, found another"
            raise self._error(message, phrase)
        self.graph.doc = docstring(phrase, self.source)

    def declare(self, phrase: Phrase) -> None:
        """Make an input."""
        name, _, role, *default = phrase.children
        if role == "index":
            message = "arrays are not built yet, found 'index'"
            raise UnsupportedError(message, place(self.source, role))
        if role not in ROLES:
            advice = suggest(role, ROLES)
            message = f"expected param or data, found {short(role)}{advice}"
            raise self._error(message, role)
        self.names.check_new(name, declared=True)
        value = self._default(default[1]) if default else None
        self.graph.span = place(self.source, name)
        self.names.bind(name, self.graph.input(str(name), str(role)), ROLES[role])
        if value is not None:
            self.graph.defaults[str(name)] = value

    def _default(self, part: Part) -> float:
        """Return the value of a constant expression."""
        node = self._number(part, self._node(part))
        if any(not (n.args or n.is_const) for n in self.graph.order([node])):
            message = "expected a constant as a default, found what depends on inputs"
            raise self._error(message, part)
        return float(evaluate(self.graph, {}, [node])[node])

    def assign(self, phrase: Phrase) -> None:
        """Give an expression a name."""
        name, _, expression = phrase.children
        self.names.check_new(name)
        node = self._node(expression)
        self.names.bind(name, node, f"assigned on line {self.names.line(name)}")
        self.assigned[str(name)] = node
        self.graph.assign(str(name), node)

    def give(self, phrase: Phrase) -> None:
        """Refuse a return outside of functions."""
        message = "expected a statement, found 'return' outside of a def"
        raise self._error(message, phrase.children[0])

    def define(self, phrase: Phrase) -> None:
        """Keep a function."""
        name = phrase.children[1]
        self.names.check_new(name, declared=True)
        self.names.functions[str(name)] = define(self.names, self.limits, phrase)
        self.names.kinds[str(name)] = f"a function of line {self.names.line(name)}"

    def outputs(self, phrase: Phrase) -> None:
        """Make outputs of the last line."""
        items = listed(phrase.children)
        for item in items:
            self._check_assigning(item)
        if phrase is not self.statements[-1]:
            message = "expected an assignment, found an expression whose value is lost"
            advice = "the last line alone may be an expression"
            raise self._error(f"{message}; {advice}", phrase)
        if len(items) == 1 and kind_of(items[0]) == "tuple":
            items = listed(phrase.children[0].children[1:-1])
        nodes = [self._number(item, self._node(item)) for item in items]
        for i, (item, node) in enumerate(zip(items, nodes, strict=True)):
            number = str(i) if len(items) > 1 else ""
            self.graph.outputs[self._output_name(item, number)] = node

    def _output_name(self, item: Part, number: str) -> str:
        """Return an assigned name as it is, a new one for all else."""
        outputs = self.graph.outputs
        if kind_of(item) == "NAME" and item in self.assigned and item not in outputs:
            return str(item)
        name = f"out{number}"
        while name in self.names.kinds or name in outputs:
            name += "_"
        return name

    def _check_assigning(self, part: Part) -> None:
        """Refuse `name == expression` where a line surely meant to assign."""
        if isinstance(part, Phrase) and part.rule == "compare":
            left, sign, *_ = part.children
            if kind_of(left) == "NAME" and sign == "==":
                message = f"expected '=' to give {short(left)} a value, found '=='"
                raise self._error(message, sign)

    def _last_assignment(self) -> None:
        """Make an output of the last assignment, the last line being none."""
        found = [s for s in self.statements if s.rule == "assign"]
        if not found:
            end = len(self.source.text.rstrip())
            message = "expected a formula, found the end of the text"
            raise ParseError(message, Span(self.source, end, end))
        name, _, expression = found[-1].children
        node = self._number(expression, self.assigned[name])
        self.graph.outputs[str(name)] = node

    def _arrange_inputs(self) -> None:
        """Put inputs in the order of calls: those with a default come last."""
        names = list(self.graph.inputs)
        if not self.names.declared:
            names.sort(key=natural)
        names.sort(key=self.graph.defaults.__contains__)
        tables: tuple[dict[str, Any], ...] = (self.graph.inputs, self.graph.roles)
        for table in tables:
            table.update([(name, table.pop(name)) for name in names])

    def _node(self, part: Part) -> Node:
        """Return the node of an expression."""
        steps = Translator(self.names, self.limits).translate(part)
        self.machine.check_size(part)  # inputs that a text does not declare are new
        return self.machine.run(steps)

    def _number(self, part: Part, node: Node) -> Node:
        """Return the node of an expression as a float; a condition is an error."""
        if node.type is BOOL:
            raise mismatch(self.source, part, node)
        try:
            return real(node)
        except OverbarError as error:
            raise error.at(place(self.source, part)) from None

    def _error(self, message: str, part: Part) -> OverbarError:
        return ParseError(message, place(self.source, part))


_STATEMENTS: dict[str, Callable[[_Reader, Phrase], None]] = {
    "docstring": _Reader.docstring,
    "declare": _Reader.declare,
    "assign": _Reader.assign,
    "give": _Reader.give,
    "define": _Reader.define,
    "outputs": _Reader.outputs,
}
