"""Wrap a generated function so that Numba code may call it and never caches it inside.

Numba inlines what a function calls into that function's own cache file, whose index
knows nothing of the callee: a user's `@njit(cache=True)` function would run an old
formula, or crash in a new process. Calling the machine code by its address (a dynamic
global) makes Numba decline to cache the caller.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from overbar.ir.program import Program
    from overbar.ir.types import Type


def callable_entry(core: Any, program: Program) -> Any:
    """Return a Numba function that calls a generated function's machine code.

    core: the program's dispatcher; it is compiled here for the program's own types.
    """
    from numba import njit
    from numba.core.errors import TypingError
    from numba.extending import intrinsic

    kinds = kinds_of(program)
    defaults = [program.defaults[n] for n, _ in program.params if n in program.defaults]
    core.compile(kinds)
    compiled = core.overloads[kinds]
    result = compiled.signature.return_type
    name = compiled.fndesc.llvm_func_name
    least = len(kinds) - len(defaults)

    @intrinsic
    def by_address(typing: Any, args: Any) -> Any:
        if not least <= len(args) <= len(kinds):
            message = f"expected {least} to {len(kinds)} arguments, found {len(args)}"
            raise TypingError(message)
        for given, kind in zip(args, kinds, strict=False):
            if typing.can_convert(given, kind) is None:
                raise TypingError(f"expected arguments of types {kinds}, found {given}")

        def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            parts = [
                context.cast(builder, builder.extract_value(values[0], i), kind, to)
                for i, (kind, to) in enumerate(
                    zip(signature.args[0], kinds, strict=False)
                )
            ]
            parts += [
                context.get_constant(to, value)
                for to, value in zip(
                    kinds[len(parts) :], defaults[len(parts) - least :], strict=True
                )
            ]
            code = core.overloads[kinds].library  # lives as long as this does
            address = code.get_pointer_to_function(name)
            pointer = builder.bitcast(
                context.add_dynamic_addr(builder, address, info=name),
                context.call_conv.get_function_type(result, kinds).as_pointer(),
            )
            status, value = context.call_conv.call_function(
                builder, pointer, result, kinds, parts
            )
            with builder.if_then(status.is_error, likely=False):
                context.call_conv.return_status_propagate(builder, status)
            return value

        return result(args), generate

    @njit(nogil=True)
    def entry(*args: Any) -> Any:
        return by_address(args)  # type: ignore[call-arg]

    entry.__doc__ = core.__doc__
    return entry


def kinds_of(program: Program) -> tuple[Any, ...]:
    """Return the Numba types of a program's arguments."""
    from numba import types  # Numba is slow to load

    def kind(of: Type) -> Any:
        element = types.boolean if of.dtype == "bool" else getattr(types, of.dtype)
        return types.Array(element, len(of.shape), "C") if of.shape else element

    parts = [part for _, part in program.params]
    if program.packed:
        first = next((p.type for p in parts if not isinstance(p, tuple)), None)
        return (types.Array(kind(first) if first else types.float64, 1, "C"),)
    return tuple(
        types.BaseTuple.from_types([kind(n.type) for n in part])  # type: ignore[no-untyped-call]
        if isinstance(part, tuple)
        else kind(part.type)
        for part in parts
    )
