"""Differentiate by differences: what the gradient check holds derivatives against.

Comes in: a graph, a point and an input. Goes out: slopes of the graph's nodes along
that input, found from values alone, never from a derivative rule. In high precision a
step can be so small that a plain difference quotient is right to double precision.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from overbar.ir.evaluate import evaluate, evaluate_exactly

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from overbar.ir.graph import Graph, Node

STEP, STEP_AT_ZERO = 1e-15, 1e-25
"""The first step relative to the input, and that at 0, with 50 digits."""

_SHRINK = 1000
"""By how much each further step is smaller."""

_SPARE_DIGITS = 15
_SMOOTH = 1e-9
"""One-sided slopes that differ by less than this share are one slope."""


class Slope(NamedTuple):
    """Hold the slopes on both sides of a point, NaN where there is none."""

    left: float
    right: float

    @property
    def bends(self) -> bool:
        """Whether the two sides differ."""
        if math.isnan(self.left) or math.isnan(self.right) or self.left == self.right:
            return False
        size = abs(self.left) + abs(self.right)
        return math.isinf(size) or abs(self.right - self.left) > _SMOOTH * size

    @property
    def one_sided(self) -> bool:
        """Whether there is a slope on one side alone."""
        return math.isnan(self.left) != math.isnan(self.right)

    @property
    def value(self) -> float:
        """The derivative: the mean of both sides, or the only side that there is."""
        if math.isnan(self.left):
            return self.right
        if math.isnan(self.right) or self.left == self.right:
            return self.left
        return self.left / 2 + self.right / 2


@dataclass(frozen=True)
class Line:
    """Evaluate nodes in high precision along one input, from a point.

    digits: of the result; the caller adds those that the range of magnitudes in the
        graph costs (see `spread`).
    direction: in which an array moves; a number moves upwards.
    """

    graph: Graph
    point: Mapping[str, Any]
    name: str
    roots: Sequence[Node]
    digits: int
    direction: Any = None

    @cached_property
    def _context(self) -> Any:
        import mpmath

        context = mpmath.MPContext()
        context.dps = self.digits + _SPARE_DIGITS
        return context

    @cached_property
    def step(self) -> Any:
        """The first step."""
        size = self._context.mpf(length(self.point[self.name], self.direction))
        return size * STEP if size else self._context.mpf(STEP_AT_ZERO)

    def _at(self, shift: Any) -> list[Any]:
        here = self.point[self.name]
        if self.direction is None:
            moved = self._context.mpf(here) + shift
        else:
            exact = np.frompyfunc(self._context.mpf, 1, 1)
            moved = exact(here) + exact(self.direction) * shift
        point = {**self.point, self.name: moved}
        digits = self.digits + _SPARE_DIGITS
        values = evaluate_exactly(self.graph, point, self.roots, digits)
        return [self._context.mpf(values[root]) for root in self.roots]

    @cached_property
    def _here(self) -> list[Any]:
        return self._at(0)

    def quotients(self, step: Any) -> list[tuple[Any, Any]]:
        """Return the difference quotients to the left and to the right."""
        before, after = self._at(-step), self._at(step)
        return [
            ((here - low) / step, (high - here) / step)
            for low, here, high in zip(before, self._here, after, strict=True)
        ]

    def slopes(self) -> list[Slope]:
        """Return the slopes over the first step alone: right where all is smooth."""
        return [Slope(float(a), float(b)) for a, b in self.quotients(self.step)]

    def limits(self) -> list[Slope]:
        """Return the one-sided derivatives, extrapolated from three steps.

        They are infinite where the quotients keep growing.
        """
        steps = [self.step / _SHRINK**k for k in range(3)]
        rows = [self.quotients(step) for step in steps]
        return [
            Slope(_limit([a for a, _ in sides]), _limit([b for _, b in sides]))
            for sides in zip(*rows, strict=True)
        ]


def _limit(q: Sequence[Any]) -> float:
    """Return the limit of three quotients, each for a step `_SHRINK` times smaller.

    The error falls as some power of the step, 1 where smooth, less at the edge of a
    domain: Aitken's rule removes it whatever the power is.
    """
    if any(v != v for v in q):
        return math.nan
    first, second = q[1] - q[0], q[2] - q[1]
    if abs(second) <= abs(q[2]) * 1e-20 or not second:
        return float(q[2])
    if abs(second) > abs(first) / 2:
        return math.inf if q[2] > 0 else -math.inf
    limit = q[2] - second**2 / (second - first)
    return 0.0 if abs(limit) <= abs(q[0]) * _SMOOTH else float(limit)


def spread(values: Iterable[Any]) -> int:
    """Return how many decimal digits lie between the largest and smallest magnitude.

    In `1 + x` at x = 1e-300, so many are lost before `x` changes anything.
    """
    numbers = np.array([v for v in values if np.isfinite(v) and v], dtype=float)
    if not numbers.size:
        return 0
    exponents = np.frexp(numbers)[1]
    return int((exponents.max() - exponents.min()) * math.log10(2))


def length(value: Any, direction: Any) -> float:
    """Return how large an input is along a direction: the step is relative to that."""
    if direction is None:
        return abs(float(value))
    moving = np.abs(np.asarray(value, float))[np.asarray(direction) != 0]
    return float(moving.max(initial=0.0))


def along(
    graph: Graph, point: Mapping[str, Any], name: str, root: Node, direction: Any
) -> tuple[float, Estimate]:
    """Return a slope along a direction of an array, in double precision.

    It comes as the plain central difference and as what `extrapolate` makes of twelve.
    """
    here = np.asarray(point[name])
    x = length(here, direction) or 1.0
    steps = x / 8 * 0.5 ** np.arange(12)

    def slope(step: float) -> float:
        low, high = (
            float(evaluate(graph, {**point, name: end}, [root])[root])
            for end in (here - step * direction, here + step * direction)
        )
        return (high - low) / (2 * step)

    with np.errstate(all="ignore"):
        column = np.array([slope(step) for step in steps])
        return slope(x * 1e-5), _neville(column)


def central(
    graph: Graph, point: Mapping[str, Any], name: str, step: float
) -> list[float]:
    """Return the outputs' two-sided difference quotients in double precision."""
    found = []
    with np.errstate(all="ignore"):
        ends = point[name] + np.array([-step, step])
        values = evaluate(graph, {**point, name: ends})
        for root in graph.outputs.values():
            low, high = _spread_over(values[root], 2)
            found.append(float((high - low) / (ends[1] - ends[0])))
    return found


