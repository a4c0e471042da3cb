"""Give every tool its way from a workload's formula to calls that can be timed.

Each function takes a workload and its arrays and returns `Calls`. Tools are imported
here only, when they are asked for; nothing is traced or compiled before the first call.
"""

from __future__ import annotations

import importlib
from functools import cache, partial
from types import FunctionType, SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.workload import Calls

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.workload import Workload

module = importlib.import_module


class Functions(SimpleNamespace):
    """Hold a tool's functions under NumPy's names: those given, then the module's."""

    def __init__(self, base: Any, **own: Any) -> None:
        super().__init__(**own)
        self._base = base

    def __getattr__(self, name: str) -> Any:
        return getattr(self._base, name)


def bound(loss: Callable[..., Any], functions: Any) -> Any:
    """Return a formula with a tool's functions as `xp`, its code and names its own."""
    code, home = loss.__code__, loss.__globals__
    return FunctionType(code, home, loss.__name__, (functions,))


def _split(workload: Workload, arrays: dict[str, Any]) -> tuple[list[Any], list[Any]]:
    """Return the arrays to differentiate by, which come first, and the others."""
    count = len(workload.wrt)
    values = list(arrays.values())
    return values[:count], values[count:]


# Overbar ------------------------------------------------------------------------------


def compiled(workload: Workload) -> Any:
    """Return the workload's formula as Overbar compiles it, traced from NumPy code."""
    ob = module("overbar")
    functions = Functions(
        np,
        logsumexp=ob.logsumexp,
        softplus=ob.softplus,
        cholesky=np.linalg.cholesky,
        solve_triangular=ob.solve_triangular,
    )
    loss = bound(workload.loss, functions)
    shapes = dict(workload.shapes)
    return ob.compile(loss, list(workload.wrt), shapes, name=workload.name)


def overbar(workload: Workload, arrays: dict[str, Any]) -> Calls:
    """Trace the formula written in NumPy."""
    f = compiled(workload)
    values = list(arrays.values())

    def gradient() -> tuple[Any, ...]:
        value, bars = f.value_and_grad(*values)
        return (value, *bars)

    def rows() -> tuple[Any, ...]:
        value, (table, *bars) = f.value_and_grad(*values, sparse=True)
        return (value, table.values, *bars)

    def newton() -> tuple[Any, ...]:
        value, (bar,), (diagonal,) = f.value_grad_and_hvp(values, (ones,))
        return value, bar, diagonal

    ones = np.ones_like(values[0])
    chosen = newton if workload.newton else rows if workload.gathered else gradient
    return Calls(lambda: f(*values), chosen)


# JAX ----------------------------------------------------------------------------------


def jax(workload: Workload, arrays: dict[str, Any]) -> Calls:
    """Trace and compile by XLA; arrays are on the device beforehand."""
    jx = module("jax")
    jnp = module("jax.numpy")
    linalg = module("jax.scipy.linalg")
    jx.config.update("jax_enable_x64", True)
    functions = Functions(
        jnp,
        logsumexp=jx.nn.logsumexp,
        softplus=jx.nn.softplus,
        cholesky=jnp.linalg.cholesky,
        solve_triangular=linalg.solve_triangular,
    )
    loss = bound(workload.loss, functions)
    count = len(workload.wrt)
    values = [jnp.asarray(a) for a in arrays.values()]
    both = jx.value_and_grad(loss, argnums=tuple(range(count)))

    def gradient(*values: Any) -> Any:
        value, bars = both(*values)
        return (value, *bars)

    def rows(table: Any, *rest: Any) -> Any:
        *others, index, y = rest
        inner = bound(workload.rows_loss, functions)
        argnums = tuple(range(count))
        value, bars = jx.value_and_grad(inner, argnums)(table[index], *others, y)
        return (value, *bars)

    def newton(*values: Any) -> Any:
        first, *data = values
        derive = lambda x: both(x, *data)  # noqa: E731 - one expression
        (value, (bar,)), (_, (diagonal,)) = jx.jvp(
            derive, (first,), (jnp.ones_like(first),)
        )
        return value, bar, diagonal

    chosen = newton if workload.newton else rows if workload.gathered else gradient
    value, full = jx.jit(loss), jx.jit(chosen)
    ready = jx.block_until_ready
    return Calls(lambda: ready(value(*values)), lambda: ready(full(*values)))


# autograd -----------------------------------------------------------------------------


def autograd(workload: Workload, arrays: dict[str, Any]) -> Calls:
    """Record operations on NumPy arrays at each call."""
    ag, anp = module("autograd"), module("autograd.numpy")
    special = module("autograd.scipy.special")
    linalg = module("autograd.scipy.linalg")
    functions = Functions(
        anp,
        logsumexp=special.logsumexp,
        softplus=lambda x: anp.logaddexp(0.0, x),
        cholesky=anp.linalg.cholesky,
        solve_triangular=linalg.solve_triangular,
    )
    loss = bound(workload.loss, functions)
    params, data = _split(workload, arrays)

    def derive(loss: Any, params: list[Any], data: list[Any]) -> tuple[Any, ...]:
        value, bars = ag.value_and_grad(lambda p: loss(*p, *data))(tuple(params))
        return (value, *bars)

    def rows() -> tuple[Any, ...]:
        (table, *others), (index, y) = params, data
        inner = bound(workload.rows_loss, functions)
        return derive(inner, [table[index], *others], [y])

    def newton() -> tuple[Any, ...]:
        one = lambda x: loss(x, *data)  # noqa: E731 - one expression
        value, bar = ag.value_and_grad(one)(params[0])
        total = lambda x: anp.sum(ag.grad(one)(x))  # noqa: E731 - one expression
        return value, bar, ag.grad(total)(params[0])

    chosen = newton if workload.newton else rows if workload.gathered else None
    return Calls(
        lambda: loss(*params, *data), chosen or partial(derive, loss, params, data)
    )


