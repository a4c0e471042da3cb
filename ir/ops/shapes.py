"""Rows of the ops that repeat and rearrange elements: broadcast, reshape, transpose.

All are linear: a row says what an adjoint of the result sends back (the transpose), and
a tangent goes through the op itself. Attributes hold extents, which may be symbolic.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from overbar.ir.errors import ShapeError
from overbar.ir.ops import masks, phrases
from overbar.ir.ops.row import (
    ATOM,
    JUXTAPOSED,
    LOOSEST,
    POWER,
    PRODUCT,
    SUM,
    Notation,
    Op,
)
from overbar.ir.types import extents

if TYPE_CHECKING:
    from collections.abc import Sequence

    from overbar.ir.graph import Graph, Node
    from overbar.ir.ops.typing import Typed
    from overbar.ir.types import Extent, Shape


def product(shape: Shape) -> Extent:
    """Return the number of elements of a shape."""
    total: Extent = 1
    for extent in shape:
        total = total * extent
    return total


# broadcast


def _broadcast_type(
    _graph: Graph, _name: str, args: Sequence[Node], attrs: tuple[Any, ...]
) -> Typed:
    axes, shape = attrs
    own = args[0].type.shape
    if len(axes) != len(own) or any(
        e != shape[a] for e, a in zip(own, axes, strict=True)
    ):
        message = f"expected a shape that fits [{extents(shape)}], "
        message += f"found [{extents(own)}]"
        raise ShapeError(message)
    return args, args[0].type.scalar.of(shape)


def _broadcast_tidy(
    graph: Graph, args: Sequence[Node], attrs: tuple[Any, ...]
) -> Node | None:
    (x,), (axes, shape) = args, attrs
    if axes == tuple(range(len(shape))):
        return x
    if x.op.name == "broadcast":
        inner = x.attrs[0]
        return graph.spread_along(x.args[0], tuple(axes[a] for a in inner), shape)
    return None


def new_axes(node: Node) -> tuple[int, ...]:
    """Return the axes of a broadcast's result that its operand has not."""
    axes, shape = node.attrs
    return tuple(i for i in range(len(shape)) if i not in axes)


def _broadcast(axes: tuple[int, ...], shape: tuple[int, ...], x: Any) -> Any:
    index = tuple(slice(None) if i in axes else None for i in range(len(shape)))
    return np.broadcast_to(np.asarray(x)[index], shape)


def _broadcast_text(node: Node) -> Notation:
    axes, shape = node.attrs
    if not axes or axes == tuple(range(len(shape) - len(axes), len(shape))):
        return Notation("{0}", LOOSEST)
    index = [":" if i in axes else "None" for i in range(axes[0], len(shape))]
    return Notation(f"{{0}}[{', '.join(index)}]", ATOM, (ATOM,))


_ONES = r"\mathbf{{1}}"


def _broadcast_latex(node: Node) -> Notation:
    """Write what is repeated as a product with ones."""
    axes, shape = node.attrs
    if all(e == 1 for k, e in enumerate(shape) if k not in axes):
        return Notation("{0}", LOOSEST)
    if not axes:
        return Notation(rf"{{0}} \, {_ONES}", PRODUCT, (PRODUCT,))
    if len(shape) == 2 and axes == (0,):  # a column, repeated
        return Notation(rf"{{0}} \, {_ONES}^{{{{\top}}}}", JUXTAPOSED, (JUXTAPOSED,))
    if len(shape) == 2 and axes == (1,):  # a row, repeated
        return Notation(rf"{_ONES} \, {{0}}^{{{{\top}}}}", JUXTAPOSED, (ATOM,))
    return Notation("{0}", LOOSEST)


def _any(axes: tuple[int, ...], c: Node) -> Node:
    return c.graph.make("any", (c,), (axes,)) if axes else c


# reshape


def _reshape_type(
    _graph: Graph, _name: str, args: Sequence[Node], attrs: tuple[Any, ...]
) -> Typed:
    own, (shape,) = args[0].type.shape, attrs
    if product(own) != product(shape):
        message = f"cannot reshape [{extents(own)}] to [{extents(shape)}]: expected "
        message += f"{product(own)} elements, found {product(shape)}"
        raise ShapeError(message)
    return args, args[0].type.scalar.of(shape)


def _reshape_tidy(
    graph: Graph, args: Sequence[Node], attrs: tuple[Any, ...]
) -> Node | None:
    (x,), (shape,) = args, attrs
    if x.type.shape == shape:
        return x
    if x.op.name == "reshape":
        return graph.make("reshape", x.args, attrs)
    if graph.bare(x).is_const:
        return graph.spread(graph.bare(x), shape)
    return _ones_moved(x, shape)


def _ones_moved(x: Node, shape: Shape) -> Node | None:
    """Return a reshape that only drops and adds axes of size 1 as indexing."""
    own = x.type.shape
    long = tuple(k for k, e in enumerate(shape) if e != 1)
    if [shape[k] for k in long] != [e for e in own if e != 1]:
        return None
    dropped = tuple(k for k, e in enumerate(own) if e == 1)
    return x.graph.spread_along(picked(x, dropped), long, shape)


def picked(x: Node, dropped: tuple[int, ...]) -> Node:
    """Return an array without some axes of size 1."""
    if not dropped:
        return x
    n = len(x.type.shape)
    return x.graph.make("pick", (x,), ((0,) * n, x.type.shape, (1,) * n, dropped))


def _reshape_python(node: Node) -> Notation:
    """Write a reshape; numbers are no arrays there."""
    own, (given,) = node.type.shape, (a.type.shape for a in node.args)
    if not own:
        return Notation(f"{{0}}[{', '.join('0' for _ in given)}]", ATOM, (ATOM,))
    if not given:
        return Notation(f"np.full(({extents(own)},), {{0}})")
    return Notation(f"{{0}}.reshape({extents(own)})", ATOM, (ATOM,))


