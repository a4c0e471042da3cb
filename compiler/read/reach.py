"""Find out how far the free indices of `z[i] = x[i + 1] - x[i]` run.

Comes in: where arrays are indexed, noted before the formula itself is computed. Goes
out: the loops with their extents, as far as every array that they go through.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from overbar.ir.errors import ShapeError
from overbar.ir.types import extents
from overbar.read.labels import Affine, at_least_zero, floor_divide
from overbar.read.lexing import short

if TYPE_CHECKING:
    from collections.abc import Sequence

    from overbar.ir.types import Extent
    from overbar.read.labels import Loop
    from overbar.read.machine import Machine
    from overbar.read.steps import Step
    from overbar.read.syntax import Part


class Access(NamedTuple):
    """Hold where an array is indexed by a loop: what for, along which axis."""

    base: Any
    axis: int
    value: Any
    at: Part
    named: str


def access(machine: Machine, values: Sequence[Any], step: Step) -> Any:
    """Note that an array is indexed by a loop."""
    base, value = values
    name = short(machine.place(step.operands[0]).text)
    return Access(base, 0, value, step.operands[1], name)


def placed(_machine: Machine, values: Sequence[Any], _step: Step) -> Any:
    """Add to such a note which axis is indexed."""
    found, axis = values
    return found._replace(axis=axis)


def settle(machine: Machine, values: Sequence[Any], _step: Step) -> None:
    """Find out how far free indices run: as far as all arrays go."""
    accesses = [v for v in values if isinstance(v, Access)]
    accesses = [a for a in accesses if isinstance(a.value, Affine) and a.value.terms]
    while True:
        bounds: dict[Loop, list[tuple[Access, Extent]]] = {}
        for access in accesses:
            free = [loop for loop, _ in access.value.terms if loop.extent is None]
            shape = getattr(getattr(access.base, "type", None), "shape", ())
            if len(free) == 1 and -len(shape) <= access.axis < len(shape):
                bound = _bound(machine, access, free[0], shape[access.axis])
                bounds.setdefault(free[0], []).append((access, bound))
        if not bounds:
            return
        for loop, found in bounds.items():
            loop.extent = _common(machine, loop, found)


def _bound(machine: Machine, access: Access, loop: Loop, size: Extent) -> Extent:
    """Return how many steps of a loop an array has room for."""
    value: Affine = access.value
    factor = dict(value.terms)[loop]
    rest = value.plus(Affine(((loop, 1),), 0), -factor)
    low, high = rest.ends()
    if factor < 0:
        return floor_divide(low, -factor) + 1
    if not at_least_zero(low):
        span = machine.place(access.at)
        message = f"expected an index from 0 on where {loop.name} is 0, found "
        message += f"{short(span.text)}; count from there, as in x[i + 1] - x[i]"
        raise ShapeError(message, span)
    return floor_divide(size - high + (factor - 1), factor)


def _common(
    machine: Machine, loop: Loop, found: Sequence[tuple[Access, Extent]]
) -> Extent:
    """Return the extent that all uses of a free index allow.

    Arrays that it goes through step by step have one extent; where an array is indexed
    at an offset too, the index stops earlier.
    """
    plain = Affine(((loop, 1),), 0)
    shifted = {a.base for a, _ in found if a.value != plain}
    exact = [(a, e) for a, e in found if a.base not in shifted]
    least = (exact or found)[0]
    for access, extent in found:
        if access.base not in shifted and extent != exact[0][1]:
            raise _disagreement(machine, loop, exact[0], (access, extent))
        if at_least_zero(extent - least[1]):
            continue
        if not at_least_zero(least[1] - extent):
            raise _disagreement(machine, loop, least, (access, extent))
        least = (access, extent)
    if isinstance(least[1], int) and least[1] < 0:
        message = f"expected an array that the index {loop.name!r} fits into, found "
        message += f"{least[0].named}, of shape [{extents(least[0].base.type.shape)}]"
        raise ShapeError(message, machine.place(least[0].at))
    return least[1]


def _disagreement(
    machine: Machine, loop: Loop, one: tuple[Access, Extent],
    other: tuple[Access, Extent],
) -> ShapeError:  # fmt: skip
    first, second = (
        f"{size} by {a.named}, of shape [{extents(a.base.type.shape)}]"
        for a, size in (one, other)
    )
    message = f"expected one extent of the index {loop.name!r}, found {first}"
    message += f", and {second}"
    return ShapeError(message, machine.place(other[0].at))
