"""Give what stands in columns heights: links as straight as the order permits."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from overbar.show.straight import straighten

if TYPE_CHECKING:
    from collections.abc import Sequence

    from overbar.show.net import Net

_SWEEPS = 24
_APART = (14, 7, 3)  # by how many of two neighbours are bends or labels
_STRAIGHT = (1.0, 2.0, 16.0)
"""Weight of a link by how many of its ends are bends (Gansner et al., section 4)."""


def heights(net: Net) -> list[int]:
    """Return the height of each place; places in a column keep their order and room.

    Each sweep moves every column to where the squared bends of its links are least.
    """
    y = [0.0] * len(net.boxes)
    offsets = [_offsets(net, column) for column in net.columns]
    for column, offset in zip(net.columns, offsets, strict=True):
        for place, below in zip(column, offset, strict=True):
            y[place] = below - offset[-1] / 2
    for sweep in range(_SWEEPS):
        numbers = range(len(net.columns))
        for k in numbers if sweep % 2 == 0 else reversed(numbers):
            _settle(net, net.columns[k], offsets[k], y)
    whole = [round(height) for height in y]
    for column, offset in zip(net.columns, offsets, strict=True):
        keep_room(column, offset, whole)
    straighten(net, offsets, whole)
    return whole


def _offsets(net: Net, column: Sequence[int]) -> list[int]:
    """Return the least distance of each place in a column from its first."""
    found = [0] if column else []
    for a, b in pairwise(column):
        apart = _APART[net.is_passed(a) + net.is_passed(b)]
        found.append(found[-1] + net.boxes[a].below + apart + net.boxes[b].above)
    return found


def _settle(
    net: Net, column: Sequence[int], offset: Sequence[int], y: list[float]
) -> None:
    """Move a column to the weighted mean of what it is linked to on both sides."""
    wanted, weights = [], []
    for place, below in zip(column, offset, strict=True):
        total = weight = 0.0
        for n, port in net.left[place]:
            strength = _strength(net, place, n)
            total, weight = total + strength * (y[n] - port), weight + strength
        for n, port in net.right[place]:
            strength = _strength(net, place, n)
            total, weight = total + strength * (y[n] + port), weight + strength
        wanted.append((total / weight if weight else y[place]) - below)
        weights.append(weight or 1.0)
    settled = increasing(wanted, weights)
    for place, below, height in zip(column, offset, settled, strict=True):
        y[place] = height + below


def _strength(net: Net, a: int, b: int) -> float:
    return _STRAIGHT[net.is_passed(a) + net.is_passed(b)]


def increasing(values: Sequence[float], weights: Sequence[float]) -> list[float]:
    """Return the nondecreasing sequence nearest to `values` in weighted squares.

    Neighbours out of order are pooled (Barlow and others, 1972); SciPy has the same,
    at half a second of imports.

    >>> increasing([1.0, 3.0, 2.0], [1.0, 1.0, 1.0])
    [1.0, 2.5, 2.5]
    """
    pools: list[tuple[float, float, int]] = []
    for value, weight in zip(values, weights, strict=True):
        total, mass, count = value * weight, weight, 1
        while pools and pools[-1][0] * mass >= total * pools[-1][1]:
            before = pools.pop()
            total, mass, count = total + before[0], mass + before[1], count + before[2]
        pools.append((total, mass, count))
    return [total / mass for total, mass, count in pools for _ in range(count)]


def keep_room(column: Sequence[int], offset: Sequence[int], y: list[int]) -> None:
    """Undo what rounding took of the distances."""
    for k in range(1, len(column)):
        least = y[column[k - 1]] + offset[k] - offset[k - 1]
        y[column[k]] = max(y[column[k]], least)
