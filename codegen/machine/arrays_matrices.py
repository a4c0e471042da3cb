"""Compute functions of matrices, of one or of each in a stack.

A routine is what an op's row names: it takes the operands and gives a number, or where
the result lies. Those of LAPACK lie in columns, as Numba has them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

from overbar.codegen.machine.arrays_code import View
from overbar.codegen.machine.arrays_cofactors import Cofactors
from overbar.codegen.machine.arrays_inverses import Inverses
from overbar.codegen.machine.arrays_lapack import Lapack
from overbar.codegen.machine.arrays_triangles import Triangles, triangular_flags
from overbar.codegen.machine.arrays_values import part
from overbar.ir.ops.eigen import closeness

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from overbar.codegen.machine.arrays_code import Code
    from overbar.codegen.machine.arrays_products import Products

    Room: TypeAlias = "Callable[[], str]"
    Found: TypeAlias = "View | str"
    Args: TypeAlias = "Sequence[View]"
    Routine: TypeAlias = "Callable[[Matrices, Args, Sequence[Any], Room], Found]"

_WIDE = "float64"


class Matrices:
    """Write routines; each is given operands, attributes, and memory for its result."""

    def __init__(self, code: Code, products: Products) -> None:
        self.code = code
        self.lapack = Lapack(code, products)
        self.triangles = Triangles(code, products)
        self.inverses = Inverses(code, products)
        self.cofactors = Cofactors(code, products, self.lapack)

    def each(
        self, routine: Routine, args: Args, attrs: Sequence[Any], out: View
    ) -> None:
        """Compute a function of each matrix in a stack, into memory in order."""
        code = self.code

        def body(index: Sequence[str]) -> None:
            parts = [part(code, x, index) for x in args]
            to = part(code, out, index)
            found = routine(self, parts, attrs, lambda: to.pointer)
            if isinstance(found, str):
                code.store(out.dtype, to.pointer, self.narrow(found, out.dtype))
            elif found.pointer != to.pointer:
                code.copied(found, to.pointer)

        code.loops([code.sizes.size(out.shape[0])], body)

    def narrow(self, number: str, dtype: str) -> str:
        """Return a number that a routine gave in a result's dtype."""
        return self.code.converted(number, _WIDE, dtype)

    # -- routines --------------------------------------------------------------------

    def _cholesky(self, args: Args, _: Any, room: Room) -> View:
        (a,) = args
        out = a._replace(pointer=room(), strides=None, turned=False)
        self.triangles.cholesky(a, out.pointer)
        return out

    def _triangular(self, args: Args, attrs: Sequence[Any], room: Room) -> View:
        a, b = args
        columns = self.code.in_order(b)
        if len(b.shape) == 1:
            columns = columns._replace(shape=(*b.shape, 1))
        pointer = room()
        self.triangles.solved(a, columns, pointer, triangular_flags(attrs))
        return View(pointer, b.dtype, b.shape)

    def _from_factor(self, args: Args, _: Any, room: Room) -> View:
        (a,) = args
        out = View(room(), a.dtype, a.shape)
        self.inverses.inverted(a, out.pointer)
        return out

    def _solve(self, args: Args, _: Any, room: Room) -> View:
        a, b = args
        if len(b.shape) == 1:
            out = View(room(), b.dtype, b.shape)
        else:
            out = self.lapack.columns(b)
        self.lapack.solve(a, b, out.pointer)
        return out

    def _inverse(self, args: Args, _: Any, __: Room) -> View:
        return self.lapack.inverted(args[0])

    def _determinant(self, args: Args, _: Any, __: Room) -> str:
        return self.cofactors.determinant(args[0])

    def _sign(self, args: Args, _: Any, __: Room) -> str:
        return self.lapack.determinant(args[0])[0]

    def _logarithm(self, args: Args, _: Any, __: Room) -> str:
        return self.lapack.determinant(args[0])[1]

    def _cofactors(self, args: Args, _: Any, room: Room) -> View:
        a, *along = args
        out = View(room(), a.dtype, a.shape)
        self.cofactors.cofactors(a, along, out)
        return out

    def _values(self, args: Args, _: Any, room: Room) -> View:
        (a,) = args
        out = View(room(), a.dtype, a.shape[:1])
        self.lapack.eigen(a, out.pointer, self.lapack.columns(a), "N")
        return out

    def _vectors(self, args: Args, _: Any, __: Room) -> View:
        (a,) = args
        out = self.lapack.columns(a)
        self.lapack.eigen(a, self.code.room(a.dtype, a.shape[:1]), out, "V")
        return out

    def _gaps(self, args: Args, _: Any, room: Room) -> View:
        (w,) = args
        out = View(room(), w.dtype, (*w.shape, *w.shape))
        self.cofactors.gaps(w, out, closeness(w.dtype))
        return out

    routines: ClassVar[Mapping[str, Routine]] = {
        "cholesky": _cholesky,
        "triangular": _triangular,
        "cholesky_inverse": _from_factor,
        "solve": _solve,
        "inverse": _inverse,
        "determinant": _determinant,
        "sign": _sign,
        "logarithm": _logarithm,
        "cofactors": _cofactors,
        "eigenvalues": _values,
        "eigenvectors": _vectors,
        "eigengaps": _gaps,
    }
    """Routines by what rows of the op table call them."""


ROUTINES = Matrices.routines
