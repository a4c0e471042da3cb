"""Check that the exact rows keep every value, bit for bit."""

from __future__ import annotations

import itertools
import math
import struct
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from overbar.ir.evaluate import evaluate
from overbar.ir.graph import Graph, Node
from overbar.ir.ops import OPS, apply
from overbar.ir.types import BOOL
from overbar.levels import LEVELS
from overbar.rewrite.engine import Rewriter, Rule
from overbar.rewrite.exact import EXACT

if TYPE_CHECKING:
    from collections.abc import Callable

SPECIAL = [0.0, -0.0, 5e-324, -1e-310, 1e-300, 1.0, -1.0, 0.5, -3.0, 1e300, -1e300]
SPECIAL += [math.inf, -math.inf, math.nan]
RANDOM = [float(x) for x in np.random.default_rng(7).normal(size=12) * 10.0**3]


def _row(op: str, *formulas: Callable[..., Node]) -> list[tuple[str, Any]]:
    return [(op, formula) for formula in formulas]


EXAMPLES = [
    *_row("add", lambda x, y: x + -y, lambda x, y: -x + y),
    *_row("sub", lambda x, y: x - (-y), lambda x, y: x - 0.0 + y),
    *_row(
        "mul",
        lambda x, y: 1.0 * x + y,
        lambda x, y: x * 1.0 + y,
        lambda x, y: -1.0 * x + y,
        lambda x, y: x * -1.0 + y,
        lambda x, y: -x * y,
        lambda x, y: x * -y,
        lambda x, y: -x * -y,
    ),
    *_row(
        "div",
        lambda x, y: x / 1.0 + y,
        lambda x, y: x / -1.0 + y,
        lambda x, y: -x / y,
        lambda x, y: x / -y,
        lambda x, y: -x / -y,
    ),
    *_row("neg", lambda x, y: apply("neg", -x) + y),
    *_row(
        "pow",
        lambda x, y: x**2.0 + y,
        lambda x, y: x**1.0 + y,
        lambda x, y: x**0.0 + y,
        lambda x, y: x**-1.0 + y,
        lambda x, y: x**0.5 + y,
    ),
    *_row(
        "powi",
        lambda x, y: apply("powi", x, attrs=(1,)) + y,
        lambda x, y: apply("powi", x, attrs=(-1,)) + y,
        lambda x, y: apply("powi", -x, attrs=(2,)) + y,
        lambda x, y: apply("powi", -x, attrs=(3,)) + y,
        lambda x, y: apply("powi", -x, attrs=(-5,)) + y,
    ),
    *_row(
        "amul",
        lambda x, y: apply("amul", 2.0, x) + y,
        lambda x, y: apply("amul", x, -3.0) + y,
        lambda x, y: apply("amul", math.nan, x) + y,
        lambda x, y: apply("amul", -1.0, 1.0 / y) + x,
    ),
    *_row(
        "select",
        lambda x, y: apply("select", x.graph.const(True), x, y),  # noqa: FBT003
        lambda x, y: apply("select", x.graph.const(False), x, y),  # noqa: FBT003
        lambda x, y: apply("select", apply("lt", x, y), x, x) + y,
        lambda x, y: apply("select", apply("not", apply("lt", x, y)), x, y),
    ),
    *_row("abs", lambda x, y: apply("abs", -x) + y,
          lambda x, y: apply("abs", apply("abs", x)) + y),
]  # fmt: skip

LOGIC = [
    *_row("and", lambda c, _: apply("and", c, c),
          lambda c, _: apply("and", c, c.graph.const(True)),  # noqa: FBT003
          lambda c, d: apply("and", c.graph.const(True), d),  # noqa: FBT003
          lambda c, _: apply("and", c, c.graph.const(False)),  # noqa: FBT003
          lambda c, d: apply("and", c.graph.const(False), d)),  # noqa: FBT003
    *_row("or", lambda c, _: apply("or", c, c),
          lambda c, _: apply("or", c, c.graph.const(False)),  # noqa: FBT003
          lambda c, d: apply("or", c.graph.const(False), d),  # noqa: FBT003
          lambda c, _: apply("or", c, c.graph.const(True)),  # noqa: FBT003
          lambda c, d: apply("or", c.graph.const(True), d)),  # noqa: FBT003
    *_row("not", lambda c, _: apply("not", apply("not", c))),
]  # fmt: skip


def bits(value: float) -> bytes:
    """Return a float's bits, the same for every NaN."""
    return b"nan" if math.isnan(value) else struct.pack("<d", value)


