"""Cut loops over one long axis into strips: arrays between them stay small.

What one loop over all elements makes for the next would go through memory. Where both
run over a strip of some hundred elements at a time, it stays in the processor's cache,
in an array of a strip's length, and innermost loops still run in vector lanes. So may
functions that stand in a loop with others inside, once they have a loop of their own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from overbar.codegen.fusion import Level, Loop, follows, slow_ones

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from overbar.codegen.fusion import Item
    from overbar.codegen.units import Unit
    from overbar.ir.graph import Node

STRIP = 256
"""Elements of a strip: 2 KiB an array, so that a dozen fit into the first cache."""

MOST_AXES = 2
"""Axes of what runs over strips: one more loop a strip costs little, two cost more."""


def cut_into_strips(
    items: Sequence[Item],
    makers: Mapping[Node, Sequence[Unit]],
    readers: Mapping[Node, Sequence[Unit]],
    kept: Collection[Node],
) -> list[Item]:
    """Return what a function does, chains of loops cut where that saves arrays.

    makers, readers: the units that fill and that read an array; kept: the arrays that
    are returned, which gain nothing.
    """
    return _Strips(makers, readers, kept).cut(items)


@dataclass
class _Strips:
    """Hold who makes and reads what."""

    makers: Mapping[Node, Sequence[Unit]]
    readers: Mapping[Node, Sequence[Unit]]
    kept: Collection[Node]

    def cut(self, items: Sequence[Item]) -> list[Item]:
        """Return items in order, each chain of loops cut where that pays."""
        found: list[Item] = []
        chain: list[Loop] = []
        for item in [*items, None]:
            if isinstance(item, Loop):
                chain.append(item)
                continue
            while chain:
                done, chain = self._first(chain)
                found += done
            found += [item] if item is not None else []
        return found

    def _first(self, chain: list[Loop]) -> tuple[Sequence[Item], list[Loop]]:
        """Return a chain up to the first strips that gain, and the rest of it."""
        place = {u: k for k, loop in enumerate(chain) for u in loop.axes}
        extents = [u.extent(a) for u in place for a in range(len(u.probe))]
        for extent in dict.fromkeys(extents):
            strip = Loop(extent, step=STRIP)
            before, after = self._choose(list(place), strip)
            if not self._pays(strip, place):
                continue
            for loop in _loops(strip.items):
                if loop.extent == extent:
                    loop.strip = strip
            rest = [x for x in self._fused(after) if isinstance(x, Loop)]
            return [*self._fused(before), strip], rest
        return chain, []

    def _pays(self, strip: Loop, place: Mapping[Unit, int]) -> bool:
        """Fuse what is in a strip, and return whether that gains anything.

        Either an array between loops becomes small, and all loops over the strip are
        innermost; or what is slow gets a loop of its own, at the price of arrays with
        no other axes than the strip's.
        """
        units = list(strip.axes)
        strip.items = self._fused(units)
        inside = [x for x in _loops(strip.items) if x.extent == strip.extent]
        innermost = not any(isinstance(y, Loop) for x in inside for y in x.items)
        if innermost and self._saves(strip, place):
            return True
        done: dict[Unit, tuple[int, ...]] = dict.fromkeys(units, ())
        slow = slow_ones(units, done)
        if innermost or not slow:
            return False
        level = Level(units, done, self.makers, slow)
        strip.items = level.items
        loops = [x for x in strip.items if isinstance(x, Loop)]
        return all(x.extent == strip.extent for x in loops) and level.keeps_rows()

    def _fused(self, units: Sequence[Unit]) -> list[Item]:
        return Level(units, dict.fromkeys(units, ()), self.makers).items

    def _choose(
        self, units: Sequence[Unit], strip: Loop
    ) -> tuple[list[Unit], list[Unit]]:
        """Put units into a strip; return those that go before and those after it."""
        before: list[Unit] = []
        after: dict[Unit, None] = {}
        for unit in units:
            sources = [m for s in unit.needs for m in self.makers.get(s, ())]
            inside = [m for m in sources if m in strip.axes]
            late = any(m in after for m in sources)
            axes = [a for a in range(len(unit.probe)) if unit.extent(a) == strip.extent]
            whole = unit.stack is not None or unit.laid_out  # a matrix stays whole
            fits = len(axes) == 1 and not whole and len(unit.probe) <= MOST_AXES
            fits = fits and all(follows(unit, axes[0], m, strip) for m in inside)
            if fits and not late:
                strip.axes[unit] = axes[0]
            elif inside or late:
                after[unit] = None
            else:
                before.append(unit)
        return before, list(after)

    def _saves(self, strip: Loop, place: Mapping[Unit, int]) -> bool:
        """Whether an array from one loop to another needs only a strip's length.

        place: which loop each unit is in without strips.
        """
        for unit, axis in strip.axes.items():
            target = unit.target
            users = self.readers.get(target, ())
            mine = self.makers[target] == [unit] and target not in self.kept
            flat = len(target.type.shape) == 1 and unit.probe[axis] in unit.place
            inside = all(u in strip.axes for u in users)
            if mine and flat and inside and any(place[u] != place[unit] for u in users):
                return True
        return False


def _loops(items: Sequence[Item]) -> Iterator[Loop]:
    """Yield the loops among items, and inside of them."""
    stack = list(items)
    for item in stack:  # grows while it is walked
        if isinstance(item, Loop):
            stack += item.items
            yield item
