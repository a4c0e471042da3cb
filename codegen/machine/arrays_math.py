"""Pair elementary functions with those over vectors that LLVM's vectoriser then uses.

It is done as in `codegen/vectormath.py`: a call tells LLVM the vector version of what
it calls, and the scalar version calls that one with the same number in every lane.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from overbar.codegen.machine import libraries
from overbar.codegen.machine.forms import Form, Forms, _widest
from overbar.codegen.machine.instructions import KINDS, SHORT
from overbar.codegen.machine.target import features
from overbar.ir.ops import OPS
from overbar.ir.ops.row import Notation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from overbar.ir.ops import Op

_CALL = re.compile(r"call (double|float) (@[\w.]+)\((.*)\)$", re.MULTILINE)
_PURE = "nounwind willreturn memory(none)"


class _Pair(NamedTuple):
    """Say which vector version a function has."""

    symbol: str
    kind: str
    lanes: int
    arity: int


@cache
def _pairs() -> Mapping[str, _Pair]:
    """Return vector versions by the symbols of the scalar ones."""
    wide = features().get("avx2") and features().get("fma")
    doubles = 4 if wide else 2
    found: dict[str, _Pair] = {}
    for op in OPS.values():
        if op.vector is None or not isinstance(op.python, Notation):
            continue
        if not re.fullmatch(r"(math|np)\.(\w+)\(.*", op.python.template):
            continue
        arity = op.arity or 1
        for dtype, lanes in (("float64", doubles), ("float32", 2 * doubles)):
            symbol = libraries.symbol(op.vector, lanes, arity, dtype)
            if symbol is None:
                continue
            pair = _Pair(symbol, KINDS[dtype], lanes, arity)
            end = "f" if dtype == "float32" else ""
            found[f"@{op.vector}{end}"] = pair
            found[f"@llvm.{op.vector}.{SHORT[dtype]}"] = pair
    return found


def vectorised(text: str) -> str:
    """Return a module whose calls of elementary functions have vector versions."""
    pairs, used = _pairs(), dict[str, _Pair]()

    def paired(match: re.Match[str]) -> str:
        kind, symbol, given = match.groups()
        pair = pairs.get(symbol)
        if pair is None:
            return match[0]
        used[pair.symbol] = pair
        own = f"overbar.{pair.symbol}"
        variant = f"_ZGV_LLVM_N{pair.lanes}{'v' * pair.arity}_{own}({pair.symbol})"
        return (
            f'call {kind} @"{own}"({given}) "vector-function-abi-variant"="{variant}"'
        )

    text = _CALL.sub(paired, text)
    return "\n".join([text, *map(_definition, used.values()), ""])


def _definition(pair: _Pair) -> str:
    """Return a vector version's declaration, and the scalar version that calls it."""
    symbol, kind, lanes, arity = pair
    vector = f"<{lanes} x {kind}>"
    zeros = f"<{lanes} x i32> zeroinitializer"
    lines = []
    for i in range(arity):
        lines += [
            f"%a{i} = insertelement {vector} poison, {kind} %x{i}, i64 0",
            f"%b{i} = shufflevector {vector} %a{i}, {vector} poison, {zeros}",
        ]
    given = ", ".join(f"{vector} %b{i}" for i in range(arity))
    head = ", ".join(f"{kind} %x{i}" for i in range(arity))
    body = "\n".join(lines)
    return (
        f"declare {vector} @{symbol}({', '.join([vector] * arity)}) {_PURE}\n"
        f'define linkonce_odr {kind} @"overbar.{symbol}"({head}) noinline {_PURE} {{\n'
        f"{body}\n%y = call {vector} @{symbol}({given})\n"
        f"%z = extractelement {vector} %y, i64 0\nret {kind} %z\n}}"
    )


class VectorForms(Forms):
    """Make forms for loops: the larger of two numbers is an intrinsic of LLVM's."""

    def _made(self, op: Op, attrs: tuple[Any, ...], dtypes: tuple[str, ...]) -> Form:
        dtype = _widest(dtypes)
        if op.llvm not in {"maximum", "minimum"} or dtype in {"bool", "int64"}:
            return super()._made(op, attrs, dtypes)
        text, given = self.converted(dtypes, dtype)
        kind, symbol = self.kind(dtype), f"@llvm.{op.llvm}.{self.suffix(dtype)}"
        self.declared[f"declare {kind} {symbol}({kind}, {kind})"] = None
        whole, last = given[0], len(given) - 1
        for i, x in enumerate(given[1:], 1):
            out = "%v{n}" if i == last else f"%v{{n}}.m{i}"
            text += f"{out} = call {kind} {symbol}({kind} {whole}, {kind} {x})\n"
            whole = out
        return Form(text, dtype)
