"""Find which elements of arrays may depend on which elements of the parameters.

Comes in: nodes of a graph, sizes, and values of the inputs. Goes out: a sparse boolean
matrix, result elements by parameter elements in C order. It is read off the loops that
compute each op, so that it holds for all values; only where elements are picked by
index data does it depend on these.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from overbar.codegen.elements import Elements
from overbar.codegen.units import instance, loads, nests_of
from overbar.derive.reverse import dependents
from overbar.ir.evaluate import evaluate
from overbar.ir.ops import OPS
from overbar.ir.types import INT, size_of, sized
from overbar.pairing import Space, TooLargeError, checked, diagonal, pairs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from overbar.ir.graph import Graph, Node
    from overbar.ir.ops.row import Nest

_LOAD, _EXTENT = OPS["load"], OPS["extent"]


class Found(NamedTuple):
    """Hold a pattern; `fixed` says that it depends on no values, but on sizes alone."""

    entries: Any
    fixed: bool


def pattern(
    graph: Graph,
    roots: Sequence[Node],
    wrt: Sequence[Node],
    inputs: Mapping[str, Any],
    sizes: Mapping[str, int],
) -> Found:
    """Return which elements of the roots may depend on which elements of `wrt`.

    inputs: values by name, of which only indices and what picks them is read.
    """
    try:
        return _Patterns(graph, wrt, inputs, sizes).of(roots)
    except TooLargeError:
        return Found(everything(roots, wrt, sizes), fixed=True)


def everything(
    roots: Sequence[Node], wrt: Sequence[Node], sizes: Mapping[str, int]
) -> Any:
    """Return the pattern of what depends on everything."""
    from scipy.sparse import csr_array

    rows, columns = (sum(_size(n, sizes) for n in nodes) for nodes in (roots, wrt))
    return csr_array(np.ones((rows, columns), bool))


class _UnknownError(Exception):
    """Stop where a condition depends on more than indices."""


def _size(node: Node, sizes: Mapping[str, int]) -> int:
    return prod(size_of(e, sizes) for e in node.type.shape)


@dataclass
class _Patterns:
    """Propagate patterns through a graph, operands first."""

    graph: Graph
    wrt: Sequence[Node]
    inputs: Mapping[str, Any]
    sizes: Mapping[str, int]
    known: dict[Node, Any] = field(default_factory=dict)
    arrays: dict[Node, Any] = field(default_factory=dict)
    fixed: bool = True

    def of(self, roots: Sequence[Node]) -> Found:
        from scipy.sparse import csr_array, vstack

        columns = sum(self.size(n) for n in self.wrt)
        order = self.graph.order(roots)
        live = dependents(order, self.wrt)
        found: dict[Node, Any] = {}
        start = 0
        for node in self.wrt:
            n = self.size(node)
            one = np.ones(n, bool), (np.arange(n), np.arange(start, start + n))
            found[node] = csr_array(one, shape=(n, columns))
            start += n
        for node in order:
            if node in live and node not in found:
                found[node] = self._depends(node, found)
                checked(found[node].nnz)
        empty = [csr_array((self.size(n), columns), dtype=bool) for n in roots]
        parts = [found.get(n, e) for n, e in zip(roots, empty, strict=True)]
        return Found(csr_array(vstack(parts, "csr")), self.fixed)

    def size(self, node: Node) -> int:
        return _size(node, self.sizes)

    def shape(self, node: Node) -> tuple[int, ...]:
        return tuple(size_of(e, self.sizes) for e in node.type.shape)

    # -- one op ----------------------------------------------------------------------

    def _depends(self, node: Node, found: Mapping[Node, Any]) -> Any:
        """Return a node's pattern from those of its operands."""
        op = node.op
        args = [a for a in dict.fromkeys(node.args) if a in found]
        if op.shaping is None:
            return self._by_element(node, found)
        if op.element is not None or op.nests is not None:
            whole = None
            for nest in nests_of(node):
                for source, matrix in self._read(node, nest, set(args)):
                    part = matrix @ found[source]
                    whole = part if whole is None else whole + part
            return self._none(node, found[args[0]]) if whole is None else whole
        if not op.cost and len(node.args) == 1:  # elements move, as do their places
            places = np.arange(self.size(args[0])).reshape(self.shape(args[0]))
            attrs = sized(node.attrs, self.sizes)
            moved = op.numpy(*attrs, places)  # type: ignore[misc]
            return found[args[0]][np.ravel(moved)]
        if op.mixes is not None:
            return self._along(node, [found[a] for a in args])
        return self._all(node, [found[a] for a in args])

    def _by_element(self, node: Node, found: Mapping[Node, Any]) -> Any:
        """Return the union of operands' patterns, those without a partial left out."""
        rules = node.op.partials or node.op.transposes
        sides = self._sides(node) if node.op.chooses and node.type.shape else {}
        whole = None
        for i, arg in enumerate(node.args):
            if arg not in found or (isinstance(rules, tuple) and rules[i] is None):
                continue
            part = found[arg]
            if i in sides:  # where the other is chosen, it does not matter
                part = diagonal(sides[i]) @ part
            whole = part if whole is None else whole + part
        if whole is None:
            return self._none(node, next(iter(found.values())))
        return whole

    def _sides(self, node: Node) -> dict[int, Any]:
        """Return where each side is chosen, if places alone decide on that."""
        order = self.graph.order([node.args[0]])
        if any(n.op.numpy is None and not n.is_const for n in order):
            return {}
        cond = np.ravel(evaluate(self.graph, self.inputs, [node.args[0]])[node.args[0]])
        return {1: cond, 2: ~cond}

    def _none(self, node: Node, like: Any) -> Any:
        """Return the pattern of what depends on nothing."""
        return type(like)((self.size(node), like.shape[1]), dtype=bool)

    def _all(self, node: Node, parts: Sequence[Any]) -> Any:
        """Return the pattern of elements that depend on all elements of operands."""
        from scipy.sparse import csr_array

        used = np.unique(np.concatenate([p.indices for p in parts]))
        n = self.size(node)
        checked(n * len(used))
        ends = np.arange(n + 1) * len(used)
        entries = np.ones(n * len(used), bool), np.tile(used, n), ends
        return csr_array(entries, shape=(n, parts[0].shape[1]))

    def _along(self, node: Node, parts: Sequence[Any]) -> Any:
        """Return the pattern of elements that depend on all along some axes."""
        shape, axes = self.shape(node), node.op.mixes(node)  # type: ignore[misc]
        places = np.arange(prod(shape)).reshape(shape)
        lines = np.moveaxis(places, axes, range(-len(axes), 0))
        length = prod(shape[k] for k in axes)
        target = lines.reshape(places.size // (length or 1), length, 1)
        matrix = pairs(target, target.swapaxes(1, 2), np.True_, (places.size,) * 2)
        return sum((matrix @ p for p in parts[1:]), matrix @ parts[0])

    # -- the loops of one op ---------------------------------------------------------

    def _read(self, node: Node, nest: Nest, args: set[Node]) -> list[tuple[Node, Any]]:
        """Return what loops read: operands, and which elements make which."""
        graph = self.graph
        probe = [graph.remake_input(f" axis{k}", INT) for k in range(len(nest.extents))]
        extents = [size_of(e, self.sizes) for e in nest.extents]
        if not prod(extents):
            return []
        self.known = {}
        for k, (index, n) in enumerate(zip(probe, extents, strict=True)):
            self.known[index] = np.arange(n).reshape(
                [-1 if j == k else 1 for j in range(len(extents))]
            )
        value, place = instance(Elements(graph, set(node.args)), nest, probe)
        space = Space(extents)
        target = space.flat([self._number(p) for p in place], self.shape(node))
        rows = self.size(node)
        found = []
        for source, at, mask in self._loads(value, args):
            read = space.flat(at, self.shape(source))
            matrix = space.matrix(target, read, mask, rows, self.size(source))
            found.append((source, matrix))
        return found

    def _loads(self, value: Node, args: set[Node]) -> list[tuple[Node, list[Any], Any]]:
        """Return the operands' elements in an expression, and where each matters."""
        found: list[tuple[Node, list[Any], Any]] = []
        stack: list[tuple[Node, Any]] = [(value, np.True_)]
        while stack:
            node, mask = stack.pop()
            if node in args:
                found.append((node, [], mask))
            elif node.op is _LOAD:
                if node.args[0] in args:
                    index = [self._number(i) for i in node.args[1:]]
                    found.append((node.args[0], index, mask))
            elif node.op.chooses:
                try:
                    taken = self._number(node.args[0])
                    sides = [taken, ~np.asarray(taken, bool)]
                except _UnknownError:
                    sides = [np.True_, np.True_]
                for arg, side in zip(node.args[1:], sides, strict=True):
                    stack.append((arg, mask & side))
            else:
                stack.extend((a, mask) for a in node.args)
        return found

    def _number(self, node: Node) -> Any:
        """Return the values of an index or condition at all turns of the loops."""
        values = self.known
        for read in loads([node]):
            array = read.args[0] if read.op is _LOAD else read
            values.setdefault(array, self._array(array))
        for n in self.graph.order([node], values):
            if n not in values:
                values[n] = self._step(n, [values[a] for a in n.args])
        return values[node]

    def _step(self, node: Node, args: list[Any]) -> Any:
        if node.is_const:
            return node.value
        if node.op is _EXTENT:
            return size_of(node.attrs[0], self.sizes)
        if node.op is _LOAD:
            return _element(args[0], args[1:])
        if node.op.numpy is None:
            return self._array(node)
        attrs = sized(node.attrs, self.sizes)
        return node.op.numpy(*attrs, *args)  # type: ignore[misc]

    def _array(self, node: Node) -> Any:
        """Return the value of whole index data, or of a number that picks."""
        if node.type.is_float:
            raise _UnknownError
        if node not in self.arrays:
            given = self.graph.inputs.values()
            self.fixed &= not any(n in given for n in self.graph.order([node]))
            found = evaluate(self.graph, self.inputs, [node])[node]
            self.arrays[node] = np.asarray(found)
        return self.arrays[node]


def _element(array: Any, index: Sequence[Any]) -> Any:
    """Return elements of an array; conditions rule out those that are outside."""
    if not array.size:
        return np.zeros((), array.dtype)
    pairs = zip(index, array.shape, strict=True)
    return array[tuple(np.clip(i, 0, size - 1) for i, size in pairs)]
