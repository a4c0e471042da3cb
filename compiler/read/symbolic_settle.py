"""Find out how far indices run and what shapes arrays have, from how they are used.

An IndexedBase need not say its shape: where `j` runs from 0 to n - 1, `x[j]` tells that
x has n entries. A free index need not say its range: it runs as far as the arrays that
it indexes have entries, from 0 on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from overbar.ir.errors import ShapeError, UnsupportedError
from overbar.ir.types import Dim, extents
from overbar.read.build import natural
from overbar.read.labels import Affine, at_least_zero
from overbar.read.symbolic_elements import Base, Element, Folded, Index

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from overbar.ir.graph import Node
    from overbar.ir.types import Extent
    from overbar.read.labels import Loop
    from overbar.read.symbolic_elements import Elements, Linear


class Access(NamedTuple):
    """Hold how one axis of an array is indexed; None where that is not linear."""

    base: Base | Node
    axis: int
    place: Affine | None

    @property
    def known(self) -> bool:
        """Whether it is known how far the index runs."""
        return self.place is not None and all(
            loop.extent is not None for loop, _ in self.place.terms
        )


def affine(elements: Elements, found: Linear | None) -> Affine | None:
    """Return an index as one of loops alone, None for what is none."""
    if found is None:
        return None
    terms = []
    for node, times in found.terms:
        what = elements.meaning.get(node)
        loop = elements.free.get(node) or (what.loop if type(what) is Index else None)
        if loop is None:
            return None
        terms.append((loop, times))
    return Affine(tuple(terms), found.offset)


def settle(elements: Elements) -> None:
    """Give every loop its extent and every array its shape.

    Raises ShapeError where nothing tells them, or where indices leave an array.
    """
    _find_free(elements)
    accesses = _accesses(elements)
    _mark_whole(elements)
    _arrange(elements, accesses)
    before = -1
    while before != (before := _unknown(elements, accesses)):
        _settle_loops(accesses)
        _settle_shapes(elements, accesses)
    for loop in elements.free.values():
        if loop.extent is None:
            message = f"expected to see how far the index {loop.name} runs, found no "
            message += f"array that tells; write Idx({loop.name!r}, n) or give shapes"
            raise ShapeError(message)
    for base in elements.bases.values():
        if base.shape is None:
            message = f"expected the shape of {base.name!r}, found nothing that tells"
            raise ShapeError(f"{message}; write IndexedBase({base.name!r}, shape=...)")
    for access in accesses:
        _check(access)


def _unknown(elements: Elements, accesses: Iterable[Access]) -> int:
    shapes = sum(base.shape is None for base in elements.bases.values())
    return shapes + sum(not a.known for a in accesses)


def _find_free(elements: Elements) -> None:
    """Take inputs that index arrays, and are no dimensions, for free indices."""
    graph, names = elements.graph, dict[str, None]()
    for what in elements.meaning.values():
        for node in what.indices if type(what) is Element else ():
            for part in graph.order([node]):
                name = str(part.attrs[0]) if not part.args and part.attrs else ""
                is_input = graph.inputs.get(name) is part and not part.type.shape
                if is_input and name not in elements.dims:
                    names[name] = None
    loops = {graph.inputs[n]: elements.loop(n, 0, None)[0] for n in names}
    elements.release(loops)
    free = [*loops.values(), *_ranged(elements)]
    for k, loop in enumerate(sorted(free, key=lambda loop: natural(loop.name))):
        loop.serial = k - len(free)  # before those of sums, which count from 1


def _ranged(elements: Elements) -> list[Loop]:
    """Return the loops of indices that no sum binds."""
    bound = {
        loop for what in elements.meaning.values() if type(what) is Folded
        for loop in what.loops
    }  # fmt: skip
    mine = [w.loop for w in elements.meaning.values() if type(w) is Index]
    return [loop for loop in mine if loop not in bound]


def _accesses(elements: Elements) -> list[Access]:
    return [
        Access(what.base, axis, affine(elements, elements.linear(node)))
        for what in elements.meaning.values() if type(what) is Element
        for axis, node in enumerate(what.indices)
    ]  # fmt: skip


def _arrange(elements: Elements, accesses: Iterable[Access]) -> None:
    """Put loops in the order in which arrays are indexed by them, free ones first."""
    seen: dict[Loop, None] = {}
    for access in accesses:
        for loop, _ in access.place.terms if access.place is not None else ():
            if loop.serial > 0:
                seen[loop] = None
    for what in elements.meaning.values():
        if type(what) is Index and what.loop.serial > 0:
            seen[what.loop] = None
    for k, loop in enumerate(seen, start=1):
        loop.serial = k


def _mark_whole(elements: Elements) -> None:
    """Note the arrays whose entries are used as indices."""
    for what in list(elements.meaning.values()):
        for node in what.indices if type(what) is Element else ():
            for part in elements.graph.order([node]):
                inner = elements.meaning.get(part)
                if type(inner) is Element and type(inner.base) is Base:
                    inner.base.whole = True


# How far ------------------------------------------------------------------------------


def _shape(base: Base | Node) -> Sequence[Extent] | None:
    return base.shape if type(base) is Base else base.type.shape  # type: ignore[union-attr]


def _settle_loops(accesses: Iterable[Access]) -> None:
    """Let free indices run as far as arrays of known shape have entries."""
    ends: dict[Loop, list[tuple[int, Extent]]] = {}
    for base, axis, index in accesses:
        shape = _shape(base)
        if shape is None or index is None or len(index.terms) != 1:
            continue
        ((loop, times),) = index.terms
        if loop.extent is None and times > 0:
            last = (shape[axis] - 1 - index.offset) // times
            low = -index.offset if isinstance(index.offset, int) else 0
            ends.setdefault(loop, []).append((max(0, -(-low // times)), last))
    for loop, found in ends.items():
        low = max(first for first, _ in found)
        high = found[0][1]
        for _, last in found[1:]:
            high = _less(loop, high, last)
        loop.start, loop.extent = low, high - low + 1


def _less(loop: Loop, x: Extent, y: Extent) -> Extent:
    if at_least_zero(y - x):
        return x
    if at_least_zero(x - y):
        return y
    message = f"expected one range of the index {loop.name}, found that it runs up to "
    message += f"{x} and to {y}; write Idx({loop.name!r}, n)"
    raise ShapeError(message)


def _settle_shapes(elements: Elements, accesses: Iterable[Access]) -> None:
    """Let arrays without a shape have the entries that indices reach."""
    found: dict[Base, dict[int, list[tuple[Extent, Extent]]]] = {}
    for access in accesses:
        base = access.base
        if type(base) is Base and base.shape is None and access.known:
            low, last = access.place.ends()  # type: ignore[union-attr]
            found.setdefault(base, {}).setdefault(access.axis, []).append((low, last))
    waiting = {a.base for a in accesses if not a.known and a.place is not None}
    for base, axes in found.items():
        if len(axes) == base.rank and base not in waiting:
            base.shape = tuple(_reached(base, axes[k]) for k in range(base.rank))
            for extent in base.shape:
                elements.note(extent)


def _reached(base: Base, ends: Sequence[tuple[Extent, Extent]]) -> Extent:
    """Return how many entries an axis has whose first and last ones are known."""
    high = ends[0][1]
    for _, last in ends[1:]:
        if _is_last(last, high):
            high = last
        elif not _is_last(high, last):
            message = f"expected the shape of {base.name!r}, found indices up to {high}"
            message += f" and {last}; write IndexedBase({base.name!r}, shape=...)"
            raise ShapeError(message)
    size = high + 1
    lows = [low for low, _ in ends if isinstance(low, int)]
    odd = isinstance(size, Dim) and size.name is None
    if odd and len(lows) == len(ends) and min(lows) > 0:
        message = f"expected indices of {base.name!r} that count from 0, found the "
        message += f"first one {min(lows)}; give its shape if that is meant"
        raise ShapeError(message)
    return size


def _is_last(x: Extent, y: Extent) -> bool:
    """Whether x is no smaller; a size is taken to reach an index that is a number."""
    if isinstance(x, Dim) and isinstance(y, int):
        return True
    return at_least_zero(x - y)


def _check(access: Access) -> None:
    """Refuse an index that is seen to leave an array."""
    shape = _shape(access.base)
    if access.place is None or shape is None:
        return
    low, last = access.place.ends()
    room = shape[access.axis] - 1 - last
    before = isinstance(low, int) and low < 0
    if not before and not (isinstance(room, int) and room < 0):
        return
    name = access.base.name if type(access.base) is Base else "an array"
    shown = f"indices of {name} from 0 to {shape[access.axis] - 1}"
    message = f"expected {shown}, found one from {low} to {last}"
    raise ShapeError(f"{message} (shape [{extents(tuple(shape))}])")


def need_fixed(elements: Elements) -> None:
    """Refuse dimensions that no array's shape fixes."""
    fixed: set[str] = set()
    for base in elements.bases.values():
        for extent in base.shape or ():
            if isinstance(extent, Dim) and extent.name:
                fixed.add(extent.name)
    missing = sorted(elements.dims - fixed, key=natural)
    if missing:
        message = "expected every dimension as an extent of an input, found "
        raise UnsupportedError(f"{message}{missing[0]}, which none has")
