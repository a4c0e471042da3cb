"""Compute running sums and products along an axis, in the order of the helpers.

Both walk an array as one of three axes, and keep what has been gathered in double.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from overbar.codegen.machine.arrays_code import View
from overbar.ir.ops.shapes import product

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from overbar.codegen.machine.arrays_code import Code

_WIDE = "float64"


class Running:
    """Write loops over the lines of an array along an axis."""

    def __init__(self, code: Code) -> None:
        self.code = code

    def sums(self, x: View, out: str, axis: int, *, backwards: bool) -> None:
        """Put the sums of all elements up to each, or from each on."""
        code, (x, to, length) = self.code, self._three(x, out, axis)
        total = f"total {code.number()}"

        def line(at: Callable[[str], Sequence[str]]) -> None:
            code.put(total, _WIDE, code.forms.constant(0.0, _WIDE))

            def step(place: str) -> None:
                found = self._wide(x, at(place))
                found = code.make(f"fadd double {code.get(total, _WIDE)}, {found}")
                code.put(total, _WIDE, found)
                self._store(to, at(place), found)

            self._walk(length, step, backwards=backwards)

        self._lines(x, line)

    def others(self, x: View, out: str, axis: int) -> None:
        """Put products of all others: of those before, times those after."""
        code, (x, to, length) = self.code, self._three(x, out, axis)
        room = code.room(_WIDE, (x.shape[1],))
        before = View(room, _WIDE, (x.shape[1],))
        gathered = f"product {code.number()}"

        def line(at: Callable[[str], Sequence[str]]) -> None:
            one = code.forms.constant(1.0, _WIDE)
            code.put(gathered, _WIDE, one)

            def ahead(place: str) -> None:
                old = code.get(gathered, _WIDE)
                code.store(_WIDE, code.address(before, [place]), old)
                self._multiply(gathered, self._wide(x, at(place)))

            self._walk(length, ahead, backwards=False)
            code.put(gathered, _WIDE, one)

            def back(place: str) -> None:
                first = code.load(_WIDE, code.address(before, [place]))
                found = code.make(f"fmul double {first}, {code.get(gathered, _WIDE)}")
                zero = code.forms.constant(0.0, _WIDE)  # the sum of one begins with 0
                found = code.make(f"fadd double {zero}, {found}")
                self._store(to, at(place), found)
                self._multiply(gathered, self._wide(x, at(place)))

            self._walk(length, back, backwards=True)

        self._lines(x, line)

    def _multiply(self, name: str, factor: str) -> None:
        old = self.code.get(name, _WIDE)
        self.code.put(name, _WIDE, self.code.make(f"fmul double {old}, {factor}"))

    def _three(self, x: View, out: str, axis: int) -> tuple[View, View, str]:
        """Return both arrays with three axes, and the size of the middle one."""
        shape = x.shape
        three = (product(shape[:axis]), shape[axis], product(shape[axis + 1 :]))
        x = self.code.in_order(x)._replace(shape=three)
        return x, View(out, x.dtype, three), self.code.sizes.size(three[1])

    def _lines(
        self, x: View, line: Callable[[Callable[[str], Sequence[str]]], None]
    ) -> None:
        size = self.code.sizes.size

        def body(index: Sequence[str]) -> None:
            line(lambda place: [index[0], place, index[1]])

        self.code.loops([size(x.shape[0]), size(x.shape[2])], body)

    def _walk(
        self, length: str, step: Callable[[str], None], *, backwards: bool
    ) -> None:
        def body(index: Sequence[str]) -> None:
            (place,) = index
            if backwards:
                last = self.code.make(f"sub nsw i64 {length}, 1")
                place = self.code.make(f"sub nsw i64 {last}, {place}")
            step(place)

        self.code.loops([length], body)

    def _wide(self, x: View, index: Sequence[str]) -> str:
        value = self.code.load(x.dtype, self.code.address(x, index))
        return self.code.converted(value, x.dtype, _WIDE)

    def _store(self, to: View, index: Sequence[str], value: str) -> None:
        text = self.code.converted(value, _WIDE, to.dtype)
        self.code.store(to.dtype, self.code.address(to, index), text)
