"""Pause Python's collector of cyclic garbage while large graphs are made.

A graph is many small objects that all stay. The collector looks through them again and
again as they grow in number, and finds nothing: up to half of the time of reading and
differentiating a large formula.
"""

from __future__ import annotations

import gc
import os
import threading
from contextlib import ContextDecorator


class _Pause(ContextDecorator):
    """Keep the collector off while any thread is inside; then be as it was before."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside: list[int] = []  # threads, one as often as it entered
        self._was_on = False

    def __enter__(self) -> None:
        with self._lock:
            if not self._inside:
                self._was_on = gc.isenabled()
            self._inside.append(threading.get_ident())
            gc.disable()

    def __exit__(self, *_: object) -> None:
        with self._lock:
            if self._was_on and len(self._inside) == 1:
                gc.enable()
            self._inside.remove(threading.get_ident())

    def after_fork(self) -> None:
        """Forget the threads that are not in a fork's child."""
        self._lock = threading.Lock()
        before, own = self._inside, threading.get_ident()
        self._inside = [thread for thread in before if thread == own]
        if before and not self._inside and self._was_on:
            gc.enable()


paused = _Pause()
"""For `with paused:`, or `@paused` before a function; one may be inside of another."""

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=paused.after_fork)
