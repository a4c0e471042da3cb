"""Pause Python's collector of cyclic garbage while large graphs are made.

A graph is many small objects that all stay. The collector looks through them again and
again as they grow in number, and finds nothing: up to half of the time of reading and
differentiating a large formula.
"""

from __future__ import annotations

import gc
import threading
from contextlib import ContextDecorator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType


class _Pause(ContextDecorator):
    """Keep the collector off while any thread is inside; then be as it was before."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._was_on = False

    def __enter__(self) -> None:
        with self._lock:
            if not self._inside:
                self._was_on = gc.isenabled()
                gc.disable()
            self._inside += 1

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        with self._lock:
            self._inside -= 1
            if self._was_on and not self._inside:
                gc.enable()


paused = _Pause()
"""For `with paused:`, or `@paused` before a function; one may be inside of another."""
