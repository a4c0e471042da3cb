"""Check a formula over arrays, and build it ahead: with arrays of its own making."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from overbar.blocks import shapes_of
from overbar.entry import ALWAYS, SINGLE, ahead
from overbar.inspection import Inspection
from overbar.ir.errors import InputError
from overbar.ir.flat import copied
from overbar.sizes import REFUSALS, refused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from overbar.check import Report
    from overbar.ir.graph import Node
    from overbar.shapes import ShapedSignature


class ShapedInspection(Inspection):
    """Offer the methods of a compiled function over arrays that explain it."""

    signature: ShapedSignature
    once: Callable[[str, Sequence[Any]], list[Any]]
    sizes: Callable[[Sequence[Any]], Mapping[str, int]]
    refusal: Callable[[str, Sequence[Any]], InputError]
    _seeds: Callable[[Any, Mapping[str, int]], list[Any]]

    def check(self, /, *args: Any, **keywords: Any) -> Report:
        """Check the compiled gradient against differences, a row a parameter.

        A large parameter is checked along some random directions, else every element
        is; the row is that of the worst. The report is true if all are right.
        """
        from overbar.check_arrays import check_arrays

        inputs = self._scalars(args, keywords)
        values = [inputs[n] for n in self.signature.inputs]

        def gradient(name: str, seed: Any) -> list[Any]:
            if self._single and not np.ndim(seed):
                return self.once("grad", values)
            sizes = self.sizes(values)
            zeros = shapes_of(list(self._graph.outputs.values()), sizes)
            seeds = [np.zeros(shape)[()] for shape in zeros]
            seeds[list(self._graph.outputs).index(name)] = seed
            given = self._seeds(
                dict(zip(self._graph.outputs, seeds, strict=True)), sizes
            )
            return self.once("vjp", [*values, *given])

        graph = copied(self._graph)  # as the check adds to it
        wrt = [graph.inputs[n] for n in self.options.wrt]
        with self._computing(inputs):
            return check_arrays(graph, wrt, inputs, gradient)

    @contextmanager
    def _computing(self, given: Mapping[str, Any]) -> Iterator[None]:
        """Name the operation, and its line, that refuses values: an index, a matrix."""
        try:
            yield
        except (*REFUSALS, InputError) as error:
            for graph in (self._graph, self.derivation.with_gradient()):
                found = refused(graph, given)
                if found is not None:
                    raise found from None
            if isinstance(error, InputError):
                raise
            raise self.refusal("value", list(given.values())) from None

    @property
    def _entry_points(self) -> list[str]:
        return [*ALWAYS, *((*SINGLE, "value_and_rows") if self._scalar else ())]

    def build(self, *names: str, optimise: bool = False) -> Self:
        """Make machine code now, of the named entry points or of `value_and_grad`.

        They are called once, with arrays of ones, small ones that the formula accepts.
        optimise: as for formulas of numbers; of arrays all code is the best.
        """
        del optimise
        for name in ahead(names, self._entry_points):
            self.once(name, self._ones(name))
        return self

    def _ones(self, name: str) -> list[Any]:
        """Return arguments of an entry point: ones, and zeros as indices."""
        sizes = self.signature.sizes.smallest()
        params = self.runtime.entry(name).program.params
        found: list[Any] = []
        for _, part in params:
            if isinstance(part, tuple):
                found.append(tuple(_one(n, sizes) for n in part))
            else:
                found.append(_one(part, sizes))
        return found


def _one(node: Node, sizes: Mapping[str, int]) -> Any:
    (shape,) = shapes_of([node], sizes)
    value = np.full(shape, 1 if node.type.is_float else 0, node.type.dtype)
    return value if shape else value.item()
