"""Go between a call's arguments and its results: bind, map, run, package."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from overbar.arguments import Signature, convert, counted, listed
from overbar.derivation import Derivation
from overbar.ir.errors import InputError
from overbar.mapping import (
    fit,
    flattened,
    need_numbers,
    points_shape,
    reduced,
)
from overbar.results import Named, fill, named_type
from overbar.runtime import Runtime

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from overbar.arguments import Argument
    from overbar.ir.graph import Graph, Node
    from overbar.options import Options

Sizes: TypeAlias = "Mapping[str, int]"


class Calling:
    """Hold a formula's parts, and run its entry points on what the user passed.

    writes: whether points go straight into the caller's arrays.
    """

    writes = True

    def __init__(
        self, graph: Graph, arguments: Sequence[Argument], options: Options
    ) -> None:
        self._graph = graph
        self.options = options
        dtypes = {name: node.type.dtype for name, node in graph.inputs.items()}
        self.signature = Signature(arguments, graph.defaults, dtypes)
        self._single = len(graph.outputs) == 1 and options.shape is None
        self._scalar = self._single and not any(
            n.type.shape for n in graph.outputs.values()
        )
        self._wrt = [graph.inputs[n] for n in options.wrt]
        self.derivation = Derivation(graph, self._wrt)
        self.runtime = Runtime(self.derivation, options.name, options.backend)
        self.runtime.accuracy = options.accuracy
        self._outputs = named_type(tuple(graph.outputs))
        self._gradient = named_type(options.wrt)

    @property
    def swift(self) -> bool:
        """Whether a call of floats gives one value, which nothing adds up."""
        plain = self.options.reduce is None and self.signature.is_plain
        return plain and self._single

    def sizes(self, values: Sequence[Any]) -> Sizes:
        """Return the sizes of named dimensions in bound arguments: there are none."""
        del values
        return {}

    # -- to the entry points -------------------------------------------------------

    def run(
        self, name: str, args: tuple[Any, ...], keywords: Mapping[str, Any]
    ) -> list[Any]:
        """Return an entry point's results for the arguments of a call."""
        found = self._direct(name, args, keywords)
        if found is not None:
            return found
        return self.run_entry(name, self.signature.bind(args, keywords))

    def run_entry(self, name: str, values: list[Any]) -> list[Any]:
        """Return an entry point's results: floats, or arrays of the common shape.

        With a reduction they are floats: sums or means over all points.
        """
        return self.run_into(name, values, ())

    def value_in(
        self, out: Any, args: tuple[Any, ...], keywords: Mapping[str, Any]
    ) -> Any:
        """Return the value as a call does, written to the caller's arrays as well."""
        if out is None or self.options.shape is not None:
            whole = self.packaged(self.run("value", args, keywords))
            if out is not None:
                fill([out], [whole], [self.options.name])
            return whole
        out = [out] if self._single else out
        names = tuple(self._graph.outputs)
        return self.packaged(self.run_out("value", args, keywords, out, names))

    def run_out(
        self,
        name: str,
        args: tuple[Any, ...],
        keywords: Mapping[str, Any],
        out: Any,
        names: Sequence[str],
    ) -> list[Any]:
        """Return results as `run` does, the last of them written to arrays as well.

        out: the caller's arrays, of results of these names. Those that fit are what is
        returned. Raises InputError for what is no array of a result's shape.
        """
        if isinstance(out, list | tuple) and len(out) == len(names):
            found = self._direct(name, args, keywords, out)
            if found is not None:
                return found
        if self.writes:
            values = self.signature.bind(args, keywords)
            parts = self.run_into(name, values, out, len(names))
        else:
            parts = self.run(name, args, keywords)
        fill(out, parts[len(parts) - len(names) :], names)
        return parts

    def run_into(
        self, name: str, values: list[Any], out: Any, count: int = 0
    ) -> list[Any]:
        """Return results as `run_entry` does, the last ones in arrays if these fit."""
        reduce = self.options.reduce
        if reduce is not None:
            self._need_plain_params(values)
        shape = points_shape(values, self.signature.inputs)
        if reduce is not None:
            return reduced(self.runtime.points(name, values, shape), reduce)
        if not shape:
            return flattened(self.runtime.call(name)(*values))
        known = isinstance(out, list | tuple) and len(out) == count
        direct = known and fit(out, values, shape, self._graph.real.dtype)
        fitting = out if direct else []
        rows = self.runtime.points(name, values, shape, [a.ravel() for a in fitting])
        made = [row.reshape(shape) for row in rows[: len(rows) - len(fitting)]]
        return [*made, *fitting]

    def _direct(
        self,
        name: str,
        args: tuple[Any, ...],
        keywords: Mapping[str, Any],
        out: Sequence[Any] = (),
    ) -> list[Any] | None:
        """Return results for vectors that code takes as they are, None for others."""
        if keywords or not self.writes or self.options.reduce is not None:
            return None
        if not args or len(args) != len(self.signature.inputs):
            return None
        made = vars(self.runtime).get("pointwise")  # there once points were computed
        return None if made is None else made.direct(name, args, out)

    def _need_plain_params(self, values: Sequence[Any]) -> None:
        """Raise InputError for an array as a parameter, in words of its role."""
        roles = self._graph.roles
        for name, value in zip(self.signature.inputs, values, strict=False):
            if name in self.options.wrt:
                need_numbers([(name, value)], note=f" ({roles[name]})")

    def _bound(self, args: Any) -> list[Any]:
        if isinstance(args, dict):
            return self.signature.bind((), args)
        if not isinstance(args, list | tuple):
            args = (args,)
        return self.signature.bind(args)

    def _seeds(self, seed: Any, sizes: Sizes) -> list[Any]:
        return self._spread(seed, self._graph.outputs, "seed", sizes)

    def _tangents(self, tangents: Any, sizes: Sizes) -> list[Any]:
        wrt = {name: self._graph.inputs[name] for name in self.options.wrt}
        return self._spread(tangents, wrt, "tangent", sizes)

    def _spread(
        self, value: Any, nodes: Mapping[str, Node], what: str, sizes: Sizes
    ) -> list[Any]:
        """Return one value a name: of the parameters, or of the outputs.

        sizes: of named dimensions. Raises InputError where they are not one each, and
        for an array as the seed or tangent of a reduced formula, whose parameters and
        values are numbers.
        """
        del sizes  # of no number
        names = list(nodes)
        given = spread(value, names, what)
        if self.options.reduce is not None:
            need_numbers(zip(names, given, strict=True), f"the {what} of ")
        return given

    # -- from the entry points -----------------------------------------------------

    def packaged(self, parts: Sequence[Any]) -> Any:
        """Return one value an output as the call returns them."""
        shape = self.options.shape
        if shape is not None:
            return self._stack(parts)
        return parts[0] if self._single else self._outputs(parts)

    def _stack(self, parts: Sequence[Any]) -> Any:
        """Return one value an output as one array: S + the shape of the value."""
        if self._single:
            return parts[0]
        stacked = np.stack([np.asarray(p) for p in parts], axis=-1)
        shape = self.options.shape
        return stacked if shape is None else stacked.reshape(stacked.shape[:-1] + shape)

    def _grads(self, parts: Sequence[Any]) -> Any:
        return parts[0] if self.options.bare else self._gradient(parts)

    def square(self, triangle: Sequence[Any]) -> list[list[Any]]:
        """Return a symmetric matrix from its lower triangle, row by row."""
        n = len(self._wrt)
        return [
            [triangle[max(i, j) * (max(i, j) + 1) // 2 + min(i, j)] for j in range(n)]
            for i in range(n)
        ]

    def need_scalar(self, what: str) -> None:
        """Raise InputError unless the formula has one output."""
        if not self._single:
            found = f"{len(self._graph.outputs)} ({listed(list(self._graph.outputs))})"
            advice = "use jacobian or vjp" if "grad" in what else "compile one alone"
            message = f"{what} expects one output, found {found}; {advice}"
            raise InputError(message)


def spread(value: Any, names: Sequence[str], what: str) -> list[Any]:
    """Return one value a name from a sequence, a dict, or a value for the only."""
    if isinstance(value, Named):
        value = value._asdict()
    if isinstance(value, dict):
        if set(value) != set(names):
            message = (
                f"expected a {what} for each of {listed(names)}; "
                f"found {listed(list(map(str, value)))}"
            )
            raise InputError(message)
        value = [value[n] for n in names]
    elif len(names) == 1 and not (isinstance(value, list | tuple) and len(value) == 1):
        value = [value]
    parts = list(value) if np.iterable(value) else [value]
    if len(parts) != len(names):
        message = f"expected {counted(names, what)}, found {len(parts)}"
        raise InputError(message)
    return [convert(p, n, "float64") for n, p in zip(names, parts, strict=True)]
