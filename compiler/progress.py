"""Show on a terminal that something takes a while: one line on stderr, erased after.

Comes in: what is being done, and how many steps it has, if known. Goes out: nothing
for a second, nothing at all where stderr is no terminal.
"""

from __future__ import annotations

import os
import shutil
import sys
import threading
import time
from typing import TYPE_CHECKING, Self

from overbar.ir.forking import Lock

if TYPE_CHECKING:
    from typing import TextIO

DELAY = 1.0
"""Seconds of work that need no word."""

_SHOWING = Lock()
_PERIOD = 0.1
_WIDTH = 20


class Progress:
    """Show one line from the second second on: `timing value [####....] 3/8, 2 s`.

    label: what is being done; total: how many steps it has, None if that is not known.
    Of one inside of another, or in another thread, nothing is shown.

    >>> with Progress("adding", total=3) as progress:
    ...     for _ in range(3):
    ...         progress.advance()
    """

    def __init__(
        self,
        label: str,
        total: int | None = None,
        *,
        stream: TextIO | None = None,
        delay: float = DELAY,
    ) -> None:
        self.label = label
        self.total = total
        self.done = 0
        self._stream = sys.stderr if stream is None else stream
        self._delay = delay
        self._start = time.monotonic()
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        if is_terminal(self._stream) and _SHOWING.acquire(blocking=False):
            self._thread = threading.Thread(target=self._show, daemon=True)
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        if self._thread is not None:
            self._thread.join()
            _SHOWING.release()

    def advance(self, label: str | None = None) -> None:
        """Count a step as done, and say what comes next, if that has another name."""
        self.done += 1
        self.label = label or self.label

    @property
    def line(self) -> str:
        """What is shown now."""
        seconds = f"{time.monotonic() - self._start:.0f} s"
        if self.total is None:
            return f"{self.label}, {seconds}"
        filled = _WIDTH * min(self.done, self.total) // max(self.total, 1)
        bar = "#" * filled + "." * (_WIDTH - filled)
        return f"{self.label} [{bar}] {self.done}/{self.total}, {seconds}"

    def _show(self) -> None:
        shown = ""
        wait = self._delay
        while not self._over.wait(wait):
            wait = _PERIOD
            room = max(shutil.get_terminal_size().columns - 1, 1)
            line = self.line[:room]
            self._write(f"\r{line}{' ' * (len(shown) - len(line))}")
            shown = line
        if shown:
            self._write(f"\r{' ' * len(shown)}\r")

    def _write(self, text: str) -> None:
        try:
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError):  # the terminal went away: nobody is watching
            self._over.set()


def is_terminal(stream: TextIO | None) -> bool:
    """Whether a stream is a terminal on which a line can be written again."""
    try:
        return (
            stream is not None and stream.isatty() and os.environ.get("TERM") != "dumb"
        )
    except ValueError:  # closed
        return False
