"""Give the adjoint of a gathered array as the rows that were read, and their adjoints.

An embedding of 20,000 rows of which a batch reads 300 has a gradient of 300 rows; the
dense one would be 20,000 rows of zeros around them (CS224N, lecture 4: "only the
vectors of words that appear").
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from overbar.ir.ops import OPS, apply
from overbar.ir.ops.shapes import product

if TYPE_CHECKING:
    from overbar.ir.graph import Node

_ADD, _COPY, _SCATTER = OPS["add"], OPS["copy"], OPS["scatter"]


def gathered_rows(adjoint: Node) -> tuple[Node, Node] | None:
    """Return the rows (k,) and their adjoints (k, ...) that an adjoint is the sum of.

    A row may occur several times: its adjoints add up. None for an adjoint that is not
    made of rows alone.
    """
    terms, stack = [], [adjoint]
    while stack:
        node = stack.pop()
        if node.op is _COPY or node.op is _ADD:
            stack.extend(node.args[::-1])
        elif node.op is _SCATTER and node.attrs[0] == (0,):
            terms.append(node)
        else:
            return None
    rows, values = zip(*map(_of_one, terms), strict=True)
    if len(terms) == 1:
        return rows[0], values[0]
    make = adjoint.graph.make
    return make("concat", rows, (0,)), make("concat", values, (0,))


def _of_one(term: Node) -> tuple[Node, Node]:
    """Return the rows, counted from the front, and the adjoints of one gather."""
    graph = term.graph
    adjoints, places = term.args
    size = product(places.type.shape)
    flat = graph.make("reshape", (places,), ((size,),))
    last = flat + graph.extent(term.type.shape[0])
    rows = apply("select", apply("lt", flat, 0), last, flat)
    rest = term.type.shape[1:]
    return rows, graph.make("reshape", (adjoints,), ((size, *rest),))
