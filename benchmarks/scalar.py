"""Time statements of one tool on one formula of numbers, in a process of its own.

    python -m benchmarks.scalar FORMULA SIZE TOOL ANSWERS

Answers `first` (builds everything and takes one gradient, with the time and memory of
each stage), `optimise` (waits for optimised code) and `time NAME SECONDS` (of a
statement, run by `timeit`). Each statement's result goes to the file ANSWERS.
"""

from __future__ import annotations

import sys
import time
import timeit
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.serve import memory, serve, timed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


@dataclass(frozen=True)
class Formula:
    """Hold a formula of numbers.

    inputs: their names, in order; point: where it is computed; loss: the formula,
    `loss(inputs, functions)`; hand: the version by hand; size: operations, roughly.
    """

    inputs: tuple[str, ...]
    point: Any
    loss: Callable[[Sequence[Any], Any], Any]
    hand: Callable[[Formula, Stages], Subject]
    size: int


@dataclass
class Subject:
    """Hold what a tool made of a formula.

    statements: what is timed, by name, and `names` what they refer to; a result is a
    value, or a value and then the gradient, however nested. Where it is None, it is
    in `results`. optimise: waits for optimised code, where there may be any.
    """

    names: dict[str, Any]
    statements: Mapping[str, str]
    results: Any = None
    optimise: Callable[[], None] | None = None


@dataclass
class Stages:
    """Note how long each stage took, and the most memory held until its end."""

    begun: float = 0.0
    rows: list[dict[str, Any]] = field(default_factory=list)

    def begin(self) -> None:
        """Start the clock."""
        self.begun = time.perf_counter()

    def done(self, stage: str) -> None:
        """End a stage, and begin the next."""
        now, last = time.perf_counter(), self.begun
        peak = memory("VmHWM")
        self.rows.append({"stage": stage, "seconds": now - last, "peak": peak})
        self.begun = time.perf_counter()


class Worker:
    """Hold a tool's statements on a formula."""

    def __init__(self, formula: str, size: str, tool: str, answers: str) -> None:
        from benchmarks.formulas import FORMULAS  # which need what is above
        from benchmarks.scalar_tools import TOOLS, imported

        imported(tool)
        self.formula = FORMULAS[formula](int(size))
        self.build = TOOLS[tool]
        self.answers = answers
        self.subject = Subject({}, {})

    def first(self) -> dict[str, Any]:
        """Return how long the first gradient takes, by stages."""
        stages = Stages()
        stages.begin()
        self.subject = self.build(self.formula, stages)
        self.keep()
        return {
            "first": sum(row["seconds"] for row in stages.rows),
            "stages": stages.rows,
            "peak": stages.rows[-1]["peak"],
            "timed": list(self.subject.statements),
            "statements": self.subject.statements,
            "optimises": self.subject.optimise is not None,
        }

    def optimise(self) -> dict[str, Any]:
        """Return how long optimised code takes to come, from the first gradient on."""
        wait = self.subject.optimise
        if wait is None:
            return {}
        early = {f"{name}, early": self.time(name, "0.02")["wall"]
                 for name in self.subject.statements}  # fmt: skip
        start = time.perf_counter()
        wait()
        seconds = time.perf_counter() - start
        self.keep()
        return early | {"waited": seconds, "peak": memory("VmHWM")}

    def keep(self) -> None:
        """Write each statement's result to the file."""
        results = {
            f"@{name}": _numbers(self._result(statement))
            for name, statement in self.subject.statements.items()
        }
        whole = [r for r in results.values() if r.size > 1]
        results[""] = whole[0] if whole else _numbers(self.subject.results)
        found = {f"value{at}": r[:1] for at, r in results.items()}
        found |= {f"gradient{at}": r[1:] for at, r in results.items() if r.size > 1}
        np.savez(self.answers, **found)

    def _result(self, statement: str) -> Any:
        results: list[Any] = []
        names = self.subject.names | {"_kept": results.append}
        timeit.Timer(f"_kept({statement})", globals=names).timeit(1)
        return self.subject.results if results[0] is None else results[0]

    def time(self, which: str, budget: str) -> dict[str, Any]:
        """Return the seconds of a statement, by both clocks."""
        timer = timeit.Timer(self.subject.statements[which], globals=self.subject.names)
        return timed(timer.timeit, float(budget))


def _numbers(result: Any) -> Any:
    """Return all numbers of a result, however nested, in order."""
    if isinstance(result, tuple | list):
        return np.concatenate([_numbers(part) for part in result])
    return np.atleast_1d(np.asarray(result, float)).ravel()


def main() -> None:
    """Answer requests until there are no more."""
    sys.setrecursionlimit(100_000)  # SymPy's derivatives, and heyoka's graphs

    def start() -> dict[str, Any]:
        worker = Worker(*sys.argv[1:])
        return {
            "first": worker.first, "optimise": worker.optimise, "time": worker.time
        }  # fmt: skip

    serve(start)


if __name__ == "__main__":
    main()
