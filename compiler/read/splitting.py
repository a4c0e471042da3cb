"""Tell a call's operands, which are formulas, from what is static: axes, shapes, slices.

Comes in: the arguments of a function on whole arrays as a user wrote them. Goes out: the
same arguments with a slot for each operand, and the operands.
"""

from __future__ import annotations

from functools import cache
from inspect import Parameter, signature
from typing import TYPE_CHECKING, Any

import numpy as np

from overbar.ir.errors import InputError, UnsupportedError
from overbar.ir.types import Dim
from overbar.read.array_call import TABLE, Slot
from overbar.read.extents import extent_of
from overbar.read.operand import found

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from overbar.read.overloading import Expression

STATIC = frozenset({
    "axis", "axes", "axis1", "axis2", "source", "destination", "shape", "newshape",
    "keepdims", "ddof", "correction", "reps", "repeats", "k", "n", "m", "N", "M",
    "offset", "ord", "order", "dtype", "size", "mode", "pad_width", "constant_values",
    "indices_or_sections", "num_classes", "num_segments", "classes", "depth", "start",
    "stop", "step", "subscripts", "lower", "reverse", "count", "length", "to", "stride",
    "strides", "padding", "dilation", "shift", "num",
})  # fmt: skip
"""Names of parameters that hold no formula."""
SEQUENCES = frozenset({
    "arrays", "tup", "xs", "seq", "arys", "operands", "parts", "matrices", "args",
    "choicelist", "condlist",
})  # fmt: skip
"""Names of parameters that hold several operands."""


class Splitter:
    """Gather the operands of one call."""

    def __init__(self, lift: Callable[[object], Expression]) -> None:
        self.operands: list[Expression] = []
        self._lift = lift

    def call(
        self, name: str, args: Sequence[Any], options: Mapping[str, Any]
    ) -> tuple[tuple[Any, ...], tuple[tuple[str, Any], ...]]:
        """Return a call's arguments with a slot for each operand.

        Raises UnsupportedError for arguments that the function does not take.
        """
        if name == "index":
            items = tuple([self._item(item) for item in args[1:]])
            return (self.operand(args[0]), *items), ()
        names, rest, by_name = _parameters(name)
        if rest is None and len(args) > len(names):
            message = f"{name} on formulas takes at most {len(names)} arguments, "
            raise UnsupportedError(f"{message}found {len(args)}")
        unknown = [f"{o}=" for o in options if o not in names and not by_name]
        if unknown:
            raise UnsupportedError(f"{name} on formulas takes no {', '.join(unknown)}")
        places = [*names, *[rest] * (len(args) - len(names))]
        pairs = zip(places, args, strict=False)  # names are there for more
        given = tuple([self._argument(p, a) for p, a in pairs])
        return given, tuple([(o, self._argument(o, a)) for o, a in options.items()])

    def operand(self, value: object) -> Any:
        """Return the slot of a formula or array, a plain number as it is."""
        if isinstance(value, bool | int | float) or value is None:
            return value
        if isinstance(value, np.generic):
            return value.item()
        self.operands.append(self._lift(value))
        return Slot(len(self.operands) - 1)

    def _argument(self, parameter: str | None, value: Any) -> Any:
        if parameter in STATIC or isinstance(value, str | type | np.dtype):
            return static(value)
        if parameter in SEQUENCES and isinstance(value, list | tuple):
            return tuple([self._sequence(v) for v in value])
        return self.operand(value)

    def _sequence(self, value: Any) -> Any:
        return static(value) if isinstance(value, str) else self.operand(value)

    def _item(self, item: Any) -> Any:
        """Return one item of an index: static, or the slot of an array of integers."""
        if item is None or item is Ellipsis or isinstance(item, int):
            return item
        if isinstance(item, np.generic):
            return item.item()
        if isinstance(item, slice):
            return slice(static(item.start), static(item.stop), static(item.step))
        size = extent_of(item) if hasattr(item, "extents") else None
        return self.operand(item) if size is None else size


def static(value: Any) -> Any:
    """Return a static argument as plain Python values and extents.

    Raises InputError for a formula that is no size.
    """
    if isinstance(value, Dim) or value is None:
        return value
    if hasattr(value, "extents"):
        extent = extent_of(value)
        if extent is None:
            message = "expected an integer, a size or a tuple of these where the shape "
            raise InputError(f"{message}depends on it, found the formula {value!r}")
        return extent
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return tuple([static(v) for v in value])
    if isinstance(value, type | np.dtype):
        return np.dtype(value).name
    if isinstance(value, bool | int | float | str):
        return value
    message = "expected an integer, a size or a tuple of these, found "
    raise InputError(f"{message}{found(value)}")


@cache
def _parameters(name: str) -> tuple[list[str], str | None, bool]:
    """Return a function's parameter names, that of its `*args`, and if it takes any."""
    plain, rest, by_name = [], None, False
    for p in list(signature(TABLE[name]).parameters.values())[1:]:
        if p.kind is Parameter.VAR_POSITIONAL:
            rest = p.name
        elif p.kind is Parameter.VAR_KEYWORD:
            by_name = True
        else:
            plain.append(p.name)
    return plain, rest, by_name
