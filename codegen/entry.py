"""Wrap a generated function so that Numba code may call it and never caches it inside.

Numba inlines what a function calls into that function's own cache file, whose index
knows nothing of the callee: a user's `@njit(cache=True)` function would run an old
formula, or crash in a new process. Calling the machine code by its address (a dynamic
global) makes Numba decline to cache the caller. Constant arrays are reached by their
addresses too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from overbar.ir.program import EXTENT
from overbar.ir.types import Type

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from overbar.ir.program import Program


class Callee(NamedTuple):
    """Hold what is to be called: a program and its dispatcher.

    borrowed: which of the results may share memory with an argument or each other.
    fits: raises InputError for sizes that do not fit (see `sizes_of`).
    """

    core: Any
    program: Program
    borrowed: Sequence[bool]
    fits: Callable[[Sequence[int]], None]


@dataclass(frozen=True)
class Declared:
    """Name an argument, or a part of one that is a tuple.

    size: the dimension whose size the argument is, if it is one.
    """

    name: str
    type: Type
    size: str | None


def callable_entry(callee: Callee) -> Any:
    """Return a Numba function that calls a generated function's machine code.

    It takes what NumPy would: arrays of any layout, lists and tuples of numbers, other
    dtypes. What does not fit is an InputError: in types while the caller is compiled,
    in sizes when it runs. Its results share memory with nothing.
    """
    from numba import njit
    from numba.extending import intrinsic

    from overbar.codegen.jitcall import Call

    call = Call(callee)

    @intrinsic
    def by_address(_: Any, args: Any) -> Any:
        call.need(args)
        return call.result(args), call.emit

    @njit(nogil=True)
    def entry(*args: Any) -> Any:
        return by_address(args)  # type: ignore[call-arg]

    entry.__doc__ = callee.core.__doc__
    return entry


def parts_of(program: Program) -> list[Declared | tuple[Declared, ...]]:
    """Return what a caller gives, argument by argument."""
    given = program.params[: len(program.params) - len(program.constants)]
    if program.packed:
        floats = [n.type.dtype for _, n in given if not isinstance(n, tuple)]
        return [Declared("inputs", Type(floats[0], (len(given),)), None)]

    def part(name: str, node: Any) -> Declared:
        size = node.attrs[0].name if node.op is EXTENT else None
        return Declared(name, node.type, size)

    return [
        tuple(part(name, n) for n in node) if isinstance(node, tuple)
        else part(name, node)
        for name, node in given
    ]  # fmt: skip


def sizes_of(program: Program) -> list[Declared]:
    """Return the arguments whose sizes are checked, those inside of tuples one by one.

    These are arrays, one size an axis, and numbers that are sizes themselves.
    """
    given = [p if isinstance(p, tuple) else (p,) for p in parts_of(program)]
    return [p for parts in given for p in parts if p.type.shape or p.size]


def kinds_of(program: Program) -> tuple[Any, ...]:
    """Return the Numba types of a program's arguments, constant arrays last."""
    from numba import types  # Numba is slow to load

    def kind(of: Type) -> Any:
        element = types.boolean if of.dtype == "bool" else getattr(types, of.dtype)
        return types.Array(element, len(of.shape), "C") if of.shape else element

    if program.packed:
        return tuple(kind(p.type) for p in sizes_of(program))
    return tuple(
        types.BaseTuple.from_types([kind(n.type) for n in part])  # type: ignore[no-untyped-call]
        if isinstance(part, tuple)
        else kind(part.type)
        for _, part in program.params
    )
