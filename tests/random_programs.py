"""Draw random programs with branches, and run them in Overbar and in mpmath.

A program is a list of steps that knows nothing of graphs; mpmath runs it taking one
branch at a time, as a person would, and so says what values and derivatives are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import mpmath
import numpy as np

import overbar as ob

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

INPUTS = ("x", "y", "z")
EXACT = mpmath.MPContext()
EXACT.dps = 60
STEP = EXACT.mpf(10) ** -18
_HUGE, _TINY = 1e12, 1e-9

_UNARY = ("sin", "exp", "sqrt", "log", "abs")
_BINARY = ("add", "sub", "mul", "div", "max", "min", "pow")
_CHOICES = (*_UNARY, *_BINARY, *["where"] * 6, *["test"] * 2, "both", "not")


class Step(NamedTuple):
    """Apply an operation to earlier values and conditions, given by their places."""

    op: str
    conditions: tuple[int, ...]
    values: tuple[int, ...]
    bound: float = 0.0


def draw(seed: int, size: int) -> list[Step]:
    """Return a program of about `size` steps, branches nested, values shared."""
    rng = np.random.default_rng(seed)
    steps: list[Step] = []
    values, conditions = len(INPUTS), 0
    for _ in range(size):
        op = str(rng.choice(_CHOICES))
        near = values - 1 - int(rng.integers(min(values, 4)))
        first = near if rng.random() < 0.6 else int(rng.integers(values))
        second = int(rng.integers(values))
        if op == "test" or not conditions:
            bound = float(rng.choice([0.0, 0.5, -0.3, 1.1]))
            steps.append(Step("test", (), (first,), bound))
            conditions += 1
        elif op in {"both", "not"}:
            asked = tuple(int(i) for i in rng.integers(conditions, size=2))
            steps.append(Step(op, asked, ()))
            conditions += 1
        else:
            asked = (int(rng.integers(conditions)),) if op == "where" else ()
            given = (first,) if op in _UNARY else (first, second)
            steps.append(Step(op, asked, given))
            values += 1
    return steps


def run(
    steps: Sequence[Step], inputs: Sequence[Any], table: dict[str, Callable[..., Any]]
) -> list[Any]:
    """Return all values of a program, computed with the operations of a table."""
    values, conditions = list(inputs), []
    for op, asked, given, bound in steps:
        args = [*(conditions[i] for i in asked), *(values[i] for i in given)]
        if op == "test":
            conditions.append(table[op](*args, bound))
        elif op in {"both", "not"}:
            conditions.append(table[op](*args))
        else:
            values.append(table[op](*args))
    return values


SYMBOLIC = {
    "add": lambda a, b: a + b, "sub": lambda a, b: a - b, "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b, "pow": lambda a, b: a**b,
    "sin": ob.sin, "exp": lambda a: ob.exp(0.125 * a), "sqrt": ob.sqrt, "log": ob.log,
    "abs": abs, "max": ob.maximum, "min": ob.minimum, "where": ob.where,
    "test": lambda a, bound: a > bound, "both": lambda c, d: c & d,
    "not": lambda c, d: ~c,
}  # fmt: skip


def _real(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that is NaN where it has no real value, or a huge operand."""

    def call(*args: Any) -> Any:
        if any(not EXACT.isfinite(a) or abs(a) > _HUGE for a in args):
            return EXACT.nan
        try:
            value = function(*args)
        except (ZeroDivisionError, ValueError):
            return EXACT.nan
        return EXACT.nan if isinstance(value, EXACT.mpc) else value

    return call


TRUTH = {
    **{name: _real(SYMBOLIC[name]) for name in ("add", "sub", "mul", "div", "pow")},
    **{name: _real(getattr(EXACT, name)) for name in ("sin", "sqrt")},
    "exp": _real(lambda a: EXACT.exp(a / 8)), "log": _real(EXACT.ln),
    "abs": _real(abs), "max": _real(max), "min": _real(min),
    "where": lambda c, a, b: a if c else b,
    "test": lambda a, bound: a > bound, "both": lambda c, d: c and d,
    "not": lambda c, d: not c,
}  # fmt: skip


class Truth(NamedTuple):
    """Hold the value, gradient and Hessian of a program's last value at a point."""

    value: float
    gradient: np.ndarray
    hessian: np.ndarray


def truth(steps: Sequence[Step], point: Sequence[float]) -> Truth | None:
    """Return what is true at a point, None where it is no point of smoothness.

    Differences at 60 digits; no rule of differentiation is used.
    """
    n = len(point)
    base = [EXACT.mpf(p) for p in point]

    def at(*moves: tuple[int, int]) -> Any:
        moved = list(base)
        for i, sign in moves:
            moved[i] += sign * STEP
        return run(steps, moved, TRUTH)[-1]

    whole = run(steps, base, TRUTH)
    if any(EXACT.isfinite(v) and abs(v) < _TINY for v in whole):
        return None  # a kink, or an infinite derivative, is near
    value = whole[-1]
    right = [(at((i, 1)) - value) / STEP for i in range(n)]
    left = [(value - at((i, -1))) / STEP for i in range(n)]
    ends = [value, *right, *left]
    if any(not EXACT.isfinite(v) or abs(v) > _HUGE for v in ends):
        return None
    if any(abs(a - b) > _TINY * (1 + abs(a)) for a, b in zip(left, right, strict=True)):
        return None
    signs = ((1, 1), (1, -1), (-1, 1), (-1, -1))
    hessian = [
        [sum(s * t * at((i, s), (j, t)) for s, t in signs) for j in range(n)]
        for i in range(n)
    ]
    return Truth(
        float(value),
        np.array([float((a + b) / 2) for a, b in zip(left, right, strict=True)]),
        np.array([[float(h / (4 * STEP**2)) for h in row] for row in hessian]),
    )


def points(seed: int, count: int) -> list[tuple[float, ...]]:
    """Return points to run a program at."""
    rng = np.random.default_rng([seed, 1])
    return [tuple(map(float, p)) for p in rng.uniform(-1, 2, (count, len(INPUTS)))]
