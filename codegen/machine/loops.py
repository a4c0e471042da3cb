"""Print one loop over isomorphic pieces, as a function of LLVM's.

Comes in: the pieces, a row of nodes each, and where values are. Goes out: a function
of which a call computes pieces from one to before another.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from overbar.codegen.machine.body import SLOT
from overbar.codegen.machine.instructions import KINDS, literal
from overbar.codegen.machine.patterns import CONSTANT, INPUT

if TYPE_CHECKING:
    from overbar.codegen.machine.forms import Forms
    from overbar.codegen.machine.rolled import Rolled

# NumPy's arrays, of integers.
Array = Any

_SHELL = """\
define internal void @"overbar.{name}"(ptr noalias %in, ptr noalias %out, \
ptr noalias %scratch, i64 %begin, i64 %end) nounwind {{
entry:
{entry}br label %loop
loop:
%k = phi i64 [ %begin, %entry ], [ %next, %loop ]
{phis}{body}%next = add i64 %k, {lanes}
%more = icmp ult i64 %next, %end
  br i1 %more, label %loop, label %exit
exit:
ret void
}}"""
"""A loop. (The branch is indented: what `making` takes for branches of the program's
is not.)"""


ALIGN = {"float64": 8, "float32": 4, "int64": 8, "bool": 1}


class Tables:
    """Hold tables of constants, each once."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._names: dict[str, str] = {}

    def offsets(self, values: Array) -> str:
        """Return the name of a table of int32."""
        return self._table("i32", [str(v) for v in values.tolist()])

    def values(self, values: list[float], dtype: str) -> str:
        """Return the name of a table of numbers."""
        kind = "i8" if dtype == "bool" else KINDS[dtype]
        texts = [literal(v, dtype) for v in values]
        return self._table(kind, [{"true": "1", "false": "0"}.get(t, t) for t in texts])

    def _table(self, kind: str, values: list[str]) -> str:
        text = f"[{len(values)} x {kind}] [" + ", ".join(
            f"{kind} {value}" for value in values
        ) + "]"  # fmt: skip
        name = self._names.get(text)
        if name is None:
            name = self._names[text] = f'@"overbar.table{len(self._names)}"'
            self.lines.append(f"{name} = internal constant {text}")
        return name


