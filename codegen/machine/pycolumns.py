"""Make builtin functions of Python that compute points of NumPy's vectors.

Comes in: the address of code over columns. Goes out: a function of vectors, those that
are read and those that are filled, which looks at all of them without any Python. What
does not fit exactly it leaves alone, and says so.
"""

from __future__ import annotations

import struct
from functools import cache
from importlib.resources import files
from string import Template
from typing import TYPE_CHECKING, Any

import numpy as np

from overbar.codegen.machine import pycalls, store

if TYPE_CHECKING:
    from collections.abc import Callable

    from overbar.codegen.machine.target import Code

API = ("PyEval_RestoreThread", "PyEval_SaveThread", "Py_IncRef")
NAME = "overbar_pycolumns"
MOST = 128
"""Inputs and results together, at most."""
_TRUE, _FALSE = True, False


def function(
    address: int, inputs: int, results: int, keep: object
) -> Callable[..., bool] | None:
    """Return a function of vectors, inputs and then results; None where there is none.

    address: of `void points(ptr in, ptr steps, ptr out, i64 start, i64 stop)`; keep:
    what holds that code. The function returns whether it computed the points: where
    all arguments are vectors of float64 of one length, and results are in C order and
    share no memory with other arguments.
    """
    if not pycalls.available() or inputs + results > MOST:
        return None
    label, text = b"points", b"Compute points; return whether arguments fit."
    code = _code()
    method = pycalls.defined(label, code.addresses[NAME], pycalls.FASTCALL, text)
    record = struct.pack(
        "7Q", address, inputs, inputs + results, id(np.ndarray),
        id(np.dtype("float64")), id(_TRUE), id(_FALSE),
    )  # fmt: skip
    return pycalls.made(method, (record, label, text, method, keep, code))


@cache
def _code() -> Code:
    """Return the code of all these functions."""
    source = files("overbar.codegen.machine").joinpath("pycolumns.ll")
    places: dict[str, Any] = {"items": pycalls.ITEMS, "bytes": pycalls.BYTES}
    flags = {"aligned": pycalls.ALIGNED, "own": pycalls.OWN}
    text = Template(source.read_text("utf-8")).substitute(places, **flags, most=MOST)
    return pycalls.linked(store.made(text, passes=2), NAME, API)
