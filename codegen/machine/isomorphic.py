"""Tell pieces apart that do not compute the same.

Comes in: pieces, a row of nodes each, whose columns look alike. Goes out: groups of
rows that are isomorphic: the same ops and attributes over operands of the same dtypes,
wired in the same way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from overbar.codegen.machine.patterns import Flat

# NumPy's arrays, of integers.
Array = Any

FEWEST = 8
"""Pieces that are worth a loop."""
OUTSIDE, NOTHING = -3, -4
"""Of an operand that another piece computes, and of none: not what inputs and constants
are (see `Flat`)."""


def isomorphic(flat: Flat, rows: Array) -> Iterator[Array]:
    """Return groups of rows that compute the same, in columns that do it in order."""
    rows = rows[:, np.argsort(rows[0], kind="stable")]
    signs = np.concatenate([flat.kind[rows], _operands(flat, rows)], axis=1)
    _, first, which = np.unique(_hashed(signs), return_index=True, return_inverse=True)
    for sign, start in enumerate(first):
        same = np.flatnonzero(which.ravel() == sign)
        same = same[(signs[same] == signs[start]).all(axis=1)]
        if len(same) >= FEWEST:
            yield rows[same]


def _hashed(signs: Array) -> Array:
    """Return a number for each row."""
    weights = np.random.default_rng(1).integers(1, 2**62, signs.shape[1])
    return (signs * weights).sum(axis=1)


def _operands(flat: Flat, rows: Array) -> Array:
    """Return what the operands of a row are: a column of it, or what else."""
    counts = (flat.starts[1:] - flat.starts[:-1])[rows]
    most = counts.max()
    column = np.full(len(flat.kind), -1)
    home = np.full(len(flat.kind), -1)
    column[rows] = np.arange(rows.shape[1])
    home[rows] = np.arange(len(rows))[:, None]
    found = []
    for place in range(most):
        there = counts > place
        edge = np.where(there, flat.starts[rows] + place, 0)
        source = flat.source[edge]
        own = home[source] == np.arange(len(rows))[:, None]
        outer = np.where(flat.kind[source] < 0, flat.kind[source], OUTSIDE)
        sign = np.where(own, column[source], outer)
        found.append(np.where(there, sign, NOTHING))
    return np.concatenate(found, axis=1)
