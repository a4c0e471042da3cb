"""Run a tool in a process of its own, which answers one line of JSON a request."""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).parents[1]
READY = 300  # seconds to wait for imports and inputs, which no clock counts
COUNTS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "OVERBAR_NUM_THREADS",
    "NPROC",  # the size of XLA's pool of threads
)
SINGLE = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"


class Failed(Exception):  # noqa: N818 - a tool's failure is a result
    """Raised when a tool cannot do something; its text is the reason."""


def cores() -> int:
    """Return how many cores this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def threads() -> int:
    """Return on how many threads this process was told to run."""
    return int(os.environ.get("OMP_NUM_THREADS") or cores())


def environment(folder: Path, threads: int) -> dict[str, str]:
    """Return the variables of a process on so many threads, its caches in a folder."""
    given = os.environ.get("PYTHONPATH", "")
    # Children work in a folder of their own.
    paths = [str(Path(path).resolve()) for path in given.split(os.pathsep) if path]
    return os.environ | dict.fromkeys(COUNTS, str(threads)) | {
        "JAX_PLATFORMS": "cpu",
        "XLA_FLAGS": SINGLE if threads == 1 else "",
        "OVERBAR_CACHE_DIR": str(folder / "overbar"),
        "NUMBA_CACHE_DIR": str(folder / "numba"),
        "XDG_CACHE_HOME": str(folder),  # heyoka keeps machine code between processes
        "PYTENSOR_FLAGS": f"base_compiledir={folder}",
        "PYTHONPATH": os.pathsep.join([str(ROOT), *paths]),
    }  # fmt: skip


class Child:
    """Hold a tool's process, a module of ours run with arguments.

    folder: is made, and everything that the process writes is there; limit: seconds to
    wait for an answer; memory: bytes of data that it may hold, where that can be said.
    """

    def __init__(
        self, command: Sequence[str], folder: Path, *,
        threads: int, limit: float, memory: int,
    ) -> None:  # fmt: skip
        folder.mkdir()
        self.limit = limit
        self.answers = folder / "answers.npz"
        self.errors = (folder / "errors.txt").open("w+", encoding="utf-8")
        self.process = subprocess.Popen(
            [sys.executable, "-m", *command, str(self.answers)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors,
            text=True, env=environment(folder, threads), cwd=folder, bufsize=1,
            start_new_session=True,  # so that what it starts ends with it
        )  # fmt: skip
        _bound(self.process.pid, memory)
        self.selector = selectors.DefaultSelector()
        self.selector.register(_pipe(self.process.stdout), selectors.EVENT_READ)
        self.ask("ready", READY)

    def ask(self, request: str, limit: float | None = None) -> dict[str, Any]:
        """Return the answer to a request; raise Failed without one."""
        limit = self.limit if limit is None else limit
        try:
            _pipe(self.process.stdin).write(request + "\n")
        except BrokenPipeError:
            raise Failed(self.reason()) from None
        if not self.selector.select(limit):
            raise Failed(f"over {limit:g} s")
        line = _pipe(self.process.stdout).readline()
        if not line:
            raise Failed(self.reason())
        return json.loads(line)  # type: ignore[no-any-return]

    def reason(self) -> str:
        """Return the last line of what the tool had to say, of memory if it did."""
        self.process.wait()
        self.errors.seek(0)
        lines = self.errors.read().strip().splitlines()
        lines = [line for line in lines if "memory" in line.lower()] or lines
        return lines[-1][:120] if lines else f"exit status {self.process.returncode}"

    def end(self) -> None:
        """End the process and whatever it started."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.selector.close()
        for stream in (self.process.stdin, self.process.stdout, self.errors):
            with suppress(BrokenPipeError):
                _pipe(stream).close()


def _pipe(stream: IO[str] | None) -> IO[str]:
    if stream is None:
        raise Failed("the process has no pipes")
    return stream


def _bound(pid: int, memory: int) -> None:
    """Hold a process to bytes of data, on Linux."""
    try:
        from resource import RLIMIT_DATA, prlimit
    except ImportError:
        return
    with suppress(ProcessLookupError):
        prlimit(pid, RLIMIT_DATA, (memory, memory))
