"""Hold the code of one function over arrays while it is written, and its arrays.

Variables live in memory of their own, which LLVM's passes turn into registers. What is
needed everywhere (sizes, memory for arrays) is computed in the function's first block.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, NamedTuple

from overbar.codegen.machine.arrays_rooms import ALIGNED, Rooms
from overbar.codegen.machine.arrays_sizes import Sizes
from overbar.codegen.machine.instructions import KINDS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from overbar.codegen.machine.forms import Form, Forms
    from overbar.ir.types import Extent

CELLS = {**KINDS, "bool": "i8"}
"""LLVM's type of an element in memory, of each dtype."""
BYTES = {"float64": 8, "float32": 4, "int64": 8, "bool": 1}
LARGEST_LOCAL = 4096
"""Bytes of an array of known size up to which it is on the stack."""
LARGEST_STACK = 65536
"""Bytes of all such arrays."""


class View(NamedTuple):
    """Say where an array lies.

    strides: the distance of elements along each axis, None where they are in C order;
    turned: it is a matrix in C order, looked at with its axes swapped.
    """

    pointer: str
    dtype: str
    shape: tuple[Extent, ...]
    strides: tuple[str, ...] | None = None
    turned: bool = False

    @property
    def layout(self) -> str:
        """Numba's letter for the layout."""
        return "C" if self.strides is None else "F" if self.turned else "A"


