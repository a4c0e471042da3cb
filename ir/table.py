"""Keep nodes so that equal ones are one, each made after its operands."""

from __future__ import annotations

import math
from itertools import compress
from typing import TYPE_CHECKING, Any

from overbar.ir.node import Node
from overbar.ir.ops import OPS
from overbar.ir.ops.typing import FLOATING
from overbar.ir.types import F64

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from overbar.ir.ops import Op
    from overbar.ir.source import Span
    from overbar.ir.types import Type

EXTENT = OPS["extent"]


class Table:
    """Intern nodes: the part of a graph that its views share.

    spans: where in the user's text a node was first written; span: where one that is
    made now is; outputs: the nodes to compute, by name.
    """

    outputs: dict[str, Node]
    spans: dict[Node, Span]
    span: Span | None

    def __init__(self) -> None:
        self._nodes: list[Node] = []  # by index
        self._floats: dict[Op, dict[tuple[Node, ...], Node]] = {}  # see `_is_plain`
        self._table: dict[tuple[Any, ...], Node] = {}  # all others
        self._others: set[tuple[Op, Type]] = set()  # their ops, and types

    def __len__(self) -> int:
        """Return the number of nodes ever made."""
        return len(self._nodes)

    @property
    def ops(self) -> set[Op]:
        """The ops of all nodes ever made."""
        return {*self._floats, *(op for op, _ in self._others)}

    @property
    def shaped(self) -> bool:
        """Whether any node ever made is an array, or the size of one."""
        return any(kind.shape or op is EXTENT for op, kind in self._others)

    def shares(self, node: Node) -> bool:
        """Whether a node is of this graph, or of one that it is a view of."""
        return node.graph._nodes is self._nodes  # noqa: SLF001 - of the same class

    def order(
        self,
        roots: Iterable[Node] | None = None,
        known: Collection[Node] = (),
        since: int = 0,
    ) -> list[Node]:
        """Return what the roots (default: the outputs) need, operands first.

        What is `known` is returned where it is needed, its own operands are not. Nodes
        made before the graph had `since` of them are left out.
        """
        roots = list(self.outputs.values() if roots is None else roots)
        known = {n for n in known if n.args}  # others need nothing in any case
        few = len(self) // 8 if all(map(self.shares, roots)) else math.inf
        found = reached(roots, known, few)
        if len(found) > few:
            return self._swept(found, known, since)
        return sorted((n for n in found if n.index >= since), key=_index)

    def _swept(
        self, roots: Iterable[Node], known: Collection[Node], since: int
    ) -> list[Node]:
        """Do what `order` does where much of the graph is needed: ask every node."""
        nodes = self._nodes
        needed = bytearray(len(nodes))
        for node in roots:
            needed[node.index] = True
        for i in range(len(needed) - 1, since - 1, -1):
            if needed[i]:
                for a in () if known and nodes[i] in known else nodes[i].args:
                    needed[a.index] = 1
        return list(compress(nodes[since:], needed[since:]))

    def _intern(
        self,
        op: Op,
        args: tuple[Node, ...],
        attrs: tuple[Any, ...],
        kind: Type,
        value: object = None,
    ) -> Node:
        key: Any = args
        if op.commutative:
            key = tuple(sorted(args, key=_index))
        if kind == F64 and not attrs and _is_plain(op):
            made = self._floats.setdefault(op, {})
        else:
            self._others.add((op, kind))
            key = (op, *key, attrs if value is None else value, kind)
            made = self._table
        return made.get(key) or self._new(made, key, op, args, attrs, kind)

    def _new(
        self,
        made: dict[tuple[Any, ...], Node],
        key: tuple[Any, ...],
        op: Op,
        args: tuple[Node, ...],
        attrs: tuple[Any, ...],
        kind: Type,
    ) -> Node:
        """Make a node, and keep it by its key among those made."""
        made[key] = node = Node()  # without __init__, whose call costs as much
        node.op = op
        node.args = args
        node.attrs = attrs
        node.type = kind
        node.graph = self  # type: ignore[assignment]  # it is a Graph
        node.index = len(self._nodes)
        node.face = None
        self._nodes.append(node)
        if self.span is not None:
            self.spans[node] = self.span
        return node


def reached(
    roots: Iterable[Node], known: Collection[Node] = (), most: float = math.inf
) -> list[Node]:
    """Return what roots need, in the order it is found, or the first `most` and more.

    What is `known` needs nothing.
    """
    found = list(dict.fromkeys(roots))
    seen = set(found)
    for node in found:  # grows while it is walked
        for a in () if node in known else node.args:
            if a not in seen:
                seen.add(a)
                found.append(a)
        if len(found) > most:
            break
    return found


def _index(node: Node) -> int:
    return node.index


def _is_plain(op: Op) -> bool:
    """Whether float64 scalars, one or two, need no cast and nothing but rewrites."""
    simple = op.shaping is None and op.tidy is None and op.arity in {1, 2}
    return simple and op.typing in FLOATING
