"""Say under which conditions something happens: a tree of nested branches."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from overbar.ir.graph import Node


class Region:
    """Stand for a branch: taken where `cond` is `taken`, within `parent`.

    The root region, always taken, has no parent. Regions are made by `Regions.inside`
    alone, equal ones once, and compared by identity.
    """

    __slots__ = ("cond", "depth", "parent", "taken")

    def __init__(
        self, parent: Region | None, cond: Node | None, *, taken: bool
    ) -> None:
        self.parent = parent
        self.cond = cond
        self.taken = taken
        self.depth: int = 0 if parent is None else parent.depth + 1


class Regions:
    """Make regions, each once."""

    def __init__(self) -> None:
        self.root = Region(None, None, taken=True)
        self._made: dict[tuple[Region, Node, bool], Region] = {}

    def inside(self, region: Region, cond: Node, *, taken: bool) -> Region:
        """Return the region within `region` where `cond` is `taken`."""
        walk = region
        while walk.parent is not None:  # within a branch its condition is known
            if walk.cond is cond and walk.taken == taken:
                return region
            walk = walk.parent
        key = (region, cond, taken)
        found = self._made.get(key)
        if found is None:
            found = self._made[key] = Region(region, cond, taken=taken)
        return found

    @staticmethod
    def meet(regions: Iterable[Region]) -> Region:
        """Return the innermost region that contains all of these."""
        walk = iter(regions)
        whole = next(walk)
        for other in walk:
            while other is not whole:
                left, right = whole.depth, other.depth
                if right >= left:
                    other = other.parent or other  # noqa: PLW2901 - it climbs
                if left >= right:
                    whole = whole.parent or whole
        return whole


def use_region(node: Node, i: int, region: Region, regions: Regions) -> Region:
    """Return where operand i of a node matters that itself matters in `region`."""
    if node.op.chooses and i:
        return regions.inside(region, node.args[0], taken=i == 1)
    return region
