"""Branches never poison: value, gradient, Hessian; single, batched; every backend.

The reproducers are those reported against JAX, CasADi, Theano, Enzyme, CppAD and SymPy;
the truths are closed forms worked out by hand.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

import overbar as ob

INF = math.inf
CASES = [
    # text, point, value, gradient, Hessian (row by row)
    ("where(x > 0, sqrt(x), 0)", (0.0,), 0.0, [0.0], [0.0]),
    ("where(x > 0, sqrt(x), 0)", (-1.0,), 0.0, [0.0], [0.0]),
    ("where(x > 0, sqrt(x), 0)", (4.0,), 2.0, [0.25], [-0.03125]),
    ("where(x < 1, x, sqrt(x))", (0.0,), 0.0, [1.0], [0.0]),
    ("where(x < 1, x, sqrt(x))", (-2.0,), -2.0, [1.0], [0.0]),
    ("where(x < 1, x, sqrt(x))", (4.0,), 2.0, [0.25], [-0.03125]),
    ("log(x) if x > 0 else 0", (0.0,), 0.0, [0.0], [0.0]),
    ("log(x) if x > 0 else 0", (-1.0,), 0.0, [0.0], [0.0]),
    ("log(x) if x > 0 else 0", (2.0,), math.log(2), [0.5], [-0.25]),
    ("x*log(x) if x > 0 else 0", (0.0,), 0.0, [0.0], [0.0]),
    ("x*log(x) if x > 0 else 0", (1.0,), 0.0, [1.0], [1.0]),
    ("where(x > 0, where(x > 1, log(x - 1), sqrt(x)), x)", (-3.0,), -3.0, [1.0], [0.0]),
    ("where(x > 0, where(x > 1, log(x - 1), sqrt(x)), x)", (0.0,), 0.0, [1.0], [0.0]),
    ("where(x > 0, where(x > 1, log(x - 1), sqrt(x)), x)", (0.25,), 0.5, [1.0], [-2.0]),
    ("where(x > 0, where(x > 1, log(x - 1), sqrt(x)), x)", (2.0,), 0.0, [1.0], [-1.0]),
    ("where(x == 0, 1, y/x)", (0.0, 2.0), 1.0, [0.0, 0.0], [0.0, 0.0, 0.0, 0.0]),
    ("where(x == 0, 1, y/x)", (2.0, 4.0), 2.0, [-1.0, 0.5], [1.0, -0.25, -0.25, 0.0]),
    ("where(x > 0, x**y, 0)", (0.0, 0.5), 0.0, [0.0, 0.0], [0.0] * 4),
    ("where(x > 0, x**y, 0)", (-1.0, 0.5), 0.0, [0.0, 0.0], [0.0] * 4),
    ("where(x > 0, x**y, 0)", (1.0, 2.0), 1.0, [2.0, 0.0], [2.0, 1.0, 1.0, 0.0]),
    # one subexpression in two branches, and outside of them
    ("u = sqrt(x)\nwhere(x > 0, u, 0) + where(x > 0, u*y, 0)", (-1.0, 3.0), 0.0,
     [0.0, 0.0], [0.0] * 4),
    ("u = sqrt(x)\nwhere(x > 0, u, 0) + where(y > 0, u*y, 0)", (0.0, -1.0), 0.0,
     [0.0, 0.0], [0.0] * 4),
    ("u = sqrt(x)\nwhere(x > 0, u, 0) + where(y > 0, u*y, 0)", (4.0, -1.0), 2.0,
     [0.25, 0.0], [-0.03125, 0.0, 0.0, 0.0]),
    ("u = sqrt(x)\nwhere(x > 0 and y > 0, u*y, 0) + where(x > 0, u, y)", (-1.0, 3.0),
     3.0, [0.0, 1.0], [0.0] * 4),
    ("u = x*x\nwhere(x > 0, log(u), 0) + u", (0.0,), 0.0, [0.0], [2.0]),
    # the condition itself is computed from what is differentiated
    ("u = x - 1\nwhere(u > 0, sqrt(u), -u)", (1.0,), 0.0, [-1.0], [0.0]),
    ("where(not x > 0, 0, sqrt(x))", (0.0,), 0.0, [0.0], [0.0]),
    ("where(x > 0, sqrt(x), 0)*where(x > 0, 1/x, 1)", (0.0,), 0.0, [0.0], [0.0]),
    ("where(x > 0, exp(1/x), 0)", (-1e-300,), 0.0, [0.0], [0.0]),
    ("where(abs(x) < 1, acos(x), 0)", (1.0,), 0.0, [0.0], [0.0]),
    # an infinite partial times a cotangent of zero, to second order (design.md, amul)
    ("y*sqrt(x)", (4.0, 3.0), 6.0, [0.75, 2.0], [-0.09375, 0.25, 0.25, 0.0]),
    ("0*sqrt(x)", (0.0,), 0.0, [0.0], [0.0]),
]  # fmt: skip


@pytest.mark.parametrize("backend", ["numba", "python", "reference"])
@pytest.mark.parametrize(("text", "point", "value", "gradient", "hessian"), CASES)
def test_untaken_branches_do_not_reach_derivatives(
    text, point, value, gradient, hessian, backend
):
    """Value, gradient and Hessian are the closed form's, on both sides and the edge."""
    names = ["x", "y"][: len(point)]
    f = ob.compile(text, inputs=names, backend=backend)
    assert f(*point) == pytest.approx(value, rel=1e-15)
    np.testing.assert_allclose(list(f.grad(*point)), gradient, rtol=1e-15)
    found = [h for row in f.hessian(*point) for h in row]
    np.testing.assert_allclose(found, hessian, rtol=1e-14)


