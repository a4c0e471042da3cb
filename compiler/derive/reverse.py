"""Differentiate backwards: adjoints of everything from one sweep, in the same graph."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from overbar.derive.activity import activities, by_element, guard, where_used
from overbar.derive.product import contribution, doubled
from overbar.ir.ops import OPS
from overbar.ir.region import Region, Regions

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from overbar.ir.graph import Graph, Node

_ADD = OPS["add"]


def dependents(order: Iterable[Node], wrt: Collection[Node]) -> set[Node]:
    """Return the nodes of a topological order whose derivative may differ from zero."""
    found = set(wrt)
    for node in order:
        if not found.isdisjoint(node.args) and not node.op.is_flat:
            found.add(node)
    return found


def reverse(
    graph: Graph,
    seeds: Mapping[Node, Node],
    wrt: Sequence[Node],
    name: Callable[[Node, Node], Node] | None = None,
) -> dict[Node, Node]:
    """Return adjoints of all nodes between the seeded ones and `wrt`, in sweep order.

    seeds: the adjoints of the outputs; name: is handed each node and its adjoint, and
    returns the adjoint to use (one with a name).

    The adjoint of a node is the sum over its users of their adjoint times the partial
    (Grosse, Lecture 6, section 2); nodes that nothing reaches are left out. Linear in
    the size of the graph.
    """
    order = graph.order(seeds)
    live = dependents(order, wrt)
    regions = Regions()
    active = activities([n for n in order if n in live], [*seeds, *wrt], regions)
    pending: dict[Node, list[Node]] = defaultdict(list)
    adjoints: dict[Node, Node] = {}
    targets = dict.fromkeys(wrt)
    for node in reversed(order):
        if node not in live or node in targets:
            continue
        seed, parts = seeds.get(node), pending.pop(node, ())
        g = parts[0] if seed is None and len(parts) == 1 else _sum(seed, parts)
        if g is not None:
            adjoints[node] = g = g if name is None else name(node, g)
            _send(node, g, live, pending, active, regions)
    for node in wrt:
        g = _sum(seeds.get(node), pending.pop(node, ()))
        if g is not None:
            adjoints[node] = g if name is None else name(node, g)
    return adjoints


def _sum(seed: Node | None, contributions: Sequence[Node]) -> Node | None:
    """Add contributions in the order in which their nodes were computed forward."""
    total = seed
    for part in reversed(contributions):
        if part is total:
            total = doubled(part)
        else:
            total = part if total is None else add_guarded(total, part)
    return total


_DEEPEST_MERGE = 16


def add_guarded(x: Node, y: Node, depth: int = 0) -> Node:
    """Return x + y, branch by branch where both choose on the same condition."""
    alike = x.op.chooses and y.op.chooses and x.args[0] is y.args[0]
    if not alike or depth > _DEEPEST_MERGE:
        return x.graph.make(_ADD, (x, y))
    sides = [
        b if a.equals(0) else a if b.equals(0) else add_guarded(a, b, depth + 1)
        for a, b in zip(x.args[1:], y.args[1:], strict=True)
    ]
    return x.graph.make(x.op, [x.args[0], *sides])


def _send(
    node: Node,
    g: Node,
    live: Collection[Node],
    pending: dict[Node, list[Node]],
    active: Mapping[Node, Region],
    regions: Regions,
) -> None:
    """Send a node's adjoint on to its operands."""
    graph, op, args = node.graph, node.op, node.args
    graph.span = graph.spans.get(node)
    inner = active[node]
    if op.shaping is not None and by_element(inner):
        # elements are about to be mixed: what does not matter must be 0 before
        g, inner = guard(g, inner, regions.root, regions), regions.root
    for i in range(len(args) - 1, -1, -1):
        arg = args[i]
        if arg not in live:
            continue
        outer = active[arg]
        if op.transposes is not None:
            chosen = where_used(node, i, inner, regions)
            if chosen is not inner:  # a branch passes its adjoint where it is taken
                part: Node | None = guard(g, chosen, outer, regions)
            else:
                moved = op.transpose(i, g, node)
                part = None if moved is None else guard(moved, inner, outer, regions)
        else:
            part = contribution(g, i, node)
            if part is not None and inner is not outer:
                part = guard(part, inner, outer, regions)
        if part is not None:
            pending[arg].append(part)
    graph.span = None
