"""The row behind the derivatives of products: products of all elements but some.

The product of x along an axis has the slope `prod_others(x)`, for every element the
product of the others. With further operands g, h, ... it is the derivative of that
along these, so that derivatives of every order are exact where elements are 0: for
each element j, the sum over all distinct places p, q, ... other than j of

    g[p]*h[q]*... * (the product of x at all other places).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from overbar.ir.ops import precise
from overbar.ir.ops.row import Notation, Op
from overbar.ir.ops.shapes import inverse, product
from overbar.ir.ops.typing import cast, common
from overbar.ir.types import F64, extents

if TYPE_CHECKING:
    from collections.abc import Sequence

    from overbar.ir.graph import Graph, Node
    from overbar.ir.ops.typing import Typed
    from overbar.ir.types import Extent


def others(x: Node, axes: tuple[int, ...]) -> Node:
    """Return for every element the product of the others along axes."""
    graph, shape = x.graph, x.type.shape
    if len(axes) == 1:
        return graph.make("prod_others", (x,), axes)
    rest = tuple(k for k in range(len(shape)) if k not in axes)
    order = (*rest, *axes)
    moved = graph.make("transpose", (x,), (order,)) if order else x
    line = (*(shape[k] for k in rest), product(tuple(shape[k] for k in axes)))
    flat = graph.make("reshape", (moved,), (line,))
    found = graph.make("prod_others", (flat,), (len(rest),))
    back = graph.make("reshape", (found,), (moved.type.shape,))
    return graph.make("transpose", (back,), (inverse(order),))


def _shaping(
    graph: Graph, name: str, args: Sequence[Node], _attrs: tuple[Any, ...]
) -> Typed:
    args = cast(graph, args, common(graph, name, args, F64))
    shape = args[0].type.shape
    return [graph.spread(a, shape) for a in args], args[0].type


def _back(i: int, g: Node, out: Node, x: Node, *along: Node) -> Node:
    """Return the adjoint of an operand: the op is symmetric in all but the element."""
    rest = [h for k, h in enumerate(along, 1) if k != i]
    return out.graph.make("prod_others", (x, g, *rest), out.attrs)


def _dot(
    tangents: Sequence[Node | None], out: Node, x: Node, *along: Node
) -> Node | None:
    total: Node | None = None
    for i, dot in enumerate(tangents):
        if dot is not None:
            rest = [dot if k == i else h for k, h in enumerate(along, 1)]
            args = (x, dot, *along) if i == 0 else (x, *rest)
            part = out.graph.make("prod_others", args, out.attrs)
            total = part if total is None else total + part
    return total


def other_products(x, along):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN201, C901
    """Return products of the others along the middle axis of three.

    Products of x + g*s + h*t + ..., with s*s = t*t = 0, are kept as coefficients of 1,
    s, t, s*t, ... in this order: of the elements before, times those after.
    """
    out = np.empty_like(x)
    n, terms = x.shape[1], 2 ** along.shape[0]
    before = np.zeros((n + 1, terms))
    for i in range(x.shape[0]):
        for k in range(x.shape[2]):
            before[0, 0] = 1.0
            for j in range(n):
                for m in range(terms):
                    total = before[j, m] * x[i, j, k]
                    for s in range(along.shape[0]):
                        if m // 2**s % 2 == 1:
                            total += before[j, m - 2**s] * along[s, i, j, k]
                    before[j + 1, m] = total
            after = np.zeros(terms)
            after[0] = 1.0
            for step in range(n):
                j = n - 1 - step
                total = 0.0
                for m in range(terms):
                    total += before[j, m] * after[terms - 1 - m]
                out[i, j, k] = total
                for back in range(terms):
                    m = terms - 1 - back
                    total = after[m] * x[i, j, k]
                    for s in range(along.shape[0]):
                        if m // 2**s % 2 == 1:
                            total += after[m - 2**s] * along[s, i, j, k]
                    after[m] = total
    return out


def _numpy(axis: int, x: Any, *along: Any) -> Any:
    shape = np.shape(x)
    three = (int(np.prod(shape[:axis])), shape[axis], int(np.prod(shape[axis + 1 :])))
    lines = np.array([np.reshape(h, three) for h in along], x.dtype)
    return other_products(  # type: ignore[no-untyped-call]
        np.reshape(x, three), lines.reshape(len(along), *three)
    ).reshape(shape)  # fmt: skip


def _steps(node: Node) -> dict[str, Extent]:
    """Return the products before and after each element, and those of both."""
    count = product(node.type.shape)
    terms = 3 ** (len(node.args) - 1)  # pairs of disjoint sets of directions
    sums = {"add": 3 * (terms - 1) * count} if terms > 1 else {}
    return {"mul": 3 * terms * count} | sums


def _python(node: Node) -> Notation:
    (axis,) = node.attrs
    shape = node.type.shape
    three = (product(shape[:axis]), shape[axis], product(shape[axis + 1 :]))
    lines = [f"{{{k}}}.reshape({extents(three)})" for k in range(len(node.args))]
    along = (
        f"np.stack(({', '.join(lines[1:])},))" if len(lines) > 1
        else f"np.zeros((0, {extents(three)}))"
    )  # fmt: skip
    whole = f"other_products({lines[0]}, {along})"
    return Notation(f"{whole}.reshape({extents(shape)})", operands=(100,))


def _text(node: Node) -> Notation:
    axis = "" if len(node.type.shape) == 1 else f", axis={node.attrs[0]}"
    return Notation(f"prod_others({{args}}{axis})")


def _nowhere(i: int, c: Node, out: Node) -> None:
    """Give up on telling elements apart: all may matter."""
    del i, c, out


ROWS = (
    Op(
        name="prod_others", arity=None, typing=None, shaping=_shaping, numpy=_numpy,
        python=_python, helper=other_products, routine="others", text=_text,
        transposes=_back,
        tangent=_dot, activity=_nowhere, mp=precise.prod_others, steps=_steps,
        mixes=lambda n: (n.attrs[0],),
        accuracy="no division, so that zeros do no harm",
    ),
)  # fmt: skip
