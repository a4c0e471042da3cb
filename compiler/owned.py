"""Make what generated code returns the caller's own: numbers, and arrays nobody shares.

Comes in: an entry point's Program and what it returned. Goes out: Python numbers, and
arrays in C order that share memory with no argument and no other result.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from overbar.ir.program import leaves

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from overbar.ir.graph import Node
    from overbar.ir.program import Program, Result


class Results(NamedTuple):
    """Know an entry point's results, once for all calls.

    nested: the program's result, its leaves in nodes; borrowed: which may be no arrays
        of their own; ranks: of the arguments.
    """

    nested: Result
    nodes: list[Node]
    borrowed: list[bool]
    ranks: list[int]

    @classmethod
    def of(cls, program: Program) -> Results:
        """Return what is known of a program's results."""
        nodes = leaves(program.result)
        params = [n for _, n in program.params if not isinstance(n, tuple)]
        ranks = [len(n.type.shape) for n in params]
        return cls(program.result, nodes, _borrowed(nodes, program.filled), ranks)

    def own(self, result: Any) -> list[Any]:
        """Return the leaves of a call's result, copied where they are not its own."""
        parts = _matched(self.nested, result)
        for i, part in enumerate(parts):
            if type(part) is float:
                continue
            array = isinstance(part, np.ndarray) and part.ndim
            if not array or self.borrowed[i] or not part.flags.c_contiguous:
                parts[i] = _own(part, self.nodes[i])
        return parts


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
