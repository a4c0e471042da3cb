"""Factor matrices and solve triangular systems, as the helpers do, block by block.

Products of blocks go to BLAS, and the factors come from SciPy's LAPACK, both called as
Numba calls them: so the results have the same bits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from overbar.codegen.machine.arrays_blocks import Blocks
from overbar.codegen.machine.arrays_code import View
from overbar.codegen.machine.arrays_products import LETTERS, PREFIX

if TYPE_CHECKING:
    from collections.abc import Sequence

_SOLVED = 64
"""Rows of a block, as in `overbar.ir.ops.portable_matrices`."""


def triangular_flags(attrs: Sequence[bool]) -> tuple[bool, bool, bool]:
    """Return whether a triangle is lower, transposed, and has ones as its diagonal."""
    lower, transposed, unit = attrs
    return bool(lower), bool(transposed), bool(unit)


class Triangles(Blocks):
    """Write factors, and solutions of triangular systems."""

    def cholesky(self, x: View, out: str) -> None:
        """Put the lower factor of a matrix in memory; leave where there is none.

        LAPACK sees the rows as columns: what is the upper triangle there is lower here.
        """
        code, size = self.code, self.code.sizes.size(x.shape[0])
        code.copied(x, out)
        to = self.rows(out, x, size)
        function = f"@{PREFIX}{LETTERS[x.dtype]}potrf"
        given = ", ".join(["ptr"] * 5)
        code.forms.declared[f"declare void {function}({given})"] = None
        letter, count, info = (
            code.first(f"alloca {kind}") for kind in ("i8", "i32", "i32")
        )
        short = self.make(f"trunc i64 {size} to i32")
        code.line(f"store i8 {ord('U')}, ptr {letter}\n")
        code.line(f"store i32 {short}, ptr {count}\nstore i32 0, ptr {info}\n")
        places = f"ptr {letter}, ptr {count}, ptr {out}, ptr {count}, ptr {info}"
        self.where(
            self.make(f"icmp sgt i64 {size}, 0"),
            lambda: code.line(f"call void {function}({places})\n"),
        )
        found = self.make(f"load i32, ptr {info}")
        code.refuse(self.make(f"icmp ne i32 {found}, 0"), "matrix")
        zero = code.forms.constant(0.0, x.dtype)

        def above(column: str) -> None:
            self.each([column], lambda i: self.put(to, i, column, zero))

        self.each([size], above)

    # -- a system --------------------------------------------------------------------

    def solved(
        self, a: View, b: View, out: str, flags: tuple[bool, bool, bool]
    ) -> None:
        """Solve a triangular system for the columns of a matrix."""
        lower, transposed, unit = flags
        code, down = self.code, lower != transposed
        n, columns = (code.sizes.size(e) for e in b.shape)
        code.copied(b, out)
        to = self.rows(out, b, columns)
        rows_room = code.room(a.dtype, (_SOLVED, b.shape[0]))
        block_room = code.room(a.dtype, (_SOLVED, _SOLVED))
        part_room = code.room(a.dtype, b.shape)

        def body(step: str) -> None:
            ahead = self.plus(step, str(_SOLVED))
            if down:
                first, last = step, self.smaller(n, ahead)
            else:
                left = self.minus(n, ahead)
                below = self.make(f"icmp slt i64 {left}, 0")
                first = self.make(f"select i1 {below}, i64 0, i64 {left}")
                last = self.minus(n, step)
            start, stop = ("0", first) if lower else (last, n)
            size, span = self.minus(last, first), self.minus(stop, start)
            rows = self.copy(a, (first, start), (size, span), rows_room)
            source = View(a.pointer, a.dtype, a.shape, code.strides(a))
            place = (first, first)
            if transposed:
                pointer = code.address(source, place)
                back = (code.strides(a)[1], code.strides(a)[0])
                source, place = View(pointer, a.dtype, a.shape, back), ("0", "0")
            block = self.copy(source, place, (size, size), block_room)
            other = self.make(f"icmp slt i64 {start}, {stop}")

            def subtract(to_row: str, from_row: str, count: str, inner: str) -> None:
                layouts = "FC" if transposed else "CC"
                right = code.address(to, [from_row, "0"])
                part = self.product(
                    rows, right, part_room, (count, inner, columns), layouts
                )

                def less(i: str, k: str) -> None:
                    i_out = self.plus(to_row, i)
                    old, new = self.at(to, i_out, k), self.at(part, i, k)
                    self.put(to, i_out, k, self.apply("fsub", to, old, new))

                self.each([count, columns], less)

            if not transposed:
                self.where(other, lambda: subtract(first, start, size, span))
            self._block(block, to, (first, size, columns), down=down, unit=unit)
            if transposed:
                self.where(other, lambda: subtract(start, first, span, size))

        self.starts(n, _SOLVED, body)

    def _block(
        self, block: View, to: View, sizes: tuple[str, str, str], *, down: bool,
        unit: bool,
    ) -> None:  # fmt: skip
        """Solve with a block of the diagonal."""
        first, size, columns = sizes
        last = self.minus(size, "1")

        def turned(row: str) -> str:
            return row if down else self.minus(last, row)

        def each_row(row: str) -> None:
            i = turned(row)
            at = self.plus(first, i)

            def each_other(other: str) -> None:
                j = turned(other)
                from_row = self.plus(first, j)

                def less(k: str) -> None:
                    factor = self.at(block, i, j)
                    new = self.apply("fmul", to, factor, self.at(to, from_row, k))
                    old = self.at(to, at, k)
                    self.put(to, at, k, self.apply("fsub", to, old, new))

                self.each([columns], less)

            self.each([row], each_other)
            if not unit:
                self.each([columns], lambda k: self._divide(to, at, k, block, i))

        self.each([size], each_row)

    def _divide(self, to: View, row: str, k: str, by: View, i: str) -> None:
        value = self.apply("fdiv", to, self.at(to, row, k), self.at(by, i, i))
        self.put(to, row, k, value)
