"""Say which nodes, and which of their elements, matter at a point.

Comes in: a graph and the values of its nodes. Goes out: for each node whether the
result depends on it, the branches being as they are; of an array by element.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from overbar.blame import slopes
from overbar.ir.errors import InputError
from overbar.ir.evaluate import dimensions

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from overbar.ir.graph import Graph, Node


def taken_at(
    graph: Graph, root: Node, given: Mapping[str, Any], values: Mapping[Node, Any]
) -> dict[Node, Any]:
    """Return where a root depends on each node that it needs, through taken branches.

    Truths in the shapes of the values; where no branch is chosen, all is taken.
    """
    order = graph.order([root])
    taken: dict[Node, Any] = {n: np.zeros(np.shape(values[n]), bool)[()] for n in order}
    taken[root] = np.ones(np.shape(values[root]), bool)[()]
    sizes = dimensions(graph, given, {})
    branches = any(n.op.chooses for n in order)
    for node in reversed(order):
        if np.any(taken[node]):
            for arg, part in _through(node, taken[node], values, sizes, branches):
                taken[arg] = taken[arg] | part
    return taken


def _through(
    node: Node,
    taken: Any,
    values: Mapping[Node, Any],
    sizes: Mapping[str, int],
    branches: bool,  # noqa: FBT001 - of the graph
) -> Iterator[tuple[Node, Any]]:
    """Yield what a node takes of its operands."""
    if node.op.shaping is not None:
        parts = _of_whole(node, taken, values, sizes) if branches else {}
        yield from ((arg, parts.get(arg, True)) for arg in node.args)
        return
    for i, arg in enumerate(node.args):
        part = taken
        if node.op.chooses and i:
            part = taken & (np.asarray(values[node.args[0]], bool) == (i == 1))
        yield arg, part if np.shape(values[arg]) else np.any(part)


def _of_whole(
    node: Node, taken: Any, values: Mapping[Node, Any], sizes: Mapping[str, int]
) -> dict[Node, Any]:
    """Return the elements of operands that the taken elements have a slope in."""
    try:
        found = slopes(node, np.asarray(taken, float)[()], values, sizes)
    except InputError:  # a matrix without an inverse
        return {}
    return {arg: np.not_equal(part, 0.0) for arg, part in found.items()}
