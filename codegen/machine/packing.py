"""Put calls of the same function side by side, for a vector to compute at once.

Comes in: straight code in order. Goes out: the same in another order, calls that do not
wait for each other in groups. A call is put off until somebody reads its result; then
others that are ready come with it, those that are read soonest first. So a long formula
with thousands of sines pays for a quarter or an eighth of them.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

from overbar.codegen.machine import inlined_pairs, libraries

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from overbar.ir.graph import Node
    from overbar.ir.ops import Op

WINDOW = 2_048
"""Ops among which the order is changed: values wait in memory meanwhile."""
LEAST = 64
"""Calls of a function in a program from which on they are put side by side."""


class Pack(NamedTuple):
    """Hold calls of one function that are computed together.

    args: the operands, call by call; results: what is computed, of each call one; of a
    function that returns two (see `inlined_pairs`), the first of all, then the second
    of all. lanes: of the vector, at least as many as there are calls; symbol: the
    function over vectors.
    """

    args: tuple[Node, ...]
    results: tuple[tuple[Node, ...], ...]
    lanes: int
    symbol: str

    @property
    def nodes(self) -> tuple[Node, ...]:
        """All that is computed."""
        return tuple(n for nodes in self.results for n in nodes)

    @property
    def paired(self) -> bool:
        """Whether the function returns two vectors."""
        return len(self.results) > 1


def members(item: Node | Pack) -> tuple[Node, ...]:
    """Return the nodes of a pack, or the one node."""
    return item.nodes if isinstance(item, Pack) else (item,)


def packed(nodes: Sequence[Node]) -> list[Node | Pack]:
    """Return nodes and packs in an order in which operands come first.

    nodes: operands first; inputs and constants may be among them or not.
    """
    widths = _widths(nodes)
    if not widths:
        return list(nodes)
    staged: list[Node] = []
    for start in range(0, len(nodes), WINDOW):
        staged += _staged(nodes[start : start + WINDOW], widths)
    return _Packing(staged, widths).run()


def _staged(nodes: Sequence[Node], widths: Collection[Op]) -> list[Node]:
    """Return nodes by how many calls they have to wait for, one after another."""
    stage: dict[Node, int] = {}
    for n in nodes:
        waits = 0
        for a in n.args:
            if a in stage:
                waits = max(waits, stage[a] + (a.op in widths))
        stage[n] = waits
    return sorted(nodes, key=stage.__getitem__)


def _widths(nodes: Sequence[Node]) -> dict[Op, list[tuple[int, str]]]:
    """Return the vectors of each function that is called often, the smallest first."""
    count: dict[Op, int] = defaultdict(int)
    for n in nodes:
        if n.op.vector is not None and len(n.args) == 1 and n.op.helper is None:
            count[n.op] += 1
    found: dict[Op, list[tuple[int, str]]] = {}
    for op, calls in count.items():
        known = [(w, libraries.symbol(op.vector or "", w)) for w in libraries.widths()]
        usable = [(w, symbol) for w, symbol in known if symbol and w > 2]
        if calls >= LEAST and usable:
            found[op] = usable[::-1]
    return found


def _partners(nodes: Sequence[Node], widths: Collection[Op]) -> dict[Node, Node]:
    """Return for the first of two functions of one number the second one."""
    places = {name: i for i, name in enumerate(inlined_pairs.NAMES)}
    calls = [n for n in nodes if n.op in widths and n.op.vector in places]
    firsts = {n.args[0]: n for n in calls if not places[str(n.op.vector)]}
    seconds = {n.args[0]: n for n in calls if places[str(n.op.vector)]}
    return {n: seconds[x] for x, n in firsts.items() if x in seconds}


class _Packing:
    """Go through nodes, and hold back calls until they are needed.

    place: of each call in order; second: what the same function returns beside a call,
    first: the call that it is returned by; after: the calls that wait for a node;
    ready: calls of a function that could be made, by their places.
    """

    def __init__(
        self, nodes: Sequence[Node], widths: dict[Op, list[tuple[int, str]]]
    ) -> None:
        self.nodes = nodes
        self.widths: dict[Any, list[tuple[int, str]]] = {**widths}
        self.place = {n: i for i, n in enumerate(nodes) if self._is_call(n)}
        self.second: dict[Node, Node] = {}
        self.first: dict[Node, Node] = {}
        both = _both_widths(widths)
        if both:
            self.widths[_PAIRED] = both
            self.second = _partners(list(self.place), widths)
            self.first = {b: a for a, b in self.second.items()}
            for a, b in self.second.items():
                self.place[a] = self.place[b] = min(self.place[a], self.place[b])
        self.after: dict[Node, list[Node]] = defaultdict(list)
        for n in self.place:
            if n not in self.first:
                self.after[n.args[0]].append(n)
        self.ready: dict[Any, list[tuple[int, int, Node]]] = defaultdict(list)
        self.done: set[Node] = set()
        self.out: list[Node | Pack] = []

    def _is_call(self, node: Node) -> bool:
        """Whether it is a call of a value that was computed: in scratch memory."""
        if node.op not in self.widths or node.type.dtype != "float64":
            return False
        (given,) = node.args
        return bool(given.args) and given.op.llvm != "same"

    def _kind(self, call: Node) -> Any:
        return _PAIRED if call in self.second else call.op

    def run(self) -> list[Node | Pack]:
        """Return the new order."""
        place = self.place
        for n in self.nodes:
            if n in place:
                continue
            for a in n.args:
                if a in place and a not in self.done:
                    self._flush(a)
            self.out.append(n)
            self._computed(n)
        for n in place:
            if n not in self.done:
                self._flush(n)
        return self.out

    def _computed(self, node: Node) -> None:
        for call in self.after.get(node, ()):
            ready = self.ready[self._kind(call)]
            heapq.heappush(ready, (self.place[call], call.index, call))

    def _flush(self, node: Node) -> None:
        """Make a call, after those that it waits for, others with it."""
        chain = [self.first.get(node, node)]
        while (a := chain[-1].args[0]) in self.place and a not in self.done:
            chain.append(self.first.get(a, a))
        for call in reversed(chain):
            if call not in self.done:
                self._together(call)

    def _together(self, node: Node) -> None:
        kind = self._kind(node)
        widths, ready = self.widths[kind], self.ready[kind]
        group = [node]
        while ready and len(group) < widths[-1][0]:
            _, _, other = heapq.heappop(ready)
            if other is not node and other not in self.done:
                group.append(other)
        results = [tuple(group)]
        if kind is _PAIRED:
            results.append(tuple(self.second[n] for n in group))
        made = [n for nodes in results for n in nodes]
        self.done.update(made)
        if len(group) == 1:
            self.out += made
        else:
            lanes, symbol = next(w for w in widths if w[0] >= len(group))
            args = tuple(n.args[0] for n in group)
            self.out.append(Pack(args, tuple(results), lanes, symbol))
        for call in made:
            self._computed(call)


_PAIRED = "paired"
"""The kind of calls of a function that returns two vectors."""


def _both_widths(widths: dict[Op, list[tuple[int, str]]]) -> list[tuple[int, str]]:
    """Return the vectors of the function that returns two, if both come often."""
    often = {op.vector for op in widths}
    if not often.issuperset(inlined_pairs.NAMES):
        return []
    found = [(w, inlined_pairs.symbol(w)) for w in libraries.widths() if w > 2]
    return [(w, symbol) for w, symbol in found if symbol][::-1]
