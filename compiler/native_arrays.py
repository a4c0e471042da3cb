"""Run a formula over arrays by machine code of our own.

Comes in: the entry points of a formula. Goes out: functions over arrays and numbers.
What machine code does not know goes the way through generated Python and Numba.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from overbar.codegen.machine import store
from overbar.codegen.machine.arrays import print_arrays
from overbar.codegen.machine.arrays_calls import ArrayCore, Part, function
from overbar.codegen.machine.arrays_linking import addresses, symbols
from overbar.codegen.machine.target import load
from overbar.ir.program import leaves

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from overbar.entry import Entry
    from overbar.ir.graph import Node
    from overbar.ir.program import Program, Result

_CONVERSIONS = {"float64": float, "float32": float, "int64": int, "bool": bool}


class NativeArrays:
    """Make the cores of one formula, each when it is first called.

    entry: gives what an entry point computes.
    """

    def __init__(self, entry: Callable[[str], Entry]) -> None:
        self._entry = entry
        self._cores: dict[str, ArrayCore] = {}
        self._made: dict[str, Callable[..., list[Any]]] = {}

    def core(self, name: str) -> ArrayCore:
        """Return an entry point's core.

        Raises UnsupportedError for what machine code does not know.
        """
        if name not in self._cores:
            self._cores[name] = core_of(self._entry(name))
        return self._cores[name]

    def exact(self, name: str) -> Callable[..., list[Any]]:
        """Return an entry point that takes its very types and lists its results.

        It raises TypeError for other arguments, IndexError for places out of range.
        Raises UnsupportedError for what machine code does not know.
        """
        if name not in self._made:
            self._made[name] = function(self.core(name), name)
        return self._made[name]

    def function(self, name: str) -> Callable[..., Any]:
        """Return an entry point that converts its arguments and nests its results."""
        run, program = self.exact(name), self._entry(name).program
        params = program.params[: len(program.params) - len(program.constants)]
        nested = program.result

        def converting(*args: Any) -> Any:
            given = [
                value
                for (_, part), arg in zip(params, args, strict=False)
                for value in _converted(part, arg)
            ]
            for param, part in params[len(args) :]:
                given += _converted(part, program.defaults[param])
            return _nested(nested, iter(run(*given)))

        return converting

    def at_points(
        self, name: str, given: Sequence[Any], places: Any, out: Sequence[Any]
    ) -> None:
        """Fill arrays with an entry point's results at many points.

        Raises UnsupportedError for what machine code does not know.
        """
        from overbar.codegen.machine.arrays_points import at_points

        at_points(self.core(name), given, places, out)


def compiled(entry: Entry, name: str) -> Callable[..., list[Any]]:
    """Return an entry point's code as a function, from disk where it is there."""
    return function(core_of(entry), name)


def core_of(entry: Entry) -> ArrayCore:
    """Return an entry point's core, from disk where it is there."""
    program = entry.program
    strict = entry.graph.strict or not program.shaped
    text = print_arrays(program, strict=strict)
    code = store.made(text, level=3, passes=3, vectorise=True, inline=True)
    loaded = load(code, ["core", "sizes"], addresses(symbols(text)))
    given, constants = _given(program)
    return ArrayCore(
        loaded, tuple(map(_part, given)), tuple(map(_part, leaves(program.result))),
        tuple(np.ascontiguousarray(n.attrs[0].value, n.type.dtype) for n in constants),
    )  # fmt: skip


def _given(program: Program) -> tuple[list[Node], Sequence[Node]]:
    """Return the arguments that a caller gives, and constant arrays."""
    nodes = leaves(tuple(part for _, part in program.params))
    return nodes[: len(nodes) - len(program.constants)], program.constants


def _part(node: Node) -> Part:
    return Part(node.type.dtype, len(node.type.shape))


def _converted(part: Node | tuple[Node, ...], value: Any) -> list[Any]:
    """Return an argument as the core takes it, one that is a tuple part by part."""
    parts = part if isinstance(part, tuple) else (part,)
    values = value if isinstance(part, tuple) else (value,)
    return [
        np.ascontiguousarray(v, p.type.dtype)
        if p.type.shape
        else _CONVERSIONS[p.type.dtype](v)
        for p, v in zip(parts, values, strict=True)
    ]


def _nested(result: Result, found: Iterator[Any]) -> Any:
    if isinstance(result, tuple):
        return tuple([_nested(part, found) for part in result])
    return next(found)
