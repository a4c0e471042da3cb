"""Read SymPy's sums, products, powers and choices.

SymPy has no subtraction, division or roots: `a - b` is `Add(a, Mul(-1, b))`, `a/b` is
`Mul(a, Pow(b, -1))`. They are put back here, and the operands are put in the order in
which SymPy prints them.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from overbar.ir.errors import InputError, LimitError, UnsupportedError
from overbar.read.symbolic_numbers import quotient
from overbar.read.symbolic_order import ordered_factors, ordered_terms
from overbar.read.symbolic_reader import Operand, each, position

if TYPE_CHECKING:
    from collections.abc import Sequence

    from overbar.ir.graph import Graph, Node
    from overbar.read.symbolic_reader import Reader, Steps
    from overbar.read.symbolic_scope import Scope

_EXACT = 2**53
_LARGEST_POWI = 2**31
_LARGEST_CUBE = 16
_MOST_FACTORS = 20
_DEEPEST = 3

COMPLEX_POWER = (
    "complex numbers are not supported: expected a real power, found one of a "
    "negative number that has none"
)


def add(reader: Reader, expr: Any, _scope: Scope) -> Steps:
    """Read a sum, term by term."""
    total: Node | None = None
    for term in ordered_terms(expr.args):
        node = yield term
        if total is None:
            total = node
        elif node.is_const and math.copysign(1.0, node.value) < 0:
            total -= reader.number(-node.value)
        else:
            total += node
    return reader.number(0.0) if total is None else total


def term_place(expr: Any, operand: Any) -> str:
    """Return which term of a sum an operand is."""
    return f"the {position(ordered_terms(expr.args), operand)} term of a sum"


def mul(reader: Reader, expr: Any, scope: Scope) -> Steps:
    """Read a product: one quotient of what multiplies and what divides."""
    over: list[Node] = []
    under: list[Node] = []
    sign = 1
    for factor in ordered_factors(expr.args):
        if factor.is_Rational:
            sign *= -1 if factor.p < 0 else 1
            _scale(reader, abs(int(factor.p)), int(factor.q), over, under)
        elif factor.is_Pow and _divides(factor):
            base = yield factor.args[0]
            under.append(_root(reader, factor.args, -factor.args[1], base, scope))
        else:
            node = yield factor
            if factor.is_Float and node.value < 0:
                sign, node = -sign, reader.number(-node.value)
            over.append(node)
    whole = _product(over) or reader.number(1.0)
    divisor = _product(under)
    whole = whole / divisor if divisor else whole
    return whole if sign > 0 else -whole


def _scale(reader: Reader, p: int, q: int, over: list[Node], under: list[Node]) -> None:
    """Multiply by p and divide by q, both exact, or by the one float nearest to p/q."""
    if q == 1 or max(p, q) > _EXACT:
        p, q, factor = (0, 1, quotient(p, q))
    else:
        factor = float(p)
    if factor != 1:
        over.append(reader.number(factor))
    if q != 1:
        under.append(reader.number(float(q)))


def _divides(power: Any) -> bool:
    exponent = power.args[1]
    return bool(exponent.is_Rational and exponent.p < 0)


def _product(factors: Sequence[Node]) -> Node | None:
    product: Node | None = None
    for node in factors:
        product = node if product is None else product * node
    return product


def factor_place(expr: Any, operand: Any) -> str:
    """Return which factor of a product an operand is, or the base of."""
    factors = ordered_factors(expr.args)
    bases = [a.args[0] if a.is_Pow and _divides(a) else a for a in factors]
    return f"the {position(bases, operand)} factor of a product"


def power(reader: Reader, expr: Any, scope: Scope) -> Steps:
    """Read a power: products, roots and quotients where the exponent is a number."""
    base, exponent = expr.args
    if exponent.is_Rational:
        node = yield base
        if exponent.p > 0:
            return _root(reader, expr.args, exponent, node, scope)
        return 1.0 / _root(reader, expr.args, -exponent, node, scope)
    if type(base).__name__ == "Exp1":
        return reader.call("exp", ((yield exponent),))
    if base.is_Integer and base.p == 2:
        return reader.call("exp2", ((yield exponent),))
    node = yield base
    return raised(reader.graph, node, (yield exponent))


def power_place(expr: Any, operand: Any) -> str:
    """Return whether an operand is the base or the exponent."""
    return f"the {'base' if operand is expr.args[0] else 'exponent'} of a power"


def _root(
    reader: Reader, power: Sequence[Any], exponent: Any, base: Node, scope: Scope
) -> Node:
    """Return base**exponent for a positive rational exponent.

    Cube roots are computed by `cbrt`, since the nearest float to 1/3 is not near
    enough for `pow` at 1e300. Below 0 SymPy's root is not real: the factor makes the
    value and all derivatives NaN there.
    """
    graph, p, q = reader.graph, int(exponent.p), int(exponent.q)
    if q == 1:
        return whole_power(graph, base, p)
    if base.is_const and base.value < 0:
        raise UnsupportedError(COMPLEX_POWER)
    if (p, q) == (1, 2):
        return graph.make("sqrt", (base,))
    if q != 3 or p > _LARGEST_CUBE:
        return graph.make("pow", (base, reader.number(quotient(p, q))))
    root = whole_power(graph, graph.make("cbrt", (base,)), p)
    if base.is_const or _nonnegative(power[0], scope, _DEEPEST):
        return root
    real = graph.make("ge", (base, reader.number(0.0)))
    one, nan = reader.number(1.0), reader.number(math.nan)
    return root * graph.make("select", (real, one, nan))


_NONNEGATIVE = {"exp", "Abs", "cosh", "sech"}


def _nonnegative(expr: Any, scope: Scope, depth: int) -> bool:
    """Whether an expression is seen not to be negative, looking a few levels deep."""
    if expr.is_Symbol:
        return scope.outer is None and bool(expr.is_nonnegative)
    if not expr.args or len(expr.args) > _MOST_FACTORS or not depth:
        return bool(expr.is_Number and expr.is_extended_nonnegative)
    if expr.is_Pow and expr.args[1].is_Rational:
        even = expr.args[1].p % 2 == 0
        return even or _nonnegative(expr.args[0], scope, depth - 1)
    if expr.is_Add or expr.is_Mul:
        return all(_nonnegative(a, scope, depth - 1) for a in expr.args)
    return type(expr).__name__ in _NONNEGATIVE


def whole_power(graph: Graph, base: Node, n: int) -> Node:
    """Return base**n for an integer n >= 0; small constants are folded exactly."""
    if n > _EXACT:
        message = "expected an exponent of at most 2**53, found a larger one"
        raise LimitError(message)
    if n == 0:
        return graph.const(1.0, graph.real)
    if n == 1:
        return base
    if base.is_const and float(base.value).is_integer():
        size = int(base.value)
        if (abs(size).bit_length() - 1) * n <= 53 and abs(size**n) <= _EXACT:
            return graph.const(float(size**n), graph.real)
    if n < _LARGEST_POWI:
        return graph.make("powi", (base,), (n,))
    return graph.make("pow", (base, graph.const(float(n), graph.real)))


def raised(graph: Graph, base: Node, exponent: Node) -> Node:
    """Return base**exponent, by products where the exponent is a whole constant."""
    if exponent.is_const and abs(exponent.value) <= _EXACT:
        n = int(exponent.value)
        if n == exponent.value:
            whole = whole_power(graph, base, abs(n))
            return whole if n >= 0 else 1.0 / whole
        if base.is_const and base.value < 0:
            raise UnsupportedError(COMPLEX_POWER)
    return base**exponent


def piecewise(reader: Reader, expr: Any, scope: Scope) -> Steps:
    """Read a Piecewise: nested choices, NaN where no condition holds."""
    arms: list[tuple[Node, Node]] = []
    value = reader.number(math.nan)
    for arm, condition in (pair.args for pair in expr.args):
        holds = yield Operand(condition, scope, condition=True)
        if holds.is_const and not holds.value:
            continue
        result = yield arm
        if holds.is_const:
            value = result
            break
        arms.append((holds, result))
    for holds, result in reversed(arms):
        value = reader.graph.make("select", (holds, result, value))
    return value


def piecewise_place(expr: Any, operand: Any) -> str:
    """Return which arm or condition of a Piecewise an operand is."""
    arms = [pair.args[0] for pair in expr.args]
    if any(a is operand for a in arms):
        return f"the {position(arms, operand)} arm of a Piecewise"
    conditions = [pair.args[1] for pair in expr.args]
    return f"the {position(conditions, operand)} condition of a Piecewise"


def extremum(name: str) -> Any:
    """Return how Max or Min is read: in the order of printing, numbers last."""

    def read(reader: Reader, expr: Any, _scope: Scope) -> Steps:
        operands = sorted(expr.args, key=lambda a: bool(a.is_Number))
        nodes = yield from each(operands)
        return reader.call(name, nodes) if len(nodes) > 1 else nodes[0]

    return read


def polygamma(reader: Reader, expr: Any, _scope: Scope) -> Steps:
    """Read the derivative of digamma of an order that is a whole number."""
    order, x = expr.args
    n = yield order
    if not n.is_const or n.value not in range(171):
        message = "expected polygamma(n, x) with a whole number n from 0 to 170"
        raise UnsupportedError(f"{message}, found another n")
    node = yield x
    if n.value == 0:
        return reader.call("digamma", (node,))
    return reader.graph.make("polygamma", (node,), (int(n.value),))


def factorial(reader: Reader, x: Node) -> Node:
    """Return x!, Gamma(x + 1); of small whole constants, folded."""
    if x.is_const and x.value in range(171):
        return reader.number(float(math.factorial(int(x.value))))
    if x.is_const and x.value > 0:
        message = "expected the factorial of at most 170, found that of a larger number"
        raise LimitError(message)
    return reader.call("gamma", (x + 1.0,))


def not_a_number(expr: Any) -> InputError:
    """Return the error for a formula that is a condition."""
    if type(expr).__name__ == "Equality":
        return InputError("expected a number, found the equation Eq(a, b); use a - b")
    advice = "use Piecewise((1, condition), (0, True))"
    return InputError(f"expected a number, found a condition; {advice}")
