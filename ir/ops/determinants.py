"""Rows of determinants, their logarithm and sign, and of the cofactors they vary by.

Derivatives of a determinant are taken from singular values, A = U diag(s) V^T, so that
they are right where the matrix is singular too. With E = U^T X V for a direction X they
are those at a diagonal matrix, turned back, det(U V) U (...) V^T, of

    cofactor        [i, i]  the product of all s but s[i]
    cofactor_slope  [i, i]  the sum over j of E[j, j] p[i, j],  [i, j]  -E[j, i] p[i, j]

where p[i, j] is the product of all s but s[i] and s[j]; `cofactor_curve` is the next
one, in two directions. A determinant is linear in every row, so these are symmetric in
their directions, and an adjoint takes the place of one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from overbar.ir.errors import UnsupportedError
from overbar.ir.ops import precise, stacks
from overbar.ir.ops.matrices import (
    SCALAR,
    SQUARE,
    each_matrix,
    eliminates,
    inner,
    make,
    trace_of,
    turned,
)
from overbar.ir.ops.portable_matrices import (
    cofactor,
    cofactor_curve,
    cofactor_curve_each,
    cofactor_each,
    cofactor_slope,
    cofactor_slope_each,
    det_each,
    detsign_each,
    logdet_each,
)
from overbar.ir.ops.row import ATOM, Notation, Op, call

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from overbar.ir.graph import Node


def _both(one: Node | None, other: Node | None) -> Node | None:
    """Return the sum of the terms that there are."""
    return one + other if one and other else one or other


def _scaled(g: Node, a: Node) -> Node:
    """Return a number times inv(a)^T."""
    return each_matrix(g, a) * turned(make("inv", a))


def _slope_dot(
    tangents: Sequence[Node | None], out: Node, a: Node, e: Node
) -> Node | None:
    da, de = tangents
    return _both(
        da and make("cofactor_curve", a, e, da), de and make("cofactor_slope", a, de)
    )


def _refused() -> UnsupportedError:
    message = "expected derivatives of a determinant up to the third order, found "
    return UnsupportedError(f"{message}the fourth")


def _curve_back(i: int, g: Node, out: Node, *args: Node) -> Node:
    a, *along = args
    if not i:
        raise _refused()
    return make("cofactor_curve", a, along[2 - i], g)


def _curve_dot(
    tangents: Sequence[Node | None], out: Node, a: Node, e: Node, f: Node
) -> Node | None:
    da, de, df = tangents
    if da is not None:
        raise _refused()
    return _both(
        de and make("cofactor_curve", a, de, f), df and make("cofactor_curve", a, e, df)
    )


def _cofactor_rows(
    function: Callable[..., Any], each: Callable[..., Any], **columns: Any
) -> tuple[Op, Op]:
    """Return the rows of a derivative of det, by its helper functions."""
    name = function.__name__
    return stacks.rows(
        name, "a matrix whose singular values converge",
        stacks.one_by_one(function, columns["arity"]), each, shaping=SQUARE,
        mp=precise.cofactor, steps=eliminates(9, 2), helper=function,
        routine="cofactors",
        python=call(name), **columns,
    )  # fmt: skip


ROWS = (
    *stacks.rows(
        "det", "a matrix", np.linalg.det, det_each, shaping=SCALAR,
        routine="determinant",
        python=call("np.linalg.det"), latex=Notation(r"\det\left({0}\right)"),
        transposes=(lambda g, out, a: each_matrix(g, a) * make("cofactor", a),),
        tangent=lambda tangents, out, a: tangents[0] and (
            inner(make("cofactor", a), tangents[0])
        ),
        mp=precise.det, steps=eliminates(1, 3),
    ),
    *stacks.rows(
        "logdet", "a matrix", lambda a: np.linalg.slogdet(a)[1], logdet_each,
        shaping=SCALAR, python=Notation("np.linalg.slogdet({0})[1]"),
        routine="logarithm",
        latex=Notation(r"\log\left|\det {0}\right|", ATOM, (ATOM,)),
        transposes=(lambda g, out, a: _scaled(g, a),),
        tangent=lambda tangents, out, a: tangents[0] and (
            trace_of(make("inv", a), tangents[0])
        ),
        mp=precise.logdet, steps=eliminates(1, 3),
        accuracy="log(abs(det)), without overflow; no derivative where it is -inf",
    ),
    *stacks.rows(
        "detsign", "a matrix", lambda a: np.linalg.slogdet(a)[0], detsign_each,
        shaping=SCALAR, python=Notation("np.linalg.slogdet({0})[0]"),
        routine="sign",
        latex=Notation(r"\operatorname{{sign}} \det {0}", ATOM, (ATOM,)),
        mp=precise.detsign, steps=eliminates(1, 3),
    ),
    *_cofactor_rows(
        cofactor, cofactor_each, arity=1,
        transposes=(lambda g, out, a: make("cofactor_slope", a, g),),
        tangent=lambda tangents, out, a: tangents[0] and (
            make("cofactor_slope", a, tangents[0])
        ),
        latex=Notation(r"\operatorname{{cof}}\left({0}\right)"),
        accuracy="the gradient of det, at singular matrices too",
    ),
    *_cofactor_rows(
        cofactor_slope, cofactor_slope_each, arity=2, tangent=_slope_dot,
        transposes=(
            lambda g, out, a, e: make("cofactor_curve", a, e, g),
            lambda g, out, a, e: make("cofactor_slope", a, g),
        ),
        latex=Notation(r"\operatorname{{cof}}'\left({0}\right)\left[{1}\right]"),
        accuracy="the derivative of cofactor along the second operand",
    ),
    *_cofactor_rows(
        cofactor_curve, cofactor_curve_each, arity=3, transposes=_curve_back,
        tangent=_curve_dot,
        latex=Notation(
            r"\operatorname{{cof}}''\left({0}\right)\left[{1}, {2}\right]"
        ),
        accuracy="the second derivative of cofactor; it has none itself",
    ),
)  # fmt: skip
