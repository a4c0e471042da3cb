"""Build functions of linear algebra on matrices and stacks, as `numpy.linalg` has them.

In a stack the last two axes are a matrix; leading axes are broadcast as in NumPy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from overbar.ir.errors import ShapeError, UnsupportedError
from overbar.ir.ops.shapes import product
from overbar.ir.ops.typing import joined
from overbar.read.array_diagonal import eye
from overbar.read.array_product import matmul
from overbar.read.array_shape import moved
from overbar.read.array_static import need_square, rank, shown, whole

if TYPE_CHECKING:
    from collections.abc import Callable

    from overbar.ir.graph import Graph, Node


def _solved(name: str, a: Node, b: Node, attrs: tuple[Any, ...] = ()) -> Node:
    """Return a solution; a right side of one axis is a vector, whatever the stack."""
    need_square(name, a)
    own, right, n = a.type.shape, b.type.shape, a.type.shape[-1]
    if not right or right[-2:][0] != n:
        message = f"{name} cannot solve shapes {shown(own)} and {shown(right)}: "
        raise ShapeError(f"{message}expected a right side with {n} rows")
    graph = a.graph
    if rank(a) == 2 and rank(b) < 3:
        return graph.make(name, (a, b), attrs)
    if rank(b) == 1:
        columns = graph.spread_along(b, (rank(a) - 2,), (*own[:-1], 1))
        found = graph.make(name, (a, columns), attrs)
        return graph.make("reshape", (found,), (own[:-1],))
    if rank(a) == 2:
        return _side_by_side(name, a, b, attrs)
    lead = joined(name, [own[:-2], right[:-2]])
    a = graph.spread(a, (*lead, *own[-2:]))
    return graph.make(name, (a, graph.spread(b, (*lead, *right[-2:]))), attrs)


def _side_by_side(name: str, a: Node, b: Node, attrs: tuple[Any, ...]) -> Node:
    """Return the solutions with one matrix: those of all columns of the stack."""
    graph, last = a.graph, rank(b) - 1
    first = moved(b, [last - 1], [0])
    shape = first.type.shape
    columns = graph.make("reshape", (first,), ((shape[0], product(shape[1:])),))
    found = graph.make(name, (a, columns), attrs)
    return moved(graph.make("reshape", (found,), (shape,)), [0], [last - 1])


def _solve(graph: Graph, a: Node, b: Node) -> Node:
    del graph
    return _solved("solve", a, b)


def _solve_triangular(
    graph: Graph, a: Node, b: Node, trans: Any = 0, *, lower: bool = False,
    unit_diagonal: bool = False,
) -> Node:  # fmt: skip
    """Return the solution with a triangle of a matrix, as `scipy.linalg` names it."""
    del graph
    if trans not in _TRANS:
        known = ", ".join(map(repr, _TRANS))
        message = f"solve_triangular expects trans to be one of {known}"
        raise UnsupportedError(f"{message}, found {trans!r}")
    attrs = (bool(lower), _TRANS[trans], bool(unit_diagonal))
    return _solved("solve_triangular", a, b, attrs)


_TRANS = {0: False, 1: True, 2: True, "N": False, "T": True, "C": True}


def _square(op: str) -> Callable[..., Node]:
    def build(graph: Graph, a: Node) -> Node:
        need_square(op, a)
        return graph.make(op, (a,))

    return build


def _slogdet(graph: Graph, a: Node) -> tuple[Node, Node]:
    need_square("slogdet", a)
    return graph.make("detsign", (a,)), graph.make("logdet", (a,))


def _eigh(graph: Graph, a: Node) -> tuple[Node, Node]:
    need_square("eigh", a)
    return graph.make("eigvalsh", (a,)), graph.make("eigenvectors", (a,))


def _matrix_power(graph: Graph, a: Node, n: int) -> Node:
    need_square("matrix_power", a)
    power = whole("matrix_power", n, "n")
    if not power:
        kind = a.type.dtype if a.type.is_float else None
        return graph.spread(eye(graph, a.type.shape[-1], dtype=kind), a.type.shape)
    base = graph.make("inv", (a,)) if power < 0 else a
    found: Node | None = None
    left = abs(power)
    while left:
        if left & 1:
            found = base if found is None else matmul(graph, found, base)
        left >>= 1
        base = matmul(graph, base, base) if left else base
    return found  # type: ignore[return-value]


BUILDERS: dict[str, Callable[..., Any]] = {
    "solve": _solve, "solve_triangular": _solve_triangular,
    "cholesky": _square("cholesky"), "inv": _square("inv"), "det": _square("det"),
    "logdet": _square("logdet"), "slogdet": _slogdet, "eigvalsh": _square("eigvalsh"),
    "eigh": _eigh, "matrix_power": _matrix_power,
}  # fmt: skip
