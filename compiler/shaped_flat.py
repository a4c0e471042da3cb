"""Offer a formula of arrays over one parameter vector, as optimisers want it.

The vector holds the parameters after each other, in the order of `wrt`, each in C
order. Sizes come from the data, and one that data leave open from the vector's length.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from overbar.arguments import Argument, counted
from overbar.blocks import shapes_of
from overbar.direct import MISFITS, pieces
from overbar.flat_calls import FlatCalls
from overbar.ir.errors import InputError
from overbar.ir.types import dims, extents, size_of
from overbar.results import Named, named
from overbar.shapes import ShapedSignature

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from overbar.ir.types import Extent
    from overbar.shaped import ShapedFunction


_MOST_SHAPES = 64
"""Combinations of shapes for which the way through the vector is remembered."""


class ShapedFlat(FlatCalls):
    """Call a formula as `(theta, *data)`, theta holding the parameters in order.

    theta has shape (n,), the elements of each name of `wrt` in C order; data are the
    other inputs, in the order of the call. Made for SciPy:

        minimize(f.flat.value_and_grad, f.flat.pack(W, b), args=(x, y), jac=True)

    sizes: of dimensions, where neither data nor theta's length tell (see `sized`).
    """

    _f: ShapedFunction

    def __init__(
        self, f: ShapedFunction, sizes: Mapping[str, int] | None = None
    ) -> None:
        self._f = f
        self._given = dict(sizes or {})
        self.names = f.options.wrt
        self.data = [n for n in f.signature.inputs if n not in self.names]
        self._whole = f.signature
        self._params = self._part([Argument(n, (n,)) for n in self.names])
        data: list[Argument] = []
        for a in self._whole.arguments:
            rest = [m for m in a.members if m not in self.names]
            whole = len(rest) == len(a.members)
            data += [a] if whole else [Argument(m, (m,)) for m in rest]
        self._data = self._part(data)
        dtypes = {self._whole.dtypes[n] for n in self.names}
        self._dtype = np.result_type(*dtypes, "float32")
        self._pieces: dict[Any, list[Callable[[Any, Sequence[Any]], Any]]] = {}

    def _part(self, arguments: Sequence[Argument]) -> ShapedSignature:
        return ShapedSignature(arguments, self._f.graph, (), self._whole.sizes)

    def sized(self, **sizes: int) -> ShapedFlat:
        """Return the same with sizes of dimensions given: `f.flat.sized(m=3)`."""
        known = {n for t in self._whole.types.values() for e in dims(t.shape)
                 for n in e.names}  # fmt: skip
        for name, size in sizes.items():
            if name not in known or type(size) is not int or size < 0:
                message = (
                    f"expected sizes of {', '.join(sorted(known)) or 'no dimension'}, "
                    f"found {name}={size!r}"
                )
                raise InputError(message)
        return ShapedFlat(self._f, {**self._given, **sizes})

    def pack(self, /, *params: Any, **by_name: Any) -> Any:
        """Return parameters, in order, by name or as one named tuple, as a vector."""
        if len(params) == 1 and not by_name:
            given = params[0]
            if isinstance(given, Named):
                given = given._asdict()
            if isinstance(given, dict):
                params, by_name = (), dict(self._members(given))
            elif isinstance(given, list | tuple) and len(self.names) > 1:
                params = tuple(given)
        values = self._params.convert(self._params.match(params, by_name))
        for name, default in self._whole.defaults.items():
            if name in self.names and not self._whole.types[name].shape:
                values.setdefault(name, default)
        self._whole.sizes.solve(values)
        return self._joined([values[n] for n in self.names])

    def _members(self, given: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return a dict argument's values by the names of its inputs."""
        for a in self._whole.arguments:
            if a.keys and set(a.keys) == set(given):
                return {m: given[k] for k, m in zip(a.keys, a.members, strict=True)}
        return given

    def _joined(self, parts: Sequence[Any]) -> Any:
        if self.names and self._dtype == np.float64:
            return np.concatenate(parts, axis=None)
        flat = [np.ravel(np.asarray(p, self._dtype)) for p in parts]
        return np.concatenate(flat) if flat else np.empty(0, self._dtype)

    def unpack(self, theta: Any, /, *data: Any, **by_name: Any) -> Named:
        """Return a vector's parameters by name, in their shapes.

        data: as in a call, or some of them, where they tell sizes.
        """
        values = self._data.convert(self._data.match(data, by_name, some=True))
        return named(self.names, self._split(theta, values))

    # -- between vectors and arguments -------------------------------------------------

    def _bind(self, theta: Any, data: tuple[Any, ...], by_name: Any) -> list[Any]:
        names = self._data.names
        if len(data) > len(names):
            most = f"at most {counted(names, 'data argument')}" if names else "no data"
            message = f"expected theta and {most}, found {len(data)}"
            raise InputError(message)
        values = self._data.convert(self._data.match(data, by_name))
        parts = self._split(theta, values)
        given = {**values, **dict(zip(self.names, parts, strict=True))}
        return self._whole.fit(given, self._whole.leading)

    def _run(
        self, name: str, theta: Any, data: tuple[Any, ...], by_name: Mapping[str, Any]
    ) -> list[Any]:
        """Return an entry point's results, directly for shapes that came before."""
        if not by_name and len(data) == len(self._data.inputs):
            try:
                pieces = self._pieces[theta.shape, theta.dtype, self._data.kinds(data)]
                exact = self._f.exact(name)
                if exact is not None:
                    args = [take(theta, data) for take in pieces]
                    return exact.own(exact.function(*args))
            except MISFITS:
                pass
        values = self._bind(theta, data, by_name)
        self._note(values)
        return self._f.run_entry(name, values)

    def _note(self, values: Sequence[Any]) -> None:
        """Remember where in a vector the parameters of these shapes are."""
        if len(self._pieces) >= _MOST_SHAPES:
            self._pieces.clear()
        given = dict(zip(self._whole.inputs, values, strict=True))
        params = {n: np.shape(given[n]) for n in self.names}
        data = self._data.kinds([given[n] for n in self.data])
        total = sum(map(prod, params.values()))
        self._pieces[(total,), self._dtype, data] = pieces(self._whole.inputs, params)

    def _moved(self, v: Any, values: Sequence[Any]) -> list[Any]:
        known = dict(zip(self._whole.inputs, values, strict=True))
        return self._split(v, {n: known[n] for n in [*self.data, *self.names]})

    def _split(self, theta: Any, values: Mapping[str, Any]) -> list[Any]:
        """Return a vector's parameters in their shapes: arrays of their own."""
        array = np.asarray(theta)
        if array.ndim != 1 or array.dtype.kind not in "fiu":
            message = (
                f"expected a vector of {counted(self.names, 'parameter')}, found "
                f"shape {array.shape} of dtype {array.dtype}"
            )
            raise InputError(message)
        sizes = self._sizes(values, array.size)
        inputs = self._f.graph.inputs
        shapes = shapes_of([inputs[n] for n in self.names], sizes)
        if sum(map(prod, shapes)) != array.size:
            wanted = ", ".join(
                f"{n} {shape}" for n, shape in zip(self.names, shapes, strict=True)
            )
            message = (
                f"expected a vector of {sum(map(prod, shapes))} numbers "
                f"({wanted or 'no parameter'}), found {array.size}"
            )
            raise InputError(message)
        found: list[Any] = []
        start = 0
        for name, shape in zip(self.names, shapes, strict=True):
            part = array[start : start + prod(shape)]
            dtype = self._whole.dtypes[name]
            number = not self._whole.types[name].shape
            found.append(
                float(part[0]) if number else part.astype(dtype).reshape(shape)
            )
            start += prod(shape)
        return found

    def _sizes(self, values: Mapping[str, Any], total: int) -> dict[str, int]:
        """Return all sizes: from data, and the open one from the vector's length."""
        leading = None if self._f.maps else self._whole.leading
        sizes = {**self._given, **self._whole.sizes.solve(values, leading)}
        extent: Extent = 0
        for name in self.names:
            size: Extent = 1
            for e in self._whole.types[name].shape:
                size = size * e
            extent = extent + size
        open_ = sorted({n for e in dims(extent) for n in e.names} - sizes.keys())
        if not open_:
            return sizes
        if len(open_) == 1:
            found = _solved(extent, open_[0], sizes, total)
            if found is not None:
                return {**sizes, open_[0]: found}
            known = [f"{n} = {sizes[n]}" for e in dims(extent) for n in sorted(e.names)
                     if n in sizes]  # fmt: skip
            given = f" with {', '.join(known)}" if known else ""
            message = (
                f"expected a vector of {extents((extent,))} numbers{given} for some "
                f"size {open_[0]}, found {total}"
            )
            raise InputError(message)
        given = ", ".join(f"{n}=..." for n in open_)
        message = (
            f"expected sizes of {' and '.join(open_)}, which no data tell; give them "
            f"by f.flat.sized({given})"
        )
        raise InputError(message)


def _solved(
    extent: Extent, name: str, sizes: Mapping[str, int], total: int
) -> int | None:
    """Return the size for which an extent is the total, by bisection: it only grows."""

    def at(size: int) -> int:
        return size_of(extent, {**sizes, name: size})

    low, high = 0, total + 1
    while at(high) < total and high < 2**62:
        high *= 2
    while low < high:
        middle = (low + high) // 2
        if at(middle) < total:
            low = middle + 1
        else:
            high = middle
    unique = at(low) == total and at(low + 1) != total
    return low if unique else None
