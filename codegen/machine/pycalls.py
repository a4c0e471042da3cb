"""Make builtin functions of Python that call a core, with nothing in between.

Comes in: a core, and what a call that does not fit it falls back to. Goes out: a
function of numbers, or of vectors, that reads and makes Python's objects in place.

The code of all these functions is one, pycalls.ll; what differs stands in a record, so
no formula waits for a compiler. Where objects are laid out in ways that are not known,
functions by way of ctypes take its place.
"""

from __future__ import annotations

import ctypes
import struct
import sys
import sysconfig
from functools import cache
from importlib import import_module
from importlib.resources import files
from string import Template
from typing import TYPE_CHECKING, Any

import numpy as np

from overbar.codegen.machine import store
from overbar.codegen.machine.pycores import (
    ARRAY,
    KINDS,
    TYPED,
    VECTOR,
    Steps,
    arrays,
    documented,
    owner,
)
from overbar.codegen.machine.pyslow import Slow
from overbar.codegen.machine.target import load
from overbar.ir.errors import OverbarError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from overbar.codegen.machine.pycores import Core, Parameter, Step
    from overbar.codegen.machine.target import Code

API = (
    "PyErr_Clear", "PyErr_NoMemory", "PyErr_Occurred", "PyEval_RestoreThread",
    "PyEval_SaveThread", "PyFloat_FromDouble", "PyLong_AsDouble", "PyLong_AsLongLong",
    "PyMem_RawFree", "PyMem_RawMalloc", "PyObject_Vectorcall", "PyTuple_New",
    "PyType_GenericAlloc", "PyUnicode_Compare", "Py_DecRef", "Py_IncRef",
)  # fmt: skip
PARTS = ("pycalls.ll", "pyarguments.ll", "pyresults.ll")
NAME = "overbar_pycall"
FASTCALL, _KEYWORDS = 0x0080, 0x0002
_NEW_ARRAY = 93
"""The place of PyArray_New in NumPy's table of functions, the same in all versions."""

BYTES = bytes.__basicsize__ - 1
ITEMS = tuple.__basicsize__
"""Where the content of these objects begins."""

_TRUE = True
_UNSET_HASH = 2**64 - 1
_IN_ORDER, ALIGNED, OWN = 0x0001, 0x0100, 0x0501
"""Flags of arrays: in C order; aligned; these, and writeable."""


def function(
    core: Core, fallback: Callable[..., Any], name: str, doc: str = ""
) -> Callable[..., Any]:
    """Return a function that runs a core on arguments that fit it exactly.

    These are floats, ints and bools as the parameters have them, whole float64 arrays
    in C order, by place or by name. Every other call the fallback gets as it came.
    """
    make = builtin if available() else Slow
    return make(core, fallback, name, doc)


@cache
def available() -> bool:
    """Whether objects are laid out as the code expects, so that builtins can be."""
    try:
        return _is_usual_build() and _has_known_layout() and bool(_code())
    except (AttributeError, ImportError, KeyError, OverbarError, ValueError):
        return False


def _is_usual_build() -> bool:
    """Whether this is CPython of 64 bits with a global lock, not built to debug."""
    return (
        sys.implementation.name == "cpython"
        and struct.calcsize("P") == 8
        and not sysconfig.get_config_var("Py_GIL_DISABLED")
        and not hasattr(sys, "gettotalrefcount")
        and not hasattr(sys, "getobjects")
    )


def _has_known_layout() -> bool:
    """Whether floats, tuples, bytes and arrays have their parts where code looks."""
    number, scalar = 1.5, np.float64(2.5)
    items, data = (object(), object()), b"12345678"
    whole, parts = np.array([1.5, 2.5]), np.zeros(6)[::2]
    array = id(whole)
    found = (
        _word(id(number) + 8) == id(float),
        _read(ctypes.c_double, id(number) + 16) == number,
        _read(ctypes.c_double, id(scalar) + 16) == scalar,
        _word(id(items) + 16) == len(items),
        [_word(id(items) + ITEMS + 8 * i) for i in (0, 1)] == [*map(id, items)],
        ITEMS == 24 or (ITEMS == 32 and _word(id(items) + 24) == _UNSET_HASH),
        ctypes.string_at(id(data) + BYTES, len(data)) == data,
        _word(array + 16) == whole.ctypes.data,
        _read(ctypes.c_int, array + 24) == whole.ndim,
        _word(_word(array + 32)) == len(whole),
        _word(array + 56) == id(whole.dtype) == id(np.dtype("float64")),
        _read(ctypes.c_char, id(whole.dtype) + 26) == b"=",
        _read(ctypes.c_int, array + 64) & OWN == OWN,
        _read(ctypes.c_int, id(parts) + 64) & OWN == OWN & ~_IN_ORDER,
    )
    return all(found)


def _read(kind: Any, address: int) -> Any:
    return kind.from_address(address).value


def _word(address: int) -> int:
    return ctypes.c_uint64.from_address(address).value


@cache
def _code() -> Code:
    """Return the code of all builtin functions."""
    return linked(store.made(_text()), NAME, API)


