"""Hold a constant array: immutable, equal and hashed by content.

Comes in: a NumPy array of numbers. Goes out: an attribute of a graph's `array` node, so
that equal arrays are one node and no source text has to carry them.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import numpy as np

from overbar.ir.errors import ShapeError
from overbar.ir.types import Type

SHOWN = 4
_DTYPES = {"f": "float64", "i": "int64", "u": "int64", "b": "bool"}


class Constant:
    """Hold a read-only copy of an array, in C order.

    Floats are kept as float64 unless they are float32, integers as int64.

    >>> Constant(np.array([1, 2])) == Constant(np.array([1, 2]))
    True
    >>> Constant(np.array([1, 2])) == Constant(np.array([1.0, 2.0]))
    False
    """

    __slots__ = ("digest", "type", "value")

    def __init__(self, value: Any) -> None:
        given = np.asarray(value)
        dtype = _DTYPES[given.dtype.kind]
        if given.dtype == np.float32:
            dtype = "float32"
        self.value = np.array(given, dtype=dtype, order="C")
        self.value.flags.writeable = False
        self.type = Type(dtype).of(given.shape)
        self.digest = sha256(self.value.tobytes()).hexdigest()

    def to(self, dtype: str) -> Constant:
        """Return the same numbers in another dtype, rounded.

        Raises ShapeError for a number that the dtype has only infinity for.
        """
        if self.type.dtype == dtype:
            return self
        with np.errstate(over="ignore"):
            value = self.value.astype(dtype)
        lost = np.isfinite(self.value) & ~np.isfinite(value)
        if lost.any():
            message = (
                f"expected constants that {dtype} can hold, as the inputs have it, "
                f"found {self.value[lost].flat[0]}"
            )
            raise ShapeError(message)
        return Constant(value)

    def __eq__(self, other: object) -> bool:
        """Whether the other holds the same bytes in the same type."""
        if not isinstance(other, Constant):
            return NotImplemented
        return self.type == other.type and self.digest == other.digest

    def __hash__(self) -> int:
        return hash((self.digest, self.type))

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle the array alone."""
        return Constant, (self.value,)

    def __repr__(self) -> str:
        """Return the numbers of a short list, the shape of anything larger."""
        if self.value.ndim == 1 and self.value.size <= SHOWN:
            return f"[{', '.join(map(str, self.value.tolist()))}]"
        return f"array[{', '.join(map(str, self.value.shape))}]"
