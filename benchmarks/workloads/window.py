"""Window classifier (CS224N): word vectors of a window, one hidden layer, a score."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from benchmarks import vectors
from benchmarks.workload import Calls, Workload

WINDOW = 5


def inputs(
    rng: np.random.Generator, V: int, d: int, m: int, B: int
) -> dict[str, Any]:  # fmt: skip
    """Return word vectors, weights, windows of words and labels."""
    return {
        "E": rng.standard_normal((V, d)) * 0.1,
        "W": rng.standard_normal((m, WINDOW * d)) * 0.1,
        "b": rng.standard_normal(m) * 0.1,
        "u": rng.standard_normal(m) * 0.1,
        "words": rng.integers(0, V, (B, WINDOW)),
        "y": (rng.random(B) < 0.5).astype(float),
    }


def rows_loss(R: Any, W: Any, b: Any, u: Any, y: Any, xp: Any = np) -> Any:
    """Return the mean loss, given the rows of E that the windows hold."""
    x = xp.reshape(R, (R.shape[0], -1))
    s = xp.tanh(x @ W.T + b) @ u
    return xp.sum(xp.softplus(s) - y * s) / y.shape[0]


def loss(
    E: Any, W: Any, b: Any, u: Any, words: Any, y: Any, xp: Any = np
) -> Any:  # fmt: skip
    """Return the mean logistic loss of the windows' scores."""
    x = xp.reshape(E[words], (words.shape[0], -1))
    h = xp.tanh(x @ W.T + b)
    s = h @ u
    return xp.sum(xp.softplus(s) - y * s) / y.shape[0]


@njit(fastmath={"reassoc", "contract", "nsz"})
def _score(s: Any, y: Any, s_bar: Any) -> float:
    """Return the mean loss of scores and fill in its gradient."""
    e, l = np.empty(s.size), np.empty(s.size)
    for i in range(s.size):
        e[i] = -abs(s[i])
    vectors.exp(e, e)
    vectors.log1p(e, l)
    value = 0.0
    for i in range(s.size):
        value += l[i] + max(s[i], 0.0) - y[i] * s[i]
        sigma = (1.0 if s[i] >= 0 else e[i]) / (1 + e[i])
        s_bar[i] = (sigma - y[i]) / s.size
    return value / s.size


@njit(fastmath={"reassoc", "contract", "nsz"})
def _run(
    params: Any, words: Any, y: Any, buffers: Any, bars: Any, derive: bool
) -> float:
    E, W, b, u = params
    rows, W_bar, b_bar, u_bar = bars
    x, h, s, s_bar = buffers
    d = E.shape[1]
    for i in range(words.shape[0]):
        for c in range(words.shape[1]):
            x[i, c * d : (c + 1) * d] = E[words[i, c]]
    np.dot(x, W.T, h)
    for i in range(h.shape[0]):
        for j in range(h.shape[1]):
            h[i, j] += b[j]
    flat = h.reshape(h.size)
    vectors.tanh(flat, flat)
    np.dot(h, u, s)
    value = _score(s, y, s_bar)
    if derive:
        u_bar[:] = 0.0
        b_bar[:] = 0.0
        for i in range(h.shape[0]):
            for j in range(h.shape[1]):
                u_bar[j] += s_bar[i] * h[i, j]
                h[i, j] = s_bar[i] * u[j] * (1 - h[i, j] ** 2)
                b_bar[j] += h[i, j]
        np.dot(h.T, x, W_bar)
        np.dot(h, W, rows)
    return value


def hand(arrays: dict[str, Any]) -> Calls:
    """BLAS, vector tanh, and the gradient of the rows that the windows hold."""
    E, W, b, u, words, y = arrays.values()
    B, m = words.shape[0], b.size
    x = np.empty((B, W.shape[1]))
    buffers = x, np.empty((B, m)), np.empty(B), np.empty(B)
    bars = np.empty_like(x), np.empty_like(W), np.empty_like(b), np.empty_like(u)
    params = E, W, b, u
    return Calls(
        lambda: _run(params, words, y, buffers, bars, False),
        lambda: (_run(params, words, y, buffers, bars, True), *bars),
    )


WORKLOAD = Workload(
    name="window",
    title="window classifier",
    sizes={"20,000 x 50, batch 64": {"V": 20_000, "d": 50, "m": 100, "B": 64}},
    inputs=inputs,
    shapes={
        "E": ("V", 50), "W": ("m", 250), "b": ("m",), "u": ("m",),
        "words": (("B", 5), "int64"), "y": ("B",),
    },
    wrt=("E", "W", "b", "u"),
    loss=loss,
    hand=hand,
    gathered=("E", "words"),
    rows_loss=rows_loss,
    without={
        "heyoka": "scalar formulas only",
        "casadi": "no indexing by data in matrix expressions",
    },
)  # fmt: skip
