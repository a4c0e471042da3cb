"""Print straight code, one op after another, as a function of LLVM's.

Comes in: nodes in order, without arrays; a `select` among them computes both sides.
Goes out: the text of `void @core(ptr in, ptr out)`, which reads inputs from slots and
writes results to slots. A long program is cut into functions of a fixed number of ops,
since LLVM's time for one function grows faster than its length; values that cross a cut
go through a scratch array.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, TypeAlias

from overbar.codegen.machine import inlined_pairs
from overbar.codegen.machine.body import SLOT, Body, function, module
from overbar.codegen.machine.forms import Forms
from overbar.codegen.machine.packing import Pack, members

if TYPE_CHECKING:
    from collections.abc import Sequence

    from overbar.ir.graph import Node

LARGEST_STACK = 4096
"""Slots of scratch from which on it is asked of `malloc`."""


Item: TypeAlias = "Node | Pack"


def print_straight(
    nodes: Sequence[Item],
    inputs: Sequence[Node],
    results: Sequence[Node],
    cut: int,
    whole: int,
) -> list[str]:
    """Return the texts of modules, the last with `@core`.

    nodes: what to compute, operands first, as `packed` puts them; inputs and results:
    a slot each, in order; cut: the ops of one function; whole: those of one module.
    """
    if len(nodes) <= cut:
        body = Body(inputs, Forms())
        _run(body, nodes)
        body.finish(results)
        return [module(body.forms, [function("core", ("in", "out"), body.lines)])]
    return _Pieces(nodes, inputs, results, cut).texts(max(1, whole // cut))


def _run(body: Body, nodes: Sequence[Item]) -> None:
    """Compute nodes whose operands are known, or can be read.

    As `Body.apply` does, with what is looked up for each node held here.
    """
    texts, dtypes, form, lines = body.texts, body.dtypes, body.forms.form, body.lines
    for node in nodes:
        if isinstance(node, Pack):
            _together(body, node)
            continue
        given = [texts.get(a) or body.value(a) for a in node.args]
        made = form(node.op, node.attrs, tuple([dtypes[a] for a in node.args]))
        if made.template:
            lines.append(made.template.format(*given, n=node.index))
            texts[node] = f"%v{node.index}"
        else:
            texts[node] = given[0]
        dtypes[node] = made.dtype


def _together(body: Body, pack: Pack) -> None:
    """Call a function over a vector; lanes that are left over repeat the first."""
    kind, first = f"<{pack.lanes} x double>", pack.nodes[0].index
    whole = f"{{ {kind}, {kind} }}" if pack.paired else kind
    if pack.paired:
        needed = inlined_pairs.definition(pack.lanes)
    else:
        pure = "nounwind willreturn memory(none)"
        needed = [f"declare {kind} @{pack.symbol}({kind}) {pure}"]
    body.forms.declared |= dict.fromkeys(needed)
    given = [body.value(a) for a in pack.args]
    vector, lines = f"%v{first}.s", body.lines
    lines.append(
        f"%v{first}.o = insertelement {kind} poison, double {given[0]}, i32 0\n"
        f"{vector} = shufflevector {kind} %v{first}.o, {kind} poison, "
        f"<{pack.lanes} x i32> zeroinitializer\n"
    )
    for i, value in enumerate(given[1:], 1):
        made = f"%v{first}.s{i}"
        lines.append(
            f"{made} = insertelement {kind} {vector}, double {value}, i32 {i}\n"
        )
        vector = made
    result = f"%v{first}.r"
    lines.append(f"{result} = call {whole} @{pack.symbol}({kind} {vector})\n")
    for k, nodes in enumerate(pack.results):
        part = f"{result}{k}" if pack.paired else result
        if pack.paired:
            lines.append(f"{part} = extractvalue {whole} {result}, {k}\n")
        for i, node in enumerate(nodes):
            own = body.texts[node] = f"%v{node.index}"
            body.dtypes[node] = "float64"
            lines.append(f"{own} = extractelement {kind} {part}, i32 {i}\n")


class _Pieces:
    """Print a long program as functions, and one that calls them in order."""

    def __init__(
        self,
        nodes: Sequence[Item],
        inputs: Sequence[Node],
        results: Sequence[Node],
        cut: int,
    ) -> None:
        self.inputs = inputs
        self.results = results
        self.blocks = [nodes[i : i + cut] for i in range(0, len(nodes), cut)]
        self.slots, self.count = _slots(self.blocks, results)
        self.dtypes: dict[Node, str] = {}

    def texts(self, together: int) -> list[str]:
        """Return the texts of modules of so many functions, the last with `@core`."""
        found = []
        last = len(self.blocks) - 1
        for start in range(0, last + 1, together):
            body = Body(self.inputs, Forms())
            body.dtypes = self.dtypes
            functions = []
            for k in range(start, min(start + together, last + 1)):
                body.lines, body.texts = [], {}
                self._piece(body, self.blocks[k], self.results if k == last else ())
                functions.append(function(_name(k), _GIVEN, body.lines))
            core = self._core(start) if start + together > last else []
            found.append(module(body.forms, [*functions, *core]))
        return found

    def _piece(
        self, body: Body, block: Sequence[Item], results: Sequence[Node]
    ) -> None:
        """Fill one function: read what it needs, compute, keep what others need."""
        made = [n for item in block for n in members(item)]
        own, slots = set(made), self.slots
        needed = dict.fromkeys(a for n in block for a in n.args)
        for node in needed | dict.fromkeys(results):
            if node in slots and node not in own:
                name, dtype = f"%v{node.index}", body.dtypes[node]
                body.texts[node] = body.load(name, dtype, "scratch", slots[node])
        _run(body, block)
        for node in made:
            if node in slots:
                value, dtype = body.texts[node], body.dtypes[node]
                body.store(value, dtype, "scratch", slots[node])
        body.finish(results)

    def _core(self, own: int) -> list[str]:
        """Return what calls all functions in order; those from `own` on are beside."""
        names = [_name(k) for k in range(len(self.blocks))]
        known = [f"declare void @{name}(ptr, ptr, ptr)" for name in names[:own]]
        calls = [f"call void @{n}(ptr %in, ptr %out, ptr %scratch)\n" for n in names]
        memory = ["declare ptr @malloc(i64)", "declare void @free(ptr)"]
        lines = _with_scratch(calls, self.count)
        return [*memory, *known, function("core", ("in", "out"), lines)]


_GIVEN = ("in", "out", "scratch")


def _name(k: int) -> str:
    return f'"overbar.piece{k}"'


def _slots(
    items: Sequence[Sequence[Item]], results: Sequence[Node]
) -> tuple[dict[Node, int], int]:
    """Return a place in the scratch array for what crosses a cut, and how many.

    A place is free again after the last block that reads it.
    """
    blocks = [[n for item in block for n in members(item)] for block in items]
    home = {n: k for k, block in enumerate(blocks) for n in block}
    end = len(blocks) - 1
    last = {r: end for r in results if home.get(r, end) != end}
    for k in range(end, -1, -1):
        for node in blocks[k]:
            for a in node.args:
                if home.get(a, k) != k:
                    last.setdefault(a, k)
    ends: dict[int, list[Node]] = defaultdict(list)
    for node, k in last.items():
        ends[k].append(node)
    slots: dict[Node, int] = {}
    free: list[int] = []
    count = 0
    for k, block in enumerate(blocks):
        for node in block:
            if node in last:
                if not free:
                    free.append(count)
                    count += 1
                slots[node] = free.pop()
        free += [slots[n] for n in ends[k]]
    return slots, count


def _with_scratch(calls: Sequence[str], count: int) -> list[str]:
    """Return calls, an array of so many slots made before them."""
    if count <= LARGEST_STACK:
        return [f"%scratch = alloca i8, i64 {count * SLOT}, align 16\n", *calls]
    make = f"%scratch = call ptr @malloc(i64 {count * SLOT})\n"
    return [make, *calls, "call void @free(ptr %scratch)\n"]
