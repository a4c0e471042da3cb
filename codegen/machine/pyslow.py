"""Call a core by way of ctypes, where Python's objects are laid out in unknown ways.

It takes and gives the same as the functions of `pycalls`, a few times slower.
"""

from __future__ import annotations

import ctypes
import struct
from itertools import islice
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from overbar.codegen.machine.pycores import Group, Steps, arrays, owner

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from overbar.codegen.machine.pycores import Core, Parameter, Tree

_FORMATS = {"float64": "=d", "float32": "=f4x", "int64": "=q", "bool": "=?7x"}
_TYPES: Mapping[str, tuple[type, ...]] = {
    "float64": (float, np.float64, int, bool),
    "float32": (float, np.float64),
    "int64": (int, bool),
    "bool": (bool,),
}
_FLOAT64 = np.dtype("float64")


class Slow:
    """Run a core on arguments that fit exactly, and the fallback on all others."""

    def __init__(
        self, core: Core, fallback: Callable[..., Any], name: str, doc: str = ""
    ) -> None:
        self._core = core
        self._fallback = fallback
        kind = ctypes.CFUNCTYPE if core.waits else ctypes.PYFUNCTYPE
        self._machine = kind(None, ctypes.c_void_p, ctypes.c_void_p)(core.address)
        self._size = 8 * Steps(core.results).slots
        self.__name__ = self.__qualname__ = name
        self.__doc__ = doc

    def __call__(self, /, *args: Any, **keywords: Any) -> Any:
        """Return the results, put together as the core says."""
        core = self._core
        target = keywords.get("out") if core.out else None
        given = _packed(core, args, keywords)
        if given is None or not (target is None or _is_target(target, core.results)):
            return self._fallback(*args, **keywords)
        out = ctypes.create_string_buffer(self._size or 1)
        self._machine(given, out)
        data = (out.raw[i : i + 8] for i in range(0, self._size, 8))
        return _built(core.results, data, target)

    def __repr__(self) -> str:
        return f"<function {self.__name__}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return getattr, (owner(self._fallback, self.__name__), self.__name__)


def _packed(
    core: Core, args: tuple[Any, ...], keywords: Mapping[str, Any]
) -> bytes | None:
    """Return the slots of the arguments, None where they do not fit."""
    by_name: dict[str | None, Any] = dict(keywords.items())
    if core.out:
        by_name.pop("out", None)
    try:
        rest = [
            _given(by_name, None if p.placed else p.name, p.default)
            for p in core.parameters[len(args) :]
        ]
        if by_name:
            return None
        pairs = zip(core.parameters, [*args, *rest], strict=True)
        data = b"".join(_slots(p, value) for p, value in pairs)
    except (KeyError, TypeError, ValueError, struct.error, OverflowError):
        return None
    if core.places is None:
        return data
    moved = np.empty(core.inputs, np.int64)
    moved[list(core.places)] = np.frombuffer(data, np.int64)
    return moved.tobytes()


def _given(by_name: dict[str | None, Any], name: str | None, default: Any) -> Any:
    """Take an argument out of those given by name, or its default."""
    return by_name.pop(name) if default is None else by_name.pop(name, default)


def _slots(parameter: Parameter, value: Any) -> bytes:
    """Return one argument's slots; TypeError and others for what does not fit."""
    if parameter.size is None:
        if type(value) not in _TYPES[parameter.dtype]:
            raise TypeError
        return struct.pack(_FORMATS[parameter.dtype], value)
    if not _is_vector(value, (parameter.size,)):
        raise TypeError
    return value.tobytes()  # type: ignore[no-any-return]


def _is_vector(value: Any, shape: tuple[int, ...]) -> bool:
    return (
        type(value) is np.ndarray
        and value.dtype == _FLOAT64
        and value.shape == shape
        and value.flags.c_contiguous
        and value.flags.aligned
    )


def _is_target(value: Any, tree: Tree) -> bool:
    return all(
        len(a.shape) == 1 and _is_vector(value, a.shape) and value.flags.writeable
        for a in arrays(tree)
    )


def _built(tree: Tree, data: Iterator[bytes], target: Any) -> Any:
    """Return results, put together of slots; the array in the caller's, if given."""
    if isinstance(tree, Group):
        parts = [_built(part, data, target) for part in tree.parts]
        return tuple.__new__(tree.type, parts)
    if isinstance(tree, str):
        return float(struct.unpack(_FORMATS[tree], next(data))[0])
    slots = b"".join(islice(data, prod(tree.shape)))
    array = np.empty(tree.shape) if target is None else target
    array[...] = np.frombuffer(slots).reshape(tree.shape)
    return array
