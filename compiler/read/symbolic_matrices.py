"""Read SymPy's matrix expressions: sums, products, inverses, blocks, slices, traces.

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
from overbar.ir.graph import is_condition
from overbar.read.symbolic_forms import raised
from overbar.read.symbolic_loops import shape_of
from overbar.read.symbolic_reader import Operand, Row, argument, each, plain, position

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from overbar.ir.graph import Graph, Node
    from overbar.ir.types import Shape
    from overbar.read.symbolic_reader import Reader, Steps
    from overbar.read.symbolic_scope import Scope

_M = "sympy.matrices.expressions."
_INVERSE, _MATMUL, _MATPOW = (
    f"{_M}{name}" for name in ("inverse.Inverse", "matmul.MatMul", "matpow.MatPow")
)
_LARGEST_POWER = 64


def library(name: str) -> Callable[..., Any]:
    """Return one of NumPy's functions over nodes; these are imported when needed."""
    from overbar.read.arrays import FUNCTIONS

    return FUNCTIONS[name]


def _called(name: str, *options: Any) -> Callable[..., Node]:
    """Return the builder of a function of one matrix."""
    return lambda reader, x: library(name)(reader.graph, x, *options)


def full(graph: Graph, value: float, shape: Shape) -> Node:
    """Return an array that holds one number."""
    return graph.const(value, graph.real.of(shape))


def _reshaped(x: Node, shape: Shape) -> Node:
    return x.graph.make("reshape", (x,), (shape,))


def squeezed(x: Node) -> Node:
    """Return a column or row as a vector, a matrix of one entry as a number."""
    return _reshaped(x, tuple(extent for extent in x.type.shape if extent != 1))


def transposed(x: Node) -> Node:
    """Return the transpose of a matrix; a row is a column in other clothes."""
    shape = x.type.shape
    if 1 in shape:
        return _reshaped(x, (shape[1], shape[0]))
    return x.graph.make("transpose", (x,), ((1, 0),))


def _by_entries(build: Callable[..., Node]) -> Callable[..., Node]:
    """Return an elementwise builder that computes columns and rows as vectors."""

    def wrapped(reader: Reader, *nodes: Node) -> Node:
        shape = next((n.type.shape for n in nodes if n.type.shape), ())
        if 1 not in shape:
            return build(reader, *nodes)
        return _reshaped(build(reader, *map(squeezed, nodes)), shape)

    return wrapped


def _is(expr: Any, name: str) -> bool:
    return f"{type(expr).__module__}.{type(expr).__qualname__}" == name


# Products -----------------------------------------------------------------------------


class _Product:
    """Gather the factors of a product: numbers apart from matrices.

    matrices: with whether its inverse is the factor.
    """

    def __init__(self) -> None:
        self.numbers: list[Node] = []
        self.divisor = 1
        self.negative = False
        self.matrices: list[tuple[Node, bool]] = []

    def scaled(self, whole: Node) -> Node:
        """Return a node times the numbers."""
        for number in reversed(self.numbers):
            whole = number * whole
        if self.divisor != 1:
            whole = whole / float(self.divisor)
        return -whole if self.negative else whole


def _read_product(reader: Reader, expr: Any) -> Generator[Any, Node, _Product]:
    """Read the factors of a MatMul, a whole power, or any other matrix as one."""
    found = _Product()
    for factor in expr.args if _is(expr, _MATMUL) else (expr,):
        if not factor.is_Matrix:
            if factor.is_Rational:
                found.negative ^= factor.p < 0
                found.divisor *= int(factor.q)
                if abs(factor.p) != 1:
                    found.numbers.append(reader.number(float(abs(int(factor.p)))))
            else:
                found.numbers.append((yield factor))
        elif _is(factor, _INVERSE):
            found.matrices.append(((yield factor.args[0]), True))
        elif _is(factor, _MATPOW) and factor.args[1].is_Integer and (
            0 < factor.args[1] <= _LARGEST_POWER
        ):  # fmt: skip
            found.matrices += [((yield factor.args[0]), False)] * int(factor.args[1])
        else:
            found.matrices.append(((yield factor), False))
    return found


def matmul(reader: Reader, expr: Any, _scope: Scope) -> Steps:
    """Read a product of matrices and numbers; an inverse before a factor solves."""
    product = yield from _read_product(reader, expr)
    whole = _multiplied(reader.graph, product.matrices)
    if 1 not in whole.type.shape:
        return product.scaled(whole)
    return _reshaped(product.scaled(squeezed(whole)), whole.type.shape)


def _multiplied(graph: Graph, matrices: Sequence[tuple[Node, bool]]) -> Node:
    (first, _), (last, inverted) = matrices[0], matrices[-1]
    rows, columns = first.type.shape[0], last.type.shape[1]
    turn = rows == 1 if columns != 1 else False
    if turn or (inverted and not matrices[0][1] and len(matrices) > 1):
        # a row is a column transposed, A B^-1 the transpose of B^-T A^T
        turned = [(transposed(x), i) for x, i in reversed(matrices)]
        return transposed(_multiplied(graph, turned))
    if not any(i for _, i in matrices):
        return _chained(graph, [x for x, _ in matrices])
    whole = library("inv")(graph, last) if inverted else last
    for x, inverse in reversed(matrices[:-1]):
        whole = _solved(graph, x, whole) if inverse else _chained(graph, [x, whole])
    return whole


