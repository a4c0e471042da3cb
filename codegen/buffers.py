"""Find arrays that may be written where another lies that is not needed any more.

Fresh memory costs more than arithmetic does: the system hands it out page by page.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from overbar.codegen.fusion import Loop
from overbar.ir.ops import OPS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from overbar.codegen.fusion import Item
    from overbar.codegen.units import Unit
    from overbar.ir.graph import Node

_LOAD = OPS["load"]


def reused(
    items: Sequence[Item],
    loops: Mapping[Unit, tuple[Loop, ...]],
    makers: Mapping[Node, Sequence[Unit]],
    whole: Collection[Node],
    kept: Collection[Node],
) -> dict[Node, Node]:
    """Return arrays by the one whose memory they take.

    items: what a function does, in order; loops: those around each unit; makers: what
    fills each array; whole: the arrays with all their axes in memory, made before a
    loop; kept: those that are read after all, or are not the function's own.
    """
    last = {
        s: k for k, item in enumerate(items) for u in _units(item) for s in u.sources
    }
    own = _own(items, makers, whole, kept)
    free: list[Node] = []  # what may be written over, the latest first
    found: dict[Node, Node] = {}
    for at, item in enumerate(items):
        units = list(_units(item))
        read = dict.fromkeys(s for u in units for s in u.sources)
        done = [s for s in read if last[s] == at and s in own]
        for unit in units:
            target = unit.target
            if target in whole and unit is makers[target][0]:
                alone = len(makers[target]) == 1 and unit.kind == "set"
                here = [s for s in done if alone and _in_place(unit, s, units, loops)]
                fits = (s for s in (*here, *free) if s.type == target.type)
                taken = next(fits, None)
                if taken is not None:
                    found[target] = taken
                    done = [s for s in done if s is not taken]
                    free = [s for s in free if s is not taken]
        free = [*done, *free]
    return found


def _units(item: Item) -> Iterator[Unit]:
    """Yield what is computed by an item."""
    if isinstance(item, Loop):
        yield from item.axes
    else:
        yield item


def _own(
    items: Sequence[Item],
    makers: Mapping[Node, Sequence[Unit]],
    whole: Collection[Node],
    kept: Collection[Node],
) -> set[Node]:
    """Return the arrays that are fresh memory, not returned and seen under one name.

    What loops could compute too, a call makes anew; another one's result may be a view
    of what it is given.
    """
    calls = [u for item in items for u in _units(item) if u.nest is None]
    viewed = {s for u in calls if u.target.op.nests is None for s in u.sources}
    fresh = {*whole, *(u.target for u in calls if u.target.op.nests is not None)}
    return {n for n in fresh if n in makers and n not in kept and n not in viewed}


def _in_place(
    unit: Unit,
    array: Node,
    units: Sequence[Unit],
    loops: Mapping[Unit, tuple[Loop, ...]],
) -> bool:
    """Whether a unit may write over an array that it reads.

    It reads each element where it writes. Nothing else there reads the array, and the
    result only what is computed with it, from variables.
    """
    if any(u is not unit and (u.target is array or array in u.sources) for u in units):
        return False
    around = loops[unit]
    readers = [u for u in units if unit.target in u.sources]
    together = bool(around) and not any(isinstance(x, Loop) for x in around[-1].items)
    if readers and not (together and all(loops[u] == around for u in readers)):
        return False
    reads = [r for r in unit.reads if r.op is _LOAD and r.args[0] is array]
    return set(unit.place) == set(unit.probe) and all(
        r.args[1:] == unit.place for r in reads
    )
