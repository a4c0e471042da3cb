"""Turn a graph with arrays into a Program: loops, calls, and scalar code inside.

Comes in: the nodes to compute. They are cut into units, units fused into loops, and
what is inside of a loop is scheduled as scalar code is.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from overbar.codegen.elements import Elements
from overbar.codegen.fusion import Loop, fuse
from overbar.codegen.names import legal
from overbar.codegen.python import unused
from overbar.codegen.scalars import scalar_statements
from overbar.codegen.units import Unit, cut, instance, reduces, stored_arrays
from overbar.ir.graph import Node
from overbar.ir.ops import OPS
from overbar.ir.program import (
    Allocate,
    Assign,
    Comment,
    For,
    Program,
    Statement,
    Store,
    leaves,
)
from overbar.ir.text import Writer, arrange, name_shared
from overbar.ir.types import INT, Dim, dims

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from overbar.codegen.fusion import Item
    from overbar.ir.graph import Graph
    from overbar.ir.program import Result
    from overbar.ir.types import Extent

_LETTERS = "ijklpqrs"
_LOAD, _EXTENT, _ARRAY = OPS["load"], OPS["extent"], OPS["array"]
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

    def inner(self, loop: Loop, index: Node) -> _Scope:
        """Return the scope inside of a loop."""
        return _Scope(
            {**self.index, loop: index},
            dict(self.known),
            dict(self.forwarded),
            dict(self.hints),
        )


class _Sum(NamedTuple):
    """Say where an element is gathered in a variable: before which loop it starts.

    kind: how it goes into the array after the loop.
    """

    loop: Loop
    held: Node
    kind: str


class _Nests:
    """Hold the state of one run."""

    def __init__(
        self,
        graph: Graph,
        roots: Sequence[Node],
        given: Sequence[Node],
        named: Mapping[Node, str],
    ) -> None:
        self.graph = graph
        self.scalars = dict(named)
        self.rooms: dict[Node, Allocate] = {}
        self.roots = roots
        self.given = given
        known = dict.fromkeys(given)
        self.order = arrange(graph, roots, known)
        self.stored = stored_arrays(graph, self.order, roots, known)
        self.units = cut(graph, self.order, self.stored, known, set(roots))
        self.items = fuse(self.units)
        self.loops: dict[Unit, tuple[Loop, ...]] = {}
        self._place(self.items, ())
        self.makers: dict[Node, list[Unit]] = {}
        for unit in self.loops:  # in the order in which they run
            self.makers.setdefault(unit.target, []).append(unit)
        self.local = self._local()
        self.gone = {n: self._gone(n) for n in self.makers}
        self.sums = {u: s for u in self.units if (s := self._sum(u))}
        self.names = self._named()
        self.opaque = {
            n: graph.remake_input(f"{n.index} given", n.type)
            for n in given
            if n.args and not n.type.shape
        }
        self.names |= {o: self.names[n] for n, o in self.opaque.items()}
        self.sizes = self._sizes()
        self.taken = {*self.names.values(), *self.sizes}
        self.letters = [c for c in _LETTERS if c not in self.taken]

    def _place(self, items: Sequence[Item], loops: tuple[Loop, ...]) -> None:
        for item in items:
            if isinstance(item, Unit):
                self.loops[item] = loops
            else:
                self._place(item.items, (*loops, item))

    def _sum(self, unit: Unit) -> _Sum | None:
        """Return where a unit gathers an element in a variable, if it does.

        Its innermost loops all run along axes that are reduced, inside of a loop along
        an axis of the array.
        """
        loops = self.loops[unit]
        if unit.kind == "set" or len(self.makers[unit.target]) > 1:
            return None
        if not set(unit.place) <= set(unit.probe):  # a computed place moves
            return None
        kept = [unit.probe[x.axes[unit]] in unit.place for x in loops]
        first = len(kept) - kept[::-1].index(True) if True in kept else 0
        outside = kept[len(self.local[unit.target]) : first]
        if first == len(kept) or not outside:
            return None
        held = self.graph.remake_input(
            f"{unit.target.index} so far", unit.target.type.scalar
        )
        return _Sum(loops[first], held, "set" if all(outside) else unit.kind)

    def _local(self) -> dict[Node, tuple[Loop, ...]]:
        """Return the loops that an array has an axis fewer for, for all arrays.

        An array that is made and read inside of a loop needs no place for what other
        turns of the loop make.
        """
        readers: dict[Node, list[Unit]] = {}
        for unit in self.units:
            for source in unit.sources:
                readers.setdefault(source, []).append(unit)
        kept = {*self.roots, *self._scalar_reads()}
        found: dict[Node, tuple[Loop, ...]] = {}
        for target, makers in self.makers.items():
            users = readers.get(target, [])
            shared = self.loops[makers[0]]
            for unit in (*makers[1:], *users):
                other = self.loops[unit]
                both = [a is b for a, b in zip(shared, other, strict=False)]
                length = both.index(False) if False in both else len(both)
                shared = shared[:length]
            plain = makers[0].nest is not None and len(makers) == 1
            outside = target in kept or not users or not plain
            shared = () if outside else shared
            # an axis that is reduced inside is no axis of the array
            usable = []
            for loop in shared:
                probe = makers[0].probe[loop.axes[makers[0]]]
                if probe not in makers[0].place:
                    break
                usable.append(loop)
            made = makers[0].kind == "set" and len(usable) == len(target.type.shape)
            if len(usable) == len(self.loops[makers[0]]) and not made:
                del usable[-1:]  # a place at a computed index is no variable
            found[target] = tuple(usable)
        return found

    def _scalar_reads(self) -> set[Node]:
        """Return the reductions that scalar code outside of all loops reads."""
        return {n for n in self.makers if not n.type.shape}

    def _named(self) -> dict[Node, str]:
        """Return names for what is given and for all units."""
        graph = self.graph
        nodes = [*self.given, *self.order]
        names = {n: graph.names[n] for n in nodes if n in graph.names}
        sizes = {d for n in nodes for e in dims(n.type.shape) for d in e.names}
        names = legal(names, sizes)
        for node in self.given:
            if node.op is _EXTENT:
                names[node] = str(node.attrs[0])
            elif node.op is _ARRAY:
                count = sum(n.op is _ARRAY for n in names)
                names[node] = unused(f"constant{count + 1}", set(names.values()))
        unnamed = [n for n in self.makers if n not in names]
        found = name_shared(
            graph,
            self.order,
            names,
            repeat=False,
            longest=10**9,
            must=unnamed,
            inline=set(self.order) - set(unnamed),
            roots=(),
        )
        return {n: s for n, s in found.items() if n in names or n in self.makers}

    def _sizes(self) -> dict[str, str]:
        """Return the named dimensions and the text that gives the size of each."""
        wanted: dict[str, None] = {}
        for node in self.order:
            for symbolic in dims((node.type.shape, *node.attrs)):
                wanted |= dict.fromkeys(sorted(symbolic.names))
        found: dict[str, str] = {}
        for plain in (True, False):
            for node in self.given:
                if node.op is _EXTENT and node.attrs[0].name:
                    found.setdefault(node.attrs[0].name, self.names[node])
                for axis, extent in enumerate(node.type.shape):
                    dim = extent.line if isinstance(extent, Dim) else None
                    if isinstance(extent, Dim) and dim is not None:
                        text = f"{self.names[node]}.shape[{axis}]"
                        if extent.name is not None:
                            found.setdefault(dim, text)
                        elif not plain and dim not in found:
                            found[dim] = _solved(extent, text)
        return {d: found[d] for d in wanted if found.get(d, d) != d}

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
        return body + self._stores(pending, scope, free=inner and bool(scope.index))

    def _call(self, unit: Unit, scope: _Scope) -> list[Statement]:
        """Return the statements of a node that is computed as a whole."""
        node = unit.target
        scalars = [a for a in node.args if not a.type.shape]
        body = self._scalars(scalars, scope)
        scope.known[node] = self.names[node]
        return [*body, Assign(node, node)]

    def _loop(self, loop: Loop, scope: _Scope) -> list[Statement]:
        body: list[Statement] = []
        depth = len(scope.index)
        letter = self.letters[depth] if depth < len(self.letters) else f"i{depth}_"
        index = self.graph.remake_input(letter, INT)
        if not depth:
            self.rooms = {}
        inner = scope.inner(loop, index)
        inner.known[index] = letter
        units = list(loop.axes)
        if not depth:
            body += self._comments(units)
        body += self._allocations(loop, scope)
        hoisted = self._invariants(units, inner)
        body += self._scalars(hoisted, scope)
        sums = [u for u in units if u in self.sums and self.sums[u].loop is loop]
        body += [self._start_sum(u, scope) for u in sums]
        for node, name in scope.known.items():
            inner.known.setdefault(node, name)
        turn = For(letter, loop.extent, self._block(loop.items, inner))
        if not depth:
            body += self.rooms.values()
        body.append(turn)
        body += [self._end_sum(u, scope) for u in sums]
        for unit in units:
            if self._accumulates(unit, loop):
                scope.known[unit.target] = self.names[unit.target]
        return body

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
        letters = "".join(scope.known[i] for i in scope.index.values())
        return f"{self.names[unit.target]}_{letters}"

    def _end_sum(self, unit: Unit, scope: _Scope) -> Statement:
        """Return the statement that puts a gathered element into its array."""
        _, held, kind = self.sums[unit]
        _, place = self._element(unit, scope)
        if kind == "set":
            scope.forwarded[unit.target] = (place, held)
        return Store(self._target(unit, place, scope), held, kind)

    def _accumulates(self, unit: Unit, loop: Loop) -> bool:
        """Whether a loop is the outermost that gathers a unit's values."""
        return self._home(unit) is loop

    def _home(self, unit: Unit) -> Loop | None:
        """Return the loop before which a unit's place is made."""
        loops, local = self.loops[unit], self.local[unit.target]
        return loops[len(local)] if len(loops) > len(local) else None

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
            if self._home(unit) is not loop or self.makers[unit.target][0] is not unit:
                continue
            gone = self.gone[unit.target]
            shape = tuple(
                e for k, e in enumerate(unit.target.type.shape) if k not in gone
            )
            kinds = {
                self.sums[u].kind if u in self.sums else u.kind
                for u in self.makers[unit.target]
            }
            whole = kinds == {"set"}
            fill = None if whole else _start(unit)
            if shape and scope.index:  # memory comes from outside of all loops
                self.rooms[unit.target] = Allocate(unit.target, shape, None)
                if fill is not None:
                    found.append(Allocate(unit.target, shape, fill, again=True))
            elif shape or fill is not None:
                found.append(Allocate(unit.target, shape, fill))
        return found

    def _element(self, unit: Unit, scope: _Scope) -> tuple[Node, tuple[Node, ...]]:
        """Return a unit's value and place at the indices of a scope."""
        elements = Elements(
            self.graph, self.stored, scope.forwarded, self.gone, self.opaque
        )
        index = [scope.index.get(loop) for loop in self.loops[unit]]
        by_axis = {
            loop.axes[unit]: i for loop, i in zip(self.loops[unit], index, strict=True)
        }
        probe = [by_axis.get(a) or unit.probe[a] for a in range(len(unit.probe))]
        value, place, _ = instance(elements, unit.nest, probe)  # type: ignore[arg-type]
        return value, place

    def _invariants(self, units: Sequence[Unit], scope: _Scope) -> list[Node]:
        """Return what values inside of a loop need that is the same in each turn."""
        varying = list(scope.index.values())[-1:]
        spans = {index: loop.extent for loop, index in scope.index.items()}
        found: dict[Node, None] = {}
        made = {u.target for u in units}
        for unit in units:
            value, place = self._element(unit, scope)
            spans |= {p: unit.extent(axis) for axis, p in enumerate(unit.probe)}
            roots = [value, *place]
            moves = _moving(roots, {*varying, *unit.probe, *made}, made)
            risky = self._risky(roots, spans)
            found |= dict.fromkeys(_outermost(roots, moves, risky))
        return [n for n in found if n not in scope.known]

    def _risky(self, roots: Sequence[Node], spans: Mapping[Node, Extent]) -> set[Node]:
        """Return what reads where there may be nothing, unless a condition allows it.

        spans: the extents that indices run over.
        """
        found: set[Node] = set()
        for node in sorted(_below(roots), key=_position):
            inside = node.op is not _WRAP
            if node.op is _LOAD:
                gone = self.gone.get(node.args[0], ())
                shape = node.args[0].type.shape
                sizes = [e for k, e in enumerate(shape) if k not in gone]
                inside = sizes == [spans.get(i) for i in node.args[1:]]
            if not inside or any(a in found for a in _operands(node)):
                found.add(node)
        return found

    def _adds_freely(self, unit: Unit, target: Node, value: Node) -> bool:
        """Whether a sum may be taken in lanes: in a variable, of what is vectorised."""
        return (
            unit.kind == "add"
            and target.op is not _LOAD
            and unit.target.type.is_float
            and not self.graph.strict
            and all(n.op.cost <= 1 and n.op.helper is None for n in _below([value]))
        )

    def _stores(
        self, units: Sequence[Unit], scope: _Scope, *, free: bool
    ) -> list[Statement]:
        """Return scalar statements that compute and store values.

        free: the loop is the innermost, so that a sum may gain from a free order.
        """
        if not units:
            return []
        stores: list[tuple[Unit, Node, tuple[Node, ...]]] = []
        for unit in units:
            value, place = self._element(unit, scope)
            if unit.kind == "set":
                scope.forwarded[unit.target] = (place, value)
                if self._vanishes(unit):
                    scope.hints.setdefault(value, self.names[unit.target])
                    continue
                if scope.index and value.args and value.op is not _LOAD:
                    scope.prefer.setdefault(value, self._element_name(unit, scope))
            stores.append((unit, value, place))
        wanted = [v for _, v, _ in stores] + [p for _, _, ps in stores for p in ps]
        body = self._scalars(wanted, scope, ())
        for unit, value, place in stores:
            alone = not self.loops[unit] and self.makers[unit.target][0] is unit
            if alone and unit.target.type.shape:  # one place, at computed indices
                body.append(Allocate(unit.target, unit.target.type.shape, _start(unit)))
            if unit in self.sums:
                target = self.sums[unit].held
            else:
                target = self._target(unit, place, scope)
            lanes = free and self._adds_freely(unit, target, value)
            body.append(Store(target, value, "plus" if lanes else unit.kind))
        return body

    def _vanishes(self, unit: Unit) -> bool:
        """Whether a unit's value is a variable of the loop that makes it."""
        return bool(self.loops[unit]) and len(self.local[unit.target]) == len(
            unit.target.type.shape
        ) == len(self.loops[unit])

    def _target(self, unit: Unit, place: Sequence[Node], scope: _Scope) -> Node:
        """Return what a value is stored in: an element of an array, or a variable."""
        gone = self.gone[unit.target]
        kept = [n for k, n in enumerate(place) if k not in gone]
        if not kept:
            scope.known[unit.target] = self.names[unit.target]
            return unit.target
        return self.graph.restore(
            _LOAD, (unit.target, *kept), (), unit.target.type.scalar
        )

    def _gone(self, array: Node) -> set[int]:
        """Return the axes that an array has no place for: it is made anew each turn."""
        first = self.makers[array][0]
        return {
            first.place.index(first.probe[x.axes[first]]) for x in self.local[array]
        }

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


