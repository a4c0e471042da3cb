"""Rows of eigenvalues and eigenvectors of symmetric matrices.

They read the lower triangle alone, as NumPy does: so their adjoints are triangles.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from overbar.ir.errors import InputError
from overbar.ir.ops import precise, stacks
from overbar.ir.ops.matrices import (
    LINE,
    SQUARE,
    compared,
    each_column,
    eliminates,
    lower_adjoint,
    make,
    nowhere,
    outer,
    symmetric,
    times,
    turned,
)
from overbar.ir.ops.portable_matrices import (
    eigengaps,
    eigengaps_each,
    eigenvectors_each,
    eigvalsh_each,
)
from overbar.ir.ops.row import Notation, Op, apply, call
from overbar.ir.ops.typing import cast, common
from overbar.ir.types import F64

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from overbar.ir.graph import Graph, Node
    from overbar.ir.ops.typing import Typed


def _values_back(g: Node, out: Node, a: Node) -> Node:
    """Return v diag(g) v^T: its lower triangle stands for both."""
    v = make("eigenvectors", a)
    bar = outer(v * each_column(g, v), v)
    diagonal = apply("select", compared(bar, "eq"), bar, 0.0)
    return apply("select", compared(bar, "lt"), 2.0 * bar, diagonal)


def _values_dot(tangents: Sequence[Node | None], out: Node, a: Node) -> Node | None:
    (da,) = tangents
    if da is None:
        return None
    v = make("eigenvectors", a)
    return make("sum", v * times(symmetric(da), v), attrs=((len(v.type.shape) - 2,),))


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


def closeness(dtype: Any) -> float:
    """Return the relative gap up to which eigenvalues count as one."""
    return float(8 * np.finfo(dtype).eps)


def _told(name: str) -> Callable[[Node], Notation]:
    """Return a call that is told which gap is none."""
    return lambda node: Notation(f"{name}({{0}}, {closeness(node.type.dtype)!r})")


def _eigengaps(w: Any) -> Any:
    w = np.asarray(w)
    out = np.empty((*w.shape, w.shape[-1]), w.dtype)
    for place in np.ndindex(w.shape[:-1]):
        line = w[place]
        try:
            out[place] = eigengaps(line, closeness(w.dtype))  # type: ignore[no-untyped-call]
        except IndexError:
            near = int(np.argmin(np.diff(line)))
            message = "eigenvectors have no derivative where eigenvalues repeat: "
            message += f"expected distinct eigenvalues, found {line[near]} and "
            raise InputError(f"{message}{line[near + 1]}") from None
    return out


def _gaps_back(g: Node, out: Node, w: Node) -> Node:
    change = g * out * out
    *_, rows, columns = range(len(out.type.shape))
    return make("sum", change, attrs=((columns,),)) - make(
        "sum", change, attrs=((rows,),)
    )


def _gaps_dot(tangents: Sequence[Node | None], out: Node, w: Node) -> Node | None:
    (dw,) = tangents
    if dw is None:
        return None
    *lead, rows, _ = range(len(out.type.shape))
    across = w.graph.spread_along(dw, (*lead, rows), out.type.shape)
    return out * out * (across - each_column(dw, out))


def _gaps(
    graph: Graph, name: str, args: Sequence[Node], _attrs: tuple[Any, ...]
) -> Typed:
    args = cast(graph, args, common(graph, name, args, F64))
    *lead, n = args[0].type.shape
    return args, args[0].type.scalar.of((*lead, n, n))


ROWS = (
    *stacks.rows(
        "eigvalsh", "a matrix whose eigenvalues converge", np.linalg.eigvalsh,
        eigvalsh_each, shaping=LINE, python=call("np.linalg.eigvalsh"),
        routine="eigenvalues", transposes=(_values_back,), tangent=_values_dot,
        latex=Notation(r"\lambda\left({0}\right)"),
        mp=precise.eigvalsh, steps=eliminates(2, 3),
        accuracy="reads the lower triangle alone; ascending",
    ),
    *stacks.rows(
        "eigenvectors", "a matrix whose eigenvalues converge",
        lambda a: np.linalg.eigh(a)[1], eigenvectors_each, shaping=SQUARE,
        python=Notation("np.linalg.eigh({0})[1]"), transposes=(_vectors_back,),
        routine="eigenvectors", tangent=_vectors_dot,
        latex=Notation(r"V\left({0}\right)"),
        mp=precise.eigenvectors, steps=eliminates(9, 2),
        accuracy="reads the lower triangle alone; as columns",
    ),
    *stacks.stacked(Op(
        name="eigengaps", typing=None, shaping=_gaps, activity=nowhere,
        numpy=_eigengaps, helper=eigengaps, routine="eigengaps",
        python=_told("eigengaps"), text=call("eigengaps"),
        transposes=(_gaps_back,), tangent=_gaps_dot,
        mp=precise.eigengaps,
        accuracy="1/(w[j] - w[i]), 0 on the diagonal",
    ), eigengaps_each, own=1, python=_told("eigengaps_each")),
)  # fmt: skip
