"""Read elements of arrays, indices, and sums and products over indices.

`Sum(A[i, j]*x[j], (j, 0, n - 1))` runs over the array's axis: nothing is unrolled, and
n stays a dimension. What is read here are scalars that stand in for elements; see
symbolic_elements and symbolic_lift.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from overbar.ir.errors import InputError, UnsupportedError
from overbar.read.symbolic_elements import Base, Element, Folded
from overbar.read.symbolic_names import array_name, array_shape, input_name, quoted
from overbar.read.symbolic_reader import Operand, Row, each, position
from overbar.read.symbolic_scope import Mentions

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from overbar.ir.graph import Node
    from overbar.ir.types import Extent, Shape
    from overbar.read.labels import Loop
    from overbar.read.symbolic_elements import Elements
    from overbar.read.symbolic_reader import Reader, Steps
    from overbar.read.symbolic_scope import Scope

_INDEXED = "sympy.tensor.indexed."
_ELEMENTS = {"Indexed", "MatrixElement", "ArrayElement"}
_NEUTRAL = {"sum": 0.0, "prod": 1.0}


class Indexes(Mentions):
    """Tell which expressions have an element that is indexed by one of some symbols."""

    def decided(self, expr: Any) -> bool:
        """Whether an expression is such an element itself."""
        if type(expr).__name__ not in _ELEMENTS:
            return False
        return any(self.mentions(i) for i in expr.args[1:])

    def mentions(self, expr: Any) -> bool:
        """Whether an index has one of the symbols."""
        stack = [expr]
        while stack:  # an index is short
            top = stack.pop()
            if self.is_one(top):
                return True
            stack += getattr(top, "args", ())
        return False


# Inputs -------------------------------------------------------------------------------


def base_of(reader: Reader, symbol: Any, shape: Shape | None, rank: int) -> Base:
    """Return the input array that a symbol stands for, made when first met."""
    name = input_name(symbol)
    reader.note(name, symbol)
    bases = reader.elements.bases
    base = bases.get(name)
    if base is None:
        base = bases[name] = Base(name, rank, shape)
        reader.elements.used = True
        if reader.closed and name not in reader.declared:
            reader.missing.add(name)
    if base.rank != rank:
        message = f"expected {base.rank} indices of {name!r} as elsewhere, found {rank}"
        raise InputError(message)
    return base


def input_of(reader: Reader, base: Base) -> Node:
    """Return the node of an input array whose shape is known."""
    if base.node is None:
        graph = reader.graph
        kind = graph.real.of(base.shape or ())
        if base.whole:
            kind = graph.const(0).type.of(base.shape or ())
        if base.name in reader.missing:
            base.node = graph.remake_input(base.name, kind)
        else:
            role = "data" if base.whole else "param"
            base.node = graph.input(base.name, role, kind)
    return base.node


def shape_of(
    reader: Reader, extents: Sequence[Any], what: str
) -> Generator[Any, Node, Shape]:
    """Read the extents of a shape."""
    nodes = yield from each(extents)
    found = [reader.elements.extent(node, f"the shape of {what}") for node in nodes]
    for extent in found:
        if isinstance(extent, int) and extent < 0:
            message = f"expected extents from 0 on, found {extent} in {what}"
            raise UnsupportedError(message)
    return tuple(found)


def array_symbol(reader: Reader, expr: Any, _scope: Scope) -> Steps:
    """Read a MatrixSymbol or ArraySymbol: an input."""
    given = array_shape(expr)
    if given is None:
        message = f"expected {array_name(expr)}[i], an entry, found the array alone"
        raise UnsupportedError(f"{message}; a MatrixSymbol stands for a whole matrix")
    shape = yield from shape_of(reader, given, quoted(array_name(expr)))
    return input_of(reader, base_of(reader, expr, shape, len(shape)))


# Elements and indices -----------------------------------------------------------------


def indexed(reader: Reader, expr: Any, _scope: Scope) -> Steps:
    """Read `A[i, j]` of an IndexedBase."""
    symbol, *indices = expr.args
    given = array_shape(symbol)
    shape = None
    if given is not None:
        shape = yield from shape_of(reader, given, quoted(array_name(symbol)))
    base = base_of(reader, symbol, shape, len(indices))
    nodes = yield from each(indices)
    return reader.elements.stand_in(Element(base, tuple(nodes)))


def element(reader: Reader, expr: Any, _scope: Scope) -> Steps:
    """Read an entry of a matrix or array, which may be any expression."""
    parent, *rest = expr.args
    array = yield parent
    indices = rest[0].args if type(expr).__name__ == "ArrayElement" else rest
    nodes = yield from each(indices)
    if len(nodes) != len(array.type.shape):
        message = f"expected {len(array.type.shape)} indices, found {len(nodes)}"
        raise UnsupportedError(message)
    return reader.elements.stand_in(Element(array, tuple(nodes)))


def element_place(expr: Any, operand: Any) -> str:
    """Return whether an operand is the array, an index or an extent."""
    indices = expr.args[1:]
    if type(expr).__name__ == "ArrayElement":
        indices = expr.args[1].args
    if operand is expr.args[0]:
        return "the array of an entry"
    if any(i is operand for i in indices):
        return f"the {position(indices, operand)} index of an entry"
    return "the shape of an array"


def idx(reader: Reader, expr: Any, scope: Scope) -> Steps:
    """Read an Idx: what it is bound to, or a free index."""
    found = scope.find(expr)
    if found is not None:
        return found
    label, *ranges = expr.args
    if not label.is_Symbol:
        return (yield label)
    name = input_name(label)
    start, extent = 0, None
    if ranges:
        ends = yield from each(ranges[0].args)
        low, high = (reader.elements.extent(n, f"the range of {name}") for n in ends)
        start, extent = low, high - low + 1  # type: ignore[assignment]
    reader.note(name, expr)
    _, node = reader.elements.loop(name, start, extent)
    reader.root.values[expr] = node
    return node


# Sums and products --------------------------------------------------------------------


def over_indices(reader: Reader, expr: Any) -> bool:
    """Whether a Sum or Product runs over the indices of arrays."""
    body, *limits = expr.args
    symbols = frozenset(limit.args[0] for limit in limits)
    return reader.indexes(symbols)(body)


def folded(reader: Reader, op: str, expr: Any, scope: Scope) -> Steps:
    """Read a Sum ("sum") or Product ("prod") over indices, bounds symbolic or not."""
    body, *limits = expr.args
    loops: list[Loop] = []
    tests: list[Node] = []
    for limit in reversed(limits):  # from the last, outermost one inwards
        if len(limit.args) != 3:  # (i, first, last)
            message = "expected a sum with two bounds, found an indefinite one"
            raise UnsupportedError(message)
        symbol, first, last = limit.args
        low = yield Operand(first, scope)
        high = yield Operand(last, scope)
        loop, node, more = _bounded(reader, symbol, low, high)
        scope = reader.bind(scope, {symbol: node})
        loops.insert(0, loop)
        tests += more
    value = yield Operand(body, scope)
    if value.type.shape:
        raise UnsupportedError("expected a sum of numbers, found one of matrices")
    graph, neutral = reader.graph, reader.number(_NEUTRAL[op])
    for test in reversed(tests):
        value = graph.make("select", (test, value, neutral))
    return reader.elements.stand_in(Folded(op, value, tuple(loops)))


def _bounded(
    reader: Reader, symbol: Any, low: Node, high: Node
) -> tuple[Loop, Node, list[Node]]:
    """Return a loop from one bound to the other, and what else has to hold.

    Where a bound depends on other indices the loop goes as far as they let it, and a
    condition holds it back.
    """
    elements, graph = reader.elements, reader.graph
    ends = [_ends(elements, low, 0), _ends(elements, high, 1)]
    (start, moving), (last, moves) = ends
    extent: Extent = last - start + 1
    if isinstance(extent, int) and extent < 0:
        message = "expected a last bound that is not below the first, found "
        raise UnsupportedError(f"{message}{start} and {last}")
    loop, node = elements.loop(str(symbol.name), start, extent)
    tests = [graph.make("ge", (node, low))] if moving else []
    if moves:
        tests.append(graph.make("le", (node, high)))
    return loop, node, tests


def _ends(elements: Elements, bound: Node, side: int) -> tuple[Extent, bool]:
    """Return the farthest that a bound goes, and whether it depends on indices."""
    from overbar.read.symbolic_settle import affine

    index = affine(elements, elements.linear(bound))
    if index is None or any(loop.extent is None for loop, _ in index.terms):
        message = "expected a bound made of integers, dimensions and other indices of "
        raise UnsupportedError(f"{message}known range, found another one")
    elements.note(index.offset)
    return index.ends()[side], bool(index.terms)


ROWS = {
    f"{_INDEXED}Indexed": Row(read=indexed, place=element_place),
    f"{_INDEXED}IndexedBase": Row(read=array_symbol),
    f"{_INDEXED}Idx": Row(read=idx),
    "sympy.matrices.expressions.matexpr.MatrixElement": Row(
        read=element, place=element_place
    ),
    "sympy.matrices.expressions.matexpr.MatrixSymbol": Row(read=array_symbol),
    "sympy.tensor.array.expressions.array_expressions.ArrayElement": Row(
        read=element, place=element_place
    ),
    "sympy.tensor.array.expressions.array_expressions.ArraySymbol": Row(
        read=array_symbol
    ),
}
"""Rows by the full name of the class."""
