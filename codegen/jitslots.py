"""Emit memory in slots of 8 bytes, as cores take and give numbers.

Comes in: values of Numba types. Goes out: code that puts them in slots and reads them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba.core import cgutils as numba_cgutils
from numba.core import types as numba_types
from numba.np import arrayobj

if TYPE_CHECKING:
    from collections.abc import Sequence

    from overbar.codegen.jitargs import Code

# Numba's types are incomplete.
types: Any = numba_types
cgutils: Any = numba_cgutils
populate_array: Any = arrayobj.populate_array

WORD, BYTES = ir.IntType(64), ir.IntType(8).as_pointer()
SLOT = 8
DOUBLES = types.Array(types.float64, 1, "C")


class Slots(NamedTuple):
    """Hold memory for numbers; `owner` is the array that it is of, if it is one's."""

    pointer: Any
    owner: Any = None


def room(code: Code, count: int, *, heap: bool = False) -> Slots:
    """Return memory for so many numbers."""
    if heap:
        owner = code.call(_made, DOUBLES, types.intp, WORD(count))
        return Slots(elements(code, DOUBLES, owner), owner)
    memory = cgutils.alloca_once(code.builder, WORD, max(count, 1))
    return Slots(code.builder.bitcast(memory, BYTES))


def _made(count: int) -> Any:
    return np.empty(count)


def elements(code: Code, kind: Any, array: Any) -> Any:
    """Return the address of an array's elements."""
    found = code.context.make_array(kind)(code.context, code.builder, array).data
    return code.builder.bitcast(found, BYTES)


def place_of(code: Code, memory: Any, place: Any, kind: Any, size: int = SLOT) -> Any:
    """Return the address of a number of some size in memory, by its place."""
    start = code.builder.gep(memory, [code.builder.mul(place, WORD(size))])
    of = code.context.get_data_type(kind)
    return code.builder.bitcast(start, of.as_pointer())


def load(code: Code, memory: Slots, place: Any, kind: Any) -> Any:
    """Return the number in a slot."""
    where = place_of(code, memory.pointer, place, kind)
    return code.context.unpack_value(code.builder, kind, where)


def store(code: Code, memory: Slots, place: Any, kind: Any, value: Any) -> None:
    """Put a number in a slot."""
    where = place_of(code, memory.pointer, place, kind)
    code.context.pack_value(code.builder, kind, value, where)


def call(code: Code, address: int, info: str, kind: Any, *given: Slots) -> Any:
    """Call a C function over slots by its address, which keeps it out of any cache."""
    function = ir.FunctionType(kind, [BYTES] * len(given))
    pointer = code.context.add_dynamic_addr(code.builder, address, info=info)
    pointer = code.builder.bitcast(pointer, function.as_pointer())
    return code.builder.call(pointer, [s.pointer for s in given])


def array(code: Code, kind: Any, shape: Sequence[Any]) -> Any:
    """Return a new array in C order, its elements unset.

    Of a size that no memory has, NumPy's ValueError is raised; without memory, Numba's
    MemoryError.
    """
    context, builder = code.context, code.builder
    size = WORD(context.get_abi_sizeof(context.get_data_type(kind.dtype)))
    strides: list[Any] = []
    large = cgutils.false_bit
    for extent in reversed(shape):
        strides.insert(0, size)
        pair = builder.smul_with_overflow(size, extent)
        size = builder.extract_value(pair, 0)
        large = builder.or_(large, builder.extract_value(pair, 1))
    with builder.if_then(large, likely=False):
        context.call_conv.return_user_exc(builder, ValueError, ("array is too big",))
    align = ir.IntType(32)(context.get_preferred_array_alignment(kind.dtype))
    owner = context.nrt.meminfo_alloc_aligned(builder, size, align)
    made = context.make_array(kind)(context, builder)
    memory = context.nrt.meminfo_data(builder, owner)
    populate_array(
        made,
        data=builder.bitcast(memory, made.data.type),
        shape=shape,
        strides=strides,
        itemsize=strides[-1],
        meminfo=owner,
    )
    return made._getvalue()  # noqa: SLF001 - Numba's name for it
