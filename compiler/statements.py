"""List a formula's statements with those of its derivatives, each with its line.

Comes in: a derivation. Goes out: parts (forward, adjoint, and Hessian for order
2), each a list of statements in any notation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from overbar.derive.forward import forward
from overbar.derive.naming import symbol, taken_names, tangents, unused
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
    products: in arrays instead, the name of each part of the Hessian's product with a
        direction, by parameter; directions: the names of that direction's parts.
    """

    parts: dict[str, list[Statement]]
    adjoints: dict[str, str]
    second: dict[tuple[str, str], str]
    products: dict[str, str]
    directions: dict[str, str]


def derivatives(
    derivation: Derivation, order: int = 1, writer: type[Writer] = Writer
) -> Derivatives:
    """Return the statements up to the given order of derivative, in one notation."""
    with derivation.lock:
        graph = derivation.with_gradient()
        stages = [set(derivation.graph.order()), set(graph.order())]
        results = list(graph.outputs)[len(derivation.values) :]
        second: dict[tuple[str, str], str] = {}
        products: dict[str, tuple[str, str]] = {}
        if order > 1 and has_arrays(derivation):
            products = add_products(derivation, graph, results)
        elif order > 1:
            second = _second(derivation, graph, results)
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
    directions = {name: pair[0] for name, pair in products.items()}
    found = {name: pair[1] for name, pair in products.items()}
    return Derivatives(parts, adjoints, second, found, directions)


def has_arrays(derivation: Derivation) -> bool:
    """Whether some parameter or output is an array, whose entries have no names."""
    return any(n.type.shape for n in (*derivation.wrt, *derivation.values))


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


def add_products(
    derivation: Derivation, graph: Graph, results: list[str]
) -> dict[str, tuple[str, str]]:
    """Add the Hessian's product with a direction to the graph's outputs.

    Returns by parameter `w` the names of the direction, `w_dot`, and of the product,
    `w_bar_dot`: the tangent of `w_bar` as every `w` moves along its direction.
    """
    wrt = derivation.wrt
    adjoints = [graph.outputs[name] for name in results]
    dots = [symbol(graph, f"{graph.names[n]}_dot", n) for n in wrt]
    found = tangents(graph, dict(zip(wrt, dots, strict=True)), adjoints)
    taken = taken_names(graph)
    added: dict[str, tuple[str, str]] = {}
    for node, dot, name, adjoint in zip(wrt, dots, results, adjoints, strict=True):
        value = found.get(adjoint, graph.const(0.0, adjoint.type))
        known = graph.names.get(value)
        own = known if known == f"{name}_dot" else unused(graph, f"{name}_dot", taken)
        graph.outputs[own] = value
        added[graph.names[node]] = (dot.attrs[0], own)
    return added
