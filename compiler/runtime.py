"""Turn Programs into functions that run: compiled by Numba, plain, or interpreted.

Each entry point is made when it is first called, once, whatever the threads.
"""

from __future__ import annotations

from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from overbar.codegen.entry import packed_dtype
from overbar.codegen.machine import RUNS
from overbar.codegen.module import print_module
from overbar.givers import packing, partial_last, rounding, rounding_floats, silent
from overbar.interpreting import evaluated, interpreted, too_long
from overbar.ir.collector import paused
from overbar.ir.errors import InputError, UnsupportedError
from overbar.ir.program import leaves
from overbar.ir.types import F32
from overbar.mapping import columns

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import ModuleType

    from overbar.derivation import Derivation
    from overbar.entry import Entry
    from overbar.native import Native
    from overbar.native_arrays import NativeArrays
    from overbar.pointwise import Pointwise

BACKENDS = ("auto", "numba", "python", "reference")
"""How code runs: machine code of ours, Numba's for what ours does not know; Numba's
alone; the generated Python as it is; node by node."""
TOGETHER = ("value", "forward", "backward", "value_and_grad")
"""Entry points that share the module that `f.source` shows."""

LARGEST_COPIED = 20_000
"""Nodes of a formula from which on all entry points share the graph that they grow."""


