"""Make arrays of what stands in for them: elements, indices and sums over indices.

Comes in: a graph of scalars and arrays read from SymPy, and what its stand-ins mean.
Goes out: for each output a node in which `Sum(A[i, j]*x[j], (j, 0, n - 1))` is the
contraction `A @ x` along i. Every node is looked at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from overbar.ir.errors import ShapeError, UnsupportedError
from overbar.ir.ops import OPS
from overbar.ir.types import INT, dim
from overbar.read.array_product import product_of
from overbar.read.labels import Affine, Labelled, aligned, labelled, sizes, union
from overbar.read.symbolic_elements import Base, Element, Folded
from overbar.read.symbolic_settle import affine

if TYPE_CHECKING:
    from collections.abc import Sequence

    from overbar.ir.graph import Node
    from overbar.ir.types import Extent
    from overbar.read.labels import Loop
    from overbar.read.symbolic_elements import Elements

_MUL, _DIV, _NEG, _INPUT = (OPS[name] for name in ("mul", "div", "neg", "input"))
_WHOLE = {OPS[name] for name in ("add", "sub", "mul", "neg", "mod")}


class Lift:
    """Return, for nodes with stand-ins in them, arrays and the loops of their axes."""

    def __init__(self, elements: Elements) -> None:
        self.elements = elements
        self.graph = elements.graph
        self._done: dict[Node, Labelled] = {}
        self._integers: dict[Node, Labelled] = {}

    def __call__(self, root: Node) -> Labelled:
        """Return what a node means."""
        stack = [root]
        done = self._done
        while stack:
            node = stack[-1]
            if node not in done:
                missing = [n for n in self._needs(node) if n not in done]
                if missing:
                    stack += missing
                    continue
                done[node] = self._lifted(node)
            stack.pop()
        return done[root]

    def _needs(self, node: Node) -> Sequence[Node]:
        """Return the nodes that a node is lifted after."""
        what = self.elements.meaning.get(node)
        if type(what) is Folded:
            return self._parts(what)
        if type(what) is Element:
            base = () if type(what.base) is Base else (what.base,)
            parts = self.graph.order(what.indices)
            inner = [p for p in parts if type(self.elements.meaning.get(p)) is Element]
            return [*base, *inner]
        return node.args

    def _lifted(self, node: Node) -> Labelled:
        loop = self.elements.free.get(node)
        if loop is not None:
            return self._index(loop)
        what = self.elements.meaning.get(node)
        if what is None:
            return self._remade(node)
        if type(what) is Element:
            return self._element(what)
        if type(what) is Folded:
            return self._folded(what)
        return self._index(what.loop)  # type: ignore[union-attr]

    def _index(self, loop: Loop) -> Labelled:
        value = labelled(self.graph, Affine(((loop, 1),), 0))
        node = self.graph.convert(value.node, self.graph.real)
        return Labelled(node, value.loops)

    def _remade(self, node: Node) -> Labelled:
        graph = self.graph
        if node.op is _INPUT and node.attrs[0] in self.elements.dims:
            size = graph.extent(dim(node.attrs[0]))
            return Labelled(graph.convert(size, graph.real), ())
        values = [self._done[a] for a in node.args]
        loops = union(values)
        if loops:
            if node.op.shaping is not None:
                message = "expected whole arrays, found one that runs along the index "
                raise UnsupportedError(f"{message}{loops[0].name} in {node.op.name}")
            args = aligned(graph, values, loops)
            return Labelled(graph.make(node.op, args, node.attrs), loops)
        args = [v.node for v in values]
        if all(a is b for a, b in zip(args, node.args, strict=True)):
            return Labelled(node, ())
        return Labelled(graph.remake(node, args), ())

    # -- sums ------------------------------------------------------------------------

    def _parts(self, what: Folded) -> list[Node]:
        """Return the factors of a sum's body and its divisors; a product's body."""
        if what.op != "sum":
            return [what.body]
        over, under, _ = self._factors(what)
        return [*over, *under]

    def _factors(self, what: Folded) -> tuple[list[Node], list[Node], bool]:
        """Return factors, divisors without indices of the sum, and the sign."""
        over: list[Node] = []
        under: list[Node] = []
        stack, negative = [what.body], False
        while stack:
            node = stack.pop()
            if node.op is _MUL and not node.type.shape:
                stack += reversed(node.args)
            elif node.op is _NEG:
                negative = not negative
                stack += node.args
            elif node.op is _DIV and node.args[1].is_const:
                stack.append(node.args[0])
                under.append(node.args[1])
            else:
                over.append(node)
        return over, under, negative

    def _folded(self, what: Folded) -> Labelled:
        if what.op != "sum":
            return self._product(what)
        graph = self.graph
        over, under, negative = self._factors(what)
        values = [self._done[n] for n in over]
        loops = union(values)
        out = tuple(loop for loop in loops if loop not in what.loops)
        constant = [v for v in values if not v.loops]
        nodes = [v.node for v in values if v.loops]
        labels = [v.loops for v in values if v.loops]
        node = graph.const(1.0, graph.real)
        if nodes:
            node = product_of(graph, "Sum", nodes, labels, out)
        for value in constant:
            node = value.node * node if not node.equals(1) else value.node
        for loop in what.loops:
            if loop not in loops:
                node = graph.convert(graph.extent(loop.size), graph.real) * node
        for divisor in under:
            node = node / self._done[divisor].node
        return Labelled(-node if negative else node, out)

    def _product(self, what: Folded) -> Labelled:
        value = self._done[what.body]
        none = Labelled(self.graph.const(1.0, self.graph.real), what.loops)
        loops = union([value, none])
        body = aligned(self.graph, [value], loops)[0]
        body = self.graph.spread(body, sizes(loops))
        axes = tuple(k for k, loop in enumerate(loops) if loop in what.loops)
        node = self.graph.make("prod", (body,), (axes,))
        return Labelled(node, tuple(loop for loop in loops if loop not in what.loops))

    # -- elements --------------------------------------------------------------------

    def _element(self, what: Element) -> Labelled:
        array = what.base.node if type(what.base) is Base else self._whole(what.base)  # type: ignore[arg-type]
        found = [affine(self.elements, self.elements.linear(n)) for n in what.indices]
        gathered = self._gathered(found)
        return self._read(array, what.indices, found, gathered)  # type: ignore[arg-type]

    def _whole(self, base: Node) -> Node:
        value = self._done[base]
        if value.loops:
            message = "expected whole matrices, found an entry of one that runs along "
            raise UnsupportedError(f"{message}the index {value.loops[0].name}")
        return value.node

    def _gathered(self, found: Sequence[Affine | None]) -> set[int]:
        """Return the axes that no slice can read: by arrays, or by a loop twice."""
        seen: dict[Loop, int] = {}
        gathered: set[int] = set()
        for axis, index in enumerate(found):
            if index is None or len(index.terms) > 1:
                gathered.add(axis)
            for loop, _ in index.terms if index is not None else ():
                if loop in seen:
                    gathered |= {axis, seen[loop]}
                seen[loop] = axis
        if any(found[axis] is None for axis in gathered):  # E[w[i], i]: i too
            gathered |= {k for k, a in enumerate(found) if a is None or a.terms}
        return gathered

    def _read(
        self, array: Node, nodes: Sequence[Node], found: Sequence[Affine | None],
        gathered: set[int],
    ) -> Labelled:  # fmt: skip
        graph, own = self.graph, array.type.shape
        starts: list[Extent] = [0] * len(own)
        shape, steps = list(own), [1] * len(own)
        loops: list[Loop] = []
        for axis, index in enumerate(found):
            if axis in gathered or index is None:
                continue
            starts[axis], shape[axis] = index.offset, 1
            for loop, times in index.terms:
                starts[axis] = index.offset + times * loop.start
                shape[axis], steps[axis] = loop.size, times
                loops.append(loop)
        gone = tuple(
            k
            for k in range(len(own))
            if k not in gathered and not found[k].terms  # type: ignore[union-attr]
        )
        attrs = (tuple(starts), tuple(shape), tuple(steps), gone)
        node = graph.make("pick", (array,), attrs)
        if not gathered:
            return self._sorted(node, loops)
        axes = [k for k in range(len(own)) if k in gathered or found[k].terms]  # type: ignore[union-attr]
        indices = [self._integer(nodes[k]) for k in sorted(gathered)]
        ahead = union(indices)
        rows = [
            graph.spread(i, sizes(ahead)) if ahead else i
            for i in aligned(graph, indices, ahead)
        ]
        places = tuple(k for k, axis in enumerate(axes) if axis in gathered)
        node = graph.make("gather", (node, *rows), (places,))
        return self._sorted(node, [*ahead, *loops])

    def _sorted(self, node: Node, loops: Sequence[Loop]) -> Labelled:
        order = sorted(loops, key=lambda loop: loop.serial)
        perm = tuple(loops.index(loop) for loop in order)
        if perm != tuple(range(len(perm))):
            node = self.graph.make("transpose", (node,), (perm,))
        return Labelled(node, tuple(order))

    # -- whole numbers ---------------------------------------------------------------

    def _integer(self, root: Node) -> Labelled:
        """Return an index as integers along loops."""
        done = self._integers
        for node in self.graph.order([root], done):
            if node not in done:
                done[node] = self._as_integer(node, [done.get(a) for a in node.args])
        return done[root]

    def _as_integer(self, node: Node, args: Sequence[Labelled | None]) -> Labelled:
        graph, found = self.graph, self.elements.linear(node)
        index = affine(self.elements, found)
        if index is not None:
            value = labelled(graph, index)
            return Labelled(graph.convert(value.node, INT), value.loops)
        what = self.elements.meaning.get(node)
        if type(what) is Element and type(what.base) is Base and what.base.whole:
            return self._done[node]
        if node.op not in _WHOLE or node.type.shape:
            message = "expected a whole number as index: made of integers, indices and "
            raise ShapeError(f"{message}entries of an array, found another one")
        values: list[Any] = list(args)
        loops = union(values)
        return Labelled(graph.make(node.op, aligned(graph, values, loops)), loops)