class Loop:
    """Print a loop.

    entry, phis, body: lines before the loop, at its head, in it; texts: of columns.
    """

    lanes = 1

    def __init__(self, program: Rolled, number: int, rows: Array, forms: Forms) -> None:
        self.program, self.number, self.rows = program, number, rows
        self.forms = forms
        self.flat = program.flat
        self.entry: list[str] = []
        self.phis: list[str] = []
        self.body: list[str] = []
        self.texts: list[str] = []
        self.counts: dict[int, str] = {}
        self.tables: dict[bytes, str] = {}
        self.operands: dict[bytes, str] = {}

    @property
    def name(self) -> str:
        """What the function is called."""
        return f"loop{self.number}"

    def text(self) -> str:
        """Return the function."""
        forms, flat = self.forms, self.flat
        for column, index in enumerate(self.rows[0].tolist()):
            node = flat.nodes[index]
            first = flat.starts[self.rows[:, column]]
            sources = [flat.source[first + i] for i in range(len(node.args))]
            given = [self._operand(source) for source in sources]
            dtypes = tuple([flat.dtypes[s[0]] for s in sources])
            made = forms.form(node.op, node.attrs, dtypes)
            if made.template:
                self.body.append(made.template.format(*given, n=column))
                self.texts.append(f"%v{column}")
            else:
                self.texts.append(given[0])
        self._stores()
        phis = [p.format(*self.texts) for p in self.phis]
        return _SHELL.format(
            name=self.name,
            lanes=self.lanes,
            entry="".join(self.entry),
            phis="".join(phis),
            body="".join(self.body),
        )

    def _operand(self, source: Array) -> str:
        """Return an operand's text; source: the node that it is for each piece."""
        own = np.flatnonzero(self.rows[0] == source[0])
        if len(own) and (self.rows[:, own[0]] == source).all():
            return str(self.texts[own[0]])
        key = source.tobytes()
        found = self.operands.get(key)
        if found is None:
            name = f"%x{len(self.operands)}"
            found = self.operands[key] = self._outer(name, source)
        return found

    def _outer(self, name: str, source: Array) -> str:
        flat, first = self.flat, int(source[0])
        dtype = flat.dtypes[first]
        if flat.kind[first] == CONSTANT:
            return self._constant(name, source, dtype)
        if flat.kind[first] == INPUT:
            return self._read(name, "in", self.program.inputs[source] * SLOT, dtype)
        offsets = self.program.slots[source] * SLOT
        for column in range(self.rows.shape[1]):
            if (self.rows[:-1, column] == source[1:]).all():
                return self._carried(name, offsets, column, dtype)
        return self._read(name, "scratch", offsets, dtype)

    def _constant(self, name: str, source: Array, dtype: str) -> str:
        nodes = self.flat.nodes
        values = [nodes[i].value for i in source.tolist()]
        texts = {literal(v, dtype) for v in values}
        if len(texts) == 1:
            return self.forms.constant(values[0], dtype)
        table = self.program.tables.values(values, dtype)
        kind = "i8" if dtype == "bool" else KINDS[dtype]
        place = f"{name}.p = getelementptr {kind}, ptr {table}, i64 %k\n"
        self.body += [place, self._next(name, dtype)]
        return name

    def _next(self, name: str, dtype: str) -> str:
        """Return the line that reads a value, or those of all lanes, from one place."""
        return loaded(name, dtype)

    def _read(self, name: str, base: str, offsets: Array, dtype: str) -> str:
        """Read an operand from where it is for each piece."""
        strides = np.unique(np.diff(offsets))
        if len(strides) == 1 and strides[0] == 0:
            self._same(name, at(base, int(offsets[0])), dtype)
            return name
        self.body.append(f"{name}.q = {at(base, int(offsets[0]))}")
        if len(strides) == 1:
            self._strided(name, int(strides[0]), dtype)
        else:
            self._scattered(name, offsets - offsets[0], dtype)
        return name

    def _same(self, name: str, place: str, dtype: str) -> None:
        """Read once what is the same for all pieces."""
        self.entry += [f"{name}.p = {place}", loaded(name, dtype)]

    def _strided(self, name: str, stride: int, dtype: str) -> None:
        """Read what lies at a multiple of the counter."""
        count = self._count(stride)
        self.body += [_moved(f"{name}.p", f"{name}.q", count), loaded(name, dtype)]

    def _scattered(self, name: str, offsets: Array, dtype: str) -> None:
        """Read what lies where a table says."""
        number = self._table(offsets)
        self.body += [_moved(f"{name}.p", f"{name}.q", number), loaded(name, dtype)]

    def _count(self, stride: int) -> str:
        """Return the counter times a stride."""
        if stride not in self.counts:
            name = self.counts[stride] = f"%k{len(self.counts)}"
            self.body.append(f"{name} = mul i64 %k, {stride}\n")
        return self.counts[stride]

    def _table(self, offsets: Array) -> str:
        """Return a number of a table for the counter."""
        key = offsets.tobytes()
        if key not in self.tables:
            name = self.tables[key] = f"%t{len(self.tables)}"
            table = self.program.tables.offsets(offsets)
            self.body += [
                f"{name}.p = getelementptr i32, ptr {table}, i64 %k\n",
                f"{name}.i = load i32, ptr {name}.p\n",
                f"{name} = sext i32 {name}.i to i64\n",
            ]
        return self.tables[key]

    def _carried(self, name: str, offsets: Array, column: int, dtype: str) -> str:
        """Keep what the piece before computes; the first one's is read."""
        before = int(offsets[1]) - SLOT
        self.entry += [
            f"{name}.f = icmp eq i64 %begin, 0\n",
            f"{name}.m = mul i64 %begin, {SLOT}\n",
            f"{name}.a = add i64 {name}.m, {before}\n",
            f"{name}.s = select i1 {name}.f, i64 {offsets[0]}, i64 {name}.a\n",
            _moved(f"{name}.i.p", "%scratch", f"{name}.s"),
            loaded(f"{name}.i", dtype),
        ]
        kind = KINDS[dtype]
        self.phis.append(
            f"{name} = phi {kind} [ {name}.i, %entry ], [ {{{column}}}, %loop ]\n"
        )
        return name

    def _stores(self) -> None:
        """Keep what others read."""
        for column in np.flatnonzero(self.program.kept[self.number]).tolist():
            nodes = self.rows[:, column]
            dtype = self.flat.dtypes[nodes[0]]
            slot = int(self.program.slots[nodes[0]])
            name, value, kind = (
                f"%s{column}",
                self.texts[column],
                self.forms.kind(dtype),
            )
            self.body += [
                f"{name}.q = {at('scratch', slot * SLOT)}",
                f"{name}.p = getelementptr i64, ptr {name}.q, i64 %k\n",
            ]
            if dtype == "bool":
                self.body.append(f"{name}.b = zext i1 {value} to i8\n")
                value, kind = f"{name}.b", "i8"
            self.body.append(
                f"store {kind} {value}, ptr {name}.p, align {ALIGN[dtype]}\n"
            )


def at(base: str, offset: int) -> str:
    """Return the place of a slot."""
    return f"getelementptr i8, ptr %{base}, i64 {offset}\n"


def _moved(name: str, place: str, offset: str) -> str:
    return f"{name} = getelementptr i8, ptr {place}, i64 {offset}\n"


def loaded(name: str, dtype: str) -> str:
    """Return the line that reads a value from its place, `NAME.p`."""
    place = f"{name}.p"
    if dtype == "bool":
        return f"{name}.b = load i8, ptr {place}\n{name} = trunc i8 {name}.b to i1\n"
    return f"{name} = load {KINDS[dtype]}, ptr {place}\n"
