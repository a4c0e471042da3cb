"""Multiply an adjoint or tangent by a partial, as a person would write it.

The constants of both are gathered into one exact fraction, signs come to the front,
and a partial 1/y divides instead of multiplying. Nobody wrote these products down, so
there is no order of the user's to keep.
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from overbar.ir.graph import Node
from overbar.ir.ops import OPS, apply

if TYPE_CHECKING:
    from overbar.ir.ops.row import Factor

_EXACT_INTEGER = 2**53
_LARGEST = 2**32
ONE = Fraction(1)
_NEG, _MUL, _DIV, _CONST = OPS["neg"], OPS["mul"], OPS["div"], OPS["const"]
_BROADCAST, _AMUL = OPS["broadcast"], OPS["amul"]
_APART = frozenset((_NEG, _MUL, _DIV, _CONST, _BROADCAST))
"""Ops that something may be taken out of."""


class Ratio(NamedTuple):
    """Hold `scale * top / bottom`, None standing for 1."""

    scale: Fraction
    top: Node | None
    bottom: Node | None


def _whole(node: Node) -> Fraction | None:
    """Return a constant that gathers with others: an integer or 1/2**k, not large."""
    return _gathered(node.attrs[0]) if node.op is _CONST else None


@lru_cache(maxsize=1000)
def _gathered(value: float) -> Fraction | None:
    if not value or abs(value) > _LARGEST or abs(value) * _LARGEST < 1:
        return None
    if value == int(value):
        return Fraction(int(value))
    turned = 1 / value
    dyadic = turned == int(turned) and not int(turned) & (int(abs(turned)) - 1)
    return Fraction(1, int(turned)) if dyadic else None


def _reciprocal(node: Node, fresh_from: int | None) -> Fraction | None:
    """Return 1/n for a constant that a rule folded from 1/n, so that n divides once."""
    if fresh_from is None or node.index < fresh_from or node.op is not _CONST:
        return None
    value = node.attrs[0]
    n = round(1 / value) if value and 1 < abs(1 / value) < _LARGEST else 0
    return Fraction(1, n) if n and 1 / n == value else None


def split(factor: Node, *, fresh_from: int | None = None) -> Ratio:
    """Take small whole constants and signs out of a product or quotient.

    Quotients are taken apart only where made since the graph had `fresh_from` nodes:
    an older one is a value of the formula's own. What has a name stays whole.
    """
    scale, top, bottom = ONE, factor, None
    whole = factor.graph.whole
    while top.op in _APART and top not in whole:
        op, args = top.op, top.args
        if op is _NEG:
            scale, top = -scale, args[0]
        elif op is _MUL and (c := _whole(args[0])) is not None:
            scale, top = scale * c, args[1]
        elif op is _MUL and (c := _whole(args[1])) is not None:
            scale, top = scale * c, args[0]
        elif op is _DIV and (c := _whole(args[1])) is not None:
            scale, top = scale / c, args[0]
        elif (
            op is _DIV
            and bottom is None
            and fresh_from is not None
            and top.index >= fresh_from
        ):
            below = split(args[1])
            scale, top, bottom = scale / below.scale, args[0], below.top
        elif (part := _spread(top, fresh_from)) is not None:
            if part.bottom is not None and bottom is not None:
                break  # one quotient inside another: the inner stays whole
            return Ratio(scale * part.scale, part.top, part.bottom or bottom)
        elif (c := _whole(top) or _reciprocal(top, fresh_from)) is not None:
            return Ratio(scale * c, None, bottom)
        else:
            break
    return Ratio(scale, top, bottom)


def _spread(node: Node, fresh_from: int | None) -> Ratio | None:
    """Take constants out of what is broadcast, perhaps as a product's first factor."""
    if node.op is _MUL and node.args[0].op is _BROADCAST:
        inner = split(node.args[0], fresh_from=fresh_from)
        if inner.scale is ONE or inner.top is None or inner.bottom is not None:
            return None
        return Ratio(inner.scale, inner.top * node.args[1], None)
    if node.op is not _BROADCAST:
        return None
    scale, *parts = split(node.args[0], fresh_from=fresh_from)
    if scale is ONE:
        return None
    return Ratio(scale, *(_along(part, node) for part in parts))


def _along(part: Node | None, whole: Node) -> Node | None:
    """Return a part of what was broadcast, broadcast in the same way."""
    return None if part is None else part.graph.spread_along(part, *whole.attrs)


def _stays(factor: Node) -> bool:
    """Whether one sees at once that `split` leaves a factor as it is."""
    if factor.op is _MUL:
        one, other = factor.args
        return one.op is not _BROADCAST and not (_whole(one) or _whole(other))
    return factor.op not in _APART


