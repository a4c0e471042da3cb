"""Be what `ob.compile` returns: a formula with its derivatives, ready to call."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from overbar.arguments import Signature, convert, counted, listed
from overbar.codegen.module import function_text
from overbar.derivation import Derivation
from overbar.flat import FlatView
from overbar.inspection import Inspection
from overbar.ir.errors import InputError, UnsupportedError
from overbar.ir.flat import flatten, unflatten
from overbar.results import Named, fill, named, named_type
from overbar.runtime import Runtime

if TYPE_CHECKING:
    from collections.abc import Sequence

    from overbar.arguments import Argument
    from overbar.ir.graph import Graph
    from overbar.ir.program import Program


ALWAYS = ("value", "forward", "backward", "vjp", "jvp", "jacobian")
SINGLE = ("grad", "value_and_grad", "hessian", "hvp")
"""Entry points of every formula, and those of a formula of one output."""


@dataclass(frozen=True, slots=True)
class Options:
    """Hold what `ob.compile` was told besides the formula.

    wrt: names to differentiate with respect to; bare: a single one was given by
        itself, so that gradients come without a tuple around them.
    shape: of the value, where it is one array of all outputs; None: outputs are
        returned by name.
    reduce: "sum" or "mean" over mapped data, or None.
    """

    wrt: tuple[str, ...]
    bare: bool = False
    name: str = "formula"
    accuracy: str = "standard"
    backend: str = "auto"
    reduce: str | None = None
    shape: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class Saved:
    """Hold what `forward` keeps for `backward`; its content is nobody's business."""

    values: Any
    shape: tuple[int, ...] | None = None


