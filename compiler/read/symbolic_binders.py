"""Read SymPy's expressions that bind symbols: Sum, Product, Subs, Derivative.

The symbol that is bound stands for a node in a scope of its own, so nothing is ever
substituted in SymPy. Derivatives are taken in the graph, by our own forward mode.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from overbar.codegen.lower import substitute
from overbar.derive.forward import forward
from overbar.ir.errors import LimitError, UnsupportedError
from overbar.ir.evaluate import evaluate
from overbar.read.symbolic_loops import folded, over_indices
from overbar.read.symbolic_reader import Operand, each, position

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Sequence

    from overbar.ir.graph import Node
    from overbar.read.symbolic_reader import Reader, Steps
    from overbar.read.symbolic_scope import Scope

_EXACT = 2**53
_MOST_LIMITS = 50
_GROWTH = 30


def unrolled(op: str, inverse: str, neutral: float, reduction: str) -> Any:
    """Return how Sum or Product is read: by `op`, entry by entry.

    One that runs over the indices of arrays is the reduction of an array.
    """

    def read(reader: Reader, expr: Any, scope: Scope) -> Steps:
        body, *limits = expr.args
        if over_indices(reader, expr):
            return (yield from folded(reader, reduction, expr, scope))
        if len(limits) > _MOST_LIMITS:
            message = f"expected at most {_MOST_LIMITS} bounds, found {len(limits)}"
            raise LimitError(message)
        levels = yield from _levels(reader, limits, scope)
        symbol, nodes = limits[0].args[0], []
        start, count = reader.steps, sum(len(r.entries) for r in levels[-1])
        for inner in _scopes(reader, symbol, levels[-1]):
            nodes.append((yield Operand(body, inner)))
            start = _work(reader, start, len(nodes), count)
        for level in reversed(levels):
            left = iter(nodes)
            nodes = [_folded(reader, r, left) for r in level]
        return nodes[0]

    def _folded(reader: Reader, ranged: _Range, nodes: Iterator[Node]) -> Node:
        none = reader.number(neutral)
        whole: Node | None = None
        for node in islice(nodes, len(ranged.entries)):
            whole = reader.graph.make(op, (whole, node)) if whole else node
        whole = whole or none
        return reader.graph.make(inverse, (none, whole)) if ranged.reverse else whole

    return read


class _Range(NamedTuple):
    """Hold the values of a bound symbol in a scope.

    An empty range that is more than empty counts negatively (Karr 1981), as in SymPy:
    the sum from 5 to 1 is minus the sum from 2 to 4.
    """

    outer: Scope
    entries: range
    reverse: bool
    whole: int


def _scopes(reader: Reader, symbol: Any, level: Sequence[_Range]) -> Iterator[Scope]:
    """Return a scope for every value of a symbol, one range after the other."""
    for ranged in level:
        for k in ranged.entries:
            inner = reader.bind(ranged.outer, {symbol: reader.number(float(k))})
            inner.entries = ranged.whole
            yield inner


def _levels(
    reader: Reader, limits: Sequence[Any], scope: Scope
) -> Generator[Any, Node, list[list[_Range]]]:
    """Return the ranges of all bounds, from the last, outermost one inwards.

    So the number of entries is known before the first one is read.
    """
    levels: list[list[_Range]] = []
    scopes: Iterable[Scope] = [scope]
    for limit in reversed(limits):
        symbol, first, last = _limits(limit)
        literal = first.is_Number and last.is_Number
        level: list[_Range] = []
        for outer in scopes:
            low = _whole(reader, (yield Operand(first, outer)))
            high = _whole(reader, (yield Operand(last, outer)))
            reverse = high < low - 1
            entries = range(high + 1, low) if reverse else range(low, high + 1)
            whole = _spend(reader, outer, len(entries), literal=literal)
            level.append(_Range(outer, entries, reverse, whole))
        levels.append(level)
        scopes = _scopes(reader, symbol, level)
    return levels


def _limits(limits: Any) -> tuple[Any, Any, Any]:
    if len(limits.args) != 3:
        message = "expected a sum with two bounds, found an indefinite one"
        raise UnsupportedError(message)
    return limits.args  # type: ignore[no-any-return]


def _whole(reader: Reader, node: Node) -> int:
    """Return the integer that a bound is."""
    graph = reader.graph
    if any(n.op.arity == 0 and not n.is_const for n in graph.order([node])):
        message = "expected a bound that is a constant integer, found a symbolic one"
        raise UnsupportedError(message)
    value = float(evaluate(graph, {}, [node])[node])
    if not value.is_integer():
        found = "an infinite one" if value in {float("inf"), -float("inf")} else value
        message = f"expected a bound that is a constant integer, found {found}"
        raise UnsupportedError(message)
    if abs(value) > _EXACT:
        message = "expected a bound of at most 2**53, found a larger one"
        raise LimitError(message)
    return int(value)


def _spend(reader: Reader, scope: Scope, count: int, *, literal: bool) -> int:
    """Count the entries of a sum; return how many scopes its entries open in all.

    Where bounds are plain numbers the whole of nested sums is known at once.
    """
    reader.entries += count
    most = reader.budgets.entries
    whole = scope.entries * count if literal else scope.entries
    if max(reader.entries, whole) > most:
        message = f"expected sums and products of at most {most:,} entries in all"
        raise LimitError(f"{message}, found {max(reader.entries, whole):,}")
    return whole


def _work(reader: Reader, start: int, entry: int, count: int) -> int:
    """Refuse a sum that takes too long, as soon as its second entry shows it.

    The first entry is not typical: it reads what all have in common.
    """
    most = reader.budgets.operations
    if entry == 1:
        return reader.steps
    spent = reader.steps - start
    if spent > most or (entry == 2 and spent * count > 4 * most):
        message = f"expected sums and products of at most {most:,} operations in all"
        raise LimitError(f"{message}, found more")
    return start


def unrolled_place(expr: Any, operand: Any) -> str:
    """Return whether an operand is what is summed or a bound."""
    name = type(expr).__name__
    if operand is expr.args[0]:
        return f"the entries of a {name}"
    return f"the bounds of a {name}"


def subs(reader: Reader, expr: Any, scope: Scope) -> Steps:
    """Read a Subs: its expression, with symbols standing for their replacements."""
    body, variables, point = expr.args
    values: dict[Any, Node] = {}
    for symbol, replacement in zip(variables.args, point.args, strict=True):
        values[symbol] = yield replacement
    return (yield Operand(body, reader.bind(scope, values)))


def subs_place(expr: Any, operand: Any) -> str:
    """Return whether an operand is the expression or a replacement."""
    if operand is expr.args[0]:
        return "the expression of a Subs"
    return f"the {position(expr.args[2].args, operand)} replacement of a Subs"


def derivative(reader: Reader, expr: Any, scope: Scope) -> Steps:
    """Read a Derivative: differentiate its expression in the graph, forwards.

    Kinks follow the graph's convention, jumps have slope 0, as in every derivative.
    """
    body, *counts = expr.args
    symbols = [pair.args[0] for pair in counts]
    numbers = yield from each(pair.args[1] for pair in counts)
    orders = list(zip(symbols, (_order(reader, n) for n in numbers), strict=True))
    for symbol in symbols:
        if not symbol.is_Symbol:
            message = "expected a derivative with respect to a symbol, found one with"
            raise UnsupportedError(f"{message} respect to {type(symbol).__name__}")
    if sum(n for _, n in orders) > reader.budgets.orders:
        most = reader.budgets.orders
        message = f"expected a derivative of order {most:,} at most, found a higher one"
        raise LimitError(message)
    if not scope.outer:
        node = yield body
        places = {symbol: reader.symbol(symbol, scope) for symbol, _ in orders}
        return _differentiate(reader, node, [(places[s], n) for s, n in orders])
    # What stands for symbols may depend on these again, so the derivative is taken
    # with respect to new inputs, and only then do these become what they stand for.
    new = {
        symbol: reader.graph.remake_input(f"#{i}", reader.graph.real)
        for i, symbol in enumerate(dict(orders), start=len(reader.graph))
    }
    node = yield Operand(body, reader.bind(scope, new))
    node = _differentiate(reader, node, [(new[s], n) for s, n in orders])
    changes = {
        stand_in: reader.symbol(symbol, scope) for symbol, stand_in in new.items()
    }
    return substitute(reader.graph, changes, [node])[node]


def _order(reader: Reader, node: Node) -> int:
    if node.is_const and node.value in range(reader.budgets.orders + 1):
        return int(node.value)
    if node.is_const and node.value > reader.budgets.orders:
        return reader.budgets.orders + 1
    message = "expected a derivative of constant whole order, found another one"
    raise UnsupportedError(message)


def _differentiate(
    reader: Reader, node: Node, orders: Sequence[tuple[Node, int]]
) -> Node:
    """Return the node's derivative by nodes without operands."""
    if reader.elements.hides(node):
        message = "expected a derivative of a formula without sums over indices, found "
        raise UnsupportedError(f"{message}one of such a sum; try .doit()")
    one, zero = reader.number(1.0), reader.number(0.0)
    left = reader.budgets.sweep
    for variable, order in orders:
        for i in range(order):
            tangents = forward(reader.graph, {variable: one}, [node])
            if node not in tangents:
                return zero
            node = tangents[node]
            left += (_GROWTH if i == 0 else -1) * len(tangents)
            if left < 0:
                message = (
                    "expected a derivative of a smaller formula, or of lower order"
                )
                raise LimitError(f"{message}, found one that grows too much")
    return node


def derivative_place(expr: Any, operand: Any) -> str:
    """Return whether an operand is the expression or an order of differentiation."""
    if operand is expr.args[0]:
        return "the expression of a Derivative"
    return "the order of a Derivative"
