"""Write formulas with Python's operators, `ob.exp`, ... and NumPy's functions.

Comes in: inputs made by `overbar.read.expression`, and numbers. Goes out: `Expression`,
a light object that notes what was written. Nothing is interned, folded or computed
before `overbar.read.build` reads it into a Graph.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias, final

from overbar.ir.errors import ShapeError, UnsupportedError
from overbar.ir.ops import OPS, Op
from overbar.ir.ops.typing import joined
from overbar.read.brief import brief
from overbar.read.calls import NO_DIGITS, resolve
from overbar.read.functions import Function
from overbar.read.methods import ArrayMethods
from overbar.read.operand import is_number, to_number
from overbar.read.protocols import PythonProtocols

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from fractions import Fraction

    import numpy as np

    from overbar.ir.constants import Constant
    from overbar.ir.types import Dim, Extent, Shape
    from overbar.read.array_call import ArrayCall
    from overbar.read.calls import Callee
    from overbar.read.payload import Declaration, Label

    Number: TypeAlias = "float | Fraction | np.number[Any] | np.bool_"
    Operand: TypeAlias = "Expression | Number | np.ndarray[Any, Any] | Sequence[Any]"
    Payload: TypeAlias = "float | Declaration | Label | Constant | Dim"

CONST, EXTENT = OPS["const"], OPS["extent"]
ADD, SUB, MUL, DIV = OPS["add"], OPS["sub"], OPS["mul"], OPS["div"]
POW, MOD, FLOORDIV, NEG = OPS["pow"], OPS["mod"], OPS["floordiv"], OPS["neg"]
LT, LE, GT, GE = OPS["lt"], OPS["le"], OPS["gt"], OPS["ge"]
EQ, NE, AND, OR, NOT = OPS["eq"], OPS["ne"], OPS["and"], OPS["or"], OPS["not"]
ABS, ROUND, FLOOR = OPS["abs"], OPS["round"], OPS["floor"]
CEIL, TRUNC = OPS["ceil"], OPS["trunc"]


@final
class Expression(PythonProtocols, ArrayMethods):
    """Stand for one operation of a formula that was written in Python.

    op: the row of the op table, a composed function such as `clip`, or a call of a
    function on whole arrays. args: its operands. payload: the number, array or size
    of a constant, the `Declaration` of an input, the `Label` of a named value, None for
    all else. extents: the shape, as the graph will have it; dtype_name: see `dtype_of`.

    `==` and `!=` build conditions, as `<` does; so expressions are hashed, and found
    in sets and dicts, by identity, and `in` on a list of them raises an InputError.
    Made by `param`, `data`, operators and functions; never change one.

    >>> from overbar.read.expression import param
    >>> x = param("x")
    >>> 2 * x**2 + 1
    2*x**2 + 1
    """

    __slots__ = ("args", "dtype_name", "extents", "op", "payload")

    def __init__(
        self,
        op: Callee | ArrayCall,
        args: tuple[Expression, ...],
        payload: Payload | None = None,
        extents: Shape = (),
        dtype_name: str | None = None,
    ) -> None:
        self.op = op
        self.args = args
        self.payload = payload
        self.extents = extents
        self.dtype_name = dtype_name

    @property
    def name(self) -> str | None:
        """The name of an input or of a value named with `let`, else None."""
        return getattr(self.payload, "name", None)

    def __add__(self, other: Operand) -> Expression:
        return _pair(ADD, self, other)

    def __radd__(self, other: Operand) -> Expression:
        return _pair(ADD, other, self)

    def __sub__(self, other: Operand) -> Expression:
        return _pair(SUB, self, other)

    def __rsub__(self, other: Operand) -> Expression:
        return _pair(SUB, other, self)

    def __mul__(self, other: Operand) -> Expression:
        return _pair(MUL, self, other)

    def __rmul__(self, other: Operand) -> Expression:
        return _pair(MUL, other, self)

    def __truediv__(self, other: Operand) -> Expression:
        return _pair(DIV, self, other)

    def __rtruediv__(self, other: Operand) -> Expression:
        return _pair(DIV, other, self)

    def __pow__(self, other: Operand) -> Expression:
        return _pair(POW, self, other)

    def __rpow__(self, other: Operand) -> Expression:
        return _pair(POW, other, self)

    def __mod__(self, other: Operand) -> Expression:
        return _pair(MOD, self, other)

    def __rmod__(self, other: Operand) -> Expression:
        return _pair(MOD, other, self)

    def __floordiv__(self, other: Operand) -> Expression:
        return _pair(FLOORDIV, self, other)

    def __rfloordiv__(self, other: Operand) -> Expression:
        return _pair(FLOORDIV, other, self)

    def __lt__(self, other: Operand) -> Expression:
        return _pair(LT, self, other)

    def __le__(self, other: Operand) -> Expression:
        return _pair(LE, self, other)

    def __gt__(self, other: Operand) -> Expression:
        return _pair(GT, self, other)

    def __ge__(self, other: Operand) -> Expression:
        return _pair(GE, self, other)

    def __eq__(self, other: object) -> Expression:  # type: ignore[override]
        return _pair(EQ, self, other)

    def __ne__(self, other: object) -> Expression:  # type: ignore[override]
        return _pair(NE, self, other)

    __hash__ = object.__hash__  # `==` builds a condition, so identity it is

    def __and__(self, other: Operand) -> Expression:
        return _pair(AND, self, other)

    def __rand__(self, other: Operand) -> Expression:
        return _pair(AND, other, self)

    def __or__(self, other: Operand) -> Expression:
        return _pair(OR, self, other)

    def __ror__(self, other: Operand) -> Expression:
        return _pair(OR, other, self)

    def __invert__(self) -> Expression:
        return Expression(NOT, (self,), None, self.extents)

    def __neg__(self) -> Expression:
        return Expression(NEG, (self,), None, self.extents)

    def __pos__(self) -> Expression:
        return self

    def __abs__(self) -> Expression:
        return Expression(ABS, (self,), None, self.extents)

    def __round__(self, ndigits: int | None = None) -> Expression:
        if ndigits:
            raise UnsupportedError(NO_DIGITS)
        return Expression(ROUND, (self,), None, self.extents)

    def __floor__(self) -> Expression:
        return Expression(FLOOR, (self,), None, self.extents)

    def __ceil__(self) -> Expression:
        return Expression(CEIL, (self,), None, self.extents)

    def __trunc__(self) -> Expression:
        return Expression(TRUNC, (self,), None, self.extents)

    def called(self, name: str, args: tuple[Any, ...], options: Any) -> Any:
        """Return the formula of a function on whole arrays, several in a tuple."""
        return _applying().called(name, args, options)

    def sized(self, extent: Extent) -> int | Expression:
        """Return an extent as users see it: an integer, or a formula."""
        return extent if isinstance(extent, int) else size(extent)

    def __array_ufunc__(
        self, ufunc: np.ufunc, method: str, *inputs: object, **options: object
    ) -> Any:
        """Return the formula of a NumPy or SciPy ufunc, found by its name."""
        return _applying().ufunc_call(ufunc, method, inputs, options)

    def __array_function__(
        self,
        function: Callable[..., Any],
        types: object,
        args: tuple[object, ...],
        options: dict[str, object],
    ) -> Any:
        """Return the formula of another NumPy function, such as `np.where`."""
        return _applying().function_call(function, args, options)

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle flat, so that the depth of the formula does not matter."""
        order = ordered([self])
        index = {e: i for i, e in enumerate(order)}
        rows = [
            (e.op.name if isinstance(e.op, Function) else e.op,
             [index[a] for a in e.args], e.payload, e.extents)
            for e in order
        ]  # fmt: skip
        return _rebuild, (rows,)

    def __repr__(self) -> str:
        """Return the formula's text, cut off where it is deep or long."""
        return brief(self)


