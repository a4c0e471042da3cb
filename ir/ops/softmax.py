"""Rows of log-sum-exp and its relatives: softmax and its logarithm."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from overbar.ir.ops.masks import along
from overbar.ir.ops.reduce import back, reduced_to, reduction, sloped, unknown_activity
from overbar.ir.ops.reduce_notation import called, of_rows
from overbar.ir.ops.row import (
    Op,
    apply,
)
from overbar.ir.ops.typing import cast, common
from overbar.ir.types import F64

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from overbar.ir.graph import Graph, Node
    from overbar.ir.ops.typing import Typed


def _alike(
    graph: Graph, name: str, args: Sequence[Node], _attrs: tuple[Any, ...]
) -> Typed:
    args = cast(graph, args, common(graph, name, args, F64))
    return args, args[0].type


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


def _logsumexp(x: Any, axis: Any) -> Any:
    if not np.size(x):  # SciPy wants elements
        return np.log(np.sum(x, axis=axis))
    with np.errstate(all="ignore"):
        return _scipy("logsumexp")(axis, x)


def _scipy(name: str) -> Callable[..., Any]:
    """Return SciPy's function of that name, which is imported when first called."""

    def evaluate(axes: Any, x: Any) -> Any:
        import scipy.special

        return getattr(scipy.special, name)(x, axis=axes)

    return evaluate


ROWS = (
    reduction("logsumexp", _logsumexp, shaping=reduced_to(F64), lower=_lower_logsumexp,
            sparing=along(-math.inf), **sloped(_softmax)),
    Op(
        name="softmax", typing=None, shaping=_alike, activity=unknown_activity,
        lower=_lower_softmax, mixes=lambda n: n.attrs[0],
        sparing=along(-math.inf),
        numpy=_scipy("softmax"),
        text=called("softmax"), latex=of_rows("softmax"),
        transposes=(lambda g, out, x: _softmax_times(out, g, x),),
        tangent=lambda tangents, out, x: tangents[0] and _softmax_times(
            out, tangents[0], x
        ),
    ),
    Op(
        name="log_softmax", typing=None, shaping=_alike, activity=unknown_activity,
        lower=_lower_log_softmax, mixes=lambda n: n.attrs[0],
        sparing=along(-math.inf),
        numpy=_scipy("log_softmax"),
        text=called("log_softmax"), latex=of_rows(r"log\,softmax"),
        transposes=(_log_softmax_back,), tangent=_log_softmax_dot,
    ),
)  # fmt: skip
