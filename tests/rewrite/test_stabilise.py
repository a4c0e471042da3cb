"""Check what the stabilising rows match, what they leave alone, and what they keep."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from accuracy.listed import LISTED
from accuracy.measure import FUNCTIONS, LEVELS, derivatives, written

from overbar.ir.graph import Graph, Node
from overbar.ir.ops import OPS, apply
from overbar.ir.source import Source, Span
from overbar.ir.text import Writer
from overbar.ir.types import INT
from overbar.ir.verify import verify
from overbar.rewrite.engine import MOST_FACTORS, Rewriter, Rule, head
from overbar.rewrite.stabilise import STABILISE
from overbar.rewrite.stabilise_softmax import SOFTMAX

M = FUNCTIONS


def stabilised(formula: Any, kind: Any = None, level: str = "standard") -> Node:
    """Return a formula of up to four inputs as it stands in a stabilised graph."""
    graph = Graph(rewrite=Rewriter(LEVELS[level]))
    names = "xyzw"[: formula.__code__.co_argcount]
    return formula(*(graph.input(name, kind=kind) for name in names))


def text(node: Node) -> str:
    """Return a node's expression."""
    return Writer({}).write(node)[0]


MATCHED = [
    (lambda x: M.exp(x) - 1, "expm1(x)"),
    (lambda x: -1 + M.exp(x), "expm1(x)"),
    (lambda x: 3 - 3 * M.exp(-x), "-3*expm1(-x)"),
    (lambda x: 1 / (M.exp(x) - 1), "1/(exp(x) - 1)"),
    (lambda x: M.exp(x) / (M.exp(x) - 1), "-1/(exp(-x) - 1)"),
    (lambda x: 1 + 1 / (M.exp(x) - 1), "-1/(exp(-x) - 1)"),
    (lambda x: M.exp(x) * (1 / (M.exp(x) - 1)), "-1/(exp(-x) - 1)"),
    (lambda x: M.exp(x) * (1 / (1 + M.exp(x))), "sigmoid(x)"),
    (lambda x: (M.exp(x) - 1) / M.exp(x), "-expm1(-x)"),
    (lambda x: (M.exp(x) + M.exp(-x)) / 2, "cosh(x)"),
    (lambda x: (M.exp(-x) - M.exp(x)) / 2, "-sinh(x)"),
    (lambda x: M.cosh(x) / M.sinh(x), "1/tanh(x)"),
    (lambda x: (1 - M.exp(-x)) / (1 + M.exp(-x)), "tanh(x/2)"),
    (lambda x: (M.exp(x) + 1) / (M.exp(x) - 1), "1/tanh(x/2)"),
    (lambda x: 1 / (1 + M.exp(-x)), "sigmoid(x)"),
    (lambda x: 1 / (1 + 4 * M.exp(-x)), "sigmoid(x - 1.3862943611198906)"),
    (lambda x, y: y / (1 + M.exp(x)), "y*sigmoid(-x)"),
    (lambda x: 1 / (M.exp(2 * x) - 2), "1/(exp(2*x - 0.6931471805599453) - 1)/2"),
    (lambda x: 1 / M.cosh(x), "sech(x)"),
    (lambda x, y: y / M.exp(x), "y*exp(-x)"),
    (lambda x: (1 + M.tanh(x)) / 2, "2*sigmoid(2*x)/2"),
    (lambda x: M.sigmoid(x) * (1 - M.sigmoid(x)), "sigmoid(x)*(1 - sigmoid(x))"),
    (lambda x: M.exp(-x) / (1 + M.exp(-x)) ** 2, "sigmoid(x)*(1 - sigmoid(x))"),
    (lambda x: M.log(1 + M.exp(x)), "softplus(x)"),
    (lambda x: M.log(M.exp(-x) + 1), "softplus(-x)"),
    (lambda x, y: M.log(M.exp(x) + 2 * M.exp(y)),
     "logaddexp(x, y + 0.6931471805599453)"),
    (lambda x: M.log(1 - M.sigmoid(x)), "log_sigmoid(-x)"),
    (lambda x: M.log(M.exp(x)), "x"),
    (lambda x, y: M.log(M.exp(x) + M.exp(y)) - y, "softplus(x - y)"),
    (lambda x, y, z: M.log(M.exp(x) + (M.exp(y) + M.exp(z))),
     "logaddexp(logaddexp(x, y), z)"),
    (lambda x: M.log(M.cosh(x) + 1),
     "softplus(log(cosh(x)))"),
    (lambda x, y: M.log(1 + x * y), "log1p(x*y)"),
    (lambda x, y: M.log(x + y) - M.log(x), "log(1 + y/x)"),
    (lambda x: M.log(x + 5) - M.log(x + 2), "log(1 + 3/(x + 2))"),
    (lambda x: M.log(x) - M.log(1 + x), "-log(1 + 1/x)"),
    (lambda x, y: x**4 - y**2, "(x**2)**2 - y**2"),
    (lambda x, y: 0.25 * (x * x) - y * y, "(x/2)**2 - y**2"),
    (lambda x, y: 3 * x**2 - 3 * y**2, "3*(x**2 - y**2)"),
    (lambda x: x**2 - 1, "x**2 - 1**2"),
    (lambda x: 9 - 4 * x**2, "3**2 - (2*x)**2"),
    (lambda x, y: M.sqrt(x * x + 4 * y**2), "hypot(x, 2*y)"),
    (lambda x, y: M.sqrt((x - y) ** 2 + 1), "hypot(x - y, 1)"),
    (lambda x: (x**2 + 1) ** 0.5, "hypot(x, 1)"),
    (lambda x, y, z: M.sqrt(x**2 + y**2 + z**2), "hypot(x, y, z)"),
    (lambda x: M.sqrt(x**2), "abs(x)"),
    (lambda x, y: x / M.sqrt(x**2 + y**2), "x/hypot(x, y)"),
    (lambda x: x**2 / (x**2 + 4), "(x/hypot(x, 2))**2"),
    (lambda x, y: M.sqrt(x + y) - M.sqrt(x), "sqrt(x + y) - sqrt(x)"),
    (lambda x: M.sqrt(4 + x) - 2, "sqrt(4 + x) - sqrt(4)"),
    (lambda x: 3 / (x - 1) - 3 / x, "3/(x - 1)/x"),
    (lambda x, y: 1 - (1 - x) ** y, "-((1 + -x)**y - 1)"),
    (lambda x: (x + 1) ** 100, "(1 + x)**100"),
    (lambda x: 1 - M.sin(x) ** 2, "cos(x)**2"),
    (lambda x: M.sin(2 * x) / x, "2*sinc(2*x)"),
    (lambda x: M.sin(x) * M.sin(x) / (x * x), "sinc(x)**2"),
    (lambda x: (1 - M.cos(3 * x)) / x**2, "4.5*sinc(1.5*x)**2"),
    (lambda x: x / (2 * M.sin(x)), "x/sin(x)/2"),
]  # fmt: skip


