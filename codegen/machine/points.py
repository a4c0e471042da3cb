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
from overbar.codegen.machine.forms import Forms
from overbar.codegen.machine.instructions import KINDS
from overbar.codegen.machine.lanes import BYTES, Lanes, OrdinaryLanes, OtherLanes
from overbar.codegen.machine.ordinary import ordinary
from overbar.codegen.machine.target import assemble, features
from overbar.ir.errors import UnsupportedError
from overbar.ir.types import F32

if TYPE_CHECKING:
    from collections.abc import Sequence

    from overbar.codegen.machine.making import Wanted
    from overbar.codegen.machine.vectors import Vectors

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


class _Functions:
    """Collect the elementary functions that a module calls, or has inside.

    called: the symbols of a library's.
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
    chunk = None if vectors.exact else _two_ways(wanted, same, real, forms)
    if chunk is None:
        body = Lanes(wanted.inputs, same, forms)
        body.write(wanted, real)
        chunk = _loop(body, "")
    driver = _driver(wanted, same, real, vectors.lanes)
    text = f"{functions.text(forms)}\n{chunk}\n{driver}\n{_WIDE}\n"
    return text, list(functions.called)


def _loop(body: Lanes, after: str) -> str:
    """Return the function that computes points in whole vectors, from columns."""
    return (
        "define internal void @chunk(ptr %ins, ptr %outs, i64 %count) noinline #0 {\n"
        f"begin:\n{''.join(body.before)}br label %loop\nloop:\n"
        "%at = phi i64 [ 0, %begin ], [ %next, %done ]\n"
        f"{''.join(body.lines)}{after}br label %done\ndone:\n"
        f"%next = add i64 %at, {body.forms.lanes}\n"
        "%more = icmp slt i64 %next, %count\n"
        "br i1 %more, label %loop, label %end\nend:\nret void\n}"
    )


def _two_ways(
    wanted: Wanted, same: Sequence[bool], real: str, forms: Forms
) -> str | None:
    """Return a loop that goes the shorter way, None where there is none.

    Where that is not right in all lanes the general way is gone as well, by a function
    that is hardly ever called, for the other lanes: none depends on its neighbours.
    """
    way = ordinary(wanted)
    if way is None:
        return None
    body = OrdinaryLanes(way, same, forms)
    body.write(way.wanted, real)
    if not body.tests:
        return None
    rest = OtherLanes(wanted.inputs, same, forms)
    rest.write(wanted, real)
    bits, test = f"i{forms.lanes}", forms.kind("bool")
    after = (
        f"%bits = bitcast {test} %right to {bits}\n"
        f"%all = icmp eq {bits} %bits, -1\n"
        "br i1 %all, label %done, label %aside\naside:\n"
        f"%some = zext {bits} %bits to i64\n"
        "call preserve_allcc void @rest(ptr %ins, ptr %outs, i64 %at, i64 %some)\n"
    )
    aside = (
        "define internal preserve_allcc void @rest(ptr %ins, ptr %outs, i64 %at, "
        f"i64 %some) noinline cold #0 {_whole()}{{\n"
        f"%bits = trunc i64 %some to {bits}\n%right = bitcast {bits} %bits to {test}\n"
        f"{''.join(rest.before)}{''.join(rest.lines)}ret void\n}}"
    )
    return f"{aside}\n{_loop(body, after)}"


def _whole() -> str:
    """Return the attribute of a function that leaves registers whole to its caller.

    LLVM puts back what was in them (`preserve_allcc`), and then clears their upper
    halves all the same as it returns from code over vectors of 32 bytes (`vzeroupper`).
    """
    known = features()
    if not known.get("avx"):
        return ""
    named = ",".join(f"{'+' if has else '-'}{name}" for name, has in known.items())
    return f'"target-features"="{named},-vzeroupper" '


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
