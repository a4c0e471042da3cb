"""Find contractions that are a product of matrices for each of a few indices.

`einsum('kij,nkj->nki', Q, D)` is a matrix product for each k: BLAS takes it where n
runs over points, of which there are many, and k does not. For each k the operands are
laid out in memory of their own, as matrices, inside of a loop over k.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from overbar.codegen.elements import by_element
from overbar.ir.ops import OPS
from overbar.ir.ops.contract import SMALL, sizes
from overbar.ir.ops.row import Nest
from overbar.ir.ops.shapes import product
from overbar.ir.program import Store
from overbar.ir.types import Dim, dims

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from overbar.codegen.elements import Elements
    from overbar.codegen.units import Unit
    from overbar.ir.graph import Graph, Node
    from overbar.ir.types import Extent

_CONTRACT, _COPY = OPS["contract"], OPS["copy"]
_TRANSPOSE, _LOAD = OPS["transpose"], OPS["load"]


class Stack(NamedTuple):
    """Say how an array is a stack of products of matrices.

    product: the contraction that fills the stack, the axis of the loop first.
    turned: the array in terms of the stack: its transpose, or the stack itself.
    """

    product: Node
    turned: Node


def stacks(
    graph: Graph, order: Iterable[Node], stored: Collection[Node]
) -> dict[Node, Stack]:
    """Return the contractions of an order that are stacks of products."""
    many = _many(graph)
    if graph.strict or not many:
        return {}
    found: dict[Node, Stack] = {}
    for node in order:
        if node.op is _CONTRACT and node.type.is_float:
            stack = _stack(graph, node, many, stored)
            if stack is not None:
                found[node] = stack
    return found


def laid_out(order: Sequence[Node], found: dict[Node, Stack]) -> list[Node]:
    """Return the order with what is laid out for products, and stacks, put in."""
    whole: dict[Node, None] = {}
    for node in order:
        if node in found:
            stack, turned = found[node]
            copies = [a for a in stack.args if a.op is _COPY]
            new = [n for a in copies for n in (*a.args, a)]
            new += [stack, turned] if turned is not stack else []
            whole |= dict.fromkeys(new)
        whole[node] = None
    return list(whole)


def once(
    order: Iterable[Node], found: dict[Node, Stack], kept: Collection[Node]
) -> set[Node]:
    """Return operands that nothing else reads: made only where they are laid out."""
    uses = Counter(a for n in order if n not in kept for a in n.args)
    return {
        a
        for node, stack in found.items()
        for a in node.args
        if uses[a] == 1 and a not in kept and a not in stack.product.args
        and by_element(a)
    }  # fmt: skip


def inside(unit: Unit) -> Sequence[Node]:
    """Return the operand of a product that a unit lays out, as the user wrote it."""
    if not unit.laid_out:
        return ()
    (node,) = unit.target.args
    return node.args if node.op is _TRANSPOSE else (node,)


def nest(stack: Node) -> Nest:
    """Return the loops of a stack of products, that over the stack outside."""
    (x, y), (xs, ys, out) = stack.args, stack.attrs
    size = sizes(stack.args, stack.attrs)

    def value(at: object, index: Sequence[Node]) -> Node:
        one, other = (
            at(a, [index[k] for k in labels])  # type: ignore[operator]
            for a, labels in ((x, xs), (y, ys))
        )
        return one * other  # type: ignore[no-any-return]

    return Nest(
        "set", tuple(size[k] for k in range(4)),
        lambda _at, index: list(index[: len(out)]), value,
    )  # fmt: skip


def multiplied(unit: Unit, elements: Elements, each: Node) -> Store:
    """Return the statement that multiplies two matrices into a third.

    each: where in the stack they are.
    """
    graph, stack = unit.target.graph, unit.stack
    if stack is None:
        raise ValueError(unit)

    def matrix(array: Node) -> Node:
        element = elements.place(array, (each, *unit.probe[1:3]))
        left = element.args[:-2]
        if len(left) == 1:
            return left[0]
        return graph.restore(_LOAD, left, (), array.type.of(array.type.shape[1:]))

    xs, ys = (tuple(k - 1 for k in part[1:]) for part in stack.attrs[:2])
    whole = graph.restore(
        _CONTRACT, tuple(map(matrix, stack.args)), (xs, ys, (0, 1)),
        stack.type.of(stack.type.shape[1:]),
    )  # fmt: skip
    return Store(matrix(unit.target), whole, "dot")


def _many(graph: Graph) -> set[str]:
    """Return the names of sizes that data alone have: those of points."""
    found: dict[bool, set[str]] = {True: set(), False: set()}
    for name, node in graph.inputs.items():
        data = graph.roles[name] == "data"
        found[data] |= {d for e in dims(node.type.shape) for d in e.names}
    return found[True] - found[False]


def _stack(
    graph: Graph, node: Node, many: set[str], stored: Collection[Node]
) -> Stack | None:
    """Return a contraction as products over one axis, None where it is none."""
    (x, y), (xs, ys, out) = node.args, node.attrs
    first = next((k for k in out if k not in xs or k not in ys), None)
    if first not in xs:  # rows of the result are rows of the first
        x, y, xs, ys = y, x, ys, xs
    groups = [
        [k for k in out if k in xs and k in ys],
        [k for k in out if k not in ys],
        [k for k in out if k not in xs],
        [k for k in xs if k not in out],
    ]
    if any(len(group) != 1 for group in groups):
        return None
    (each,), (row,), (column,), (summed,) = groups
    size = sizes((x, y), (xs, ys))
    if _long(size[each], many):
        return None
    if not any(_long(size[k], many) for k in (row, column, summed)):
        return None
    places = [product(tuple(size[k] for k in p if k != each)) for p in (xs, ys)]
    if any(isinstance(n, int) and n <= SMALL for n in places):
        return None
    number = {each: 0, row: 1, column: 2, summed: 3}
    operands = [
        _matrices(graph, a, labels, each, f"{node.index} {i}", stored)
        for i, (a, labels) in enumerate(((x, xs), (y, ys)))
    ]
    shape = tuple(size[k] for k in (each, row, column))
    whole = graph.restore(
        _CONTRACT, tuple(a for a, _ in operands),
        (*(tuple(number[k] for k in labels) for _, labels in operands), (0, 1, 2)),
        node.type.of(shape),
    )  # fmt: skip
    perm = tuple(number[k] for k in out)
    if perm == (0, 1, 2):
        return Stack(whole, whole)
    return Stack(whole, graph.restore(_TRANSPOSE, (whole,), (perm,), node.type))


def _matrices(
    graph: Graph,
    x: Node,
    labels: Sequence[int],
    each: int,
    name: str,
    stored: Collection[Node],
) -> tuple[Node, list[int]]:
    """Return an operand as matrices one after the other, and its labels."""
    if x in stored and labels[0] == each:
        return x, list(labels)
    left = [each, *(k for k in labels if k != each)]
    perm = tuple(labels.index(k) for k in left)
    kind = x.type.of(tuple(x.type.shape[k] for k in perm))
    turned = x
    if perm != (0, 1, 2):
        turned = graph.restore(_TRANSPOSE, (x,), (perm,), kind)
    return graph.restore(_COPY, (turned,), (name,), kind), left


def _long(extent: Extent, many: set[str]) -> bool:
    return isinstance(extent, Dim) and bool(extent.names) and extent.names <= many
