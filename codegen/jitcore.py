"""Emit the call of a core: `void core(ptr in, ptr out)`, a slot of 8 bytes a number.

Comes in: arguments of the types that `Core.kinds` says. Goes out: numbers, tuples, and
arrays in place of many numbers, as a generated function returns them.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np
from llvmlite import ir

from overbar.codegen.entry import common, kind_of, kinds_of
from overbar.codegen.jitslots import (
    DOUBLES,
    SLOT,
    WORD,
    Slots,
    call,
    cgutils,
    elements,
    load,
    place_of,
    populate_array,
    room,
    store,
    types,
)
from overbar.ir.program import LARGEST_TUPLE
from overbar.ir.types import DTYPES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from overbar.codegen.entry import Declared
    from overbar.codegen.jitargs import Code


class Core:
    """Know how to call a core by its address.

    machine: has the address, and lives as long as this does. parts: what a caller
    gives. inputs: the dtypes of all numbers that the core takes; results: of what it
    gives, nested so.
    """

    def __init__(
        self,
        machine: Any,
        parts: Sequence[Declared | tuple[Declared, ...]],
        inputs: Sequence[str],
        results: Any,
    ) -> None:
        self.machine = machine
        self.inputs = inputs
        self.results = results
        self.kinds = kinds_of(parts)
        self.returned = _returned(results)

    def emit(self, code: Code, args: Sequence[Any]) -> Any:
        """Emit the call; return the results."""
        given = self._given(code, args)
        out = room(code, _count(self.results), heap=_packs(self.results))
        call(code, self.machine.address, "core", ir.VoidType(), given, out)
        found = _result(code, out, self.results, iter(range(_count(self.results))))
        owners = [s.owner for s in (given, out) if s.owner is not None]
        code.made.extend((DOUBLES, owner) for owner in owners)
        code.drop()
        return found

    def _given(self, code: Code, args: Sequence[Any]) -> Slots:
        """Return memory with all arguments, one a slot."""
        arrays = [isinstance(kind, types.Array) for kind in self.kinds]
        if arrays == [True] and {*self.inputs} == {"float64"}:
            return Slots(elements(code, self.kinds[0], args[0]))
        slots = room(code, len(self.inputs), heap=any(arrays))
        start = 0
        for kind, value in zip(self.kinds, args, strict=True):
            if isinstance(kind, types.Array):
                rest = len(self.kinds) - 1  # the others are numbers
                dtypes = self.inputs[start : len(self.inputs) - rest]
                _spread(code, slots, dtypes, kind, value)
                start += len(dtypes)
                continue
            pairs = [(kind, value)]
            if isinstance(kind, types.BaseTuple):
                parts = cgutils.unpack_tuple(code.builder, value)
                pairs = list(zip(kind, parts, strict=True))
            for i, (of, v) in enumerate(pairs, start):
                store(code, slots, WORD(i), of, v)
            start += len(pairs)
        return slots


def _returned(results: Any) -> Any:
    """Return the Numba type of results."""
    if not isinstance(results, list):
        return kind_of(DTYPES[results])
    if len(results) > LARGEST_TUPLE:
        return kind_of(DTYPES[common(results)].of((len(results),)))
    return types.BaseTuple.from_types([_returned(part) for part in results])


def _count(results: Any) -> int:
    return sum(map(_count, results)) if isinstance(results, list) else 1


def _packs(results: Any) -> bool:
    """Whether some part of results is returned as an array."""
    if not isinstance(results, list):
        return False
    return len(results) > LARGEST_TUPLE or any(map(_packs, results))


def _result(code: Code, out: Slots, results: Any, places: Iterator[int]) -> Any:
    """Return results, put together of the slots from the next place on."""
    if not isinstance(results, list):
        return load(code, out, WORD(next(places)), kind_of(DTYPES[results]))
    if len(results) > LARGEST_TUPLE:
        first, *_ = [next(places) for _ in results]
        return _gathered(code, out, first, results)
    parts = [_result(code, out, part, places) for part in results]
    return code.context.make_tuple(code.builder, _returned(results), parts)


# -- arrays of many numbers ------------------------------------------------------------


def _runs(dtypes: Sequence[str]) -> Iterator[tuple[Any, int, int]]:
    """Yield the Numba types of stretches of one dtype, their starts and lengths."""
    start = 0
    for dtype, stretch in groupby(dtypes):
        length = len(list(stretch))
        yield kind_of(DTYPES[dtype]), start, length
        start += length


def _spread(
    code: Code, slots: Slots, dtypes: Sequence[str], kind: Any, array: Any
) -> None:
    """Store the elements of an array in the first slots."""
    element, data = kind.dtype, elements(code, kind, array)
    size = code.context.get_abi_sizeof(code.context.get_data_type(element))
    for to, start, length in _runs(dtypes):
        with cgutils.for_range(code.builder, WORD(length)) as loop:
            place = code.builder.add(loop.index, WORD(start))
            at = place_of(code, data, place, element, size)
            value = code.context.unpack_value(code.builder, element, at)
            store(code, slots, place, to, code.cast(value, element, to))


def _gathered(code: Code, out: Slots, first: int, dtypes: Sequence[str]) -> Any:
    """Return an array of the slots from the first on."""
    context, builder = code.context, code.builder
    kind = _returned(dtypes)
    if {*dtypes} == {"float64"}:
        return _viewed(code, out, first, len(dtypes))
    made = code.call(_maker(kind.dtype), kind, types.intp, WORD(len(dtypes)))
    data, element = elements(code, kind, made), kind.dtype
    size = context.get_abi_sizeof(context.get_data_type(element))
    for of, start, length in _runs(dtypes):
        with cgutils.for_range(builder, WORD(length)) as loop:
            place = builder.add(loop.index, WORD(start))
            value = load(code, out, builder.add(place, WORD(first)), of)
            at = place_of(code, data, place, element, size)
            context.pack_value(builder, element, code.cast(value, of, element), at)
    return made


def _maker(dtype: Any) -> Any:
    element = np.dtype(str(dtype)).type

    def made(count: int) -> Any:
        return np.empty(count, element)

    return made


def _viewed(code: Code, out: Slots, first: int, count: int) -> Any:
    """Return slots as an array, which keeps their memory."""
    context, builder = code.context, code.builder
    owner = context.make_array(DOUBLES)(context, builder, out.owner)
    view = context.make_array(DOUBLES)(context, builder)
    populate_array(
        view,
        data=place_of(code, out.pointer, WORD(first), types.float64),
        shape=[WORD(count)],
        strides=[WORD(SLOT)],
        itemsize=WORD(SLOT),
        meminfo=owner.meminfo,
    )
    value = view._getvalue()  # noqa: SLF001 - Numba's name for it
    context.nrt.incref(builder, DOUBLES, value)
    return value
