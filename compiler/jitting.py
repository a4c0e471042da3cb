"""Say what Numba code calls for an entry point of a formula.

Comes in: a formula's runtime and an entry point's name. Goes out: machine code with
what a caller gives it: our own, or else what Numba makes of the generated function.
"""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from overbar.codegen.entry import Callee, Declared, one_array, parts_of, sizes_of
from overbar.fitting import Fit
from overbar.ir.errors import UnsupportedError
from overbar.ir.flat import flatten, unflatten
from overbar.ir.program import LARGEST_TUPLE
from overbar.ir.types import DTYPES
from overbar.owned import Results
from overbar.taking import taking

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from overbar.runtime import Runtime


def callee(runtime: Runtime, name: str) -> Callee:
    """Return what calls an entry point."""
    for way in (_native, _over_arrays) if runtime.machine else ():
        with suppress(UnsupportedError):
            return way(runtime, name)
    return _generated(runtime, name)


def _native(runtime: Runtime, name: str) -> Callee:
    """Raise UnsupportedError where there is no machine code of ours."""
    made = runtime.native.made(name)
    from overbar.codegen.jitcore import Core  # loads Numba

    formula, count = runtime.derivation, made.saved
    names, defaults = taking(formula, name, count)
    parts: list[Declared | tuple[Declared, ...]]
    if count is not None:
        first = _first("saved", names[:count], made.inputs[:count])
        parts = [first, *_numbers(names[count:], made.inputs[count:])]
        names = ["saved", *names[count:]]
    elif len(names) > LARGEST_TUPLE:
        parts, names, defaults = [one_array("inputs", made.inputs)], ["inputs"], {}
    else:
        parts = [*_numbers(names, made.inputs)]
    doc = f"Return {name} at {', '.join(names)}."

    def fits(sizes: Sequence[int]) -> None:  # of the one array, once for each size
        Fit(formula.graph, sizes_of(parts))(sizes)

    code = Core(made.machine, parts, made.inputs, made.results)
    return Callee(
        parts, names, defaults, doc, fits, code, partial(_origin, runtime, name)
    )


def _first(
    name: str, names: Sequence[str], dtypes: Sequence[str]
) -> Declared | tuple[Declared, ...]:
    """Return numbers as another entry point gives them: a tuple, or one array."""
    many = len(dtypes) > LARGEST_TUPLE
    return one_array(name, dtypes) if many else _numbers(names, dtypes)


def _numbers(names: Sequence[str], dtypes: Sequence[str]) -> tuple[Declared, ...]:
    pairs = zip(names, dtypes, strict=True)
    return tuple(Declared(name, DTYPES[dtype], None) for name, dtype in pairs)


def _over_arrays(runtime: Runtime, name: str) -> Callee:
    """Raise UnsupportedError where there is no machine code of ours."""
    core = runtime.native_arrays.core(name)
    from overbar.codegen.jitarrays import ArrayCaller  # loads Numba

    program = runtime.entry(name).program
    return _of(runtime, name, ArrayCaller(core, parts_of(program), program.result))


def _generated(runtime: Runtime, name: str) -> Callee:
    from overbar.codegen.jitgenerated import Generated

    program = runtime.entry(name).program
    core = getattr(runtime.module(name), name)
    code = Generated(core, program, Results.of(program).borrowed)
    return _of(runtime, name, code)


def _of(runtime: Runtime, name: str, code: Any) -> Callee:
    """Return how to call code that takes what an entry point's Program does."""
    program = runtime.entry(name).program
    parts = parts_of(program)
    names = ["inputs"] if program.packed else [n for n, _ in program.params]
    names = names[: len(parts)]
    fits = Fit(runtime.derivation.graph, sizes_of(parts))
    origin = partial(_origin, runtime, name)
    return Callee(parts, names, program.defaults, program.doc, fits, code, origin)


def _origin(runtime: Runtime, name: str) -> tuple[Callable[..., Any], tuple[Any, ...]]:
    """Return how to make the call of an entry point again, from plain data."""
    formula = runtime.derivation
    wrt = [formula.graph.names[n] for n in formula.wrt]
    given = flatten(formula.graph), wrt, runtime.accuracy
    return _again, (*given, runtime.stem, runtime.backend, name)


def _again(
    flat: Any, wrt: Sequence[str], accuracy: str, stem: str, backend: str, name: str
) -> Any:
    from overbar.codegen.jitcall import Call
    from overbar.derivation import Derivation
    from overbar.levels import rewrite_for
    from overbar.runtime import Runtime

    graph = unflatten(flat, rewrite_for(accuracy), strict=accuracy == "strict")
    formula = Derivation(graph, [graph.inputs[n] for n in wrt])
    runtime = Runtime(formula, stem, backend)
    runtime.accuracy = accuracy
    return Call(callee(runtime, name))
