"""Make the Programs of tangents, Jacobians and second derivatives.

Comes in: a graph and the inputs to differentiate with respect to. Goes out: Programs
(`jvp`, `jacobian`, `hessian`, `hvp`, ...), as those of `Passes`.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from overbar.codegen.lower import lower
from overbar.codegen.sweeps import Side, shorter, sweep
from overbar.derive.forward import forward
from overbar.derive.naming import symbol, unused
from overbar.derive.reverse import reverse
from overbar.entry import Entry
from overbar.ir.errors import UnsupportedError
from overbar.ir.flat import copied, digest
from overbar.ir.program import is_packed
from overbar.passes import Passes, one_or_all

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from overbar.ir.graph import Graph, Node
    from overbar.ir.program import Program, Result


LARGEST_READ = 1_000
"""Nodes of a formula from which on a gradient's code is derived without its source."""


class Derivation(Passes):
    """Derive what all entry points of a formula compute."""

    def copied(self) -> Derivation:
        """Return a derivation of the same formula in a graph of its own."""
        graph = copied(self.graph)
        return Derivation(graph, [graph.inputs[n] for n in self._inputs()])

    def unread(self, name: str) -> Entry:
        """Return an entry point for machine code, whose source nobody reads.

        A long gradient then needs no names, its seed is the number 1 from the
        beginning, and machine code knows what `lower` would make of its ops: nothing
        is made twice. Not at strict accuracy, where all code has the same bits.
        """
        graph = self.graph
        whole = graph.strict or name not in {"grad", "value_and_grad"}
        if whole or len(graph) < LARGEST_READ or any(o.chooses for o in graph.ops):
            found: Entry = getattr(self, name)()
            return found
        view = graph.view(graph.outputs)
        result: Result = tuple(self._gradient(view))
        if name == "value_and_grad":
            result = (self.values[0], result)
        return self._entry(view, name, result, "")

    def content(self) -> bytes | None:
        """Return a digest of the formula and of what it is differentiated by.

        None for one with operations of the user's, whose names do not tell what they
        do. Raises UnsupportedError for a formula with arrays.
        """
        graph = self.graph
        nodes = (*graph.inputs.values(), *graph.order()) if graph.shaped else ()
        if any(n.type.shape for n in nodes):
            raise UnsupportedError("expected a formula of numbers, found arrays")
        found = digest(graph)
        return None if found is None else found + repr(self._inputs()).encode()

    # -- products --------------------------------------------------------------------

    def jvp(self) -> Entry:
        """Return the program of the outputs' tangents for given ones of `wrt`."""
        view, dots, results = self._straight()
        better = lower(view, results)
        result = one_or_all([better[n] for n in results])
        doc = f"Return the tangents of {self._outputs}."
        return self._with_dots(view, "jvp", result, doc, dots)

    def hvp(self) -> Entry:
        """Return the program of the Hessian times a vector, without the Hessian."""
        view, _, dots, results = self._curved()
        doc = f"Return the Hessian of {self._outputs} times a vector."
        better = lower(view, results)
        result = tuple(better[n] for n in results)
        return self._with_dots(view, "hvp", result, doc, dots)

    def value_grad_and_hvp(self) -> Entry:
        """Return the program of the output, its gradient and a Hessian product."""
        view, grads, dots, results = self._curved()
        better = lower(view, [*self.values, *grads, *results])
        result = (
            better[self.values[0]],
            tuple(better[n] for n in grads),
            tuple(better[n] for n in results),
        )
        doc = f"Return {self._outputs}, its gradient and its Hessian times a vector."
        return self._with_dots(view, "value_grad_and_hvp", result, doc, dots)

    # -- matrices --------------------------------------------------------------------

    def jacobian(self) -> Entry:
        """Return the program of all partials, output by output.

        Reverse mode, one sweep an output; forward mode, one an input, where there are
        fewer inputs than outputs. In arrays, a sweep is one turn of a loop.
        """
        if self._has_arrays:
            return self._jacobian_of_arrays()
        view = self.graph.view(self.graph.outputs)
        rows: list[list[Node]]
        if len(self.values) <= len(self.wrt):
            rows = []
            for value in self.values:
                found = reverse(view, {value: self._one(value)}, self.wrt)
                rows.append([found.get(n, self._zero(n)) for n in self.wrt])
        else:
            columns = [self._column(view, n, self.values) for n in self.wrt]
            rows = [[c[i] for c in columns] for i in range(len(self.values))]
        for name, row in zip(self.graph.outputs, rows, strict=True):
            self._assign(view, [f"d{name}_d{n}" for n in self._inputs()], row)
        results = [node for row in rows for node in row]
        doc = f"Return the partials of {self._outputs}, row by row."
        return self._tail(view, "jacobian", results, doc)

    def hessian(self) -> Entry:
        """Return the program of the lower triangle of the Hessian, row by row.

        Forward over reverse: one tangent sweep over the gradient a row.
        """
        if self._has_arrays:
            return self._hessian_of_arrays()
        view = self.graph.view(self.graph.outputs)
        grads = self._gradient(view)
        results: list[Node] = []
        names = self._inputs()
        for i, node in enumerate(self.wrt):
            row = self._column(view, node, grads[: i + 1])
            self._assign(view, [f"d2_d{names[i]}_d{n}" for n in names[: i + 1]], row)
            results += row
        doc = f"Return the lower triangle of the Hessian of {self._outputs}."
        return self._tail(view, "hessian", results, doc)

    @property
    def _has_arrays(self) -> bool:
        """Whether some parameter or output is an array."""
        return any(n.type.shape for n in (*self.wrt, *self.values))

    def _jacobian_of_arrays(self) -> Entry:
        """Return the program of all partials: a loop over rows or over columns."""
        view = self.graph.view(self.graph.outputs)
        rows = [
            [self._block(view, f"d{o}_d{n}", value, p) for n, p in self._params()]
            for o, value in self.graph.outputs.items()
        ]
        columns = [list(column) for column in zip(*rows, strict=True)]
        ways = shorter(self.values, self.wrt)
        sides: list[Side] = []
        needs: list[Entry] = []
        if "rows" in ways:
            symbols = self.adjoints.seeds
            needs += self._steps(self._passes, self.vjp)
            sides.append(Side(*_programs(needs), symbols, rows))
        if "columns" in ways:
            dots = self._dots(view)
            steps = self._steps(self._linear_passes, self.jvp)
            sides.append(Side(*_programs(steps), dots, columns, last=True))
            needs += steps
        blocks = tuple(block for row in rows for block in row)
        doc = f"Return the partials of {self._outputs}, row by row."
        program = sweep(view, "jacobian", sides, blocks, doc, (self.values, self.wrt))
        return Entry(view, self.graph.inputs.values(), blocks, lambda: program, needs)

    def _hessian_of_arrays(self) -> Entry:
        """Return the program of the Hessian's lower triangle: a loop over its rows."""
        view = self.graph.view(self.graph.outputs)
        rows = [
            [
                self._block(view, f"d2_d{a}_d{b}", p, q) if j <= i else None
                for j, (b, q) in enumerate(self._params())
            ]
            for i, (a, p) in enumerate(self._params())
        ]
        needs = self._steps(self._curved_passes, self.hvp)
        side = Side(*_programs(needs), self._dots(view), rows)
        blocks = tuple(block for row in rows for block in row if block is not None)
        doc = f"Return the lower triangle of the Hessian of {self._outputs}."
        program = sweep(view, "hessian", [side], blocks, doc)
        return Entry(view, self.graph.inputs.values(), blocks, lambda: program, needs)

    def _params(self) -> list[tuple[str, Node]]:
        return list(zip(self._inputs(), self.wrt, strict=True))

    @staticmethod
    def _block(view: Graph, name: str, above: Node, beside: Node) -> Node:
        """Return what stands for a block of a matrix, under its name."""
        shape = above.type.shape + beside.type.shape
        block = view.remake_input(unused(view, name), beside.type.of(shape))
        view.names[block] = block.attrs[0]
        return block

    @staticmethod
    def _steps(pair: tuple[Entry, Entry], whole: Callable[[], Entry]) -> list[Entry]:
        """Return two passes, or where what is saved is no tuple the one of both."""
        saved = pair[1].program.params[0][1]
        return [whole()] if is_packed(saved) else list(pair)

    def structure(self, what: str) -> tuple[Graph, list[Node]]:
        """Return what a Jacobian or Hessian is the Jacobian of."""
        view = self.graph.view(self.graph.outputs)
        return view, [*self.values] if what == "jacobian" else self._gradient(view)

    # -- sweeps ----------------------------------------------------------------------

    @cached_property
    def _linear_passes(self) -> tuple[Entry, Entry]:
        """What tangents need of a point, and the tangents from it."""
        view, dots, results = self._straight()
        better = lower(view, [*self.values, *results])
        docs = {
            "linearize": "Return what tangent needs of a point.",
            "tangent": f"Return the tangents of {self._outputs}.",
        }
        values = [better[n] for n in self.values]
        second = one_or_all([better[n] for n in results])
        return self._apart(view, docs, values, None, second, dots)

    @cached_property
    def _curved_passes(self) -> tuple[Entry, Entry]:
        """What the gradient's tangents need of a point, and these from it."""
        view, grads, dots, results = self._curved()
        better = lower(view, [*self.values, *grads, *results])
        docs = {
            "linearize": "Return what tangent needs of a point.",
            "tangent": f"Return the tangents of the gradient of {self._outputs}.",
        }
        known = [better[n] for n in (*self.values, *grads)]
        second = tuple(better[n] for n in results)
        return self._apart(view, docs, known, None, second, dots)

    def _straight(self) -> tuple[Graph, list[Node], list[Node]]:
        """Return the outputs' tangents: a view, those of parameters, theirs."""
        view = self.graph.view(self.graph.outputs)
        dots = self._dots(view)
        results = self._tangents(view, dots, self.values)
        self._assign(view, [f"{name}_dot" for name in self.graph.outputs], results)
        return view, dots, results

    def _curved(self) -> tuple[Graph, list[Node], list[Node], list[Node]]:
        """Return the gradient's tangents: a view, the gradient, as `_straight`."""
        view = self.graph.view(self.graph.outputs)
        grads = self._gradient(view)
        dots = self._dots(view)
        results = self._tangents(view, dots, grads)
        self._assign(view, [f"{n}_bar_dot" for n in self._inputs()], results)
        return view, grads, dots, results

    def _tangents(
        self, view: Graph, dots: Sequence[Node], roots: Sequence[Node]
    ) -> list[Node]:
        found = forward(view, dict(zip(self.wrt, dots, strict=True)), roots)
        return [found.get(r, self._zero(r)) for r in roots]

    def _gradient(self, view: Graph) -> list[Node]:
        found = reverse(view, {self.values[0]: self._one(self.values[0])}, self.wrt)
        return [found.get(n, self._zero(n)) for n in self.wrt]

    def _column(self, view: Graph, node: Node, roots: Sequence[Node]) -> list[Node]:
        """Return the partials of the roots in one input."""
        found = forward(view, {node: self._one(node)}, roots)
        return [found.get(r, self._zero(r)) for r in roots]

    def _dots(self, view: Graph) -> list[Node]:
        return [symbol(view, f"{view.names[n]}_dot", n) for n in self.wrt]

    def _tail(self, view: Graph, name: str, results: Sequence[Node], doc: str) -> Entry:
        better = lower(view, results)
        return self._entry(view, name, tuple(better[n] for n in results), doc)

    def _with_dots(
        self, view: Graph, name: str, result: Result, doc: str, dots: Sequence[Node]
    ) -> Entry:
        return self._entry(
            view, name, result, doc, more=[(n.attrs[0], n) for n in dots]
        )


def _programs(steps: Sequence[Entry]) -> tuple[Program | None, Program]:
    """Return the program to call once, if there is one, and that for each turn."""
    *first, last = [entry.program for entry in steps]
    return (first[0] if first else None), last
