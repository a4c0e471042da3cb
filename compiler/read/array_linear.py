"""Build functions of linear algebra on matrices, as `numpy.linalg` has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from overbar.ir.errors import ShapeError
from overbar.read.array_diagonal import eye
from overbar.read.array_product import matmul
from overbar.read.array_static import need_square, rank, shown, whole

if TYPE_CHECKING:
    from collections.abc import Callable

    from overbar.ir.graph import Graph, Node


def _need_fit(name: str, a: Node, b: Node) -> None:
    need_square(name, a)
    if rank(b) not in (1, 2) or a.type.shape[0] != b.type.shape[0]:
        message = f"{name} cannot solve shapes {shown(a.type.shape)} and "
        message += f"{shown(b.type.shape)}: expected a right side with "
        raise ShapeError(f"{message}{a.type.shape[0]} rows")


def _solve(graph: Graph, a: Node, b: Node) -> Node:
    _need_fit("solve", a, b)
    return graph.make("solve", (a, b))


def _solve_triangular(
    graph: Graph, a: Node, b: Node, trans: Any = 0, *, lower: bool = False,
    unit_diagonal: bool = False,
) -> Node:  # fmt: skip
    """Return the solution with a triangle of a matrix, as `scipy.linalg` names it."""
    _need_fit("solve_triangular", a, b)
    turned = trans in {1, "T", "C"}
    attrs = (bool(lower), turned, bool(unit_diagonal))
    return graph.make("solve_triangular", (a, b), attrs)


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
        return eye(graph, a.type.shape[0], dtype=kind)
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
