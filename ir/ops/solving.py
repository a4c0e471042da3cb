"""Rows that solve linear systems: of any matrix, of a triangle, by the inverse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from overbar.ir.errors import InputError, ShapeError
from overbar.ir.ops import phrases, precise, stacks
from overbar.ir.ops.matrices import (
    SQUARE,
    eliminates,
    make,
    outer,
    square,
    times,
    triangle,
    turned,
)
from overbar.ir.ops.portable_matrices import (
    inv_each,
    solve_each,
    solve_triangular_each,
    triangular_solved,
)
from overbar.ir.ops.row import ATOM, REAL, Notation, call
from overbar.ir.types import extents

if TYPE_CHECKING:
    from collections.abc import Sequence

    from overbar.ir.graph import Graph, Node
    from overbar.ir.ops.typing import Typed


def _solution(
    graph: Graph, name: str, args: Sequence[Node], _attrs: tuple[Any, ...]
) -> Typed:
    args = square(graph, name, args)
    a, b = (x.type.shape for x in args)
    vector = len(b) == 1 and len(a) == 2
    rows = b if vector else b[:-1]
    if rows != a[:-1] or not (vector or len(a) == len(b)):
        message = f"{name} cannot solve shapes [{extents(a)}] and [{extents(b)}]: "
        raise ShapeError(f"{message}expected a right side with {a[-1]} rows")
    full = [x.graph.spread(x, x.type.shape) for x in args]
    return full, args[1].type


def _less(dot: Node | None, change: Node | None) -> Node | None:
    """Return dot - change, either of which may be zero."""
    if change is None:
        return dot
    return -change if dot is None else dot - change


def _solve_back(g: Node, out: Node, a: Node, b: Node) -> Node:
    return make("solve", turned(a), g)


def _solve_dot(
    tangents: Sequence[Node | None], out: Node, a: Node, b: Node
) -> Node | None:
    da, db = tangents
    right = _less(db, None if da is None else times(da, out))
    return None if right is None else make("solve", a, right)


def _triangular(lower: bool, transposed: bool, unit: bool, a: Any, b: Any) -> Any:  # noqa: FBT001
    import scipy.linalg

    a = np.asarray(a)
    if unit is False and not np.all(np.diagonal(a, axis1=-2, axis2=-1)):
        message = "solve_triangular expects a diagonal without zeros, found a zero"
        raise InputError(message)
    if not np.size(b):
        return b
    return scipy.linalg.solve_triangular(
        a, b, lower=lower, trans=int(transposed), unit_diagonal=unit,
        check_finite=False,
    )  # fmt: skip


def _triangular_python(node: Node) -> Notation:
    flags = ", ".join(map(str, node.attrs))
    if len(node.type.shape) == 2:
        return Notation(f"triangular_solved({{0}}, {{1}}, {flags})")
    column = f"{{1}}.reshape({extents(node.type.shape)}, 1)"
    return Notation(
        f"triangular_solved({{0}}, {column}, {flags}).reshape(-1)", ATOM, (0, ATOM)
    )


def _triangular_text(node: Node) -> Notation:
    lower, transposed, unit = node.attrs
    options = ", lower=True" * lower + ", trans='T'" * transposed
    options += ", unit_diagonal=True" * unit
    return Notation(f"solve_triangular({{0}}, {{1}}{options})")


def _triangular_latex(node: Node) -> Notation:
    power = r"{{-\top}}" if node.attrs[1] else "{{-1}}"
    return Notation(f"{{0}}^{power} {{1}}", 20, (ATOM, 20))


def _other_way(out: Node) -> tuple[Any, ...]:
    lower, transposed, unit = out.attrs
    return lower, not transposed, unit


def _of_transpose(
    _graph: Graph, args: Sequence[Node], attrs: tuple[Any, ...]
) -> Node | None:
    """Solve with a matrix rather than with its transpose, so that both read alike."""
    a, b = args
    lower, transposed, unit = attrs
    if a.op.name != "transpose" or turned(a) is not a.args[0]:
        return None
    turn = (not lower, not transposed, unit)
    return make("solve_triangular", a.args[0], b, attrs=turn)


def _triangular_back(g: Node, out: Node, a: Node, b: Node) -> Node:
    return make("solve_triangular", a, g, attrs=_other_way(out))


def _triangular_matrix_back(g: Node, out: Node, a: Node, b: Node) -> Node:
    lower, transposed, unit = out.attrs
    bar = _triangular_back(g, out, a, b)
    whole = outer(out, bar) if transposed else outer(bar, out)
    return -triangle(whole, lower=lower, strict=unit)


def _triangular_dot(
    tangents: Sequence[Node | None], out: Node, a: Node, b: Node
) -> Node | None:
    da, db = tangents
    lower, transposed, unit = out.attrs
    change = None
    if da is not None:
        part = triangle(da, lower=lower, strict=unit)
        change = times(turned(part) if transposed else part, out)
    right = _less(db, change)
    if right is None:
        return None
    return make("solve_triangular", a, right, attrs=out.attrs)


def _inv_back(g: Node, out: Node, a: Node) -> Node:
    transposed = turned(out)
    return -times(times(transposed, g), transposed)


def _inv_dot(tangents: Sequence[Node | None], out: Node, a: Node) -> Node | None:
    (da,) = tangents
    return None if da is None else -times(times(out, da), out)


ROWS = (
    *stacks.rows(
        "solve", "an invertible matrix", np.linalg.solve, solve_each, arity=2,
        routine="solve",
        shaping=_solution, phrases=phrases.OF_SOLVE, domain=(REAL, REAL),
        mp=precise.solve, steps=eliminates(1, 3), python=call("np.linalg.solve"),
        latex=Notation("{0}^{{-1}} {1}", 20, (ATOM, 20)), tangent=_solve_dot,
        transposes=(
            lambda g, out, a, b: -outer(_solve_back(g, out, a, b), out), _solve_back,
        ),
    ),
    *stacks.rows(
        "solve_triangular", "an invertible matrix",
        stacks.one_by_one(_triangular, 2), solve_triangular_each, arity=2,
        shaping=_solution, tidy=_of_transpose, domain=(REAL, REAL),
        python=_triangular_python, routine="triangular",
        helper=triangular_solved, text=_triangular_text, latex=_triangular_latex,
        tangent=_triangular_dot, mp=precise.solve_triangular, steps=eliminates(0, 1),
        transposes=(_triangular_matrix_back, _triangular_back),
    ),
    *stacks.rows(
        "inv", "an invertible matrix", np.linalg.inv, inv_each, shaping=SQUARE,
        routine="inverse",
        phrases=phrases.OF_INV, mp=precise.inv, steps=eliminates(1, 1),
        python=call("np.linalg.inv"), transposes=(_inv_back,), tangent=_inv_dot,
        latex=Notation("{0}^{{-1}}", ATOM, (ATOM,)),
    ),
)  # fmt: skip
