"""Say what the operators and functions of a text mean: one row each.

A row builds the node of an operation from its operands' nodes. Of integers alone (only
constants are) it computes the exact result instead.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from overbar.ir.graph import Graph, Node
from overbar.ir.types import INT
from overbar.read import integers

if TYPE_CHECKING:
    from overbar.read.functions import Function

Build: TypeAlias = Callable[[Graph, Sequence[Node]], Node]
Exact: TypeAlias = Callable[..., "int | float | bool"]
ALL = 1 << 30


class Operation(NamedTuple):
    """Hold one row.

    build: `(graph, operands) -> node`.
    conditions: how many operands, from the first on, are conditions; the others are
        numbers.
    exact: `(digits, *integers) -> number`, for integers alone.
    """

    build: Build
    conditions: int = 0
    exact: Exact | None = None


def real(node: Node) -> Node:
    """Return a number as a float."""
    graph = node.graph
    return graph.convert(node, graph.real) if node.type is INT else node


def _op(name: str, exact: Exact | None = None, conditions: int = 0) -> Operation:
    return Operation(lambda graph, args: graph.make(name, args), conditions, exact)


UNARY = {
    "+": Operation(lambda _graph, args: args[0]),
    "-": _op("neg", lambda _digits, x: -x),
    "not": _op("not", conditions=ALL),
}

BINARY = {
    "+": _op("add", lambda _digits, x, y: x + y),
    "-": _op("sub", lambda _digits, x, y: x - y),
    "*": _op("mul", lambda _digits, x, y: x * y),
    "/": _op("div", integers.divide),
    "//": _op("floordiv", integers.floor_divide),
    "%": _op("mod", integers.modulo),
    "**": _op("pow", integers.power),
    "and": _op("and", conditions=ALL),
    "or": _op("or", conditions=ALL),
}

_COMPARISONS = {
    "<": ("lt", operator.lt),
    "<=": ("le", operator.le),
    ">": ("gt", operator.gt),
    ">=": ("ge", operator.ge),
    "==": ("eq", operator.eq),
    "!=": ("ne", operator.ne),
}


def comparison(signs: Sequence[str]) -> Operation:
    """Return the row of a chain of comparisons: `a < b <= c` is a < b and b <= c."""
    rows = [_COMPARISONS[sign] for sign in signs]

    def build(graph: Graph, args: Sequence[Node]) -> Node:
        numbers = pairwise([real(a) for a in args])
        pairs = [
            graph.make(name, pair)
            for (name, _), pair in zip(rows, numbers, strict=True)
        ]
        whole = pairs[0]
        for pair in pairs[1:]:
            whole = graph.make("and", (whole, pair))
        return whole

    def exact(_digits: int, *values: int) -> bool:
        return all(
            test(*pair) for (_, test), pair in zip(rows, pairwise(values), strict=True)
        )

    return Operation(build, exact=exact)


def _choose(graph: Graph, args: Sequence[Node]) -> Node:
    condition, x, y = args
    return graph.make("select", (condition, real(x), real(y)))


CHOICE = Operation(_choose, conditions=1)
"""`x if c else y`, its operands in the order c, x, y."""

_CONDITIONS = {"where": 1}
"""Functions whose first operands are conditions."""


def call(function: Function) -> Operation:
    """Return the row of a call of a function."""

    def build(graph: Graph, args: Sequence[Node]) -> Node:
        return function(graph, *[real(a) for a in args])

    return Operation(build, conditions=_CONDITIONS.get(function.name, 0))
