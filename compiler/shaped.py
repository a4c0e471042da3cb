"""Be a compiled function over arrays: exact shapes, mapped only where asked.

Comes in: what the user passed. Goes out: values, gradients in the shape of their
parameters, Jacobians and Hessians by block. Results share memory with nothing.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from overbar.batch import Batch, common_lead, joined, mapped, summed
from overbar.blocks import hessian_blocks, jacobian_blocks
from overbar.calling import spread
from overbar.direct import DirectCalls
from overbar.function import CompiledFunction, Jit
from overbar.ir.errors import InputError
from overbar.ir.types import extents
from overbar.owned import Results
from overbar.reducing import reduced
from overbar.results import named
from overbar.saved import Saved
from overbar.shaped_flat import ShapedFlat
from overbar.shaped_inspection import ShapedInspection
from overbar.shapes import ShapedSignature
from overbar.sizes import REFUSALS, need_shape, refusal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from overbar.arguments import Argument
    from overbar.ir.graph import Graph, Node
    from overbar.options import Options


def compiled(
    graph: Graph, arguments: Sequence[Argument], options: Options
) -> CompiledFunction:
    """Return the compiled function of a formula, over numbers or over arrays."""
    nodes = (*graph.inputs.values(), *graph.order()) if graph.shaped else ()
    arrays = any(n.type.shape for n in nodes)
    return (ShapedFunction if arrays else CompiledFunction)(graph, arguments, options)


class Rows(NamedTuple):
    """Hold a sparse gradient: rows (k,) of a parameter, and their adjoints (k, ...).

    A row that was read several times occurs several times; its adjoints add up, as in
    `np.add.at(dense, rows, values)`.
    """

    rows: Any
    values: Any


class ShapedFunction(DirectCalls, ShapedInspection, CompiledFunction):
    """Hold a formula with arrays and everything derived from it.

    With an array among its inputs, a call takes exactly the declared shapes, and the
    sizes of named dimensions come from them; `f.batch` maps over leading axes, and with
    `reduce=` a call does so over those of data, and adds up. Without one, a call maps
    over its arguments as that of any formula of numbers does.
    """

    signature: ShapedSignature
    writes = False

    def __init__(
        self, graph: Graph, arguments: Sequence[Argument], options: Options
    ) -> None:
        super().__init__(graph, arguments, options)
        self.reset()
        shaped = any(n.type.shape for n in graph.inputs.values())
        data = [n for n in graph.inputs if options.reduce and n not in options.wrt]
        leading = data if shaped else list(graph.inputs)
        self.signature = ShapedSignature(arguments, graph, leading)
        self.maps = not shaped
        self._entries: dict[str, Results] = {}

    # -- to the entry points -------------------------------------------------------

    def sizes(self, values: Sequence[Any]) -> Mapping[str, int]:
        """Return the sizes of the named dimensions in bound arguments."""
        given = dict(zip(self.signature.inputs, values, strict=False))
        return self.signature.sizes.solve(given, None)

    def run_entry(self, name: str, values: list[Any]) -> list[Any]:
        """Return an entry point's results, mapped over the values' leading axes."""
        reduce = self.options.reduce
        if reduce is None and self._is_exact(name, values):
            return self.once(name, values)
        params = self.runtime.entry(name).program.params
        nodes = [n for _, n in params if not isinstance(n, tuple)]
        lead = common_lead(values, nodes, [n for n, _ in params])
        if reduce is None:
            return mapped(self, name, values, lead)
        self._need_plain_params(values)
        return reduced(self, name, values, nodes, lead)

    def _is_exact(self, name: str, values: Sequence[Any]) -> bool:
        """Whether arguments have their declared axes and none in front."""
        ranks = self.known(name).ranks
        for v, rank in zip(values, ranks, strict=False):
            if (v.ndim if type(v) is np.ndarray else 0) != rank:
                return False
        return True

    def _need_plain_params(self, values: Sequence[Any]) -> None:
        if self.maps:
            super()._need_plain_params(values)

    def once(self, name: str, values: Sequence[Any]) -> list[Any]:
        """Return the results at one point: numbers, and arrays of their own."""
        try:
            result = self.runtime.call(name)(*values)
        except REFUSALS:
            raise self.refusal(name, values) from None
        return self.known(name).own(result)

    def refusal(self, name: str, values: Sequence[Any]) -> InputError:
        """Return the error that names what cannot be computed of these values."""
        given = dict(zip(self.signature.inputs, values, strict=False))
        return refusal([self._graph, self.runtime.entry(name).graph], given)

    def results(self, name: str) -> list[Node]:
        """Return the nodes of an entry point's results."""
        return self.known(name).nodes

    def known(self, name: str) -> Results:
        """Return what is known of an entry point's results."""
        found = self._entries.get(name)
        if found is None:
            known = Results.of(self.runtime.entry(name).program)
            found = self._entries.setdefault(name, known)
        return found

    def _spread(
        self,
        value: Any,
        nodes: Mapping[str, Node],
        what: str,
        sizes: Mapping[str, int],
    ) -> list[Any]:
        given = super()._spread(value, nodes, what, sizes) if self.maps else (
            spread(value, list(nodes), what)
        )  # fmt: skip
        found = []
        for (name, node), part in zip(nodes.items(), given, strict=True):
            rank, shape = len(node.type.shape), np.shape(part)
            if self.maps and len(shape) > rank:
                shape = shape[len(shape) - rank :]
            need_shape(f"the {what} of {name!r}", node.type.shape, shape, sizes)
            array = np.ndim(part) > 0
            found.append(np.ascontiguousarray(part, node.type.dtype) if array else part)
        return found

    # -- from the entry points -----------------------------------------------------

    def packaged(self, parts: Sequence[Any]) -> Any:
        """Return one value an output as the call returns them."""
        if self._single:
            return parts[0]
        if self.maps or self.options.shape is None:
            return super().packaged(parts)
        return self._stack(parts)

    def _stack(self, parts: Sequence[Any]) -> Any:
        if self.maps:
            return super()._stack(parts)
        if self._single:
            return parts[0]
        stacked = np.stack([np.asarray(p) for p in parts])
        shape = self.options.shape
        return stacked if shape is None else stacked.reshape(shape + stacked.shape[1:])

    def grads(self, parts: Sequence[Any]) -> Any:
        """Return one value a name of `wrt` as gradients are returned."""
        return self._grads(parts)

    def need_scalar(self, what: str) -> None:
        """Raise InputError unless the formula has one output, a number."""
        if self._scalar:
            return
        super().need_scalar(what)
        ((name, node),) = self._graph.outputs.items()
        if node.type.shape:
            advice = "use jacobian or vjp" if "grad" in what else "sum it first"
            message = (
                f"{what} expects one number, found {name!r} of shape "
                f"[{extents(node.type.shape)}]; {advice}"
            )
            raise InputError(message)

    # -- calls -----------------------------------------------------------------------

    def grad(self, /, *args: Any, sparse: bool = False, **keywords: Any) -> Any:
        """Return the gradient: by name, each in the shape of its parameter.

        sparse: a parameter that is only read row by row gives `Rows` instead: which
            rows were read, and their adjoints, without the zeros of all others.
        """
        if not sparse:
            return self._any_grad(*args, **keywords)
        return self.value_and_grad(*args, sparse=True, **keywords)[1]

    def value_and_grad(
        self, /, *args: Any, out: Any = None, sparse: bool = False, **keywords: Any
    ) -> tuple[Any, Any]:
        """Return `(value, grad)` from one fused function; `sparse` as in `grad`."""
        if not sparse:
            return self._any_value_and_grad(*args, out=out, **keywords)
        if out is not None:
            message = "expected out= or sparse=, found both: rows have no fixed shape"
            raise InputError(message)
        self.need_scalar("value_and_grad")
        values, name = self.signature.bind(args, keywords), "value_and_rows"
        nodes, reduce = list(self._graph.inputs.values()), self.options.reduce or "sum"
        lead = common_lead(values, nodes, self.signature.inputs)
        found = mapped(self, name, values, lead) if lead else self.once(name, values)
        value, *parts = found
        grads: list[Any] = []
        result = self.runtime.entry(name).program.result
        for shape in result[1]:  # type: ignore[index,union-attr]
            part = parts.pop(0)
            if isinstance(shape, tuple):
                grads.append(Rows(*joined(part, parts.pop(0), lead, reduce)))
            else:
                grads += summed([part], lead, reduce) if lead else [part]
        value = summed([value], lead, reduce)[0] if lead else value
        return value, self._grads(grads)

    def forward(self, /, *args: Any, **keywords: Any) -> tuple[Any, Saved]:
        """Return the value, and what `backward` needs, as in the lectures."""
        parts = self.directly("forward", args, keywords)
        if parts is not None:
            return self._parted(parts, self.signature.sizes_before(args, keywords))
        values = self.signature.bind(args, keywords)
        sizes = self.sizes(values)
        nodes = list(self._graph.inputs.values())
        lead = common_lead(values, nodes, self.signature.inputs)
        if lead or self.options.reduce is not None:
            kept = tuple(np.array(v) if np.ndim(v) else v for v in values)
            value = self.packaged(self.run_entry("value", values))
            return value, Saved(kept, mapped=True, sizes=sizes, maker=self._maker)
        return self._parted(self.once("forward", values), sizes)

    def _parted(self, parts: list[Any], sizes: Mapping[str, int]) -> tuple[Any, Saved]:
        """Return what a forward pass gives as the value, and what it saved."""
        count = len(self._graph.outputs)
        saved = Saved(tuple(parts[count:]), sizes=sizes, maker=self._maker)
        return self.packaged(parts[:count]), saved

    def _seeds(self, seed: Any, sizes: Mapping[str, int]) -> list[Any]:
        if type(seed) is float and self._scalar:
            return [seed]
        return super()._seeds(seed, sizes)

    def _run_backward(self, saved: Any, seeds: list[Any]) -> list[Any]:
        return self.once("backward", [saved, *seeds])

    def _jacobian(self, values: list[Any]) -> Any:
        rows = jacobian_blocks(self, values)
        parts = [self._column(column) for column in zip(*rows, strict=True)]
        return parts[0] if self.options.bare else named(self.options.wrt, parts)

    def _column(self, blocks: Sequence[Any]) -> Any:
        """Return one parameter's blocks, as one array where the outputs are numbers."""
        outputs = self._graph.outputs
        arrays = any(n.type.shape for n in outputs.values())
        if len(outputs) > 1 and arrays:
            return named(tuple(outputs), blocks)
        return self._stack(blocks)

    def _blocks(self, values: list[Any]) -> list[list[Any]]:
        return hessian_blocks(self, values)

    def jacobian_of(self, values: list[Any]) -> Any:
        """Return the Jacobian at bound arguments."""
        return self._jacobian(values)

    def hessian_of(self, values: list[Any]) -> Any:
        """Return the Hessian at bound arguments."""
        return self._hessian(values)

    @property
    def batch(self) -> Any:
        """The same functions over leading axes (see `Batch`)."""
        return self if self.maps else Batch(self)

    @cached_property
    def jit(self) -> Jit:
        """Numba functions of arrays; `value_and_rows` gives `(rows, values)` pairs."""
        return Jit(self.runtime, self._entry_points)

    @cached_property
    def flat(self) -> Any:
        """The same over one parameter vector (see `ShapedFlat`)."""
        return ShapedFlat(self)
