"""Write code for matrices block by block, of sizes that are known when it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from overbar.codegen.machine.arrays_code import View
from overbar.codegen.machine.instructions import KINDS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from overbar.codegen.machine.arrays_code import Code
    from overbar.codegen.machine.arrays_products import Products


class Blocks:
    """Write loops, elements and products of blocks."""

    def __init__(self, code: Code, products: Products) -> None:
        self.code = code
        self.products = products

    def make(self, text: str) -> str:
        """Write an instruction."""
        return self.code.make(text)

    def smaller(self, x: str, y: str) -> str:
        """Return the smaller of two sizes."""
        test = self.make(f"icmp slt i64 {x}, {y}")
        return self.make(f"select i1 {test}, i64 {x}, i64 {y}")

    def plus(self, x: str, y: str) -> str:
        """Return a sum of sizes."""
        return self.make(f"add nsw i64 {x}, {y}")

    def minus(self, x: str, y: str) -> str:
        """Return a difference of sizes."""
        return self.make(f"sub nsw i64 {x}, {y}")

    def starts(self, stop: str, size: int, body: Callable[[str], None]) -> None:
        """Write a loop over where blocks begin."""
        code, k = self.code, self.code.number()
        name = f"block {k}"
        code.open(k, name, "0", stop)
        body(code.get(name, "int64"))
        code.close(k, name, str(size))

    def where(self, test: str, body: Callable[[], None]) -> None:
        """Write a body where a condition holds."""
        code, k = self.code, self.code.number()
        code.fork(test, f"so{k}", f"not{k}")
        code.label(f"so{k}")
        body()
        code.jump(f"not{k}")
        code.label(f"not{k}")

    def each(self, bounds: Sequence[str], body: Callable[..., None]) -> None:
        """Write a body of indices inside of loops."""
        self.code.loops(bounds, lambda index: body(*index))

    def rows(self, pointer: str, like: View, width: str) -> View:
        """Return a matrix in C order of a width that is known when it runs."""
        return View(pointer, like.dtype, (0, 0), (width, "1"))

    def at(self, x: View, i: str, j: str) -> str:
        """Return an element."""
        return self.code.load(x.dtype, self.code.address(x, [i, j]))

    def put(self, x: View, i: str, j: str, value: str) -> None:
        """Give an element a value."""
        self.code.store(x.dtype, self.code.address(x, [i, j]), value)

    def apply(self, name: str, x: View, one: str, other: str) -> str:
        """Write arithmetic on two elements."""
        return self.code.make(f"{name} {KINDS[x.dtype]} {one}, {other}")

    def copy(
        self, x: View, at: tuple[str, str], size: tuple[str, str], room: str
    ) -> View:
        """Copy a part of a matrix to memory in C order."""
        to = self.rows(room, x, size[1])

        def body(i: str, j: str) -> None:
            value = self.at(x, self.plus(at[0], i), self.plus(at[1], j))
            self.put(to, i, j, value)

        self.each(size, body)
        return to

    def parts(
        self, x: View, at: tuple[str, str], y: View, places: tuple[str, str],
        out: str, sizes: tuple[str, str, str],
    ) -> View:  # fmt: skip
        """Multiply parts of matrices in rows (see `Products`), from places on."""
        code, (m, k, n) = self.code, sizes
        first, second = code.address(x, at), code.address(y, places)
        leads = ", ".join(f"i64 {code.strides(z)[0]}" for z in (x, y))
        symbol = self.products.define("parts", x.dtype, "CC")
        given = f"ptr {first}, ptr {second}, ptr {out}, i64 {m}, i64 {k}, i64 {n}"
        code.line(f"call void {symbol}({given}, {leads})\n")
        return self.rows(out, x, n)

    def product(
        self, x: View, y: str, out: str, sizes: tuple[str, str, str], layouts: str
    ) -> View:
        """Multiply matrices of sizes that are known when it runs."""
        m, k, n = sizes
        symbol = self.products.define("mm", x.dtype, layouts)
        given = f"ptr {x.pointer}, ptr {y}, ptr {out}, i64 {m}, i64 {k}, i64 {n}"
        self.code.line(f"call void {symbol}({given})\n")
        return self.rows(out, x, n)
