"""k-means step: f(C) = sum_i min_j |c_j - p_i|^2, its gradient and Hessian diagonal."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from benchmarks import peers
from benchmarks.workload import Calls, Workload

FEW = 16  # up to here a sum over coordinates beats one over centroids


def inputs(rng: np.random.Generator, K: int, N: int, d: int) -> dict[str, Any]:
    """Return centroids and points."""
    return {"C": rng.standard_normal((K, d)), "P": rng.standard_normal((N, d))}


def loss(C: Any, P: Any, xp: Any = np) -> Any:
    """Return the sum of squared distances to the nearest centroid."""
    squares = xp.sum((P[:, None, :] - C) ** 2, axis=2)
    return xp.sum(xp.min(squares, axis=1))


FAST = {"reassoc", "contract", "nsz", "nnan"}


@njit(fastmath=FAST)
def _squares(p: Any, C: Any, columns: Any, squares: Any) -> None:
    """Fill in the squared distances of a point from the centroids."""
    K, d = C.shape
    if K <= FEW:
        for j in range(K):
            square = 0.0
            for k in range(d):
                square += (C[j, k] - p[k]) ** 2
            squares[j] = square
        return
    squares[:] = 0.0
    for k in range(d):
        for j in range(K):
            squares[j] += (columns[k, j] - p[k]) ** 2


@njit(fastmath=FAST)
def _run(C: Any, P: Any, J: Any, H: Any, derive: bool) -> float:
    K, d = C.shape
    columns = np.ascontiguousarray(C.T)
    squares = np.empty(K)
    total = 0.0
    J[:] = 0.0
    H[:] = 0.0
    for i in range(P.shape[0]):
        _squares(P[i], C, columns, squares)
        least = squares[0]
        for j in range(1, K):
            least = min(least, squares[j])
        total += least
        if derive:
            near = 0
            while squares[near] != least:
                near += 1
            for k in range(d):
                J[near, k] += 2 * (C[near, k] - P[i, k])
                H[near, k] += 2
    return total


def hand(arrays: dict[str, Any]) -> Calls:
    """One pass over the points, the centroids in columns for vectors."""
    C, P = arrays.values()
    J, H = np.empty_like(C), np.empty_like(C)
    return Calls(
        lambda: _run(C, P, J, H, False), lambda: (_run(C, P, J, H, True), J, H)
    )


def casadi(arrays: dict[str, Any]) -> Calls:
    """Matrix expressions, a column of distances a centroid; gcc takes minutes on it."""
    ca = peers.module("casadi")
    C, P = peers.casadi_inputs(arrays)
    N = P.shape[0]
    least = None
    for j in range(C.shape[0]):
        square = ca.sum2((P - ca.repmat(C[j, :], N, 1)) ** 2)
        least = square if least is None else ca.fmin(least, square)
    value = ca.sum1(least)
    return peers.casadi_calls(arrays, [C, P], value, [C], newton=True, jit=False)


WORKLOAD = Workload(
    name="kmeans",
    title="k-means step",
    sizes={
        "10, 1,000, 8": {"K": 10, "N": 1_000, "d": 8},
        "100, 10,000, 8": {"K": 100, "N": 10_000, "d": 8},
    },
    inputs=inputs,
    shapes={"C": ("K", "d"), "P": ("N", "d")},
    wrt=("C",),
    loss=loss,
    hand=hand,
    own={"casadi": casadi},
    newton=True,
    without={"heyoka": "scalar formulas only"},
)
