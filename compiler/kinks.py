"""List where a formula is not smooth: its kinks, jumps and branches.

Comes in: a graph. Goes out: one Kink a place, in the user's order, saying by which
convention its derivative is chosen. What only conditions depend on is left out: it
moves a branch's edge, but no derivative goes through it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from overbar.explain import phrase, read
from overbar.ir.node import is_condition
from overbar.ir.ops.piecewise import CONVENTIONS
from overbar.ir.text import arrange

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from overbar.ir.graph import Graph, Node
    from overbar.ir.source import Span

_TAGGED = re.compile(rf"(.*?)(?: \((jump|{'|'.join(CONVENTIONS)})\))?", re.DOTALL)
"""A row's `kink`: where it is, then `(jump)`, or a convention of the row's own."""


@dataclass(frozen=True, slots=True, repr=False)
class Kink:
    """Say where a formula is not smooth.

    expression: the operation, in the user's names; condition: where, such as
        `x - 1 = 0`, for a branch the condition that changes there.
    kind: "kink" (the slope jumps), "jump" (the value does) or "branch" (either may).
    convention: how the derivative at a kink is chosen, as in `kinks=` of `ob.compile`;
        at a jump or a branch it is that of the side taken, and this is empty.
    span: the user's line, where known.
    """

    expression: str
    condition: str
    kind: str
    convention: str = ""
    span: Span | None = None

    @property
    def text(self) -> str:
        """What and where: `abs(x - 1): x - 1 = 0`."""
        return f"{self.expression}: {self.condition}"

    def __str__(self) -> str:
        """Return one line: the place, the text, the kind and the convention."""
        place = f"{self.span.source.label}{self.span.line}: " if self.span else ""
        kind = f"{self.kind}, {self.convention}" if self.convention else self.kind
        return f"{place}{self.text} ({kind})"

    def __repr__(self) -> str:
        return f"<{self}>"


def kinks(graph: Graph) -> list[Kink]:
    """Return the kinks, jumps and branches that the outputs depend on.

    They come in the order of the user's statements, each once: two branches of one
    line on one condition are one.
    """
    found: dict[tuple[object, ...], Kink] = {}
    for node in rough(graph, graph.outputs.values()):
        kink = describe(graph, node)
        line = kink.span.line if kink.span else None
        what = kink.condition if kink.kind == "branch" else node
        found.setdefault((kink.kind, what, line), kink)
    return list(found.values())


def rough(graph: Graph, roots: Iterable[Node]) -> list[Node]:
    """Return the nodes that may not be smooth in their operands, in the user's order.

    These are those whose row says so, and those that depend on a condition on real
    numbers.
    """
    roots = [root for root in roots if not is_condition(root)]
    stack, reached = list(roots), set(roots)
    while stack:
        for arg in stack.pop().args:
            if arg not in reached and not is_condition(arg):
                reached.add(arg)
                stack.append(arg)
    changing = _changing(graph, roots)
    return [n for n in arrange(graph, roots) if n in reached and _is_rough(n, changing)]


def _is_rough(node: Node, changing: Collection[Node]) -> bool:
    return node.op.kink is not None or any(
        is_condition(a) and a in changing for a in node.args
    )


def _changing(graph: Graph, roots: Iterable[Node]) -> set[Node]:
    """Return what real inputs move: a condition on places or whole numbers is fixed."""
    found: set[Node] = set()
    for node in graph.order(roots):
        is_input = not node.args and node.op.numpy is None and not node.is_const
        if (is_input and node.type.is_float) or any(a in found for a in node.args):
            found.add(node)
    return found


def describe(graph: Graph, node: Node) -> Kink:
    """Return the Kink of a node that may not be smooth."""
    expression, span = phrase(graph, node), graph.spans.get(node)
    if node.op.kink is None:
        condition = next(a for a in node.args if is_condition(a))
        kind = "branch" if node.op.chooses else "jump"
        where = f"where {phrase(graph, condition)} changes"
        return Kink(expression, where, kind, span=span)
    match = _TAGGED.fullmatch(node.op.kink)
    where, tag = match.groups() if match else (node.op.kink, None)
    operands = [read(graph, a) for a in node.args]
    where = where.format(*operands, args=", ".join(operands))
    if tag == "jump":
        return Kink(expression, where, "jump", span=span)
    return Kink(expression, where, "kink", tag or graph.kinks, span)
