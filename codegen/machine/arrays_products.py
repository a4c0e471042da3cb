"""Multiply matrices by BLAS as Numba's `np.dot` does: SciPy's, with the same flags.

So the results are the same, bit for bit.
"""

from __future__ import annotations

import ctypes
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

from overbar.codegen.machine.arrays_code import BYTES
from overbar.codegen.machine.instructions import KINDS
from overbar.ir.errors import UnsupportedError

if TYPE_CHECKING:
    from overbar.codegen.machine.arrays_code import Code, View

PREFIX = "overbar_blas_"
LETTERS = {"float64": "d", "float32": "s"}
_HOMES = ("cython_blas", "cython_lapack")
_LARGEST = 2**31 - 1


@cache
def address(symbol: str) -> int:
    """Return the address of one of SciPy's functions, by our name for it."""
    name = symbol.removeprefix(PREFIX)
    try:
        homes = [import_module(f"scipy.linalg.{home}").__pyx_capi__ for home in _HOMES]
        capsule = next(home[name] for home in homes if name in home)
    except (ImportError, AttributeError, StopIteration):
        raise UnsupportedError(f"expected SciPy's {name}, found none") from None
    as_name = ctypes.PYFUNCTYPE(ctypes.c_char_p, ctypes.py_object)
    signature = as_name(("PyCapsule_GetName", ctypes.pythonapi))(capsule)
    if b"int *" not in signature:
        raise UnsupportedError(f"expected {name} of 32-bit integers, found others")
    kind = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)
    get = kind(("PyCapsule_GetPointer", ctypes.pythonapi))
    return get(capsule, signature)  # type: ignore[no-any-return]


class Products:
    """Write products of arrays of floats."""

    def __init__(self, code: Code) -> None:
        self.code = code

    def numbers(self, x: View, y: View) -> str:
        """Return the product of two vectors."""
        (n,) = self.sizes(*x.shape)
        x, y = self.code.in_order(x), self.code.in_order(y)
        symbol = self.define("vv", x.dtype, "CC")
        kind = KINDS[x.dtype]
        return self.code.make(
            f"call {kind} {symbol}(ptr {x.pointer}, ptr {y.pointer}, i64 {n})"
        )

    def by_vector(self, x: View, y: View, out: str) -> None:
        """Multiply a matrix by a vector."""
        x, y = self._in_order(x), self.code.in_order(y)
        m, k = self.sizes(*x.shape)
        self._call("mv", x, y, f"ptr {out}, i64 {m}, i64 {k}")

    def matrices(self, x: View, y: View, out: str) -> None:
        """Multiply two matrices."""
        x, y = self._in_order(x), self._in_order(y)
        m, k, n = self.sizes(*x.shape, y.shape[1])
        self._call("mm", x, y, f"ptr {out}, i64 {m}, i64 {k}, i64 {n}")

    def _in_order(self, x: View) -> View:
        return self.code.in_order(x) if x.layout == "A" else x

    def sizes(self, *extents: object) -> list[str]:
        """Return sizes that BLAS can take; leave where one is too large."""
        sizes = [self.code.sizes.size(e) for e in extents]  # type: ignore[arg-type]
        for size in dict.fromkeys(sizes):
            if not size.isdigit():
                test = self.code.make(f"icmp sgt i64 {size}, {_LARGEST}")
                self.code.refuse(test, "size")
        return sizes

    def _call(self, what: str, x: View, y: View, rest: str) -> None:
        symbol = self.define(what, x.dtype, x.layout + y.layout)
        given = f"ptr {x.pointer}, ptr {y.pointer}, {rest}"
        self.code.line(f"call void {symbol}({given})\n")

    def define(self, what: str, dtype: str, layouts: str) -> str:
        """Return the symbol of a product of arrays in some layouts."""
        forms, letter = self.code.forms, LETTERS[dtype]
        symbol = f'@"overbar.{what}.{letter}.{layouts}"'
        if symbol not in forms.defined:
            kind = KINDS[dtype]
            for name, result, count in (("dot", kind, 5), ("gemv", "void", 11),
                                        ("gemm", "void", 13)):  # fmt: skip
                given = ", ".join(["ptr"] * count)
                line = f"declare {result} @{PREFIX}{letter}{name}({given})"
                forms.declared[line] = None
            forms.defined[symbol] = _TEXTS[what](symbol, dtype, layouts)
        return symbol


