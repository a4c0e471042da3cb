"""Declare the functions that code calls, and convert values between dtypes.

Comes in: names of libm's functions, dtypes. Goes out: symbols, and lines that convert.
What a module has to declare or define is collected on the way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from overbar.codegen.machine.elementary import scalar_symbol
from overbar.codegen.machine.instructions import (
    CASTS,
    KINDS,
    SHORT,
    kind_of,
    literal,
)
from overbar.codegen.machine.lanewise import each_lane
from overbar.codegen.machine.portable import Functions

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_PROCESSOR = {"sqrt", "fabs", "floor", "ceil", "trunc", "rint"}
"""Instructions of the processor, in lanes too."""
_PURE = " nounwind willreturn memory(none)"


class Terms:
    """Know what a module declares and defines.

    lanes: how many numbers a value is, 1 or the lanes of a vector.
    vector: `(libm name, dtype, arity) -> symbol`, a function over vectors, None
        where there is none: it is then called lane by lane.
    """

    def __init__(
        self,
        lanes: int = 1,
        vector: Callable[[str, str, int], str | None] | None = None,
    ) -> None:
        self.lanes = lanes
        self.vector = vector
        self.declared: dict[str, None] = {}
        self.defined: dict[str, str] = {}
        self.functions = Functions(lanes, self.elementary)

    def kind(self, dtype: str) -> str:
        """Return LLVM's type of a value."""
        return kind_of(dtype, self.lanes)

    def constant(self, value: float, dtype: str) -> str:
        """Return a constant, the same in all lanes."""
        text = literal(value, dtype)
        return f"splat ({KINDS[dtype]} {text})" if self.lanes > 1 else text

    def text(self) -> str:
        """Return the declarations and definitions that are needed."""
        known = [*self.functions.declarations(), *self.declared]
        made = [*self.functions.definitions(), *self.defined.values()]
        return "\n".join([*dict.fromkeys(known), *made])

    def converted(
        self, dtypes: Sequence[str], dtype: str, first: int = 0
    ) -> tuple[str, list[str]]:
        """Return lines that convert operands to a dtype, and the operands after."""
        text, given = "", []
        for i, source in enumerate(dtypes):
            place = f"{{{i}}}"
            if source == dtype or i < first:
                given.append(place)
                continue
            text += self._conversion(f"%v{{n}}.k{i}", place, source, dtype)
            given.append(f"%v{{n}}.k{i}")
        return text, given

    def _conversion(self, out: str, x: str, source: str, target: str) -> str:
        kinds = self.kind(source), self.kind(target)
        if target == "bool":
            zero = self.constant(0, source)
            test = "icmp ne" if source == "int64" else "fcmp une"
            return f"{out} = {test} {kinds[0]} {x}, {zero}\n"
        instruction = CASTS[source, target]
        return f"{out} = {instruction} {kinds[0]} {x} to {kinds[1]}\n"

    # -- elementary functions ----------------------------------------------------------

    def elementary(self, name: str, dtype: str, arity: int) -> str:
        """Return the symbol of a function of libm's or LLVM's, and declare it."""
        if name in _PROCESSOR:
            symbol = f"@llvm.{name}.{self.suffix(dtype)}"
            return self.declare(symbol, self.kind(dtype), arity)
        one = scalar_symbol(name, dtype)
        if self.lanes == 1:
            return self.declare(one, KINDS[dtype], arity)
        found = self.vector(name, dtype, arity) if self.vector else None
        if found in self.defined:
            return f"@{found}"
        if found is not None:
            return self.declare(f"@{found}", self.kind(dtype), arity)
        self.declare(one, KINDS[dtype], arity)
        symbol = f'@"overbar.each.{name}.{self.suffix(dtype)}"'
        self.defined[symbol] = each_lane(
            symbol, one, [dtype] * arity, dtype, self.lanes
        )
        return symbol

    def declare(self, symbol: str, kind: str, arity: int) -> str:
        """Declare a function of so many values of one type, and return its symbol."""
        kinds = ", ".join([kind] * arity)
        pure = "" if symbol.startswith("@llvm.") else _PURE
        self.declared[f"declare {kind} {symbol}({kinds}){pure}"] = None
        return symbol

    def suffix(self, dtype: str) -> str:
        """Return what ends the name of a function of a dtype."""
        return f"v{self.lanes}{SHORT[dtype]}" if self.lanes > 1 else SHORT[dtype]
