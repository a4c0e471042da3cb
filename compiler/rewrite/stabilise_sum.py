"""Rows on sums with exponentials, sigmoids and hyperbolic functions.

Sources: Higham, Accuracy and Stability of Numerical Algorithms, section 1.14.1 (expm1);
Kahan, as in Herbie's rules (cosh(x) - 1).
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from overbar.ir.ops import OPS, apply
from overbar.rewrite.engine import Rule
from overbar.rewrite.match import (
    Term,
    complement,
    multiple,
    opposite,
    sum_rules,
    term,
    times,
    upright,
)

if TYPE_CHECKING:
    from overbar.ir.graph import Graph, Node

EXP = OPS["exp"]
HALF = Fraction(1, 2)


def _two_exponentials(_graph: Graph, one: Term, other: Term) -> Node | None:
    if one.node is None or other.node is None or one.node.op is not EXP:
        return None
    x, y = one.node.args[0], other.node.args[0]
    if one.scale == other.scale and opposite(x, y):
        return times(2 * one.scale, apply("cosh", upright(x)[1]))
    if one.scale != -other.scale:
        return None
    if opposite(x, y):
        sign, bare = upright(x)
        return times(2 * sign * one.scale, apply("sinh", bare))
    if one.scale < 0:
        return times(-one.scale, apply("exp_difference", y, x))
    return times(one.scale, apply("exp_difference", x, y))


def _one_and_tanh(_graph: Graph, one: Term, other: Term) -> Node | None:
    if one.node is not None or other.node is None or abs(one.scale) != abs(other.scale):
        return None
    sign = Fraction(2 if one.scale == other.scale else -2)
    return times(2 * one.scale, apply("sigmoid", multiple(sign, other.node.args[0])))


def _one_and_sigmoid(_graph: Graph, one: Term, other: Term) -> Node | None:
    if one.node is not None or other.node is None or other.scale != -2 * one.scale:
        return None
    return times(-one.scale, apply("tanh", multiple(HALF, other.node.args[0])))


def _one_and_bose(_graph: Graph, one: Term, other: Term) -> Node | None:
    if one.node is not None or other.node is None or other.scale != one.scale:
        return None
    return times(-one.scale, apply("bose", -other.node.args[0]))


def _one_less_cosh(f: Node) -> Node:
    half = apply("sinh", multiple(HALF, f.args[0]))
    return -(2.0 * apply("powi", half, attrs=(2,)))


def _by_constant(_graph: Graph, x: Node, y: Node) -> Node | None:
    """Gather the constants around sinh and cosh, as in 2*sinh(x)/2."""
    scale, bare = term(x)
    ratio = term(y)
    if bare is None or ratio.node is not None or scale == 1:
        return None
    whole = scale / ratio.scale
    if abs(scale) == abs(whole.numerator) and abs(ratio.scale) == whole.denominator:
        return None  # 4*sinh(x)/3 is gathered
    return times(whole, bare)


HYPERBOLIC = (
    *complement("1 - exp(x) = -expm1(x)", "exp", lambda f: -apply("expm1", f.args[0])),
    *complement("1 - cosh(x) = -2 sinh(x/2)**2", "cosh", _one_less_cosh),
    *complement("1 - sigmoid(x) = sigmoid(-x)", "sigmoid",
                lambda f: apply("sigmoid", -f.args[0])),
    *complement("1 - sigmoid(x - y) = sigmoid(y - x)", "logaddexp_share",
                lambda f: apply("logaddexp_share", f.args[1], f.args[0])),
    *sum_rules("exp(x) +- exp(-x) = 2 cosh(x), 2 sinh(x); exp(x) - exp(y) by expm1",
               ("exp",), _two_exponentials),
    *sum_rules("1 +- tanh(x) = 2 sigmoid(+-2x)", ("tanh",), _one_and_tanh),
    *sum_rules("2 sigmoid(x) - 1 = tanh(x/2)", ("sigmoid",), _one_and_sigmoid),
    *sum_rules("1 + 1/(exp(x) - 1) = -1/(exp(-x) - 1)", ("bose",), _one_and_bose),
    Rule("div", "2 sinh(x)/2 = sinh(x)", _by_constant, exact=False,
         heads=("sinh", "cosh")),
)  # fmt: skip
