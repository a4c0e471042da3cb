"""Time calls of a small formula from Python, Overbar beside its peers, in one run.

    python -m benchmarks.small [--tools hand,overbar] [--quick] [--json FILE]

The formula, sin(x*y)*exp(-z) + x*z, takes no time to compute: all that is left is what
a call costs. Each statement stands as a user writes it and is run by `timeit`; `hand`
is a bare Numba function of value and gradient, and `over` what a statement takes more
than it, called in the same way: with numbers, or with a vector. All results are
compared with each other first.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from benchmarks import report
from benchmarks.options import chosen, plan, racing, say
from benchmarks.race import race
from benchmarks.scalar_tools import IMPORTS, TOOLS

if TYPE_CHECKING:
    from collections.abc import Sequence

    Row = dict[str, Any]

BARE = {"value": "numbers", "flat": "out"}
"""Whose time a statement is compared with, where it is not its own name's."""


def table(title: str, rows: Sequence[Row]) -> str:
    """Return the statements of all tools, with their times in microseconds."""
    bare = next((row for row in rows if row["tool"] == "hand"), {})
    lines = [title, f"  {'tool':<12}{'statement':<42}{'us':>8}{'over':>8}"]
    for row in rows:
        if "left out" in row:
            lines.append(f"  {row['tool']}: {row['left out']}")
            continue
        for name in row["timed"]:
            base = bare.get(BARE.get(name, name))
            over = f"{(row[name] - base) * 1e6:8.2f}" if base else " " * 8
            lines.append(
                f"  {row['tool']:<12}{row['statements'][name]:<42}"
                f"{row[name] * 1e6:8.2f}{over}{report.notes(row)}"
            )
    return "\n".join(lines)


def main() -> int:
    """Measure and print; return 1 where answers disagree."""
    options = racing("benchmarks.small", __doc__, TOOLS).parse_args()
    tools = chosen(options, {tool: needs[0] for tool, needs in IMPORTS.items()})
    commands = {
        tool: ["benchmarks.scalar", "small", "6", tool]
        for tool in ("hand", *(t for t in tools if t != "hand"))
    }
    told, about = plan(options, say), report.machine()
    rows = race(commands, told, {"workload": "small", "threads": told.threads})
    say("")
    print(table(f"sin(x*y)*exp(-z) + x*z  (load {os.getloadavg()[0]:.1f})", rows))
    if options.json:
        report.save(options.json, about, rows)
    return int(any(not row.get("agrees", True) for row in rows))


if __name__ == "__main__":
    sys.exit(main())
