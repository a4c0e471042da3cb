"""Emit the call of a generated function that Numba compiles.

Comes in: arguments of the types that it takes. Goes out: results of their own.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from numba.core import types as numba_types

from overbar.codegen.entry import generated_kinds
from overbar.codegen.jitargs import copying
from overbar.ir.program import is_packed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from overbar.codegen.jitargs import Code
    from overbar.ir.program import Program, Result

types: Any = numba_types  # incomplete


class Generated:
    """Know how to call a Program's generated function by the address of its code.

    core: its dispatcher, which lives as long as this does, as do the constant arrays.
    borrowed: which of the results may share memory with an argument or each other.
    """

    def __init__(self, core: Any, program: Program, borrowed: Sequence[bool]) -> None:
        self.core = core
        self.kinds = generated_kinds(program)
        self.core.compile(self.kinds)
        compiled = self.core.overloads[self.kinds]
        self.given = compiled.signature.return_type
        self.name = compiled.fndesc.llvm_func_name
        self.constants = [n.attrs[0].value for n in program.constants]
        self.nested = program.result
        self.borrowed = borrowed
        self.returned = self._own_type(self.nested, self.given)

    def _own_type(self, nested: Result, kind: Any) -> Any:
        """Return the type of results: with all arrays in C order."""
        if not isinstance(nested, tuple) or is_packed(nested):
            return kind.copy(layout="C") if isinstance(kind, types.Array) else kind
        found = [self._own_type(n, k) for n, k in zip(nested, kind, strict=True)]
        return types.BaseTuple.from_types(found)

    def emit(self, code: Code, args: Sequence[Any]) -> Any:
        """Emit the call; return the results."""
        context, builder = code.context, code.builder
        args = [*args, *(self._constant(code, i) for i in range(len(self.constants)))]
        library = self.core.overloads[self.kinds].library
        convention = context.call_conv
        pointer = builder.bitcast(
            context.add_dynamic_addr(
                builder, library.get_pointer_to_function(self.name), info=self.name
            ),
            convention.get_function_type(self.given, self.kinds).as_pointer(),
        )
        status, value = convention.call_function(
            builder, pointer, self.given, self.kinds, args
        )
        code.drop()
        with builder.if_then(status.is_error, likely=False):
            convention.return_status_propagate(builder, status)
        return self._own(code, self.nested, self.given, value, iter(self.borrowed))

    def _constant(self, code: Code, place: int) -> Any:
        """Return a constant array, where it is in this process."""
        from numba.np import arrayobj

        populate_array: Any = arrayobj.populate_array
        context, builder = code.context, code.builder
        array, kind = self.constants[place], self.kinds[place - len(self.constants)]
        struct = context.make_array(kind)(context, builder)
        data = context.add_dynamic_addr(builder, array.ctypes.data, info="constant")
        word = partial(context.get_constant, types.intp)
        populate_array(
            struct,
            data=builder.bitcast(data, struct.data.type),
            shape=[word(n) for n in array.shape],
            strides=[word(n) for n in array.strides],
            itemsize=word(array.itemsize),
            meminfo=None,
        )
        return struct._getvalue()  # noqa: SLF001 - Numba's name for it

    def _own(
        self, code: Code, nested: Result, kind: Any, value: Any, borrowed: Any
    ) -> Any:
        """Return results with all arrays their own, in C order."""
        context, builder = code.context, code.builder
        if isinstance(nested, tuple) and is_packed(nested):
            for _ in nested:
                next(borrowed)
            return value
        if isinstance(nested, tuple):
            parts = [
                self._own(code, n, k, builder.extract_value(value, i), borrowed)
                for i, (n, k) in enumerate(zip(nested, kind, strict=True))
            ]
            return context.make_tuple(builder, self._own_type(nested, kind), parts)
        loose = next(borrowed)
        if not isinstance(kind, types.Array) or not (loose or kind.layout != "C"):
            return value
        own = kind.copy(layout="C")
        made = code.call(copying(kind.dtype), own, kind, value)
        context.nrt.decref(builder, kind, value)
        return made