@pytest.mark.parametrize(("formula", "expected"), MATCHED)
def test_formulas_are_matched(formula: Any, expected: str) -> None:
    """A formula becomes what is written beside it."""
    found = stabilised(formula)
    assert expected == text(found)
    found.graph.outputs["out"] = found
    verify(found.graph)


LEFT_ALONE = [
    lambda x: 2 + M.cos(x),
    lambda x: 1 + M.cos(x),
    lambda x: 2 - M.cos(x),
    lambda x: M.exp(x) - 2,
    lambda x, y: M.exp(x) - y,
    lambda x, y: M.exp(x) - 2 * M.exp(y),
    lambda x: M.log(2 + x),
    lambda x, y: M.log(x + y),
    lambda x, y: M.log(M.exp(x) + y),
    lambda x, y: M.log(M.exp(x) - 2 * M.exp(y)),
    lambda x: x * M.log(x),
    lambda x, y: x**2 - y,
    lambda x, y: x**2 + y**2,
    lambda x, y: x**3 - y**3,
    lambda x, y: 2 * x**2 - y**2,
    lambda x: x**2 - 2,
    lambda x, y: M.sqrt(x**2 - y**2 / 3),
    lambda x, y: M.sqrt(x**2 + y),
    lambda x, y: M.sqrt(x) - M.sqrt(y),
    lambda x, y: M.log(x) - M.log(y),
    lambda x, y: 1 / x - 1 / y,
    lambda x, y: 1 / (x + y) - 1 / x,
    lambda x: (1 + x) ** 2,
    lambda x: (2 + x) ** 100,
    lambda x, y: M.sin(x) / y,
    lambda x, y: (x + y) - y,
    lambda x: x - x,
    lambda x: x / x,
    lambda x: x * 0.0,
    lambda x: (x * x) * (1.0 / x),
    lambda x, y: x * (1.0 / y),
    lambda x, y: M.exp(x) * M.exp(y),
]


@pytest.mark.parametrize("formula", LEFT_ALONE)
def test_other_formulas_are_left_alone(formula: Any) -> None:
    """What resembles a rule's formula but is not one stays as it is written."""
    found = stabilised(formula)
    assert text(stabilised(formula, level="strict")) == text(found)
    assert {} == found.graph.rewrites


def test_integers_are_left_alone() -> None:
    """Differences of integers are exact: their squares stay squares."""
    found = stabilised(lambda x, y: x * x - y * y, kind=INT)
    assert found.type is INT
    assert "x*x - y*y" == text(found)
    assert {} == found.graph.rewrites


def test_every_row_is_used_by_a_listed_formula() -> None:
    """Each row's formula is among those whose accuracy is measured."""
    used = {
        algebra
        for case in LISTED
        for algebra, _ in derivatives(case, "standard").graph.rewrites
    }
    extra = [
        lambda x: M.sqrt(x**2),
        lambda x: 1 + 1 / (M.exp(x) - 1),
        lambda x: M.exp(x) * (1 / (M.exp(x) - 1)),
        lambda x: M.exp(x) * (1 / (1 + M.exp(x))),
        lambda x, y: y * (1 + x) ** 17.5 - y,
    ]
    for formula in extra:
        used |= {algebra for algebra, _ in stabilised(formula).graph.rewrites}
    on_arrays = {  # tests/arrays/test_array_derivatives.py, test_array_lectures.py
        "norm(x)**2 = sum(x**2)",
        *(rule.algebra for rule in SOFTMAX),
    }
    assert on_arrays == {rule.algebra for rule in STABILISE} - used


