"""Share the points of a large batch among threads.

Comes in: what to run on a range of points, and about how long a point takes. The
results do not depend on who computes which: points know nothing of each other.
"""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from typing import TYPE_CHECKING

from overbar.ir.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

VARIABLE = "OVERBAR_NUM_THREADS"
"""Names how many threads there are; as many as the process has cores if unset."""
SMALLEST = 200_000
"""Nanoseconds of work from which on threads pay."""
_PIECE = 50_000
"""Nanoseconds of work that a thread takes at least at a time."""
_PIECES = 8
"""Of a thread: where one is held up, others do more."""
_MOST = 1_000
"""Threads at most, whatever is asked for."""
_ALIGNED = 64
"""Points between places where work is cut, so that threads write to other lines."""


class _Pool:
    """Hold the threads of this process, made when they are first needed."""

    executor: ThreadPoolExecutor | None = None
    lock = threading.RLock()  # a signal's handler may run a batch in the middle

    @classmethod
    def forget(cls) -> None:
        """Make threads anew: those of the parent do not run in a child process."""
        cls.executor = None
        cls.lock = threading.RLock()

    @classmethod
    def get(cls) -> ThreadPoolExecutor:
        """Return the threads."""
        with cls.lock:
            if cls.executor is None:
                most = max(_cores(), count()) - 1
                cls.executor = ThreadPoolExecutor(max(most, 1), "overbar")
            return cls.executor


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_Pool.forget)


def count() -> int:
    """Return how many threads share a batch.

    Raises InputError where the variable says no number.
    """
    text = os.environ.get(VARIABLE, "").strip()
    if not text:
        return _cores()
    if not text.isdecimal() or int(text) < 1:
        message = f"expected a number of threads as {VARIABLE}, found {text!r}"
        raise InputError(message)
    return min(int(text), _MOST)


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def alone(points: int, cost: float) -> bool:
    """Whether one thread runs on all points; cost: nanoseconds of a point, about."""
    return points * cost < SMALLEST or count() == 1


def share(run: Callable[[int, int], None], points: int, cost: float) -> None:
    """Run something on all points, from a start to a stop each.

    cost: nanoseconds that a point takes, about.
    """
    if alone(points, cost):
        run(0, points)
        return
    work, threads = points * cost, count()
    pieces = max(min(int(work / _PIECE), threads * _PIECES), 1)
    step = -(-points // (pieces * _ALIGNED)) * _ALIGNED
    starts = iter(range(0, points, step))

    def take() -> None:
        for start in starts:
            run(start, min(start + step, points))

    _together(take, min(threads, -(-points // step)) - 1)


def _together(take: Callable[[], None], others: int) -> None:
    """Run something in this thread and in others; return when all have."""
    futures = []
    with suppress(RuntimeError):  # as the interpreter ends no thread is started
        executor = _Pool.get()
        futures = [executor.submit(take) for _ in range(others)]
    try:
        take()
    finally:
        wait([f for f in futures if not f.cancel()])
    for future in futures:
        if not future.cancelled():
            future.result()
