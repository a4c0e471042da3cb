"""Order what stands in columns so that few links cross."""

from __future__ import annotations

from bisect import bisect_right, insort
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from overbar.show.net import Net

_SWEEPS = 24
_PATIENCE = 4
_PORT = 1 / 1024  # ports order the links into one box, never the boxes


def uncross(net: Net) -> None:
    """Reorder the net's columns by barycentres, keeping the best order met."""
    position = [0] * len(net.boxes)
    for column in net.columns:
        _number(column, position)
    best, fewest, waited = [list(c) for c in net.columns], crossings(net, position), 0
    for k in range(_SWEEPS):
        if fewest == 0 or waited == _PATIENCE:
            break
        sweep(net, position, forward=k % 2 == 0)
        found = crossings(net, position)
        waited += 1
        if found < fewest:
            best, fewest, waited = [list(c) for c in net.columns], found, 0
    net.columns = best


def sweep(net: Net, position: list[int], *, forward: bool) -> None:
    """Sort each column by the mean position of its neighbours on one side."""
    near = net.left if forward else net.right
    columns = net.columns if forward else net.columns[::-1]
    for column in columns[1:]:
        keys = {
            place: sum(position[n] + port * _PORT * (not forward) for n, port in links)
            / len(links)
            if (links := near[place])
            else float(position[place])
            for place in column
        }
        column.sort(key=keys.__getitem__)
        _number(column, position)


def _number(column: Sequence[int], position: list[int]) -> None:
    for i, place in enumerate(column):
        position[place] = i


def crossings(net: Net, position: Sequence[int]) -> int:
    """Return how often links between neighbouring columns cross."""
    count = 0
    for column in net.columns:
        ends: list[float] = []
        for place in column:
            arrivals = [position[n] + port * _PORT for n, port in net.right[place]]
            count += sum(len(ends) - bisect_right(ends, end) for end in arrivals)
            for end in arrivals:
                insort(ends, end)
    return count
