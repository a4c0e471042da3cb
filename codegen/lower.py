"""Replace nodes by others, such as ops by the simpler ones that their rows name."""

from __future__ import annotations

from collections import Counter
from types import MappingProxyType
from typing import TYPE_CHECKING

from overbar.ir.collector import paused
from overbar.ir.region import Region, Regions, use_region

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from overbar.ir.graph import Graph, Node


class Replaced(dict["Node", "Node"]):
    """Map nodes to what replaces them, all others to themselves."""

    def __missing__(self, node: Node) -> Node:
        """Return a node that nothing replaces."""
        return node


@paused
def lower(graph: Graph, roots: Iterable[Node]) -> Replaced:
    """Return, for every node that the roots need, the node to compute instead.

    Names, statements and places move along to the new nodes (in `graph`, which has to
    be a view of its own: see `Graph.view`).
    """
    ends, better = list(roots), Replaced()
    lowered = {op for op in graph.ops if op.lower}
    if lowered:
        order = graph.order(ends)
        start = next((i for i, n in enumerate(order) if n.op in lowered), len(order))
        better = _replaced(graph, order[start:], _simpler)
    if better:
        rename(graph, better)
        ends = [better[r] for r in ends]
    if not any(op.chooses for op in graph.ops):
        return better
    order = graph.order(ends)
    found = _decided(order, ends)
    if found:
        direct = _replaced(graph, order, _simpler, found)  # as remade may be whole
        rename(graph, direct)
        better = Replaced({**direct, **{n: direct[m] for n, m in better.items()}})
    return better


def _simpler(node: Node) -> Node | None:
    return node.op.lower(node, *node.args) if node.op.lower else None  # type: ignore[return-value]


def _decided(order: Sequence[Node], roots: Sequence[Node]) -> dict[Node, Node]:
    """Return the choices that matter only where their condition is known.

    Each with the operand that it is there, as in `where(c, sqrt(where(c, x, 1)), 0)`.
    """
    asked = Counter(n.args[0] for n in order if n.op.chooses)
    if not any(count > 1 for count in asked.values()):
        return {}
    regions = Regions()
    uses: dict[Node, list[Region]] = {r: [regions.root] for r in roots}
    found: dict[Node, Node] = {}
    for node in sorted(order, key=lambda n: -n.index):
        if node not in uses:  # of an operand that is never chosen
            continue
        region = regions.meet(uses.pop(node))
        for i, arg in enumerate(node.args):
            inner = use_region(node, i, region, regions)
            if inner is region and node.op.chooses and i:
                found[node] = arg
        for i, arg in enumerate(node.args):
            if found.get(node, arg) is arg:
                inner = use_region(node, i, region, regions)
                uses.setdefault(arg, []).append(inner)
    return found


@paused
def substitute(
    graph: Graph, changes: Mapping[Node, Node], roots: Iterable[Node]
) -> Replaced:
    """Return, for every node that the roots need, the node with changes made below it.

    Names, statements and places move along, as in `lower`.
    """
    first = min((n.index for n in changes), default=len(graph))
    order = graph.order(roots, since=first)  # what was made before stays as it is
    better = _replaced(graph, order, changes.get)
    rename(graph, better)
    return better


def _replaced(
    graph: Graph,
    order: Sequence[Node],
    replace: Callable[[Node], Node | None],
    chosen: Mapping[Node, Node] = MappingProxyType({}),
) -> Replaced:
    better = Replaced()
    get = better.get
    for node in order:
        if chosen and node in chosen:
            better[node] = better[chosen[node]]
            continue
        new = node
        args = tuple(map(get, node.args, node.args))
        if args != node.args:
            graph.span = graph.spans.get(node)
            new = graph.remake(node, args)
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
    get = better.get
    names: dict[Node, str] = {}
    for n, name in graph.names.items():
        new = get(n, n)
        if not new.is_const and (new is n or new not in graph.names):
            names[new] = name
    graph.names = names
    graph.outputs = {name: get(n, n) for name, n in graph.outputs.items()}
    graph.statements = [(name, get(n, n)) for name, n in graph.statements]
    graph.adjoint_of = {get(n, n): get(p, p) for n, p in graph.adjoint_of.items()}
