"""Translate statements of portable functions, over numbers or over lanes.

Comes in: the body of a Python function and the values of its arguments. Goes out:
instructions that end by returning. Over lanes both sides of an `if` are computed, and
each lane takes one; there are no loops but those over literals, which are written out.
"""

from __future__ import annotations

import ast
from abc import ABC, abstractmethod
from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

from overbar.codegen.machine import operators
from overbar.codegen.machine.expressions import Expressions, Variables
from overbar.codegen.machine.instructions import Term, UnfitError, Value

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Translations: TypeAlias = Mapping[type[ast.stmt], Callable[..., bool]]


class Statements(Expressions, ABC):
    """Translate the statements of one function.

    A translation changes the variables, and tells whether a path reaches its end.
    """

    translations: ClassVar[Translations]

    def run(self, body: Sequence[ast.stmt], env: Variables) -> bool:
        """Translate statements."""
        for statement in body:
            translate = self.translations.get(type(statement))
            if translate is None:
                found = ast.unparse(statement).split("\n")[0]
                self.refuse(statement, "plain statements", found)
            try:
                if not translate(self, statement, env):
                    return False
            except UnfitError as error:
                self.refuse(statement, error.expected, error.found)
        return True

    @abstractmethod
    def finish(self) -> Term:
        """Return what the function returns, in one type."""

    def assign(self, node: ast.Assign, env: Variables) -> bool:
        """Translate `x = ...`."""
        found = self.term(node.value, env)
        for target in node.targets:
            self._bind(target, found, env)
        return True

    def _bind(self, target: ast.expr, found: Term, env: Variables) -> None:
        if isinstance(target, ast.Name):
            env[target.id] = found
            return
        count = len(found) if isinstance(found, tuple) else 0
        if not isinstance(target, ast.Tuple) or len(target.elts) != count:
            raise UnfitError("variables for the values", ast.unparse(target))
        for element, value in zip(target.elts, found, strict=True):  # type: ignore[arg-type]
            self._bind(element, value, env)

    def augment(self, node: ast.AugAssign, env: Variables) -> bool:
        """Translate `x += ...`."""
        if not isinstance(node.target, ast.Name):
            raise UnfitError("a variable", ast.unparse(node.target))
        read = ast.copy_location(ast.Name(node.target.id, ast.Load()), node)
        both = self.value(read, env), self.value(node.value, env)
        env[node.target.id] = operators.binary(node.op, self.code, self.caller, *both)
        return True

    def nothing(self, node: ast.Expr | ast.Pass, _: Variables) -> bool:
        """Pass over a docstring."""
        if isinstance(node, ast.Expr) and not isinstance(node.value, ast.Constant):
            raise UnfitError("plain statements", ast.unparse(node))
        return True

    def literals(self, node: ast.For, env: Variables) -> bool:
        """Write a loop over literals out."""
        if not isinstance(node.target, ast.Name) or not isinstance(
            node.iter, ast.Tuple
        ):
            raise UnfitError(
                "a variable in literals or a range", ast.unparse(node.iter)
            )
        skips = (ast.Break, ast.Continue)
        if node.orelse or any(isinstance(n, skips) for n in ast.walk(node)):
            raise UnfitError("a plain loop over literals", "break, continue or else")
        values = [self.value(e, env) for e in node.iter.elts]
        if len({v.dtype for v in values}) != 1:
            raise UnfitError("literals of one type", ast.unparse(node.iter))
        before = set(env)
        for value in values:
            env[node.target.id] = value
            if not self.run(node.body, env):
                raise UnfitError("a loop over literals that goes on", "a return")
        for name in set(env) - before:
            del env[name]
        return True


PLAIN: Translations = {
    ast.Assign: Statements.assign, ast.AugAssign: Statements.augment,
    ast.Expr: Statements.nothing, ast.Pass: Statements.nothing,
    ast.For: Statements.literals,
}  # fmt: skip
"""What is translated in the same way over numbers and lanes."""


class Lanes(Statements):
    """Translate the statements of a function without loops over vectors."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self._returns: list[tuple[Value, Term]] = []
        self._path = self.code.constant(1, "bool")

    def branch(self, node: ast.If, env: Variables) -> bool:
        """Compute both sides of `if`, and take one for each lane."""
        outside, test = self._path, self.condition(node.test, env)
        yes = self._side(node.body, self.code.both(outside, test), env)
        other = self.code.negated(test)
        no = self._side(node.orelse, self.code.both(outside, other), env)
        self._path = outside
        found: Variables = {}
        if yes is None or no is None:
            found = yes or no or {}
        else:
            for name in (n for n in yes if n in no):
                with suppress(UnfitError):  # of no one type: no variable from here on
                    found[name] = operators.selected(
                        self.code, test, yes[name], no[name]
                    )
        env.clear()
        env.update(found)
        return not (yes is None and no is None)

    def _side(
        self, body: Sequence[ast.stmt], path: Value, env: Variables
    ) -> Variables | None:
        """Return the variables at the end of one side, None if it returns."""
        self._path = path
        own = dict(env)
        return own if self.run(body, own) else None

    def leave(self, node: ast.Return, env: Variables) -> bool:
        """Keep a value, and in which lanes it is returned."""
        if node.value is None:
            raise UnfitError("a value that is returned", "none")
        self._returns.append((self._path, self.term(node.value, env)))
        return False

    def finish(self) -> Term:
        """Return what each lane would have returned first."""
        whole = self._returns[-1][1]
        for path, found in reversed(self._returns[:-1]):
            whole = operators.selected(self.code, path, found, whole)
        return whole

    translations: ClassVar[Translations] = {
        **PLAIN, ast.If: branch, ast.Return: leave,
    }  # fmt: skip
