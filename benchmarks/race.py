"""Let tools take turns on one workload: a child process each, told when to go."""

from __future__ import annotations

import json
import os
import selectors
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.workload import Workload

AGREE = 1e-9
ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "NUMBA_NUM_THREADS": "1",
    "NPROC": "1",  # the size of XLA's pool of threads
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
    "JAX_PLATFORMS": "cpu",
}
ROOT = Path(__file__).parents[1]


def _paths() -> list[str]:
    """Return the folders of PYTHONPATH, absolute: children work in their own folder."""
    given = os.environ.get("PYTHONPATH", "")
    return [str(Path(path).resolve()) for path in given.split(os.pathsep) if path]


class Failed(Exception):  # noqa: N818 - a tool's failure is a result
    """Raised when a tool cannot do a workload; its text is the reason."""


class Child:
    """Hold a tool's process."""

    def __init__(
        self, workload: Workload, size: str, tool: str, folder: Path, limit: float
    ) -> None:
        self.tool, self.limit = tool, limit
        self.answers = folder / f"{tool}.npz"
        self.errors = (folder / f"{tool}.err").open("w+", encoding="utf-8")
        private = folder / tool
        private.mkdir()
        environment = os.environ | ONE_THREAD | {
            "OVERBAR_CACHE_DIR": str(private),
            "PYTENSOR_FLAGS": f"base_compiledir={private}",
            "PYTHONPATH": os.pathsep.join([str(ROOT), *_paths()]),
        }  # fmt: skip
        command = [sys.executable, "-m", "benchmarks.worker"]
        self.process = subprocess.Popen(
            [*command, workload.name, size, tool, str(self.answers)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors,
            text=True, env=environment, cwd=private, bufsize=1,
        )  # fmt: skip
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.process.stdout, selectors.EVENT_READ)  # type: ignore[arg-type]

    def ask(self, request: str) -> dict[str, Any]:
        """Return the answer to a request; raise Failed without one."""
        try:
            self.process.stdin.write(request + "\n")  # type: ignore[union-attr]
        except BrokenPipeError:
            raise Failed(self.reason()) from None
        if not self.selector.select(self.limit):
            raise Failed(f"took over {self.limit:g} s")
        line = self.process.stdout.readline()  # type: ignore[union-attr]
        if not line:
            raise Failed(self.reason())
        return json.loads(line)  # type: ignore[no-any-return]

    def reason(self) -> str:
        """Return the last line of what the tool had to say."""
        self.process.wait()
        self.errors.seek(0)
        lines = self.errors.read().strip().splitlines()
        return lines[-1][:200] if lines else f"exit status {self.process.returncode}"

    def end(self) -> None:
        """End the process."""
        self.process.kill()
        self.process.wait()
        self.errors.close()


def race(
    workload: Workload,
    size: str,
    tools: Sequence[str],
    *,
    repeats: int,
    seconds: float,
    limit: float,
    clock: str,
    say: Callable[[str], None],
) -> list[dict[str, Any]]:
    """Return a row a tool: its figures, or why it was left out.

    repeats: turns that each tool takes; seconds: of calls in one turn; limit: seconds
    to wait for an answer; clock: "wall" or "cpu"; say: is told what is going on.
    """
    rows = {tool: {"workload": workload.name, "size": size, "tool": tool}
            for tool in tools}  # fmt: skip
    going: dict[str, Child] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        try:
            for tool, row in rows.items():
                if tool in workload.without:
                    row["left out"] = workload.without[tool]
                    continue
                say(f"{tool}: first gradient")
                going[tool] = Child(workload, size, tool, folder, limit)
                _guarded(going, tool, row, "first")
            for turn in range(repeats):
                say(f"turn {turn + 1} of {repeats}")
                _turn(going, rows, f"{seconds}")
            _summarise(going, rows, clock)
            _compare(rows, going)
        finally:
            for child in going.values():
                child.end()
    return list(rows.values())


def _guarded(
    going: dict[str, Child], tool: str, row: dict[str, Any], request: str
) -> dict[str, Any]:
    """Return and keep what a tool answers; a tool that fails is left out."""
    try:
        reply = going[tool].ask(request)
    except Failed as failure:
        row["left out"] = str(failure)
        going.pop(tool).end()
        return {}
    row |= {k: v for k, v in reply.items() if k not in {"wall", "cpu"}}
    return reply


def _turn(
    going: dict[str, Child], rows: dict[str, dict[str, Any]], seconds: str
) -> None:
    """Let every tool in turn time its value, then its gradient."""
    for which in ("value", "gradient"):
        for tool in tuple(going):
            row = rows[tool]
            reply = _guarded(going, tool, row, f"{which} {seconds}")
            for clock in ("wall", "cpu"):
                row.setdefault(f"{which} {clock}", []).append(reply.get(clock))


def _summarise(
    going: dict[str, Child], rows: dict[str, dict[str, Any]], clock: str
) -> None:
    """Put the medians of all turns into the rows."""
    for tool in going:
        row = rows[tool]
        for which in ("value", "gradient"):
            row[which] = statistics.median(row[f"{which} {clock}"])
        row["ratio"] = row["gradient"] / row["value"]


def _compare(rows: dict[str, dict[str, Any]], going: dict[str, Child]) -> None:
    """Note how far each tool's answers are from the reference's (the first tool's)."""
    answers = {tool: _load(child.answers) for tool, child in going.items()}
    if not answers:
        return
    reference = next(iter(answers.values()))
    for tool, found in answers.items():
        rows[tool]["difference"] = max(
            _distance(a, b) for a, b in zip(found, reference, strict=True)
        )
        rows[tool]["agrees"] = rows[tool]["difference"] <= AGREE


def _load(path: Path) -> list[Any]:
    with np.load(path) as file:
        return [file[name] for name in file.files]


def _distance(found: Any, expected: Any) -> float:
    if found.shape != expected.shape:
        return float("inf")
    largest = float(np.abs(expected).max()) or 1.0
    apart = float(np.abs(found - expected).max()) / largest
    return apart if apart == apart else float("inf")
