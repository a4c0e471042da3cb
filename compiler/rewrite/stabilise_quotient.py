"""Rows on rational functions: quotients by sums, whose derivatives cancel or overflow.

The value is often computed as it is written; the op is there for its partials. Sources:
Kahan 1987 (hypot); Higham, section 1.14.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING

from overbar.ir.ops import OPS, apply
from overbar.rewrite.match import (
    MUL,
    Term,
    both_terms,
    build,
    exact_root,
    one_plus,
    quotient_rule,
    root_of,
    square,
    term,
    times,
)

if TYPE_CHECKING:
    from overbar.ir.graph import Graph, Node

HYPOT = OPS["hypot"]


def _over_hypot(_graph: Graph, above: Term, below: Term) -> Node | None:
    """Return x/hypot(x, y) as the cosine that it is."""
    if above.node is None or below.node is None or below.node.op is not HYPOT:
        return None
    for x, y in (below.node.args, below.node.args[::-1]):
        scale, bare = term(x)
        if bare is above.node:
            # with another leg of 0 the origin is 0/0
            known = y.is_const and y.value != 0
            cosine = apply("hypot_slope", x, y, below.node, attrs=(known,))
            return times(above.scale / scale, cosine)
    return None


def _square_over_sum(_graph: Graph, above: Term, below: Term) -> Node | None:
    """Return x**2/(x**2 + y**2) as (x/hypot(x, y))**2, y may be a constant."""
    top = square(above)
    if top is None or top.node is None or below.node is None:
        return None
    parts = both_terms(below.node) if top.node.type.is_float else None
    for one, other in (parts, parts[::-1]) if parts else ():
        whole = square(one)
        rest = other if other.node is None else square(other)
        if whole is None or rest is None or whole.node is not top.node:
            continue
        ratio = rest.scale / whole.scale
        if ratio > 0:
            size = exact_root(ratio) or Fraction(math.sqrt(ratio))
            y = float(size) if rest.node is None else times(size, rest.node)
            length = apply("hypot", top.node, y)
            known = rest.node is None  # else the origin is 0/0
            cosine = apply("hypot_slope", top.node, y, length, attrs=(known,))
            scale = top.scale / whole.scale
            return times(scale, apply("powi", cosine, attrs=(2,)))
    return None


def _share_of_sum(graph: Graph, above: Term, below: Term) -> Node | None:
    """Return x/(k*x + y), or v*x/(k*x + y), so that its derivative does not cancel."""
    if above.node is None or below.node is None or not below.node.type.is_float:
        return None
    parts, top = both_terms(below.node), above.node
    factors = [(top, None), *((top.args, top.args[::-1]) if top.op is MUL else ())]
    for x, v in factors:
        for one, other in (parts, parts[::-1]) if parts else ():
            if one.node is x and other.node is not x:
                given = [x, build(graph, other), below.node]
                times_x = (float(one.scale),)
                share = (
                    apply("share", *given, attrs=times_x)
                    if v is None
                    else apply("weighted_share", v, *given, attrs=times_x)
                )
                return times(above.scale, share)
    return None


def _bell(_graph: Graph, above: Term, below: Term) -> Node | None:
    """Return c/(1 + x**2), also for a constant factor of x that is exact."""
    if above.node is not None or below.node is None or not below.node.type.is_float:
        return None
    squared = one_plus(below.node)
    x = None if squared is None else root_of(term(squared))
    if squared is None or x is None or isinstance(x, float) or term(squared).scale < 0:
        return None
    return times(above.scale, apply("bell", x))


QUOTIENTS = (
    quotient_rule("x/sqrt(x**2 + y**2), a cosine", ("hypot",), _over_hypot),
    quotient_rule("x**2/(x**2 + y**2) = (x/hypot(x, y))**2", ("add",),
                  _square_over_sum),
    quotient_rule("x/(x + y) with derivatives that do not cancel", ("add", "sub"),
                  _share_of_sum),
    quotient_rule("1/(1 + x**2), also where x**2 overflows", ("add",), _bell),
)  # fmt: skip
