"""Gaussian process: negative log marginal likelihood by Cholesky.

Squared-exponential kernel with a length scale for each dimension; the gradient is in
the logarithms of length scales, signal and noise.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from benchmarks import vectors
from benchmarks.workload import Calls, Workload

HALF_LOG_2PI = 0.5 * float(np.log(2 * np.pi))


def inputs(rng: np.random.Generator, n: int, d: int) -> dict[str, Any]:
    """Return hyperparameters, points and observations."""
    X = rng.random((n, d))
    return {
        "lengths": np.log(0.3 + rng.random(d)),
        "signal": 0.1,
        "noise": -1.0,
        "X": X,
        "y": np.sin(4 * X[:, 0]) + 0.3 * rng.standard_normal(n),
        "eye": np.eye(n),
    }


def loss(
    lengths: Any, signal: Any, noise: Any, X: Any, y: Any, eye: Any, xp: Any = np
) -> Any:
    """Return the negative log marginal likelihood."""
    S = X / xp.exp(lengths)
    squares = xp.sum((S[:, None, :] - S) ** 2, axis=2)
    K = xp.exp(2 * signal - 0.5 * squares) + xp.exp(2 * noise) * eye
    L = xp.cholesky(K)
    a = xp.solve_triangular(L, y, lower=True)
    value = 0.5 * xp.sum(a**2) + xp.sum(xp.log(xp.diag(L)))
    return value + X.shape[0] * HALF_LOG_2PI


@njit(fastmath={"reassoc", "contract", "nsz"})
def _kernel(X: Any, scales: Any, height: float, K: Any) -> None:
    """Fill the lower triangle of the kernel matrix, without the noise."""
    d, n = X.shape
    for i in range(n):
        row = K[i, : i + 1]
        row[:] = height
        for k in range(d):
            x, scale = X[k, i], 0.5 * scales[k]
            for j in range(i + 1):
                row[j] -= scale * (x - X[k, j]) ** 2
        vectors.exp(row, row)


@njit(fastmath={"reassoc", "contract", "nsz"})
def _gradient(
    X: Any, scales: Any, K: Any, inverse: Any, a: Any, noise: float, bar: Any
) -> None:
    """Fill in 1/2 tr((K^-1 - a a^T) dK): lengths, signal, noise."""
    d, n = X.shape
    bar[:] = 0.0
    for i in range(n):
        weight = np.empty(i)
        total = 0.0
        for j in range(i):
            weight[j] = (inverse[i, j] - a[i] * a[j]) * K[i, j]
            total += weight[j]
        own = inverse[i, i] - a[i] ** 2
        bar[d] += 2 * total + own * K[i, i]
        bar[d + 1] += own * noise
        for k in range(d):
            x, part = X[k, i], 0.0
            for j in range(i):
                part += weight[j] * (x - X[k, j]) ** 2
            bar[k] += part * scales[k]


def hand(arrays: dict[str, Any]) -> Calls:
    """Triangles only: LAPACK's potrf and potri, and Numba for the kernel."""
    from scipy.linalg.lapack import dpotrf, dpotri, dpotrs

    lengths, signal, noise, X, y, _ = arrays.values()
    n, d = X.shape
    XT = np.ascontiguousarray(X.T)
    K, bar = np.empty((n, n)), np.empty(d + 2)

    def run(derive: bool) -> tuple[Any, ...]:
        scales, variance = np.exp(-2 * lengths), float(np.exp(2 * noise))
        _kernel(XT, scales, 2 * signal, K)
        noisy = K.copy()
        noisy.flat[:: n + 1] += variance
        # LAPACK's columns are our rows: its upper triangle is our lower one.
        factor, _ = dpotrf(noisy.T, lower=0, clean=0, overwrite_a=1)
        a, _ = dpotrs(factor, y, lower=0)
        value = 0.5 * (y @ a) + np.log(factor.diagonal()).sum() + n * HALF_LOG_2PI
        if not derive:
            return (value,)
        inverse, _ = dpotri(factor, lower=0, overwrite_c=1)
        _gradient(XT, scales, K, inverse.T, a, variance, bar)
        return value, bar[:d], bar[d], bar[d + 1]

    return Calls(lambda: run(derive=False)[0], lambda: run(derive=True))


WORKLOAD = Workload(
    name="gp",
    title="Gaussian process",
    sizes={"n=500": {"n": 500, "d": 5}},
    inputs=inputs,
    shapes={
        "lengths": ("d",), "signal": (), "noise": (),
        "X": ("n", "d"), "y": ("n",), "eye": ("n", "n"),
    },
    wrt=("lengths", "signal", "noise"),
    loss=loss,
    hand=hand,
    without={
        "heyoka": "scalar formulas only",
        "casadi": "no Cholesky factor of a matrix expression",
    },
)  # fmt: skip
