"""Call machine code over columns of numbers.

Comes in: code as `made` gives it, which a file can hold; arrays. Goes out: a function
that computes the points from one place to another.
"""

from __future__ import annotations

import ctypes
import json
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from overbar.codegen.machine.libraries import addresses
from overbar.codegen.machine.points import points_code, points_text
from overbar.codegen.machine.pycolumns import function
from overbar.codegen.machine.reused import address
from overbar.codegen.machine.target import load

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from overbar.codegen.machine.making import Wanted
    from overbar.codegen.machine.vectors import Vectors
    from overbar.ir.graph import Node

_POINTS = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 3, ctypes.c_int64, ctypes.c_int64)
_KINDS: dict[str, Any] = {"float64": ctypes.c_double, "float32": ctypes.c_float,
          "int64": ctypes.c_int64, "bool": ctypes.c_bool}  # fmt: skip
_SLOT = 8
_A_COST, _A_COLUMN = 0.06, 0.5
"""Nanoseconds of a unit of an op's cost, and of a column."""


def made(wanted: Wanted, same: Sequence[bool], real: str, vectors: Vectors) -> bytes:
    """Return code for a version of an entry point (see `points_text`)."""
    text, used = points_text(wanted, same, real, vectors)
    inputs = [n.type.dtype for n in wanted.inputs]
    cost = _cost(wanted.nodes) + _A_COLUMN * (len(inputs) + len(wanted.results))
    head = json.dumps([used, inputs, len(wanted.results), cost])
    return b"\n".join([head.encode(), points_code(text, len(wanted.nodes))])


def _cost(nodes: Sequence[Node]) -> float:
    """Return about how many nanoseconds a point takes."""
    return sum(n.op.cost for n in nodes) * _A_COST


class Columns:
    """Hold the code of one version of an entry point.

    results: how many there are; cost: of a point, in nanoseconds, about.
    """

    def __init__(self, data: bytes) -> None:
        head, _, code = data.partition(b"\n")
        symbols, inputs, self.results, self.cost = json.loads(head)
        self.inputs = [(np.dtype(d), _KINDS[d]) for d in inputs]
        self._code = load(code, ["points"], addresses(symbols))
        self._points = _POINTS(self._code.addresses["points"])

    @cached_property
    def direct(self) -> Callable[..., bool] | None:
        """The function that takes vectors of doubles as they are; None for others.

        Its arguments are a vector an input, then a vector a result to be filled; it
        returns whether these were fit for it.
        """
        if any(dtype != np.float64 for dtype, _ in self.inputs):
            return None
        address = self._code.addresses["points"]
        return function(address, len(self.inputs), self.results, self._code)

    def bound(
        self, values: Sequence[Any], results: Sequence[Any]
    ) -> Callable[[int, int], None]:
        """Return a function that computes points from one place to another.

        values: a number or a vector an input; results: vectors without gaps. The
        function keeps what it reads and writes alive.
        """
        count = len(values)
        slots = (ctypes.c_double * count)()
        steps = (ctypes.c_int64 * count)()
        places = (ctypes.c_void_p * count)()
        here = ctypes.addressof(slots)
        kept = []
        for i, (value, kind) in enumerate(zip(values, self.inputs, strict=True)):
            dtype, number = kind
            if isinstance(value, np.ndarray):
                array = value if value.dtype == dtype else value.astype(dtype)
                kept.append(array)
                places[i] = address(array)
                steps[i] = array.strides[0]
            else:
                places[i] = here + i * _SLOT
                number.from_buffer(slots, i * _SLOT).value = value
        outs = (ctypes.c_void_p * len(results))(*[address(row) for row in results])
        points = self._points
        holding = (kept, slots, results, self._code)

        def run(start: int, stop: int, _: Any = holding) -> None:
            points(places, steps, outs, start, stop)

        return run
