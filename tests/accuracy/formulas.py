"""Draw points for a formula and say what is known of it: one `Case` a row of the table.

A formula is a function of a namespace `m` (SymPy, or the op table on nodes) and its
inputs; each input has a sampler that draws its values.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ENOUGH = 10.0
"""Units that count as a few: results of a handful of rounded operations."""

Draw: TypeAlias = "Callable[[np.random.Generator, Sequence[float]], float]"


@dataclass(frozen=True)
class Sampler:
    """Draw values of an input, given those of the inputs before it."""

    draw: Draw
    text: str


@dataclass(frozen=True)
class Case:
    """Hold a formula, how to draw its inputs, and points that must not be missed."""

    formula: Callable[..., Any]
    samplers: tuple[Sampler, ...]
    extra: tuple[tuple[float, ...], ...] = ()

    def points(self, count: int) -> list[tuple[float, ...]]:
        """Return `count` points, the same every time, and the extra ones."""
        rng = np.random.default_rng(20240229)
        found = list(self.extra)
        for _ in range(count):
            point: list[float] = []
            for sampler in self.samplers:
                point.append(sampler.draw(rng, point))
            found.append(tuple(point))
        return found

    @property
    def text(self) -> str:
        """Where the inputs are drawn from, in words."""
        return ", ".join(sampler.text for sampler in self.samplers)


def _number(value: float) -> str:
    return f"{value:g}".replace("e+0", "e").replace("e+", "e").replace("e-0", "e-")


def above(low: float, high: float) -> Sampler:
    """Draw positive numbers with a uniform logarithm, half of them of middling size."""
    middle = (max(low, 1e-3), min(high, 1e2))
    ends = np.log([(low, high), middle if middle[0] < middle[1] else (low, high)])

    def draw(rng: np.random.Generator, before: Sequence[float]) -> float:
        del before
        return float(np.exp(rng.uniform(*ends[rng.integers(2)])))

    return Sampler(draw, f"{_number(low)}..{_number(high)}")


def both(low: float, high: float) -> Sampler:
    """Draw numbers of either sign whose magnitude's logarithm is uniform."""
    size = above(low, high)

    def draw(rng: np.random.Generator, before: Sequence[float]) -> float:
        return float(rng.choice([-1.0, 1.0])) * size.draw(rng, before)

    return Sampler(draw, f"±{size.text}")


def below(low: float, high: float) -> Sampler:
    """Draw negative numbers whose magnitude's logarithm is uniform."""
    size = above(low, high)
    return Sampler(lambda rng, before: -size.draw(rng, before), f"-({size.text})")


def uniform(low: float, high: float) -> Sampler:
    """Draw uniform numbers."""

    def draw(rng: np.random.Generator, before: Sequence[float]) -> float:
        del before
        return float(rng.uniform(low, high))

    return Sampler(draw, f"[{_number(low)}, {_number(high)}]")


def beyond(first: float, low: float, high: float) -> Sampler:
    """Draw numbers whose distance from `first`, upwards, has a uniform logarithm."""
    size = above(low, high)

    def draw(rng: np.random.Generator, before: Sequence[float]) -> float:
        return first + size.draw(rng, before)

    return Sampler(draw, f"{_number(first)} + {size.text}")


def close(low: float = 1e-15, high: float = 1.0) -> Sampler:
    """Draw a number near the input before, at a relative distance."""
    size = both(low, high)

    def draw(rng: np.random.Generator, before: Sequence[float]) -> float:
        return before[-1] * (1.0 + size.draw(rng, before))

    return Sampler(draw, f"relatively {size.text} off")
