"""List a formula's statements with those of its derivatives, each with its line.

Comes in: a derivation. Goes out: parts (forward, adjoint, and Hessian for order
2), each a list of statements in any notation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from overbar.derive.forward import forward
from overbar.derive.naming import taken_names, unused
from overbar.ir.errors import UnsupportedError
from overbar.ir.text import Writer, equations, written

if TYPE_CHECKING:
    from overbar.derivation import Derivation
    from overbar.ir.graph import Graph, Node


@dataclass(frozen=True, slots=True)
class Statement:
    """Hold `name = expression`, and the line of the user's that it belongs to."""

    name: str
    expression: str
    line: int | None


@dataclass(frozen=True, slots=True)
class Derivatives:
    """Hold a formula's statements and the names of its results.

    parts: statements by part: "forward", "adjoint" and, for order 2, "hessian".
    adjoints: the name of each parameter's adjoint; second: that of each second
        derivative, by pair of parameters, of the lower triangle.
    """

    parts: dict[str, list[Statement]]
    adjoints: dict[str, str]
    second: dict[tuple[str, str], str]


def derivatives(
    derivation: Derivation, order: int = 1, writer: type[Writer] = Writer
) -> Derivatives:
    """Return the statements up to the given order of derivative, in one notation."""
    with derivation.lock:
        graph = derivation.with_gradient()
        stages = [set(derivation.graph.order()), set(graph.order())]
        results = list(graph.outputs)[len(derivation.values) :]
        second = _second(derivation, graph, results) if order > 1 else {}
    names = [graph.names[n] for n in derivation.wrt]
    adjoints = dict(zip(names, results, strict=True))
    lists: tuple[list[Statement], ...] = ([], [], [])
    lines = zip(written(graph, writer), equations(graph), strict=True)
    for (name, expression), (_, node, _) in lines:
        stage = next((i for i, nodes in enumerate(stages) if node in nodes), 2)
        lists[stage].append(Statement(name, expression, _line(graph, node)))
    parts = dict(zip(("forward", "adjoint", "hessian"), lists, strict=True))
    if order == 1:
        del parts["hessian"]
    return Derivatives(parts, adjoints, second)


def _line(graph: Graph, node: Node) -> int | None:
    span = graph.spans.get(node)
    return None if span is None else span.line


def _second(
    derivation: Derivation, graph: Graph, results: list[str]
) -> dict[tuple[str, str], str]:
    """Add second derivatives to the graph's outputs; return their names by pair.

    Forward over reverse, one tangent sweep over the named adjoints a parameter, so
    that they are written in terms of what has a name already.
    """
    wrt = derivation.wrt
    if any(n.type.shape for n in (*wrt, *derivation.values)):
        message = "second derivatives in arrays are not written yet, only computed"
        raise UnsupportedError(message)
    adjoints = [graph.outputs[name] for name in results]
    taken = taken_names(graph)
    added: dict[tuple[str, str], str] = {}
    for i, node in enumerate(wrt):
        tangents = forward(
            graph, {node: graph.const(1.0, node.type)}, adjoints[: i + 1]
        )
        for other, adjoint in zip(wrt, adjoints[: i + 1], strict=False):
            pair = (graph.names[node], graph.names[other])
            name = unused(graph, f"d2_d{pair[0]}_d{pair[1]}", taken)
            value = tangents.get(adjoint, graph.const(0.0, adjoint.type))
            graph.assign(name, value)
            graph.outputs[name] = value
            added[pair] = name
    return added
