"""Call a core over arrays at many points.

Comes in: a core, stacks of blocks for its arguments, and which block each point takes.
Goes out: stacks of results. Where the core refuses a point, its error is raised.
"""

from __future__ import annotations

import ctypes
from array import array
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import numpy as np

from overbar.codegen.machine import store
from overbar.codegen.machine.arrays_calls import ERRORS
from overbar.codegen.machine.reused import address
from overbar.codegen.machine.target import load

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from overbar.codegen.machine.arrays_calls import ArrayCore

_NAME = "overbar_blocks"
_SLOT = 8
_POINTER, _COUNT = ctypes.c_void_p, ctypes.c_int64
_BLOCKS = ctypes.CFUNCTYPE(
    ctypes.c_int32, *[_POINTER] * 3, *[_COUNT, _POINTER] * 2, _COUNT
)


def at_points(
    core: ArrayCore, given: Sequence[Any], places: Any, out: Sequence[Any]
) -> None:
    """Fill arrays, a row a point, with a core's results.

    given: stacks in C order, of the arguments' dtypes; places: a row an argument, the
    block that each point takes; out: in C order, of the results' dtypes.
    """
    table: list[int] = []
    rows: list[int] = []
    kept = []  # what rows point to
    for part, stack, where in zip(core.given, given, places, strict=True):
        blocks = stack if part.rank else _in_slots(stack)
        kept.append(blocks)
        row = len(table), not part.rank, address(blocks), blocks.strides[0]
        rows += [*row, address(where)]
        table += [0, *stack.shape[1:]]
    for constant in core.constants:
        table += [address(constant), *constant.shape]
    wide = [
        a if p.rank else np.empty(len(a), np.int64)
        for p, a in zip(core.results, out, strict=True)
    ]
    into: list[int] = []
    for j, (part, a) in enumerate(zip(core.results, wide, strict=True)):
        into += [j, not part.rank, address(a), a.strides[0]]
    tables = array("q", [*table, *rows, *into, *[0] * len(out)])
    ins, _ = tables.buffer_info()
    taken = ins + _SLOT * len(table)
    back = taken + _SLOT * len(rows)
    status = _function()(
        core.code.addresses["core"], ins, back + _SLOT * len(into), places.shape[1],
        taken, len(given), back, len(out),
    )  # fmt: skip
    del kept
    if status:
        raise ERRORS[status]
    for part, whole, slots in zip(core.results, out, wide, strict=True):
        if not part.rank:
            whole[:] = _numbers(slots, whole.dtype)


def _in_slots(numbers: Any) -> Any:
    """Return numbers in slots of 8 bytes."""
    found = np.zeros(len(numbers), np.int64)
    _numbers(found, numbers.dtype)[:] = numbers
    return found


def _numbers(slots: Any, dtype: Any) -> Any:
    """Return the numbers of a dtype that are in slots."""
    return slots.view(dtype)[:: _SLOT // dtype.itemsize]


@cache
def _function() -> Callable[..., int]:
    source = files("overbar.codegen.machine").joinpath("arrays_points.ll")
    code = load(store.made(source.read_text("utf-8"), passes=2), [_NAME])
    found = _BLOCKS(code.addresses[_NAME])
    found.code = code  # type: ignore[attr-defined] # which it keeps
    return found