class Code:
    """Collect the lines of one function."""

    def __init__(self, forms: Forms) -> None:
        self.forms = forms
        self.entry: list[str] = []
        self.block = "body"
        self.rooms = Rooms()
        self.sizes = Sizes(self.sized)
        self.refusals: dict[str, None] = {}
        self._lines: list[str | list[str]] = []
        self._count = itertools.count()
        self._variables: dict[tuple[str, str], str] = {}
        self._stack = 0

    # -- lines -----------------------------------------------------------------------

    def number(self) -> int:
        """Return a number that no other name has."""
        return next(self._count)

    def line(self, text: str) -> None:
        """Write a line."""
        self._lines.append(text)

    def first(self, text: str) -> str:
        """Write a line of the first block, and return the name of its value."""
        name = f"%e{next(self._count)}"
        self.entry.append(f"{name} = {text}\n")
        return name

    def sized(self, text: str) -> str:
        """Write a line of the first block that computes a size."""
        name = self.first(text)
        self.rooms.sizing.append(self.entry[-1])
        return name

    def make(self, text: str) -> str:
        """Write an instruction, and return the name of its value."""
        name = f"%t{next(self._count)}"
        self._lines.append(f"{name} = {text}\n")
        return name

    def apply(self, form: Form, operands: Sequence[str]) -> str:
        """Write an op, and return the name of its value."""
        if not form.template:
            return operands[0]
        number = next(self._count)
        self._lines.append(form.template.format(*operands, n=number))
        return f"%v{number}"

    def converted(self, text: str, source: str, target: str) -> str:
        """Return a value in another dtype."""
        if source == target:
            return text
        return self.apply(self.forms.cast(source, target), [text])

    def label(self, name: str) -> None:
        """Begin a block."""
        self._lines.append(f"{name}:\n")
        self.block = name

    def jump(self, name: str) -> None:
        """End a block by a jump."""
        self._lines.append(f"br label %{name}\n")

    def fork(self, test: str, yes: str, no: str) -> None:
        """End a block by a jump that depends on a condition."""
        self._lines.append(f"br i1 {test}, label %{yes}, label %{no}\n")

    def later(self) -> list[str]:
        """Return a place for lines that are known later."""
        place: list[str] = []
        self._lines.append(place)
        return place

    def conversion_in(
        self, place: list[str], text: str, source: str, target: str
    ) -> str:
        """Convert a value in lines that were left for later."""
        lines, self._lines = self._lines, []
        found = self.converted(text, source, target)
        place += [line for line in self._lines if isinstance(line, str)]
        self._lines = lines
        return found

    def refuse(self, test: str, why: str) -> None:
        """Leave the function where a condition holds."""
        self.refusals[why] = None
        after = f"fits{next(self._count)}"
        self.fork(test, f"refused.{why}", after)
        self.label(after)

    def text(self) -> str:
        """Return the lines after the first block."""
        parts = ([x] if isinstance(x, str) else x for x in self._lines)
        return "".join(line for part in parts for line in part)

    # -- variables -------------------------------------------------------------------

    def variable(self, name: str, dtype: str) -> str:
        """Return where a variable lies."""
        place = self._variables.get((name, dtype))
        if place is None:
            place = f"%m{len(self._variables)}"
            self._variables[name, dtype] = place
            self.entry.append(f"{place} = alloca {KINDS[dtype]}\n")
        return place

    def get(self, name: str, dtype: str) -> str:
        """Return a variable's value."""
        return self.make(f"load {KINDS[dtype]}, ptr {self.variable(name, dtype)}")

    def put(self, name: str, dtype: str, value: str) -> None:
        """Give a variable a value."""
        place = self.variable(name, dtype)
        self.line(f"store {KINDS[dtype]} {value}, ptr {place}\n")

    # -- memory ----------------------------------------------------------------------

    def room(self, dtype: str, shape: Sequence[Extent]) -> str:
        """Return memory for an array, which lasts as long as the call."""
        count = 1
        for extent in shape:
            count = count * extent if isinstance(extent, int) else 0
        known = all(isinstance(extent, int) for extent in shape)
        size = count * BYTES[dtype]
        if known and size <= LARGEST_LOCAL and self._stack + size <= LARGEST_STACK:
            self._stack += size + ALIGNED
            kind = f"[{max(count, 1)} x {CELLS[dtype]}]"
            return self.first(f"alloca {kind}, align {ALIGNED}")
        product = self.sizes.product(shape)
        return self.rooms.add(self.sized(f"mul i64 {product}, {BYTES[dtype]}"))

    def begun(self) -> str:
        """Return the first block."""
        return "".join([*self.entry, "br label %body\n"])

    # -- arrays ----------------------------------------------------------------------

    def strides(self, view: View) -> tuple[str, ...]:
        """Return the distances of elements along the axes."""
        if view.strides is not None:
            return view.strides
        rank = len(view.shape)
        return tuple(self.sizes.product(view.shape[k + 1 :]) for k in range(rank))

    def address(self, view: View, index: Sequence[str]) -> str:
        """Return where an element lies, or what the first axes' indices leave."""
        if not index:
            return view.pointer
        strides = self.strides(view)
        total = ""
        for place, stride in zip(index, strides, strict=False):
            term = place
            if stride != "1":
                term = self.make(f"mul nsw i64 {place}, {stride}")
            total = self.make(f"add nsw i64 {total}, {term}") if total else term
        kind = CELLS[view.dtype]
        return self.make(
            f"getelementptr inbounds {kind}, ptr {view.pointer}, i64 {total}"
        )

    def load(self, dtype: str, address: str) -> str:
        """Return the element at an address."""
        value = self.make(f"load {CELLS[dtype]}, ptr {address}, align {BYTES[dtype]}")
        return self.make(f"icmp ne i8 {value}, 0") if dtype == "bool" else value

    def store(self, dtype: str, address: str, value: str) -> None:
        """Put a value at an address."""
        if dtype == "bool":
            value = self.make(f"zext i1 {value} to i8")
        kind, align = CELLS[dtype], BYTES[dtype]
        self.line(f"store {kind} {value}, ptr {address}, align {align}\n")

    def loops(
        self, bounds: Sequence[str], body: Callable[[Sequence[str]], None]
    ) -> None:
        """Write a body inside of loops, the indices from 0 up to bounds."""
        index: list[str] = []
        ends: list[tuple[int, str]] = []
        for bound in bounds:
            number = next(self._count)
            self.open(number, f"loop {number}", "0", bound)
            index.append(self.get(f"loop {number}", "int64"))
            ends.append((number, f"loop {number}"))
        body(index)
        for number, name in ends[::-1]:
            self.close(number, name, "1")

    def open(self, number: int, name: str, start: str, stop: str) -> None:
        """Begin a loop over a variable."""
        self.put(name, "int64", start)
        self.jump(f"test{number}")
        self.label(f"test{number}")
        test = self.make(f"icmp slt i64 {self.get(name, 'int64')}, {stop}")
        self.fork(test, f"turn{number}", f"done{number}")
        self.label(f"turn{number}")

    def close(self, number: int, name: str, step: str) -> None:
        """End a loop over a variable."""
        value = self.get(name, "int64")
        self.put(name, "int64", self.make(f"add nuw nsw i64 {value}, {step}"))
        self.jump(f"test{number}")
        self.label(f"done{number}")

    def fill(self, pointer: str, dtype: str, count: str, value: str) -> None:
        """Put the same value in all elements; the text of zero is known."""
        if value in {"0", "false", "0x0000000000000000"}:
            size = self.make(f"mul i64 {count}, {BYTES[dtype]}")
            given = f"ptr align {BYTES[dtype]} {pointer}, i8 0, i64 {size}, i1 false"
            self.line(f"call void @llvm.memset.p0.i64({given})\n")
            return
        view = View(pointer, dtype, (0,))
        self.loops([count], lambda at: self.store(dtype, self.address(view, at), value))

    def copied(self, view: View, pointer: str) -> None:
        """Copy an array to memory in C order."""
        to = View(pointer, view.dtype, view.shape)

        def body(index: Sequence[str]) -> None:
            value = self.load(view.dtype, self.address(view, index))
            self.store(view.dtype, self.address(to, index), value)

        self.loops([self.sizes.size(e) for e in view.shape], body)

    def in_order(self, view: View) -> View:
        """Return the same array in C order."""
        if view.strides is None:
            return view
        pointer = self.room(view.dtype, view.shape)
        self.copied(view, pointer)
        return View(pointer, view.dtype, view.shape)
