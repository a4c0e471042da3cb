"""Run a formula of numbers at many points, by code over vectors of them.

Comes in: a value an input, numbers and arrays of a common shape. Goes out: an array a
result. Arrays are read where they are, whatever their strides, and results written
where they are wanted. Where there is no such code (ops of the user's, very long
formulas), callers take the way through generated Python and Numba.
"""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from overbar.codegen.machine import store
from overbar.codegen.machine.columns import Columns, made
from overbar.codegen.machine.reused import vectors
from overbar.codegen.machine.threads import alone, share
from overbar.codegen.machine.vectors import Vectors
from overbar.ir.errors import OverbarError, UnsupportedError
from overbar.native import wanted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from overbar.entry import Entry

MOST_VERSIONS = 4
"""Versions of one entry point's code, by which of its inputs are numbers."""
_NUMBERS = {float, int, bool}


class Pointwise:
    """Make the code of one formula's entry points, each when it is first called.

    entry: gives what an entry point computes; content: a digest of all that this
    depends on, None if there is none; raises UnsupportedError for arrays.
    real: the dtype of results; strict: whether results are those of calls one by one,
    bit by bit.
    """

    def __init__(
        self,
        entry: Callable[[str], Entry],
        content: Callable[[], bytes | None],
        real: str,
        *,
        strict: bool,
    ) -> None:
        self._entry = entry
        self._content = cache(content)
        self._real = real
        self._vectors = Vectors.here(strict=strict)
        self._made: dict[tuple[str, tuple[bool, ...]], Columns] = {}
        self._versions: dict[str, int] = {}
        self._refused: dict[str, str] = {}

    def run(
        self,
        name: str,
        values: Sequence[Any],
        shape: tuple[int, ...],
        into: Sequence[Any] = (),
    ) -> Any:
        """Return an entry point's results at the points: rows, a number a point each.

        into: arrays of the results' dtype for the last of them, contiguous.
        Raises UnsupportedError where there is no such code.
        """
        flat = [v if type(v) in _NUMBERS else _line(v, shape) for v in values]
        same = tuple([type(v) in _NUMBERS or v.strides == (0,) for v in flat])
        columns = self._columns(name, same)
        count = prod(shape)
        places = [*vectors(columns.results - len(into), count, self._real), *into]
        share(columns.bound(flat, places), count, columns.cost)
        return places

    def direct(
        self, name: str, values: Sequence[Any], into: Sequence[Any]
    ) -> list[Any] | None:
        """Return what `run` does, of vectors that code takes as they are.

        None for all others, and before `run` made that code.
        """
        columns = self._made.get((name, (False,) * len(values)))
        if columns is None or columns.direct is None:
            return None
        first = values[0]
        if type(first) is not np.ndarray or not alone(first.size, columns.cost):
            return None
        missing = columns.results - len(into)
        places = [*vectors(missing, first.size, self._real), *into]
        return places if columns.direct(*values, *places) else None

    def _columns(self, name: str, same: tuple[bool, ...]) -> Columns:
        found = self._made.get((name, same))
        if found is None:
            some = self._versions.get(name, 0)
            if some >= MOST_VERSIONS and any(same):
                return self._columns(name, (False,) * len(same))
            found = self._made[name, same] = self._version(name, same)
            self._versions[name] = some + 1
        return found

    def _version(self, name: str, same: tuple[bool, ...]) -> Columns:
        """Return code from disk where it was made before."""
        content = self._content()
        if not same:
            raise UnsupportedError("expected a formula with inputs")
        if name in self._refused:
            raise UnsupportedError(self._refused[name])
        which = f"points {name} {self._real} {same} {self._vectors.kind}"
        key = store.key(content, which.encode())
        try:
            found = _kept(key)
            if found is None:
                entry = wanted(self._entry(name))
                data = made(entry, same, self._real, self._vectors)
                store.keep(key, data)
                found = Columns(data)
        except UnsupportedError as error:
            self._refused[name] = str(error)  # and it need not be derived again
            raise
        return found


def _kept(key: str) -> Columns | None:
    """Return code from disk, None where there is none, or none that can be loaded."""
    data = store.fetch(key)
    if data is not None:
        with suppress(ValueError, TypeError, LookupError, OverbarError):
            return Columns(data)
    return None


def _line(value: Any, shape: tuple[int, ...]) -> Any:
    """Return a value's numbers at the points as a vector, copied if they have to be."""
    array = np.asarray(value)
    if array.shape != shape:
        array = np.broadcast_to(array, shape)
    if not array.flags.aligned:
        array = array.copy()
    return array.reshape(-1)
