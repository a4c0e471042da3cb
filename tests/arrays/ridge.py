"""Ridge regression, compiled and by hand, for tests of calls."""

from __future__ import annotations

import numba
import numpy as np

RIDGE = """
w: param[d]
b: param
X: data[n, d]
y: data[n]
lam: data = 0.5
r = X @ w + b - y
J = sum(r**2)/2 + lam*(w @ w)
J
"""
rng = np.random.default_rng(5)
W, B, X, Y = rng.normal(size=3), 0.25, rng.normal(size=(4, 3)), rng.normal(size=4)


def ridge(w=W, b=B, X=X, y=Y, lam=0.5):
    """Return the value and gradient of ridge regression, written by hand."""
    w, X, y = (np.asarray(v, float) for v in (w, X, y))
    r = X @ w + b - y
    return r @ r / 2 + lam * (w @ w), X.T @ r + 2 * lam * w, r.sum()


def close(expected, found):
    """Fail unless a value and gradient are those computed by hand."""
    value, (w, b) = found
    flat = [value, *w, b]
    np.testing.assert_allclose(flat, [expected[0], *expected[1], expected[2]], 1e-12)


def called_inside(formula):
    """Return a user's own compiled function that calls a formula's gradient."""
    inner = formula.jit.value_and_grad

    @numba.njit
    def outer(w, b, X, y):
        return inner(w, b, X, y)

    return outer
