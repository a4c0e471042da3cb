"""Fuse units into nests of loops, so that what is read once is used at once.

Units that loop over the same extent share a loop where whatever one reads of another
is the element made in the same turn. Then their axes inside are fused in the same way.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from overbar.codegen.invariants import moving
from overbar.codegen.lanes import gains_by_lanes
from overbar.ir.ops import OPS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from overbar.codegen.units import Unit
    from overbar.ir.graph import Node
    from overbar.ir.types import Extent

Item: TypeAlias = "Loop | Unit"
_LOAD = OPS["load"]


@dataclass(eq=False)
class Loop:
    """Run over an extent: the axis of each unit in it, and what is inside, in order.

    step: above 1, how many elements of the axis a turn takes, a strip.
    strip: the loop over strips of which this one runs over the elements.
    alone: whether it is that of a product of matrices, which no one shares.
    """

    extent: Extent
    axes: dict[Unit, int] = field(default_factory=dict)
    items: list[Item] = field(default_factory=list)
    step: int = 1
    strip: Loop | None = None
    alone: bool = False


def fuse(units: Sequence[Unit], makers: Mapping[Node, Sequence[Unit]]) -> list[Item]:
    """Return units as loops, calls and scalar statements, in order."""
    return Level(units, dict.fromkeys(units, ()), makers).items


class Level:
    """Hold what is inside of a loop (or a function), in order.

    done: the axes of each unit that loops around run along.
    apart: units that share no loop with others that have loops inside.
    """

    def __init__(
        self,
        units: Sequence[Unit],
        done: dict[Unit, tuple[int, ...]],
        makers: Mapping[Node, Sequence[Unit]],
        apart: Collection[Unit] = (),
    ) -> None:
        self.makers = makers
        self.done = done
        self.apart = apart
        self.kinds: dict[Loop, set[bool]] = {}
        self.items: list[Item] = []
        self.where: dict[Unit, int] = {}
        for unit in units:
            self._put(unit)
        self._sink()
        for item in self.items:
            if isinstance(item, Loop):
                inner = {u: (*done[u], axis) for u, axis in item.axes.items()}
                item.items = _inside(list(item.axes), inner, makers).items

    def keeps_rows(self, other: Level | None = None) -> bool:
        """Whether what one loop makes for another has no axes beside that loop's own.

        other: the same units in other loops, whose arrays do not count.
        """
        for reader, at in self.where.items():
            for maker in self._needs(reader):
                free = [
                    axis
                    for axis, probe in enumerate(maker.probe)
                    if probe in maker.place and axis not in self.done[maker]
                ]
                known = other and other.where[maker] != other.where[reader]
                if self.where[maker] != at and len(free) > 1 and not known:
                    return False
        return True

    def _put(self, unit: Unit) -> None:
        """Put a unit into the first loop that it fits, or into one of its own."""
        outermost = list(unit.outermost(self.done[unit]))
        if not outermost:
            self.where[unit] = len(self.items)
            self.items.append(unit)
            return
        if unit.stack is not None and self.done[unit]:
            self.where[unit] = len(self.items)
            axis = outermost[0]
            self.items.append(Loop(unit.extent(axis), {unit: axis}, alone=True))
            return
        found = [self._loop(unit, axis) for axis in outermost]
        best = max(range(len(found)), key=lambda k: (found[k][1], -k))
        at, axis = found[best][0], outermost[best]
        if at == len(self.items):
            self.items.append(Loop(unit.extent(axis)))
        loop = self.items[at]
        if isinstance(loop, Loop):
            loop.axes[unit] = axis
            self.kinds.setdefault(loop, set()).update(self._kind(unit))
        self.where[unit] = at

    def _needs(self, unit: Unit) -> Iterator[Unit]:
        """Yield the units that make what a unit reads, those at this level."""
        for source in unit.needs:
            for maker in self.makers.get(source, ()):
                if maker in self.where:
                    yield maker

    def _loop(self, unit: Unit, axis: int) -> tuple[int, int]:
        """Return the loop that an axis of a unit goes to, and whom it joins there.

        2 stands for a unit that it reads, 1 for others, 0 for a new loop.
        """
        first, joined = 0, set()
        for need in self._needs(unit):
            at = self.where[need]
            item = self.items[at]
            joins = isinstance(item, Loop) and follows(unit, axis, need, item)
            first = max(first, at if joins else at + 1)
            joined |= {at} if joins else set()
        if unit.laid_out and not self.done[unit]:  # beside the product that reads it
            first = max(first, len(self.items) - 1)
        for at in range(first, len(self.items)):
            item = self.items[at]
            if not isinstance(item, Loop) or not _fits(item, unit.extent(axis)):
                continue
            if len(self.kinds[item] | self._kind(unit)) < 2:
                return at, 2 if at in joined else 1
        return len(self.items), 0

    def _kind(self, unit: Unit) -> set[bool]:
        """Return whether a unit stands apart, nothing where that does not matter."""
        deep = len(unit.probe) > len(self.done[unit]) + 1
        return {True} if unit in self.apart else {False} if deep else set()

    def _sink(self) -> None:
        """Move loops into later ones over the same extent, where nothing between asks.

        What a loop makes is then used in the same turn.
        """
        for at in range(len(self.items) - 2, -1, -1):
            early = self.items[at]
            if not isinstance(early, Loop) or early.alone:
                continue
            made = {u.target for u in early.axes}
            for late in self.items[at + 1 :]:
                units = list(late.axes) if isinstance(late, Loop) else [late]
                fits = isinstance(late, Loop) and _fits(late, early.extent)
                if fits and self._fit(early, late):  # type: ignore[arg-type]
                    late.axes = {**early.axes, **late.axes}  # type: ignore[union-attr]
                    self.kinds[late] |= self.kinds[early]  # type: ignore[index]
                    self.items.remove(early)
                    break
                if any(made & set(u.needs) for u in units):
                    break

    def _fit(self, early: Loop, late: Loop) -> bool:
        return len(self.kinds[early] | self.kinds[late]) < 2 and all(
            follows(unit, axis, maker, early)
            for unit, axis in late.axes.items()
            for maker in early.axes
            if maker.target in unit.sources
        )


def _fits(loop: Loop, extent: Extent) -> bool:
    return loop.extent == extent and not loop.alone


def _inside(
    units: Sequence[Unit],
    done: dict[Unit, tuple[int, ...]],
    makers: Mapping[Node, Sequence[Unit]],
) -> Level:
    """Return what is inside of a loop; slow functions apart if that costs a row."""
    together = Level(units, done, makers)
    slow = slow_ones(units, done)
    if not slow or all(len(u.probe) <= len(done[u]) + 1 for u in units):
        return together
    apart = Level(units, done, makers, slow)
    return apart if apart.keeps_rows(together) else together


def slow_ones(
    units: Sequence[Unit], done: Mapping[Unit, Collection[int]]
) -> list[Unit]:
    """Return units with one axis left, along which an op varies that gains by lanes."""
    found = []
    for unit in units:
        left = {p for axis, p in enumerate(unit.probe) if axis not in done[unit]}
        if unit.value is not None and len(left) == 1:
            moves = moving([unit.value], left, set())
            if any(gains_by_lanes(n.op) for n in moves):
                found.append(unit)
    return found


def follows(unit: Unit, axis: int, maker: Unit, loop: Loop) -> bool:
    """Whether all that a unit reads of another was made in the same turn of a loop."""
    made = maker.probe[loop.axes[maker]]
    if made not in maker.place:
        return False
    position = maker.place.index(made)
    wanted = unit.probe[axis]
    return all(
        r.op is _LOAD and r.args[1 + position] is wanted
        for r in unit.reads
        if r is maker.target or (r.op is _LOAD and r.args[0] is maker.target)
    )
