"""Rows of the Cholesky factor of a symmetric positive definite matrix."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from overbar.ir.ops import precise, stacks
from overbar.ir.ops.matrices import (
    SQUARE,
    compared,
    each_column,
    eliminates,
    half,
    make,
    matrix_row,
    outer,
    symmetric,
    times,
    triangle,
    turned,
)
from overbar.ir.ops.portable_matrices import cholesky_each, cholesky_inverse
from overbar.ir.ops.row import ATOM, Notation, apply, call, is_number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from overbar.ir.graph import Node


_TRANSPOSED = (True, True, False)
"""How `solve_triangular` solves with the transpose of a lower triangle."""


def _cholesky_back(g: Node, out: Node, a: Node) -> Node:
    """Return the adjoint of a matrix from that of its factor L.

    It is the lower half of L^-T S L^-1, where S is symmetric with the lower triangle of
    L^T g (Murray 2016, equation 10). That does not depend on the upper triangle of g,
    and needs no product of matrices for a diagonal or an outer product in g. Where S
    is c I it is c inv(L L^T), and where it is v v^T an outer product: as in a Gaussian
    process.
    """
    known: list[_Term] = []
    inner: list[_Term] = []
    for negative, term in _terms(g):
        found = _known(out, term)
        if found is None:
            inner.append(_Term(negative, _inner(out, term)))
        else:
            known.append(_Term(negative, found))
    if inner:
        left = make("solve_triangular", out, half(_sum(inner)), attrs=_TRANSPOSED)
        solved = make("solve_triangular", out, turned(left), attrs=_TRANSPOSED)
        known.append(_Term(negative=False, node=solved + turned(solved)))
    return half(_sum(known))


class _Term(NamedTuple):
    """Hold a term of a sum and its sign."""

    negative: bool
    node: Node


def _sum(terms: Sequence[_Term]) -> Node:
    negative, total = terms[0]
    total = -total if negative else total
    for term in terms[1:]:
        total = total - term.node if term.negative else total + term.node
    return total


_MOST = 32
"""Terms that a sum may have to be taken apart: one that is shared counts each time."""


def _terms(g: Node) -> list[_Term]:
    """Return the terms of a sum, without a mask of what is above the diagonal."""
    found: list[_Term] = []
    stack = [(g, False)]
    while stack:
        if len(found) + len(stack) > _MOST:
            return [_Term(negative=False, node=g)]
        x, negative = stack.pop()
        if x.op.name in {"add", "sub"}:
            one, other = x.args
            stack += [(other, negative != (x.op.name == "sub")), (one, negative)]
        elif x.op.name == "neg":
            stack.append((x.args[0], not negative))
        elif x.op.name == "select" and (
            x.args[0] is compared(g, "le") and x.args[2].equals(0.0)
        ):
            stack.append((x.args[1], negative))
        else:
            found.append(_Term(negative, x))
    return found


def _known(out: Node, term: Node) -> Node | None:
    """Return L^-T S L^-1 of a term for which it is known."""
    diagonal = _diagonal(term)
    if diagonal is not None:
        scale = _times_diagonal(out, diagonal)
        if not is_number(scale):
            return None
        return _number(scale) * make("cholesky_inverse", out)
    factors = _outer_factors(term)
    if factors is None:
        return None
    u, v, scale = factors
    (one, first), (other, second) = map(_taken_out, (_times_transposed(out, u), v))
    if first is not second:
        return None
    line = make("solve_triangular", out, first, attrs=_TRANSPOSED)
    return scale * one * other * outer(line, line)


def _inner(out: Node, term: Node) -> Node:
    """Return L^T times a term, right on and below the diagonal."""
    diagonal = _diagonal(term)
    if diagonal is not None:
        line = each_column(_times_diagonal(out, diagonal), term)
        return apply("select", compared(term, "eq"), line, 0.0)
    factors = _outer_factors(term)
    if factors is None:
        return times(turned(out), term)
    u, v, scale = factors
    return scale * outer(_times_transposed(out, u), v)


def _diagonal(x: Node) -> Node | None:
    """Return d of d[:, None]*eye(n)."""
    if x.op.name != "mul" or len(x.type.shape) != 2:
        return None
    for line, eye in (x.args, x.args[::-1]):
        if eye.op.name == "one_hot" and eye.args[0].op.name == "iota" and (
            line.op.name == "broadcast" and len(line.attrs[0]) == 1
        ):  # fmt: skip
            return line.args[0]
    return None


def _times_diagonal(out: Node, d: Node) -> Node:
    """Return diagonal(L)*d; of c/diagonal(L) the c, as no entry there is 0."""
    graph = out.graph
    places = graph.iota(out.type.shape[0])
    diagonal = graph.make("gather", (out, places, places), ((0, 1),))
    scale, rest = _taken_out(d)
    if rest.op.name == "div" and rest.args[1] is diagonal:
        return scale * rest.args[0]
    return diagonal * d


def _outer_factors(x: Node) -> tuple[Node, Node, Node] | None:
    """Return u, v and c of c*outer(u, v)."""
    scale, x = _taken_out(x)
    if x.op.name != "contract" or any(len(a.type.shape) != 1 for a in x.args):
        return None
    return (*x.args, scale) if len(x.type.shape) == 2 else None  # type: ignore[return-value]


def _scaled(x: Node) -> tuple[Node, Node] | None:
    """Return a factor that is a number, and the other one; of solutions too."""
    solves = []
    while x.op.name == "solve_triangular":
        solves.append(x)
        x = x.args[1]
    found = _factored(x)
    if found is None:
        return None
    number, rest = found
    for solve in reversed(solves):
        rest = make("solve_triangular", solve.args[0], rest, attrs=solve.attrs)
    return number, rest


def _factored(x: Node) -> tuple[Node, Node] | None:
    """Return a factor that is a number, and the other one."""
    if x.op.name == "neg":
        return x.graph.const(-1.0, x.type.scalar), x.args[0]
    if x.op.name == "mul":
        for number, rest in (x.args, x.args[::-1]):
            if is_number(number):
                return _number(number), rest
    return None


def _number(x: Node) -> Node:
    """Return the number that an array repeats."""
    return x.args[0] if x.type.shape else x


def _taken_out(x: Node) -> tuple[Node, Node]:
    """Return the product of all factors that are numbers, and what is left."""
    scale = x.graph.const(1.0, x.type.scalar)
    while (found := _scaled(x)) is not None:
        scale, x = scale * found[0], found[1]
    return scale, x


def _times_transposed(out: Node, u: Node) -> Node:
    """Return L^T u; of L^-T b the b."""
    if u.op.name == "solve_triangular" and u.attrs == _TRANSPOSED and u.args[0] is out:
        return u.args[1]
    return times(turned(out), u)


def _inverse_back(g: Node, out: Node, a: Node) -> Node:
    """Return the adjoint of L from that of inv(L L^T), which is out."""
    right = turned(times(out, g + turned(g)))
    whole = turned(make("solve_triangular", a, right, attrs=(True, False, False)))
    return -triangle(whole, lower=True, strict=False)


def _inverse_dot(tangents: Sequence[Node | None], out: Node, a: Node) -> Node | None:
    (da,) = tangents
    if da is None:
        return None
    left = turned(times(out, triangle(da, lower=True, strict=False)))
    half_of_it = make("solve_triangular", a, left, attrs=_TRANSPOSED)
    return -(half_of_it + turned(half_of_it))


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
        routine="cholesky",
        transposes=(_cholesky_back,), tangent=_cholesky_dot,
        latex=Notation(r"\operatorname{{chol}}\left({0}\right)"),
        mp=precise.cholesky, steps=eliminates(1, 6),
        accuracy="reads the lower triangle alone",
    ),
    matrix_row(
        "cholesky_inverse", "a diagonal without zeros", cholesky_inverse,
        shaping=SQUARE, helper=cholesky_inverse, python=call("cholesky_inverse"),
        routine="cholesky_inverse",
        text=Notation("inv({0} @ {0}.T)", ATOM, (ATOM,)), transposes=(_inverse_back,),
        tangent=_inverse_dot, mp=precise.cholesky_inverse, steps=eliminates(1, 3),
        latex=Notation(
            r"\left({0} \, {0}^{{\top}}\right)^{{-1}}", ATOM, (ATOM,)
        ),
        accuracy="reads the lower triangle alone; symmetric to the last bit",
    ),
)  # fmt: skip
