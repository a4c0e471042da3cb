"""Write the loops of a batch: each point a lane of a vector.

Comes in: nodes, operands first. Goes out: lines that read vectors of columns, compute,
and write vectors; apart from these what is the same at all points.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from overbar.codegen.machine import inlined_near
from overbar.codegen.machine.body import Body
from overbar.codegen.machine.instructions import KINDS
from overbar.codegen.machine.ordinary import is_division
from overbar.codegen.machine.target import features

if TYPE_CHECKING:
    from collections.abc import Sequence

    from overbar.codegen.machine.forms import Forms
    from overbar.codegen.machine.making import Wanted
    from overbar.codegen.machine.ordinary import Ordinary
    from overbar.ir.graph import Node

BYTES = {"float64": 8, "float32": 4, "int64": 8, "bool": 1}
"""Of a number in a column."""


class Lanes(Body):
    """Collect the lines of a loop over vectors; what is the same everywhere, before.

    same: which inputs are one number for all points.
    """

    def __init__(
        self, inputs: Sequence[Node], same: Sequence[bool], forms: Forms
    ) -> None:
        super().__init__(inputs, forms)
        self.same = same
        self.before: list[str] = []

    def load(self, name: str, dtype: str, base: str, slot: int) -> str:
        """Read a vector of a column, or a number into all lanes."""
        place, lanes = f"{name}.p", self.forms.lanes
        self.before += _column(name, base, slot)
        if self.same[slot]:
            self.before += [*_read(f"{name}.x", f"{name}.c", dtype, 1),
                            *_spread(name, f"{name}.x", dtype, lanes)]  # fmt: skip
            return name
        kind = "i8" if dtype == "bool" else KINDS[dtype]
        self.lines += [
            f"{place} = getelementptr {kind}, ptr {name}.c, i64 %at\n",
            *_read(name, place, dtype, lanes),
        ]
        return name

    def store(self, value: str, dtype: str, base: str, slot: int) -> None:
        """Write a vector to a column."""
        name, lanes = f"%{base}{slot}", self.forms.lanes
        kind = KINDS[dtype]
        self.before += _column(name, base, slot)
        self.lines += [
            f"{name}.p = getelementptr {kind}, ptr {name}.c, i64 %at\n",
            f"store <{lanes} x {kind}> {value}, ptr {name}.p, align {BYTES[dtype]}\n",
        ]

    def write(self, wanted: Wanted, real: str) -> None:
        """Compute what is wanted, and write the results as numbers of a dtype."""
        given = dict(zip(wanted.inputs, self.same, strict=True))
        alike = {n for n in wanted.nodes if not n.args and given.get(n, True)}
        later = []
        for node in (n for n in wanted.nodes if n.args):
            if all(a in alike for a in node.args):
                alike.add(node)
                self.apply(node, node.index)
            else:
                later.append(node)
        self.before, self.lines = self.before + self.lines, []
        for node in later:
            self.apply(node, node.index)
        for i, node in enumerate(wanted.results):
            self.store(self.converted(node, real, f".r{i}"), real, "out", i)


class OtherLanes(Lanes):
    """Write results in those lanes alone that `%right` does not name."""

    def store(self, value: str, dtype: str, base: str, slot: int) -> None:
        """Write some lanes of a vector to a column."""
        kind, test = self.forms.kind(dtype), self.forms.kind("bool")
        name = f"%{base}{slot}"
        old = f"{name}.old"
        place = f"getelementptr {KINDS[dtype]}, ptr {name}.c, i64 %at"
        self.lines += [
            f"{old}.p = {place}\n{old} = load {kind}, ptr {old}.p, align 8\n",
            f"{name}.new = select {test} %right, {kind} {old}, {kind} {value}\n",
        ]
        super().store(f"{name}.new", dtype, base, slot)


class OrdinaryLanes(Lanes):
    """Write the shorter way, and find the lanes in which it is right."""

    def __init__(self, ordinary: Ordinary, same: Sequence[bool], forms: Forms) -> None:
        super().__init__(ordinary.wanted.inputs, same, forms)
        self.ordinary = ordinary
        self._divisors = ordinary.divisors if features().get("fma") else frozenset()
        self.tests: list[str] = []
        self._finite: list[str] = []
        self._sizes: dict[Node, float] = {}
        self._reciprocals: dict[Node, str] = {}
        self._called = {
            (n.op.llvm, n.args[0])
            for n in ordinary.wanted.nodes
            if len(n.args) == 1 and isinstance(n.op.llvm, str)
        }

    def apply(self, node: Node, number: object) -> None:
        """Compute a node whose operands are known."""
        if is_division(node) and node.args[1] in self._divisors:
            self._divide(node, number)
        elif self._near(node):
            self._call(node, number)
        else:
            super().apply(node, number)

    def write(self, wanted: Wanted, real: str) -> None:
        """Compute, write results, and say in `%right` which lanes are right."""
        super().write(wanted, real)
        kind, test = self.forms.kind("float64"), self.forms.kind("bool")
        for i, (node, size) in enumerate(self._sizes.items()):
            symbol = self.forms.elementary("fabs", "float64", 1)
            limit = self.forms.constant(size, "float64")
            self.lines += [
                f"%.s{i} = call {kind} {symbol}({kind} {self.value(node)})\n",
                f"%.t{i} = fcmp ole {kind} %.s{i}, {limit}\n",
            ]
            self.tests.append(f"%.t{i}")
        self.tests += [self.value(n) for n in self.ordinary.conditions]
        finite = self._finite
        for i in range(0, len(finite), 2):
            pair = f"{finite[i]}, {finite[min(i + 1, len(finite) - 1)]}"
            self.lines.append(f"%.f{i} = fcmp ord {kind} {pair}\n")
            self.tests.append(f"%.f{i}")
        whole = self.forms.constant(1, "bool")
        for i, text in enumerate(self.tests, 1 - len(self.tests)):
            out = f"%.o{-i}" if i else "%right"
            self.lines.append(f"{out} = and {test} {whole}, {text}\n")
            whole = out

    def _near(self, node: Node) -> bool:
        name, lanes = node.op.llvm, self.forms.lanes
        return (
            isinstance(name, str)
            and inlined_near.available(name, lanes)
            and self.dtypes.get(node.args[0], node.args[0].type.dtype) == "float64"
        )

    def _call(self, node: Node, number: object) -> None:
        """Call a function for numbers that are not large."""
        name, x = str(node.op.llvm), node.args[0]
        other, paired = inlined_near.PAIRS.get(name, ("", ""))
        if (other, x) in self._called:
            name = paired
        declared, symbol, text = inlined_near.definition(name, self.forms.lanes)
        self.forms.declared |= dict.fromkeys(declared)
        self.forms.defined[symbol] = text
        size = inlined_near.largest(name)
        self._sizes[x] = min(size, self._sizes.get(x, size))
        kind, given = self.forms.kind("float64"), self.value(x)
        self.lines.append(f"%v{number} = call {kind} {symbol}({kind} {given})\n")
        self._known(node, number)

    def _divide(self, node: Node, number: object) -> None:
        """Multiply by a reciprocal y, and correct: with q = x*y add (x - q*b)*y to q.

        That is the quotient, rounded as a division rounds but for one in many (P.
        Markstein 1990), and NaN where it or y is too large for a double.
        """
        kind, (x, b) = self.forms.kind("float64"), map(self.value, node.args)
        y = self._reciprocals.get(node.args[1])
        if y is None:
            y = self._reciprocals[node.args[1]] = f"%y{node.args[1].index}"
            one = self.forms.constant(1.0, "float64")
            self.lines.append(f"{y} = fdiv {kind} {one}, {b}\n")
        if node.args[0].is_const and node.args[0].value == 1.0:
            self.texts[node], self.dtypes[node] = y, "float64"
            return
        suffix = self.forms.suffix("float64")
        fma = self.forms.declare(f"@llvm.fma.{suffix}", kind, 3)
        sign = self.forms.declare(f"@llvm.copysign.{suffix}", kind, 2)
        q, v = f"%q{number}", f"%v{number}"
        self.lines += [
            f"{q} = fmul {kind} {x}, {y}\n",
            f"{q}.m = fneg {kind} {q}\n",
            f"{q}.r = call {kind} {fma}({kind} {q}.m, {kind} {b}, {kind} {x})\n",
            f"{q}.s = call {kind} {fma}({kind} {q}.r, {kind} {y}, {kind} {q})\n",
            f"{v} = call {kind} {sign}({kind} {q}.s, {kind} {q})\n",
        ]
        self._finite.append(v)
        self._known(node, number)

    def _known(self, node: Node, number: object) -> None:
        self.texts[node], self.dtypes[node] = f"%v{number}", "float64"


def _column(name: str, base: str, slot: int) -> list[str]:
    """Return lines that find where a column is."""
    return [
        f"{name}.t = getelementptr ptr, ptr %{base}s, i64 {slot}\n",
        f"{name}.c = load ptr, ptr {name}.t\n",
    ]


def _read(name: str, place: str, dtype: str, lanes: int) -> list[str]:
    """Return lines that read a vector, or a number."""
    size = BYTES[dtype]
    kind = "i8" if dtype == "bool" else KINDS[dtype]
    if lanes > 1:
        kind = f"<{lanes} x {kind}>"
    if dtype != "bool":
        return [f"{name} = load {kind}, ptr {place}, align {min(size, 8)}\n"]
    return [f"{name}.b = load {kind}, ptr {place}, align 1\n",
            f"{name} = icmp ne {kind} {name}.b, zeroinitializer\n"]  # fmt: skip


def _spread(name: str, x: str, dtype: str, lanes: int) -> list[str]:
    """Return lines that put a number into all lanes."""
    kind = f"<{lanes} x {KINDS[dtype]}>"
    order = f"<{lanes} x i32> zeroinitializer"
    return [
        f"{name}.i = insertelement {kind} poison, {KINDS[dtype]} {x}, i64 0\n",
        f"{name} = shufflevector {kind} {name}.i, {kind} poison, {order}\n",
    ]
