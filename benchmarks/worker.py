"""Run one tool on one workload in a process of its own, when told to.

    python -m benchmarks.worker WORKLOAD SIZE TOOL ANSWERS

Reads one word a line from standard input and answers each with one line of JSON:
`first` builds and calls the gradient once, and writes the answers to the file ANSWERS;
`value` and `gradient` with a number of seconds give the seconds of a call, by the
wall's clock and the processor's.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks import peers
from benchmarks.workload import SEED
from benchmarks.workloads import WORKLOADS

if TYPE_CHECKING:
    from benchmarks.workload import Calls, Workload

LEAST = 3  # calls in one repeat
STATUS = "/proc/self/status"


def memory(entry: str) -> int:
    """Return this process's memory in bytes: VmHWM (the peak) or VmRSS (now)."""
    if not os.path.exists(STATUS):  # noqa: PTH110 - not on Linux
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with open(STATUS, encoding="ascii") as file:  # noqa: PTH123 - no path to build
        line = next(line for line in file if line.startswith(entry))
    return int(line.split()[1]) * 1024


class Worker:
    """Hold a tool's calls on a workload."""

    def __init__(self, workload: Workload, size: str, tool: str) -> None:
        for name in peers.IMPORTS[tool]:
            import_module(name)
        self.workload, self.tool = workload, tool
        rng = np.random.default_rng(SEED)
        self.arrays = workload.inputs(rng, **workload.sizes[size])
        self.before = memory("VmRSS")
        self.calls: Calls | None = None

    def first(self, answers: str) -> dict[str, Any]:
        """Return how long the first gradient takes; keep its answers in a file."""
        start = time.perf_counter()
        self.calls = peers.TOOLS[self.tool](self.workload, self.arrays)
        _, *bars = self.calls.gradient()
        seconds = time.perf_counter() - start
        value = self.calls.value()
        both, *bars = self.calls.gradient()  # hand-written ones share their results
        bars = [np.asarray(b) for b in bars]
        np.savez(answers, np.asarray(value), np.asarray(both), *self.whole(bars))
        return {"first": seconds}

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

    def timed(self, which: str, budget: float) -> dict[str, Any]:
        """Return the seconds of a call, how many cores it used, and the memory."""
        call = getattr(self.calls, which)
        count, used, start = 0, time.process_time(), time.perf_counter()
        end = start
        while count < LEAST or end - start < budget:
            call()
            count += 1
            end = time.perf_counter()
        used = time.process_time() - used
        return {
            "wall": (end - start) / count,
            "cpu": used / count,
            "cores": used / (end - start),
            "peak": memory("VmHWM"),
            "added": memory("VmHWM") - self.before,
        }


def main() -> None:
    """Answer requests until there are no more."""
    name, size, tool, answers = sys.argv[1:]
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what tools print is no reply
    worker = Worker(WORKLOADS[name], size, tool)
    for line in sys.stdin:
        word, *rest = line.split()
        if word == "first":
            reply = worker.first(answers)
        else:
            reply = worker.timed(word, float(rest[0]))
        replies.write(json.dumps(reply) + "\n")
        replies.flush()


if __name__ == "__main__":
    main()
