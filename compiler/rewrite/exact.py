"""Rows that keep every value, bit for bit; they always run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from overbar.ir.ops import OPS
from overbar.rewrite.engine import Rule

if TYPE_CHECKING:
    from overbar.ir.graph import Graph, Node

_LARGEST_EXPONENT = 2**31


def _is(node: Node, op: str) -> bool:
    return node.op.name == op


_NEG, _CONST = OPS["neg"], OPS["const"]


def _add(g: Graph, x: Node, y: Node) -> Node | None:
    if y.op is _NEG:
        return g.make("sub", (x, y.args[0]))
    if x.op is _NEG:
        return g.make("sub", (y, x.args[0]))
    return None


def _sub(g: Graph, x: Node, y: Node) -> Node | None:
    if _is(y, "neg"):
        return g.make("add", (x, y.args[0]))
    return x if _positive_zero(y) else None


def _positive_zero(node: Node) -> bool:
    return node.is_const and str(node.value) in {"0.0", "0"}


def _mul(g: Graph, x: Node, y: Node) -> Node | None:
    for one, other in ((x, y), (y, x)):
        if one.op is _CONST and abs(one.attrs[0]) == 1:
            return other if one.attrs[0] == 1 else -other
    if x.op is _NEG or y.op is _NEG:
        product = g.make("mul", [a.args[0] if a.op is _NEG else a for a in (x, y)])
        return product if x.op is y.op else -product
    return None


def _div(g: Graph, x: Node, y: Node) -> Node | None:
    if y.equals(1):
        return x
    if y.equals(-1):
        return -x
    if _is(x, "neg") and _is(y, "neg"):
        return g.make("div", (x.args[0], y.args[0]))
    if _is(x, "neg"):
        return -g.make("div", (x.args[0], y))
    if _is(y, "neg"):
        return -g.make("div", (x, y.args[0]))
    return None


def _neg(_g: Graph, x: Node) -> Node | None:
    return x.args[0] if _is(x, "neg") else None


def _pow(g: Graph, x: Node, y: Node) -> Node | None:
    if not y.is_const:
        return None
    n = y.value
    if n == int(n) if abs(n) < _LARGEST_EXPONENT else False:
        return g.make("powi", (x,), (int(n),))
    return g.make("sqrt", (x,)) if n == 0.5 else None


def _powi(g: Graph, x: Node, n: int) -> Node | None:
    if n == 0:
        return g.const(1.0 if x.type.is_float else 1)
    if n == 1:
        return x
    if n == -1:
        return 1.0 / x
    if _is(x, "neg"):
        power = g.make("powi", (x.args[0],), (n,))
        return -power if n % 2 else power
    return None


def _amul(g: Graph, x: Node, y: Node) -> Node | None:
    known = x.args[0] if _is(x, "copy") else x
    if (known.is_const and not known.equals(0)) or (
        y.is_const and abs(y.value) < float("inf")
    ):
        if _is(y, "div") and y.args[0].equals(1):
            return x / y.args[1]
        return g.make("mul", (x, y))
    return None


def _select(g: Graph, c: Node, x: Node, y: Node) -> Node | None:
    if c.is_const:
        return x if c.value else y
    if x is y:
        return x
    return g.make("select", (c.args[0], y, x)) if _is(c, "not") else None


def _abs(g: Graph, x: Node) -> Node | None:
    if _is(x, "neg"):
        return g.make("abs", x.args)
    return x if _is(x, "abs") else None


def _and(_g: Graph, x: Node, y: Node) -> Node | None:
    if x is y or (x.is_const and x.value):
        return y
    if x.is_const or (y.is_const and y.value):
        return x
    return y if y.is_const else None


def _or(_g: Graph, x: Node, y: Node) -> Node | None:
    if x is y or (x.is_const and not x.value):
        return y
    if x.is_const or (y.is_const and not y.value):
        return x
    return y if y.is_const else None


def _not(_g: Graph, x: Node) -> Node | None:
    return x.args[0] if _is(x, "not") else None


EXACT = (
    Rule("add", "x + (-y) = x - y", _add, operands=("neg",)),
    Rule("sub", "x - (-y) = x + y, x - 0 = x", _sub, operands=("neg", "const")),
    Rule("mul", "1 x = x, (-1) x = -x, (-x) y = -(x y)", _mul,
         operands=("unit", "neg")),
    Rule("div", "x/1 = x, (-x)/y = -(x/y)", _div, operands=("unit", "neg")),
    Rule("neg", "-(-x) = x", _neg, operands=("neg",)),
    Rule("pow", "x**2.0 = x**2, x**0.5 = sqrt(x)", _pow, operands=("const",)),
    Rule("powi", "x**0 = 1, x**1 = x, x**-1 = 1/x, (-x)**n = +-x**n", _powi),
    Rule("amul", "amul(c, p) = c p for a constant c other than 0", _amul,
         operands=("copy", "const")),
    Rule("select", "the branch that a constant condition takes", _select),
    Rule("abs", "|-x| = ||x|| = |x|", _abs, operands=("neg", "abs")),
    Rule("and", "c and c = c", _and),
    Rule("or", "c or c = c", _or),
    Rule("not", "not not c = c", _not, operands=("not",)),
)  # fmt: skip
