r"""Put a formula into the form in which one writes it: numbers first, like terms one.

Comes in: nodes of products and sums of arrays. Goes out: what to write instead, for
reading alone: `A.T @ (2*r)` is written `2 A.T r`, `(A @ B).T` as `B.T A.T`, `x + x` as
`2 x`. What the two are worth differs in rounding.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from overbar.codegen.lower import Replaced
from overbar.ir.ops import OPS
from overbar.ir.ops.contract import contract
from overbar.ir.ops.contract_notation import matrix_form
from overbar.ir.ops.row import is_number

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from overbar.ir.graph import Graph, Node

_ADD, _SUB, _MUL, _NEG, _DIV, _BROADCAST, _CONTRACT, _TRANSPOSE, _SOLVE = (
    OPS[name]
    for name in ("add", "sub", "mul", "neg", "div", "broadcast", "contract",
                 "transpose", "solve")
)  # fmt: skip
_LINEAR = {_CONTRACT, _TRANSPOSE, _BROADCAST, OPS["reshape"], OPS["sum"],
           OPS["pick"], OPS["slice"], OPS["pad"], OPS["cumsum"]}  # fmt: skip
"""Ops through which the factors of all operands can be taken out."""
_MOST_FACTORS, _DEEPEST, _LARGEST_DIVISOR = 8, 16, 1000


class Scaled(NamedTuple):
    """Hold a node as a number times scalars, divided by scalars, times the rest.

    rest: None for a scalar that is all factors.
    """

    times: float
    over: tuple[Node, ...]
    under: tuple[Node, ...]
    rest: Node | None

    def by(self, other: Scaled, *, divide: bool = False) -> Scaled:
        """Return the value times (or divided by) the factors of a scalar."""
        over, under, times = other.over, other.under, other.times
        if other.rest is not None:
            over = (*over, other.rest)
        if divide:
            over, under, times = under, over, 1 / times
        return Scaled(
            self.times * times, (*self.over, *over), (*self.under, *under), self.rest
        )

    def alike(self, other: Scaled) -> bool:
        """Whether two values differ in their number alone."""
        return self[1:] == other[1:]


def tidied(graph: Graph, roots: Sequence[Node]) -> Replaced:
    """Return what to write instead of the nodes that the roots need."""
    parts: dict[Node, Scaled] = {}
    better = Replaced()
    rewrite, graph.rewrite = graph.rewrite, None
    for node in graph.order(roots):
        rule = _RULES.get(node.op, _linear if node.op in _LINEAR else _other)
        found = rule(graph, node, parts)
        if len(found.over) + len(found.under) > _MOST_FACTORS:
            found = Scaled(1.0, (), (), whole(graph, found, node))
        parts[node] = found
        written = whole(graph, found, node)
        if written is not node:
            better[node] = written
    graph.rewrite = rewrite
    return better


def whole(graph: Graph, found: Scaled, node: Node) -> Node:
    """Return a value put together again: a quotient of products, numbers first."""
    times, over, under, rest = found
    if times == 1 and not over and not under and rest is not None:
        return _shaped(graph, rest, node)
    ratio = Fraction(times).limit_denominator(_LARGEST_DIVISOR)
    top, bottom = float(ratio.numerator), float(ratio.denominator)
    if top / bottom != times or not top:
        top, bottom = times, 1.0
    scalar: Node | None = None
    for factor in over:
        scalar = factor if scalar is None else scalar * factor
    product = rest if scalar is None else scalar if rest is None else scalar * rest
    negative, top = top < 0, abs(top)
    if product is None:
        product = graph.const(top)
    elif top != 1:
        product = graph.const(top) * product
    divisor: Node | None = None if bottom == 1 else graph.const(bottom)
    for factor in under:
        divisor = factor if divisor is None else divisor * factor
    if divisor is not None:
        product = product / divisor
    return _shaped(graph, -product if negative else product, node)


def _shaped(graph: Graph, found: Node, node: Node) -> Node:
    return graph.spread(found, node.type.shape) if node.type.shape else found


def _plain(graph: Graph, node: Node, parts: Mapping[Node, Scaled]) -> Node:
    """Return an operand with its factors."""
    return whole(graph, parts[node], node)


def _other(graph: Graph, node: Node, parts: Mapping[Node, Scaled]) -> Scaled:
    """Leave an op as it is, its operands tidied."""
    if node.is_const and node.type.is_float and 0 < abs(node.value) < float("inf"):
        return Scaled(float(node.value), (), (), None)
    args = [_plain(graph, a, parts) for a in node.args]
    same = all(a is b for a, b in zip(args, node.args, strict=True))
    return Scaled(1.0, (), (), node if same else graph.remake(node, args))


def _product(graph: Graph, node: Node, parts: Mapping[Node, Scaled]) -> Scaled:
    x, y = (_number(a, parts) for a in node.args)
    if is_number(node.args[0]):
        return y.by(x)
    if is_number(node.args[1]):
        return x.by(y)
    first, second = x.rest, y.rest
    if first is None or second is None:
        return _other(graph, node, parts)
    bare = Scaled(1.0, (), (), first * second)
    return bare.by(x._replace(rest=None)).by(y._replace(rest=None))


def _number(node: Node, parts: Mapping[Node, Scaled]) -> Scaled:
    """Return the scalar that is repeated in an array, else the array itself."""
    repeats = node.op is _BROADCAST and not node.args[0].type.shape
    return parts[node.args[0] if repeats else node]


def _quotient(graph: Graph, node: Node, parts: Mapping[Node, Scaled]) -> Scaled:
    x, y = node.args
    if not is_number(y):
        return _other(graph, node, parts)
    return _number(x, parts).by(_number(y, parts), divide=True) if (
        not is_number(x) or not node.type.shape
    ) else _other(graph, node, parts)  # fmt: skip


def _negative(_graph: Graph, node: Node, parts: Mapping[Node, Scaled]) -> Scaled:
    inner = parts[node.args[0]]
    return inner._replace(times=-inner.times)


def _sum(graph: Graph, node: Node, parts: Mapping[Node, Scaled]) -> Scaled:
    """Take like terms together."""
    x, y = (parts[a] for a in node.args)
    sign = -1.0 if node.op is _SUB else 1.0
    terms = list(_terms(x))
    merged = False
    for term in _terms(y):
        signed = term._replace(times=sign * term.times)
        place = next((k for k, t in enumerate(terms) if t.alike(signed)), None)
        if place is None:
            terms.append(signed)
        else:
            merged = True
            total = terms[place].times + signed.times
            terms[place] = signed._replace(times=total)
    kept = [t for t in terms if t.times]
    if merged and kept:
        return _added(graph, node, kept)
    first, second = (_plain(graph, a, parts) for a in node.args)
    if second.op is _NEG:
        second, sign = second.args[0], -sign
    made = first + second if sign > 0 else first - second
    return Scaled(1.0, (), (), made)


def _terms(found: Scaled) -> list[Scaled]:
    """Return the terms of a sum, as they were put together; any other value is one."""
    rest = found.rest
    if rest is None or found.over or found.under or abs(found.times) != 1:
        return [found]
    terms: list[Scaled] = []
    stack = [(rest, found.times)]
    while stack:
        node, sign = stack.pop()
        if node.op in {_ADD, _SUB} and len(terms) + len(stack) < _MOST_FACTORS:
            left, right = node.args
            stack += [(right, -sign if node.op is _SUB else sign), (left, sign)]
        else:
            terms.append(_taken_apart(node, sign))
    return terms


def _taken_apart(node: Node, sign: float) -> Scaled:
    """Return a term as numbers and scalars times the rest, as `whole` wrote it."""
    times = sign
    over: list[Node] = []
    under: list[Node] = []
    while True:
        if node.op is _NEG:
            times, node = -times, node.args[0]
        elif node.op is _DIV and is_number(node.args[1]):
            _noted(node.args[1], under)
            node = node.args[0]
        elif node.op is _MUL and is_number(node.args[0]):
            _noted(node.args[0], over)
            node = node.args[1]
        else:
            break
    times *= math.prod(n.value for n in over if n.is_const)
    times /= math.prod(n.value for n in under if n.is_const)
    above, below = (tuple(n for n in part if not n.is_const) for part in (over, under))
    return Scaled(times, above, below, node)


def _noted(number: Node, factors: list[Node]) -> None:
    inner = number.args[0] if number.op is _BROADCAST else number
    while inner.op is _MUL:
        factors.append(inner.args[1])
        inner = inner.args[0]
    factors.append(inner)


def _added(graph: Graph, node: Node, terms: Sequence[Scaled]) -> Scaled:
    if len(terms) == 1:
        return terms[0]
    total = whole(graph, terms[0], node)
    for term in terms[1:]:
        if term.times < 0:
            total = total - whole(graph, term._replace(times=-term.times), node)
        else:
            total = total + whole(graph, term, node)
    return Scaled(1.0, (), (), total)


def _linear(graph: Graph, node: Node, parts: Mapping[Node, Scaled]) -> Scaled:
    """Take the factors of all operands out."""
    found = [parts[a] for a in node.args]
    if any(f.rest is None for f in found):
        return _other(graph, node, parts)
    args = [_rest(graph, f, a) for f, a in zip(found, node.args, strict=True)]
    made = graph.make(node.op, args, node.attrs)
    result = Scaled(1.0, (), (), _untransposed(graph, made))
    for f in found:
        result = result.by(f._replace(rest=None))
    return result


def _rest(graph: Graph, found: Scaled, node: Node) -> Node:
    return _shaped(graph, found.rest or node, node)


def _solution(graph: Graph, node: Node, parts: Mapping[Node, Scaled]) -> Scaled:
    found = parts[node.args[1]]
    if found.rest is None:
        return _other(graph, node, parts)
    a = _plain(graph, node.args[0], parts)
    made = graph.make(_SOLVE, (a, _rest(graph, found, node.args[1])))
    return Scaled(1.0, (), (), made).by(found._replace(rest=None))


_RULES: Mapping[object, Callable[[Graph, Node, Mapping[Node, Scaled]], Scaled]] = {
    _MUL: _product, _DIV: _quotient, _NEG: _negative, _ADD: _sum, _SUB: _sum,
    _SOLVE: _solution,
}  # fmt: skip


# Transposes ---------------------------------------------------------------------------


def _is_product(node: Node) -> bool:
    return node.op is _CONTRACT and len(node.type.shape) == 2


def _untransposed(graph: Graph, node: Node, depth: int = 0) -> Node:
    """Return a product in which no product is transposed: (A B)^T is B^T A^T.

    No more than a few levels deep, as one would on paper.
    """
    if node.op is _TRANSPOSE and node.attrs[0] == (1, 0) and _is_product(node.args[0]):
        return _turned(graph, node.args[0], depth)
    if node.op is not _CONTRACT or depth > _DEEPEST:
        return node
    node = _ordered(graph, node)
    form = matrix_form(node.attrs)
    template = form.template if form else ""
    args, labels = list(node.args), list(node.attrs)
    both = template.endswith(").T")
    for k, x in enumerate(node.args):
        if _is_product(x) and (both or f"{{{k}}}.T" in template):
            args[k] = _turned(graph, x, depth + 1)
            labels[k] = labels[k][::-1]
    if all(a is b for a, b in zip(args, node.args, strict=True)):
        return node
    return graph.make(_CONTRACT, args, tuple(labels))


def _ordered(graph: Graph, node: Node) -> Node:
    """Return a product with its operands in one order, whichever they came in."""
    (x, y), (xs, ys, out) = node.args, node.attrs
    other = contract(graph, y, x, ys, xs, out)
    if other.op is not _CONTRACT:
        return node
    return min((node, other), key=lambda n: (n.args[0].index, n.attrs))


def _turned(graph: Graph, product: Node, depth: int) -> Node:
    """Return the transpose of a product of matrices as a product."""
    (x, y), (xs, ys, out) = product.args, product.attrs
    made = contract(graph, x, y, xs, ys, out[::-1])
    return _untransposed(graph, made, depth + 1)
