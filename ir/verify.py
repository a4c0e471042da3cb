"""Check a graph's invariants: interning, order, types; used between passes in tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from overbar.ir.errors import OverbarError
from overbar.ir.ops import OPS
from overbar.ir.table import reached

if TYPE_CHECKING:
    from overbar.ir.graph import Graph, Node


def verify(graph: Graph) -> None:
    """Raise OverbarError unless the graph is well formed.

    Every operand was made before its user and belongs to the same graph; the op is the
    table's row and has its arity; the type is what the row's rule gives, with operands
    already cast; equal nodes are one.
    """
    seen: set[object] = set()
    found = reached(graph.outputs.values())  # `order` would trust the graph
    for node in sorted(found, key=lambda n: n.index):
        problem = _problem(graph, node)
        key = (node.op, *(a.index for a in node.args), repr(node.attrs), node.type)
        if problem is None and key in seen:
            problem = "equals another node"
        if problem is not None:
            message = f"expected a well-formed graph; {node!r} {problem}"
            raise OverbarError(message, graph.spans.get(node))
        seen.add(key)


def _problem(  # noqa: PLR0911 - one return a fault
    graph: Graph, node: Node
) -> str | None:
    if OPS.get(node.op.name) is not node.op:
        return "has an op that is not the table's"
    if any(a.index >= node.index for a in node.args):
        return "stands before an operand"
    if any(not graph.shares(a) for a in node.args):
        return "has an operand of another graph"
    if node.op.arity is not None and node.op.arity != len(node.args):
        return f"has {len(node.args)} operands, expected {node.op.arity}"
    if node.op.typing is not None or node.op.shaping is not None:
        args, kind = (
            node.op.shaping(graph, node.op.name, node.args, node.attrs)
            if node.op.shaping is not None
            else node.op.typing(graph, node.op.name, node.args)  # type: ignore[misc]
        )
        if kind != node.type:
            return f"has type {node.type}, expected {kind}"
        if any(a is not b for a, b in zip(args, node.args, strict=True)):
            return "has an operand that is not cast"
    return None