class Runtime:
    """Make and keep the entry points of one formula."""

    def __init__(self, derivation: Derivation, stem: str, backend: str) -> None:
        if backend not in BACKENDS:
            message = f"expected backend {', '.join(BACKENDS)}; found {backend!r}"
            raise InputError(message)
        self.derivation = derivation
        self.stem = stem
        self.backend = backend
        self.header: Callable[[], str] = str
        self.lock = derivation.lock
        self._jitted: dict[str, Any] = {}
        self._interpreted: dict[str, bool] = {}
        self._entries: dict[str, Entry] = {}
        self._derivations: dict[str, Derivation] = {}
        self._modules: dict[str, ModuleType] = {}
        self._calls: dict[str, Callable[..., Any]] = {}
        self.accuracy = "standard"
        self.machine = backend == "auto" and RUNS

    @cached_property
    def native(self) -> Native:
        """Machine code made without Numba."""
        from overbar.native import Native

        return Native(self._unread, self._content)

    @cached_property
    def native_arrays(self) -> NativeArrays:
        """Machine code over arrays, made without Numba."""
        from overbar.native_arrays import NativeArrays

        return NativeArrays(self.entry)

    def _over_arrays(self, name: str) -> bool:
        """Whether to try machine code of ours for an entry point with arrays."""
        return self.machine and not self.interprets(name)

    def _unread(self, name: str) -> Entry:
        """Return an entry point derived by itself, for machine code alone."""
        with self.lock:
            few = len(self.derivation.graph) <= LARGEST_COPIED
            return (self.derivation.copied() if few else self.derivation).unread(name)

    def _content(self) -> bytes | None:
        """Return a digest of all that machine code depends on, but the entry point."""
        found = self.derivation.content()
        return None if found is None else found + self.accuracy.encode()

    def entry(self, name: str) -> Entry:
        """Return the Program of an entry point and its graph."""
        if name in self._entries:
            return self._entries[name]
        with self.lock, paused:
            if name not in self._entries:  # nor made by another thread since
                module = self.together() if name in self.together() else [name]
                copies = len(self.derivation.graph) <= LARGEST_COPIED
                for each in module if copies else [name]:
                    source = self._derivation(module[0]) if copies else self.derivation
                    self._entries[each] = getattr(source, each)()
        return self._entries[name]

    def _derivation(self, key: str) -> Derivation:
        """Return the derivation of one module, from a copy of the formula.

        So a module's text, and its place in the cache, do not depend on what else was
        asked for before.
        """
        if key not in self._derivations:
            self._derivations[key] = self.derivation.copied()
        return self._derivations[key]

    def together(self) -> list[str]:
        """Return the entry points that share a module."""
        values = self.derivation.values
        single = len(values) == 1 and not values[0].type.shape
        return [n for n in TOGETHER if single or n != "value_and_grad"]

    def source(self, name: str = "value", *more: str, checked: bool = False) -> str:
        """Return the text of the module that has an entry point, and `more` of them.

        checked: as for `print_module`.
        """
        names = self.together() if name in self.together() else [name]
        whole = [self.entry(n) for n in (*names, *more)]
        entries = [each for e in whole for each in (*e.needs, e)]
        programs = [e.program for e in entries]
        return print_module(entries[0].graph, programs, self.header(), checked=checked)

    def module(self, name: str) -> ModuleType:
        """Return the loaded module that has an entry point."""
        key = "together" if name in self.together() else name
        with self.lock:
            if key not in self._modules:
                from overbar.codegen import load

                entry = self.entry(name)
                vector = entry.program.shaped and not entry.graph.strict
                loader = load.load_vector if vector else load.load_module
                loader = load.load_plain if self.backend == "python" else loader
                stem = self.stem if key == "together" else f"{self.stem}_{name}"
                self._modules[key] = loader(self.source(name), stem)
            return self._modules[key]

    def jitted(self, name: str) -> Any:
        """Return an entry point as a Numba function that user code may call.

        Raises UnsupportedError for a formula that runs without Numba.
        """
        if self.backend in {"python", "reference"}:
            message = f"f.jit needs Numba; this formula has backend={self.backend!r}"
            raise UnsupportedError(message)
        with self.lock:
            if name not in self._jitted:
                from overbar.codegen.entry import callable_entry
                from overbar.jitting import callee

                self._jitted[name] = callable_entry(callee(self, name))
            return self._jitted[name]

    def call(self, name: str) -> Callable[..., Any]:
        """Return the function of an entry point over plain numbers."""
        found = self._calls.get(name)
        if found is None:
            with self.lock:
                found = self._calls.setdefault(name, self._make(name))
        return found

    def build(self, name: str, *, optimise: bool) -> bool:
        """Make an entry point's own machine code, and say whether there is any."""
        if not self.machine:
            return False
        try:
            self.native.made(name)
        except UnsupportedError:  # such as arrays
            return False
        if optimise:
            self.native.optimise(name)
        return True

    def exact(self, name: str) -> tuple[Callable[..., Any], Any] | None:
        """Return an entry point's machine code and its result's Numba type.

        None where there is none. It raises TypeError, or `Unfit`, for other types.
        Code of ours has no such type: it lists results of their own.
        """
        if self.backend == "python" or self.interprets(name):
            return None
        if self._over_arrays(name):
            with suppress(UnsupportedError):  # such as `ob.op`
                return self.native_arrays.exact(name), None
        from overbar.codegen.entry import generated_kinds  # loads Numba
        from overbar.codegen.jitcache import exact

        function, program = getattr(self.module(name), name), self.entry(name).program
        if not hasattr(function, "overloads"):  # under NUMBA_DISABLE_JIT
            return None
        kinds = generated_kinds(program)
        strict = exact(function, kinds)
        result = function.overloads[kinds].signature.return_type
        if program.constants:
            strict = partial_last(strict, [n.attrs[0].value for n in program.constants])
        single = [i for i, (_, part) in enumerate(program.params)
                  if not isinstance(part, tuple) and part.type is F32]  # fmt: skip
        return (rounding_floats(strict, single) if single else strict), result

    def _make(self, name: str) -> Callable[..., Any]:
        if self.machine:
            with suppress(UnsupportedError):  # such as arrays
                return self.native.function(name)
        if self._over_arrays(name):
            with suppress(UnsupportedError):  # such as `ob.op`
                return self.native_arrays.function(name)
        function, program = self._unrounded(name), self.entry(name).program
        given = leaves(tuple(part for _, part in program.params))
        single = any(n.type is F32 for n in given)
        return rounding(function, program) if single else function

    def _unrounded(self, name: str) -> Callable[..., Any]:
        program = self.entry(name).program
        if self.interprets(name):
            return interpreted(self.entry(name))
        function = getattr(self.module(name), name)
        if self.backend == "python":
            function = silent(function, convert=not program.packed)
        if program.constants:
            return partial_last(function, [n.attrs[0].value for n in program.constants])
        if program.packed:
            return packing(function, packed_dtype(program))
        return function  # type: ignore[no-any-return]

    def interprets(self, name: str) -> bool:
        """Whether an entry point runs node by node, without generated code."""
        if self.backend != "auto":
            return self.backend == "reference"
        if name not in self._interpreted:
            self._interpreted[name] = too_long(self.entry(name))
        return self._interpreted[name]

    @cached_property
    def pointwise(self) -> Pointwise:
        """Machine code over vectors of points."""
        from overbar.pointwise import Pointwise

        real, strict = self.derivation.graph.real.dtype, self.accuracy == "strict"
        return Pointwise(self._unread, self._content, real, strict=strict)

    def points(
        self,
        name: str,
        values: Sequence[Any],
        shape: tuple[int, ...],
        into: Sequence[Any] = (),
    ) -> Any:
        """Return results at points of a shape, one row a result.

        into: vectors for the last of them.
        """
        if self.machine:
            with suppress(UnsupportedError):
                return self.pointwise.run(name, values, shape, into)
        rows = self._points(name, columns(values, self.derivation.graph.real.dtype))
        for array, row in zip(into, rows[len(rows) - len(into) :], strict=True):
            array[:] = row
        return rows

    def _points(self, name: str, points: Any) -> Any:
        """Return results at the columns of an array, one row a result."""
        entry = self.entry(name)
        roots = leaves(entry.program.result)
        out = np.empty((len(roots), points.shape[1]), points.dtype)
        if self.interprets(name):
            values = evaluated(entry, list(points))
            for row, root in zip(out, roots, strict=True):
                row[:] = values[root]
            return out
        self._loop(name)(points, out)
        return out

    def blocks(
        self, name: str, given: Sequence[Any], places: Any, out: Sequence[Any]
    ) -> None:
        """Fill arrays with results at many points of arrays (see `print_points`)."""
        if self._over_arrays(name):
            with suppress(UnsupportedError):
                self.native_arrays.at_points(name, given, places, out)
                return
        constants = [n.attrs[0].value for n in self.entry(name).program.constants]
        self._loop(name)((*given, *constants), places, tuple(out))

    def _loop(self, name: str) -> Callable[..., Any]:
        """Return the generated function that calls an entry point at many points."""
        run = getattr(self.module(name), f"{name}_points")
        return silent(run, convert=False) if self.backend == "python" else run
