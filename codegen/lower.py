"""Replace nodes by others, such as ops by the simpler ones that their rows name."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from overbar.ir.graph import Graph, Node


class Replaced(dict["Node", "Node"]):
    """Map nodes to what replaces them, all others to themselves."""

    def __missing__(self, node: Node) -> Node:
        """Return a node that nothing replaces."""
        return node


def lower(graph: Graph, roots: Iterable[Node]) -> Replaced:
    """Return, for every node that the roots need, the node to compute instead.

    Names, statements and places move along to the new nodes (in `graph`, which has to
    be a view of its own: see `Graph.view`).
    """

    def simpler(node: Node) -> Node | None:
        return node.op.lower(node, *node.args) if node.op.lower else None  # type: ignore[return-value]

    better = _replaced(graph, roots, simpler)
    if better:
        rename(graph, better)
    return better


def substitute(
    graph: Graph, changes: Mapping[Node, Node], roots: Iterable[Node]
) -> Replaced:
    """Return, for every node that the roots need, the node with changes made below it.

    Names, statements and places move along, as in `lower`.
    """
    better = _replaced(graph, roots, changes.get)
    rename(graph, better)
    return better


def _replaced(
    graph: Graph, roots: Iterable[Node], replace: Callable[[Node], Node | None]
) -> Replaced:
    better = Replaced()
    for node in graph.order(roots):
        new = node
        if any(a in better for a in node.args):
            graph.span = graph.spans.get(node)
            new = graph.remake(node, [better[a] for a in node.args])
        other = replace(new)
        if other is not None:
            graph.span = graph.spans.get(node)
            new = other
        if new is not node:
            better[node] = new
    graph.span = None
    return better


def rename(graph: Graph, better: Replaced) -> None:
    """Move names to the nodes that replace theirs; what becomes a constant has none."""
    graph.names = {
        better[n]: name for n, name in graph.names.items() if not better[n].is_const
    }
    graph.outputs = {name: better[n] for name, n in graph.outputs.items()}
    graph.statements = [(name, better[n]) for name, n in graph.statements]
    graph.adjoint_of = {better[n]: better[p] for n, p in graph.adjoint_of.items()}
