"""Write what derivatives of determinants and eigenvectors need, as the helpers do.

Sums and products are kept in double where the helpers keep them so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from overbar.codegen.machine.arrays_blocks import Blocks
from overbar.codegen.machine.arrays_code import View
from overbar.codegen.machine.instructions import KINDS
from overbar.ir.ops import OPS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from overbar.codegen.machine.arrays_code import Code
    from overbar.codegen.machine.arrays_lapack import Lapack
    from overbar.codegen.machine.arrays_products import Products

_WIDE = "float64"


class Cofactors(Blocks):
    """Write cofactors, their derivatives, and the gaps between eigenvalues."""

    def __init__(self, code: Code, products: Products, lapack: Lapack) -> None:
        super().__init__(code, products)
        self.lapack = lapack

    def determinant(self, a: View) -> str:
        """Return a determinant as a double."""
        sign, log = self.lapack.determinant(a)
        form = self.code.forms.form(OPS["exp"], (), (_WIDE,))
        size = self.code.apply(form, [log])
        return self.make(f"fmul double {sign}, {size}")

    def cofactors(self, a: View, along: Sequence[View], out: View) -> None:
        """Put the gradient of a determinant in memory, or its derivatives along some.

        What is not finite, or empty, is the sum of all operands.
        """
        code, k = self.code, self.code.number()
        size = code.sizes.size(a.shape[0])
        some = self.make(f"icmp sgt i64 {size}, 0")
        test = self.make(f"and i1 {self.lapack.finite(a)}, {some}")
        code.fork(test, f"finite{k}", f"odd{k}")
        code.label(f"odd{k}")
        self._sum([a, *along], out, size)
        code.jump(f"known{k}")
        code.label(f"finite{k}")
        self._cofactors(a, along, out, size)
        code.jump(f"known{k}")
        code.label(f"known{k}")

    def _sum(self, given: Sequence[View], out: View, size: str) -> None:
        def body(i: str, j: str) -> None:
            total = self.code.forms.constant(0.0, out.dtype)
            for x in given:
                total = self.apply("fadd", out, total, self.at(x, i, j))
            self.put(out, i, j, total)

        self.each([size, size], body)

    def _cofactors(self, a: View, along: Sequence[View], out: View, size: str) -> None:
        code = self.code
        u, s, v = self.lapack.decomposed(a)
        middle = self.lapack.columns(a) if a.turned else self._memory(a)
        zero = code.forms.constant(0.0, a.dtype)
        code.fill(middle.pointer, a.dtype, code.sizes.product(a.shape), zero)
        sides = [self._between(u, x, v) for x in along]
        write = (self._plain, self._slope, self._curve)[len(along)]
        write(middle, s, sides, size)
        part = self._memory(a)
        self.products.matrices(u, middle, part.pointer)
        self.products.matrices(part, v, out.pointer)
        sign = self.make(f"fmul double {self.determinant(u)}, {self.determinant(v)}")
        positive = self.make(f"fcmp ogt double {sign}, 0.0")

        def negated(i: str, j: str) -> None:
            value = self.make(f"fneg {KINDS[a.dtype]} {self.at(out, i, j)}")
            self.put(out, i, j, value)

        negative = self.make(f"xor i1 {positive}, true")
        self.where(negative, lambda: self.each([size, size], negated))

    def _memory(self, like: View) -> View:
        return View(self.code.room(like.dtype, like.shape), like.dtype, like.shape)

    def _between(self, u: View, x: View, v: View) -> View:
        """Return u.T @ x @ v.T."""
        one, other = (y._replace(strides=None, turned=False) for y in (u, v))
        part, out = self._memory(x), self._memory(x)
        self.products.matrices(one, x, part.pointer)
        self.products.matrices(part, other, out.pointer)
        return out

    # -- at a diagonal matrix ----------------------------------------------------------

    def _plain(self, out: View, s: View, _: Sequence[View], size: str) -> None:
        def body(i: str) -> None:
            self.put(out, i, i, self._narrow(out, self._others(s, size, i)))

        self.each([size], body)

    def _slope(self, out: View, s: View, sides: Sequence[View], size: str) -> None:
        (e,) = sides

        def body(i: str, j: str) -> None:
            others = self._others(s, size, i, j)
            self._add(out, (i, i), others, self._wide(e, j, j))
            self._add(out, (j, j), others, self._wide(e, i, i))
            minus = self.make(f"fneg double {others}")
            for row, column in ((i, j), (j, i)):
                value = self._wide(e, column, row)
                value = self.make(f"fmul double {minus}, {value}")
                self.put(out, row, column, self._narrow(out, value))

        self.each([size], lambda i: self.each([i], lambda j: body(i, j)))

    def _curve(self, out: View, s: View, sides: Sequence[View], size: str) -> None:
        e, f = sides

        def body(i: str, j: str, k: str) -> None:
            others = self._others(s, size, i, j, k)
            turns = (i, j, k), (j, k, i), (k, i, j)
            for p, q, r in turns:
                for x, y, z in turns:
                    even = self._pair(e, f, (q, y), (r, z))
                    odd = self._pair(e, f, (q, z), (r, y))
                    part = self.apply("fsub", e, even, odd)
                    part = self.code.converted(part, e.dtype, _WIDE)
                    self._add(out, (p, x), others, part)

        self.each(
            [size],
            lambda i: self.each(
                [i], lambda j: self.each([j], lambda k: body(i, j, k))
            ),
        )  # fmt: skip

    def _pair(
        self, e: View, f: View, one: tuple[str, str], other: tuple[str, str]
    ) -> str:
        """Return e[one]*f[other] + f[one]*e[other]."""
        first = self.apply("fmul", e, self.at(e, *one), self.at(f, *other))
        second = self.apply("fmul", e, self.at(f, *one), self.at(e, *other))
        return self.apply("fadd", e, first, second)

    def _others(self, s: View, size: str, *places: str) -> str:
        """Return the product of all entries of a vector but some, as a double."""
        code, name = self.code, f"product {self.code.number()}"
        code.put(name, _WIDE, code.forms.constant(1.0, _WIDE))

        def factor(m: str) -> None:
            tests = [self.make(f"icmp ne i64 {m}, {place}") for place in places]
            test = tests[0]
            for other in tests[1:]:
                test = self.make(f"and i1 {test}, {other}")
            value = code.load(s.dtype, code.address(s, [m]))
            value = code.converted(value, s.dtype, _WIDE)
            old = code.get(name, _WIDE)
            new = self.make(f"fmul double {old}, {value}")
            code.put(
                name, _WIDE, self.make(f"select i1 {test}, double {new}, double {old}")
            )

        self.each([size], factor)
        return code.get(name, _WIDE)

    def _wide(self, x: View, i: str, j: str) -> str:
        return self.code.converted(self.at(x, i, j), x.dtype, _WIDE)

    def _narrow(self, out: View, value: str) -> str:
        return self.code.converted(value, _WIDE, out.dtype)

    def _add(self, out: View, at: tuple[str, str], x: str, y: str) -> None:
        product = self.make(f"fmul double {x}, {y}")
        total = self.make(f"fadd double {self._wide(out, *at)}, {product}")
        self.put(out, *at, self._narrow(out, total))

    # -- gaps ------------------------------------------------------------------------

    def gaps(self, w: View, out: View, tiny: float) -> None:
        """Put 1/(w[j] - w[i]) in memory; leave where eigenvalues repeat."""
        code = self.code
        kind, size = KINDS[w.dtype], code.sizes.size(w.shape[0])
        zero = code.forms.constant(0.0, w.dtype)
        code.fill(out.pointer, w.dtype, code.sizes.product(out.shape), zero)

        def entry(i: str) -> str:
            return code.load(w.dtype, code.address(w, [i]))

        def magnitude(value: str) -> str:
            form = code.forms.form(OPS["abs"], (), (w.dtype,))
            return code.apply(form, [value])

        def body(i: str, j: str) -> None:
            gap = self.apply("fsub", w, entry(j), entry(i))
            first, last = magnitude(entry("0")), magnitude(entry(self.minus(size, "1")))
            larger = self.make(f"fcmp ogt {kind} {last}, {first}")
            most = self.make(f"select i1 {larger}, {kind} {last}, {kind} {first}")
            count = self.make(f"sitofp i64 {size} to double")
            limit = self.make(
                f"fmul double {code.forms.constant(tiny, _WIDE)}, {count}"
            )
            wide = code.converted(most, w.dtype, _WIDE)
            limit = self.make(f"fmul double {limit}, {wide}")
            near = code.converted(magnitude(gap), w.dtype, _WIDE)
            code.refuse(self.make(f"fcmp ole double {near}, {limit}"), "place")
            one = code.forms.constant(1.0, _WIDE)
            value = self.make(
                f"fdiv double {one}, {code.converted(gap, w.dtype, _WIDE)}"
            )
            self.put(out, i, j, self._narrow(out, value))

        def other(i: str, j: str) -> None:
            test = self.make(f"icmp ne i64 {i}, {j}")
            self.where(test, lambda: body(i, j))

        self.each([size, size], other)