def _solved(extent: Dim, text: str) -> str:
    """Return the size of the dimension that an extent a*n + b is made of."""
    (name,) = extent.names
    at_zero, at_one = extent.size({name: 0}), extent.size({name: 1})
    slope = at_one - at_zero
    shifted = f"({text} - {at_zero})" if at_zero > 0 else (
        f"({text} + {-at_zero})" if at_zero else text
    )  # fmt: skip
    return shifted if slope == 1 else f"{shifted}//{slope}"


def _moving(roots: Sequence[Node], varying: set[Node], made: set[Node]) -> set[Node]:
    """Return the parts of expressions that vary in a loop, or read what it makes."""
    moves = set(varying)
    for node in sorted(_below(roots), key=_position):
        read = node.op is _LOAD and node.args[0] in made
        if read or any(a in moves for a in node.args):
            moves.add(node)
    return moves


def _outermost(
    roots: Sequence[Node], moves: Collection[Node], risky: Collection[Node]
) -> list[Node]:
    """Return the largest parts of expressions that do not vary in a loop.

    What is risky stays in the branch of a choice that it stands in.
    """
    found = [r for r in roots if r not in moves]
    inside = [r for r in roots if r in moves]
    anyway = set(_below(inside, moves, taken=False))
    for node in _below(inside, moves):
        sure = _operands(node, taken=False) if node in anyway else ()
        still = (a for a in _operands(node) if a not in moves)
        found += [a for a in still if a not in risky or a in sure]
    whole = {n for n in found if n.args and n.op is not _LOAD}
    return sorted(whole, key=_position)


def _below(
    roots: Sequence[Node],
    within: Collection[Node] | None = None,
    *,
    taken: bool = True,
) -> list[Node]:
    """Return what scalar expressions are made of (`within` some nodes).

    taken: whether the branches of choices are among that.
    """
    found = list(dict.fromkeys(roots))
    seen = set(found)
    for node in found:  # grows while it is walked
        for a in _operands(node, taken=taken):
            if a not in seen and (within is None or a in within):
                seen.add(a)
                found.append(a)
    return found


def _operands(node: Node, *, taken: bool = True) -> Sequence[Node]:
    if node.op.chooses and not taken:
        return node.args[:1]
    if reduces(node):
        return ()
    return node.args[1:] if node.op is _LOAD else node.args


def _position(node: Node) -> int:
    return node.index