class Estimate(NamedTuple):
    """Hold a number and how far off it may be."""

    value: float
    error: float


def extrapolate(
    graph: Graph, point: Mapping[str, Any], name: str, root: Node
) -> Estimate:
    """Return a slope in double precision: central differences, extrapolated.

    Ridders' method (Advances in Engineering Software 4, 1982): steps that halve, and
    of all entries of Neville's table the one that differs least from its neighbours.
    """
    x = float(point[name])
    steps = (abs(x) or 1.0) / 8 * 0.5 ** np.arange(12)
    ends = np.concatenate([x - steps, x + steps])
    values = evaluate(graph, {**point, name: ends}, [root])[root]
    low, high = np.split(_spread_over(values, ends.size), 2)
    with np.errstate(all="ignore"):
        return _neville((high - low) / ((x + steps) - (x - steps)))


def _neville(column: Any) -> Estimate:
    """Return the entry of Neville's table that differs least from its neighbours."""
    best = Estimate(math.nan, math.inf)
    with np.errstate(all="ignore"):
        for power in range(1, column.size):
            finer = (4**power * column[1:] - column[:-1]) / (4**power - 1)
            errors = np.maximum(abs(finer - column[1:]), abs(finer - column[:-1]))
            errors[np.isnan(errors)] = math.inf
            k = int(np.argmin(errors))
            if errors[k] < best.error:
                best = Estimate(float(finer[k]), float(errors[k]))
            column = finer
    return best


def _spread_over(values: Any, count: int) -> Any:
    return np.broadcast_to(np.asarray(values, dtype=float), (count,))
