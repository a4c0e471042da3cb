"""Run the Program of a matrix of partials step by step, where no code is generated.

Comes in: a Program of loops, and a function for each program that it calls. Goes out:
a function of the Program's arguments.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from overbar.ir.evaluate import dimensions, evaluate
from overbar.ir.program import Allocate, Call, For, If, Part, Store
from overbar.ir.types import size_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from overbar.ir.graph import Node
    from overbar.ir.program import Program, Statement


def interpreted_sweep(
    program: Program, functions: Mapping[str, Callable[..., Any]]
) -> Callable[..., Any]:
    """Return the function of a program whose statements make and fill arrays."""

    def run(*args: Any) -> Any:
        inputs = [n for _, n in program.params]
        given = dict(zip(inputs, args, strict=False))
        for name, node in program.params[len(args) :]:
            given[node] = program.defaults.get(name)
        sweep = _Sweep(given, functions)
        sweep.run(program.body)
        return tuple(sweep.values[n] for n in program.result)  # type: ignore[union-attr]

    return run


class _Sweep:
    """Hold the values of one run."""

    def __init__(
        self, given: dict[Any, Any], functions: Mapping[str, Callable[..., Any]]
    ) -> None:
        self.values = given
        self.functions = functions
        graph = next(iter(given)).graph
        self.sizes = dimensions(graph, {}, given)

    def run(self, body: Sequence[Statement]) -> None:
        """Run statements in order."""
        for item in body:
            if isinstance(item, Allocate):
                shape = tuple(size_of(e, self.sizes) for e in item.shape)
                self.values[item.of] = np.full(
                    shape, item.fill or 0.0, item.of.type.dtype
                )
            elif isinstance(item, For):
                for k in range(size_of(item.extent, self.sizes)):
                    self.values[item.index] = k
                    self.run(item.body)
            elif isinstance(item, If):
                ask = evaluate(item.cond.graph, {}, [item.cond], self._extents(item))
                self.run(item.then if ask[item.cond] else item.orelse)
            elif isinstance(item, Store):
                array, *index = item.target.args
                place = tuple(self.values[str(i.attrs[0])] for i in index)
                self.values[array][place] = item.value.value
            elif isinstance(item, Call):
                self._call(item)

    def _extents(self, item: If) -> dict[Node, Any]:
        """Return the sizes that a choice compares."""
        return {n: size_of(n.attrs[0], self.sizes) for n in item.cond.args}

    def _call(self, item: Call) -> None:
        args = [n.value if n.is_const else self.values[n] for n in item.args]
        found = self.functions[item.program.name](*args)
        if isinstance(item.into, Part):
            self._put(item.into, found)
            return
        for part, value in zip(item.into, found, strict=True):
            if part is not None:
                self._put(part, value)

    def _put(self, part: Part, value: Any) -> None:
        if part.whole:
            self.values[part.array] = value
            return
        index = tuple(self.values[str(i.attrs[0])] for i in part.index)
        place = (..., *index) if part.last else (*index, ...)
        self.values[part.array][place] = value
