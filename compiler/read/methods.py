"""Give formulas what NumPy's arrays have: shape, indexing, `@`, and named methods.

Comes in: an expression and arguments as NumPy takes them. Goes out: expressions; and
facts about a formula's shape, which are known before anything is computed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

from overbar.ir.errors import InputError, UnsupportedError
from overbar.ir.ops.shapes import product
from overbar.ir.types import Dim
from overbar.read.operand import check_dtype

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from overbar.ir.types import Extent, Shape
    from overbar.read.overloading import Expression

NO_ENTRIES = "a scalar formula has no length and no entries"
NO_CHANGE = (
    "a formula cannot be changed in place; write ob.where(condition, a, b) or "
    "np.concatenate for entries that differ"
)
NO_NUMPY = (
    "a formula is no array before it is computed: leave np.asarray and np.array out, "
    "and write np.stack or np.concatenate for lists of formulas, ob.take(array, i) for "
    "array[i], ob.NAME for what is no function of NumPy itself"
)


def _method(name: str) -> Callable[..., Any]:
    """Return the method that calls the function of a name."""

    def method(self: ArrayMethods, *args: object, **options: object) -> Any:
        return self.called(name, (self, *args), options)

    method.__name__ = name
    method.__qualname__ = f"Expression.{name}"
    method.__doc__ = f"Return `ob.{name}` of the formula, as NumPy's method does."
    return method


def _axes_method(name: str) -> Callable[..., Any]:
    """Return a method whose arguments may be one tuple or several numbers."""

    def method(self: ArrayMethods, *args: object, **options: object) -> Any:
        given = args[0] if len(args) == 1 else args
        rest = () if not args else (given,)
        return self.called(name, (self, *rest), options)

    method.__name__ = name
    method.__qualname__ = f"Expression.{name}"
    method.__doc__ = f"Return `ob.{name}` of the formula, as NumPy's method does."
    return method


def _told(extent: Extent) -> Extent:
    """Return a size that inputs tell; refuse how many elements a mask chooses."""
    if isinstance(extent, Dim) and extent.is_count:
        message = "the number of elements that a mask chooses is np.count_nonzero(mask)"
        raise UnsupportedError(f"{message}, no size that is known before a call")
    return extent


class ArrayMethods:
    """Hold the attributes and methods of NumPy's arrays that formulas have."""

    __slots__ = ()
    __array_priority__: ClassVar[float] = 1000.0
    extents: Shape

    def called(self, name: str, args: tuple[Any, ...], options: Any) -> Any:
        """Return the formula of a function of `overbar.read.arrays`."""
        raise NotImplementedError

    def sized(self, extent: Any) -> Any:
        """Return an extent as users see it: an integer, or a formula."""
        raise NotImplementedError

    @property
    def shape(self) -> tuple[Any, ...]:
        """The sizes of the axes: integers, and formulas where calls will tell.

        >>> from overbar.read.expression import param
        >>> param("W", ("m", 3)).shape
        (m, 3)
        """
        return tuple([self.sized(_told(extent)) for extent in self.extents])

    @property
    def ndim(self) -> int:
        """How many axes there are."""
        return len(self.extents)

    @property
    def size(self) -> Any:
        """The number of elements: an integer, or a formula."""
        return self.sized(_told(product(self.extents)))

    @property
    def dtype(self) -> Any:
        """NumPy's dtype of the values, found by reading the formula."""
        import numpy as np

        from overbar.read.build import types_of

        found: Any = types_of(self)  # type: ignore[arg-type]
        return np.dtype(found.dtype)

    @property
    def T(self) -> Expression:  # noqa: N802 - as in NumPy
        """The formula with its axes reversed."""
        return self.called("transpose", (self,), {})  # type: ignore[no-any-return]

    def __len__(self) -> int:
        if not self.extents:
            raise UnsupportedError(NO_ENTRIES)
        length = _told(self.extents[0])
        if not isinstance(length, int):
            message = f"the length {length} is known only when called; x.shape[0] is "
            message += "its formula, and operations on whole arrays need no loop"
            raise InputError(message)
        return length

    def __iter__(self) -> Iterator[Expression]:
        return iter([self[i] for i in range(len(self))])

    def __getitem__(self, key: object) -> Expression:
        items = key if isinstance(key, tuple) else (key,)
        return self.called("index", (self, *items), {})  # type: ignore[no-any-return]

    def __setitem__(self, key: object, value: object) -> NoReturn:
        raise UnsupportedError(NO_CHANGE)

    def __matmul__(self, other: object) -> Expression:
        return self.called("matmul", (self, other), {})  # type: ignore[no-any-return]

    def __rmatmul__(self, other: object) -> Expression:
        return self.called("matmul", (other, self), {})  # type: ignore[no-any-return]

    def __array__(self, dtype: object = None, copy: object = None) -> Any:
        """Stand in an array of formulas as a scalar, refuse to be one as an array."""
        import numpy as np

        del dtype, copy
        if self.extents:
            raise InputError(NO_NUMPY)
        cell = np.empty((), object)
        cell[()] = self
        return cell

    all = _method("all")
    any = _method("any")
    argmax = _method("argmax")
    argmin = _method("argmin")
    clip = _method("clip")
    cumsum = _method("cumsum")
    diagonal = _method("diagonal")
    dot = _method("dot")
    flatten = _method("ravel")
    max = _method("max")
    mean = _method("mean")
    min = _method("min")
    prod = _method("prod")
    ravel = _method("ravel")
    repeat = _method("repeat")
    reshape = _axes_method("reshape")
    squeeze = _method("squeeze")
    std = _method("std")
    sum = _method("sum")
    swapaxes = _method("swapaxes")
    take = _method("take")
    trace = _method("trace")
    transpose = _axes_method("transpose")
    var = _method("var")

    def astype(self, dtype: Any) -> Any:
        """Return the values as another dtype: conditions and integers as numbers.

        Raises InputError for a dtype that there is not, ShapeError for numbers that
        would have to be rounded.
        """
        return self.called("astype", (self, check_dtype("astype", "data", dtype)), {})

    def copy(self) -> Any:
        """Return the formula itself: it never changes."""
        return self
