"""Put pieces and what is in no piece in an order in which they can be computed.

Comes in: a program as arrays, groups of isomorphic pieces. Goes out: a `Plan`: loops
over pieces and straight code in turn. Each loop runs over as many pieces as are ready
and become ready by it.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from overbar.codegen.machine.patterns import Flat

# NumPy's arrays, of integers.
Array = Any

SHORTEST = 4
"""Pieces that a loop runs over, at least; fewer are straight code."""
LOOSE = -1


@dataclass(frozen=True, slots=True)
class Run:
    """Compute pieces of a loop, from one to before another."""

    loop: int
    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class Plan:
    """Say how to compute a program.

    loops: the pieces of each, a row of nodes each, as they are computed; steps: runs of
    loops, and nodes in order; size: how many ops there are to compile.
    """

    flat: Flat
    loops: Sequence[Array]
    steps: Sequence[Run | Sequence[int]]

    @property
    def size(self) -> int:
        """How many ops there are to compile, a call of a loop counted as one."""
        straight = sum(1 if isinstance(s, Run) else len(s) for s in self.steps)
        return straight + sum(int(rows.shape[1]) for rows in self.loops)


def in_order(flat: Flat, groups: Sequence[Array], most: float) -> Plan | None:
    """Return pieces in an order; those that need each other are taken apart.

    Or None where there are more than so many turns from one loop to another.
    """
    groups = list(groups)
    while True:
        queue = _Queue(flat, groups)
        order = queue.run(most)
        if order is None:
            return None
        stuck = queue.stuck()
        if not stuck:
            return _plan(flat, groups, order)
        groups = [
            part
            for g, rows in enumerate(groups)
            for part in (np.split(rows, rows.shape[1], 1) if g in stuck else [rows])
        ]


class _Queue:
    """Take what is ready, pieces of one group as long as there are any.

    A vertex is a node, or a piece by its first column's node.
    """

    def __init__(self, flat: Flat, groups: Sequence[Array]) -> None:
        count = len(flat.kind)
        vertex = np.arange(count)
        self.group = np.full(count, LOOSE)
        for g, rows in enumerate(groups):
            vertex[rows] = rows[:, :1]
            self.group[rows[:, 0]] = g
        source, target = vertex[flat.source], vertex[flat.target]
        across = (source != target) & (flat.kind[flat.source] >= 0)
        codes = np.unique(source[across] * count + target[across])
        source, target = codes // count, codes % count
        self.source, self.target = source, target
        self.starts = np.searchsorted(source, np.arange(count + 1)).tolist()
        self.needs = np.bincount(target, minlength=count).tolist()
        self.first = (vertex == np.arange(count)) & (flat.kind >= 0)
        rank = np.arange(count)
        for rows in groups:
            rank[rows[:, 0]] = np.arange(len(rows))
        self.rank = rank.tolist()
        self.ready: list[list[tuple[int, int]]] = [[] for _ in range(len(groups) + 1)]

    def run(self, most: float) -> list[tuple[int, int]] | None:
        """Return the vertices that can be computed, each with its group, in order."""
        rank, needs, ready = self.rank, self.needs, self.ready
        group = self.group.tolist()
        users, starts = self.target.tolist(), self.starts
        for v in np.flatnonzero(self.first).tolist():
            if not needs[v]:
                ready[group[v]].append((rank[v], v))
        for heap in ready:
            heapq.heapify(heap)
        order: list[tuple[int, int]] = []
        turns = 0
        while turns <= most:
            turns += 1
            g = LOOSE
            if not ready[LOOSE]:
                g = max(range(len(ready)), key=lambda g: len(ready[g]))
            heap = ready[g]
            if not heap:
                return order
            while heap:
                v = heapq.heappop(heap)[1]
                order.append((g, v))
                for user in users[starts[v] : starts[v + 1]]:
                    needs[user] -= 1
                    if not needs[user]:
                        heapq.heappush(ready[group[user]], (rank[user], user))
        return None

    def stuck(self) -> set[int]:
        """Return the groups with pieces that need each other."""
        left = np.array(self.needs) > 0
        while left.any():
            between = left[self.source] & left[self.target]
            kept = np.zeros(len(left), bool)
            kept[self.source[between]] = True
            if (kept == left).all():
                break
            left = kept
        return set(self.group[left].tolist()) - {LOOSE}


def _plan(flat: Flat, groups: Sequence[Array], order: list[tuple[int, int]]) -> Plan:
    """Return the plan that computes vertices in this order."""
    row = np.full(len(flat.kind), -1)
    for rows in groups:
        row[rows[:, 0]] = np.arange(len(rows))
    steps: list[Run | list[int]] = []
    taken: list[list[int]] = [[] for _ in groups]
    for g, part in groupby(order, key=lambda pair: pair[0]):
        found = [v for _, v in part]
        if g != LOOSE and len(found) >= SHORTEST:
            begin = len(taken[g])
            taken[g] += row[found].tolist()
            steps.append(Run(g, begin, len(taken[g])))
            continue
        if g != LOOSE:
            found = groups[g][row[found]].ravel().tolist()
        if steps and isinstance(steps[-1], list):
            steps[-1] += found
        else:
            steps.append(found)
    some = [g for g, rows in enumerate(taken) if rows]
    steps = [
        replace(s, loop=some.index(s.loop)) if isinstance(s, Run) else s for s in steps
    ]
    return Plan(flat, [groups[g][taken[g]] for g in some], steps)
