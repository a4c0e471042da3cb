"""Differentiate forwards: tangents of everything from one sweep, in the same graph."""

from __future__ import annotations

from typing import TYPE_CHECKING

from overbar.derive.product import contribution

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from overbar.ir.graph import Graph, Node


def forward(
    graph: Graph,
    tangents: Mapping[Node, Node],
    roots: Iterable[Node],
    name: Callable[[Node, Node], Node] | None = None,
) -> dict[Node, Node]:
    """Return the tangents of all nodes that the given ones reach, up to the roots.

    tangents: those of some nodes, usually of inputs; all else starts at zero. Nodes
    whose tangent is zero are left out. name: as for `reverse`. Linear in the size of
    the graph.
    """
    found = dict(tangents)
    for node in graph.order(roots):
        if node in found or node.op.is_flat or not any(a in found for a in node.args):
            continue
        graph.span = graph.spans.get(node)
        tangent = _rule(node)(node, found)
        if tangent is not None:
            found[node] = tangent if name is None else name(node, tangent)
    graph.span = None
    return found


def _sum(node: Node, tangents: Mapping[Node, Node]) -> Node | None:
    total: Node | None = None
    for i, arg in enumerate(node.args):
        if arg not in tangents:
            continue
        part = contribution(tangents[arg], i, node)
        if part is not None:
            total = part if total is None else total + part
    return total


def _rule(node: Node) -> Callable[[Node, Mapping[Node, Node]], Node | None]:
    """Return how an op's tangent comes from those of its operands."""
    op = node.op
    if op.transposes is None:
        return _sum
    if not node.type.is_float:
        return _none
    if op.tangent is not None:
        return _own
    return _each if op.linear == "each" else _jointly


def _none(_node: Node, _tangents: Mapping[Node, Node]) -> None:
    return None


def _own(node: Node, tangents: Mapping[Node, Node]) -> Node | None:
    """Ask the op's own rule."""
    given = [tangents.get(a) for a in node.args]
    return node.op.tangent(given, node, *node.args)  # type: ignore[misc]


def _each(node: Node, tangents: Mapping[Node, Node]) -> Node | None:
    """Apply a product's rule: the op on one tangent at a time, summed."""
    total: Node | None = None
    for i, arg in enumerate(node.args):
        if arg in tangents:
            args = [*node.args[:i], tangents[arg], *node.args[i + 1 :]]
            part = node.graph.make(node.op, args, node.attrs)
            total = part if total is None else total + part
    return total


def _jointly(node: Node, tangents: Mapping[Node, Node]) -> Node | None:
    """Apply a linear op to its operands' tangents."""
    rules = node.op.transposes
    graph = node.graph
    args = [
        arg
        if not arg.type.is_float or (isinstance(rules, tuple) and rules[i] is None)
        else tangents.get(arg) or graph.const(0.0, arg.type)
        for i, arg in enumerate(node.args)
    ]
    if node.op.typing is None and node.op.shaping is None:
        return graph.convert(args[0], node.type)
    return graph.make(node.op, args, node.attrs)
