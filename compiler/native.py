"""Run a formula of numbers by machine code of our own.

Comes in: the entry points of a formula. Goes out: functions over plain numbers that
call a core with nothing in between. Where there is no such code (arrays, some ops of
the user's), callers take other ways.
"""

from __future__ import annotations

import json
from contextlib import suppress
from functools import cache, update_wrapper
from typing import TYPE_CHECKING, Any

from overbar.codegen.machine import background, store
from overbar.codegen.machine.background import Background
from overbar.codegen.machine.loading import Machine, joined
from overbar.codegen.machine.pycalls import function
from overbar.codegen.machine.pycores import Core, Group, Parameter, owner
from overbar.codegen.machine.target import assembled
from overbar.ir.collector import paused
from overbar.ir.errors import OverbarError, UnsupportedError
from overbar.ir.forking import Lock
from overbar.ir.program import leaves
from overbar.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from overbar.codegen.machine.making import Wanted
    from overbar.codegen.machine.pycores import Tree
    from overbar.entry import Entry
    from overbar.ir.program import Result


IMPROVED_AFTER = 1_000
"""Calls of first code after which better code is made in the background."""
_LOOKED_AFTER = 100
"""Calls between two looks whether it is done."""


class Made:
    """Hold an entry point's code.

    inputs: the dtypes of its arguments; results: of what it returns, nested so;
    saved: how many of the arguments come as one tuple, the first; key: its name on
    disk.
    """

    def __init__(self, data: bytes, key: str) -> None:
        head, _, code = data.partition(b"\n")
        self.key = key
        what, self.inputs, self.results, self.saved = json.loads(head)
        self.machine = Machine(what, code)
        self.calls = 0
        self.lock = Lock()
        self.watched = False
        self.work: Background | None = None

    def improved(self, codes: Sequence[bytes]) -> None:
        """Take better code, now and in processes to come."""
        what, code = joined(codes)
        self.machine.replace(what, code)
        self.work = None
        known = (self.inputs, self.results, self.saved)
        store.keep(self.key, _sealed(what, *known, code))


class _Counted:
    """Call first code, and have better code made where there are many calls."""

    def __init__(
        self,
        run: Callable[..., Any],
        fallback: Callable[..., Any],
        name: str,
        improve: Callable[[], None],
        made: Made,
    ) -> None:
        update_wrapper(self, run)
        self._run, self._fallback, self._name = run, fallback, name
        self._improve, self._made = improve, made

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        made = self._made
        made.calls += 1
        if not made.calls % _LOOKED_AFTER:
            self._improve()
        return self._run(*args, **keywords)

    def __reduce__(self) -> Any:
        """Pickle it as its formula's, as a builtin function is."""
        return getattr, (owner(self._fallback, self._name), self._name)


