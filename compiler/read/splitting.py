"""Tell a call's operands, formulas, from what is static: axes, shapes, slices.

Comes in: the arguments of a function on whole arrays as a user wrote them. Goes out:
the same arguments with a slot for each operand, and the operands.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from overbar.ir.errors import InputError
from overbar.ir.types import Dim
from overbar.read.array_call import TABLE, Slot
from overbar.read.extents import extent_of
from overbar.read.operand import found

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from overbar.read.overloading import Expression


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
            base = self.operand(args[0])
            return (base, *[self._item(item) for item in args[1:]]), ()
        function: Any = TABLE[name]
        function.bind(*args, **options)  # refuses what it does not take
        kinds = [p.kind for p in function.parameters.values() if not p.rest]
        kinds += ["array"] * (len(args) - len(kinds))
        pairs = zip(kinds, args, strict=False)  # kinds are there for more
        given = tuple([self._argument(kind, a) for kind, a in pairs])
        by_name = function.parameters
        named = [(o, self._argument(by_name[o].kind, a)) for o, a in options.items()]
        return given, tuple(named)

    def operand(self, value: object) -> Any:
        """Return the slot of a formula, array or number; None as it is."""
        if value is None:
            return None
        self.operands.append(self._lift(value))
        return Slot(len(self.operands) - 1)

    def _argument(self, kind: str, value: Any) -> Any:
        if kind == "static":
            return static(value)
        if kind == "arrays" and isinstance(value, list | tuple):
            return tuple([self.operand(v) for v in value])
        return self.operand(value)

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
