"""Differentiate forwards: tangents of everything from one sweep, in the same graph."""

from __future__ import annotations

from typing import TYPE_CHECKING

from overbar.derive.product import contribution

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from overbar.ir.graph import Graph, Node


def forward(
    graph: Graph, tangents: Mapping[Node, Node], roots: Iterable[Node]
) -> dict[Node, Node]:
    """Return the tangents of all nodes that the given ones reach, up to the roots.

    tangents: those of some nodes, usually of inputs; all else starts at zero. Nodes
    whose tangent is zero are left out. Linear in the size of the graph.
    """
    found = dict(tangents)
    for node in graph.order(roots):
        if node in found or node.op.is_flat or not any(a in found for a in node.args):
            continue
        graph.span = graph.spans.get(node)
        tangent = _linear(node, found) if node.op.transposes else _sum(node, found)
        if tangent is not None:
            found[node] = tangent
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


def _linear(node: Node, tangents: Mapping[Node, Node]) -> Node | None:
    """Apply a linear op to its operands' tangents."""
    if not node.type.is_float:
        return None
    rules = node.op.transposes or ()
    zero = node.graph.const(0.0, node.type)
    args = [
        arg if rule is None else tangents.get(arg, zero)
        for arg, rule in zip(node.args, rules, strict=True)
    ]
    if node.op.typing is None:
        return node.graph.convert(args[0], node.type)
    return node.graph.make(node.op, args, node.attrs)
