"""Read Python functions: their syntax trees, and which functions they call."""

from __future__ import annotations

import ast
import inspect
import operator
import textwrap
from functools import cache
from typing import TYPE_CHECKING, Any

from overbar.ir.errors import UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Callable

_FOLDED: dict[type[ast.AST], Callable[..., Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul,
    ast.Div: operator.truediv, ast.FloorDiv: operator.floordiv, ast.Mod: operator.mod,
    ast.Pow: operator.pow, ast.USub: operator.neg, ast.UAdd: operator.pos,
}  # fmt: skip
_WORD = 64
"""The exponent from which on a power of integers is no integer of Numba's."""


@cache
def parsed(function: Callable[..., Any]) -> tuple[ast.FunctionDef, int]:
    """Return a function's syntax tree, and the line of its file where it starts."""
    name = getattr(function, "__name__", repr(function))
    try:
        lines, first = inspect.getsourcelines(function)
        tree = ast.parse(textwrap.dedent("".join(lines))).body[0]
    except (OSError, TypeError, SyntaxError):
        tree, first = ast.Pass(), 0
    if not isinstance(tree, ast.FunctionDef):
        message = f"expected {name} to have text that can be read, found none"
        raise UnsupportedError(message)
    given = tree.args
    special = (given.vararg, given.kwarg, *given.kwonlyargs, *given.posonlyargs)
    if any(special) or given.defaults:
        message = f"expected plain arguments of {name}, found {ast.unparse(given)}"
        raise UnsupportedError(message)
    _Folding().visit(tree)
    return tree, first


@cache
def loops(function: Callable[..., Any]) -> bool:
    """Whether a function has loops, or calls one that has, but for those of literals.

    Raises UnsupportedError for a function that calls itself, through others too.
    """
    found: dict[Any, None] = {}
    stack = [function]
    while stack:
        called = stack.pop()
        found[called] = None
        inner = _called(called)
        if function in inner:
            message = f"expected no recursion, found one in {function.__name__}"
            raise UnsupportedError(message)
        stack += [f for f in inner if f not in found]
    nodes = (n for f in found for n in ast.walk(parsed(f)[0]))
    return any(isinstance(n, ast.While) or _is_range(n) for n in nodes)


def _is_range(node: ast.AST) -> bool:
    return isinstance(node, ast.For) and not isinstance(node.iter, ast.Tuple)


def _called(function: Any) -> list[Callable[..., Any]]:
    """Return the Python functions that a function calls."""
    nodes = (n for part in parsed(function)[0].body for n in ast.walk(part))
    called = (n.func for n in nodes if isinstance(n, ast.Call))
    names = dict.fromkeys(f.id for f in called if isinstance(f, ast.Name))
    found = (function.__globals__.get(name) for name in names)
    return [f for f in found if inspect.isfunction(f)]


class _Folding(ast.NodeTransformer):
    """Compute arithmetic of literals, as Python does before Numba sees it."""

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        """Fold a binary operator."""
        self.generic_visit(node)
        return _folded(node, node.op, node.left, node.right)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        """Fold a sign."""
        self.generic_visit(node)
        return _folded(node, node.op, node.operand)


def _folded(node: ast.AST, op: ast.AST, *operands: ast.expr) -> ast.AST:
    numbers = [n for n in map(_literal, operands) if n is not None]
    if len(numbers) != len(operands) or type(op) not in _FOLDED:
        return node
    whole = all(isinstance(n, int) for n in numbers)
    if isinstance(op, ast.Pow) and whole and numbers[1] > _WORD:
        return ast.copy_location(ast.Constant(ast.unparse(node)), node)  # no number
    try:
        number = _FOLDED[type(op)](*numbers)
    except ArithmeticError:
        return node
    if type(number) not in {int, float}:
        return node
    return ast.copy_location(ast.Constant(number), node)


def _literal(node: ast.expr) -> float | None:
    """Return a number that is written out."""
    value = node.value if isinstance(node, ast.Constant) else None
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return value if number else None  # type: ignore[return-value] # it is a number
