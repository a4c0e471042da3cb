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

from benchmarks.serve import most, serve, timed, used

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

FEW = 5


@dataclass(frozen=True)
class Formula:
    """Hold a formula of numbers.

    inputs: their names, in order; point: where it is computed; loss: the formula,
    `loss(inputs, functions)`; hand: the version by hand; size: operations, roughly;
    ways: the statements that are timed (see `scalar_tools`).
    """

    inputs: tuple[str, ...]
    point: Any
    loss: Callable[[Sequence[Any], Any], Any]
    hand: Callable[[Formula, Stages], Subject]
    size: int
    ways: tuple[str, ...] = ("value", "numbers", "keywords", "flat", "out")


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
    """Note how long each stage took, and the most memory held until its end.

    That of the processes that a tool starts counts too, each for itself.
    """

    begun: tuple[float, float] = (0.0, 0.0)
    rows: list[dict[str, Any]] = field(default_factory=list)

    def begin(self) -> None:
        """Start the wall's clock and the processor's, which counts children too."""
        self.begun = (time.perf_counter(), used())

    def done(self, stage: str) -> None:
        """End a stage, and begin the next."""
        wall, cpu = time.perf_counter() - self.begun[0], used() - self.begun[1]
        self.rows.append({"stage": stage, "wall": wall, "cpu": cpu, "peak": most()})
        self.begin()


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
        self.stages = Stages()

    def first(self) -> dict[str, Any]:
        """Return how long the first gradient takes, by stages."""
        self.stages.begin()
        self.subject = subject = self.build(self.formula, self.stages)
        wanted = {k: s for k, s in subject.statements.items() if k in self.formula.ways}
        subject.statements = wanted
        self.keep()
        return {
            "stages": self.stages.rows,
            "timed": list(wanted),
            "statements": wanted,
            "optimises": self.subject.optimise is not None,
        }

    def optimise(self) -> dict[str, Any]:
        """Return how long optimised code takes to come, from the first gradient on.

        Before it, a few calls tell what the first code takes: too few to count.
        """
        wait = self.subject.optimise
        if wait is None:
            return {}
        early = {f"{name}, early": min(self._timer(name).repeat(FEW, 1))
                 for name in self.subject.statements}  # fmt: skip
        self.stages.begin()
        wait()
        self.stages.done("best code")
        self.keep()
        return early | {"stages": self.stages.rows}

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
        return timed(self._timer(which).timeit, float(budget))

    def _timer(self, which: str) -> timeit.Timer:
        return timeit.Timer(self.subject.statements[which], globals=self.subject.names)


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
