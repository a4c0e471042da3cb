"""A network 64-128-10 with tanh on data as large as the digits, as `softmax`."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from benchmarks import peers, vectors
from benchmarks.workload import Calls, Workload
from benchmarks.workloads import softmax

HIDDEN = 128


def inputs(rng: np.random.Generator, N: int) -> dict[str, Any]:
    """Return weights, points and classes."""
    d, m, K = softmax.FEATURES, HIDDEN, softmax.CLASSES
    return {
        "W1": rng.standard_normal((d, m)) * (2 / (d + m)) ** 0.5,
        "b1": rng.standard_normal(m) * 0.1,
        "W2": rng.standard_normal((m, K)) * (2 / (m + K)) ** 0.5,
        "b2": rng.standard_normal(K) * 0.1,
        **softmax.points(rng, N),
    }


def loss(
    W1: Any, b1: Any, W2: Any, b2: Any, X: Any, T: Any, xp: Any = np
) -> Any:  # fmt: skip
    """Return the mean cross-entropy plus the decay of the weights."""
    H = xp.tanh(X @ W1 + b1)
    Z = H @ W2 + b2
    entropy = xp.sum(xp.logsumexp(Z, axis=1) - xp.sum(Z * T, axis=1)) / X.shape[0]
    return entropy + 0.5 * softmax.DECAY * (xp.sum(W1**2) + xp.sum(W2**2))


@njit(fastmath={"reassoc", "contract", "nsz"})
def _decay(W: Any, W_bar: Any, derive: bool) -> float:
    total = 0.0
    for i in range(W.shape[0]):
        for k in range(W.shape[1]):
            total += W[i, k] ** 2
            if derive:
                W_bar[i, k] += softmax.DECAY * W[i, k]
    return 0.5 * softmax.DECAY * total


@njit(fastmath={"reassoc", "contract", "nsz"})
def _run(weights: Any, X: Any, T: Any, buffers: Any, bars: Any, derive: bool) -> float:
    W1, b1, W2, b2 = weights
    W1_bar, b1_bar, W2_bar, b2_bar = bars
    H, G, Z = buffers
    np.dot(X, W1, H)
    for i in range(H.shape[0]):
        for j in range(H.shape[1]):
            H[i, j] += b1[j]
    flat = H.reshape(H.size)
    vectors.tanh(flat, flat)
    np.dot(H, W2, Z)
    value = softmax.cross_entropy(Z, b2, T, Z, b2_bar, derive)
    if derive:
        np.dot(H.T, Z, W2_bar)
        np.dot(Z, W2.T, G)
        b1_bar[:] = 0.0
        for i in range(H.shape[0]):
            for j in range(H.shape[1]):
                G[i, j] *= 1 - H[i, j] ** 2
                b1_bar[j] += G[i, j]
        np.dot(X.T, G, W1_bar)
    return value + _decay(W1, W1_bar, derive) + _decay(W2, W2_bar, derive)


def hand(arrays: dict[str, Any]) -> Calls:
    """BLAS, vector tanh, and one pass over each layer in place."""
    W1, b1, W2, b2, X, T = arrays.values()
    weights = (W1, b1, W2, b2)
    N, m = X.shape[0], b1.size
    buffers = np.empty((N, m)), np.empty((N, m)), np.empty(T.shape)
    bars = tuple(np.empty_like(w) for w in weights)
    return Calls(
        lambda: _run(weights, X, T, buffers, bars, False),
        lambda: (_run(weights, X, T, buffers, bars, True), *bars),
    )


def casadi(arrays: dict[str, Any]) -> Calls:
    """Matrix expressions."""
    ca = peers.module("casadi")
    W1, b1, W2, b2, X, T = symbols = peers.casadi_inputs(arrays)
    H = ca.tanh(X @ W1 + ca.repmat(b1.T, X.shape[0], 1))
    Z = H @ W2 + ca.repmat(b2.T, X.shape[0], 1)
    decay = 0.5 * softmax.DECAY * (ca.sumsqr(W1) + ca.sumsqr(W2))
    value = softmax.casadi_entropy(Z, T) + decay
    return peers.casadi_calls(arrays, symbols, value, symbols[:4])


WORKLOAD = Workload(
    name="mlp",
    title="MLP 64-128-10",
    sizes=softmax.SIZES,
    inputs=inputs,
    shapes={
        "W1": ("d", "m"), "b1": ("m",), "W2": ("m", "K"), "b2": ("K",),
        "X": ("N", "d"), "T": ("N", "K"),
    },
    wrt=("W1", "b1", "W2", "b2"),
    loss=loss,
    hand=hand,
    own={"casadi": casadi},
    without={"heyoka": "scalar formulas only"},
)  # fmt: skip
