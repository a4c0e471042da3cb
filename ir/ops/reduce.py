"""Rows of the ops that reduce an array along axes, and of those built on them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.special

from overbar.ir.ops.contract import contract, contract_sum
from overbar.ir.ops.products import others
from overbar.ir.ops.row import (
    ATOM,
    JUXTAPOSED,
    SUM,
    Nest,
    Notation,
    Op,
    apply,
    call,
)
from overbar.ir.ops.shapes import product
from overbar.ir.ops.typing import cast, common
from overbar.ir.types import F64, INT, extents

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from overbar.ir.graph import Graph, Node
    from overbar.ir.ops.typing import Typed
    from overbar.ir.types import Shape, Type


def kept(shape: Shape, axes: Sequence[int]) -> tuple[int, ...]:
    """Return the axes of a shape that a reduction over others keeps."""
    return tuple(i for i in range(len(shape)) if i not in axes)


def back(reduced: Node, axes: Sequence[int], like: Node) -> Node:
    """Return what was reduced over axes of `like`, broadcast along them again."""
    shape = like.type.shape
    return reduced.graph.spread_along(reduced, kept(shape, axes), shape)


def _reduced(floor: Type | None) -> Callable[..., Typed]:
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


def _alike(
    graph: Graph, name: str, args: Sequence[Node], _attrs: tuple[Any, ...]
) -> Typed:
    args = cast(graph, args, common(graph, name, args, F64))
    return args, args[0].type


def _place(
    _graph: Graph, _name: str, args: Sequence[Node], attrs: tuple[Any, ...]
) -> Typed:
    shape = args[0].type.shape
    return args, INT.of(tuple(shape[i] for i in kept(shape, (attrs[0],))))


def _nothing(
    _graph: Graph, args: Sequence[Node], attrs: tuple[Any, ...]
) -> Node | None:
    return args[0] if not attrs[0] else None


def _sum_tidy(  # noqa: PLR0911 - one rule after the other
    graph: Graph, args: Sequence[Node], attrs: tuple[Any, ...]
) -> Node | None:
    """Take what is the same along an axis, signs, and products out of a sum."""
    (x,), (axes,) = args, attrs
    if not axes:
        return x
    if x.op.name == "sum":
        own = kept(x.args[0].type.shape, x.attrs[0])
        both = (*x.attrs[0], *(own[a] for a in axes))
        return graph.make("sum", x.args, (tuple(sorted(both)),))
    if x.op.name == "neg":
        return -graph.make("sum", x.args, attrs)
    if x.op.name == "transpose":
        return _sum_transpose(x, axes)
    if x.op.name == "broadcast":
        return _sum_broadcast(x, axes)
    if x.op.name == "mul":
        return contract_sum(graph, x, axes)
    if x.op.name == "contract":
        xs, ys, out = x.attrs
        if all(out[a] in xs and out[a] in ys for a in axes):  # a trace
            left_out = [k for a, k in enumerate(out) if a not in axes]
            one, other = x.args
            return contract(graph, one, other, xs, ys, left_out)
    if x.op.name == "one_hot" and len(x.type.shape) - 1 in axes:
        left = tuple(a for a in axes if a < len(x.type.shape) - 1)
        ones = graph.const(1.0, x.type.scalar.of(x.type.shape[:-1]))
        return graph.make("sum", (ones,), (left,)) if left else ones
    return None


def _sum_transpose(x: Node, axes: Sequence[int]) -> Node:
    """Return the sum of what was transposed, the rest transposed after it."""
    (perm,) = x.attrs
    graph = x.graph
    inner = graph.make("sum", x.args, (tuple(sorted(perm[a] for a in axes)),))
    left = [perm[a] for a in kept(x.type.shape, axes)]
    order = tuple(sorted(left).index(a) for a in left)
    return graph.make("transpose", (inner,), (order,)) if order else inner


def _sum_broadcast(x: Node, axes: Sequence[int]) -> Node | None:
    """Return a sum over axes along which some values are the same."""
    graph, own, shape = x.graph, x.attrs[0], x.type.shape
    new = [a for a in axes if a not in own]
    if not new:
        return None
    count = graph.extent(product(tuple(shape[a] for a in new)))
    inner = graph.make(
        "sum", x.args, (tuple(k for k, a in enumerate(own) if a in axes),)
    )
    left = kept(shape, axes)
    scaled = inner if count.equals(1) else graph.convert(count, inner.type) * inner
    return graph.spread_along(
        scaled,
        tuple(left.index(a) for a in own if a not in axes),
        tuple(shape[a] for a in left),
    )


def _axis(node: Node) -> str:
    """Return how a call names its axes: not at all for all of them."""
    (axes,) = node.attrs
    if len(axes) == len(node.args[0].type.shape):
        return ""
    return f", axis={axes[0] if len(axes) == 1 else axes}"


def _call(name: str) -> Callable[[Node], Notation]:
    return lambda node: Notation(f"{name}({{0}}{_axis(node)})")


def _big(name: str) -> Notation:
    return Notation(rf"\operatorname{{{{{name}}}}}\left({{0}}\right)")


def _scaled(g: Node, factor: Node) -> Node:
    return g * factor


# products


def _others(out: Node, x: Node) -> Node:
    return others(x, out.attrs[0])


# extrema


_TIES = {"max": {"left": False, "right": True}, "min": {"left": True, "right": False}}


def _share(name: str) -> Callable[[Node, Node], Node]:
    """Return the slope of a reduction to the largest or smallest element."""

    def slope(out: Node, x: Node) -> Node:
        (axes,) = out.attrs
        graph = x.graph
        hit = graph.convert(apply("eq", x, back(out, axes, x)), x.type)
        count = graph.make("sum", (hit,), (axes,))
        if graph.kinks == "half":
            return hit / back(count, axes, x)
        if _TIES[name].get(graph.kinks, False):
            return hit
        alone = graph.convert(apply("eq", count, 1.0), x.type.scalar)
        return hit * back(alone, axes, x)

    return slope


def _sloped(slope: Callable[[Node, Node], Node]) -> dict[str, Any]:
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


def _exponentials(x: Node, axes: tuple[int, ...]) -> tuple[Node, Node, Node]:
    """Return the largest x, exp(x) with it taken out, and the sum of that."""
    graph = x.graph
    most = graph.make("reduce_max", (x,), (axes,))
    shift = apply("select", apply("lt", apply("abs", most), math.inf), most, 0.0)
    parts = apply("exp", x - back(shift, axes, x))
    return shift, parts, graph.make("sum", (parts,), (axes,))


def _lower_logsumexp(out: Node, x: Node) -> Node:
    shift, _, total = _exponentials(x, out.attrs[0])
    return shift + _plain("log", total)


def _lower_softmax(out: Node, x: Node) -> Node:
    (axes,) = out.attrs
    _, parts, total = _exponentials(x, axes)
    return _plain("div", parts, back(total, axes, x))


def _plain(name: str, *args: Node) -> Node:
    """Apply an op as it is: rewrites would lead back to what is being lowered."""
    from overbar.ir.ops import OPS

    first = args[0]
    return first.graph.restore(OPS[name], args, (), first.type)


def _lower_log_softmax(out: Node, x: Node) -> Node:
    return x - back(_lower_logsumexp(out, x), out.attrs[0], x)


def plus(total, x):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN201
    """Return total + x; such sums may be taken in several lanes at once."""
    return total + x


plus.fastmath = {"reassoc"}  # type: ignore[attr-defined]


def larger(most, x):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN201
    """Return the larger of two numbers, NaN if one is."""
    return x if x > most or np.isnan(x) else most


def smaller(least, x):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN201
    """Return the smaller of two numbers, NaN if one is."""
    return x if x < least or np.isnan(x) else least


_KINDS = {
    "sum": "add", "prod": "mul", "any": "or", "all": "and",
    "reduce_max": "larger", "reduce_min": "smaller",
}  # fmt: skip


def _total_latex(symbol: str, name: str) -> Callable[[Node], Notation]:
    """Return how a sum or product over all entries is written."""

    def latex(node: Node) -> Notation:
        (axes,) = node.attrs
        count = len(node.args[0].type.shape)
        if len(axes) < count or count > len(_INDICES):
            return _along(name)(node)
        places = ",".join(_INDICES[:count])
        return Notation(
            rf"\{symbol}_{{{{{places}}}}} {{{{{{0}}}}}}_{{{{{places}}}}}", SUM, (ATOM,)
        )

    return latex


_INDICES = "ijkl"


def _along(name: str) -> Callable[[Node], Notation]:
    """Return how a reduction that keeps some axes is written: which, counted from 1."""

    def latex(node: Node) -> Notation:
        (axes,) = node.attrs
        if name == "sum" and len(node.args[0].type.shape) == 2:
            if axes == (1,):
                return Notation(r"{0} \, \mathbf{{1}}", JUXTAPOSED, (JUXTAPOSED,))
            return Notation(r"{0}^{{\top}} \, \mathbf{{1}}", JUXTAPOSED, (ATOM,))
        if name == "norm" and len(axes) == len(node.args[0].type.shape):
            below = "_{{F}}" * (len(axes) > 1)
            return Notation(rf"\left\|{{0}}\right\|{below}")
        along = ",".join(str(a + 1) for a in axes)
        below = "" if len(axes) == len(node.args[0].type.shape) else f"_{{{{{along}}}}}"
        return Notation(rf"\operatorname{{{{{name}}}}}{below}\left({{0}}\right)")

    return latex


def _of_rows(name: str) -> Callable[[Node], Notation]:
    """Return how a function of each row is written; of other axes, which ones."""

    def latex(node: Node) -> Notation:
        last = (len(node.type.shape) - 1,)
        return _big(name) if node.attrs[0] == last else _along(name)(node)

    return latex


_SIGNS = {"sum": "sum", "prod": "prod"}


def _reduce(name: str, function: Callable[..., Any], **columns: Any) -> Op:
    shown = columns.pop("shown", name)
    sign = _SIGNS.get(name)
    latex = _total_latex(sign, name) if sign else _along(shown)
    return Op(
        name=name, typing=None,
        numpy=lambda axes, x: function(np.asarray(x), axis=axes),
        activity=_spread_activity, tidy=columns.pop("tidy", _nothing),
        nests=_nests(_KINDS.get(name, name)),
        text=_call(shown), latex=latex, **columns,
    )  # fmt: skip


def _softmax(out: Node, x: Node) -> Node:
    return x.graph.make("softmax", (x,), out.attrs)


def _softmax_times(out: Node, g: Node, x: Node) -> Node:
    """Return softmax's symmetric derivative applied to an adjoint or tangent."""
    (axes,) = out.attrs
    total = x.graph.make("sum", (g * out,), (axes,))
    return out * (g - back(total, axes, x))


