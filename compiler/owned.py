"""Make what generated code returns the caller's own: numbers, and arrays nobody shares.

Comes in: an entry point's Program and what it returned. Goes out: Python numbers, and
arrays in C order that share memory with no argument and no other result.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from overbar.ir.program import Allocate, is_packed, leaves

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from overbar.ir.graph import Node
    from overbar.ir.program import Program, Result


class Results(NamedTuple):
    """Know an entry point's results, once for all calls.

    nested: the program's result, its leaves in nodes; borrowed: which may be no arrays
        of their own; ranks: of the arguments; flatten: gives a result's leaves.
    """

    nested: Result
    nodes: list[Node]
    borrowed: list[bool]
    ranks: list[int]
    flatten: Callable[[Any], list[Any]]

    @classmethod
    def of(cls, program: Program) -> Results:
        """Return what is known of a program's results."""
        nodes = leaves(program.result)
        params = [n for _, n in program.params if not isinstance(n, tuple)]
        ranks = [len(n.type.shape) for n in params]
        filled = {s.of for s in program.body if isinstance(s, Allocate)}
        borrowed = _borrowed(nodes, filled)
        return cls(program.result, nodes, borrowed, ranks, _flattener(program.result))

    def own(self, result: Any) -> list[Any]:
        """Return the leaves of a call's result, copied where they are not its own."""
        parts = self.flatten(result)
        for i, part in enumerate(parts):
            if type(part) is float:
                continue
            array = isinstance(part, np.ndarray) and part.ndim
            if not array or self.borrowed[i] or not part.flags.c_contiguous:
                parts[i] = _own(part, self.nodes[i])
        return parts

    def owner(self, kind: Any) -> Callable[[Any], list[Any]]:
        """Return `own` for results of one Numba type, which tells what is in order."""
        if _packs(self.nested):
            return self.own
        kinds, flatten = _matched(self.nested, kind), self.flatten
        loose = [
            i
            for i, (node, part) in enumerate(zip(self.nodes, kinds, strict=True))
            if node.type.shape and (self.borrowed[i] or part.layout != "C")
        ]
        if not loose:
            return flatten

        def own(result: Any) -> list[Any]:
            parts = flatten(result)
            for i in loose:
                parts[i] = parts[i].copy()
            return parts

        return own


def _packs(result: Result) -> bool:
    """Whether some part of a result is returned as one array of numbers."""
    parts = result if isinstance(result, tuple) else ()
    return is_packed(result) or any(map(_packs, parts))


_FLATTENED: dict[tuple[bool, ...], Callable[[Any], list[Any]]] = {
    (False, True): lambda found: [found[0], *found[1]],
    (True, True): lambda found: [*found[0], *found[1]],
}
"""How to flatten pairs, by which of their parts are tuples."""


def _flattener(expected: Result) -> Callable[[Any], list[Any]]:
    """Return what `_matched` does for one result, without recursion where it can be."""
    parts = expected if isinstance(expected, tuple) else ()
    nested = tuple(isinstance(part, tuple) for part in parts)
    inner = [x for part in parts if isinstance(part, tuple) for x in part]
    if not isinstance(expected, tuple):
        return lambda found: [found]
    if not any(nested):
        return list
    deep = any(isinstance(x, tuple) for x in inner)
    return _FLATTENED.get(() if deep else nested, partial(_matched, expected))


def _matched(expected: Result, found: Any) -> list[Any]:
    """Return the parts of a result nested as the program's result is."""
    if not isinstance(expected, tuple):
        return [found]
    return [
        leaf
        for part, value in zip(expected, found, strict=True)
        for leaf in _matched(part, value)
    ]


def _borrowed(nodes: Sequence[Node], filled: Collection[Node]) -> list[bool]:
    """Return which results may be, or look into, an argument or another result.

    What costs nothing may be a view of its first operand; what is filled is not.
    """
    found, seen = [], set()
    for node in nodes:
        base = node
        while base.args and not base.op.cost:
            base = base.args[0]
        borrowed = not base.args and base not in filled
        found.append(borrowed or base in seen)
        seen.add(base)
    return found


def _own(part: Any, node: Node) -> Any:
    """Return a result as a Python number, or as an array of its own in C order."""
    if node.type.shape:
        return np.array(part, node.type.dtype, order="C")
    return part.item() if isinstance(part, np.generic | np.ndarray) else part
