"""Check gradients in arrays against differences: element by element, or along lines.

Comes in: a formula with arrays, a point, and what compiled code gives there. Goes out:
a Report, a row a parameter, for its worst element. Small formulas are held against
differences in high precision, large ones against extrapolated ones in double.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from overbar.check import Report, Row, title
from overbar.derive.naming import symbol
from overbar.differences import Line, Slope, along, spread
from overbar.explain import complete, explain
from overbar.ir.evaluate import dimensions, evaluate, evaluate_exactly
from overbar.ir.ops import apply
from overbar.ir.types import size_of
from overbar.tally import elementary
from overbar.verdict import TOLERANCE, UNIT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from overbar.ir.graph import Graph, Node

_BUDGET = 200_000
"""Operations that may be computed in high precision: some seconds."""

_MOST_ELEMENTS, _FEWEST_LINES, _MOST_LINES = 64, 2, 8
_DIGITS = 50
_NOISE = 1e-10
"""What an element may be off, relative to the largest of its array."""


class Seeded(NamedTuple):
    """Hold an output to check, as one number: an array is weighed with a seed."""

    name: str
    root: Node
    seed: Any


@dataclass(frozen=True)
class _Case:
    """Hold one output and one parameter, and what compiled code gave for them."""

    graph: Graph
    point: Mapping[str, Any]
    root: Node
    name: str
    gradient: Any
    tolerance: float

    @cached_property
    def directions(self) -> list[tuple[str, Any]]:
        """Directions to look in, with the place that each stands for."""
        shape = np.shape(self.gradient)
        if not shape:
            return [("", None)]
        count, cost = prod(shape), self.cost
        affordable = _BUDGET // max(1, cost)
        if count <= min(_MOST_ELEMENTS, affordable):
            return [(f"[{', '.join(map(str, at))}]", _unit(shape, at))
                    for at in np.ndindex(shape)]  # fmt: skip
        lines = max(_FEWEST_LINES, min(_MOST_LINES, affordable))
        draw = np.random.default_rng(0)
        return [("", draw.choice([-1.0, 1.0], shape)) for _ in range(lines)]

    @cached_property
    def cost(self) -> int:
        """How many operations on numbers the formula takes."""
        sizes = dimensions(self.graph, self.point, {})
        order = self.graph.order([self.root])
        return sum(size_of(elementary(n), sizes) for n in order)

    @cached_property
    def digits(self) -> int:
        """Digits for high precision; 0 where an op lacks it, or it takes too long."""
        if self.cost > _BUDGET // (4 * _FEWEST_LINES):
            return 0
        floats = evaluate(self.graph, self.point, [self.root]).values()
        digits = _DIGITS + spread(x for v in floats for x in np.ravel(v).tolist())
        try:
            evaluate_exactly(self.graph, self.point, [self.root], digits)
        except NotImplementedError:
            return 0
        return digits

    def row(self, label: str) -> Row:
        """Return the row of the worst direction."""
        rows = [self._judged(label, *found) for found in self.directions]
        worst = max(rows, key=lambda r: (not r.ok, r.relative))
        if len(rows) == 1:
            return worst
        elements = "elements" if self.directions[0][0] else "random directions"
        note = f"the worst of {len(rows)} {elements}"
        if not self.digits:
            note += ", in double precision"
        return _noted(worst, note)

    def _judged(self, label: str, place: str, direction: Any) -> Row:
        terms = self.gradient if direction is None else self.gradient * direction
        number = float(np.sum(terms))
        step = np.asarray(1.0) if direction is None else direction
        difference, estimate = along(self.graph, self.point, self.name, self.root, step)
        slope, slack = Slope(estimate.value, estimate.value), 10 * estimate.error
        if self.digits:
            line = Line(
                self.graph, self.point, self.name, [self.root], self.digits, direction
            )
            (slope,), slack = line.slopes(), 0.0
            if slope.bends or not math.isfinite(slope.value):
                (slope,) = line.limits()
        size = float(np.sum(np.abs(terms)))
        largest = float(np.max(np.abs(self.gradient), initial=0.0))
        slack += self.tolerance * (abs(slope.value) + size) + _NOISE * largest
        return self._row(label + place, number, difference, slope, slack)

    def _row(
        self, label: str, number: float, difference: float, slope: Slope, slack: float
    ) -> Row:
        low, high = sorted(slope)
        exact, note = slope.value, ""
        ok = number == exact or abs(number - exact) <= slack
        if slope.bends:
            note = f"at a kink; slopes {low:.6g} and {high:.6g}"
            ok, exact = low - slack <= number <= high + slack, math.nan
        error = 0.0 if number == exact else abs(number - exact)
        unit = UNIT[self.graph.real.dtype]
        relative = _ratio(error, abs(exact))
        return Row(
            label, number, difference, exact, relative / unit, relative, ok, note
        )


def check_arrays(
    graph: Graph,
    wrt: Sequence[Node],
    inputs: Mapping[str, Any],
    gradient: Callable[[str, Any], Sequence[Any]],
) -> Report:
    """Check derivatives at a point against differences of the function's values.

    gradient: what compiled code gives: `(name of an output, seed) -> arrays`, one a
    node of `wrt`. Where the value or a derivative is not a number, the row says why and
    is not right; between the slopes on both sides of a kink anything is right.
    """
    point = complete(graph, inputs, [*graph.order(), *wrt])
    tolerance = TOLERANCE[graph.real.dtype]
    rows: list[Row] = []
    for output in _seeded(graph, point):
        view = graph.view({output.name: output.root})
        here = {**point, **({} if output.seed is None else output.seed)}
        seed = 1.0 if output.seed is None else next(iter(output.seed.values()))
        parts = gradient(output.name, seed)
        broken = explain(view, here)
        for node, part in zip(wrt, parts, strict=True):
            name = graph.names[node]
            label = name if len(graph.outputs) == 1 else f"d{output.name}/d{name}"
            nothing = str(broken) if broken else ""
            if not nothing and not np.all(np.isfinite(part)):
                nothing = "the derivative is not finite; see f.explain"
            if nothing:
                first = nothing.split("\n")[0]
                value = float(np.sum(part))
                rows.append(_nothing(label, value, first))
            elif np.size(part):
                case = _Case(view, here, output.root, name, np.asarray(part), tolerance)
                rows.append(case.row(label))
    return Report(title(graph, point), tuple(rows))


def _seeded(graph: Graph, point: Mapping[str, Any]) -> list[Seeded]:
    """Return each output as one number: an array is weighed with uneven numbers."""
    found = []
    sizes = dimensions(graph, point, {})
    for name, node in graph.outputs.items():
        shape = node.type.shape
        if not node.type.is_float:
            continue
        if not shape:
            found.append(Seeded(name, node, None))
            continue
        weight = symbol(graph, f"{name}_weight", node)
        whole = tuple(range(len(shape)))
        root = graph.make("sum", (apply("mul", weight, node),), (whole,))
        draw = np.random.default_rng(1)
        seed = draw.uniform(0.5, 1.5, tuple(size_of(e, sizes) for e in shape))
        seed = seed.astype(node.type.dtype)
        found.append(Seeded(name, root, {str(weight.attrs[0]): seed}))
    return found


def _unit(shape: tuple[int, ...], place: tuple[int, ...]) -> Any:
    found = np.zeros(shape)
    found[place] = 1.0
    return found


def _noted(row: Row, note: str) -> Row:
    from dataclasses import replace

    return replace(row, note=f"{note}; {row.note}" if row.note else note)


def _nothing(label: str, value: float, note: str) -> Row:
    nan = math.nan
    return Row(label, value, nan, nan, nan, nan, ok=False, note=note)


def _ratio(error: float, size: float) -> float:
    if not error:
        return 0.0
    return math.inf if math.isinf(error) or not size else error / size
