"""Hold what one entry point of a formula computes.

Comes in: nodes of a graph, and how to make the Program of them. Goes out: these, and
the Program when it is first asked for.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from overbar.ir.errors import InputError
from overbar.ir.program import leaves

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from overbar.ir.graph import Graph, Node
    from overbar.ir.program import Program, Result

ALWAYS = ("value", "forward", "backward", "vjp", "jvp", "jacobian")
SINGLE = ("grad", "value_and_grad", "hessian", "hvp", "value_grad_and_hvp")
"""Entry points of every formula, and those of a formula of one output."""


def ahead(names: Sequence[str], known: Sequence[str]) -> Sequence[str]:
    """Return the entry points to build: those named, or the most usual ones.

    Raises InputError for one that is not among the known.
    """
    for name in names:
        if name not in known:
            message = f"expected an entry point ({', '.join(known)}), found {name!r}"
            raise InputError(message)
    return names or [n for n in ("value", "value_and_grad") if n in known]


class Entry:
    """Hold what one function computes: nodes of a graph, and the Program of them.

    graph: the view that names come from; inputs: all that is given, those inside of
    tuples one by one; result: as of the Program; needs: the entries whose functions it
    calls; saved: how many of the inputs come as one tuple, the first.
    """

    def __init__(
        self,
        graph: Graph,
        inputs: Iterable[Node],
        result: Result,
        make: Callable[[], Program],
        needs: Sequence[Entry] = (),
        saved: int | None = None,
    ) -> None:
        self.graph = graph
        self.inputs = tuple(inputs)
        self.result = result
        self.needs = tuple(needs)
        self.saved = saved
        self._make = make
        if self.shaped:  # making it makes nodes, which have their order
            self.program  # noqa: B018 - it is kept

    @property
    def shaped(self) -> bool:
        """Whether an array is among what is computed."""
        if not self.graph.shaped:
            return False
        return any(n.type.shape for n in self.graph.order(leaves(self.result)))

    @cached_property
    def program(self) -> Program:
        """The Program, scheduled when it is first asked for."""
        return self._make()
