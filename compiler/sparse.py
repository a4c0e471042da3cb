"""Form Jacobians and Hessians as sparse matrices with their structural pattern.

Comes in: a shaped function and bound arguments. Goes out: a SciPy CSR array, output
elements by parameter elements in C order, with an entry wherever one may differ from
zero. Columns (or rows) that share no row (column) are found by one product.
"""

from __future__ import annotations

from itertools import accumulate, pairwise
from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from overbar.batch import common_lead
from overbar.blocks import hessian_matrix, jacobian_matrix, shapes_of
from overbar.colouring import coloured, fewest
from overbar.ir.errors import InputError
from overbar.ir.program import leaves
from overbar.patterns import Found, everything, pattern
from overbar.results import named
from overbar.sizes import REFUSALS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from overbar.blocks import Shapes
    from overbar.function import CompiledFunction

_MOST_KEPT = 16
"""Patterns that a formula remembers, each for its sizes."""


class Plan(NamedTuple):
    """Say how the entries of a pattern are found.

    pattern: the matrix's, in order.
    entry: the entry point of a product; colours: of the columns that it takes (rows,
        where `turned`); no entry where the whole matrix is as soon filled.
    """

    pattern: Any
    entry: str = ""
    colours: Any = None
    turned: bool = False


def sparse_jacobian(f: CompiledFunction, values: list[Any]) -> Any:
    """Return the partials of all outputs' elements as a CSR array."""
    sizes = _sizes(f, values, "jacobian")
    rows, columns = _spaces(f, sizes)
    plan = _plan(f, "jacobian", values, sizes)
    if not plan.entry:
        return _picked(plan.pattern, jacobian_matrix(f, values))
    given, taken = (rows, columns) if plan.turned else (columns, rows)
    return _swept(f, plan, values, given, taken)


def sparse_hessian(f: CompiledFunction, values: list[Any]) -> Any:
    """Return the Hessian over all parameters' elements as a CSR array."""
    sizes = _sizes(f, values, "hessian")
    plan = _plan(f, "hessian", values, sizes)
    if not plan.entry:
        return _picked(plan.pattern, hessian_matrix(f, values))
    _, params = _spaces(f, sizes)
    found = _swept(f, plan, values, params, params)
    turned = found.T.tocsr()  # its pattern is the same: symmetric to the last bit
    above = _rows(found) < found.indices
    found.data[above] = turned.data[above]
    return found


def jacobian_by_name(f: CompiledFunction, values: list[Any]) -> Any:
    """Return the Jacobian by name of `wrt`, bare for a single name.

    Of several outputs, of which one is an array, each has its own block by name.
    """
    rows, columns = _spaces(f, f.sizes(values))
    apart = len(rows) > 1 and any(rows)
    blocks = _blocks(sparse_jacobian(f, values), rows if apart else None, columns)
    parts = [
        named(tuple(f.graph.outputs), part) if apart else part[0]
        for part in zip(*blocks, strict=True)
    ]
    return parts[0] if f.options.bare else named(f.options.wrt, parts)


def hessian_by_name(f: CompiledFunction, values: list[Any]) -> Any:
    """Return the Hessian by pair of names, bare for a single name."""
    _, params = _spaces(f, f.sizes(values))
    blocks = _blocks(sparse_hessian(f, values), params, params)
    if f.options.bare:
        return blocks[0][0]
    names = f.options.wrt
    return named(names, [named(names, row) for row in blocks])


def _blocks(matrix: Any, above: Shapes | None, beside: Shapes) -> list[list[Any]]:
    """Return a CSR array's blocks, with a row for each element of `above`."""
    tops = [0, matrix.shape[0]] if above is None else _ends(above)
    lefts = _ends(beside)
    return [
        [matrix[top:end, left:right] for left, right in pairwise(lefts)]
        for top, end in pairwise(tops)
    ]


def _ends(shapes: Shapes) -> list[int]:
    return [0, *accumulate(map(prod, shapes))]


def _spaces(f: CompiledFunction, sizes: Mapping[str, int]) -> tuple[Shapes, Shapes]:
    """Return the shapes of the outputs and of the parameters."""
    d = f.derivation
    return shapes_of(d.values, sizes), shapes_of(d.wrt, sizes)


