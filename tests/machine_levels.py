"""Make one formula's machine code at every level, and call it by its address."""

from __future__ import annotations

import ctypes
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np

from overbar.codegen.machine import making
from overbar.codegen.machine.loading import Machine, joined
from overbar.codegen.machine.making import Wanted, core_texts, first_code
from overbar.codegen.machine.target import assembled
from overbar.ir.program import leaves
from overbar.ir.types import F64
from overbar.native import wanted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pytest

    from overbar.entry import Entry

HELD = {"float64": "f8", "float32": "f4", "int64": "i8", "bool": "?"}
"""How a slot begins."""
SIZES = {"quick": 10**9, "stencils": 0}
"""Operations up to which LLVM makes code at once, to have one way or the other."""


def levels(
    entry: Entry, patch: pytest.MonkeyPatch, *, strict: bool = True
) -> dict[str, Machine]:
    """Return the code of an entry point as of a short one, and of a long one.

    That is its first code, from stencils, and its best; then all without branches.
    """
    whole = wanted(entry)._replace(strict=strict)
    kinds = {"": whole}
    if whole.stepwise and entry.graph.real is F64:
        kinds["straight "] = straight(whole)
    found = {}
    for kind, some in kinds.items():
        for name, size in SIZES.items():
            patch.setattr(making, "LARGEST_QUICK", size)
            patch.setattr(making, "SHORT", size)
            found[kind + name] = Machine(*first_code(some))
        codes = [assembled(text) for text in core_texts(some)]
        found[kind + "best"] = Machine(*joined(codes))
    return found


def strictly(entry: Entry) -> Wanted:
    """Return what an entry point computes; functions are libm's."""
    return wanted(entry)._replace(strict=True)


def straight(whole: Wanted) -> Wanted:
    """Return the same, with both sides of every choice computed."""
    return whole._replace(program=lambda: SimpleNamespace(body=()))


def cut(whole: Wanted, size: int, module: int, patch: pytest.MonkeyPatch) -> Machine:
    """Return LLVM's code in functions and modules of so many operations."""
    patch.setattr(making, "CUT", size)
    patch.setattr(making, "MODULE", module)
    patch.setattr(making, "LARGEST_MODULE", module)
    codes = [assembled(text, level=0) for text in core_texts(straight(whole))]
    return Machine(*joined(codes))


def run(code: Machine, entry: Entry, rows: Sequence[Sequence[Any]]) -> Any:
    """Return the results of a core at points, numbers of any dtype as doubles."""
    inputs = [n.type.dtype for n in entry.inputs]
    results = [n.type.dtype for n in leaves(entry.result)]
    given = np.zeros((len(rows), len(inputs) + 1), np.int64)
    found = np.full((len(rows), len(results)), -1, np.int64)
    for i, dtype in enumerate(inputs):
        given[:, i] = _slots([row[i] for row in rows], HELD[dtype])
    core = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)(code.address)
    for one, out in zip(given, found, strict=True):
        core(one.ctypes.data, out.ctypes.data)
    return np.array(
        [_numbers(c, HELD[d]) for c, d in zip(found.T, results, strict=True)]
    ).T


def _slots(values: Sequence[Any], held: str) -> Any:
    with np.errstate(over="ignore"):  # doubles may be beyond float32
        column = np.array(values, held)
    slots = np.zeros((len(column), 8), np.uint8)
    slots[:, : column.itemsize] = column[:, None].view(np.uint8)
    return slots.view(np.int64)[:, 0]


def _numbers(slots: Any, held: str) -> Any:
    size = np.dtype(held).itemsize
    parts = np.ascontiguousarray(slots).view(np.uint8).reshape(-1, 8)[:, :size]
    return np.ascontiguousarray(parts).view(held)[:, 0].astype(float)


def flat(results: Any) -> list[float]:
    """Return numbers out of nested tuples and arrays."""
    if isinstance(results, tuple | list | np.ndarray):
        return [number for part in results for number in flat(part)]
    return [float(results)]


def differences(expected: Any, found: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """Return where bits differ: level, row, column, both numbers; NaN is NaN."""
    wrong = []
    for level, values in found.items():
        differ = expected.view(np.int64) != values.view(np.int64)
        differ &= ~(np.isnan(expected) & np.isnan(values))
        wrong += [
            (level, int(r), int(c), float(expected[r, c]), float(values[r, c]))
            for r, c in np.argwhere(differ)
        ]
    return wrong
