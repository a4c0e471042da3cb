"""Lay out what units fill: in which loops, with which axes, under which names.

Comes in: the nodes to compute. Goes out: units fused into loops, and for each array the
loops in which it is made anew each turn, so that it needs no axis for them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from overbar.codegen.buffers import reused
from overbar.codegen.contractions import laid_out, once, stacks
from overbar.codegen.fusion import Loop, fuse
from overbar.codegen.names import legal, unused
from overbar.codegen.strips import cut_into_strips
from overbar.codegen.units import Unit, cut, is_call, stored_arrays
from overbar.ir.ops import OPS
from overbar.ir.text import arrange, name_shared
from overbar.ir.types import Dim, at_most, dims

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from overbar.codegen.fusion import Item
    from overbar.ir.graph import Graph, Node
    from overbar.ir.program import Allocate
    from overbar.ir.types import Shape

_LETTERS = "ijklpqrs"
_LOAD, _EXTENT, _ARRAY = OPS["load"], OPS["extent"], OPS["array"]


class Sum(NamedTuple):
    """Say where an element is gathered in a variable: before which loop it starts.

    kind: how it goes into the array after the loop.
    """

    loop: Loop
    held: Node
    kind: str


class Layout:
    """Hold units, the loops around them, and names."""

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
        self.parts: dict[tuple[Node, str], str] = {}
        self.roots = roots
        self.given = given
        known = dict.fromkeys(given)
        self.order = arrange(graph, roots, known)
        self.stored = stored_arrays(graph, self.order, roots, known)
        open_ = [n for n in self.order if n not in known and not is_call(n, {*roots})]
        found = stacks(graph, open_, self.stored)
        self.stored -= once(self.order, found, {*roots, *known})
        self.turned = {n: s.turned for n, s in found.items() if n not in {*roots}}
        self.stored -= {n for n, t in self.turned.items() if t is not found[n].product}
        self.order = laid_out(self.order, found)
        self.stored |= {n for s in found.values() for n in (s.product, *s.product.args)}
        self.units = cut(graph, self.order, self.stored, known, set(roots), found)
        makers: dict[Node, list[Unit]] = {}
        self.readers: dict[Node, list[Unit]] = {}
        for unit in self.units:
            makers.setdefault(unit.target, []).append(unit)
            for source in unit.sources:
                self.readers.setdefault(source, []).append(unit)
        self.items = cut_into_strips(
            fuse(self.units, makers), makers, self.readers, {*roots, *given}
        )
        self.loops: dict[Unit, tuple[Loop, ...]] = {}
        self._place(self.items, ())
        self.makers: dict[Node, list[Unit]] = {}
        for unit in self.loops:  # in the order in which they run
            self.makers.setdefault(unit.target, []).append(unit)
        self.local = self._find_local()
        self.gone = {n: self._gone(n) for n in self.makers}
        self.short = {n: self._short(n) for n in self.makers}
        self.sums = {u: s for u in self.units if (s := self._find_sum(u))}
        self.memory = reused(
            self.items, self.loops, self.makers, self._whole(), {*roots, *given}
        )
        self.names = self._named()
        self.opaque = {
            n: graph.remake_input(f"{n.index} given", n.type)
            for n in given
            if n.args and not n.type.shape
        }
        self.names |= {o: self.names[n] for n, o in self.opaque.items()}
        self.sizes = self._sizes()
        self.taken = {*self.names.values(), *self.sizes}
        letters = [c for c in _LETTERS if c not in self.taken]
        self.letters = [*letters, *(f"i{k}_" for k in range(len(letters), 64))]
        self.bounds = unused("start", self.taken), unused("stop", self.taken)
        self.taken |= set(self.bounds)

    def _place(self, items: Sequence[Item], loops: tuple[Loop, ...]) -> None:
        for item in items:
            if isinstance(item, Unit):
                self.loops[item] = loops
            else:
                self._place(item.items, (*loops, item))

    def _find_sum(self, unit: Unit) -> Sum | None:
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
        if self.graph.strict and not all(outside):  # it would add up sums of parts
            return None
        held = self.graph.remake_input(
            f"{unit.target.index} so far", unit.target.type.scalar
        )
        return Sum(loops[first], held, "set" if all(outside) else unit.kind)

    def _find_local(self) -> dict[Node, tuple[Loop, ...]]:
        """Return the loops that an array has an axis fewer for, for all arrays.

        An array that is made and read inside of a loop needs no place for what other
        turns of the loop make.
        """
        kept = {*self.roots, *self._scalar_reads()}
        found: dict[Node, tuple[Loop, ...]] = {}
        for target, makers in self.makers.items():
            users = self.readers.get(target, [])
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
            made = makers[0].kind == "set" and len(turns(usable)) == len(
                target.type.shape
            )
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

    def _whole(self) -> set[Node]:
        """Return the arrays that are made with all their axes before a loop."""
        return {
            n
            for n, makers in self.makers.items()
            if n.type.shape and not self.local[n] and self.home(makers[0])
        }

    def home(self, unit: Unit) -> Loop | None:
        """Return the loop before which a unit's place is made."""
        loops, local = self.loops[unit], self.local[unit.target]
        return loops[len(local)] if len(loops) > len(local) else None

    def vanishes(self, unit: Unit) -> bool:
        """Whether a unit's value is a variable of the loop that makes it."""
        rank = len(unit.target.type.shape)
        own, around = turns(self.local[unit.target]), turns(self.loops[unit])
        return bool(around) and len(own) == rank == len(around)

    def _gone(self, array: Node) -> set[int]:
        """Return the axes that an array has no place for: it is made anew each turn."""
        first = self.makers[array][0]
        return {
            first.place.index(first.probe[x.axes[first]])
            for x in turns(self.local[array])
        }

    def _short(self, array: Node) -> dict[int, Loop]:
        """Return the axes of an array that have the length of a strip, by its loop."""
        first = self.makers[array][0]
        found = {
            first.place.index(first.probe[x.axes[first]]): x
            for x in self.local[array]
            if x.step > 1
        }
        return {k: x for k, x in found.items() if k not in self.gone[array]}

    def room(self, array: Node) -> Shape:
        """Return the shape of an array's memory, whose axes may be those of a strip.

        Rows of a strip are no longer than the array's own, of which there are many.
        """
        gone, short = self.gone[array], self.short[array]
        kept = {k: e for k, e in enumerate(array.type.shape) if k not in gone}
        for k, loop in short.items():
            kept[k] = at_most(kept[k], loop.step) if len(kept) > 1 else loop.step
        return tuple(kept.values())


def turns(loops: Sequence[Loop]) -> list[Loop]:
    """Return the loops that run over elements, not over strips of them."""
    return [x for x in loops if x.step == 1]


def _solved(extent: Dim, text: str) -> str:
    """Return the size of the dimension that an extent a*n + b is made of."""
    slope, start = extent.slope
    shifted = f"({text} - {start})" if start > 0 else (
        f"({text} + {-start})" if start else text
    )  # fmt: skip
    return shifted if slope == 1 else f"{shifted}//{slope}"