def _multiplies(partial: Node, fresh_from: int) -> bool:
    """Whether one sees at once that `product` multiplies by a partial as it is."""
    if partial.op is _CONST:
        return not (_whole(partial) or _reciprocal(partial, fresh_from))
    return partial.index < fresh_from or partial.op not in _APART


def scaled(scale: Fraction, node: Node | None, like: Node) -> Node:
    """Return the node times a fraction; the constant alone for None."""
    if node is None:
        return like.graph.const(float(scale), like.type)
    if scale is ONE:
        return node
    top, bottom = scale.numerator, scale.denominator
    if abs(top) == 1 and bottom < _EXACT_INTEGER:
        whole = node if bottom == 1 else node / float(bottom)
        return whole if top == 1 else -whole
    if top < 0:
        return -scaled(-scale, node, like)
    if Fraction(float(scale)) == scale or max(top, bottom) > _EXACT_INTEGER:
        return float(scale) * node
    return float(top) * node / float(bottom)


def doubled(node: Node) -> Node:
    """Return 2*node, its own constants gathered: x/2 gives x.

    What has a name stays whole.
    """
    if node in node.graph.whole or node in node.graph.names:
        return 2.0 * node
    own = split(node)
    return scaled(2 * own.scale, own.top, node)


def product(g: Node, partial: Factor, *, singular: bool, fresh_from: int) -> Node:
    """Return `g * partial`, through `amul` where the partial may be infinite."""
    if not isinstance(partial, Node):
        partial = g.graph.const(1.0 if partial is None else partial, g.type)
    left, right = split(g), _ratio(partial, fresh_from)
    scale = ONE
    if left.scale is not ONE or right.scale is not ONE:
        scale = left.scale * right.scale
        if not 1 <= abs(scale) * _LARGEST <= _LARGEST**2:  # lest it over- or underflow
            left, scale = Ratio(ONE, g, None), right.scale
    if left.top is None:
        if right.bottom is not None:
            return _divided(scale, right.top, right.bottom, g)
        return scaled(scale, right.top, g)
    if singular and (right.top is not None or right.bottom is not None):
        slope = right.top if right.bottom is None else (
            (1.0 if right.top is None else right.top) / right.bottom
        )  # fmt: skip
        return scaled(scale, apply("amul", left.top, slope), g)
    core, top = left.top, abs(scale.numerator)
    if top != 1 and top < _EXACT_INTEGER:  # 2*g*p reads better than 2*(g*p)
        core, scale = float(top) * core, scale / top
    if right.top is not None:
        core = _times(core, right.top, fresh_from)
    if right.bottom is not None:
        core = core / right.bottom
    return scaled(scale, core, g)


def _ratio(partial: Node, fresh_from: int) -> Ratio:
    """Take a partial apart, unless it is a value of the formula's own."""
    if partial.index >= fresh_from or partial.op is _CONST:
        return split(partial, fresh_from=fresh_from)
    return Ratio(ONE, partial, None)


def _times(g: Node, factor: Node, fresh_from: int) -> Node:
    """Return g * factor, a fresh product or quotient taken factor by factor."""
    if factor.index >= fresh_from and factor.op is _MUL:
        return _times(_times(g, factor.args[0], fresh_from), factor.args[1], fresh_from)
    if factor.index >= fresh_from and factor.op is _DIV:
        x, y = factor.args
        return (g if x.equals(1) else _times(g, x, fresh_from)) / y
    return g * factor


def _divided(scale: Fraction, top: Node | None, bottom: Node, like: Node) -> Node:
    """Return scale * top / bottom, the fraction's denominator below the line."""
    below = bottom if scale.denominator == 1 else float(scale.denominator) * bottom
    if scale.denominator >= _EXACT_INTEGER:
        return scaled(scale, (1.0 if top is None else top) / bottom, like)
    above = scaled(Fraction(scale.numerator), top, like)
    return above / below


def contribution(g: Node, i: int, out: Node) -> Node | None:
    """Return what an adjoint or tangent `g` of one side of an op gives the other.

    With `g` the adjoint of `out` this is its contribution to operand i; with `g` the
    tangent of operand i, to the tangent of `out`. None where it is zero.
    """
    op = out.op
    if op.products is not None:
        return op.products[i](g, out, *out.args)  # type: ignore[return-value]
    partial = op.partial(i, out)
    if partial is None:
        return None
    graph = out.graph
    fresh_from = graph.formula_size
    if isinstance(partial, Node):
        if _multiplies(partial, fresh_from) and _stays(g):
            return graph.make(_AMUL if op.singular else _MUL, (g, partial))
    elif abs(partial) == 1:
        return g if partial > 0 else -g
    return product(g, partial, singular=op.singular, fresh_from=fresh_from)
