"""Check what users hand to Python formulas: operands, names, dtypes, defaults.

Comes in: any object. Goes out: a plain Python number or text, or a refusal that says
what was expected and what was found.
"""

from __future__ import annotations

import keyword
import unicodedata
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from overbar.ir.constants import Constant
from overbar.ir.errors import InputError, LimitError, OverbarError, UnsupportedError
from overbar.ir.source import printable
from overbar.ir.types import DTYPES

if TYPE_CHECKING:
    from collections.abc import Callable

WITH_SYMPY = (
    "expected a formula or a number, found a SymPy object; write the whole formula "
    "either with SymPy's symbols or with ob.param and ob.data"
)
WITH_TEXT = (
    "expected a formula or a number (an input is ob.param(name), a formula in a string "
    "goes to ob.compile)"
)
ROLE_DTYPES = {
    "param": ("float64", "float32"),
    "data": ("float64", "float32", "int64", "bool"),
}
_DEFAULTS = {
    "float64": (float, int), "float32": (float, int), "int64": (int,), "bool": (bool,),
}  # fmt: skip
_INTEGERS = range(-(2**63), 2**63)
LONGEST = 40
LARGEST = 8
"""Bytes of the largest number that is kept as it is."""


def _fraction(value: Fraction) -> float:
    """Return the nearest float, correctly rounded."""
    try:
        return float(value)
    except OverflowError:
        message = "expected a number below 1.8e308, found a larger fraction"
        raise LimitError(message) from None


_NUMBERS: dict[type[Any], Callable[[Any], float]] = {
    bool: bool, int: int, float: float, Fraction: _fraction, np.bool_: bool,
    np.float16: float, np.float32: float, np.float64: float,
}  # fmt: skip
_NUMBERS |= {np.dtype(code).type: int for code in "bhilqBHILQ"}
"""Types of numbers by exact type: fast, and no longdouble loses its digits."""

_REFUSED: tuple[tuple[tuple[type, ...], type[OverbarError], str], ...] = (
    ((complex, np.complexfloating), UnsupportedError,
     "complex numbers are not supported: expected a formula or a real number"),
    ((np.ndarray, list, tuple), InputError, "expected a formula or a number"),
    ((str, bytes), InputError, WITH_TEXT),
)  # fmt: skip


def is_number(value: object) -> bool:
    """Whether `to_number` takes a value without looking further."""
    return type(value) in _NUMBERS


def to_number(value: object) -> float:
    """Return an operand as a Python bool, int or float."""
    convert = _NUMBERS.get(type(value))
    if convert is not None:
        return convert(value)
    if isinstance(value, np.ndarray) and not value.shape:
        return to_number(value[()])
    for kind in (int, float):  # their subclasses, such as enumerations
        if isinstance(value, kind):
            return kind(value)
    raise _refusal(value)


def to_constant(value: object) -> Constant | None:
    """Return an array or nested list of numbers as a constant, None for another's.

    Raises InputError for uneven lists, UnsupportedError for complex numbers.
    """
    try:
        array = np.asarray(value)
    except ValueError:
        message = "expected numbers in rows of one length, found a ragged sequence"
        raise InputError(message) from None
    if array.dtype.kind == "O":
        return None
    if array.dtype.kind not in "fiub" or array.dtype.itemsize > LARGEST:
        found_ = f"an array of dtype {array.dtype}"
        error = UnsupportedError if array.dtype.kind == "c" else InputError
        raise error(f"expected an array of real numbers, found {found_}")
    if array.dtype.kind == "u" and array.size and array.max() >= _INTEGERS.stop:
        raise InputError(f"expected integers below 2**63, found {array.max()}")
    return Constant(array)


def _refusal(value: object) -> OverbarError:
    for types, error, expected in _REFUSED:
        if isinstance(value, types):
            return error(f"{expected}, found {found(value)}")
    modules = {c.__module__.partition(".")[0] for c in type(value).__mro__}
    if "sympy" in modules:  # without importing SymPy
        return InputError(WITH_SYMPY)
    return InputError(f"expected a formula or a number, found {found(value)}")


def found(value: object) -> str:
    """Return a value's type for messages, and the value itself where it is short."""
    name = printable(type(value).__name__)
    if isinstance(value, np.ndarray):
        return f"{name} of shape {value.shape}"
    if isinstance(value, str | bytes):
        value = value[:LONGEST]
    elif not isinstance(value, float | complex):
        return f"a value of type {name}"
    return f"{printable(repr(value))} ({name})"


def check_name(name: object) -> str:
    """Return the name of an input or value, if it is one.

    Raises InputError unless it is a Python identifier, no keyword, without two leading
    underscores, and written in the only way that Unicode's normal form NFKC has for it.
    """
    if not isinstance(name, str):
        raise InputError(f"expected a name, found {found(name)}")
    name = str(name)
    if not name.isidentifier():
        raise InputError(f"expected a name such as x or rate_2, found {found(name)}")
    if keyword.iskeyword(name):
        raise InputError(f"expected a name, found Python's keyword {name!r}")
    if name.startswith("__"):
        message = "expected a name without two leading underscores"
        raise InputError(f"{message}, found {name!a}")
    normal = unicodedata.normalize("NFKC", name)
    if normal != name:
        message = f"expected a name in Unicode's normal form NFKC, {normal!a}"
        raise InputError(f"{message}, found {name!a}")
    return name


def check_dtype(name: str, role: str, dtype: object) -> str:
    """Return the dtype's name, if inputs of the role can have it."""
    text = dtype
    if isinstance(dtype, type | np.dtype):
        try:
            text = np.dtype(dtype).name
        except TypeError:
            text = dtype
    allowed = ROLE_DTYPES[role]
    if not isinstance(text, str) or text not in allowed:
        shown = found(dtype) if text is dtype else text
        options = ", ".join(allowed[:-1]) + f" or {allowed[-1]}"
        raise InputError(f"{role} {name!r}: expected dtype {options}, found {shown}")
    return str(text)


def check_default(name: str, dtype: str, default: object) -> float | None:
    """Return the default as a Python number of the dtype, None for none."""
    if default is None:
        return None
    try:
        value = to_number(default)
    except OverbarError:
        value = None
    kind = DTYPES[dtype]
    if value is not None and type(value) in _DEFAULTS[dtype]:
        if kind.is_float:
            return _as_float(name, value)
        if value in _INTEGERS:
            return value
    raise InputError(
        f"{name!r}: expected a default of dtype {dtype}, found {found(default)}"
    )


def _as_float(name: str, value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        message = "expected a default below 1.8e308, found a larger integer"
        raise LimitError(f"{name!r}: {message}") from None
