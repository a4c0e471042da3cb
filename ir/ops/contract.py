"""The row of the one general contraction: matmul, outer, dot and einsum.

`contract(x, y)` with labels (xs, ys, out), as einsum: a label in `out` runs along an
axis of the result, any other is summed over and is in both operands.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from overbar.ir.errors import ShapeError
from overbar.ir.ops import phrases
from overbar.ir.ops.contract_notation import (
    OUTER,
    latex,
    matrix_form,
    python,
    spec,
    text,
)
from overbar.ir.ops.masks import contracting
from overbar.ir.ops.row import Nest, Op
from overbar.ir.ops.shapes import inverse, product
from overbar.ir.ops.typing import cast, common, differing
from overbar.ir.types import INT, extents

if TYPE_CHECKING:
    from collections.abc import Collection, Hashable, Mapping, Sequence

    from overbar.ir.graph import Graph, Node
    from overbar.ir.ops.typing import Typed
    from overbar.ir.types import Extent, Shape

Labels = "tuple[int, ...]"


def contract(graph: Graph, x: Node, y: Node, xs: Any, ys: Any, out: Any) -> Node:
    """Return the contraction of two arrays; any hashable labels.

    Labels of one operand alone that are not in `out` are summed over first.
    """
    x, xs = _summed(x, xs, {*ys, *out})
    y, ys = _summed(y, ys, {*xs, *out})
    number = {label: i for i, label in enumerate(dict.fromkeys([*out, *xs, *ys]))}
    attrs = tuple(tuple(number[label] for label in part) for part in (xs, ys, out))
    return graph.make("contract", (x, y), attrs)


def _summed(x: Node, labels: Sequence[Any], needed: set[Any]) -> tuple[Node, list[Any]]:
    axes = tuple(i for i, label in enumerate(labels) if label not in needed)
    return (
        x.graph.make("sum", (x,), (axes,)) if axes else x,
        [label for label in labels if label in needed],
    )


def stripped(node: Node, labels: Sequence[Any]) -> tuple[Node, list[Any]]:
    """Return what a node is a broadcast or transpose of, with its axes' labels."""
    labels = list(labels)
    if node.is_const:
        return node, []
    while node.op.name in {"broadcast", "transpose"}:
        if node.op.name == "broadcast":
            labels = [labels[a] for a in node.attrs[0]]
        else:
            labels = [labels[i] for i in inverse(node.attrs[0])]
        node = node.args[0]
    return node, labels


def _type(
    graph: Graph, name: str, args: Sequence[Node], attrs: tuple[Any, ...]
) -> Typed:
    args = cast(graph, args, common(graph, name, args, INT))
    kind = common(graph, name, args, INT)
    sizes: dict[int, Any] = {}
    for a, labels in zip(args, attrs, strict=False):
        for label, extent in zip(labels, a.type.shape, strict=True):
            if sizes.setdefault(label, extent) != extent:
                shown = " and ".join(f"[{extents(b.type.shape)}]" for b in args)
                message = f"cannot multiply shapes {shown}: "
                message += differing(sizes[label], extent)
                raise ShapeError(message)
    return args, kind.of(tuple(sizes[label] for label in attrs[2]))


def _tidy(graph: Graph, args: Sequence[Node], attrs: tuple[Any, ...]) -> Node | None:
    """Fold transposes and broadcasts into the labels; leave products to `mul`."""
    xs, ys, out = attrs
    (x, xs), (y, ys) = (
        stripped(a, labels) for a, labels in zip(args, (xs, ys), strict=True)
    )
    if x is not args[0] or y is not args[1]:
        shared = {*xs} & {*ys}
        if not graph.strict or shared >= {*attrs[0], *attrs[1]} - {*out}:
            return _without_repeats(graph, args, attrs, (x, xs), (y, ys))
    (x, y), (xs, ys, _) = args, attrs
    summed = {*xs, *ys} - set(out)
    if not summed and (set(xs) <= set(ys) or set(ys) <= set(xs)):
        shape = tuple(sizes(args, attrs)[label] for label in out)
        return _along(x, xs, out, shape) * _along(y, ys, out, shape)
    order = {label: i for i, label in enumerate(dict.fromkeys([*out, *xs, *ys]))}
    if any(label != i for label, i in order.items()):
        return contract(graph, x, y, xs, ys, out)
    if spec(attrs) in _TURNED:
        return contract(graph, y, x, ys, xs, out)
    return None


def _without_repeats(
    graph: Graph,
    args: Sequence[Node],
    attrs: tuple[Any, ...],
    left: tuple[Node, list[int]],
    right: tuple[Node, list[int]],
) -> Node:
    """Return a contraction of what was broadcast, from the operands before that.

    Along a label that neither has any more all terms, or entries, are the same.
    """
    (x, xs), (y, ys), size = left, right, sizes(args, attrs)
    kept = [label for label in attrs[2] if label in {*xs, *ys}]
    inner = contract(graph, x, y, xs, ys, kept)
    lost = size.keys() - {*xs, *ys, *attrs[2]}
    return repeated(inner, kept, attrs[2], size, lost)


def repeated(
    node: Node,
    labels: Sequence[Hashable],
    out: Sequence[Hashable],
    size: Mapping[Any, Extent],
    lost: Collection[Hashable] = (),
) -> Node:
    """Return a node times the size of labels that are lost, spread along more of them.

    labels: those of its axes, in the order of `out`, those of the result.
    """
    graph = node.graph
    count = graph.extent(product(tuple(size[k] for k in size if k in lost)))
    if not count.equals(1):
        node = graph.convert(count, node.type) * node
    places = tuple(k for k, label in enumerate(out) if label in labels)
    return graph.spread_along(node, places, tuple(size[k] for k in out))


