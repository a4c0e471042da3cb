"""Emit the call of a core over arrays: `i32 core(ptr in, ptr out)`.

Comes in: arguments of the types that `ArrayCaller.kinds` says. Goes out: numbers,
tuples, and arrays in C order, which are made here and filled by the core. Where it
refuses, the error is raised that calls from Python raise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llvmlite import ir

from overbar.codegen.entry import kind_of, kinds_of
from overbar.codegen.jitslots import (
    WORD,
    Slots,
    array,
    call,
    cgutils,
    elements,
    load,
    room,
    store,
    types,
)
from overbar.codegen.machine.arrays_calls import ERRORS
from overbar.ir.program import leaves

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from overbar.codegen.entry import Declared
    from overbar.codegen.jitargs import Code
    from overbar.codegen.machine.arrays_calls import ArrayCore
    from overbar.ir.graph import Node
    from overbar.ir.program import Result

_STATUS = ir.IntType(32)


class ArrayCaller:
    """Know how to call a core over arrays by its address.

    core: has the addresses, and lives as long as this does. parts: what a caller gives;
    nested: what it gets.
    """

    def __init__(
        self,
        core: ArrayCore,
        parts: Sequence[Declared | tuple[Declared, ...]],
        nested: Result,
    ) -> None:
        self.core = core
        self.nested = nested
        self.kinds = kinds_of(parts)
        self.returned = _returned(nested)

    def emit(self, code: Code, args: Sequence[Any]) -> Any:
        """Emit the call; return the results."""
        nodes = leaves(self.nested)
        given, out = self._given(code, args), room(code, len(nodes))
        made = self._made(code, given, nodes)
        for place, (kind, whole) in made.items():
            store(code, out, WORD(place), types.voidptr, elements(code, kind, whole))
        status = call(code, self._address("core"), "core", _STATUS, given, out)
        code.drop()
        refused = cgutils.is_not_null(code.builder, status)
        with code.builder.if_then(refused, likely=False):
            for kind, whole in made.values():
                code.context.nrt.decref(code.builder, kind, whole)
            _refuse(code, status)
        values = [
            made[i][1] if i in made else load(code, out, WORD(i), kind_of(node.type))
            for i, node in enumerate(nodes)
        ]
        return _nested(code, self.nested, iter(values))

    def _address(self, name: str) -> int:
        return self.core.code.addresses[name]

    def _given(self, code: Code, args: Sequence[Any]) -> Slots:
        """Return a table of all arguments: numbers; addresses of arrays, and sizes."""
        values: list[tuple[Any, Any]] = []
        for kind, value in zip(self.kinds, args, strict=True):
            pairs = [(kind, value)]
            if isinstance(kind, types.BaseTuple):
                parts = cgutils.unpack_tuple(code.builder, value, len(kind))
                pairs = list(zip(kind, parts, strict=True))
            for of, part in pairs:
                values += _slots_of(code, of, part)
        for constant in self.core.constants:
            data = code.context.add_dynamic_addr(
                code.builder, constant.ctypes.data, info="constant"
            )
            values.append((types.voidptr, data))
            values += [(types.intp, WORD(n)) for n in constant.shape]
        table = room(code, len(values))
        for place, (kind, value) in enumerate(values):
            store(code, table, WORD(place), kind, value)
        return table

    def _made(
        self, code: Code, given: Slots, nodes: Sequence[Node]
    ) -> dict[int, tuple[Any, Any]]:
        """Return an array for each result that is one, by its place, with its type."""
        shapes = {i: n.type.shape for i, n in enumerate(nodes) if n.type.shape}
        if not shapes:
            return {}
        sizes = room(code, sum(map(len, shapes.values())))
        call(code, self._address("sizes"), "sizes", ir.VoidType(), given, sizes)
        found, start = {}, 0
        for i, shape in shapes.items():
            kind = kind_of(nodes[i].type)
            places = range(start, start + len(shape))
            own = [load(code, sizes, WORD(k), types.intp) for k in places]
            found[i] = kind, array(code, kind, own)
            start += len(shape)
        return found


def _slots_of(code: Code, kind: Any, value: Any) -> list[tuple[Any, Any]]:
    """Return what an argument is in a table: types and values."""
    if not isinstance(kind, types.Array):
        return [(kind, value)]
    whole = code.context.make_array(kind)(code.context, code.builder, value)
    sizes = cgutils.unpack_tuple(code.builder, whole.shape, kind.ndim)
    return [
        (types.voidptr, elements(code, kind, value)),
        *((types.intp, size) for size in sizes),
    ]


def _refuse(code: Code, status: Any) -> None:
    """Raise the error that a status stands for."""
    builder, raised = code.builder, code.context.call_conv.return_user_exc
    (last, error), *others = ERRORS.items()
    del last
    for number, other in others:
        same = builder.icmp_unsigned("==", status, _STATUS(number))
        with builder.if_then(same):
            raised(builder, other, ())
    raised(builder, error, ())


def _returned(nested: Result) -> Any:
    """Return the Numba type of results."""
    if not isinstance(nested, tuple):
        return kind_of(nested.type)
    return types.BaseTuple.from_types([_returned(part) for part in nested])


def _nested(code: Code, nested: Result, values: Iterator[Any]) -> Any:
    """Return values put together as results are."""
    if not isinstance(nested, tuple):
        return next(values)
    parts = [_nested(code, part, values) for part in nested]
    return code.context.make_tuple(code.builder, _returned(nested), parts)
