"""Write one element of an array as a scalar expression over elements of others.

Comes in: which arrays are stored. Goes out: scalar nodes, interned, so that what two
elements share is one node, over `load` nodes that read what is stored.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from overbar.ir.ops import OPS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from overbar.ir.graph import Graph, Node

    Index: TypeAlias = tuple[Node, ...]

_LOAD, _CAST = OPS["load"], OPS["cast"]


class _MissingError(Exception):
    """Ask for an operand's element before the one that needs it."""

    def __init__(self, wanted: tuple[Node, Index]) -> None:
        super().__init__()
        self.wanted = wanted


@dataclass
class Strip:
    """Hold the indices in a loop over a strip's elements, and the rows it looks at.

    offset: where in the strip an element stands; index: where in the whole axis;
    outside: the indices of loops around, None where there are loops inside; rows: what
    stands for the strip's part of an array, by the array and the indices before it;
    parts: those without such indices, for all loops over the strip.
    """

    offset: Node
    index: Node
    outside: Collection[Node] | None
    parts: dict[tuple[Node, Index], Node]
    rows: dict[tuple[Node, Index], Node] = field(default_factory=dict)

    def row(self, array: Node, index: Index) -> Node | None:
        """Return what stands for a part of an array; None where it is no one row."""
        if self.outside is None or not index or index[-1] is not self.index:
            return None
        if not all(i in self.outside or i.is_const for i in index[:-1]):
            return None
        key, known = (array, index[:-1]), self.rows if index[:-1] else self.parts
        if key not in known:
            shape = array.type.shape[-1:]
            place = " ".join(str(i.index) for i in index)
            known[key] = array.graph.remake_input(
                f"{array.index} strip at {place}", array.type.of(shape)
            )
        return known[key]


class Elements:
    """Make elements of the arrays of one graph.

    stored: arrays that elements are loaded from.
    forwarded: for an array just stored in the same loop, its place and its value.
    gone: axes that arrays have no place for, being made anew in each turn of a loop.
    short: axes that arrays have for a strip's elements only.
    strip: the loop over a strip's elements around.
    opaque: what stands for numbers that are given, so that no rewrite looks into them.
    turned: what arrays are in terms of others that are stored in their place.
    """

    def __init__(
        self,
        graph: Graph,
        stored: Collection[Node],
        forwarded: Mapping[Node, tuple[Index, Node]] | None = None,
        gone: Mapping[Node, Collection[int]] | None = None,
        short: Mapping[Node, Collection[int]] | None = None,
        strip: Strip | None = None,
        opaque: Mapping[Node, Node] | None = None,
        turned: Mapping[Node, Node] | None = None,
    ) -> None:
        self.graph = graph
        self.stored = stored
        self.forwarded = forwarded or {}
        self.gone = gone or {}
        self.short = short or {}
        self.strip = strip
        self.opaque = opaque or {}
        self.turned = turned or {}
        self._made: dict[tuple[Node, Index], Node] = {}

    def load(self, array: Node, index: Sequence[Node]) -> Node:
        """Return an element of a stored array."""
        if not array.type.shape:
            return array
        known = self.forwarded.get(array)
        if known is not None and known[0] == tuple(index):
            return known[1]
        return self.place(array, index)

    def place(self, array: Node, index: Sequence[Node]) -> Node:
        """Return where an element lies in memory."""
        gone, strip = self.gone.get(array, ()), self.strip
        if strip is None:
            left = tuple(n for k, n in enumerate(index) if k not in gone)
            return self.graph.restore(_LOAD, (array, *left), (), array.type.scalar)
        short = self.short.get(array, ())
        index = [strip.offset if k in short else n for k, n in enumerate(index)]
        left = tuple(n for k, n in enumerate(index) if k not in gone)
        row = None if gone else strip.row(array, left)
        where = (array, *left) if row is None else (row, strip.offset)
        return self.graph.restore(_LOAD, where, (), array.type.scalar)

    def at(self, node: Node, index: Sequence[Node]) -> Node:
        """Return an element, whatever the depth of its expression."""
        return self.build(lambda at: at(node, tuple(index)))

    def build(self, make: Callable[..., Node]) -> Node:
        """Return what `make(at)` makes of elements `at(node, index)`."""
        stack: list[Callable[[], Node]] = [lambda: make(self._ask)]
        keys: list[tuple[Node, Index] | None] = [None]
        while True:
            try:
                found = stack[-1]()
            except _MissingError as missing:
                wanted = missing.wanted
                stack.append(partial(expression, *wanted, self._ask))
                keys.append(wanted)
                continue
            stack.pop()
            key = keys.pop()
            if key is None:
                return found
            self._made[key] = found

    def _ask(self, node: Node, index: Sequence[Node]) -> Node:
        if not node.type.shape:
            return self.opaque.get(node, node)
        if node in self.stored:
            return self.load(node, index)
        key = (self.turned.get(node, node), tuple(index))
        found = self._made.get(key)
        if found is None:
            raise _MissingError(key)
        return found


def expression(node: Node, index: Index, at: Callable[..., Node]) -> Node:
    """Return an element of an array in terms of its operands' elements."""
    op = node.op
    if op.element is not None:
        return op.element(at, node, index)
    args = [a if a.is_const else at(a, index) for a in node.args]
    if op is _CAST:
        return node.graph.convert(args[0], node.type)
    return node.graph.make(op, args, node.attrs)


def by_element(node: Node) -> bool:
    """Whether an array's elements are scalar expressions over other elements."""
    op = node.op
    return op.element is not None or (bool(node.args) and op.shaping is None)
