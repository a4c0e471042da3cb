"""Make builtin functions of Python that call a core over arrays.

Comes in: the addresses of a core, and what it takes and gives. Goes out: a function
that takes arrays in C order and numbers of these very types, and returns a list of all
results: numbers, and arrays that are made for them. Everything else is a TypeError.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from string import Template
from typing import TYPE_CHECKING, Any

import numpy as np

from overbar.codegen.machine import pycalls, store
from overbar.codegen.machine.arrays_nested import REFUSALS
from overbar.codegen.machine.pycalls import data_of
from overbar.codegen.machine.pycores import KINDS
from overbar.ir.errors import UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from overbar.codegen.machine.target import Code

API = (
    "PyErr_NoMemory", "PyErr_Occurred", "PyErr_SetNone", "PyEval_RestoreThread",
    "PyEval_SaveThread", "PyFloat_FromDouble", "PyList_New", "PyList_SetItem",
    "PyLong_AsLongLong", "PyLong_FromLongLong", "Py_DecRef", "Py_IncRef",
)  # fmt: skip
NAME = "overbar_arraycall"
SLOTS = 512
"""Slots of arguments, and of results with their sizes, at most."""
_ARRAY = 4
_TRUE, _FALSE = True, False
ERRORS: Mapping[int, type[Exception]] = {
    REFUSALS["place"]: IndexError,
    REFUSALS["memory"]: MemoryError,
    REFUSALS["size"]: OverflowError,
    REFUSALS["matrix"]: np.linalg.LinAlgError,
}
"""What is raised for each reason why a core refused."""


@dataclass(frozen=True, slots=True)
class Part:
    """Stand for an argument or a result: a dtype, and how many axes it has."""

    dtype: str
    rank: int = 0

    @property
    def slots(self) -> int:
        """The number of slots of an argument."""
        return 1 + self.rank


@dataclass(frozen=True, slots=True)
class ArrayCore:
    """Stand for a core over arrays.

    code: has `core` and `sizes`; given, results: in order; constants: arrays that are
    the last arguments, which no caller gives.
    """

    code: Code
    given: tuple[Part, ...]
    results: tuple[Part, ...]
    constants: tuple[Any, ...] = ()


def function(core: ArrayCore, name: str) -> Callable[..., list[Any]]:
    """Return a function that runs a core; raise UnsupportedError where none can be."""
    if not pycalls.available():
        raise UnsupportedError("expected Python's objects to be laid out as known")
    words = sum(p.slots for p in core.given) + sum(1 + a.ndim for a in core.constants)
    if max(words, sum(p.slots for p in core.results)) > SLOTS:
        raise UnsupportedError(f"expected at most {SLOTS} arguments with their sizes")
    code = _code()
    label, text = name.encode(), b"Return all results in a list."
    method = pycalls.defined(label, code.addresses[NAME], pycalls.FASTCALL, text)
    record, held = _record(core)
    everything = (record, label, text, method, held, core, code)
    return pycalls.made(method, everything)


def _record(core: ArrayCore) -> tuple[bytes, tuple[Any, ...]]:
    """Return a record, and what it refers to."""
    dtypes = [np.dtype(p.dtype) for p in core.given]
    given = b"".join(
        struct.pack("qqQ", *_kind(p), id(dtype))
        for p, dtype in zip(core.given, dtypes, strict=True)
    )
    results = b"".join(
        struct.pack("qqQ", *_kind(p), np.dtype(p.dtype).num) for p in core.results
    )
    constants = b"".join(
        struct.pack(f"{1 + a.ndim}Q", a.ctypes.data, *a.shape) for a in core.constants
    )
    record = struct.pack(
        "20Q",
        core.code.addresses["core"], core.code.addresses["sizes"], len(core.given),
        data_of(given), data_of(constants), len(constants), len(core.results),
        data_of(results), id(np.ndarray), id(float), id(np.float64), id(int), id(bool),
        id(_TRUE), id(_FALSE), pycalls.new_array(), id(TypeError),
        id(IndexError), id(OverflowError), id(np.linalg.LinAlgError),
    )  # fmt: skip
    return record, (given, results, constants, dtypes)


def _kind(part: Part) -> tuple[int, int]:
    return (_ARRAY, part.rank) if part.rank else (KINDS[part.dtype], 0)


@cache
def _code() -> Code:
    """Return the code of all these functions."""
    source = files("overbar.codegen.machine").joinpath("arrays_calls.ll")
    places = {"items": pycalls.ITEMS, "bytes": pycalls.BYTES}
    text = Template(source.read_text("utf-8")).substitute(places, slots=SLOTS)
    return pycalls.linked(store.made(text, passes=2), NAME, API)
