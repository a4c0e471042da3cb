"""Rewrite docs/accuracy.md: how far off every formula is before and after stabilising.

Run `PYTHONPATH=tests python -m accuracy.table` from the repository's root; it takes
about a minute.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from accuracy.formulas import ENOUGH
from accuracy.heldout import HELD_OUT
from accuracy.listed import LISTED
from accuracy.measure import Subject, written

if TYPE_CHECKING:
    from collections.abc import Sequence

    from accuracy.formulas import Case
    from accuracy.measure import Errors

PAGE = Path(__file__).parents[2] / "docs" / "accuracy.md"
POINTS = 200
HEAD = """\
# Accuracy

How many units the value, the gradient and the Hessian's diagonal are off at worst,
with `accuracy="strict"` (the operations as written) → with `accuracy="standard"` (the
default: stabilised). One unit is u (|g| + Σ |H x|), u = 2⁻⁵³, for a result g with
derivatives H: what rounding the inputs alone may do. The truth comes from SymPy's
derivatives, evaluated by mpmath with 50 digits or as many more as it takes. ∞ stands
for a NaN or an infinity where the result is finite, or the reverse. {points} points a
formula, half of them spread over the whole range, half over its part between 0.001
and 100, magnitudes logarithmic.

This page is written by `PYTHONPATH=tests python -m accuracy.table`.
"""
LISTED_HEAD = """
## Formulas that the rules were written for

As written {before} of {all} are within {enough:g} units throughout, stabilised
{good}; of all results, {cells_before} of {cells} and {cells_good}. `tests/accuracy`
keeps it so.
"""
HELD_OUT_HEAD = """
## Formulas held out

In the style of Herbie's benchmarks, written down and committed before the rules, and
left alone since: no rule was written for any of them. As written {before} of {all} are
within {enough:g} units throughout, stabilised {good}; of all results, {cells_before} of
{cells} and {cells_good}. What fails here fails in Overbar: `f.accuracy(*args)` names
the statement.
"""
COLUMNS = """
| formula | inputs | value | gradient | Hessian |
|---|---|---|---|---|
"""


def number(units: float) -> str:
    """Return units with two digits."""
    if math.isinf(units):
        return "∞"
    if units < 1000:
        return f"{units:.1f}" if units < 10 else f"{units:.0f}"
    return f"{units:.0e}".replace("e+0", "e").replace("e+", "e")


def row(case: Case, before: Errors, after: Errors) -> str:
    """Return a row of the table."""
    cells = [f"{number(b)} → {number(a)}" for b, a in zip(before, after, strict=True)]
    text = written(case).replace("|", "\\|")
    return f"| `{text}` | {case.text} | " + " | ".join(cells) + " |\n"


def section(head: str, cases: Sequence[Case]) -> str:
    """Measure the cases and return their section."""
    found: list[tuple[Case, Errors, Errors]] = []
    for case in cases:
        subject = Subject(case, POINTS)
        found.append((case, subject.errors("strict"), subject.errors("standard")))
        sys.stderr.write(".")
        sys.stderr.flush()
    text = head.format(
        all=len(found),
        before=sum(max(before) <= ENOUGH for _, before, _ in found),
        good=sum(max(after) <= ENOUGH for _, _, after in found),
        cells=3 * len(found),
        cells_before=sum(units <= ENOUGH for _, before, _ in found for units in before),
        cells_good=sum(units <= ENOUGH for _, _, after in found for units in after),
        enough=ENOUGH,
    )
    return text + COLUMNS + "".join(row(*parts) for parts in found)


def page() -> str:
    """Return the page."""
    return (
        HEAD.format(points=POINTS)
        + section(LISTED_HEAD, LISTED)
        + section(HELD_OUT_HEAD, HELD_OUT)
    )


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
