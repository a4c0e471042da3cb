"""What was wrong once: derivatives that rewrites spoilt, types that got lost."""

from __future__ import annotations

import itertools

import mpmath
import numpy as np
import pytest

import overbar as ob

POINT = {"x": 1.3, "y": 0.7, "v": 2.5, "z": 2.0}


def _true(function, names, *orders):
    """Return partial derivatives of a function in 50 digits."""
    with mpmath.workdps(50):
        at = tuple(mpmath.mpf(POINT[n]) for n in names)
        return [float(mpmath.diff(function, at, order)) for order in orders]


def _unit(n, *where):
    return tuple(sum(i == j for j in where) for i in range(n))


QUOTIENTS = {
    "x/(3*x + y)": lambda x, y: x / (3 * x + y),
    "v*x/(3*x + y)": lambda v, x, y: v * x / (3 * x + y),
    "x/(3*x - y)": lambda x, y: x / (3 * x - y),
    "hypot(x, y)/(hypot(x, y) + z)": lambda x, y, z: 1 / (1 + z / mpmath.hypot(x, y)),
    "hypot(x, y)/(hypot(x, y)*z)": lambda x, y, z: 1 / z,
    "hypot(exp(x), x)/x": lambda x: mpmath.hypot(mpmath.exp(x), x) / x,
    "x/hypot(x, y)": lambda x, y: x / mpmath.hypot(x, y),
    "4*sinh(x)/3": lambda x: 4 * mpmath.sinh(x) / 3,
    "-4*cosh(x)/3/5": lambda x: -4 * mpmath.cosh(x) / 15,
    "sin(sinh(4*x)/7)": lambda x: mpmath.sin(mpmath.sinh(4 * x) / 7),
}
"""What was lost: the factor 3 of a share, which side is the hypotenuse, an end."""


@pytest.mark.parametrize("accuracy", ["standard", "strict"])
@pytest.mark.parametrize("text", QUOTIENTS)
def test_quotients(text, accuracy):
    """Quotients that are rewritten keep their derivatives to second order."""
    names = list(QUOTIENTS[text].__code__.co_varnames)
    n, point = len(names), [POINT[name] for name in names]
    f = ob.compile(text, inputs=names, accuracy=accuracy, backend="reference")
    pairs = list(itertools.product(range(n), repeat=2))
    slopes = _true(QUOTIENTS[text], names, *(_unit(n, i) for i in range(n)))
    bends = _true(QUOTIENTS[text], names, *(_unit(n, *pair) for pair in pairs))
    np.testing.assert_allclose(list(f.grad(*point)), slopes, rtol=1e-14, atol=1e-14)
    np.testing.assert_allclose(
        np.ravel(f.hessian(*point)), bends, rtol=1e-14, atol=1e-14
    )


@pytest.mark.parametrize("backend", ["numba", "python", "reference"])
@pytest.mark.parametrize("name", ["exp2", "exp", "log2"])
def test_constants_of_derivatives_in_single_precision(name, backend):
    """The constant log(2) of a slope is a float32 like the rest, once an int64."""
    x = ob.param("x", dtype="float32")
    f = ob.compile(getattr(ob, name)(x), backend=backend)
    at = np.array([0.3, 1.7], np.float32)
    slopes = {
        "exp2": np.log(2) * 2 ** at.astype(float),
        "exp": np.exp(at.astype(float)),
        "log2": 1 / (np.log(2) * at.astype(float)),
    }
    (found,) = f.grad(at)
    assert np.dtype(np.float32) == found.dtype
    np.testing.assert_allclose(found, slopes[name], rtol=3e-7)
    assert float(found[0]) == f.grad(at[0])[0]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e300*cosh(x)/3e-300", np.inf),
        ("1e-300*cosh(x)/3e300", 0.0),
        ("1e300*sin(x)/(1e-300*x)", np.inf),
        ("1e-300*sin(x)/(1e300*x)", 0.0),
    ],
)
def test_constants_that_no_float_holds(text, value):
    """Constants whose quotient overflows stay as they are written."""
    assert value == ob.compile(text, backend="reference")(1.3)


@pytest.mark.parametrize("text", ["mean(x/(1.5 + x*x))", "sum(x/(1.5 + x*x))/n"])
def test_quotients_under_a_size(text):
    """The mean of a quotient keeps its divisor in the Hessian, once it was lost."""
    f = ob.compile(f"x: param[n]\n{text}", backend="reference")
    at = [-1.25, 0.5, 3.0]
    with mpmath.workdps(50):
        bends = [float(mpmath.diff(lambda x: x / (1.5 + x * x) / 3, v, 2)) for v in at]
    ((found,),) = f.hessian(at)
    np.testing.assert_allclose(found, np.diag(bends), rtol=1e-14, atol=1e-15)
