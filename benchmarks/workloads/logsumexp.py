"""Log-sum-exp: log sum_i exp(x_i); its gradient is the softmax."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from benchmarks import peers, vectors
from benchmarks.workload import Calls, Workload

BLOCK = 2048


def inputs(rng: np.random.Generator, n: int) -> dict[str, Any]:
    """Return a vector."""
    return {"x": rng.standard_normal(n)}


def loss(x: Any, xp: Any = np) -> Any:
    """Return the logarithm of the sum."""
    return xp.logsumexp(x)


FAST = {"reassoc", "contract", "nsz", "nnan"}


@njit(fastmath=FAST)
def _top(x: Any) -> float:
    top = -np.inf
    for i in range(x.size):
        top = max(top, x[i])
    return top


@njit(fastmath=FAST)
def _exponentials(x: Any, top: float, e: Any) -> float:
    """Fill e with exp(x - top) and return its sum."""
    for i in range(x.size):
        e[i] = x[i] - top
    vectors.exp(e, e)
    total = 0.0
    for i in range(x.size):
        total += e[i]
    return total


@njit
def _value(x: Any) -> float:
    top, total = _top(x), 0.0
    e = np.empty(BLOCK)
    for start in range(0, x.size, BLOCK):
        part = x[start : start + BLOCK]
        total += _exponentials(part, top, e[: part.size])
    return top + np.log(total)


@njit(fastmath=FAST)
def _gradient(x: Any, x_bar: Any) -> float:
    top = _top(x)
    total = _exponentials(x, top, x_bar)
    scale = 1 / total
    for i in range(x.size):
        x_bar[i] *= scale
    return top + np.log(total)


def hand(arrays: dict[str, Any]) -> Calls:
    """Find the maximum, then take vector exp in blocks, then scale once."""
    (x,) = arrays.values()
    x_bar = np.empty_like(x)
    return Calls(lambda: _value(x), lambda: (_gradient(x, x_bar), x_bar))


def casadi(arrays: dict[str, Any]) -> Calls:
    """CasADi's own logsumexp."""
    ca = peers.module("casadi")
    (x,) = peers.casadi_inputs(arrays)
    return peers.casadi_calls(arrays, [x], ca.logsumexp(x), [x])


WORKLOAD = Workload(
    name="logsumexp",
    title="log-sum-exp",
    sizes={"10,000": {"n": 10_000}, "640,000": {"n": 640_000}},
    inputs=inputs,
    shapes={"x": ("n",)},
    wrt=("x",),
    loss=loss,
    hand=hand,
    own={"casadi": casadi},
    without={"heyoka": "scalar formulas only"},
)
