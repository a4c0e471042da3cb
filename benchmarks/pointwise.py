"""Give every tool its way of a formula of numbers that is mapped over many points.

Each function takes a workload and its arrays and returns `Calls`: the value and each
gradient are arrays of a number a point. Tools that can write into arrays of the
caller's get some that are kept between calls.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks import peers
from benchmarks.child import threads
from benchmarks.peers import Functions, bound, module, own
from benchmarks.workload import Calls

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.workload import Workload


def overbar(workload: Workload, arrays: dict[str, Any]) -> Calls:
    """Map over arrays, into rows of an array of the caller's."""
    ob = module("overbar")
    f = ob.compile(bound(workload.loss, ob), list(workload.wrt), name=workload.name)
    values = list(arrays.values())
    kept, *out = np.empty((1 + len(workload.wrt), values[0].size))

    def gradient() -> tuple[Any, ...]:
        value, bars = f.value_and_grad(*values, out=out)
        return (value, *bars)

    return Calls(
        lambda: f(*values, out=kept), gradient, lambda: _computed(f"{f.program}")
    )


def _computed(program: str) -> int:
    """Count the operations of a printed gradient; a product with the seed 1 is free."""
    lines = [line.split(" = ", 1) for line in program.splitlines() if " = " in line]
    ones = {name.strip() for name, right in lines if right in {"1", "1.0"}}
    count = 0
    for _, right in lines:
        names = re.findall(r"[\w.]+", right)
        count += max(0, len(names) - 1 - sum(name in ones for name in names))
    return count


def jax(workload: Workload, arrays: dict[str, Any]) -> Calls:
    """Trace one point, map over points, compile by XLA; arrays are on the device."""
    jx, jnp = module("jax"), module("jax.numpy")
    jx.config.update("jax_enable_x64", True)
    loss = bound(workload.loss, jnp)
    values = [jnp.asarray(a) for a in arrays.values()]
    one = jx.value_and_grad(loss, tuple(range(len(workload.wrt))))
    value, both, ready = jx.jit(loss), jx.jit(jx.vmap(one)), jx.block_until_ready

    def gradient() -> tuple[Any, ...]:
        found, bars = ready(both(*values))
        return (found, *bars)

    return Calls(lambda: ready(value(*values)), gradient)


def heyoka(workload: Workload, arrays: dict[str, Any]) -> Calls:
    """Compile value and gradient together, in lanes, the points as columns."""
    hy = module("heyoka")
    hy.llvm_state.set_diskcache_enabled(False)
    names = list(arrays)
    variables = hy.make_vars(*names)
    wrt = variables[: len(workload.wrt)]
    expression = bound(workload.loss, Functions(hy))(*variables)
    bars = list(hy.diff_tensors([expression], wrt, diff_order=1).gradient)
    columns = stacked(list(arrays.values()))
    hy.set_nthreads(threads())
    on_all = {"vars": variables, "parallel_mode": threads() > 1}
    value = hy.cfunc([expression], **on_all)
    both = hy.cfunc([expression, *bars], **on_all)
    out = np.empty((1, columns.shape[1]))
    all_out = np.empty((len(bars) + 1, columns.shape[1]))

    def operations() -> int:
        steps = hy.cfunc(bars, vars=variables).dc
        return len(steps) - len(variables) - len(bars)

    return Calls(
        lambda: value(columns, outputs=out)[0],
        lambda: tuple(both(columns, outputs=all_out)),
        operations,
    )


def stacked(arrays: list[Any]) -> Any:
    """Return arrays as rows of one: of the one that they are rows of, if there is."""
    base = arrays[0].base
    whole = base is not None and base.shape == (len(arrays), arrays[0].size)
    if whole and all(a.base is base for a in arrays):
        return base
    return np.stack(arrays)


TOOLS: dict[str, Callable[[Workload, dict[str, Any]], Calls]] = {
    "hand": lambda workload, arrays: workload.hand(arrays),
    "overbar": overbar,
    "jax": jax,
    "heyoka": heyoka,
    "numba": own("numba"),
    "numpy": own("numpy"),
}
"""Each tool's way, the reference first."""


def tools_of(workload: Workload) -> dict[str, Callable[..., Calls]]:
    """Return the ways of a workload: over arrays, or of numbers at many points."""
    if workload.shapes:
        return peers.TOOLS
    absent = {"numba", "numpy"} - workload.own.keys()
    return {tool: way for tool, way in TOOLS.items() if tool not in absent}
