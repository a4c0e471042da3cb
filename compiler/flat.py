"""Offer a formula over one parameter vector, as optimisers want it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from overbar.arguments import Argument, Signature, counted
from overbar.ir.errors import InputError
from overbar.results import fill, named
from overbar.sparse import sparse_hessian, sparse_jacobian

if TYPE_CHECKING:
    from collections.abc import Sequence

    from overbar.function import CompiledFunction
    from overbar.results import Named


class FlatView:
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
        given = dict(zip(self.names, values, strict=True))
        if len(data) > len(self.data):
            data_names = counted(self.data, "data argument")
            most = f"at most {data_names}" if self.data else "no data"
            message = f"expected theta and {most}, found {len(data)}"
            raise InputError(message)
        given |= zip(self.data, self._data.bind(data, by_name), strict=True)
        return [given[n] for n in self._f.signature.inputs]

    def value(self, theta: Any, /, *data: Any, **by_name: Any) -> Any:
        """Return the value, of shape S where data has it."""
        return self._f.packaged(
            self._f.run_entry("value", self._bind(theta, data, by_name))
        )

    def grad(self, theta: Any, /, *data: Any, **by_name: Any) -> Any:
        """Return the gradient, (n,). Raises InputError unless the value is one."""
        self._f.need_scalar("flat.grad")
        return self._vector("grad", self._bind(theta, data, by_name))

    def value_and_grad(
        self, theta: Any, /, *data: Any, out: Any = None, **by_name: Any
    ) -> tuple[Any, Any]:
        """Return the value and the gradient (n,); `out` is filled and returned."""
        if not data and not by_name:
            raw = self._f.vector_call("value_and_grad", theta)
            if raw is not None:
                return float(raw[0]), _given(np.array(raw[1]), out)
        self._f.need_scalar("flat.value_and_grad")
        whole = self._vector("value_and_grad", self._bind(theta, data, by_name))
        return float(whole[0]), _given(whole[1:], out)

    def jacobian(
        self, theta: Any, /, *data: Any, sparse: bool = False, **by_name: Any
    ) -> Any:
        """Return the partials: S + (n,) for one output, S + (m, n) for m.

        sparse: a SciPy CSR array (m, n) with the structural pattern.
        """
        f, n = self._f, len(self.names)
        self._need_params("flat.jacobian")
        values = self._bind(theta, data, by_name)
        if sparse:
            return sparse_jacobian(f, values)
        parts = f.run_entry("jacobian", values)
        stacked = np.stack([np.asarray(p) for p in parts], axis=-1)
        if len(f.graph.outputs) == 1:
            return stacked
        return stacked.reshape(*stacked.shape[:-1], len(f.graph.outputs), n)

    def hessian(
        self, theta: Any, /, *data: Any, sparse: bool = False, **by_name: Any
    ) -> Any:
        """Return the Hessian, S + (n, n); `sparse` as for `jacobian`."""
        self._f.need_scalar("flat.hessian")
        self._need_params("flat.hessian")
        values = self._bind(theta, data, by_name)
        if sparse:
            return sparse_hessian(self._f, values)
        parts = self._f.run_entry("hessian", values)
        square = self._f.square(parts)
        return np.stack(
            [np.stack([np.asarray(v) for v in row], axis=-1) for row in square], axis=-2
        )

    def hvp(self, theta: Any, v: Any, /, *data: Any, **by_name: Any) -> Any:
        """Return the Hessian times the vector v, shape (n,)."""
        self._f.need_scalar("flat.hvp")
        return self._vector("hvp", [*self._bind(theta, data, by_name), *self._split(v)])

    def _need_params(self, what: str) -> None:
        if not self.names:
            message = f"{what} expects parameters to differentiate in, found none"
            raise InputError(message)

    def _vector(self, name: str, values: list[Any]) -> Any:
        parts = self._f.run_entry(name, values)
        if any(isinstance(p, np.ndarray) for p in parts):
            matrix = "hessian" if name == "hvp" else "jacobian"
            message = (
                f"flat.{name} expects one value, found one for each of "
                f"{np.shape(parts[0])} points; compile with reduce='sum' to add them, "
                f"or use flat.{matrix}"
            )
            raise InputError(message)
        return np.array(parts)


def _given(gradient: Any, out: Any) -> Any:
    """Return the gradient, in the caller's array where there is one."""
    if out is None:
        return gradient
    fill([out], [gradient], ["theta"])
    return out


def _signature(names: Sequence[str], whole: Signature) -> Signature:
    arguments = [Argument(n, (n,)) for n in names]
    dtypes = {n: whole.dtypes[n] for n in names}
    return Signature(arguments, whole.defaults, dtypes)
