"""Find the same piece of code over different operands, many times, in a long program.

Comes in: nodes in order, operands first, none of them an array. Goes out: a `Plan`,
straight code and loops in an order in which they can run, or None where there is
little to roll up.

Nodes are told apart by what stands around them: a hash of an op, of what computes its
operands and of what uses its result, made again from the hashes of the last round
(colour refinement; Weisfeiler and Lehman, 1968) until a round takes only the edges of
patterns off. Nodes of the same hash are the members of a class; classes are the columns
from which `pieces` puts pieces together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from overbar.codegen.machine.isomorphic import FEWEST
from overbar.codegen.machine.ordering import Plan, in_order
from overbar.codegen.machine.pieces import grown
from overbar.ir.ops import OPS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from overbar.codegen.machine.forms import Forms
    from overbar.ir.graph import Node

# NumPy's arrays, of integers unless told.
Array = Any

MOST_ROUNDS = 16
REAL_SPLIT = 0.3
"""A class splits in truth where its second part is no smaller than this of its first;
else it lost members at the edge of a pattern."""
INPUT, CONSTANT = -1, -2
WORTH = 0.4
"""What is left to compile of a program that is worth rolling up, at most."""
FEW, RARELY, MANY = 200, 40, 2_000
"""Nodes looked at first: one in how many, at least and at most."""
REPEATED = 0.35
"""The share of them that must look like one before."""
_VALUE_BLIND = {
    op for op in OPS.values() if op.llvm in {"fadd", "fsub", "fmul", "fdiv"}
}
"""Ops of which LLVM makes the same of every constant."""


@dataclass(frozen=True, slots=True)
class Flat:
    """Hold a program as arrays; a node is its place in the order.

    kind: how an op is computed, of operands of which dtypes, a number; INPUT or
        CONSTANT of what computes nothing.
    source, target, place: of each edge, in order of target: an operand, its user, and
        which operand of it; starts: the first edge of each target.
    dtypes: of each value.
    """

    nodes: Sequence[Node]
    kind: Array
    source: Array
    target: Array
    place: Array
    starts: Array
    dtypes: Sequence[str]


def find(
    nodes: Sequence[Node], forms: Forms, most: float = float("inf")
) -> Plan | None:
    """Return how a program is computed by loops, None where that does not pay.

    most: the ops that may be left to compile, of loops' pieces and of straight code.
    """
    if not promising(nodes):
        return None
    flat = flattened(nodes, forms)
    classes = classified(flat)
    ops = int((flat.kind >= 0).sum())
    if int((classes >= 0).sum()) < (1 - WORTH) * ops:
        return None
    most = min(most, WORTH * ops)
    plan = in_order(flat, grown(flat, classes), most)
    return plan if plan is not None and plan.size <= most else None


def promising(nodes: Sequence[Node]) -> bool:
    """Whether nodes from all over a program look alike, as those of patterns do."""
    count = min(max(FEW, len(nodes) // RARELY), MANY)
    step = max(1, len(nodes) // count)
    depth = 3 if count < 2 * FEW else 4
    sample = [n for n in nodes[step // 2 :: step] if n.args]
    seen = {_look(n, depth) for n in sample}
    return 0 < len(seen) <= (1 - REPEATED) * len(sample)


def _look(node: Node, depth: int) -> Any:
    """Return what computes a node, so deep, in the order of a walk by breadth."""
    found, front = [], [node]
    for _ in range(depth):
        found += [n.op for n in front]
        front = [a for n in front for a in n.args]
    return tuple(found), tuple([n.op for n in front])


def flattened(nodes: Sequence[Node], forms: Forms) -> Flat:
    """Return a program as arrays."""
    places: dict[Node, int] = {}
    kinds: dict[Any, tuple[int, str]] = {}
    numbers: dict[Any, int] = {}
    kind, dtypes, edges, counts = [], [], [], []
    for i, node in enumerate(nodes):
        places[node] = i
        op, given = node.op, [places[a] for a in node.args]
        counts.append(len(given))
        if not given:
            kind.append(CONSTANT if node.is_const else INPUT)
            dtypes.append(node.type.dtype)
            continue
        edges += given
        operands = tuple([dtypes[i] for i in given])
        fixed = op not in _VALUE_BLIND and _fixed(node)
        known = kinds.get((op, node.attrs, operands, fixed))
        if known is None:
            form = forms.form(op, node.attrs, operands)
            number = numbers.setdefault((form, operands, fixed), len(numbers))
            known = kinds[op, node.attrs, operands, fixed] = number, form.dtype
        kind.append(known[0])
        dtypes.append(known[1])
    count = np.array(counts)
    starts = np.concatenate([[0], np.cumsum(count)])
    target = np.repeat(np.arange(len(nodes)), count)
    place = np.arange(len(edges)) - starts[target]
    source = np.array(edges, np.int64)
    return Flat(nodes, np.array(kind), source, target, place, starts, dtypes)


def _fixed(node: Node) -> tuple[tuple[int, Node], ...]:
    """Return the constants that an op's code depends on, with their places."""
    return tuple([(i, a) for i, a in enumerate(node.args) if not a.args and a.is_const])


