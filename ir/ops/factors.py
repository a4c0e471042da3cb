"""Rows of the Cholesky factor and of determinants, with their logarithm and sign."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from overbar.ir.ops import precise
from overbar.ir.ops.contract import contract
from overbar.ir.ops.matrices import (
    SCALAR,
    SQUARE,
    eliminates,
    half,
    lower_adjoint,
    make,
    matrix_row,
    symmetric,
    times,
    turned,
)
from overbar.ir.ops.row import ATOM, Notation, call

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


def _trace_of(x: Node, y: Node) -> Node:
    """Return trace(x y)."""
    return contract(x.graph, x, y, "ij", "ji", "")


def _scaled(g: Node, a: Node) -> Node:
    """Return a number times inv(a)^T."""
    return a.graph.spread(g, a.type.shape) * turned(make("inv", a))


ROWS = (
    matrix_row(
        "cholesky", "a positive definite matrix", np.linalg.cholesky, shaping=SQUARE,
        python=call("np.linalg.cholesky"), transposes=(_cholesky_back,),
        tangent=_cholesky_dot, latex=Notation(r"\operatorname{{chol}}\left({0}\right)"),
        mp=precise.cholesky, steps=eliminates(1, 6),
        accuracy="reads the lower triangle alone",
    ),
    matrix_row(
        "det", "a matrix", np.linalg.det, shaping=SCALAR,
        python=call("np.linalg.det"), latex=Notation(r"\det\left({0}\right)"),
        transposes=(lambda g, out, a: _scaled(g * out, a),),
        tangent=lambda tangents, out, a: tangents[0] and (
            out * _trace_of(make("inv", a), tangents[0])
        ),
        mp=precise.det, steps=eliminates(1, 3),
        accuracy="the derivative needs an invertible matrix",
    ),
    matrix_row(
        "logdet", "a matrix", lambda a: np.linalg.slogdet(a)[1], shaping=SCALAR,
        python=Notation("np.linalg.slogdet({0})[1]"),
        latex=Notation(r"\log\left|\det {0}\right|", ATOM, (ATOM,)),
        transposes=(lambda g, out, a: _scaled(g, a),),
        tangent=lambda tangents, out, a: tangents[0] and (
            _trace_of(make("inv", a), tangents[0])
        ),
        mp=precise.logdet, steps=eliminates(1, 3),
        accuracy="log(abs(det)), without overflow",
    ),
    matrix_row(
        "detsign", "a matrix", lambda a: np.linalg.slogdet(a)[0], shaping=SCALAR,
        python=Notation("np.linalg.slogdet({0})[0]"),
        latex=Notation(r"\operatorname{{sign}} \det {0}", ATOM, (ATOM,)),
        mp=precise.detsign, steps=eliminates(1, 3),
    ),
)  # fmt: skip
