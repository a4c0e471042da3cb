"""Form Jacobians and Hessians over arrays, one product with a basis vector at a time.

Comes in: a shaped function and bound arguments. Goes out: the whole matrix, output
elements by parameter elements in C order, and its blocks. Right for every shape; the
side with fewer elements is the one that is walked.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from overbar.batch import common_lead
from overbar.ir.types import size_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from overbar.ir.graph import Node
    from overbar.shaped import ShapedFunction

Shapes = list[tuple[int, ...]]


def shapes_of(nodes: Sequence[Node], sizes: Mapping[str, int]) -> Shapes:
    """Return the shapes of nodes for sizes of the named dimensions."""
    return [tuple(size_of(e, sizes) for e in n.type.shape) for n in nodes]


def jacobian_matrix(f: ShapedFunction, values: list[Any]) -> Any:
    """Return the partials of all outputs' elements, lead + (m, n)."""
    outputs, params, lead = _spaces(f, values)
    m, n = _total(outputs), _total(params)
    matrix = np.empty((*lead, m, n), f.graph.real.dtype)
    kinds = [node.type.dtype for node in f.graph.outputs.values()]
    if m <= n:
        for row, seeds in enumerate(_basis(outputs, kinds)):
            found = f.run_entry("vjp", [*values, *seeds])
            matrix[..., row, :] = _joined(found, lead, n)
    else:
        for column, dots in enumerate(_basis(params, [n.type.dtype for n in f.wrt])):
            found = f.run_entry("jvp", [*values, *dots])
            matrix[..., :, column] = _joined(found, lead, m)
    return matrix


def hessian_matrix(f: ShapedFunction, values: list[Any]) -> Any:
    """Return the Hessian over all parameters' elements, lead + (n, n)."""
    _, params, lead = _spaces(f, values)
    n = _total(params)
    matrix = np.empty((*lead, n, n), f.graph.real.dtype)
    for column, dots in enumerate(_basis(params, [p.type.dtype for p in f.wrt])):
        found = f.run_entry("hvp", [*values, *dots])
        matrix[..., column] = _joined(found, lead, n)
    rows, columns = np.triu_indices(n, 1)  # symmetric to the last bit
    matrix[..., rows, columns] = matrix[..., columns, rows]
    return matrix


def jacobian_blocks(f: ShapedFunction, values: list[Any]) -> list[list[Any]]:
    """Return the partials by parameter and output: lead + output + parameter."""
    outputs, params, _ = _spaces(f, values)
    rows = split(jacobian_matrix(f, values), outputs, params)
    return [list(column) for column in zip(*rows, strict=True)]


def hessian_blocks(f: ShapedFunction, values: list[Any]) -> list[list[Any]]:
    """Return the Hessian by pair of parameters: lead + P + Q."""
    _, params, _ = _spaces(f, values)
    return split(hessian_matrix(f, values), params, params)


def split(matrix: Any, above: Shapes, beside: Shapes) -> list[list[Any]]:
    """Return a matrix's blocks in their shapes, numbers where they have none."""
    found: list[list[Any]] = []
    lead, top = matrix.shape[:-2], 0
    for p in above:
        row, left = [], 0
        for q in beside:
            part = matrix[..., top : top + prod(p), left : left + prod(q)]
            block = part.reshape((*lead, *p, *q)).copy()
            row.append(block if block.ndim else block.item())
            left += prod(q)
        found.append(row)
        top += prod(p)
    return found


def _spaces(
    f: ShapedFunction, values: Sequence[Any]
) -> tuple[Shapes, Shapes, tuple[int, ...]]:
    """Return the outputs' shapes, the parameters' and the axes that are mapped over."""
    sizes = f.sizes(values)
    inputs = list(f.graph.inputs.values())
    lead = () if f.options.reduce else common_lead(values, inputs, f.signature.inputs)
    outputs = shapes_of(list(f.graph.outputs.values()), sizes)
    return outputs, shapes_of(f.wrt, sizes), lead


def _total(shapes: Shapes) -> int:
    return sum(map(prod, shapes))


def _basis(shapes: Shapes, dtypes: Sequence[str]) -> Iterator[list[Any]]:
    """Give each basis vector of a space of arrays, numbers where they have no shape."""
    for k, shape in enumerate(shapes):
        for place in np.ndindex(shape):
            vector: list[Any] = [
                np.zeros(s, d) if s else 0.0
                for s, d in zip(shapes, dtypes, strict=True)
            ]
            if shape:
                vector[k][place] = 1
            else:
                vector[k] = 1.0
            yield vector


def _joined(parts: Sequence[Any], lead: tuple[int, ...], count: int) -> Any:
    """Return arrays' elements after each other, behind the leading axes."""
    if not parts:
        return np.zeros((*lead, count))
    flat = [np.broadcast_to(p, (*lead, *np.shape(p)[len(lead) :])) for p in parts]
    return np.concatenate([p.reshape((*lead, -1)) for p in flat], axis=-1)