@pytest.mark.parametrize("text", sorted({case[0] for case in CASES}))
def test_batches_agree_with_single_calls(text):
    """Mapping over points gives each point's own result, branches mixed."""
    names = ["x", "y"] if "y" in text else ["x"]
    f = ob.compile(text, inputs=names)
    points = [c[1] for c in CASES if c[0] == text] + [(0.5,) * len(names)]
    columns = [np.array(c) for c in zip(*points, strict=True)]
    together = np.stack(list(f.grad(*columns)))
    apart = np.array([list(f.grad(*p)) for p in points]).T
    np.testing.assert_array_equal(together, apart)


GUARDED = sorted({c[0] for c in CASES if "where" in c[0] or " if " in c[0]})


@pytest.mark.parametrize("text", GUARDED)
def test_a_guarded_region_is_a_real_if(text):
    """What only a branch needs is computed in an `if`, not evaluated and dropped."""
    names = ["x", "y"] if "y" in text else ["x"]
    source = ob.compile(text, inputs=names).source
    body = source[source.index("def value_and_grad(") :].split("\n\n\n")[0]
    assert "    if " in body


def test_an_inactive_infinite_partial_is_zero_at_first_order():
    """At x = 0 the adjoint of sqrt is infinite, and a zero cotangent makes it zero."""
    f = ob.compile("y*sqrt(x)", inputs=["x", "y"])
    gradient = f.grad(0.0, 0.0)
    assert gradient == (0.0, 0.0)
    assert f.grad(0.0, 1.0) == (INF, 0.0)


def test_nan_inputs_reach_what_depends_on_them():
    """NaN in gives NaN out; x*0 is not folded to 0."""
    f = ob.compile("x*0 + y", inputs=["x", "y"])
    assert math.isnan(f(math.nan, 1.0))
    assert f.grad(math.nan, 1.0) == (0.0, 1.0)


def test_a_thousand_nested_branches_compile():
    """Deep nests are written as conditional expressions beyond the nesting limit."""
    x = ob.param("x")
    formula = x
    for i in range(1000):
        formula = ob.where(x > i, formula * 0.5, formula + 1.0)
    f = ob.compile(formula, backend="reference")
    expected = 0.3
    slope = 1.0
    for i in range(1000):
        taken = i < 0.3
        expected, slope = (
            (expected * 0.5, slope * 0.5) if taken else (expected + 1, slope)
        )
    assert f(0.3) == expected
    assert f.grad(0.3) == (slope,)
