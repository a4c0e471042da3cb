"""Write expressions as Python that a person can read."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from overbar.ir.ops import OPS
from overbar.ir.ops.row import ATOM, LOOSEST
from overbar.ir.text import Writer, Written, number
from overbar.ir.types import F32

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from overbar.ir.graph import Node
    from overbar.ir.ops import Op

_LOAD = OPS["load"]
_NAMED = re.compile(r"\b(pi|inf|nan)\b")


class PythonWriter(Writer):
    """Write expressions as Python over `math` and `np`."""

    column = "python"

    def __init__(self, names: Mapping[Node, str]) -> None:
        super().__init__(names)
        self.used: dict[Op, None] = {}
        self.recent: list[Op] = []

    def leaf(self, node: Node) -> Written:
        """Return a constant that a float may be combined with."""
        return self.constant(node, plain=True)

    def constant(self, node: Node, *, plain: bool = False) -> Written:
        """Return a constant; one that stands alone keeps its point."""
        if not node.is_const:
            return super().leaf(node)
        text, binding = number(node.value, plain=plain and node.type is not F32)
        return with_math(text), binding

    def operand(self, node: Node, user: Node) -> Written:
        """Return an operand; helpers and branches are given floats, not integers."""
        alone = self.notation(user).binding == LOOSEST
        if node.is_const and (user.op.helper or user.op.chooses or alone):
            return self.constant(node)
        return self.leaf(node)

    def apply(self, node: Node, operands: Sequence[Written]) -> Written:
        """Return an op applied, noting that it is used."""
        self.used[node.op] = None
        self.recent.append(node.op)
        return super().apply(node, operands)

    def element(self, node: Node) -> str:
        """Return where a value is put: a variable, or an element of an array.

        That element may be a variable's value elsewhere, where it is read.
        """
        if node.op is not _LOAD:
            return self.names[node]
        operands = [(self.read(a), ATOM if a in self.names else 0) for a in node.args]
        return self.notation(node).write(operands, node.attrs)

    def value(self, node: Node) -> str:
        """Return an expression that stands alone: assigned or returned."""
        if node in self.names:
            return self.names[node]
        text = self.constant(node)[0] if not node.args else self.write(node)[0]
        return f"np.float32({text})" if node.type is F32 else text


def with_math(text: str) -> str:
    """Return a number's text with constants as attributes of `math`."""
    return _NAMED.sub(r"math.\1", text) if text.islower() else text
