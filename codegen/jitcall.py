"""Emit the call of a generated function's machine code into a user's function.

Comes in: values of whatever Numba types the user's code has. Goes out: arguments
converted and their sizes checked, the call by address, results of their own.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from numba.core import cgutils as numba_cgutils
from numba.core import types as numba_types

from overbar.codegen.entry import kinds_of, parts_of, sizes_of
from overbar.codegen.jitargs import Code, convert, copying, need, need_count, need_tuple
from overbar.codegen.jitcheck import Check
from overbar.ir.program import is_packed

if TYPE_CHECKING:
    from overbar.codegen.entry import Callee
    from overbar.ir.program import Result


# Numba's types are incomplete.
types: Any = numba_types
cgutils: Any = numba_cgutils


class Call:
    """Know how to call a program's machine code.

    The dispatcher, the constant arrays and what checks sizes live as long as this does,
    and Numba keeps it for the life of the process.
    """

    def __init__(self, callee: Callee) -> None:
        program = callee.program
        self.core = callee.core
        self.kinds = kinds_of(program)
        self.core.compile(self.kinds)
        compiled = self.core.overloads[self.kinds]
        self.returned = compiled.signature.return_type
        self.name = compiled.fndesc.llvm_func_name
        self.constants = [n.attrs[0].value for n in program.constants]
        self.parts = parts_of(program)
        self.names = [n for n, _ in program.params]
        if program.packed:
            self.names = ["inputs"]
        del self.names[len(self.parts) :]
        self.defaults = self._defaults(program.defaults)
        sized = sizes_of(program)
        count = sum(len(p.type.shape) or 1 for p in sized)
        self.check = Check(callee.fits, count) if sized else None
        self.nested = program.result
        self.borrowed = callee.borrowed

    def _defaults(self, given: Any) -> list[float]:
        """Return the numbers that stand for arguments left out at the end."""
        found: list[float] = []
        for name, part in zip(self.names[::-1], self.parts[::-1], strict=True):
            if name not in given or isinstance(part, tuple) or part.type.shape:
                break
            found.insert(0, given[name])
        return found

    # -- while the user's function is typed ------------------------------------------

    def need(self, args: Any) -> None:
        """Raise InputError for arguments of types that do not fit."""
        need_count(args, self.names, len(self.names) - len(self.defaults))
        for found, name, part in zip(args, self.names, self.parts, strict=False):
            if isinstance(part, tuple):
                need_tuple(found, name, part)
            else:
                need(found, part)

    def result(self, args: Any) -> Any:
        """Return the signature: all arrays of the result in C order."""
        return self._own_type(self.nested, self.returned)(args)

    def _own_type(self, nested: Result, kind: Any) -> Any:
        if not isinstance(nested, tuple) or is_packed(nested):
            return kind.copy(layout="C") if isinstance(kind, types.Array) else kind
        found = [self._own_type(n, k) for n, k in zip(nested, kind, strict=True)]
        return types.BaseTuple.from_types(found)

    # -- code --------------------------------------------------------------------------

    def emit(self, context: Any, builder: Any, signature: Any, values: Any) -> Any:
        """Emit the call; the one value is the tuple of arguments."""
        code = Code(context, builder, [])
        args = self._arguments(code, signature.args[0], values[0])
        if self.check is not None:
            self.check.emit(context, builder, self._sizes(code, args))
        args += [self._constant(code, i) for i in range(len(self.constants))]
        library = self.core.overloads[self.kinds].library
        convention = context.call_conv
        pointer = builder.bitcast(
            context.add_dynamic_addr(
                builder, library.get_pointer_to_function(self.name), info=self.name
            ),
            convention.get_function_type(self.returned, self.kinds).as_pointer(),
        )
        status, value = convention.call_function(
            builder, pointer, self.returned, self.kinds, args
        )
        for kind, made in code.made:
            context.nrt.decref(builder, kind, made)
        with builder.if_then(status.is_error, likely=False):
            convention.return_status_propagate(builder, status)
        leaves = iter(self.borrowed)
        return self._own(code, self.nested, self.returned, value, leaves)

    def _arguments(self, code: Code, kinds: Any, value: Any) -> list[Any]:
        found = []
        for i, (part, to) in enumerate(zip(self.parts, self.kinds, strict=False)):
            if i >= len(kinds):
                default = self.defaults[i - len(self.parts)]
                found.append(code.context.get_constant(to, default))
                continue
            each = code.builder.extract_value(value, i)
            if not isinstance(part, tuple):
                found.append(convert(code, each, kinds[i], to))
                continue
            items = [
                convert(code, code.builder.extract_value(each, j), kinds[i][j], to[j])
                for j in range(len(part))
            ]
            found.append(code.context.make_tuple(code.builder, to, items))
        return found

    def _sizes(self, code: Code, args: list[Any]) -> list[Any]:
        """Return the sizes of all arguments as in `sizes_of`, each as code."""
        found: list[Any] = []
        for part, kind, value in zip(self.parts, self.kinds, args, strict=False):
            pieces = [
                (p, kind[j], code.builder.extract_value(value, j))
                for j, p in enumerate(part)
            ] if isinstance(part, tuple) else [(part, kind, value)]  # fmt: skip
            for p, k, v in pieces:
                if p.type.shape:
                    array = code.context.make_array(k)(code.context, code.builder, v)
                    found += cgutils.unpack_tuple(code.builder, array.shape)
                elif p.size:
                    found.append(v)
        return found

    def _constant(self, code: Code, place: int) -> Any:
        """Return a constant array, where it is in this process."""
        from numba.np import arrayobj

        populate_array: Any = arrayobj.populate_array
        context, builder = code.context, code.builder
        array, kind = self.constants[place], self.kinds[len(self.parts) + place]
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
