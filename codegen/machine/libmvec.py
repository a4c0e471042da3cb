"""Find glibc's elementary functions over vectors.

Comes in: a function's name, how many lanes. Goes out: its symbol and its address. The
library is opened for this process alone, and nothing is registered anywhere: code gets
addresses by name when it is loaded. Functions are at most 4 units in the last place off
(glibc's manual, section 19.7).
"""

from __future__ import annotations

import ctypes
import sys
from functools import cache
from typing import TYPE_CHECKING, Any

from overbar.codegen.machine.target import features

if TYPE_CHECKING:
    from collections.abc import Iterable

LIBRARY = "libmvec.so.1"
_WIDTHS = (("e", 64, "avx512f"), ("d", 32, "avx2"), ("b", 16, "sse2"))
"""The letters in symbols, bytes of a register, and what the processor has to have."""


@cache
def library() -> Any:
    """Return the library, None where there is none."""
    if not sys.platform.startswith("linux"):
        return None
    try:
        return ctypes.CDLL(LIBRARY)
    except OSError:
        return None


def widths(size: int = 8) -> tuple[int, ...]:
    """Return how many numbers of so many bytes a register can hold, most first."""
    return tuple(w // size for _, w, need in _WIDTHS if features().get(need))


@cache
def symbol(name: str, lanes: int, arity: int = 1, dtype: str = "float64") -> str | None:
    """Return the symbol of a function over so many lanes, None where there is none."""
    size = 8 if dtype == "float64" else 4
    for letter, width, need in _WIDTHS:
        if width == lanes * size and features().get(need):
            found = spelled(letter, name, lanes, arity, dtype)
            return found if address(found) is not None else None
    return None


def spelled(letter: str, name: str, lanes: int, arity: int, dtype: str) -> str:
    """Return how the library would call a function, for registers of a letter."""
    end = "f" if dtype == "float32" else ""
    return f"_ZGV{letter}N{lanes}{'v' * arity}_{name}{end}"


@cache
def address(symbol: str) -> int | None:
    """Return the address of a symbol of the library's."""
    function = getattr(library(), symbol, None)
    if function is None:
        return None
    return ctypes.cast(function, ctypes.c_void_p).value


def addresses(symbols: Iterable[str]) -> dict[str, int]:
    """Return where those of some symbols are that the library has."""
    return {s: place for s in symbols if (place := address(s))}
