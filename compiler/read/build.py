"""Read Python formulas into a Graph, in one pass without recursion.

Comes in: expressions by output name. Goes out: a graph with its inputs declared, its
nodes made, its values named and its outputs set.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any

from overbar.ir.constants import Constant
from overbar.ir.errors import InputError, OverbarError
from overbar.ir.graph import Graph
from overbar.ir.ops import OPS, Op
from overbar.ir.types import F32, Dim, extents
from overbar.read.functions import nearest
from overbar.read.operand import LONGEST, found
from overbar.read.overloading import Expression, lift, ordered
from overbar.read.payload import Declaration, Label

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from overbar.ir.graph import Node
    from overbar.ir.types import Type
    from overbar.read.overloading import Operand

EXTENT = OPS["extent"]
_KINDS = {"input": "an input", "output": "an output", "let": "one named with let"}


def read_expressions(
    exprs: Mapping[str, Operand],
    graph: Graph,
    inputs: Sequence[Expression | str] | None = None,
    variables: Mapping[str, Expression] | None = None,
) -> None:
    """Read the outputs `exprs`, and all that they need, into an empty graph.

    inputs: params and data (or their names) in the order of the call; without it they
    are sorted by name, x2 before x10. Expressions are read once however often they
    are used, operands first, in the order of the text. variables: names to give where
    they are free, those of a traced function's variables.

    Raises InputError for inputs that contradict each other or are missing in
    `inputs`, and for a name that stands for two values; any error of the graph's is
    raised with the operation where it happened.
    """
    roots = {name: lift(expr) for name, expr in exprs.items()}
    given = [e for e in inputs or () if isinstance(e, Expression)]
    order = ordered([*roots.values(), *given])
    declared = _declarations(order)
    _declare_all(graph, [declared[name] for name in _call_order(declared, inputs)])
    nodes = _make(order, graph, graph.inputs)
    graph.outputs |= {name: nodes[root] for name, root in roots.items()}
    _check_sizes(graph)
    _name_values(order, nodes, graph)
    _name_variables(variables or {}, nodes, graph)


def build(expr: Operand, graph: Graph, inputs: Mapping[str, Node]) -> Node:
    """Return the node of a formula over nodes that a graph has already.

    inputs: the node that each of the formula's inputs stands for, by name. Names given
    with `let` are dropped: they may be the graph's own.

    Raises InputError for an input that is not among them, and any error of the graph's
    with the operation where it happened.
    """
    root = lift(expr)
    order = ordered([root])
    for name in _declarations(order):
        if name not in inputs:
            known = ", ".join(inputs) or "(none)"
            advice = nearest(name, list(inputs))
            message = f"expected inputs among {known}, found {name!r}{advice}"
            raise InputError(message)
    return _make(order, graph, inputs)[root]


def types_of(root: Expression) -> list[Type] | Type:
    """Return the type of a formula's value, or of all results of the call that it is.

    Raises the errors of reading the formula, with the operation where they happened.
    """
    graph = Graph()
    order = ordered([root])
    _declare_all(graph, list(_declarations(order).values()))
    found: Any = _make(order, graph, graph.inputs)[root]
    return [n.type for n in found] if isinstance(found, tuple | list) else found.type


def natural(name: str) -> tuple[list[tuple[int, str]], str]:
    """Return a key that sorts x2 before x10."""
    parts = re.split(r"(\d+)", name)
    for i in range(1, len(parts), 2):
        parts[i] = parts[i].lstrip("0")
    return [(len(p) if i % 2 else 0, p) for i, p in enumerate(parts)], name


def _declarations(order: Sequence[Expression]) -> dict[str, Declaration]:
    declared: dict[str, Declaration] = {}
    for new in [e.payload for e in order if e.payload is not None]:
        if isinstance(new, Declaration):
            old = declared.setdefault(new.name, new)
            if old is not new and str(old) != str(new):  # as text: NaN equals NaN
                message = f"input {new.name!r} is declared as {old} and as {new}"
                raise InputError(message)
    return declared


def _call_order(
    declared: Mapping[str, Declaration], inputs: Sequence[Expression | str] | None
) -> list[str]:
    if inputs is None:
        return sorted(declared, key=natural)
    names = [_input_name(e, declared) for e in inputs]
    for name, times in Counter(names).items():
        if times > 1:
            raise InputError(f"inputs: {name!r} is given twice")
    for name in sorted(declared.keys() - names, key=natural):
        raise InputError(f"inputs: {name!r}, which the formula uses, is missing")
    return names


def _input_name(entry: Expression | str, declared: Mapping[str, Declaration]) -> str:
    if isinstance(entry, Expression) and isinstance(entry.payload, Declaration):
        return entry.payload.name
    if isinstance(entry, str) and entry in declared:
        return entry
    shown, advice = repr(entry), ""
    if not isinstance(entry, Expression):
        shown = found(entry)
    if isinstance(entry, str):
        advice = nearest(entry[:LONGEST], list(declared))
    message = f"inputs: expected an input of the formula, found {shown}{advice}"
    raise InputError(message)


def _declare_all(graph: Graph, declarations: Sequence[Declaration]) -> None:
    if any(d.dtype == "float32" for d in declarations):
        graph.real = F32
    for d in declarations:
        graph.input(d.name, d.role, d.type)
        if d.default is not None:
            graph.defaults[d.name] = d.default


def _check_sizes(graph: Graph) -> None:
    """Raise InputError for a named dimension that no input's shape tells."""
    if not graph.shaped:
        return
    told = {
        e.name
        for n in graph.inputs.values()
        for e in n.type.shape
        if isinstance(e, Dim)
    } | {size.name for size in graph.counts.values()}
    sizes = graph.order([*graph.outputs.values(), *graph.inputs.values()])
    for node in sizes:
        shape = node.attrs if node.op is EXTENT else node.type.shape
        for extent in shape:
            for name in sorted(extent.names - told) if isinstance(extent, Dim) else ():
                message = (
                    f"expected the size {name!r} to be that of an input's axis, as in "
                    f"data('x', ({name!r},)); found it in {extents(shape)} alone"
                )
                raise InputError(message)


