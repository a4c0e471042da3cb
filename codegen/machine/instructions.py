"""Hold the instructions of one function of LLVM's while they are written.

Values are numbers, or with lanes vectors of numbers. Code is in static single
assignment form: where paths meet, values are chosen by the edge that was taken, and
what one edge still has to convert is put into it later.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Sequence

KINDS = {"float64": "double", "float32": "float", "int64": "i64", "bool": "i1"}
"""LLVM's name of each dtype."""
SHORT = {"float64": "f64", "float32": "f32", "int64": "i64", "bool": "i1"}
"""The same in names of functions."""
FLOATS = frozenset({"float64", "float32"})
CASTS = {
    ("float32", "float64"): "fpext", ("float64", "float32"): "fptrunc",
    ("int64", "float64"): "sitofp", ("int64", "float32"): "sitofp",
    ("bool", "float64"): "uitofp", ("bool", "float32"): "uitofp",
    ("float64", "int64"): "fptosi", ("float32", "int64"): "fptosi",
    ("bool", "int64"): "zext",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Value:
    """Hold a value: its text, its dtype, and the number where it is a literal."""

    text: str
    dtype: str
    number: float | None = None


Term: TypeAlias = "Value | tuple[Value, ...]"
MIXED = ("one kind of value", "a number or a tuple, or tuples of other lengths")


class Edge(NamedTuple):
    """Hold an edge between blocks: where it starts, and code that runs before."""

    block: str
    code: list[str]


class UnfitError(ValueError):
    """Say what was expected of a function that is translated, and what was found."""

    def __init__(self, expected: str, found: str) -> None:
        super().__init__(f"expected {expected}, found {found}")
        self.expected = expected
        self.found = found


def joined(first: str, second: str) -> str:
    """Return the dtype of a variable that is now of this dtype, now of that."""
    if first == second:
        return first
    if "bool" in {first, second}:
        raise UnfitError("one type", f"{first} or {second}")
    return "float64"


def literal(number: float, dtype: str) -> str:
    """Return a number as LLVM writes it, floats by their bits."""
    if dtype == "bool":
        return "true" if number else "false"
    if dtype == "int64":
        return str(int(number))
    if dtype == "float32":
        number = struct.unpack("<f", struct.pack("<f", number))[0]
    return f"0x{struct.unpack('<Q', struct.pack('<d', number))[0]:016X}"


def kind_of(dtype: str, lanes: int) -> str:
    """Return LLVM's type of a value."""
    return f"<{lanes} x {KINDS[dtype]}>" if lanes > 1 else KINDS[dtype]


class Instructions:
    """Write instructions, each with a name of its own.

    flags: fast-math flags for arithmetic, with a space at the end.
    """

    def __init__(self, lanes: int = 1, flags: str = "") -> None:
        self.lanes = lanes
        self.flags = flags
        self.block = ".b0"
        self._lines: list[str | list[str]] = [".b0:"]
        self._into: list[str] | None = None
        self._count = 0

    def text(self) -> str:
        """Return all lines."""
        parts = [[x] if isinstance(x, str) else x for x in self._lines]
        return "\n".join(line for part in parts for line in part)

    def mark(self) -> tuple[int, int, str]:
        """Return a place to go back to."""
        return len(self._lines), self._count, self.block

    def reset(self, mark: tuple[int, int, str]) -> None:
        """Forget what was written since; values' names are given again."""
        length, self._count, self.block = mark
        del self._lines[length:]

    # -- values ------------------------------------------------------------------------

    def kind(self, dtype: str) -> str:
        """Return LLVM's type of a value."""
        return kind_of(dtype, self.lanes)

    def constant(self, number: float, dtype: str) -> Value:
        """Return a number, the same in all lanes."""
        text = literal(number, dtype)
        if self.lanes > 1:
            text = f"splat ({KINDS[dtype]} {text})"
        return Value(text, dtype, number)

    def line(self, text: str) -> None:
        """Write a line."""
        (self._lines if self._into is None else self._into).append(text)

    def make(self, instruction: str, dtype: str) -> Value:
        """Write an instruction whose result is of a dtype."""
        self._count += 1
        value = Value(f"%.{self._count}", dtype)
        self.line(f"{value.text} = {instruction}")
        return value

    def compute(self, name: str, *operands: Value) -> Value:
        """Apply an instruction of floats, with the flags."""
        return self.operate(f"{name} {self.flags}".rstrip(), *operands)

    def test(self, name: str, *operands: Value) -> Value:
        """Apply a comparison."""
        return self.operate(name, *operands, dtype="bool")

    def operate(self, name: str, *operands: Value, dtype: str | None = None) -> Value:
        """Apply an instruction to operands of one dtype."""
        given = ", ".join(x.text for x in operands)
        kind = self.kind(operands[0].dtype)
        return self.make(f"{name} {kind} {given}", dtype or operands[0].dtype)

    def select(self, condition: Value, yes: Value, no: Value) -> Value:
        """Return one of two values of one dtype."""
        if yes.text == no.text:
            return yes
        kind = self.kind(yes.dtype)
        test = f"{self.kind('bool')} {condition.text}"
        return self.make(
            f"select {test}, {kind} {yes.text}, {kind} {no.text}", yes.dtype
        )

    def both(self, first: Value, second: Value) -> Value:
        """Return whether both hold; undefined values of the second do not matter."""
        if first.number:
            return second
        return self.select(first, second, self.constant(0, "bool"))

    def either(self, first: Value, second: Value) -> Value:
        """Return whether one holds; undefined values of the second do not matter."""
        return self.select(first, self.constant(1, "bool"), second)

    def negated(self, condition: Value) -> Value:
        """Return whether a condition does not hold."""
        return self.operate("xor", condition, self.constant(1, "bool"))

    def cast(self, value: Value, dtype: str) -> Value:
        """Convert a value, as C does."""
        if value.dtype == dtype:
            return value
        if value.number is not None and dtype == "float64":
            return self.constant(float(value.number), dtype)
        if dtype == "bool":
            raise UnfitError("a condition", value.dtype)
        name = CASTS[value.dtype, dtype]
        kinds = self.kind(value.dtype), self.kind(dtype)
        return self.make(f"{name} {kinds[0]} {value.text} to {kinds[1]}", dtype)

    def call(self, symbol: str, operands: Sequence[Value], dtype: str) -> Value:
        """Call a function whose result is a number."""
        given = ", ".join(f"{self.kind(x.dtype)} {x.text}" for x in operands)
        return self.make(f"call {self.kind(dtype)} {symbol}({given})", dtype)

    # -- paths -------------------------------------------------------------------------

    def label(self) -> str:
        """Return a name for a block."""
        self._count += 1
        return f".b{self._count}"

    def start(self, label: str) -> None:
        """Start a block."""
        self.block = label
        self.line(f"{label}:")

    def jump(self, label: str) -> Edge:
        """End a block by a jump."""
        return self._leave(f"br label %{label}")

    def fork(self, condition: Value, yes: str, no: str) -> Edge:
        """End a block by a jump that depends on a condition."""
        return self._leave(f"br i1 {condition.text}, label %{yes}, label %{no}")

    def _leave(self, line: str) -> Edge:
        code: list[str] = []
        self._lines += [code, line]
        return Edge(self.block, code)

    def place(self) -> list[str]:
        """Return a place for lines that are known later."""
        code: list[str] = []
        self._lines.append(code)
        return code

    def fresh(self, dtype: str) -> Value:
        """Return a name for a value that is known later."""
        self._count += 1
        return Value(f"%.{self._count}", dtype)

    def meet(self, edges: Sequence[Edge], terms: Sequence[Term]) -> Term:
        """Return, at the start of a block, the value that came over an edge."""
        first = terms[0]
        if isinstance(first, Value):
            values = [t for t in terms if isinstance(t, Value)]
            if len(values) != len(terms):
                raise UnfitError(*MIXED)
            if len({(v.text, v.dtype) for v in values}) == 1:
                return first
            dtype = first.dtype
            for value in values:
                dtype = joined(dtype, value.dtype)
            return self.make(self.choice(edges, values, dtype), dtype)
        rows = [t for t in terms if isinstance(t, tuple) and len(t) == len(first)]
        if len(rows) != len(terms):
            raise UnfitError(*MIXED)
        found = [self.meet(edges, column) for column in zip(*rows, strict=True)]
        return tuple(v for v in found if isinstance(v, Value))

    def choice(self, edges: Sequence[Edge], values: Sequence[Value], dtype: str) -> str:
        """Return the instruction that takes a value by the edge, converted there."""
        pairs = []
        for edge, value in zip(edges, values, strict=True):
            self._into = edge.code
            pairs.append(f"[ {self.cast(value, dtype).text}, %{edge.block} ]")
            self._into = None
        return f"phi {self.kind(dtype)} {', '.join(pairs)}"
