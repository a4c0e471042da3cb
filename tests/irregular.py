"""Long formulas without patterns, each with its value and slope in plain Python."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

import overbar as ob


class Known(NamedTuple):
    """Hold a formula of x, its value at some x, and its slope there."""

    formula: Any
    value: float
    slope: float


def irregular(size: int, at: float, seed: int = 1) -> Known:
    """Return a formula of so many operations on earlier ones, drawn at random."""
    rng = np.random.default_rng(seed)
    found = [Known(ob.param("x"), at, 1.0)]
    for _ in range(size):
        way, left, right = rng.integers((len(_WAYS), 9, 9))
        recent = found[-9:]
        a, b = recent[left % len(recent)], recent[right % len(recent)]
        found.append(_WAYS[way](a, b))
    return Known(*map(sum, zip(*found[::10], strict=True)))


_WAYS = (
    lambda a, b: Known(a.formula + b.formula, a.value + b.value, a.slope + b.slope),
    lambda a, b: Known(
        ob.sin(a.formula * b.formula),
        math.sin(a.value * b.value),
        math.cos(a.value * b.value) * (a.slope * b.value + a.value * b.slope),
    ),
    lambda a, _: Known(
        ob.tanh(a.formula), math.tanh(a.value), a.slope / math.cosh(a.value) ** 2
    ),
    lambda a, b: Known(
        ob.cos(a.formula) - b.formula * 0.5,
        math.cos(a.value) - b.value * 0.5,
        -math.sin(a.value) * a.slope - b.slope * 0.5,
    ),
)
