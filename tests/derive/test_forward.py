"""Forward mode against mpmath, against reverse mode, and where branches hide NaN."""

from __future__ import annotations

import inspect
import math
import sys

import numpy as np
import pytest
from random_programs import INPUTS, SYMBOLIC, draw, points, run, truth

import overbar as ob
from overbar.derive.forward import forward
from overbar.ir.evaluate import evaluate
from overbar.ir.graph import Graph
from overbar.ir.ops import apply

DIRECTION = (0.75, -1.5, 0.5)


@pytest.mark.parametrize("seed", range(100, 140))
def test_random_programs_have_the_derivatives_of_mpmath(seed):
    """Tangents of the value and of the gradient are those of differences."""
    steps = draw(seed, 30)
    symbols = [ob.param(n) for n in INPUTS]
    formula = run(steps, symbols, SYMBOLIC)[-1]
    f = ob.compile(formula, inputs=symbols, backend="reference")
    for point in points(seed, 6):
        expected = truth(steps, point)
        if expected is None:
            continue
        scale = 1 + np.abs(expected.gradient).max()
        slope = expected.gradient @ DIRECTION
        assert slope == pytest.approx(f.jvp(point, DIRECTION), abs=1e-7 * scale)
        scale += np.abs(expected.hessian).max()
        np.testing.assert_allclose(
            f.hvp(point, DIRECTION), expected.hessian @ DIRECTION, atol=1e-6 * scale
        )


@pytest.mark.parametrize("seed", range(20))
def test_jvp_is_the_transpose_of_vjp(seed):
    """Six outputs have J by columns; J times tangents and J' times seeds agree."""
    steps = draw(seed, 30)
    symbols = [ob.param(n) for n in INPUTS]
    outputs = run(steps, symbols, SYMBOLIC)[-6:]
    f = ob.compile(outputs, inputs=symbols, backend="reference")
    seeds = [1.0, -0.5, 2.0, 0.25, -3.0, 0.125]
    for point in points(seed, 3):
        jacobian = np.stack(f.jacobian(*point), axis=-1)
        if not np.isfinite(jacobian).all() or np.abs(jacobian).max() > 1e6:
            continue
        tolerance = 1e-10 * (1 + np.abs(jacobian).max())
        tangents, adjoints = f.jvp(point, DIRECTION), f.vjp(point, seeds)
        np.testing.assert_allclose(tangents, jacobian @ DIRECTION, atol=tolerance)
        np.testing.assert_allclose(adjoints, seeds @ jacobian, atol=tolerance)


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_jacobians_are_the_same_by_rows_and_by_columns(count):
    """Few outputs take reverse mode, many take forward mode: one matrix either way."""
    texts = ["x*sin(y)", "exp(x*y) - y", "x/(1 + y**2)", "3.0", "y"]
    expected = np.array([
        [math.sin(0.5), 2 * math.cos(0.5)],
        [0.5 * math.e, 2 * math.e - 1],
        [0.8, -1.28],
        [0.0, 0.0],
        [0.0, 1.0],
    ])  # fmt: skip
    f = ob.compile(", ".join(texts[:count]), inputs=["x", "y"], backend="reference")
    found = f.flat.jacobian(np.array([2.0, 0.5]))
    np.testing.assert_allclose(found, expected[:count].squeeze(), rtol=1e-15)


@pytest.mark.parametrize(
    ("text", "point", "tangent"),
    [
        ("where(x > 0, sqrt(x), 0)", 0.0, 0.0),
        ("where(x > 0, sqrt(x), 0)", -1.0, 0.0),
        ("where(x < 1, x, log(x - 1))", 0.5, 1.0),
        ("u = log(x)\nwhere(x > 0, u, 0)*where(x > 1, u, 2)", -1.0, 0.0),
    ],
)
def test_untaken_branches_do_not_reach_tangents(text, point, tangent):
    """What is infinite or NaN on the untaken side stays there."""
    for backend in ("python", "reference"):
        f = ob.compile(text, inputs=["x"], backend=backend)
        assert tangent == f.jvp([point], [1.0])


@pytest.mark.parametrize("kinks", ["half", "left", "right", "zero"])
@pytest.mark.parametrize(
    "text",
    ["abs(x - y)*z", "max(x, y, z)", "min(x, y)*z", "clip(x, y, z)", "relu(x - y)*z"],
)
def test_both_modes_agree_at_kinks(text, kinks):
    """Forward and reverse mode use the same convention."""
    f = ob.compile(text, inputs=list("xyz"), kinks=kinks, backend="reference")
    point = (1.0, 1.0, 1.0)
    tangents = [f.jvp(point, unit) for unit in np.eye(3).tolist()]
    assert tuple(tangents) == f.grad(*point)


def test_zero_tangents_are_left_out():
    """Nodes that the moved inputs do not reach have no tangent at all."""
    graph = Graph()
    x, y = graph.input("x"), graph.input("y")
    still, moved = apply("sin", y), apply("cos", x)
    step = apply("floor", x)
    found = forward(graph, {x: graph.const(1.0)}, [still * moved, step])
    assert {x, moved, still * moved} == set(found)


def test_tangents_of_tangents():
    """Forward over forward gives second derivatives."""
    graph = Graph()
    x = graph.input("x")
    node, values = apply("sin", x) * x, []
    for _ in range(4):
        values.append(float(evaluate(graph, {"x": 0.3}, [node])[node]))
        graph.formula_size = len(graph)
        node = forward(graph, {x: graph.const(1.0)}, [node])[node]
    s, c = math.sin(0.3), math.cos(0.3)
    expected = [0.3 * s, s + 0.3 * c, 2 * c - 0.3 * s, -3 * s - 0.3 * c]
    np.testing.assert_allclose(values, expected, rtol=1e-14)


def test_tangents_grow_linearly():
    """Twice the nodes give twice the tangents: counted, not timed."""
    growth = []
    for n in (1000, 2000, 4000):
        graph = Graph()
        x = graph.input("x")
        value = x
        for i in range(n):
            value = apply("select", apply("gt", x, float(i)), apply("sin", value), x)
        before = len(graph)
        graph.formula_size = before
        forward(graph, {x: graph.const(1.0)}, [value])
        growth.append((len(graph) - before) / before)
    np.testing.assert_allclose(growth, growth[0], rtol=0.05)


def test_a_long_chain_needs_no_recursion():
    """The tangent of sin(sin(...)) is the product of all cosines."""
    graph, count = Graph(), 50_000
    x = graph.input("x")
    node = x
    for _ in range(count):
        node = apply("sin", node)
    graph.formula_size = len(graph)
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack()) + 120)
    try:
        tangent = forward(graph, {x: graph.const(1.0)}, [node])[node]
    finally:
        sys.setrecursionlimit(limit)
    slope, value = 1.0, 0.7
    for _ in range(count):
        slope, value = slope * math.cos(value), math.sin(value)
    found = evaluate(graph, {"x": 0.7}, [tangent])[tangent]
    assert slope == pytest.approx(found, rel=1e-9)
