"""Say what an entry point over numbers takes, without deriving it.

Comes in: a formula and the name of an entry point. Goes out: the names of all numbers
that it takes, in order, and which of them have defaults.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from overbar.passes import Passes

SEEDED, DOTTED = ("vjp", "backward"), ("jvp", "hvp", "value_grad_and_hvp")
"""Entry points that take adjoints of the outputs, and tangents of `wrt`."""


class Taking(NamedTuple):
    """Hold the names of what an entry point takes, and the defaults of some."""

    names: list[str]
    defaults: Mapping[str, float]


def taking(formula: Passes, name: str, saved: int | None) -> Taking:
    """Return what an entry point takes.

    saved: how many numbers of what another saved it takes instead of the inputs.
    """
    graph, wrt = formula.graph, [formula.graph.names[n] for n in formula.wrt]
    outputs = list(graph.outputs)
    seeds = ["seed"] if len(outputs) == 1 else [f"{n}_seed" for n in outputs]
    more = seeds if name in SEEDED else []
    more = [f"{n}_dot" for n in wrt] if name in DOTTED else more
    if saved is not None:
        defaults = {"seed": 1.0} if len(outputs) == 1 else {}
        return Taking([*(f"saved[{i}]" for i in range(saved)), *more], defaults)
    return Taking([*graph.inputs, *more], {} if more else graph.defaults)
