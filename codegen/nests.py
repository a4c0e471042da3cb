"""Turn a graph with arrays into a Program: loops, calls, and scalar code inside.

Comes in: the nodes to compute. They are cut into units, units fused into loops, and
what is inside of a loop is scheduled as scalar code is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from overbar.codegen.contractions import inside, multiplied
from overbar.codegen.elements import Strip
from overbar.codegen.fusion import Loop
from overbar.codegen.names import unused
from overbar.codegen.scope import Scope, Scoped
from overbar.codegen.units import Unit
from overbar.ir.graph import Node
from overbar.ir.ops import OPS
from overbar.ir.program import (
    Allocate,
    Assign,
    Comment,
    For,
    If,
    Program,
    Row,
    Statement,
    Store,
    leaves,
)
from overbar.ir.text import Writer
from overbar.ir.types import INT

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from overbar.codegen.fusion import Item
    from overbar.ir.graph import Graph
    from overbar.ir.program import Result

_LOAD, _ARRAY = OPS["load"], OPS["array"]
_START = {"add": 0.0, "mul": 1.0, "or": False, "and": True}


def schedule_arrays(
    graph: Graph,
    name: str,
    params: Sequence[tuple[str, Node | tuple[Node, ...]]],
    result: Result,
    *,
    doc: str = "",
    saved: Collection[Node] = (),
    defaults: Mapping[str, float] | None = None,
) -> Program:
    """Return the Program of one function over a graph with arrays.

    saved: as for scalar code.
    """
    roots = leaves(result)
    given = [n for _, p in params for n in (p if isinstance(p, tuple) else (p,))]
    constants = [n for n in graph.order(roots, given) if n.op is _ARRAY]
    given += constants
    named: dict[Node, str] = {}
    while True:  # what is a variable anywhere is one wherever it is computed
        work = _Nests(graph, roots, given, named)
        body = work.run(saved)
        if work.scalars.keys() <= named.keys():
            break
        named |= work.scalars
    params = [
        (work.names.get(p, n) if isinstance(p, Node) else n, p) for n, p in params
    ]
    params += [(work.names[n], n) for n in constants]
    return Program(
        name, doc, tuple(params), body, work.names, result,
        defaults={} if constants else defaults or {}, sizes=work.sizes,
        constants=tuple(constants),
    )  # fmt: skip


class _Placed(NamedTuple):
    """Hold a unit's value and its place at the indices of a scope."""

    unit: Unit
    value: Node
    place: tuple[Node, ...]


