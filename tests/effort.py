"""Measure effort without a clock: the calls made are the same on every machine.

Who makes something quadratic makes more calls per word, whatever else runs. What one
call of C does is not seen: against a number of a billion digits, there is a guard that
ends what hangs. It claims no speed.
"""

from __future__ import annotations

import cProfile
import gc
import signal
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HANGS = 300.0
"""Seconds of the processor after which something hangs: no test takes a tenth."""


@dataclass
class Effort:
    """Hold how many calls were made, once they are counted."""

    calls: int = 0


@contextmanager
def counted() -> Iterator[Effort]:
    """Count the calls of Python's and C's functions made by this thread.

    The garbage collector rests, as it calls what other tests have left.
    """
    effort, profile = Effort(), cProfile.Profile()
    earlier, collects = sys.getprofile(), gc.isenabled()
    gc.disable()
    profile.enable()
    try:
        yield effort
    finally:
        profile.disable()
        sys.setprofile(earlier)
        if collects:
            gc.enable()
        effort.calls = sum(entry.callcount for entry in profile.getstats())


def calls(action: Callable[[], object]) -> int:
    """Return the number of calls that an action makes."""
    with counted() as effort:
        action()
    return effort.calls


@contextmanager
def no_hang() -> Iterator[None]:
    """Guard against hanging, where the system has such a clock: end what hangs."""
    if not hasattr(signal, "SIGPROF"):
        yield
        return
    earlier = signal.signal(signal.SIGPROF, lambda *_: pytest.fail("it hangs"))
    signal.setitimer(signal.ITIMER_PROF, HANGS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, earlier)


@contextmanager
def within(budget: float) -> Iterator[None]:
    """Fail where what is done makes more calls, or hangs."""
    with no_hang(), counted() as effort:
        yield
    assert effort.calls <= budget
