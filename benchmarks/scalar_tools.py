"""Give every tool its way from a formula of numbers to statements that can be timed.

Each function builds the formula's graph, its derivative and its code from nothing and
takes one gradient; it says where stages end. Statements: `value` and `numbers` (value
and gradient) take numbers, `keywords` takes them by name, `flat` a vector, `out` too
and fills memory of the caller's.
"""

from __future__ import annotations

import gc
import pkgutil
import shutil
from functools import partial
from importlib import import_module
from inspect import signature
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.peers import module
from benchmarks.scalar import Subject

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.scalar import Formula, Stages

LARGE = 2000  # operations from which on heyoka's manual wants compact mode
LONGEST = 100_000  # operations up to which Overbar's optimised code is waited for
SLOW = 3000  # operations from which on gcc is better asked for less


def _names(formula: Formula, **more: Any) -> dict[str, Any]:
    """Return the inputs as numbers by name, and as the vector theta."""
    numbers = dict(zip(formula.inputs, formula.point.tolist(), strict=True))
    return {**numbers, "theta": formula.point.copy(), **more}


def overbar(formula: Formula, stages: Stages) -> Subject:
    """Expressions of Python, compiled; optimised code where `build` offers any."""
    ob = module("overbar")
    xs = [ob.param(name) for name in formula.inputs]
    expression = formula.loss(xs, ob)
    stages.done("graph")
    f = ob.compile(expression, inputs=xs)
    stages.done("compile")
    f.value_and_grad(*formula.point.tolist())
    stages.done("first call")
    listed = ", ".join(formula.inputs)
    named = ", ".join(f"{name}={name}" for name in formula.inputs)
    statements = {
        "value": f"f({listed})",
        "numbers": f"f.value_and_grad({listed})",
        "keywords": f"f.value_and_grad({named})",
        "flat": "f.flat.value_and_grad(theta)",
        "out": "f.flat.value_and_grad(theta, out=g)",
    }
    names = _names(formula, f=f, g=np.empty(len(xs)))
    build = partial(f.build, "value_and_grad", optimise=True)
    waits = takes(f.build, "optimise") and formula.size <= LONGEST
    return Subject(names, statements, optimise=build if waits else None)


def takes(call: Callable[..., Any], name: str) -> bool:
    """Whether a call has a keyword, as far as it tells."""
    try:
        return name in signature(call).parameters
    except ValueError:  # some builtin functions do not tell
        return False


def casadi(formula: Formula, stages: Stages, *, jit: bool = False) -> Subject:
    """Scalar expressions, in the virtual machine; `out` is on raw buffers."""
    ca = module("casadi")
    x = ca.SX.sym("x", len(formula.inputs))
    y = formula.loss([x[i] for i in range(len(formula.inputs))], ca)
    stages.done("graph")
    bar = ca.gradient(y, x)
    stages.done("derive")
    flags = ["-O2" if formula.size <= SLOW else "-O1"]
    gcc = {"jit": True, "compiler": "shell", "jit_options": {"flags": flags}}
    f = ca.Function("f", [x], [y, bar], gcc if jit else {})
    stages.done("function")
    f(formula.point)
    stages.done("first call")
    buffer, evaluate = f.buffer()
    names = _names(formula, f=f, evaluate=evaluate, buffer=buffer)
    value, g = np.zeros(1), np.zeros(len(formula.inputs))
    buffer.set_arg(0, memoryview(names["theta"]))  # which has to outlive the buffer
    buffer.set_res(0, memoryview(value))
    buffer.set_res(1, memoryview(g))
    statements = {
        "numbers": f"f([{', '.join(formula.inputs)}])",
        "flat": "f(theta)",
        "out": "evaluate()",
    }
    return Subject(names, statements, results=(value, g))


def casadi_gcc(formula: Formula, stages: Stages) -> Subject:
    """Scalar expressions, written in C and compiled by gcc."""
    if shutil.which("gcc") is None:
        raise FileNotFoundError("no gcc here")
    return casadi(formula, stages, jit=True)


