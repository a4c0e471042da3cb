"""The gradient check passes right gradients and fails those wrong by 0.05 %."""

from __future__ import annotations

import dataclasses
import itertools
import math
from typing import TYPE_CHECKING, Any

import mpmath
import numpy as np
import pytest

import overbar as ob
from overbar.check import Report, check
from overbar.ir.errors import InputError
from overbar.ir.graph import Graph
from overbar.ir.ops import OPS, Op, apply
from overbar.ir.ops.piecewise import CONVENTIONS
from overbar.ir.ops.row import call, vectorised
from overbar.ir.types import F32

if TYPE_CHECKING:
    from collections.abc import Callable

INF, NAN = math.inf, math.nan
WRONG = 1.0005
"""0.05 % off: the error that the mission wants to be found."""


def checked(text: str, at: dict[str, float], **options: Any) -> Report:
    """Check a formula as it is written, without stabilisation, node by node."""
    graph = ob.compile(text, accuracy="strict").graph
    return check(graph, [graph.inputs[n] for n in at], at, **options)


# -- numbers ------------------------------------------------------------------------

SMOOTH: list[tuple[str, dict[str, float], list[Callable[..., Any]]]] = [
    (
        "x*y + x**2", {"x": 3.0, "y": 2.0},
        [lambda x, y: 2 * x + y, lambda x, y: x + 0 * y],
    ),
    ("log(x)", {"x": 1e-300}, [lambda x: 1 / x]),
    ("1 + x", {"x": 1e-300}, [lambda x: 1 + 0 * x]),
    ("1e300 + 1e-300*x", {"x": 1.0}, [lambda x: 0 * x + 1e-300]),
    ("exp(x)", {"x": 700.0}, [mpmath.exp]),
    ("exp(-x)", {"x": 700.0}, [lambda x: -mpmath.exp(-x)]),
    ("x**2", {"x": 0.0}, [lambda x: 0 * x]),
    ("x**3*1e200", {"x": 1e-100}, [lambda x: 3 * x**2 * mpmath.mpf(1e200)]),
    ("sin(1e6*x)", {"x": 1.0}, [lambda x: 10**6 * mpmath.cos(10**6 * x)]),
    (
        "(x - y)**2", {"x": 1.0, "y": 1.0},  # a minimum: the gradient is nothing
        [lambda x, y: 2 * (x - y), lambda x, y: 2 * (y - x)],
    ),
    (
        "(0.1*x - y)**2", {"x": 3.0, "y": 0.3},  # and one that rounding moves
        [
            lambda x, y: 2 * mpmath.mpf(0.1) * (mpmath.mpf(0.1) * x - y),
            lambda x, y: 2 * (y - mpmath.mpf(0.1) * x),
        ],
    ),
    ("x**y", {"x": 2.5, "y": -1.5}, [
        lambda x, y: y * x ** (y - 1), lambda x, y: mpmath.log(x) * x**y,
    ]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "at", "partials"), SMOOTH)
def test_numbers(
    text: str, at: dict[str, float], partials: list[Callable[..., Any]]
) -> None:
    """Right gradients of every size pass, and the truth shown is the closed form."""
    report = checked(text, at)
    assert report, str(report)
    with mpmath.workdps(400):
        point = [mpmath.mpf(value) for value in at.values()]
        true = [float(f(*point)) for f in partials]
    for row, expected in zip(report.rows, true, strict=True):
        assert math.isclose(expected, row.exact, rel_tol=4e-16, abs_tol=1e-24)


@pytest.mark.parametrize("text", ["x*y + x**2", "exp(x*y)", "sin(1e6*x)*y", "x/y**9"])
@pytest.mark.parametrize("size", [1e-200, 1e-8, 1.0, 1e8, 1e100])
def test_wrong_numbers(text: str, size: float) -> None:
    """Numbers 0.05 % off fail at every scale though rules are right; 1e-9 off, pass."""
    at = {"x": 1.25, "y": 0.75}
    exact = [row.exact for row in checked(f"({text})*{size!r}", at).rows]
    close = checked(f"({text})*{size!r}", at, gradient=[g * (1 + 1e-9) for g in exact])
    far = checked(f"({text})*{size!r}", at, gradient=[g * WRONG for g in exact])
    assert [True, True, False, False] == [
        row.ok for r in (close, far) for row in r.rows
    ]
    assert "this number is not theirs" in far.rows[0].note


