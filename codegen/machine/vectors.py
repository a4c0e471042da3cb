"""Find elementary functions over vectors in glibc's libmvec.

Comes in: nothing but this machine. Goes out: how many numbers a vector holds, and the
symbols and addresses of functions over such vectors, at most 4 units in the last place
off. Nothing of the process is changed: code gets addresses by name when it is loaded.
"""

from __future__ import annotations

import ctypes
import platform
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from overbar.codegen.machine.target import features

if TYPE_CHECKING:
    from collections.abc import Iterable

LIBRARY = "libmvec.so.1"
_BYTES = {"float64": 8, "float32": 4}
_X86 = {64: "e", 32: "d", 16: "b"}
_ARM = {16: "n"}
"""How libmvec's symbols call registers of so many bytes."""


@cache
def lanes() -> int:
    """Return how many doubles a register of this machine's processor holds."""
    known = features()
    return 8 if known.get("avx512f") else 4 if _has_avx2() else 2


def _has_avx2() -> bool:
    known = features()
    return bool(known.get("avx2") and known.get("fma"))


@cache
def library() -> ctypes.CDLL | None:
    """Return libmvec, None where there is none."""
    try:
        return ctypes.CDLL(LIBRARY)
    except OSError:
        return None


@dataclass(frozen=True, slots=True)
class Vectors:
    """Give the functions over vectors of so many lanes.

    Without a library there are none: each lane calls libm.
    """

    lanes: int
    library: ctypes.CDLL | None = None

    @classmethod
    def here(cls, *, strict: bool) -> Vectors:
        """Return the widest that this machine has; strict: with libm in every lane."""
        return cls(lanes(), None if strict else library())

    @property
    def kind(self) -> str:
        """Say in a few characters what code depends on."""
        return f"{self.lanes}{'' if self.library is None else 'v'}"

    def symbol(self, name: str, dtype: str, arity: int) -> str | None:
        """Return the symbol of a function of libm's over vectors, None if none."""
        letters = _ARM if platform.machine() in {"aarch64", "arm64"} else _X86
        letter = letters.get(self.lanes * _BYTES[dtype])
        if (
            self.library is None
            or letter is None
            or (letter == "d" and not _has_avx2())
        ):
            return None
        single = "f" if dtype == "float32" else ""
        symbol = f"_ZGV{letter}N{self.lanes}{'v' * arity}_{name}{single}"
        return symbol if hasattr(self.library, symbol) else None


def addresses(symbols: Iterable[str]) -> dict[str, int]:
    """Return where functions of the library are."""
    found = library()
    return {
        symbol: ctypes.cast(getattr(found, symbol), ctypes.c_void_p).value or 0
        for symbol in symbols
    }
