"""Hold boxes and links as a net of places in columns, which the layout's steps move."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from overbar.ir.errors import LimitError

MOST_PLACES = 50_000
"""Boxes, labels and bends together, from which on a picture helps nobody."""


class Box(NamedTuple):
    """Size a box: its width, and its extent above and below the line through it."""

    width: int
    above: int
    below: int


BEND = Box(0, 3, 3)


@dataclass(slots=True)
class Net:
    """Hold what stands in the columns: boxes first, then labels and bends.

    column: of each place; columns: the places in each, from the top; left, right: the
    neighbours of each place, with the port at which a link arrives there; count: how
    many of the places are boxes, rather than passed by a link.
    """

    boxes: list[Box] = field(default_factory=list)
    column: list[int] = field(default_factory=list)
    columns: list[list[int]] = field(default_factory=list)
    left: list[list[tuple[int, int]]] = field(default_factory=list)
    right: list[list[tuple[int, int]]] = field(default_factory=list)
    count: int = 0

    def is_passed(self, place: int) -> bool:
        """Whether a place is a bend or label on a link's way."""
        return place >= self.count

    def add(self, box: Box, column: int) -> int:
        """Return a new place in a column."""
        place = len(self.boxes)
        if place >= MOST_PLACES:
            message = (
                f"expected a drawing of at most {MOST_PLACES} boxes and bends, found "
                "more: draw a part of the formula, write it for Graphviz (dot) or "
                "print its text"
            )
            raise LimitError(message)
        self.boxes.append(box)
        self.column.append(column)
        self.left.append([])
        self.right.append([])
        return place

    def join(self, a: int, b: int, port: int = 0) -> None:
        """Link two places in neighbouring columns."""
        self.right[a].append((b, port))
        self.left[b].append((a, port))

    def part(self, place: int) -> None:
        """Undo all links that arrive at a place."""
        for source, _ in self.left[place]:
            kept = [pair for pair in self.right[source] if pair[0] != place]
            self.right[source] = kept
        self.left[place] = []
