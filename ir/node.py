"""Stand for one value of a formula: an op applied to other values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias, cast

from overbar.ir.ops import OPS, Op
from overbar.ir.types import BOOL, Type

if TYPE_CHECKING:
    from overbar.ir.graph import Graph

CONST = OPS["const"]
_ADD, _SUB, _MUL, _DIV = OPS["add"], OPS["sub"], OPS["mul"], OPS["div"]
_POW, _NEG = OPS["pow"], OPS["neg"]
Operand: TypeAlias = "Node | float"


class Node:
    """Stand for one value: an op, its operands, attributes and type.

    Immutable, compared by identity; nodes come from `Graph.make` alone. face: what
    rewrites see of it (`overbar.rewrite.engine.face`), once they asked.
    """

    __slots__ = ("args", "attrs", "face", "graph", "index", "op", "type")

    args: tuple[Node, ...]
    attrs: tuple[Any, ...]
    graph: Graph
    index: int
    op: Op
    type: Type
    face: object

    @property
    def is_const(self) -> bool:
        """Whether the node is a constant."""
        return self.op is CONST

    @property
    def value(self) -> float:
        """The value of a constant."""
        return cast("float", self.attrs[0])

    def equals(self, value: float) -> bool:
        """Whether the node is a constant equal to `value` (0.0 equals -0.0)."""
        return self.op is CONST and self.attrs[0] == value

    def __add__(self, other: Operand) -> Node:
        return self.graph.make(_ADD, (self, self.graph.lift(other)))

    def __radd__(self, other: Operand) -> Node:
        return self.graph.make(_ADD, (self.graph.lift(other), self))

    def __sub__(self, other: Operand) -> Node:
        return self.graph.make(_SUB, (self, self.graph.lift(other)))

    def __rsub__(self, other: Operand) -> Node:
        return self.graph.make(_SUB, (self.graph.lift(other), self))

    def __mul__(self, other: Operand) -> Node:
        return self.graph.make(_MUL, (self, self.graph.lift(other)))

    def __rmul__(self, other: Operand) -> Node:
        return self.graph.make(_MUL, (self.graph.lift(other), self))

    def __truediv__(self, other: Operand) -> Node:
        return self.graph.make(_DIV, (self, self.graph.lift(other)))

    def __rtruediv__(self, other: Operand) -> Node:
        return self.graph.make(_DIV, (self.graph.lift(other), self))

    def __pow__(self, other: Operand) -> Node:
        return self.graph.make(_POW, (self, self.graph.lift(other)))

    def __rpow__(self, other: Operand) -> Node:
        return self.graph.make(_POW, (self.graph.lift(other), self))

    def __neg__(self) -> Node:
        return self.graph.make(_NEG, (self,))

    def __repr__(self) -> str:
        """Return a short description, not the whole expression."""
        return f"<Node {self.index} {self.op.name}{list(self.attrs) or ''}>"


def is_condition(node: Node) -> bool:
    """Whether a node is a condition rather than a number."""
    return node.type.dtype == BOOL.dtype
