"""Flatten a graph into plain tuples and back: for pickles, equality and hashes.

A linked graph of 30,000 nodes overflows the recursion limit of `pickle`; the flat form
is a list of rows, each naming its operands by position.
"""

from __future__ import annotations

import hashlib
import sys
from array import array
from collections import defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

from overbar.ir.graph import Graph
from overbar.ir.ops import OWN, lookup
from overbar.ir.source import Source, Span
from overbar.ir.types import DTYPES

if TYPE_CHECKING:
    from collections.abc import Callable

    from overbar.ir.graph import Node, Rewrite
    from overbar.ir.ops import Op


class Flat(NamedTuple):
    """Hold a graph as plain data; `content` is what two equal formulas share."""

    content: tuple[Any, ...]
    places: tuple[Any, ...]


def flatten(graph: Graph) -> Flat:
    """Return the flat form of what the outputs need and of all inputs."""
    order = graph.order([*graph.outputs.values(), *graph.inputs.values()])
    place = {n: i for i, n in enumerate(order)}
    rows = tuple(
        (n.op.name, tuple(place[a] for a in n.args), _attrs(n), *n.type) for n in order
    )
    statements = tuple((s, place[n]) for s, n in graph.statements if n in place)
    content = (
        rows,
        tuple((s, place[n], graph.roles[s]) for s, n in graph.inputs.items()),
        tuple((s, place[n]) for s, n in graph.outputs.items()),
        tuple((name, _exact(value)) for name, value in graph.defaults.items()),
        statements,
        graph.kinks,
        graph.real.dtype,
    )
    return Flat(content, (_places(graph, place), graph.doc, tuple(graph.rewrites)))


def digest(graph: Graph) -> bytes | None:
    """Return a digest of what `flatten` gives as content: of formulas of numbers.

    In a fraction of the time, since nothing is made for a node but numbers. None where
    an operation is the user's, whose name does not tell what it does.
    """
    order = graph.order([*graph.outputs.values(), *graph.inputs.values()])
    kinds: dict[tuple[Any, ...], int] = defaultdict(lambda: len(kinds))
    place = {n: i for i, n in enumerate(order)}
    numbers = [
        kinds[(n.op, n.type, *map(_exact, n.attrs)) if n.attrs else (n.op, n.type)]
        for n in order
    ]
    numbers += [len(n.args) for n in order]
    numbers += [place[a] for n in order for a in n.args]
    if not {op for op, *_ in kinds} <= OWN:
        return None
    rows = [(op.name, *kind, attrs) for op, kind, *attrs in kinds]
    rest = (
        rows,
        [(s, place[n], graph.roles[s]) for s, n in graph.inputs.items()],
        [(s, place[n]) for s, n in graph.outputs.items()],
        graph.kinks,
        graph.real.dtype,
        sys.byteorder,
    )
    return hashlib.sha256(array("q", numbers).tobytes() + repr(rest).encode()).digest()


def _attrs(node: Node) -> tuple[Any, ...]:
    """Return attributes in a form that tells 0.0 from -0.0 and NaN from nothing."""
    return tuple(map(_exact, node.attrs))


def _exact(value: Any) -> Any:
    return value.hex() if isinstance(value, float) else value


def _places(graph: Graph, place: dict[Node, int]) -> tuple[Any, ...]:
    return tuple(
        (place[n], span.source.name, span.source.text, span.start, span.end)
        for n, span in graph.spans.items()
        if n in place
    )


def unflatten(
    flat: Flat,
    rewrite: Rewrite | None,
    find: Callable[[str], Op] = lookup,
    *,
    strict: bool = False,
) -> Graph:
    """Return the graph of a flat form, its ops found by name."""
    rows, inputs, outputs, defaults, statements, kinks, real = flat.content
    graph = Graph(kinks=kinks, real=DTYPES[real], rewrite=rewrite, strict=strict)
    nodes: list[Node] = []
    for name, args, attrs, dtype, shape in rows:
        values = tuple(
            float.fromhex(a)
            if isinstance(a, str) and name not in {"input", "copy", "cast"}
            else a
            for a in attrs
        )
        kind = DTYPES[dtype].of(shape)
        nodes.append(graph.restore(find(name), [nodes[i] for i in args], values, kind))
    for name, i, role in inputs:
        graph.inputs[name] = nodes[i]
        graph.roles[name] = role
        graph.names[nodes[i]] = name
    graph.outputs = {name: nodes[i] for name, i in outputs}
    graph.defaults = {
        name: float.fromhex(value) if isinstance(value, str) else value
        for name, value in defaults
    }
    for name, i in statements:
        graph.assign(name, nodes[i])
    places, graph.doc, rewrites = flat.places
    sources: dict[tuple[str, str], Source] = {}
    for i, name, text, start, end in places:
        source = sources.setdefault((name, text), Source(name, text))
        graph.spans[nodes[i]] = Span(source, start, end)
    graph.rewrites = dict.fromkeys(rewrites)
    return graph


def copied(graph: Graph) -> Graph:
    """Return a graph of its own with the same formula and nothing derived from it.

    By node rather than through the flat form, which finds ops by name: a user's op
    that was replaced since stays the one that the formula was made with.
    """
    other = Graph(
        kinks=graph.kinks, real=graph.real, rewrite=graph.rewrite, strict=graph.strict
    )
    new: dict[Node, Node] = {}
    for n in graph.order([*graph.outputs.values(), *graph.inputs.values()]):
        other.span = graph.spans.get(n)
        new[n] = other.restore(n.op, [new[a] for a in n.args], n.attrs, n.type)
    other.span = None
    other.inputs = {name: new[n] for name, n in graph.inputs.items()}
    other.outputs = {name: new[n] for name, n in graph.outputs.items()}
    other.names = {new[n]: name for n, name in graph.names.items() if n in new}
    other.statements = [(name, new[n]) for name, n in graph.statements if n in new]
    other.roles, other.defaults = dict(graph.roles), dict(graph.defaults)
    other.rewrites, other.doc = dict(graph.rewrites), graph.doc
    return other
