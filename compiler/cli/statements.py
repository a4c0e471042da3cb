"""List a formula's statements with those of its derivatives, each with its line.

Comes in: a compiled function. Goes out: parts (forward, adjoint, and Hessian for order
2), each a list of statements in any notation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from overbar.derive.forward import forward
from overbar.derive.naming import taken_names, unused
from overbar.ir.text import Writer, equations, written

if TYPE_CHECKING:
    from overbar.function import CompiledFunction
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
    f: CompiledFunction, order: int = 1, writer: type[Writer] = Writer
) -> Derivatives:
    """Return the statements up to the given order of derivative, in one notation."""
    graph = f.derivation.with_gradient()
    count = len(f.derivation.values)
    names = [graph.names[n] for n in f.derivation.wrt]
    adjoints = dict(zip(names, list(graph.outputs)[count:], strict=True))
    stages = [set(f.graph.order()), set(graph.order())]
    second = (
        _second(f, graph, list(graph.outputs.values())[count:]) if order > 1 else {}
    )
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
    f: CompiledFunction, graph: Graph, adjoints: list[Node]
) -> dict[tuple[str, str], str]:
    """Add second derivatives to the graph's outputs; return their names by pair.

    Forward over reverse, one tangent sweep over the named adjoints a parameter, so
    that they are written in terms of what has a name already.
    """
    wrt = f.derivation.wrt
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
