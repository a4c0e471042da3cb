"""Say what the operators and functions of a text mean: one row each.

A row builds the node of an operation from its operands' nodes. Of constant integers
alone it computes the exact result instead, of sizes (`n - 1`) another size, and of
indices (`i + 1`) where they stand.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from overbar.ir.graph import Graph, Node
from overbar.ir.ops import OPS
from overbar.ir.types import INT, Dim, Quotient
from overbar.read import integers
from overbar.read.labels import Affine

if TYPE_CHECKING:
    from overbar.ir.types import Extent
    from overbar.read.functions import Function

Build: TypeAlias = Callable[[Graph, Sequence[Node]], Node]
Exact: TypeAlias = Callable[..., "int | float | bool"]
ALL = 1 << 30
EXTENT = OPS["extent"]
_LARGEST = 2**53
_MOST_TERMS, _MOST_FACTORS, _DEEPEST = 32, 8, 4


class Operation(NamedTuple):
    """Hold one row.

    build: `(graph, operands) -> node`.
    conditions: how many operands, from the first on, are conditions; the others are
        numbers.
    exact: `(digits, *integers) -> number`, for constant integers alone.
    whole: `(*extents) -> extent`, for sizes.
    affine: `(*affines) -> affine`, for indices; None for what is not affine.
    """

    build: Build
    conditions: int = 0
    exact: Exact | None = None
    whole: Callable[..., Any] | None = None
    affine: Callable[..., Affine | None] | None = None


def real(node: Node) -> Node:
    """Return a number as a float."""
    graph = node.graph
    return graph.convert(node, graph.real) if node.type.dtype == INT.dtype else node


def reals(nodes: Sequence[Node]) -> list[Node]:
    """Return numbers as floats, unless they are integers of the user's data."""
    if any(not n.is_const for n in nodes) and all(
        n.type.dtype == INT.dtype for n in nodes
    ):
        return list(nodes)
    return [real(n) for n in nodes]


def is_size(node: Node) -> bool:
    """Whether a node is an integer or the size of a dimension."""
    return node.op is EXTENT or (node.is_const and node.type is INT)


def size_of(node: Node) -> Extent:
    """Return the integer or size that a node is."""
    return node.attrs[0]  # type: ignore[no-any-return]


def written(size: Extent | None) -> bool:
    """Whether a size can be had, and is no longer than what one writes."""
    if size is None or isinstance(size, int):
        return size is not None and abs(size) < _LARGEST
    return _depth(size) <= _DEEPEST and len(size.terms) <= _MOST_TERMS and all(
        len(factors) <= _MOST_FACTORS and abs(times) < _LARGEST
        for factors, times in size.terms
    )  # fmt: skip


def _depth(size: Dim) -> int:
    """Return how many quotients stand in each other, counted no further than needed."""
    depth, level = 0, [size]
    while level and depth <= _DEEPEST:
        level = [
            f.top for d in level for factors, _ in d.terms for f in factors
            if isinstance(f, Quotient)
        ]  # fmt: skip
        depth += 1
    return depth


def _floor(x: Extent, y: Extent) -> Extent | None:
    return x // y if isinstance(y, int) and y > 0 else None


def _scaled(x: Affine, y: Affine) -> Affine | None:
    if y.terms:
        x, y = y, x
    if y.terms or not isinstance(y.offset, int):
        return None
    return Affine((), 0).plus(x, y.offset)


def _op(
    name: str,
    exact: Exact | None = None,
    conditions: int = 0,
    whole: Callable[..., Any] | None = None,
    affine: Callable[..., Affine | None] | None = None,
) -> Operation:
    return Operation(
        lambda graph, args: graph.make(name, args), conditions, exact, whole, affine
    )


UNARY = {
    "+": Operation(lambda _graph, args: args[0], affine=lambda x: x),
    "-": _op(
        "neg",
        lambda _digits, x: -x,
        whole=lambda x: 0 - x,
        affine=lambda x: Affine((), 0).plus(x, -1),
    ),
    "not": _op("not", conditions=ALL),
}

BINARY = {
    "+": _op(
        "add", lambda _digits, x, y: x + y, whole=operator.add,
        affine=lambda x, y: x.plus(y),
    ),
    "-": _op(
        "sub", lambda _digits, x, y: x - y, whole=operator.sub,
        affine=lambda x, y: x.plus(y, -1),
    ),
    "*": _op(
        "mul", lambda _digits, x, y: x * y, whole=operator.mul, affine=_scaled,
    ),
    "/": _op("div", integers.divide),
    "//": _op("floordiv", integers.floor_divide, whole=_floor),
    "%": _op("mod", integers.modulo),
    "**": _op("pow", integers.power),
    "and": _op("and", conditions=ALL),
    "or": _op("or", conditions=ALL),
}  # fmt: skip

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
        numbers = pairwise(reals(args))
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
    return graph.make("select", (condition, *reals((x, y))))


CHOICE = Operation(_choose, conditions=1)
"""`x if c else y`, its operands in the order c, x, y."""

_CONDITIONS = {"where": 1}
"""Functions whose first operands are conditions."""

_WHOLE = {"abs", "clip", "max", "min", "mod"}
"""Functions that give integers of the user's integers."""


def call(function: Function) -> Operation:
    """Return the row of a call of a function."""
    conditions = _CONDITIONS.get(function.name, 0)
    convert = reals if function.name in _WHOLE or conditions else _all_real

    def build(graph: Graph, args: Sequence[Node]) -> Node:
        numbers = convert(args[conditions:])
        return function(graph, *args[:conditions], *numbers)

    return Operation(build, conditions)


def _all_real(nodes: Sequence[Node]) -> list[Node]:
    return [real(n) for n in nodes]
