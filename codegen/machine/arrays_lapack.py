"""Call LAPACK for whole matrices as Numba's `np.linalg` does, so with the same bits.

The functions stand in `arrays_lapack.ll`; those that are called, and what they call,
go into the module. Matrices come in any order and go out in columns.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from string import Template
from typing import TYPE_CHECKING, NamedTuple

from overbar.codegen.machine.arrays_code import BYTES, View
from overbar.codegen.machine.arrays_nested import REFUSALS
from overbar.codegen.machine.arrays_products import LETTERS, PREFIX
from overbar.codegen.machine.instructions import KINDS, SHORT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from overbar.codegen.machine.arrays_code import Code
    from overbar.codegen.machine.arrays_products import Products

_WIDENED = {
    "float64": "bitcast double %part to double",
    "float32": "fpext float %part to double",
}
_ROUTINES = {"gesv": 8, "getrf": 6, "getri": 7, "syevd": 11, "gesdd": 14}
"""LAPACK's routines, and how many addresses each takes."""
_REFUSALS = ("memory", "matrix")
_DEFINED = re.compile(r'@"overbar\.\w+\.[ds]"')
_CALLED = re.compile(rf"@{PREFIX}[ds](\w+)\(")


class Decomposed(NamedTuple):
    """Hold singular values, and the matrices of both sides."""

    u: View
    s: View
    v: View


@cache
def _functions(dtype: str) -> Mapping[str, str]:
    """Return the functions of one dtype, by symbol."""
    source = files("overbar.codegen.machine").joinpath("arrays_lapack.ll")
    text = Template(source.read_text("utf-8")).substitute(
        kind=KINDS[dtype], letter=LETTERS[dtype], bytes=BYTES[dtype],
        short=SHORT[dtype], widened=_WIDENED[dtype],
    )  # fmt: skip
    parts = [f"define{part}" for part in text.split("\ndefine")[1:]]
    return {_DEFINED.findall(part)[0]: part for part in parts}


class Lapack:
    """Write calls of LAPACK's routines."""

    def __init__(self, code: Code, products: Products) -> None:
        self.code = code
        self.products = products

    # -- what is called --------------------------------------------------------------

    def _define(self, name: str, dtype: str) -> str:
        """Put a function and what it calls in the module; return its symbol."""
        forms, known = self.code.forms, _functions(dtype)
        whole = f'@"overbar.{name}.{LETTERS[dtype]}"'
        stack = [whole]
        while stack:
            symbol = stack.pop()
            if symbol in forms.defined:
                continue
            text = forms.defined[symbol] = known[symbol]
            stack += _DEFINED.findall(text)
            for routine in _CALLED.findall(text):
                given = ", ".join(["ptr"] * _ROUTINES[routine])
                own = f"@{PREFIX}{LETTERS[dtype]}{routine}"
                forms.declared[f"declare void {own}({given})"] = None
            forms.elementary("log", dtype, 1)
            copying = "@llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)"
            forms.declared[f"declare void {copying}"] = None
        return whole

    def _run(self, name: str, dtype: str, given: str) -> None:
        """Call a function; leave where it has no result."""
        code = self.code
        status = code.make(f"call i32 {self._define(name, dtype)}({given})")
        for why in _REFUSALS:
            test = code.make(f"icmp eq i32 {status}, {REFUSALS[why]}")
            code.refuse(test, why)

    def _matrix(self, x: View) -> tuple[str, str]:
        """Return a matrix as functions take it, and its size."""
        x = self.code.in_order(x) if x.layout == "A" else x
        turned = "true" if x.turned else "false"
        (size,) = self.products.sizes(x.shape[0])
        return f"ptr {x.pointer}, i1 {turned}", size

    def columns(self, like: View) -> View:
        """Return memory for a matrix in columns."""
        pointer = self.code.room(like.dtype, like.shape)
        return self.in_columns(pointer, like)

    def in_columns(self, pointer: str, like: View) -> View:
        """Return a matrix of the same shape in columns."""
        rows = self.code.sizes.size(like.shape[0])
        return View(pointer, like.dtype, like.shape, ("1", rows), turned=True)

    # -- routines --------------------------------------------------------------------

    def solve(self, a: View, b: View, out: str) -> None:
        """Put the solutions for all columns of a matrix in memory, in columns."""
        matrix, size = self._matrix(a)
        b = self.code.in_order(b)
        count = self.products.sizes(b.shape[1])[0] if len(b.shape) > 1 else "1"
        given = f"{matrix}, ptr {b.pointer}, ptr {out}, i64 {size}, i64 {count}"
        self._run("solve", a.dtype, given)

    def inverted(self, a: View) -> View:
        """Return the inverse of a matrix."""
        matrix, size = self._matrix(a)
        out = self.columns(a)
        self._run("inv", a.dtype, f"{matrix}, ptr {out.pointer}, i64 {size}")
        return out

    def determinant(self, a: View) -> tuple[str, str]:
        """Return the sign of a determinant and its logarithm, both as doubles."""
        matrix, size = self._matrix(a)
        sign, log = (self.code.first("alloca double") for _ in range(2))
        given = f"{matrix}, ptr {sign}, ptr {log}, i64 {size}"
        self._run("slogdet", a.dtype, given)
        first, second = (self.code.load("float64", at) for at in (sign, log))
        return first, second

    def eigen(self, a: View, values: str, vectors: View, job: str) -> None:
        """Put eigenvalues in memory, and eigenvectors where the job is V."""
        matrix, size = self._matrix(a)
        places = f"ptr {values}, ptr {vectors.pointer}, i64 {size}, i8 {ord(job)}"
        self._run("eigh", a.dtype, f"{matrix}, {places}")

    def finite(self, a: View) -> str:
        """Return whether all elements of a matrix are finite."""
        a = self.code.in_order(a) if a.layout == "A" else a
        count = self.code.sizes.product(a.shape)
        symbol = self._define("finite", a.dtype)
        return self.code.make(f"call i1 {symbol}(ptr {a.pointer}, i64 {count})")

    def decomposed(self, a: View) -> Decomposed:
        """Return the singular value decomposition of a square matrix."""
        matrix, size = self._matrix(a)
        u, v = self.columns(a), self.columns(a)
        s = View(self.code.room(a.dtype, a.shape[:1]), a.dtype, a.shape[:1])
        places = f"ptr {u.pointer}, ptr {s.pointer}, ptr {v.pointer}, i64 {size}"
        self._run("svd", a.dtype, f"{matrix}, {places}")
        return Decomposed(u, s, v)
