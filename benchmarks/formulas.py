"""Hold the formulas of numbers that are timed, with their derivatives by hand."""

from __future__ import annotations

import math
import random
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.scalar import Formula, Subject

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.scalar import Stages

    Operations = Sequence[tuple[str, int, int]]

INPUTS = 16
FACTOR = 0.6  # keeps values of order one


# A random DAG -------------------------------------------------------------------------


def operations(n: int, seed: int = 0) -> list[tuple[str, int, int]]:
    """Return n random operations on 16 inputs, each on two of the last 40 values.

    Every input is used again and again, and every value matters.
    """
    rng = random.Random(seed)  # noqa: S311 - a reproducible formula, no secret
    ops: list[tuple[str, int, int]] = []
    for k in range(n):
        count = INPUTS + k
        low = max(0, count - 40)
        a = rng.randrange(low, count)
        b = rng.randrange(INPUTS) if k % 8 == 0 else rng.randrange(low, count)
        ops.append((rng.choice(["*", "+", "-", "+", "sin", "-"]), a, b))
    return ops


def unused(ops: Operations) -> list[int]:
    """Return the values that nothing uses: the formula is their sum, scaled."""
    used = {i for _, a, b in ops for i in (a, b)}
    return [i for i in range(INPUTS + len(ops)) if i not in used]


def apply(
    ops: Operations, sinks: Sequence[int], inputs: Sequence[Any], sin: Any
) -> Any:  # fmt: skip
    """Return the formula of these inputs, whatever they are made of."""
    v = list(inputs)
    for op, a, b in ops:
        if op == "*":
            v.append(v[a] * v[b] * FACTOR)
        elif op == "+":
            v.append((v[a] + v[b]) * FACTOR)
        elif op == "-":
            v.append((v[a] - v[b]) * FACTOR)
        else:
            v.append(sin(v[a] + v[b]))
    total = v[sinks[0]]
    for i in sinks[1:]:
        total = total + v[i]
    return total * (1.0 / len(sinks) ** 0.5)


def sweep(
    ops: Operations, sinks: Sequence[int], point: Sequence[float]
) -> tuple[float, list[float]]:
    """Return value and gradient in plain Python, forward and then backward."""
    v = list(point)
    for op, a, b in ops:
        if op == "*":
            v.append(v[a] * v[b] * FACTOR)
        elif op == "sin":
            v.append(math.sin(v[a] + v[b]))
        else:
            v.append((v[a] + v[b] if op == "+" else v[a] - v[b]) * FACTOR)
    scale = 1.0 / len(sinks) ** 0.5
    bar = [0.0] * len(v)
    for i in sinks:
        bar[i] = scale
    for k in range(len(ops) - 1, -1, -1):
        op, a, b = ops[k]
        g = bar[INPUTS + k]
        if op == "*":
            da, db = g * FACTOR * v[b], g * FACTOR * v[a]
        elif op == "sin":
            da = db = g * math.cos(v[a] + v[b])
        else:
            da = g * FACTOR
            db = da if op == "+" else -da
        bar[a] += da
        bar[b] += db
    return sum(v[i] for i in sinks) * scale, bar[:INPUTS]


def dag(n: int) -> Formula:
    """Return the random DAG of n operations."""
    ops = operations(n)
    sinks = unused(ops)
    point = np.random.default_rng(0).random(INPUTS)

    def hand(formula: Formula, stages: Stages) -> Subject:
        found = sweep(ops, sinks, formula.point.tolist())
        stages.done("both sweeps")
        return Subject({}, {}, found)

    return Formula(
        inputs=tuple(f"x{i}" for i in range(INPUTS)),
        point=point,
        loss=lambda inputs, functions: apply(ops, sinks, inputs, functions.sin),
        hand=hand,
        size=n,
        ways=("numbers", "flat", "out"),
    )


# A small formula ----------------------------------------------------------------------


def _derive(x: float, y: float, z: float) -> tuple[float, tuple[float, float, float]]:
    s, e = math.sin(x * y), math.exp(-z)
    inner = math.cos(x * y) * e
    return s * e + x * z, (y * inner + z, x * inner, x - s * e)


def _small_hand(formula: Formula, stages: Stages) -> Subject:
    """Compile the same formulas by Numba: numbers in and out, and over a vector."""
    import numba

    both, numbers = numba.njit(_derive), formula.point.tolist()

    @numba.njit
    def flat(theta: Any, g: Any) -> float:
        value, (g[0], g[1], g[2]) = both(theta[0], theta[1], theta[2])
        return value

    theta, g = formula.point.copy(), np.empty(3)
    both(*numbers)
    stages.done("first call")
    names = dict(zip(formula.inputs, numbers, strict=True))
    names |= {"both": both, "flat": flat, "theta": theta, "g": g}
    found = {
        "numbers": "both(x, y, z)",
        "keywords": "both(x=x, y=y, z=z)",
        "out": "flat(theta, g)",
    }
    return Subject(names, found)


def small(size: int) -> Formula:
    """Return a formula of three numbers, which takes no time to compute."""
    return Formula(
        inputs=("x", "y", "z"),
        point=np.array([0.7, 1.3, 0.4]),
        loss=lambda v, fn: fn.sin(v[0] * v[1]) * fn.exp(-v[2]) + v[0] * v[2],
        hand=_small_hand,
        size=size,
    )


FORMULAS: dict[str, Callable[[int], Formula]] = {"dag": dag, "small": small}