def _pair(op: Op, left: object, right: object) -> Expression:
    if type(left) is not Expression:
        left = lift(left)
    if type(right) is not Expression:
        right = lift(right)
    if left.extents or right.extents:
        return spread(op, (left, right))
    return Expression(op, (left, right))


def spread(op: Callee, operands: tuple[Expression, ...]) -> Expression:
    """Return an elementwise op applied to operands, arrays among them."""
    e = Expression(op, operands)
    try:
        e.extents = joined(op.name, [a.extents for a in operands])
    except ShapeError as error:
        message = f"{error.message}, in {e!r}"
        raise ShapeError(message) from None
    return e


def _applying() -> Any:
    """Return the module that applies functions: it is made of expressions itself."""
    from overbar.read import applying

    return applying


def size(extent: Extent) -> Expression:
    """Return a size as a formula."""
    if isinstance(extent, int):
        return Expression(CONST, (), extent)
    return Expression(EXTENT, (), extent)


def lift(value: object) -> Expression:
    """Return an expression for an expression, number, array or list of these.

    Raises InputError or UnsupportedError for anything else.
    """
    if type(value) is Expression:
        return value
    if is_number(value):
        return Expression(CONST, (), to_number(value))
    return _applying().lift_other(value)  # type: ignore[no-any-return]


def ordered(roots: Iterable[Expression]) -> list[Expression]:
    """Return what the roots are made of, each expression once, operands first."""
    order: list[Expression] = []
    seen: set[Expression] = set()
    stack: list[Expression | None] = [*roots]
    stack.reverse()
    while stack:
        e = stack.pop()
        if e is None:  # below it waits an expression whose operands are done
            order.append(stack.pop())  # type: ignore[arg-type]
        elif e not in seen:
            seen.add(e)
            if e.args:
                stack += (e, None)
                stack += [a for a in e.args[::-1] if a not in seen]
            else:
                order.append(e)
    return order


def _rebuild(rows: Iterable[tuple[Any, list[int], Any, Shape]]) -> Expression:
    """Return the expression of the last row of a pickle."""
    made: list[Expression] = []
    for op, operands, payload, extents in rows:
        args = tuple([made[i] for i in operands])
        known = resolve(op, len(args)) if isinstance(op, str) else op
        made.append(Expression(known, args, payload, extents))
    return made[-1]