def _log_softmax_back(g: Node, out: Node, x: Node) -> Node:
    """Return the adjoint of x; of `a*o` with a the same along the axes, a taken out.

    So cross-entropy gives softmax(x) - one_hot(y), times what is around it.
    """
    (axes,) = out.attrs
    soft = _softmax(out, x)
    scale, rest = _taken_out(g, axes)
    total = back(x.graph.make("sum", (rest,), (axes,)), axes, x) * soft
    if scale is None:
        return rest - total
    if scale.op.name == "broadcast" and scale.args[0].op.name == "neg":
        flipped = x.graph.spread_along(scale.args[0].args[0], *scale.attrs)
        return flipped * (total - rest)
    return scale * (rest - total)


def _taken_out(g: Node, axes: Sequence[int]) -> tuple[Node | None, Node]:
    """Return the factor of a product that is the same along axes, and the other."""
    if g.op.name == "mul":
        for one, other in (g.args, g.args[::-1]):
            if one.op.name == "broadcast" and not set(one.attrs[0]) & set(axes):
                return one, other
    return None, g


def _log_softmax_dot(
    tangents: Sequence[Node | None], out: Node, x: Node
) -> Node | None:
    (dot,) = tangents
    if dot is None:
        return None
    (axes,) = out.attrs
    total = x.graph.make("sum", (dot * _softmax(out, x),), (axes,))
    return dot - back(total, axes, x)


