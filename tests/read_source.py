"""Read generated functions as syntax trees: what they repeat, and what is missing."""

from __future__ import annotations

import ast
import builtins
from itertools import count
from typing import TypeAlias

ROOM = {"np.empty", "np.zeros", "np.full"}
FREE = {*dir(builtins), "np", "math", "njit"}

Key: TypeAlias = "tuple[object, ...]"
"""An operation and the numbers of its operands."""


def functions(source: str) -> dict[str, ast.FunctionDef]:
    """Return the functions of a module by name."""
    body = ast.parse(source).body
    return {f.name: f for f in body if isinstance(f, ast.FunctionDef)}


def repeated(function: ast.FunctionDef) -> list[str]:
    """Return expressions computed again where their value is known already.

    Values are numbered: a variable has the number of what it was assigned, a sum or a
    product that of its operands in any order, a comparison that of the one turned
    round. What was computed in a branch is known in that branch alone.
    """
    return _numbered(function).found


def asked_again(function: ast.FunctionDef) -> list[str]:
    """Return conditions of an `if` that one around it has decided."""
    return _numbered(function).again


def _numbered(function: ast.FunctionDef) -> _Numbering:
    numbering = _Numbering()
    numbering.block(function.body, _Region())
    return numbering


class _Region:
    """Hold what is known in a control region: values by key, variables by name."""

    def __init__(self, outer: _Region | None = None) -> None:
        self.known: dict[Key, int] = dict(outer.known) if outer else {}
        self.variables: dict[str, int] = dict(outer.variables) if outer else {}
        self.decided: set[int] = set(outer.decided) if outer else set()

    def inside(self, condition: int) -> _Region:
        """Return a region inside this one, where a condition is decided."""
        region = _Region(self)
        region.decided.add(condition)
        return region


_COMMUTATIVE = (ast.Add, ast.Mult, ast.Eq, ast.NotEq)
_TURNED = {ast.Gt: ast.Lt, ast.GtE: ast.LtE}


class _Numbering:
    """Give every value of a function a number."""

    def __init__(self) -> None:
        self.numbers = count()
        self.constants: dict[str, int] = {}
        self.found: list[str] = []
        self.again: list[str] = []
        self.sizes: set[str] = set()

    def block(self, body: list[ast.stmt], region: _Region) -> None:
        """Give the values of statements numbers, in order."""
        for statement in body:
            if isinstance(statement, ast.If):
                self.branch(statement, region)
            elif isinstance(statement, ast.For):
                self.loop(statement, region)
            elif isinstance(statement, ast.Assign):
                self.assign(statement, region)
            elif isinstance(statement, ast.AugAssign):
                self.value(statement.value, region)
                self.change([statement.target], region)
            elif isinstance(statement, ast.Return) and statement.value:
                self.value(statement.value, region)

    def branch(self, statement: ast.If, region: _Region) -> None:
        """Walk each side by itself; what they assign is new after them."""
        number = self.ask(statement.test, region)
        for side in (statement.body, statement.orelse):
            self.block(side, region.inside(number))
        for name in _names(statement, ast.Store):
            region.variables[name] = next(self.numbers)

    def loop(self, statement: ast.For, region: _Region) -> None:
        """Walk one turn, in which all that the loop changes is new, as after it."""
        changed = [
            n
            for n in ast.walk(statement)
            if isinstance(n, ast.Name | ast.Subscript) and isinstance(n.ctx, ast.Store)
        ]
        self.change(changed, region)
        self.block(statement.body, _Region(region))
        self.change(changed, region)

    def change(self, targets: list[ast.expr], region: _Region) -> None:
        """Give variables, and arrays of which elements are set, new numbers."""
        for target in targets:
            node = target.value if isinstance(target, ast.Subscript) else target
            if isinstance(node, ast.Name):
                region.variables[node.id] = next(self.numbers)

    def ask(self, test: ast.expr, region: _Region) -> int:
        """Return a condition's number, the same for its negation."""
        if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
            test = test.operand
        number = self.value(test, region)
        self.again += [ast.unparse(test)] * (number in region.decided)
        return number

    def assign(self, statement: ast.Assign, region: _Region) -> None:
        """Give variables the numbers of their values; of a constant, a new one.

        What two variables hold in one branch alone is not the same value.
        """
        number = self.value(statement.value, region)
        if ".shape[" in ast.unparse(statement.value):
            self.sizes |= set(_names(statement, ast.Store))
        number = next(self.numbers) if number < 0 else number
        for target in statement.targets:
            if isinstance(target, ast.Name):
                region.variables[target.id] = number
            if isinstance(target, ast.Subscript):
                self.change([target], region)
            for name in (
                _names(target, ast.Store) if isinstance(target, ast.Tuple) else []
            ):
                region.variables[name] = next(self.numbers)

    def value(self, node: ast.expr, region: _Region) -> int:
        """Return the number of an expression's value."""
        literal = node.operand if isinstance(node, ast.UnaryOp) else node
        if isinstance(literal, ast.Constant | ast.Attribute):
            text = ast.dump(node)
            return self.constants.setdefault(text, -1 - len(self.constants))
        if isinstance(node, ast.Name):
            if node.id not in region.variables:
                region.variables[node.id] = next(self.numbers)
            return region.variables[node.id]
        key = self.key(node, region)
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ROOM:
            return next(self.numbers)  # each call makes an array of its own
        if key in region.known:
            work = (
                not isinstance(node, ast.Tuple | ast.Subscript | ast.Slice)
                and key[0] is not ast.Not
                and not set(_names(node, ast.Load)) <= {*self.sizes, "min"}
            )
            self.found += [ast.unparse(node)] * work
        return region.known.setdefault(key, next(self.numbers))

    def key(self, node: ast.expr, region: _Region) -> Key:
        """Return what an expression applies, and the numbers of its operands."""
        if isinstance(node, ast.IfExp | ast.BoolOp):
            return self.choice(node, region)
        parts = [
            self.value(n, region)
            for n in ast.iter_child_nodes(node)
            if isinstance(n, ast.expr)
        ]
        if isinstance(node, ast.Compare):
            op = type(node.ops[0])
            if len(parts) == 2 and op in _TURNED:
                return (_TURNED[op], *parts[::-1])
            kinds: list[type] = [type(o) for o in node.ops]
        else:
            kinds = [type(getattr(node, "op", node))]
        if len(parts) == 2 and kinds[0] in _COMMUTATIVE:
            parts.sort()
        return (*kinds, *parts)

    def choice(self, node: ast.IfExp | ast.BoolOp, region: _Region) -> Key:
        """Return a key; what is computed at times is walked by itself."""
        if isinstance(node, ast.IfExp):
            others, kind = [node.body, node.orelse], ast.IfExp
            number = self.ask(node.test, region)
        else:
            others, kind = node.values[1:], type(node.op)
            number = self.value(node.values[0], region)
        inner = (region.inside(number) for _ in others)
        return (kind, number, *map(self.value, others, inner))


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
    """Return variables whose value, where it is assigned, is read on no path."""
    found: list[str] = []

    def follow(block: list[ast.stmt], wanted: set[str]) -> set[str]:
        for statement in reversed(block):
            if isinstance(statement, ast.If):
                sides = (statement.body, statement.orelse)
                wanted = set.union(*(follow(s, set(wanted)) for s in sides))
                wanted |= set(_names(statement.test, ast.Load))
            else:
                assigned = set(_names(statement, ast.Store)) - {"_"}
                found.extend(sorted(assigned - wanted))
                wanted = wanted - assigned | set(_names(statement, ast.Load))
        return wanted

    follow(function.body, set())
    return found
