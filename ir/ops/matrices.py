"""Say what the rows of linear algebra share: types, products, triangles, errors.

Derivatives after Giles (2008), Collected matrix derivative results for forward and
reverse mode algorithmic differentiation, and Murray (2016), Differentiation of the
Cholesky decomposition. They are written in the table's own ops, so that they have
derivatives too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from overbar.ir.errors import InputError, ShapeError
from overbar.ir.ops.contract import contract
from overbar.ir.ops.row import Op, apply, call
from overbar.ir.ops.shapes import product
from overbar.ir.ops.typing import cast, common
from overbar.ir.types import F64, extents

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from overbar.ir.graph import Graph, Node
    from overbar.ir.ops.typing import Typed
    from overbar.ir.types import Extent, Shape


# Types --------------------------------------------------------------------------------


def square(graph: Graph, name: str, args: Sequence[Node]) -> Sequence[Node]:
    """Return the operands as floats, the first checked to be square matrices."""
    shape = args[0].type.shape
    if len(shape) < 2 or shape[-2] != shape[-1]:
        message = f"{name} expects a square matrix, found shape [{extents(shape)}]"
        raise ShapeError(message)
    return cast(graph, args, common(graph, name, args, F64))


def shaped(shape: Callable[..., Shape]) -> Callable[..., Typed]:
    """Return the type rule of a result whose shape follows from the operands'."""

    def shaping(
        graph: Graph, name: str, args: Sequence[Node], _attrs: tuple[Any, ...]
    ) -> Typed:
        args = square(graph, name, args)
        return args, args[0].type.scalar.of(shape(*(a.type.shape for a in args)))

    return shaping


def turned(x: Node) -> Node:
    """Return the transpose of a matrix, or of each in a stack."""
    *lead, rows, columns = range(len(x.type.shape))
    return x.graph.make("transpose", (x,), ((*lead, columns, rows),))


def times(x: Node, y: Node) -> Node:
    """Return a matrix times a matrix or vector; of stacks, one by one."""
    if len(y.type.shape) == 1:
        return contract(x.graph, x, y, "ij", "j", "i")
    return _by_matrix(x, y, "ij", "jk", "ik")


def outer(x: Node, y: Node) -> Node:
    """Return x y^T of two vectors or of two matrices."""
    if len(x.type.shape) == 1:
        return contract(x.graph, x, y, "i", "j", "ij")
    return _by_matrix(x, y, "ik", "jk", "ij")


def inner(x: Node, y: Node) -> Node:
    """Return trace(x^T y), of stacks one by one."""
    return _by_matrix(x, y, "ij", "ij", "")


def trace_of(x: Node, y: Node) -> Node:
    """Return trace(x y), of stacks one by one."""
    return _by_matrix(x, y, "ij", "ji", "")


def _by_matrix(x: Node, y: Node, xs: str, ys: str, out: str) -> Node:
    """Return a contraction of the last two axes, the ones before them alongside."""
    lead = range(len(x.type.shape) - 2)
    return contract(x.graph, x, y, [*lead, *xs], [*lead, *ys], [*lead, *out])


def each_matrix(x: Node, like: Node) -> Node:
    """Return a number for each matrix of a stack, in all entries of it."""
    shape = like.type.shape
    return x.graph.spread_along(x, tuple(range(len(shape) - 2)), shape)


def each_column(x: Node, like: Node) -> Node:
    """Return a row of numbers for each matrix of a stack, in all of its rows."""
    *lead, _, columns = range(len(like.type.shape))
    return x.graph.spread_along(x, (*lead, columns), like.type.shape)


def compared(x: Node, op: str) -> Node:
    """Return where the column stands to the row of a matrix as `op` says."""
    graph, shape = x.graph, x.type.shape
    *_, rows, columns = range(len(shape))
    return apply(
        op, graph.spread_along(graph.iota(shape[columns]), (columns,), shape),
        graph.spread_along(graph.iota(shape[rows]), (rows,), shape),
    )  # fmt: skip


def triangle(x: Node, *, lower: bool, strict: bool) -> Node:
    """Return a triangle of a matrix, without its diagonal if strict."""
    op = ("lt" if strict else "le") if lower else ("gt" if strict else "ge")
    return apply("select", compared(x, op), x, 0.0)


def half(x: Node) -> Node:
    """Return the lower triangle, its diagonal halved (Murray 2016, equation 8)."""
    diagonal = apply("select", compared(x, "eq"), 0.5 * x, 0.0)
    return apply("select", compared(x, "lt"), x, diagonal)


def symmetric(dot: Node) -> Node:
    """Return the symmetric matrix of which a lower triangle is read."""
    strict = triangle(dot, lower=True, strict=True)
    return triangle(dot, lower=True, strict=False) + turned(strict)


def lower_adjoint(bar: Node) -> Node:
    """Return the adjoint of the triangle that is read, from that of the whole."""
    return half(bar + turned(bar))


def make(name: str, *args: Node, attrs: tuple[Any, ...] = ()) -> Node:
    """Apply an op of the table to nodes."""
    return args[0].graph.make(name, args, attrs)


def checked(
    name: str, function: Callable[..., Any], expected: str
) -> Callable[..., Any]:
    """Return NumPy's function, its LinAlgError as our own."""

    def evaluate(*args: Any) -> Any:
        try:
            return function(*args)
        except np.linalg.LinAlgError as error:
            found = str(error).lower()
            message = f"{name} expects {expected}, found another ({found})"
            raise InputError(message) from None

    return evaluate


def nowhere(i: int, c: Node, out: Node) -> None:
    """Give up on telling elements apart: all may matter."""
    del i, c, out


def eliminates(weight: int, per: int) -> Callable[[Node], dict[str, Extent]]:
    """Count steps x -= y*z of an elimination: weight * n**3 / per of them, for n rows.

    With a right side of k columns these are n*n*k more; of a stack, for each. After
    Golub and Van Loan (2013), Matrix computations, table 3.2, chapters 4.2 and 8.3.
    """

    def steps(out: Node) -> dict[str, Extent]:
        *lead, _, n = out.args[0].type.shape
        count = product((*lead,)) * (weight * n * n * n // per if weight else 0)
        if len(out.args) > 1:
            right = n * product(out.type.shape)
            count = count + (right if weight else right // 2)
        return {"mul": count, "sub": count}

    return steps


SQUARE = shaped(lambda a, *_: a)
SCALAR = shaped(lambda a: a[:-2])
LINE = shaped(lambda a: a[:-1])


def matrix_row(
    name: str, expected: str, function: Callable[..., Any], **columns: Any
) -> Op:
    """Return the row of an op computed as a whole; expected: what of the matrix."""
    columns.setdefault("text", call(name))
    return Op(
        name=name, typing=None, activity=nowhere,
        numpy=checked(name, function, expected), **columns,
    )  # fmt: skip
