"""Measure how far off a formula's value, gradient and Hessian are, in units.

One unit is u (|g| + sum |H x|), u = 2**-53: what rounding the inputs alone may do to a
result g whose derivatives are H. The truth comes from SymPy's derivatives, evaluated by
mpmath with as many digits as it takes (50 at least), never from Overbar.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NamedTuple

import mpmath
import numpy as np
import sympy

from overbar.codegen.lower import lower
from overbar.derive.forward import forward
from overbar.derive.reverse import reverse
from overbar.ir.evaluate import evaluate
from overbar.ir.graph import Graph, Node
from overbar.ir.ops import OPS, apply
from overbar.ir.text import Writer
from overbar.rewrite.engine import Rewriter, Rule
from overbar.rewrite.exact import EXACT
from overbar.rewrite.stabilise import STABILISE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from accuracy.formulas import Case

U = mpmath.mpf(2) ** -53
SMALLEST_NORMAL = mpmath.mpf(2) ** -1022
LARGEST = mpmath.mpf(np.finfo(float).max)
LEVELS: dict[str, tuple[Rule, ...]] = {
    "strict": EXACT,
    "standard": (*EXACT, *STABILISE),
}
MOST_DIGITS = 6400
NOTHING = mpmath.mpf(10) ** -700

FUNCTIONS = SimpleNamespace(
    **{name: lambda *args, _name=name: apply(_name, *args) for name in OPS}
)
SYMPY = SimpleNamespace(
    **{name: getattr(sympy, name) for name in dir(sympy) if not name.startswith("_")}
    | {"gammaln": sympy.loggamma, "hypot": lambda x, y: sympy.sqrt(x**2 + y**2)}
)


class Errors(NamedTuple):
    """Hold the worst errors of value, gradient and the Hessian's diagonal, in units."""

    value: float
    gradient: float
    hessian: float


@dataclass(frozen=True, eq=False)
class Subject:
    """Hold a case with its points and the truth at each."""

    case: Case
    count: int = 100

    @cached_property
    def points(self) -> list[tuple[float, ...]]:
        """The points to measure at."""
        return self.case.points(self.count)

    @cached_property
    def truth(self) -> list[list[tuple[Any, Any]]]:
        """At each point the results, in order, each with the size of its unit / u."""
        return [_sized(*self._derivatives(point)) for point in self.points]

    @cached_property
    def _compiled(self) -> Callable[..., Any]:
        symbols = sympy.symbols(f"x:{len(self.case.samplers)}", real=True)
        f = self.case.formula(SYMPY, *symbols)
        slopes = [f.diff(s) for s in symbols]
        bends = [[g.diff(s) for s in symbols] for g in slopes]
        thirds = [[bends[i][i].diff(s) for s in symbols] for i in range(len(symbols))]
        everything = [f, *slopes, *chain(*bends), *chain(*thirds)]
        return sympy.lambdify(symbols, everything, "mpmath", cse=True)  # type: ignore[no-any-return]

    def _derivatives(self, point: Sequence[float]) -> tuple[Sequence[float], list[Any]]:
        """Return all derivatives, with so many digits that more change nothing."""
        digits = 50
        found = self._at(point, digits)
        while digits < MOST_DIGITS:
            digits *= 2
            better = self._at(point, digits)
            if all(map(_agree, found, better)):
                return point, better
            found = better
        message = f"no agreement at {point}"
        raise ArithmeticError(message)

    def _at(self, point: Sequence[float], digits: int) -> list[Any]:
        with mpmath.workdps(digits):
            try:
                return list(self._compiled(*map(mpmath.mpf, point)))
            except ZeroDivisionError:  # too few digits to tell a difference from zero
                return [mpmath.nan]

    def errors(self, level: str) -> Errors:
        """Return the worst errors over all points."""
        columns = np.array(self.points, dtype=float).T
        results = derivatives(self.case, level).at(columns)
        size = len(columns)
        worst = np.zeros(3)
        for k, truths in enumerate(self.truth):
            units = [
                _units(result[k], *true)
                for result, true in zip(results, truths, strict=True)
            ]
            groups = (units[:1], units[1 : 1 + size], units[1 + size :])
            worst = np.maximum(worst, [max(group) for group in groups])
        return Errors(*map(float, worst))


def _agree(a: Any, b: Any) -> bool:
    """Whether two precisions agree; a zero is believed if it is literal, or late."""
    if isinstance(b, int) or 0 < abs(b) < NOTHING:
        return True
    return bool(abs(a - b) <= abs(b) * mpmath.mpf(10) ** -25 and b)


def _sized(point: Sequence[float], found: Sequence[Any]) -> list[tuple[Any, Any]]:
    """Return value, gradient and the Hessian's diagonal, each with |g| + sum |H x|."""
    n = len(point)
    xs = [abs(mpmath.mpf(x)) for x in point]
    value, slopes = found[0], found[1 : 1 + n]
    bends = [found[1 + n + i * n : 1 + n + (i + 1) * n] for i in range(n)]
    after = 1 + n + n * n
    thirds = [found[after + i * n : after + (i + 1) * n] for i in range(n)]
    rows = [(value, slopes), *zip(slopes, bends, strict=True)]
    rows += [(bends[i][i], thirds[i]) for i in range(n)]
    return [
        (g, abs(g) + sum(abs(h) * x for h, x in zip(row, xs, strict=True)))
        for g, row in rows
    ]


def _units(result: float, true: Any, size: Any) -> float:
    """Return how many units a result is off; an overflow has to be one."""
    if abs(true) > LARGEST:
        return 0.0 if result == mpmath.sign(true) * np.inf else np.inf
    if not np.isfinite(result):
        return np.inf
    return float(abs(mpmath.mpf(result) - true) / (U * max(size, SMALLEST_NORMAL)))


@dataclass(frozen=True, eq=False)
class Derivatives:
    """Hold the nodes of value, gradient and the Hessian's diagonal, as run."""

    graph: Graph
    results: list[Node]

    def at(self, columns: Any) -> list[Any]:
        """Return arrays of results for an array of points a column an input."""
        inputs = dict(zip(self.graph.inputs, columns, strict=True))
        values = evaluate(self.graph, inputs, self.results)
        return [np.broadcast_to(values[n], columns.shape[1:]) for n in self.results]


def derivatives(case: Case, level: str) -> Derivatives:
    """Derive a case's value, gradient and the Hessian's diagonal at some level."""
    graph = Graph(rewrite=Rewriter(LEVELS[level]))
    inputs = [graph.input(f"x{i}") for i in range(len(case.samplers))]
    value = graph.lift(case.formula(FUNCTIONS, *inputs))
    graph.outputs["f"] = value
    graph.formula_size = len(graph)
    zero, one = graph.const(0.0), graph.const(1.0)
    found = reverse(graph, {value: one}, inputs)
    slopes = [found.get(n, zero) for n in inputs]
    bends = [
        forward(graph, {n: one}, [g]).get(g, zero)
        for n, g in zip(inputs, slopes, strict=True)
    ]
    better = lower(graph.view(graph.outputs), [value, *slopes, *bends])
    return Derivatives(graph, [better[n] for n in (value, *slopes, *bends)])


def written(case: Case) -> str:
    """Return the formula's text, as it was written."""
    names = "x" if len(case.samplers) == 1 else "abcd"[: len(case.samplers)]
    graph = Graph()
    value = case.formula(FUNCTIONS, *(graph.input(name) for name in names))
    return Writer({}).write(value)[0]
