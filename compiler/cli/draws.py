"""Draw arrays at random at which a formula can be computed.

Comes in: a compiled function, what is given of its arguments, and sizes. Goes out:
values of all inputs: real numbers and truths at random, indices within their arrays,
square matrices now and then symmetric with positive eigenvalues.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from overbar.cli.points import TRIES, mixed
from overbar.explain import complete
from overbar.ir.errors import InputError, OverbarError
from overbar.ir.evaluate import evaluate
from overbar.ir.types import BOOL, INT, dims, size_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from overbar.function import CompiledFunction
    from overbar.ir.types import Type
    from overbar.sizes import Sizes

_LARGEST = 10**7
"""Elements that are drawn, at most."""


class Draws:
    """Draw values of the inputs that are not given.

    sizes: those of --sizes; others come from what is given, or are chosen: by `usual`
        if the formula accepts them, else small and equal.
    Raises InputError for sizes of other names, or that do not fit.
    """

    def __init__(
        self,
        f: CompiledFunction,
        given: Mapping[str, Any],
        sizes: Mapping[str, int],
        usual: Callable[[int], int],
        seed: int,
    ) -> None:
        self.f = f
        self.random = np.random.default_rng(seed)
        signature: Any = f.signature
        self.given = signature.convert(signature.match((), given, some=True))
        self.types: Mapping[str, Type] = signature.types
        known = [*self.given, *signature.defaults]
        self.free = [name for name in signature.inputs if name not in known]
        self.sizes = self._solved(signature.sizes, sizes, usual)
        self._need_few()
        for name, default in signature.defaults.items():
            if name not in self.given and self.types[name].shape:
                dtype = self.types[name].dtype
                self.given[name] = np.full(self._shape(name), default, dtype)
        self.highs: dict[str, int] = {}
        for name in self.free:
            if self.types[name].dtype == INT.dtype:
                self.highs[name] = self._high(name)

    # -- sizes -----------------------------------------------------------------------

    def _solved(
        self, solver: Sizes, sizes: Mapping[str, int], usual: Callable[[int], int]
    ) -> dict[str, int]:
        """Return the size of every dimension."""
        names = sorted({n for t in self.types.values() for e in dims(t.shape)
                        for n in e.names})  # fmt: skip
        for name in sizes:
            if name not in names:
                expected = f"sizes named {', '.join(names)}" if names else "no sizes"
                message = f"expected {expected} in --sizes, found {name!r}"
                raise InputError(message)
        fixed = solver.solve(self.given, ())
        for name, size in sizes.items():
            if fixed.setdefault(name, size) != size:
                message = (
                    f"expected {name} = {fixed[name]}, as in the data, found "
                    f"{name} = {size} in --sizes"
                )
                raise InputError(message)
        chosen = {name: usual(k) for k, name in enumerate(names)} | fixed
        if len(fixed) < len(names):
            try:
                solver.check(chosen)
            except InputError:
                chosen = solver.smallest() | fixed
        solver.check(chosen)
        return chosen

    def _need_few(self) -> None:
        """Refuse to draw more than memory is good for."""
        for name in self.free:
            shape = self._shape(name)
            if prod(shape) > _LARGEST:
                message = (
                    f"expected at most {_LARGEST:,} elements at random, found {name!r} "
                    f"of shape {shape}"
                )
                raise InputError(message)

    def _shape(self, name: str) -> tuple[int, ...]:
        return tuple(size_of(e, self.sizes) for e in self.types[name].shape)

    # -- values ----------------------------------------------------------------------

    def points(self, count: int) -> list[dict[str, Any]]:
        """Return points at which the values and the gradient are finite.

        There may be fewer than wanted; raises InputError where none is found. Where all
        is given, that is the only point, whatever comes of it.
        """
        if not self.free:
            return [dict(self.given)]
        graph = self.f.derivation.with_gradient()
        roots = list(graph.outputs.values())
        found: list[dict[str, Any]] = []
        reason: Exception | None = None
        for _ in range(TRIES * count):
            point = {**self.given, **{name: self._drawn(name) for name in self.free}}
            try:
                values = evaluate(graph, complete(graph, point, graph.order()), roots)
            except (OverbarError, IndexError) as error:
                reason = error
                continue
            if all(np.all(np.isfinite(values[root])) for root in roots):
                found.append(point)
                if len(found) == count:
                    return found
        if found:
            return found
        message = (
            f"expected arrays at which all is finite, found none among "
            f"{TRIES * count} at random"
        )
        if reason is not None:
            message += f" ({str(reason).splitlines()[0]})"
        raise InputError(f"{message}; give them by --data")

    def _drawn(self, name: str) -> Any:
        """Return an array at random, or a number."""
        kind, shape = self.types[name], self._shape(name)
        if kind.dtype == INT.dtype:
            return self.random.integers(0, max(1, self.highs[name]), shape)
        if kind.dtype == BOOL.dtype:
            return self.random.integers(0, 2, shape).astype(bool)
        if len(shape) > 1 and shape[-1] == shape[-2] and self.random.random() < 1 / 2:
            return self._positive(shape).astype(kind.dtype)
        return mixed(self.random, prod(shape)).reshape(shape).astype(kind.dtype)

    def _positive(self, shape: tuple[int, ...]) -> Any:
        """Return symmetric matrices with eigenvalues of at least 1."""
        a = self.random.normal(size=shape)
        return a @ np.swapaxes(a, -1, -2) + np.eye(shape[-1])

    def _high(self, name: str) -> int:
        """Return below what number indices are, so that all lie within their arrays.

        The formula tells: the largest size that it computes with.
        """
        graph = self.f.graph
        start = {**self.given, **{n: self._zeros(n) for n in self.free}}
        for high in sorted({1, *self.sizes.values(), *self._fixed()}, reverse=True):
            point = {**start, name: np.full(self._shape(name), max(0, high - 1))}
            try:
                evaluate(graph, complete(graph, point, graph.order()))
            except IndexError:
                continue
            except OverbarError:  # for another reason
                return high
            return high
        return 1

    def _fixed(self) -> set[int]:
        """Return sizes that are whole numbers."""
        shapes: Sequence[Any] = [n.type.shape for n in self.f.graph.order()]
        return {e for shape in shapes for e in shape if isinstance(e, int)}

    def _zeros(self, name: str) -> Any:
        """Return zeros as indices, else ones, or the identity, which is invertible."""
        kind, shape = self.types[name], self._shape(name)
        if kind.is_float and len(shape) > 1 and shape[-1] == shape[-2]:
            return np.broadcast_to(np.eye(shape[-1], dtype=kind.dtype), shape)
        return np.full(shape, 1 if kind.is_float else 0, kind.dtype)[()]


def small(k: int) -> int:
    """Return a small size for the k-th dimension, another for each of the first."""
    return 2 + k % 4


def ordinary(k: int) -> int:
    """Return a size at which time goes into the arrays, not into calls."""
    del k
    return 64
