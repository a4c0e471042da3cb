"""Call a formula over one parameter vector: what formulas of numbers and arrays share.

Comes in: theta and data. Goes out: values, and derivatives as vectors and matrices.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np

from overbar.blocks import hessian_matrix, jacobian_matrix
from overbar.ir.errors import InputError
from overbar.results import fill
from overbar.sparse import sparse_hessian, sparse_jacobian

if TYPE_CHECKING:
    from collections.abc import Sequence

    from overbar.function import CompiledFunction


class FlatCalls(ABC):
    """Offer the calls `(theta, *data)`; a subclass knows vectors and arguments."""

    _f: CompiledFunction
    names: tuple[str, ...]

    @abstractmethod
    def _bind(self, theta: Any, data: tuple[Any, ...], by_name: Any) -> list[Any]:
        """Return the value of every input."""

    @abstractmethod
    def _moved(self, v: Any, values: Sequence[Any]) -> list[Any]:
        """Return a vector's parts in the shapes of the parameters."""

    @abstractmethod
    def _joined(self, parts: Sequence[Any]) -> Any:
        """Return parts in the shapes of the parameters as a vector."""

    def value(self, theta: Any, /, *data: Any, **by_name: Any) -> Any:
        """Return the value, of shape S where data has it."""
        return self._f.packaged(self._run("value", theta, data, by_name))

    def grad(self, theta: Any, /, *data: Any, **by_name: Any) -> Any:
        """Return the gradient, (n,). Raises InputError unless the value is one."""
        self._f.need_scalar("flat.grad")
        return self._vector("grad", self._run("grad", theta, data, by_name))

    def value_and_grad(
        self, theta: Any, /, *data: Any, out: Any = None, **by_name: Any
    ) -> tuple[Any, Any]:
        """Return the value and the gradient (n,); `out` is filled and returned."""
        self._f.need_scalar("flat.value_and_grad")
        value, *grads = self._run("value_and_grad", theta, data, by_name)
        self._need_one("value_and_grad", value)
        return value, given(self._joined(grads), out)

    def value_grad_and_hvp(
        self, theta: Any, v: Any, /, *data: Any, **by_name: Any
    ) -> tuple[Any, Any, Any]:
        """Return the value, the gradient and the Hessian times v, from one function."""
        self._f.need_scalar("flat.value_grad_and_hvp")
        values = self._bind(theta, data, by_name)
        dots = self._moved(v, values)
        value, *parts = self._f.run_entry("value_grad_and_hvp", [*values, *dots])
        self._need_one("value_grad_and_hvp", value)
        n = len(self.names)
        return value, self._joined(parts[:n]), self._joined(parts[n:])

    def jacobian(
        self, theta: Any, /, *data: Any, sparse: bool = False, **by_name: Any
    ) -> Any:
        """Return the partials: S + (m, n), or S + (n,) for one number.

        sparse: a SciPy CSR array (m, n) with the structural pattern.
        """
        self._need_params("flat.jacobian")
        values = self._bind(theta, data, by_name)
        if sparse:
            return sparse_jacobian(self._f, values)
        matrix = jacobian_matrix(self._f, values)
        outputs = list(self._f.graph.outputs.values())
        number = len(outputs) == 1 and not outputs[0].type.shape
        return matrix[..., 0, :] if number else matrix

    def hessian(
        self, theta: Any, /, *data: Any, sparse: bool = False, **by_name: Any
    ) -> Any:
        """Return the Hessian, S + (n, n); `sparse` as for `jacobian`."""
        self._f.need_scalar("flat.hessian")
        self._need_params("flat.hessian")
        form = sparse_hessian if sparse else hessian_matrix
        return form(self._f, self._bind(theta, data, by_name))

    def hvp(self, theta: Any, v: Any, /, *data: Any, **by_name: Any) -> Any:
        """Return the Hessian times the vector v, shape (n,)."""
        self._f.need_scalar("flat.hvp")
        values = self._bind(theta, data, by_name)
        values += self._moved(v, values)
        return self._vector("hvp", self._f.run_entry("hvp", values))

    def _run(
        self, name: str, theta: Any, data: tuple[Any, ...], by_name: Any
    ) -> list[Any]:
        """Return an entry point's results."""
        return self._f.run_entry(name, self._bind(theta, data, by_name))

    def _vector(self, name: str, parts: list[Any]) -> Any:
        """Return results in the shapes of the parameters as a vector, of one value."""
        if parts and self._f.maps:
            self._need_one(name, parts[0])
        return self._joined(parts)

    def _need_one(self, name: str, value: Any) -> None:
        """Raise InputError for a value at each of several points."""
        if self._f.maps and np.ndim(value):
            matrix = "hessian" if "hvp" in name else "jacobian"
            message = (
                f"flat.{name} expects one value, found one for each of "
                f"{np.shape(value)} points; compile with reduce='sum' to add them, "
                f"or use flat.{matrix}"
            )
            raise InputError(message)

    def _need_params(self, what: str) -> None:
        if not self.names:
            message = f"{what} expects parameters to differentiate in, found none"
            raise InputError(message)


def given(gradient: Any, out: Any) -> Any:
    """Return the gradient, in the caller's array where there is one."""
    if out is None:
        return gradient
    fill([out], [gradient], ["theta"])
    return out
