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
    fills each array; whole: the arrays that lie in memory with all their axes, made
    before the outermost loop; kept: those that are read after all, or are not the
    function's own.
    """
    last, viewed = _last_reads(items, kept)
    ended: dict[int, list[Node]] = {}
    for array, end in last.items():
        ended.setdefault(end, []).append(array)
    free: list[Node] = []  # what may be written over, the latest first
    found: dict[Node, Node] = {}
    for at, item in enumerate(items):
        units = list(_units(item))
        done = [s for s in ended.get(at, ()) if _own(s, makers, whole, kept)]
        for unit in units:
            target = unit.target
            if target not in whole or unit is not makers[target][0]:
                continue
            alone = len(makers[target]) == 1 and unit.kind == "set"
            plain = [s for s in done if alone and s not in viewed]
            here = [s for s in plain if _in_place(unit, s, units, loops)]
            fits = [s for s in (*here, *free) if _same(s, target)]
            if fits and unit.nest is not None:
                found[target] = fits[0]
                free = [s for s in free if s is not fits[0]]
                done = [s for s in done if s is not fits[0]]
        free = [*done, *free]
    return found


def _last_reads(
    items: Sequence[Item], kept: Collection[Node]
) -> tuple[dict[Node, int], set[Node]]:
    """Return where each array is read last, and those that a view is made of.

    What reads a view, a reshaped array say, reads the array.
    """
    last: dict[Node, int] = {}
    viewed: set[Node] = set()
    for at in reversed(range(len(items))):
        for unit in reversed(list(_units(items[at]))):
            end = at
            if _may_be_view(unit):
                viewed.update(unit.sources)
                end = len(items) if unit.target in kept else last.get(unit.target, at)
            for source in unit.sources:
                last[source] = max(last.get(source, at), end)
    return last, viewed


def _may_be_view(unit: Unit) -> bool:
    """Whether what is computed may lie in the memory of an operand."""
    return unit.nest is None and unit.target.op.nests is None


def _units(item: Item) -> Iterator[Unit]:
    """Yield what is computed by an item."""
    if isinstance(item, Loop):
        yield from item.axes
    else:
        yield item


def _own(
    array: Node,
    makers: Mapping[Node, Sequence[Unit]],
    whole: Collection[Node],
    kept: Collection[Node],
) -> bool:
    """Whether an array is fresh memory of the function's own, not returned."""
    if array in kept or array not in makers:
        return False
    # what loops could compute too, a call makes anew: it is no view of its operands
    unit = makers[array][0]
    return array in whole or (unit.nest is None and not _may_be_view(unit))


def _same(array: Node, other: Node) -> bool:
    return array.type == other.type


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
