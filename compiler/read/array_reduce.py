"""Build NumPy's and SciPy's functions that reduce arrays along axes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from overbar.ir.errors import ShapeError, UnsupportedError
from overbar.ir.ops import apply
from overbar.ir.ops.shapes import product
from overbar.read.array_static import (
    axes_of,
    axis_of,
    need_rank,
    rank,
    shown,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from overbar.ir.graph import Graph, Node
    from overbar.ir.types import Extent

Axis = Any
"""None for all axes, an integer, or a tuple of integers."""


def keep(x: Node, like: Node, axes: tuple[int, ...], *, keepdims: bool) -> Node:
    """Return a reduced value, the axes that it lost of size 1 again if asked for."""
    if not keepdims:
        return x
    ones = tuple(1 if k in axes else e for k, e in enumerate(like.type.shape))
    return x.graph.make("reshape", (x,), (ones,)) if ones else x


def reduced(
    op: str, name: str, a: Node, axis: Axis = None, *, keepdims: bool = False
) -> Node:
    """Return an array reduced by an op along axes."""
    axes = axes_of(name, axis, a.type.shape)
    return keep(a.graph.make(op, (a,), (axes,)), a, axes, keepdims=keepdims)


def _plain(op: str, name: str) -> Callable[..., Node]:
    def build(
        graph: Graph, a: Node, axis: Axis = None, *, keepdims: bool = False
    ) -> Node:
        del graph
        return reduced(op, name, a, axis, keepdims=keepdims)

    return build


def _extreme(op: str, name: str) -> Callable[..., Node]:
    def build(
        graph: Graph, a: Node, axis: Axis = None, *, keepdims: bool = False
    ) -> Node:
        del graph
        _need_elements(name, a, axis)
        return reduced(op, name, a, axis, keepdims=keepdims)

    return build


def _need_elements(name: str, a: Node, axis: Axis) -> None:
    shape = a.type.shape
    if any(shape[k] == 0 for k in axes_of(name, axis, shape)):
        raise ShapeError(f"{name} expects at least one element, found {shown(shape)}")


def truth(a: Node) -> Node:
    """Return a condition: of numbers, whether they differ from 0."""
    return a if a.type.dtype == "bool" else apply("ne", a, 0)


def _tested(op: str) -> Callable[..., Node]:
    def build(
        graph: Graph, a: Node, axis: Axis = None, *, keepdims: bool = False
    ) -> Node:
        del graph
        return reduced(op, op, truth(a), axis, keepdims=keepdims)

    return build


def _count_nonzero(
    graph: Graph, a: Node, axis: Axis = None, *, keepdims: bool = False
) -> Node:
    del graph
    return reduced("sum", "count_nonzero", truth(a), axis, keepdims=keepdims)


def _place(name: str) -> Callable[..., Node]:
    def build(
        graph: Graph, a: Node, axis: int | None = None, *, keepdims: bool = False
    ) -> Node:
        _need_elements(name, a, axis)
        axes = axes_of(name, axis, a.type.shape)
        if axis is None:
            flat = graph.make("reshape", (a,), ((product(a.type.shape),),))
            found = graph.make(name, (flat,), (0,))
        else:
            found = graph.make(name, (a,), (axis_of(name, axis, a.type.shape),))
        return keep(found, a, axes, keepdims=keepdims)

    return build


def _count(name: str, a: Node, axis: Axis, ddof: int = 0) -> Node:
    """Return how many elements are reduced into one, as a number to divide by."""
    shape = a.type.shape
    total: Extent = product(tuple(shape[k] for k in axes_of(name, axis, shape)))
    return a.graph.extent(total - ddof)


def _mean(graph: Graph, a: Node, axis: Axis = None, *, keepdims: bool = False) -> Node:
    del graph
    total = reduced("sum", "mean", a, axis, keepdims=keepdims)
    return total / _count("mean", a, axis)


def _average(
    graph: Graph, a: Node, axis: Axis = None, weights: Node | None = None,
    *, keepdims: bool = False,
) -> Node:  # fmt: skip
    if weights is None:
        return _mean(graph, a, axis, keepdims=keepdims)
    if rank(weights) == 1 and axis is not None and rank(a) > 1:
        place = axis_of("average", axis, a.type.shape)
        fits = (1,) * place + weights.type.shape + (1,) * (rank(a) - place - 1)
        weights = graph.make("reshape", (weights,), (fits,))
    weights = graph.spread(weights, a.type.shape)
    top = reduced("sum", "average", a * weights, axis, keepdims=keepdims)
    return top / reduced("sum", "average", weights, axis, keepdims=keepdims)


def _centred(name: str, a: Node, axis: Axis) -> Node:
    total = reduced("sum", name, a, axis, keepdims=True)
    return a - total / _count(name, a, axis)


def _var(
    graph: Graph, a: Node, axis: Axis = None, ddof: int = 0, *, keepdims: bool = False
) -> Node:
    del graph
    squares = apply("powi", _centred("var", a, axis), attrs=(2,))
    total = reduced("sum", "var", squares, axis, keepdims=keepdims)
    return total / _count("var", a, axis, ddof)


def _std(
    graph: Graph, a: Node, axis: Axis = None, ddof: int = 0, *, keepdims: bool = False
) -> Node:
    """Return the root of the variance; its slope is 0 where all elements agree."""
    length = reduced(
        "vector_norm", "std", _centred("std", a, axis), axis, keepdims=keepdims
    )
    return length / apply("sqrt", graph.convert(_count("std", a, axis, ddof), _real(a)))


def _real(a: Node) -> Any:
    return a.type.scalar if a.type.is_float else a.graph.real


def _ptp(graph: Graph, a: Node, axis: Axis = None, *, keepdims: bool = False) -> Node:
    del graph
    _need_elements("ptp", a, axis)
    top = reduced("reduce_max", "ptp", a, axis, keepdims=keepdims)
    return top - reduced("reduce_min", "ptp", a, axis, keepdims=keepdims)


def _cumsum(graph: Graph, a: Node, axis: int | None = None) -> Node:
    if axis is None:
        a = graph.make("reshape", (a,), ((product(a.type.shape),),))
    place = axis_of("cumsum", 0 if axis is None else axis, a.type.shape)
    if a.type.dtype == "bool":
        a = graph.convert(a, graph.const(0).type)
    return graph.make("cumsum", (a,), (place, False))


def _diff(graph: Graph, a: Node, n: int = 1, axis: int = -1) -> Node:
    place = axis_of("diff", axis, a.type.shape)
    for _ in range(n):
        shape = a.type.shape
        less = tuple(e - 1 if k == place else e for k, e in enumerate(shape))
        ones = (1,) * len(shape)
        from_1 = tuple(int(k == place) for k in range(len(shape)))
        later = graph.make("slice", (a,), (from_1, less, ones))
        a = later - graph.make("slice", (a,), ((0,) * len(shape), less, ones))
    return a


def _logsumexp(
    graph: Graph, a: Node, axis: Axis = None, *, keepdims: bool = False
) -> Node:
    del graph
    return reduced("logsumexp", "logsumexp", a, axis, keepdims=keepdims)


def _normalised(op: str) -> Callable[..., Node]:
    def build(graph: Graph, x: Node, axis: Axis = None) -> Node:
        return graph.make(op, (x,), (axes_of(op, axis, x.type.shape),))

    return build


# Norms --------------------------------------------------------------------------------


def _norm(
    graph: Graph, x: Node, ord: Any = None, axis: Axis = None, *, keepdims: bool = False  # noqa: A002 - as in NumPy
) -> Node:  # fmt: skip
    """Return a vector's norm, or a matrix's: as in NumPy by the number of axes."""
    del graph
    if ord is None or (ord == "fro" and _is_matrix(x, axis)):
        return reduced("vector_norm", "norm", x, axis, keepdims=keepdims)
    axes = axes_of("norm", axis, x.type.shape)
    if len(axes) == 1:
        return _vector_norm(x, ord, axes[0], keepdims=keepdims)
    if len(axes) != 2:
        message = f"norm with ord={ord!r} expects one axis or two"
        raise ShapeError(f"{message}, found shape {shown(x.type.shape)}")
    rows, columns = axes if axis is None else tuple(
        axis_of("norm", a, x.type.shape) for a in axis
    )  # fmt: skip
    if ord not in _MATRIX_NORMS:
        known = ", ".join(map(repr, ("fro", *_MATRIX_NORMS)))
        message = f"norm of a matrix expects ord to be one of {known}"
        raise UnsupportedError(f"{message}, found {ord!r}")
    op, first = _MATRIX_NORMS[ord]
    inner, outer = (rows, columns) if first else (columns, rows)
    sums = reduced("sum", "norm", apply("abs", x), inner, keepdims=True)
    found = reduced(op, "norm", sums, (inner, outer))
    return keep(found, x, axes, keepdims=keepdims)


_MATRIX_NORMS = {
    1: ("reduce_max", True), -1: ("reduce_min", True),
    math.inf: ("reduce_max", False), -math.inf: ("reduce_min", False),
}  # fmt: skip


def _is_matrix(x: Node, axis: Axis) -> bool:
    if axis is None:
        need_rank("norm", x, 2)
        return True
    return isinstance(axis, tuple | list) and len(axis) == 2


def _vector_norm(x: Node, ord: Any, axis: int, *, keepdims: bool) -> Node:  # noqa: A002
    if ord == 2:
        return reduced("vector_norm", "norm", x, axis, keepdims=keepdims)
    if ord == 0:
        return reduced("sum", "norm", truth(x), axis, keepdims=keepdims)
    size = apply("abs", x)
    if ord in _SIMPLE_NORMS:
        return reduced(_SIMPLE_NORMS[ord], "norm", size, axis, keepdims=keepdims)
    if isinstance(ord, str):
        message = "norm of a vector expects a number as ord"
        raise UnsupportedError(f"{message}, found {ord!r}")
    total = reduced("sum", "norm", size**ord, axis, keepdims=keepdims)
    return total ** (1.0 / float(ord))


_SIMPLE_NORMS = {1: "sum", math.inf: "reduce_max", -math.inf: "reduce_min"}

BUILDERS: dict[str, Callable[..., Any]] = {
    "sum": _plain("sum", "sum"), "prod": _plain("prod", "prod"),
    "max": _extreme("reduce_max", "max"), "amax": _extreme("reduce_max", "amax"),
    "min": _extreme("reduce_min", "min"), "amin": _extreme("reduce_min", "amin"),
    "mean": _mean, "average": _average, "var": _var, "std": _std, "ptp": _ptp,
    "any": _tested("any"), "all": _tested("all"), "count_nonzero": _count_nonzero,
    "argmax": _place("argmax"), "argmin": _place("argmin"),
    "cumsum": _cumsum, "diff": _diff, "norm": _norm,
    "logsumexp": _logsumexp, "softmax": _normalised("softmax"),
    "log_softmax": _normalised("log_softmax"),
}  # fmt: skip
