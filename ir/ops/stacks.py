"""Let rows of linear algebra work on stacks of matrices: one by one, as in NumPy.

A row takes stacks of any rank. Before code is printed its op becomes one on a stack of
one leading axis, a call of a helper that loops over it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from overbar.ir.ops.matrices import matrix_row, nowhere
from overbar.ir.ops.row import Notation, Op, call
from overbar.ir.ops.shapes import product

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from overbar.ir.graph import Graph, Node
    from overbar.ir.ops.row import Partial, Written
    from overbar.ir.ops.typing import Typed


def rows(
    name: str, expected: str, function: Callable[..., Any], each: Callable[..., Any],
    **columns: Any,
) -> tuple[Op, Op]:  # fmt: skip
    """Return the rows of a function of matrices: see `matrix_row` and `stacked`."""
    return stacked(matrix_row(name, expected, function, **columns), each)


def stacked(
    op: Op, helper: Callable[..., Any], *, own: int = 2, python: Written | None = None
) -> tuple[Op, Op]:
    """Return the row that stacks are given to, and that of the helper's calls.

    own: how many axes of the first operand are a matrix's, or a vector's;
        python: how the helper's call is printed, if not as a plain one.
    """
    name = helper.__name__
    evaluate = op.numpy
    calls = Op(
        name=name, arity=op.arity, typing=None, shaping=_as_told, activity=nowhere,
        helper=helper, numpy=lambda _shape, *given: evaluate and evaluate(*given),
        python=python or _called(name), text=call(name), cost=op.cost,
        routine=op.routine, stacked=True,
    )  # fmt: skip
    return replace(op, lower=_lowered(name, own)), calls


def _as_told(
    _graph: Graph, _name: str, args: Sequence[Node], attrs: tuple[Any, ...]
) -> Typed:
    return args, args[0].type.scalar.of(attrs[0])


def _called(name: str) -> Callable[[Node], Notation]:
    return lambda node: Notation(
        f"{name}({', '.join(['{args}', *map(repr, node.attrs[1:])])})"
    )


def _lowered(name: str, own: int) -> Partial:
    """Return how an op on stacks becomes one on a stack of one leading axis."""

    def lower(out: Node, *args: Node) -> Node | None:
        graph, shape = out.graph, args[0].type.shape
        lead = len(shape) - own
        if not lead:
            return None
        count = product(shape[:lead])

        def line(shape: Any) -> tuple[Any, ...]:
            return (count, *shape[lead:])

        flat = [graph.make("reshape", (x,), (line(x.type.shape),)) for x in args]
        found = graph.make(name, flat, (line(out.type.shape), *out.attrs))
        return graph.make("reshape", (found,), (out.type.shape,))

    return lower


def one_by_one(function: Callable[..., Any], count: int) -> Callable[..., Any]:
    """Return a function that maps one of matrices over stacks, its last operands.

    count: how many these are; its result has the shape of the last.
    """

    def mapped(*args: Any) -> Any:
        given, arrays = args[:-count], [np.asarray(x) for x in args[-count:]]
        lead = arrays[0].shape[:-2]
        if not lead:
            return function(*args)
        out = np.empty_like(arrays[-1])
        for place in np.ndindex(lead):
            out[place] = function(*given, *(x[place] for x in arrays))
        return out

    return mapped
