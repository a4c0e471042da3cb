"""The op table: one row an operation, with everything about it.

>>> OPS["exp"].domain
((-inf, inf),)
"""

from __future__ import annotations

from overbar.ir.errors import UnsupportedError
from overbar.ir.ops import (
    arithmetic,
    cancelling,
    contract,
    determinants,
    eigen,
    elementary,
    factors,
    indexing,
    joins,
    logic,
    masks,
    piecewise,
    products,
    ratios,
    reduce,
    shapes,
    slices,
    softmax,
    solving,
    special,
    stable,
    structure,
    sums,
)
from overbar.ir.ops.row import Op, apply

TABLES = (
    structure,
    arithmetic,
    elementary,
    special,
    stable,
    ratios,
    cancelling,
    piecewise,
    logic,
    shapes,
    slices,
    joins,
    contract,
    products,
    reduce,
    sums,
    softmax,
    indexing,
    masks,
    solving,
    factors,
    determinants,
    eigen,
)
OPS: dict[str, Op] = {row.name: row for table in TABLES for row in table.ROWS}
OWN = frozenset(OPS.values())
"""Overbar's own rows: those that users add to the table are not among them."""


def lookup(name: str) -> Op:
    """Return the row of a name.

    Raises UnsupportedError for a name that is not in the table, such as a user's own
    op that has not been registered in this process.
    """
    try:
        return OPS[name]
    except KeyError:
        message = (
            f"expected an operation of the op table, found {name!r}; an operation of "
            "your own has to be registered with ob.op before it is loaded"
        )
        raise UnsupportedError(message) from None


__all__ = ["OPS", "OWN", "Op", "apply", "lookup"]
