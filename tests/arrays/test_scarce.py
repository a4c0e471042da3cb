"""Adjoints of extrema are added up only where an element attains one."""

from __future__ import annotations

import numpy as np
import pytest

import overbar as ob

TEXT = """
C: param[K, d]
P: data[N, d]
squares = sum((P[:, None, :] - C)**2, axis=2)
sum({}(squares, axis=1))
"""


def gradient(kind: str, C: np.ndarray, P: np.ndarray) -> np.ndarray:
    """Return the gradient by hand, ties shared equally."""
    apart = P[:, None, :] - C
    squares = (apart**2).sum(axis=2)
    hit = squares == getattr(squares, kind)(axis=1, keepdims=True)
    share = hit / hit.sum(axis=1, keepdims=True)
    return -2 * (share[:, :, None] * apart).sum(axis=0)


@pytest.mark.parametrize("kind", ["min", "max"])
@pytest.mark.parametrize("backend", ["auto", "python", "reference"])
def test_gradients_are_those_by_hand(kind: str, backend: str) -> None:
    """With ties, two centroids in one place."""
    rng = np.random.default_rng(1)
    C, P = rng.normal(size=(4, 3)), rng.normal(size=(6, 3))
    C[2] = C[0]
    f = ob.compile(TEXT.format(kind), backend=backend)
    np.testing.assert_allclose(f.grad(C, P).C, gradient(kind, C, P), rtol=1e-13)


def test_the_test_stands_before_the_work() -> None:
    """The source adds up a centroid's adjoint only if it is a nearest one."""
    assert "if not squares[j] > t1:" in ob.compile(TEXT.format("min")).source
    strict = ob.compile(TEXT.format("min"), accuracy="strict")
    assert "if not" not in strict.source


def test_nan_is_not_lost() -> None:
    """A point that is not a number makes the gradient none, as the value."""
    C, P = np.ones((2, 3)), np.full((1, 3), np.nan)
    value, grad = ob.compile(TEXT.format("min")).value_and_grad(C, P)
    assert np.isnan(value)
    assert np.isnan(grad.C).all()
