"""Build products of arrays, all of them as the one general contraction.

`matmul`, `dot`, `inner`, `outer`, `tensordot`, `einsum`, `trace` and the diagonals
become `contract` nodes; of several operands, opt_einsum says in which order.
"""

from __future__ import annotations

from collections import defaultdict
from string import ascii_letters
from typing import TYPE_CHECKING, Any

from overbar.ir.errors import ShapeError
from overbar.ir.ops.contract import contract
from overbar.ir.ops.shapes import product
from overbar.ir.ops.typing import mask_advice
from overbar.ir.types import dims, size_of
from overbar.read.array_diagonal import diagonal
from overbar.read.array_shape import along, joined_along, permuted, reshaped
from overbar.read.array_static import (
    axis_of,
    rank,
    several,
    shown,
    whole,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping, Sequence

    from overbar.ir.graph import Graph, Node
    from overbar.ir.types import Extent

NOMINAL, MANY = 64, 4096
"""What a size known only when called counts as in choosing an order: one that inputs to
differentiate have, and one that data alone have, the number of points."""


def matmul(graph: Graph, x1: Node, x2: Node) -> Node:
    """Return `x1 @ x2`: vectors, matrices, and stacks of matrices that broadcast."""
    shapes = x1.type.shape, x2.type.shape
    for shape in shapes:
        if not shape:
            message = f"matmul expects matrices and vectors, found {shown(shapes[0])}"
            raise ShapeError(f"{message} and {shown(shapes[1])}; use * for scalars")
    inner = (shapes[0][-1], shapes[1][-2:][0])
    if inner[0] != inner[1]:
        message = f"cannot multiply shapes {shown(shapes[0])} and {shown(shapes[1])}"
        message += f": expected {inner[0]} rows on the right, found {inner[1]}"
        message += mask_advice(*inner)
        raise ShapeError(message)
    stacks = max(rank(x1), rank(x2)) - 2
    batch = [f"b{k}" for k in range(max(stacks, 0))]
    xs = [*batch[len(batch) - max(rank(x1) - 2, 0) :], *["i", "k"][-min(rank(x1), 2) :]]
    ys = [*batch[len(batch) - max(rank(x2) - 2, 0) :], *["k", "j"][: min(rank(x2), 2)]]
    out = [*batch, *["i"] * (rank(x1) > 1), *["j"] * (rank(x2) > 1)]
    return product_of(graph, "matmul", [x1, x2], [xs, ys], out)


def _dot(graph: Graph, a: Node, b: Node) -> Node:
    if not rank(a) or not rank(b):
        return a * b
    shapes = a.type.shape, b.type.shape
    place = max(rank(b) - 2, 0)
    if shapes[0][-1] != shapes[1][place]:
        message = f"dot cannot multiply shapes {shown(shapes[0])} and"
        message += f" {shown(shapes[1])}: expected {shapes[0][-1]} along axis {place}"
        raise ShapeError(f"{message} of the second, found {shapes[1][place]}")
    return _paired(graph, a, b, [rank(a) - 1], [place])


def _inner(graph: Graph, a: Node, b: Node) -> Node:
    if not rank(a) or not rank(b):
        return a * b
    if a.type.shape[-1] != b.type.shape[-1]:
        message = f"inner cannot multiply shapes {shown(a.type.shape)} and "
        message += f"{shown(b.type.shape)}: expected {a.type.shape[-1]} along the last"
        raise ShapeError(f"{message} axis, found {b.type.shape[-1]}")
    return _paired(graph, a, b, [rank(a) - 1], [rank(b) - 1])


def _vdot(graph: Graph, a: Node, b: Node) -> Node:
    return _inner(graph, flat(a), flat(b))


def flat(x: Node) -> Node:
    """Return an array as a vector."""
    return reshaped(x, (product(x.type.shape),))


def _outer(graph: Graph, a: Node, b: Node) -> Node:
    return contract(graph, flat(a), flat(b), "i", "j", "ij")


def _kron(graph: Graph, a: Node, b: Node) -> Node:
    n = max(rank(a), rank(b))
    a, b = (reshaped(x, (1,) * (n - rank(x)) + x.type.shape) for x in (a, b))
    xs, ys = [f"i{k}" for k in range(n)], [f"j{k}" for k in range(n)]
    out = [label for pair in zip(xs, ys, strict=True) for label in pair]
    whole_ = contract(graph, a, b, xs, ys, out)
    pairs = zip(a.type.shape, b.type.shape, strict=True)
    return reshaped(whole_, tuple(p * q for p, q in pairs))


def _cross(graph: Graph, a: Node, b: Node, axis: int = -1) -> Node:
    places = [axis_of("cross", axis, x.type.shape) for x in (a, b)]
    for x, place in zip((a, b), places, strict=True):
        if x.type.shape[place] != 3:
            message = f"cross expects vectors of 3 along axis {axis}"
            raise ShapeError(f"{message}, found shape {shown(x.type.shape)}")
    del graph
    u = [along(a, places[0], k, 1) for k in range(3)]
    v = [along(b, places[1], k, 1) for k in range(3)]
    parts = [
        u[(k + 1) % 3] * v[(k + 2) % 3] - u[(k + 2) % 3] * v[(k + 1) % 3]
        for k in range(3)
    ]
    return joined_along("cross", parts, max(places))


def _tensordot(graph: Graph, a: Node, b: Node, axes: Any = 2) -> Node:
    if isinstance(axes, tuple | list):
        left, right = (
            [axis_of("tensordot", k, x.type.shape) for k in several(g)]
            for g, x in zip(axes, (a, b), strict=True)
        )  # fmt: skip
    else:
        n = whole("tensordot", axes, "number of axes")
        if not 0 <= n <= min(rank(a), rank(b)):
            message = (
                f"tensordot expects at most {min(rank(a), rank(b))} axes of shapes"
            )
            raise ShapeError(
                f"{message} {shown(a.type.shape)} and {shown(b.type.shape)}, found {n}"
            )
        left, right = list(range(rank(a) - n, rank(a))), list(range(n))
    sizes = [[x.type.shape[k] for k in p] for x, p in ((a, left), (b, right))]
    if sizes[0] != sizes[1]:
        message = f"tensordot cannot multiply shapes {shown(a.type.shape)} and "
        message += f"{shown(b.type.shape)}: expected {shown(tuple(sizes[0]))} along "
        raise ShapeError(f"{message}the axes, found {shown(tuple(sizes[1]))}")
    return _paired(graph, a, b, left, right)


def _paired(
    graph: Graph, a: Node, b: Node, left: Sequence[int], right: Sequence[int]
) -> Node:
    """Return the product summed over pairs of axes, the rest in their order."""
    xs = [f"x{k}" for k in range(rank(a))]
    ys = [f"y{k}" for k in range(rank(b))]
    for p, q in zip(left, right, strict=True):
        ys[q] = xs[p]
    out = [k for k in xs if k not in ys] + [k for k in ys if k not in xs]
    return contract(graph, a, b, xs, ys, out)


# Einsum -------------------------------------------------------------------------------


def _einsum(graph: Graph, subscripts: str, *operands: Node) -> Node:
    inputs, out = _parsed(subscripts, operands)
    return product_of(graph, "einsum", operands, inputs, out)


def _parsed(
    subscripts: str, operands: Sequence[Node]
) -> tuple[list[list[str]], list[str]]:
    """Return the labels of each operand and of the result; those of ... are numbers."""
    text = subscripts.replace(" ", "")
    left, arrow, right = text.partition("->")
    terms = left.split(",")
    if set(text) - set(ascii_letters) - set(",.->"):
        message = "einsum expects letters, commas, ... and -> as subscripts"
        raise ShapeError(f"{message}, found {subscripts!r}")
    if len(terms) != len(operands):
        message = f"einsum expects {len(terms)} operands for {subscripts!r}"
        raise ShapeError(f"{message}, found {len(operands)}")
    inputs = [
        _labels(term, rank(x), subscripts)
        for term, x in zip(terms, operands, strict=True)
    ]
    dots = max((sum(k.isdigit() for k in labels) for labels in inputs), default=0)
    many = [str(k) for k in range(dots)][::-1]
    if arrow:
        head, found, tail = right.partition("...")
        out = [*head, *(many if found else []), *tail]
    else:
        every = [k for labels in inputs for k in labels if not k.isdigit()]
        out = [*many, *sorted(k for k in set(every) if every.count(k) == 1)]
    known = {k for labels in inputs for k in labels}
    if len(set(out)) < len(out) or not known >= set(out):
        message = f"einsum expects {subscripts!r} to end in labels of its operands, "
        raise ShapeError(f"{message}each once, found {right!r}")
    return inputs, out


def _labels(term: str, axes: int, subscripts: str) -> list[str]:
    head, dots, tail = term.partition("...")
    rest = axes - len(head) - len(tail)
    if rest < 0 or (rest and not dots) or "." in head + tail:
        message = f"einsum expects {term!r} of {subscripts!r} to name the axes of its "
        raise ShapeError(f"{message}operand, found {axes} of them")
    return [*head, *[str(k) for k in range(rest)][::-1], *tail]


def product_of(
    graph: Graph,
    name: str,
    operands: Sequence[Node],
    inputs: Sequence[Sequence[Hashable]],
    out: Sequence[Hashable],
) -> Node:
    """Return the sum over all labels that are not in `out` of a product of arrays.

    An axis of size 1 fits any other with its label.
    """
    sizes = _sizes(name, operands, inputs)
    terms = [
        _single(x, labels, sizes) for x, labels in zip(operands, inputs, strict=True)
    ]
    for pick in _order(terms, out, sizes):
        picked = [terms.pop(k) for k in sorted(pick, reverse=True)][::-1]
        if len(picked) == 1:
            terms.append(picked[0])
            continue
        (x, xs), (y, ys) = picked
        needed = {*out, *(k for _, labels in terms for k in labels)}
        left = [k for k in dict.fromkeys([*xs, *ys]) if k in needed]
        if not terms:
            left = [k for k in out if k in left]
        terms.append((contract(graph, x, y, xs, ys, left), left))
    ((x, labels),) = terms
    lost = tuple(k for k, label in enumerate(labels) if label not in out)
    x = graph.make("sum", (x,), (lost,)) if lost else x
    labels = [k for k in labels if k in out]
    x = permuted(x, [labels.index(k) for k in out if k in labels])
    axes = tuple(k for k, label in enumerate(out) if label in labels)
    return graph.spread_along(x, axes, tuple(sizes[k] for k in out)) if out else x


def _sizes(
    name: str, operands: Sequence[Node], inputs: Sequence[Sequence[Hashable]]
) -> dict[Hashable, Extent]:
    sizes: dict[Hashable, Extent] = {}
    for x, labels in zip(operands, inputs, strict=True):
        for label, extent in zip(labels, x.type.shape, strict=True):
            known = sizes.get(label, 1)
            if known == 1:
                sizes[label] = extent
            elif extent not in (1, known):
                shapes = " and ".join(shown(a.type.shape) for a in operands)
                message = f"{name} cannot multiply shapes {shapes}: expected {known}"
                raise ShapeError(f"{message} along an axis, found {extent}")
    return sizes


def _single(
    x: Node, labels: Sequence[Hashable], sizes: dict[Hashable, Extent]
) -> tuple[Node, list[Hashable]]:
    """Return an operand with each label once, axes of size 1 for a larger one gone."""
    shape = x.type.shape
    kept = [k for k, label in enumerate(labels) if shape[k] == sizes[label]]
    if len(kept) < len(shape):
        x = reshaped(x, tuple(shape[k] for k in kept))
    left = [labels[k] for k in kept]
    for label in dict.fromkeys(left):
        while left.count(label) > 1:
            first = left.index(label)
            second = left.index(label, first + 1)
            x = diagonal(x, first, second)
            left = [k for i, k in enumerate(left) if i not in (first, second)] + [label]
    return x, left


def _order(
    terms: Sequence[tuple[Node, list[Hashable]]],
    out: Sequence[Hashable],
    sizes: dict[Hashable, Extent],
) -> Sequence[Sequence[int]]:
    """Return which two operands to multiply at each step, by their places."""
    if len(terms) < 3:
        return [tuple(range(len(terms)))]
    import opt_einsum

    symbol = {label: opt_einsum.get_symbol(k) for k, label in enumerate(sizes)}
    size = _nominal(terms[0][0].graph)
    shape = {k: max(1, size_of(extent, size)) for k, extent in sizes.items()}
    left = ",".join("".join(symbol[k] for k in labels) for _, labels in terms)
    right = "".join(symbol[k] for k in out if any(k in labels for _, labels in terms))
    path, _ = opt_einsum.contract_path(
        f"{left}->{right}", *(tuple(shape[k] for k in labels) for _, labels in terms),
        shapes=True,
    )  # fmt: skip
    return [step for pair in path for step in _pairs(pair)]


def _pairs(step: Sequence[int]) -> list[tuple[int, ...]]:
    """Return a step of more than two operands as steps of two."""
    places = sorted(step)
    found = [tuple(places[-2:])]
    found.extend((place, -1) for place in reversed(places[:-2]))  # -1: what was made
    return found if len(places) > 1 else [tuple(places)]


def _nominal(graph: Graph) -> Mapping[str, int]:
    """Return sizes to choose an order by, for the names of all inputs' extents."""
    inputs = graph.inputs.items()
    known = {d for _, x in inputs for e in dims(x.type.shape) for d in e.names}
    params = (x for name, x in inputs if graph.roles[name] != "data")
    few = {d for x in params for e in dims(x.type.shape) for d in e.names}
    sizes: dict[str, int] = defaultdict(lambda: NOMINAL)
    return sizes | {d: NOMINAL if d in few else MANY for d in known}


BUILDERS: dict[str, Callable[..., Any]] = {
    "matmul": matmul, "dot": _dot, "inner": _inner, "vdot": _vdot, "outer": _outer,
    "kron": _kron, "cross": _cross, "tensordot": _tensordot, "einsum": _einsum,
}  # fmt: skip
