"""Make the machine code of one entry point over columns of numbers.

Comes in: nodes, what is given and what is wanted. Goes out: `void points(ptr in, ptr
steps, ptr out, i64 start, i64 stop)`, which computes some of the points: `in` and `out`
are tables of columns, `steps` the bytes from one number of an input to the next.

Points are computed in vectors, one a lane, by straight code: of a `select` both sides,
of which each lane takes one. Points that do not fill a vector go through the same code
as all others, so that a point's results depend on its own numbers alone.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from string import Template
from typing import TYPE_CHECKING

from overbar.codegen.machine import inlined
from overbar.codegen.machine.body import Body
from overbar.codegen.machine.forms import Forms
from overbar.codegen.machine.instructions import KINDS
from overbar.codegen.machine.target import assemble
from overbar.ir.errors import UnsupportedError
from overbar.ir.types import F32

if TYPE_CHECKING:
    from collections.abc import Sequence

    from overbar.codegen.machine.making import Wanted
    from overbar.codegen.machine.vectors import Vectors
    from overbar.ir.graph import Node

BYTES = {"float64": 8, "float32": 4, "int64": 8, "bool": 1}
"""Of a number in a column."""
LONGEST = 20_000
"""Ops of a program; one of more takes too much of the stack."""
LARGEST_QUICK = 4_000
"""Ops up to which registers are given out with care."""
LARGEST_SPACE = 2**16
"""Bytes of the stack for columns that are copied."""
MOST_POINTS = 256
"""Points between two looks at where columns are."""
_NO_BRANCH = re.compile(r" nounwind \{\n((?:(?!br |%x0\.0 = extract|\}).*\n)*\})")
_INLINED = r" alwaysinline #0 {\n\1"
"""Functions over vectors are put in place of their calls, those by lane are not."""
_WIDE = (
    'attributes #0 = { nounwind "min-legal-vector-width"="512" '
    '"prefer-vector-width"="512" }'
)


class _Columns(Body):
    """Collect the lines of a loop over vectors; what is the same everywhere, before."""

    def __init__(
        self, inputs: Sequence[Node], same: Sequence[bool], forms: Forms
    ) -> None:
        super().__init__(inputs, forms)
        self.same = same
        self.before: list[str] = []

    def load(self, name: str, dtype: str, base: str, slot: int) -> str:
        """Read a vector of a column, or a number into all lanes."""
        place, lanes = f"{name}.p", self.forms.lanes
        self.before += [
            f"{name}.t = getelementptr ptr, ptr %{base}s, i64 {slot}\n",
            f"{name}.c = load ptr, ptr {name}.t\n",
        ]
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
        self.before += [
            f"{name}.t = getelementptr ptr, ptr %{base}s, i64 {slot}\n",
            f"{name}.c = load ptr, ptr {name}.t\n",
        ]
        self.lines += [
            f"{name}.p = getelementptr {kind}, ptr {name}.c, i64 %at\n",
            f"store <{lanes} x {kind}> {value}, ptr {name}.p, align {BYTES[dtype]}\n",
        ]


class _Functions:
    """Collect the elementary functions that a module calls, or has inside.

    called: the symbols of libmvec's.
    """

    def __init__(self, vectors: Vectors) -> None:
        self.vectors = vectors
        self.called: dict[str, None] = {}
        self._inside: dict[str, tuple[str, str]] = {}

    def symbol(self, name: str, dtype: str, arity: int) -> str | None:
        """Return the symbol of a function of libm's over vectors, None if none."""
        library = self.vectors.symbol(name, dtype, arity)
        if library is None:
            return None
        if dtype != "float64" or not inlined.available(name, self.vectors.lanes):
            self.called[library] = None
            return library
        own = f"overbar.{name}.inside"
        self._inside[own] = name, library
        return own

    def text(self, forms: Forms) -> str:
        """Return declarations and definitions, those of the forms as well."""
        lanes = self.vectors.lanes
        lines = _NO_BRANCH.sub(_INLINED, forms.text()).split("\n")
        declared = [n for n in lines if n.startswith("declare ")]
        defined = [n for n in lines if not n.startswith("declare ")]
        for symbol, (name, library) in self._inside.items():
            more, text = inlined.definition(name, symbol, lanes, library)
            declared = [n for n in declared if f"@{symbol}(" not in n] + more
            defined += text
            if any(f"@{library}(" in line for line in more):
                self.called[library] = None
        return "\n".join([*dict.fromkeys(declared), *defined])


