"""Evaluate a graph node by node: the slow reference, and the way without Numba.

Comes in: a graph and values of its inputs (scalars or arrays that broadcast). Goes
out: the values of nodes. The same loop runs in mpmath for high precision.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from overbar.ir.bounded import bounded, bounded_context
from overbar.ir.errors import InputError
from overbar.ir.table import EXTENT
from overbar.ir.types import BOOL, Dim, sized

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

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
                if isinstance(extent, Dim) and extent.line:
                    sizes.setdefault(extent.line, extent.solved(size))
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
    """Return what `evaluate` returns, in mpmath with so many digits.

    Arrays are arrays of objects. An operation that mpmath refuses (a pole, a complex
    result) gives NaN; numbers far beyond any float's range overflow and underflow (see
    `overbar.ir.bounded`). Raises NotImplementedError for an op that mpmath has not.
    """
    context = bounded_context(digits)
    values: Values = {}
    order = graph.order(roots)
    if any(n.type.shape or n.op is EXTENT for n in order):
        return _arrays_exactly(graph, inputs, order, context)
    for node in order:
        if not node.args:
            given = node.attrs[0]
            raw = inputs.get(given, given)
            values[node] = raw if isinstance(raw, bool) else context.mpf(raw)
            continue
        values[node] = _exact(node, context, *(values[a] for a in node.args))
    return values


def _exact(node: Node, context: Any, *args: Any) -> Any:
    """Return an op's value for numbers of a context."""
    if node.op.mp is None:
        raise NotImplementedError(node.op.name)
    try:
        value = node.op.mp(context, *node.attrs, *args)
    except (ValueError, ZeroDivisionError, ArithmeticError, TypeError):
        return context.nan
    refused = isinstance(value, context.mpc)
    return context.nan if refused else bounded(context, value)


def _arrays_exactly(
    graph: Graph, inputs: Mapping[str, Any], order: Iterable[Node], context: Any
) -> Values:
    """Evaluate element by element in mpmath, whole arrays by NumPy on objects."""
    _teach(context)
    values: Values = {}
    sizes = dimensions(graph, inputs, values)
    waiting = list(order)[::-1]
    while waiting:
        node = waiting.pop()
        if node.op.shaping is None and node.args:
            values[node] = _each_exactly(node, context, [values[a] for a in node.args])
            continue
        if not node.args and node.op.numpy is None:
            given = node.attrs[0]
            values[node] = _exactly_typed(inputs.get(given, given), node, context)
            continue
        args = [_whole_typed(values[a], a) for a in node.args]
        attrs = sized(node.attrs, sizes)
        if node.op.mp is not None and node.op.shaping is not None:
            values[node] = _whole_exactly(node, context, attrs, args)
            continue
        try:
            value = node.op.numpy(*attrs, *args)  # type: ignore[misc]
        except TypeError:  # a function that NumPy does not know for objects
            if node.op.lower is None:
                raise NotImplementedError(node.op.name) from None
            simpler = node.op.lower(node, *node.args)
            if simpler in values:
                values[node] = values[simpler]
            else:
                steps = graph.order([simpler], values)  # type: ignore[list-item]
                waiting += [node, *(n for n in steps[::-1] if n not in values)]
            continue
        values[node] = _exactly_typed(value, node, context)
    return values


def _teach(context: Any) -> None:
    """Give a context's numbers the methods that NumPy's functions call on objects."""
    for name in ("exp", "log", "log1p", "expm1", "sqrt", "tanh"):
        setattr(context.mpf, name, getattr(context, name))


def _each_exactly(node: Node, context: Any, args: list[Any]) -> Any:
    if not any(isinstance(a, np.ndarray) for a in args):
        return _exact(node, context, *args)

    def one(*elements: Any) -> Any:
        return _exact(node, context, *elements)

    return np.asarray(np.frompyfunc(one, len(args), 1)(*args), dtype=object)


def _whole_exactly(node: Node, context: Any, attrs: Any, args: Sequence[Any]) -> Any:
    """Return the value of an op on arrays that has a form of its own in mpmath."""
    try:
        return node.op.mp(context, *attrs, *args)  # type: ignore[misc]
    except (ValueError, ZeroDivisionError, ArithmeticError) as error:
        message = f"{node.op.name} has no value in high precision: {error}"
        raise InputError(message) from None


def _whole_typed(value: Any, node: Node) -> Any:
    """Return integers and truths as NumPy has them, for places and conditions."""
    if node.type.is_float:
        return value
    return np.asarray(value).astype(node.type.dtype)[()]


def _exactly_typed(value: Any, node: Node, context: Any) -> Any:
    """Return a value as numbers of a context, integers too; truths as they are."""

    def one(x: Any) -> Any:
        return context.mpf(x.item() if isinstance(x, np.generic) else x)

    if node.type.dtype == BOOL.dtype:
        return bool(value) if np.ndim(value) == 0 else np.asarray(value, dtype=object)
    if np.ndim(value) == 0:
        value = value[()] if isinstance(value, np.ndarray) else value
        return one(value)
    return np.asarray(np.frompyfunc(one, 1, 1)(value), dtype=object)
