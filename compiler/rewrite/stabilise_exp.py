"""Rows on quotients and products of exponentials: logistic functions, overflow.

Sources: Higham, Accuracy and Stability of Numerical Algorithms, section 1.14.1 (expm1
in quotients); Maechler 2012 (log1mexp); Blanchard, Higham and Higham 2021 (softmax).
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING

from overbar.ir.ops import OPS, apply
from overbar.rewrite.engine import Rule, head
from overbar.rewrite.match import (
    ADD,
    NEG,
    POWI,
    SUB,
    Term,
    both_terms,
    multiple,
    opposite,
    product_rule,
    quotient_rule,
    shifted,
    term,
    times,
    upright,
)

if TYPE_CHECKING:
    from overbar.ir.graph import Graph, Node

EXP, EXPM1, COSH, SINH = OPS["exp"], OPS["expm1"], OPS["cosh"], OPS["sinh"]
SIGMOID, BOSE = OPS["sigmoid"], OPS["bose"]
HALF = Fraction(1, 2)


# -- quotients ---------------------------------------------------------------------


def exponentials(node: Node) -> list[tuple[Fraction, Node | None]] | None:
    """Return a sum of two exponentials and constants as pairs (k, u) of k*exp(u)."""
    if node.op is EXPM1:
        return [(Fraction(1), node.args[0]), (Fraction(-1), None)]
    if node.op not in (ADD, SUB) or EXP not in map(head, node.args):
        return None
    parts = both_terms(node) or ()
    found = []
    for scale, bare in parts:
        if bare is not None and bare.op is not EXP:
            return None
        found.append((scale, None if bare is None else bare.args[0]))
    return found


def affine(node: Node) -> tuple[Fraction, Node, Fraction] | None:
    """Return k, u, c for k*exp(u) + c with neither constant 0."""
    found = exponentials(node)
    for (k, u), (c, v) in (found, found[::-1]) if found else ():
        if u is not None and v is None:
            return k, u, c
    return None


def reciprocal(node: Node) -> Node | None:
    """Return 1/node where there is an op for it: it neither overflows nor cancels."""
    if node.op is EXP:
        return apply("exp", -node.args[0])
    if node.op is EXPM1:
        return apply("bose", node.args[0])
    if node.op is COSH:
        return apply("sech", node.args[0])
    if node.op is SINH:
        return apply("csch", node.args[0])
    found = affine(node)
    if found is None:
        return None
    k, u, c = found
    return times(1 / c, _logistic(u, k / c))


def _logistic(u: Node, ratio: Fraction, *, falling: bool = True) -> Node:
    """Return 1/(1 + ratio*exp(u)), or where it is not `falling` the same of -u."""
    shift = math.log(abs(ratio))
    if u.op is NEG:
        u, falling = u.args[0], not falling
    x = -shifted(u, shift) if falling else shifted(u, -shift)
    return apply("sigmoid", x) if ratio > 0 else -apply("bose", -x)


def _exp_over_sum(_graph: Graph, above: Term, below: Term) -> Node | None:
    """Divide an exponential by a sum with it."""
    if below.node is None or (above.node is not None and above.node.op is not EXP):
        return None
    x = above.node.args[0] if above.node is not None else None
    found = exponentials(below.node)
    for (k, u), (other, v) in (found, found[::-1]) if found else ():
        if u is not x or u is v:
            continue
        scale, ratio = above.scale / k, other / k
        if u is None and v is not None:
            return times(scale, _logistic(v, ratio))
        if u is not None and v is None:
            return times(scale, _logistic(u, ratio, falling=False))
        if u is not None and v is not None and ratio > 0:
            shifted_v = shifted(v, math.log(ratio))
            return times(scale, apply("logaddexp_share", u, shifted_v))
    return None


def _exp_over_exp(_graph: Graph, above: Term, below: Term) -> Node | None:
    """Divide by exp(y) what is an exponential, or a sum with exp(y) itself."""
    if above.node is None or below.node is None or below.node.op is not EXP:
        return None
    y = below.node.args[0]
    if above.node.op is EXP:
        return times(above.scale, apply("exp", above.node.args[0] - y))
    found = affine(above.node)
    if found is None or found[1] is not y:
        return None
    k, _, c = found
    return shifted(times(above.scale * c, apply("exp", -y)), float(above.scale * k))


def _hyperbolic(_graph: Graph, above: Term, below: Term) -> Node | None:
    """Return sinh/cosh and its disguises as tanh, cosh/sinh as 1/tanh."""
    if above.node is None or below.node is None:
        return None
    top, bottom = above.node, below.node
    if {top.op, bottom.op} == {SINH, COSH} and top.args == bottom.args:
        tanh = apply("tanh", top.args[0])
        return times(above.scale, tanh if top.op is SINH else 1.0 / tanh)
    over, under = affine(top), affine(bottom)
    if over is None or under is None:
        return None
    (a, u, b), (c, v, d) = over, under
    if u is not v or abs(a) != abs(b) or a * d != -b * c:
        return None
    sign, bare = upright(u)
    tanh = apply("tanh", multiple(HALF, bare))
    return times(sign * above.scale * a / c, tanh if a == -b else 1.0 / tanh)


def _over_power(_graph: Graph, above: Term, below: Term) -> Node | None:
    """Divide by a power of a sum of exponentials."""
    if below.node is None or below.node.op is not POWI:
        return None
    base, n = below.node.args[0], below.node.attrs[0]
    if n < 2:
        return None
    slope = _slope(above, base) if n == 2 else None
    if slope is not None:
        return slope
    inverse = reciprocal(base)
    if inverse is None:
        return None
    power = apply("powi", inverse, attrs=(n,))
    return times(above.scale, power if above.node is None else above.node * power)


def _slope(above: Term, base: Node) -> Node | None:
    """Return k*exp(u)/(d + c*exp(u))**2 as a logistic density."""
    found = affine(base)
    if found is None or above.node is None or above.node.op is not EXP:
        return None
    k, u, c = found
    if u is not above.node.args[0] or k / c < 0:
        return None
    _, x = upright(shifted(u, math.log(k / c)))
    slope = apply("sigmoid_slope", apply("sigmoid", x), x)
    return times(above.scale / (k * c), slope)


def _over_expm1(_graph: Graph, above: Term, below: Term) -> Node | None:
    """Return x/(exp(x) - 1) as the Bernoulli function."""
    if above.node is None or below.node is None or below.node.op is not EXPM1:
        return None
    scale, bare = term(below.node.args[0])
    if bare is not above.node:
        return None
    return times(above.scale / scale, apply("bernoulli", below.node.args[0]))


def _by_reciprocal(_graph: Graph, above: Term, below: Term) -> Node | None:
    inverse = None if below.node is None else reciprocal(below.node)
    if inverse is None:
        return None
    return times(above.scale, inverse if above.node is None else above.node * inverse)


# -- products and powers -----------------------------------------------------------


def _exp_times_sigmoid(_graph: Graph, scale: Fraction, x: Node, y: Node) -> Node | None:
    if x.op is EXP and y.op is SIGMOID and opposite(x.args[0], y.args[0]):
        return times(scale, apply("sigmoid", x.args[0]))
    return None


def _exp_times_bose(_graph: Graph, scale: Fraction, x: Node, y: Node) -> Node | None:
    if x.op is EXP and y.op is BOSE and x.args == y.args:
        return times(-scale, apply("bose", -x.args[0]))
    return None


def _sigmoids(_graph: Graph, scale: Fraction, x: Node, y: Node) -> Node | None:
    if x.op is SIGMOID and y.op is SIGMOID and opposite(x.args[0], y.args[0]):
        _, u = upright(x.args[0])
        return times(scale, apply("sigmoid_slope", apply("sigmoid", u), u))
    return None


def _power_of_exp(_graph: Graph, x: Node, n: int) -> Node | None:
    return apply("exp", float(n) * x.args[0]) if x.op is EXP else None


def _negative_power(graph: Graph, x: Node, n: int) -> Node | None:
    if n >= 0:
        return None
    inverse = reciprocal(x)
    return None if inverse is None else graph.make("powi", (inverse,), (-n,))


_SUMS = ("add", "sub", "expm1")

EXPONENTIAL = (
    quotient_rule("sinh(x)/cosh(x) = tanh(x)", ("sinh", "cosh", *_SUMS), _hyperbolic),
    quotient_rule("x/(exp(x) - 1), the Bernoulli function", ("expm1",), _over_expm1),
    quotient_rule("exp(x)/(exp(x) + c exp(y)) = sigmoid(x - y - log(c)), and for c < 0",
                  _SUMS, _exp_over_sum),
    quotient_rule("exp(x)/exp(y) = exp(x - y)", ("exp",), _exp_over_exp),
    quotient_rule("exp(x)/(1 + exp(x))**2 = sigmoid(x) sigmoid(-x)", ("powi",),
                  _over_power),
    quotient_rule(
        "y/exp(x), y/cosh(x), y/(1 + exp(x)), ... as products that do not overflow",
        ("exp", "cosh", "sinh", *_SUMS), _by_reciprocal,
    ),
    product_rule("exp(x) sigmoid(-x) = sigmoid(x)", ("exp",), _exp_times_sigmoid),
    product_rule("exp(x)/(exp(x) - 1) = -1/(exp(-x) - 1)", ("bose",), _exp_times_bose),
    product_rule("sigmoid(x) (1 - sigmoid(x))", ("sigmoid",), _sigmoids),
    Rule("powi", "exp(x)**n = exp(n x)", _power_of_exp, exact=False, heads=("exp",)),
    Rule("powi", "(1 + exp(x))**-n = sigmoid(-x)**n, and the like", _negative_power,
         exact=False, heads=("exp", "cosh", "sinh", *_SUMS)),
)  # fmt: skip
