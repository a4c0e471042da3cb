"""Translate statements of portable functions into paths, or into one path for lanes.

Comes in: the body of a Python function and the values of its arguments. Goes out:
instructions that end by returning. Over numbers, `if` and loops become jumps. Over
lanes both sides of an `if` are computed, and each lane takes one; there are no loops
but those over literals, which are written out.
"""

from __future__ import annotations

import ast
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from overbar.codegen.machine.expressions import Expressions, Variables
from overbar.codegen.machine.instructions import (
    Edge,
    Meeting,
    Term,
    Value,
    joined,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class Way(NamedTuple):
    """Hold where a path comes from, and the variables at its end."""

    edge: Edge
    env: Variables


class Loop(NamedTuple):
    """Hold the paths that leave a round of a loop."""

    after: str
    following: str
    breaks: list[Way]
    continues: list[Way]


class Statements(Expressions):
    """Translate the statements of one function."""

    def run(self, body: Sequence[ast.stmt], env: Variables) -> bool:
        """Translate statements; tell whether a path reaches their end."""
        for statement in body:
            translate = _STATEMENTS.get(type(statement))
            if translate is None:
                found = ast.unparse(statement).split("\n")[0]
                self.refuse(statement, "plain statements", found)
            try:
                if not translate(self, statement, env):
                    return False
            except Meeting as error:
                self.refuse(statement, "variables of one type", str(error))
        return True

    def _assign(self, node: ast.Assign, env: Variables) -> bool:
        found = self.term(node.value, env)
        for target in node.targets:
            self._bind(target, found, env)
        return True

    def _bind(self, target: ast.expr, found: Term, env: Variables) -> None:
        if isinstance(target, ast.Name):
            env[target.id] = found
        elif (
            isinstance(target, ast.Tuple)
            and isinstance(found, tuple)
            and len(found) == len(target.elts)
        ):
            for element, value in zip(target.elts, found, strict=True):
                self._bind(element, value, env)
        else:
            self.refuse(target, "variables for the values", ast.unparse(target))

    def _augment(self, node: ast.AugAssign, env: Variables) -> bool:
        if not isinstance(node.target, ast.Name):
            self.refuse(node, "a variable", ast.unparse(node.target))
        read = ast.copy_location(ast.Name(node.target.id, ast.Load()), node)
        left, right = self.value(read, env), self.value(node.value, env)
        env[node.target.id] = self.operated(node, node.op, left, right)
        return True

    def _text(self, node: ast.Expr, _: Variables) -> bool:
        if not isinstance(node.value, ast.Constant):
            self.refuse(node, "plain statements", ast.unparse(node))
        return True

    def _pass(self, _: ast.Pass, __: Variables) -> bool:
        return True

    def _for(self, node: ast.For, env: Variables) -> bool:
        if node.orelse or not isinstance(node.target, ast.Name):
            self.refuse(node, "a plain loop over one variable", "another")
        if isinstance(node.iter, ast.Tuple):
            return self.literals(node, node.target.id, node.iter.elts, env)
        return self.counted(node, node.target.id, env)

    def literals(
        self, node: ast.For, name: str, items: Sequence[ast.expr], env: Variables
    ) -> bool:
        """Write a loop over literals out."""
        if any(isinstance(n, ast.Break | ast.Continue) for n in ast.walk(node)):
            self.refuse(node, "a loop over literals without break", "one with")
        values = [self.value(e, env) for e in items]
        if not values or len({v.dtype for v in values}) > 1:
            self.refuse(node, "literals of one type", ast.unparse(node.iter))
        names = set(env)
        for value in values:
            env[name] = value
            if not self.run(node.body, env):
                self.refuse(node, "a loop over literals that goes on", "one return")
        for new in set(env) - names:
            del env[new]
        return True

    # -- what numbers and lanes do in different ways -------------------------------------

    def branch(self, node: ast.If, env: Variables) -> bool:
        """Translate `if`."""
        raise NotImplementedError

    def leave(self, node: ast.Return, env: Variables) -> bool:
        """Translate `return`."""
        raise NotImplementedError

    def repeat(self, node: ast.While, env: Variables) -> bool:
        """Translate `while`."""
        self.refuse(node, "no loop", "one")

    def counted(self, node: ast.For, name: str, env: Variables) -> bool:
        """Translate `for` over a range."""
        self.refuse(node, f"no loop over {name}", "one")

    def skip(self, node: ast.Break | ast.Continue, env: Variables) -> bool:
        """Translate `break` and `continue`."""
        self.refuse(node, "no loop", "one")

    def finish(self) -> Term:
        """Return what the function returns, in one type."""
        raise NotImplementedError


class Paths(Statements):
    """Translate the statements of a function of numbers."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self._returns: list[tuple[Edge, Term]] = []
        self._loops: list[Loop] = []

    def chosen(self, node: ast.IfExp, test: Value, env: Variables) -> Term:
        """Return one of two expressions; compute only one where that costs much."""
        arms = (node.body, node.orelse)
        if not any(isinstance(n, ast.Call) for arm in arms for n in ast.walk(arm)):
            return super().chosen(node, test, env)
        code = self.code
        labels, after = (code.label(), code.label()), code.label()
        code.fork(test, *labels)
        edges, terms = [], []
        for label, arm in zip(labels, arms, strict=True):
            code.start(label)
            terms.append(self.term(arm, env))
            edges.append(code.jump(after))
        code.start(after)
        return code.meet(edges, terms)

    def branch(self, node: ast.If, env: Variables) -> bool:
        """Translate `if` into two paths that may meet again."""
        code = self.code
        test = self.condition(node.test, env)
        labels, after = (code.label(), code.label()), code.label()
        code.fork(test, *labels)
        ways = []
        for label, body in zip(labels, (node.body, node.orelse), strict=True):
            code.start(label)
            own = dict(env)
            if self.run(body, own):
                ways.append(Way(code.jump(after), own))
        if ways:
            code.start(after)
            self._meet(ways, env)
        return bool(ways)

    def _meet(self, ways: Sequence[Way], env: Variables) -> None:
        """Set variables to what they are on the path that was taken."""
        edges = [way.edge for way in ways]
        names = [n for n in ways[0].env if all(n in way.env for way in ways)]
        found: Variables = {}
        for n in names:
            with suppress(Meeting):  # of no one type: no variable from here on
                found[n] = self.code.meet(edges, [way.env[n] for way in ways])
        env.clear()
        env.update(found)

    def leave(self, node: ast.Return, env: Variables) -> bool:
        """Keep a value and where it comes from."""
        if node.value is None:
            self.refuse(node, "a value that is returned", "none")
        found = self.term(node.value, env)
        self._returns.append((self.code.jump(".end"), found))
        return False

    def finish(self) -> Term:
        """Return what came first to the end."""
        self.code.start(".end")
        edges, terms = zip(*self._returns, strict=True)
        return self.code.meet(edges, terms)

    # -- loops ---------------------------------------------------------------------------

    def repeat(self, node: ast.While, env: Variables) -> bool:
        """Translate `while`."""
        if node.orelse:
            self.refuse(node, "a loop without else", "one")

        def test(inner: Variables) -> Value:
            return self.condition(node.test, inner)

        return self._repeat(node, env, test, lambda _: None, lambda _: None)

    def counted(self, node: ast.For, name: str, env: Variables) -> bool:
        """Translate `for` over a range in steps of 1 or -1."""
        start, stop, step = self._range(node, env)
        counter = f".counter{len(self._loops)}"  # no variable of Python's
        code = self.code
        own = {**env, counter: start}
        kind = "icmp slt" if step > 0 else "icmp sgt"

        def test(inner: Variables) -> Value:
            return code.operate(kind, _number(inner[counter]), stop, dtype="bool")

        def begin(inner: Variables) -> None:
            inner[name] = inner[counter]

        def end(inner: Variables) -> None:
            by = code.constant(step, "int64")
            inner[counter] = code.operate("add", _number(inner[counter]), by)

        self._repeat(node, own, test, begin, end)
        env.clear()
        env.update((n, term) for n, term in own.items() if n != counter)
        return True

    def _range(self, node: ast.For, env: Variables) -> tuple[Value, Value, int]:
        call = node.iter
        if not (
            isinstance(call, ast.Call)
            and ast.unparse(call.func) == "range"
            and "range" not in {*env, *self.function.__globals__}
            and 1 <= len(call.args) <= 3
        ):
            self.refuse(node, "a loop over a range or literals", ast.unparse(call))
        values = [self.value(a, env) for a in call.args]
        step = values[2].number if len(values) == 3 else 1
        if step not in {1, -1} or any(v.dtype != "int64" for v in values):
            self.refuse(node, "a range of integers by 1 or -1", ast.unparse(call))
        if len(values) == 1:
            values.insert(0, self.code.constant(0, "int64"))
        return values[0], values[1], int(step)

    def _repeat(
        self,
        node: ast.While | ast.For,
        env: Variables,
        test: Callable[[Variables], Value],
        begin: Callable[[Variables], None],
        end: Callable[[Variables], None],
    ) -> bool:
        """Translate a loop: its variables take their values from the round before.

        Their types depend on the rounds, so the body is translated until they stay.
        """
        changed = _assigned(node) | {f".counter{len(self._loops)}"}
        names = [n for n in env if n in changed]
        dtypes = {n: _number(env[n]).dtype for n in names}
        mark, loops, returns = self.code.mark(), len(self._loops), len(self._returns)
        while True:
            ways, exits = self._round(node, env, dtypes, test, begin, end)
            found = dict(dtypes)
            for way in ways:
                for n in names:
                    found[n] = joined(found[n], _number(way.env[n]).dtype)
            if found == dtypes:
                break
            dtypes = found
            self.code.reset(mark)
            del self._loops[loops:], self._returns[returns:]
        self._meet(exits, env)
        return True

    def _round(
        self,
        node: ast.While | ast.For,
        env: Variables,
        dtypes: dict[str, str],
        test: Callable[[Variables], Value],
        begin: Callable[[Variables], None],
        end: Callable[[Variables], None],
    ) -> tuple[list[Way], list[Way]]:
        """Write a loop's blocks; return the paths into it and those out of it."""
        code = self.code
        head, inside, after, following = (code.label() for _ in range(4))
        entry = Way(code.jump(head), env)
        code.start(head)
        place = code.place()
        values = {n: code.fresh(d) for n, d in dtypes.items()}
        inner: Variables = {**env, **values}
        condition = test(inner)
        exits = [Way(code.fork(condition, inside, after), dict(inner))]
        code.start(inside)
        begin(inner)
        self._loops.append(Loop(after, following, exits, []))
        if self.run(node.body, inner):
            self._loops[-1].continues.append(Way(code.jump(following), inner))
        loop = self._loops.pop()
        ways = [entry]
        if loop.continues:
            code.start(following)
            last: Variables = {}
            self._meet(loop.continues, last)
            end(last)
            ways.append(Way(code.jump(head), last))
        edges = [way.edge for way in ways]
        for n, value in values.items():
            given = [_number(way.env[n]) for way in ways]
            if all(joined(dtypes[n], g.dtype) == dtypes[n] for g in given):
                choice = code.choice(edges, given, dtypes[n])
                place.append(f"{value.text} = {choice}")
        code.start(after)
        return ways, exits

    def skip(self, node: ast.Break | ast.Continue, env: Variables) -> bool:
        """Leave a round of the loop."""
        loop = self._loops[-1]
        if isinstance(node, ast.Break):
            loop.breaks.append(Way(self.code.jump(loop.after), dict(env)))
        else:
            loop.continues.append(Way(self.code.jump(loop.following), dict(env)))
        return False


class Lanes(Statements):
    """Translate the statements of a function without loops over vectors."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self._returns: list[tuple[Value, Term]] = []
        self._path = self.code.constant(1, "bool")

    def branch(self, node: ast.If, env: Variables) -> bool:
        """Compute both sides of `if`, and take one for each lane."""
        code, outside = self.code, self._path
        test = self.condition(node.test, env)
        found = []
        for side, body in ((test, node.body), (None, node.orelse)):
            self._path = code.both(outside, side or code.negated(test))
            own = dict(env)
            found.append(own if self.run(body, own) else None)
        self._path = outside
        yes, no = found
        if yes is None and no is None:
            return False
        if yes is None or no is None:
            one = yes or no or {}
        else:
            one = {}
            for n in (n for n in yes if n in no):
                with suppress(Meeting):  # of no one type: no variable from here on
                    one[n] = self.selected(test, yes[n], no[n])
        env.clear()
        env.update(one)
        return True

    def leave(self, node: ast.Return, env: Variables) -> bool:
        """Keep a value and where it is returned."""
        if node.value is None:
            self.refuse(node, "a value that is returned", "none")
        self._returns.append((self._path, self.term(node.value, env)))
        return False

    def finish(self) -> Term:
        """Return what each lane would have returned first."""
        _, whole = self._returns[-1]
        for path, found in reversed(self._returns[:-1]):
            whole = self.selected(path, found, whole)
        return whole


def _number(term: Term) -> Value:
    """Return a variable of a loop, which has to be a number."""
    if not isinstance(term, Value):
        raise Meeting("a tuple that a loop changes")
    return term


def _assigned(statement: ast.stmt) -> set[str]:
    """Return the variables that a statement assigns, itself or within."""
    names = (n for n in ast.walk(statement) if isinstance(n, ast.Name))
    return {n.id for n in names if isinstance(n.ctx, ast.Store)}


_STATEMENTS: dict[type[ast.stmt], Callable[..., bool]] = {
    ast.Assign: Statements._assign,  # noqa: SLF001 - a table of methods
    ast.AugAssign: Statements._augment,  # noqa: SLF001
    ast.Expr: Statements._text,  # noqa: SLF001
    ast.Pass: Statements._pass,  # noqa: SLF001
    ast.For: Statements._for,  # noqa: SLF001
    ast.If: lambda own, node, env: own.branch(node, env),
    ast.While: lambda own, node, env: own.repeat(node, env),
    ast.Return: lambda own, node, env: own.leave(node, env),
    ast.Break: lambda own, node, env: own.skip(node, env),
    ast.Continue: lambda own, node, env: own.skip(node, env),
}
