"""Make object code in child processes, so that this one goes on meanwhile.

Comes in: the texts of modules. Goes out: their object code, when it is done. No thread
of this process compiles: LLVM's bindings have one lock, at which a thread would hold up
whoever compiles in the foreground, and a fork meanwhile would copy it taken.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import weakref
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Any

from overbar.ir.errors import OverbarError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_START = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from overbar.codegen.machine.child import main; main(int(sys.argv[2]))"
)
NICENESS = 5
"""How far work that nobody waits for stands behind other work."""
_PAUSE = 0.05
"""Seconds between two looks of a thread at work in the background."""


class Background:
    """Work on modules.

    workers: as many at a time, by default as there are processors; niceness: of the
    processes.
    """

    def __init__(
        self,
        texts: Sequence[str],
        workers: int | None = None,
        niceness: int = NICENESS,
    ) -> None:
        self._niceness = niceness
        self._waiting = list(enumerate(texts))[::-1]
        self._running: dict[int, tuple[subprocess.Popen[bytes], IO[bytes]]] = {}
        self._done: dict[int, bytes] = {}
        self._workers = workers or os.cpu_count() or 1
        self._failed = False
        self._process = os.getpid()
        weakref.finalize(self, _end, self._running, self._process)
        self._start()

    @property
    def failed(self) -> bool:
        """Whether there will be no code: a fork's child never gets its parent's."""
        return self._failed or self._process != os.getpid()

    def poll(self) -> list[bytes] | None:
        """Return the object code of all modules, None while it is not done."""
        if self.failed:
            self.stop()
        for k in list(self._running):
            if self._running[k][0].poll() is not None:
                self._take(k)
        self._start()
        if self.failed or self._waiting or self._running:
            return None
        return [self._done[k] for k in sorted(self._done)]

    def wait(self, step: Callable[[], None]) -> list[bytes]:
        """Return the object code of all modules; `step` is called for each done.

        Raises OverbarError where a process failed; whatever else is raised, such as
        KeyboardInterrupt, ends the processes first.
        """
        try:
            if self.failed:
                self.stop()
            while not self.failed and self._running:
                k = next(iter(self._running))
                self._running[k][0].wait()
                self._take(k)
                step()
                self._start()
        except BaseException:
            self.stop()
            raise
        found = self.poll()
        if found is None:
            message = "expected a process that makes machine code, found that it failed"
            raise OverbarError(message)
        return found

    def stop(self) -> None:
        """End all processes."""
        self._failed = True
        _end(self._running, self._process)

    def _start(self) -> None:
        while not self.failed and self._waiting and len(self._running) < self._workers:
            k, text = self._waiting.pop()
            try:
                self._running[k] = _child(text, self._niceness)
            except (OSError, ValueError):
                self.stop()

    def _take(self, k: int) -> None:
        process, result = self._running.pop(k)
        result.seek(0)
        self._done[k] = result.read()
        result.close()
        if process.returncode or not self._done[k]:
            self.stop()


def _end(
    running: dict[int, tuple[subprocess.Popen[bytes], IO[bytes]]], owner: int
) -> None:
    """End processes, unless a fork's parent owns them, and close their files."""
    work = [*running.values()]
    running.clear()
    for process, result in work:
        if owner == os.getpid():
            with suppress(OSError):
                process.kill()
            process.wait()
        else:
            process.returncode = 0  # not this process's to wait for
        result.close()


def watch(owner: Any, step: Callable[[Any], bool]) -> None:
    """Take steps in a thread, until one says that there is none left.

    step: is given the owner; the thread ends when nobody else holds that, and with the
    main thread. Where no thread can be started, no step is taken.
    """
    work = weakref.ref(owner), step
    with suppress(RuntimeError):
        threading.Thread(target=_watching, args=work, name="overbar").start()


def _watching(owner: Callable[[], Any], step: Callable[[Any], bool]) -> None:
    main = threading.main_thread()
    with suppress(OverbarError):  # as where code cannot be loaded
        while main.is_alive() and not _taken(owner(), step):
            main.join(_PAUSE)


def _taken(owner: Any, step: Callable[[Any], bool]) -> bool:
    """Take a step, and hold the owner no longer; return whether it was the last."""
    return owner is None or step(owner)


def possible() -> bool:
    """Whether there is an interpreter to start."""
    return bool(sys.executable) and not getattr(sys, "frozen", False)


def _child(text: str, niceness: int) -> tuple[subprocess.Popen[bytes], IO[bytes]]:
    """Start a process, its input and output files without names."""
    if not possible():
        raise OSError("no interpreter")
    result = tempfile.TemporaryFile()  # noqa: SIM115 - closed when it was read
    try:
        with tempfile.TemporaryFile() as source:
            source.write(text.encode())
            source.seek(0)
            process = subprocess.Popen(  # noqa: S603 - this interpreter, our code
                [sys.executable, "-c", _START, json.dumps(sys.path), str(niceness)],
                stdin=source, stdout=result, stderr=subprocess.DEVNULL,
            )  # fmt: skip
    except BaseException:
        result.close()
        raise
    return process, result
