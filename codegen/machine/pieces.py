"""Put pieces together from classes of nodes that look alike.

Comes in: a program as arrays, the class of each node. Goes out: groups of isomorphic
pieces, each an array of nodes: a row is a piece, a column what is computed at one place
of it, operands first; the rows stand in an order in which they can be computed.

Two classes become columns of one group where an edge leads from each member of the one
to its own member of the other, and where nothing outside is computed between them.
Classes that depend on each other, as the steps of a chain do, are cut where the
program's order comes back to a first of them.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import numpy as np

from overbar.codegen.machine.isomorphic import FEWEST, isomorphic
from overbar.codegen.machine.reach import Reach, numbers

if TYPE_CHECKING:
    from collections.abc import Iterable

    from overbar.codegen.machine.patterns import Flat

# NumPy's arrays, of integers.
Array = Any

MOST_CLASSES, MOST_BITS = 2_000, 4 * 10**8
"""Classes looked at, the largest, and bits for a set of them at each node."""
MOST_COLUMNS = 1_000
NEARLY_ALL = 0.9
"""The share of two groups' pieces that an edge has to join."""
SAME_SIZE = 0.7
"""Classes of a chain are about as large as each other."""
ODD = 8
"""Pieces by which groups may differ that one loop computes."""


def grown(flat: Flat, classes: Array) -> list[Array]:
    """Return groups of isomorphic pieces."""
    groups = _Groups(flat, _largest(classes))
    groups.merge_all()
    groups.zip_all()
    return [part for rows in groups.all() for part in isomorphic(flat, rows)]


