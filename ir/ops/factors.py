"""Rows of the Cholesky factor of a symmetric positive definite matrix."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from overbar.ir.ops import precise, stacks
from overbar.ir.ops.matrices import (
    SQUARE,
    eliminates,
    half,
    lower_adjoint,
    make,
    symmetric,
    times,
    turned,
)
from overbar.ir.ops.portable_matrices import cholesky_each
from overbar.ir.ops.row import Notation, call

if TYPE_CHECKING:
    from collections.abc import Sequence

    from overbar.ir.graph import Node


def _cholesky_back(g: Node, out: Node, a: Node) -> Node:
    """Return the adjoint of a matrix from its factor's (Murray 2016, equation 10)."""
    attrs = (True, True, False)
    inner = half(times(turned(out), g))
    left = make("solve_triangular", out, inner, attrs=attrs)
    return lower_adjoint(make("solve_triangular", out, turned(left), attrs=attrs))


def _cholesky_dot(tangents: Sequence[Node | None], out: Node, a: Node) -> Node | None:
    (da,) = tangents
    if da is None:
        return None
    attrs = (True, False, False)
    left = make("solve_triangular", out, symmetric(da), attrs=attrs)
    return times(out, half(make("solve_triangular", out, turned(left), attrs=attrs)))


ROWS = (
    *stacks.rows(
        "cholesky", "a positive definite matrix", np.linalg.cholesky,
        cholesky_each, shaping=SQUARE, python=call("np.linalg.cholesky"),
        transposes=(_cholesky_back,), tangent=_cholesky_dot,
        latex=Notation(r"\operatorname{{chol}}\left({0}\right)"),
        mp=precise.cholesky, steps=eliminates(1, 6),
        accuracy="reads the lower triangle alone",
    ),
)  # fmt: skip