class CompiledFunction(Inspection):
    """Hold a formula and everything derived from it (see `overbar.compile`).

    Call it for the value; `grad`, `value_and_grad`, `forward`, `backward`, `vjp`,
    `jvp`, `jacobian`, `hessian` and `hvp` for derivatives; `flat` for all of these over
    one parameter vector; `source` and `text()` to read what runs.

    Arguments are numbers, or arrays that broadcast to a shape S, over which the
    formula is mapped. Machine code is made at the first call of each.
    """

    def __init__(
        self, graph: Graph, arguments: Sequence[Argument], options: Options
    ) -> None:
        self._graph = graph
        self.options = options
        dtypes = {name: node.type.dtype for name, node in graph.inputs.items()}
        self.signature = Signature(arguments, graph.defaults, dtypes)
        self._single = len(graph.outputs) == 1 and options.shape is None
        self._wrt = [graph.inputs[n] for n in options.wrt]
        self.derivation = Derivation(graph, self._wrt)
        self.runtime = Runtime(self.derivation, options.name, options.backend)
        self.runtime.header = self._header()
        self._outputs = named_type(tuple(graph.outputs))
        self._gradient = named_type(options.wrt)
        doubles = self.signature.takes_doubles
        self._plain = options.reduce is None and self._single and doubles
        self._count = len(self.signature.inputs)

    # -- calls -----------------------------------------------------------------

    def __call__(self, /, *args: Any, **keywords: Any) -> Any:
        """Return the value: a float, an array of shape S, or a named tuple of them."""
        if not keywords and self._quick(args):
            return float(self.runtime.call("value")(*args))
        return self.packaged(
            self.run_entry("value", self.signature.bind(args, keywords))
        )

    def grad(self, /, *args: Any, **keywords: Any) -> Any:
        """Return the gradient: by name, each entry of shape S (bare for one name).

        Raises InputError for a formula of several outputs, which has a Jacobian.
        """
        if not keywords and self._quick(args):
            return self._grads(_flattened(self.runtime.call("grad")(*args)))
        self.need_scalar("grad")
        return self._grads(self.run_entry("grad", self.signature.bind(args, keywords)))

    def value_and_grad(
        self, /, *args: Any, out: Any = None, **keywords: Any
    ) -> tuple[Any, Any]:
        """Return `(value, grad)` from one fused function.

        out: an array, or a sequence of arrays one an entry, that the gradient's
            entries are written to as well.
        """
        if out is None and not keywords and self._quick(args):
            value, parts = self.runtime.call("value_and_grad")(*args)
            return float(value), self._grads(_flattened(parts))
        self.need_scalar("value_and_grad")
        values = self.signature.bind(args, keywords)
        value, *grads = self.run_entry("value_and_grad", values)
        result = self._grads(grads)
        if out is not None:
            fill([out] if self.options.bare else out, grads, self.options.wrt)
        return value, result

    def forward(self, /, *args: Any, **keywords: Any) -> tuple[Any, Saved]:
        """Return the value, and what `backward` needs, as in the lectures."""
        self._need_unreduced("forward")
        values = self.signature.bind(args, keywords)
        shape = _shape(values)
        if shape is None:
            value, saved = self.runtime.call("forward")(*values)
            return self.packaged(_flattened(value)), Saved(tuple(saved))
        return self.packaged(self.run_entry("value", values)), Saved(
            tuple(np.array(v) for v in values), shape
        )

    def backward(self, saved: Any, seed: Any = 1.0) -> Any:
        """Return the adjoints of the parameters for an adjoint of the value.

        seed: the adjoint of the value: a number, or one for each output.
        """
        if not isinstance(saved, Saved):
            message = (
                f"expected what forward returned as its second value, found "
                f"{type(saved).__name__}"
            )
            raise InputError(message)
        seeds = self._seeds(seed)
        if saved.shape is not None or _shape(seeds) is not None:
            if saved.shape is None:
                message = (
                    "expected a number as seed, as forward was called with numbers"
                )
                raise InputError(message)
            return self._grads(self.run_entry("vjp", [*saved.values, *seeds]))
        result = self.runtime.call("backward")(saved.values, *seeds)
        return self._grads(_flattened(result))

    def vjp(self, args: Sequence[Any], seed: Any) -> Any:
        """Return the adjoints of the parameters for adjoints of the outputs.

        args: the arguments of a call, as a sequence (or a dict by name); seed: a
        number or array for one output, a sequence or dict of them for several.
        """
        self._need_unreduced("vjp")
        return self._grads(
            self.run_entry("vjp", [*self._bound(args), *self._seeds(seed)])
        )

    def jvp(self, args: Sequence[Any], tangents: Any) -> Any:
        """Return the tangents of the outputs for tangents of the parameters.

        args: as for `vjp`; tangents: one a name of `wrt`, a sequence or dict (a bare
        number or array where `wrt` is a single name).
        """
        self._need_unreduced("jvp")
        dots = self._tangents(tangents)
        return self.packaged(self.run_entry("jvp", [*self._bound(args), *dots]))

    def jacobian(self, /, *args: Any, **keywords: Any) -> Any:
        """Return the Jacobian by name of `wrt`, bare for a single name.

        Entries have shape S + (m,) for m outputs, S for one output, and S + the shape
        of the value for a matrix.
        """
        rows = self.run_entry("jacobian", self.signature.bind(args, keywords))
        n = len(self._wrt)
        parts = [self._stack(rows[i::n]) for i in range(n)]
        return parts[0] if self.options.bare else named(self.options.wrt, parts)

    def hessian(self, /, *args: Any, **keywords: Any) -> Any:
        """Return the Hessian by pair of names: `h.w.b` or `h["w", "b"]`, each S."""
        self.need_scalar("hessian")
        full = self.square(
            self.run_entry("hessian", self.signature.bind(args, keywords))
        )
        if self.options.bare:
            return full[0][0]
        names = self.options.wrt
        return named(names, [named(names, row) for row in full])

    def hvp(self, args: Sequence[Any], v: Any) -> Any:
        """Return the Hessian times a vector, without forming the Hessian.

        args: as for `vjp`; v: one entry a name of `wrt`, as for `jvp`.
        """
        self.need_scalar("hvp")
        dots = self._tangents(v)
        return self._grads(self.run_entry("hvp", [*self._bound(args), *dots]))

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
        single = () if not self._single else SINGLE
        return Jit(self.runtime, [*ALWAYS, *single])

    @property
    def cfunc(self) -> Any:
        """C function pointers, not built yet."""
        message = "f.cfunc is not built yet; f.jit has Numba functions"
        raise UnsupportedError(message)

    def build(self, *names: str) -> Self:
        """Make machine code now, of the named entry points or of `value_and_grad`."""
        wanted = names or (("value", "value_and_grad") if self._single else ("value",))
        size = len(self._graph.inputs)
        for name in wanted:
            count = len(self.runtime.entry(name).program.params)
            self.run_entry(name, [1.0] * max(size, count))
        return self

    # -- the road between arguments and results ---------------------------------

    def _quick(self, args: Sequence[Any]) -> bool:
        """Whether arguments are one float an input, to be handed on as they are."""
        if len(args) != self._count or not self._plain:
            return False
        for a in args:  # noqa: SIM110 - on the call path a loop beats all()
            if type(a) is not float:
                return False
        return True

    def vector_call(self, name: str, theta: Any) -> Any | None:
        """Return an entry point's raw result at a vector of all inputs, or None."""
        if (
            not self._plain
            or type(theta) is not np.ndarray
            or theta.dtype != np.float64
            or theta.shape != (self._count,)
            or tuple(self.options.wrt) != tuple(self.signature.inputs)
        ):
            return None
        return self.runtime.call(name)(*theta.tolist())

    def run_entry(self, name: str, values: list[Any]) -> list[Any]:
        """Return an entry point's results: floats, or arrays of the common shape."""
        shape = _shape(values)
        reduce = self.options.reduce
        if reduce is not None:
            self._need_plain_params(values)
        if shape is None and reduce is None:
            return _flattened(self.runtime.call(name)(*values))
        try:
            arrays = np.broadcast_arrays(*values)
        except ValueError:
            shapes = ", ".join(
                f"{n} {np.shape(v)}"
                for n, v in zip(self.signature.inputs, values, strict=False)
            )
            message = f"expected arguments that broadcast, found shapes {shapes}"
            raise InputError(message) from None
        dtype = self._graph.real.dtype
        points = np.empty((len(values), arrays[0].size if arrays else 1), dtype)
        for row, array in zip(points, arrays, strict=True):
            row[:] = array.ravel()
        out = self.runtime.points(name, points)
        if reduce is not None:
            with np.errstate(invalid="ignore"):  # the mean over no points is NaN
                total = out.sum(axis=1) / (out.shape[1] if reduce == "mean" else 1)
            return [float(v) for v in total]
        return [row.reshape(shape) for row in out]

    def _need_plain_params(self, values: Sequence[Any]) -> None:
        roles = self._graph.roles
        for name, value in zip(self.signature.inputs, values, strict=False):
            if name in self.options.wrt and np.ndim(value):
                message = (
                    f"expected one number for {name!r}, as reduce= sums over data; "
                    f"found shape {np.shape(value)} ({roles[name]})"
                )
                raise InputError(message)

    def packaged(self, parts: Sequence[Any]) -> Any:
        """Return one value an output as the call returns them."""
        shape = self.options.shape
        if shape is not None:
            return self._stack(parts)
        return parts[0] if self._single else self._outputs(parts)

    def _stack(self, parts: Sequence[Any]) -> Any:
        """Return one value an output as one array: S + the shape of the value."""
        if self._single:
            return parts[0]
        stacked = np.stack([np.asarray(p) for p in parts], axis=-1)
        shape = self.options.shape
        return stacked if shape is None else stacked.reshape(stacked.shape[:-1] + shape)

    def _grads(self, parts: Sequence[Any]) -> Any:
        return parts[0] if self.options.bare else self._gradient(parts)

    def square(self, triangle: Sequence[Any]) -> list[list[Any]]:
        """Return a symmetric matrix from its lower triangle, row by row."""
        n = len(self._wrt)
        return [
            [triangle[max(i, j) * (max(i, j) + 1) // 2 + min(i, j)] for j in range(n)]
            for i in range(n)
        ]

    def _bound(self, args: Any) -> list[Any]:
        if isinstance(args, dict):
            return self.signature.bind((), args)
        if not isinstance(args, list | tuple):
            args = (args,)
        return self.signature.bind(args)

    def _seeds(self, seed: Any) -> list[Any]:
        return self._spread(seed, list(self._graph.outputs), "seed")

    def _tangents(self, tangents: Any) -> list[Any]:
        return self._spread(tangents, list(self.options.wrt), "tangent")

    @staticmethod
    def _spread(value: Any, names: list[str], what: str) -> list[Any]:
        """Return one value a name from a sequence, a dict, or a value for the only."""
        if isinstance(value, Named):
            value = value._asdict()
        if isinstance(value, dict):
            if set(value) != set(names):
                message = (
                    f"expected a {what} for each of {listed(names)}; "
                    f"found {listed(list(map(str, value)))}"
                )
                raise InputError(message)
            value = [value[n] for n in names]
        elif len(names) == 1 and not (
            isinstance(value, list | tuple) and len(value) == 1
        ):
            value = [value]
        parts = list(value) if np.iterable(value) else [value]
        if len(parts) != len(names):
            message = f"expected {counted(names, what)}, found {len(parts)}"
            raise InputError(message)
        return [convert(p, n, "float64") for n, p in zip(names, parts, strict=True)]

    def need_scalar(self, what: str) -> None:
        """Raise InputError unless the formula has one output."""
        if not self._single:
            found = f"{len(self._graph.outputs)} ({listed(list(self._graph.outputs))})"
            advice = "use jacobian or vjp" if "grad" in what else "compile one alone"
            message = f"{what} expects one output, found {found}; {advice}"
            raise InputError(message)

    def _need_unreduced(self, what: str) -> None:
        if self.options.reduce is not None:
            message = f"{what} of a formula compiled with reduce= is not built yet"
            raise UnsupportedError(message)

    # -- what it shows ------------------------------------------------------------

    @property
    def source(self) -> str:
        """The text of the generated module."""
        return self.runtime.source()

    @property
    def forward_source(self) -> str:
        """The text of the generated function `forward`."""
        entry = self.runtime.entry("forward")
        return function_text(entry.graph, entry.program)

    @property
    def backward_source(self) -> str:
        """The text of the generated function `backward`."""
        entry = self.runtime.entry("backward")
        return function_text(entry.graph, entry.program)

    @property
    def graph(self) -> Graph:
        """The formula's graph: print it to read it."""
        return self._graph

    @property
    def adjoint_graph(self) -> Graph:
        """The graph of the adjoints, over the same nodes."""
        return self.derivation.adjoints.graph

    @property
    def program(self) -> Program:
        """The schedule of `value_and_grad` (of `value` for several outputs)."""
        name = "value_and_grad" if self._single else "value"
        return self.runtime.entry(name).program

    # -- identity -------------------------------------------------------------------

    def _content(self) -> tuple[Any, ...]:
        options = self.options
        key = (
            options.wrt,
            options.bare,
            options.accuracy,
            options.reduce,
            options.shape,
        )
        arguments = tuple((a.name, a.members) for a in self.signature.arguments)
        return (*flatten(self._graph).content, key, arguments)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, CompiledFunction):
            return NotImplemented
        return self._content() == other._content()

    def __hash__(self) -> int:
        return hash(self._content())

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (flatten(self._graph), self.signature.arguments, self.options)

    def __repr__(self) -> str:
        names = ", ".join(self.signature.names)
        outputs = ", ".join(self._graph.outputs)
        return f"<overbar function ({names}) -> {outputs}>"


class Jit:
    """Hold the generated Numba functions; `f.jit.value_and_grad(1.0, 2.0)`.

    They take one float an input (an array of them where there are more than 16) and
    return floats, tuples, and arrays where there are more than 16 results.
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


def _shape(values: Sequence[Any]) -> tuple[int, ...] | None:
    """Return the common shape of arguments, None if all are numbers."""
    if all(type(v) in {float, int, bool} for v in values):
        return None
    try:
        return np.broadcast_shapes(*(np.shape(v) for v in values)) or None
    except ValueError:
        return ()


def _flattened(result: Any) -> list[Any]:
    if isinstance(result, tuple):
        if all(type(v) is float for v in result):
            return list(result)
        return [v for part in result for v in _flattened(part)]
    if isinstance(result, np.ndarray):
        return [float(v) for v in result]
    return [float(result)]


def _restore(flat: Any, arguments: Any, options: Options) -> CompiledFunction:
    from overbar.levels import rewrite_for

    graph = unflatten(flat, rewrite_for(options.accuracy))
    return CompiledFunction(graph, arguments, options)
