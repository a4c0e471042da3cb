"""Offer a formula over one parameter vector, as optimisers want it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from overbar.arguments import Argument, Signature, counted
from overbar.flat_calls import FlatCalls
from overbar.ir.errors import InputError
from overbar.results import named
from overbar.swift import by_vector

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from overbar.function import CompiledFunction
    from overbar.results import Named


class FlatView(FlatCalls):
    """Call a formula as `(theta, *data)`, theta holding the parameters in order.

    theta has shape (n,), one entry a name of `wrt`; data are the other inputs, in the
    order of the call, and may be arrays of a common shape S. Made for SciPy:

        minimize(f.flat.value_and_grad, theta0, jac=True)
        least_squares(f.flat.value, theta0, jac=f.flat.jacobian, args=(x, y))
    """

    def __init__(self, f: CompiledFunction) -> None:
        self._f = f
        self.names = f.options.wrt
        self.data = [n for n in f.signature.inputs if n not in self.names]
        self._params = _signature(self.names, f.signature)
        self._data = _signature(self.data, f.signature)
        order = {n: i for i, n in enumerate([*self.names, *self.data])}
        self._places = [order[n] for n in f.signature.inputs]

    def __len__(self) -> int:
        return len(self.names)

    def pack(self, /, *params: Any, **by_name: Any) -> Any:
        """Return parameters, in order, by name or as one named tuple, as a vector."""
        if len(params) == 1 and not by_name:
            given = params[0]
            if isinstance(given, dict):
                params, by_name = (), given
            elif isinstance(given, list | tuple | np.ndarray):
                params = tuple(given)
        values = self._params.bind(params, by_name)
        for name, value in zip(self.names, values, strict=True):
            if np.ndim(value):
                message = f"expected one number for {name!r}, found {np.shape(value)}"
                raise InputError(message)
        return np.array(values, float)

    def unpack(self, theta: Any) -> Named:
        """Return a vector's entries by name."""
        return named(self.names, self._split(theta))

    def _split(self, theta: Any) -> list[float]:
        array = np.asarray(theta)
        if array.shape != (len(self.names),) or array.dtype.kind not in "fiu":
            message = (
                f"expected a vector of {counted(self.names, 'parameter')}, found "
                f"shape {array.shape} of dtype {array.dtype}"
            )
            raise InputError(message)
        return array.astype(float).tolist()  # type: ignore[no-any-return]

    def _bind(self, theta: Any, data: tuple[Any, ...], by_name: Any) -> list[Any]:
        values = self._split(theta)
        if (
            not by_name
            and len(data) == len(self.data)
            and self._f.signature.takes_doubles
            and all(isinstance(d, float) for d in data)
        ):
            values += map(float, data)
            return [values[i] for i in self._places]
        known = dict(zip(self.names, values, strict=True))
        if len(data) > len(self.data):
            data_names = counted(self.data, "data argument")
            most = f"at most {data_names}" if self.data else "no data"
            message = f"expected theta and {most}, found {len(data)}"
            raise InputError(message)
        known |= zip(self.data, self._data.bind(data, by_name), strict=True)
        return [known[n] for n in self._f.signature.inputs]

    def value(self, theta: Any, /, *data: Any, **by_name: Any) -> Any:
        """Return the value, of shape S where data has it."""
        return self._swift("value", super().value)(theta, *data, **by_name)

    def grad(self, theta: Any, /, *data: Any, **by_name: Any) -> Any:
        """Return the gradient, (n,). Raises InputError unless the value is one."""
        return self._swift("grad", super().grad)(theta, *data, **by_name)

    def value_and_grad(
        self, theta: Any, /, *data: Any, out: Any = None, **by_name: Any
    ) -> tuple[Any, Any]:
        """Return the value and the gradient (n,); `out` is filled and returned."""
        if out is not None:
            by_name["out"] = out
        run = self._swift("value_and_grad", super().value_and_grad)
        return run(theta, *data, **by_name)  # type: ignore[no-any-return]

    def _swift(self, name: str, slow: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function that takes a method's place, put there once."""
        found: Callable[..., Any] | None = self.__dict__.get(name)
        if found is None:
            found = self.__dict__[name] = by_vector(self._f, name, slow, self.data)
        return found

    def _moved(self, v: Any, values: Sequence[Any]) -> list[Any]:
        del values  # numbers have no sizes
        return self._split(v)

    def _joined(self, parts: Sequence[Any]) -> Any:
        return np.array(parts)


def _signature(names: Sequence[str], whole: Signature) -> Signature:
    arguments = [Argument(n, (n,)) for n in names]
    dtypes = {n: whole.dtypes[n] for n in names}
    return Signature(arguments, whole.defaults, dtypes)
