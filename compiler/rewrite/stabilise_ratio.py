"""Rows on functions that vanish at 0, and on their quotients by the argument.

Sources: Hamming 1973, chapter 3 (1 - cos(x)); Higham, section 1.14.1; the quotients
and all their derivatives by recurrence (Gautschi 1967).
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from overbar.ir.ops import OPS, apply
from overbar.rewrite.match import (
    ONE,
    POWI,
    Term,
    complement,
    multiple,
    quotient_rule,
    square,
    term,
    times,
)

if TYPE_CHECKING:
    from overbar.ir.graph import Graph, Node

SIN, VERSIN = OPS["sin"], OPS["versin"]
RATIOS = {
    SIN: "sinc",
    OPS["expm1"]: "expm1_ratio",
    OPS["log1p"]: "log1p_ratio",
}
"""Ops f with f(0) = 0 and f'(0) = 1, and the op of f(u)/u."""


def ratio(top: Node, bottom: Node) -> Node | None:
    """Return f(a*w)/(b*w) for constants a and b."""
    name = RATIOS.get(top.op)
    if name is None:
        return None
    over, under = term(top.args[0]), term(bottom)
    if over.node is not under.node or over.node is None:
        return None
    return times(over.scale / under.scale, apply(name, top.args[0]))


def _ratio(_graph: Graph, above: Term, below: Term) -> Node | None:
    if above.node is None or below.node is None:
        return None
    found = ratio(above.node, below.node)
    return None if found is None else times(above.scale, found)


def _inverse_sinc(_graph: Graph, above: Term, below: Term) -> Node | None:
    if above.node is None or below.node is None or below.node.op is not SIN:
        return None
    scale, bare = term(below.node.args[0])
    if bare is not above.node:
        return None
    return times(above.scale / scale, apply("inverse_sinc", below.node.args[0]))


def _power_of_ratio(_graph: Graph, above: Term, below: Term) -> Node | None:
    """Return f(u)**n/u**n as (f(u)/u)**n."""
    if above.node is None or below.node is None:
        return None
    n = above.node.attrs[0] if above.node.op is POWI else 2
    top, bottom = _root(above.node, n), _root(below.node, n)
    found = None if top is None or bottom is None else ratio(top, bottom)
    if found is None:
        return None
    return times(above.scale, apply("powi", found, attrs=(n,)))


def _root(node: Node, n: int) -> Node | None:
    """Return u for u**n, u*u among them."""
    if node.op is POWI and node.attrs[0] == n:
        return node.args[0]
    found = square(Term(ONE, node)) if n == 2 else None
    return None if found is None or found.scale != 1 else found.node


def _versin_ratio(_graph: Graph, above: Term, below: Term) -> Node | None:
    """Return (1 - cos(u))/u**2 as sinc(u/2)**2/2."""
    if above.node is None or below.node is None or above.node.op is not VERSIN:
        return None
    bottom = square(below)
    if bottom is None or bottom.node is None:
        return None
    over, under = term(above.node.args[0]), term(bottom.node)
    if over.node is not under.node:
        return None
    scale = (over.scale / under.scale) ** 2 / 2 / bottom.scale
    half = apply("sinc", multiple(Fraction(1, 2), above.node.args[0]))
    return times(above.scale * scale, apply("powi", half, attrs=(2,)))


RATIO = (
    *complement("1 - cos(x) = 2 sin(x/2)**2", "cos",
                lambda f: apply("versin", f.args[0])),
    *complement("1 - erf(x) = erfc(x)", "erf", lambda f: apply("erfc", f.args[0])),
    *complement("1 - erfc(x) = erf(x)", "erfc", lambda f: apply("erf", f.args[0])),
    quotient_rule("sin(x)/x, (exp(x) - 1)/x, log(1 + x)/x", ("sin", "expm1", "log1p"),
                  _ratio),
    quotient_rule("x/sin(x)", ("sin",), _inverse_sinc),
    quotient_rule("sin(x)**n/x**n = (sin(x)/x)**n", ("powi",), _power_of_ratio),
    quotient_rule("(1 - cos(x))/x**2 = (sin(x/2)/(x/2))**2/2", ("versin",),
                  _versin_ratio),
)  # fmt: skip
