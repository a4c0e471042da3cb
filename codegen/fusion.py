"""Fuse units into nests of loops, so that what is read once is used at once.

Units that loop over the same extent share a loop where whatever one reads of another
is the element made in the same turn. Then their axes inside are fused in the same way.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from overbar.ir.ops import OPS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from overbar.codegen.units import Unit
    from overbar.ir.graph import Node
    from overbar.ir.types import Extent

Item: TypeAlias = "Loop | Unit"
_LOAD = OPS["load"]


@dataclass(eq=False)
class Loop:
    """Run over an extent: the axis of each unit in it, and what is inside, in order."""

    extent: Extent
    axes: dict[Unit, int] = field(default_factory=dict)
    items: list[Item] = field(default_factory=list)


def fuse(units: Sequence[Unit]) -> list[Item]:
    """Return units as loops, calls and scalar statements, in order."""
    makers: dict[Node, list[Unit]] = {}
    for unit in units:
        makers.setdefault(unit.target, []).append(unit)
    return _level(units, dict.fromkeys(units, 0), makers)


def _level(
    units: Sequence[Unit], depth: dict[Unit, int], makers: dict[Node, list[Unit]]
) -> list[Item]:
    """Return what is inside a loop (or a function) in order, all units one level in."""
    items: list[Item] = []
    where: dict[Unit, int] = {}
    for unit in units:
        needs = [m for s in unit.sources for m in makers.get(s, ()) if m in where]
        if depth[unit] == len(unit.order):
            where[unit] = len(items)
            items.append(unit)
            continue
        axis = unit.order[depth[unit]]
        extent = unit.nest.extents[axis]  # type: ignore[union-attr]
        first = 0
        for need in needs:
            at = where[need]
            item = items[at]
            joins = isinstance(item, Loop) and _follows(unit, axis, need, item)
            first = max(first, at if joins else at + 1)
        for at in range(first, len(items)):
            item = items[at]
            if isinstance(item, Loop) and item.extent == extent:
                break
        else:
            at, item = len(items), Loop(extent)
            items.append(item)
        item.axes[unit] = axis
        where[unit] = at
    for item in items:
        if isinstance(item, Loop):
            inner = {u: depth[u] + 1 for u in item.axes}
            item.items = _level(list(item.axes), inner, makers)
    return items


def _follows(unit: Unit, axis: int, maker: Unit, loop: Loop) -> bool:
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
