"""Test derivatives through every array op by differences: forward, reverse, twice."""

from __future__ import annotations

import numpy as np
import pytest
from array_cases import CASES, NAMED, Ours, sizes, type_of, value_of

from overbar.codegen.lower import lower
from overbar.derive.forward import forward
from overbar.derive.reverse import reverse
from overbar.ir.evaluate import evaluate
from overbar.ir.graph import Graph
from overbar.ir.ops import OPS, TABLES, apply
from overbar.ir.verify import verify
from overbar.levels import rewrite_for

D = sizes(3, 4, 2)
STEP = 1e-6
FLOATS = ("#", "?", "%")


class Subject:
    """Hold a formula, made a number by a sum of sines, with its derivatives.

    slope: forward, along `dots`; bars: reverse; and of each of these, the derivative
    backwards and forwards: the Hessian times `dots`, four ways.
    """

    def __init__(self, formula, operands, seed=3):
        rng = np.random.default_rng(seed)
        self.graph = graph = Graph(rewrite=rewrite_for("standard"))
        nodes = [
            graph.input(f"x{k}", "param", type_of(t, NAMED))
            for k, t in enumerate(operands)
        ]
        graph.input("sizes", "data", type_of("mnk", NAMED))
        self.values = {f"x{k}": value_of(t, D, rng) for k, t in enumerate(operands)}
        self.params = [n for n in nodes if n.type.is_float]
        self.dirs = {}
        for node in nodes:
            if node.type.is_float:
                self.dirs[node] = rng.standard_normal(
                    np.shape(self.values[node.attrs[0]])
                )
        out = formula(Ours(graph), NAMED, *nodes)
        self.out = out
        if not out.type.is_float or not self.params:
            return
        whole = apply("sin", out)
        axes = tuple(range(len(out.type.shape)))
        self.root = graph.make("sum", (whole,), (axes,)) if axes else whole
        graph.outputs["out"] = self.root
        graph.formula_size = len(graph)
        self.dots = {
            n: graph.remake_input(f"{n.attrs[0]}_dot", n.type) for n in self.params
        }
        self.given = {**self.values, "sizes": np.zeros((3, 4, 2))} | {
            f"{n.attrs[0]}_dot": v for n, v in self.dirs.items()
        }

    def moved(self, step):
        """Return the inputs, moved along the directions."""
        return self.given | {
            n.attrs[0]: self.given[n.attrs[0]] + step * v for n, v in self.dirs.items()
        }

    def at(self, roots, given=None):
        """Return the values of nodes."""
        known = evaluate(self.graph, given or self.given, roots)
        return [known[r] for r in roots]

    def differences(self, roots):
        """Return central differences along the directions."""
        high, low = (self.at(roots, self.moved(s)) for s in (STEP, -STEP))
        return [(a - b) / (2 * STEP) for a, b in zip(high, low, strict=True)]

    def zeros(self, found):
        """Return derivatives by param, zeros where nothing reaches one."""
        graph = self.graph
        return [
            found[n] if n in found else graph.const(0.0, n.type) for n in self.params
        ]


def agree(expected, actual, tolerance):
    """Compare arrays, relative to their largest element."""
    for a, b in zip(expected, actual, strict=True):
        assert np.shape(a) == np.shape(b)
        scale = 1 + np.max(np.abs(a), initial=0)
        assert np.allclose(a, b, rtol=0, atol=tolerance * scale), (a, b)


SMOOTH = [c for c in CASES if any(t and t[0] not in FLOATS for t in c[2])]


@pytest.mark.parametrize(
    ("name", "formula", "operands"), SMOOTH, ids=[c[0] for c in SMOOTH]
)
def test_derivatives(name, formula, operands):
    """First and second derivatives agree with differences and among each other."""
    subject = Subject(formula, operands)
    if not subject.out.type.is_float:
        return
    graph, params = subject.graph, subject.params
    one = graph.const(1.0)
    bars = subject.zeros(reverse(graph, {subject.root: one}, params))
    dot = forward(graph, subject.dots, [subject.root]).get(
        subject.root, graph.const(0.0)
    )
    verify(graph)
    along = sum(
        np.sum(b * subject.dirs[n])
        for b, n in zip(subject.at(bars), params, strict=True)
    )
    if name.startswith("stop_gradient"):
        assert subject.at([dot, *bars])[0] == along == 0
        return
    agree(subject.differences([subject.root]), subject.at([dot]), 1e-7)
    agree([along], subject.at([dot]), 1e-11)
    tangents = forward(graph, subject.dots, bars)
    over_reverse = [tangents.get(b, graph.const(0.0, b.type)) for b in bars]
    over_forward = subject.zeros(reverse(graph, {dot: one}, params))
    seeds = dict(zip(bars, (subject.dots[n] for n in params), strict=True))
    twice = (
        subject.zeros(reverse(graph, seeds, params))
        if len(seeds) == len(bars)
        else None
    )
    verify(graph)
    expected = subject.differences(bars)
    agree(expected, subject.at(over_reverse), 1e-6)
    agree(expected, subject.at(over_forward), 1e-6)
    if twice is not None:
        agree(expected, subject.at(twice), 1e-6)


