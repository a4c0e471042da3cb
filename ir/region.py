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

    jump: a region further up, at a distance that makes any climb logarithmic
        (E. W. Myers, An applicative random-access stack, 1983).
    condition: that of coming here from the root, once somebody asked for it.
    """

    __slots__ = ("cond", "condition", "depth", "jump", "parent", "taken")

    def __init__(
        self, parent: Region | None, cond: Node | None, *, taken: bool
    ) -> None:
        self.parent = parent
        self.cond = cond
        self.taken = taken
        self.condition: Node | None = None
        self.depth: int = 0 if parent is None else parent.depth + 1
        self.jump: Region = self if parent is None else parent
        if parent is not None:
            far = parent.jump
            if parent.depth - far.depth == far.depth - far.jump.depth:
                self.jump = far.jump

    def at(self, depth: int) -> Region:
        """Return the region around this one at a depth, itself at its own."""
        walk = self
        while walk.depth > depth and walk.parent is not None:
            walk = walk.jump if walk.jump.depth >= depth else walk.parent
        return walk


def path(region: Region, outer: Region) -> list[Region]:
    """Return the branches that lead from `outer` (left out) into `region`."""
    steps = []
    while region is not outer and region.parent is not None:
        steps.append(region)
        region = region.parent
    return steps[::-1]


class Regions:
    """Make regions, each once."""

    def __init__(self) -> None:
        self.root = Region(None, None, taken=True)
        self._made: dict[tuple[Node, bool], dict[Region, Region]] = {}

    def inside(self, region: Region, cond: Node, *, taken: bool) -> Region:
        """Return the region within `region` where `cond` is `taken`."""
        made = self._made.setdefault((cond, taken), {})
        found = made.get(region)
        if found is not None:
            return found
        if self._knows(region, cond, made, taken=taken):
            return region
        return made.setdefault(region, Region(region, cond, taken=taken))

    @staticmethod
    def _knows(
        region: Region, cond: Node, made: dict[Region, Region], *, taken: bool
    ) -> bool:
        """Whether a region lies in one of those `made` for a condition."""
        if len(made) <= region.depth:
            return any(region.at(r.depth) is r for r in made.values())
        walk: Region | None = region
        while walk is not None:
            if walk.cond is cond and walk.taken == taken:
                return True
            walk = walk.parent
        return False

    @staticmethod
    def meet(regions: Iterable[Region]) -> Region:
        """Return the innermost region that contains all of these."""
        walk = iter(regions)
        whole = next(walk)
        for region in walk:
            depth = min(whole.depth, region.depth)
            whole, other = whole.at(depth), region.at(depth)
            while whole is not other and whole.parent and other.parent:
                if whole.jump is other.jump:
                    whole, other = whole.parent, other.parent
                else:
                    whole, other = whole.jump, other.jump
        return whole


def use_region(node: Node, i: int, region: Region, regions: Regions) -> Region:
    """Return where operand i of a node matters that itself matters in `region`.

    An op on whole arrays mixes elements: conditions on single ones hold no longer.
    """
    if node.op.chooses and i:
        return regions.inside(region, node.args[0], taken=i == 1)
    return region if node.op.shaping is None else of_all(region)


def of_all(region: Region) -> Region:
    """Return the innermost region around this one whose conditions are scalars."""
    outer = walk = region
    while walk.parent is not None and walk.cond is not None:
        if walk.cond.type.shape:
            outer = walk.parent
        walk = walk.parent
    return outer
