"""Print straight code, one op after another, as a function of LLVM's.

Comes in: nodes in order, without arrays; a `select` among them computes both sides.
Goes out: the text of `void @core(ptr in, ptr out)`, which reads inputs from slots and
writes results to slots. A long program is cut into functions of a fixed number of ops,
since LLVM's time for one function grows faster than its length; values that cross a cut
go through a scratch array.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from overbar.codegen.machine.body import SLOT, Body, function, module

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from overbar.codegen.machine.forms import Forms
    from overbar.ir.graph import Node

LARGEST_STACK = 4096
"""Slots of scratch from which on it is asked of `malloc`."""


def print_straight(
    nodes: Sequence[Node],
    inputs: Sequence[Node],
    results: Sequence[Node],
    forms: Forms,
    cut: int,
) -> str:
    """Return the text of `@core`, in functions of at most `cut` ops.

    nodes: what to compute, operands first; inputs and results: a slot each, in order.
    """
    nodes = [n for n in nodes if n.args]
    body = Body(inputs, forms)
    if len(nodes) > cut:
        return module(forms, _pieces(body, nodes, results, cut))
    _run(body, nodes)
    body.finish(results)
    return module(forms, [function("core", ("in", "out"), body.lines)])


def _run(body: Body, nodes: Sequence[Node]) -> None:
    """Compute nodes whose operands are known, or can be read.

    As `Body.apply` does, with what is looked up for each node held here.
    """
    texts, dtypes, form, lines = body.texts, body.dtypes, body.forms.form, body.lines
    for node in nodes:
        given = [texts.get(a) or body.value(a) for a in node.args]
        made = form(node.op, node.attrs, tuple([dtypes[a] for a in node.args]))
        if made.template:
            lines.append(made.template.format(*given, n=node.index))
            texts[node] = f"%v{node.index}"
        else:
            texts[node] = given[0]
        dtypes[node] = made.dtype


def _pieces(
    body: Body, nodes: Sequence[Node], results: Sequence[Node], cut: int
) -> list[str]:
    """Return several functions, and one that calls them in order."""
    blocks = [nodes[i : i + cut] for i in range(0, len(nodes), cut)]
    slots, count = _slots(blocks, results)
    functions = ["declare ptr @malloc(i64)", "declare void @free(ptr)"]
    calls = []
    for k, block in enumerate(blocks):
        body.lines, body.texts = [], {}
        last = k == len(blocks) - 1
        _piece(body, block, slots, results if last else ())
        name = f'"overbar.piece{k}"'
        given = ("in", "out", "scratch")
        functions.append(function(name, given, body.lines, "internal "))
        calls.append(f"call void @{name}(ptr %in, ptr %out, ptr %scratch)\n")
    core = function("core", ("in", "out"), _with_scratch(calls, count))
    return [*functions, core]


def _piece(
    body: Body,
    block: Sequence[Node],
    slots: Mapping[Node, int],
    results: Sequence[Node],
) -> None:
    """Fill one function: read what it needs, compute, keep what others need."""
    own = set(block)
    needed = dict.fromkeys(a for n in block for a in n.args)
    for node in needed | dict.fromkeys(results):
        if node in slots and node not in own:
            name, dtype = f"%v{node.index}", body.dtypes[node]
            body.texts[node] = body.load(name, dtype, "scratch", slots[node])
    _run(body, block)
    for node in block:
        if node in slots:
            body.store(body.texts[node], body.dtypes[node], "scratch", slots[node])
    body.finish(results)


def _slots(
    blocks: Sequence[Sequence[Node]], results: Sequence[Node]
) -> tuple[dict[Node, int], int]:
    """Return a place in the scratch array for what crosses a cut, and how many.

    A place is free again after the last block that reads it.
    """
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
