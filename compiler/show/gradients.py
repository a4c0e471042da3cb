"""Compute the numbers that a picture shows: values, gradients, and what edges carry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from overbar.blame import sent_back
from overbar.derive.product import contribution
from overbar.derive.reverse import reverse
from overbar.explain import complete
from overbar.ir.errors import InputError
from overbar.ir.evaluate import dimensions, evaluate
from overbar.ir.graph import Graph
from overbar.show.taken import taken_at

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
    given = complete(graph, inputs, graph.inputs.values())
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
    for node in graph.order([*graph.outputs.values(), *graph.inputs.values()]):
        args = [twin[a] for a in node.args]
        twin[node] = copy.restore(node.op, args, node.attrs, node.type)
    copy.inputs = {name: twin[n] for name, n in graph.inputs.items()}  # for their sizes
    copy.formula_size = len(copy)
    one = copy.const(1.0, root.type)
    adjoints = reverse(copy, {twin[root]: one}, [twin[n] for n in wrt if n in twin])
    order = graph.order([root])
    parts = {
        (node, i): part
        for node in order
        for i, part in enumerate(_parts(twin[node], adjoints))
        if part is not None
    }
    found = evaluate(copy, given, [*adjoints.values(), *parts.values()])
    taken = taken_at(graph, root, given, values)
    gradients = {
        node: np.where(taken[node], found[g], 0.0)[()]
        for node in order
        if (g := adjoints.get(twin[node])) is not None
    }
    edges = {
        (node, i): np.where(taken[node], found[part], 0.0)[()]
        for (node, i), part in parts.items()
    }
    sizes = dimensions(graph, given, {})
    for node, gradient in gradients.items():
        if node.op.shaping is not None:
            sent = sent_back(node, gradient, values, sizes)
            edges |= {
                (node, i): part
                for i, part in sent.items()
                if twin[node.args[i]] in adjoints
            }
    return gradients, edges


def _parts(node: Node, adjoints: Mapping[Node, Node]) -> list[Node | None]:
    """Return what an op on elements adds to the adjoint of each of its operands."""
    g = adjoints.get(node)
    if g is None or node.op.shaping is not None:
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
