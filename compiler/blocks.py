"""Arrange Jacobians and Hessians over arrays: as blocks in shapes, or as one matrix.

Comes in: a compiled function and bound arguments. Goes out: what its generated
functions fill, output elements by parameter elements in C order, by block or whole.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from overbar.ir.types import size_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from overbar.function import CompiledFunction
    from overbar.ir.graph import Node

Shapes = list[tuple[int, ...]]
Blocks = list[list[Any]]


def shapes_of(nodes: Sequence[Node], sizes: Mapping[str, int]) -> Shapes:
    """Return the shapes of nodes for sizes of the named dimensions."""
    return [tuple(size_of(e, sizes) for e in n.type.shape) for n in nodes]


def jacobian_blocks(f: CompiledFunction, values: list[Any]) -> Blocks:
    """Return the partials by output and parameter: lead + output + parameter."""
    parts = f.run_entry("jacobian", values)
    n = len(f.derivation.wrt)
    return [parts[start : start + n] for start in range(0, len(parts), n or 1)]


def hessian_blocks(f: CompiledFunction, values: list[Any]) -> Blocks:
    """Return the Hessian by pair of parameters: lead + P + Q, symmetric to the bit."""
    triangle = iter(f.run_entry("hessian", values))
    ranks = [len(n.type.shape) for n in f.derivation.wrt]
    found: Blocks = [[None] * len(ranks) for _ in ranks]
    for i, p in enumerate(ranks):
        for j, q in enumerate(ranks[: i + 1]):
            block = next(triangle)
            if i == j and p:
                _mirror(block, p)
            found[i][j] = block
            if i != j:
                found[j][i] = _turned(block, p, q)
    return found


def _mirror(block: Any, rank: int) -> None:
    """Copy what is below the diagonal above it, in place."""
    n = prod(block.shape[block.ndim - rank :])
    square = block.reshape(*block.shape[: block.ndim - 2 * rank], n, n)
    above = ~np.tri(n, dtype=bool)
    np.copyto(square, np.swapaxes(square, -1, -2), where=above)


def _turned(block: Any, p: int, q: int) -> Any:
    """Return lead + Q + P of lead + P + Q."""
    if not p or not q:
        return np.array(block) if np.ndim(block) else block
    lead = block.ndim - p - q
    axes = [*range(lead), *range(lead + p, lead + p + q), *range(lead, lead + p)]
    return np.ascontiguousarray(block.transpose(axes))


def jacobian_matrix(f: CompiledFunction, values: list[Any]) -> Any:
    """Return the partials of all outputs' elements, lead + (m, n)."""
    sizes = f.sizes(values)
    rows = shapes_of(list(f.graph.outputs.values()), sizes)
    columns = shapes_of(f.derivation.wrt, sizes)
    return _whole(jacobian_blocks(f, values), rows, columns, f)


def hessian_matrix(f: CompiledFunction, values: list[Any]) -> Any:
    """Return the Hessian over all parameters' elements, lead + (n, n)."""
    params = shapes_of(f.derivation.wrt, f.sizes(values))
    return _whole(hessian_blocks(f, values), params, params, f)


def _whole(blocks: Blocks, above: Shapes, beside: Shapes, f: CompiledFunction) -> Any:
    """Return the matrix of blocks, lead + (all rows, all columns)."""
    rows = []
    for row, p in zip(blocks, above, strict=True):
        parts = []
        for block, q in zip(row, beside, strict=True):
            lead = np.shape(block)[: np.ndim(block) - len(p) - len(q)]
            parts.append(np.reshape(block, (*lead, prod(p), prod(q))))
        rows.append(np.concatenate(parts, axis=-1))
    if not rows:
        return np.zeros((0, 0), f.graph.real.dtype)
    return rows[0] if len(rows) == 1 else np.concatenate(rows, axis=-2)
