"""Walk SymPy expressions, each object once, without recursion.

Comes in: an expression and a table of rows, one a SymPy class. Goes out: nodes of a
Graph. A row reads an expression as a generator: it yields the operands that it wants,
is sent their nodes, and returns its own; so the stack of running generators is the
path that errors name. Nothing is looked up by structure: hashing, comparing or asking
a SymPy expression for its properties recurses into it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from overbar.ir.errors import (
    InputError,
    LimitError,
    OverbarError,
    UnsupportedError,
)
from overbar.ir.node import is_condition
from overbar.read.functions import function
from overbar.read.symbolic_elements import Elements
from overbar.read.symbolic_names import array_name, array_shape, input_name, quoted
from overbar.read.symbolic_scope import Mentions, Scope

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Mapping

    from overbar.ir.graph import Graph, Node

Steps: TypeAlias = "Generator[Any, Node, Node]"
Place: TypeAlias = "Callable[[Any, Any], str]"

_SHOWN = 3
_MISFIT = {
    True: "expected a condition such as x > 0, found a number",
    False: "expected a number, found a condition",
}


@dataclass(frozen=True, slots=True)
class Budgets:
    """Hold what SymPy objects that stand for more than they hold may ask of us.

    entries: of all unrolled sums and products together; operations: read in them.
    orders: of one derivative; sweep: the nodes that its higher orders may visit, beyond
        a multiple of the formula's.
    """

    entries: int = 100_000
    operations: int = 1_000_000
    orders: int = 1_000
    sweep: int = 10_000


BUDGETS = Budgets()
"""What the reader applies unless told otherwise."""


class Operand(NamedTuple):
    """Ask for an operand in a scope of its own, or for a condition.

    condition: whether it has to be one; None where it may be one.
    """

    expr: Any
    scope: Scope
    condition: bool | None = False


@dataclass(frozen=True, slots=True)
class Row:
    """Say how expressions of a SymPy class are read.

    leaf: `(reader, expr, scope) -> node` for what has no operands;
    read: `(reader, expr, scope)`, a generator that yields operands, expressions or
        `Operand`s, and returns the node.
    place: `(expr, operand)`, in words where the operand stands.
    conditions: whether operands have to be conditions, None where they may be.
    """

    leaf: Callable[[Reader, Any, Scope], Node] | None = None
    read: Callable[[Reader, Any, Scope], Steps] | None = None
    place: Place = lambda _expr, _operand: "an operand"
    conditions: bool | None = False


class _Frame:
    """Hold a running generator and the operand that it waits for."""

    __slots__ = ("condition", "expr", "operand", "row", "scope", "steps")

    def __init__(self, expr: Any, scope: Scope, row: Row, steps: Steps) -> None:
        self.expr = expr
        self.scope = scope
        self.row = row
        self.steps = steps
        self.operand: Any = None
        self.condition: bool | None = None


class Reader:
    """Read the expressions of one formula into a graph.

    row_of: returns the row of an expression's class. steps: how many operations have
    been read so far; entries: how many entries of sums and products.
    """

    def __init__(
        self, graph: Graph, row_of: Callable[[Any], Row], budgets: Budgets = BUDGETS
    ) -> None:
        self.graph = graph
        self.budgets = budgets
        self.root = Scope({})
        self.steps = 0
        self.entries = 0
        self.closed = False
        self.missing: set[str] = set()
        self.declared: dict[str, None] = {}
        self._row_of = row_of
        self._rows: dict[type, Row] = {}
        self._held: dict[int, Any] = {}  # ids in memos stay valid
        self._symbols: dict[str, Any] = {}
        self._mentions: dict[frozenset[Any], Mentions] = {}
        self._indexes: dict[frozenset[Any], Mentions] = {}
        self.elements = Elements(graph)

    def read(self, expr: Any, where: str) -> Node:
        """Return the node of an expression; errors name the place, from `where` on."""
        stack: list[_Frame] = []
        try:
            return self._run(expr, stack)
        except OverbarError as error:
            message = f"{error.message}, in {', in '.join((where, *_path(stack)))}"
            raise type(error)(message) from None
        except RecursionError:
            message = "expected an expression that SymPy can sort, found one too deep"
            message += f", in {', in '.join((where, *_path(stack)))}"
            raise LimitError(message) from None

    def _run(self, root: Any, stack: list[_Frame]) -> Node:
        value = self._reach(root, self.root, stack)
        while stack:
            frame = stack[-1]
            if value and frame.condition is (not is_condition(value)):
                raise UnsupportedError(_MISFIT[frame.condition])
            frame.operand = None
            try:
                wanted = frame.steps.send(value)  # type: ignore[arg-type] # None starts
            except StopIteration as end:
                stack.pop()
                value = frame.scope.memo[id(frame.expr)] = end.value
                continue
            if type(wanted) is Operand:
                frame.operand, scope, frame.condition = wanted
            else:
                frame.operand, scope = wanted, frame.scope
                frame.condition = frame.row.conditions
            value = self._reach(frame.operand, scope, stack)
        return value  # type: ignore[return-value] # every generator has returned

    def _reach(self, expr: Any, scope: Scope, stack: list[_Frame]) -> Node | None:
        """Return the node of an expression, or None and have it read next."""
        if scope.outer:
            scope = scope.at(expr)
        node = scope.memo.get(id(expr))
        if node is not None:
            return node
        row = self._rows.get(type(expr))
        if row is None:
            row = self._rows[type(expr)] = self._row_of(expr)
        if row.read is None:
            return row.leaf(self, expr, scope) if row.leaf else None
        self._held[id(expr)] = expr
        self.steps += 1
        stack.append(_Frame(expr, scope, row, row.read(self, expr, scope)))
        return None

    def call(self, name: str, nodes: Iterable[Node]) -> Node:
        """Return the node of a function of the expression language."""
        found = function(name)
        if found is None:
            raise UnsupportedError(unknown(name))
        return found(self.graph, *nodes)

    def number(self, value: float) -> Node:
        """Return a constant of the formula's float type."""
        return self.graph.const(value, self.graph.real)

    def declare(self, symbol: Any) -> None:
        """Make an input of a symbol, or of a name."""
        name = input_name(symbol)
        if name in self.declared:
            raise InputError(f"inputs: {name!r} is given twice")
        self.declared[name] = None
        if array_name(symbol) is not None:
            self._declare_array(name, symbol)
            return
        node = self.graph.input(name)
        if not isinstance(symbol, str):
            self.note(name, symbol)
            self.root.values[symbol] = node

    def _declare_array(self, name: str, symbol: Any) -> None:
        from overbar.read.symbolic_loops import base_of, input_of

        given = array_shape(symbol)
        if given is None:
            self.note(name, symbol)
            return
        where = f"the shape of {name!r} in inputs"
        nodes = [self.read(extent, where) for extent in given]
        shape = tuple(self.elements.extent(n, where) for n in nodes)
        input_of(self, base_of(self, symbol, shape, len(shape)))

    def symbol(self, symbol: Any, scope: Scope) -> Node:
        """Return the node of a symbol: what it is bound to, or an input."""
        found = scope.find(symbol)
        if found is not None:
            return found
        name = input_name(symbol)
        self.note(name, symbol)
        node = self.graph.inputs.get(name)
        if node is None and self.closed:
            self.missing.add(name)
            node = self.graph.remake_input(name, self.graph.real)
        elif node is None:
            node = self.graph.input(name)
        self.root.values[symbol] = node
        return node

    def bind(self, outer: Scope, values: Mapping[Any, Node]) -> Scope:
        """Return a scope in which symbols stand for nodes."""
        symbols = frozenset(values)
        mentions = self._mentions.setdefault(symbols, Mentions(symbols))
        return Scope(dict(values), outer, mentions, outer.entries)

    def indexes(self, symbols: frozenset[Any]) -> Mentions:
        """Return what tells whether an expression has entries at these indices."""
        from overbar.read.symbolic_loops import Indexes

        return self._indexes.setdefault(symbols, Indexes(symbols))

    def note(self, name: str, symbol: Any) -> None:
        """Refuse a second symbol of a name."""
        other = self._symbols.setdefault(name, symbol)
        if other == symbol:
            return
        if other.name == symbol.name:
            message = f"expected one symbol named {quoted(symbol.name)}, found two"
            advice = "with different assumptions; make it once, and use that one"
            raise InputError(f"{message} {advice}")
        message = f"expected different names, found {quoted(other.name)} and "
        message += f"{quoted(symbol.name)}, which are both {name!r} as identifiers"
        raise InputError(message)


