"""Find a shorter way to what is wanted, for numbers that are nothing special.

Comes in: what to compute. Goes out: the same in a graph of its own, without what guards
against overflow, underflow, infinities and zeros, and conditions under which that is
right. A division by what other numbers are divided by too may then be a product with
one reciprocal, and a correction.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from overbar.ir.graph import Graph, Node
from overbar.ir.types import F64

if TYPE_CHECKING:
    from collections.abc import Sequence

    from overbar.codegen.machine.making import Wanted

LONGEST = 2_000
"""Ops of a program from which on a second way takes too long to compile."""


class Ordinary(NamedTuple):
    """Say what to compute, and where that is right.

    conditions: must hold; finite: must not be NaN; divisors: divide several numbers.
    """

    wanted: Wanted
    conditions: Sequence[Node]
    finite: Sequence[Node]
    divisors: frozenset[Node]


def ordinary(wanted: Wanted) -> Ordinary | None:
    """Return a shorter way, None where there should be none."""
    real = all(n.type is F64 or not n.type.is_float for n in wanted.nodes)
    if wanted.strict or not real or len(wanted.nodes) > LONGEST:
        return None
    graph = Graph(real=F64)
    inputs = [graph.input(f"x{i}", kind=n.type) for i, n in enumerate(wanted.inputs)]
    found = dict(zip(wanted.inputs, inputs, strict=True))
    guarded: list[tuple[Node, Node | None]] = []
    for node in wanted.nodes:
        if node in found:
            continue
        if not node.args:
            found[node] = graph.const(node.value, node.type)
            continue
        args = [found[a] for a in node.args]
        if node.op.llvm == "same":
            found[node] = args[0]
            continue
        whole = graph.restore(node.op, args, node.attrs, node.type)
        if node.op.ordinary is not None:
            guarded.append(node.op.ordinary(whole, *args))
            found[node] = guarded[-1][0]
        else:
            simpler = node.op.lower(whole, *args) if node.op.lower else None
            found[node] = simpler if isinstance(simpler, Node) else whole
    results = [found[n] for n in wanted.results]
    needed = {*graph.order(results)}  # what else was guarded is no longer there
    conditions = dict.fromkeys(c for n, c in guarded if n in needed and c is not None)
    finite = dict.fromkeys(n for n, c in guarded if n in needed and c is None)
    nodes = graph.order([*results, *conditions])
    shorter = wanted._replace(nodes=nodes, inputs=inputs, results=results)
    return Ordinary(shorter, [*conditions], [*finite], _divisors(nodes))


def is_division(node: Node) -> bool:
    """Whether a node divides a double by one that is no constant."""
    args = node.args
    return node.op.llvm == "fdiv" and all(a.type is F64 for a in args)


def _divisors(nodes: Sequence[Node]) -> frozenset[Node]:
    """Return by what several numbers are divided."""
    count = Counter(n.args[1] for n in nodes if is_division(n))
    return frozenset(n for n, k in count.items() if k > 1 and not n.is_const)