def test_tolerance() -> None:
    """The tolerance can be set."""
    verdicts = [
        bool(checked("3*x", {"x": 1.0}, gradient=[3.003], tolerance=tolerance))
        for tolerance in (1e-4, 1e-2)
    ]
    assert [False, True] == verdicts


# -- points that are special ----------------------------------------------------------

KINKS = [
    ("abs(x)", {"x": 0.0}, "at a kink, abs(x): x = 0; slopes -1 and 1"),
    ("max(x, y)", {"x": 2.0, "y": 2.0}, "at a kink, max(x, y): x, y tie"),
    ("min(x, 2*x, 3*x)", {"x": 0.0}, "slopes 1 and 3"),
    ("max(x, y, z)", {"x": 1.0, "y": 1.0, "z": 1.0}, "slopes 0 and 1"),
    ("relu(x)", {"x": 0.0}, "slopes 0 and 1, convention left"),
    ("hypot(x, y)", {"x": 0.0, "y": 0.0}, "slopes -1 and 1, convention zero"),
    (
        "exp(abs(x - 1))*x",
        {"x": 1.0},
        "at a kink, abs(x - 1): x - 1 = 0; slopes 0 and 2",
    ),
    ("floor(x)", {"x": 3.0}, "at a jump, floor(x): x is an integer; slopes 0 and inf"),
    ("sign(x)", {"x": 0.0}, "at a jump, sign(x): x = 0; slopes inf and inf"),
    ("where(x > 0, x**2, -x)", {"x": 0.0}, "at a branch, "),
    ("where(x > 0, 1, 2)*x", {"x": 0.0}, "slopes 1 and 2"),
    ("relu(x) - relu(-x)", {"x": 0.0}, "at a kink, relu(x)"),
]


@pytest.mark.parametrize("convention", CONVENTIONS)
@pytest.mark.parametrize(("text", "at", "note"), KINKS)
def test_kinks(text: str, at: dict[str, float], note: str, convention: str) -> None:
    """At a kink every convention is right, and the report says that it is one."""
    graph = ob.compile(text, accuracy="strict", kinks=convention).graph
    report = check(graph, [graph.inputs[n] for n in at], at)
    assert report, str(report)
    assert note in report.rows[0].note


@pytest.mark.parametrize(
    ("text", "at", "numbers", "verdicts"),
    [
        ("abs(x)", {"x": 0.0}, [-1.0, 0.3, 1.0, 1.01, -2.0], [1, 1, 1, 0, 0]),
        ("max(x, 3*x)", {"x": 0.0}, [0.0, 1.0, 2.0, 3.0, 3.1], [0, 1, 1, 1, 0]),
        ("sqrt(x**2)", {"x": 1.0}, [1.0, 0.0], [1, 0]),
    ],
)
def test_numbers_at_kinks(
    text: str, at: dict[str, float], numbers: list[float], verdicts: list[int]
) -> None:
    """At a kink a number is right between the two slopes, and not beyond."""
    found = [bool(checked(text, at, gradient=[g])) for g in numbers]
    assert list(map(bool, verdicts)) == found


def test_a_kink_within_the_step() -> None:
    """Where the central difference steps over a kink, the derivative is still right."""
    (row,) = checked("abs(x - 1)", {"x": 1 + 1e-6}).rows
    expected = (True, 1.0, "the central difference steps over abs(x - 1): x - 1 = 0")
    assert expected == (row.ok, row.exact, row.note)
    assert abs(row.difference) < 0.1


