"""Give every node a type: a dtype and a shape."""

from __future__ import annotations

from typing import NamedTuple


class Dim(NamedTuple):
    """Name an extent that is known only when called."""

    name: str


class Type(NamedTuple):
    """Pair a dtype with a shape; a scalar has shape `()`."""

    dtype: str
    shape: tuple[int | Dim, ...] = ()

    @property
    def is_float(self) -> bool:
        """Whether values are real numbers, so that they can carry an adjoint."""
        return self.dtype in FLOATS

    def __str__(self) -> str:
        """Return `float64` or `float64[m, 3]`."""
        extents = ", ".join(
            d.name if isinstance(d, Dim) else str(d) for d in self.shape
        )
        return f"{self.dtype}[{extents}]" if self.shape else self.dtype


FLOATS = ("float32", "float64")
F64, F32 = Type("float64"), Type("float32")
INT, BOOL = Type("int64"), Type("bool")
DTYPES = {t.dtype: t for t in (F64, F32, INT, BOOL)}
