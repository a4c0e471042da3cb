"""Hold values, gradients and Hessians to a few units over the whole range."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from accuracy.formulas import ENOUGH, Case, above, both, close
from accuracy.heldout import HELD_OUT
from accuracy.listed import LISTED
from accuracy.measure import Subject, derivatives, written
from accuracy.table import PAGE

from overbar.ir.ops import apply

if TYPE_CHECKING:
    from overbar.ir.graph import Node

FAST = 25
"""Points at which it is enough to see that a formula as written is far off."""


@pytest.mark.parametrize("case", LISTED, ids=written)
def test_listed_formulas_are_right_to_a_few_units(case: Case) -> None:
    """Stabilised, no result of a listed formula is off by more than a few units."""
    found = Subject(case).errors("standard")
    assert {} == {k: v for k, v in found._asdict().items() if v > ENOUGH}


@pytest.mark.parametrize(
    ("case", "worst"),
    [
        (Case(lambda m, x: 1 - m.cos(x), (both(1e-9, 1e-7),)), "value"),
        (Case(lambda m, x: m.sin(x) / x, (both(1e-7, 1e-5),)), "gradient"),
        (Case(lambda _, x: x / (x + 1), (above(1e6, 1e9),)), "hessian"),
        (Case(lambda m, x: m.log(1 + m.exp(x)), (above(750, 900),)), "value"),
        (Case(lambda m, x: m.exp(x) / (1 + m.exp(x)), (above(720, 900),)), "gradient"),
    ],
)
def test_the_measure_sees_what_is_wrong(case: Case, worst: str) -> None:
    """As they are written these formulas lose digits, and the measure says where."""
    found = Subject(case, FAST).errors("strict")._asdict()
    assert found[worst] > 1e5


def test_the_measure_sees_few_units() -> None:
    """A result that is twenty units off is not let through."""
    right = Subject(Case(lambda _, x: x * 3, (above(1, 2),)), FAST)
    off = 1 + 20 * 2.0**-52
    wrong = Subject(Case(lambda _, x: x * (3 * off), (above(1, 2),)), FAST)
    wrong.__dict__["truth"] = right.truth
    assert all(10 < units < 50 for units in wrong.errors("strict")[:2])


def at(formula: Any, *point: float) -> list[float]:
    """Return value, gradient and the Hessian's diagonal, stabilised, at a point."""
    case = Case(formula, (above(1, 2),) * len(point))
    column = np.array([point], dtype=float).T
    return [float(x[0]) for x in derivatives(case, "standard").at(column)]


def _guarded(m: Any, x: Node) -> Node:
    return m.select(m.gt(x, 0.0), x * m.log(x), 0.0)


def _limit(m: Any, a: Node, b: Node) -> Node:
    return m.log(m.exp(a) + m.exp(b))


@pytest.mark.parametrize(
    ("formula", "point", "expected"),
    [
        (_guarded, (0.0,), [0, 0, 0]),
        (_guarded, (-1.0,), [0, 0, 0]),
        (_guarded, (1.0,), [0, 1, 1]),
        (_limit, (math.inf, 0.0), [math.inf, 1, 0, 0, 0]),
        (_limit, (-math.inf, -math.inf), [-math.inf, 0.5, 0.5, 0.25, 0.25]),
        (_limit, (math.inf, math.inf), [math.inf, 0.5, 0.5, 0.25, 0.25]),
        (_limit, (-math.inf, 3.0), [3, 0, 1, 0, 0]),
        (_limit, (800.0, 0.0), [800, 1, 0, 0, 0]),
        (lambda m, x: m.sin(x) / x, (0.0,), [1, 0, -1 / 3]),
        (lambda m, x: (m.exp(x) - 1) / x, (0.0,), [1, 1 / 2, 1 / 3]),
        (lambda m, x: m.log(1 + x) / x, (0.0,), [1, -1 / 2, 2 / 3]),
        (lambda m, x: x / (m.exp(x) - 1), (0.0,), [1, -1 / 2, 1 / 6]),
        (lambda m, x: 1 / (m.exp(x) - 1), (800.0,), [0, 0, 0]),
        (lambda m, x: 1 / (m.exp(x) - 1), (-800.0,), [-1, 0, 0]),
        (lambda m, x: m.log(1 + m.exp(x)), (800.0,), [800, 1, 0]),
        (lambda _, x: x**2 / (x**2 + 1), (1e160,), [1, 0, 0]),
        (lambda m, x: m.sqrt(x**2), (0.0,), [0, 0, 0]),
    ],
)
def test_limits(formula: Any, point: tuple[float, ...], expected: list[float]) -> None:
    """Where the formula as written gives NaN, its limit is found."""
    found = at(formula, *point)
    assert pytest.approx(expected, rel=4e-16, abs=0) == found


@pytest.mark.parametrize("point", [(math.nan, 1.0), (1.0, math.nan)])
@pytest.mark.parametrize(
    "formula",
    [
        lambda m, x, y: m.log(m.exp(x) + m.exp(y)),
        lambda m, x, y: m.exp(x) / (m.exp(x) + m.exp(y)),
        lambda m, x, y: m.exp(x) - m.exp(y),
        lambda m, x, y: m.sqrt(x**2 + y**2),
        lambda _, x, y: x**2 - y**2,
        lambda _, x, y: x**2 / (x**2 + y**2),
        lambda _, x, y: (1 + x) ** y - 1,
        lambda m, x, y: m.sin(x) / x + (1 - m.cos(y)),
        lambda _, x, y: x * 0.0 + y,
    ],
)
def test_nan_stays(formula: Any, point: tuple[float, float]) -> None:
    """NaN in gives NaN out, stabilised or not."""
    assert math.isnan(at(formula, *point)[0])


def test_differences_of_squares_are_right_in_themselves() -> None:
    """x**2 - y**2 is right to 3 ulp however near y is to x."""
    subject = Subject(
        Case(lambda _, x, y: x**2 - y**2, (both(1e-60, 1e60), close(1e-15, 1e-3)))
    )
    result = derivatives(subject.case, "standard").at(np.array(subject.points).T)[0]
    for found, truths in zip(result, subject.truth, strict=True):
        true = truths[0][0]
        assert abs(found - true) <= 3 * abs(true) * 2.0**-53


def test_the_page_is_of_these_formulas() -> None:
    """docs/accuracy.md has a row for each formula, in order."""
    rows = re.findall(r"^\| `(.*?)` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert [written(case).replace("|", "\\|") for case in LISTED + HELD_OUT] == rows


def test_functions_are_the_op_tables() -> None:
    """Formulas are measured on the ops that the readers make."""
    case = Case(lambda m, x: m.exp(x), (above(1, 2),))
    root = derivatives(case, "strict").graph.outputs["f"]
    assert apply("exp", *root.args) is root
