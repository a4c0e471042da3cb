"""Hand results over: as named tuples, or in the caller's own arrays."""

from __future__ import annotations

import keyword
from functools import cache
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import numpy as np

from overbar.arguments import counted
from overbar.ir.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def field(name: str) -> str:
    """Return a legal field name: no leading underscore, `lambda` becomes `lambda_`.

    >>> field("_x"), field("lambda"), field("w")
    ('x_', 'lambda_', 'w')
    """
    bare = name.lstrip("_") or "field"
    if bare != name or keyword.iskeyword(bare) or bare in {"count", "index"}:
        bare += "_"
    return bare


def fields(names: Sequence[str]) -> tuple[str, ...]:
    """Return the field names of a result; two that collide raise InputError."""
    found: dict[str, str] = {}
    for name in names:
        legal = field(name)
        if legal in found:
            message = (
                f"expected names with distinct fields, found {found[legal]!r} and "
                f"{name!r}, both {legal!r}; rename one"
            )
            raise InputError(message)
        found[legal] = name
    return tuple(found)


class Named(tuple[Any, ...]):
    """Hold values in order, each also an attribute and, by its name, an item.

    >>> g = named(["w", "b"], [1.0, 2.0])
    >>> g
    (w=1.0, b=2.0)
    >>> g.w, g["b"], g[0]
    (1.0, 2.0, 1.0)
    """

    __slots__ = ()
    _fields: tuple[str, ...] = ()
    _names: tuple[str, ...] = ()

    def __getitem__(self, key: Any) -> Any:
        """Return an item by position, by name, or by a pair of names."""
        if isinstance(key, str):
            if key not in self._names:
                known = ", ".join(self._names)
                message = f"expected one of {known}, found {key!r}"
                raise InputError(message)
            return super().__getitem__(self._names.index(key))
        if isinstance(key, tuple):
            value: Any = self
            for part in key:
                value = value[part]
            return value
        return super().__getitem__(key)

    def _asdict(self) -> dict[str, Any]:
        """Return the values by name."""
        return dict(zip(self._names, self, strict=True))

    def __repr__(self) -> str:
        pairs = zip(self._fields, self, strict=True)
        return f"({', '.join(f'{name}={value!r}' for name, value in pairs)})"

    def __reduce__(self) -> tuple[Any, ...]:
        return named, (self._names, tuple(self))


@cache
def named_type(names: tuple[str, ...]) -> type[Named]:
    """Return the named tuple type of these names."""
    legal = fields(names)
    body: dict[str, Any] = {"__slots__": (), "_fields": legal, "_names": names}
    for i, name in enumerate(legal):
        body[name] = property(itemgetter(i))
    return type("Named", (Named,), body)


def named(names: Sequence[str], values: Iterable[Any]) -> Named:
    """Return values as a named tuple (see `Named`)."""
    return named_type(tuple(names))(values)


def fill(out: Any, parts: Sequence[Any], names: Sequence[str]) -> None:
    """Write a gradient's entries to the caller's arrays.

    out: a sequence of one array an entry, or one array with an entry a row; of a single
    entry also the array itself.
    Raises InputError for what is no array of the entry's shape.
    """
    if isinstance(out, np.ndarray):
        if len(parts) == 1 and np.shape(parts[0]) == out.shape:
            out = [out]
        elif out.ndim:
            out = [out[i : i + 1].reshape(out.shape[1:]) for i in range(len(out))]
    if not isinstance(out, list | tuple):
        message = f"expected out= with {counted(names, 'array')}, found {_kind(out)}"
        raise InputError(message)
    if len(out) != len(parts):
        message = f"expected out= with {counted(names, 'array')}, found {len(out)}"
        raise InputError(message)
    for target, part, name in zip(out, parts, names, strict=True):
        if target is part and isinstance(part, np.ndarray):  # it was written to
            continue
        shape = part.shape if isinstance(part, np.ndarray) else np.shape(part)
        fits = _shape(target) == shape and target.dtype.kind == "f"
        if not (fits and target.flags.writeable):
            message = (
                f"expected an array of floats of shape {shape} as out= for {name!r}, "
                f"found {_kind(target)}"
            )
            raise InputError(message)
        target[...] = part


def _shape(value: Any) -> tuple[int, ...] | None:
    return value.shape if isinstance(value, np.ndarray) else None


def _kind(value: Any) -> str:
    if isinstance(value, np.ndarray):
        locked = "" if value.flags.writeable else ", which is read-only"
        return f"one of {value.dtype} of shape {value.shape}{locked}"
    return f"a value of type {type(value).__name__}"
