"""Test that a text's arithmetic is Python's, integers exact and rounded once."""

from __future__ import annotations

import math

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from overbar.ir.evaluate import evaluate
from overbar.ir.graph import Graph, Rewrite
from overbar.ir.source import Source
from overbar.read.text import read_text
from overbar.rewrite.engine import Rewriter
from overbar.rewrite.exact import EXACT

REWRITES = (None, Rewriter(EXACT))


def value(text: str, rewrite: Rewrite | None = REWRITES[1], **inputs: float) -> float:
    """Return the value of the one output."""
    graph = Graph(rewrite=rewrite)
    read_text(Source("test.expr", text), graph)
    (node,) = graph.outputs.values()
    return float(evaluate(graph, inputs)[node])


EXACT_INTEGERS = [
    ("10**20 + 1 - 10**20", 1.0),
    ("(10**20 + 1)/10**20", 1.0),
    ("10**400/10**399", 10.0),
    ("2**53 + 1 - 2**53", 1.0),
    ("1/3", 1 / 3),
    ("(2**60 + 1)/3", 384307168202282304.0),
    ("-2**2", -4.0),
    ("(-2)**2", 4.0),
    ("2**-1", 0.5),
    ("10**-3", 0.001),
    ("3**-2", 1 / 9),
    ("2**-1074", 5e-324),
    ("2**-1075", 0.0),
    ("3**-9**9", 0.0),
    ("2**3**2", 512.0),
    ("-7//2", -4.0),
    ("-7 % 3", 2.0),
    ("7 % -3", -2.0),
    ("1/0", math.inf),
    ("-1/0", -math.inf),
    ("1//0", math.inf),
    ("0**0", 1.0),
    ("0**-1", math.inf),
    ("1**-9**9", 1.0),
    ("(-1)**(9**9)", -1.0),
    ("1_000 + .5 + 5. + 1e3 + 1_0.0_1", 2015.51),
    ("1 if 2**70 < 2**70 + 1 else 0", 1.0),
    ("1 if 1 < 2 < 2.5 else 0", 1.0),
    ("1 if 1 < 2 < 2 else 0", 0.0),
    ("2**0.5", math.sqrt(2)),
]


@pytest.mark.parametrize("rewrite", REWRITES)
@pytest.mark.parametrize(("text", "expected"), EXACT_INTEGERS)
def test_integers_are_exact(
    text: str, expected: float, rewrite: Rewrite | None
) -> None:
    """Integers are computed exactly and rounded once, when they become a float."""
    assert expected == value(text, rewrite)


@pytest.mark.parametrize("text", ["0/0", "0 % 0", "inf - inf"])
def test_nan(text: str) -> None:
    """What is undefined is NaN, as with floats."""
    assert math.isnan(value(text))


def test_negative_zero() -> None:
    """A negative integer's vanishing power is -0.0, as with floats."""
    assert "-0.0" == str(value("(-3)**-(9**9)"))


LEAVES = [
    "x", "y", "0", "1", "2", "3", "7", "10", "0.5", "1.25", ".1", "1e3", "x**2",
    "-y**2", "(-x)**3", "2**-3", "3**2", "2**3**2", "(x)", "- -x", "+y", "-+-3",
    "2**20", "abs(x)",
]  # fmt: skip
BINARY = ["+", "-", "*", "/", "//", "%"]
COMPARISONS = ["<", "<=", ">", ">=", "==", "!="]


def larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Return texts of one more operation, with and without parentheses and spaces."""
    space = st.sampled_from(["", " "])
    pair = st.builds(
        lambda a, s, op, b: f"{a}{s}{op}{s}{b}",
        inner, space, st.sampled_from(BINARY), inner,
    )  # fmt: skip
    test = st.builds(
        lambda a, o, b, p, c: f"{a} {o} {b} {p} {c}",
        inner, st.sampled_from(COMPARISONS), inner, st.sampled_from(COMPARISONS), inner,
    )  # fmt: skip
    logic = st.builds(
        lambda n, a, o, b: f"{n}({a}) {o} {b}",
        st.sampled_from(["", "not "]), test, st.sampled_from(["and", "or"]), test,
    )  # fmt: skip
    choice = st.builds(
        lambda a, c, b: f"({a} if {c} else {b})", inner, st.one_of(test, logic), inner
    )
    grouped = st.builds(
        lambda s, a: f"{s}({a})", st.sampled_from(["", "-", "+"]), inner
    )
    extremum = st.sampled_from(["min", "max"])
    called = st.builds(lambda f, a, b: f"{f}({a}, {b})", extremum, inner, inner)
    return st.one_of(pair, grouped, choice, called)


@pytest.mark.parametrize("rewrite", REWRITES)
@settings(max_examples=300)
@given(
    text=st.recursive(st.sampled_from(LEAVES), larger, max_leaves=8),
    x=st.integers(-16, 16),
    y=st.integers(-16, 16),
)
def test_arithmetic_is_pythons(
    rewrite: Rewrite | None, text: str, x: int, y: int
) -> None:
    """Whatever Python computes for an expression, the graph evaluates to."""
    inputs = {"x": x / 4, "y": y / 4}
    try:
        expected = float(eval(text, {}, dict(inputs)))  # noqa: S307 - Python is the oracle
    except (ZeroDivisionError, OverflowError):
        assume(False)  # noqa: FBT003 - Hypothesis takes it so
    assert expected == value(text, rewrite, **inputs)
