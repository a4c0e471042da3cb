"""Read the expression language: from a text to a Graph.

Comes in: a `Source` and a fresh Graph. Goes out: the graph filled. The text is cut
into tokens (lexing), parsed into phrases (syntax), and each statement in order turned
into steps that make nodes (inlining); nothing of it is ever executed as Python.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from overbar.ir.errors import LimitError, OverbarError, ParseError, ShapeError
from overbar.ir.evaluate import evaluate
from overbar.ir.graph import Node
from overbar.ir.source import Span
from overbar.ir.types import INT, Dim, dim
from overbar.read.build import natural
from overbar.read.definitions import define, docstring
from overbar.read.indexed import assignment
from overbar.read.inlining import Translator
from overbar.read.kinds import check_number, is_condition, mismatch
from overbar.read.lexing import short, tokens
from overbar.read.limits import LIMITS, Limits
from overbar.read.machine import Machine
from overbar.read.names import Names
from overbar.read.operators import is_size, real
from overbar.read.suggestions import suggest
from overbar.read.syntax import Part, Phrase, kind_of, listed, parse, place, target
from overbar.read.whole import static

if TYPE_CHECKING:
    from collections.abc import Callable

    from lark import Token

    from overbar.ir.graph import Graph
    from overbar.ir.source import Source
    from overbar.ir.types import Extent, Shape
    from overbar.read.steps import Step

ROLES = {"param": "a param", "data": "data", "index": "index data"}
"""The roles of inputs, and what messages call them."""
_INTEGERS = "index"


def read_text(source: Source, graph: Graph, limits: Limits = LIMITS) -> None:
    """Fill a fresh graph with what a text says.

    Errors: ParseError for what is not in the language, ShapeError for conditions and
    numbers in each other's place and for arrays that do not fit together,
    UnsupportedError for unknown functions, LimitError for what exceeds the limits;
    each points at the text.

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
        self.dimensions: list[Token] = []
        self.fixed: set[str] = set()

    def read(self) -> None:
        """Read all statements, then settle outputs and the order of the inputs."""
        for statement in self.statements:
            _STATEMENTS[statement.rule](self, statement)
        if not self.graph.outputs:
            self._last_assignment()
        self._check_dimensions()
        self._arrange_inputs()

    def docstring(self, phrase: Phrase) -> None:
        """Keep the docstring."""
        if phrase is not self.statements[0]:
            message = "expected a docstring on the first line alone, found another"
            raise self._error(message, phrase)
        self.graph.doc = docstring(phrase, self.source)

    def declare(self, phrase: Phrase) -> None:
        """Make an input."""
        name, _, role, *rest = phrase.children
        if role not in ROLES:
            advice = suggest(role, ROLES)
            message = f"expected param, data or index, found {short(role)}{advice}"
            raise self._error(message, role)
        sizes = rest.pop(0) if rest and kind_of(rest[0]) == "sizes" else None
        shape = () if sizes is None else self._shape(sizes, name)
        self.names.check_new(name, declared=True)
        value = self._default(rest[1], role) if rest else None
        self.graph.span = place(self.source, name)
        kind = (INT if role == _INTEGERS else self.graph.real).of(shape)
        role_of_call = "param" if role == "param" else "data"
        node = self.graph.input(str(name), role_of_call, kind)
        self.names.bind(name, node, ROLES[role])
        if value is not None:
            self.graph.defaults[str(name)] = value

    def _shape(self, phrase: Phrase, name: Token) -> Shape:
        """Return a declared shape; its names are dimensions from here on."""
        shape: list[Extent] = []
        sizes, most = listed(phrase.children[1:-1]), self.limits.axes
        if len(sizes) > most:
            message = f"expected at most {most} dimensions, found {len(sizes)}"
            raise LimitError(message, place(self.source, phrase))
        for part in sizes:
            for token in _names_in(part):
                self._dimension(token, name)
            extent = static(self._node(part))
            if not isinstance(extent, int | Dim) or isinstance(extent, bool):
                message = "expected a name or an integer as a dimension, found "
                message += short(place(self.source, part).text)
                raise self._error(message, part)
            if isinstance(extent, int) and extent < 0:
                message = f"expected a dimension of at least 0, found {extent}"
                raise ShapeError(message, place(self.source, part))
            shape.append(extent)
        self.fixed |= {e.name for e in shape if isinstance(e, Dim) and e.name}
        return tuple(shape)

    def _dimension(self, token: Token, name: Token) -> None:
        """Make a dimension of a name that is none yet."""
        known = self.names.values.get(str(token))
        if known is not None:
            if is_size(known):
                return
            message = f"expected a dimension, found {short(token)}, which is "
            raise self._error(message + self.names.kinds[str(token)], token)
        if str(token) == str(name):
            message = (
                f"expected a dimension, found {short(token)}, which is declared here"
            )
            raise self._error(message, token)
        self.names.check_new(token, declared=True)
        self.graph.span = place(self.source, token)
        self.names.bind(token, self.graph.extent(dim(str(token))), "a dimension")
        self.dimensions.append(token)

    def _check_dimensions(self) -> None:
        """Refuse dimensions whose size no input tells."""
        for token in self.dimensions:
            if str(token) not in self.fixed:
                message = f"expected an input that has the dimension {short(token)} by "
                message += f"itself, such as x: data[{short(token)[1:-1]}], found none"
                raise ShapeError(message, place(self.source, token))

    def _default(self, part: Part, role: str) -> float:
        """Return the value of a constant expression."""
        value = self._node(part)
        if role == _INTEGERS and isinstance(static(value), int):
            return int(static(value))
        if role == _INTEGERS:
            message = "expected an integer as a default of index data, found "
            raise self._error(message + short(place(self.source, part).text), part)
        node = self._number(part, value)
        if node.type.shape or any(
            not (n.args or n.is_const) for n in self.graph.order([node])
        ):
            message = "expected a constant as a default, found what depends on inputs"
            raise self._error(message, part)
        return float(evaluate(self.graph, {}, [node])[node])

    def assign(self, phrase: Phrase) -> None:
        """Give an expression a name."""
        left, _, expression, *_ = phrase.children
        name = target(self.source, left)
        self.names.check_new(name)
        node = self._indexed(phrase) if left is not name else self._node(expression)
        if not isinstance(node, Node):
            check_number(self.source, expression, node)
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
        left, _, expression, *_ = found[-1].children
        name = target(self.source, left)
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

    def _node(self, part: Part) -> Any:
        """Return the value of an expression: a node, or an argument of functions."""
        steps = Translator(self.names, self.limits).translate(part)
        return self._taken(steps, part)

    def _indexed(self, phrase: Phrase) -> Node:
        """Return the node of an assignment such as `z[i] = x[i]*y[i]`."""
        steps = assignment(Translator(self.names, self.limits), phrase)
        return self._taken(steps, phrase)  # type: ignore[no-any-return]

    def _taken(self, steps: list[Step], part: Part) -> Any:
        self.machine.check_size(part)  # inputs that a text does not declare are new
        return self.machine.run(steps)

    def _number(self, part: Part, node: Any) -> Node:
        """Return the node of an expression as a float; a condition is an error."""
        check_number(self.source, part, node)
        if is_condition(node):
            raise mismatch(self.source, part, node)
        try:
            return real(node)
        except OverbarError as error:
            raise error.at(place(self.source, part)) from None

    def _error(self, message: str, part: Part) -> OverbarError:
        return ParseError(message, place(self.source, part))


def _names_in(root: Part) -> list[Token]:
    """Return the names of values in an expression, in its order."""
    found: list[Token] = []
    stack = [root]
    while stack:
        part = stack.pop()
        if isinstance(part, Phrase):
            called = part.rule in {"call", "comprehension", "keyword"}
            stack.extend(reversed(part.children[called:]))
        elif part.type == "NAME":
            found.append(part)
    return found


_STATEMENTS: dict[str, Callable[[_Reader, Phrase], None]] = {
    "docstring": _Reader.docstring,
    "declare": _Reader.declare,
    "assign": _Reader.assign,
    "give": _Reader.give,
    "define": _Reader.define,
    "outputs": _Reader.outputs,
}
