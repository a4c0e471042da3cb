"""Choose the vectors that batches are computed in.

Comes in: nothing but this machine. Goes out: how many numbers a vector holds, and the
symbols of libmvec's functions over such vectors.
"""

from __future__ import annotations

import platform
from dataclasses import dataclass
from functools import cache
from typing import Any

from overbar.codegen.machine import libmvec
from overbar.codegen.machine.target import features

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


@dataclass(frozen=True, slots=True)
class Vectors:
    """Give the functions over vectors of so many lanes.

    Without a library there are none: each lane calls libm.
    """

    lanes: int
    library: Any = None

    @classmethod
    def here(cls, *, strict: bool) -> Vectors:
        """Return the widest that this machine has; strict: with libm in every lane."""
        return cls(lanes(), None if strict else libmvec.library())

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
        symbol = libmvec.spelled(letter, name, self.lanes, arity, dtype)
        return symbol if hasattr(self.library, symbol) else None
