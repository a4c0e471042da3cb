"""Rows on powers, roots and rational functions: overflow, and differences that cancel.

Sources: Kahan 1987 (hypot, differences of squares); Higham, section 1.7 (1 + x to a
power), 1.8 (roots by the conjugate); Goldberg 1991, section 1.4; Hamming 1973, ch. 3.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING

from overbar.ir.ops import OPS, apply
from overbar.rewrite.engine import Rule
from overbar.rewrite.match import (
    ADD,
    DIV,
    ONE,
    POWI,
    Term,
    both_terms,
    build,
    complement,
    exact_root,
    one_plus,
    root_of,
    square,
    step,
    sum_rules,
    term,
    times,
)

if TYPE_CHECKING:
    from overbar.ir.graph import Graph, Node

SQRT, HYPOT, POW = OPS["sqrt"], OPS["hypot"], OPS["pow"]
SIN, COS, TANH = OPS["sin"], OPS["cos"], OPS["tanh"]
LARGEST_PLAIN_POWER = 16
"""Constant powers of 1 + x up to this are left as they are written."""


# -- sums --------------------------------------------------------------------------


def _one_less_power(f: Node) -> Node | None:
    """Return 1 - f for an integer power f, by the identity of its base."""
    if f.op is not POWI:
        return None
    base, n = f.args[0], f.attrs[0]
    if n == 2:
        if base.op is TANH:
            return apply("tanh_slope", base, base.args[0])
        if base.op is SIN or base.op is COS:
            other = apply("cos" if base.op is SIN else "sin", base.args[0])
            return apply("powi", other, attrs=(2,))
    u = one_plus(base) if base.type.is_float else None
    return None if u is None else -apply("compound", u, float(n))


def _one_less_real_power(f: Node) -> Node | None:
    u = one_plus(f.args[0])
    return None if u is None else -apply("compound", u, f.args[1])


def _squares(_graph: Graph, one: Term, other: Term) -> Node | None:
    """Return x**2 - y**2 where both are squares, or one is an exact constant's."""
    if (
        other.node is None
        or one.scale * other.scale > 0
        or not other.node.type.is_float
    ):
        return None
    common = ONE
    if one.node is not None and one.scale == -other.scale:
        common = abs(one.scale)
    x = root_of(Term(one.scale / common, one.node))
    y = root_of(Term(other.scale / common, other.node))
    if x is None or y is None:
        return None
    pair = (x, y) if one.scale > 0 else (y, x)
    return times(common, apply("diff_squares", *pair))


def _two_roots(graph: Graph, one: Term, other: Term) -> Node | None:
    """Return sqrt(x + d) - sqrt(x), or sqrt(c + x) - sqrt(c) for an exact root."""
    if other.node is None:
        return None
    if one.node is None:
        return _root_less_constant(graph, other.node.args[0], other.scale, one.scale)
    if one.node.op is not SQRT or one.scale != -other.scale:
        return None
    below = other.node.args[0]
    gap = step(one.node.args[0], below)
    if gap is None or (gap.node is None and gap.scale < 0):
        return None
    return times(one.scale, apply("sqrt_step", below, build(graph, gap)))


def _root_less_constant(
    graph: Graph, x: Node, scale: Fraction, constant: Fraction
) -> Node | None:
    parts = both_terms(x)
    ratio = -constant / scale
    for fixed, rest in (parts, parts[::-1]) if parts and ratio > 0 else ():
        if fixed.node is None and fixed.scale == ratio * ratio:
            moved = apply("sqrt_step", float(fixed.scale), build(graph, rest))
            return times(scale, moved)
    return None


def _hypot_less_leg(_graph: Graph, one: Term, other: Term) -> Node | None:
    """Return sqrt(x**2 + c**2) - c for a constant c."""
    if one.node is not None or other.node is None:
        return None
    for x, c in (other.node.args, other.node.args[::-1]):
        if (
            c.is_const
            and not x.is_const
            and one.scale == -other.scale * Fraction(c.value)
        ):
            ratio = x if c.value == 1 else x / c
            return times(-one.scale, apply("hypotm1", ratio))
    return None