def make(formula: Any, *, exact: bool, kind: Any = None) -> tuple[Graph, Node]:
    """Return a formula's graph and node, with the exact rows or without any."""
    graph = Graph(rewrite=Rewriter(EXACT) if exact else None)
    node = formula(*(graph.input(name, kind=kind) for name in "xy"))
    return graph, node


@pytest.mark.parametrize(("op", "formula"), EXAMPLES)
def test_values_stay_the_same_bit_for_bit(op: str, formula: Any) -> None:
    """A rewritten formula gives the float of the written one, at special values too."""
    del op
    plain, before = make(formula, exact=False)
    graph, after = make(formula, exact=True)
    for x, y in itertools.product(SPECIAL + RANDOM, repeat=2):
        given = {"x": x, "y": y}
        expected = evaluate(plain, given, [before])[before]
        found = evaluate(graph, given, [after])[after]
        assert (x, y, bits(expected)) == (x, y, bits(found))


@pytest.mark.parametrize(("op", "formula"), LOGIC)
def test_conditions_stay_the_same(op: str, formula: Any) -> None:
    """A rewritten condition has the truth values of the written one."""
    del op
    plain, before = make(formula, exact=False, kind=BOOL)
    graph, after = make(formula, exact=True, kind=BOOL)
    for x, y in itertools.product((False, True), repeat=2):
        given = {"x": x, "y": y}
        expected = evaluate(plain, given, [before])[before]
        assert bool(expected) == bool(evaluate(graph, given, [after])[after])


@pytest.mark.parametrize(("op", "formula"), EXAMPLES + LOGIC)
def test_every_example_is_rewritten(op: str, formula: Any) -> None:
    """The op of the row is gone from each example, so the examples test the rows."""
    kind = BOOL if (op, formula) in LOGIC else None
    plain, before = make(formula, exact=False, kind=kind)
    graph, after = make(formula, exact=True, kind=kind)
    shape = [repr(n).split(" ", 2)[2] for n in plain.order([before])]
    assert shape != [repr(n).split(" ", 2)[2] for n in graph.order([after])]


def operands(graph: Graph) -> list[Node]:
    """Return nodes of all kinds that rows look for in operands, and others."""
    x, y = graph.input("x"), graph.input("y")
    numbers = [graph.const(v) for v in (0.0, -0.0, 1.0, -1.0, 0.5, 2.0, math.nan)]
    made = [-x, -y, 2.0 * x, x * y, x * x, x / 3.0, x / y, x + y, x - y]
    made += [apply(op, x) for op in ("exp", "sin", "abs", "sqrt", "log")]
    copies = [graph.make("copy", (n,), ("c",)) for n in (x, numbers[3])]
    return [x, y, *numbers, *made, *copies, apply("powi", x, attrs=(2,))]


@pytest.mark.parametrize(
    "rule", [r for r in LEVELS["standard"] if r.operands], ids=lambda r: r.algebra
)
def test_rows_that_are_not_asked_have_no_answer(rule: Rule) -> None:
    """Of operands that are none of a row's, the row itself would say nothing."""
    graph, asked = Graph(), []
    rewrite = Rewriter([Rule(**{**fields(rule), "answer": lambda *a: asked.append(a)})])
    for args in itertools.product(operands(graph), repeat=OPS[rule.op].arity or 2):
        asked.clear()
        folded = rewrite(graph, OPS[rule.op], args, ())
        assert asked or folded or rule.answer(graph, *args) is None, args


def fields(rule: Rule) -> dict[str, Any]:
    """Return what a row is made of."""
    return {name: getattr(rule, name) for name in rule.__slots__}


def test_every_row_has_an_example() -> None:
    """No exact row goes untested."""
    assert {rule.op for rule in EXACT} == {op for op, _ in EXAMPLES + LOGIC}


@pytest.mark.parametrize(
    "formula",
    [
        lambda x, y: x * 0.0 + y,
        lambda x, y: x - x + y,
        lambda x, y: x / x + y,
        lambda x, y: 0.0 / x + y,
        lambda x, y: apply("max", x, x) + y,
        lambda x, y: x + 0.0 + y,
        lambda x, y: apply("amul", 0.0, x) + y,
        lambda x, y: (x + y) - y,
    ],
)
def test_what_is_not_exact_stays(formula: Any) -> None:
    """Rules that would lose a NaN, an infinity or a sign are not applied."""
    plain, before = make(formula, exact=False)
    graph, after = make(formula, exact=True)
    shape = [repr(n).split(" ", 2)[2] for n in plain.order([before])]
    assert shape == [repr(n).split(" ", 2)[2] for n in graph.order([after])]
