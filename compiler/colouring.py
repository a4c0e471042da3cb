"""Colour the columns of a pattern so that those of one colour share no row.

The columns of one colour are found by one product: with the sum of their basis vectors
(A. R. Curtis, M. J. D. Powell, J. K. Reid, On the estimation of sparse Jacobian
matrices, 1974).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def coloured(pattern: Any) -> NDArray[np.int64]:
    """Return the colour of each column of a sparse matrix, from 0.

    Greedy, in the order of the columns, which is best for bands. A row keeps its
    columns' colours in the bits of one integer.
    """
    by_column = pattern.tocsc()
    rows, ends = by_column.indices.tolist(), by_column.indptr.tolist()
    used = [0] * pattern.shape[0]
    found = np.zeros(pattern.shape[1], np.int64)
    for j in range(pattern.shape[1]):
        own = rows[ends[j] : ends[j + 1]]
        taken = 0
        for i in own:
            taken |= used[i]
        free = ~taken & (taken + 1)
        for i in own:
            used[i] |= free
        found[j] = free.bit_length() - 1
    return found


def fewest(pattern: Any) -> int:
    """Return how many colours the columns need at least: the entries of a row."""
    return int(np.diff(pattern.tocsr().indptr).max(initial=0))
