"""Read generated loops: what is filled in vain, or computed anew each turn."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

FREE = {"np", "math", "range", "abs", "len"}


def dead(function: ast.FunctionDef) -> list[str]:
    """Return variables and arrays that are made or filled, and read nowhere.

    An element that is added to is not read by that. To fill a part of an array, under
    a name of its own, is to fill the array.
    """
    read: set[str] = set()
    made: dict[str, None] = {}
    looks = [n for n in ast.walk(function) if isinstance(n, ast.Assign) and _is_part(n)]
    parts = {look.targets[0].id: look.value.value.id for look in looks}
    aside = {id(n.value) for n in looks} | {id(n.targets[0]) for n in looks}
    for node in ast.walk(function):
        if id(node) in aside or node in looks:
            continue
        for name, reads in _uses(node):
            if reads:
                read.add(parts.get(name, name))
            else:
                made[parts.get(name, name)] = None
    return [name for name in made if name not in read and name != "_"]


def _is_part(node: ast.Assign) -> bool:
    """Whether a name is given to a part of an array: x_i = x[i, start:stop]."""
    value = node.value
    return isinstance(value, ast.Subscript) and any(
        isinstance(n, ast.Slice) for n in ast.walk(value.slice)
    )


def _uses(node: ast.AST) -> Iterator[tuple[str, bool]]:
    """Yield the names that stand directly in a node, and whether they are read."""
    if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name):
        yield node.value.id, isinstance(node.ctx, ast.Load)
    stored = isinstance(node, ast.Subscript)
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Name) and not (stored and child is node.value):  # type: ignore[attr-defined]
            yield child.id, isinstance(child.ctx, ast.Load)


def varying(function: ast.FunctionDef) -> list[str]:
    """Return work that an innermost loop does again although nothing in it changes.

    Work that stands in a branch may be there so as not to be done at all.
    """
    found: list[str] = []
    sizes = {
        target.id
        for node in ast.walk(function)
        if isinstance(node, ast.Assign) and ".shape[" in ast.unparse(node.value)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for loop in ast.walk(function):
        if isinstance(loop, ast.For):
            changed = _changed(loop)
            for statement in loop.body:
                if isinstance(statement, ast.Assign | ast.AugAssign):
                    found += _constant(statement.value, changed, FREE | sizes)
    return found


def _changed(loop: ast.For) -> set[str]:
    """Return the variables and arrays that a loop changes."""
    names = {loop.target.id} if isinstance(loop.target, ast.Name) else set()
    for node in ast.walk(loop):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        stored = isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store)
        if stored and isinstance(node.value, ast.Name):
            names.add(node.value.id)
    return names


def _constant(value: ast.expr, changed: set[str], free: set[str]) -> list[str]:
    """Return the largest parts of an expression that no changed name is in.

    free: names of which what is made costs next to nothing, such as sizes.
    """
    if isinstance(value, ast.IfExp | ast.BoolOp):
        first = value.test if isinstance(value, ast.IfExp) else value.values[0]
        return _constant(first, changed, free)
    names = {n.id for n in ast.walk(value) if isinstance(n, ast.Name)} - free
    work = isinstance(value, ast.BinOp | ast.Call | ast.Compare)
    if work and names and not names & changed:
        return [ast.unparse(value)]
    parts = (c for c in ast.iter_child_nodes(value) if isinstance(c, ast.expr))
    return [text for part in parts for text in _constant(part, changed, free)]
