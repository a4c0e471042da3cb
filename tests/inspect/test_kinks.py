"""Kinks, jumps and branches are listed with their place and convention."""

from __future__ import annotations

import pytest

import overbar as ob
from overbar.ir.graph import Graph
from overbar.ir.ops import OPS, apply
from overbar.ir.ops.piecewise import CONVENTIONS
from overbar.kinks import Kink, kinks

LINES = [
    ("abs(x - 1)", ["line 1: abs(x - 1): x - 1 = 0 (kink, half)"]),
    ("max(x, y)", ["line 1: max(x, y): x, y tie (kink, half)"]),
    ("min(x, y, 3)", ["line 1: min(x, y, 3): x, y, 3 tie (kink, half)"]),
    ("floor(2*x)", ["line 1: floor(2*x): 2*x is an integer (jump)"]),
    ("x % y", ["line 1: x % y: x is a multiple of y (jump)"]),
    ("sign(x)*y", ["line 1: sign(x): x = 0 (jump)"]),
    ("relu(x)", ["line 1: relu(x): x = 0 (kink, left)"]),
    ("hypot(x, y)", ["line 1: hypot(x, y): x = y = 0 (kink, zero)"]),
    (
        "where(x > 0 and y < 1, x, y)",
        [
            (
                "line 1: x if x > 0 and y < 1 else y: "
                "where x > 0 and y < 1 changes (branch)"
            ),
        ],
    ),
    (
        "u = abs(x)\nv = max(u, y)\nv + abs(y) + u",
        [
            "line 1: abs(x): x = 0 (kink, half)",
            "line 2: max(u, y): u, y tie (kink, half)",
            "line 3: abs(y): y = 0 (kink, half)",
        ],
    ),
    ("exp(x)*sqrt(y)", []),
]


@pytest.mark.parametrize(("text", "lines"), LINES)
def test_lines(text: str, lines: list[str]) -> None:
    """Every kink is one line: place, operation, where it is, kind and convention."""
    assert lines == [str(kink) for kink in kinks(ob.compile(text).graph)]


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_convention(convention: str) -> None:
    """A kink tells the convention of its formula."""
    (kink,) = ob.compile("abs(x)", kinks=convention).kinks
    assert ("kink", convention) == (kink.kind, kink.convention)


def test_order_is_the_users() -> None:
    """Kinks come in the order of the statements, whatever order nodes were made in."""
    graph = Graph()
    x, y = graph.input("x"), graph.input("y")
    late, early = apply("abs", y), apply("abs", x)
    graph.assign("a", early)
    graph.assign("b", late)
    graph.outputs["J"] = early + late
    assert ["abs(x)", "abs(y)"] == [kink.expression for kink in kinks(graph)]


def test_each_once() -> None:
    """Uses of one kink, and branches of one line on one condition, are one."""
    text = "u = abs(x)\nu*u + where(x > 1, u, 2) + where(x > 1, 3, x)"
    found = [(k.kind, k.condition) for k in ob.compile(text).kinks]
    assert [("kink", "x = 0"), ("branch", "where x > 1 changes")] == found


def test_conditions_alone_make_no_kink() -> None:
    """A kink inside a condition moves the branch, but no derivative goes through it."""
    found = ob.compile("where(abs(x) > 1, x, 2*x)").kinks
    assert ["branch"] == [kink.kind for kink in found]


def test_a_condition_as_a_number_is_a_jump() -> None:
    """A condition that is multiplied jumps where it changes."""
    graph = Graph()
    x = graph.input("x")
    graph.outputs["J"] = x * apply("gt", x, 2.0)
    (kink,) = kinks(graph)
    assert ("jump", "where x > 2 changes") == (kink.kind, kink.condition)


def rows_with_kinks() -> list[str]:
    """Return the ops on numbers whose row has a kink."""
    return [n for n, row in OPS.items() if row.kink and row.shaping is None]


@pytest.mark.parametrize("name", rows_with_kinks())
def test_every_row(name: str) -> None:
    """Every row with a kink is found and its text filled in."""
    graph, row = Graph(), OPS[name]
    args = [graph.input(f"x{i}") for i in range(row.arity or 3)]
    graph.outputs["J"] = graph.make(row, args)
    (kink,) = kinks(graph)
    assert "x0" in kink.condition
    assert not {"{", "}", "(jump)"} & set(kink.condition.split())
    assert kink.kind == ("jump" if "(jump)" in str(row.kink) else "kink")


def test_unknown_place() -> None:
    """Without a place, a kink is its text; at the prompt it stands in brackets."""
    kink = Kink("abs(x)", "x = 0", "kink", "half")
    assert "<abs(x): x = 0 (kink, half)>" == repr(kink)


def test_depth() -> None:
    """A hundred thousand kinks on a long chain are listed in linear time."""
    graph = Graph()
    node = graph.input("x")
    for _ in range(50_000):
        node = apply("abs", node) - 1.0
    graph.outputs["J"] = node
    assert 50_000 == len(kinks(graph))
