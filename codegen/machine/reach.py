"""Know which classes of nodes are computed from which.

Comes in: a program as arrays, the class of each node. Goes out: sets of classes, each
an integer with a bit for every class.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from overbar.codegen.machine.isomorphic import FEWEST

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from overbar.codegen.machine.patterns import Flat

# NumPy's arrays, of integers.
Array = Any


class Reach:
    """Know which classes are computed from which; a set of classes is an integer.

    inside: of each class, those that some member is computed from; sources: those that
    operands are in; loose: those that operands in no class are computed from.
    """

    def __init__(self, flat: Flat, classes: Array) -> None:
        count = int(classes.max()) + 1
        self.inside, self.sources, self.loose = ([0] * count for _ in range(3))
        self.flat, self.classes = flat, classes
        bits = [1 << c for c in range(count)]
        reached = [0] * len(classes)
        numbers = classes.tolist()
        starts, sources = flat.starts.tolist(), flat.source.tolist()
        inside, loose, fed = self.inside, self.loose, self.sources
        for i in np.flatnonzero(flat.kind >= 0).tolist():
            given = sources[starts[i] : starts[i + 1]]
            found = 0
            for a in given:
                found |= reached[a]
            c = numbers[i]
            if c < 0:
                reached[i] = found
                continue
            inside[c] |= found
            reached[i] = found | bits[c]
            for a in given:
                if numbers[a] >= 0:
                    fed[c] |= bits[numbers[a]]
                else:
                    loose[c] |= reached[a]

    def between(self, c: int, bits: int) -> bool:
        """Whether a class has an operand outside of some that is computed from them."""
        if self.loose[c] & bits:
            return True
        return any(self.inside[s] & bits for s in numbers(self.sources[c] & ~bits))

    def circles(self) -> Iterator[list[int]]:
        """Return classes that are computed from each other together, others alone.

        Edges of a few members do not count: some only look like those of a class.
        """
        users = self._usual()
        sources: list[list[int]] = [[] for _ in users]
        for c, found in enumerate(users):
            for user in found:
                sources[user].append(c)
        seen: set[int] = set()
        last_first = [
            c for start in range(len(users)) for c in _left(users, start, seen)
        ]
        seen.clear()
        for start in reversed(last_first):
            together = _left(sources, start, seen)
            if together:
                yield sorted(together)

    def _usual(self) -> list[list[int]]:
        """Return the classes that often have operands in each class."""
        source, target = self.classes[self.flat.source], self.classes[self.flat.target]
        count = len(self.inside)
        inner = (source >= 0) & (target >= 0)
        codes, often = np.unique(
            source[inner] * count + target[inner], return_counts=True
        )
        found: list[list[int]] = [[] for _ in range(count)]
        for code in codes[often >= FEWEST].tolist():
            found[code // count].append(code % count)
        return found


def _left(edges: Sequence[Sequence[int]], start: int, seen: set[int]) -> list[int]:
    """Return what is reached and was not seen, in the order in which a walk leaves it.

    A walk by depth, as of Kosaraju's algorithm for what reaches each other.
    """
    if start in seen:
        return []
    seen.add(start)
    found = []
    way = [(start, iter(edges[start]))]
    while way:
        c, left = way[-1]
        following = next((d for d in left if d not in seen), None)
        if following is None:
            found.append(c)
            way.pop()
        else:
            seen.add(following)
            way.append((following, iter(edges[following])))
    return found


def numbers(bits: int) -> Iterator[int]:
    """Return the members of a set that is an integer."""
    while bits:
        low = bits & -bits
        yield low.bit_length() - 1
        bits ^= low