def _largest(classes: Array) -> Array:
    """Return classes, the largest alone, numbered anew."""
    sizes = np.bincount(classes[classes >= 0])
    most = min(MOST_CLASSES, MOST_BITS // len(classes))
    kept = np.sort(np.argsort(-sizes, kind="stable")[:most])
    numbers = np.full(len(sizes) + 1, -1)
    numbers[kept] = np.arange(len(kept))
    return numbers[classes]


class _Groups:
    """Hold groups of pieces, and join them.

    rows: of each group, by number; group, row, column: where each node stands, -1 for
    nowhere; a column keeps its number when groups are joined. bits: the classes of
    each group, a set as an integer.
    """

    def __init__(self, flat: Flat, classes: Array) -> None:
        self.flat = flat
        self.reach = Reach(flat, classes)
        self.rows: dict[int, Array] = {}
        self.bits: dict[int, int] = {}
        self.columns: dict[int, list[int]] = {}
        self.group, self.row, self.column = np.full((3, len(classes)), -1)
        count = 0
        for together in self.reach.circles():
            for rows in _beginnings(classes, together):
                number = len(self.rows)
                self.columns[number] = list(range(count, count + rows.shape[1]))
                self.column[rows] = self.columns[number]
                count += rows.shape[1]
                self._put(number, rows)
                self.bits[number] = sum(1 << c for c in set(classes[rows[0]].tolist()))
        self.edges, self.joining = self._edges(count)

    def _put(self, number: int, rows: Array) -> None:
        self.rows[number] = rows
        self.group[rows] = number
        self.row[rows] = np.arange(len(rows))[:, None]

    def _edges(self, count: int) -> tuple[dict[int, dict[int, Array]], list[Array]]:
        """Return edges between columns: by target and source, and those that join.

        The latter are sorted by how far apart their ends are.
        """
        flat, column = self.flat, self.column
        edges = np.flatnonzero((column[flat.source] >= 0) & (column[flat.target] >= 0))
        places = int(flat.place.max()) + 1
        codes = column[flat.source[edges]] * count + column[flat.target[edges]]
        codes = codes * places + flat.place[edges]
        order = np.argsort(codes, kind="stable")
        edges, codes = edges[order], codes[order]
        cuts = np.flatnonzero(np.diff(codes)) + 1
        found: dict[int, dict[int, Array]] = defaultdict(dict)
        joining: list[tuple[float, int, Array]] = []
        for part in np.split(edges, cuts) if len(edges) else []:
            source, target = flat.source[part], flat.target[part]
            between = found[int(column[target[0]])]
            s = int(column[source[0]])
            between[s] = np.concatenate([between[s], part]) if s in between else part
            if self._joins(source, target):
                joining.append((float(np.median(target - source)), len(joining), part))
        return found, [part for _, _, part in sorted(joining, key=lambda j: j[:2])]

    def _joins(self, source: Array, target: Array) -> bool:
        """Whether edges lead from nearly each piece of a group to one of another."""
        a, b = int(self.group[source[0]]), int(self.group[target[0]])
        most = max(len(self.rows[a]), len(self.rows[b]))
        return (
            a != b
            and len(source) >= NEARLY_ALL * most
            and len(np.unique(source)) == len(source)
        )

    def merge_all(self) -> None:
        """Join groups until no edge joins two."""
        waiting = self.joining
        while True:
            left = [part for part in waiting if not self._merge(part)]
            if len(left) == len(waiting):
                return
            waiting = left

    def _merge(self, edges: Array) -> bool:
        """Join the groups at the ends of edges, or say that they cannot be."""
        source, target = self.flat.source[edges], self.flat.target[edges]
        alive = (self.group[source] >= 0) & (self.group[target] >= 0)
        if not alive.any():
            return False
        source, target = source[alive], target[alive]
        a, b = int(self.group[source[0]]), int(self.group[target[0]])
        if a == b or not self._joins(source, target) or self._apart(a, b):
            return False
        columns = self.columns[a] + self.columns[b]
        if len(columns) > MOST_COLUMNS or self._serial(a) != self._serial(b):
            return False
        pairs = np.stack([self.row[source], self.row[target]])
        for key in (1, 0):
            i, j = pairs[:, np.argsort(pairs[key], kind="stable")]
            rows = np.concatenate([self.rows[a][i], self.rows[b][j]], axis=1)
            if self._forward(rows, columns):
                self._join(a, b, rows, columns)
                return True
        return False

    def _serial(self, number: int) -> bool:
        """Whether pieces of a group read others' results."""
        columns = self.columns[number]
        for column in columns:
            for edges in self._inside(column, set(columns)):
                source, target = self.flat.source[edges], self.flat.target[edges]
                alive = (self.group[source] == number) & (self.group[target] == number)
                if (alive & (self.row[source] != self.row[target])).any():
                    return True
        return False

    def zip_all(self) -> None:
        """Let a loop compute several groups that do not wait for each other.

        Sums are such: each waits for its last addition, not for memory or others.
        """
        serial = sorted(g for g in self.rows if self._serial(g))
        serial.sort(key=lambda g: -len(self.rows[g]))
        while serial:
            a = serial.pop(0)
            for b in list(serial):
                count = len(self.rows[b])
                if len(self.rows[a]) - count > ODD or self._waits(a, b):
                    continue
                columns = self.columns[a] + self.columns[b]
                rows = [self.rows[a][:count], self.rows[b]]
                if len(columns) <= MOST_COLUMNS:
                    self._join(a, b, np.concatenate(rows, axis=1), columns)
                    serial.remove(b)

    def _waits(self, a: int, b: int) -> bool:
        """Whether something of a group is computed from something of the other."""
        reach = self.reach.inside
        return any(reach[c] & self.bits[b] for c in numbers(self.bits[a])) or any(
            reach[c] & self.bits[a] for c in numbers(self.bits[b])
        )

    def _apart(self, a: int, b: int) -> bool:
        """Whether something outside is computed from the one or the other, for them."""
        bits = self.bits[a] | self.bits[b]
        return any(self.reach.between(c, bits) for c in numbers(bits))

    def _forward(self, rows: Array, columns: list[int]) -> bool:
        """Whether no piece needs one that comes after it."""
        place = self.row  # borrowed, and given back
        kept = rows.ravel()
        before = place[kept]
        everything = [e for c in columns for e in self._inside(c, set(columns))]
        ends = np.concatenate(everything or [np.zeros(0, np.int64)])
        source, target = self.flat.source[ends], self.flat.target[ends]
        stays = np.zeros(len(place), bool)
        stays[kept] = True
        both = stays[source] & stays[target]
        place[rows] = np.arange(len(rows))[:, None]
        fine = bool((place[source[both]] <= place[target[both]]).all())
        place[kept] = before
        return fine

    def _inside(self, column: int, columns: set[int]) -> list[Array]:
        return [e for s, e in self.edges[column].items() if s in columns]

    def _join(self, a: int, b: int, rows: Array, columns: list[int]) -> None:
        for number in (a, b):
            self.group[self.rows[number]] = -1
        self.bits[a] |= self.bits.pop(b)
        self.columns[a] = columns
        del self.rows[b], self.columns[b]
        self._put(a, rows)

    def all(self) -> Iterable[Array]:
        """Return the rows of every group."""
        return self.rows.values()


def _beginnings(classes: Array, together: list[int]) -> list[Array]:
    """Return steps of a chain, and the classes alone that are not in its steps."""
    rows = []
    if len(together) > 1:
        members = np.flatnonzero(np.isin(classes, together))
        steps = _steps(members, classes[members], together)
        if len(steps) >= FEWEST:
            rows.append(steps)
            together = sorted(set(together) - set(classes[steps[0]].tolist()))
    return rows + [np.flatnonzero(classes == c)[:, None] for c in together]


def _steps(members: Array, classes: Array, together: list[int]) -> Array:
    """Return the steps of a chain, one a row: members from one of a class to the next.

    members: of all the classes, in order. Steps unlike most are left out.
    """
    sizes = np.bincount(classes)[together]
    for size in -np.sort(-sizes):
        kept = np.array(together)[sizes >= SAME_SIZE * size]
        chosen = np.isin(classes, kept)
        if chosen.sum() >= NEARLY_ALL * len(classes):
            break
    members, classes = members[chosen], classes[chosen]
    first = classes[np.isin(classes, np.array(together)[sizes == size])][0]
    step = np.cumsum(classes == first) - 1
    members, classes, step = (x[step >= 0] for x in (members, classes, step))
    order = np.lexsort((members, classes, step))
    members, classes, step = members[order], classes[order], step[order]
    return _equal_rows(members, classes, np.searchsorted(step, np.arange(step[-1] + 2)))


def _equal_rows(members: Array, classes: Array, cuts: Array) -> Array:
    """Return the parts of a list whose classes are those of most parts."""
    lengths = np.diff(cuts)
    usual = np.bincount(lengths).argmax()
    starts = cuts[:-1][lengths == usual]
    rows = starts[:, None] + np.arange(usual)
    return members[_usual(classes[rows], rows)]


def _usual(signs: Array, rows: Array) -> Array:
    """Return the rows whose signs are those of most."""
    _, which, counts = np.unique(signs, axis=0, return_inverse=True, return_counts=True)
    return rows[which.ravel() == counts.argmax()]