def test_every_op():
    """The formulas and two derivatives reach every op on arrays of the table."""
    seen = {
        *("cofactor_curve", "cofactor_curve_each"),  # third: test_determinants.py
        "cholesky_inverse",  # of special adjoints: test_cholesky.py
        "nonzero",  # gone before derivatives: test_masks.py
    }
    for _, formula, operands in CASES:
        subject = Subject(formula, operands)
        roots = [subject.out]
        if subject.params and subject.out.type.is_float:
            one = subject.graph.const(1.0)
            bars = reverse(subject.graph, {subject.root: one}, subject.params).values()
            roots += bars
            roots += forward(subject.graph, subject.dots, bars).values()
        printed = lower(subject.graph.view({}), roots)
        whole = subject.graph.order([*roots, *(printed[n] for n in roots)])
        seen |= {node.op.name for node in whole}
    assert seen >= {row.name for row in OPS.values() if row.shaping is not None}


@pytest.mark.parametrize("zeros", [(0,), (1, 2), (0, 1, 3), (0, 1, 2, 3)], ids=str)
def test_prod_of_zeros(zeros):
    """Products have exact derivatives to third order where elements are 0."""
    graph = Graph()
    x = graph.input("x", "param", type_of("4", NAMED))
    dots = [graph.remake_input(name, x.type) for name in "uv"]
    product = graph.make("prod", (x,), ((0,),))
    bar = reverse(graph, {product: graph.const(1.0)}, [x])[x]
    second = forward(graph, {x: dots[0]}, [bar])[bar]
    third = forward(graph, {x: dots[1]}, [second])[second]
    point, (u, v) = np.array([2.0, -3.0, 0.5, 1.25]), np.eye(4)[:2]
    point[list(zeros)] = 0.0
    values = evaluate(graph, {"x": point, "u": u, "v": v}, [bar, second, third])

    def without(*gone):
        return np.prod([x for k, x in enumerate(point) if k not in gone])

    assert [without(j) for j in range(4)] == list(values[bar])
    assert [0 if j == 0 else without(j, 0) for j in range(4)] == list(values[second])
    expected = [0 if j in (0, 1) else without(j, 0, 1) for j in range(4)]
    assert expected == list(values[third])


def test_names():
    """No row of the op table takes another's name."""
    assert [] == [r.name for t in TABLES for r in t.ROWS if OPS[r.name] is not r]


def test_squared_norm():
    """A norm squared is a sum of squares, whose gradient needs no root."""
    graph = Graph(rewrite=rewrite_for("standard"))
    x = graph.input("x", "param", type_of("mn", NAMED))
    total = apply("powi", Ours(graph).norm(x), attrs=(2,))
    assert total is Ours(graph).sum(apply("powi", x, attrs=(2,)))
    bar = reverse(graph, {total: graph.const(1.0)}, [x])[x]
    assert np.all(evaluate(graph, {"x": np.zeros((3, 4))}, [bar])[bar] == 0)


def test_norm_at_zero():
    """The slope of a norm is 0 where all elements are."""
    graph = Graph()
    x = graph.input("x", "param", type_of("n", NAMED))
    for value in (Ours(graph).norm(x), Ours(graph).std(x)):
        bar = reverse(graph, {value: graph.const(1.0)}, [x])[x]
        assert np.all(evaluate(graph, {"x": np.zeros(4)}, [bar])[bar] == 0)


@pytest.mark.parametrize(
    ("name", "formula", "operands"), SMOOTH, ids=[c[0] for c in SMOOTH]
)
def test_float32(name, formula, operands):
    """Derivatives of float32 formulas are float32, as accurate as that is."""
    found = {}
    for dtype in ("float64", "float32"):
        rng = np.random.default_rng(3)
        graph = Graph(rewrite=rewrite_for("standard"))
        nodes = [
            graph.input(f"x{k}", "param", type_of(t, NAMED, dtype))
            for k, t in enumerate(operands)
        ]
        graph.input("sizes", "data", type_of("mnk", NAMED))
        values = {f"x{k}": value_of(t, D, rng) for k, t in enumerate(operands)}
        out = formula(Ours(graph), NAMED, *nodes)
        if not out.type.is_float:
            return
        assert dtype == out.type.dtype
        root = Ours(graph).sum(apply("sin", out))
        params = [n for n in nodes if n.type.is_float]
        bars = reverse(graph, {root: graph.const(1.0, root.type)}, params)
        if not bars:
            return
        dots = {n: graph.remake_input(f"{n.attrs[0]}_dot", n.type) for n in params}
        moved = forward(graph, dots, [root]).get(root, root)
        assert dtype == moved.type.dtype
        bars = {n: graph.bare(bars[n]) for n in params if n in bars}
        assert all(n.type == g.type or g.is_const for n, g in bars.items())
        given = values | {"sizes": np.zeros((3, 4, 2))}
        known = evaluate(graph, given, bars.values())
        found[dtype] = [known[g] for g in bars.values()]
    if name != "eigh-1":  # up to sign
        for wide, narrow in zip(*found.values(), strict=True):
            assert np.allclose(wide, narrow, rtol=5e-3, atol=5e-3)
