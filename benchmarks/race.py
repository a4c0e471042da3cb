"""Let tools take turns on one task: a child process each, told when to go."""

from __future__ import annotations

import statistics
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.child import Child, Failed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Row = dict[str, Any]

AGREE = 1e-9


@dataclass(frozen=True)
class Plan:
    """Say how a race goes.

    repeats: turns that each tool takes; seconds: of calls in one turn; limit: seconds
    to wait for an answer; memory: bytes that a tool may hold; clock: "wall" or "cpu";
    say: is told what is going on.
    """

    repeats: int
    seconds: float
    limit: float
    memory: int
    threads: int
    clock: str
    say: Callable[[str], None]


def race(
    commands: Mapping[str, Sequence[str]], plan: Plan, about: Mapping[str, Any]
) -> list[Row]:
    """Return a row a tool: its figures, or why it was left out.

    commands: the module and arguments of each tool's process, the reference first;
    about: goes into every row.

    A tool's answers are compared with the reference's, or else with those of the first
    that has any, before it is timed.
    """
    rows = {tool: {**about, "tool": tool} for tool in commands}
    going: dict[str, Child] = {}
    with tempfile.TemporaryDirectory() as name:
        try:
            reference: Path | None = None
            for tool, command in commands.items():
                plan.say(f"{tool}: first gradient")
                reference = _begin(going, rows[tool], command, Path(name), plan,
                                   reference)  # fmt: skip
            for turn in range(plan.repeats):
                plan.say(f"turn {turn + 1} of {plan.repeats}")
                _turn(going, rows, f"{plan.seconds}")
        finally:
            for child in going.values():
                child.end()
    for tool in going:
        for which in rows[tool]["timed"]:
            times = rows[tool][f"{which} {plan.clock}"]
            rows[tool][which] = statistics.median(times)
    checked = [row for row in rows.values() if "difference" in row]
    if len(checked) == 1:
        checked[0]["unchecked"] = True
    return list(rows.values())


def _begin(
    going: dict[str, Child], row: Row, command: Sequence[str], folder: Path,
    plan: Plan, reference: Path | None,
) -> Path | None:  # fmt: skip
    """Start a tool, take its first gradient, compare; return the reference's answers.

    A tool that offers optimised code is waited for, and compared once more.
    """
    tool, child = row["tool"], None
    try:
        child = Child(
            command, folder / tool, threads=plan.threads, limit=plan.limit,
            memory=plan.memory,
        )  # fmt: skip
        row |= child.ask("first")
        reference = reference or child.answers
        compare(row, child.answers, reference)
        if row.get("optimises"):
            plan.say(f"{tool}: optimised code")
            row |= child.ask("optimise")
            compare(row, child.answers, reference)
    except Failed as failure:
        row["left out"] = str(failure)
        if child is not None:
            child.end()
        return reference
    going[tool] = child
    if child.answers != reference:
        child.answers.unlink()
    return reference


def _turn(going: dict[str, Child], rows: Mapping[str, Row], seconds: str) -> None:
    """Let every tool in turn time each of its calls."""
    names = dict.fromkeys(name for tool in going for name in rows[tool]["timed"])
    for which in names:
        for tool in [t for t in going if which in rows[t]["timed"]]:
            row = rows[tool]
            try:
                reply = going[tool].ask(f"time {which} {seconds}")
            except Failed as failure:
                row["left out"] = str(failure)
                going.pop(tool).end()
                continue
            for clock in ("wall", "cpu"):
                row.setdefault(f"{which} {clock}", []).append(reply.pop(clock))
            row |= reply


def compare(row: Row, answers: Path, reference: Path) -> None:
    """Note how far answers are from the reference's, the worst of all outputs.

    Answers are arrays by name; of `gradient@flat`, the reference is `gradient`.
    """
    with np.load(answers) as found, np.load(reference) as expected:
        apart = [_distance(found[k], expected[k.split("@")[0]]) for k in found.files]
    row["difference"] = max([*apart, row.get("difference", 0.0)])
    row["agrees"] = row["difference"] <= AGREE


def _distance(found: Any, expected: Any) -> float:
    if found.shape != expected.shape:
        return float("inf")
    largest = float(np.abs(expected).max()) or 1.0
    apart = float(np.abs(found - expected).max()) / largest
    return apart if apart == apart else float("inf")
