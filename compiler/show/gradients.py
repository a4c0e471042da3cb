"""Compute the numbers that a picture shows: values, gradients, and what edges carry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from overbar.derive.product import contribution
from overbar.derive.reverse import reverse
from overbar.ir.errors import InputError
from overbar.ir.evaluate import evaluate
from overbar.ir.graph import Graph

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from overbar.ir.graph import Node

Numbers: TypeAlias = "dict[Node, Any]"
Edges: TypeAlias = "dict[tuple[Node, int], Any]"


def gradients_at(
    graph: Graph,
    wrt: Sequence[Node],
    inputs: Mapping[str, Any],
    output: str | None = None,
) -> tuple[Numbers, Numbers, Edges]:
    """Return the values of all nodes, their gradients, and those along each edge.

    `edges[node, i]` is the contribution of a node to the gradient of its operand i;
    the gradient of a node is the sum of its contributions (Grosse, Lecture 6). Only
    what lies between `wrt` and the output has a gradient; what an untaken branch
    computes has none but 0.

    output: the name of the output whose gradients are asked; it may be left out where
        there is only one. Where there are several, nothing is differentiated.

    Raises InputError for an input without a value and for an unknown output.
    """
    given = graph.defaults | dict(inputs)
    for name in graph.inputs:
        if name not in given:
            message = f"expected a value for {name!r}, found none"
            raise InputError(message)
    values = evaluate(graph, given)
    if output is None and len(graph.outputs) != 1:
        return values, {}, {}
    if output is not None and output not in graph.outputs:
        known = ", ".join(graph.outputs)
        message = f"expected one of the outputs {known}, found {output!r}"
        raise InputError(message)
    root = graph.outputs[output if output is not None else next(iter(graph.outputs))]
    return values, *_backwards(graph, wrt, root, given, values)


def _backwards(
    graph: Graph,
    wrt: Sequence[Node],
    root: Node,
    given: Mapping[str, Any],
    values: Numbers,
) -> tuple[Numbers, Edges]:
    # In a graph of its own: what is derived later must not depend on a picture.
    copy = Graph(kinks=graph.kinks, real=graph.real)
    twin: dict[Node, Node] = {}
    for node in graph.order():
        args = [twin[a] for a in node.args]
        twin[node] = copy.restore(node.op, args, node.attrs, node.type)
    copy.formula_size = len(copy)
    one = copy.const(1.0, root.type)
    adjoints = reverse(copy, {twin[root]: one}, [twin[n] for n in wrt if n in twin])
    parts = {
        (node, i): part
        for node in graph.order([root])
        for i, part in enumerate(_parts(twin[node], adjoints))
        if part is not None
    }
    found = evaluate(copy, given, [*adjoints.values(), *parts.values()])
    taken = _taken(graph, root, values)
    gradients = {
        node: found[g] if taken[node] else 0.0
        for node in graph.order([root])
        if (g := adjoints.get(twin[node])) is not None
    }
    return gradients, {
        (node, i): found[part] if taken[node] else 0.0
        for (node, i), part in parts.items()
    }


def _parts(node: Node, adjoints: Mapping[Node, Node]) -> list[Node | None]:
    """Return what a node contributes to the adjoint of each of its operands."""
    g = adjoints.get(node)
    if g is None:
        return []
    linear = node.op.transposes is not None
    return [
        None
        if arg not in adjoints
        else node.op.transpose(i, g, node)
        if linear
        else contribution(g, i, node)
        for i, arg in enumerate(node.args)
    ]


def _taken(graph: Graph, root: Node, values: Numbers) -> dict[Node, bool]:
    """Return which nodes matter to the root, the branches being as they are."""
    order = graph.order([root])
    taken = dict.fromkeys(order, False) | {root: True}
    for node in reversed(order):
        if taken[node]:
            for i, arg in enumerate(node.args):
                taken[arg] = taken[arg] or _flows(node, i, values)
    return taken


def _flows(node: Node, i: int, values: Numbers) -> bool:
    """Return whether operand i of a node is used, rather than the untaken branch."""
    return not (node.op.chooses and i) or bool(values[node.args[0]]) == (i == 1)
