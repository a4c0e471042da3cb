"""Replace ops by the simpler ones that their rows name, before code is made."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from overbar.ir.graph import Graph, Node


def lower(graph: Graph, roots: Iterable[Node]) -> dict[Node, Node]:
    """Return, for every node that the roots need, the node to compute instead.

    Names, statements and places move along to the new nodes (in `graph`, which has to
    be a view of its own: see `Graph.view`).
    """
    better: dict[Node, Node] = {}
    for node in graph.order(roots):
        args = [better[a] for a in node.args]
        same = all(a is b for a, b in zip(args, node.args, strict=True))
        graph.span = graph.spans.get(node)
        new = node if same else graph.remake(node, args)
        simpler = new.op.lower(new, *new.args) if new.op.lower else None
        better[node] = new if simpler is None else simpler
    graph.span = None
    graph.names = {better.get(n, n): name for n, name in graph.names.items()}
    graph.statements = [(name, better.get(n, n)) for name, n in graph.statements]
    graph.adjoint_of = {
        better.get(n, n): better.get(p, p) for n, p in graph.adjoint_of.items()
    }
    return better


def substitute(
    graph: Graph, changes: Mapping[Node, Node], roots: Iterable[Node]
) -> dict[Node, Node]:
    """Return, for every node that the roots need, the node with changes made below it."""
    better: dict[Node, Node] = {}
    for node in graph.order(roots):
        args = [better[a] for a in node.args]
        same = all(a is b for a, b in zip(args, node.args, strict=True))
        graph.span = graph.spans.get(node)
        kept = node if same else graph.remake(node, args)
        better[node] = changes.get(node, kept)
    graph.span = None
    return better
