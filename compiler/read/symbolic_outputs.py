"""Finish outputs with arrays in them: shapes, dimensions, free indices, their order.

Comes in: a reader that has read all outputs as scalars and arrays with stand-ins. Goes
out: the graph's outputs as arrays. The axes of an output run along its free indices:
as `Eq(y[i, j], ...)` says, else in the order of the indices' names, as in einsum.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from overbar.ir.errors import InputError, UnsupportedError
from overbar.read.symbolic_lift import Lift
from overbar.read.symbolic_loops import input_of
from overbar.read.symbolic_matrices import scalar
from overbar.read.symbolic_names import array_name, legal_name
from overbar.read.symbolic_settle import need_fixed, settle

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from overbar.ir.graph import Node
    from overbar.read.labels import Labelled, Loop
    from overbar.read.symbolic_elements import Elements
    from overbar.read.symbolic_reader import Reader

_OWN_NAME = re.compile(r"out\d*")


def left_side(expr: Any) -> Any:
    """Return `y[i]` of `Eq(y[i], ...)`, None for any other expression."""
    if type(expr).__name__ != "Equality":
        return None
    left = expr.args[0]
    return left if type(left).__name__ == "Indexed" else None


def finish(reader: Reader, lefts: Mapping[str, tuple[Any, Sequence[Node]]]) -> None:
    """Make arrays of all outputs and of all inputs that are arrays.

    lefts: by output, what `Eq` names it and the nodes of its indices.
    """
    elements, graph = reader.elements, reader.graph
    settle(elements)
    _drop_inputs(reader)
    for base in elements.bases.values():
        input_of(reader, base)
    need_fixed(elements)
    lift = Lift(elements)
    found: dict[str, Node] = {}
    for name, root in graph.outputs.items():
        value = lift(root)
        left, indices = lefts.get(name, (None, ()))
        loops = [_loop(elements, n) for n in indices]
        new = name
        if left is not None and _OWN_NAME.fullmatch(name):
            new = legal_name(str(array_name(left.args[0])), "output")
        if new in found:
            raise InputError(f"expected each output once, found {new!r} twice")
        found[new] = scalar(_ordered(reader, value, loops, left))
    graph.outputs = found
    if reader.declared:
        order = [n for n in reader.declared if n in graph.inputs]
        graph.inputs = {n: graph.inputs[n] for n in order} | graph.inputs


def _drop_inputs(reader: Reader) -> None:
    """Take dimensions and free indices, read as symbols, out of the inputs."""
    graph, elements = reader.graph, reader.elements
    indices = {str(n.attrs[0]) for n in elements.free}
    for name in elements.dims | indices:
        reader.missing.discard(name)
        if name in reader.declared:
            what = "an index" if name in indices else "a dimension"
            message = f"inputs: expected no {name!r}, which is {what}; its size is "
            raise InputError(f"{message}known from the shapes of arrays")
        node = graph.inputs.pop(name, None)
        graph.roles.pop(name, None)
        if node is not None:
            graph.names.pop(node, None)


def _loop(elements: Elements, node: Node) -> Loop:
    """Return the free index that stands on the left."""
    loop = elements.free.get(node) or getattr(elements.meaning.get(node), "loop", None)
    if loop is None:
        message = "expected plain indices on the left of Eq, as in Eq(y[i, j], ...)"
        raise UnsupportedError(f"{message}, found another one")
    return loop


def _ordered(reader: Reader, value: Labelled, loops: Sequence[Loop], left: Any) -> Node:
    """Return an output with the axes of its free indices in order."""
    graph, node = reader.graph, value.node
    if left is None:
        return node
    missing = [loop.name for loop in value.loops if loop not in loops]
    if missing:
        message = f"expected the indices of the left side, found {missing[0]}; "
        raise UnsupportedError(f"{message}write Sum(..., ({missing[0]}, 0, n - 1))")
    shape = tuple(loop.size for loop in loops) + value.rest
    axes = [loops.index(loop) for loop in value.loops]
    perm = tuple(sorted(range(len(axes)), key=axes.__getitem__))
    rest = range(len(axes), len(axes) + len(value.rest))
    node = graph.make("transpose", (node,), ((*perm, *rest),)) if perm else node
    return graph.spread_along(
        node, (*sorted(axes), *range(len(loops), len(shape))), shape
    )
