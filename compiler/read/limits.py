"""Set the budgets of a text: what a stranger's file may ask of us."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Hold the budgets; exceeding one is a `LimitError`.

    characters: of the whole text.
    operations: written, made by inlining functions, and nodes of the graph.
    nesting: of parentheses.
    digits: of an integer, written or computed.
    axes: of an array.
    """

    characters: int = 8 * 2**20
    operations: int = 200_000
    nesting: int = 100_000
    digits: int = 10_000
    axes: int = 32

    @property
    def words(self) -> int:
        """The number of names, numbers and signs: a few for every operation."""
        return 5 * self.operations


LIMITS = Limits()
"""What readers apply unless told otherwise."""
