"""Rows of the ops that take a part of an array: slice, and pick, which drops axes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from overbar.ir.ops.masks import moving
from overbar.ir.ops.row import (
    ATOM,
    LOOSEST,
    Notation,
    Op,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from overbar.ir.graph import Graph, Node
    from overbar.ir.ops.typing import Typed
    from overbar.ir.types import Extent, Shape


# slice and pad


def _slice_type(
    _graph: Graph, _name: str, args: Sequence[Node], attrs: tuple[Any, ...]
) -> Typed:
    return args, args[0].type.scalar.of(attrs[1])


def _slice_tidy(
    graph: Graph, args: Sequence[Node], attrs: tuple[Any, ...]
) -> Node | None:
    (x,), (starts, shape, steps) = args, attrs
    if shape == x.type.shape and not any(starts) and all(s == 1 for s in steps):
        return x
    if x.op.name == "broadcast":
        return _of_broadcast(x, starts, shape, steps, ())
    return None


def _of_broadcast(
    x: Node, starts: Any, shape: Shape, steps: Any, dropped: tuple[int, ...]
) -> Node:
    """Return a slice of what was broadcast as the broadcast of a slice."""
    (inner,), axes = x.args, x.attrs[0]
    parts = tuple(tuple(part[a] for a in axes) for part in (starts, shape, steps))
    gone = tuple(k for k, a in enumerate(axes) if a in dropped)
    if axes:
        inner = x.graph.make("pick", (inner,), (*parts, gone))
    left = [k for k in range(len(shape)) if k not in dropped]
    return x.graph.spread_along(
        inner, tuple(left.index(a) for a in axes if a not in dropped),
        tuple(shape[k] for k in left),
    )  # fmt: skip


def window(starts: Any, shape: Any, steps: Any) -> tuple[slice, ...]:
    """Return NumPy's slices for starts, extents and steps (negative ones too)."""
    found = []
    for start, extent, step in zip(starts, shape, steps, strict=True):
        stop = start + extent * step
        found.append(slice(start, None if stop < 0 else stop, step))
    return tuple(found)


def _slice_parts(node: Node) -> list[str]:
    """Return the slice along each axis as text."""
    starts, shape, steps = node.attrs[:3]
    parts = []
    whole = node.args[0].type.shape
    for start, extent, step, full in zip(starts, shape, steps, whole, strict=True):
        stop = start + extent * step
        parts.append(
            ":" if (start, extent, step) == (0, full, 1)
            else f"{start if start != 0 or step < 0 else ''}:"
                 f"{'' if stop == full or step < 0 else stop}"
                 f"{f':{step}' if step != 1 else ''}"
        )  # fmt: skip
    return parts


def _slice_text(node: Node) -> Notation:
    return Notation(f"{{0}}[{', '.join(_slice_parts(node))}]", ATOM, (ATOM,))


# pick: a slice without some axes along which it has size 1


def _pick_type(
    _graph: Graph, _name: str, args: Sequence[Node], attrs: tuple[Any, ...]
) -> Typed:
    _, shape, _, dropped = attrs
    left = tuple(e for k, e in enumerate(shape) if k not in dropped)
    return args, args[0].type.scalar.of(left)


def _pick_tidy(
    graph: Graph, args: Sequence[Node], attrs: tuple[Any, ...]
) -> Node | None:
    (x,), (starts, shape, steps, dropped) = args, attrs
    if not dropped:
        return graph.make("slice", args, attrs[:3])
    if x.op.name == "broadcast":
        return _of_broadcast(x, *attrs)
    if x.op.name == "slice":
        inner, _, strides = x.attrs
        where = zip(inner, starts, strides, strict=True)
        first = tuple(a + b * s for a, b, s in where)
        both = tuple(s * t for s, t in zip(strides, steps, strict=True))
        return graph.make("pick", x.args, (first, shape, both, dropped))
    return None


def _pick(starts: Any, shape: Any, steps: Any, dropped: Any, x: Any) -> Any:
    part = np.asarray(x)[window(starts, shape, steps)]
    return part.reshape([e for k, e in enumerate(shape) if k not in dropped])


def _pick_text(node: Node) -> Notation:
    starts, _, _, dropped = node.attrs
    parts = _slice_parts(node)
    for k in dropped:
        parts[k] = str(starts[k])
    while len(parts) > 1 and parts[-1] == ":":
        parts.pop()
    return Notation(f"{{0}}[{', '.join(parts)}]", ATOM, (ATOM,))


def _pick_element(at: Any, out: Node, index: Sequence[Node]) -> Node:
    starts, shape, steps, dropped = out.attrs
    rest = iter(index)
    return at(out.args[0], [  # type: ignore[no-any-return]
        out.graph.extent(starts[k]) if k in dropped
        else affine(next(rest), starts[k], steps[k])
        for k in range(len(shape))
    ])  # fmt: skip


def _pick_back(g: Node, out: Node, x: Node) -> Node:
    starts, shape, steps, dropped = out.attrs
    left = tuple(k for k in range(len(shape)) if k not in dropped)
    whole = g.graph.spread_along(g, left, shape)
    return g.graph.make("pad", (whole,), (starts, x.type.shape, steps))


def _part_latex(node: Node) -> Notation:
    """Write a part by the places that it takes, counted from 0, as the text does.

    Axes of size 1 are dropped without a word: a column is a vector.
    """
    dropped = node.attrs[3] if len(node.attrs) > 3 else ()  # a pick
    whole = node.args[0].type.shape
    if dropped and all(whole[k] == 1 for k in dropped) and node.attrs[1] == whole:
        return Notation("{0}", LOOSEST)
    form = _pick_text(node) if dropped else _slice_text(node)
    inner = form.template.removeprefix("{0}[").removesuffix("]")
    return Notation(rf"{{{{{{0}}}}}}_{{{{{inner}}}}}", ATOM, (ATOM,))


def _slice_element(at: Any, out: Node, index: Sequence[Node]) -> Node:
    starts, _, steps = out.attrs
    return at(out.args[0], [  # type: ignore[no-any-return]
        affine(i, start, step)
        for i, start, step in zip(index, starts, steps, strict=True)
    ])  # fmt: skip


def affine(i: Node, start: Extent, step: int) -> Node:
    """Return the place of element i of a slice in the whole."""
    moved = i if step == 1 else step * i
    return moved if isinstance(start, int) and not start else (
        moved + i.graph.extent(start)
    )  # fmt: skip


ROWS = (
    Op(
        name="slice", typing=None, shaping=_slice_type, tidy=_slice_tidy, cost=0,
        sparing=moving,
        numpy=lambda starts, shape, steps, x: x[window(starts, shape, steps)],
        text=_slice_text, python=_slice_text, latex=_part_latex, element=_slice_element,
        transposes=(
            lambda g, out, x: g.graph.make(
                "pad", (g,), (out.attrs[0], x.type.shape, out.attrs[2])
            ),
        ),
        activity=lambda i, c, out: c.graph.make(
            "pad", (c,), (out.attrs[0], out.args[0].type.shape, out.attrs[2])
        ),
    ),
    Op(
        name="pick", typing=None, shaping=_pick_type, tidy=_pick_tidy, cost=0,
        numpy=_pick, text=_pick_text, python=_pick_text, latex=_part_latex,
        element=_pick_element, sparing=moving,
        transposes=(_pick_back,),
        activity=lambda i, c, out: _pick_back(c, out, out.args[0]),
    ),
)  # fmt: skip
