"""Add up an entry point's results over points, some points at a time.

Comes in: values with axes in front of their declared ones. Goes out: sums or means; the
results of all points, such as a Hessian each, never stand in memory at once.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from overbar.batch import mapped, summed
from overbar.blocks import shapes_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from overbar.ir.graph import Node
    from overbar.shaped import ShapedFunction

MOST = 2**22
"""Numbers among the results of the points that are computed together."""


def reduced(
    f: ShapedFunction,
    name: str,
    values: Sequence[Any],
    nodes: Sequence[Node],
    lead: tuple[int, ...],
) -> list[Any]:
    """Return the sum or the mean, as the formula says, of results over leading axes.

    nodes: the inputs that the values are for; lead: the axes' common shape.
    """
    reduce = f.options.reduce or "sum"
    results = f.results(name)
    each = sum(map(prod, shapes_of(results, f.sizes(values)))) * prod(lead[1:])
    step = max(MOST // (each or 1), 1)
    if not lead or lead[0] <= step:
        return summed(mapped(f, name, values, lead), lead, reduce)
    sums = []
    for start in range(0, lead[0], step):
        here = (min(step, lead[0] - start), *lead[1:])
        part = [
            _some(v, n, lead, start, start + step)
            for v, n in zip(values, nodes, strict=False)
        ]
        sums.append(summed(mapped(f, name, part, here), here, "sum"))
    whole = [
        np.stack([np.asarray(s, n.type.dtype) for s in found])
        for found, n in zip(zip(*sums, strict=True), results, strict=True)
    ]
    if reduce == "mean":
        whole = [w / w.dtype.type(prod(lead)) for w in whole]
    return summed(whole, (len(sums),), "sum")


def _some(value: Any, node: Node, lead: tuple[int, ...], start: int, end: int) -> Any:
    """Return a value at some points along the first leading axis, if it has that."""
    own = np.ndim(value) - len(node.type.shape)
    return value[start:end] if own == len(lead) and len(value) > 1 else value
