"""The first NaN or infinity is named with its operands and the user's line."""

from __future__ import annotations

import math
from typing import Any

import pytest

import overbar as ob
from overbar.explain import Explanation, explain, phrase
from overbar.ir.errors import InputError
from overbar.ir.evaluate import evaluate
from overbar.ir.graph import Graph
from overbar.ir.ops import OPS, apply

INF, NAN = math.inf, math.nan


def explained(text: str, **at: Any) -> Explanation:
    """Explain the value and the gradient of a formula at a point."""
    return explain(ob.compile(text).derivation.with_gradient(), at)


WORDS = [
    (
        "x: param\nu = x - 2\ny = 1 + sqrt(u)\ny*exp(u)", {"x": 1.0},
        ("nan in line 3: sqrt(u) at u = -1.0, outside of the domain [0, inf)\n"
        "    y = 1 + sqrt(u)\n"
        "            ^^^^^^^"),
    ),
    (
        "log(x - 1) + y", {"x": 1.0, "y": 2.0},
        ("-inf in line 1: log(x - 1) at x - 1 = 0.0\n"
        "    log(x - 1) + y\n"
        "    ^^^^^^^^^^"),
    ),
    (
        "sqrt(x)*y", {"x": 0.0, "y": 1.0},
        ("inf in the adjoint of sqrt(x) (line 1): 1/sqrt(x) at sqrt(x) = 0.0\n"
        "    sqrt(x)*y\n"
        "    ^^^^^^^"),
    ),
    (
        "x/y", {"x": 0.0, "y": 0.0},
        "nan in line 1: x/y at x = 0.0, y = 0.0\n    x/y\n    ^^^",
    ),
    ("x*y", {"x": 1.0, "y": NAN}, "nan in the input y\n    x*y\n      ^"),
    ("x*y", {"x": 1.0, "y": -INF}, "-inf in the input y\n    x*y\n      ^"),
    (
        "u = min(x, inf)\ny*inf + u", {"x": 1.0, "y": 1.0},
        "inf in line 2: the constant inf\n    y*inf + u\n    ^^^^^",
    ),
    (
        "asin(2*x)", {"x": 1.0},
        ("nan in line 1: asin(2*x) at 2*x = 2.0, outside of the domain [-1, 1]\n"
        "    asin(2*x)\n"
        "    ^^^^^^^^^"),
    ),
    ("exp(x)", {"x": 1.0}, "every result is finite"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "at", "words"), WORDS)
def test_words(text: str, at: dict[str, float], words: str) -> None:
    """The explanation reads word for word, with the line and a caret."""
    assert words == str(explained(text, **at))


@pytest.mark.parametrize(
    ("text", "x"),
    [
        ("where(x > 0, sqrt(x), 0)", -1.0),
        ("where(x > 0, sqrt(x), 0)", 0.0),
        ("where(x < 1, x, sqrt(x - 1)**0.5)", 0.0),
        ("where(x > 0, log(x), log(-x))", -2.0),
        ("where(x > 0, where(x > 1, log(x - 1), 1/x), 0)", 0.0),
        ("1/(1 + exp(x))", 1000.0),  # inf in between, and nothing of it is left
        ("where(x > 0, 1, 2)", NAN),  # nothing depends on x but the condition
    ],
)
def test_what_reaches_nothing_is_not_blamed(text: str, x: float) -> None:
    """Untaken branches and infinities that vanish are no finding."""
    f = ob.compile(text)
    found = explain(f.graph, {"x": x})
    assert (False, False) == (found.found, bool(found))


def test_the_taken_side_is_blamed() -> None:
    """Of two branches that are both NaN, the one that was taken is named."""
    found = explained("where(x > 5, sqrt(-x - 9), log(x))", x=-2.0)
    assert ("log(x)", (("x", -2.0),)) == (found.expression, found.operands)