def test_rows_are_told_to_be_inexact() -> None:
    """Every stabilising row is noted when it is applied, and looks for some op."""
    assert [] == [rule.algebra for rule in STABILISE if rule.exact]
    looking = [rule for rule in STABILISE if rule.heads or rule.op == "pow1p"]
    assert len(looking) == len(STABILISE)


def test_uses_are_noted_with_their_place() -> None:
    """The graph's notes say which row was applied and where."""
    graph = Graph(rewrite=Rewriter(LEVELS["standard"]))
    x = graph.input("x")
    graph.span = Span(Source("<text>", "1 - cos(x)"), 0, 10)
    _ = 1 - apply("cos", x)
    assert [("1 - cos(x) = 2 sin(x/2)**2", graph.span)] == list(graph.rewrites)


FEWER = [0.0, -0.0, 1e-300, 1.0, -1.0, 3.0, 750.0, -750.0, 1e300, -1e300]
FEWER += [math.inf, -math.inf]
VALUES = [*FEWER, -1e-300, 1e-8, -1e-8, 0.5, -0.5, -3.0, 40.0, -40.0, 1e8, -1e8, 1e155]


@pytest.mark.parametrize("case", LISTED, ids=written)
def test_finite_results_stay_finite(case: Any) -> None:
    """No value that is finite as written becomes NaN or infinite, at any special value.

    The same of derivatives where the inputs are finite.
    """
    count = len(case.samplers)
    points = list(itertools.product(VALUES if count == 1 else FEWER, repeat=count))
    columns = np.array(points).T
    before = derivatives(case, "strict").at(columns)
    after = derivatives(case, "standard").at(columns)
    lost = [
        (order, point, float(old[k]), float(new[k]))
        for order, (old, new) in enumerate(zip(before, after, strict=True))
        for k, point in enumerate(points)
        if (order == 0 or np.isfinite(point).all())
        and np.isfinite(old[k])
        and not np.isfinite(new[k])
        and not _was_wrong(case, point, order)
    ]
    assert [] == lost


def _was_wrong(case: Any, point: tuple[float, ...], order: int) -> bool:
    """Whether the finite result as written is wrong: 1 + 1e-300, rounded, to inf."""
    growth = written(case).startswith("(1 + a)**b")
    return order == 0 and growth and point == (1e-300, math.inf)


@pytest.mark.parametrize("case", LISTED, ids=written)
def test_nan_goes_through(case: Any) -> None:
    """NaN in any input gives NaN, unless the value does not depend on it.

    An infinite leg makes a hypotenuse infinite and a power of 1 is 1, whatever the
    other operand is (C99, as in NumPy).
    """
    count = len(case.samplers)
    points = [p for p in itertools.product([math.nan, 0.7, 2.0], repeat=count)
              if any(map(math.isnan, p))]  # fmt: skip
    value = derivatives(case, "standard").at(np.array(points).T)[0]
    assert [True] * len(points) == list(np.isnan(value))


def test_long_chains_cost_linear_time() -> None:
    """Constants are taken off a node, but only a few: not a whole chain of them."""
    graph = Graph(rewrite=Rewriter(LEVELS["standard"]))
    x = node = apply("exp", graph.input("x"))
    for k in range(MOST_FACTORS):
        assert head(node) is x.op
        node = node * (1.0 + k)
    for _ in range(20):
        node = node * 0.5
    assert head(node) is OPS["mul"]


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        (lambda x: M.exp(x) * 1.0, "exp"),
        (lambda x: -M.exp(x) / 3, "exp"),
        (lambda x: 2 * -M.exp(x), "exp"),
        (lambda x: x * x, "powi"),
        (lambda x: 1 / M.exp(x), "div"),
        (lambda x: x * M.exp(x), "mul"),
    ],
)
def test_heads(formula: Any, expected: str) -> None:
    """A rule finds its op below constant factors and signs; a square is a power."""
    assert expected == head(stabilised(formula, level="strict")).name


def test_a_rule_answers_none_and_the_next_is_asked() -> None:
    """Rows are asked in order until one answers."""
    asked: list[str] = []

    def rule(name: str, answer: Any) -> Any:
        def look(graph: Any, x: Any) -> Any:
            del graph
            asked.append(name)
            return x if answer else None

        return Rule("exp", name, look, exact=False)

    rows = [rule("first", False), rule("second", True), rule("third", True)]  # noqa: FBT003
    graph = Graph(rewrite=Rewriter(rows))
    x = graph.input("x")
    assert x is apply("exp", x)
    assert (["first", "second"], [("second", None)]) == (asked, list(graph.rewrites))
