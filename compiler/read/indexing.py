"""Index arrays: by numbers, slices and arrays as NumPy does, or by indices of loops.

`x[2*i + 1]` is a slice whose axis runs along the loop of i; `E[w[i], j]` and `A[i, i]`
read at computed places. What an index may reach is checked as the formula is read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from overbar.ir.errors import LimitError, ShapeError, UnsupportedError
from overbar.ir.graph import Node
from overbar.ir.types import extents
from overbar.read import arrays
from overbar.read.kinds import check_number
from overbar.read.labels import (
    Affine,
    Labelled,
    aligned,
    labelled,
    may_hold,
    sizes,
    union,
)
from overbar.read.lexing import short
from overbar.read.whole import static

if TYPE_CHECKING:
    from collections.abc import Sequence

    from overbar.ir.graph import Graph
    from overbar.ir.types import Extent
    from overbar.read.labels import Loop
    from overbar.read.machine import Machine
    from overbar.read.steps import Step
    from overbar.read.syntax import Part

_WHOLE = slice(None)


class Along(NamedTuple):
    """Hold an item of an indexing that runs along loops, and the axis it stands for."""

    axis: int
    value: Affine | Labelled
    at: Part


def index(machine: Machine, values: Sequence[Any], step: Step) -> Any:
    """Return what an indexing gives."""
    base, *items = values
    if type(base) in {tuple, list}:
        return _entry(machine, base, items, step)
    check_number(machine.source, step.operands[0], base)
    if not base.type.shape:
        _refuse_scalar(machine, step)
    if len(items) > 2 * machine.limits.axes:
        message = f"expected at most {2 * machine.limits.axes} indices, found"
        raise LimitError(f"{message} {len(items)}")
    items = [
        _checked(machine, item, part)
        for item, part in zip(items, step.operands[1:], strict=True)
    ]
    if type(base) is Node and not any(isinstance(i, Affine | Labelled) for i in items):
        return arrays.index(machine.graph, base, tuple(items))
    return _along(machine, labelled(machine.graph, base), items, step)


def _entry(
    machine: Machine, base: Sequence[Any], items: Sequence[Any], step: Step
) -> Any:
    """Return one of several results, as `slogdet(A)[1]`."""
    place = static(items[0]) if len(items) == 1 else None
    if not isinstance(place, int) or not -len(base) <= place < len(base):
        message = f"expected an integer from 0 to {len(base) - 1} as an index of "
        found = machine.place(step.operands[1]).text
        message += f"{len(base)} results, found {short(found)}"
        raise ShapeError(message, machine.place(step.operands[1]))
    return base[place]


def _refuse_scalar(machine: Machine, step: Step) -> None:
    name = short(machine.place(step.operands[0]).text)
    message = f"expected an array before '[', found the number {name}"
    advice = f"; an array is declared as {name[1:-1]}: data[n]"
    known = step.operands[0]
    advice = advice if getattr(known, "type", "") == "NAME" else ""
    raise ShapeError(message + advice, machine.place(step.operands[0]))


def _checked(machine: Machine, item: Any, part: Part) -> Any:
    """Return an item with integers and sizes for their nodes; refuse floats."""
    if isinstance(item, slice) or item is None or item is ...:
        return item
    check_number(machine.source, part, item)
    if type(item) is Affine and not item.terms:
        return static(machine.graph.extent(item.offset))
    if item.type.is_float:
        text = short(machine.place(part).text)
        message = f"expected an integer as an index, found {text}, which is a float"
        raise ShapeError(message, machine.place(part))
    return static(item) if type(item) is Node else item


def _along(
    machine: Machine, base: Labelled, items: Sequence[Any], step: Step
) -> Labelled:
    """Return an indexing in which loops take part."""
    graph = machine.graph
    items = _filled(machine, base, items, step)
    ahead = len(base.loops)
    parts = [_WHOLE if isinstance(i, Affine | Labelled) else i for i in items]
    node = base.node
    if any(part != _WHOLE for part in parts):
        node = arrays.index(graph, node, (*[_WHOLE] * ahead, *parts))
    found: list[Along] = []
    axis = ahead
    for k, item in enumerate(items):
        if isinstance(item, Affine | Labelled):
            found.append(Along(axis, item, step.operands[1 + k]))
        axis += isinstance(item, slice | Affine | Labelled)
    for item in found:
        if isinstance(item.value, Affine):
            _check_reach(machine, node, item, step)
    sliced, gathered = _parted(base, found)
    loops: dict[int, Loop] = dict(enumerate(base.loops))
    node = _sliced(graph, node, sliced)
    loops |= {item.axis: item.value.terms[0][0] for item in sliced}  # type: ignore[union-attr]
    if not gathered:
        return _ordered(graph, node, loops)
    return _gathered(graph, node, loops, gathered)


def _filled(
    machine: Machine, base: Labelled, items: Sequence[Any], step: Step
) -> list[Any]:
    """Return one item for each axis up to the last one given."""
    for k, item in enumerate(items):
        if item is None or (isinstance(item, Node | Labelled) and item.type.shape):
            found = short(machine.place(step.operands[1 + k]).text)
            message = f"expected numbers and slices beside indices, found {found}"
            raise UnsupportedError(message, machine.place(step.operands[1 + k]))
    rank = len(base.rest)
    given = [i for i in items if i is not ...]
    if len(given) > rank or len(items) > len(given) + 1:
        name = short(machine.place(step.operands[0]).text)
        message = f"expected at most {rank} indices of {name}, of shape "
        message += f"[{extents(base.rest)}], found {len(given)}"
        raise ShapeError(message, machine.place(step.at))
    filled: list[Any] = []
    for item in items:
        filled += [_WHOLE] * (rank - len(given)) if item is ... else [
            Labelled(item, ()) if type(item) is Node else item
        ]  # fmt: skip
    return filled


def _check_reach(machine: Machine, node: Node, item: Along, step: Step) -> None:
    """Refuse an index that may leave its array."""
    low, high = item.value.ends()  # type: ignore[union-attr]
    extent = node.type.shape[item.axis]
    below: Extent = extent - high - 1
    if may_hold(low) and may_hold(below):
        return
    place = machine.place(item.at)
    name = short(machine.place(step.operands[0]).text)
    ranges = ", ".join(
        f"{loop.name} running from {loop.start} to {loop.last}"
        for loop, _ in item.value.terms  # type: ignore[union-attr]
    )
    message = f"expected an index from 0 to {extent - 1} of {name}, of shape "
    message += f"[{extents(node.type.shape)}], found {short(place.text)} with {ranges}"
    raise ShapeError(message, place)


def _parted(base: Labelled, found: Sequence[Along]) -> tuple[list[Along], list[Along]]:
    """Return the items that are slices, and those that read at computed places.

    A loop that runs along two axes, or along one that is read, is read too.
    """
    gathered = {loop for item in found for loop in _read_by(item.value)}
    gathered |= {loop for loop in base.loops if _times(found, loop) > 0}
    gathered |= {
        loop for item in found for loop in _loops_of(item.value)
        if _times(found, loop) > 1
    }  # fmt: skip
    sliced = [
        item for item in found
        if isinstance(item.value, Affine) and gathered.isdisjoint(_loops_of(item.value))
    ]  # fmt: skip
    return sliced, [item for item in found if item not in sliced]


def _read_by(value: Affine | Labelled) -> tuple[Loop, ...]:
    loops = _loops_of(value)
    return loops if isinstance(value, Labelled) or len(loops) > 1 else ()


def _loops_of(value: Affine | Labelled) -> tuple[Loop, ...]:
    if isinstance(value, Labelled):
        return value.loops
    return tuple(loop for loop, _ in value.terms)


def _times(found: Sequence[Along], loop: Loop) -> int:
    return sum(loop in _loops_of(item.value) for item in found)


def _sliced(graph: Graph, node: Node, items: Sequence[Along]) -> Node:
    if not items:
        return node
    shape = list(node.type.shape)
    starts: list[Extent] = [0] * len(shape)
    steps = [1] * len(shape)
    for axis, value, _ in items:
        ((loop, factor),) = value.terms  # type: ignore[union-attr]
        starts[axis] = value.offset + factor * loop.start  # type: ignore[union-attr]
        steps[axis] = factor
        shape[axis] = loop.size
    return graph.make("slice", (node,), (tuple(starts), tuple(shape), tuple(steps)))


def _ordered(graph: Graph, node: Node, loops: dict[int, Loop]) -> Labelled:
    """Return an array with its loops' axes in front, outer loops first."""
    rank = len(node.type.shape)
    front = sorted(loops, key=lambda axis: loops[axis].serial)
    perm = (*front, *(axis for axis in range(rank) if axis not in loops))
    if perm != tuple(range(rank)):
        node = graph.make("transpose", (node,), (perm,))
    return Labelled(node, tuple(loops[axis] for axis in front))


def _gathered(
    graph: Graph, node: Node, loops: dict[int, Loop], items: Sequence[Along]
) -> Labelled:
    """Return an array read at computed places."""
    places = {item.axis: labelled(graph, item.value) for item in items}
    read = union(places.values())
    for axis, loop in loops.items():
        if loop in read:  # its axis holds one value for each step of the loop
            places[axis] = Labelled(graph.iota(loop.size), (loop,))
    axes = tuple(sorted(places))
    indices = aligned(graph, [places[axis] for axis in axes])
    shape = sizes(read)
    indices = [graph.spread(i, shape) if shape else i for i in indices]
    node = graph.make("gather", (node, *indices), (axes,))
    rest = [a for a in loops if a not in places]
    left = [a for a in range(len(loops) + len(node.type.shape)) if a not in places]
    found = dict(enumerate(read))
    found |= {len(read) + left.index(a): loops[a] for a in rest}
    return _ordered(graph, node, found)
