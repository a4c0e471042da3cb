"""Rows of gather and scatter: reading and adding at computed places.

`gather(x, *indices)` with attribute `axes` reads x at the indices along those axes;
the axes of the indices, all of one shape, come first in the result, the other axes of
x after them. `scatter` is its transpose: it adds rows where gather reads them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from overbar.ir.errors import ShapeError
from overbar.ir.ops import masks, phrases
from overbar.ir.ops.row import ATOM, Nest, Notation, Op, apply, call
from overbar.ir.ops.typing import joined
from overbar.ir.types import DTYPES, INT, extents

if TYPE_CHECKING:
    from collections.abc import Sequence

    from overbar.ir.graph import Graph, Node
    from overbar.ir.ops.typing import Typed
    from overbar.ir.types import Extent, Shape, Type


def _indices(
    graph: Graph, name: str, given: Sequence[Node]
) -> tuple[list[Node], Shape]:
    for index in given:
        if index.type.dtype != INT.dtype:
            message = f"expected whole numbers as indices, found {index.type}"
            raise ShapeError(message)
    shape = joined(name, [i.type.shape for i in given])
    return [graph.spread(i, shape) if shape else i for i in given], shape


def _gather_type(
    graph: Graph, name: str, args: Sequence[Node], attrs: tuple[Any, ...]
) -> Typed:
    x, (axes,) = args[0], attrs
    indices, shape = _indices(graph, name, args[1:])
    rest = tuple(e for k, e in enumerate(x.type.shape) if k not in axes)
    return [x, *indices], x.type.scalar.of(shape + rest)


def _scatter_type(
    graph: Graph, name: str, args: Sequence[Node], attrs: tuple[Any, ...]
) -> Typed:
    g, (axes, shape) = args[0], attrs
    indices, own = _indices(graph, name, args[1:])
    rest = tuple(e for k, e in enumerate(shape) if k not in axes)
    if g.type.shape != own + rest:
        message = f"expected rows of shape [{extents(own + rest)}], "
        message += f"found [{extents(g.type.shape)}]"
        raise ShapeError(message)
    return [graph.spread(g, g.type.shape), *indices], g.type.scalar.of(shape)


def _front(x: Any, axes: Sequence[int]) -> Any:
    return np.moveaxis(x, axes, range(len(axes)))


def _gather(axes: tuple[int, ...], x: Any, *indices: Any) -> Any:
    return _front(np.asarray(x), axes)[tuple(np.asarray(i) for i in indices)]


def _scatter(axes: Any, shape: Any, g: Any, *indices: Any) -> Any:
    out = np.zeros(shape, np.asarray(g).dtype)
    np.add.at(_front(out, axes), tuple(np.asarray(i) for i in indices), g)
    return out


def picks_one_each(out: Node) -> bool:
    """Whether a gather reads x at (0, y[0]), (1, y[1]), ..."""
    x, *indices = out.args
    if out.attrs[0] != tuple(range(len(x.type.shape))) or len(indices) != 2:
        return False
    first = indices[0]
    return first.op.name == "iota" and first.type.shape == x.type.shape[:1]


def _gather_back(i: int, g: Node, out: Node, *args: Node) -> Node | None:
    """Return the rows' adjoints added where they were read.

    Where each row of x is read once, `x[i, y[i]]`, no adding is needed.
    """
    if i:
        return None
    x, *indices = args
    if picks_one_each(out):
        hot = one_hot(indices[-1], x.type.shape[-1], x.type)
        return (
            g.graph.spread_along(g, tuple(range(len(g.type.shape))), x.type.shape) * hot
        )
    return g.graph.make("scatter", (g, *indices), (out.attrs[0], x.type.shape))


def _scatter_back(i: int, g: Node, out: Node, *args: Node) -> Node | None:
    if i:
        return None
    return g.graph.make("gather", (g, *args[1:]), (out.attrs[0],))


def _places(
    indices: Sequence[Node], axes: Sequence[int], shape: Shape,
    index: Sequence[Node], at: Any,
) -> list[Node]:  # fmt: skip
    """Return where in an array of that shape an element of its rows stands."""
    graph = indices[0].graph
    rank = len(indices[0].type.shape)
    found = {
        axis: at(i, index[:rank])
        if i.op.name == "iota" and i.type.shape == (shape[axis],)
        else apply("wrap", at(i, index[:rank]), graph.extent(shape[axis]))
        for axis, i in zip(axes, indices, strict=True)
    }
    rest = iter(index[rank:])
    return [found[k] if k in found else next(rest) for k in range(len(shape))]


def _gather_element(at: Any, out: Node, index: Sequence[Node]) -> Node:
    x, *indices = out.args
    return at(x, _places(indices, out.attrs[0], x.type.shape, index, at))  # type: ignore[no-any-return]


def _scatter_nests(out: Node) -> list[Nest]:
    g, *indices = out.args
    axes, shape = out.attrs
    return [
        Nest(
            "add", g.type.shape,
            lambda at, index: _places(indices, axes, shape, index, at),
            lambda at, index: at(g, index),
        )
    ]  # fmt: skip


def wrap(i, n):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN201
    """Return an index counted from the front; refuse one that is out of range."""
    if i < -n or i >= n:
        raise IndexError
    return i + n if i < 0 else i


def _wrapped(i: Any, n: Any) -> Any:
    """Return what `wrap` returns, of arrays."""
    i = np.asarray(i)
    if np.any(i < -n) or np.any(i >= n):
        raise IndexError
    return np.where(i < 0, i + n, i)[()]


def one_hot(index: Node, size: Extent, kind: Type) -> Node:
    """Return rows of an element type, each with a single 1."""
    graph = index.graph
    own = () if kind.dtype == graph.real.dtype else (kind.dtype,)
    return graph.make("one_hot", (index,), (size, *own))


def _hot(n: int, *rest: Any) -> Any:
    _wrapped(rest[-1], n)
    return (np.asarray(rest[-1])[..., None] % n == np.arange(n)) * 1.0


def _hot_type(
    graph: Graph, name: str, args: Sequence[Node], attrs: tuple[Any, ...]
) -> Typed:
    _indices(graph, name, args)
    kind = DTYPES[attrs[1]] if attrs[1:] else graph.real
    return args, kind.of((*args[0].type.shape, attrs[0]))


def _counts(index: Node, size: Extent) -> bool:
    """Whether an index runs through all of an axis in order."""
    return index.op.name == "iota" and index.attrs[0] == size


def _hot_text(node: Node) -> Notation:
    """Write rows with a single 1; where they are in order, the identity."""
    size = node.attrs[0]
    same = _counts(node.args[0], size)
    return Notation(f"eye({size})" if same else f"one_hot({{0}}, {size})")


def _hot_element(at: Any, out: Node, index: Sequence[Node]) -> Node:
    graph = out.graph
    place = apply("wrap", at(out.args[0], index[:-1]), graph.extent(out.attrs[0]))
    return graph.convert(apply("eq", place, index[-1]), out.type)


def _whole(graph: Graph, name: str, args: Sequence[Node]) -> Typed:
    del graph, name
    return args, INT


def _shown(node: Node) -> Notation:
    """Write a gather as indexing, that of a square matrix's diagonal by name."""
    x = node.args[0]
    (axes,) = node.attrs
    shape = x.type.shape
    if axes == (0, 1) == tuple(range(len(shape))) and all(
        _counts(i, e) for i, e in zip(node.args[1:], shape, strict=True)
    ):
        return Notation("diagonal({0})")
    parts = [
        f"{{{1 + axes.index(k)}}}" if k in axes else ":"
        for k in range(len(x.type.shape))
    ]
    while parts[-1] == ":":
        parts.pop()
    return Notation(f"{{0}}[{', '.join(parts)}]", ATOM, (ATOM, 0))