def classified(flat: Flat) -> Array:
    """Return the class of each node, -1 where few are alike or nothing is computed."""
    hashes = _Hashes(flat)
    classes = _ranked(hashes.values)
    for _ in range(MOST_ROUNDS):
        hashes.refine()
        finer = _ranked(hashes.values)
        if not _truly_finer(classes, finer):
            break
        classes = finer
    many = np.bincount(classes) >= FEWEST
    many[np.unique(classes[flat.kind < 0])] = False
    numbers = np.where(many, np.cumsum(many) - 1, -1)
    return numbers[classes]


def _ranked(values: Array) -> Array:
    return np.unique(values, return_inverse=True)[1].ravel()


def _truly_finer(classes: Array, finer: Array) -> bool:
    """Whether a large class came apart, other than at its edges."""
    sizes = np.bincount(finer)
    parent = np.empty(len(sizes), np.int64)
    parent[finer] = classes
    order = np.lexsort((-sizes, parent))
    sizes, parent = sizes[order], parent[order]
    second = np.flatnonzero(parent[1:] == parent[:-1]) + 1
    first = np.searchsorted(parent, parent[second])
    second = np.minimum(first + 1, len(sizes) - 1)
    large = sizes[second] >= np.maximum(FEWEST, REAL_SPLIT * sizes[first])
    return bool(large.any())


class _Hashes:
    """Hold a hash for each node, and make it depend on its neighbours'."""

    def __init__(self, flat: Flat) -> None:
        self.flat = flat
        self.values = _mixed((flat.kind + 3).astype(np.uint64))
        by_source = np.argsort(flat.source, kind="stable")
        self.users = flat.target[by_source]
        self.used_as = flat.place[by_source].astype(np.uint64)
        sources = flat.source[by_source]
        self.used, self.first = np.unique(sources, return_index=True)
        self.computed = np.flatnonzero(flat.kind >= 0)
        self.places = flat.place.astype(np.uint64)

    def refine(self) -> None:
        """Go one step further around each node; inputs and constants stay alike."""
        flat, old = self.flat, self.values
        new = old * np.uint64(0x9E3779B97F4A7C15)
        given = _mixed(old[flat.source] + self.places * np.uint64(0xD1B54A32D192ED03))
        new[self.computed] += np.add.reduceat(given, flat.starts[self.computed])
        taken = _mixed(old[self.users] ^ (self.used_as + np.uint64(0x5851F42D4C957F2D)))
        new[self.used] += np.uint64(3) * np.add.reduceat(taken, self.first)
        self.values = np.where(flat.kind >= 0, _mixed(new), old)


def _mixed(x: Array) -> Array:
    """Return 64 bits, each depending on all (the finaliser of SplitMix64)."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
