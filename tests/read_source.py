"""Read generated functions as syntax trees: what they repeat, and what is missing."""

from __future__ import annotations

import ast
import builtins

_WORK = (ast.BinOp, ast.Call, ast.Compare, ast.IfExp, ast.BoolOp)
FREE = {*dir(builtins), "np", "math", "njit"}


def functions(source: str) -> dict[str, ast.FunctionDef]:
    """Return the functions of a module by name."""
    body = ast.parse(source).body
    return {f.name: f for f in body if isinstance(f, ast.FunctionDef)}


def repeated(function: ast.FunctionDef) -> list[str]:
    """Return expressions computed again where their value is known already.

    Generated code assigns a variable once a path, so equal text is equal value. What
    was computed in a branch is known in that branch alone.
    """
    found: list[str] = []
    blocks: list[tuple[list[ast.stmt], set[str]]] = [(function.body, set())]
    for block, known in blocks:  # grows while it is walked
        for statement in block:
            branches = isinstance(statement, ast.If)
            for node in ast.walk(statement.test if branches else statement):
                if isinstance(node, _WORK):
                    key = ast.dump(node)
                    found += [ast.unparse(node)] * (key in known)
                    known.add(key)
            if branches:
                blocks += [(b, set(known)) for b in (statement.body, statement.orelse)]
    return found


def _names(node: ast.AST, context: type) -> list[str]:
    return [
        n.id
        for n in ast.walk(node)
        if isinstance(n, ast.Name) and isinstance(n.ctx, context)
    ]


def unassigned(function: ast.FunctionDef, known: set[str]) -> list[str]:
    """Return variables that some path reads before it assigns them."""
    found: list[str] = []

    def follow(block: list[ast.stmt], have: set[str]) -> set[str]:
        for statement in block:
            if isinstance(statement, ast.If):
                found.extend(set(_names(statement.test, ast.Load)) - have)
                sides = (statement.body, statement.orelse)
                have = set.intersection(*(follow(s, set(have)) for s in sides))
            else:
                found.extend(set(_names(statement, ast.Load)) - have)
                have |= set(_names(statement, ast.Store))
        return have

    follow(function.body, FREE | known | {a.arg for a in function.args.args})
    return found


def unread(function: ast.FunctionDef) -> list[str]:
    """Return variables that are assigned and never read."""
    read = set(_names(function, ast.Load))
    return [n for n in _names(function, ast.Store) if n not in read and n != "_"]
