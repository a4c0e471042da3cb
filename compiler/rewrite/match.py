"""Take sums, products and quotients apart, for rules to look at; put them together.

A *term* is an exact constant times a node, `Term(2, exp(x))`; a constant alone has no
node. Constants are gathered as fractions, so nothing is rounded while matching.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from overbar.ir.ops import OPS, apply
from overbar.rewrite.engine import MOST_FACTORS, Rule

if TYPE_CHECKING:
    from collections.abc import Callable

    from overbar.ir.graph import Graph, Node

CONST, NEG, MUL, DIV = OPS["const"], OPS["neg"], OPS["mul"], OPS["div"]
ADD, SUB, POWI = OPS["add"], OPS["sub"], OPS["powi"]
ONE = Fraction(1)
_FACTORED = {CONST, NEG, MUL, DIV}
_LARGEST = 2**53


class Term(NamedTuple):
    """Hold `scale * node`; node is None for a constant."""

    scale: Fraction
    node: Node | None


Sum: TypeAlias = "Callable[[Graph, Term, Term], Node | None]"
Quotient: TypeAlias = "Callable[[Graph, Term, Term], Node | None]"


def _number(node: Node) -> Fraction | None:
    """Return a finite constant other than 0."""
    if node.op is not CONST or not node.value or not math.isfinite(node.value):
        return None
    return Fraction(node.value)


def term(node: Node) -> Term:
    """Take constant factors and signs off a node."""
    if node.op not in _FACTORED:
        return Term(ONE, node)
    scale = ONE
    for _ in range(MOST_FACTORS):
        op, args = node.op, node.args
        if op is NEG:
            scale, node = -scale, args[0]
        elif op is MUL and (c := _number(args[0])) is not None:
            scale, node = scale * c, args[1]
        elif op is MUL and (c := _number(args[1])) is not None:
            scale, node = c if scale is ONE else scale * c, args[0]
        elif op is DIV and (c := _number(args[1])) is not None:
            scale, node = scale / c, args[0]
        else:
            break
    c = _number(node)
    return Term(scale, node) if c is None else Term(scale * c, None)


def times(scale: Fraction, node: Node) -> Node:
    """Return the node times a constant, written as a person would.

    An exact quotient of small integers becomes one multiplication and one division.
    Raises OverflowError for a constant too large, or too small, for a float.
    """
    if scale == 1:
        return node
    if not float(scale):
        raise OverflowError
    if scale < 0:
        return -times(-scale, node)
    top, bottom = scale.numerator, scale.denominator
    if top == 1 and bottom < _LARGEST:
        return node / float(bottom)
    if Fraction(float(scale)) == scale or max(top, bottom) > _LARGEST:
        return float(scale) * node
    return float(top) * node / float(bottom)


def multiple(factor: Fraction, node: Node) -> Node:
    """Return factor*node, the factor gathered with those that the node has."""
    scale, bare = term(node)
    return node * float(factor) if bare is None else times(factor * scale, bare)


def build(graph: Graph, part: Term) -> Node:
    """Return the node of a term."""
    if part.node is None:
        return graph.const(float(part.scale))
    return times(part.scale, part.node)


def shifted(node: Node, by: float) -> Node:
    """Return node + by, the node itself for 0."""
    return node if by == 0 else node + by if by > 0 else node - -by


def both_terms(node: Node) -> tuple[Term, Term] | None:
    """Return the two terms of a sum or difference."""
    if node.op is ADD or node.op is SUB:
        first, second = map(term, node.args)
        if node.op is SUB:
            second = Term(-second.scale, second.node)
        return first, second
    return None


def one_plus(node: Node) -> Node | None:
    """Return u for 1 + u, u + 1 or 1 - u."""
    parts = both_terms(node)
    if parts is None:
        return None
    for one, other in (parts, parts[::-1]):
        if one == Term(ONE, None) and other.node is not None:
            return times(other.scale, other.node)
    return None


def square(part: Term) -> Term | None:
    """Return c and u for c*u**2: an even power, u*u, or 2*u*u."""
    node = part.node
    if node is None:
        return None
    if node.op is POWI and node.attrs[0] > 0 and node.attrs[0] % 2 == 0:
        root = apply("powi", node.args[0], attrs=(node.attrs[0] // 2,))
        return Term(part.scale, root)
    if node.op is MUL:
        left, right = map(term, node.args)
        if left.node is right.node:
            return Term(part.scale * left.scale * right.scale, left.node)
    return None


def exact_root(scale: Fraction) -> Fraction | None:
    """Return the square root of a positive fraction, if it is one."""
    if scale <= 0:
        return None
    top, bottom = math.isqrt(scale.numerator), math.isqrt(scale.denominator)
    root = Fraction(top, bottom)
    return root if root * root == scale else None


def root_of(part: Term) -> Node | float | None:
    """Return the root of |part| for the square of something, times an exact square."""
    found = part if part.node is None else square(part)
    root = None if found is None else exact_root(abs(found.scale))
    if found is None or root is None:
        return None
    return float(root) if found.node is None else times(root, found.node)


def opposite(x: Node, y: Node) -> bool:
    """Whether x = -y, constants taken off."""
    left, right = term(x), term(y)
    return left.node is right.node and left.scale == -right.scale


def upright(x: Node) -> tuple[int, Node]:
    """Return the sign of a node's constant factor, and the node without it."""
    return (1, x) if term(x).scale > 0 else (-1, -x)