def sizes(args: Sequence[Node], attrs: tuple[Any, ...]) -> dict[int, Extent]:
    """Return the extent that each label of a contraction runs over."""
    found: dict[int, Extent] = {}
    for x, labels in zip(args, attrs, strict=False):
        found |= zip(labels, x.type.shape, strict=True)
    return found


def _along(x: Node, labels: Sequence[int], out: Sequence[int], shape: Shape) -> Node:
    """Return an operand laid along the axes of a result that has its labels."""
    if not labels:
        return x
    places = [out.index(label) for label in labels]
    order = tuple(sorted(range(len(labels)), key=places.__getitem__))
    moved = x.graph.make("transpose", (x,), (order,))
    return x.graph.spread_along(moved, tuple(sorted(places)), shape)


def _back(i: int, g: Node, out: Node, *args: Node) -> Node | None:
    """Return the adjoint of an operand: again a contraction."""
    xs, ys, gs = out.attrs
    mine, other = (xs, ys) if i == 0 else (ys, xs)
    return contract(out.graph, g, args[1 - i], gs, other, mine)


_TURNED = {
    "j,ij->i", "j,ji->i", "kj,ik->ij", "kj,ki->ij", "jk,ik->ij", "ki,jk->ij", "j,i->ij",
}  # fmt: skip
"""Forms whose operands change places: a matrix before a vector, factors in order."""


def _activity(i: int, c: Node, out: Node) -> Node | None:
    """Return where an operand matters: where any element that it enters does."""
    labels, ys = out.attrs[i], out.attrs[2]
    lost = tuple(k for k, label in enumerate(ys) if label not in labels)
    left = [label for label in ys if label in labels]
    any_ = c.graph.make("any", (c,), (lost,)) if lost else c
    order = tuple(sorted(range(len(left)), key=lambda k: labels.index(left[k])))
    axes = tuple(sorted(labels.index(label) for label in left))
    moved = c.graph.make("transpose", (any_,), (order,)) if order else any_
    return c.graph.spread_along(moved, axes, out.args[i].type.shape)


def _nests(out: Node) -> list[Nest]:
    (x, y), (xs, ys, os) = out.args, out.attrs
    size = sizes(out.args, out.attrs)
    labels = list(dict.fromkeys((*os, *xs, *ys)))

    def value(at: Any, index: Sequence[Node]) -> Node:
        where = dict(zip(labels, index, strict=True))
        return at(x, [where[k] for k in xs]) * at(y, [where[k] for k in ys])  # type: ignore[no-any-return]

    summed = len(labels) > len(os)
    return [
        Nest(
            "add" if summed else "set", tuple(size[k] for k in labels),
            lambda at, index: list(index[: len(os)]), value,
        )
    ]  # fmt: skip


def _diagonal(out: Node, first: int, second: int) -> Node | None:
    """Return a product's diagonal as one of rows with columns."""
    xs, ys, labels = out.attrs
    same = {labels[second]: labels[first]}
    left, right = ([same.get(k, k) for k in part] for part in (xs, ys))
    if len(set(left)) < len(left) or len(set(right)) < len(right):
        return None
    rest = [k for i, k in enumerate(labels) if i not in (first, second)]
    x, y = out.args
    return contract(out.graph, x, y, left, right, [*rest, labels[first]])


def _steps(out: Node) -> dict[str, Extent]:
    """Return a product for each point of the loops, and a sum where they gather."""
    (nest,) = _nests(out)
    count = product(nest.extents)
    return {"mul": count} if nest.kind == "set" else {"mul": count, "add": count}


SMALL = 64
"""Elements of a matrix of known size up to which products are written as loops."""


def _multiplies(node: Node, returned: bool) -> bool:  # noqa: FBT001
    """Whether a contraction goes to BLAS.

    Not so: products of small matrices, dot products (they fuse with what is around
    them) and products of the user's data with a vector: data are large, and one loop
    over their rows reads them once for all that is made of them.
    """
    form = spec(node.attrs)
    if form in OUTER:
        return returned
    if matrix_form(node.attrs) is None or not node.type.is_float or node.graph.strict:
        return False
    ranks = [len(a.type.shape) for a in node.args]
    if max(ranks) < 2 or any(_is_small(a) for a in node.args):
        return False
    matrices = [a for a in node.args if len(a.type.shape) == 2]
    return len(matrices) == 2 or not _is_data(matrices[0])


def _is_small(x: Node) -> bool:
    size = product(x.type.shape)
    return len(x.type.shape) == 2 and isinstance(size, int) and size <= SMALL


def _is_data(x: Node) -> bool:
    """Whether a matrix is data, perhaps some rows of them alone."""
    x = x.args[1] if x.op.chooses else x
    return x.graph.roles.get(x.attrs[0] if x.attrs else None) == "data"  # type: ignore[arg-type]


ROWS = (
    Op(
        name="contract", arity=2, typing=None, shaping=_type, tidy=_tidy,
        routine="contract",
        linear="each", transposes=_back, activity=_activity,
        phrases=phrases.OF_CONTRACT, sparing=contracting,
        numpy=lambda xs, ys, out, x, y: np.einsum(x, xs, y, ys, out, optimize=True),
        text=text, python=python, latex=latex, nests=_nests, whole=_multiplies,
        steps=_steps,
        diagonal=_diagonal,
        domain=((-np.inf, np.inf),) * 2,
    ),
)  # fmt: skip
