"""Read SymPy's matrix expressions: sums, blocks, slices, determinants, listed ones.

Every matrix is an array of two axes, as in SymPy: a vector x of n entries has the shape
(n, 1), and `x.T*A*x` has the shape (1, 1). Inside, what has one column or one row is
computed as the vector that it is: `A*x - b` is the vector `A @ x - b`, given its second
axis where it is handed on, and so is its transpose.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from overbar.ir.constants import Constant
from overbar.ir.errors import UnsupportedError
from overbar.ir.node import is_condition
from overbar.read.symbolic_forms import raised
from overbar.read.symbolic_loops import shape_of
from overbar.read.symbolic_products import (
    INVERSE,
    MATMUL,
    MATPOW,
    MATRICES,
    is_a,
    library,
    matmul,
    matmul_place,
    power,
    reshaped,
    squeezed,
    trace,
    transposed,
)
from overbar.read.symbolic_reader import Operand, Row, argument, each, plain, position

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from overbar.ir.graph import Graph, Node
    from overbar.ir.types import Shape
    from overbar.read.symbolic_reader import Reader, Steps
    from overbar.read.symbolic_scope import Scope


def _called(name: str, *options: Any) -> Callable[..., Node]:
    """Return the builder of a function of one matrix."""
    return lambda reader, x: library(name)(reader.graph, x, *options)


def full(graph: Graph, value: float, shape: Shape) -> Node:
    """Return an array that holds one number."""
    return graph.const(value, graph.real.of(shape))


def _by_entries(build: Callable[..., Node]) -> Callable[..., Node]:
    """Return an elementwise builder that computes columns and rows as vectors."""

    def wrapped(reader: Reader, *nodes: Node) -> Node:
        shape = next((n.type.shape for n in nodes if n.type.shape), ())
        if 1 not in shape:
            return build(reader, *nodes)
        return reshaped(build(reader, *map(squeezed, nodes)), shape)

    return wrapped


# Sums and elementwise operations ------------------------------------------------------


def matadd(reader: Reader, expr: Any, _scope: Scope) -> Steps:
    """Read a sum of matrices, a term without a minus sign first."""
    nodes = yield from each(sorted(expr.args, key=_negative))
    return _by_entries(_total)(reader, *nodes)


def _total(_reader: Reader, *nodes: Node) -> Node:
    total = nodes[0]
    for node in nodes[1:]:
        total = total + node
    return total


def _negative(term: Any) -> bool:
    head = term.args[0] if is_a(term, MATMUL) else term
    return bool(head.is_Number and head.is_extended_negative)


def _term_place(expr: Any, operand: Any) -> str:
    return f"the {position(sorted(expr.args, key=_negative), operand)} term of a sum"


def _hadamard(_reader: Reader, *nodes: Node) -> Node:
    whole = nodes[0]
    for node in nodes[1:]:
        whole = whole * node
    return whole


def _hadamard_power(reader: Reader, base: Node, exponent: Node) -> Node:
    graph = reader.graph
    shape = base.type.shape or exponent.type.shape
    if exponent.equals(0.5):  # a square root
        return graph.make("sqrt", (base,))
    return graph.spread(raised(graph, base, exponent), shape)


def applied(reader: Reader, expr: Any, scope: Scope) -> Steps:
    """Read a function of every entry: its formula, with the array for its symbol."""
    function, array = expr.args
    whole = yield array
    node = squeezed(whole) if 1 in whole.type.shape else whole
    if type(function).__name__ != "Lambda" or len(function.args[0].args) != 1:
        raise UnsupportedError("expected a function of one number, found another one")
    (symbol,), body = function.args[0].args, function.args[1]
    value = yield Operand(body, reader.bind(scope, {symbol: node}))
    value = reader.graph.spread(value, node.type.shape)
    return reshaped(value, whole.type.shape)


def applied_place(expr: Any, operand: Any) -> str:
    """Return whether an operand is the array or the function's formula."""
    if operand is expr.args[1]:
        return "the array that a function is applied to"
    return "the function applied to an array"


# Matrices made of others --------------------------------------------------------------


def _blocks(reader: Reader, expr: Any, _scope: Scope) -> Steps:
    blocks, graph = expr.args[0], reader.graph
    rows = []
    for i in range(blocks.shape[0]):
        row = yield from each([blocks[i, j] for j in range(blocks.shape[1])])
        rows.append(_joined(graph, row, 1))
    return _joined(graph, rows, 0)


def _block_diagonal(reader: Reader, *nodes: Node) -> Node:
    graph = reader.graph
    rows = [
        [
            x if i == j else full(graph, 0.0, (x.type.shape[0], y.type.shape[1]))
            for j, y in enumerate(nodes)
        ]
        for i, x in enumerate(nodes)
    ]
    return _joined(graph, [_joined(graph, row, 1) for row in rows], 0)


def _joined(graph: Graph, nodes: Sequence[Node], axis: int) -> Node:
    return graph.make("concat", nodes, (axis,)) if len(nodes) > 1 else nodes[0]


def _slice(reader: Reader, expr: Any, _scope: Scope) -> Steps:
    from overbar.read.arrays import index

    parent, *ranges = expr.args
    node = yield parent
    items = []
    for given in ranges:
        ends = yield from each(given.args)
        items.append(slice(*(reader.elements.extent(n, "a slice") for n in ends)))
    return index(reader.graph, node, tuple(items))


