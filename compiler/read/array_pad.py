"""Build `numpy.pad`: zeros, a number or an array's own elements around it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from overbar.ir.errors import ShapeError, UnsupportedError
from overbar.ir.ops import apply
from overbar.read.array_shape import moved
from overbar.read.array_static import extent_of, is_sequence, rank, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from overbar.ir.graph import Graph, Node
    from overbar.ir.types import Extent, Shape


def _widths(x: Node, pad_width: Any) -> list[tuple[Extent, Extent]]:
    """Return how much to add before and after along each axis."""
    n = rank(x)
    if not is_sequence(pad_width):
        pad_width = ((pad_width, pad_width),)
    elif not is_sequence(pad_width[0]):
        pad_width = (tuple(pad_width) * 2 if len(pad_width) == 1 else pad_width,)
    pairs = [tuple(extent_of("pad", e, "width") for e in pair) for pair in pad_width]
    pairs = pairs * n if len(pairs) == 1 else pairs
    pairs = [pair * 2 if len(pair) == 1 else pair for pair in pairs]
    if len(pairs) != n or any(len(pair) != 2 for pair in pairs):
        message = f"pad expects a pair of widths for each axis of {shown(x.type.shape)}"
        raise ShapeError(f"{message}, found {pad_width}")
    return pairs  # type: ignore[return-value]


def zero_padded(x: Node, widths: Sequence[tuple[Extent, Extent]]) -> Node:
    """Return an array with zeros before and after along each axis."""
    if not any(any(pair) for pair in widths):
        return x
    pairs = zip(widths, x.type.shape, strict=True)
    shape = tuple(low + e + high for (low, high), e in pairs)
    starts = tuple(low for low, _ in widths)
    return x.graph.make("pad", (x,), (starts, shape, (1,) * len(shape)))


def _pad(
    graph: Graph, array: Node, pad_width: Any, mode: str = "constant",
    *, constant_values: Any = 0,
) -> Node:  # fmt: skip
    widths = _widths(array, pad_width)
    if mode in _PLACES:
        for axis, pair in enumerate(widths):
            array = _gathered(array, axis, pair, _PLACES[mode])
        return array
    if mode != "constant":
        known = ", ".join(("constant", *_PLACES))
        raise UnsupportedError(f"pad expects a mode of {known}, found {mode!r}")
    if not isinstance(constant_values, int | float):
        message = "pad expects one number as constant_values"
        raise UnsupportedError(f"{message}, found {constant_values!r}")
    padded = zero_padded(array, widths)
    if not constant_values or padded is array:
        return padded
    inside = _inside(padded, array.type.shape, widths)
    return apply("select", inside, padded, graph.const(constant_values))


def _inside(
    padded: Node, shape: Shape, widths: Sequence[tuple[Extent, Extent]]
) -> Node:
    """Return where a padded array has elements of its own."""
    graph, inside = padded.graph, graph_true(padded.graph)
    for axis, ((low, high), size) in enumerate(zip(widths, shape, strict=True)):
        if not (low or high):
            continue
        place = graph.iota(padded.type.shape[axis])
        test = apply(
            "and",
            apply("ge", place, graph.extent(low)),
            apply("lt", place, graph.extent(low + size)),
        )
        test = graph.spread_along(test, (axis,), padded.type.shape)
        inside = test if inside.is_const else apply("and", inside, test)
    return inside


def graph_true(graph: Graph) -> Node:
    """Return the condition that always holds."""
    return graph.const(value=True)


def _edge(i: Node, n: Node) -> Node:
    return apply("min", apply("max", i, 0), n - 1)


def _reflect(i: Node, n: Node) -> Node:
    period = apply("max", 2 * n - 2, 1)
    inside = apply("mod", i, period)
    return apply("min", inside, period - inside)


def _symmetric(i: Node, n: Node) -> Node:
    inside = apply("mod", i, 2 * n)
    return apply("min", inside, 2 * n - 1 - inside)


_PLACES: dict[str, Callable[[Node, Node], Node]] = {
    "edge": _edge, "reflect": _reflect, "symmetric": _symmetric,
    "wrap": lambda i, n: apply("mod", i, n),
}  # fmt: skip
"""Where an element outside of an array is read inside it."""


def _gathered(
    x: Node, axis: int, pair: tuple[Extent, Extent], rule: Callable[[Node, Node], Node]
) -> Node:
    graph, (low, high) = x.graph, pair
    if not (low or high):
        return x
    size = x.type.shape[axis]
    if size == 0:
        raise ShapeError(
            f"pad cannot extend an axis of size 0 of {shown(x.type.shape)}"
        )
    index = rule(graph.iota(low + size + high) - graph.extent(low), graph.extent(size))
    return moved(graph.make("gather", (x, index), ((axis,),)), [0], [axis])


BUILDERS: dict[str, Callable[..., Any]] = {"pad": _pad}
