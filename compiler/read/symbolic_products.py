"""Read SymPy's products, powers and traces of matrices; inverses in them solve."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from overbar.ir.errors import UnsupportedError
from overbar.read.symbolic_reader import position

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from overbar.ir.graph import Graph, Node
    from overbar.ir.types import Shape
    from overbar.read.symbolic_reader import Reader, Steps
    from overbar.read.symbolic_scope import Scope

MATRICES = "sympy.matrices.expressions."
INVERSE, MATMUL, MATPOW = (
    f"{MATRICES}{name}"
    for name in ("inverse.Inverse", "matmul.MatMul", "matpow.MatPow")
)
_LARGEST_POWER = 64


def library(name: str) -> Callable[..., Any]:
    """Return one of NumPy's functions over nodes; these are imported when needed."""
    from overbar.read.arrays import FUNCTIONS

    return FUNCTIONS[name]


def reshaped(x: Node, shape: Shape) -> Node:
    """Return a node with its entries in another shape."""
    return x.graph.make("reshape", (x,), (shape,))


def squeezed(x: Node) -> Node:
    """Return a column or row as a vector, a matrix of one entry as a number."""
    return reshaped(x, tuple(extent for extent in x.type.shape if extent != 1))


def transposed(x: Node) -> Node:
    """Return the transpose of a matrix; a row is a column in other clothes."""
    shape = x.type.shape
    if 1 in shape:
        return reshaped(x, (shape[1], shape[0]))
    return x.graph.make("transpose", (x,), ((1, 0),))


def is_a(expr: Any, name: str) -> bool:
    """Whether an expression is of the class of that full name."""
    return f"{type(expr).__module__}.{type(expr).__qualname__}" == name


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
    for factor in expr.args if is_a(expr, MATMUL) else (expr,):
        if not factor.is_Matrix:
            if factor.is_Rational:
                found.negative ^= factor.p < 0
                found.divisor *= int(factor.q)
                if abs(factor.p) != 1:
                    found.numbers.append(reader.number(float(abs(int(factor.p)))))
            else:
                found.numbers.append((yield factor))
        elif is_a(factor, INVERSE):
            found.matrices.append(((yield factor.args[0]), True))
        elif is_a(factor, MATPOW) and factor.args[1].is_Integer and (
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
    return reshaped(product.scaled(squeezed(whole)), whole.type.shape)


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
    return reshaped(_contracted(graph, nodes, (0, len(nodes))), shape)


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
    column = reshaped(b, b.type.shape[:1])
    return reshaped(library("solve")(graph, a, column), b.type.shape)


def trace(reader: Reader, expr: Any, _scope: Scope) -> Steps:
    """Read a trace; that of a product is computed without the product."""
    product = yield from _read_product(reader, expr.args[0])
    graph = reader.graph
    nodes = [library("inv")(graph, x) if i else x for x, i in product.matrices]
    return product.scaled(_contracted(graph, nodes, ()))


def matmul_place(expr: Any, operand: Any) -> str:
    """Return which factor of a product an operand is."""
    inner = [a.args[0] if is_a(a, INVERSE) or is_a(a, MATPOW) else a for a in expr.args]
    return f"the {position(inner, operand)} factor of a product of matrices"


def power(reader: Reader, expr: Any, _scope: Scope) -> Steps:
    """Read a whole power of a matrix."""
    base, exponent = expr.args
    if not exponent.is_Integer or abs(exponent) > _LARGEST_POWER:
        message = f"expected a power of a matrix from {-_LARGEST_POWER} to "
        raise UnsupportedError(f"{message}{_LARGEST_POWER}, a whole one, found another")
    node = yield base
    return library("matrix_power")(reader.graph, node, int(exponent))  # type: ignore[no-any-return]