def _numbers(count: int) -> str:
    """Return lines that make room for whole numbers, and for a few constants."""
    return "".join(f"%i{k} = alloca i32\n" for k in range(count))


def _set(place: str, size: str, name: str) -> str:
    return f"%{name} = trunc i64 %{size} to i32\nstore i32 %{name}, ptr %{place}\n"


_EMPTIED = """call void @llvm.memset.p0.i64(ptr %out, i8 0, i64 %bytes, i1 false)
ret void
"""
_ALLOCATED = """%one = alloca i32
store i32 1, ptr %one
%yes = alloca i8
store i8 116, ptr %yes
%no = alloca i8
store i8 110, ptr %no
"""


def _factors(dtype: str) -> str:
    kind = KINDS[dtype]
    return (
        f"%alpha = alloca {kind}\nstore {kind} 1.0, ptr %alpha\n"
        f"%beta = alloca {kind}\nstore {kind} 0.0, ptr %beta\n"
    )


def _dot(dtype: str, size: str, label: str) -> str:
    """Return lines that multiply vectors, of a size."""
    function = f"@{PREFIX}{LETTERS[dtype]}dot"
    return (
        f"{_set('i0', size, f'{label}.n')}"
        f"%{label} = call {KINDS[dtype]} {function}"
        "(ptr %i0, ptr %x, ptr %one, ptr %y, ptr %one)\n"
    )


def _gemv(
    dtype: str, layout: str, shape: tuple[str, str], matrix: str, how: str, label: str,
    lead: str = "i0",
) -> str:  # fmt: skip
    """Return lines that multiply a matrix in some layout with a vector.

    how: whether it is transposed, as Fortran sees it: yes or no; lead: where the
        distance of its columns is.
    """
    rows, columns = shape if layout == "F" else shape[::-1]
    vector = "y" if matrix == "x" else "x"
    return (
        f"{_set('i0', rows, f'{label}.m')}{_set('i1', columns, f'{label}.n')}"
        f"call void @{PREFIX}{LETTERS[dtype]}gemv(ptr %{how}, "
        f"ptr %i0, ptr %i1, ptr %alpha, ptr %{matrix}, ptr %{lead}, ptr %{vector}, "
        "ptr %one, ptr %beta, ptr %out, ptr %one)\n"
    )


def _gemm(dtype: str, layouts: str, leads: tuple[str, str] | None = None) -> str:
    """Return lines that multiply matrices: in Fortran's order, the second first."""
    first, second = (("no", "yes")[layout == "F"] for layout in layouts[::-1])
    whole = ("i0", "i2")[layouts[1] == "F"], ("i2", "i1")[layouts[0] == "F"]
    lda, ldb = leads or whole
    return (
        f"{_set('i0', 'n', 'g.n')}{_set('i1', 'm', 'g.m')}{_set('i2', 'k', 'g.k')}"
        f"call void @{PREFIX}{LETTERS[dtype]}gemm(ptr %{first}, ptr %{second}, "
        f"ptr %i0, ptr %i1, ptr %i2, ptr %alpha, ptr %y, ptr %{lda}, ptr %x, "
        f"ptr %{ldb}, ptr %beta, ptr %out, ptr %i0)\n"
    )


def _vectors_text(symbol: str, dtype: str, _: str) -> str:
    kind = KINDS[dtype]
    return (
        f"define internal {kind} {symbol}(ptr %x, ptr %y, i64 %n) "
        "nounwind noinline {\n"
        f"{_numbers(1)}{_ALLOCATED}{_dot(dtype, 'n', 'd')}ret {kind} %d\n}}"
    )


