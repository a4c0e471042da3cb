"""Print a program with patterns as loops over pieces, as functions of LLVM's.

Comes in: nodes in order, without arrays. Goes out: the text of `void @core(ptr in, ptr
out)` as of `straight`, with the same results to the bit, or None where the program has
no patterns that are worth it.

Every value that is read outside of its piece has a slot in a scratch array, those of
one column of a loop one after another. An operand from outside is read where a multiple
of the loop's counter says, or a table of offsets; what the piece before has computed
stays in a register.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import numpy as np

from overbar.codegen.machine.body import SLOT, Body, function
from overbar.codegen.machine.loops import Loop, Tables
from overbar.codegen.machine.ordering import Plan, Run
from overbar.codegen.machine.patterns import find
from overbar.codegen.machine.straight import LARGEST_STACK
from overbar.codegen.machine.wide import wide

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from overbar.codegen.machine.forms import Forms
    from overbar.ir.graph import Node

# NumPy's arrays, of integers.
Array = Any

GIVEN = ("in", "out", "scratch")
_SIZES = {"float32": "i32", "bool": "i8"}
_COPY = """\
define internal void @"overbar.copy.{kind}"(ptr %from, ptr %to, ptr %table, \
i64 %count) {{
entry:
  br label %loop
loop:
  %k = phi i64 [ 0, %entry ], [ %next, %loop ]
  %p = getelementptr [2 x i32], ptr %table, i64 %k
  %q = getelementptr i8, ptr %p, i64 4
  %a = load i32, ptr %p
  %b = load i32, ptr %q
  %x = getelementptr i8, ptr %from, i32 %a
  %y = getelementptr i8, ptr %to, i32 %b
  %v = load {kind}, ptr %x
  store {kind} %v, ptr %y
  %next = add i64 %k, 1
  %more = icmp ult i64 %next, %count
  br i1 %more, label %loop, label %exit
exit:
  ret void
}}"""
"""Copy numbers of a size, from and to where a table of pairs of offsets says."""


def print_rolled(
    nodes: Sequence[Node],
    inputs: Sequence[Node],
    results: Sequence[Node],
    forms: Forms,
    lanes: Forms | None = None,
    *,
    most: float = float("inf"),
    cut: int = 2_000,
) -> str | None:
    """Return the text of `@core`, straight code in functions of at most `cut` ops.

    lanes: forms over vectors, for loops whose pieces do not wait for each other; most:
    the ops that may be left to compile.
    """
    plan = find(nodes, forms, most)
    if plan is None:
        return None
    return Rolled(plan, inputs, results, forms, lanes, cut).text()


class Rolled:
    """Print a plan.

    slots: the place of each node's value in the scratch array, -1 for none.
    """

    def __init__(
        self,
        plan: Plan,
        inputs: Sequence[Node],
        results: Sequence[Node],
        forms: Forms,
        lanes: Forms | None,
        cut: int,
    ) -> None:
        self.plan, self.flat = plan, plan.flat
        self.forms, self.lanes = forms, lanes
        self.in_lanes: set[int] = set()
        self.results = results
        self.body = Body(inputs, forms)
        self.body.dtypes.update(zip(self.flat.nodes, self.flat.dtypes, strict=True))
        self.places = {n: i for i, n in enumerate(self.flat.nodes)}
        self.steps = [part for step in plan.steps for part in _cut(step, cut)]
        self.tables = Tables()
        self._place(inputs)

    def _place(self, inputs: Sequence[Node]) -> None:
        """Give a slot to each value that is read outside of where it is computed."""
        flat = self.flat
        home = np.full(len(flat.kind), -1)
        count = len(self.steps)
        for number, step in enumerate(self.steps):
            if not isinstance(step, Run):
                home[step] = number
        for rows in self.plan.loops:
            home[rows] = count + np.arange(len(rows))[:, None]
            count += len(rows)
        outside = np.zeros(len(flat.kind), bool)
        outside[flat.source[home[flat.source] != home[flat.target]]] = True
        outside[[self.places[n] for n in self.results]] = True
        outside &= flat.kind >= 0
        slots = np.full(len(flat.kind), -1)
        size, free = 0, set()
        self.kept: list[Array] = []
        for rows in self.plan.loops:
            self.kept.append(outside[rows].any(axis=0))
            for column in np.flatnonzero(self.kept[-1]):
                free |= {size, size + len(rows) + 1}
                slots[rows[:, column]] = size + 1 + np.arange(len(rows))
                size += len(rows) + 2
        self._continue(slots, free)
        single = np.flatnonzero(outside & (slots < 0))
        slots[single] = size + np.arange(len(single))
        self.slots, self.size = slots, size + len(single)
        self.inputs = np.full(len(flat.kind), -1)
        for i, node in enumerate(inputs):
            if node in self.places:
                self.inputs[self.places[node]] = i

    def _continue(self, slots: Array, free: set[int]) -> None:
        """Give places beside a column to what a loop reads before or after it.

        The first step of a chain reads a value that no step has computed.
        """
        flat = self.flat
        for rows in self.plan.loops:
            for column in rows.T:
                starts = flat.starts[column]
                for place in range(int(flat.starts[column[0] + 1] - starts[0])):
                    source = flat.source[starts + place]
                    if slots[source[1]] < 0 or flat.kind[source[0]] < 0:
                        continue
                    step = int(slots[source[2]] - slots[source[1]])
                    for end, wanted in (
                        (source[0], int(slots[source[1]]) - step),
                        (source[-1], int(slots[source[-2]]) + step),
                    ):
                        if slots[end] < 0 <= flat.kind[end] and wanted in free:
                            slots[end] = wanted
                            free.remove(wanted)

    def text(self) -> str:
        """Return the module's text."""
        loops = self._loops()
        straight = self._straight()
        copies, calls = self._copies()
        functions = [
            "declare ptr @malloc(i64)", "declare void @free(ptr)",
            *self.tables.lines, *loops, *straight, *copies,
        ]  # fmt: skip
        lines = [*self._calls(), *calls]
        core = function("core", ("in", "out"), _with_scratch(lines, self.size))
        return "\n".join([self._needs(), *functions, core, ""])

    def _needs(self) -> str:
        """Return what forms declare and define, each once."""
        known: dict[str, None] = {}
        made: dict[str, None] = {}
        for forms in filter(None, (self.forms, self.lanes)):
            known |= dict.fromkeys([*forms.functions.declarations(), *forms.declared])
            made |= dict.fromkeys(forms.functions.definitions())
            made |= dict.fromkeys(forms.defined.values())
        return "\n".join([*known, *made])

    def _loops(self) -> list[str]:
        """Return the functions of loops, in lanes too where that is possible."""
        found = []
        for number, rows in enumerate(self.plan.loops):
            found.append(Loop(self, number, rows, self.forms).text())
            text = self.lanes and wide(self, number, rows, self.lanes)
            if text:
                self.in_lanes.add(number)
                found.append(text)
        return found

    def _straight(self) -> list[str]:
        """Return the functions between loops."""
        nodes, slots = self.flat.nodes, self.slots.tolist()
        known = {n: s for n, s in zip(nodes, slots, strict=True) if s >= 0}
        functions = []
        for number, step in enumerate(self.steps):
            if isinstance(step, Run):
                continue
            self._piece([nodes[i] for i in step], known)
            name = f'"overbar.piece{number}"'
            functions.append(function(name, GIVEN, self.body.lines, "internal "))
        return functions

    def _piece(self, block: Sequence[Node], known: Mapping[Node, int]) -> None:
        """Fill the body with straight code; known: the slots of what has one."""
        body = self.body
        body.lines, body.texts = [], {}
        own = set(block)
        for node in dict.fromkeys(a for n in block for a in n.args if a in known):
            if node not in own:
                name, dtype = f"%v{node.index}", body.dtypes[node]
                body.texts[node] = body.load(name, dtype, "scratch", known[node])
        for node in block:
            body.apply(node, node.index)
            if node in known:
                value, dtype = body.texts[node], body.dtypes[node]
                body.store(value, dtype, "scratch", known[node])

    def _calls(self) -> list[str]:
        given = ", ".join(f"ptr %{name}" for name in GIVEN)
        lines = []
        for number, step in enumerate(self.steps):
            if not isinstance(step, Run):
                lines.append(f'call void @"overbar.piece{number}"({given})\n')
                continue
            begin, middle, end = step.begin, step.begin, step.end
            if step.loop in self.in_lanes and self.lanes:
                middle = end - (end - begin) % self.lanes.lanes
            for kind, start, stop in (("wide", begin, middle), ("loop", middle, end)):
                if start < stop:
                    name = f'@"overbar.{kind}{step.loop}"'
                    more = f"i64 {start}, i64 {stop}"
                    lines.append(f"call void {name}({given}, {more})\n")
        return lines

    def _copies(self) -> tuple[list[str], list[str]]:
        """Return functions that write results, and their calls."""
        pairs: dict[str, list[int]] = defaultdict(list)
        others = []
        for i, node in enumerate(self.results):
            place = self.places[node]
            slot = int(self.slots[place])
            if slot >= 0 and self.flat.dtypes[place] == node.type.dtype:
                pairs[_SIZES.get(node.type.dtype, "i64")] += [slot * SLOT, i * SLOT]
            else:
                others.append((i, node))
        body = self.body
        body.lines, body.texts = [], {}
        for i, node in others:
            place = self.places[node]
            slot = int(self.slots[place])
            dtype = node.type.dtype
            if slot >= 0:
                name = f"%v.s{i}"
                body.texts[node] = body.load(name, body.dtypes[node], "scratch", slot)
            body.store(body.converted(node, dtype, f".r{i}"), dtype, "out", i)
        functions = [function('"overbar.rest"', GIVEN, body.lines, "internal ")]
        given = ", ".join(f"ptr %{name}" for name in GIVEN)
        calls = [f'call void @"overbar.rest"({given})\n']
        for kind, offsets in pairs.items():
            table = self.tables.offsets(np.array(offsets))
            functions.append(_COPY.format(kind=kind))
            calls.append(
                f'call void @"overbar.copy.{kind}"(ptr %scratch, ptr %out, '
                f"ptr {table}, i64 {len(offsets) // 2})\n"
            )
        return functions, calls


def _cut(step: Run | Sequence[int], cut: int) -> list[Run | Sequence[int]]:
    if isinstance(step, Run):
        return [step]
    return [step[i : i + cut] for i in range(0, len(step), cut)]


def _with_scratch(calls: Sequence[str], count: int) -> list[str]:
    """Return calls, an array of so many slots made before them."""
    if count <= LARGEST_STACK:
        return [f"%scratch = alloca i8, i64 {count * SLOT}, align 16\n", *calls]
    make = f"%scratch = call ptr @malloc(i64 {count * SLOT})\n"
    return [make, *calls, "call void @free(ptr %scratch)\n"]