class _Nests(Scoped):
    """Write the statements of one function."""

    def run(self, saved: Collection[Node]) -> list[Statement]:
        """Return the statements; what is saved gets a name."""
        known = {n: self.names[n] for n in self.given}
        known |= {o: self.names[o] for o in self.opaque.values()}
        scope = Scope({}, known)
        body = self._block(self.items, scope)
        scalars = [r for r in self.roots if not r.type.shape and r not in scope.known]
        body += self.compute(scalars, scope, saved, saved)
        return body

    def _block(self, items: Sequence[Item], scope: Scope) -> list[Statement]:
        """Return the statements of what is inside of a loop, in order."""
        body: list[Statement] = []
        pending: list[Unit] = []
        for item in items:
            if isinstance(item, Unit) and item.probe:
                pending.append(item)
                continue
            body += self._stores(pending, scope, free=False)
            pending = []
            if isinstance(item, Unit) and item.nest is not None:
                body += self._stores([item], scope, free=False)
            elif isinstance(item, Unit):
                body += self._call(item, scope)
            else:
                body += self._loop(item, scope)
        inner = all(isinstance(item, Unit) for item in items)
        return body + self._stores(pending, scope, free=inner and scope.inside)

    def _call(self, unit: Unit, scope: Scope) -> list[Statement]:
        """Return the statements of a node that is computed as a whole."""
        node = unit.target
        scalars = [a for a in node.args if not a.type.shape]
        body = self.compute(scalars, scope)
        scope.known[node] = self.names[node]
        return [*body, Assign(node, node)]

    def _product(self, loop: Loop, scope: Scope) -> list[Statement]:
        """Return the statement that multiplies two matrices, in place of its loops."""
        (unit,) = loop.axes
        body = self._allocations(loop, scope)
        each = scope.index[self.loops[unit][-4]]
        scope.known[unit.target] = self.names[unit.target]
        return [*body, multiplied(unit, self.elements(scope), each)]

    def _loop(self, loop: Loop, scope: Scope) -> list[Statement]:
        """Return the statements of a loop, with what comes before and after it."""
        if loop.alone:
            return self._product(loop, scope)
        outermost = not scope.inside
        if outermost:
            self.rooms = {}
        inner = self._enter(loop, scope)
        units = list(loop.axes)
        body = self._comments(units) if outermost else []
        body += self._allocations(loop, scope)
        hoisted = self.invariants(units, inner)
        body += self.compute(hoisted, scope)
        sums = [u for u in units if u in self.sums and self.sums[u].loop is loop]
        body += [self._start_sum(u, scope) for u in sums]
        for node, name in scope.known.items():
            inner.known.setdefault(node, name)
        test = self.scarce(loop, inner)
        inside = self._block(loop.items, inner)
        inside = inside if test is None else [If(test, inside)]
        if outermost:
            body += self.rooms.values()
        if loop.strip is not None and inner.strip is not None:
            body += self._rows(inner.strip.rows, scope)
        if loop.step > 1:
            inside = [*self._rows(inner.parts, scope), *inside]
        body.append(self._turns(loop, inner, inside))
        for unit in sums:
            body += self._end_sum(unit, scope)
        for unit in units:
            if self._accumulates(unit, loop):
                scope.known[unit.target] = self.names[unit.target]
        return body

    def _turns(self, loop: Loop, inner: Scope, inside: list[Statement]) -> For:
        """Return a loop around statements: over elements, strips or what is in one."""
        if loop.step > 1:
            return For(self.bounds[0], loop.extent, inside, loop.step, self.bounds)
        index = inner.letters[-1]
        if loop.strip is None or inner.strip is None:
            return For(index, loop.extent, inside)
        whole = inner.strip.outside is None
        return For(index, loop.extent, inside, strip=self.bounds, whole=whole)

    def _enter(self, loop: Loop, scope: Scope) -> Scope:
        """Return the scope inside of a loop."""
        inner, graph = scope.inner(), self.graph
        if loop.step > 1:
            inner.start = graph.remake_input(self.bounds[0], INT)
            inner.known[inner.start] = self.bounds[0]
            inner.parts = {}
            return inner
        letter = self.letters[len(scope.index)]
        index = graph.remake_input(letter, INT)
        inner.known[index] = letter
        inner.letters += letter
        if loop.strip is not None and scope.start is not None:
            if any(isinstance(item, Loop) for item in loop.items):
                offset = graph.make("sub", (index, scope.start))
                inner.strip = Strip(offset, index, None, scope.parts)
            else:
                whole = graph.make("add", (scope.start, index))
                inner.strip = Strip(
                    index, whole, set(scope.index.values()), scope.parts
                )
                index = whole
        inner.index[loop] = index
        return inner

    def _rows(
        self, rows: Mapping[tuple[Node, tuple[Node, ...]], Node], scope: Scope
    ) -> list[Statement]:
        """Return the statements that name the parts of rows that a strip looks at."""
        found: list[Statement] = []
        for (array, index), row in rows.items():
            place = "".join(scope.known.get(i, "") for i in index) or "part"
            name = self.parts.get((array, place))
            if name is None:
                name = unused(f"{self.names[array]}_{place}", self.taken)
                self.parts[array, place] = name
                self.taken.add(name)
            self.names[row] = name
            found.append(Row(row, array, index, self.bounds))
        return found

    def _start_sum(self, unit: Unit, scope: Scope) -> Statement:
        """Return the statement that starts to gather an element in a variable."""
        held = self.sums[unit].held
        if held not in self.names:
            name = unused(self._element_name(unit, scope), self.taken)
            self.taken.add(name)
            self.names[held] = name
        scope.known[held] = self.names[held]
        return Allocate(held, (), _start(unit))

    def _element_name(self, unit: Unit, scope: Scope) -> str:
        """Return a name for one element of an array: y_i, or W_ij."""
        return f"{self.names[unit.target]}_{scope.letters}"

    def _end_sum(self, unit: Unit, scope: Scope) -> list[Statement]:
        """Return the statements that put a gathered element into its array."""
        _, held, kind = self.sums[unit]
        _, place = self.element(unit, scope)
        body = self.compute(self.indices(unit, place, scope), scope, ())
        if kind == "set":
            scope.forwarded[unit.target] = (place, held)
        return [*body, Store(self.target(unit, place, scope), held, kind)]

    def _accumulates(self, unit: Unit, loop: Loop) -> bool:
        """Whether a loop is the outermost that gathers a unit's values."""
        return self.home(unit) is loop

    def _comments(self, units: Sequence[Unit]) -> list[Statement]:
        writer = Writer(self.names)
        said: dict[str, None] = {}
        for unit in units:
            for node in inside(unit):  # has its name there alone
                if node in self.names and node not in self.stored:
                    said[f"{self.names[node]} = {writer.write(node)[0]}"] = None
            text = writer.write(unit.target)[0]
            said[f"{self.names[unit.target]} = {text}"] = None
        return [Comment(text) for text in said]

    def _allocations(self, loop: Loop, scope: Scope) -> list[Statement]:
        """Return the statements that make room for what a loop fills."""
        found: list[Statement] = []
        for unit in loop.axes:
            if self.home(unit) is not loop or self.makers[unit.target][0] is not unit:
                continue
            shape = self.room(unit.target)
            kinds = {
                self.sums[u].kind if u in self.sums else u.kind
                for u in self.makers[unit.target]
            }
            whole = kinds == {"set"}
            fill = None if whole else _start(unit)
            if shape and scope.inside:  # memory comes from outside of all loops
                self.rooms[unit.target] = Allocate(unit.target, shape, None)
                if fill is not None:
                    found.append(Allocate(unit.target, shape, fill, again=True))
            elif unit.target in self.memory:
                inside = self.memory[unit.target]
                found.append(Allocate(unit.target, shape, None, inside=inside))
                if fill is not None:
                    found.append(Allocate(unit.target, shape, fill, again=True))
            elif shape or fill is not None:
                found.append(Allocate(unit.target, shape, fill))
        return found

    def _stores(
        self, units: Sequence[Unit], scope: Scope, *, free: bool
    ) -> list[Statement]:
        """Return scalar statements that compute and store values.

        free: the loop is the innermost, so that a sum may gain from a free order.
        """
        if not units:
            return []
        stores = self._placed(units, scope)
        wanted = [s.value for s in stores]
        for unit, _, place in stores:
            if unit not in self.sums:
                wanted += self.indices(unit, place, scope)
        body = self.compute(wanted, scope, ())
        for unit, value, place in self._overwriting_last(stores):
            alone = not self.loops[unit] and self.makers[unit.target][0] is unit
            if alone and unit.target.type.shape:  # one place, at computed indices
                body.append(Allocate(unit.target, unit.target.type.shape, _start(unit)))
            total = self.sums.get(unit)
            target = total.held if total else self.target(unit, place, scope)
            lanes = free and self.adds_freely(unit, target, value, scope)
            body.append(Store(target, value, "plus" if lanes else unit.kind))
        return body

    def _placed(self, units: Sequence[Unit], scope: Scope) -> list[_Placed]:
        """Return what is stored; what is a variable of the loop is only remembered."""
        stores: list[_Placed] = []
        for unit in units:
            value, place = self.element(unit, scope)
            if unit.kind == "set":
                scope.forwarded[unit.target] = (place, value)
                if self.vanishes(unit):
                    scope.hints.setdefault(value, self.names[unit.target])
                    continue
                if scope.inside and value.args and value.op is not _LOAD:
                    scope.prefer.setdefault(value, self._element_name(unit, scope))
            stores.append(_Placed(unit, value, place))
        return stores

    def _overwriting_last(self, stores: Sequence[_Placed]) -> list[_Placed]:
        """Return stores in an order in which each reads what no other has overwritten.

        What writes over an array that it reads is read by those after it alone, which
        may read the array instead (-y is x where y is -x).
        """
        over = {
            s.unit for s in stores if self.memory.get(s.unit.target) in s.unit.sources
        }
        last = [s for s in stores if s.unit in over]
        return [*(s for s in stores if s.unit not in over), *last[::-1]]


def _start(unit: Unit) -> float:
    if unit.kind in _START:
        return _START[unit.kind]
    return float("-inf") if unit.kind == "larger" else float("inf")
