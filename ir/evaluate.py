"""Evaluate a graph node by node: the slow reference, and the way without Numba.

Comes in: a graph and values of its inputs (scalars or arrays that broadcast). Goes
out: the values of nodes. The same loop runs in mpmath for high precision.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from overbar.ir.bounded import bounded, bounded_context

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
    with np.errstate(all="ignore"):
        for node in graph.order(roots, values):
            if node not in values:
                values[node] = _value(node, inputs, values)
    return values


def _value(node: Node, inputs: Mapping[str, Any], values: Values) -> Any:
    if not node.args:
        given = node.attrs[0]
        return _typed(inputs.get(given, given), node)
    args = [values[a] for a in node.args]
    if node.op.numpy is None:
        raise NotImplementedError(node.op.name)
    return _typed(node.op.numpy(*node.attrs, *args), node)


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

    An operation that mpmath refuses (a pole, a complex result) gives NaN; numbers far
    beyond any float's range overflow and underflow (see `overbar.ir.bounded`).
    """
    context = bounded_context(digits)
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
        refused = isinstance(value, context.mpc)
        values[node] = context.nan if refused else bounded(context, value)
    return values
