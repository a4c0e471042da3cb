"""Draw expressions from the op table: a new op is fuzzed by existing."""

from __future__ import annotations

import pickle

import mpmath
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import overbar as ob
from overbar.ir.evaluate import evaluate, evaluate_exactly
from overbar.ir.ops import OPS
from overbar.ir.program import leaves

NAMES = ("x", "y", "z")
SMOOTH = sorted(
    name
    for name, row in OPS.items()
    if row.parsed and row.kink is None and not row.is_flat and row.arity in {1, 2}
)
LEAVES = st.one_of(
    st.sampled_from(NAMES),
    st.integers(1, 9).map(str),
    st.floats(0.125, 4.0, width=16).map(repr),
)


def _grow(parts):
    calls = [
        st.tuples(*[parts] * OPS[name].arity).map(
            lambda args, name=name: f"{name}({', '.join(args)})"
        )
        for name in SMOOTH
    ]
    infix = st.tuples(parts, st.sampled_from("+-*/"), parts).map(
        lambda t: f"({t[0]} {t[1]} {t[2]})"
    )
    return st.one_of(infix, *calls)


EXPRESSIONS = st.recursive(LEAVES, _grow, max_leaves=6)
POINTS = st.tuples(*[st.floats(0.1, 0.9)] * 3)


def _compiled(text):
    return ob.compile(
        "x: param\ny: param\nz: param\n" + text, backend="reference", accuracy="strict"
    )


def _finite(*values):
    return all(np.isfinite(v) and abs(v) < 1e60 for v in values)


@settings(max_examples=120)
@given(EXPRESSIONS, POINTS)
def test_reverse_agrees_with_forward(text, point):
    """The gradient is the tangent in each direction, to rounding."""
    f = _compiled(text)
    gradient = list(f.grad(*point))
    tangents = [f.jvp(point, row) for row in np.eye(3).tolist()]
    if _finite(f(*point), *gradient, *tangents):
        scale = 1 + max(map(abs, gradient)) + abs(f(*point))
        np.testing.assert_allclose(gradient, tangents, rtol=1e-6, atol=1e-9 * scale)


@settings(max_examples=80)
@given(EXPRESSIONS, POINTS)
def test_gradient_agrees_with_high_precision(text, point):
    """Each partial is the difference quotient of the value in 60 digits."""
    f = _compiled(text)
    gradient = list(f.grad(*point))
    with mpmath.workdps(60):
        exact = _quotients(f.graph, point)
        values = evaluate(f.graph, dict(zip(NAMES, point, strict=True))).values()
        size = max((abs(float(v)) for v in values if _finite(v)), default=1.0)
        for slope, true in zip(gradient, exact, strict=True):
            if _finite(slope) and mpmath.isfinite(true) and abs(true) < 1e60:
                assert abs(slope - true) <= 1e-5 * (abs(true) + 1 + min(size, 1e12))


def _quotients(graph, point):
    """Return central difference quotients of a formula's value, in 60 digits."""
    at = [mpmath.mpf(p) for p in point]
    h = mpmath.mpf(10) ** -20
    found = []
    for i in range(len(at)):
        ends = []
        for sign in (1, -1):
            moved = [*at[:i], at[i] + sign * h, *at[i + 1 :]]
            given_ = dict(zip(NAMES, moved, strict=True))
            values = evaluate_exactly(graph, given_, digits=60)
            ends.append(values[graph.outputs["out"]])
        found.append((ends[0] - ends[1]) / (2 * h))
    return found


@settings(max_examples=60)
@given(EXPRESSIONS, POINTS)
def test_pickles_and_sources_are_the_same(text, point):
    """A pickled copy is equal, prints the same bytes and gives the same value."""
    f = _compiled(text)
    g = pickle.loads(pickle.dumps(f))
    assert g == f
    assert hash(g) == hash(f)
    assert g.source == f.source
    np.testing.assert_equal(g(*point), f(*point))


@settings(max_examples=40)
@given(EXPRESSIONS, POINTS)
def test_source_agrees_with_reference(text, point):
    """Generated source, run without Numba, gives what the graph gives."""
    f = _compiled(text)
    g = ob.compile(
        "x: param\ny: param\nz: param\n" + text, backend="python", accuracy="strict"
    )
    value, gradient = f.value_and_grad(*point)
    other, slopes = g.value_and_grad(*point)
    if _finite(value, *gradient):
        np.testing.assert_allclose(other, value, rtol=1e-9, atol=1e-12)
        scale = 1 + max(map(abs, gradient))
        np.testing.assert_allclose(
            list(slopes), list(gradient), rtol=1e-6, atol=1e-9 * scale
        )
    assert len(leaves(g.program.result)) == 4