def _vector_text(symbol: str, dtype: str, layouts: str) -> str:
    how = "yes" if layouts[0] == "C" else "no"
    return (
        f"define internal void {symbol}(ptr %x, ptr %y, ptr %out, i64 %m, i64 %k) "
        f"nounwind noinline {{\n{_numbers(2)}{_ALLOCATED}{_factors(dtype)}"
        "%no.k = icmp eq i64 %k, 0\n%no.m = icmp eq i64 %m, 0\n"
        "%none = or i1 %no.k, %no.m\nbr i1 %none, label %empty, label %some\n"
        f"empty:\n%bytes = mul i64 %m, {BYTES[dtype]}\n"
        f"{_EMPTIED}"
        f"some:\n{_gemv(dtype, layouts[0], ('m', 'k'), 'x', how, 'v')}ret void\n}}"
    )


def _matrices_text(symbol: str, dtype: str, layouts: str) -> str:
    """Return a product of matrices; one with a single row or column is a vector."""
    x, y = layouts[0], layouts[1]
    ways = ["yes" if x == "C" else "no", "no" if y == "C" else "yes"]
    return (
        f"define internal void {symbol}(ptr %x, ptr %y, ptr %out, i64 %m, i64 %k, "
        f"i64 %n) nounwind noinline {{\n{_numbers(3)}{_ALLOCATED}{_factors(dtype)}"
        "%no.k = icmp eq i64 %k, 0\n%no.m = icmp eq i64 %m, 0\n"
        "%no.n = icmp eq i64 %n, 0\n%no.mk = or i1 %no.k, %no.m\n"
        "%none = or i1 %no.mk, %no.n\nbr i1 %none, label %empty, label %some\n"
        f"empty:\n%count = mul i64 %m, %n\n%bytes = mul i64 %count, {BYTES[dtype]}\n"
        f"{_EMPTIED}"
        "some:\n%row = icmp eq i64 %m, 1\n%column = icmp eq i64 %n, 1\n"
        "br i1 %column, label %right, label %left\n"
        "right:\nbr i1 %row, label %vv, label %mv\n"
        "left:\nbr i1 %row, label %vm, label %mm\n"
        f"vv:\n{_dot(dtype, 'k', 'd')}store {KINDS[dtype]} %d, ptr %out\nret void\n"
        f"mv:\n{_gemv(dtype, x, ('m', 'k'), 'x', ways[0], 'a')}ret void\n"
        f"vm:\n{_gemv(dtype, y, ('k', 'n'), 'y', ways[1], 'b')}ret void\n"
        f"mm:\n{_gemm(dtype, layouts)}ret void\n}}"
    )


def _parts_text(symbol: str, dtype: str, layouts: str) -> str:
    """Return a product of parts of matrices in rows, that are not empty.

    Only a single number may be a single column.
    """
    return (
        f"define internal void {symbol}(ptr %x, ptr %y, ptr %out, i64 %m, i64 %k, "
        f"i64 %n, i64 %ldx, i64 %ldy) nounwind noinline {{\n{_numbers(5)}{_ALLOCATED}"
        f"{_factors(dtype)}{_set('i3', 'ldy', 'y.lead')}{_set('i4', 'ldx', 'x.lead')}"
        "%row = icmp eq i64 %m, 1\n%column = icmp eq i64 %n, 1\n"
        "br i1 %column, label %vv, label %wide\n"
        f"vv:\n{_dot(dtype, 'k', 'd')}store {KINDS[dtype]} %d, ptr %out\nret void\n"
        "wide:\nbr i1 %row, label %vm, label %mm\n"
        f"vm:\n{_gemv(dtype, 'C', ('k', 'n'), 'y', 'no', 'b', 'i3')}ret void\n"
        f"mm:\n{_gemm(dtype, layouts, ('i3', 'i4'))}ret void\n}}"
    )


_TEXTS = {
    "vv": _vectors_text, "mv": _vector_text, "mm": _matrices_text,
    "parts": _parts_text,
}  # fmt: skip