class Line(NamedTuple):
    """Hold `slope * node + offset`."""

    slope: Fraction
    node: Node | None
    offset: Fraction


def line(node: Node) -> Line:
    """Take a constant summand and a constant factor off a node."""
    parts = both_terms(node)
    if parts is not None:
        for constant, other in (parts, parts[::-1]):
            if constant.node is None:
                return Line(other.scale, other.node, constant.scale)
    alone = term(node)
    if alone.node is None:
        return Line(Fraction(0), None, alone.scale)
    return Line(alone.scale, alone.node, Fraction(0))


def step(above: Node, below: Node) -> Term | None:
    """Return above - below where it can be read off: no rounding is undone.

    Both may differ in a constant, or `above` may be `below` plus something.
    """
    high, low = line(above), line(below)
    if high[:2] == low[:2] and high.offset != low.offset:
        return Term(high.offset - low.offset, None)
    parts = both_terms(above)
    base = term(below)
    if parts is not None:
        for one, other in (parts, parts[::-1]):
            if one == base:
                return other
    return None


# -- rules from functions of terms ----------------------------------------------------


def sum_rules(algebra: str, heads: tuple[str, ...], answer: Sum) -> tuple[Rule, Rule]:
    """Return rules for a sum with a term of some op; it comes second to `answer`."""
    ops = {OPS[name] for name in heads} | ({MUL} if "powi" in heads else set())

    def matched(sign: int) -> Callable[..., Node | None]:
        def look(graph: Graph, x: Node, y: Node) -> Node | None:
            first, second = term(x), term(y)
            second = Term(sign * second.scale, second.node)
            for one, other in ((first, second), (second, first)):
                if other.node is not None and other.node.op in ops:
                    found = answer(graph, one, other)
                    if found is not None:
                        return found
            return None

        return look

    return (
        Rule("add", algebra, matched(1), exact=False, heads=heads),
        Rule("sub", algebra, matched(-1), exact=False, heads=heads),
    )


def complement(
    algebra: str, head: str, build_one_minus: Callable[[Node], Node | None]
) -> tuple[Rule, Rule]:
    """Return rules for c - c*f, given what 1 - f is for a node f of some op."""

    def answer(_graph: Graph, one: Term, other: Term) -> Node | None:
        if one.node is not None or other.node is None or one.scale != -other.scale:
            return None
        found = build_one_minus(other.node)
        return None if found is None else times(one.scale, found)

    return sum_rules(algebra, (head,), answer)


def quotient_rule(algebra: str, heads: tuple[str, ...], answer: Quotient) -> Rule:
    """Return a rule for a quotient of terms, of which the divisor has a node.

    `answer` is given the dividend, with all of the scale, and the divisor's node as a
    term of scale 1.
    """

    def look(graph: Graph, x: Node, y: Node) -> Node | None:
        above, below = term(x), term(y)
        if below.node is None:
            return None
        if below.scale is not ONE:
            above = Term(above.scale / below.scale, above.node)
            below = Term(ONE, below.node)
        return answer(graph, above, below)

    return Rule("div", algebra, look, exact=False, heads=heads)


def product_rule(
    algebra: str,
    heads: tuple[str, ...],
    answer: Callable[[Graph, Fraction, Node, Node], Node | None],
) -> Rule:
    """Return a rule for a product; `answer` gets the scale and the two bare factors."""

    def look(graph: Graph, x: Node, y: Node) -> Node | None:
        left, right = term(x), term(y)
        if left.node is None or right.node is None:
            return None
        scale = left.scale * right.scale
        found = answer(graph, scale, left.node, right.node)
        return found or answer(graph, scale, right.node, left.node)

    return Rule("mul", algebra, look, exact=False, heads=heads)


def log_rule(
    algebra: str,
    heads: tuple[str, ...],
    answer: Callable[[Graph, Node], Node | None],
    sign: int = 1,
) -> Rule:
    """Return a rule for log(c*f), c of the given sign: `answer` gives log(sign*f)."""

    def look(graph: Graph, x: Node) -> Node | None:
        scale, node = term(x)
        if node is None or scale * sign <= 0:
            return None
        found = answer(graph, node)
        return None if found is None else shifted(found, math.log(abs(scale)))

    return Rule("log", algebra, look, exact=False, heads=heads)
