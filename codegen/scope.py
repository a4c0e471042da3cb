"""Write elements inside of loops: what is known there, what can be taken out of them.

Comes in: units laid out in loops. Goes out: for a scope, the values and places of units
there, scalar statements that compute them, and what is the same in each turn.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

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
from overbar.codegen.scalars import scalar_statements
from overbar.codegen.units import Unit, instance
from overbar.ir.ops import OPS

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from overbar.ir.graph import Node
    from overbar.ir.program import Statement
    from overbar.ir.types import Extent

_LOAD, _WRAP = OPS["load"], OPS["wrap"]


@dataclass
class Scope:
    """Hold what is known inside of some loops: their indices, and named values."""

    index: dict[Loop, Node]
    known: dict[Node, str]
    forwarded: dict[Node, tuple[tuple[Node, ...], Node]] = field(default_factory=dict)
    hints: dict[Node, str] = field(default_factory=dict)
    prefer: dict[Node, str] = field(default_factory=dict)
    letters: str = ""
    start: Node | None = None
    strip: Strip | None = None
    parts: dict[tuple[Node, tuple[Node, ...]], Node] = field(default_factory=dict)

    @property
    def inside(self) -> bool:
        """Whether this is the scope of a loop."""
        return bool(self.index) or self.start is not None

    def inner(self) -> Scope:
        """Return the scope inside of a loop, its index still to be set."""
        return replace(
            self, index=dict(self.index), known=dict(self.known),
            forwarded=dict(self.forwarded), hints=dict(self.hints), prefer={},
        )  # fmt: skip


class Scoped(Layout):
    """Know units' elements inside of loops."""

    def elements(self, scope: Scope) -> Elements:
        """Return what makes elements in a scope."""
        return Elements(
            self.graph, self.stored, scope.forwarded, self.gone, self.short,
            scope.strip, self.opaque, self.turned,
        )  # fmt: skip

    def element(self, unit: Unit, scope: Scope) -> tuple[Node, tuple[Node, ...]]:
        """Return a unit's value and place at the indices of a scope."""
        elements = self.elements(scope)
        index = [scope.index.get(loop) for loop in self.loops[unit]]
        by_axis = {
            loop.axes[unit]: i for loop, i in zip(self.loops[unit], index, strict=True)
        }
        probe = [by_axis.get(a) or unit.probe[a] for a in range(len(unit.probe))]
        return instance(elements, unit.nest, probe)  # type: ignore[arg-type]

    def invariants(self, units: Sequence[Unit], scope: Scope) -> list[Node]:
        """Return what values inside of a loop need that is the same in each turn."""
        varying = list(scope.index.values())[-1:]
        spans = {index: loop.extent for loop, index in scope.index.items()}
        if scope.strip is not None:
            varying.append(scope.strip.offset)
            spans[scope.strip.offset] = spans[scope.strip.index]
        found: dict[Node, None] = {}
        made = {u.target for u in units}
        for unit in units:
            value, place = self.element(unit, scope)
            spans |= {p: unit.extent(axis) for axis, p in enumerate(unit.probe)}
            roots = [value, *place]
            moves = moving(roots, {*varying, *unit.probe, *made}, made)
            risky = self.risky(roots, spans)
            found |= dict.fromkeys(outermost(roots, moves, risky))
        return [n for n in found if n not in scope.known]

    def risky(self, roots: Sequence[Node], spans: Mapping[Node, Extent]) -> set[Node]:
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

    def scarce(self, loop: Loop, inner: Scope) -> Node | None:
        """Return a condition outside of which a turn of a loop adds up only zeros."""
        index = inner.index.get(loop)
        innermost = not any(isinstance(item, Loop) for item in loop.items)
        if index is None or innermost or self.graph.strict:
            return None  # in lanes zeros cost less than a test
        inner = inner.inner()
        common: set[Node] | None = None
        for unit in loop.axes:
            value, place = self.element(unit, inner)
            if self.vanishes(unit):
                inner.forwarded[unit.target] = (place, value)
                continue
            adds = unit.kind == "add" and not self.sets_inside(unit, loop)
            found = scarce_factors(value) if adds else set()
            unknown = set(unit.probe) - set(inner.index.values())
            found = {n for n in found if not unknown & set(below([n]))}
            common = found if common is None else common & found
        varying = [n for n in common or () if index in below([n])]
        first = min(varying, key=position, default=None)
        return first.op.scarce(first) if first and first.op.scarce else None

    def sets_inside(self, unit: Unit, loop: Loop) -> bool:
        """Whether each turn of a loop gives an element that a sum gathers its value."""
        total = self.sums.get(unit)
        around = self.loops[unit]
        return (
            total is not None
            and total.kind == "set"
            and around.index(total.loop) > around.index(loop)
        )

    def adds_freely(self, unit: Unit, target: Node, value: Node, scope: Scope) -> bool:
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

    def indices(
        self, unit: Unit, place: Sequence[Node], scope: Scope
    ) -> Sequence[Node]:
        """Return the indices that a value is stored at."""
        if len(self.gone[unit.target]) == len(place):
            return ()
        return self.elements(scope).place(unit.target, place).args[1:]

    def target(self, unit: Unit, place: Sequence[Node], scope: Scope) -> Node:
        """Return what a value is stored in: an element of an array, or a variable."""
        if len(self.gone[unit.target]) == len(place):
            scope.known[unit.target] = self.names[unit.target]
            return unit.target
        return self.elements(scope).place(unit.target, place)

    def compute(
        self,
        roots: Sequence[Node],
        scope: Scope,
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
