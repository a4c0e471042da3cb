"""Say how LLVM computes one op: templates of lines for operands of given types.

Comes in: an op of the table, its attributes, the types of its operands. Goes out: a
`Form`, whose template takes operands and a number that makes its variables unique.
Types follow what the generated Python does under Numba: a helper's result is a double
even in a float32 formula, until it is assigned.

With lanes every value is a vector, one number a lane; conditions are vectors of i1.
"""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING, Any, NamedTuple

from overbar.codegen.machine.portable import Functions
from overbar.ir.errors import UnsupportedError
from overbar.ir.ops.row import Notation

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from overbar.ir.ops import Op

KINDS = {"float64": "double", "float32": "float", "int64": "i64", "bool": "i1"}
"""LLVM's name of each dtype."""
_WIDTH = {"bool": 0, "int64": 1, "float32": 2, "float64": 3}
_SAME = {"fadd": "add", "fsub": "sub", "fmul": "mul"}
"""Instructions of floats, and those of integers."""
_INTRINSICS = {"sqrt", "fabs", "floor", "ceil", "trunc", "rint", "exp", "exp2", "log",
               "log2", "log10", "sin", "cos", "pow"}  # fmt: skip
"""What Numba leaves to LLVM's intrinsics; everything else is libm's by name."""
_SINGLE = {"sqrt", "fabs", "floor", "ceil", "trunc", "rint"}
"""Instructions of the processor, in lanes too."""


class Form(NamedTuple):
    """Hold the lines of an op: `{n}` is its number, `{0}`, `{1}` its operands."""

    template: str
    dtype: str