def _make(
    order: Sequence[Expression], graph: Graph, inputs: Mapping[str, Node]
) -> dict[Expression, Node]:
    """Make a node of each expression, its operands' nodes being made."""
    nodes: dict[Expression, Node] = {}
    make, node_of = graph.make, nodes.__getitem__
    try:
        for e in order:
            payload, op = e.payload, e.op
            if payload is not None:
                nodes[e] = _leaf(e, nodes, graph, inputs)
            elif type(op) is Op:
                nodes[e] = make(op, tuple(map(node_of, e.args)))
            else:
                nodes[e] = op(graph, *map(node_of, e.args))  # type: ignore[operator]
    except OverbarError as error:
        raise type(error)(f"{error.message}, in {e!r}") from None
    return nodes


def _leaf(
    e: Expression,
    nodes: Mapping[Expression, Node],
    graph: Graph,
    inputs: Mapping[str, Node],
) -> Node:
    """Return the node of an input, of a named value, size, array or constant."""
    payload = e.payload
    if type(payload) is float:
        return graph.const(payload)
    if isinstance(payload, Declaration):
        return inputs[payload.name]
    if isinstance(payload, Label):
        node = nodes[e.args[0]]
        if not node.is_const:  # known now, so that rewrites leave it as it is
            graph.names.setdefault(node, payload.name)
        return node
    if isinstance(payload, Dim):
        return graph.extent(payload)
    if isinstance(payload, Constant):
        if payload.type.is_float:
            payload = payload.to(graph.real.dtype)
        return graph.make("array", (), (payload,))
    return graph.const(payload)  # type: ignore[arg-type]


def _name_values(
    order: Sequence[Expression], nodes: Mapping[Expression, Node], graph: Graph
) -> None:
    """Assign the names that `let` gave, in the order in which they were given."""
    leaves = [e for e in order if e.payload is not None]
    labels = [(e.payload, nodes[e]) for e in leaves if isinstance(e.payload, Label)]
    labels.sort(key=lambda pair: pair[0].serial)
    values = {label.name: node for label, node in labels}
    known: dict[str, tuple[str, Node]] = {}
    for kind, name, node in (
        *(("input", *item) for item in graph.inputs.items()),
        *(("output", *item) for item in graph.outputs.items()),
        *(("let", label.name, node) for label, node in labels),
    ):
        first, other = known.setdefault(name, (kind, node))
        if other is not node:
            message = f"expected one value for the name {name!r}, found two: "
            raise InputError(f"{message}{_KINDS[first]} and {_KINDS[kind]}")
    for name, node in values.items():
        graph.assign(name, node)


def _name_variables(
    variables: Mapping[str, Expression], nodes: Mapping[Expression, Node], graph: Graph
) -> None:
    """Assign the names of variables to values that are computed and have none yet."""
    taken = {*graph.inputs, *(name for name, _ in graph.statements)}
    for name, e in variables.items():
        node = nodes.get(e)
        if node is None or not node.args or node in graph.names or name in taken:
            continue
        if graph.outputs.get(name, node) is node:
            graph.assign(name, node)
