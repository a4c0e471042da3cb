"""Measure Overbar beside its peers and a version by hand, in one run.

    python -m benchmarks [--only NAME ...] [--tools a,b] [--quick] [--threads all]
                         [--json FILE]

Every workload gets the same arrays in every tool; each tool runs on one thread in a
process of its own and takes turns with the others; its answers are compared with those
of the version by hand before it is timed. `first` is the time from the formula to the
first gradient in a running process with the tool imported and nothing in its caches;
`value` and `gradient` (the value with it) are medians of the turns; `/value` is the
gradient's time in values, `/hand` in gradients by hand; `memory` is the most that the
process ever held; `apart` is the largest difference of an output's entries over its
largest entry.
"""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from benchmarks import report
from benchmarks.options import chosen, plan, racing, say
from benchmarks.peers import IMPORTS
from benchmarks.pointwise import tools_of
from benchmarks.race import race
from benchmarks.workloads import WORKLOADS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.race import Plan
    from benchmarks.workload import Workload


def measure(
    workload: Workload, size: str, tools: Sequence[str], plan: Plan
) -> list[dict[str, Any]]:
    """Return a row a tool: its figures, or why it is left out."""
    able = [tool for tool in tools if tool in tools_of(workload)]
    commands = {
        tool: ["benchmarks.worker", workload.name, size, tool]
        for tool in able
        if tool not in workload.without
    }
    about = {"workload": workload.name, "size": size, "threads": plan.threads}
    rows = race(commands, plan, about)
    for row in rows:
        if "left out" not in row:
            row["ratio"] = row["gradient"] / row["value"]
    left = [tool for tool in able if tool in workload.without]
    return rows + [{**about, "tool": t, "left out": workload.without[t]} for t in left]


def main() -> int:
    """Measure and print; return 1 where answers disagree."""
    arguments = racing("benchmarks", __doc__, IMPORTS)
    arguments.add_argument(
        "--only", action="append", choices=WORKLOADS, metavar="NAME",
        help=", ".join(WORKLOADS),
    )  # fmt: skip
    options = arguments.parse_args()
    tools = chosen(options, {tool: needs[0] for tool, needs in IMPORTS.items()})
    told, about = plan(options, say), report.machine()
    rows = []
    for name in options.only or WORKLOADS:
        workload = WORKLOADS[name]
        for size in list(workload.sizes)[: 1 if options.quick else None]:
            title = f"{workload.title}, {size}"
            told = replace(told, say=lambda text, title=title: say(f"{title}: {text}"))
            found = measure(workload, size, tools, told)
            say("")
            load = os.getloadavg()[0]
            on = "" if told.threads == 1 else f", {told.threads} threads"
            print(report.table(f"{title}  (load {load:.1f}{on})", found), end="\n\n",
                  flush=True)  # fmt: skip
            rows += [row | {"load": load} for row in found]
            if options.json:
                report.save(options.json, about, rows)
    return int(any(not row.get("agrees", True) for row in rows))


if __name__ == "__main__":
    sys.exit(main())