@pytest.mark.parametrize(
    ("text", "at", "derivative"),
    [
        ("sqrt(x)", {"x": 0.0}, INF),
        ("cbrt(x)", {"x": 0.0}, INF),
        ("xlogy(x, x)", {"x": 0.0}, -INF),
        ("-sqrt(x)", {"x": 0.0}, -INF),
    ],
)
def test_infinite(text: str, at: dict[str, float], derivative: float) -> None:
    """An infinite derivative is right where the function's own slope is infinite."""
    (row,) = checked(text, at).rows
    assert (True, derivative) == (row.ok, row.exact)
    assert "infinite" in row.note
    assert not checked(text, at, gradient=[1.0])


def test_edge_of_a_domain() -> None:
    """At the edge of a domain the slope is that of the one side there is."""
    (row,) = checked("x**1.5 + 2*x", {"x": 0.0}).rows
    assert (True, 2.0) == (row.ok, row.exact)
    assert "one side" in row.note
    assert not checked("x**1.5 + 2*x", {"x": 0.0}, gradient=[2.001])


BROKEN = [
    (
        "log(x)",
        {"x": -1.0},
        "the value is nan: nan from log(x) at x = -1.0, outside of",
    ),
    ("asin(x)", {"x": 2.0}, "outside of the domain [-1, 1]"),
    ("x*log(x)", {"x": 0.0}, "the value is nan: -inf from log(x) at x = 0.0"),
    ("exp(x)", {"x": 1000.0}, "the value is inf: inf from exp(x) at x = 1000.0"),
    ("x*2", {"x": NAN}, "the value is nan: nan from x"),
    ("atan2(x, 0*x)", {"x": 0.0}, "the derivative is not a number: nan from "),
    ("sqrt(x**2)", {"x": 0.0}, "the derivative is not a number: "),
]


@pytest.mark.parametrize(("text", "at", "note"), BROKEN)
def test_broken(text: str, at: dict[str, float], note: str) -> None:
    """Where there is no number, the report is false and says which operation it was."""
    report = checked(text, at)
    assert not report
    assert note in report.rows[0].note


def test_power_of_a_negative_base() -> None:
    """At x < 0, x**y has a slope in x for an integer y, and none in y."""
    x, y = checked("x**y", {"x": -2.0, "y": 3.0}).rows
    assert (True, 12.0, False) == (x.ok, x.gradient, y.ok)
    assert math.isnan(y.gradient)
    assert "log(x)" in y.note


def test_lost_digits() -> None:
    """Rules that are right and numbers that are not: the digits were lost."""
    (row,) = checked("(exp(x) - 1 - x)/x**2", {"x": 1e-8}).rows
    assert (False, True) == (row.ok, "rounding loses digits" in row.note)
    assert math.isclose(1 / 6, row.exact, rel_tol=1e-7)


# -- operations without high precision ----------------------------------------------


def own(partial: Callable[..., Any], **columns: Any) -> Op:
    """Return the row of an operation that computes with floats: x*exp(x)."""
    return Op(
        name="own", numpy=vectorised(lambda x: x * math.exp(x)), partials=(partial,),
        mp=lambda _context, x: x * math.exp(x), text=call("own"), **columns,
    )  # fmt: skip


