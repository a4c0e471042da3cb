"""Build what has to do with the diagonals of matrices: trace, diag, eye, triangles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from overbar.ir.errors import ShapeError
from overbar.ir.ops import apply
from overbar.read.array_pad import zero_padded
from overbar.read.array_shape import moved
from overbar.read.array_static import (
    axis_of,
    extent_of,
    least,
    need_rank,
    rank,
    shown,
    type_of,
    whole,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from overbar.ir.graph import Graph, Node
    from overbar.ir.types import Extent


def diagonal(x: Node, first: int, second: int, offset: int = 0) -> Node:
    """Return the elements that stand at one place in two axes, as the last axis."""
    graph, shape = x.graph, x.type.shape
    rows, columns = shape[first], shape[second]
    if x.op.diagonal is not None and not offset and rows == columns:
        found = x.op.diagonal(x, first, second)
        if found is not None:
            return found
    below, right_of = max(-offset, 0), max(offset, 0)
    size = least("diagonal", rows - below, columns - right_of)
    if isinstance(size, int):
        size = max(size, 0)
    steps = graph.iota(size)
    places = {
        first: steps + below if below else steps,
        second: steps + right_of if right_of else steps,
    }
    axes = sorted(places)
    found = graph.make("gather", (x, *(places[k] for k in axes)), (tuple(axes),))
    return moved(found, [0], [rank(found) - 1])


def _diagonal(
    graph: Graph, a: Node, offset: int = 0, axis1: int = 0, axis2: int = 1
) -> Node:
    del graph
    return _diagonal_of("diagonal", a, offset, axis1, axis2)


def _diagonal_of(name: str, a: Node, offset: Any, axis1: int, axis2: int) -> Node:
    if rank(a) < 2:
        message = f"{name} expects at least two axes, found shape {shown(a.type.shape)}"
        raise ShapeError(message)
    first, second = (axis_of(name, k, a.type.shape) for k in (axis1, axis2))
    if first == second:
        raise ShapeError(f"{name} expects two axes, found {first} twice")
    return diagonal(a, first, second, whole(name, offset, "offset"))


def _trace(
    graph: Graph, a: Node, offset: int = 0, axis1: int = 0, axis2: int = 1
) -> Node:
    line = _diagonal_of("trace", a, offset, axis1, axis2)
    return graph.make("sum", (line,), ((rank(line) - 1,),))


def _offset_equal(graph: Graph, rows: Extent, columns: Extent, k: int, op: str) -> Node:
    """Return where j stands to i + k as a comparison says, for a matrix (i, j)."""
    shape = (rows, columns)
    i = graph.iota(rows) + k if k else graph.iota(rows)
    return apply(
        op, graph.spread_along(graph.iota(columns), (1,), shape),
        graph.spread_along(i, (0,), shape),
    )  # fmt: skip


def _diag(graph: Graph, v: Node, k: int = 0) -> Node:
    need_rank("diag", v, 1, 2)
    k = whole("diag", k, "k")
    if rank(v) == 2:
        return diagonal(v, 0, 1, k)
    size = v.type.shape[0] + abs(k)
    line = v
    if k:
        line = zero_padded(v, [(max(-k, 0), max(k, 0))])
    spread = graph.spread_along(line, (0,), (size, size))
    return apply("select", _offset_equal(graph, size, size, k, "eq"), spread, 0)


def eye(graph: Graph, N: Any, M: Any = None, k: int = 0, *, dtype: Any = None) -> Node:
    """Return ones on a diagonal."""
    rows = extent_of("eye", N)
    columns = rows if M is None else extent_of("eye", M)
    hit = _offset_equal(graph, rows, columns, whole("eye", k, "k"), "eq")
    return graph.convert(hit, type_of(graph, "eye", dtype))


def _identity(graph: Graph, n: Any) -> Node:
    return eye(graph, n)


def _triangle(name: str, op: str) -> Callable[..., Node]:
    def build(graph: Graph, m: Node, k: int = 0) -> Node:
        if rank(m) < 2:
            message = f"{name} expects at least two axes"
            raise ShapeError(f"{message}, found shape {shown(m.type.shape)}")
        shape = m.type.shape
        rows, columns = shape[-2:]
        inside = _offset_equal(graph, rows, columns, whole(name, k, "k"), op)
        return apply("select", graph.spread(inside, shape), m, 0)

    return build


BUILDERS: dict[str, Callable[..., Any]] = {
    "diagonal": _diagonal, "trace": _trace, "diag": _diag, "eye": eye,
    "identity": _identity,
    "tril": _triangle("tril", "le"), "triu": _triangle("triu", "ge"),
}  # fmt: skip