# PyTensor -----------------------------------------------------------------------------


def pytensor(workload: Workload, arrays: dict[str, Any]) -> Calls:
    """Build, rewrite and compile a graph, in PyTensor's default mode."""
    pt = module("pytensor.tensor")
    pytensor = module("pytensor")
    linalg = module("pytensor.tensor.slinalg")
    functions = Functions(
        pt,
        logsumexp=pt.logsumexp,
        softplus=pt.softplus,
        cholesky=linalg.cholesky,
        solve_triangular=linalg.solve_triangular,
    )
    inputs = [_tensor(pt, name, np.asarray(a)) for name, a in arrays.items()]
    values = list(arrays.values())
    wrt = inputs[: len(workload.wrt)]
    if workload.gathered:
        table, *others = wrt
        index, y = inputs[len(wrt) :]
        wrt = [table[index], *others]
        loss = bound(workload.rows_loss, functions)(*wrt, y)
    else:
        loss = bound(workload.loss, functions)(*inputs)
    bars = pt.grad(loss, wrt)
    if workload.newton:
        bars.append(pt.grad(pt.sum(bars[0]), wrt[0]))

    @cache
    def function(*results: Any) -> Any:
        wanted = list(results) if len(results) > 1 else results[0]
        return pytensor.function(inputs, wanted, on_unused_input="ignore")

    return Calls(
        lambda: function(loss)(*values),
        lambda: tuple(function(loss, *bars)(*values)),
    )


def _tensor(pt: Any, name: str, array: Any) -> Any:
    return pt.tensor(name, dtype=array.dtype.name, shape=(None,) * array.ndim)


# CasADi -------------------------------------------------------------------------------


def casadi_inputs(arrays: dict[str, Any]) -> list[Any]:
    """Return a matrix symbol for each array; a vector is a column."""
    ca = module("casadi")
    return [ca.MX.sym(name, *np.shape(a)) for name, a in arrays.items()]


def casadi_calls(
    arrays: dict[str, Any],
    symbols: Sequence[Any],
    value: Any,
    wrt: Sequence[Any],
    *,
    newton: bool = False,
    jit: bool = True,
) -> Calls:
    """Return calls of a matrix expression, on raw buffers.

    jit: by C through gcc; without it in CasADi's virtual machine.
    """
    ca = module("casadi")
    bars = [ca.gradient(value, x) for x in wrt]
    outputs = [value, *bars]
    if newton:
        ones = ca.DM.ones(*wrt[0].shape)
        outputs.append(ca.jtimes(bars[0], wrt[0], ones))
    values = [np.asarray(a, float).ravel(order="F") for a in arrays.values()]

    @cache
    def function(count: int) -> Any:
        options = {
            "jit": jit, "compiler": "shell",
            "jit_options": {"flags": ["-O3", "-march=native"]},
        }  # fmt: skip
        dense = [ca.densify(o) for o in outputs[:count]]
        f = ca.Function("f", list(symbols), dense, options)
        buffer, evaluate = f.buffer()
        results = [np.empty(o.numel()) for o in dense]
        for i, array in enumerate(values):
            buffer.set_arg(i, memoryview(array))
        for i, array in enumerate(results):
            buffer.set_res(i, memoryview(array))
        return f, buffer, evaluate, results

    shapes = [(), *(np.shape(a) for a in arrays.values())][: len(wrt) + 1]
    shapes += shapes[-1:]

    def call(count: int) -> tuple[Any, ...]:
        *_, evaluate, results = function(count)
        evaluate()
        return tuple(
            r.reshape(s, order="F") for r, s in zip(results, shapes, strict=False)
        )

    return Calls(lambda: call(1)[0], lambda: call(len(outputs)))


# All ----------------------------------------------------------------------------------


def own(name: str) -> Callable[[Workload, dict[str, Any]], Calls]:
    """Return a tool's way that each workload writes down for itself."""
    return lambda workload, arrays: workload.own[name](arrays)


TOOLS: dict[str, Callable[[Workload, dict[str, Any]], Calls]] = {
    "hand": lambda workload, arrays: workload.hand(arrays),
    "overbar": overbar,
    "jax": jax,
    "pytensor": pytensor,
    "casadi": own("casadi"),
    "autograd": autograd,
    "heyoka": own("heyoka"),
}
"""Each tool's way of a formula over arrays, the reference first."""

IMPORTS = {
    "hand": ("numba", "scipy.linalg.lapack"),
    "overbar": ("overbar", "numba", "scipy.linalg"),
    "jax": ("jax", "jax.numpy", "jax.scipy.linalg"),
    "pytensor": ("pytensor", "pytensor.tensor", "pytensor.tensor.slinalg", "numba"),
    "casadi": ("casadi",),
    "autograd": ("autograd", "autograd.scipy.special", "autograd.scipy.linalg"),
    "heyoka": ("heyoka",),
    "numba": ("numba",),
    "numpy": ("numpy",),
}
"""What each tool's clock does not count: what is imported beforehand."""