@pytest.mark.parametrize("mp", [True, False])
@pytest.mark.parametrize(("factor", "right"), [(1.0, True), (WRONG, False)])
def test_operations_in_floats(
    mp: bool, factor: float, right: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A user's op that knows floats alone is checked by extrapolated differences."""
    row = own(lambda _out, x: factor * (x + 1.0) * apply("exp", x))
    monkeypatch.setitem(OPS, "own", row if mp else dataclasses.replace(row, mp=None))
    graph = Graph()
    x = graph.input("x")
    graph.outputs["J"] = graph.make("own", [x * 2.0]) + x
    (found,) = check(graph, [x], {"x": 0.7}).rows
    assert right == found.ok
    assert "by extrapolated differences: own" in found.note
    true = 2 * (1.4 + 1) * math.exp(1.4) + 1
    assert math.isclose(true, found.exact, rel_tol=1e-9)


# -- the report ----------------------------------------------------------------------


def test_words() -> None:
    """The report is an aligned table with a verdict."""
    words = (
        "gradient check of out at x = 3.0, y = 2.0\n"
        "     gradient  central difference  high precision  units    relative\n"
        "  x  8         8                   8               0        0.0e+00   ok\n"
        "  y  4         3                   3               1.5e+15  3.3e-01   WRONG\n"
        "    the rules are right and give 3.0; this number is not theirs\n"
        "1 of 2 derivatives not right: y"
    )
    report = checked("x*y + x**2", {"x": 3.0, "y": 2.0}, gradient=[8.0, 4.0])
    assert words == str(report)


def test_several_outputs() -> None:
    """Derivatives of several outputs are checked output by output."""
    report = checked(
        "x: param\ny: param\na = x*y\nb = x - y\na, b", {"x": 2.0, "y": 3.0}
    )
    assert ["da/dx", "da/dy", "db/dx", "db/dy"] == [row.name for row in report.rows]
    assert [3.0, 2.0, 1.0, -1.0] == [row.exact for row in report.rows]


def test_data_is_not_differentiated() -> None:
    """Only the inputs asked for have a row; the others may keep their default."""
    graph = ob.compile("w: param\nx: data = 2\nw*x").graph
    report = check(graph, [graph.inputs["w"]], {"w": 5.0})
    assert [("w", 2.0)] == [(row.name, row.exact) for row in report.rows]


def test_central_difference_is_shown() -> None:
    """The lectures' difference is shown, for the step that was asked for."""
    (row,) = checked("x**3", {"x": 2.0}, step=0.25).rows
    assert (
        12.25 == row.difference
    )  # ((2 + h)**3 - (2 - h)**3)/(2 h) = 12 + h**2, h = 1/2


def test_float32() -> None:
    """A formula in float32 is judged in units of float32."""
    graph = Graph(real=F32)
    x = graph.input("x")
    graph.outputs["J"] = graph.make("exp", [x]) * x
    true = float(np.float32(math.exp(0.5) * 1.5))
    verdicts = [
        bool(check(graph, [x], {"x": 0.5}, gradient=[true * factor]))
        for factor in (1.0, 1.000001, WRONG)
    ]
    assert [True, True, False] == verdicts


def test_compiled() -> None:
    """The gradient of compiled code passes, with the lectures' first example."""
    text = (
        "w: param\nb: param\nx: data\nt: data\nlam: data = 0.1\n"
        "z = w*x + b\ny = sigmoid(z)\nL = (y - t)**2/2\nR = w**2/2\nL + lam*R"
    )
    report = ob.compile(text).check(0.5, -1.0, x=2.0, t=0.25)
    assert report, str(report)
    assert max(row.units for row in report.rows) < 4


def test_many_parameters() -> None:
    """A hundred parameters are checked in seconds."""
    graph = Graph()
    x = [graph.input(f"x{i}") for i in range(100)]
    total = x[0]
    for a, b in itertools.pairwise(x):
        total = total + graph.make("sin", [a * b])
    graph.outputs["J"] = total
    assert check(graph, x, {f"x{i}": 0.1 + i / 100 for i in range(100)})


@pytest.mark.parametrize(
    ("inputs", "options", "message"),
    [
        ({}, {}, "expected a value for 'x', found none"),
        ({"x": [1.0]}, {}, "expected one number for 'x', found shape (1,)"),
        (
            {"x": 1.0},
            {"gradient": [1.0, 2.0]},
            "expected a gradient of 1 entries, found 2",
        ),
    ],
)
def test_errors(inputs: dict[str, Any], options: dict[str, Any], message: str) -> None:
    """What does not fit is refused by name."""
    graph = ob.compile("x + 1").graph
    with pytest.raises(InputError) as error:
        check(graph, [graph.inputs["x"]], inputs, **options)
    assert message == error.value.message
