"""Sums over many points are taken some points at a time."""

from __future__ import annotations

import numpy as np
import pytest

import overbar as ob
from overbar import reducing

TEXT = """
W: param[m, n]
b: param
x: data[n]
y: data
sum(tanh(W @ x + b)**2)*y
"""


@pytest.mark.parametrize("backend", ["auto", "reference"])
@pytest.mark.parametrize("reduce", ["sum", "mean"])
@pytest.mark.parametrize("most", [1, 40, 10**6])
def test_blocks_of_points(monkeypatch, most, reduce, backend):
    """However many points are taken at once, the results are those of all."""
    rng = np.random.default_rng(1)
    W, b = rng.normal(size=(2, 3)), 0.3
    x, y = rng.normal(size=(7, 1, 3)), rng.normal(size=4)
    plain = ob.compile(TEXT)
    f = ob.compile(TEXT, reduce=reduce, backend=backend)
    monkeypatch.setattr(reducing, "MOST", most)
    over = getattr(np, reduce)

    def close(expected, actual):
        np.testing.assert_allclose(actual, over(expected, axis=(0, 1)), 1e-12, 1e-14)

    value, gradient = f.value_and_grad(W, b, x, y)
    close(plain.batch(W, b, x, y), value)
    for whole, part in zip(plain.batch.grad(W, b, x, y), gradient, strict=True):
        close(whole, part)
    hessian = plain.batch.hessian(W, b, x, y)
    close(hessian.W.W, f.hessian(W, b, x, y).W.W)
    close(hessian.b.W, f.hessian(W, b, x, y).b.W)
    jacobian = plain.batch.jacobian(W, b, x[:, 0], y[0])
    np.testing.assert_allclose(
        f.jacobian(W, b, x[:, 0], y[0]).W, over(jacobian.W, axis=0), 1e-12
    )


def test_no_points():
    """The sum over no points is 0."""
    f = ob.compile(TEXT, reduce="sum")
    hessian = f.hessian(np.ones((2, 3)), 1.0, np.ones((0, 3)), 1.0)
    np.testing.assert_array_equal(np.zeros((2, 3, 2, 3)), hessian.W.W)
