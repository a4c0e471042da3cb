"""Translate statements of portable functions over numbers into jumps between blocks."""

from __future__ import annotations

import ast
from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from overbar.codegen.machine.instructions import Edge, Term, UnfitError, Value, joined
from overbar.codegen.machine.statements import PLAIN, Statements

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from overbar.codegen.machine.expressions import Variables
    from overbar.codegen.machine.statements import Translations


class Way(NamedTuple):
    """Hold where a path comes from, and the variables at its end."""

    edge: Edge
    env: Variables


class Round(NamedTuple):
    """Hold what a loop does in each round: test, set variables, run, set variables."""

    body: Sequence[ast.stmt]
    test: Callable[[Variables], Value]
    begin: Callable[[Variables], None]
    end: Callable[[Variables], None]


class Open(NamedTuple):
    """Hold the blocks after a loop and after a round, and the paths that lead there."""

    after: str
    following: str
    exits: list[Way]
    rounds: list[Way]


class Paths(Statements):
    """Translate the statements of a function of numbers."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self._returns: list[tuple[Edge, Term]] = []
        self._loops: list[Open] = []

    def chosen(self, node: ast.IfExp, test: Value, env: Variables) -> Term:
        """Return one of two expressions; compute only one if they call functions."""
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
            with suppress(UnfitError):  # of no one type: no variable from here on
                found[n] = self.code.meet(edges, [way.env[n] for way in ways])
        env.clear()
        env.update(found)

    def leave(self, node: ast.Return, env: Variables) -> bool:
        """Keep a value and where it comes from."""
        if node.value is None:
            raise UnfitError("a value that is returned", "none")
        found = self.term(node.value, env)
        self._returns.append((self.code.jump(".end"), found))
        return False

    def finish(self) -> Term:
        """Return what came to the end."""
        self.code.start(".end")
        edges, terms = zip(*self._returns, strict=True)
        return self.code.meet(edges, terms)

    # -- loops -------------------------------------------------------------------------

    def conditional(self, node: ast.While, env: Variables) -> bool:
        """Translate `while`."""

        def test(inner: Variables) -> Value:
            return self.condition(node.test, inner)

        return self._repeat(node, env, Round(node.body, test, _nothing, _nothing))

    def iterated(self, node: ast.For, env: Variables) -> bool:
        """Translate `for` over literals, or over a range in steps of 1 or -1."""
        call = node.iter
        if not isinstance(call, ast.Call) or not isinstance(node.target, ast.Name):
            return self.literals(node, env)
        code, name = self.code, node.target.id
        start, stop, by = self._range(call, env)
        counter = f".counter{len(self._loops)}"  # no variable of Python's
        kind = "icmp slt" if by.number == 1 else "icmp sgt"

        def test(inner: Variables) -> Value:
            return code.test(kind, _number(inner[counter]), stop)

        def begin(inner: Variables) -> None:
            inner[name] = inner[counter]

        def end(inner: Variables) -> None:
            inner[counter] = code.operate("add", _number(inner[counter]), by)

        env[counter] = start
        self._repeat(node, env, Round(node.body, test, begin, end))
        del env[counter]
        return True

    def _range(self, call: ast.Call, env: Variables) -> list[Value]:
        """Return where a range starts, where it stops, and its step."""
        taken = "range" in {*env, *self.function.__globals__}
        if ast.unparse(call.func) != "range" or taken or call.keywords:
            raise UnfitError("a loop over a range or literals", ast.unparse(call))
        values = [self.value(a, env) for a in call.args]
        zero, one = self.code.constant(0, "int64"), self.code.constant(1, "int64")
        given = [zero, *values, one] if len(values) == 1 else [*values, one][:3]
        steps = len(given) == 3 and given[2].number in {1, -1}
        if not steps or any(v.dtype != "int64" for v in given):
            raise UnfitError("a range of integers by 1 or -1", ast.unparse(call))
        return given

    def _repeat(self, node: ast.While | ast.For, env: Variables, body: Round) -> bool:
        """Translate a loop: its variables take their values from the round before.

        Their types depend on the rounds, so the body is translated until they stay.
        """
        if node.orelse:
            raise UnfitError("a loop without else", "one")
        changed = _assigned(node) | {f".counter{len(self._loops)}"}
        names = [n for n in env if n in changed]
        dtypes = {n: _number(env[n]).dtype for n in names}
        mark, returns = self.code.mark(), len(self._returns)
        while True:
            ways, exits = self._round(env, dtypes, body)
            found = dict(dtypes)
            for way in ways:
                for n in names:
                    found[n] = joined(found[n], _number(way.env[n]).dtype)
            if found == dtypes:
                break
            dtypes = found
            self.code.reset(mark)
            del self._returns[returns:]
        self._meet(exits, env)
        return True

    def _round(
        self, env: Variables, dtypes: Mapping[str, str], body: Round
    ) -> tuple[list[Way], list[Way]]:
        """Write a loop's blocks; return the paths into it and those out of it."""
        code = self.code
        head, inside, after, following = (code.label() for _ in range(4))
        ways = [Way(code.jump(head), env)]
        code.start(head)
        place = code.place()
        values = {n: code.fresh(d) for n, d in dtypes.items()}
        inner: Variables = {**env, **values}
        test = body.test(inner)
        exits = [Way(code.fork(test, inside, after), dict(inner))]
        code.start(inside)
        body.begin(inner)
        self._loops.append(Open(after, following, exits, []))
        if self.run(body.body, inner):
            self._loops[-1].rounds.append(Way(code.jump(following), inner))
        rounds = self._loops.pop().rounds
        if rounds:
            code.start(following)
            last: Variables = {}
            self._meet(rounds, last)
            body.end(last)
            ways.append(Way(code.jump(head), last))
        edges = [way.edge for way in ways]
        for n, value in values.items():
            given = [_number(way.env[n]) for way in ways]
            if all(joined(value.dtype, g.dtype) == value.dtype for g in given):
                choice = code.choice(edges, given, value.dtype)
                place.append(f"{value.text} = {choice}")
        code.start(after)
        return ways, exits

    def skip(self, node: ast.Break | ast.Continue, env: Variables) -> bool:
        """Leave a round of the loop."""
        loop = self._loops[-1]
        last = isinstance(node, ast.Break)
        way = Way(self.code.jump(loop.after if last else loop.following), dict(env))
        (loop.exits if last else loop.rounds).append(way)
        return False

    translations: ClassVar[Translations] = {
        **PLAIN, ast.If: branch, ast.Return: leave, ast.While: conditional,
        ast.For: iterated, ast.Break: skip, ast.Continue: skip,
    }  # fmt: skip


def _nothing(_: Variables) -> None:
    """Set no variables."""


def _number(term: Term) -> Value:
    """Return a variable of a loop, which has to be a number."""
    if not isinstance(term, Value):
        raise UnfitError("numbers in variables that a loop changes", "a tuple")
    return term


def _assigned(statement: ast.stmt) -> set[str]:
    """Return the variables that a statement assigns, itself or within."""
    names = (n for n in ast.walk(statement) if isinstance(n, ast.Name))
    return {n.id for n in names if isinstance(n.ctx, ast.Store)}