def linked(data: bytes, name: str, api: Sequence[str]) -> Code:
    """Load code that defines one function, and calls functions of Python's."""
    python = ctypes.pythonapi
    symbols = {f: _word(ctypes.addressof(getattr(python, f))) for f in api}
    return load(data, [name], symbols)


def _text() -> str:
    """Return the code's text, for objects as this Python lays them out."""
    reset = """  %hash = getelementptr i8, ptr %tuple, i64 24
  store i64 -1, ptr %hash"""
    folder = files("overbar.codegen.machine")
    parts = [folder.joinpath(part).read_text("utf-8") for part in PARTS]
    return Template("\n".join(parts)).substitute(
        items=ITEMS, bytes=BYTES, reset_hash=reset if ITEMS == 32 else ""
    )


@cache
def new_array() -> int:
    """Return the address of NumPy's function that makes arrays."""
    table = vars(import_module("numpy._core._multiarray_umath"))["_ARRAY_API"]
    kind = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)
    address = kind(("PyCapsule_GetPointer", ctypes.pythonapi))(table, None)
    return _word(address + 8 * _NEW_ARRAY)


class Held(tuple[Any, ...]):
    """Hold a builtin function's record, and all that the record refers to.

    The code reads the first item. Tuples alone hold these, as nothing else keeps its
    items to the end: the collector of garbage clears lists and dicts before.
    """

    __slots__ = ()

    def __reduce__(self) -> tuple[Any, ...]:
        """Be pickled as the object that has the function: Python then asks it."""
        _, fallback, name, *_ = self
        return _itself, (owner(fallback, name.decode()),)


def _itself(thing: Any) -> Any:
    return thing


def builtin(
    core: Core, fallback: Callable[..., Any], name: str, doc: str = ""
) -> Callable[..., Any]:
    """Return what `function` does, where it is available, as a builtin function."""
    code = _code()
    label, text = name.encode(), documented(core, name, doc).encode()
    method = defined(label, code.addresses[NAME], FASTCALL | _KEYWORDS, text)
    record, held = _record(core, fallback)
    everything = Held((record, fallback, label, text, method, held, core.keep, code))
    return made(method, everything)


def defined(label: bytes, address: int, flags: int, text: bytes) -> bytes:
    """Return a builtin function's definition, which refers to its name and text."""
    return struct.pack("@PPiP", data_of(label), address, flags, data_of(text))


def made(method: bytes, held: tuple[Any, ...]) -> Callable[..., Any]:
    """Return the builtin function of a definition, with what its code looks at."""
    return _maker()(data_of(method), held, "overbar")  # type: ignore[no-any-return]


@cache
def _maker() -> Any:
    """Return Python's function that makes builtin ones, with types of its own."""
    kind = ctypes.PYFUNCTYPE(
        ctypes.py_object, ctypes.c_void_p, ctypes.py_object, ctypes.py_object
    )
    return kind(("PyCFunction_NewEx", ctypes.pythonapi))


def data_of(content: bytes) -> int:
    """Return the address of what a bytes object holds."""
    return id(content) + BYTES


def _record(core: Core, fallback: Callable[..., Any]) -> tuple[bytes, tuple[Any, ...]]:
    """Return a record, and what it refers to."""
    steps = Steps(core.results)
    names = tuple(sys.intern(p.name) for p in core.parameters)
    texts = [
        0 if p.placed else id(n) for p, n in zip(core.parameters, names, strict=True)
    ]
    table = struct.pack(f"{len(texts)}Q", *texts)
    defaults = tuple(p.default for p in core.parameters)
    parameters = b"".join(
        struct.pack("qqQ", *_parameter(p), 0 if default is None else id(default))
        for p, default in zip(core.parameters, defaults, strict=True)
    )
    places = None if core.places is None else np.array(core.places, np.int64).tobytes()
    extras = tuple(_extra(step) for step in steps.steps)
    tape = b"".join(
        struct.pack("qqqQ", s.op, s.first, s.count, address)
        for s, (_, address) in zip(steps.steps, extras, strict=True)
    )
    stack = core.inputs + steps.slots
    direct = places is None and len(names) == 1 and core.parameters[0].size is not None
    out = sys.intern("out") if core.out else None
    length = arrays(core.results)[0].shape[0] if core.out else 0
    record = struct.pack(
        "24Q",
        core.address, id(fallback), len(names), data_of(parameters), data_of(table),
        0 if places is None else data_of(places), core.inputs, stack + steps.depth,
        stack, data_of(tape), len(extras), direct, core.waits,
        0 if out is None else id(out), length, id(float), id(np.float64), id(int),
        id(bool), id(_TRUE), id(None), id(np.ndarray), id(np.dtype("float64")),
        new_array(),
    )  # fmt: skip
    return record, (names, table, defaults, parameters, places, extras, tape, out)


def _parameter(parameter: Parameter) -> tuple[int, int]:
    if parameter.size is None:
        return KINDS[parameter.dtype], 1
    return VECTOR, parameter.size


def _extra(step: Step) -> tuple[Any, int]:
    """Return what a step refers to, and its address."""
    if step.op == TYPED:
        return step.extra, id(step.extra)
    if step.op == ARRAY:
        shape = struct.pack(f"{len(step.extra) + 1}q", len(step.extra), *step.extra)
        return shape, data_of(shape)
    return None, 0
