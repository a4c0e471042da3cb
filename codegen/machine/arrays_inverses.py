"""Invert products of a triangle with its transpose, as the helper does, by blocks."""

from __future__ import annotations

from overbar.codegen.machine.arrays_blocks import Blocks
from overbar.codegen.machine.arrays_code import View
from overbar.codegen.machine.instructions import KINDS

_INVERTED = 48
"""Rows of a block, as in `overbar.ir.ops.portable_matrices`."""


class Inverses(Blocks):
    """Write the inverse of L @ L.T."""

    def inverted(self, a: View, out: str) -> None:
        """Put the inverse of L @ L.T in memory, of a lower triangle L."""
        code, (extent, _) = self.code, a.shape
        a = code.in_order(a)
        n = code.sizes.size(extent)
        whole = code.room(a.dtype, (extent, extent))
        count = code.sizes.product((extent, extent))
        code.fill(whole, a.dtype, count, code.forms.constant(0.0, a.dtype))
        inverse = self.rows(whole, a, n)
        rooms = [
            code.room(a.dtype, shape)
            for shape in (
                (_INVERTED, _INVERTED), (_INVERTED, extent), (_INVERTED, extent),
                (_INVERTED, _INVERTED),
            )
        ]  # fmt: skip

        def invert(first: str) -> None:
            last = self.smaller(n, self.plus(first, str(_INVERTED)))
            size = self.minus(last, first)
            rows = self._unit(self.rows(rooms[0], a, size), size)
            self._eliminate(a, rows, first, size)

            def put(i: str, k: str) -> None:
                value = self.at(rows, i, k)
                self.put(inverse, self.plus(first, i), self.plus(first, k), value)

            self.each([size, size], put)

            def before(start: str) -> None:
                end = self.smaller(n, self.plus(start, str(_INVERTED)))
                inner, width = self.minus(first, start), self.minus(end, start)
                part = self.parts(
                    a, (first, start), inverse, (start, start), rooms[2],
                    (size, inner, width),
                )  # fmt: skip
                part = self.product(
                    rows, part.pointer, rooms[3], (size, size, width), "CC"
                )

                def negated(i: str, k: str) -> None:
                    value = code.make(f"fneg {KINDS[a.dtype]} {self.at(part, i, k)}")
                    at = self.plus(first, i), self.plus(start, k)
                    self.put(inverse, *at, value)

                self.each([size, width], negated)

            self.starts(first, _INVERTED, before)

        def multiply(first: str) -> None:
            last = self.smaller(n, self.plus(first, str(_INVERTED)))
            size, inner = self.minus(last, first), self.minus(n, first)
            pointer = code.address(inverse, [first, first])
            column = View(pointer, a.dtype, (0, 0), ("1", n))
            left = self.copy(column, ("0", "0"), (size, inner), rooms[1])
            part = self.parts(
                left, ("0", "0"), inverse, (first, "0"), rooms[2], (size, inner, last)
            )
            to = self.rows(out, a, n)

            def put(i: str, k: str) -> None:
                self.put(to, self.plus(first, i), k, self.at(part, i, k))

            def mirrored(k: str, i: str) -> None:
                self.put(to, k, self.plus(first, i), self.at(part, i, k))

            self.each([size, last], put)
            self.each([last, size], mirrored)

        self.starts(n, _INVERTED, invert)
        self.starts(n, _INVERTED, multiply)

    def _unit(self, rows: View, size: str) -> View:
        """Fill a matrix with ones on the diagonal, zeros elsewhere."""
        kind = KINDS[rows.dtype]
        one, zero = (self.code.forms.constant(x, rows.dtype) for x in (1.0, 0.0))

        def put(i: str, k: str) -> None:
            same = self.make(f"icmp eq i64 {i}, {k}")
            value = self.code.make(f"select i1 {same}, {kind} {one}, {kind} {zero}")
            self.put(rows, i, k, value)

        self.each([size, size], put)
        return rows

    def _eliminate(self, a: View, rows: View, first: str, size: str) -> None:
        """Make the inverse of a block of the diagonal of ones."""

        def each_row(i: str) -> None:
            at = self.plus(first, i)

            def each_other(j: str) -> None:
                def less(k: str) -> None:
                    factor = self.at(a, at, self.plus(first, j))
                    new = self.apply("fmul", rows, factor, self.at(rows, j, k))
                    old = self.at(rows, i, k)
                    self.put(rows, i, k, self.apply("fsub", rows, old, new))

                self.each([self.plus(j, "1")], less)

            def divide(k: str) -> None:
                old, by = self.at(rows, i, k), self.at(a, at, at)
                self.put(rows, i, k, self.apply("fdiv", rows, old, by))

            self.each([i], each_other)
            self.each([self.plus(i, "1")], divide)

        self.each([size], each_row)
