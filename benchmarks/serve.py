"""Be a tool's process: answer requests from standard input, a line of JSON each."""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

LEAST = 3  # calls in one repeat,
SLOW = 10  # if they fit into so many budgets
STATUS = "/proc/self/status"
UNIT = 1 if sys.platform == "darwin" else 1024  # bytes, of ru_maxrss

Reply = dict[str, "Any"]


def serve(start: Callable[[], Mapping[str, Callable[..., Reply]]]) -> None:
    """Answer `ready` when `start` has returned the other requests, then those."""
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what tools print is no reply
    requests = start()
    for line in sys.stdin:
        word, *rest = line.split()
        reply = {} if word == "ready" else requests[word](*rest)
        replies.write(json.dumps(reply) + "\n")
        replies.flush()


def memory(entry: str) -> int:
    """Return this process's memory in bytes: VmHWM (the peak) or VmRSS (now)."""
    if not os.path.exists(STATUS):  # noqa: PTH110 - not on Linux
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * UNIT
    with open(STATUS, encoding="ascii") as file:  # noqa: PTH123 - no path to build
        line = next(line for line in file if line.startswith(entry))
    return int(line.split()[1]) * 1024


def used() -> float:
    """Return the processor's seconds of this process and those that it waited for."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def most() -> int:
    """Return the most bytes that this process or one that it started ever held."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * UNIT
    return max(memory("VmHWM"), children)


def timed(run: Callable[[int], None], budget: float) -> Reply:
    """Return the seconds of a call, how many cores it used, and the memory.

    run: calls so many times. The budget is in seconds; three calls are the least, of
    very slow ones one.
    """
    count, done = 1, 0
    used, start = time.process_time(), time.perf_counter()
    end = start
    while end - start < (budget if done >= LEAST else SLOW * budget):
        run(count)
        done += count
        end = time.perf_counter()
        if end - start < budget / 10:  # so that looking at the clock takes no time
            count = done
    used = time.process_time() - used
    return {
        "wall": (end - start) / done,
        "cpu": used / done,
        "cores": used / (end - start),
        "peak": memory("VmHWM"),
    }