def test_fields() -> None:
    """An explanation holds the statement, the operation, its operands and its place."""
    found = explained("u = x - y\nv = 2*log(u)\nv + 1", x=1.0, y=3.0)
    expected = (True, "v", "log(u)", (("u", -2.0),), "value", "the domain [0, inf)")
    actual = (
        found.found, found.name, found.expression, found.operands, found.stage,
        found.domain,
    )  # fmt: skip
    assert expected == actual
    assert math.isnan(found.value)
    assert (2, 7) == (found.span.line, found.span.column) if found.span else False


def test_gradient_stage() -> None:
    """What is infinite in the gradient alone is said to be in the adjoint."""
    found = explained("u = x**2\ny = sqrt(u + z)\ny", x=0.0, z=0.0)
    assert ("gradient", INF) == (found.stage, found.value)
    assert "in the adjoint of sqrt(u + z) (line 2)" in str(found)


def test_the_value_comes_before_the_gradient() -> None:
    """Where both are NaN, the value is named: the gradient follows from it."""
    found = explained("log(x)/sqrt(x)", x=-1.0)
    assert ("value", "log(x)") == (found.stage, found.expression)


def test_without_places() -> None:
    """A graph that was not read from text is explained by the statement's name."""
    graph = Graph()
    y = apply("log", graph.input("x")) * 2.0
    graph.assign("y", y)
    graph.outputs["y"] = y
    words = "-inf in y: log(x) at x = 0.0"
    assert words == str(explain(graph, {"x": 0.0}))


def bounded_rows() -> list[tuple[str, int, float]]:
    """Return the operands of the op table that have a bounded domain, outside of it."""
    return [
        (row.name, i, bound)
        for row in OPS.values()
        for i, domain in enumerate(row.domain)
        for bound in (domain[0] - 0.5, domain[1] + 0.5)
        if math.isfinite(bound) and row.typing is not None
    ]


@pytest.mark.parametrize(("name", "operand", "value"), bounded_rows())
def test_domains(name: str, operand: int, value: float) -> None:
    """Every NaN outside of a row's domain is put down to the domain."""
    row, graph = OPS[name], Graph()
    args = [graph.input(f"x{i}") for i in range(row.arity or 2)]
    node = graph.make(row, args)
    inputs = {f"x{i}": value if i == operand else 0.5 for i in range(len(args))}
    outcome = float(evaluate(graph, inputs, [node])[node])
    found = explain(graph, inputs, [node])
    assert math.isnan(outcome) == found.domain.startswith("the domain")


def test_depth() -> None:
    """A chain of 100,000 operations is explained without recursion."""
    graph = Graph()
    node = apply("log", graph.input("x"))
    for _ in range(100_000):
        node = node * 1.5 + 1.0
    found = explain(graph, {"x": -1.0}, [node])
    assert ("log(x)", "the result") == (found.expression, found.name)


def test_phrases_are_short() -> None:
    """What has 2**60 tree nodes is written in one short line."""
    graph = Graph()
    x = graph.input("x")
    node = x
    for _ in range(60):
        node = node * node + node
    text = phrase(graph, node)
    assert (True, True) == (len(text) <= 60, "..." in text)


def test_defaults_and_seeds() -> None:
    """Defaults are filled in, and the seeds of several outputs are 1."""
    f = ob.compile("x: param\nc: data = 0\nsqrt(x), x/c")
    found = explain(f.adjoint_graph, {"x": 4.0})
    assert "out1_bar/c at out1_bar = 1.0, c = 0.0" == found.happened


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({}, "expected a value for 'x', found none"),
        ({"x": [1.0, 2.0]}, "expected one number for 'x', found shape (2,)"),
    ],
)
def test_inputs_are_checked(inputs: dict[str, Any], message: str) -> None:
    """A missing input and an array are refused by name."""
    with pytest.raises(InputError) as error:
        explain(ob.compile("x + 1").graph, inputs)
    assert message == error.value.message
