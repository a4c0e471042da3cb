"""Rows of eigenvalues and eigenvectors of symmetric matrices.

They read the lower triangle alone, as NumPy does: so their adjoints are triangles.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from overbar.ir.errors import InputError
from overbar.ir.ops import precise
from overbar.ir.ops.matrices import (
    LINE,
    SQUARE,
    compared,
    eliminates,
    lower_adjoint,
    make,
    matrix_row,
    nowhere,
    outer,
    symmetric,
    times,
    turned,
)
from overbar.ir.ops.row import Notation, Op, apply, call
from overbar.ir.ops.typing import cast, common
from overbar.ir.types import F64

if TYPE_CHECKING:
    from collections.abc import Sequence

    from overbar.ir.graph import Graph, Node
    from overbar.ir.ops.typing import Typed


def _values_back(g: Node, out: Node, a: Node) -> Node:
    """Return v diag(g) v^T: its lower triangle stands for both."""
    v = make("eigenvectors", a)
    bar = outer(v * a.graph.spread(g, v.type.shape), v)
    diagonal = apply("select", compared(bar, "eq"), bar, 0.0)
    return apply("select", compared(bar, "lt"), 2.0 * bar, diagonal)


def _values_dot(tangents: Sequence[Node | None], out: Node, a: Node) -> Node | None:
    (da,) = tangents
    if da is None:
        return None
    v = make("eigenvectors", a)
    return make("sum", v * times(symmetric(da), v), attrs=((0,),))


def _gaps_of(a: Node) -> Node:
    return make("eigengaps", make("eigvalsh", a))


def _vectors_back(g: Node, out: Node, a: Node) -> Node:
    inner = _gaps_of(a) * times(turned(out), g)
    return lower_adjoint(times(times(out, inner), turned(out)))


def _vectors_dot(tangents: Sequence[Node | None], out: Node, a: Node) -> Node | None:
    (da,) = tangents
    if da is None:
        return None
    inner = times(times(turned(out), symmetric(da)), out)
    return times(out, _gaps_of(a) * inner)


def eigengaps(w, tiny):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN201
    """Return 1/(w[j] - w[i]), 0 on the diagonal; refuse repeated eigenvalues."""
    n = w.shape[0]
    out = np.zeros_like(np.outer(w, w))
    for i in range(n):
        for j in range(n):
            if i != j:
                gap = w[j] - w[i]
                if abs(gap) <= tiny * n * max(abs(w[0]), abs(w[n - 1])):
                    raise IndexError
                out[i, j] = 1.0 / gap
    return out


def _tiny(dtype: str) -> float:
    """Return the relative gap up to which eigenvalues count as one."""
    return float(8 * np.finfo(dtype).eps)


def _eigengaps(w: Any) -> Any:
    w = np.asarray(w)
    try:
        return eigengaps(w, _tiny(w.dtype))  # type: ignore[no-untyped-call]
    except IndexError:
        near = int(np.argmin(np.diff(w)))
        message = "eigenvectors have no derivative where eigenvalues repeat: expected "
        message += f"distinct eigenvalues, found {w[near]} and {w[near + 1]}"
        raise InputError(message) from None


def _gaps_back(g: Node, out: Node, w: Node) -> Node:
    change = g * out * out
    total = make("sum", change, attrs=((1,),))
    return total - make("sum", change, attrs=((0,),))


def _gaps_dot(tangents: Sequence[Node | None], out: Node, w: Node) -> Node | None:
    (dw,) = tangents
    if dw is None:
        return None
    graph, shape = w.graph, out.type.shape
    rise = graph.spread_along(dw, (0,), shape) - graph.spread_along(dw, (1,), shape)
    return out * out * rise


def _gaps(
    graph: Graph, name: str, args: Sequence[Node], _attrs: tuple[Any, ...]
) -> Typed:
    args = cast(graph, args, common(graph, name, args, F64))
    (n,) = args[0].type.shape
    return args, args[0].type.scalar.of((n, n))


ROWS = (
    matrix_row(
        "eigvalsh", "a matrix whose eigenvalues converge", np.linalg.eigvalsh,
        shaping=LINE, python=call("np.linalg.eigvalsh"), transposes=(_values_back,),
        tangent=_values_dot, latex=Notation(r"\lambda\left({0}\right)"),
        mp=precise.eigvalsh, steps=eliminates(2, 3),
        accuracy="reads the lower triangle alone; ascending",
    ),
    matrix_row(
        "eigenvectors", "a matrix whose eigenvalues converge",
        lambda a: np.linalg.eigh(a)[1], shaping=SQUARE,
        python=Notation("np.linalg.eigh({0})[1]"), transposes=(_vectors_back,),
        tangent=_vectors_dot, latex=Notation(r"V\left({0}\right)"),
        mp=precise.eigenvectors, steps=eliminates(9, 2),
        accuracy="reads the lower triangle alone; as columns",
    ),
    Op(
        name="eigengaps", typing=None, shaping=_gaps, activity=nowhere,
        numpy=_eigengaps, helper=eigengaps,
        python=lambda n: Notation(f"eigengaps({{0}}, {_tiny(n.type.dtype)!r})"),
        text=call("eigengaps"), transposes=(_gaps_back,), tangent=_gaps_dot,
        mp=precise.eigengaps,
        accuracy="1/(w[j] - w[i]), 0 on the diagonal",
    ),
)  # fmt: skip
