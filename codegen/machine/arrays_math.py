"""Pair elementary functions with those over vectors that LLVM's vectoriser then uses.

It is done as in `codegen/vectormath.py`: a call tells LLVM the vector version of what
it calls, and the scalar version calls that one with the same number in every lane.
Vector versions are a library's, or written into the module (see `inlined`): once loops
are in vectors, these are put in place of their calls.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from overbar.codegen.machine import inlined, libraries, vectors
from overbar.codegen.machine.forms import Form, Forms, _widest
from overbar.codegen.machine.instructions import KINDS, SHORT
from overbar.ir.ops import OPS
from overbar.ir.ops.row import Notation

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from overbar.ir.ops import Op

_CALL = re.compile(r"call (double|float) (@[\w.]+)\((.*)\)$", re.MULTILINE)
_PURE = "nounwind willreturn memory(none)"
WIDE = "#1"
"""The attributes of functions whose loops are in vectors as wide as there are."""
_ATTRIBUTES = (
    f'attributes #0 = {{ {_PURE} "min-legal-vector-width"="512" }}\n'
    'attributes #1 = { "min-legal-vector-width"="512" "prefer-vector-width"="512" }'
)


class _Pair(NamedTuple):
    """Say which vector version a function has.

    symbol: of a library's function; inside: the name of a function that is written
    into the module instead, empty where there is none.
    """

    symbol: str
    kind: str
    lanes: int
    arity: int
    inside: str

    @property
    def called(self) -> str:
        """The symbol of what is called."""
        return f"overbar.inside.{self.inside}" if self.inside else self.symbol

    @property
    def single(self) -> str:
        """The symbol of the scalar version."""
        return f"overbar.one.{self.symbol}"


@cache
def _pairs() -> Mapping[str, _Pair]:
    """Return vector versions by the symbols of the scalar ones."""
    doubles = vectors.lanes()
    found: dict[str, _Pair] = {}
    for op in OPS.values():
        name = op.vector
        if name is None or not isinstance(op.python, Notation):
            continue
        if not re.fullmatch(r"(math|np)\.(\w+)\(.*", op.python.template):
            continue
        arity = op.arity or 1
        for dtype, lanes in (("float64", doubles), ("float32", 2 * doubles)):
            symbol = libraries.symbol(name, lanes, arity, dtype)
            if symbol is None:
                continue
            written = dtype == "float64" and inlined.available(name, lanes)
            pair = _Pair(symbol, KINDS[dtype], lanes, arity, name if written else "")
            end = "f" if dtype == "float32" else ""
            found[f"@{name}{end}"] = pair
            found[f"@llvm.{name}.{SHORT[dtype]}"] = pair
    return found


def vectorised(text: str) -> str:
    """Return a module whose calls of elementary functions have vector versions."""
    pairs, used = _pairs(), dict[_Pair, None]()

    def paired(match: re.Match[str]) -> str:
        kind, symbol, given = match.groups()
        pair = pairs.get(symbol)
        if pair is None:
            return match[0]
        used[pair] = None
        v = "v" * pair.arity
        variant = f"_ZGV_LLVM_N{pair.lanes}{v}_{pair.single}({pair.called})"
        return (
            f'call {kind} @"{pair.single}"({given}) '
            f'"vector-function-abi-variant"="{variant}"'
        )

    text = _CALL.sub(paired, text)
    return "\n".join(
        [text, _vector_versions(used), *map(_single, used), _ATTRIBUTES, ""]
    )


def _vector_versions(pairs: Iterable[_Pair]) -> str:
    """Return declarations and definitions, and what keeps these until they are used."""
    declared, defined = dict[str, None](), dict[str, None]()
    inside = [pair for pair in pairs if pair.inside]
    for pair in pairs:
        if not pair.inside:
            vector = f"<{pair.lanes} x {pair.kind}>"
            given = ", ".join([vector] * pair.arity)
            declared[f"declare {vector} @{pair.symbol}({given}) {_PURE}"] = None
    for pair in inside:
        more, texts = inlined.definition(
            pair.inside, pair.called, pair.lanes, pair.symbol
        )
        declared |= dict.fromkeys(more)
        defined |= dict.fromkeys(texts)
    if inside:
        kept = ", ".join(f"ptr @{pair.called}" for pair in inside)
        defined[
            f"@llvm.compiler.used = appending global [{len(inside)} x ptr] [{kept}], "
            'section "llvm.metadata"'
        ] = None
    return "\n".join([*declared, *defined])


def _single(pair: _Pair) -> str:
    """Return the scalar version, which calls the vector version."""
    vector = f"<{pair.lanes} x {pair.kind}>"
    zeros = f"<{pair.lanes} x i32> zeroinitializer"
    lines = []
    for i in range(pair.arity):
        lines += [
            f"%a{i} = insertelement {vector} poison, {pair.kind} %x{i}, i64 0",
            f"%b{i} = shufflevector {vector} %a{i}, {vector} poison, {zeros}",
        ]
    given = ", ".join(f"{vector} %b{i}" for i in range(pair.arity))
    head = ", ".join(f"{pair.kind} %x{i}" for i in range(pair.arity))
    body = "\n".join(lines)
    return (
        f'define linkonce_odr {pair.kind} @"{pair.single}"({head}) noinline {_PURE} '
        f"{{\n{body}\n%y = call {vector} @{pair.called}({given})\n"
        f"%z = extractelement {vector} %y, i64 0\nret {pair.kind} %z\n}}"
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
