"""Rows on logarithms: log1p, log-sum-exp and its relatives, differences of logarithms.

Sources: Goldberg 1991, theorem 4 (log1p); Maechler 2012 (log(1 +- exp(x))); Blanchard,
Higham and Higham 2021 (log-sum-exp).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from overbar.ir.ops import OPS, apply
from overbar.rewrite.engine import Rule
from overbar.rewrite.match import (
    ADD,
    ONE,
    SUB,
    Term,
    build,
    log_rule,
    one_plus,
    shifted,
    step,
    sum_rules,
    term,
    times,
)

if TYPE_CHECKING:
    from overbar.ir.graph import Graph, Node

EXP, COSH, LOG, LOG1P = OPS["exp"], OPS["cosh"], OPS["log"], OPS["log1p"]
LOGADDEXP, SOFTPLUS = OPS["logaddexp"], OPS["softplus"]
_MOST_LEAVES = 16


# -- log(...) ----------------------------------------------------------------------


def _summands(node: Node) -> list[Term] | None:
    """Return the terms of a sum of any length, or None: only exponentials count."""
    found: list[Term] = []
    stack = [Term(ONE, node)]
    while stack:
        factor, part = stack.pop()
        if part is not None and part.op in (ADD, SUB):
            first, second = map(term, part.args)
            sign = -1 if part.op is SUB else 1
            stack += [
                Term(sign * factor * second.scale, second.node),
                Term(factor * first.scale, first.node),
            ]
        elif factor <= 0 or (part is not None and part.op not in (EXP, COSH)):
            return None
        else:
            found.append(Term(factor, part))
    return found


def _exponent(graph: Graph, part: Term) -> Node:
    """Return the logarithm of a term of a sum of exponentials."""
    shift = math.log(part.scale)
    if part.node is None:
        return graph.const(shift)
    u = part.node.args[0]
    return shifted(u if part.node.op is EXP else apply("log_cosh", u), shift)


def _log_sum_exp(exponents: list[Node]) -> Node:
    total = exponents[0]
    for exponent in exponents[1:]:
        total = apply("logaddexp", total, exponent)
    return total


def _log_sum(graph: Graph, x: Node) -> Node | None:
    """Return log(1 + u) as log1p(u), a log-sum-exp by logaddexp."""
    scale, node = term(x)
    if node is None or scale <= 0:
        return None
    parts = _summands(node)
    if parts is not None and any(p.node is not None for p in parts):
        parts = [Term(scale * p.scale, p.node) for p in parts]
        one = Term(ONE, None)
        if len(parts) == 2 and one in parts:
            other = parts[1] if parts[0] == one else parts[0]
            return apply("softplus", _exponent(graph, other))
        return _log_sum_exp([_exponent(graph, p) for p in parts])
    u = one_plus(node) if scale == 1 and node.type.is_float else None
    return None if u is None else apply("log1p", u)


def _log_quotient(_graph: Graph, node: Node) -> Node | None:
    above, below = node.args
    gap = step(above, below)
    if gap is None:
        return None
    return apply("log_step", below, build(below.graph, gap), attrs=(True,))


def _log_of_share(_graph: Graph, node: Node) -> Node | None:
    return apply("log_sigmoid", node.args[0] - node.args[1])


def _log_expm1(_graph: Graph, node: Node) -> Node:
    x = node.args[0]
    return x + apply("log1mexp", -x)


def _log_exp_difference(_graph: Graph, node: Node) -> Node:
    x, y = node.args
    return x + apply("log1mexp", y - x)


# -- sums with logarithms ----------------------------------------------------------


def _argument(node: Node) -> Node | None:
    """Return x for log(x), 1 + u for log1p(u)."""
    if node.op is LOG:
        return node.args[0]
    return 1.0 + node.args[0] if node.op is LOG1P else None


def _two_logarithms(_graph: Graph, one: Term, other: Term) -> Node | None:
    """Return log(x + d) - log(x), a difference that can be read off, by log1p(d/x)."""
    if one.node is None or other.node is None or one.scale != -other.scale:
        return None
    above, below = _argument(one.node), _argument(other.node)
    if above is None or below is None:
        return None
    gap = step(above, below)
    if gap is None or (gap.node is None and gap.scale < 0):
        return None
    found = apply("log_step", below, build(below.graph, gap), attrs=(False,))
    return times(one.scale, found)


def _softplus_less_x(_graph: Graph, one: Term, other: Term) -> Node | None:
    if one.node is None or other.node is None:
        return None
    u = other.node.args[0]
    scale, bare = term(u)
    if bare is not one.node or one.scale != -other.scale * scale:
        return None
    return times(other.scale, apply("softplus", -u))


def _leaves(node: Node) -> list[Node]:
    """Return the operands of nested logaddexp, or nothing where there are many."""
    stack = [node]
    found: list[Node] = []
    while stack and len(found) <= _MOST_LEAVES:
        part = stack.pop()
        if part.op is LOGADDEXP:
            stack += part.args[::-1]
        else:
            found.append(part)
    return found if not stack else []


def _less_log_sum(_graph: Graph, one: Term, other: Term) -> Node | None:
    """Return log(exp(x) + exp(y) + ...) - x as softplus(y - x), ...: log-softmax."""
    if one.node is None or other.node is None:
        return None
    leaves = _leaves(other.node)
    for i, leaf in enumerate(leaves):
        scale, bare = term(leaf)
        if bare is one.node and one.scale == -other.scale * scale:
            total = _log_sum_exp([y for k, y in enumerate(leaves) if k != i])
            return times(other.scale, apply("softplus", total - leaf))
    return None


LOGARITHMIC = (
    log_rule("log(exp(x)) = x", ("exp",), lambda _graph, f: f.args[0]),
    Rule("log", "log(1 + x) = log1p(x), log(1 + exp(x)) = softplus(x), log-sum-exp",
         _log_sum, exact=False, heads=("add", "sub")),
    log_rule("log(cosh(x)) by log1p(2 sinh(x/2)**2)", ("cosh",),
             lambda _graph, f: apply("log_cosh", f.args[0])),
    log_rule("log(1/cosh(x)) = -log(cosh(x))", ("sech",),
             lambda _graph, f: -apply("log_cosh", f.args[0])),
    log_rule("log(sigmoid(x)) = -softplus(-x)", ("sigmoid",),
             lambda _graph, f: apply("log_sigmoid", f.args[0])),
    log_rule("log(sigmoid(x - y)) = -softplus(y - x)", ("logaddexp_share",),
             _log_of_share),
    log_rule("log(exp(x) - 1) = x + log(1 - exp(-x))", ("expm1",), _log_expm1),
    log_rule("log(1 - exp(x)) by expm1 or log1p", ("expm1",),
             lambda _graph, f: apply("log1mexp", f.args[0]), sign=-1),
    log_rule("log(exp(x) - exp(y)) = x + log(1 - exp(y - x))", ("exp_difference",),
             _log_exp_difference),
    log_rule("log((x + d)/x) = log1p(d/x)", ("div",), _log_quotient),
    *sum_rules("log(x + d) - log(x) = log1p(d/x)", ("log", "log1p"), _two_logarithms),
    *sum_rules("log(1 + exp(x)) - x = log(1 + exp(-x))", ("softplus",),
               _softplus_less_x),
    *sum_rules("log(exp(x) + exp(y)) - x = log(1 + exp(y - x))", ("logaddexp",),
               _less_log_sum),
)  # fmt: skip