def _reshape_latex(node: Node) -> Notation:
    """Write nothing where only axes of one entry come or go."""
    own, shape = (
        [e for e in s if e != 1] for s in (node.args[0].type.shape, node.type.shape)
    )
    if own == shape:
        return Notation("{0}", LOOSEST)
    if len(own) == 2 and len(shape) == 1:  # a matrix, row by row
        return Notation(r"\operatorname{{vec}}\left({0}^{{\top}}\right)", ATOM, (ATOM,))
    size = r" \times ".join(map(str, node.type.shape))
    return Notation(rf"\operatorname{{{{reshape}}}}_{{{{{size}}}}}\left({{0}}\right)")


# transpose


def _transpose_type(
    _graph: Graph, _name: str, args: Sequence[Node], attrs: tuple[Any, ...]
) -> Typed:
    shape = args[0].type.shape
    return args, args[0].type.scalar.of(tuple(shape[a] for a in attrs[0]))


def _transpose_tidy(
    graph: Graph, args: Sequence[Node], attrs: tuple[Any, ...]
) -> Node | None:
    (x,), (perm,) = args, attrs
    if perm == tuple(range(len(perm))):
        return x
    if x.op.name == "transpose":
        inner = x.attrs[0]
        return graph.make("transpose", x.args, (tuple(inner[a] for a in perm),))
    if graph.bare(x).is_const:
        return graph.spread(graph.bare(x), tuple(x.type.shape[a] for a in perm))
    return None


def inverse(perm: Sequence[int]) -> tuple[int, ...]:
    """Return the permutation that undoes one."""
    return tuple(sorted(range(len(perm)), key=perm.__getitem__))


def _transpose_text(node: Node) -> Notation:
    (perm,) = node.attrs
    if perm == (1, 0):
        return Notation("{0}.T", ATOM, (ATOM,))
    return Notation(f"transpose({{0}}, {perm})")


def _transpose_latex(node: Node) -> Notation:
    (perm,) = node.attrs
    if perm == (1, 0):
        return Notation(r"{0}^{{\top}}", POWER, (ATOM,))
    order = ",".join(str(k + 1) for k in perm)
    return Notation(rf"{{0}}^{{{{\top\left({order}\right)}}}}", POWER, (ATOM,))


def _transpose_python(node: Node) -> Notation:
    (perm,) = node.attrs
    if perm == (1, 0):
        return Notation("{0}.T", ATOM, (ATOM,))
    return Notation(f"np.transpose({{0}}, {perm})")


# extents


def _extent_text(node: Node) -> Notation:
    text = str(node.attrs[0])
    return Notation(text, ATOM if text.isidentifier() else SUM)


def _extent_latex(node: Node) -> Notation:
    form = _extent_text(node)
    return Notation(form.template.replace("*", r" \, "), form.binding)


ROWS = (
    Op(
        name="broadcast", typing=None, shaping=_broadcast_type, tidy=_broadcast_tidy,
        phrases=phrases.OF_BROADCAST, sparing=masks.moving,
        numpy=_broadcast, text=_broadcast_text, python=_broadcast_text,
        latex=_broadcast_latex, cost=0,
        transposes=(
            lambda g, out, x: g.graph.make("sum", (g,), (new_axes(out),)),
        ),
        activity=lambda i, c, out: _any(new_axes(out), c),
        element=lambda at, out, index: at(
            out.args[0], [index[a] for a in out.attrs[0]]
        ),
    ),
    Op(
        name="reshape", typing=None, shaping=_reshape_type, tidy=_reshape_tidy,
        routine="reshape",
        numpy=lambda shape, x: np.reshape(x, shape), cost=0, sparing=masks.moving,
        text=lambda n: Notation(
            f"{{0}}.reshape({extents(n.type.shape)})", ATOM, (ATOM,)
        ),
        python=_reshape_python, latex=_reshape_latex,
        transposes=(
            lambda g, out, x: g.graph.make("reshape", (g,), (x.type.shape,)),
        ),
        activity=lambda i, c, out: c.graph.make(
            "reshape", (c,), (out.args[0].type.shape,)
        ),
    ),
    Op(
        name="transpose", typing=None, shaping=_transpose_type, tidy=_transpose_tidy,
        phrases=phrases.OF_TRANSPOSE, sparing=masks.moving,
        numpy=lambda perm, x: np.transpose(x, perm), cost=0,
        text=_transpose_text, python=_transpose_python,
        latex=_transpose_latex,
        transposes=(
            lambda g, out, x: g.graph.make("transpose", (g,), (inverse(out.attrs[0]),)),
        ),
        activity=lambda i, c, out: c.graph.make(
            "transpose", (c,), (inverse(out.attrs[0]),)
        ),
        element=lambda at, out, index: at(
            out.args[0], [index[i] for i in inverse(out.attrs[0])]
        ),
    ),
    Op(
        name="iota", arity=0, typing=None, sparing=masks.ranking, numpy=np.arange,
        element=lambda at, out, index: index[0], cost=0,
        text=lambda n: Notation(f"arange({n.attrs[0]})"),
        latex=lambda n: Notation(rf"\left(0, \ldots, {n.attrs[0] - 1}\right)"),
        python=lambda n: Notation(f"np.arange({n.attrs[0]})"),
    ),
    Op(
        name="extent", arity=0, typing=None, numpy=np.int64, sparing=masks.counting,
        text=_extent_text, python=_extent_text, latex=_extent_latex, cost=0,
    ),
)  # fmt: skip
