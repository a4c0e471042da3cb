"""Turn a graph with arrays into a Program: loops, calls, and scalar code inside.

Comes in: the nodes to compute. They are cut into units, units fused into loops, and
what is inside of a loop is scheduled as scalar code is.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

from overbar.codegen.elements import Elements, Strip
from overbar.codegen.fusion import Loop
from overbar.codegen.invariants import (
    below,
    moving,
    operands,
    outermost,
    position,
    scarce_factors,
)
from overbar.codegen.lanes import has_lanes
from overbar.codegen.layout import Layout
from overbar.codegen.names import unused
from overbar.codegen.scalars import scalar_statements
from overbar.codegen.units import Unit, instance
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
    from overbar.ir.types import Extent

_LOAD, _ARRAY = OPS["load"], OPS["array"]
_WRAP = OPS["wrap"]
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


@dataclass
class _Scope:
    """Hold what is known inside of some loops: their indices, and named values."""

    index: dict[Loop, Node]
    known: dict[Node, str]
    forwarded: dict[Node, tuple[tuple[Node, ...], Node]] = field(default_factory=dict)
    hints: dict[Node, str] = field(default_factory=dict)
    prefer: dict[Node, str] = field(default_factory=dict)
    letters: str = ""
    start: Node | None = None
    strip: Strip | None = None

    def inner(self) -> _Scope:
        """Return the scope inside of a loop, its index still to be set."""
        return replace(
            self, index=dict(self.index), known=dict(self.known),
            forwarded=dict(self.forwarded), hints=dict(self.hints), prefer={},
        )  # fmt: skip


class _Placed(NamedTuple):
    """Hold a unit's value and its place at the indices of a scope."""

    unit: Unit
    value: Node
    place: tuple[Node, ...]


