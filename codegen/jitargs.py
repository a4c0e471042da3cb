"""Turn what compiled code is given into what a generated function takes.

Comes in: a Numba type as the user's code has it, and the type that is expected. Goes
out: how to convert one to the other, as NumPy would, or an InputError while the user's
function is compiled. Arrays in C order of the right dtype are handed on as they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numba.core import types as numba_types

from overbar.ir.errors import InputError
from overbar.ir.types import extents

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from overbar.codegen.entry import Declared


class Code(NamedTuple):
    """Hold what is needed to emit code, and the arrays made, which die after the call.

    made: pairs of a type and a value.
    """

    context: Any
    builder: Any
    made: list[tuple[Any, Any]]

    def call(self, function: Callable[..., Any], result: Any, kind: Any, v: Any) -> Any:
        """Return what a Python function compiled into this place gives for a value."""
        return self.context.compile_internal(self.builder, function, result(kind), [v])

    def cast(self, value: Any, kind: Any, to: Any) -> Any:
        """Return a value as Numba converts it."""
        return self.context.cast(self.builder, value, kind, to)

    def drop(self) -> None:
        """Let the arrays made so far die."""
        for kind, made in self.made:
            self.context.nrt.decref(self.builder, kind, made)
        self.made.clear()


types: Any = numba_types  # incomplete
_ABOVE: dict[str, tuple[type, ...]] = {
    "float64": (types.Float, types.Integer, types.Boolean),
    "float32": (types.Float, types.Integer, types.Boolean),
    "int64": (types.Integer, types.Boolean),
    "bool": (types.Boolean,),
}
"""What elements of each dtype may come from."""


def need(found: Any, given: Declared) -> None:
    """Raise InputError unless a value of this type can be what is expected."""
    shape, kind = given.type.shape, _certain(found)
    rank, element = _rank(kind, given), _element(kind)
    if rank is None or rank != len(shape):
        what = f"an array of shape [{extents(shape)}]" if shape else "one number"
        message = f"expected {what} for {given.name!r}, found {_shown(kind, rank)}"
        raise InputError(message)
    dtype = given.type.dtype
    unsigned = dtype == "int64" and element == types.uint64
    mask = dtype == "int64" and shape and isinstance(element, types.Boolean)
    if not isinstance(element, _ABOVE[dtype]) or unsigned or mask:
        wanted = "real numbers" if dtype.startswith("float") else dtype
        message = f"expected {wanted} for {given.name!r}, found {kind}"
        raise InputError(message)


def need_tuple(found: Any, name: str, parts: Sequence[Declared]) -> None:
    """Raise InputError unless a value is a tuple as another entry point returns it."""
    if not isinstance(found, types.BaseTuple) or len(found) != len(parts):
        message = f"expected what forward returned for {name!r}, found {found}"
        raise InputError(message)
    for kind, part in zip(found, parts, strict=True):
        need(kind, part)


def convert(code: Code, value: Any, found: Any, to: Any) -> Any:
    """Return a value of a type that `need` accepts as what is expected."""
    source = _certain(found)
    value = code.cast(value, found, source)
    if not isinstance(to, types.Array):
        if isinstance(source, types.Array):
            value, source = code.call(_only, source.dtype, source, value), source.dtype
        return code.cast(value, source, to)
    if isinstance(source, types.BaseTuple):
        even = _even(source, to.dtype)
        value, source = code.cast(value, source, even), even
    array = isinstance(source, types.Array)
    as_is = array and (source.dtype, source.layout) == (to.dtype, "C")
    if as_is and source.aligned:  # a read-only array has the same parts
        return value
    function = copying(to.dtype) if array else _collecting(to.dtype)
    made = code.call(function, to, source, value)
    code.made.append((to, made))
    return made


def copying(dtype: Any) -> Callable[[Any], Any]:
    """Return a function that copies an array into C order, as another dtype."""
    element = np.dtype(str(dtype)).type

    def copied(array: Any) -> Any:
        found = np.empty(array.shape, element)
        for place, value in np.ndenumerate(array):  # compiles sooner than found[...] =
            found[place] = value
        return found

    return copied


def _collecting(dtype: Any) -> Callable[[Any], Any]:
    """Return a function that makes an array of a sequence of numbers."""
    element = np.dtype(str(dtype)).type

    def collected(values: Any) -> Any:
        return np.asarray(values).astype(element)

    return collected


def _only(array: Any) -> Any:
    """Return the element of an array without axes."""
    return array[()]


def _certain(kind: Any) -> Any:
    """Return the type of a value that is not known when compiling, and not None."""
    kind = types.unliteral(kind)
    return kind.type if isinstance(kind, types.Optional) else kind


def _rank(kind: Any, given: Declared) -> int | None:
    """Return how many axes a type has, None for what is no array of numbers."""
    if isinstance(kind, types.Array):
        return int(kind.ndim)
    if isinstance(kind, types.Number | types.Boolean):
        return 0
    if isinstance(kind, types.List | types.ListType):
        inner = _rank(kind.dtype, given)
        return None if inner is None else inner + 1
    if isinstance(kind, types.BaseTuple) and len(kind):
        ranks = {_rank(k, given) for k in kind}
        lengths = {len(k) for k in kind if isinstance(k, types.BaseTuple)}
        if len(lengths) > 1:
            message = (
                f"expected numbers of one shape for {given.name!r}, found a ragged "
                "sequence"
            )
            raise InputError(message)
        inner = ranks.pop()
        arrays = any(not isinstance(k, _NUMBERS_OR_TUPLES) for k in kind)
        return None if ranks or inner is None or arrays else inner + 1
    return None


_WIDTHS = (types.Complex, types.Float, types.Integer)
_NUMBERS_OR_TUPLES = (types.Number, types.Boolean, types.BaseTuple)


def _element(kind: Any) -> Any:
    """Return the type of a type's elements, the widest where there are several."""
    if isinstance(kind, types.BaseTuple):
        found = [_element(types.unliteral(k)) for k in kind]
        return max(found, key=lambda k: [isinstance(k, c) for c in _WIDTHS])
    if isinstance(kind, types.Array | types.List | types.ListType):
        return _element(kind.dtype)
    return kind


def _even(kind: Any, dtype: Any) -> Any:
    """Return the type of a nested tuple with all its numbers of one type."""
    if not isinstance(kind, types.BaseTuple):
        return dtype
    return types.UniTuple(_even(kind[0], dtype), len(kind))


def _shown(kind: Any, rank: int | None) -> str:
    if rank is None:
        return f"a value of type {kind}"
    if not rank:
        return "one number"
    return f"an array of {rank} ax{'e' if rank > 1 else 'i'}s"


def need_count(found: Sequence[Any], names: Sequence[str], least: int) -> None:
    """Raise InputError unless there are enough arguments and none too many."""
    if not least <= len(found) <= len(names):
        most = len(names)
        wanted = str(most) if least == most else f"{least} to {most}"
        message = (
            f"expected {wanted} argument{'s' * (most != 1)} ({', '.join(names)}), "
            f"found {len(found)}"
        )
        raise InputError(message)
