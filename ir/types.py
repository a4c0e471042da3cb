"""Give every node a type: a dtype and a shape.

The extents of a shape are integers, or whole-number polynomials in named dimensions
whose sizes are known only when called (`Dim`): `n`, `n - 1`, `2*m*n`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

Extent: TypeAlias = "int | Dim"
Shape: TypeAlias = "tuple[Extent, ...]"
Atom: TypeAlias = "str | Quotient | Least"
Term: TypeAlias = "tuple[tuple[Atom, ...], int]"


class Quotient(NamedTuple):
    """Stand for `top // bottom` where that is no polynomial."""

    top: Dim
    bottom: int

    def __str__(self) -> str:
        """Return `(n + 1)//2`."""
        return f"({self.top})//{self.bottom}"


@dataclass(frozen=True, slots=True)
class Least:
    """Stand for the smaller of a size and a number, as the shape of a buffer has it."""

    top: Dim
    most: int

    def __str__(self) -> str:
        """Return `min(n, 256)`."""
        return f"min({self.top}, {self.most})"


@dataclass(frozen=True, slots=True)
class Dim:
    """Hold an extent that is known only when called, as a sum of products.

    terms: pairs of sorted factors and a coefficient, in the order they are written.

    >>> n = dim("n")
    >>> str(2*n + n - 1), n - n, str((n + 1)//2), str(2*((n + 1)//2))
    ('3*n - 1', 0, '(n + 1)//2', '2*((n + 1)//2)')
    """

    terms: tuple[Term, ...]

    def __add__(self, other: Extent) -> Extent:
        """Return the sum, an int where the names cancel."""
        return _sum((*self.terms, *_terms(other)))

    def __radd__(self, other: int) -> Extent:
        """Return the sum with an integer."""
        return self + other

    def __sub__(self, other: Extent) -> Extent:
        """Return the difference, an int where the names cancel."""
        return _sum((*self.terms, *((f, -c) for f, c in _terms(other))))

    def __rsub__(self, other: int) -> Extent:
        """Return the difference from an integer."""
        return _sum((*_terms(other), *((f, -c) for f, c in self.terms)))

    def __mul__(self, other: Extent) -> Extent:
        """Return the product."""
        return _sum(
            tuple(
                (tuple(sorted((*f, *g), key=str)), c * d)
                for f, c in self.terms
                for g, d in _terms(other)
            )
        )

    def __rmul__(self, other: int) -> Extent:
        """Return the product with an integer."""
        return self * other

    def __floordiv__(self, other: int) -> Extent:
        """Return the whole quotient by a positive integer."""
        if all(c % other == 0 for _, c in self.terms):
            return _sum(tuple((f, c // other) for f, c in self.terms))
        return Dim((((Quotient(self, other),), 1),))

    @property
    def name(self) -> str | None:
        """The name of a plain named dimension."""
        match self.terms:
            case (((str(name),), 1),):
                return name
        return None

    @property
    def line(self) -> str | None:
        """The name n of an extent `a*n + b`, whose size tells that of n."""
        match [factors for factors, _ in self.terms if factors]:
            case [(str(name),)]:
                return name
        return None

    @property
    def slope(self) -> tuple[int, int]:
        """The numbers a and b of an extent `a*n + b` (see `line`)."""
        numbers = {bool(factors): c for factors, c in self.terms}
        return numbers[True], numbers.get(False, 0)

    def solved(self, size: int) -> int:
        """Return the n for which an extent `a*n + b` has a size (see `line`).

        >>> (2*dim("n") - 1).slope, (2*dim("n") - 1).solved(5)
        ((2, -1), 3)
        """
        slope, start = self.slope
        return (size - start) // slope

    @property
    def names(self) -> frozenset[str]:
        """The named dimensions that the extent depends on."""
        found: set[str] = set()
        for factors, _ in self.terms:
            for f in factors:
                found |= {f} if isinstance(f, str) else f.top.names
        return frozenset(found)

    @property
    def is_count(self) -> bool:
        """Whether it is made of how many elements masks choose: `count(x > 0)`."""
        return not all(map(str.isidentifier, self.names))

    def size(self, sizes: Mapping[str, int]) -> int:
        """Return the extent for sizes of the named dimensions."""
        total = 0
        for factors, coefficient in self.terms:
            term = coefficient
            for f in factors:
                if isinstance(f, Quotient):
                    term *= f.top.size(sizes) // f.bottom
                elif isinstance(f, Least):
                    term *= min(f.top.size(sizes), f.most)
                else:
                    term *= sizes[f]
            total += term
        return total

    def __str__(self) -> str:
        """Return Python's text for the extent."""
        text = ""
        for factors, coefficient in self.terms:
            size = abs(coefficient)
            alone = len(factors) == 1 and coefficient == 1
            product = "*".join(
                f"({f})" if isinstance(f, Quotient) and not alone else str(f)
                for f in factors
            )
            part = str(size) if not product else product if size == 1 else (
                f"{size}*{product}"
            )  # fmt: skip
            sign = "-" if coefficient < 0 else "+"
            text += f" {sign} {part}" if text else ("-" if sign == "-" else "") + part
        return text


def dim(name: str) -> Dim:
    """Return the dimension of a name."""
    return Dim((((name,), 1),))


def at_most(extent: Extent, most: int) -> Extent:
    """Return the smaller of an extent and a number.

    >>> str(at_most(dim("n") + 1, 256)), at_most(3, 256)
    ('min(n + 1, 256)', 3)
    """
    if isinstance(extent, int):
        return min(extent, most)
    return Dim((((Least(extent, most),), 1),))


def _terms(extent: object) -> tuple[Term, ...]:
    if isinstance(extent, Dim):
        return extent.terms
    if isinstance(extent, int):
        return (((), extent),)
    message = f"expected an extent, found {type(extent).__name__}"
    raise TypeError(message)


def _sum(terms: tuple[Term, ...]) -> Extent:
    total: dict[tuple[Atom, ...], int] = {}
    for factors, coefficient in terms:
        total[factors] = total.get(factors, 0) + coefficient
    kept = [(f, c) for f, c in total.items() if c]
    if all(not f for f, _ in kept):
        return sum(c for _, c in kept)
    kept.sort(key=lambda term: (-len(term[0]), [str(a) for a in term[0]]))
    return Dim(tuple(kept))


def dims(value: object) -> list[Dim]:
    """Return the symbolic extents in a shape or an op's attributes."""
    if isinstance(value, Dim):
        return [value]
    if type(value) is tuple:
        return [d for part in value for d in dims(part)]
    return []


def size_of(extent: Extent, sizes: Mapping[str, int]) -> int:
    """Return an extent's size for sizes of the named dimensions."""
    return extent if isinstance(extent, int) else extent.size(sizes)


def sized(value: object, sizes: Mapping[str, int]) -> object:
    """Return an op's attribute with every extent in it replaced by its size."""
    if isinstance(value, Dim):
        return value.size(sizes)
    if type(value) is tuple:
        return tuple(sized(v, sizes) for v in value)
    return value


class Type(NamedTuple):
    """Pair a dtype with a shape; a scalar has shape `()`."""

    dtype: str
    shape: tuple[Extent, ...] = ()

    @property
    def is_float(self) -> bool:
        """Whether values are real numbers, so that they can carry an adjoint."""
        return self.dtype in FLOATS

    @property
    def scalar(self) -> Type:
        """The type of one element."""
        return DTYPES[self.dtype]

    def of(self, shape: Shape) -> Type:
        """Return the type of an array of such elements."""
        return Type(self.dtype, shape) if shape else DTYPES[self.dtype]

    def __str__(self) -> str:
        """Return `float64` or `float64[m, 3]`."""
        return f"{self.dtype}[{extents(self.shape)}]" if self.shape else self.dtype


def extents(shape: Shape) -> str:
    """Return a shape as text.

    >>> extents((dim("m"), 3))
    'm, 3'
    """
    return ", ".join(map(str, shape))


FLOATS = ("float32", "float64")
F64, F32 = Type("float64"), Type("float32")
INT, BOOL = Type("int64"), Type("bool")
DTYPES = {t.dtype: t for t in (F64, F32, INT, BOOL)}
