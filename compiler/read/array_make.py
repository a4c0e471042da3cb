"""Build arrays from numbers and sizes, choices, and convolutions."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from overbar.ir.errors import LimitError, ShapeError, UnsupportedError
from overbar.ir.ops import apply
from overbar.ir.ops.contract import contract
from overbar.ir.types import Dim
from overbar.read.array_index import index
from overbar.read.array_pad import zero_padded
from overbar.read.array_reduce import truth
from overbar.read.array_shape import along
from overbar.read.array_static import (
    extent_of,
    least,
    need_rank,
    rank,
    shape_of,
    shown,
    type_of,
    whole,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from overbar.ir.graph import Graph, Node
    from overbar.ir.types import Extent

# Filled arrays ------------------------------------------------------------------------


def _full(graph: Graph, shape: Any, fill_value: Node, *, dtype: Any = None) -> Node:
    if dtype is not None:
        fill_value = graph.convert(fill_value, type_of(graph, "full", dtype))
    return graph.spread(fill_value, shape_of("full", shape))


def _filled(name: str, value: float) -> Callable[..., Node]:
    def build(graph: Graph, shape: Any, *, dtype: Any = None) -> Node:
        kind = type_of(graph, name, dtype)
        return graph.const(value, kind.of(shape_of(name, shape)))

    return build


def _like(name: str, value: float) -> Callable[..., Node]:
    def build(graph: Graph, a: Node, *, dtype: Any = None) -> Node:
        kind = type_of(graph, name, dtype, a.type.scalar)
        return graph.const(value, kind.of(a.type.shape))

    return build


def _full_like(graph: Graph, a: Node, fill_value: Node, *, dtype: Any = None) -> Node:
    kind = type_of(graph, "full_like", dtype, a.type.scalar)
    return graph.spread(graph.convert(fill_value, kind), a.type.shape)


def _arange(
    graph: Graph, start: Any, stop: Any = None, step: Any = 1, *, dtype: Any = None
) -> Node:
    if stop is None:
        start, stop = 0, start
    if not step:
        raise ShapeError("arange expects a step other than 0, found 0")
    exact = all(isinstance(v, int | Dim) for v in (start, stop, step))
    if not exact:
        return _float_range(graph, start, stop, step, dtype)
    step = whole("arange", step, "step")
    length = ((stop - start) * (1 if step > 0 else -1) + abs(step) - 1) // abs(step)
    if isinstance(length, int):
        length = max(length, 0)
    found = graph.iota(length)
    found = found * step if step != 1 else found
    found = found + graph.extent(start) if start != 0 else found
    return (
        found
        if dtype is None
        else graph.convert(found, type_of(graph, "arange", dtype))
    )


def _float_range(graph: Graph, start: Any, stop: Any, step: Any, dtype: Any) -> Node:
    if any(isinstance(v, Dim) for v in (start, stop, step)):
        message = "arange expects numbers with fractions to be known when compiling"
        raise UnsupportedError(f"{message}, found {start}, {stop}, {step}")
    length = max(math.ceil((stop - start) / step), 0)
    kind = type_of(graph, "arange", dtype)
    return float(start) + float(step) * graph.convert(graph.iota(length), kind)


def _linspace(
    graph: Graph, start: Any, stop: Any, num: Any = 50, *, endpoint: bool = True
) -> Node:
    count = extent_of("linspace", num)
    low, high = (_number(graph, v) for v in (start, stop))
    parts = count - 1 if endpoint else count
    if isinstance(parts, int):
        parts = max(parts, 1)
    steps = graph.convert(graph.iota(count), graph.real)
    return low + (high - low) * (steps / graph.extent(parts))


def _number(graph: Graph, value: Any) -> Node:
    return graph.extent(value) if isinstance(value, Dim) else graph.lift(value)


# Choices ------------------------------------------------------------------------------


def _where(graph: Graph, condition: Node, x: Node, y: Node) -> Node:
    del graph
    return apply("select", truth(condition), x, y)


def _clip(
    graph: Graph, a: Node, a_min: Node | None = None, a_max: Node | None = None
) -> Node:
    del graph
    if a_min is None and a_max is None:
        raise UnsupportedError("clip expects a lower or an upper bound, found neither")
    low = a if a_min is None else apply("max", a, a_min)
    return low if a_max is None else apply("min", low, a_max)


def _stop_gradient(graph: Graph, x: Node) -> Node:
    del graph
    return apply("stop_gradient", x)


# Convolutions -------------------------------------------------------------------------

UNROLLED = 32
"""Up to so many elements, a kernel is taken apart into slices; else it is gathered."""

_MODES = ("full", "same", "valid")


def _convolve(graph: Graph, a: Node, v: Node, mode: str = "full") -> Node:
    """Return the convolution of two vectors, as `numpy.convolve`."""
    if mode not in _MODES:
        message = f"convolve expects a mode of {', '.join(_MODES)}"
        raise UnsupportedError(f"{message}, found {mode!r}")
    for x in (a, v):
        need_rank("convolve", x, 1)
    n, k = a.type.shape[0], v.type.shape[0]
    if 0 in (n, k):
        raise ShapeError("convolve expects at least one element, found an empty vector")
    if mode != "full" or not isinstance(k, int):
        shorter = _shorter(n, k)
        if shorter == n and n != k:
            a, v, n, k = v, a, k, n
    edge = {"full": k - 1, "same": k // 2, "valid": 0}[mode]
    size = {"full": n + k - 1, "same": n, "valid": n - k + 1}[mode]
    before = k - 1 - (k - 1) // 2 if mode == "same" else edge
    after = (k - 1) // 2 if mode == "same" else edge
    padded = zero_padded(a, [(before, after)])
    if isinstance(k, int) and k <= UNROLLED:
        terms = [
            index(graph, v, j) * along(padded, 0, k - 1 - j, size) for j in range(k)
        ]
        total = terms[0]
        for term in terms[1:]:
            total = total + term
        return total
    shape = (size, k)
    place = graph.spread_along(graph.iota(size), (0,), shape) + (
        graph.spread_along(graph.iota(k), (1,), shape)
    )
    windows = graph.make("gather", (padded, place), ((0,),))
    return contract(graph, windows, along(v, 0, k - 1, k, -1), "ij", "j", "i")


def _shorter(n: Extent, k: Extent) -> Extent:
    """Return the smaller extent; the second where that is not known."""
    try:
        return least("convolve", k, n)
    except UnsupportedError:
        return k


_MOST_TAPS = 1024
"""Places of a kernel that is slid over an image; each gives a few nodes."""


def _conv2d(
    graph: Graph, x: Node, w: Node, mode: str = "valid", *, stride: Any = 1
) -> Node:
    """Return images slid over by kernels, not flipped (a cross-correlation).

    x: (H, W), or (N, C, H, W) with w: (O, C, kh, kw), which gives (N, O, H', W').
    """
    if rank(x) == rank(w) == 2:
        full = graph.spread_along
        one = _conv2d(
            graph, full(x, (2, 3), (1, 1, *x.type.shape)),
            full(w, (2, 3), (1, 1, *w.type.shape)), mode, stride=stride,
        )  # fmt: skip
        return graph.make("reshape", (one,), (one.type.shape[2:],))
    if rank(x) != 4 or rank(w) != 4 or x.type.shape[1] != w.type.shape[1]:
        message = "conv2d expects images (H, W) and a kernel (h, w), or (N, C, H, W) "
        message += f"and (O, C, h, w), found {shown(x.type.shape)}"
        raise ShapeError(f"{message} and {shown(w.type.shape)}")
    if mode not in _MODES[1:]:
        raise UnsupportedError(f"conv2d expects a mode of same, valid, found {mode!r}")
    kernel = w.type.shape[2:]
    if not all(isinstance(k, int) and k for k in kernel):
        message = "conv2d expects the size of its kernel to be known when compiling"
        raise UnsupportedError(f"{message}, found {shown(w.type.shape)}")
    if kernel[0] * kernel[1] > _MOST_TAPS:  # type: ignore[operator]
        message = f"conv2d expects a kernel of at most {_MOST_TAPS} places"
        raise LimitError(f"{message}, found {shown(w.type.shape)}")
    steps = stride if isinstance(stride, tuple | list) else (stride, stride)
    if mode == "same":
        edges = [((k - 1) // 2, k // 2) for k in kernel]
        x = zero_padded(x, [(0, 0), (0, 0), *edges])
    return _slid(graph, x, w, [whole("conv2d", s, "stride") for s in steps])


def _slid(graph: Graph, x: Node, w: Node, steps: list[int]) -> Node:
    """Return the sum over a kernel's places of what it takes from a slice there."""
    (h, k), (rows, columns) = w.type.shape[2:], x.type.shape[2:]
    high = (rows - h + steps[0]) // steps[0]
    wide = (columns - k + steps[1]) // steps[1]
    total: Node | None = None
    for i in range(h):  # type: ignore[arg-type]
        for j in range(k):  # type: ignore[arg-type]
            part = along(along(x, 2, i, high, steps[0]), 3, j, wide, steps[1])
            tap = index(graph, w, (..., i, j))
            term = contract(graph, tap, part, "oc", "nchw", "nohw")
            total = term if total is None else total + term
    return total  # type: ignore[return-value]


BUILDERS: dict[str, Callable[..., Any]] = {
    "zeros": _filled("zeros", 0), "ones": _filled("ones", 1), "full": _full,
    "zeros_like": _like("zeros_like", 0), "ones_like": _like("ones_like", 1),
    "full_like": _full_like, "arange": _arange, "linspace": _linspace,
    "where": _where, "clip": _clip, "stop_gradient": _stop_gradient,
    "convolve": _convolve, "conv2d": _conv2d,
}  # fmt: skip