def _identity(reader: Reader, expr: Any, _scope: Scope) -> Steps:
    shape = yield from shape_of(reader, expr.args, "an Identity")
    return library("eye")(reader.graph, shape[0])  # type: ignore[no-any-return]


def filled(value: float, name: str) -> Row:
    """Return the row of an array that holds one number."""

    def read(reader: Reader, expr: Any, _scope: Scope) -> Steps:
        shape = yield from shape_of(reader, expr.args, name)
        return full(reader.graph, value, shape)

    return Row(read=read, place=argument(name))


def dense(reader: Reader, expr: Any, _scope: Scope) -> Steps:
    """Read a matrix or array that lists its entries."""
    graph = reader.graph
    shape = tuple(int(n) for n in expr.shape)
    entries = expr.flat() if hasattr(expr, "flat") else expr._array  # noqa: SLF001 - as they are
    nodes = yield from each(list(entries))
    if all(n.is_const for n in nodes):
        values = np.array([n.value for n in nodes], graph.real.dtype)
        return graph.make("array", (), (Constant(values.reshape(shape)),))
    line = [graph.spread_along(n, (), (1,)) for n in nodes]
    return graph.make("reshape", (_joined(graph, line, 0),), (shape,))


def _flat(graph: Graph, x: Node) -> Node:
    """Return a row or column as a vector."""
    rows, columns = x.type.shape
    return graph.make("reshape", (x,), ((columns if rows == 1 else rows,),))


def _diag(reader: Reader, x: Node) -> Node:
    if 1 not in x.type.shape:
        return _only_diagonal(reader, x)
    return library("diag")(reader.graph, _flat(reader.graph, x))  # type: ignore[no-any-return]


def _only_diagonal(reader: Reader, x: Node) -> Node:
    return library("eye")(reader.graph, *x.type.shape) * x  # type: ignore[no-any-return]


def _diagonal_of(reader: Reader, x: Node) -> Node:
    line = library("diagonal")(reader.graph, x)
    return reader.graph.make("reshape", (line,), ((line.type.shape[0], 1),))


def _kronecker(reader: Reader, *nodes: Node) -> Node:
    whole = nodes[0]
    for node in nodes[1:]:
        whole = library("kron")(reader.graph, whole, node)
    return whole


def _dot(reader: Reader, x: Node, y: Node) -> Node:
    product = _flat(reader.graph, x) * _flat(reader.graph, y)
    return reader.graph.make("sum", (product,), ((0,),))


def scalar(node: Node) -> Node:
    """Return the number that a matrix of one entry is, any other node as it is."""
    if node.type.shape != (1, 1) or is_condition(node):
        return node
    return reshaped(node, ())


_BUILT: dict[str, tuple[str, Callable[..., Node]]] = {
    "transpose.Transpose": ("a transpose", lambda _, x: transposed(x)),
    "adjoint.Adjoint": ("an adjoint", lambda _, x: transposed(x)),
    "determinant.Determinant": ("a determinant", _called("det")),
    "hadamard.HadamardProduct": ("a HadamardProduct", _by_entries(_hadamard)),
    "hadamard.HadamardPower": ("a HadamardPower", _by_entries(_hadamard_power)),
    "blockmatrix.BlockDiagMatrix": ("a BlockDiagMatrix", _block_diagonal),
    "diagonal.DiagMatrix": ("a DiagMatrix", _diag),
    "diagonal.DiagonalMatrix": ("a DiagonalMatrix", _only_diagonal),
    "diagonal.DiagonalOf": ("a DiagonalOf", _diagonal_of),
    "kronecker.KroneckerProduct": ("a KroneckerProduct", _kronecker),
    "dotproduct.DotProduct": ("a DotProduct", _dot),
}

ROWS = {
    f"{MATRICES}{name}": plain(build, words) for name, (words, build) in _BUILT.items()
} | {
    MATMUL: Row(read=matmul, place=matmul_place),
    MATPOW: Row(read=power, place=argument("a power")),
    INVERSE: Row(read=matmul, place=argument("an inverse")),
    f"{MATRICES}matadd.MatAdd": Row(read=matadd, place=_term_place),
    f"{MATRICES}trace.Trace": Row(read=trace, place=argument("a trace")),
    f"{MATRICES}applyfunc.ElementwiseApplyFunction": Row(
        read=applied, place=applied_place
    ),
    f"{MATRICES}blockmatrix.BlockMatrix": Row(read=_blocks, place=lambda *_: "a block"),
    f"{MATRICES}slice.MatrixSlice": Row(read=_slice, place=argument("a slice")),
    f"{MATRICES}special.Identity": Row(read=_identity, place=argument("an Identity")),
    f"{MATRICES}special.ZeroMatrix": filled(0.0, "a ZeroMatrix"),
    f"{MATRICES}special.OneMatrix": filled(1.0, "a OneMatrix"),
    "sympy.matrices.immutable.ImmutableDenseMatrix": Row(
        read=dense, place=lambda *_: "an entry of a matrix"
    ),
    "sympy.matrices.immutable.ImmutableSparseMatrix": Row(
        read=dense, place=lambda *_: "an entry of a matrix"
    ),
    "sympy.tensor.array.dense_ndim_array.ImmutableDenseNDimArray": Row(
        read=dense, place=lambda *_: "an entry of an array"
    ),
}
"""Rows by the full name of the class."""
