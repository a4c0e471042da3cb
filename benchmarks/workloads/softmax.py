"""Softmax regression on data as large as the digits: cross-entropy plus L2."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from benchmarks import peers, vectors
from benchmarks.workload import Calls, Workload

DECAY = 0.01
FEATURES, CLASSES = 64, 10
SIZES = {"batch of 32": {"N": 32}, "all 1,797": {"N": 1797}}


def points(rng: np.random.Generator, N: int) -> dict[str, Any]:
    """Return points with their classes, as rows with a one each and as integers."""
    classes = rng.integers(0, CLASSES, N)
    return {"X": rng.random((N, FEATURES)), "T": np.eye(CLASSES)[classes]}


def inputs(rng: np.random.Generator, N: int) -> dict[str, Any]:
    """Return weights, points and classes."""
    W = rng.standard_normal((FEATURES, CLASSES)) * 0.1
    return {"W": W, "b": rng.standard_normal(CLASSES) * 0.1, **points(rng, N)}


def loss(W: Any, b: Any, X: Any, T: Any, xp: Any = np) -> Any:
    """Return the mean cross-entropy plus the decay of the weights."""
    Z = X @ W + b
    entropy = xp.sum(xp.logsumexp(Z, axis=1) - xp.sum(Z * T, axis=1)) / X.shape[0]
    return entropy + 0.5 * DECAY * xp.sum(W**2)


@njit(fastmath={"reassoc", "contract", "nsz", "nnan"})
def cross_entropy(Z: Any, b: Any, T: Any, P: Any, b_bar: Any, derive: bool) -> float:
    """Add b to Z; fill P and b_bar with the gradients of the mean; return the mean."""
    N, K = Z.shape
    tops = np.empty(N)
    sums = np.empty(N)
    linear = 0.0
    for i in range(N):
        top = -np.inf
        for k in range(K):
            Z[i, k] += b[k]
            top = max(top, Z[i, k])
            linear += Z[i, k] * T[i, k]
        for k in range(K):
            P[i, k] = Z[i, k] - top
        tops[i] = top
    flat = P.reshape(P.size)
    vectors.exp(flat, flat)
    for i in range(N):
        sums[i] = P[i].sum()
    value = 0.0
    if derive:
        b_bar[:] = 0.0
        for i in range(N):
            scale = 1 / sums[i]
            for k in range(K):
                P[i, k] = (P[i, k] * scale - T[i, k]) / N
                b_bar[k] += P[i, k]
    vectors.log(sums, sums)
    for i in range(N):
        value += sums[i] + tops[i]
    return (value - linear) / N


@njit(fastmath={"reassoc", "contract", "nsz"})
def _run(
    W: Any, b: Any, X: Any, T: Any, Z: Any, W_bar: Any, b_bar: Any, derive: bool
) -> float:
    np.dot(X, W, Z)
    value = cross_entropy(Z, b, T, Z, b_bar, derive)
    for w in W.flat:
        value += 0.5 * DECAY * w**2
    if derive:
        np.dot(X.T, Z, W_bar)
        for i in range(W.shape[0]):
            for k in range(W.shape[1]):
                W_bar[i, k] += DECAY * W[i, k]
    return value


def hand(arrays: dict[str, Any]) -> Calls:
    """BLAS, and one pass over the scores in place."""
    W, b, X, T = arrays.values()
    Z = np.empty(T.shape)
    bars = W_bar, b_bar = np.empty_like(W), np.empty_like(b)
    return Calls(
        lambda: _run(W, b, X, T, Z, W_bar, b_bar, False),
        lambda: (_run(W, b, X, T, Z, W_bar, b_bar, True), *bars),
    )


def casadi_entropy(Z: Any, T: Any) -> Any:
    """Return the mean cross-entropy of scores as a matrix expression."""
    ca = peers.module("casadi")
    top = Z[:, 0]
    for k in range(1, Z.shape[1]):
        top = ca.fmax(top, Z[:, k])
    e = ca.exp(Z - ca.repmat(top, 1, Z.shape[1]))
    logs = ca.log(ca.sum2(e)) + top - ca.sum2(Z * T)
    return ca.sum1(logs) / Z.shape[0]


def casadi(arrays: dict[str, Any]) -> Calls:
    """Matrix expressions."""
    ca = peers.module("casadi")
    W, b, X, T = symbols = peers.casadi_inputs(arrays)
    Z = X @ W + ca.repmat(b.T, X.shape[0], 1)
    value = casadi_entropy(Z, T) + 0.5 * DECAY * ca.sumsqr(W)
    return peers.casadi_calls(arrays, symbols, value, [W, b])


WORKLOAD = Workload(
    name="softmax",
    title="softmax regression",
    sizes=SIZES,
    inputs=inputs,
    shapes={"W": ("d", "K"), "b": ("K",), "X": ("N", "d"), "T": ("N", "K")},
    wrt=("W", "b"),
    loss=loss,
    hand=hand,
    own={"casadi": casadi},
    without={"heyoka": "scalar formulas only"},
)
