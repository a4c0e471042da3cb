"""Rows of the ops that put arrays into a larger one: pad and concat."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from overbar.ir.errors import ShapeError
from overbar.ir.ops.masks import moving
from overbar.ir.ops.row import (
    Nest,
    Notation,
    Op,
    apply,
)
from overbar.ir.ops.slices import affine, window
from overbar.ir.ops.typing import cast, common
from overbar.ir.types import INT, extents

if TYPE_CHECKING:
    from collections.abc import Sequence

    from overbar.ir.graph import Graph, Node
    from overbar.ir.ops.typing import Typed
    from overbar.ir.types import Extent


# pad


def _pad_type(
    _graph: Graph, _name: str, args: Sequence[Node], attrs: tuple[Any, ...]
) -> Typed:
    return args, args[0].type.scalar.of(attrs[1])


def _pad_latex(node: Node) -> Notation:
    """Write where in the larger array the operand stands."""
    starts, shape, steps = node.attrs
    own = node.args[0].type.shape
    parts = [
        ":" if (start, extent, step) == (0, full, 1)
        else f"{start}:{start + extent * step}" + (f":{step}" if step != 1 else "")
        for start, extent, step, full in zip(starts, own, steps, shape, strict=True)
    ]  # fmt: skip
    below = ", ".join(parts).replace("*", r" \, ")
    return Notation(rf"\operatorname{{{{pad}}}}_{{{{{below}}}}}\left({{0}}\right)")


def _pad_tidy(
    graph: Graph, args: Sequence[Node], attrs: tuple[Any, ...]
) -> Node | None:
    (x,), (starts, shape, steps) = args, attrs
    same = shape == x.type.shape and not any(starts) and all(s == 1 for s in steps)
    return x if same else None


def _pad(starts: Any, shape: Any, steps: Any, x: Any) -> Any:
    out = np.zeros(shape, np.asarray(x).dtype)
    out[window(starts, np.shape(x), steps)] = x
    return out


def _pad_element(at: Any, out: Node, index: Sequence[Node]) -> Node:
    """Return the operand's element where there is one, else 0."""
    (x,), (starts, _, steps) = out.args, out.attrs
    graph = out.graph
    inside: Node | None = None
    places: list[Node] = []
    for i, start, step, extent in zip(index, starts, steps, x.type.shape, strict=True):
        if (start, extent, step) == (0, out.type.shape[len(places)], 1):
            places.append(i)
            continue
        offset = i - graph.extent(start)
        place = offset if step == 1 else apply("floordiv", offset, step)
        tests = [apply("ge", place, 0), apply("lt", place, graph.extent(extent))]
        if step != 1:
            tests.append(apply("eq", apply("mod", offset, step), 0))
        for test in tests:
            inside = test if inside is None else apply("and", inside, test)
        places.append(place)
    value = at(x, places)
    zero = graph.const(False if value.type.dtype == "bool" else 0.0, value.type)
    return value if inside is None else apply("select", inside, value, zero)


# concat


def _concat_type(
    graph: Graph, name: str, args: Sequence[Node], attrs: tuple[Any, ...]
) -> Typed:
    (axis,) = attrs
    kind = common(graph, name, args, INT)
    shapes = [a.type.shape for a in args]
    first = shapes[0]
    for shape in shapes[1:]:
        rest = [s[:axis] + s[axis + 1 :] for s in (first, shape)]
        if len(shape) != len(first) or rest[0] != rest[1]:
            message = f"{name} cannot join shapes [{extents(first)}] and "
            message += f"[{extents(shape)}] along axis {axis}"
            raise ShapeError(message)
    total: Extent = 0
    for shape in shapes:
        total = total + shape[axis]
    whole = (*first[:axis], total, *first[axis + 1 :])
    full = [a if not a.is_const else graph.spread(a, a.type.shape) for a in args]
    return cast(graph, full, kind), kind.of(whole)


def offsets(node: Node) -> list[Extent]:
    """Return where along the axis of a concat each operand starts."""
    (axis,) = node.attrs
    found: list[Extent] = [0]
    for a in node.args[:-1]:
        found.append(found[-1] + a.type.shape[axis])
    return found


def piece(i: int, g: Node, out: Node) -> Node:
    """Return the part of an array shaped like a concat that operand i takes up."""
    (axis,) = out.attrs
    shape = out.args[i].type.shape
    starts = tuple(offsets(out)[i] if k == axis else 0 for k in range(len(shape)))
    return out.graph.make("slice", (g,), (starts, shape, (1,) * len(shape)))


def _concat_back(i: int, g: Node, out: Node, *_args: Node) -> Node:
    return piece(i, g, out)


def _concat_nests(out: Node) -> list[Nest]:
    (axis,) = out.attrs
    found = []
    for x, offset in zip(out.args, offsets(out), strict=True):

        def place(
            at: Any, index: Sequence[Node], offset: Extent = offset
        ) -> list[Node]:
            return [
                affine(i, offset, 1) if k == axis else i for k, i in enumerate(index)
            ]

        def value(at: Any, index: Sequence[Node], x: Node = x) -> Node:
            return at(x, index)  # type: ignore[no-any-return]

        found.append(Nest("set", x.type.shape, place, value))
    return found


ROWS = (
    Op(
        name="pad", typing=None, shaping=_pad_type, tidy=_pad_tidy, numpy=_pad, cost=0,
        sparing=moving,
        text=lambda n: Notation(
            f"pad({{0}}, ({extents(n.attrs[0])},), ({extents(n.type.shape)},))"
        ),
        latex=_pad_latex,
        element=_pad_element,
        transposes=(
            lambda g, out, x: g.graph.make(
                "slice", (g,), (out.attrs[0], x.type.shape, out.attrs[2])
            ),
        ),
        activity=lambda i, c, out: c.graph.make(
            "slice", (c,), (out.attrs[0], out.args[0].type.shape, out.attrs[2])
        ),
    ),
    Op(
        name="concat", arity=None, typing=None, shaping=_concat_type, cost=0,
        sparing=moving,
        numpy=lambda axis, *xs: np.concatenate(xs, axis), transposes=_concat_back,
        nests=_concat_nests,
        text=lambda n: Notation(f"concat(({{args}}), {n.attrs[0]})"),
        latex=lambda n: Notation(
            r"\begin{{bmatrix}} " + (r" & " if n.attrs[0] else r" \\ ").join(
                f"{{{i}}}" for i in range(len(n.args))
            ) + r" \end{{bmatrix}}"
        ),
        activity=piece,
    ),
)  # fmt: skip
