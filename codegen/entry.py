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

import numpy as np

from overbar.ir.program import EXTENT
from overbar.ir.types import Type

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from overbar.ir.program import Program


@dataclass(frozen=True)
class Declared:
    """Name an argument, or a part of one that is a tuple.

    size: the dimension whose size the argument is, if it is one.
    """

    name: str
    type: Type
    size: str | None


class Unfit(Exception):  # noqa: N818 - a signal between us, never an error
    """Say that arguments are of other types than the one signature."""


class Callee(NamedTuple):
    """Hold what is to be called, and what a caller gives it.

    parts: arguments in order, those that are tuples in parts of their own; names: what
    they are called; defaults: of those that may be left out at the end.
    fits: raises InputError for sizes that do not fit (see `sizes_of`).
    code: emits the call: `kinds` are the Numba types that it takes first, `returned`
    is the one that it gives.
    origin: says how to make the `Call` of this again, in another process.
    """

    parts: Sequence[Declared | tuple[Declared, ...]]
    names: Sequence[str]
    defaults: Mapping[str, float]
    doc: str
    fits: Callable[[Sequence[int]], None]
    code: Any
    origin: Callable[[], tuple[Callable[..., Any], tuple[Any, ...]]]


def callable_entry(callee: Callee) -> Any:
    """Return a Numba function that calls machine code.

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
        return call.code.returned(args), call.emit

    @njit(nogil=True)
    def entry(*args: Any) -> Any:
        return by_address(args)  # type: ignore[call-arg]

    entry.__doc__ = callee.doc
    return entry


def parts_of(program: Program) -> list[Declared | tuple[Declared, ...]]:
    """Return what a caller gives, argument by argument."""
    given = program.params[: len(program.params) - len(program.constants)]
    if program.packed:
        return [Declared("inputs", Type(packed_dtype(program), (len(given),)), None)]

    def part(name: str, node: Any) -> Declared:
        size = node.attrs[0].name if node.op is EXTENT else None
        return Declared(name, node.type, size)

    return [
        tuple(part(name, n) for n in node) if isinstance(node, tuple)
        else part(name, node)
        for name, node in given
    ]  # fmt: skip


def packed_dtype(program: Program) -> str:
    """Return the dtype of the one array that a packed program takes."""
    kinds = [n.type for _, n in program.params if not isinstance(n, tuple)]
    return next((k.dtype for k in kinds if k.is_float), "float64")


def one_array(name: str, dtypes: Sequence[str]) -> Declared:
    """Return the array that stands for many numbers."""
    return Declared(name, Type(common(dtypes), (len(dtypes),)), None)


def common(dtypes: Sequence[str]) -> str:
    """Return the dtype of an array that holds all these numbers."""
    return str(np.result_type(*dtypes))


def sizes_of(parts: Sequence[Declared | tuple[Declared, ...]]) -> list[Declared]:
    """Return the arguments whose sizes are checked, those inside of tuples one by one.

    These are arrays, one size an axis, and numbers that are sizes themselves.
    """
    given = [p if isinstance(p, tuple) else (p,) for p in parts]
    return [p for parts in given for p in parts if p.type.shape or p.size]


def kinds_of(parts: Sequence[Declared | tuple[Declared, ...]]) -> tuple[Any, ...]:
    """Return the Numba types of arguments."""
    from numba import types  # Numba is slow to load

    return tuple(
        types.BaseTuple.from_types([kind_of(p.type) for p in part])  # type: ignore[no-untyped-call]
        if isinstance(part, tuple)
        else kind_of(part.type)
        for part in parts
    )


def kind_of(of: Type) -> Any:
    """Return the Numba type of a number or of an array in C order."""
    from numba import types

    element = types.boolean if of.dtype == "bool" else getattr(types, of.dtype)
    return types.Array(element, len(of.shape), "C") if of.shape else element


def generated_kinds(program: Program) -> tuple[Any, ...]:
    """Return the Numba types of a program's arguments, constant arrays last."""
    constants = tuple(kind_of(n.type) for n in program.constants)
    return kinds_of(parts_of(program)) + constants
