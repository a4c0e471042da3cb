"""Rows of the ops that reduce an array along axes: products, extrema, norms."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from overbar.ir.ops import plain
from overbar.ir.ops.masks import along as sparing_along
from overbar.ir.ops.products import others
from overbar.ir.ops.reduce_notation import along, called, total_latex
from overbar.ir.ops.row import ATOM, REAL, SUM, Nest, Notation, Op, apply
from overbar.ir.ops.shapes import product
from overbar.ir.ops.typing import cast, common, real
from overbar.ir.types import F64, INT

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from overbar.ir.graph import Graph, Node
    from overbar.ir.ops.typing import Typed
    from overbar.ir.types import Extent, Shape, Type


def kept(shape: Shape, axes: Sequence[int]) -> tuple[int, ...]:
    """Return the axes of a shape that a reduction over others keeps."""
    return tuple(i for i in range(len(shape)) if i not in axes)


def back(reduced: Node, axes: Sequence[int], like: Node) -> Node:
    """Return what was reduced over axes of `like`, broadcast along them again."""
    shape = like.type.shape
    return reduced.graph.spread_along(reduced, kept(shape, axes), shape)


def reduced_to(floor: Type | None) -> Callable[..., Typed]:
    """Return the type rule of a reduction, of values of at least some type."""

    def shaping(
        graph: Graph, name: str, args: Sequence[Node], attrs: tuple[Any, ...]
    ) -> Typed:
        kind = args[0].type.scalar
        if floor is not None:
            kind = common(graph, name, args, floor)
            args = cast(graph, args, kind)
        shape = args[0].type.shape
        return args, kind.of(tuple(shape[i] for i in kept(shape, attrs[0])))

    return shaping


def _place(
    _graph: Graph, _name: str, args: Sequence[Node], attrs: tuple[Any, ...]
) -> Typed:
    shape = args[0].type.shape
    return args, INT.of(tuple(shape[i] for i in kept(shape, (attrs[0],))))


_IN_ANY_ORDER = ("reduce_max", "reduce_min", "any", "all")
"""Reductions that do not depend on the order of elements, to the last bit."""


def _tidy(name: str) -> Callable[..., Node | None]:
    """Return what leaves out a reduction along no axes, and the transpose before one.

    At strict accuracy elements are taken in the order written.
    """

    def tidy(graph: Graph, args: Sequence[Node], attrs: tuple[Any, ...]) -> Node | None:
        (x,), (axes,) = args, attrs
        if not axes:
            return x
        if x.op.name == "transpose" and (name in _IN_ANY_ORDER or not graph.strict):
            return of_transposed(name, x, axes)
        return None

    return tidy


def of_transposed(name: str, x: Node, axes: Sequence[int]) -> Node:
    """Return the reduction of what was transposed, the rest transposed after it."""
    (perm,) = x.attrs
    graph = x.graph
    inner = graph.make(name, x.args, (tuple(sorted(perm[a] for a in axes)),))
    left = [perm[a] for a in kept(x.type.shape, axes)]
    order = tuple(sorted(left).index(a) for a in left)
    return graph.make("transpose", (inner,), (order,)) if order else inner


def _others(out: Node, x: Node) -> Node:
    return others(x, out.attrs[0])


_TIES = {"max": {"left": False, "right": True}, "min": {"left": True, "right": False}}


def _share(name: str) -> Callable[[Node, Node], Node]:
    """Return the slope of a reduction to the largest or smallest element."""

    def slope(out: Node, x: Node) -> Node:
        (axes,) = out.attrs
        graph = x.graph
        hit = graph.make("attains", (x, back(out, axes, x)), (name,))
        count = graph.make("sum", (hit,), (axes,))
        if graph.kinks == "half":
            return hit / back(count, axes, x)
        if _TIES[name].get(graph.kinks, False):
            return hit
        alone = graph.convert(apply("eq", count, 1.0), x.type.scalar)
        return hit * back(alone, axes, x)

    return slope


def _near(out: Node) -> Node:
    """Return where an element is the extremum, or one of them is NaN."""
    beyond = {"max": "lt", "min": "gt"}[out.attrs[0]]
    return apply("not", apply(beyond, *out.args))


def sloped(slope: Callable[[Node, Node], Node]) -> dict[str, Any]:
    """Return the derivative columns of a reduction with a slope for each element."""

    def transpose(g: Node, out: Node, x: Node) -> Node:
        return back(g, out.attrs[0], x) * slope(out, x)

    def tangent(tangents: Sequence[Node | None], out: Node, x: Node) -> Node | None:
        (dot,) = tangents
        if dot is None:
            return None
        return x.graph.make("sum", (dot * slope(out, x),), out.attrs)

    return {"transposes": (transpose,), "tangent": tangent}


def _spread_activity(i: int, c: Node, out: Node) -> Node:
    return back(c, out.attrs[0], out.args[i])


def _nests(kind: str) -> Callable[[Node], list[Nest]]:
    """Return the loops of a reduction: over all elements of its operand."""

    def nests(out: Node) -> list[Nest]:
        (x,), (axes,) = out.args, out.attrs
        left = kept(x.type.shape, axes)
        return [
            Nest(
                kind, x.type.shape, lambda at, index: [index[a] for a in left],
                lambda at, index: at(x, index),
            )
        ]  # fmt: skip

    return nests


_KINDS = {
    "sum": "add", "prod": "mul", "any": "or", "all": "and",
    "reduce_max": "larger", "reduce_min": "smaller",
}  # fmt: skip


_SIGNS = ("sum", "prod")
"""Reductions that LaTeX has a large sign for."""


def reduction(name: str, function: Callable[..., Any], **columns: Any) -> Op:
    """Return the row of an op that loops over the axes it reduces along."""
    shown = columns.pop("shown", name)
    latex = total_latex(name) if name in _SIGNS else along(shown)
    return Op(
        name=name, typing=None,
        numpy=lambda axes, x: function(np.asarray(x), axis=axes),
        activity=_spread_activity, tidy=columns.pop("tidy", _tidy(name)),
        nests=_nests(_KINDS.get(name, name)),
        text=called(shown), latex=latex, **columns,
    )  # fmt: skip


def _arg(name: str) -> Callable[[Node], Notation]:
    """Return how NumPy is asked for the place of an extremum."""

    def python(node: Node) -> Notation:
        flat = len(node.args[0].type.shape) == 1
        return Notation(f"np.{name}({{0}}{'' if flat else f', axis={node.attrs[0]}'})")

    return python


def _comparisons(node: Node) -> dict[str, Extent]:
    return {"gt": product(node.args[0].type.shape)}


def unknown_activity(i: int, c: Node, out: Node) -> None:
    """Give up on telling elements apart: all may matter."""
    del i, c, out


def _norm(x: Any, axis: Any) -> Any:
    return np.sqrt(np.sum(x * x, axis=axis))


def _lower_norm(out: Node, x: Node) -> Node:
    squares = apply("powi", x, attrs=(2,))
    return apply("sqrt", out.graph.make("sum", (squares,), out.attrs))


def _direction(out: Node, x: Node) -> Node:
    """Return x/norm(x), 0 where all of x is."""
    length = apply("select", apply("eq", out, 0.0), 1.0, out)
    return x / back(length, out.attrs[0], x)


ROWS = (
    Op(
        name="attains", arity=2, typing=real, domain=(REAL, REAL), scarce=_near,
        llvm=plain.attains,
        numpy=lambda _, x, y: np.equal(x, y).astype(np.result_type(x)),
        mp=lambda m, _, x, y: m.mpf(x == y),
        python=Notation("np.float64({0} == {1})", ATOM, (SUM, SUM)),
        text=Notation("[{0} == {1}]", ATOM, (SUM, SUM)),
        latex=Notation(r"\left[{0} = {1}\right]", ATOM, (SUM, SUM)),
    ),
    reduction("prod", np.prod, shaping=reduced_to(INT), sparing=sparing_along(1),
            **sloped(_others)),
    reduction("reduce_max", np.max, shaping=reduced_to(None), shown="max",
            sparing=sparing_along(-math.inf),
            kink="elements of {args} tie", **sloped(_share("max"))),
    reduction("reduce_min", np.min, shaping=reduced_to(None), shown="min",
            sparing=sparing_along(math.inf),
            kink="elements of {args} tie", **sloped(_share("min"))),
    reduction("any", np.any, shaping=reduced_to(None), sparing=sparing_along(0)),
    reduction("all", np.all, shaping=reduced_to(None), sparing=sparing_along(1)),
    reduction("vector_norm", _norm, shaping=reduced_to(F64), shown="norm",
            sparing=sparing_along(0),
            lower=_lower_norm, kink="{0} = 0 (zero)", **sloped(_direction)),
    Op(
        name="argmax", typing=None, shaping=_place, activity=unknown_activity,
        numpy=lambda axis, x: np.argmax(x, axis),
        text=lambda n: Notation(f"argmax({{0}}, axis={n.attrs[0]})"),
        python=_arg("argmax"), steps=_comparisons,
        kink="elements of {args} tie (jump)",
    ),
    Op(
        name="argmin", typing=None, shaping=_place, activity=unknown_activity,
        numpy=lambda axis, x: np.argmin(x, axis),
        text=lambda n: Notation(f"argmin({{0}}, axis={n.attrs[0]})"),
        python=_arg("argmin"), steps=_comparisons,
        kink="elements of {args} tie (jump)",
    ),
)  # fmt: skip
