"""Say how LLVM computes one op: templates of lines for operands of given types.

Comes in: an op of the table, its attributes, the types of its operands. Goes out: a
`Form`, whose template takes operands and a number that makes its variables unique.
Types follow what the generated Python does under Numba: a helper's result is a double
even in a float32 formula, until it is assigned.

With lanes every value is a vector, one number a lane; conditions are vectors of i1.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from overbar.codegen.machine.instructions import KINDS, literal
from overbar.codegen.machine.terms import Terms
from overbar.ir.errors import UnsupportedError
from overbar.ir.graph import Graph, Node
from overbar.ir.ops.row import Notation
from overbar.ir.types import DTYPES, F32, F64

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from overbar.ir.ops import Op

_WIDTH = {"bool": 0, "int64": 1, "float32": 2, "float64": 3}
_SAME = {"fadd": "add", "fsub": "sub", "fmul": "mul"}
"""Instructions of floats, and those of integers."""


class Form(NamedTuple):
    """Hold the lines of an op: `{n}` is its number, `{0}`, `{1}` its operands."""

    template: str
    dtype: str


class Forms(Terms):
    """Make the forms of one module (see `Terms`)."""

    def __init__(
        self,
        lanes: int = 1,
        vector: Callable[[str, str, int], str | None] | None = None,
    ) -> None:
        super().__init__(lanes, vector)
        self._forms: dict[tuple[Any, ...], Form] = {}

    def form(self, op: Op, attrs: tuple[Any, ...], dtypes: tuple[str, ...]) -> Form:
        """Return how to compute an op of operands of these dtypes."""
        key = (op, attrs, dtypes)
        found = self._forms.get(key)
        if found is None:
            found = self._forms[key] = self._made(op, attrs, dtypes)
        return found

    def cast(self, source: str, target: str) -> Form:
        """Return the conversion of a value to another dtype, as NumPy does it."""
        head, (x,) = self.converted((source,), target)
        if not head:
            return Form("", target)
        last = head.rindex(x)
        return Form(head[:last] + "%v{n}" + head[last + len(x) :], target)

    # -- ops -------------------------------------------------------------------------

    def _made(self, op: Op, attrs: tuple[Any, ...], dtypes: tuple[str, ...]) -> Form:
        if op.lower is not None:
            simpler = self._lowered(op, attrs, dtypes)
            if simpler is not None:
                return simpler
        if op.helper is not None and isinstance(op.python, Notation):
            return self._helper(op.helper, op.python, attrs, dtypes)
        name = op.llvm
        if callable(name):
            return self._call(name, [f"{{{i}}}" for i in range(len(dtypes))], dtypes)
        if name is None:
            message = f"expected an op that machine code knows, found {op.name}"
            raise UnsupportedError(message)
        form: Form = getattr(self, _WRITTEN.get(name, "_function"))(name, attrs, dtypes)
        return form

    def _lowered(
        self, op: Op, attrs: tuple[Any, ...], dtypes: tuple[str, ...]
    ) -> Form | None:
        """Return the simpler ops of an op's row, one after another; None if it stays.

        They are written over inputs of a graph of their own, where floats are of one
        type: what is wider in a float32 formula is so in its code alone.
        """
        real = F32 if "float32" in dtypes else F64
        graph = Graph(real=real)
        kinds = [real if DTYPES[d].is_float else DTYPES[d] for d in dtypes]
        inputs = [graph.input(f"x{i}", kind=kind) for i, kind in enumerate(kinds)]
        whole = graph.make(op, inputs, attrs)
        simpler = op.lower(whole, *whole.args) if op.lower else None
        if not isinstance(simpler, Node) or simpler is whole:
            return None
        texts = {n: f"{{{i}}}" for i, n in enumerate(inputs)}
        found = dict(zip(inputs, dtypes, strict=True))
        lines = ""
        for k, node in enumerate(graph.order([simpler])):
            if node in texts:
                continue
            if not node.args:
                found[node] = node.type.dtype
                texts[node] = self.constant(node.value, found[node])
                continue
            made = self.form(node.op, node.attrs, tuple(found[a] for a in node.args))
            own = "{n}" if node is simpler else f"{{n}}.l{k}"
            given = [texts[a] for a in node.args]
            lines += _filled(made.template, given, own)
            texts[node] = f"%v{own}" if made.template else given[0]
            found[node] = made.dtype
        return Form(lines, found[simpler])

    def _same(self, _: str, __: Any, dtypes: tuple[str, ...]) -> Form:
        return Form("", dtypes[0])

    def _cast(self, _: str, attrs: Any, dtypes: tuple[str, ...]) -> Form:
        return self.cast(dtypes[0], attrs[0])

    def _arithmetic(self, name: str, _: Any, dtypes: tuple[str, ...]) -> Form:
        dtype = _widest(dtypes)
        if dtype in {"bool", "int64"} and name == "fdiv":
            dtype = "float64"
        dtype = "int64" if dtype == "bool" else dtype
        head, given = self.converted(dtypes, dtype)
        if dtype == "int64":
            name = _SAME[name]
        return Form(f"{head}%v{{n}} = {name} {self.kind(dtype)} {', '.join(given)}\n",
                    dtype)  # fmt: skip

    def _negative(self, _: str, __: Any, dtypes: tuple[str, ...]) -> Form:
        dtype = "int64" if dtypes[0] == "bool" else dtypes[0]
        head, (x,) = self.converted(dtypes, dtype)
        kind = self.kind(dtype)
        if dtype == "int64":
            zero = self.constant(0, dtype)
            return Form(f"{head}%v{{n}} = sub {kind} {zero}, {x}\n", dtype)
        return Form(f"{head}%v{{n}} = fneg {kind} {x}\n", dtype)

    def _compare(self, name: str, _: Any, dtypes: tuple[str, ...]) -> Form:
        dtype = _widest(dtypes)
        if dtype == "bool":
            dtype = "int64"
        head, given = self.converted(dtypes, dtype)
        if dtype == "int64":
            test = name.removeprefix("fcmp ")[1:]
            name = f"icmp {test if test in {'eq', 'ne'} else 's' + test}"
        return Form(f"{head}%v{{n}} = {name} {self.kind(dtype)} {', '.join(given)}\n",
                    "bool")  # fmt: skip

    def _logic(self, name: str, _: Any, dtypes: tuple[str, ...]) -> Form:
        head, given = self.converted(dtypes, "bool")
        given += [self.constant(1, "bool")] * (len(given) == 1)
        kind = self.kind("bool")
        return Form(f"{head}%v{{n}} = {name} {kind} {', '.join(given)}\n", "bool")

    def _select(self, _: str, __: Any, dtypes: tuple[str, ...]) -> Form:
        dtype = _widest(dtypes[1:])
        head, (_, x, y) = self.converted(dtypes, dtype, first=1)
        test, (c,) = self.converted(dtypes[:1], "bool")
        kind = self.kind(dtype)
        line = f"%v{{n}} = select {self.kind('bool')} {c}, {kind} {x}, {kind} {y}\n"
        return Form(test + head + line, dtype)

    def _extremum(self, name: str, _: Any, dtypes: tuple[str, ...]) -> Form:
        """Return the larger or smaller of numbers, pair by pair; the first of equals.

        NaN if one is: the first number is taken where it is NaN itself.
        """
        dtype = _widest(dtypes)
        dtype = "int64" if dtype == "bool" else dtype
        text, given = self.converted(dtypes, dtype)
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
            text += f"{out} = select {test} %v{{n}}.c{i}, {kind} {whole}, {kind} {x}\n"
            whole = out
        return Form(text, dtype)

    def _absolute(self, _: str, __: Any, dtypes: tuple[str, ...]) -> Form:
        if dtypes[0] not in {"int64", "bool"}:
            return self._function("fabs", (), dtypes)
        head, (x,) = self.converted(dtypes, "int64")
        symbol = f"llvm.abs.{self.suffix('int64')}"
        kind = self.kind("int64")
        self.declared[f"declare {kind} @{symbol}({kind}, i1)"] = None
        line = f"%v{{n}} = call {kind} @{symbol}({kind} {x}, i1 false)\n"
        return Form(head + line, "int64")

    def _function(self, name: str, _: Any, dtypes: tuple[str, ...]) -> Form:
        """Return a call of an intrinsic, or of a function of libm's."""
        dtype = _widest(dtypes)
        dtype = dtype if dtype == "float32" else "float64"
        head, given = self.converted(dtypes, dtype)
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


