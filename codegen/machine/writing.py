"""Write arithmetic of vectors of doubles: fused operations, polynomials, tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from overbar.codegen.machine.instructions import Instructions, Value, literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class Doubles(Instructions):
    """Collect instructions, and the declarations that they need."""

    def __init__(self, lanes: int) -> None:
        super().__init__(lanes)
        self.declared: dict[str, None] = {}

    def number(self, text: str | float) -> Value:
        """Return a constant."""
        value = float.fromhex(text) if isinstance(text, str) else text
        return self.constant(value, "float64")

    def intrinsic(self, name: str, *xs: Value) -> Value:
        """Call an intrinsic of LLVM's."""
        kind, symbol = self.kind("float64"), f"@llvm.{name}.v{self.lanes}f64"
        given = ", ".join([kind] * len(xs))
        self.declared[f"declare {kind} {symbol}({given})"] = None
        return self.call(symbol, xs, "float64")

    def fma(self, x: Value, y: Value, z: Value) -> Value:
        """Return x*y + z, rounded once."""
        return self.intrinsic("fma", x, y, z)

    def avx512(self, name: str, x: Value, *more: str) -> Value:
        """Call an instruction on one vector."""
        kind, symbol = self.kind("float64"), f"@llvm.x86.avx512.mask.{name}.pd.512"
        first = [f"{kind} {x.text}", *more, f"{kind} {x.text}", "i8 -1", "i32 4"]
        kinds = ", ".join(f.rsplit(" ", 1)[0] for f in first)
        self.declared[f"declare {kind} {symbol}({kinds})"] = None
        return self.make(f"call {kind} {symbol}({', '.join(first)})", "float64")

    def reciprocal(self, x: Value) -> Value:
        """Return 1/x to 14 binary digits."""
        kind, symbol = self.kind("float64"), "@llvm.x86.avx512.rcp14.pd.512"
        self.declared[f"declare {kind} {symbol}({kind}, {kind}, i8)"] = None
        given = f"{kind} {x.text}, {kind} {x.text}, i8 -1"
        return self.make(f"call {kind} {symbol}({given})", "float64")

    def looked_up(self, table: Sequence[float], places: Value) -> Value:
        """Return entries of a table of 16, by the last bits of doubles."""
        kind, symbol = self.kind("float64"), "@llvm.x86.avx512.vpermi2var.pd.512"
        whole = self.kind("int64")
        self.declared[f"declare {kind} {symbol}({kind}, {whole}, {kind})"] = None
        halves = [
            ", ".join(f"double {literal(v, 'float64')}" for v in half)
            for half in (table[:8], table[8:])
        ]
        given = (
            f"{kind} <{halves[0]}>, {whole} {self.bits(places).text}, "
            f"{kind} <{halves[1]}>"
        )
        return self.make(f"call {kind} {symbol}({given})", "float64")

    def less(self, n: Value, parts: Iterable[str], x: Value) -> Value:
        """Return x - n*(the sum of parts)."""
        minus = self.operate("fneg", n)
        for part in parts:
            x = self.fma(minus, self.number(part), x)
        return x

    def polynomial(self, x: Value, terms: Sequence[str | float]) -> Value:
        """Return a polynomial, as two in x**2: so half as many steps wait in turn."""
        square = self.operate("fmul", x, x)
        halves = []
        for half in (terms[::2], terms[1::2]):
            whole = self.number(half[-1])
            for term in half[-2::-1]:
                whole = self.fma(whole, square, self.number(term))
            halves.append(whole)
        return self.fma(halves[1], x, halves[0])

    def bits(self, value: Value) -> Value:
        """Return the bits of doubles."""
        cast = f"bitcast {self.kind('float64')} {value.text} to {self.kind('int64')}"
        return self.make(cast, "int64")

    def doubles(self, value: Value) -> Value:
        """Return the doubles that have these bits."""
        cast = f"bitcast {self.kind('int64')} {value.text} to {self.kind('float64')}"
        return self.make(cast, "float64")

    def compare(self, test: str, x: Value, y: Value) -> Value:
        """Compare doubles."""
        return self.operate(f"fcmp {test}", x, y, dtype="bool")