def _cumsum_back(g: Node, out: Node, x: Node) -> Node:
    axis, backwards = out.attrs
    return x.graph.make("cumsum", (g,), (axis, not backwards))


def _cumsum(axis: int, backwards: Any, x: Any) -> Any:
    if not backwards:
        return np.cumsum(x, axis)
    return np.flip(np.cumsum(np.flip(x, axis), axis), axis)


def _arg(name: str) -> Callable[[Node], Notation]:
    """Return how NumPy is asked for the place of an extremum."""

    def python(node: Node) -> Notation:
        flat = len(node.args[0].type.shape) == 1
        return Notation(f"np.{name}({{0}}{'' if flat else f', axis={node.attrs[0]}'})")

    return python


def cumulated(x, backwards):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN201
    """Return running sums along the middle axis of three."""
    out = np.empty_like(x)
    for i in range(x.shape[0]):
        for k in range(x.shape[2]):
            total = 0.0
            for step in range(x.shape[1]):
                j = x.shape[1] - 1 - step if backwards else step
                total += x[i, j, k]
                out[i, j, k] = total
    return out


def _cumsum_latex(node: Node) -> Notation:
    axis, backwards = node.attrs
    along = f"_{{{{{axis + 1}}}}}" if len(node.type.shape) > 1 else ""
    arrow = r"^{{\leftarrow}}" if backwards else ""
    return Notation(rf"\operatorname{{{{cumsum}}}}{along}{arrow}\left({{0}}\right)")


