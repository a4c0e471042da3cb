"""A formula with exp, log, sin and tanh over many points."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, prange

from benchmarks import vectors
from benchmarks.child import threads
from benchmarks.workload import Calls, Workload

BLOCK = 256  # points; what one block needs stays in the first-level cache
CHUNK = 32 * BLOCK  # points that share the arrays of a block


def inputs(rng: np.random.Generator, N: int) -> dict[str, Any]:
    """Return both coordinates of the points."""
    x, y = rng.uniform(0.1, 3.0, (2, N))
    return {"x": x, "y": y}


def loss(x: Any, y: Any, xp: Any = np) -> Any:
    """Return the formula."""
    return xp.exp(-x * y) * xp.sin(x) + xp.log(x + y) * xp.tanh(x - y)


def derive(x: Any, y: Any) -> tuple[Any, Any, Any]:
    """Return value and gradient, of numbers or of arrays."""
    e, s = np.exp(-x * y), np.sin(x)
    l, t = np.log(x + y), np.tanh(x - y)
    ratio, slope = t / (x + y), (1 - t * t) * l
    return (
        e * s + l * t,
        e * (np.cos(x) - y * s) + ratio + slope,
        ratio - slope - x * e * s,
    )


def numpy(arrays: dict[str, Any]) -> Calls:
    """Whole arrays, the gradient as derived by hand."""
    x, y = arrays.values()
    return Calls(lambda: loss(x, y), lambda: derive(x, y))


def numba(arrays: dict[str, Any]) -> Calls:
    """Loop over points, as NumPy code is compiled."""
    x, y = arrays.values()
    jit = njit(error_model="numpy", parallel=threads() > 1)
    both, out = njit(error_model="numpy")(derive), np.empty((3, x.size))

    @jit
    def value(x: Any, y: Any, out: Any) -> Any:
        for i in prange(x.size):
            out[i] = np.exp(-x[i] * y[i]) * np.sin(x[i])
            out[i] += np.log(x[i] + y[i]) * np.tanh(x[i] - y[i])
        return out

    @jit
    def gradient(x: Any, y: Any, out: Any) -> Any:
        for i in prange(x.size):
            out[0, i], out[1, i], out[2, i] = both(x[i], y[i])
        return out

    return Calls(lambda: value(x, y, out[0]), lambda: tuple(gradient(x, y, out)))


@njit(error_model="numpy")
def _block(x: Any, y: Any, out: Any, space: Any, derive: bool) -> None:
    n = x.size
    e, s, l, t = space[0, :n], space[1, :n], space[2, :n], space[3, :n]
    for i in range(n):
        e[i] = -x[i] * y[i]
        l[i] = x[i] + y[i]
        t[i] = x[i] - y[i]
    vectors.exp(e, e)
    vectors.sin(x, s)
    vectors.log(l, l)
    vectors.tanh(t, t)
    for i in range(n):
        out[0, i] = e[i] * s[i] + l[i] * t[i]
    if derive:
        c = space[4, :n]
        vectors.cos(x, c)
        for i in range(n):
            ratio, slope = t[i] / (x[i] + y[i]), (1 - t[i] * t[i]) * l[i]
            out[1, i] = e[i] * (c[i] - y[i] * s[i]) + ratio + slope
            out[2, i] = ratio - slope - x[i] * e[i] * s[i]


def hand(arrays: dict[str, Any]) -> Calls:
    """Blocks of points, with vector functions."""
    x, y = arrays.values()
    out = np.empty((3, x.size))

    @njit(error_model="numpy", parallel=threads() > 1)
    def run(x: Any, y: Any, out: Any, derive: bool) -> Any:
        for k in prange((x.size + CHUNK - 1) // CHUNK):
            space = np.empty((5, BLOCK))
            for start in range(k * CHUNK, min(x.size, (k + 1) * CHUNK), BLOCK):
                end = min(x.size, start + BLOCK)
                _block(x[start:end], y[start:end], out[:, start:end], space, derive)
        return out

    return Calls(lambda: run(x, y, out, False)[0], lambda: tuple(run(x, y, out, True)))


WORKLOAD = Workload(
    name="batch",
    title="exp, log, sin, tanh",
    sizes={"100,000": {"N": 100_000}, "10,000,000": {"N": 10_000_000}},
    inputs=inputs,
    shapes={},
    wrt=("x", "y"),
    loss=loss,
    hand=hand,
    own={"numba": numba, "numpy": numpy},
)