def _gather_activity(i: int, c: Node, out: Node) -> None:
    """Give up on telling elements apart: all may matter."""


def _scatter_activity(i: int, c: Node, out: Node) -> Node | None:
    return (
        c.graph.make("gather", (c, *out.args[1:]), (out.attrs[0],)) if not i else None
    )


ROWS = (
    Op(
        name="gather", arity=None, typing=None, shaping=_gather_type, numpy=_gather,
        phrases=phrases.OF_GATHER, sparing=masks.gathering,
        transposes=_gather_back, activity=_gather_activity, text=_shown, cost=0,
        element=_gather_element,
    ),
    Op(
        name="wrap", arity=2, typing=_whole, helper=wrap, numpy=_wrapped,
        mp=lambda m, i, n: m.mpf(wrap(int(i), int(n))),  # type: ignore[no-untyped-call]
        latex=Notation("{0}"),
        python=call("wrap"), text=Notation("{0}"), domain=((-np.inf, np.inf),) * 2,
    ),
    Op(
        name="one_hot", typing=None, shaping=_hot_type,
        phrases=phrases.OF_ONE_HOT, sparing=masks.placing,
        numpy=_hot,
        text=_hot_text, element=_hot_element,
    ),
    Op(
        name="scatter", arity=None, typing=None, shaping=_scatter_type,
        phrases=phrases.OF_SCATTER, sparing=masks.scattering,
        numpy=_scatter, transposes=_scatter_back, activity=_scatter_activity,
        text=Notation("scatter_add({args})"), nests=_scatter_nests,
    ),
)  # fmt: skip
