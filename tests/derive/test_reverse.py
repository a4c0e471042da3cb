"""Reverse mode against mpmath, against sums over paths, and at the size of a million.

The number of nodes of the large graphs is 200,000, or OVERBAR_TEST_NODES.
"""

from __future__ import annotations

import inspect
import itertools
import math
import os
import sys
from typing import TYPE_CHECKING

import mpmath
import numpy as np
import pytest
from random_programs import INPUTS, SYMBOLIC, draw, points, run, truth

import overbar as ob
from overbar.derive.activity import LONGEST_PATH
from overbar.derive.reverse import reverse
from overbar.ir.evaluate import evaluate
from overbar.ir.graph import Graph
from overbar.ir.ops import apply
from overbar.ir.verify import verify
from overbar.rewrite.engine import Rewriter
from overbar.rewrite.exact import EXACT

if TYPE_CHECKING:
    from overbar.ir.graph import Node

NODES = int(os.environ.get("OVERBAR_TEST_NODES", "200000"))


# -- random programs ---------------------------------------------------------------


@pytest.mark.parametrize("seed", range(60))
def test_random_programs_have_the_derivatives_of_mpmath(seed):
    """Value, gradient and Hessian are those of differences at 60 digits."""
    steps = draw(seed, 30)
    symbols = [ob.param(n) for n in INPUTS]
    formula = run(steps, symbols, SYMBOLIC)[-1]
    f = ob.compile(formula, inputs=symbols, backend="reference")
    for point in points(seed, 6):
        expected = truth(steps, point)
        if expected is None:
            continue
        value, gradient = f.value_and_grad(*point)
        scale = 1 + np.abs(expected.gradient).max()
        assert expected.value == pytest.approx(value, rel=1e-8, abs=1e-8)
        np.testing.assert_allclose(gradient, expected.gradient, atol=1e-7 * scale)
        scale += np.abs(expected.hessian).max()
        np.testing.assert_allclose(
            f.hessian(*point), expected.hessian, atol=1e-6 * scale
        )


def test_most_random_programs_are_compared():
    """The programs of the test above have points at which something is compared."""
    compared = [
        any(truth(draw(seed, 30), p) is not None for p in points(seed, 6))
        for seed in range(60)
    ]
    assert sum(compared) > 40


# -- the sum over paths (Grosse, Lecture 6, section 2) -----------------------------

SLOPES = {
    "sin": (math.cos,),
    "tanh": (lambda x: 1 - math.tanh(x) ** 2,),
    "add": (lambda _x, _y: 1.0, lambda _x, _y: 1.0),
    "mul": (lambda _x, y: y, lambda x, _y: x),
    "sub": (lambda _x, _y: 1.0, lambda _x, _y: -1.0),
}


def _small_graph(seed: int) -> tuple[Graph, list[Node]]:
    rng = np.random.default_rng(seed)
    graph = Graph()
    nodes = [graph.input(name) for name in "xy"]
    for _ in range(10):
        op = str(rng.choice(list(SLOPES)))
        picked = rng.integers(max(0, len(nodes) - 4), len(nodes), len(SLOPES[op]))
        nodes.append(graph.make(op, [nodes[i] for i in picked]))
    graph.outputs["out"] = nodes[-1]
    graph.formula_size = len(graph)
    return graph, nodes[:2]


def _path_products(target: Node, start: Node, values: dict[Node, float]) -> list[float]:
    """Return the product of the partials along every path between two nodes."""
    paths, found = [(target, 1.0)], []
    while paths:
        node, product = paths.pop()
        if node is start:
            found.append(product)
        given = [float(values[a]) for a in node.args]
        paths += [
            (arg, product * SLOPES[node.op.name][i](*given))
            for i, arg in enumerate(node.args)
        ]
    return found


@pytest.mark.parametrize("seed", range(40))
def test_an_adjoint_is_the_sum_over_all_paths(seed):
    """dJ/dx is the sum, over all paths from x to J, of the products of partials."""
    graph, inputs = _small_graph(seed)
    out = graph.outputs["out"]
    found = reverse(graph, {out: graph.const(1.0)}, inputs)
    point = {"x": 0.7, "y": -0.4}
    values = evaluate(graph, point, [out, *found.values(), *inputs])
    expected = [math.fsum(_path_products(out, x, values)) for x in inputs]
    actual = [values[found[x]] if x in found else 0.0 for x in inputs]
    np.testing.assert_allclose(actual, expected, rtol=1e-12, atol=1e-14)