def heyoka(formula: Formula, stages: Stages) -> Subject:
    """Symbolic derivatives, compiled by LLVM, nothing taken from its disk cache."""
    hy = module("heyoka")
    hy.llvm_state.set_diskcache_enabled(False)
    xs = hy.make_vars(*formula.inputs)
    y = formula.loss(xs, hy)
    stages.done("graph")
    bars = hy.diff_tensors([y], diff_args=xs, diff_order=1).gradient
    stages.done("derive")
    f = hy.cfunc([y, *bars], vars=xs, compact_mode=formula.size > LARGE)
    stages.done("function")
    f(formula.point)
    stages.done("first call")
    statements = {
        "numbers": f"f([{', '.join(formula.inputs)}])",
        "flat": "f(theta)",
        "out": "f(theta, outputs=g)",
    }
    return Subject(_names(formula, f=f, g=np.empty(len(xs) + 1)), statements)


def jax(formula: Formula, stages: Stages) -> Subject:
    """Traced and compiled by XLA; vectors are on the device beforehand."""
    jx, jnp = module("jax"), module("jax.numpy")
    jx.config.update("jax_enable_x64", True)
    count = len(formula.inputs)
    flat = jx.jit(
        jx.value_and_grad(lambda x: formula.loss([x[i] for i in range(count)], jnp))
    )
    ready, theta = jx.block_until_ready, jnp.asarray(formula.point)
    ready(flat(theta))
    stages.done("first call")
    both = jx.jit(
        jx.value_and_grad(lambda *v: formula.loss(v, jnp), tuple(range(count)))
    )
    names = _names(formula, both=both, flat=flat, ready=ready) | {"theta": theta}
    statements = {
        "numbers": f"ready(both({', '.join(formula.inputs)}))",
        "flat": "ready(flat(theta))",
    }
    return Subject(names, statements)


def autograd(formula: Formula, stages: Stages) -> Subject:
    """Record operations at each call."""
    ag, anp = module("autograd"), module("autograd.numpy")
    count = len(formula.inputs)
    f = ag.value_and_grad(lambda x: formula.loss([x[i] for i in range(count)], anp))
    f(formula.point)
    stages.done("first call")
    return Subject(_names(formula, f=f), {"flat": "f(theta)"})


def sympy(formula: Formula, stages: Stages) -> Subject:
    """`diff`, `cse`, `lambdify` and Numba."""
    sp, numba = module("sympy"), module("numba")
    xs = sp.symbols(formula.inputs)
    y = formula.loss(xs, sp)
    stages.done("graph")
    bars = [sp.diff(y, x) for x in xs]
    stages.done("derive")
    f = numba.njit(sp.lambdify(xs, [y, *bars], "math", cse=True))
    stages.done("cse")
    f(*formula.point.tolist())
    stages.done("first call")
    statements = {"numbers": f"f({', '.join(formula.inputs)})", "flat": "f(*theta)"}
    return Subject(_names(formula, f=f), statements)


TOOLS: dict[str, Callable[[Formula, Stages], Subject]] = {
    "hand": lambda formula, stages: formula.hand(formula, stages),
    "overbar": overbar,
    "casadi": casadi,
    "casadi-gcc": casadi_gcc,
    "heyoka": heyoka,
    "jax": jax,
    "autograd": autograd,
    "sympy": sympy,
}
"""Each tool's way, the reference first."""

IMPORTS = {
    "hand": ("numba",),
    "overbar": ("overbar", "numba", "scipy.linalg", "sympy"),
    "casadi": ("casadi",),
    "casadi-gcc": ("casadi",),
    "heyoka": ("heyoka",),
    "jax": ("jax", "jax.numpy"),
    "autograd": ("autograd", "autograd.numpy"),
    "sympy": ("sympy", "numba"),
}
"""What each tool's clock does not count: what is imported beforehand."""


def imported(tool: str) -> None:
    """Import a tool with what it needs, and all of its modules where it waits."""
    for name in IMPORTS[tool]:
        import_module(name)
    if tool == "overbar":
        package = import_module(tool)
        for found in pkgutil.walk_packages(package.__path__, f"{tool}."):
            if not found.name.endswith("__main__"):
                import_module(found.name)
    gc.collect()
    gc.freeze()  # nor is a look through all of these, for garbage, on any tool's clock
