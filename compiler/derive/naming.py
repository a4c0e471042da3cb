"""Name derivatives in the overbar notation: the adjoint of `w` is `w_bar`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from overbar.derive.forward import forward
from overbar.derive.reverse import reverse
from overbar.ir.collector import paused

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from overbar.ir.graph import Graph, Node


@dataclass(frozen=True, slots=True)
class Adjoints:
    """Hold one backward sweep, its statements named.

    graph: the view whose outputs are the adjoints of `wrt` and whose statements are
        the user's, then the sweep's.
    seeds: the inputs that stand for the outputs' adjoints.
    results: the adjoints of `wrt`.
    """

    graph: Graph
    seeds: tuple[Node, ...]
    results: tuple[Node, ...]


def taken_names(graph: Graph) -> set[str]:
    """Return the names that the formula uses itself."""
    return {n for n, _ in graph.statements} | set(graph.inputs) | set(graph.outputs)


def unused(graph: Graph, name: str, taken: Collection[str] | None = None) -> str:
    """Return the name, with underscores behind it where the formula uses it itself.

    taken: what `taken_names` returned, for those who ask often.
    """
    taken = taken_names(graph) if taken is None else taken
    while name in taken:
        name += "_"
    return name


def symbol(graph: Graph, name: str, like: Node) -> Node:
    """Return an input that is none of the formula's: a seed or a tangent."""
    found = graph.remake_input(unused(graph, name), like.type)
    graph.names[found] = found.attrs[0]
    return found


@paused
def adjoints(graph: Graph, wrt: Sequence[Node]) -> Adjoints:
    """Sweep backwards from all outputs, giving each named value's adjoint its name."""
    view = graph.view(graph.outputs)
    view.adjoint_of = dict(graph.adjoint_of)
    outputs = {n: name for name, n in reversed(graph.outputs.items())}
    names = {**outputs, **graph.names}
    taken = taken_names(graph)
    single = len(graph.outputs) == 1
    seeds: list[Node] = []
    seeded: dict[Node, Node] = {}
    for name, node in graph.outputs.items():
        seed = symbol(view, "seed" if single else f"{name}_seed", node)
        seeds.append(seed)
        before = seeded.get(node)
        seeded[node] = seed if before is None else before + seed

    def name_adjoint(node: Node, g: Node) -> Node:
        if node not in names:
            view.adjoint_of.setdefault(g, node)
            return g
        name = unused(graph, f"{names[node]}_bar", taken)
        return _assigned(view, name, g, graph)

    found = reverse(graph, seeded, wrt, name_adjoint)
    results = tuple(found.get(n, graph.const(0.0, n.type)) for n in wrt)
    view.outputs = {
        unused(graph, f"{graph.names[n]}_bar", taken): r
        for n, r in zip(wrt, results, strict=True)
    }
    return Adjoints(view, tuple(seeds), results)


def tangents(
    view: Graph, given: Mapping[Node, Node], roots: Iterable[Node]
) -> dict[Node, Node]:
    """Sweep forwards, giving each named value's tangent its name (see `forward`)."""
    names = dict(view.names)
    taken = taken_names(view)
    start = len(view)

    def name_tangent(node: Node, tangent: Node) -> Node:
        if node not in names:
            return tangent
        name = unused(view, f"{names[node]}_dot", taken)
        return _assigned(view, name, tangent, view, start)

    return forward(view, given, roots, name_tangent)


def _assigned(
    view: Graph, name: str, node: Node, graph: Graph, start: int | None = None
) -> Node:
    """Return a derivative under its name: a copy where it has one, or is no new node.

    graph: that of the sweep, which knows the line; start: its size from which on nodes
    are new, by default the formula's.
    """
    start = graph.formula_size if start is None else start
    own = node.args and node.index >= start and node not in view.names
    named = node if own else graph.make("copy", (node,), (name,))
    view.assign(name, named)
    graph.whole.add(named)
    return named