class _Nests(Layout):
    """Write the statements of one function."""

    def run(self, saved: Collection[Node]) -> list[Statement]:
        """Return the statements; what is saved gets a name."""
        known = {n: self.names[n] for n in self.given}
        known |= {o: self.names[o] for o in self.opaque.values()}
        scope = _Scope({}, known)
        body = self._block(self.items, scope)
        scalars = [r for r in self.roots if not r.type.shape and r not in scope.known]
        body += self._scalars(scalars, scope, saved, saved)
        return body

    def _block(self, items: Sequence[Item], scope: _Scope) -> list[Statement]:
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
        return body + self._stores(pending, scope, free=inner and self._inside(scope))

    def _call(self, unit: Unit, scope: _Scope) -> list[Statement]:
        """Return the statements of a node that is computed as a whole."""
        node = unit.target
        scalars = [a for a in node.args if not a.type.shape]
        body = self._scalars(scalars, scope)
        scope.known[node] = self.names[node]
        return [*body, Assign(node, node)]

    def _loop(self, loop: Loop, scope: _Scope) -> list[Statement]:
        """Return the statements of a loop, with what comes before and after it."""
        outermost = scope.start is None and not scope.index
        if outermost:
            self.rooms = {}
        inner = self._enter(loop, scope)
        units = list(loop.axes)
        body = self._comments(units) if outermost else []
        body += self._allocations(loop, scope)
        hoisted = self._invariants(units, inner)
        body += self._scalars(hoisted, scope)
        sums = [u for u in units if u in self.sums and self.sums[u].loop is loop]
        body += [self._start_sum(u, scope) for u in sums]
        for node, name in scope.known.items():
            inner.known.setdefault(node, name)
        test = self._scarce(loop, inner)
        inside = self._block(loop.items, inner)
        inside = inside if test is None else [If(test, inside)]
        if outermost:
            body += self.rooms.values()
        if loop.strip is not None and inner.strip is not None:
            body += self._rows(inner.strip, scope)
        bounds = self.bounds if loop.step > 1 or loop.strip else None
        index = bounds[0] if bounds and loop.step > 1 else inner.letters[-1:]
        whole = inner.strip is not None and inner.strip.outside is None
        body.append(For(index, loop.extent, inside, loop.step, bounds, whole=whole))
        for unit in sums:
            body += self._end_sum(unit, scope)
        for unit in units:
            if self._accumulates(unit, loop):
                scope.known[unit.target] = self.names[unit.target]
        return body

    def _enter(self, loop: Loop, scope: _Scope) -> _Scope:
        """Return the scope inside of a loop."""
        inner, graph = scope.inner(), self.graph
        if loop.step > 1:
            inner.start = graph.remake_input(self.bounds[0], INT)
            inner.known[inner.start] = self.bounds[0]
            return inner
        letter = self.letters[len(scope.index)]
        index = graph.remake_input(letter, INT)
        inner.known[index] = letter
        inner.letters += letter
        if loop.strip is not None and scope.start is not None:
            if any(isinstance(item, Loop) for item in loop.items):
                offset = graph.make("sub", (index, scope.start))
                inner.strip = Strip(offset, index, None)
            else:
                whole = graph.make("add", (scope.start, index))
                inner.strip = Strip(index, whole, set(scope.index.values()))
                index = whole
        inner.index[loop] = index
        return inner

    def _scarce(self, loop: Loop, inner: _Scope) -> Node | None:
        """Return a condition outside of which a turn of a loop adds up only zeros."""
        if not any(isinstance(item, Loop) for item in loop.items):
            return None  # in lanes zeros cost less than a test
        inner = inner.inner()
        common: set[Node] | None = None
        for unit in loop.axes:
            value, place = self._element(unit, inner)
            if self.vanishes(unit):
                inner.forwarded[unit.target] = (place, value)
                continue
            adds = unit.kind == "add" and not self._sets_inside(unit, loop)
            found = scarce_factors(value) if adds else set()
            unknown = set(unit.probe) - set(inner.index.values())
            found = {n for n in found if not unknown & set(below([n]))}
            common = found if common is None else common & found
        if not common or self.graph.strict:
            return None
        first = min(common, key=position)
        varies = set(inner.index.values()) - set(list(inner.index.values())[:-1])
        scarce = first.op.scarce
        return scarce(first) if scarce and varies & set(below([first])) else None

    def _sets_inside(self, unit: Unit, loop: Loop) -> bool:
        """Whether each turn of a loop gives an element that a sum gathers its value."""
        total = self.sums.get(unit)
        around = self.loops[unit]
        return (
            total is not None
            and total.kind == "set"
            and around.index(total.loop) > around.index(loop)
        )

    def _rows(self, strip: Strip, scope: _Scope) -> list[Statement]:
        """Return the statements that name the parts of rows that a strip looks at."""
        found: list[Statement] = []
        for (array, index), row in strip.rows.items():
            place = "".join(scope.known.get(i, "") for i in index) or "part"
            self.names[row] = unused(f"{self.names[array]}_{place}", self.taken)
            found.append(Row(row, array, index, self.bounds))
        return found

    def _start_sum(self, unit: Unit, scope: _Scope) -> Statement:
        """Return the statement that starts to gather an element in a variable."""
        held = self.sums[unit].held
        if held not in self.names:
            name = self._element_name(unit, scope)
            while name in self.taken:
                name += "_"
            self.taken.add(name)
            self.names[held] = name
        scope.known[held] = self.names[held]
        return Allocate(held, (), _start(unit))

    def _element_name(self, unit: Unit, scope: _Scope) -> str:
        """Return a name for one element of an array: y_i, or W_ij."""
        return f"{self.names[unit.target]}_{scope.letters}"

    def _end_sum(self, unit: Unit, scope: _Scope) -> list[Statement]:
        """Return the statements that put a gathered element into its array."""
        _, held, kind = self.sums[unit]
        _, place = self._element(unit, scope)
        body = self._scalars(self._indices(unit, place, scope), scope, ())
        if kind == "set":
            scope.forwarded[unit.target] = (place, held)
        return [*body, Store(self._target(unit, place, scope), held, kind)]

    def _accumulates(self, unit: Unit, loop: Loop) -> bool:
        """Whether a loop is the outermost that gathers a unit's values."""
        return self.home(unit) is loop

    def _comments(self, units: Sequence[Unit]) -> list[Statement]:
        writer = Writer(self.names)
        said: dict[str, None] = {}
        for unit in units:
            text = writer.write(unit.target)[0]
            said[f"{self.names[unit.target]} = {text}"] = None
        return [Comment(text) for text in said]

    def _allocations(self, loop: Loop, scope: _Scope) -> list[Statement]:
        """Return the statements that make room for what a loop fills."""
        found: list[Statement] = []
        for unit in loop.axes:
            if self.home(unit) is not loop or self.makers[unit.target][0] is not unit:
                continue
            gone = self.gone[unit.target]
            short = self.short[unit.target]
            shape = tuple(
                short[k].step if k in short else e
                for k, e in enumerate(unit.target.type.shape)
                if k not in gone
            )
            kinds = {
                self.sums[u].kind if u in self.sums else u.kind
                for u in self.makers[unit.target]
            }
            whole = kinds == {"set"}
            fill = None if whole else _start(unit)
            if shape and self._inside(scope):  # memory comes from outside of all loops
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

    @staticmethod
    def _inside(scope: _Scope) -> bool:
        """Whether a scope is that of a loop."""
        return bool(scope.index) or scope.start is not None

    def _elements(self, scope: _Scope) -> Elements:
        return Elements(
            self.graph, self.stored, scope.forwarded, self.gone, self.short,
            scope.strip, self.opaque,
        )  # fmt: skip

    def _element(self, unit: Unit, scope: _Scope) -> tuple[Node, tuple[Node, ...]]:
        """Return a unit's value and place at the indices of a scope."""
        elements = self._elements(scope)
        index = [scope.index.get(loop) for loop in self.loops[unit]]
        by_axis = {
            loop.axes[unit]: i for loop, i in zip(self.loops[unit], index, strict=True)
        }
        probe = [by_axis.get(a) or unit.probe[a] for a in range(len(unit.probe))]
        return instance(elements, unit.nest, probe)  # type: ignore[arg-type]

    def _invariants(self, units: Sequence[Unit], scope: _Scope) -> list[Node]:
        """Return what values inside of a loop need that is the same in each turn."""
        varying = list(scope.index.values())[-1:]
        spans = {index: loop.extent for loop, index in scope.index.items()}
        if scope.strip is not None:
            varying.append(scope.strip.offset)
            spans[scope.strip.offset] = spans[scope.strip.index]
        found: dict[Node, None] = {}
        made = {u.target for u in units}
        for unit in units:
            value, place = self._element(unit, scope)
            spans |= {p: unit.extent(axis) for axis, p in enumerate(unit.probe)}
            roots = [value, *place]
            moves = moving(roots, {*varying, *unit.probe, *made}, made)
            risky = self._risky(roots, spans)
            found |= dict.fromkeys(outermost(roots, moves, risky))
        return [n for n in found if n not in scope.known]

    def _risky(self, roots: Sequence[Node], spans: Mapping[Node, Extent]) -> set[Node]:
        """Return what reads where there may be nothing, unless a condition allows it.

        spans: the extents that indices run over.
        """
        found: set[Node] = set()
        for node in sorted(below(roots), key=position):
            inside = node.op is not _WRAP
            if node.op is _LOAD:
                gone = self.gone.get(node.args[0], ())
                shape = node.args[0].type.shape
                sizes = [e for k, e in enumerate(shape) if k not in gone]
                inside = sizes == [spans.get(i) for i in node.args[1:]]
            if not inside or any(a in found for a in operands(node)):
                found.add(node)
        return found

    def _adds_freely(
        self, unit: Unit, target: Node, value: Node, scope: _Scope
    ) -> bool:
        """Whether a sum is taken in lanes: in a variable, of what has vector forms."""
        return (
            unit.kind == "add"
            and target.op is not _LOAD
            and unit.target.type.is_float
            and not self.graph.strict
            and all(
                n in scope.known or has_lanes(n.op)
                for n in below([value], known=scope.known)
            )
        )

    def _stores(
        self, units: Sequence[Unit], scope: _Scope, *, free: bool
    ) -> list[Statement]:
        """Return scalar statements that compute and store values.

        free: the loop is the innermost, so that a sum may gain from a free order.
        """
        if not units:
            return []
        stores: list[_Placed] = []
        for unit in units:
            value, place = self._element(unit, scope)
            if unit.kind == "set":
                scope.forwarded[unit.target] = (place, value)
                if self.vanishes(unit):
                    scope.hints.setdefault(value, self.names[unit.target])
                    continue
                if self._inside(scope) and value.args and value.op is not _LOAD:
                    scope.prefer.setdefault(value, self._element_name(unit, scope))
            stores.append(_Placed(unit, value, place))
        wanted = [s.value for s in stores]
        for unit, _, place in stores:
            if unit not in self.sums:
                wanted += self._indices(unit, place, scope)
        body = self._scalars(wanted, scope, ())
        for unit, value, place in self._overwriting_last(stores):
            alone = not self.loops[unit] and self.makers[unit.target][0] is unit
            if alone and unit.target.type.shape:  # one place, at computed indices
                body.append(Allocate(unit.target, unit.target.type.shape, _start(unit)))
            total = self.sums.get(unit)
            target = total.held if total else self._target(unit, place, scope)
            lanes = free and self._adds_freely(unit, target, value, scope)
            body.append(Store(target, value, "plus" if lanes else unit.kind))
        return body

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

    def _indices(
        self, unit: Unit, place: Sequence[Node], scope: _Scope
    ) -> Sequence[Node]:
        """Return the indices that a value is stored at."""
        if len(self.gone[unit.target]) == len(place):
            return ()
        return self._elements(scope).place(unit.target, place).args[1:]

    def _target(self, unit: Unit, place: Sequence[Node], scope: _Scope) -> Node:
        """Return what a value is stored in: an element of an array, or a variable."""
        if len(self.gone[unit.target]) == len(place):
            scope.known[unit.target] = self.names[unit.target]
            return unit.target
        return self._elements(scope).place(unit.target, place)

    def _scalars(
        self,
        roots: Sequence[Node],
        scope: _Scope,
        named: Collection[Node] | None = None,
        saved: Collection[Node] = (),
    ) -> list[Statement]:
        """Return statements that compute scalars; `named` (all of them): variables."""
        fresh = [r for r in roots if r not in scope.known and r.args]
        if not fresh:
            return []
        own = {n: s for n, s in self.names.items() if not n.type.shape and n.args}
        hints = {**scope.hints, **own, **self.scalars}
        arrays = {n: s for n, s in self.names.items() if n.type.shape}
        body, names, every = scalar_statements(
            self.graph, fresh, {**scope.known, **arrays}, hints, self.taken,
            scope.prefer, fresh if named is None else named, saved,
        )  # fmt: skip
        self.scalars |= every
        self.names |= every
        self.taken |= set(every.values())
        scope.known |= names
        return body


def _start(unit: Unit) -> float:
    if unit.kind in _START:
        return _START[unit.kind]
    return float("-inf") if unit.kind == "larger" else float("inf")
