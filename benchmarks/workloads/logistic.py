"""Logistic regression: sum_i log(1 + exp(z_i)) - y_i z_i, z = w^T X."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from benchmarks import peers, vectors
from benchmarks.workload import Calls, Workload

BLOCK = 256  # columns; what one block needs stays in the first-level cache


def inputs(rng: np.random.Generator, d: int, N: int) -> dict[str, Any]:
    """Return weights, points and labels."""
    return {
        "w": rng.standard_normal(d) / d**0.5,
        "X": rng.standard_normal((d, N)),
        "y": (rng.random(N) < 0.5).astype(float),
    }


def loss(w: Any, X: Any, y: Any, xp: Any = np) -> Any:
    """Return the negative log likelihood."""
    z = w @ X
    return xp.sum(xp.softplus(z) - y * z)


@njit(fastmath={"reassoc"}, error_model="numpy")
def _run(w: Any, X: Any, y: Any, w_bar: Any, derive: bool) -> float:
    d, N = X.shape
    z, e, l = np.empty(BLOCK), np.empty(BLOCK), np.empty(BLOCK)
    total = 0.0
    w_bar[:] = 0.0
    for start in range(0, N, BLOCK):
        n = min(BLOCK, N - start)
        z[:n] = 0.0
        for k in range(d):
            x = X[k, start : start + n]
            for i in range(n):
                z[i] += w[k] * x[i]
        for i in range(n):
            e[i] = -abs(z[i])
        vectors.exp(e[:n], e[:n])
        vectors.log1p(e[:n], l[:n])
        part = 0.0
        labels = y[start : start + n]
        for i in range(n):
            part += l[i] + max(z[i], 0.0) - labels[i] * z[i]
        total += part
        if derive:
            for i in range(n):
                z[i] = (1.0 if z[i] >= 0 else e[i]) / (1 + e[i]) - labels[i]
            for k in range(d):
                x = X[k, start : start + n]
                part = 0.0
                for i in range(n):
                    part += x[i] * z[i]
                w_bar[k] += part
    return total


def hand(arrays: dict[str, Any]) -> Calls:
    """Pass over the points once, in blocks, with vector exp and log1p."""
    w, X, y = arrays.values()
    w_bar = np.empty_like(w)
    return Calls(
        lambda: _run(w, X, y, w_bar, False),
        lambda: (_run(w, X, y, w_bar, True), w_bar),
    )


def casadi(arrays: dict[str, Any]) -> Calls:
    """Matrix expressions."""
    ca = peers.module("casadi")
    w, X, y = peers.casadi_inputs(arrays)
    z = w.T @ X
    terms = ca.log1p(ca.exp(-ca.fabs(z))) + ca.fmax(z, 0) - y.T * z
    return peers.casadi_calls(arrays, [w, X, y], ca.sum2(terms), [w])


def heyoka(arrays: dict[str, Any]) -> Calls:
    """One point's formula, mapped over the points, the results added up by NumPy."""
    hy = peers.module("heyoka")
    w, X, y = arrays.values()
    d, N = X.shape
    ws = hy.make_vars(*[f"w{k}" for k in range(d)])
    xs = hy.make_vars(*[f"x{k}" for k in range(d)])
    label = hy.make_vars("y")
    z = hy.sum([a * b for a, b in zip(ws, xs, strict=True)])
    point = hy.log(1.0 + hy.exp(z)) - label * z
    partials = hy.diff_tensors([point], diff_args=ws, diff_order=1)
    units = [[0] + [int(j == k) for j in range(d)] for k in range(d)]
    results = [point, *(partials[u] for u in units)]
    variables = [*ws, *xs, label]
    one_core = {"vars": variables, "parallel_mode": False}
    value = hy.cfunc([point], **one_core)
    gradient = hy.cfunc(results, **one_core)
    columns = np.ascontiguousarray(np.vstack([np.repeat(w[:, None], N, 1), X, y]))
    out, all_out = np.empty((1, N)), np.empty((d + 1, N))

    def both() -> tuple[Any, ...]:
        sums = gradient(columns, outputs=all_out).sum(1)
        return sums[0], sums[1:]

    return Calls(lambda: value(columns, outputs=out).sum(), both)


WORKLOAD = Workload(
    name="logistic",
    title="logistic regression",
    sizes={
        "100 x 10,000": {"d": 100, "N": 10_000},
        "4 x 1,000,000": {"d": 4, "N": 1_000_000},
    },
    inputs=inputs,
    shapes={"w": ("d",), "X": ("d", "N"), "y": ("N",)},
    wrt=("w",),
    loss=loss,
    hand=hand,
    own={"casadi": casadi, "heyoka": heyoka},
)
