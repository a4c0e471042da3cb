"""Evaluate a graph node by node: the slow reference, and the way without Numba.

Comes in: a graph and values of its inputs (scalars or arrays that broadcast). Goes
out: the values of nodes. The same loop runs in mpmath for high precision.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from overbar.ir.graph import EXTENT
from overbar.ir.types import Dim, sized

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from overbar.ir.graph import Graph, Node

Values: TypeAlias = "dict[Node, Any]"


def evaluate(
    graph: Graph,
    inputs: Mapping[str, Any],
    roots: Iterable[Node] | None = None,
    known: Mapping[Node, Any] | None = None,
) -> Values:
    """Return the value of every node that the roots (default: the outputs) need.

    known: values of nodes that are not to be computed.
    """
    values: Values = dict(known or {})
    sizes = dimensions(graph, inputs, values)
    with np.errstate(all="ignore"):
        for node in graph.order(roots, values):
            if node not in values:
                values[node] = _value(node, inputs, values, sizes)
    return values


def dimensions(
    graph: Graph, inputs: Mapping[str, Any], known: Mapping[Node, Any]
) -> dict[str, int]:
    """Return the sizes of named dimensions, from the shapes of what is given."""
    given = {n: inputs[name] for name, n in graph.inputs.items() if name in inputs}
    sizes: dict[str, int] = {}
    for node, value in {**given, **known}.items():
        if node.op is EXTENT and node.attrs[0].name:
            sizes.setdefault(node.attrs[0].name, int(value))
        if node.type.shape:
            for extent, size in zip(node.type.shape, np.shape(value), strict=False):
                if isinstance(extent, Dim) and extent.name:
                    sizes.setdefault(extent.name, size)
    return sizes


def _value(
    node: Node, inputs: Mapping[str, Any], values: Values, sizes: Mapping[str, int]
) -> Any:
    if not node.args and node.op.numpy is None:
        given = node.attrs[0]
        return _typed(inputs.get(given, given), node)
    args = [values[a] for a in node.args]
    if node.op.numpy is None:
        raise NotImplementedError(node.op.name)
    attrs = sized(node.attrs, sizes) if sizes else node.attrs
    return _typed(node.op.numpy(*attrs, *args), node)  # type: ignore[misc]


def _typed(value: Any, node: Node) -> Any:
    """Return the value in the node's dtype (reduced to a NumPy scalar if it is one)."""
    return np.asarray(value, dtype=node.type.dtype)[()]


def evaluate_exactly(
    graph: Graph,
    inputs: Mapping[str, Any],
    roots: Iterable[Node] | None = None,
    digits: int = 50,
) -> Values:
    """Return what `evaluate` returns for scalars, in mpmath with so many digits.

    An operation that mpmath refuses (a pole, a complex result) gives NaN.
    """
    import mpmath

    context = mpmath.MPContext()
    context.dps = digits
    values: Values = {}
    for node in graph.order(roots):
        if not node.args:
            given = node.attrs[0]
            raw = inputs.get(given, given)
            values[node] = raw if isinstance(raw, bool) else context.mpf(raw)
            continue
        if node.op.mp is None:
            raise NotImplementedError(node.op.name)
        try:
            value = node.op.mp(context, *node.attrs, *(values[a] for a in node.args))
        except (ValueError, ZeroDivisionError, ArithmeticError, TypeError):
            value = context.nan
        values[node] = context.nan if isinstance(value, context.mpc) else value
    return values