def unknown(name: str) -> str:
    """Return the message for an operation that has no row."""
    return f"expected an operation that Overbar knows, found {name}"


def _path(stack: list[_Frame]) -> list[str]:
    """Return in words where the innermost operand stands, a long way cut."""
    frames = [f for f in stack if f.operand is not None]
    if len(frames) <= 2 * _SHOWN:
        return [f.row.place(f.expr, f.operand) for f in frames]
    ends = _path(frames[:_SHOWN]), _path(frames[-_SHOWN:])
    return [*ends[0], f"{len(frames) - 2 * _SHOWN:,} more levels", *ends[1]]


def nth(position: int) -> str:
    """Return the ordinal of a position counted from 0.

    >>> nth(0), nth(1), nth(10), nth(21)
    ('1st', '2nd', '11th', '22nd')
    """
    number = position + 1
    teens = 10 < number % 100 < 20
    ending = "th" if teens else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def position(operands: Iterable[Any], operand: Any) -> str:
    """Return the ordinal of an operand among others, found by identity."""
    return next((nth(i) for i, a in enumerate(operands) if a is operand), "some")


def argument(name: str) -> Place:
    """Return the places of a function's arguments."""

    def place(expr: Any, operand: Any) -> str:
        if len(expr.args) == 1:
            return f"the argument of {name}"
        return f"the {position(expr.args, operand)} argument of {name}"

    return place


def each(operands: Iterable[Any]) -> Generator[Any, Node, list[Node]]:
    """Read operands one after the other."""
    nodes: list[Node] = []
    for operand in operands:
        nodes.append((yield operand))  # noqa: PERF401 - comprehensions cannot yield
    return nodes


def plain(
    build: Callable[..., Node], name: str, *, conditions: bool | None = False
) -> Row:
    """Return the row of what is built from its operands: `build(reader, *nodes)`."""

    def read(reader: Reader, expr: Any, _scope: Scope) -> Steps:
        return build(reader, *(yield from each(expr.args)))

    return Row(read=read, place=argument(name), conditions=conditions)