def _reciprocals(graph: Graph, one: Term, other: Term) -> Node | None:
    """Return c/x - c/y where y - x is a constant that can be read off."""
    if one.node is None or other.node is None or one.node.op is not DIV:
        return None
    tops = [t.node.args[0] for t in (one, other) if t.node is not None]
    if not all(top.is_const and math.isfinite(top.value) for top in tops):
        return None
    c, d = (
        part.scale * Fraction(top.value)
        for part, top in zip((one, other), tops, strict=True)
    )
    x, y = one.node.args[1], other.node.args[1]
    gap = step(y, x)
    if c != -d or gap is None or gap.node is not None:
        return None
    return graph.const(float(c * gap.scale)) / x / y


# -- roots -------------------------------------------------------------------------


def _legs(node: Node) -> list[Node | float] | None:
    """Return what a sum of squares (of at least one node) is the squares of."""
    found: list[Node | float] = []
    stack = [term(node)]
    while stack:
        factor, part = stack.pop()
        if factor < 0:
            return None
        if part is None:
            found.append(math.sqrt(factor))
        elif part.op is ADD:
            first, second = map(term, part.args)
            stack += [
                Term(factor * second.scale, second.node),
                Term(factor * first.scale, first.node),
            ]
        elif (whole := square(Term(factor, part))) is None or whole.node is None:
            return None
        else:
            root = exact_root(whole.scale) or Fraction(math.sqrt(whole.scale))
            found.append(times(root, whole.node))
    return found


def _root_of_squares(_graph: Graph, x: Node) -> Node | None:
    if not x.type.is_float:
        return None
    legs = _legs(x)
    if legs is None or all(isinstance(leg, float) for leg in legs):
        return None
    if len(legs) == 1:
        return apply("abs", legs[0])
    return apply("hypot" if len(legs) == 2 else "norm", *legs)


# -- powers ------------------------------------------------------------------------


def _power_of_one_plus(_graph: Graph, x: Node, n: int) -> Node | None:
    if abs(n) <= LARGEST_PLAIN_POWER or not x.type.is_float:
        return None
    u = one_plus(x)
    return None if u is None else apply("pow1p", u, float(n))


def _real_power_of_one_plus(_graph: Graph, x: Node, y: Node) -> Node | None:
    if y.is_const and abs(y.value) <= LARGEST_PLAIN_POWER:
        return None
    u = one_plus(x)
    return None if u is None else apply("pow1p", u, y)


def _small_pow1p(_graph: Graph, x: Node, y: Node) -> Node | None:
    """Return small constant powers of 1 + x, as derivatives have them, written out."""
    if not y.is_const or abs(y.value) > LARGEST_PLAIN_POWER:
        return None
    return (1.0 + x) ** y if y.value == int(y.value) else None


def _squared_norm(graph: Graph, x: Node, n: int) -> Node | None:
    if n != 2 or x.op.name != "vector_norm":
        return None
    return graph.make("sum", (apply("powi", x.args[0], attrs=(2,)),), x.attrs)


POWERS = (
    *complement("1 - (1 + x)**n = -compound(x, n); 1 - tanh(x)**2; 1 - sin(x)**2",
                "powi", _one_less_power),
    *complement("1 - (1 + x)**y = -expm1(y log1p(x))", "pow", _one_less_real_power),
    *complement("1 - (1 + x)**y = -expm1(y log1p(x))", "pow1p",
                lambda f: -apply("compound", *f.args)),
    *sum_rules("x**2 - y**2 = (x - y) (x + y)", ("powi",), _squares),
    *sum_rules("sqrt(x + d) - sqrt(x) = d/(sqrt(x + d) + sqrt(x))", ("sqrt",),
               _two_roots),
    *sum_rules("sqrt(1 + x**2) - 1 = x**2/(sqrt(1 + x**2) + 1)", ("hypot",),
               _hypot_less_leg),
    *sum_rules("1/x - 1/(x + d) = d/x/(x + d)", ("div",), _reciprocals),
    Rule("sqrt", "sqrt(x**2 + y**2 + ...) = hypot(x, y, ...), sqrt(x**2) = |x|",
         _root_of_squares, exact=False, heads=("add", "powi")),
    Rule("powi", "(1 + x)**n without the rounding of 1 + x", _power_of_one_plus,
         exact=False, heads=("add", "sub")),
    Rule("powi", "norm(x)**2 = sum(x**2)", _squared_norm, exact=False,
         heads=("vector_norm",)),
    Rule("pow", "(1 + x)**y without the rounding of 1 + x", _real_power_of_one_plus,
         exact=False, heads=("add", "sub")),
    Rule("pow1p", "small powers of 1 + x, written out", _small_pow1p, exact=False),
)  # fmt: skip