class Forms:
    """Make the forms of one module, and collect what they declare.

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
        self._forms: dict[tuple[Any, ...], Form] = {}

    def kind(self, dtype: str) -> str:
        """Return LLVM's type of a value."""
        return f"<{self.lanes} x {KINDS[dtype]}>" if self.lanes > 1 else KINDS[dtype]

    def constant(self, value: float, dtype: str) -> str:
        """Return a constant, the same in all lanes."""
        text = literal(value, dtype)
        return f"splat ({KINDS[dtype]} {text})" if self.lanes > 1 else text

    def form(self, op: Op, attrs: tuple[Any, ...], dtypes: tuple[str, ...]) -> Form:
        """Return how to compute an op of operands of these dtypes."""
        key = (op, attrs, dtypes)
        found = self._forms.get(key)
        if found is None:
            found = self._forms[key] = self._made(op, attrs, dtypes)
        return found

    def text(self) -> str:
        """Return the declarations and definitions that the forms need."""
        parts = [*self.functions.declarations(), *self.declared]
        return "\n".join([*dict.fromkeys(parts), *self.functions.definitions(),
                          *self.defined.values()])  # fmt: skip

    # -- ops -------------------------------------------------------------------------

    def _made(self, op: Op, attrs: tuple[Any, ...], dtypes: tuple[str, ...]) -> Form:
        if op.helper is not None and isinstance(op.python, Notation):
            return self._helper(op.helper, op.python, attrs, dtypes)
        name = op.llvm
        if callable(name):
            return self._call(name, [f"{{{i}}}" for i in range(len(dtypes))], dtypes)
        if name == "same":
            return Form("", dtypes[0])
        if name == "cast":
            return self.cast(dtypes[0], attrs[0])
        if name is None:
            message = f"expected an op that machine code knows, found {op.name}"
            raise UnsupportedError(message)
        special = _SPECIAL.get(name)
        if special is not None:
            return special(self, name, attrs, dtypes)
        if name.startswith("fcmp"):
            return self._compare(name, dtypes)
        if name in _ARITHMETIC:
            return self._arithmetic(name, dtypes)
        return self._function(name, dtypes)

    def _arithmetic(self, name: str, dtypes: tuple[str, ...]) -> Form:
        dtype = _widest(dtypes)
        if dtype in {"bool", "int64"} and name == "fdiv":
            dtype = "float64"
        dtype = "int64" if dtype == "bool" else dtype
        head, given = self._converted(dtypes, dtype)
        if dtype == "int64":
            name = _SAME[name]
        return Form(f"{head}%v{{n}} = {name} {self.kind(dtype)} {', '.join(given)}\n",
                    dtype)  # fmt: skip

    def _negative(self, _: str, __: Any, dtypes: tuple[str, ...]) -> Form:
        dtype = "int64" if dtypes[0] == "bool" else dtypes[0]
        head, (x,) = self._converted(dtypes, dtype)
        kind = self.kind(dtype)
        if dtype == "int64":
            zero = self.constant(0, dtype)
            return Form(f"{head}%v{{n}} = sub {kind} {zero}, {x}\n", dtype)
        return Form(f"{head}%v{{n}} = fneg {kind} {x}\n", dtype)

    def _compare(self, name: str, dtypes: tuple[str, ...]) -> Form:
        dtype = _widest(dtypes)
        if dtype == "bool":
            dtype = "int64"
        head, given = self._converted(dtypes, dtype)
        if dtype == "int64":
            test = name.removeprefix("fcmp ")[1:]
            name = f"icmp {test if test in {'eq', 'ne'} else 's' + test}"
        return Form(f"{head}%v{{n}} = {name} {self.kind(dtype)} {', '.join(given)}\n",
                    "bool")  # fmt: skip

    def _logic(self, name: str, _: Any, dtypes: tuple[str, ...]) -> Form:
        head, given = self._converted(dtypes, "bool")
        given += [self.constant(1, "bool")] * (len(given) == 1)
        kind = self.kind("bool")
        return Form(f"{head}%v{{n}} = {name} {kind} {', '.join(given)}\n", "bool")

    def _select(self, _: str, __: Any, dtypes: tuple[str, ...]) -> Form:
        dtype = _widest(dtypes[1:])
        head, (_, x, y) = self._converted(dtypes, dtype, first=1)
        test, (c,) = self._converted(dtypes[:1], "bool")
        kind = self.kind(dtype)
        line = f"%v{{n}} = select {self.kind('bool')} {c}, {kind} {x}, {kind} {y}\n"
        return Form(test + head + line, dtype)

    def _extremum(self, name: str, _: Any, dtypes: tuple[str, ...]) -> Form:
        """Return the larger or smaller of numbers, pair by pair; the first of equals.

        NaN if one is: the first number is taken where it is NaN itself.
        """
        dtype = _widest(dtypes)
        dtype = "int64" if dtype == "bool" else dtype
        text, given = self._converted(dtypes, dtype)
        kind, test = self.kind(dtype), self.kind("bool")
        sign = "ge" if name == "maximum" else "le"
        whole, last = given[0], len(given) - 1
        for i, x in enumerate(given[1:], 1):
            out = "%v{n}" if i == last else f"%v{{n}}.m{i}"
            if dtype == "int64":
                text += f"%v{{n}}.c{i} = icmp s{sign} {kind} {whole}, {x}\n"
            else:
                text += (
                    f"%v{{n}}.a{i} = fcmp o{sign} {kind} {whole}, {x}\n"
                    f"%v{{n}}.b{i} = fcmp uno {kind} {whole}, {whole}\n"
                    f"%v{{n}}.c{i} = or {test} %v{{n}}.a{i}, %v{{n}}.b{i}\n"
                )
            text += (
                f"{out} = select {test} %v{{n}}.c{i}, {kind} {whole}, {kind} {x}\n"
            )
            whole = out
        return Form(text, dtype)

    def _absolute(self, _: str, __: Any, dtypes: tuple[str, ...]) -> Form:
        if dtypes[0] not in {"int64", "bool"}:
            return self._function("fabs", dtypes)
        head, (x,) = self._converted(dtypes, "int64")
        symbol = f"llvm.abs.{self._suffix('int64')}"
        kind = self.kind("int64")
        self.declared[f"declare {kind} @{symbol}({kind}, i1)"] = None
        line = f"%v{{n}} = call {kind} @{symbol}({kind} {x}, i1 false)\n"
        return Form(head + line, "int64")

    def _function(self, name: str, dtypes: tuple[str, ...]) -> Form:
        """Return a call of an intrinsic, or of a function of libm's."""
        dtype = _widest(dtypes)
        dtype = dtype if dtype == "float32" else "float64"
        head, given = self._converted(dtypes, dtype)
        symbol, kind = self.elementary(name, dtype, len(given)), self.kind(dtype)
        operands = ", ".join(f"{kind} {x}" for x in given)
        return Form(f"{head}%v{{n}} = call {kind} {symbol}({operands})\n", dtype)

    def _helper(
        self,
        helper: Callable[..., Any],
        written: Notation,
        attrs: tuple[Any, ...],
        dtypes: tuple[str, ...],
    ) -> Form:
        """Return a call of a portable function, its operands as Python writes them."""
        names = {f"{{{i}}}": d for i, d in enumerate(dtypes)}
        order = list(names)
        if not written.fold:
            inside = written.template.partition("(")[2]
            order = re.findall(r"\{\w+\}", inside)
            order = [n for o in order for n in (names if o == "{args}" else [o])]
        operands: list[str] = []
        given: list[str] = []
        for place in order:
            if place == "{a}":
                operands += [_literal_text(a) for a in attrs]
                given += [_dtype_of(a) for a in attrs]
            else:
                operands.append(place)
                given.append(names[place])
        if not written.fold or len(given) == 2:
            return self._call(helper, operands, tuple(given))
        text, whole, dtype = "", operands[0], given[0]
        for i, (x, d) in enumerate(zip(operands[1:], given[1:], strict=True), 1):
            step = self._call(helper, [whole, x], (dtype, d))
            whole, dtype = f"%v{{n}}.f{i}", step.dtype
            out = "%v{n}" if i == len(given) - 1 else whole
            text += step.template.replace("%v{n} = ", f"{out} = ")
        return Form(text, dtype)

    def _call(
        self,
        function: Callable[..., Any],
        operands: Sequence[str],
        dtypes: tuple[str, ...],
    ) -> Form:
        """Return a call of a Python function that is translated."""
        symbol, dtype = self.functions.use(function, dtypes)
        given = ", ".join(
            f"{self.kind(d)} {self._spread(x, d)}"
            for x, d in zip(operands, dtypes, strict=True)
        )
        return Form(f"%v{{n}} = call {self.kind(dtype)} {symbol}({given})\n", dtype)

    def _spread(self, operand: str, dtype: str) -> str:
        if operand.startswith(("{", "%")):
            return operand
        return f"splat ({KINDS[dtype]} {operand})" if self.lanes > 1 else operand

    # -- conversions -----------------------------------------------------------------

    def cast(self, source: str, target: str) -> Form:
        """Return the conversion of a value to another dtype, as NumPy does it."""
        head, (x,) = self._converted((source,), target)
        if not head:
            return Form("", target)
        last = head.rindex(x)
        return Form(head[:last] + "%v{n}" + head[last + len(x) :], target)

    def _converted(
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
        instruction = {
            ("bool", "int64"): "zext", ("bool", "float32"): "uitofp",
            ("bool", "float64"): "uitofp", ("int64", "float32"): "sitofp",
            ("int64", "float64"): "sitofp", ("float32", "float64"): "fpext",
            ("float64", "float32"): "fptrunc", ("float64", "int64"): "fptosi",
            ("float32", "int64"): "fptosi",
        }[source, target]  # fmt: skip
        return f"{out} = {instruction} {kinds[0]} {x} to {kinds[1]}\n"

    # -- elementary functions ----------------------------------------------------------

    def elementary(self, name: str, dtype: str, arity: int) -> str:
        """Return the symbol of a function of libm's or LLVM's, and declare it."""
        suffix = self._suffix(dtype)
        if self.lanes == 1 or name in _SINGLE:
            symbol = f"@llvm.{name}.{suffix}" if name in _INTRINSICS else (
                f"@{name}{'f' * (dtype == 'float32')}"
            )  # fmt: skip
            return self._declare(symbol, self.kind(dtype), arity)
        symbol = self.vector(name, dtype, arity) if self.vector else None
        if symbol is not None:
            return self._declare(f"@{symbol}", self.kind(dtype), arity)
        return self._by_lane(name, dtype, arity)

    def _declare(self, symbol: str, kind: str, arity: int) -> str:
        kinds = ", ".join([kind] * arity)
        pure = "" if symbol.startswith("@llvm.") else " nounwind willreturn memory(none)"
        self.declared[f"declare {kind} {symbol}({kinds}){pure}"] = None
        return symbol

    def _suffix(self, dtype: str) -> str:
        short = {"float64": "f64", "float32": "f32", "int64": "i64"}[dtype]
        return f"v{self.lanes}{short}" if self.lanes > 1 else short

    def _by_lane(self, name: str, dtype: str, arity: int) -> str:
        """Return the symbol of a function that calls another for each lane."""
        single = KINDS[dtype]
        one = f"@llvm.{name}.{'f64' if dtype == 'float64' else 'f32'}"
        one = one if name in _INTRINSICS else f"@{name}{'f' * (dtype == 'float32')}"
        self._declare(one, single, arity)
        symbol = f'@"overbar.each.{name}.{self._suffix(dtype)}"'
        if symbol not in self.defined:
            self.defined[symbol] = _each_lane(symbol, one, single, self.lanes, arity)
        return symbol


def _each_lane(symbol: str, one: str, single: str, lanes: int, arity: int) -> str:
    """Return the definition of a function over vectors that calls one lane by lane."""
    kind = f"<{lanes} x {single}>"
    places = [chr(ord("a") + i) for i in range(arity)]
    lines = [
        f"define internal {kind} {symbol}("
        + ", ".join(f"{kind} %{p}" for p in places)
        + ") {"
    ]
    whole = "poison"
    for k in range(lanes):
        lines += [f"%{p}{k} = extractelement {kind} %{p}, i32 {k}" for p in places]
        given = ", ".join(f"{single} %{p}{k}" for p in places)
        lines += [
            f"%r{k} = call {single} {one}({given})",
            f"%w{k} = insertelement {kind} {whole}, {single} %r{k}, i32 {k}",
        ]
        whole = f"%w{k}"
    return "\n".join([*lines, f"ret {kind} {whole}", "}"])


def _widest(dtypes: Sequence[str]) -> str:
    """Return the dtype of a result; an integer with a float32 makes a float64."""
    found = max(dtypes, key=_WIDTH.__getitem__)
    return "float64" if found == "float32" and "int64" in dtypes else found


def literal(value: float, dtype: str) -> str:
    """Return a number as LLVM writes it, floats by their bits."""
    if dtype == "bool":
        return "true" if value else "false"
    if dtype == "int64":
        return str(int(value))
    if dtype == "float32":
        value = struct.unpack("<f", struct.pack("<f", value))[0]
    return f"0x{struct.unpack('<Q', struct.pack('<d', value))[0]:016X}"


def _dtype_of(value: Any) -> str:
    return {bool: "bool", int: "int64"}.get(type(value), "float64")


def _literal_text(value: Any) -> str:
    return literal(value, _dtype_of(value))


_ARITHMETIC = {"fadd", "fsub", "fmul", "fdiv"}
_SPECIAL: Mapping[str, Any] = {
    "fneg": Forms._negative,  # noqa: SLF001
    "and": Forms._logic,  # noqa: SLF001
    "or": Forms._logic,  # noqa: SLF001
    "xor": Forms._logic,  # noqa: SLF001
    "select": Forms._select,  # noqa: SLF001
    "maximum": Forms._extremum,  # noqa: SLF001
    "minimum": Forms._extremum,  # noqa: SLF001
    "fabs": Forms._absolute,  # noqa: SLF001
}