def _chained(graph: Graph, nodes: Sequence[Node]) -> Node:
    """Return a product of matrices, in the order of the fewest operations."""
    shape = (nodes[0].type.shape[0], nodes[-1].type.shape[1])
    return _reshaped(_contracted(graph, nodes, (0, len(nodes))), shape)


def _contracted(graph: Graph, nodes: Sequence[Node], ends: Sequence[int]) -> Node:
    """Return the product of a chain; a ring, whose ends meet, has its trace."""
    from overbar.read.array_product import product_of

    count = len(nodes)
    inputs = [[k, k + 1 if ends else (k + 1) % count] for k in range(count)]
    one = {k for x, ks in zip(nodes, inputs, strict=True)
           for k, e in zip(ks, x.type.shape, strict=True) if e == 1}  # fmt: skip
    inputs = [[k for k in ks if k not in one] for ks in inputs]
    out = [k for k in ends if k not in one]
    factors = [squeezed(x) for x in nodes]
    if count > 2 and count in one:  # x^T A x is x . (A x)
        factors, inputs = factors[::-1], inputs[::-1]
    return product_of(graph, "a product", factors, inputs, out)


def _solved(graph: Graph, a: Node, b: Node) -> Node:
    """Return a^-1 b."""
    if b.type.shape[1] != 1:
        return library("solve")(graph, a, b)  # type: ignore[no-any-return]
    column = _reshaped(b, b.type.shape[:1])
    return _reshaped(library("solve")(graph, a, column), b.type.shape)


def trace(reader: Reader, expr: Any, _scope: Scope) -> Steps:
    """Read a trace; that of a product is computed without the product."""
    product = yield from _read_product(reader, expr.args[0])
    graph = reader.graph
    nodes = [library("inv")(graph, x) if i else x for x, i in product.matrices]
    return product.scaled(_contracted(graph, nodes, ()))


def _matmul_place(expr: Any, operand: Any) -> str:
    inner = [a.args[0] if _is(a, _INVERSE) or _is(a, _MATPOW) else a for a in expr.args]
    return f"the {position(inner, operand)} factor of a product of matrices"


def _power(reader: Reader, expr: Any, _scope: Scope) -> Steps:
    base, exponent = expr.args
    if not exponent.is_Integer or abs(exponent) > _LARGEST_POWER:
        message = f"expected a power of a matrix from {-_LARGEST_POWER} to "
        raise UnsupportedError(f"{message}{_LARGEST_POWER}, a whole one, found another")
    node = yield base
    return library("matrix_power")(reader.graph, node, int(exponent))  # type: ignore[no-any-return]


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
    head = term.args[0] if _is(term, _MATMUL) else term
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
    return _reshaped(value, whole.type.shape)


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


def log_determinant(reader: Reader, matrix: Any) -> Steps:
    """Read the logarithm of a determinant, which itself may overflow.

    It is NaN where the determinant is negative, as any logarithm is.
    """
    sign, size = library("slogdet")(reader.graph, (yield matrix))
    return size + reader.call("log", (sign,))  # type: ignore[no-any-return]


def scalar(node: Node) -> Node:
    """Return the number that a matrix of one entry is, any other node as it is."""
    if node.type.shape != (1, 1) or is_condition(node):
        return node
    return _reshaped(node, ())


def _is_determinant(expr: Any) -> bool:
    return _is(expr, f"{_M}determinant.Determinant")


def log(otherwise: Callable[..., Node]) -> Callable[..., Steps]:
    """Return how a logarithm is read: that of a determinant in one step."""

    def read(reader: Reader, expr: Any, _scope: Scope) -> Steps:
        inner = expr.args[0]
        if len(expr.args) == 1 and _is_determinant(inner):
            return (yield from log_determinant(reader, inner.args[0]))
        if len(expr.args) == 1 and _is(inner, _ABS) and _is_determinant(inner.args[0]):
            matrix = yield inner.args[0].args[0]
            return library("logdet")(reader.graph, matrix)  # type: ignore[no-any-return]
        return otherwise(reader, *(yield from each(expr.args)))

    return read


_ABS = "sympy.functions.elementary.complexes.Abs"

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
    f"{_M}{name}": plain(build, words) for name, (words, build) in _BUILT.items()
} | {
    _MATMUL: Row(read=matmul, place=_matmul_place),
    _MATPOW: Row(read=_power, place=argument("a power")),
    _INVERSE: Row(read=matmul, place=argument("an inverse")),
    f"{_M}matadd.MatAdd": Row(read=matadd, place=_term_place),
    f"{_M}trace.Trace": Row(read=trace, place=argument("a trace")),
    f"{_M}applyfunc.ElementwiseApplyFunction": Row(read=applied, place=applied_place),
    f"{_M}blockmatrix.BlockMatrix": Row(read=_blocks, place=lambda *_: "a block"),
    f"{_M}slice.MatrixSlice": Row(read=_slice, place=argument("a slice")),
    f"{_M}special.Identity": Row(read=_identity, place=argument("an Identity")),
    f"{_M}special.ZeroMatrix": filled(0.0, "a ZeroMatrix"),
    f"{_M}special.OneMatrix": filled(1.0, "a OneMatrix"),
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
