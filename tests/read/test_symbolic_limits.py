"""Test that reading SymPy is linear, does not recurse, and keeps to its budgets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import sympy as sp
from effort import within
from sympy.core.basic import Basic
from sympy.functions.elementary.piecewise import ExprCondPair

from overbar.ir.errors import LimitError, UnsupportedError
from overbar.ir.evaluate import evaluate
from overbar.ir.graph import Graph
from overbar.read.symbolic import read_sympy
from overbar.read.symbolic_reader import Budgets, Reader
from overbar.read.symbolic_table import row_of
from overbar.rewrite.engine import Rewriter
from overbar.rewrite.exact import EXACT

if TYPE_CHECKING:
    from collections.abc import Callable

x, y, k, j = sp.symbols("x y k j")
DEPTH = 100_000
one = sp.Integer(1)


def raw(kind: Any, *args: Any) -> Any:
    """Return an expression without SymPy evaluating, hashing or comparing it."""
    return Basic.__new__(kind, *args)


def chain(step: Callable[[Any], Any], depth: int = DEPTH, start: Any = x) -> Any:
    """Return a step applied many times."""
    for _ in range(depth):
        start = step(start)
    return start


def read(expr: Any, **budgets: int) -> Graph:
    """Return the graph of one formula."""
    graph = Graph(rewrite=Rewriter(EXACT))
    read_sympy({"out": expr}, graph, budgets=Budgets(**budgets))
    return graph


# Depth and sharing --------------------------------------------------------------------


def test_composition_is_read_once() -> None:
    """Compose x*x + x 60 times: a tree of 2**60 nodes, of which 120 are distinct."""
    expr = x
    for _ in range(60):
        expr = expr * expr + expr
    graph = Graph()
    reader = Reader(graph, row_of)
    reader.read(expr, "")
    assert 120 == reader.steps
    literal = x
    for _ in range(60):
        square = sp.Mul(literal, literal, evaluate=False)
        literal = sp.Add(square, literal, evaluate=False)
    assert 121 == len(read(literal))


CHAINS: tuple[tuple[str, Callable[[Any], Any]], ...] = (
    ("sin", lambda e: raw(sp.sin, e)),
    ("add", lambda e: raw(sp.Add, e, y)),
    ("add first", lambda e: raw(sp.Add, one, e)),
    ("subtract", lambda e: raw(sp.Add, y, raw(sp.Mul, sp.Integer(-1), e))),
    ("multiply", lambda e: raw(sp.Mul, y, e)),
    ("divide", lambda e: raw(sp.Mul, y, raw(sp.Pow, e, sp.Integer(-1)))),
    ("square", lambda e: raw(sp.Pow, e, sp.Integer(2))),
    ("exponent", lambda e: raw(sp.Pow, y, e)),
    ("root", lambda e: raw(sp.Pow, e, sp.Rational(1, 3))),
    ("maximum", lambda e: raw(sp.Max, one, e)),
    ("unevaluated", lambda e: raw(sp.UnevaluatedExpr, raw(sp.cos, e))),
    ("two uses", lambda e: raw(sp.Add, raw(sp.exp, e), e)),
)


@pytest.mark.parametrize(("name", "step"), CHAINS, ids=[name for name, _ in CHAINS])
def test_depth_does_not_matter(name: str, step: Callable[[Any], Any]) -> None:
    """A chain 20,000 deep is read without recursion."""
    assert 20_000 <= len(read(chain(step, 20_000))), name


def test_very_deep_chain() -> None:
    """A chain 100,000 deep is read, node by node."""
    assert DEPTH + 1 == len(read(chain(lambda e: raw(sp.sin, e))))


def test_deep_conditions_are_read() -> None:
    """Choices nested 5,000 deep, in arms and conditions, are read."""

    def step(e: Any) -> Any:
        arm = raw(ExprCondPair, e, raw(sp.StrictGreaterThan, raw(sp.sin, e), y))
        return raw(sp.Piecewise, arm, raw(ExprCondPair, x, sp.true))

    assert 5_000 <= len(read(chain(step, 5_000, raw(sp.sin, x))))


def test_many_arms_are_read() -> None:
    """A Piecewise of 5,000 arms is read."""
    arms = [raw(ExprCondPair, x * i, x < i) for i in range(5_000)]
    graph = read(raw(sp.Piecewise, *arms))
    assert 7.5 * 8 == evaluate(graph, {"x": 7.5})[graph.outputs["out"]]


def test_wide_sums_are_read() -> None:
    """A sum of 20,000 terms is read."""
    terms = [raw(sp.Mul, sp.Integer(i + 2), x) for i in range(20_000)]
    assert 20_000 <= len(read(raw(sp.Add, *terms)))


def test_deep_scopes_are_read() -> None:
    """Derivatives, sums and substitutions of deep expressions are read."""
    deep = chain(lambda e: raw(sp.sin, e), 30_000)
    read(raw(sp.Derivative, deep, sp.Tuple(x, 1)))
    read(raw(sp.Subs, deep, sp.Tuple(x), sp.Tuple(y)))
    read(raw(sp.Sum, raw(sp.Mul, deep, k), sp.Tuple(k, 1, 3)))
    nested = x
    for i in range(200):
        symbol = sp.Symbol(f"k{i}")
        nested = raw(sp.Sum, raw(sp.Add, nested, symbol), sp.Tuple(symbol, 1, 1))
    graph = read(nested)
    assert 200.0 == evaluate(graph, {"x": 0.0})[graph.outputs["out"]]


def test_what_a_sum_does_not_change_is_read_once() -> None:
    """A sum's constant part is not read again in every entry."""
    deep = chain(lambda e: raw(sp.sin, e), 1000)
    graph = Graph()
    reader = Reader(graph, row_of)
    body = raw(sp.Mul, deep, raw(sp.cos, k))
    reader.read(raw(sp.Sum, body, sp.Tuple(k, 1, 1000)), "")
    assert 1000 + 2 * 1000 + 1 == reader.steps


