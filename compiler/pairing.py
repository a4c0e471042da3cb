"""Pair the elements that loops write with those that they read.

Comes in: index arrays over the turns of loops, which broadcast. Goes out: sparse
boolean matrices, elements written by elements read.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

LARGEST = 2**25
"""Entries of a pattern from which on it is not worth knowing: all may depend on all."""


class TooLargeError(Exception):
    """Stop where a pattern has too many entries."""


def checked(count: int) -> None:
    """Raise TooLargeError for more entries than are worth keeping."""
    if count > LARGEST:
        raise TooLargeError


def diagonal(chosen: Any) -> Any:
    """Return the matrix that keeps the chosen rows of another."""
    places = np.flatnonzero(chosen)
    return pairs(places, places, np.True_, (len(chosen),) * 2)


class Space:
    """Stand for all turns of loops over some extents."""

    def __init__(self, extents: Sequence[int]) -> None:
        self.extents = tuple(extents)

    def flat(self, index: Sequence[Any], shape: tuple[int, ...]) -> Any:
        """Return places in an array's memory, as an array that broadcasts."""
        place: Any = np.zeros((1,) * len(self.extents), np.int64)
        for i, n in zip(index, shape, strict=True):
            place = place * n + i
        return place

    def matrix(self, target: Any, read: Any, mask: Any, rows: int, columns: int) -> Any:
        """Return which targets are made of which elements read.

        An axis that only one of both runs along is united over apart from the others,
        so that a product of matrices takes no more room than its factors.
        """
        mask = np.asarray(mask).reshape(np.shape(mask) or (1,) * len(self.extents))
        both = [
            k
            for k in range(len(self.extents))
            if (target.shape[k] > 1 and read.shape[k] > 1) or mask.shape[k] > 1
        ]
        shared = self._numbered(both)
        count = int(shared.max()) + 1
        gather = pairs(shared, read, mask, (count, columns))
        spread = pairs(target, shared, np.True_, (rows, count))
        return spread @ gather

    def _numbered(self, axes: Sequence[int]) -> Any:
        """Return a number for each turn along some axes, to broadcast."""
        shape = [n if k in axes else 1 for k, n in enumerate(self.extents)]
        return np.arange(prod(shape)).reshape(shape)


def pairs(rows: Any, columns: Any, mask: Any, shape: tuple[int, int]) -> Any:
    """Return the matrix with an entry at each row and column, which broadcast."""
    from scipy.sparse import coo_array

    whole = np.broadcast_shapes(rows.shape, columns.shape, np.shape(mask))
    checked(prod(whole))
    keep = np.broadcast_to(mask, whole)
    at = [np.broadcast_to(a, whole)[keep] for a in (rows, columns)]
    ones = np.ones(len(at[0]), bool)
    return coo_array((ones, tuple(at)), shape=shape).tocsr()
