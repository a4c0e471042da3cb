"""Measure Overbar beside its peers and a version by hand, in one run.

    python -m benchmarks [--only NAME ...] [--tools a,b] [--quick] [--json FILE]

Every workload gets the same arrays in every tool; each tool runs on one thread in a
process of its own and takes turns with the others; its answers are compared with those
of the version by hand. `first` is the time from the formula to the first gradient in a
running process with the tool imported and nothing in its caches; `value` and `gradient`
(the value with it) are medians of the turns; `/value` is the gradient's time in values,
`/hand` in gradients by hand; `memory` is the most that the process ever held; `apart`
is the largest difference of an output's entries over its largest entry.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys

from benchmarks import report
from benchmarks.peers import IMPORTS, TOOLS
from benchmarks.race import race
from benchmarks.workloads import WORKLOADS


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__.split("\n")[0]
    )
    names = ", ".join(WORKLOADS)
    parser.add_argument(
        "--only", action="append", choices=WORKLOADS, metavar="NAME", help=names
    )
    parser.add_argument("--tools", default=",".join(TOOLS), help=",".join(TOOLS))
    parser.add_argument(
        "--quick", action="store_true", help="the smallest sizes, three short turns"
    )
    parser.add_argument("--repeats", type=int, default=7, help="turns a tool takes")
    parser.add_argument(
        "--cpu", action="store_true", help="by the processor's clock: for busy machines"
    )
    parser.add_argument("--limit", type=float, default=120, help="seconds to wait")
    parser.add_argument("--json", metavar="FILE", help="write all figures there")
    return parser.parse_args()


def _installed(tool: str) -> bool:
    return importlib.util.find_spec(IMPORTS[tool][0]) is not None


def _say(text: str) -> None:
    """Show what is going on, on a terminal only, in one line."""
    if sys.stderr.isatty():
        print(f"\r\x1b[2K{text[:78]}", end="", file=sys.stderr, flush=True)


def main() -> int:
    """Measure and print; return 1 where answers disagree."""
    options = _options()
    asked = options.tools.split(",")
    unknown = [tool for tool in asked if tool not in TOOLS]
    if unknown:
        print(f"expected tools of {', '.join(TOOLS)}, found {unknown[0]!r}",
              file=sys.stderr)  # fmt: skip
        return 2
    tools = [tool for tool in TOOLS if tool in asked and _installed(tool)]
    missing = [tool for tool in asked if tool not in tools]
    if missing:
        print(f"not installed: {', '.join(missing)}", file=sys.stderr)
    about = report.machine()
    rows = []
    for name in options.only or WORKLOADS:
        workload = WORKLOADS[name]
        for size in list(workload.sizes)[: 1 if options.quick else None]:
            title = f"{workload.title}, {size}"
            found = race(
                workload, size, tools,
                repeats=3 if options.quick else options.repeats,
                seconds=0.02 if options.quick else 0.1,
                limit=options.limit,
                clock="cpu" if options.cpu else "wall",
                say=lambda text, title=title: _say(f"{title}: {text}"),
            )  # fmt: skip
            _say("")
            load = os.getloadavg()[0]
            print(report.table(f"{title}  (load {load:.1f})", found), end="\n\n",
                  flush=True)  # fmt: skip
            rows += [row | {"load": load} for row in found]
            if options.json:
                report.save(options.json, about, rows)
    return int(any(not row.get("agrees", True) for row in rows))


if __name__ == "__main__":
    sys.exit(main())
