"""Know what symbols stand for in each part of a SymPy expression."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from overbar.ir.graph import Node


class Mentions:
    """Tell which expressions mention one of some symbols, looking at each once."""

    def __init__(self, symbols: Iterable[Any]) -> None:
        self._symbols = frozenset(symbols)
        self._known: dict[int, bool] = {}
        self._held: list[Any] = []  # what has an entry must not be freed

    def __call__(self, expr: Any) -> bool:
        """Whether an expression mentions one of the symbols."""
        known = self._known
        if id(expr) not in known:
            stack = [self._open(expr)]
            while stack:
                top, operands, rest = stack[-1]
                missing = next((a for a in rest if id(a) not in known), None)
                if missing is not None:
                    stack.append(self._open(missing))
                    continue
                stack.pop()
                known[id(top)] = self.decided(top) or any(
                    known[id(a)] for a in operands
                )
        return known[id(expr)]

    def decided(self, expr: Any) -> bool:
        """Whether an expression is what is asked for, whatever its operands."""
        return self.is_one(expr)

    def is_one(self, expr: Any) -> bool:
        """Whether an expression is one of the symbols."""
        return _is_symbol(expr) and expr in self._symbols

    def _open(self, expr: Any) -> tuple[Any, tuple[Any, ...], Any]:
        found = getattr(expr, "args", ())
        operands = found if isinstance(found, tuple) else ()
        self._held += (expr, operands)
        return expr, operands, iter(operands)


def _is_symbol(expr: Any) -> bool:
    return bool(getattr(expr, "is_Symbol", False)) or type(expr).__name__ == "Idx"


class Scope:
    """Hold what symbols stand for while a subexpression is read.

    values: the node of each symbol bound here (at the root: of each input);
    memo: the nodes of the expressions read here, by identity;
    mentions: whether an expression depends on the symbols bound here: if not, it is
        read, once, in the scope outside;
    entries: how many scopes like this one an unrolled sum is known to open.
    """

    __slots__ = ("entries", "memo", "mentions", "outer", "values")

    def __init__(
        self,
        values: dict[Any, Node],
        outer: Scope | None = None,
        mentions: Mentions | None = None,
        entries: int = 1,
    ) -> None:
        self.values = values
        self.outer = outer
        self.mentions = mentions
        self.entries = entries
        self.memo: dict[int, Node] = {}

    def at(self, expr: Any) -> Scope:
        """Return the scope to read an expression in: where its value is decided."""
        scope = self
        while scope.outer and scope.mentions and not scope.mentions(expr):
            scope = scope.outer
        return scope

    def find(self, symbol: Any) -> Node | None:
        """Return the node of a symbol, None for a free one not met before."""
        scope: Scope | None = self
        while scope:
            if symbol in scope.values:
                return scope.values[symbol]
            scope = scope.outer
        return None
