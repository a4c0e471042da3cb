"""Check the sizes of what compiled code calls an entry point with.

Comes in: the sizes of all array arguments, one after the other. Goes out: nothing, or
the InputError that a call outside of compiled code raises.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from overbar.ir.types import dims
from overbar.sizes import Sizes, need_shape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from overbar.codegen.entry import Declared
    from overbar.ir.graph import Graph


class Fit:
    """Know the arguments of an entry point that have sizes.

    graph: the formula. parts: its inputs, then seeds, tangents or what was saved.
    """

    def __init__(self, graph: Graph, parts: Sequence[Declared]) -> None:
        self.sizes = Sizes(graph)
        self.parts = parts

    def __call__(self, found: Sequence[int]) -> None:
        """Raise InputError for sizes that do not fit."""
        shapes, start = [], 0
        for part in self.parts:
            stop = start + (len(part.type.shape) or 1)
            shapes.append(tuple(found[start:stop]))
            start = stop
        pairs = list(zip(self.parts, shapes, strict=True))
        known = {p.size: shape[0] for p, shape in pairs if p.size}
        own = self.sizes.types
        inputs = {
            p.name: np.broadcast_to(np.int8(0), shape)
            for p, shape in pairs
            if p.name in own and own[p.name] == p.type
        }
        known |= self.sizes.solve(inputs)
        rest = [(p, s) for p, s in pairs if p.name not in inputs and not p.size]
        for part, shape in rest:
            for extent, size in zip(part.type.shape, shape, strict=True):
                for d in dims(extent):
                    if d.line is not None and d.line not in known:
                        known[d.line] = d.solved(size)
        for part, shape in rest:
            if all(d.names <= known.keys() for d in dims(part.type.shape)):
                need_shape(repr(part.name), part.type.shape, shape, known)
        if inputs:
            self.sizes.check(known)