class Native:
    """Make the cores of one formula, each when it is first called.

    entry: gives what an entry point computes; content: a digest of all that this
    depends on, None if there is none; raises UnsupportedError for arrays.
    """

    def __init__(
        self, entry: Callable[[str], Entry], content: Callable[[], bytes | None]
    ) -> None:
        self._entry = entry
        self._content = cache(content)
        self._made: dict[str, Made] = {}
        self._entries: dict[str, Entry] = {}

    def function(self, name: str) -> Callable[..., Any]:
        """Return an entry point over numbers: what its Program says, nested so.

        Raises UnsupportedError for what machine code does not know.
        """
        made = self.made(name)
        params = tuple(
            Parameter(f"x{i}", dtype, placed=True)
            for i, dtype in enumerate(made.inputs)
        )
        run = self.calling(name, params, _tree(made.results), _refuse)
        return run if made.saved is None else _unpacking(run, made.inputs[: made.saved])

    def calling(
        self,
        name: str,
        params: tuple[Parameter, ...],
        results: Tree,
        fallback: Callable[..., Any],
        **options: Any,
    ) -> Callable[..., Any]:
        """Return a function that calls an entry point's core, or else the fallback.

        params, results, options: of the function, as of `Core`. While the code is the
        first, calls are counted: better code is made where there are many.
        """
        made = self.made(name)
        address, machine = made.machine.address, made.machine
        core = Core(address, params, results, machine, **options)
        run = function(core, fallback, name, fallback.__doc__ or "")
        if made.machine.final:
            return run
        return _Counted(run, fallback, name, lambda: self._improve(name, made), made)

    @paused
    def made(self, name: str) -> Made:
        """Return an entry point's code, from disk where it was made before."""
        found = self._made.get(name)
        if found is None:
            key = store.key(self._content(), name.encode())
            found = _kept(key)
            if found is None:
                with Progress(f"deriving {name}"):
                    entry = self._entry(name)
                    data = _first(entry)
                store.keep(key, data)
                self._entries[name] = entry
                found = Made(data, key)
            self._made[name] = found
            if found.machine.final:
                self._entries.pop(name, None)
        return found

    def improve(self, name: str) -> None:
        """Have better code made in the background, and taken when it is done.

        That is for who calls by the address: such calls are not counted.
        """
        made = self.made(name)
        if made.machine.final or made.watched or not background.possible():
            return
        made.watched, made.machine.improver = True, self
        background.watch(self, lambda native: native.step(name))

    def _improve(self, name: str, made: Made) -> None:
        """Have better code made after some calls, and take it when it is done."""
        if made.calls >= IMPROVED_AFTER:
            self.step(name)

    def step(self, name: str) -> bool:
        """Begin to make better code, or take it; return whether all is done."""
        made = self._made[name]
        if not made.lock.acquire(blocking=False):
            return False  # another thread sees to it
        try:
            if made.machine.final:
                return True
            work = made.work = made.work or Background(self._texts(name), workers=1)
            codes = work.poll()
            if codes is not None:
                made.improved(codes)
            return codes is not None or work.failed
        finally:
            made.lock.release()

    def _texts(self, name: str) -> list[str]:
        from overbar.codegen.machine.making import core_texts

        entry = self._entries.pop(name, None) or self._entry(name)
        return core_texts(wanted(entry))

    def optimise(self, name: str) -> None:
        """Wait for the best code of an entry point."""
        made = self.made(name)
        with made.lock, Progress(f"optimising {name}") as progress:
            if made.machine.final:
                return
            if made.work is None or made.work.failed:
                texts = self._texts(name)
                if len(texts) == 1 or not background.possible():
                    made.improved([assembled(text) for text in texts])
                    return  # one is made sooner than a process starts
                progress.total = len(texts)
                made.work = Background(texts, niceness=0)  # somebody waits
            made.improved(made.work.wait(progress.advance))


def _kept(key: str) -> Made | None:
    """Return code from disk, None where there is none, or none to understand."""
    data = store.fetch(key)
    if data is not None:
        with suppress(ValueError, TypeError, LookupError, OverbarError):
            return Made(data, key)
    return None


def _first(entry: Entry) -> bytes:
    """Make an entry point's code, and return it with what its callers need to know."""
    from overbar.codegen.machine.making import first_code

    what, code = first_code(wanted(entry))
    inputs = [n.type.dtype for n in entry.inputs]
    return _sealed(what, inputs, _dtypes(entry.result), entry.saved, code)


def _sealed(
    what: str, inputs: Any, results: Any, saved: int | None, code: bytes
) -> bytes:
    return json.dumps([what, inputs, results, saved]).encode() + b"\n" + code


def wanted(entry: Entry) -> Wanted:
    """Return what an entry point computes, as machine code is made of it.

    Raises UnsupportedError for arrays.
    """
    from overbar.codegen.machine.making import Wanted

    graph, results = entry.graph, leaves(entry.result)
    saved = {n for n in entry.inputs if n.args}
    nodes = graph.order(results, saved)
    if saved:
        nodes = [n for n in nodes if n not in saved]  # they are read
    arrays = [n for n in nodes if n.type.shape] if graph.shaped else ()
    if arrays:
        message = f"expected code over numbers, found {arrays[0].op.name}"
        raise UnsupportedError(message)
    strict = graph.strict
    return Wanted(nodes, entry.inputs, results, lambda: entry.program, strict)


def _dtypes(result: Result) -> Any:
    """Return the dtypes of results, nested as they are."""
    if isinstance(result, tuple):
        return [_dtypes(part) for part in result]
    return result.type.dtype


def _tree(results: Any) -> Any:
    """Return how results are put together: floats in tuples."""
    if isinstance(results, list):
        return Group(tuple(map(_tree, results)))
    return results


def _unpacking(run: Callable[..., Any], dtypes: Sequence[str]) -> Callable[..., Any]:
    """Return a function that takes what was saved as one tuple of floats."""
    kinds = [(i, _WHOLE[d]) for i, d in enumerate(dtypes) if d in _WHOLE]

    def unpacked(saved: Sequence[float], *more: float) -> Any:
        given = list(saved)
        for i, kind in kinds:
            given[i] = kind(given[i])
        return run(*given, *more)

    return unpacked


_WHOLE = {"bool": bool, "int64": int}
"""What functions take where they are not given a float."""


def _refuse(*args: Any, **_: Any) -> Any:
    message = f"expected numbers, found {', '.join(type(a).__name__ for a in args)}"
    raise TypeError(message)
