"""Run a formula of numbers by machine code of our own.

Comes in: the entry points of a formula. Goes out: functions over plain numbers that
call a core with nothing in between. Where there is no such code (arrays, ops of the
user's), callers take the way through generated Python and Numba.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from overbar.codegen.machine import store
from overbar.codegen.machine.making import Machine, Wanted, first_code, machine
from overbar.codegen.machine.pycalls import function
from overbar.codegen.machine.pycores import Core, Group, Parameter
from overbar.ir.errors import UnsupportedError
from overbar.ir.ops import OPS
from overbar.ir.program import leaves

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from overbar.ir.program import Result
    from overbar.passes import Entry


class Made(NamedTuple):
    """Hold an entry point's code.

    inputs: the dtypes of its arguments; results: of what it returns, nested so;
    saved: how many of the arguments come as one tuple, the first.
    """

    machine: Machine
    inputs: Sequence[str]
    results: Any
    saved: int | None


class Native:
    """Make the cores of one formula, each when it is first called.

    entry: gives what an entry point computes; content: all that this depends on.
    """

    def __init__(
        self, entry: Callable[[str], Entry], content: Callable[[], bytes]
    ) -> None:
        self._entry = entry
        self._content = content
        self._made: dict[str, Made] = {}

    def function(self, name: str) -> Callable[..., Any]:
        """Return an entry point over numbers: what its Program says, nested so.

        Raises UnsupportedError for what machine code does not know.
        """
        made = self.made(name)
        params = tuple(
            Parameter(f"x{i}", dtype, placed=True)
            for i, dtype in enumerate(made.inputs)
        )
        core = Core(made.machine.address, params, _tree(made.results), made.machine)
        run = function(core, _refuse, name)
        return run if made.saved is None else lambda saved, *more: run(*saved, *more)

    def made(self, name: str) -> Made:
        """Return an entry point's code, from disk where it was made before."""
        found = self._made.get(name)
        if found is None:
            key = store.key([self._content(), name.encode()])
            data = store.fetch(key)
            if data is None:
                data = _packed(self._entry(name))
                store.keep(key, data)
            found = self._made[name] = _unpacked(data)
        return found


def _packed(entry: Entry) -> bytes:
    """Make an entry point's code, and return it with what its callers need to know."""
    what, code = first_code(wanted(entry))
    inputs = [n.type.dtype for n in entry.inputs]
    head = json.dumps([what, inputs, _dtypes(entry.result), entry.saved])
    return b"\n".join([head.encode(), code])


def _unpacked(data: bytes) -> Made:
    head, _, code = data.partition(b"\n")
    what, inputs, results, saved = json.loads(head)
    return Made(machine(what, code), inputs, results, saved)


def wanted(entry: Entry) -> Wanted:
    """Return what an entry point computes, as machine code is made of it.

    Raises UnsupportedError for arrays, and for ops of the user's.
    """
    results = leaves(entry.result)
    nodes = entry.graph.order(results)
    for node in nodes:
        if node.type.shape or OPS.get(node.op.name) is not node.op:
            message = f"expected code over numbers, found {node.op.name}"
            raise UnsupportedError(message)
    return Wanted(nodes, entry.inputs, results, lambda: entry.program)


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


def _refuse(*args: Any, **_: Any) -> Any:
    message = f"expected numbers, found {', '.join(type(a).__name__ for a in args)}"
    raise TypeError(message)
