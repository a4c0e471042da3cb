"""Run one tool on one workload in a process of its own, when told to.

    python -m benchmarks.worker WORKLOAD SIZE TOOL ANSWERS

Reads one word a line from standard input and answers each with one line of JSON:
`first` builds and calls the gradient once, and writes the answers to the file ANSWERS;
`time value` and `time gradient` with a number of seconds give the seconds of a call, by
the wall's clock and the processor's.
"""

from __future__ import annotations

import sys
import time
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.peers import IMPORTS
from benchmarks.pointwise import tools_of
from benchmarks.serve import memory, serve, timed
from benchmarks.workload import SEED
from benchmarks.workloads import WORKLOADS

if TYPE_CHECKING:
    from benchmarks.workload import Calls, Workload


class Worker:
    """Hold a tool's calls on a workload."""

    def __init__(self, workload: Workload, size: str, tool: str, answers: str) -> None:
        for name in IMPORTS[tool]:
            import_module(name)
        self.workload, self.tool, self.answers = workload, tool, answers
        rng = np.random.default_rng(SEED)
        self.arrays = workload.inputs(rng, **workload.sizes[size])
        self.before = memory("VmRSS")
        self.calls: Calls | None = None

    def first(self) -> dict[str, Any]:
        """Return how long the first gradient takes; keep its answers in a file."""
        start = time.perf_counter()
        self.calls = calls = tools_of(self.workload)[self.tool](
            self.workload, self.arrays
        )
        calls.gradient()
        seconds = time.perf_counter() - start
        found = {"value": np.array(calls.value())}
        both, *bars = calls.gradient()  # hand-written ones share their results
        bars = self.whole([np.asarray(b) for b in bars])
        found |= {"value@gradient": np.asarray(both)}
        found |= {f"bar{i}": bar for i, bar in enumerate(bars)}
        np.savez(self.answers, **found)
        counted = {} if calls.operations is None else {"operations": calls.operations()}
        return {"first": seconds, "timed": ["value", "gradient"], **counted}

    def whole(self, bars: list[Any]) -> list[Any]:
        """Return gradients with that of a table's rows added up into the table."""
        if self.workload.gathered is None:
            return bars
        table, index = (self.arrays[name] for name in self.workload.gathered)
        if bars[0].shape == table.shape:
            return bars
        full = np.zeros_like(table)
        np.add.at(full, index.ravel(), bars[0].reshape(-1, table.shape[1]))
        return [full, *bars[1:]]

    def time(self, which: str, budget: str) -> dict[str, Any]:
        """Return the seconds of a call, how many cores it used, and the memory."""
        call = getattr(self.calls, which)

        def run(count: int) -> None:
            for _ in range(count):
                call()

        reply = timed(run, float(budget))
        return reply | {"added": reply["peak"] - self.before}


def main() -> None:
    """Answer requests until there are no more."""
    name, *rest = sys.argv[1:]

    def start() -> dict[str, Any]:
        worker = Worker(WORKLOADS[name], *rest)
        return {"first": worker.first, "time": worker.time}

    serve(start)


if __name__ == "__main__":
    main()