def test_deep_errors_name_both_ends() -> None:
    """The place of a deep error is short."""
    with pytest.raises(UnsupportedError) as caught:
        read(chain(lambda e: raw(sp.sin, e), start=sp.LambertW(x)))
    three = ", in the argument of sin" * 3
    message = (
        "expected an operation that Overbar knows, found LambertW, in output 'out'"
    )
    assert f"{message}{three}, in 99,994 more levels{three}" == str(caught.value)


def test_what_sympy_cannot_sort(monkeypatch: pytest.MonkeyPatch) -> None:
    """And and Or sort their operands recursively: too deep for that is an error."""

    def args(_self: Any) -> Any:
        raise RecursionError

    monkeypatch.setattr(sp.And, "args", property(args))
    condition = sp.And(x > 0, y > 0)
    with pytest.raises(LimitError) as caught:
        read(raw(sp.Piecewise, raw(ExprCondPair, x, condition)))
    message = (
        "expected an expression that SymPy can sort, found one too deep, in output"
    )
    assert f"{message} 'out', in the 1st condition of a Piecewise" == str(caught.value)


# Budgets ------------------------------------------------------------------------------

S, P, T = sp.Sum, sp.Product, sp.Tuple
OVER = "expected sums and products of at most 100,000 entries in all, found"
HEAVY = "expected sums and products of at most 1,000,000 operations in all, found more"
LIMITS: tuple[tuple[Callable[[], Any], str], ...] = (
    (lambda: S(x**k, (k, 1, 10**9)), f"{OVER} 1,000,000,000"),
    (lambda: P(x + k, (k, 1, 10**9)), f"{OVER} 1,000,000,000"),
    (lambda: S(x**k, (k, 10**9, 1)), f"{OVER} 999,999,998"),
    (lambda: S(x * k * j, (k, 1, 10**5), (j, 1, 10**5)), f"{OVER} 10,000,000,000"),
    (lambda: S(x * k * j, (k, 1, j), (j, 1, 500)), f"{OVER} 100,181"),
    (lambda: S(x**k * S(y**k * x**j, (j, 1, 400)) ** 2, (k, 1, 300)),
     f"{OVER} 120,000"),
    (lambda: raw(S, chain(lambda e: raw(sp.sin, e), 200, k), T(k, 1, 10**5)), HEAVY),
    (lambda: S(x, (k, 10**30, 10**30 + 1)),
     "expected a bound of at most 2**53, found a larger one"),
    (lambda: raw(S, x, *(T(sp.Symbol(f"k{i}"), 1, 1) for i in range(51))),
     "expected at most 50 bounds, found 51"),
    (lambda: sp.Derivative(x**2, (x, 10**9)),
     "expected a derivative of order 1,000 at most, found a higher one"),
    (lambda: sp.Integer(10) ** 400,
     "expected a number below 1.8e308, found a larger integer"),
    (lambda: sp.Rational(10**400, 3),
     "expected a number below 1.8e308, found a larger fraction"),
    (lambda: sp.Float("1e400"),
     "expected a number below 1.8e308, found a larger float"),
    (lambda: sp.Float((0, 1, 10**9, 1)),
     "expected a number below 1.8e308, found a larger float"),
    (lambda: sp.Float((0, 2**60 - 1, 1024 - 60, 60)),
     "expected a number below 1.8e308, found a larger float"),
    (lambda: sp.factorial(171, evaluate=False),
     "expected the factorial of at most 170, found that of a larger number"),
    (lambda: sp.factorial(10**9, evaluate=False),
     "expected the factorial of at most 170, found that of a larger number"),
    (lambda: sp.Pow(x, sp.Integer(9) ** (9**5)),
     "expected an exponent of at most 2**53, found a larger one"),
)  # fmt: skip


