"""Be what `ob.compile` returns: a formula with its derivatives, ready to call."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from overbar.calling import Calling
from overbar.cfunctions import CFunctions
from overbar.entry import ALWAYS, SINGLE, ahead
from overbar.flat import FlatView
from overbar.identity import Identity
from overbar.inspection import Inspection
from overbar.ir.errors import InputError
from overbar.mapping import common_shape, flattened
from overbar.results import named
from overbar.saved import Saved, need_saved, need_shapes
from overbar.sparse import hessian_by_name, jacobian_by_name
from overbar.swift import by_numbers

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from overbar.arguments import Argument
    from overbar.ir.graph import Graph
    from overbar.options import Options
    from overbar.runtime import Runtime
    from overbar.sparse import Plan


class CompiledFunction(Calling, Identity, Inspection):
    """Hold a formula and everything derived from it (see `overbar.compile`).

    Call it for the value; `grad`, `value_and_grad`, `forward`, `backward`, `vjp`,
    `jvp`, `jacobian`, `hessian`, `hvp` and `value_grad_and_hvp` for derivatives; `flat`
    for these over one parameter vector; `source` and `text()` to read what runs.

    Arguments are numbers, or arrays that broadcast to a shape S, over which the
    formula is mapped, if it `maps`. Machine code is made at the first call of each.
    """

    maps = True

    def __init__(
        self, graph: Graph, arguments: Sequence[Argument], options: Options
    ) -> None:
        super().__init__(graph, arguments, options)
        self.runtime.header = lambda: self._header
        self.plans: dict[tuple[Any, ...], Plan] = {}
        self._maker = object()

    # -- calls -----------------------------------------------------------------

    def __call__(self, /, *args: Any, **keywords: Any) -> Any:
        """Return the value: a float, an array of shape S, or a named tuple of them.

        out: as of `value_and_grad`, unless an input has this name; one an output.
        """
        return self._value(*args, **keywords)

    @cached_property
    def _value(self) -> Callable[..., Any]:
        return by_numbers(self, "value", self._any_value)

    def _any_value(self, /, *args: Any, **keywords: Any) -> Any:
        if "out" in keywords and "out" not in self.signature.inputs:
            return self.value_in(keywords.pop("out"), args, keywords)
        return self.packaged(self.run("value", args, keywords))

    def grad(self, /, *args: Any, **keywords: Any) -> Any:
        """Return the gradient: by name, each entry of shape S (bare for one name).

        Raises InputError for a formula of several outputs, which has a Jacobian.
        """
        return self._swift("grad", self._any_grad)(*args, **keywords)

    def _any_grad(self, /, *args: Any, **keywords: Any) -> Any:
        if not self._scalar:
            self.need_scalar("grad")
        return self._grads(self.run("grad", args, keywords))

    def value_and_grad(
        self, /, *args: Any, out: Any = None, **keywords: Any
    ) -> tuple[Any, Any]:
        """Return `(value, grad)` from one fused function.

        out: an array, or a sequence of arrays one an entry, that the gradient's
            entries are written to as well; where they fit they are what is returned.
        """
        if out is not None:
            keywords["out"] = out
        run = self._swift("value_and_grad", self._any_value_and_grad)
        return run(*args, **keywords)  # type: ignore[no-any-return]

    def _swift(self, name: str, slow: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function that takes a method's place, put there when first asked.

        A method that was looked up before, as by `g = f.grad`, comes here every time.
        """
        found: Callable[..., Any] | None = self.__dict__.get(name)
        if found is None:
            found = self.__dict__[name] = by_numbers(self, name, slow)
        return found

    def _any_value_and_grad(
        self, /, *args: Any, out: Any = None, **keywords: Any
    ) -> tuple[Any, Any]:
        if not self._scalar:
            self.need_scalar("value_and_grad")
        if out is None:
            value, *grads = self.run("value_and_grad", args, keywords)
            return value, self._grads(grads)
        out = [out] if self.options.bare else out
        names = self.options.wrt
        value, *grads = self.run_out("value_and_grad", args, keywords, out, names)
        return value, self._grads(grads)

    def forward(self, /, *args: Any, **keywords: Any) -> tuple[Any, Saved]:
        """Return the value, and what `backward` needs, as in the lectures."""
        values = self.signature.bind(args, keywords)
        if self.options.reduce is None and common_shape(values) is None:
            value, saved = self.runtime.call("forward")(*values)
            kept = Saved(tuple(saved), maker=self._maker)
            return self.packaged(flattened(value)), kept
        kept = Saved(tuple(map(np.array, values)), mapped=True, maker=self._maker)
        return self.packaged(self.run_entry("value", values)), kept

    def backward(self, saved: Any, seed: Any = 1.0) -> Any:
        """Return the adjoints of the parameters for an adjoint of the value.

        seed: the adjoint of the value: a number, or one for each output.
        """
        saved = need_saved(saved)
        if saved.maker is not self._maker:
            entry = self.runtime.entry("backward")
            inputs = [*self._graph.inputs.values()]
            need_shapes(saved, inputs if saved.mapped else entry.inputs[: entry.saved])
        seeds = self._seeds(seed, saved.sizes)
        if saved.mapped:
            return self._grads(self.run_entry("vjp", [*saved.values, *seeds]))
        return self._grads(self._run_backward(saved.values, seeds))

    def _run_backward(self, saved: Any, seeds: list[Any]) -> list[Any]:
        if common_shape(seeds) is not None:
            message = "expected a number as seed, as forward was called with numbers"
            raise InputError(message)
        return flattened(self.runtime.call("backward")(saved, *seeds))

    def vjp(self, args: Sequence[Any], seed: Any) -> Any:
        """Return the adjoints of the parameters for adjoints of the outputs.

        args: the arguments of a call, as a sequence (or a dict by name); seed: a
        number or array for one output, a sequence or dict of them for several.
        """
        values = self._bound(args)
        seeds = self._seeds(seed, self.sizes(values))
        return self._grads(self.run_entry("vjp", [*values, *seeds]))

    def jvp(self, args: Sequence[Any], tangents: Any) -> Any:
        """Return the tangents of the outputs for tangents of the parameters.

        args: as for `vjp`; tangents: one a name of `wrt`, a sequence or dict (a bare
        number or array where `wrt` is a single name).
        """
        values = self._bound(args)
        dots = self._tangents(tangents, self.sizes(values))
        return self.packaged(self.run_entry("jvp", [*values, *dots]))

    def jacobian(self, /, *args: Any, sparse: bool = False, **keywords: Any) -> Any:
        """Return the Jacobian by name of `wrt`, bare for a single name.

        Entries have shape S + (m,) for m outputs, S for one output, and S + the shape
        of the value for a matrix.

        sparse: give SciPy CSR arrays with the structural pattern, output elements by
            parameter elements.
        """
        values = self.signature.bind(args, keywords)
        return jacobian_by_name(self, values) if sparse else self._jacobian(values)

    def _jacobian(self, values: list[Any]) -> Any:
        rows = self.run_entry("jacobian", values)
        n = len(self._wrt)
        parts = [self._stack(rows[i::n]) for i in range(n)]
        return parts[0] if self.options.bare else named(self.options.wrt, parts)

    def hessian(self, /, *args: Any, sparse: bool = False, **keywords: Any) -> Any:
        """Return the Hessian by pair of names: `h.w.b` or `h["w", "b"]`, each S.

        Of arrays, each has S + the shapes of both. sparse: as for `jacobian`.
        """
        self.need_scalar("hessian")
        values = self.signature.bind(args, keywords)
        return hessian_by_name(self, values) if sparse else self._hessian(values)

    def _hessian(self, values: list[Any]) -> Any:
        full = self._blocks(values)
        if self.options.bare:
            return full[0][0]
        names = self.options.wrt
        return named(names, [named(names, row) for row in full])

    def _blocks(self, values: list[Any]) -> list[list[Any]]:
        return self.square(self.run_entry("hessian", values))

    def hvp(self, args: Sequence[Any], v: Any) -> Any:
        """Return the Hessian times a vector, without forming the Hessian.

        args: as for `vjp`; v: one entry a name of `wrt`, as for `jvp`.
        """
        self.need_scalar("hvp")
        values = self._bound(args)
        dots = self._tangents(v, self.sizes(values))
        return self._grads(self.run_entry("hvp", [*values, *dots]))

    def value_grad_and_hvp(self, args: Sequence[Any], v: Any) -> tuple[Any, Any, Any]:
        """Return `(value, grad, hvp)` from one fused function; arguments as `hvp`."""
        self.need_scalar("value_grad_and_hvp")
        values = self._bound(args)
        dots = self._tangents(v, self.sizes(values))
        value, *parts = self.run_entry("value_grad_and_hvp", [*values, *dots])
        n = len(self._wrt)
        return value, self._grads(parts[:n]), self._grads(parts[n:])

    @property
    def batch(self) -> Self:
        """The same functions; a formula of numbers maps over arrays by itself."""
        return self

    @cached_property
    def flat(self) -> FlatView:
        """The same over one parameter vector (see `FlatView`)."""
        return FlatView(self)

    @cached_property
    def jit(self) -> Jit:
        """Numba functions over plain numbers, callable inside `@njit` code."""
        return Jit(self.runtime, self._entry_points)

    @cached_property
    def cfunc(self) -> CFunctions:
        """C functions, for SciPy's `LowLevelCallable` and others (see `CFunctions`)."""
        return CFunctions(self.runtime, self._entry_points)

    @property
    def _entry_points(self) -> list[str]:
        return [*ALWAYS, *(SINGLE if self._scalar else ())]

    def build(self, *names: str, optimise: bool = False) -> Self:
        """Make machine code now, of the named entry points or of `value_and_grad`.

        optimise: the best code, also of long formulas, whose first code is made in a
            hundredth of the time; without it that takes its place after many calls.
        """
        for name in ahead(names, self._entry_points):
            if not self.runtime.build(name, optimise=optimise):
                count = len(self.runtime.entry(name).program.params)
                self.run_entry(name, [1.0] * max(len(self._graph.inputs), count))
        return self


class Jit:
    """Hold the generated Numba functions; `f.jit.value_and_grad(1.0, 2.0)`.

    Of a formula of numbers they take one float an input (an array of them where there
    are more than 16) and return floats, tuples, and arrays where there are more than 16
    results; of a formula over arrays they take and return arrays.

    Numbers are computed by machine code made without Numba. Where better code is put in
    its place, as of a long formula in the background, compiled callers run that too.
    """

    def __init__(self, runtime: Runtime, names: Sequence[str]) -> None:
        self._runtime = runtime
        self._names = names

    def __getattr__(self, name: str) -> Any:
        if name not in self._names:
            message = f"f.jit has {', '.join(self._names)}; found {name!r}"
            raise AttributeError(message)
        return self._runtime.jitted(name)

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._names]