# -- large graphs ------------------------------------------------------------------


def _fresh() -> Graph:
    return Graph(rewrite=Rewriter(EXACT))


def _finished(graph: Graph, out: Node) -> Graph:
    graph.outputs["out"] = out
    graph.formula_size = len(graph)
    return graph


def chain(n: int) -> Graph:
    """Return sin(sin(...sin(x)))."""
    graph = _fresh()
    value = graph.input("x")
    for _ in range(n):
        value = apply("sin", value)
    return _finished(graph, value)


def dag(n: int) -> Graph:
    """Return a value made by `n // 4` averages of earlier ones, most used often."""
    graph = _fresh()
    return _finished(graph, _averages([graph.input("x"), graph.input("y")], n // 4))


def _averages(values: list, count: int):
    """Return the last of many averages over nodes, or over numbers."""
    for i in range(count):
        other = values[(7 * i) % len(values)]
        scale = 0.25 if i % 3 else -0.5
        values.append(0.5 * values[-1] + scale * other)
    return values[-1]


def nest(n: int) -> Graph:
    """Return branches nested n deep, each with work of its own."""
    graph = _fresh()
    x, y = graph.input("x"), graph.input("y")
    value = x
    for i in range(n // 4):
        value = apply("select", apply("gt", x, float(i)), value * y, y + float(i))
    return _finished(graph, value)


def shared_nest(n: int) -> Graph:
    """Return branches nested n deep that share values across far levels."""
    graph = _fresh()
    x, y = graph.input("x"), graph.input("y")
    count = n // 7
    roots = [apply("sqrt", x + float(i)) for i in range(count)]
    value = x
    for i in range(count):
        far = value * roots[(7 * i) % count]
        value = apply("select", apply("gt", y, float(i)), far, roots[i] * roots[i - 1])
    return _finished(graph, value)


def _gradient(graph: Graph) -> dict[Node, Node]:
    inputs = list(graph.inputs.values())
    return reverse(graph, {graph.outputs["out"]: graph.const(1.0)}, inputs)


def _with_little_stack(make, n):
    """Build and differentiate with room for 120 calls on the stack."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack()) + 120)
    try:
        graph = make(n)
        found = _gradient(graph)
    finally:
        sys.setrecursionlimit(limit)
    return graph, found


def test_a_long_chain_needs_no_recursion():
    """The derivative of sin(sin(...)) is the product of all cosines."""
    graph, found = _with_little_stack(chain, NODES)
    slope, value = 1.0, 0.7
    for _ in range(NODES):
        slope, value = slope * math.cos(value), math.sin(value)
    x_bar = found[graph.inputs["x"]]
    values = evaluate(graph, {"x": 0.7}, [x_bar, graph.outputs["out"]])
    assert value == values[graph.outputs["out"]]
    assert slope == pytest.approx(values[x_bar], rel=1e-9)


def test_a_large_dag_needs_no_recursion():
    """A linear function's derivatives are its values at the unit vectors."""
    graph, found = _with_little_stack(dag, NODES)
    count = NODES // 4
    expected = [_averages([1.0, 0.0], count), _averages([0.0, 1.0], count)]
    bars = [found[x] for x in graph.inputs.values()]
    values = evaluate(graph, {"x": 0.0, "y": 0.0}, bars)
    np.testing.assert_allclose([values[b] for b in bars], expected, rtol=1e-9)


@pytest.mark.parametrize("make", [chain, dag, nest, shared_nest])
def test_the_gradient_grows_linearly(make):
    """Twice the nodes give twice the adjoint nodes: counted, not timed."""
    counts = []
    for n in (2000, 4000, 8000):
        graph = make(n)
        before = len(graph)
        _gradient(graph)
        counts.append((len(graph) - before) / before)
    assert counts[0] < 4
    np.testing.assert_allclose(counts, counts[0], rtol=0.05)


@pytest.mark.parametrize(
    ("at", "y"),
    [*((2.5, y) for y in (-1.0, 0.5, 3.5, 11.5, 100.0)), (-0.5, -1.0), (-0.5, 0.5)],
)
@pytest.mark.parametrize("depth", [3, LONGEST_PATH, LONGEST_PATH + 1, 40])
def test_deep_nests_have_the_gradient_of_the_branch_taken(depth, at, y):
    """Values shared across levels far apart reach each use's own branch alone."""
    graph = shared_nest(7 * depth)
    x_bar = _gradient(graph)[graph.inputs["x"]]
    verify(graph.view({"x_bar": x_bar}))
    values = evaluate(graph, {"x": at, "y": y}, [graph.outputs["out"], x_bar])

    def taken(x):
        roots = [mpmath.sqrt(x + i) for i in range(depth)]
        value = x
        for i in range(depth):
            far = value * roots[(7 * i) % depth]
            value = far if y > i else roots[i] * roots[i - 1]
        return value

    expected = [float(taken(mpmath.mpf(at))), float(mpmath.diff(taken, at))]
    actual = [values[graph.outputs["out"]], values[x_bar]]
    np.testing.assert_allclose(actual, expected, rtol=1e-9)


# -- products of adjoints with partials --------------------------------------------


def test_constants_of_many_factors_do_not_gather_into_infinity():
    """The product of 2000 factors 0.5*x near 1 has finite derivatives, all right."""
    count = 2000
    xs = [ob.param(f"x{i}") for i in range(count)]
    product = 0.5 * xs[0]
    for x in xs[1:]:
        product = product * (0.5 * x)
    point = np.random.default_rng(0).uniform(1.9, 2.1, count)
    f = ob.compile(product, inputs=[xs], backend="reference")
    expected = math.exp(math.fsum(map(math.log, point / 2))) / point
    np.testing.assert_allclose(f.grad(point), expected, rtol=1e-11)


@pytest.mark.parametrize(
    ("factors", "expected"),
    [
        ([1e200, 1e-200] * 50, 1.0),
        ([1e-300, 1e300] * 3, 1.0),
        ([3.0] * 400 + [1 / 3] * 400, 1.0),
        ([2.0**40] * 20 + [2.0**-40] * 20, 1.0),
        ([-2.0] * 501 + [0.5] * 501, -1.0),
        ([2.0] * 500 + [-0.25] * 500 + [2.0] * 500, 1.0),
    ],
)
@pytest.mark.parametrize("divide", [False, True])
def test_chains_of_constants_stay_in_range(factors, expected, divide):
    """Gathered constants neither overflow nor underflow where the product does not."""
    value = ob.param("x")
    for factor in factors:
        value = value / (1 / factor) if divide else value * factor
    f = ob.compile(value, backend="reference")
    assert (expected,) == pytest.approx(f.grad(1.0), rel=1e-13)


# -- kinks -------------------------------------------------------------------------

CONVENTIONS = ("half", "left", "right", "zero")
THIRD = 1 / 3
KINKS = [
    # formula, point, gradient by convention
    ("abs(x)", (0.0,), [(0.0,), (-1.0,), (1.0,), (0.0,)]),
    ("abs(x)", (-0.0,), [(0.0,), (-1.0,), (1.0,), (0.0,)]),
    ("max(x, y)", (1.0, 1.0), [(0.5, 0.5), (0.0, 0.0), (1.0, 1.0), (0.0, 0.0)]),
    ("min(x, y)", (1.0, 1.0), [(0.5, 0.5), (1.0, 1.0), (0.0, 0.0), (0.0, 0.0)]),
    ("max(x, y, z)", (1.0, 1.0, 1.0), [(THIRD,) * 3, (0.0,) * 3, (1.0,) * 3,
                                       (0.0,) * 3]),
    ("min(x, y, z)", (1.0, 1.0, 1.0), [(THIRD,) * 3, (1.0,) * 3, (0.0,) * 3,
                                       (0.0,) * 3]),
    ("max(x, y, z)", (1.0, 0.0, 1.0), [(0.5, 0.0, 0.5), (0.0,) * 3, (1.0, 0.0, 1.0),
                                       (0.0,) * 3]),
    ("min(x, y, z)", (1.0, 2.0, 1.0), [(0.5, 0.0, 0.5), (1.0, 0.0, 1.0), (0.0,) * 3,
                                       (0.0,) * 3]),
    ("max(x, x)", (1.0,), [(1.0,), (0.0,), (2.0,), (0.0,)]),
    ("max(x, 0)", (0.0,), [(0.5,), (0.0,), (1.0,), (0.0,)]),
    ("min(x, 0)", (0.0,), [(0.5,), (1.0,), (0.0,), (0.0,)]),
    ("clip(x, 0, 1)", (0.0,), [(0.5,), (0.0,), (1.0,), (0.0,)]),
    ("clip(x, 0, 1)", (1.0,), [(0.5,), (1.0,), (0.0,), (0.0,)]),
    # the named functions take the left slope, whatever the convention
    ("relu(x)", (0.0,), [(0.0,)] * 4),
    ("leaky_relu(x, 0.125)", (0.0,), [(0.125,)] * 4),
    # the subgradient of least norm
    ("hypot(x, y)", (0.0, 0.0), [(0.0, 0.0)] * 4),
    ("sqrt(x**2 + y**2)", (0.0, 0.0), [(0.0, 0.0)] * 4),
]  # fmt: skip


@pytest.mark.parametrize("backend", ["python", "reference"])
@pytest.mark.parametrize(("place", "kinks"), list(enumerate(CONVENTIONS)))
@pytest.mark.parametrize(("text", "point", "gradients"), KINKS)
def test_kinks_follow_the_convention(text, point, gradients, kinks, place, backend):
    """At a kink the gradient is the declared one, to the last bit."""
    names = list("xyz"[: len(point)])
    f = ob.compile(text, inputs=names, kinks=kinks, backend=backend)
    assert gradients[place] == f.grad(*point)


# -- higher orders -----------------------------------------------------------------

SMOOTH = [
    ("sin(x)*exp(2*x)", lambda x: mpmath.sin(x) * mpmath.exp(2 * x), 0.3),
    ("log(1 + x**2)/x", lambda x: mpmath.log(1 + x**2) / x, 0.7),
    ("tanh(x)**3", lambda x: mpmath.tanh(x) ** 3, -0.4),
    ("sqrt(x)*atan(x)", lambda x: mpmath.sqrt(x) * mpmath.atan(x), 1.3),
    ("x**x", lambda x: x**x, 1.7),
    ("x**5 if x > 1 else x**4", lambda x: x**5, 1.5),
    ("x**5 if x > 1 else x**4", lambda x: x**4, 0.5),
]


@pytest.mark.parametrize(("text", "function", "point"), SMOOTH)
def test_derivatives_of_derivatives(text, function, point):
    """The gradient's graph differentiates again, four times over."""
    graph = ob.compile(text, backend="reference").graph
    x, node = graph.inputs["x"], graph.outputs["out"]
    with mpmath.workdps(60):
        expected = [float(mpmath.diff(function, point, n)) for n in range(5)]
    actual = []
    for _ in range(5):
        actual.append(float(evaluate(graph, {"x": point}, [node])[node]))
        graph.formula_size = len(graph)
        node = reverse(graph, {node: graph.const(1.0)}, [x])[x]
    np.testing.assert_allclose(actual, expected, rtol=1e-11)


@pytest.mark.parametrize("seed", range(20))
def test_both_triangles_of_the_hessian_agree(seed):
    """Mixed derivatives are equal in either order, computed in both."""
    steps = draw(seed, 25)
    symbols = [ob.param(n) for n in INPUTS]
    formula = run(steps, symbols, SYMBOLIC)[-1]
    f = ob.compile(formula, inputs=symbols, backend="reference")
    for point in points(seed, 4):
        if truth(steps, point) is None:
            continue
        columns = [f.hvp(point, unit) for unit in np.eye(3).tolist()]
        hessian = np.array(f.hessian(*point))
        scale = 1 + np.abs(hessian).max()
        for i, j in itertools.product(range(3), repeat=2):
            assert columns[i][j] == pytest.approx(columns[j][i], abs=1e-9 * scale)
            assert hessian[i][j] == pytest.approx(columns[j][i], abs=1e-9 * scale)
