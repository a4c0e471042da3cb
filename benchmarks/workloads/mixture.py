"""Gaussian mixture: the log posterior with a Wishart prior, in alpha, mu, q and l.

Q_k is lower triangular, with exp(q_k) on its diagonal and l_k below, column by column.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from benchmarks import peers, vectors
from benchmarks.workload import Calls, Workload

SMALL = 8  # up to here plain loops beat BLAS
BLOCK = 250  # points; two blocks of differences stay in the second-level cache


def constant(d: int, K: int, N: int) -> float:
    """Return what depends on no parameter, for gamma = 1 and m = 0."""
    from scipy.special import multigammaln

    degrees = d + 1
    prior = -degrees * d * 0.5 * np.log(2.0) - multigammaln(degrees / 2, d)
    return float(-N * d * 0.5 * np.log(2 * np.pi) - K * prior)


def inputs(rng: np.random.Generator, d: int, K: int, N: int = 1000) -> dict[str, Any]:
    """Return parameters, points, and where the entries of l_k stand in Q_k."""
    rows, columns = np.tril_indices(d, -1)
    order = np.lexsort((rows, columns))  # column by column
    place = np.zeros((d, d), np.int64)
    place[rows[order], columns[order]] = np.arange(order.size)
    return {
        "alpha": rng.standard_normal(K),
        "mu": rng.standard_normal((K, d)),
        "q": rng.standard_normal((K, d)) * 0.3,
        "l": rng.standard_normal((K, d * (d - 1) // 2)) * 0.3,
        "X": rng.standard_normal((N, d)),
        "place": place,
        "below": np.tril(np.ones((d, d)), -1),
        "eye": np.eye(d),
        "C": constant(d, K, N),
    }


def loss(  # noqa: PLR0913, PLR0917 - the formula's inputs
    alpha: Any, mu: Any, q: Any, l: Any,
    X: Any, place: Any, below: Any, eye: Any, C: Any, xp: Any = np,
) -> Any:  # fmt: skip
    """Return the log posterior."""
    Q = xp.exp(q)[:, :, None] * eye + l[:, place] * below
    Y = xp.einsum("kij,nkj->nki", Q, X[:, None, :] - mu)
    inner = alpha + xp.sum(q, axis=1) - 0.5 * xp.sum(Y**2, axis=2)
    likelihood = xp.sum(xp.logsumexp(inner, axis=1))
    prior = 0.5 * (xp.sum(xp.exp(q) ** 2) + xp.sum(l**2))
    return likelihood - X.shape[0] * xp.logsumexp(alpha) + prior + C


FAST = {"reassoc", "contract", "nsz", "nnan"}


@njit(fastmath=FAST)
def _matrices(q: Any, l: Any, Q: Any) -> float:
    """Fill Q and return the prior."""
    K, d = q.shape
    prior = 0.0
    Q[:] = 0.0
    for k in range(K):
        at = 0
        for j in range(d):
            Q[k, j, j] = np.exp(q[k, j])
            prior += 0.5 * Q[k, j, j] ** 2
            for i in range(j + 1, d):
                Q[k, i, j] = l[k, at]
                prior += 0.5 * l[k, at] ** 2
                at += 1
    return prior


@njit(fastmath=FAST)
def _weigh(inner: Any, e: Any) -> float:
    """Turn columns of `inner` into softmax over K; return the sum of logsumexp."""
    K, N = inner.shape
    top, total = inner[0].copy(), np.zeros(N)
    for k in range(1, K):
        for n in range(N):
            top[n] = max(top[n], inner[k, n])
    for k in range(K):
        for n in range(N):
            e[n] = inner[k, n] - top[n]
        vectors.exp(e, inner[k])
        for n in range(N):
            total[n] += inner[k, n]
    vectors.log(total, e)
    value = 0.0
    for n in range(N):
        value += top[n] + e[n]
        total[n] = 1 / total[n]
    for k in range(K):
        for n in range(N):
            inner[k, n] *= total[n]
    return value


@njit(fastmath=FAST)
def _distances(k: int, X: Any, mu: Any, Q: Any, D: Any, Y: Any, out: Any) -> None:
    """Fill D with x - mu_k, Y with Q_k D and out with -|Y|^2/2, all in columns."""
    d, N = D.shape
    for j in range(d):
        for n in range(N):
            D[j, n] = X[j, n] - mu[k, j]
    if d > SMALL:
        np.dot(Q[k], D, Y)
    else:
        Y[:] = 0.0
        for i in range(d):
            for j in range(i + 1):
                for n in range(N):
                    Y[i, n] += Q[k, i, j] * D[j, n]
    out[:] = 0.0
    for i in range(d):
        for n in range(N):
            out[n] -= 0.5 * Y[i, n] ** 2


@njit(fastmath=FAST)
def _gradients(
    k: int, Q: Any, D: Any, Y: Any, weight: Any, Q_bar: Any, mu_bar: Any
) -> None:
    """Add what a block of points gives to the gradients in Q_k and mu_k."""
    d, N = D.shape
    for i in range(d):
        row = 0.0
        for n in range(N):
            Y[i, n] *= -weight[n]
            row += Y[i, n]
        for j in range(i + 1):
            mu_bar[k, j] -= row * Q[k, i, j]
    if d > SMALL:
        Q_bar += np.dot(Y, D.T)
    else:
        for i in range(d):
            for j in range(i + 1):
                total = 0.0
                for n in range(N):
                    total += Y[i, n] * D[j, n]
                Q_bar[i, j] += total


@njit(fastmath=FAST)
def _run(
    alpha: Any, mu: Any, q: Any, l: Any, XT: Any, C: float, bars: Any, derive: bool
) -> float:
    alpha_bar, mu_bar, q_bar, l_bar = bars
    K, d = mu.shape
    N = XT.shape[1]
    Q = np.empty((K, d, d))
    value = _matrices(q, l, Q) + C
    height = alpha + q.sum(axis=1)
    shares = np.exp(alpha - alpha.max())
    value -= N * (alpha.max() + np.log(shares.sum()))
    shares *= N / shares.sum()
    weight_sum = np.zeros(K)
    Q_bar = np.zeros((K, d, d))
    mu_bar[:] = 0.0
    for start in range(0, N, BLOCK):
        n = min(BLOCK, N - start)
        X = XT[:, start : start + n]
        D, Y = np.empty((d, n)), np.empty((d, n))
        inner, e = np.empty((K, n)), np.empty(n)
        for k in range(K):
            _distances(k, X, mu, Q, D, Y, inner[k])
            inner[k] += height[k]
        value += _weigh(inner, e)
        if derive:
            for k in range(K):
                _distances(k, X, mu, Q, D, Y, e)
                _gradients(k, Q, D, Y, inner[k], Q_bar[k], mu_bar)
                weight_sum[k] += inner[k].sum()
    if derive:
        for k in range(K):
            alpha_bar[k] = weight_sum[k] - shares[k]
            at = 0
            for j in range(d):
                v = Q[k, j, j]
                q_bar[k, j] = weight_sum[k] + (Q_bar[k, j, j] + v) * v
                for i in range(j + 1, d):
                    l_bar[k, at] = Q_bar[k, i, j] + l[k, at]
                    at += 1
    return value


def hand(arrays: dict[str, Any]) -> Calls:
    """Blocks of points; loops or BLAS by size; differences computed again backward."""
    alpha, mu, q, l = (arrays[name] for name in ("alpha", "mu", "q", "l"))
    X, C = np.ascontiguousarray(arrays["X"].T), arrays["C"]
    bars = tuple(np.empty_like(a) for a in (alpha, mu, q, l))
    return Calls(
        lambda: _run(alpha, mu, q, l, X, C, bars, False),
        lambda: (_run(alpha, mu, q, l, X, C, bars, True), *bars),
    )


def casadi(arrays: dict[str, Any]) -> Calls:
    """Matrix expressions, one block of columns a component."""
    ca = peers.module("casadi")
    arrays = {name: arrays[name] for name in ("alpha", "mu", "q", "l", "X", "C")}
    alpha, mu, q, l, X, C = symbols = peers.casadi_inputs(arrays)
    (K, d), N = mu.shape, X.shape[0]
    columns, prior = [], 0
    for k in range(K):
        parts, at = [], 0
        for j in range(d):  # by columns, as CasADi stores a triangle
            parts += [ca.exp(q[k, j]), l[k, at : at + d - 1 - j].T]
            at += d - 1 - j
        Q = ca.MX(ca.Sparsity.lower(d), ca.vertcat(*parts))
        Y = (X - ca.repmat(mu[k, :], N, 1)) @ Q.T
        columns.append(alpha[k] + ca.sum2(q[k, :]) - 0.5 * ca.sum2(Y**2))
        prior += 0.5 * (ca.sumsqr(ca.exp(q[k, :])) + ca.sumsqr(l[k, :]))
    inner = ca.horzcat(*columns)
    top = columns[0]
    for column in columns[1:]:
        top = ca.fmax(top, column)
    e = ca.exp(inner - ca.repmat(top, 1, K))
    likelihood = ca.sum1(ca.log(ca.sum2(e)) + top)
    value = likelihood - N * ca.logsumexp(alpha) + prior + C
    return peers.casadi_calls(arrays, symbols, value, symbols[:4])


WORKLOAD = Workload(
    name="mixture",
    title="Gaussian mixture",
    sizes={
        "d=2 K=5": {"d": 2, "K": 5},
        "d=20 K=25": {"d": 20, "K": 25},
        "d=64 K=50": {"d": 64, "K": 50},
    },
    inputs=inputs,
    shapes={
        "alpha": ("K",), "mu": ("K", "d"), "q": ("K", "d"), "l": ("K", "t"),
        "X": ("N", "d"), "place": (("d", "d"), "int64"), "below": ("d", "d"),
        "eye": ("d", "d"), "C": (),
    },
    wrt=("alpha", "mu", "q", "l"),
    loss=loss,
    hand=hand,
    own={"casadi": casadi},
    without={"heyoka": "scalar formulas only"},
)  # fmt: skip
