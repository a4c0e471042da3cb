"""Check that the report of accuracy names what loses digits, and nothing else."""

from __future__ import annotations

import math
from typing import Any

import pytest

from overbar.accuracy import Loss, Report, losing_digits
from overbar.derivation import Derivation
from overbar.ir.errors import InputError
from overbar.ir.graph import Graph
from overbar.ir.ops import apply
from overbar.ir.source import Source
from overbar.levels import rewrite_for
from overbar.read.text import read_text


def report(text: str, level: str = "strict", **inputs: float) -> Report:
    """Return the report of a text's value."""
    graph = Graph(rewrite=rewrite_for(level))
    read_text(Source("<text>", text), graph)
    return losing_digits(graph, inputs)


def test_the_subtraction_is_named() -> None:
    """Of (1 - cos(x))/x**2 at 1e-8 it is the subtraction that loses all digits."""
    (loss,) = report("(1 - cos(x))/x**2", x=1e-8)
    assert ("1 - cos(x)", 1, 0.0) == (loss.expression, loss.line, loss.value)
    assert pytest.approx(5e-17) == loss.exact
    assert pytest.approx(15.95, abs=0.01) == loss.digits_lost


@pytest.mark.parametrize(
    ("text", "inputs", "named"),
    [
        ("exp(x) - 1", {"x": 1e-10}, ["exp(x) - 1"]),
        ("d = x + 1\nd - x", {"x": 1e16}, ["d - x"]),
        ("log(1 + exp(x))", {"x": 800.0}, ["exp(x)"]),
        ("sqrt(x**2 + y**2)", {"x": 1e200, "y": 1.0}, ["x**2"]),
        ("a = cos(x)\nb = 1 - a\nb/x**2", {"x": 1e-5}, ["1 - a"]),
        ("(x + 1e16) - 1e16", {"x": 1.5}, ["x + 1e+16 - 1e+16"]),
        ("where(x > 0, 1 - cos(x), exp(x) - 1)", {"x": -1e-9}, ["exp(x) - 1"]),
        ("(1 - cos(x)) + 1", {"x": 1e-6}, []),
        ("x*y + z", {"x": 3.0, "y": 0.1, "z": 7.0}, []),
        ("sin(x)", {"x": 1e22}, []),
        ("log(x)", {"x": 0.0}, []),
        ("sqrt(x)", {"x": -1.0}, []),
        ("floor(x)", {"x": 0.3}, []),
        ("exp(x)", {"x": -800.0}, []),
        ("exp(x)", {"x": 800.0}, []),
        ("exp(-x)", {"x": 740.0}, []),
        ("log(exp(-x))", {"x": 800.0}, ["exp(-x)"]),
    ],
)
def test_what_is_named(text: str, inputs: dict[str, float], named: list[str]) -> None:
    """Losses that reach a result are named by what was written, the worst first."""
    assert named == [loss.expression for loss in report(text, **inputs)]


def test_stabilised_formulas_lose_nothing() -> None:
    """What is named at "strict" is gone at "standard"."""
    assert () == report("(1 - cos(x))/x**2", "standard", x=1e-8)


def test_statements_and_lines() -> None:
    """A loss has the name and line of its statement."""
    text = "x: param\nc = cos(x)\nd = 2*(1 - c)\ny = d/x**2\ny"
    (loss,) = report(text, x=1e-8)
    assert ("d", "1 - c", 3) == (loss.name, loss.expression, loss.line)


def test_gradients_are_reported() -> None:
    """The statement of an adjoint is named where only the gradient loses digits."""
    graph = Graph(rewrite=rewrite_for("strict"))
    x = graph.input("x")
    graph.outputs["y"] = apply("sin", x) / x
    found = losing_digits(Derivation(graph, [x]).with_gradient(), {"x": 1e-6})
    assert [("x_bar", None)] == [(loss.name, loss.line) for loss in found]
    assert found[0].digits_lost > 11


def test_many_digits_are_taken_where_they_are_needed() -> None:
    """At 1e-200 the truth takes hundreds of digits, not fifty."""
    (loss,) = report("exp(x) - 1", x=1e-200)
    assert loss.exact == 1e-200


def test_defaults_and_missing_inputs() -> None:
    """Defaults are filled in; an input without a value is an error."""
    text = "x: param = 1e-9\n1 - cos(x)"
    assert len(report(text)) == 1
    with pytest.raises(InputError, match="expected a value for 'x', found none"):
        report("1 - cos(x)")


def test_the_table() -> None:
    """A report prints as a table, an empty one as a sentence."""
    expected = """\
digits lost  line  statement  operation   computed  exact
16.0         1     out        1 - cos(x)  0.0       5e-17"""
    assert expected == str(report("(1 - cos(x))/x**2", x=1e-8))
    assert "no statement loses digits" == str(report("x + 1", x=1.0))
    assert bool(report("x + 1", x=1.0)) is False


def test_a_report_holds_losses() -> None:
    """Reports are tuples of losses and compare as such."""
    loss = Loss("y", "1 - c", None, 3.0, 1.0, math.pi)
    assert (loss,) == Report([loss])
    assert "-" not in str(Report([loss])).split("\n")[1].split("1 - c")[0]


def test_a_long_chain() -> None:
    """A chain of ten thousand operations is followed without recursion."""
    graph = Graph()
    node: Any = 1.0 - apply("cos", graph.input("x"))
    for _ in range(10_000):
        node = node * 1.5 / 1.5
    (loss,) = losing_digits(graph, {"x": 1e-8}, [node])
    assert loss.expression == "1 - cos(x)"
