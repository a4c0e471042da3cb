"""Run an entry point node by node, where no code is made of it.

Comes in: what the entry point computes. Goes out: a function of its arguments.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from overbar.ir.evaluate import evaluate
from overbar.ir.program import For, If, leaves
from overbar.sweeping import interpreted_sweep

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from overbar.entry import Entry
    from overbar.ir.program import Program

LARGEST_COMPILED = 20_000
"""Operations from which on "auto" interprets what has no machine code of ours: Numba
needs about a millisecond each."""


def interpreted(entry: Entry) -> Callable[..., Any]:
    """Return the function of an entry point, and of those that it calls."""
    if entry.needs:
        needs = {e.program.name: _by_nodes(e) for e in entry.needs}
        return interpreted_sweep(entry.program, needs)
    return _by_nodes(entry)


def _by_nodes(entry: Entry) -> Callable[..., Any]:
    def run(*args: Any) -> Any:
        return _nested(entry.program.result, evaluated(entry, args))

    return run


def evaluated(entry: Entry, args: Sequence[Any]) -> dict[Any, Any]:
    """Return the values of an entry point's nodes for arguments."""
    program = entry.program
    given: dict[Any, Any] = {}
    for (_, part), value in zip(program.params, args, strict=False):
        if isinstance(part, tuple):
            given |= dict(zip(part, value, strict=True))
        else:
            given[part] = value
    for name, part in program.params[len(args) :]:
        if name in program.defaults:  # constant arrays are nodes of their own
            given[part] = program.defaults[name]
    return evaluate(entry.graph, {}, leaves(program.result), given)


def _nested(result: Any, values: dict[Any, Any]) -> Any:
    if isinstance(result, tuple):
        return tuple(_nested(part, values) for part in result)
    return values[result]


def too_long(entry: Entry) -> bool:
    """Whether an entry point has too many operations for Numba."""
    programs = (entry.program, *(e.program for e in entry.needs))
    return max(map(_length, programs)) > LARGEST_COMPILED


def _length(program: Program) -> int:
    """Return how many statements a Program has, those inside of others too."""
    blocks, count = [program.body], 0
    for block in blocks:  # grows while it is walked
        count += len(block)
        for s in block:
            if isinstance(s, If):
                blocks += [s.then, s.orelse]
            elif isinstance(s, For):
                blocks.append(s.body)
    return count
