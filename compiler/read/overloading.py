"""Write formulas with Python's operators, `ob.exp`, ... and NumPy's functions.

Comes in: inputs made by `overbar.read.expression`, and numbers. Goes out: `Expression`,
a light object that notes what was written. Nothing is interned, folded or computed
before `overbar.read.build` reads it into a Graph.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn, TypeAlias, final

from overbar.ir.errors import InputError, UnsupportedError
from overbar.ir.ops import OPS, Op
from overbar.read.brief import brief
from overbar.read.calls import NO_DIGITS, array_call, resolve, resolve_ufunc
from overbar.read.operand import NO_ARRAYS, WITH_SYMPY, to_number

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from fractions import Fraction

    import numpy as np

    from overbar.read.functions import Function

    Operand: TypeAlias = "Expression | float | Fraction | np.number[Any] | np.bool_"

CONST = OPS["const"]
ADD, SUB, MUL, DIV = OPS["add"], OPS["sub"], OPS["mul"], OPS["div"]
POW, MOD, FLOORDIV, NEG = OPS["pow"], OPS["mod"], OPS["floordiv"], OPS["neg"]
LT, LE, GT, GE = OPS["lt"], OPS["le"], OPS["gt"], OPS["ge"]
EQ, NE, AND, OR, NOT = OPS["eq"], OPS["ne"], OPS["and"], OPS["or"], OPS["not"]
ABS, ROUND, FLOOR = OPS["abs"], OPS["round"], OPS["floor"]
CEIL, TRUNC = OPS["ceil"], OPS["trunc"]

NO_TRUTH = (
    "a condition has no truth value before it is computed; use "
    "ob.where(condition, a, b) instead of `if`, & | ~ instead of and/or/not, "
    "ob.max and ob.min instead of max and min"
)
NO_NUMBER = (
    "a formula is no number before it is computed; use ob.exp(x) or np.exp(x) "
    "instead of math.exp(x), and call ob.compile(formula) to compute it"
)
NO_LENGTH = f"{NO_ARRAYS}: a formula has no length and no entries"
NO_MATRICES = f"{NO_ARRAYS}: @ multiplies matrices; use * for scalars"
NO_CARET = "^ is not supported on formulas; use ** for powers and != for exclusive or"


class Declaration(NamedTuple):
    """Hold what `param` and `data` say of an input."""

    name: str
    role: str
    dtype: str
    default: float | None

    def __str__(self) -> str:
        """Return it as in an expression file, with the dtype."""
        default = "" if self.default is None else f" = {self.default!r}"
        return f"{self.role}({self.dtype}){default}"


class Label(NamedTuple):
    """Hold the name that `let` gives; labels are counted in the order of writing."""

    name: str
    serial: int


@final
class Expression:
    """Stand for one operation of a formula that was written in Python.

    op: the row of the op table, or a composed function such as `clip`.
    args: its operands. payload: the number of a constant, the `Declaration` of an
    input, the `Label` of a named value, None for all else.

    `==` and `!=` build conditions, as `<` does; so expressions are hashed, and found
    in sets and dicts, by identity, and `in` on a list of them raises an InputError.
    Made by `param`, `data`, operators and functions; never change one.

    >>> from overbar.read.expression import param
    >>> x = param("x")
    >>> 2 * x**2 + 1
    2*x**2 + 1
    """

    __slots__ = ("args", "op", "payload")

    def __init__(
        self,
        op: Op | Function,
        args: tuple[Expression, ...],
        payload: float | Declaration | Label | None = None,
    ) -> None:
        self.op = op
        self.args = args
        self.payload = payload

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
        return Expression(NOT, (self,))

    def __neg__(self) -> Expression:
        return Expression(NEG, (self,))

    def __pos__(self) -> Expression:
        return self

    def __abs__(self) -> Expression:
        return Expression(ABS, (self,))

    def __round__(self, ndigits: int | None = None) -> Expression:
        if ndigits:
            raise UnsupportedError(NO_DIGITS)
        return Expression(ROUND, (self,))

    def __floor__(self) -> Expression:
        return Expression(FLOOR, (self,))

    def __ceil__(self) -> Expression:
        return Expression(CEIL, (self,))

    def __trunc__(self) -> Expression:
        return Expression(TRUNC, (self,))

    def __xor__(self, other: object) -> NoReturn:
        raise UnsupportedError(NO_CARET)

    __rxor__ = __xor__

    def __bool__(self) -> NoReturn:
        raise InputError(NO_TRUTH)

    def __float__(self) -> NoReturn:
        raise InputError(NO_NUMBER)

    __int__ = __index__ = __complex__ = __float__

    def __len__(self) -> NoReturn:
        raise UnsupportedError(NO_LENGTH)

    __iter__ = __len__

    def __getitem__(self, key: object) -> NoReturn:
        raise UnsupportedError(NO_LENGTH)

    def __matmul__(self, other: object) -> NoReturn:
        raise UnsupportedError(NO_MATRICES)

    __rmatmul__ = __matmul__

    def _sympy_(self) -> NoReturn:
        """Refuse to become a part of a SymPy expression."""
        raise InputError(WITH_SYMPY)

    def __array_ufunc__(
        self, ufunc: np.ufunc, method: str, *inputs: object, **options: object
    ) -> Expression:
        """Return the formula of a NumPy or SciPy ufunc, found by its name."""
        return applied(resolve_ufunc(ufunc, method, len(inputs), options), inputs)

    def __array_function__(
        self,
        called: Callable[..., Any],
        types: object,
        args: tuple[object, ...],
        options: dict[str, object],
    ) -> Expression:
        """Return the formula of another NumPy function, such as `np.where`."""
        op, operands = array_call(called, args, options)
        return applied(op, operands)

    def __copy__(self) -> Expression:
        return self

    def __deepcopy__(self, memo: object) -> Expression:
        return self

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle flat, so that the depth of the formula does not matter."""
        order = ordered([self])
        index = {e: i for i, e in enumerate(order)}
        rows = [
            (e.op if isinstance(e.op, Op) else e.op.name,
             [index[a] for a in e.args], e.payload)
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
    return Expression(op, (left, right))


def lift(value: object) -> Expression:
    """Return an expression for an expression or number.

    Raises InputError or UnsupportedError for anything else.
    """
    if type(value) is Expression:
        return value
    return Expression(CONST, (), to_number(value))


def applied(op: Op | Function, operands: Iterable[object]) -> Expression:
    """Return an op or function applied to expressions and numbers."""
    return Expression(op, tuple([lift(a) for a in operands]))


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
                stack += (e, None, *e.args[::-1])
            else:
                order.append(e)
    return order


def _rebuild(rows: Iterable[tuple[Op | str, list[int], Any]]) -> Expression:
    """Return the expression of the last row of a pickle."""
    made: list[Expression] = []
    for op, operands, payload in rows:
        args = tuple([made[i] for i in operands])
        known = resolve(op, len(args)) if isinstance(op, str) else op
        made.append(Expression(known, args, payload))
    return made[-1]