def _cumsum_python(node: Node) -> Notation:
    axis, backwards = node.attrs
    shape = node.type.shape
    three = (product(shape[:axis]), shape[axis], product(shape[axis + 1 :]))
    inner = f"cumulated({{0}}.reshape({extents(three)}), {backwards})"
    return Notation(f"{inner}.reshape({extents(shape)})")


def _every(i: int, c: Node, out: Node) -> None:
    """Give up on telling elements apart: all may matter."""
    del i, c, out


def _logsumexp(x: Any, axis: Any) -> Any:
    if not np.size(x):  # SciPy wants elements
        return np.log(np.sum(x, axis=axis))
    with np.errstate(all="ignore"):
        return scipy.special.logsumexp(x, axis=axis)


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
        name="plus", arity=2, typing=None, helper=plus, python=call("plus"),
        accuracy="a step of a sum whose order is free, so that LLVM may vectorise it",
    ),
    Op(
        name="larger", arity=2, typing=None, helper=larger, python=call("larger"),
        accuracy="a step of a maximum: as np.maximum, in fewer instructions",
    ),
    Op(
        name="smaller", arity=2, typing=None, helper=smaller, python=call("smaller"),
        accuracy="a step of a minimum: as np.minimum, in fewer instructions",
    ),
    _reduce("sum", np.sum, shaping=_reduced(INT), tidy=_sum_tidy, transposes=(
        lambda g, out, x: back(g, out.attrs[0], x),
    )),
    _reduce("prod", np.prod, shaping=_reduced(INT), **_sloped(_others)),
    _reduce("reduce_max", np.max, shaping=_reduced(None), shown="max",
            kink="{args} tie", **_sloped(_share("max"))),
    _reduce("reduce_min", np.min, shaping=_reduced(None), shown="min",
            kink="{args} tie", **_sloped(_share("min"))),
    _reduce("any", np.any, shaping=_reduced(None)),
    _reduce("all", np.all, shaping=_reduced(None)),
    _reduce("logsumexp", _logsumexp, shaping=_reduced(F64), lower=_lower_logsumexp,
            **_sloped(_softmax)),
    _reduce("vector_norm", _norm, shaping=_reduced(F64), shown="norm",
            lower=_lower_norm, **_sloped(_direction)),
    Op(
        name="argmax", typing=None, shaping=_place, activity=_every,
        numpy=lambda axis, x: np.argmax(x, axis),
        text=lambda n: Notation(f"argmax({{0}}, axis={n.attrs[0]})"),
        python=_arg("argmax"),
    ),
    Op(
        name="argmin", typing=None, shaping=_place, activity=_every,
        numpy=lambda axis, x: np.argmin(x, axis),
        text=lambda n: Notation(f"argmin({{0}}, axis={n.attrs[0]})"),
        python=_arg("argmin"),
    ),
    Op(
        name="softmax", typing=None, shaping=_alike, activity=_every,
        lower=_lower_softmax,
        numpy=lambda axes, x: scipy.special.softmax(x, axis=axes),
        text=_call("softmax"), latex=_of_rows("softmax"),
        transposes=(lambda g, out, x: _softmax_times(out, g, x),),
        tangent=lambda tangents, out, x: tangents[0] and _softmax_times(
            out, tangents[0], x
        ),
    ),
    Op(
        name="log_softmax", typing=None, shaping=_alike, activity=_every,
        lower=_lower_log_softmax,
        numpy=lambda axes, x: scipy.special.log_softmax(x, axis=axes),
        text=_call("log_softmax"), latex=_of_rows(r"log\,softmax"),
        transposes=(_log_softmax_back,), tangent=_log_softmax_dot,
    ),
    Op(
        name="cumsum", typing=None, helper=cumulated, python=_cumsum_python,
        activity=_every, numpy=_cumsum,
        shaping=lambda graph, name, args, attrs: (args, args[0].type),
        text=lambda n: Notation(
            f"cumsum({{0}}, axis={n.attrs[0]}{', reverse=True' * n.attrs[1]})"
        ),
        latex=_cumsum_latex,
        transposes=(_cumsum_back,),
    ),
)  # fmt: skip
