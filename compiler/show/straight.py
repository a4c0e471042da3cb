"""Straighten links: bring what they pass to the height of one of their ends."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from overbar.show.net import Net

_NEAR = 12  # as far as a box is moved


class Line(NamedTuple):
    """Follow a link from one place to another, or to where it branches.

    way: the bends and labels that it passes; end: where it arrives, None if the way
    branches at its last bend; port: how far below the middle it arrives.
    """

    start: int
    way: list[int]
    end: int | None
    port: int


def straighten(net: Net, offsets: Sequence[Sequence[int]], y: list[int]) -> None:
    """Move places to where links are straight, as far as there is room."""
    lines = _lines(net)
    room = _Room(net, offsets, y)
    for line in lines:  # a chain of operations with one operand
        if line.end is not None and len(net.left[line.end]) == 1 == len(
            net.right[line.start]
        ):
            _move(room, [*line.way, line.end], y[line.start] - line.port)
    for line in reversed(lines):  # an input with one user
        leaf = not net.left[line.start] and len(net.right[line.start]) == 1
        if leaf and line.end is not None:
            room.level([line.start, *line.way], y[line.end] + line.port)
    for line in lines * 2:  # what moves away makes room
        _level_way(room, line)


def _lines(net: Net) -> list[Line]:
    """Return all links, cut where they branch, in the order of their columns."""
    found = []
    for column in net.columns:
        for place in column:
            if net.is_passed(place) and len(net.right[place]) == 1:
                continue  # it is passed
            for end, port in net.right[place]:
                way = []
                while net.is_passed(end):
                    way.append(end)
                    if len(net.right[end]) > 1:
                        break
                    end, port = net.right[end][0]  # noqa: PLW2901 - goes on
                arrived = not net.is_passed(end)
                found.append(Line(place, way, end if arrived else None, port))
    return found


def _move(room: _Room, places: Sequence[int], height: int) -> None:
    if abs(room.y[places[-1]] - height) <= _NEAR:
        room.level(places, height)


def _level_way(room: _Room, line: Line) -> None:
    """Bring the way to one height, that of an end if possible, else to few heights."""
    if not line.way:
        return
    y = room.y
    ends = [y[line.start]]
    if line.end is not None:
        ends.append(y[line.end] + line.port)
    middle = round(sum(y[p] for p in line.way) / len(line.way))
    ends.sort(key=lambda height: abs(height - middle))
    if any(room.level(line.way, height) for height in [*ends, middle]):
        return
    first = 0
    while first < len(line.way):
        low, high = room.of(line.way[first])
        last = first + 1
        while last < len(line.way):
            below, above = room.of(line.way[last])
            if max(low, below) > min(high, above):
                break
            low, high, last = max(low, below), min(high, above), last + 1
        for place in line.way[first:last]:
            y[place] = int(min(max(middle, low), high))
        first = last


class _Room:
    """Know between which heights a place can move, its neighbours staying."""

    def __init__(
        self, net: Net, offsets: Sequence[Sequence[int]], y: list[int]
    ) -> None:
        self.net, self.offsets, self.y = net, offsets, y
        self.index = {p: k for column in net.columns for k, p in enumerate(column)}

    def of(self, place: int) -> tuple[float, float]:
        """Return the least and the greatest height of a place."""
        number, k = self.net.column[place], self.index[place]
        column, offset = self.net.columns[number], self.offsets[number]
        low, high = -math.inf, math.inf
        if k:
            low = self.y[column[k - 1]] + offset[k] - offset[k - 1]
        if k + 1 < len(column):
            high = self.y[column[k + 1]] - offset[k + 1] + offset[k]
        return low, high

    def level(self, places: Sequence[int], height: int) -> bool:
        """Move places of different columns to one height, if all of them can."""
        for place in places:
            low, high = self.of(place)
            if not low <= height <= high:
                return False
        for place in places:
            self.y[place] = height
        return True
