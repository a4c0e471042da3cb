"""Print a loop over isomorphic pieces in lanes: so many pieces at once.

Comes in: a loop whose pieces read nothing of each other, over float64. Goes out: a
function as of `loops`, over a multiple of as many pieces as a vector has lanes. Sums
and products are the same in lanes to the bit; elementary functions are those over
vectors that `forms` knows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from overbar.codegen.machine import inlined, libraries
from overbar.codegen.machine.body import SLOT
from overbar.codegen.machine.forms import Forms
from overbar.codegen.machine.loops import Loop, loaded
from overbar.codegen.machine.patterns import CONSTANT

if TYPE_CHECKING:
    from overbar.codegen.machine.rolled import Rolled

# NumPy's arrays, of integers.
Array = Any

NARROWEST = 4
"""Lanes from which on a vector pays."""
_EACH = "overbar.each"
"""What functions are called that call another for each lane: no gain."""
_ATTRIBUTES = 'attributes #0 = { nounwind "min-legal-vector-width"="512" }'
_NUMBER, _TRUTH = "float64", "bool"


def vector_forms(*, strict: bool) -> Forms | None:
    """Return forms over the widest vectors there are, None where these are narrow.

    strict: without functions over vectors, which round otherwise than libm's.
    """
    lanes = max(libraries.widths(), default=0)
    if lanes < NARROWEST:
        return None
    if strict:
        return Forms(lanes)
    return _WideForms(lanes)


class _WideForms(Forms):
    """Make forms whose elementary functions are over vectors, written out or called."""

    def __init__(self, lanes: int) -> None:
        super().__init__(lanes, self._symbol)

    def _symbol(self, name: str, dtype: str, arity: int) -> str | None:
        library = libraries.symbol(name, self.lanes, arity, dtype)
        written = dtype == _NUMBER and inlined.available(name, self.lanes)
        if library is None or not written:
            return library
        own = f"overbar.inside.{name}"
        needed, made = inlined.definition(name, own, self.lanes, library)
        self.declared |= dict.fromkeys(needed)
        self.defined |= {own: "\n".join(made), "#0": _ATTRIBUTES}
        return own


def wide(program: Rolled, number: int, rows: Array, forms: Forms) -> str | None:
    """Return the text of a loop in lanes, None where it cannot be or would not pay."""
    flat = program.flat
    if len(rows) < 2 * forms.lanes or not _parallel(program, number, rows):
        return None
    if any(flat.dtypes[i] not in {_NUMBER, _TRUTH} for i in rows[0]):
        return None
    text = WideLoop(program, number, rows, forms).text()
    return None if _EACH in text else text


def _parallel(program: Rolled, number: int, rows: Array) -> bool:
    """Whether pieces read numbers alone, and none of each other's."""
    flat = program.flat
    inside = np.zeros(len(flat.kind), bool)
    inside[rows] = True
    for column, kept in zip(rows.T, program.kept[number], strict=True):
        if kept and flat.dtypes[column[0]] != _NUMBER:
            return False
        for place in range(int(flat.starts[column[0] + 1] - flat.starts[column[0]])):
            source = flat.source[flat.starts[column] + place]
            own = (rows[0] == source[0]).any()
            fixed = flat.kind[source[0]] == CONSTANT and (source == source[0]).all()
            if own or fixed:
                continue
            if inside[source].any() or flat.dtypes[source[0]] != _NUMBER:
                return False
    return True


class WideLoop(Loop):
    """Print a loop whose every variable is a vector, a piece a lane."""

    def __init__(self, program: Rolled, number: int, rows: Array, forms: Forms) -> None:
        super().__init__(program, number, rows, forms)
        self.lanes = forms.lanes
        self.kind = forms.kind(_NUMBER)

    @property
    def name(self) -> str:
        """What the function is called."""
        return f"wide{self.number}"

    def _next(self, name: str, dtype: str) -> str:  # noqa: ARG002 - numbers alone
        return f"{name} = load {self.kind}, ptr {name}.p, align {SLOT}\n"

    def _same(self, name: str, place: str, dtype: str) -> None:
        kind = self.kind
        self.entry += [
            f"{name}.s.p = {place}",
            loaded(f"{name}.s", dtype),
            f"{name}.o = insertelement {kind} poison, double {name}.s, i32 0\n",
            (
                f"{name} = shufflevector {kind} {name}.o, {kind} poison, "
                f"<{self.lanes} x i32> zeroinitializer\n"
            ),
        ]

    def _strided(self, name: str, stride: int, dtype: str) -> None:
        count = self._count(stride)
        place = f"getelementptr i8, ptr {name}.q, i64 {count}\n"
        if stride == SLOT:
            self.body += [f"{name}.p = {place}", self._next(name, dtype)]
        elif stride == -SLOT:
            last = self.lanes - 1
            order = ", ".join(f"i32 {last - j}" for j in range(self.lanes))
            self.body += [
                f"{name}.r.l = {place}",
                f"{name}.r.p = getelementptr i8, ptr {name}.r.l, i64 {-SLOT * last}\n",
                self._next(f"{name}.r", dtype),
                (
                    f"{name} = shufflevector {self.kind} {name}.r, {self.kind} poison, "
                    f"<{self.lanes} x i32> <{order}>\n"
                ),
            ]
        else:
            self.body.append(f"{name}.l = {place}")
            offsets = [f"{j * stride}" for j in range(self.lanes)]
            self._gather(name, f"{name}.l", offsets)

    def _scattered(self, name: str, offsets: Array, dtype: str) -> None:  # noqa: ARG002
        table = self._table(offsets)
        self._gather(name, f"{name}.q", [f"{table}.{j}" for j in range(self.lanes)])

    def _gather(self, name: str, base: str, offsets: list[str]) -> None:
        """Read lane by lane: LLVM's own instruction for it is no quicker."""
        vector = "poison"
        for j, offset in enumerate(offsets):
            one = f"{name}.g{j}"
            made = f"{name}.h{j}" if j < self.lanes - 1 else name
            self.body += [
                f"{one}.p = getelementptr i8, ptr {base}, i64 {offset}\n",
                f"{one} = load double, ptr {one}.p\n",
                f"{made} = insertelement {self.kind} {vector}, double {one}, i32 {j}\n",
            ]
            vector = made

    def _table(self, offsets: Array) -> str:
        """Return the beginning of the names of the numbers of all lanes."""
        key = offsets.tobytes()
        if key not in self.tables:
            name = self.tables[key] = f"%t{len(self.tables)}"
            table = self.program.tables.offsets(offsets)
            self.body.append(f"{name}.p = getelementptr i32, ptr {table}, i64 %k\n")
            for j in range(self.lanes):
                one = f"{name}.{j}"
                self.body += [
                    f"{one}.p = getelementptr i32, ptr {name}.p, i64 {j}\n",
                    f"{one}.i = load i32, ptr {one}.p\n",
                    f"{one} = sext i32 {one}.i to i64\n",
                ]
        return self.tables[key]