def _sizes(f: CompiledFunction, values: Sequence[Any], what: str) -> Mapping[str, int]:
    """Return the sizes of one point; refuse axes in front and sums over points."""
    inputs = list(f.graph.inputs.values())
    lead = common_lead(values, inputs, f.signature.inputs)
    if lead or f.options.reduce is not None:
        found = f"leading axes {lead}" if lead else f"reduce={f.options.reduce!r}"
        message = f"{what} with sparse=True expects one point, found {found}"
        raise InputError(message)
    return f.sizes(values)


def _plan(
    f: CompiledFunction, what: str, values: Sequence[Any], sizes: Mapping[str, int]
) -> Plan:
    """Return the plan for sizes, made anew where it depends on index data."""
    key = (what, *sizes.items())
    known = f.plans.get(key)
    if known is not None:
        return known
    found = _found(f, what, values, sizes)
    plan = _chosen(what, found.entries)
    if found.fixed:
        if len(f.plans) >= _MOST_KEPT:
            f.plans.clear()
        f.plans[key] = plan
    return plan


def _found(
    f: CompiledFunction, what: str, values: Sequence[Any], sizes: Mapping[str, int]
) -> Found:
    """Return the pattern: of numbers what is no constant 0, else what loops tell."""
    if not any(any(shapes) for shapes in _spaces(f, sizes)):
        nodes = leaves(f.runtime.entry(what).program.result)
        rows = f.square(nodes) if what == "hessian" else [nodes]
        entries = np.array([[not n.equals(0) for n in row] for row in rows], bool)
        n = len(f.derivation.wrt)
        from scipy.sparse import csr_array

        return Found(csr_array(entries.reshape(-1, n)), fixed=True)
    inputs = dict(zip(f.signature.inputs, values, strict=True))
    with f.runtime.lock:
        graph, roots = f.derivation.structure(what)
        wrt = [graph.inputs[n] for n in f.options.wrt]
        try:
            return pattern(graph, roots, wrt, inputs, sizes)
        except REFUSALS:  # as what runs refuses these values
            return Found(everything(roots, wrt, sizes), fixed=False)


def _chosen(what: str, entries: Any) -> Plan:
    """Return the cheapest plan for a pattern."""
    if what == "hessian":
        both = entries.multiply(entries.T).tocsr()  # each holds all entries
        return _compressed(_ordered(both), "hvp", turned=False)
    entries = _ordered(entries)
    turned = fewest(entries.T) < fewest(entries)
    return _compressed(entries, "vjp" if turned else "jvp", turned=turned)


def _compressed(entries: Any, entry: str, *, turned: bool) -> Plan:
    """Return a plan with colours, where they are few beside rows and columns."""
    view = entries.T if turned else entries
    if 2 * fewest(view) > min(entries.shape):
        return Plan(entries)
    return Plan(entries, entry, coloured(view), turned)


def _ordered(entries: Any) -> Any:
    entries.sum_duplicates()
    entries.sort_indices()
    return entries


def _picked(entries: Any, matrix: Any) -> Any:
    """Return the entries of a full matrix."""
    return _filled(entries, matrix[_rows(entries), entries.indices])


def _rows(matrix: Any) -> Any:
    """Return the row of each entry."""
    return np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))


def _filled(entries: Any, data: Any) -> Any:
    """Return a matrix of a pattern, which it shares with nothing."""
    from scipy.sparse import csr_array

    parts = (data, entries.indices.copy(), entries.indptr.copy())
    return csr_array(parts, shape=entries.shape)


def _swept(
    f: CompiledFunction, plan: Plan, values: list[Any], given: Shapes, taken: Shapes
) -> Any:
    """Return the matrix by one product a colour.

    given: the shapes that a product's argument has; taken: those of its results.
    """
    count = int(plan.colours.max(initial=-1)) + 1
    real = f.graph.real.dtype
    found = np.empty((count, sum(map(prod, taken))), real)
    for colour in range(count):
        whole = (plan.colours == colour).astype(real)
        parts = f.run_entry(plan.entry, [*values, *_parts(whole, given)])
        found[colour] = np.concatenate([np.ravel(p) for p in parts])
    entries = plan.pattern
    rows, columns = _rows(entries), entries.indices
    first, other = (rows, columns) if plan.turned else (columns, rows)
    return _filled(entries, found[plan.colours[first], other])


def _parts(whole: Any, shapes: Shapes) -> list[Any]:
    """Return a vector's parts in their shapes, numbers where they have none."""
    found: list[Any] = []
    start = 0
    for shape in shapes:
        part = whole[start : start + prod(shape)]
        found.append(part.reshape(shape) if shape else float(part[0]))
        start += prod(shape)
    return found
