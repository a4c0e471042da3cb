"""Difference quotients are right where the gradient check relies on them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import mpmath
import pytest

import overbar as ob
from overbar.differences import Line, Slope, central, extrapolate, spread
from overbar.ir.graph import Graph

if TYPE_CHECKING:
    from collections.abc import Callable

INF, NAN = math.inf, math.nan


def line(text: str, x: float, digits: int = 50) -> Line:
    """Return the line through a point of a formula in x."""
    graph = ob.compile(text, accuracy="strict").graph
    return Line(graph, {"x": x}, "x", list(graph.outputs.values()), digits)


SMOOTH: list[tuple[str, Callable[[Any], Any], float]] = [
    ("sin(x)*exp(x)", lambda x: mpmath.sin(x) * mpmath.exp(x), 1.3),
    ("log(x)", mpmath.log, 1e-300),
    ("x**3", lambda x: x**3, 1e100),
    ("erf(x)/x", lambda x: mpmath.erf(x) / x, -0.7),
    ("gamma(x)", mpmath.gamma, 4.5),
    ("tanh(x)", mpmath.tanh, 20.0),
]


@pytest.mark.parametrize(("text", "f", "x"), SMOOTH)
def test_smooth(text: str, f: Callable[[Any], Any], x: float) -> None:
    """One quotient in high precision is a derivative in double precision."""
    with mpmath.workdps(80):
        h = abs(mpmath.mpf(x)) * mpmath.mpf(10) ** -25
        true = float((f(mpmath.mpf(x) + h) - f(mpmath.mpf(x) - h)) / (2 * h))
    (slope,) = line(text, x).slopes()
    assert math.isclose(true, slope.value, rel_tol=2e-16)


@pytest.mark.parametrize(
    ("text", "x", "sides"),
    [
        ("abs(x)", 0.0, (-1.0, 1.0)),
        ("max(2*x, x)", 0.0, (1.0, 2.0)),
        ("x**2", 0.0, (0.0, 0.0)),
        ("exp(x) - 1 - x", 0.0, (0.0, 0.0)),
        ("x + x**2", 0.0, (1.0, 1.0)),
        ("x**1.5", 0.0, (NAN, 0.0)),
        ("x + x**1.5", 0.0, (NAN, 1.0)),
        ("sqrt(x)", 0.0, (NAN, INF)),
        ("cbrt(x)", 0.0, (INF, INF)),
        ("sqrt(abs(x))", 0.0, (-INF, INF)),
        ("xlogy(x, x)", 0.0, (NAN, -INF)),
        ("floor(x)", 2.0, (INF, 0.0)),
        ("asin(x)", 1.0, (INF, NAN)),
        ("where(x > 1, x**2, 3*x)", 1.0, (3.0, -INF)),
        ("log(x)", -1.0, (NAN, NAN)),
        ("sin(x)", 1.0, (math.cos(1.0), math.cos(1.0))),
    ],
)
def test_limits(text: str, x: float, sides: tuple[float, float]) -> None:
    """One-sided derivatives are found at kinks, edges of domains and poles."""
    (slope,) = line(text, x).limits()
    for expected, actual in zip(sides, slope, strict=True):
        both = math.isnan(expected) and math.isnan(actual)
        assert both or math.isclose(expected, actual, rel_tol=1e-15, abs_tol=1e-15)


@pytest.mark.parametrize(
    ("slope", "bends", "one_sided", "value"),
    [
        (Slope(1.0, 1.0), False, False, 1.0),
        (Slope(-1.0, 1.0), True, False, 0.0),
        (Slope(1.0, 1.0 + 1e-12), False, False, 1.0 + 5e-13),
        (Slope(NAN, 2.0), False, True, 2.0),
        (Slope(2.0, NAN), False, True, 2.0),
        (Slope(INF, INF), False, False, INF),
        (Slope(-INF, INF), True, False, NAN),
        (Slope(INF, 0.0), True, False, INF),
        (Slope(0.0, 0.0), False, False, 0.0),
    ],
)
def test_slope(slope: Slope, bends: bool, one_sided: bool, value: float) -> None:
    """A slope knows whether its sides differ, and which number it stands for."""
    assert (bends, one_sided) == (slope.bends, slope.one_sided)
    assert math.isclose(value, slope.value) or math.isnan(value + slope.value)


@pytest.mark.parametrize(
    ("values", "digits"),
    [([], 0), ([1.0, 2.0], 0), ([1.0, 1e-300], 300), ([0.0, INF, NAN, 1e5, -1e-5], 10)],
)
def test_spread(values: list[float], digits: int) -> None:
    """Digits between magnitudes are counted, zeros and infinities left out."""
    assert abs(digits - spread(values)) <= 1


def test_a_small_input_beside_a_large_value() -> None:
    """With the digits of the spread, 1 + x has slope 1 at 1e-300, without them 0."""
    slopes = [line("1 + x", 1e-300, digits).slopes()[0].value for digits in (50, 350)]
    assert [0.0, 1.0] == slopes


def test_central() -> None:
    """The central difference is the lectures' formula, over the numbers as stored."""
    graph = ob.compile("x: param\nsin(x), x**2").graph
    x, h = 0.7, 1e-4
    expected = [(math.sin(x + h) - math.sin(x - h)) / ((x + h) - (x - h)), 2 * x]
    actual = central(graph, {"x": x}, "x", h)
    assert all(
        math.isclose(e, a, rel_tol=1e-11) for e, a in zip(expected, actual, strict=True)
    )


@pytest.mark.parametrize(
    ("text", "x", "true"),
    [
        ("sin(x)", 1.0, math.cos(1.0)),
        ("exp(x)", -3.0, math.exp(-3.0)),
        ("x**5", 1e20, 5e80),
        ("x**2", 0.0, 0.0),
        ("7", 1.0, 0.0),
    ],
)
def test_extrapolation(text: str, x: float, true: float) -> None:
    """Extrapolated differences are right to ten digits, and say how right."""
    graph = ob.compile(f"x: param\n{text}").graph
    value, error = extrapolate(graph, {"x": x}, "x", graph.outputs["out"])
    assert abs(value - true) <= 1e-10 * abs(true) + 1e-30
    assert error <= 1e-9 * abs(true)


def test_extrapolation_knows_that_it_failed() -> None:
    """Near a kink that all steps pass over, the error that is reported is large."""
    graph = Graph()
    x = graph.input("x")
    y = graph.make("abs", [x - 1e-6])
    estimate = extrapolate(graph, {"x": 0.0}, "x", y)
    assert estimate.error > 1e-3 * abs(estimate.value)