def refusal(expr: Any, calls: int) -> str:
    """Return the error of what asks for too much, found with so many calls."""
    with within(calls), pytest.raises(LimitError) as caught:
        read(expr)
    return str(caught.value)


@pytest.mark.parametrize(("make", "message"), LIMITS)
def test_budgets(make: Callable[[], Any], message: str) -> None:
    """What asks for too much is refused at once, with the place."""
    read(x)  # what is made at first use
    found = refusal(make(), 150_000)
    assert found.startswith(f"{message}, in output 'out'")


def test_derivatives_that_grow() -> None:
    """A derivative is given up before SymPy has made all of it."""
    formula = sp.sin(x) * sp.exp(x) * sp.log(x) / (1 + x**2)
    message = (
        "expected a derivative of a smaller formula, or of lower order, found one that "
        "grows too much, in output 'out'"
    )
    assert refusal(sp.Derivative(formula, (x, 999)), 10_000_000).startswith(message)


def test_budgets_can_be_set() -> None:
    """Every budget is an option."""
    read(S(sp.sin(k), (k, 1, 10)), entries=10)
    for expr, budgets in (
        (S(sp.sin(k), (k, 1, 11)), {"entries": 10}),
        (S(sp.sin(k), (k, 1, 10)), {"operations": 2}),
        (sp.Derivative(sp.sin(x), (x, 3)), {"orders": 2}),
        (sp.Derivative(sp.exp(x**2), (x, 9)), {"sweep": -60}),
    ):
        with pytest.raises(LimitError):
            read(expr, **budgets)


def test_tiny_numbers_round_to_zero() -> None:
    """Numbers below the smallest float are 0, however small, at once."""
    for tiny in (
        sp.Float("1e-400"),
        sp.Float((0, 1, -(10**9), 1)),
        sp.Rational(1, 10**400),
    ):
        assert 0.0 == read(tiny).outputs["out"].value


def test_large_powers() -> None:
    """Large exponents are one operation; powers of constants do not explode."""
    assert "out = x**1000000" == str(read(x**1_000_000))
    assert "out = x**3000000000" == str(read(x**3_000_000_000))
    huge = sp.Pow(sp.Pow(9, 9, evaluate=False), 10**6, evaluate=False)
    assert 5 > len(read(huge))
