"""Check a gradient against differences of the function's values (Grosse; CS224N).

Comes in: a formula's graph, a point, and the gradient that compiled code gave there.
Goes out: a Report, a row a derivative, true if all are right. Two things are checked:
the derivative rules, by the adjoints in high precision, and the numbers themselves.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from overbar.differences import central
from overbar.ir.errors import InputError
from overbar.truth import Truth
from overbar.verdict import TOLERANCE, UNIT, Case

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from overbar.ir.graph import Graph, Node


@dataclass(frozen=True, slots=True)
class Row:
    """Hold the check of one derivative.

    name: the parameter's, for several outputs `dJ/dw`.
    gradient: what is checked; difference: the central difference in double precision;
    exact: the derivative from high-precision differences.
    units: |gradient - exact| / (u (|exact| + sum |H x|)) with u the unit of rounding:
        what rounding the inputs alone brings about is 1; relative: the relative error.
    note: what is special, or what is wrong, about it.
    """

    name: str
    gradient: float
    difference: float
    exact: float
    units: float
    relative: float
    ok: bool
    note: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """Hold a gradient check: true if every derivative is right."""

    title: str
    rows: tuple[Row, ...]

    @property
    def ok(self) -> bool:
        """Whether every derivative is right."""
        return all(row.ok for row in self.rows)

    def __bool__(self) -> bool:
        """Return whether every derivative is right."""
        return self.ok

    def __str__(self) -> str:
        """Return an aligned table, notes below their rows."""
        table = [_COLUMNS, *(_cells(row) for row in self.rows)]
        widths = [max(len(cells[i]) for cells in table) for i in range(len(_COLUMNS))]
        lines = [self.title]
        for row, cells in zip([None, *self.rows], table, strict=True):
            line = "  ".join(c.ljust(w) for c, w in zip(cells, widths, strict=True))
            lines.append(f"  {line}".rstrip())
            if row is not None and row.note:
                lines.append(f"    {row.note}")
        return "\n".join([*lines, self._verdict])

    @property
    def _verdict(self) -> str:
        wrong = [row.name for row in self.rows if not row.ok]
        count = len(self.rows)
        if not wrong:
            return f"{count} of {count} derivatives right"
        shown = ", ".join([*wrong[:10], *(["..."] if len(wrong) > 10 else [])])
        return f"{len(wrong)} of {count} derivatives not right: {shown}"


_COLUMNS = (
    "", "gradient", "central difference", "high precision", "units", "relative", "",
)  # fmt: skip


def _cells(row: Row) -> tuple[str, ...]:
    return (
        row.name, f"{row.gradient:.15g}", f"{row.difference:.10g}",
        *("-" if math.isnan(row.exact) else text for text in (
            f"{row.exact:.15g}", f"{row.units:.2g}", f"{row.relative:.1e}",
        )),
        "ok" if row.ok else "WRONG",
    )  # fmt: skip


def check(
    graph: Graph,
    wrt: Sequence[Node],
    inputs: Mapping[str, Any],
    *,
    gradient: Sequence[float] | None = None,
    step: float = 1e-4,
    digits: int = 50,
    tolerance: float | None = None,
) -> Report:
    """Check derivatives at a point against differences of the function's values.

    graph: the formula; wrt: input nodes; inputs: a number an input by name.
    gradient: what compiled code gave, an entry an input of `wrt`, output by output;
        by default the adjoints, evaluated node by node.
    step: that of the central differences shown, relative to each input.
    digits: those of the differences that decide.
    tolerance: the relative error allowed, by default that of `TOLERANCE`.
    A kink at the point is no error, and the row says so. Where the value or a
    derivative is not a number, the row says why and is not right.
    Raises InputError for inputs that are missing or no plain numbers, and for a
    gradient of another length.
    """
    truth = Truth(graph, wrt, inputs, digits)
    partials = [p for row in truth.partials for p in row]
    if gradient is None:
        gradient = [truth.floats[p].item() for p in partials]
    numbers = [float(g) for g in gradient]
    if len(numbers) != len(partials):
        message = (
            f"expected a gradient of {len(partials)} entries, found {len(numbers)}"
        )
        raise InputError(message)
    rows = _rows(truth, numbers, step, tolerance)
    return Report(title(graph, truth.point), tuple(rows))


def _rows(
    truth: Truth, numbers: Sequence[float], step: float, tolerance: float | None
) -> list[Row]:
    """Return the rows, output by output."""
    table: list[list[Row]] = [[] for _ in truth.outputs]
    default = TOLERANCE[truth.graph.real.dtype]
    allowed = default if tolerance is None else tolerance
    for j, name in enumerate(truth.names):
        h = step * abs(truth.point[name]) or step
        differences = central(truth.graph, truth.point, name, h)
        slopes = truth.slopes(j)
        for i, row in enumerate(table):
            number = numbers[i * len(truth.wrt) + j]
            case = Case(truth, i, j, number, slopes[i], allowed)
            row.append(_row(case, differences[i], h))
    return [row for rows in table for row in rows]


def title(graph: Graph, point: Mapping[str, Any]) -> str:
    """Return what a report says above its table."""
    given = [
        f"{name} of shape {np.shape(value)}"
        if np.ndim(value)
        else f"{name} = {value!r}"
        for name, value in point.items()
    ]
    shown = ", ".join([*given[:6], *(["..."] if len(given) > 6 else [])])
    where = f" at {shown}" if shown else ""
    return f"gradient check of {', '.join(graph.outputs)}{where}"


def _row(case: Case, difference: float, step: float) -> Row:
    truth, number = case.truth, case.number
    ok, exact, note = case.verdict(difference, step)
    error = 0.0 if number == exact else abs(number - exact)
    size = UNIT[truth.graph.real.dtype] * (abs(exact) + case.scale)
    name, outputs = truth.names[case.j], list(truth.graph.outputs)
    return Row(
        name if len(outputs) == 1 else f"d{outputs[case.i]}/d{name}",
        number, difference, exact, _ratio(error, size), _ratio(error, abs(exact)),
        ok, note,
    )  # fmt: skip


def _ratio(error: float, size: float) -> float:
    if not error:
        return 0.0
    return math.inf if math.isinf(error) or not size else error / size
