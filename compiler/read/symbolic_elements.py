"""Hold what is known of arrays, their elements and indices while SymPy is read.

How far an index runs, which symbols are dimensions and what shape an array has may all
become known only at the end of a formula. So until then an element `A[i, j + 1]`, the
value of an index and a sum over indices are scalars of the graph that stand in for
them; symbolic_lift makes arrays of them when everything is known.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from overbar.ir.errors import UnsupportedError
from overbar.ir.ops import OPS
from overbar.ir.types import Dim, dim
from overbar.read.labels import Loop

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from overbar.ir.graph import Graph, Node
    from overbar.ir.types import Extent, Shape


@dataclass(eq=False, slots=True)
class Base:
    """Stand for an array that is an input.

    shape: None until it is inferred; node: the input, once its shape is known; whole:
    whether its entries are used as indices, so that they are integers.
    """

    name: str
    rank: int
    shape: Shape | None = None
    node: Node | None = None
    whole: bool = False


class Index(NamedTuple):
    """Stand for the value of an index."""

    loop: Loop


class Element(NamedTuple):
    """Stand for an entry of an array, at indices that are scalars of the graph."""

    base: Base | Node
    indices: tuple[Node, ...]


class Folded(NamedTuple):
    """Stand for the sum ("sum") or product ("prod") of a body over indices."""

    op: str
    body: Node
    loops: tuple[Loop, ...]


StandIn: TypeAlias = "Index | Element | Folded"


class Linear(NamedTuple):
    """Hold a sum of stand-ins times integers, and an offset."""

    terms: tuple[tuple[Node, int], ...]
    offset: Extent

    def plus(self, other: Linear, times: int = 1) -> Linear:
        """Return the sum with another one times a factor."""
        found = dict(self.terms)
        for node, factor in other.terms:
            found[node] = found.get(node, 0) + times * factor
        kept = tuple((node, factor) for node, factor in found.items() if factor)
        return Linear(kept, self.offset + times * other.offset)

    def scaled(self, other: Linear) -> Linear | None:
        """Return the product with another one, None where it is not linear."""
        if self.terms and other.terms:
            return None
        many, one = (self, other.offset) if self.terms else (other, self.offset)
        if many.terms and not isinstance(one, int):
            return None
        terms = tuple((n, f * one) for n, f in many.terms if one)
        return Linear(terms, many.offset * one)  # type: ignore[arg-type]


_NONE = Linear((), 0)
_COMBINED: Mapping[object, Callable[..., Linear | None]] = {
    OPS["add"]: lambda _, x, y: x.plus(y),
    OPS["sub"]: lambda _, x, y: x.plus(y, -1),
    OPS["neg"]: lambda _, x: _NONE.plus(x, -1),
    OPS["mul"]: lambda _, x, y: x.scaled(y),
    OPS["copy"]: lambda _, x: x,
}
_INPUT, _DIV, _FLOOR, _POWI = (OPS[n] for n in ("input", "div", "floor", "powi"))
_LARGEST_POWER = 8


class Elements:
    """Make stand-ins, equal ones once, and know what they stand for.

    bases: input arrays by name; dims: names of symbols that are dimensions; free: the
    loops of free indices, by the node that stands for their value.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.bases: dict[str, Base] = {}
        self.dims: set[str] = set()
        self.free: dict[Node, Loop] = {}
        self.meaning: dict[Node, StandIn] = {}
        self.used = False
        self._known: dict[StandIn, Node] = {}
        self._linear: dict[Node, Linear | None] = {}
        self._serial = 0

    def stand_in(self, what: StandIn) -> Node:
        """Return the scalar that stands for something."""
        node = self._known.get(what)
        if node is None:
            self.used = True
            name = f"#{len(self._known)} of {len(self.graph)}"
            node = self.graph.remake_input(name, self.graph.real)
            self._known[what] = node
            self.meaning[node] = what
        return node

    def loop(
        self, name: str, start: Extent, extent: Extent | None
    ) -> tuple[Loop, Node]:
        """Return a new loop and what stands for its index."""
        self._serial += 1
        loop = Loop(name, self._serial, start, extent, None)  # type: ignore[arg-type]
        return loop, self.stand_in(Index(loop))

    def extent(self, node: Node, what: str) -> Extent:
        """Return the extent that a scalar is; its symbols are dimensions now."""
        found = self.linear(node)
        if found is None or found.terms:
            message = f"expected {what} made of integers and symbols for dimensions"
            raise UnsupportedError(f"{message}, such as n - 1, found another one")
        self.note(found.offset)
        return found.offset

    def hides(self, root: Node) -> bool:
        """Whether a formula depends on more than the nodes below it show."""
        hidden = (self.meaning.get(node) for node in self.graph.order([root]))
        return any(
            type(what) is Folded
            or (type(what) is Element and type(what.base) is not Base)
            for what in hidden
        )

    def note(self, extent: Extent) -> None:
        """Take the symbols of an extent for dimensions."""
        self.used = True
        if isinstance(extent, Dim):
            self.dims |= extent.names

    def release(self, loops: Mapping[Node, Loop]) -> None:
        """Take inputs for free indices."""
        self.free |= loops
        self._linear.clear()

    def linear(self, root: Node) -> Linear | None:
        """Return a scalar as a sum of stand-ins and dimensions, None for any other."""
        known = self._linear
        for node in self.graph.order([root], known):
            if node not in known:
                known[node] = self._read(node, [known.get(a) for a in node.args])
        return known[root]

    def _read(self, node: Node, operands: Sequence[Linear | None]) -> Linear | None:
        if not node.args:
            return self._leaf(node)
        if node.op is _FLOOR:
            return self._quotient(node.args[0])
        if any(x is None for x in operands):
            return None
        if node.op is _POWI:
            return _power(operands[0], node.attrs[0])  # type: ignore[arg-type]
        combine = _COMBINED.get(node.op)
        return combine(self, *operands) if combine else None

    def _leaf(self, node: Node) -> Linear | None:
        if node in self.meaning or node in self.free:
            return Linear(((node, 1),), 0)
        if node.is_const:
            value = node.value
            return Linear((), int(value)) if float(value).is_integer() else None
        name = str(node.attrs[0])
        plain = node.op is _INPUT and not node.type.shape and name[0] != "#"
        return Linear((), dim(name)) if plain else None

    def _quotient(self, inner: Node) -> Linear | None:
        """Return floor(top/bottom) of a size and a positive integer."""
        if inner.op is not _DIV:
            return self.linear(inner)
        top, bottom = map(self.linear, inner.args)
        if top is None or bottom is None or top.terms or bottom.terms:
            return None
        if not isinstance(bottom.offset, int) or bottom.offset < 1:
            return None
        return Linear((), top.offset // bottom.offset)


def _power(base: Linear, n: Any) -> Linear | None:
    if base.terms or not 0 < n <= _LARGEST_POWER:
        return None
    whole: Any = 1
    for _ in range(n):
        whole = whole * base.offset
    return Linear((), whole)
