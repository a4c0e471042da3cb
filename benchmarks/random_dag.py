"""Time the gradient of one random scalar DAG, Overbar beside its peers, in one run.

    python -m benchmarks.random_dag [--sizes 100,1000] [--tools overbar,casadi]
                                    [--quick] [--json FILE] [--svg FILE]

The DAG has n operations on 16 inputs, every value alive and of order one. Each tool at
each size has a process of its own, the same operations and the same point; all answers
are compared with a reverse sweep in plain Python before anything is timed. `first` is
the time from nothing to the first value and gradient (imports and the drawing of the
operations left out, the graph included, caches cold), `best code` the same until
optimised code is there, where the tool has any beside its first; `numbers` the median
time of one value-and-gradient call with 16 numbers, `vector` with a NumPy array, into
memory of the caller's where that is faster; `memory` is the most ever held by the
tool's process, or by one that it started.

A tool that takes too long at one size is not asked for larger ones. Fitted exponents
are of `first`, over sizes from 1,000 on.
"""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks import report
from benchmarks.options import chosen, plan, racing, say
from benchmarks.picture import picture
from benchmarks.race import race
from benchmarks.scalar_tools import IMPORTS, TOOLS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.race import Plan

    Row = dict[str, Any]

SIZES = "100,1000,10000,100000,1000000"
LARGE = 1000  # operations from which on fixed costs do not count
HEAD = ("tool", "first", "best code", "numbers", "vector", "memory", "apart")
LARGEST = {"jax": 100}
"""The largest size that a tool is asked for."""


def measure(n: int, tools: Sequence[str], plan: Plan, given_up: dict[str, str]
            ) -> list[Row]:  # fmt: skip
    """Return a row a tool; those that ran out of time go to `given_up`."""
    about = {"workload": "random DAG", "n": n, "threads": plan.threads,
             "clock": plan.clock}  # fmt: skip
    reasons = given_up | {
        tool: f"not asked for over {limit:,}"
        for tool, limit in LARGEST.items()
        if n > limit and tool not in given_up
    }
    able = ["hand", *(t for t in tools if t != "hand" and t not in reasons)]
    commands = {tool: ["benchmarks.scalar", "dag", f"{n}", tool] for tool in able}
    rows = race(commands, plan, about)
    for row in rows:
        if "left out" in row:
            given_up[row["tool"]] = f"{row['left out']} at {n:,}"
        else:
            times = [stage[plan.clock] for stage in row["stages"]]
            row["first"] = sum(times[:-1] if row["optimises"] else times)
            row["vector"] = min((row[k] for k in ("flat", "out") if k in row),
                                default=None)  # fmt: skip
            row["peak"] = max(stage["peak"] for stage in row["stages"])
            if row["optimises"]:
                row["best code"] = sum(times)
    skipped = [t for t in tools if t in reasons]
    return rows + [{**about, "tool": t, "left out": reasons[t]} for t in skipped]


def table(title: str, rows: Sequence[Row]) -> str:
    """Return one size's table, and each tool's stages."""
    lines, below = [], []
    for row in rows:
        if "left out" in row:
            below.append(f"  {row['tool']}: {row['left out']}")
            continue
        times = [report.duration(row[k]) if row.get(k) else "-" for k in HEAD[1:5]]
        size, apart = f"{row['peak'] / 2**20:.0f} MiB", f"{row['difference']:.0e}"
        lines.append(
            report.line((row["tool"], *times, size, apart)) + report.notes(row)
        )
        stages = ", ".join(
            f"{s['stage']} {report.duration(s[row['clock']])} "
            f"({s['peak'] / 2**20:.0f} MiB)"
            for s in row["stages"]
        )
        early = [row[k] for k in ("flat, early", "out, early") if k in row]
        before = f", {report.duration(min(early))} a call before" if early else ""
        below.append(f"  {row['tool']}: {stages}{before}")
    return "\n".join([title, report.line(HEAD), *lines, *below])


def exponent(points: Sequence[tuple[int, float]]) -> float | None:
    """Return k of the line time ~ n**k through points of large n, by least squares."""
    large = [(n, seconds) for n, seconds in points if n >= LARGE]
    if len(large) < 2:
        return None
    n, seconds = np.log(np.array(large)).T
    return float(np.polyfit(n, seconds, 1)[0])


def curves(rows: Sequence[Row]) -> dict[str, list[tuple[int, float]]]:
    """Return each tool's times to the first gradient by size."""
    found: dict[str, list[tuple[int, float]]] = {}
    for row in rows:
        if "first" in row and row.get("agrees") and row["tool"] != "hand":
            found.setdefault(row["tool"], []).append((row["n"], row["first"]))
    return found


def main() -> int:
    """Measure all sizes, print tables and exponents; return 1 where answers differ."""
    arguments = racing("benchmarks.random_dag", __doc__, TOOLS)
    arguments.add_argument("--sizes", help=SIZES)
    arguments.add_argument("--svg", metavar="FILE", help="draw the times to the first")
    options = arguments.parse_args()
    tools = chosen(options, {tool: needs[0] for tool, needs in IMPORTS.items()})
    sizes = options.sizes or ("100" if options.quick else SIZES)
    told, about = plan(options, say), report.machine()
    rows: list[Row] = []
    given_up: dict[str, str] = {}
    for n in map(int, sizes.split(",")):
        title = f"random DAG of {n:,} operations"
        told = replace(told, say=lambda text, title=title: say(f"{title}: {text}"))
        found = measure(n, tools, told, given_up)
        say("")
        load = os.getloadavg()[0]
        print(table(f"{title}  (load {load:.1f})", found), end="\n\n", flush=True)
        rows += [row | {"load": load} for row in found]
        if options.json:
            report.save(options.json, about, rows)
    shown = curves(rows)
    fitted = {tool: exponent(points) for tool, points in shown.items()}
    said = [f"{tool} {k:.2f}" for tool, k in fitted.items() if k is not None]
    if said:
        print(f"time to the first gradient ~ n**k, k: {', '.join(said)}")
    if options.svg:
        Path(options.svg).write_text(picture(shown, fitted), encoding="utf-8")
    return int(any(not row.get("agrees", True) for row in rows))


if __name__ == "__main__":
    sys.exit(main())