def _read(name: str, place: str, dtype: str, lanes: int) -> list[str]:
    """Return lines that read a vector, or a number."""
    size = BYTES[dtype]
    kind, test = ("i8", "i1") if dtype == "bool" else (KINDS[dtype], "")
    if lanes > 1:
        kind, test = f"<{lanes} x {kind}>", f"<{lanes} x {test}>"
    if dtype != "bool":
        return [f"{name} = load {kind}, ptr {place}, align {min(size, 8)}\n"]
    return [f"{name}.b = load {kind}, ptr {place}, align 1\n",
            f"{name} = trunc {kind} {name}.b to {test}\n"]  # fmt: skip


def _spread(name: str, x: str, dtype: str, lanes: int) -> list[str]:
    """Return lines that put a number into all lanes."""
    kind = f"<{lanes} x {KINDS[dtype]}>"
    order = f"<{lanes} x i32> zeroinitializer"
    return [
        f"{name}.i = insertelement {kind} poison, {KINDS[dtype]} {x}, i64 0\n",
        f"{name} = shufflevector {kind} {name}.i, {kind} poison, {order}\n",
    ]


def points_text(
    wanted: Wanted, same: Sequence[bool], real: str, vectors: Vectors
) -> tuple[str, list[str]]:
    """Return the text of `@points` for LLVM, and the vector functions that it calls.

    same: which inputs are one number for all points; real: the dtype of results.
    Raises UnsupportedError for an op that machine code does not know, and for programs
    that are too long.
    """
    if max(len(wanted.nodes), len(wanted.inputs) + len(wanted.results)) > LONGEST:
        message = f"expected at most {LONGEST} ops, found {len(wanted.nodes)}"
        raise UnsupportedError(message)
    if wanted.strict and any(n.type is F32 for n in wanted.nodes):
        message = "expected float64: where float32 is rounded, the source says"
        raise UnsupportedError(message)
    functions = _Functions(vectors)
    forms = Forms(vectors.lanes, functions.symbol)
    body = _Columns(wanted.inputs, same, forms)
    given = dict(zip(wanted.inputs, same, strict=True))
    alike = {n for n in wanted.nodes if not n.args and given.get(n, True)}
    later = []
    for node in (n for n in wanted.nodes if n.args):
        if all(a in alike for a in node.args):
            alike.add(node)
            body.apply(node, node.index)
        else:
            later.append(node)
    body.before, body.lines = body.before + body.lines, []
    for node in later:
        body.apply(node, node.index)
    for i, node in enumerate(wanted.results):
        body.store(body.converted(node, real, f".r{i}"), real, "out", i)
    chunk = _chunk(body, vectors.lanes)
    driver = _driver(wanted, same, real, vectors.lanes)
    text = f"{functions.text(forms)}\n{chunk}\n{driver}\n{_WIDE}\n"
    return text, list(functions.called)


def _chunk(body: _Columns, lanes: int) -> str:
    """Return the function that computes points in whole vectors, from columns."""
    return (
        "define internal void @chunk(ptr %ins, ptr %outs, i64 %count) noinline #0 {\n"
        f"begin:\n{''.join(body.before)}br label %loop\nloop:\n"
        "%at = phi i64 [ 0, %begin ], [ %next, %loop ]\n"
        f"{''.join(body.lines)}%next = add i64 %at, {lanes}\n"
        "%more = icmp slt i64 %next, %count\n"
        "br i1 %more, label %loop, label %end\nend:\nret void\n}"
    )


def _driver(wanted: Wanted, same: Sequence[bool], real: str, lanes: int) -> str:
    count = len(wanted.inputs)
    block = min(MOST_POINTS, LARGEST_SPACE // (8 * count)) // lanes * lanes
    sizes = [f"i64 {BYTES[n.type.dtype]}" for n in wanted.inputs]
    return _template().substitute(
        inputs=count,
        results=len(wanted.results),
        sizes=", ".join(sizes),
        same=", ".join(f"i1 {str(s).lower()}" for s in same),
        block=max(block, lanes),
        lanes=lanes,
        real=KINDS[real],
        width=BYTES[real],
    )


@cache
def _template() -> Template:
    text = files("overbar.codegen.machine").joinpath("points.ll").read_text("utf-8")
    return Template(text)


def points_code(text: str, length: int) -> bytes:
    """Return the object code of `points_text` for a program of some length."""
    return assemble(text, level=2 if length <= LARGEST_QUICK else 0, inline=True)
