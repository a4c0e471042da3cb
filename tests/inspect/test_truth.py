"""A derivative rule that is wrong by 0.05 % fails the gradient check, by its name."""

from __future__ import annotations

import contextlib
import dataclasses
import math

import pytest

from overbar.check import check
from overbar.differences import central
from overbar.ir.evaluate import evaluate, evaluate_exactly
from overbar.ir.graph import Graph
from overbar.ir.ops import OPS, Op

WRONG = 1.0005
"""0.05 % off: the error that is to be found."""

INSIDE = (0.4, 0.7, 0.2, 0.6)
ELSEWHERE = (
    (0.7, 0.4, 0.2, 0.6),
    (0.2, 0.4, 0.7, 0.6),
    (0.7, 0.2, 0.4, 0.6),
    (-0.4, 0.7, 0.2, 0.6),
    (0.0, 0.7, 0.2, 0.6),
)
POINTS = {"mod": (2.3, 0.7)}


def applied(
    name: str, inside: tuple[float, ...] = INSIDE
) -> tuple[Graph, dict[str, float]]:
    """Return a graph that applies one op to inputs, and a point in its domain."""
    graph, row = Graph(), OPS[name]
    values = [
        x if low < x < high else low + x if math.isfinite(low) else high - x
        for (low, high), x in zip(row.domain * 3, inside, strict=False)
    ][: row.arity or 3]
    values = list(POINTS.get(name, values))
    args = [graph.input(f"x{i}") for i in range(len(values))]
    at = {f"x{i}": value for i, value in enumerate(values)}
    for attrs in ((), (2,), (2, 2)):  # an op without its attributes cannot be run
        with contextlib.suppress(TypeError, IndexError):
            root = graph.make(row, args, attrs)
            evaluate(graph, at, [root])
            evaluate_exactly(graph, at, [root])
            graph.outputs["out"] = root
            break
    return graph, at


def ruled(row: Op) -> list[int]:
    """Return the operands of an op that have a rule."""
    if callable(row.partials):
        return [0, 1, 2]
    rules = row.products or row.partials or ()
    return [k for k, rule in enumerate(rules) if rule is not None]


def is_tied(name: str) -> bool:
    """Whether an op has an operand that its others determine, and so no rule for it."""
    graph, at = applied(name)
    return any(
        central(graph, at, f"x{k}", 1e-4) != [0.0]
        for k in range(len(at))
        if k not in ruled(OPS[name])
    )


RULES = [
    (row.name, k)
    for row in OPS.values()
    if row.typing is not None and ruled(row) and not is_tied(row.name)
    for k in ruled(row)
]


def wrong(name: str, k: int) -> Op:
    """Return the row with the rule of operand k wrong by 0.05 %."""
    row = OPS[name]
    if callable(row.partials):
        general = row.partials
        return dataclasses.replace(
            row,
            partials=lambda i, out, *args: (
                general(i, out, *args) * (WRONG if i == k else 1.0)
            ),
        )
    column = "products" if row.products else "partials"
    rules = list(getattr(row, column))
    rule = rules[k]
    rules[k] = lambda *args: rule(*args) * WRONG
    return dataclasses.replace(row, **{column: tuple(rules)})


@pytest.mark.parametrize(("name", "k"), RULES)
def test_right_rules_pass(name: str, k: int) -> None:
    """Every rule of the op table passes the check at an ordinary point."""
    graph, at = applied(name)
    report = check(graph, [graph.inputs[f"x{k}"]], at)
    assert report, str(report)


@pytest.mark.parametrize(("name", "k"), RULES)
def test_wrong_rules_fail(name: str, k: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every rule of the op table fails the check, by name, when 0.05 % off."""
    for inside in (INSIDE, *ELSEWHERE):
        graph, at = applied(name, inside)
        (row,) = check(graph, [graph.inputs[f"x{k}"]], at).rows
        if row.exact:  # where the derivative is zero, so is a wrong one
            break
    monkeypatch.setitem(OPS, name, wrong(name, k))
    graph, at = applied(name, inside)
    (row,) = check(graph, [graph.inputs[f"x{k}"]], at).rows
    assert not row.ok
    assert "the rule of" in row.note


@pytest.mark.parametrize("place", range(3))
@pytest.mark.parametrize("size", [1e-8, 1.0, 1e8])
def test_a_wrong_rule_is_found_in_a_large_formula(
    place: int, size: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One wrong rule is named, however small its share of the gradient is."""
    monkeypatch.setitem(OPS, "sin", wrong("sin", 0))
    graph = Graph()
    names = ["x", "y", "z"]
    x = [graph.input(name) for name in names]
    total = graph.make("exp", [x[0] * x[1]]) + graph.make("log", [x[1] + x[2]]) * x[0]
    graph.outputs["J"] = total + size * graph.make("sin", [x[place] * 2.0])
    at = {"x": 0.3, "y": 0.5, "z": 0.4}
    report = check(graph, x, at)
    assert [i == place for i in range(3)] == [not row.ok for row in report.rows]
    assert "the rule of sin(" in report.rows[place].note
