"""Give a formula's entry points as C functions.

Comes in: a formula of numbers. Goes out: for each entry point a function of doubles
that C, SciPy and Numba call by its address, made without Numba.
"""

from __future__ import annotations

import platform
import sys
from typing import TYPE_CHECKING

from overbar.ir.errors import UnsupportedError
from overbar.taking import taking

if TYPE_CHECKING:
    from collections.abc import Sequence

    from overbar.codegen.machine.cfunctions import CFunction
    from overbar.runtime import Runtime


class CFunctions:
    """Hold the C functions of a formula of numbers, such as `f.cfunc.value`.

    A function that gives one number has the type `double (int, double *, void *)`: how
    many numbers come, these, and data that is not looked at; another number than the
    formula takes gives NaN. All other functions have the type `void (double *, double
    *)`: inputs in the order of a call, results in the order of what the method gives,
    of a Hessian the lower triangle row by row. See `CFunction` for more types.

    >>> import overbar as ob
    >>> from scipy.integrate import quad
    >>> f = ob.compile("exp(-x**2/2)")
    >>> round(quad(f.cfunc.value.low_level, -10, 10)[0], 12)
    2.506628274631
    >>> f.cfunc.value.with_signature("double (double)").ctypes(0.0)
    1.0
    """

    def __init__(self, runtime: Runtime, names: Sequence[str]) -> None:
        self._runtime = runtime
        self._names = names
        self._made: dict[str, CFunction] = {}

    def __getattr__(self, name: str) -> CFunction:
        if name.startswith("__") or name not in self._names:
            message = f"f.cfunc has {', '.join(self._names)}; found {name!r}"
            raise AttributeError(message)
        with self._runtime.lock:
            if name not in self._made:
                self._made[name] = _function(self._runtime, name)
            return self._made[name]

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._names]


def _function(runtime: Runtime, name: str) -> CFunction:
    from overbar.codegen.machine.cfunctions import CFunction
    from overbar.codegen.machine.signatures import CCore, types_of

    if not runtime.machine:
        message = (
            "f.cfunc is machine code of our own; this formula has "
            f"backend={runtime.backend!r} on {platform.machine()}, {sys.platform}"
        )
        raise UnsupportedError(message)
    try:
        made = runtime.native.made(name)
        runtime.native.improve(name)
    except UnsupportedError:
        message = (
            "f.cfunc is for formulas of numbers, without operations of your own that "
            f"machine code does not know; call f.jit.{name} in a function of your own "
            "under numba.cfunc"
        )
        raise UnsupportedError(message) from None
    names, defaults = taking(runtime.derivation, name, made.saved)
    left = [n for n in names if n in defaults]
    core = CCore(
        made.machine.address,
        tuple(made.inputs),
        tuple(_leaves(made.results)),
        not isinstance(made.results, list),
        tuple(defaults[n] for n in left),
        made.machine,
    )
    return CFunction(name, core, names, next(iter(types_of(core))))


def _leaves(results: object) -> list[str]:
    if isinstance(results, list):
        return [dtype for part in results for dtype in _leaves(part)]
    return [str(results)]
