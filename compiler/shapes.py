"""Bind arrays to inputs: in their declared shapes, copied only where needed."""

from __future__ import annotations

from operator import attrgetter, itemgetter
from typing import TYPE_CHECKING, Any

import numpy as np

from overbar.arguments import Signature, convert
from overbar.ir.errors import InputError
from overbar.ir.types import DTYPES, extents, size_of
from overbar.sizes import Sizes

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from overbar.arguments import Argument
    from overbar.ir.graph import Graph

_DTYPES = {name: np.dtype(name) for name in DTYPES}
_MOST_SEEN = 1024
"""Combinations of shapes that are remembered as fitting."""


class ShapedSignature(Signature):
    """Know the shapes of a call's arguments besides their names and dtypes.

    leading: names of the inputs that may have axes in front of the declared ones in
        any call, as it maps over them.
    """

    def __init__(
        self,
        arguments: Sequence[Argument],
        graph: Graph,
        leading: Collection[str],
        sizes: Sizes | None = None,
    ) -> None:
        dtypes = {name: node.type.dtype for name, node in graph.inputs.items()}
        super().__init__(arguments, graph.defaults, dtypes)
        self.types = {name: node.type for name, node in graph.inputs.items()}
        self.leading = frozenset(leading)
        self.sizes = sizes or Sizes(graph)
        self.places = [i for i, n in enumerate(self.inputs) if self.types[n].shape]
        self.takes_doubles = self.takes_doubles and not self.places
        self.kinds = _kinds_at(self.places, len(self.inputs))
        self.seen: dict[Any, Mapping[str, int]] = {}
        self._numbers = {
            n: d for n, d in self.defaults.items() if not self.types[n].shape
        }
        for argument in arguments:
            self._need_numbers(argument)

    def _need_numbers(self, argument: Argument) -> None:
        for member in argument.members if argument.grouped else ():
            shape = self.types[member].shape
            if shape:
                message = (
                    f"expected inputs that are numbers in a sequence of inputs, found "
                    f"{member!r} of shape [{extents(shape)}]"
                )
                raise InputError(message)

    def bind(
        self,
        args: Sequence[Any],
        keywords: Mapping[str, Any] | None = None,
        *,
        leading: bool = False,
    ) -> list[Any]:
        """Return the value of every input, in order (see `Signature.bind`).

        leading: every input may have axes in front. Raises InputError for what does not
        have its declared shape, naming argument, dimension and sizes.
        """
        values = self.convert(self.match(args, keywords or {}))
        if self._fits_as_before(values):
            return [values[name] for name in self.inputs]
        return self.fit(values, None if leading else self.leading)

    def convert(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the arguments given as arrays by input, in C order."""
        values: dict[str, Any] = {}
        for argument in self.arguments:
            if argument.name not in given:
                continue
            value = given[argument.name]
            if argument.grouped:
                parts = self._group(argument, value)
            elif argument.keys:
                parts = list(map(_in_order, self._dict(argument, value)))
            else:
                dtype = self.dtypes[argument.members[0]]
                parts = [_in_order(_converted(value, argument.name, dtype))]
            values |= zip(argument.members, parts, strict=True)
        return values

    def fit(
        self, values: dict[str, Any], leading: Collection[str] | None = None
    ) -> list[Any]:
        """Return the value of every input, those left out by their default.

        leading: names of inputs that may have axes in front, None for all.
        """
        sizes = self.sizes.solve(values, leading)
        for name, default in self.defaults.items():
            if name not in values:
                values[name] = self._filled(name, default, sizes)
        self.sizes.check(sizes)
        found = [values[name] for name in self.inputs]
        shapes = tuple(np.shape(v) for v in found)
        exact = all(
            len(shape) == len(self.types[n].shape)
            for n, shape in zip(self.inputs, shapes, strict=True)
        )
        if exact:
            if len(self.seen) >= _MOST_SEEN:
                self.seen.clear()
            self.seen[self.kinds(found)] = sizes
        return found

    def _filled(self, name: str, default: float, sizes: Mapping[str, int]) -> Any:
        """Return a default in the declared shape."""
        kind = self.types[name]
        if not kind.shape:
            return default
        missing = [n for e in kind.shape if not isinstance(e, int) for n in e.names]
        missing = [n for n in missing if n not in sizes]
        if missing:
            message = (
                f"expected an array of shape [{extents(kind.shape)}] for {name!r}, as "
                f"no other argument gives the size {missing[0]}; found none"
            )
            raise InputError(message)
        shape = tuple(size_of(e, sizes) for e in kind.shape)
        return np.full(shape, default, kind.dtype)

    def _fits_as_before(self, values: Mapping[str, Any]) -> bool:
        """Whether all inputs are given, arrays and numbers, of shapes seen before."""
        if len(values) < len(self.inputs):
            return False
        found = [values[name] for name in self.inputs]
        arrays = [i for i, v in enumerate(found) if isinstance(v, np.ndarray)]
        return arrays == self.places and self.kinds(found) in self.seen

    def sizes_before(
        self, args: tuple[Any, ...], keywords: Mapping[str, Any]
    ) -> Mapping[str, int]:
        """Return the sizes of a call's dimensions, which had the same shapes before."""
        if keywords or len(args) != len(self.inputs):
            args = self.complete(args, keywords)
        return self.seen[self.kinds(args)]

    def complete(
        self, args: tuple[Any, ...], keywords: Mapping[str, Any]
    ) -> tuple[Any, ...]:
        """Return all arguments in order. Raises KeyError where they do not fit."""
        rest = self.names[len(args) :]
        if len(keywords) < len(rest):
            keywords = {**{n: self._numbers[n] for n in rest if n not in keywords},
                        **keywords}  # fmt: skip
        if len(keywords) > len(rest):
            raise KeyError
        return (*args, *[keywords[n] for n in rest])


def _kinds_at(places: Sequence[int], count: int) -> Callable[[Sequence[Any]], Any]:
    """Return what gives the shapes and dtypes of the arguments at some places.

    Dtypes, as Numba may mistake one byte order for the other.
    """
    kind = attrgetter("shape", "dtype")
    if len(places) == count:
        return lambda args: tuple(map(kind, args))
    if len(places) == 1:
        (place,) = places
        return lambda args: kind(args[place])
    pick = itemgetter(*places) if places else lambda _: ()
    return lambda args: tuple(map(kind, pick(args)))


def _converted(value: Any, name: str, dtype: str) -> Any:
    if type(value) is np.ndarray and value.ndim and value.dtype == _DTYPES[dtype]:
        return value
    if isinstance(value, list | tuple) and not any(map(np.iterable, value)):
        value = value or np.zeros(0, dtype)  # an empty list has no dtype of its own
    return convert(value, name, dtype)


def _in_order(value: Any) -> Any:
    """Return an array in C order and aligned, copied only where it is not."""
    if not isinstance(value, np.ndarray) or value.flags.carray:
        return value
    array = np.require(value, requirements=["C", "A"])
    return array if array.flags.writeable else np.asarray(_Unlocked(array))


class _Unlocked:
    """Show a read-only array's memory as that of one that may be written.

    To Numba the two are different types, so that it would compile everything again;
    generated code writes to no argument.
    """

    def __init__(self, array: Any) -> None:
        self.array = array
        interface = dict(array.__array_interface__)
        interface["data"] = (interface["data"][0], False)
        self.__array_interface__ = interface
