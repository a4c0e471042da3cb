"""Hold values along indices: the index form's meaning of `x[i]*y[j]`.

A value in the index form is an array whose first axes run along loops (`i`, `j`), each
loop's axis found by the loop, not by its place. Operations align the loops of their
operands, so the array that results is what the vector form computes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from overbar.ir.errors import ShapeError
from overbar.ir.ops.typing import joined
from overbar.ir.types import Dim, Quotient, Type

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from overbar.ir.graph import Graph, Node
    from overbar.ir.source import Span
    from overbar.ir.types import Extent, Shape


@dataclass(eq=False, slots=True)
class Loop:
    """Stand for an index and the integers it runs through.

    serial: counts loops as they are met, outer ones first: the order of axes.
    extent: None until it is known how far a free index runs.
    """

    name: str
    serial: int
    start: Extent
    extent: Extent | None
    span: Span

    @property
    def size(self) -> Extent:
        """How many integers the index runs through."""
        if self.extent is None:
            message = f"expected to see how far {self.name!r} runs, found no array that"
            message += f" it goes through; write ... for {self.name} in n"
            raise ShapeError(message, self.span)
        return self.extent

    @property
    def last(self) -> Extent:
        """The last of the integers."""
        return self.start + self.size - 1


class Affine(NamedTuple):
    """Hold a sum of indices times integers, and an offset: `2*i - j + 1`."""

    terms: tuple[tuple[Loop, int], ...]
    offset: Extent

    @property
    def type(self) -> Type:
        """The type of its values."""
        return Type("int64")

    def ends(self) -> tuple[Extent, Extent]:
        """Return the smallest and the largest value."""
        low = high = self.offset
        for loop, factor in self.terms:
            first, last = factor * loop.start, factor * loop.last
            if factor < 0:
                first, last = last, first
            low, high = low + first, high + last
        return low, high

    def plus(self, other: Affine, factor: int = 1) -> Affine:
        """Return the sum with another one times a factor."""
        terms = dict(self.terms)
        for loop, times in other.terms:
            terms[loop] = terms.get(loop, 0) + factor * times
        kept = tuple((loop, times) for loop, times in terms.items() if times)
        return Affine(kept, self.offset + factor * other.offset)


class Labelled(NamedTuple):
    """Hold an array whose first axes run along loops, outer loops first."""

    node: Node
    loops: tuple[Loop, ...]

    @property
    def type(self) -> Type:
        """The type of one of its values."""
        return self.node.type.scalar.of(self.rest)

    @property
    def rest(self) -> Shape:
        """The shape of one of its values."""
        return self.node.type.shape[len(self.loops) :]


def union(values: Iterable[Labelled]) -> tuple[Loop, ...]:
    """Return the loops of all values, outer ones first."""
    found = {loop for value in values for loop in value.loops}
    return tuple(sorted(found, key=lambda loop: loop.serial))


def sizes(loops: Iterable[Loop]) -> Shape:
    """Return the extents of the axes of loops."""
    return tuple(loop.size for loop in loops)


def labelled(graph: Graph, value: Any) -> Labelled:
    """Return a number of the index form with the loops that it runs along."""
    if isinstance(value, Labelled):
        return value
    if isinstance(value, Affine):
        return _counted(graph, value)
    return Labelled(value, ())


def _counted(graph: Graph, value: Affine) -> Labelled:
    """Return the integers that an index runs through."""
    total = Labelled(graph.extent(value.offset), ())
    for loop, factor in sorted(value.terms, key=lambda term: term[0].serial):
        node = graph.iota(loop.size)
        if loop.start != 0:
            node = node + graph.extent(loop.start)
        if factor != 1:
            node = graph.const(factor) * node
        part = Labelled(node, (loop,))
        total = part if total.node.equals(0) and not total.loops else Labelled(
            graph.make("add", aligned(graph, [total, part])), union([total, part])
        )  # fmt: skip
    return total


def aligned(
    graph: Graph, values: Sequence[Labelled], loops: tuple[Loop, ...] | None = None
) -> list[Node]:
    """Return arrays whose axes agree: those of loops first, then as NumPy has it."""
    loops = union(values) if loops is None else loops
    if not loops:
        return [value.node for value in values]
    rest = joined("this formula", [value.rest for value in values])
    return [laid(graph, value, loops, rest) for value in values]


def laid(graph: Graph, value: Labelled, loops: Sequence[Loop], rest: Shape) -> Node:
    """Return a value along all loops and of a shape; constants stay as they are."""
    node, own = value.node, value.rest
    if node.is_const:
        return node
    start = len(rest) - len(own)
    fits = [k for k, e in enumerate(own) if e == rest[start + k]]
    inner = node.type.shape[: len(value.loops)]
    if len(fits) < len(own):
        shape = inner + tuple(own[k] for k in fits)
        node = graph.make("reshape", (node,), (shape,))
    places = {loop: k for k, loop in enumerate(loops)}
    axes = [places[loop] for loop in value.loops]
    axes += [len(loops) + start + k for k in fits]
    return graph.spread_along(node, tuple(axes), sizes(loops) + rest)


def floor_divide(extent: Extent, divisor: int) -> Extent:
    """Return the whole quotient; of (2*n + 1)//2 the whole part, n, stands alone."""
    if isinstance(extent, int):
        return extent // divisor
    whole: Extent = 0
    rest: Extent = 0
    for factors, times in extent.terms:
        if times % divisor == 0:
            whole = whole + Dim(((factors, times // divisor),))
        else:
            rest = rest + Dim(((factors, times),))
    return whole + rest // divisor


def at_least_zero(extent: Extent) -> bool:
    """Whether an extent is never negative, as far as its form shows."""
    if isinstance(extent, int):
        return extent >= 0
    low: Extent = 0
    for top, bottom, times in _paired(extent):
        # -b*(top//b) is at least -top
        low = low + times // bottom * top
    for factors, times in extent.terms:
        if not _is_quotient(factors):
            low = low + Dim(((factors, times),))
    terms = (((), low),) if isinstance(low, int) else low.terms
    return all(times >= 0 for _, times in terms)


def may_hold(extent: Extent) -> bool:
    """Whether an extent is not negative, if sizes are large enough: n - 3, not m - n.

    A call checks that they are.
    """
    if isinstance(extent, int):
        return extent >= 0
    fixed = sum(times for factors, times in extent.terms if not factors)
    return at_least_zero(extent - min(fixed, 0))


def _is_quotient(factors: Sequence[Any]) -> bool:
    return len(factors) == 1 and isinstance(factors[0], Quotient)


def _paired(extent: Dim) -> list[tuple[Extent, int, int]]:
    """Return the negative quotients that no larger positive one makes up for."""
    terms = [
        (f[0], times) for f, times in extent.terms
        if len(f) == 1 and isinstance(f[0], Quotient)
    ]  # fmt: skip
    more = [(q, times) for q, times in terms if times > 0]
    found: list[tuple[Extent, int, int]] = []
    for (top, bottom), times in terms:
        if times > 0:
            continue
        for k, (q, plus) in enumerate(more):
            enough = plus >= -times and q.bottom == bottom
            if enough and at_least_zero(q.top - top):
                del more[k]
                break
        else:
            found.append((top, bottom, times))
    return found
