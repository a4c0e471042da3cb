"""Choose the vectors that batches are computed in.

Comes in: nothing but this machine. Goes out: how many numbers a vector holds, and the
symbols of functions over such vectors.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from overbar.codegen.machine import libraries
from overbar.codegen.machine.target import features


@cache
def lanes() -> int:
    """Return how many doubles a register of this machine's processor holds."""
    known = features()
    wide = known.get("avx2") and known.get("fma")
    return 8 if known.get("avx512f") else 4 if wide else 2


@dataclass(frozen=True, slots=True)
class Vectors:
    """Give the functions over vectors of so many lanes.

    strict: there are none, each lane calls libm.
    """

    lanes: int
    strict: bool = False

    @classmethod
    def here(cls, *, strict: bool) -> Vectors:
        """Return the widest that this machine has."""
        return cls(lanes(), strict)

    @property
    def kind(self) -> str:
        """Say in a few characters what code depends on."""
        return f"{self.lanes}{'' if self.strict else 'v'}"

    @property
    def exact(self) -> bool:
        """Whether a batch has the bits of calls: strict, or without a library."""
        return self.symbol("exp", "float64", 1) is None

    def symbol(self, name: str, dtype: str, arity: int) -> str | None:
        """Return the symbol of a function of libm's over vectors, None if none."""
        if self.strict:
            return None
        return libraries.symbol(name, self.lanes, arity, dtype)