def _filled(template: str, given: Sequence[str], own: str) -> str:
    """Return a template over other operands, which may be places of a template."""
    places = {"n": own, **{str(i): text for i, text in enumerate(given)}}
    return re.sub(r"\{(\w+)\}", lambda m: places[m[1]], template)


def _widest(dtypes: Sequence[str]) -> str:
    """Return the dtype of a result; an integer with a float32 makes a float64."""
    found = max(dtypes, key=_WIDTH.__getitem__)
    return "float64" if found == "float32" and "int64" in dtypes else found


def _dtype_of(value: Any) -> str:
    return {bool: "bool", int: "int64"}.get(type(value), "float64")


def _literal_text(value: Any) -> str:
    return literal(value, _dtype_of(value))


_WRITTEN = {
    "same": "_same",
    "cast": "_cast",
    "fneg": "_negative",
    "select": "_select",
    "fabs": "_absolute",
    **dict.fromkeys(("fadd", "fsub", "fmul", "fdiv"), "_arithmetic"),
    **dict.fromkeys(("and", "or", "xor"), "_logic"),
    **dict.fromkeys(("maximum", "minimum"), "_extremum"),
    **{f"fcmp {t}": "_compare" for t in ("olt", "ole", "ogt", "oge", "oeq", "une")},
}
"""The method that writes what a row's `llvm` names; the rest are functions."""
