"""Map entry points over arrays of points, and add up what they give.

Comes in: one value an input, numbers or arrays that broadcast. Goes out: one result
each, floats or arrays of the common shape; with a reduction floats alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.lib.array_utils import byte_bounds

from overbar.codegen.machine.reused import address
from overbar.ir.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def common_shape(values: Sequence[Any]) -> tuple[int, ...] | None:
    """Return the common shape of arguments, None if all are numbers."""
    if all(type(v) in {float, int, bool} for v in values):
        return None
    try:
        return np.broadcast_shapes(*(np.shape(v) for v in values)) or None
    except ValueError:
        return ()


def points_shape(values: Sequence[Any], names: Iterable[str]) -> tuple[int, ...]:
    """Return the common shape of arguments, () if all are numbers.

    Raises InputError, with the shapes by name, for values that do not broadcast.
    """
    shapes = [v.shape for v in values if isinstance(v, np.ndarray)]
    if not shapes:
        return ()
    if shapes.count(shapes[0]) == len(shapes):
        return shapes[0]  # type: ignore[no-any-return]
    try:
        return np.broadcast_shapes(*map(np.shape, values))
    except ValueError:
        found = ", ".join(
            f"{n} {np.shape(v)}" for n, v in zip(names, values, strict=False)
        )
        message = f"expected arguments that broadcast, found shapes {found}"
        raise InputError(message) from None


def fit(
    out: Sequence[Any], values: Sequence[Any], shape: tuple[int, ...], dtype: str
) -> bool:
    """Whether results of a shape can be written to arrays as they are computed.

    They must lie in C order, and share no memory with what is read or with each other.
    """
    if not all(type(a) is np.ndarray for a in out):
        return False
    kind = np.dtype(dtype)
    for a in out:
        flags = a.flags
        if (
            a.shape != shape
            or a.dtype != kind
            or not (flags.c_contiguous and flags.aligned and flags.writeable)
        ):
            return False
    return _apart(out, [v for v in values if isinstance(v, np.ndarray)])


def _apart(written: Iterable[Any], read: Iterable[Any]) -> bool:
    """Whether arrays share no memory with each other nor with others, by their ends.

    NumPy's own function takes pairs, and this is asked at every call.
    """
    ends = []
    for arrays, new in ((written, True), (read, False)):
        for a in arrays:
            if a.flags.c_contiguous:
                start = address(a)
                ends.append((start, start + a.nbytes, new))
            else:
                ends.append((*byte_bounds(a), new))
    ends.sort()
    taken = reached = 0  # by what is written, and by anything
    for start, stop, new in ends:
        if start < taken or (new and start < reached):
            return False
        reached = max(reached, stop)
        if new:
            taken = stop
    return True


def columns(values: Sequence[Any], dtype: str) -> Any:
    """Return values that broadcast as an array of a row a value, a column a point."""
    arrays = np.broadcast_arrays(*values)
    points = np.empty((len(values), arrays[0].size if arrays else 1), dtype)
    for row, array in zip(points, arrays, strict=True):
        row[:] = array.ravel()
    return points


def reduced(out: Any, reduce: str) -> list[float]:
    """Return the sum or the mean over points of each row."""
    with np.errstate(invalid="ignore"):  # the mean over no points is NaN
        return [float(r.sum() / (r.size if reduce == "mean" else 1)) for r in out]


def need_numbers(
    values: Iterable[tuple[str, Any]], what: str = "", note: str = ""
) -> None:
    """Raise InputError for an array among what a reduction takes as one number."""
    for name, value in values:
        if np.ndim(value):
            message = (
                f"expected one number for {what}{name!r}, as reduce= sums over data; "
                f"found shape {np.shape(value)}{note}"
            )
            raise InputError(message)


def flattened(result: Any) -> list[Any]:
    """Return the floats of an entry point's result, however nested."""
    if isinstance(result, tuple):
        if all(type(v) is float for v in result):
            return list(result)
        return [v for part in result for v in flattened(part)]
    if isinstance(result, np.ndarray):
        return [float(v) for v in result]
    return [float(result)]
