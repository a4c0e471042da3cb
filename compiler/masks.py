"""Compute over all elements what masks choose: `sum(where(m, x, 0))` for `sum(x[m])`.

Comes in: a graph as it was read, in which a mask's choice has a size of its own, named
after it. Goes out: the same formula without such sizes. So nothing has a shape that
depends on data, and all that is derived of arrays holds for masks too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from overbar.codegen.lower import Replaced, rename
from overbar.ir.errors import UnsupportedError
from overbar.ir.graph import BROADCAST, IOTA
from overbar.ir.ops import OPS, apply
from overbar.ir.ops.masks import both, fill_of
from overbar.ir.ops.shapes import product
from overbar.ir.text import Writer
from overbar.ir.types import F32, INT, Dim, dims

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from overbar.ir.graph import Graph, Node
    from overbar.ir.types import Extent

NONZERO = OPS["nonzero"]
_ADVICE = (
    "it may go into functions of each element, sums, products, means, extrema and "
    "matrix products over what is chosen; where(mask, x, 0) keeps all elements"
)


def settle(graph: Graph) -> None:
    """Replace what masks choose by what is computed of all elements.

    Raises UnsupportedError for an output that would have a mask's size, and for an
    operation that has to know which elements are chosen.
    """
    if not graph.counts:
        return
    spare = _Spare(graph)
    for node in graph.order([*graph.outputs.values(), *graph.counts]):
        spare.add(node)
    for name, node in graph.outputs.items():
        if spare.mentioned(node.type.shape):
            message = f"{name!r} has as many elements as a mask chooses, "
            raise UnsupportedError(message + _UNKNOWN, graph.spans.get(node))
    _drop_names(graph, spare)
    rename(graph, spare.found)
    graph.counts = {}


_UNKNOWN = (
    "which only a call can tell: reduce it, as in sum(x[mask]), or keep all elements "
    "with where(mask, x, 0)"
)


def _drop_names(graph: Graph, spare: _Spare) -> None:
    """Forget names of what is not computed, or is an array that has one already."""

    def stays(node: Node) -> bool:
        new = spare.found[node]
        if new is node:
            return not spare.mentioned((node.type.shape, node.attrs))
        return bool(new.args)

    graph.names = {n: name for n, name in graph.names.items() if stays(n)}
    graph.statements = [(name, n) for name, n in graph.statements if stays(n)]


class _Spare:
    """Hold nodes over all elements by those of what masks choose."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.found = Replaced()
        self.masks = {size.name: mask for mask, size in graph.counts.items()}
        self._flat: dict[str | None, Node] = {}

    def add(self, node: Node) -> None:
        """Make a node over all elements, its operands being made."""
        changed = any(a in self.found for a in node.args)
        own = self.mentioned((node.type.shape, node.attrs))
        if not (changed or own):
            return
        self.graph.span = self.graph.spans.get(node)
        if node.op.shaping is None and node.args:
            new = self.graph.remake(node, [self[a] for a in node.args])
        elif not (own or any(self.mentioned(a.type.shape) for a in node.args)):
            new = self.graph.make(node.op, [self[a] for a in node.args], node.attrs)
        elif node.op.sparing is None:
            raise self.refusal(node)
        else:
            new = node.op.sparing(self, node)
        self.graph.span = None
        if new is not node:
            self.found[node] = new

    # -- what the rules of ops ask ---------------------------------------------------

    def __getitem__(self, node: Node) -> Node:
        """Return a node over all elements."""
        return self.found[node]

    def __contains__(self, extent: Extent) -> bool:
        """Whether an extent is how many elements a mask chooses."""
        return isinstance(extent, Dim) and extent.name in self.masks

    def mentioned(self, value: object) -> bool:
        """Whether a shape or attributes depend on how many elements are chosen."""
        return any(not self.masks.keys().isdisjoint(d.names) for d in dims(value))

    def mask(self, size: Dim) -> Node:
        """Return where elements are chosen, along one axis of all of them."""
        name = size.name
        if name not in self._flat:
            mask = self.masks[name]
            chosen = self._chosen(mask, range(len(mask.type.shape)))
            full = self[mask] if chosen is None else both(chosen, self[mask])
            self._flat[name] = self._flattened(full)
        return self._flat[name]

    def _flattened(self, full: Node) -> Node:
        return self.graph.make("reshape", (full,), ((product(full.type.shape),),))

    def _chosen(self, node: Node, axes: Iterable[int]) -> Node | None:
        """Return where elements are chosen along some axes; None for all."""
        found: Node | None = None
        shape = self[node].type.shape
        for k in axes:
            extent = node.type.shape[k]
            if extent in self:
                mask = self.mask(extent)  # type: ignore[arg-type]
                found = both(found, self.graph.spread_along(mask, (k,), shape))
        return found

    def filled(self, node: Node, value: float, axes: Iterable[int]) -> Node:
        """Return a node with a number for what is not chosen along some axes."""
        full = self[node]
        chosen = self._chosen(node, axes)
        if chosen is None:
            return full
        kind = full.type.scalar
        rest = self.graph.const(fill_of(value, kind.dtype), kind)
        return apply("select", chosen, full, rest)

    def attrs(self, node: Node) -> tuple[Any, ...]:
        """Return attributes with the number of all elements for that of those chosen.

        Raises UnsupportedError for sizes that are computed of it.
        """
        return tuple(self._whole(a, node) for a in node.attrs)

    def _whole(self, value: Any, node: Node) -> Any:
        if type(value) is tuple:
            return tuple(self._whole(v, node) for v in value)
        if isinstance(value, Dim) and self.mentioned(value):
            if value not in self:
                raise self.refusal(node)
            return self.mask(value).type.shape[0]
        return value

    def need_whole(self, node: Node) -> None:
        """Raise UnsupportedError where an op drops or cuts what is chosen."""
        kept = [e for e in node.type.shape if e in self]
        for a in node.args:
            if any(e in self and e not in kept for e in a.type.shape):
                raise self.refusal(node)

    def size(self, extent: Extent, node: Node) -> Node:
        """Return an extent as an integer that formulas can use."""
        graph = self.graph
        if extent in self:
            kind = INT if node.type == F32 else node.type  # which counts up to 2**24
            ones = graph.convert(self.mask(extent), kind)  # type: ignore[arg-type]
            return graph.convert(graph.make("sum", (ones,), ((0,),)), node.type)
        total = graph.const(0, node.type.scalar)
        for factors, times in extent.terms:  # type: ignore[union-attr]
            term = graph.const(times, node.type.scalar)
            for f in factors:
                if not isinstance(f, str):
                    raise self.refusal(node)
                one = Dim((((f,), 1),))
                plain = graph.convert(graph.extent(one), node.type)
                term *= self.size(one, node) if one in self else plain
            total += term
        return total

    def is_choice(self, x: Node, indices: Sequence[Node], axes: Sequence[int]) -> bool:
        """Whether axes side by side are read where one mask chooses, in order."""
        first = indices[0]
        return (
            all(i.op is NONZERO and i.args == first.args for i in indices)
            and [i.attrs[0] for i in indices] == list(range(len(indices)))
            and list(axes) == list(range(axes[0], axes[0] + len(axes)))
            and len(axes) == len(first.args[0].type.shape)
            and [x.type.shape[k] for k in axes] == [*first.args[0].type.shape]
        )

    def all_of(self, x: Node, indices: Sequence[Node], axes: Sequence[int]) -> Node:
        """Return x with the axes that a mask chooses from in front, as one."""
        full, graph = self[x], self.graph
        rest = [k for k in range(len(full.type.shape)) if k not in axes]
        shape = full.type.shape
        if axes[0]:
            full = graph.make("transpose", (full,), ((*axes, *rest),))
        count = self.mask(indices[0].attrs[1]).type.shape
        return graph.make("reshape", (full,), ((*count, *(shape[k] for k in rest)),))

    def place_in(self, index: Node, node: Node) -> Node:
        """Return an index into what is chosen as one into all elements."""
        if index.op is NONZERO:
            return self[index]
        if index.op is BROADCAST:
            inner = self.place_in(index.args[0], node)
            return self.graph.spread_along(inner, *self.attrs(index))
        if index.op is IOTA and index.attrs[0] in self:
            return self.graph.iota(self._whole(index.attrs[0], node))
        raise self.refusal(node)

    def refusal(self, node: Node) -> UnsupportedError:
        """Return the error of an op that would have to know what is chosen."""
        text = Writer(self.graph.names).write(node)[0] if node.args else str(
            node.attrs[0]
        )  # fmt: skip
        message = f"{text} depends on how many elements a mask chooses; {_ADVICE}"
        return UnsupportedError(message, self.graph.spans.get(node))
