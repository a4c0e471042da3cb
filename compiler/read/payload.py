"""Hold what is said of an input, and of a value that has a name."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from overbar.ir.types import DTYPES

if TYPE_CHECKING:
    from overbar.ir.types import Shape, Type


class Declaration(NamedTuple):
    """Hold what `param` and `data` say of an input."""

    name: str
    role: str
    dtype: str
    default: float | None
    shape: Shape = ()

    def __str__(self) -> str:
        """Return it as in an expression file, with the dtype."""
        default = "" if self.default is None else f" = {self.default!r}"
        return f"{self.role}({self.type}){default}"

    @property
    def type(self) -> Type:
        """The type of the input's node."""
        return DTYPES[self.dtype].of(self.shape)


class Label(NamedTuple):
    """Hold the name that `let` gives; labels are counted in the order of writing."""

    name: str
    serial: int
