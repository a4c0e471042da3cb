"""Make the Programs of a formula and its gradient.

Comes in: a graph and the inputs to differentiate with respect to. Goes out: Programs
(`value`, `forward`, `backward`, `value_and_grad`, ...), each with the view of the graph
that its names come from. Everything is made when first asked for.
"""

from __future__ import annotations

from functools import cached_property, partial
from typing import TYPE_CHECKING, TypeAlias

from overbar.codegen.lower import lower, substitute
from overbar.codegen.schedule import schedule
from overbar.codegen.units import cheap
from overbar.derive.naming import Adjoints, adjoints, unused
from overbar.derive.sparse import gathered_rows
from overbar.entry import Entry
from overbar.ir.forking import Guard
from overbar.ir.ops import OPS
from overbar.ir.program import LARGEST_TUPLE, leaves
from overbar.ir.types import dim, dims

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from overbar.ir.graph import Graph, Node
    from overbar.ir.program import Program, Result


Param: TypeAlias = "tuple[str, Node | tuple[Node, ...]]"
_LEAVES = (OPS["iota"], OPS["extent"], OPS["array"])
"""What both passes know without being told."""


class Passes:
    """Derive what a formula and its gradient compute.

    graph: the formula; wrt: the input nodes to differentiate with respect to.
    lock: to be held while nodes are made.
    """

    def __init__(self, graph: Graph, wrt: Sequence[Node]) -> None:
        self.graph = graph
        self.wrt = tuple(wrt)
        self.values = tuple(graph.outputs.values())
        self.lock = Guard()
        graph.formula_size = len(graph)
        self._adjoints: Adjoints | None = None

    @property
    def adjoints(self) -> Adjoints:
        """The backward sweep with the lectures' names, seeds symbolic."""
        with self.lock:
            if self._adjoints is None:
                self._adjoints = adjoints(self.graph, self.wrt)
            return self._adjoints

    def with_gradient(self) -> Graph:
        """Return a graph of the outputs and of the adjoints, to print or to run.

        The seed of a single number is 1; those of several outputs, and that of an
        array, stay symbols.
        """
        sweep = self.adjoints
        view = sweep.graph.view(sweep.graph.outputs)
        one = {}
        if len(self.values) == 1 and not self.values[0].type.shape:
            one = {sweep.seeds[0]: self._one(self.values[0])}
        better = substitute(view, one, sweep.results)
        adjoint = {name: better[n] for name, n in sweep.graph.outputs.items()}
        view.outputs = {**self.graph.outputs, **adjoint}
        return view

    @cached_property
    def _lowered(self) -> tuple[Graph, dict[Node, Node]]:
        """The view of both sweeps, and what each of its nodes was lowered to."""
        sweep = self.adjoints
        view = sweep.graph.view({**self.graph.outputs, **sweep.graph.outputs})
        return view, lower(view, [*self.values, *sweep.results])

    def value(self) -> Entry:
        """Return the program of the outputs alone."""
        view = self.graph.view(self.graph.outputs)
        better = lower(view, self.values)
        result = one_or_all([better[n] for n in self.values])
        return self._entry(view, "value", result, f"Return {self._outputs}.")

    def forward(self) -> Entry:
        """Return the program of the outputs and of what `backward` needs."""
        return self._passes[0]

    def backward(self) -> Entry:
        """Return the program of the adjoints from what `forward` saved."""
        return self._passes[1]

    @cached_property
    def _passes(self) -> tuple[Entry, Entry]:
        view, better = self._lowered
        sweep = self.adjoints
        values = [better[n] for n in self.values]
        ahead = f"Return {self._outputs}, and what backward needs."
        after = f"Return the adjoints of {self._names(self.wrt)}."
        return self._apart(
            view, {"forward": ahead, "backward": after}, values,
            one_or_all(values), self._grads(better), sweep.seeds,
        )  # fmt: skip

    def _apart(
        self,
        view: Graph,
        docs: Mapping[str, str],
        known: Sequence[Node],
        first: Result | None,
        second: Result,
        symbols: Sequence[Node],
    ) -> tuple[Entry, Entry]:
        """Return two programs: one of inputs, and one of symbols and what that saved.

        docs: both names, with what they do; known: what the first computes anyway;
        first: what it returns besides what it saves; second: what the other returns.
        """
        (ahead, about), (after, what) = docs.items()
        saved = self._saved(view, known, leaves(second), symbols)
        kept = tuple(saved)
        result = kept if first is None else (first, kept)
        before = self._entry(view, ahead, result, about, saved=saved)
        back = view.view(view.outputs)
        seeds: list[Param] = [(str(n.attrs[0]), n) for n in symbols]
        defaults = {"seed": 1.0} if seeds and seeds[0][0] == "seed" else {}

        def make() -> Program:
            own = before.program.names  # a size has the dimension's name
            back.names |= {n: own.get(n) or str(n.attrs[0]) for n in saved}
            whole: Param = (unused(back, "saved"), kept)
            params = [whole, *seeds]
            return schedule(back, after, params, second, doc=what, defaults=defaults)

        given = (*kept, *symbols)
        return before, Entry(back, given, second, make, saved=len(kept))

    def _saved(
        self,
        view: Graph,
        known: Sequence[Node],
        results: Sequence[Node],
        symbols: Sequence[Node],
    ) -> list[Node]:
        """Return what results read of what is known before the symbols, in order.

        Extents and ranges need no saving; an element that costs no more to compute than
        to read is computed again.
        """
        ahead, given = set(view.order(known)), set(symbols)
        again = cheap(view.order(known), view.inputs.values())
        stack, seen, found = list(results), set(results), []
        while stack:
            node = stack.pop()
            if node.is_const or node in given:
                continue
            if node.op in _LEAVES:
                continue
            if not node.args or (node in ahead and node not in again):
                found.append(node)
                continue
            for a in node.args:
                if a not in seen:
                    seen.add(a)
                    stack.append(a)
        found += self._sizes(view, results, found)
        return sorted(found, key=lambda n: n.index)

    def _sizes(
        self, view: Graph, results: Sequence[Node], found: Sequence[Node]
    ) -> list[Node]:
        """Return the sizes that the second pass cannot read off any array."""
        needed: dict[str, None] = {}
        for node in view.order(results, found):
            for extent in dims((node.type.shape, node.attrs)):
                needed |= dict.fromkeys(sorted(extent.names))
        given = {extent.line for node in found for extent in dims(node.type.shape)}
        return [view.extent(dim(name)) for name in needed if name not in given]

    def value_and_grad(self) -> Entry:
        """Return the fused program of the output and its gradient."""
        doc = f"Return {self._outputs} and its gradient in {self._names(self.wrt)}."
        return self._fused("value_and_grad", doc, valued=True)

    def grad(self) -> Entry:
        """Return the program of the gradient alone."""
        doc = f"Return the gradient of {self._outputs} in {self._names(self.wrt)}."
        return self._fused("grad", doc, valued=False)

    def value_and_rows(self) -> Entry:
        """Return the program of the output and its gradient, sparse where gathered.

        The adjoint of a parameter that is only read row by row is a pair: the rows that
        were read, and their adjoints (see `gathered_rows`).
        """
        names = self._names(self.wrt)
        doc = f"Return {self._outputs} and its gradient in {names}, by rows."
        return self._fused("value_and_rows", doc, valued=True, sparse=True)

    def _fused(
        self, name: str, doc: str, *, valued: bool, sparse: bool = False
    ) -> Entry:
        view = self.with_gradient()
        roots = list(view.outputs.values())
        adjoints: list[tuple[Node, ...]] = [(n,) for n in roots[len(self.values) :]]
        if sparse:
            adjoints = [gathered_rows(n) or (n,) for (n,) in adjoints]
        better = lower(view, [roots[0], *(n for pair in adjoints for n in pair)])
        grads = tuple(
            better[pair[0]] if len(pair) == 1 else tuple(better[n] for n in pair)
            for pair in adjoints
        )
        result = (better[roots[0]], grads) if valued else grads
        return self._entry(view, name, result, doc)

    def vjp(self) -> Entry:
        """Return the program of adjoints for given adjoints of the outputs."""
        view, better = self._lowered
        seeds = [(n.attrs[0], n) for n in self.adjoints.seeds]
        doc = f"Return the adjoints of {self._names(self.wrt)} for seeds."
        return self._entry(view, "vjp", self._grads(better), doc, more=seeds)

    def _one(self, like: Node) -> Node:
        return self.graph.const(1.0, like.type)

    def _zero(self, like: Node) -> Node:
        return self.graph.const(0.0, like.type)

    @staticmethod
    def _assign(view: Graph, names: Sequence[str], nodes: Sequence[Node]) -> None:
        for name, node in zip(names, nodes, strict=True):
            if node.args and node not in view.names:
                view.assign(unused(view, name), node)

    def _grads(self, better: Mapping[Node, Node]) -> tuple[Node, ...]:
        return tuple(better[n] for n in self.adjoints.results)

    def _entry(
        self,
        view: Graph,
        name: str,
        result: Result,
        doc: str,
        more: Sequence[tuple[str, Node]] = (),
        saved: Sequence[Node] = (),
    ) -> Entry:
        params = [*self.graph.inputs.items(), *more]
        shaped = any(n.type.shape for _, n in params)
        packed = len(params) > LARGEST_TUPLE and not shaped
        defaults = {} if more or packed else self.graph.defaults
        make = partial(
            schedule, view, name, params, result, doc=doc, saved=saved,
            packed=packed, defaults=defaults,
        )  # fmt: skip
        return Entry(view, [n for _, n in params], result, make)

    @property
    def _outputs(self) -> str:
        return _listed(list(self.graph.outputs))

    def _inputs(self) -> list[str]:
        return [self.graph.names[n] for n in self.wrt]

    def _names(self, nodes: Sequence[Node]) -> str:
        return _listed([self.graph.names[n] for n in nodes])


def one_or_all(nodes: Sequence[Node]) -> Result:
    """Return the one node, or the tuple of several."""
    return nodes[0] if len(nodes) == 1 else tuple(nodes)


def _listed(names: Sequence[str]) -> str:
    """Return names for a line of text, many or long ones cut short."""
    if len(names) > 6:
        names = [*names[:2], "...", names[-1]]
    text = ", ".join(names)
    return (
        text if len(text) <= 40 or len(names) < 3 else f"{names[0]}, ..., {names[-1]}"
    )
