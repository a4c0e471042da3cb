"""Let a process fork while its threads work.

A fork copies the memory of all threads, but one alone goes on in the child: what
another was writing would stay half-written there, and a lock that it held taken. So
forks wait while others are inside of `unforked`, and locks from here are open in a
child.
"""

from __future__ import annotations

import os
import sys
import threading
import weakref
from contextlib import ContextDecorator, suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Callable

_COURTESY = 1.0
"""Seconds that a thread waits at most before it keeps a fork waiting."""
_PATIENCE = 60.0
"""Seconds that a fork waits at most: who is longer at work may not be there at all."""
_PACKAGE = __name__.partition(".")[0]


class _Work(ContextDecorator):
    """Count the threads that are inside; a fork waits until none but its own is."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._inside: list[int] = []
        self._forks = 0

    def __enter__(self) -> None:
        own, changed = threading.get_ident(), self._changed
        with changed:
            if own not in self._inside:  # one that works all the time lets others fork
                changed.wait_for(lambda: not self._forks, _COURTESY)
            self._inside.append(own)

    def __exit__(self, *_: object) -> None:
        changed = self._changed
        with changed:
            self._inside.remove(threading.get_ident())
            changed.notify_all()

    def close(self) -> None:
        """Wait for the other threads, and let none in."""
        self._changed.acquire()
        self._forks += 1
        own = {threading.get_ident()}
        self._changed.wait_for(lambda: {*self._inside} <= own, _PATIENCE)

    def open(self) -> None:
        """Let threads in again."""
        with suppress(RuntimeError):  # an interrupt came before the lock was taken
            self._changed.notify_all()
            self._forks -= 1
            self._changed.release()

    def renew(self) -> None:
        """Forget, in a fork's child, the threads that are not there."""
        self._changed, self._forks = threading.Condition(), 0
        own = threading.get_ident()
        self._inside = [thread for thread in self._inside if thread == own]


unforked = _Work()
"""For `with unforked:`, or `@unforked` before a function; one may be inside another."""


class Lock:
    """A lock that is open in a fork's child."""

    _make: Callable[[], Any] = staticmethod(threading.Lock)

    def __init__(self) -> None:
        self.renew()
        _LOCKS.add(self)

    def renew(self) -> None:
        """Take another lock in place of the one that a thread may hold for ever."""
        self._lock = self._make()

    def acquire(self, *, blocking: bool = True) -> bool:
        """Take the lock; return whether it was taken."""
        return bool(self._lock.acquire(blocking))

    def release(self) -> None:
        """Let others take it."""
        with suppress(RuntimeError):  # it was taken before a fork
            self._lock.release()

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


class Guard(Lock):
    """A lock for what has to be whole in a fork's child: forks wait for its holder.

    Who holds it may take it again.
    """

    _make: Callable[[], Any] = staticmethod(threading.RLock)

    def acquire(self, *, blocking: bool = True) -> bool:
        """Take the lock, then keep forks away: who waits for it holds up nobody."""
        taken = super().acquire(blocking=blocking)
        if taken:
            unforked.__enter__()
        return taken

    def release(self) -> None:
        """Let forks happen, and others take it."""
        unforked.__exit__()
        super().release()


_LOCKS: weakref.WeakSet[Lock] = weakref.WeakSet()


def _in_child() -> None:
    unforked.renew()
    for lock in [*_LOCKS]:
        lock.renew()
    if sys.version_info < (3, 12):
        _renew_properties()


def _renew_properties() -> None:
    """Renew the locks that Python 3.11 has for cached properties, one for a class."""
    modules = [m for name, m in [*sys.modules.items()] if name.startswith(_PACKAGE)]
    for module in modules:
        classes = [each for each in vars(module).values() if isinstance(each, type)]
        for each in [held for kind in classes for held in vars(kind).values()]:
            if isinstance(each, cached_property):
                vars(each)["lock"] = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=unforked.close,
        after_in_parent=unforked.open,
        after_in_child=_in_child,
    )
