"""Bind a call's arguments to a formula's inputs: names, defaults, groups, arrays.

Comes in: what the user passed. Goes out: one value an input, scalars or float arrays.
"""

from __future__ import annotations

import numbers
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from overbar.ir.errors import InputError
from overbar.ir.source import printable
from overbar.read.functions import nearest

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_NAMES = 12
_LARGEST = 2**63 - 1
MASK = "; np.flatnonzero gives the indices that a mask chooses"
_DOUBLE = np.dtype("float64")
_KINDS = {"float64": "fiub", "float32": "fiub", "int64": "iub", "bool": "b"}


@dataclass(frozen=True, slots=True)
class Argument:
    """Stand for one argument of a call.

    members: the inputs that it holds: itself, or those of a sequence, which come as
        one array with their values along its first axis. keys: of an argument that is
        a dict, each member's.
    """

    name: str
    members: tuple[str, ...]
    grouped: bool = False
    keys: tuple[str, ...] = ()


class Signature:
    """Know the order, names, defaults and dtypes of a call's arguments."""

    def __init__(
        self,
        arguments: Sequence[Argument],
        defaults: Mapping[str, float],
        dtypes: Mapping[str, str],
    ) -> None:
        self.arguments = tuple(arguments)
        self.defaults = dict(defaults)
        self.dtypes = dict(dtypes)
        self.names = [a.name for a in self.arguments]
        self.inputs = [m for a in self.arguments for m in a.members]
        self.is_plain = not any(a.grouped or a.keys for a in self.arguments)
        self.takes_doubles = all(d == "float64" for d in self.dtypes.values())

    def bind(
        self, args: Sequence[Any], keywords: Mapping[str, Any] | None = None
    ) -> list[Any]:
        """Return the value of every input, in order.

        Raises InputError for missing, surplus, unknown or doubled arguments and for
        values that are no numbers.
        """
        count = len(self.arguments)
        if not keywords and len(args) == count and self.is_plain:
            if self.takes_doubles and all(type(a) is float for a in args):
                return list(args)
            given = dict(zip(self.names, args, strict=True))
        else:
            given = self.match(args, keywords or {})
        values: list[Any] = []
        for argument in self.arguments:
            if argument.name not in given:
                values.append(self.defaults[argument.members[0]])
            elif argument.grouped:
                values += self._group(argument, given[argument.name])
            elif argument.keys:
                values += self._dict(argument, given[argument.name])
            else:
                name = argument.name
                values.append(convert(given[name], name, self.dtypes[name]))
        return values

    def match(
        self, args: Sequence[Any], keywords: Mapping[str, Any], *, some: bool = False
    ) -> dict[str, Any]:
        """Return what was given by argument; with `some`, arguments may be missing.

        Raises InputError for missing, surplus, unknown or doubled arguments.
        """
        if len(args) > len(self.names):
            names = self.names
            most = f"at most {counted(names, 'argument')}" if names else "no arguments"
            message = f"expected {most}, found {len(args)}"
            raise InputError(message)
        given = dict(zip(self.names, args, strict=False))
        for name, value in keywords.items():
            if name not in self.names:
                message = (
                    f"expected arguments named {listed(self.names)}, "
                    f"found {name!r}{nearest(name, self.names)}"
                )
                raise InputError(message)
            if name in given:
                message = f"expected one value for {name!r}, found two"
                raise InputError(message)
            given[name] = value
        missing = [n for n in self.names if n not in given and n not in self.defaults]
        if missing and not some:
            message = (
                f"expected values for {listed(self.names)}; "
                f"found none for {listed(missing)}"
            )
            raise InputError(message)
        return given

    def _dict(self, argument: Argument, value: Any) -> list[Any]:
        """Return the values of a dict's inputs, which must be all there."""
        given = dict(value) if isinstance(value, Mapping) else None
        if given is None or set(given) != set(argument.keys):
            shown = (
                f"a value of type {type(value).__name__}" if given is None
                else f"the keys {listed(sorted(map(str, given)))}"
            )  # fmt: skip
            message = (
                f"expected a dict with the keys {listed(argument.keys)} for "
                f"{argument.name!r}, found {shown}"
            )
            raise InputError(message)
        pairs = zip(argument.keys, argument.members, strict=True)
        return [
            convert(given[key], f"{argument.name}[{key!r}]", self.dtypes[member])
            for key, member in pairs
        ]

    def _group(self, argument: Argument, value: Any) -> list[Any]:
        array = convert(value, argument.name, "float64")
        shape = np.shape(array)
        if not shape or shape[0] != len(argument.members):
            message = (
                f"expected {len(argument.members)} values along the first axis of "
                f"{argument.name!r}, found shape {shape}"
            )
            raise InputError(message)
        return [float(v) if np.ndim(v) == 0 else v for v in array]


def listed(names: Sequence[str]) -> str:
    """Return names for a message, many of them cut off.

    >>> listed(["a", "b"]), listed([])
    ('a, b', '(none)')
    """
    shown = names if len(names) <= MOST_NAMES else [*names[: MOST_NAMES - 1], "..."]
    return ", ".join(map(printable, shown)) or "(none)"


def counted(names: Sequence[str], what: str) -> str:
    """Return how many things are expected, by name.

    >>> counted(["a", "b"], "seed"), counted(["a"], "seed")
    ('2 seeds (a, b)', '1 seed (a)')
    """
    return f"{len(names)} {what}{'s' * (len(names) != 1)} ({listed(names)})"


def convert(value: Any, name: str, dtype: str) -> Any:
    """Return a value as a Python float or a float array, without copying if it is one.

    Raises InputError for what is not made of real numbers.
    """
    if dtype == "float64":
        if isinstance(value, float):  # as NumPy's scalars are
            return float(value)
        if type(value) is np.ndarray and value.dtype is _DOUBLE and value.ndim:
            return value
    if isinstance(value, numbers.Real) and dtype.startswith("float"):
        kind = np.asarray(value).dtype.kind
        if kind == "O":  # integers beyond int64, fractions
            return _float(value, name)
    try:
        array = np.asarray(value)
    except ValueError:
        message = f"expected numbers of one shape for {name!r}, found a ragged sequence"
        raise InputError(message) from None
    if array.dtype.kind not in _KINDS[dtype]:
        message = (
            f"expected {'real numbers' if dtype.startswith('float') else dtype} "
            f"for {name!r}, found {_found(value, array)}"
        )
        raise InputError(message)
    if dtype == "int64":
        _check_integers(array, value, name)
    if array.ndim == 0:
        return array.astype(dtype).item()
    return array.astype(dtype, copy=False)


def _check_integers(array: Any, value: Any, name: str) -> None:
    if array.ndim and array.dtype.kind == "b":
        message = f"expected int64 for {name!r}, found {_found(value, array)}{MASK}"
        raise InputError(message)
    if array.size and array.max() > _LARGEST:
        message = f"expected int64 for {name!r}, found {array.max()}"
        raise InputError(message)


def _float(value: Any, name: str) -> float:
    try:
        return float(value)
    except OverflowError:
        message = f"expected a number below 1.8e308 for {name!r}, found a larger one"
        raise InputError(message) from None


def _found(value: Any, array: Any) -> str:
    if isinstance(value, str | bytes):
        return f"the text {value!r}"
    kind = type(value).__name__
    return f"{kind} of dtype {array.dtype}" if array.ndim else f"a value of type {kind}"
