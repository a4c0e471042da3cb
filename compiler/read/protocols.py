"""Say what a formula is to Python itself: no number, no truth value, never changed.

Comes in: a formula where Python wants a number or a condition. Goes out: a refusal that
says what to write instead; for sizes, which may be integers, the integer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn, Self, cast

from overbar.ir.errors import InputError, UnsupportedError
from overbar.read.extents import compares_sizes, decided, extent_of
from overbar.read.operand import WITH_SYMPY

if TYPE_CHECKING:
    from overbar.read.overloading import Expression

NO_TRUTH = (
    "a condition has no truth value before it is computed; use "
    "ob.where(condition, a, b) instead of `if`, & | ~ instead of and/or/not, "
    "ob.max and ob.min instead of max and min"
)
NO_NUMBER = (
    "a formula is no number before it is computed; use ob.exp(x) or np.exp(x) "
    "instead of math.exp(x), and call ob.compile(formula) to compute it"
)
NO_SIZE = (
    "this depends on a size that is known only when called; use sizes in formulas and "
    "shapes, ob.zeros, ob.arange, ... for arrays of such a size, or give integers as "
    "the shapes of inputs"
)
NO_CARET = "^ is not supported on formulas; use ** for powers and != for exclusive or"


class PythonProtocols:
    """Answer where Python asks for a number, a condition, a copy."""

    __slots__ = ()

    def __xor__(self, other: object) -> NoReturn:
        raise UnsupportedError(NO_CARET)

    __rxor__ = __xor__

    def __bool__(self) -> bool:
        truth = decided(cast("Expression", self))
        if truth is None:
            raise InputError(
                NO_SIZE if compares_sizes(cast("Expression", self)) else NO_TRUTH
            )
        return truth

    def __float__(self) -> NoReturn:
        raise InputError(NO_NUMBER)

    __complex__ = __float__

    def __index__(self) -> int:
        extent = extent_of(cast("Expression", self))
        if isinstance(extent, int):
            return extent
        raise InputError(NO_NUMBER if extent is None else NO_SIZE)

    __int__ = __index__

    def _sympy_(self) -> NoReturn:
        """Refuse to become a part of a SymPy expression."""
        raise InputError(WITH_SYMPY)

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self
