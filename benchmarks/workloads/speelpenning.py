"""Speelpenning's product of eight variables, over many points.

From heyoka's tutorial of derivatives, where its gradient takes 18 operations.
"""

from __future__ import annotations

from functools import reduce
from operator import mul
from typing import Any

import numpy as np
from numba import njit, prange

from benchmarks.child import threads
from benchmarks.workload import Calls, Workload

NAMES = tuple(f"x{k}" for k in range(1, 9))


def inputs(rng: np.random.Generator, N: int) -> dict[str, Any]:
    """Return the factors."""
    return dict(zip(NAMES, rng.uniform(0.5, 2.0, (8, N)), strict=True))


def loss(  # noqa: PLR0913, PLR0917 - eight numbers, and the functions
    x1: Any, x2: Any, x3: Any, x4: Any, x5: Any, x6: Any, x7: Any, x8: Any,
    xp: Any = np,
) -> Any:  # fmt: skip
    """Return the product."""
    del xp
    return x1 * x2 * x3 * x4 * x5 * x6 * x7 * x8


def derive(x: Any) -> tuple[Any, ...]:
    """Return value and gradient, of eight numbers or arrays, by pairs of pairs."""
    a, b, c, d = x[0] * x[1], x[2] * x[3], x[4] * x[5], x[6] * x[7]
    left, right = a * b, c * d
    ga, gb, gc, gd = b * right, a * right, d * left, c * left
    return (
        left * right,
        ga * x[1], ga * x[0], gb * x[3], gb * x[2],
        gc * x[5], gc * x[4], gd * x[7], gd * x[6],
    )  # fmt: skip


def numpy(arrays: dict[str, Any]) -> Calls:
    """Whole arrays, the gradient as derived by hand."""
    values = list(arrays.values())
    return Calls(lambda: reduce(mul, values), lambda: derive(values))


def hand(arrays: dict[str, Any]) -> Calls:
    """Loop over points, which LLVM turns into lanes."""
    columns = np.stack(list(arrays.values()))
    jit = njit(error_model="numpy", parallel=threads() > 1)
    both, out = njit(error_model="numpy")(derive), np.empty((9, columns.shape[1]))

    @jit
    def value(x: Any, out: Any) -> Any:
        for i in prange(x.shape[1]):
            left = (x[0, i] * x[1, i]) * (x[2, i] * x[3, i])
            out[i] = left * ((x[4, i] * x[5, i]) * (x[6, i] * x[7, i]))
        return out

    @jit
    def gradient(x: Any, out: Any) -> Any:
        for i in prange(x.shape[1]):
            found = both(x[:, i])
            out[0, i], out[1, i], out[2, i], out[3, i] = found[:4]
            out[4, i], out[5, i], out[6, i], out[7, i] = found[4:8]
            out[8, i] = found[8]
        return out

    return Calls(lambda: value(columns, out[0]), lambda: tuple(gradient(columns, out)))


WORKLOAD = Workload(
    name="speelpenning",
    title="Speelpenning's product of 8",
    sizes={"100,000": {"N": 100_000}, "1,000,000": {"N": 1_000_000}},
    inputs=inputs,
    shapes={},
    wrt=NAMES,
    loss=loss,
    hand=hand,
    own={"numpy": numpy},
)
