"""Give memory for results, where there is some that earlier results were in.

Comes in: how many vectors of how many numbers. Goes out: the vectors, none of them set.
C's library gives large pieces of memory back to the system, which clears each page when
it is touched again: that takes a good part of the time that the numbers themselves do.
So what large results were in is kept when nobody holds them any more, some of it.
"""

from __future__ import annotations

import ctypes
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

MOST = 2**27
"""Bytes that are kept."""
SMALLEST = 2**25
"""Bytes of vectors together from which on they are kept: C's library keeps what is
smaller itself (`mallopt`, M_MMAP_THRESHOLD)."""
_PAGE = 4096
_APART = 5 * 64
"""Bytes from where one vector starts in a page to where the next one does: at the same
places in pages they would share few places of the processor's caches."""

_place, _first = ctypes.addressof, ctypes.c_char.from_buffer

_kept: deque[Any] = deque()
"""Pieces of memory that nobody uses, the oldest first. Its methods are single steps, so
that threads, and objects that end meanwhile, need no lock."""


def vectors(count: int, length: int, dtype: str) -> list[Any]:
    """Return vectors without gaps of so many numbers each."""
    width = np.dtype(dtype).itemsize
    size = length * width
    if count * size < SMALLEST:
        gap = (-size % _PAGE + _APART) // width if size > _PAGE else 0
        return [*np.empty((count, length + gap), dtype)[:, :length]]
    found = []
    for start in range(0, count * _APART, _APART):
        whole = np.asarray(_Lease(_taken(size + _PAGE)))
        found.append(whole[start % _PAGE :][:size].view(dtype))
    return found


def address(array: Any) -> int:
    """Return where an array's numbers are."""
    try:  # a fifth of the time that the other way takes
        return _place(_first(array))
    except (TypeError, ValueError):  # not to be written to, or with gaps, or empty
        place: int = array.__array_interface__["data"][0]
        return place


def kept() -> int:
    """Return how many bytes are kept."""
    pieces = [*_kept]  # a tuple's memory may start a collection, whose ends add more
    return sum(piece.nbytes for piece in pieces)


def _taken(size: int) -> Any:
    for _ in range(len(_kept)):  # the last one first, of which caches may have some
        try:
            piece = _kept.pop()
        except IndexError:  # another thread was quicker
            break
        if piece.nbytes == size:
            return piece
        _kept.appendleft(piece)
    return np.empty(size, np.uint8)


def _keep(piece: Any) -> None:
    if piece.nbytes > MOST:  # others would have to go, and it as well
        return
    _kept.append(piece)
    with suppress(IndexError):  # another thread took the last
        while kept() > MOST:
            _kept.popleft()


class _Lease:
    """Hold a piece of memory for the arrays that look into it."""

    __slots__ = ("__array_interface__", "_keep", "_piece")

    def __init__(self, piece: Any, keep: Callable[[Any], None] = _keep) -> None:
        self._piece, self._keep = piece, keep
        self.__array_interface__ = piece.__array_interface__

    def __del__(self) -> None:
        """Give it back: no array is left."""
        self._keep(self._piece)
