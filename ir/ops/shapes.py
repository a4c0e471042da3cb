"""Rows of the ops that move elements about: broadcast, reshape, slices, concat.

All are linear: a row says what an adjoint of the result sends back (the transpose), and
a tangent goes through the op itself. Attributes hold extents, which may be symbolic.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from overbar.ir.errors import ShapeError
from overbar.ir.ops.row import (
    ATOM,
    JUXTAPOSED,
    LOOSEST,
    POWER,
    PRODUCT,
    SUM,
    Nest,
    Notation,
    Op,
    apply,
)
from overbar.ir.ops.typing import cast, common
from overbar.ir.types import INT, extents

if TYPE_CHECKING:
    from collections.abc import Sequence

    from overbar.ir.graph import Graph, Node
    from overbar.ir.ops.typing import Typed
    from overbar.ir.types import Extent, Shape

At = "Callable[[Node, Sequence[Node]], Node]"


def product(shape: Shape) -> Extent:
    """Return the number of elements of a shape."""
    total: Extent = 1
    for extent in shape:
        total = total * extent
    return total


# broadcast


def _broadcast_type(
    _graph: Graph, _name: str, args: Sequence[Node], attrs: tuple[Any, ...]
) -> Typed:
    axes, shape = attrs
    own = args[0].type.shape
    if len(axes) != len(own) or any(
        e != shape[a] for e, a in zip(own, axes, strict=True)
    ):
        message = f"expected a shape that fits [{extents(shape)}], "
        message += f"found [{extents(own)}]"
        raise ShapeError(message)
    return args, args[0].type.scalar.of(shape)


def _broadcast_tidy(
    graph: Graph, args: Sequence[Node], attrs: tuple[Any, ...]
) -> Node | None:
    (x,), (axes, shape) = args, attrs
    if axes == tuple(range(len(shape))):
        return x
    if x.op.name == "broadcast":
        inner = x.attrs[0]
        return graph.spread_along(x.args[0], tuple(axes[a] for a in inner), shape)
    return None


def new_axes(node: Node) -> tuple[int, ...]:
    """Return the axes of a broadcast's result that its operand has not."""
    axes, shape = node.attrs
    return tuple(i for i in range(len(shape)) if i not in axes)


def _broadcast(axes: tuple[int, ...], shape: tuple[int, ...], x: Any) -> Any:
    index = tuple(slice(None) if i in axes else None for i in range(len(shape)))
    return np.broadcast_to(np.asarray(x)[index], shape)


def _broadcast_text(node: Node) -> Notation:
    axes, shape = node.attrs
    if not axes or axes == tuple(range(len(shape) - len(axes), len(shape))):
        return Notation("{0}", LOOSEST)
    index = [":" if i in axes else "None" for i in range(axes[0], len(shape))]
    return Notation(f"{{0}}[{', '.join(index)}]", ATOM, (ATOM,))


_ONES = r"\mathbf{{1}}"


def _broadcast_latex(node: Node) -> Notation:
    """Write what is repeated as a product with ones."""
    axes, shape = node.attrs
    if all(e == 1 for k, e in enumerate(shape) if k not in axes):
        return Notation("{0}", LOOSEST)
    if not axes:
        return Notation(rf"{{0}} \, {_ONES}", PRODUCT, (PRODUCT,))
    if len(shape) == 2 and axes == (0,):  # a column, repeated
        return Notation(rf"{{0}} \, {_ONES}^{{{{\top}}}}", JUXTAPOSED, (JUXTAPOSED,))
    if len(shape) == 2 and axes == (1,):  # a row, repeated
        return Notation(rf"{_ONES} \, {{0}}^{{{{\top}}}}", JUXTAPOSED, (ATOM,))
    return Notation("{0}", LOOSEST)


def _any(axes: tuple[int, ...], c: Node) -> Node:
    return c.graph.make("any", (c,), (axes,)) if axes else c


# reshape


def _reshape_type(
    _graph: Graph, _name: str, args: Sequence[Node], attrs: tuple[Any, ...]
) -> Typed:
    own, (shape,) = args[0].type.shape, attrs
    if product(own) != product(shape):
        message = f"cannot reshape [{extents(own)}] to [{extents(shape)}]: expected "
        message += f"{product(own)} elements, found {product(shape)}"
        raise ShapeError(message)
    return args, args[0].type.scalar.of(shape)


def _reshape_tidy(
    graph: Graph, args: Sequence[Node], attrs: tuple[Any, ...]
) -> Node | None:
    (x,), (shape,) = args, attrs
    if x.type.shape == shape:
        return x
    if x.op.name == "reshape":
        return graph.make("reshape", x.args, attrs)
    if graph.bare(x).is_const:
        return graph.spread(graph.bare(x), shape)
    return _ones_moved(x, shape)


def _ones_moved(x: Node, shape: Shape) -> Node | None:
    """Return a reshape that only drops and adds axes of size 1 as indexing."""
    own = x.type.shape
    long = tuple(k for k, e in enumerate(shape) if e != 1)
    if [shape[k] for k in long] != [e for e in own if e != 1]:
        return None
    dropped = tuple(k for k, e in enumerate(own) if e == 1)
    return x.graph.spread_along(picked(x, dropped), long, shape)


def picked(x: Node, dropped: tuple[int, ...]) -> Node:
    """Return an array without some axes of size 1."""
    if not dropped:
        return x
    n = len(x.type.shape)
    return x.graph.make("pick", (x,), ((0,) * n, x.type.shape, (1,) * n, dropped))


def _reshape_python(node: Node) -> Notation:
    """Write a reshape; numbers are no arrays there."""
    own, (given,) = node.type.shape, (a.type.shape for a in node.args)
    if not own:
        return Notation(f"{{0}}[{', '.join('0' for _ in given)}]", ATOM, (ATOM,))
    if not given:
        return Notation(f"np.full(({extents(own)},), {{0}})")
    return Notation(f"{{0}}.reshape({extents(own)})", ATOM, (ATOM,))


def _reshape_latex(node: Node) -> Notation:
    """Write nothing where only axes of one entry come or go."""
    own, shape = (
        [e for e in s if e != 1] for s in (node.args[0].type.shape, node.type.shape)
    )
    if own == shape:
        return Notation("{0}", LOOSEST)
    if len(own) == 2 and len(shape) == 1:  # a matrix, row by row
        return Notation(r"\operatorname{{vec}}\left({0}^{{\top}}\right)", ATOM, (ATOM,))
    size = r" \times ".join(map(str, node.type.shape))
    return Notation(rf"\operatorname{{{{reshape}}}}_{{{{{size}}}}}\left({{0}}\right)")


# transpose


def _transpose_type(
    _graph: Graph, _name: str, args: Sequence[Node], attrs: tuple[Any, ...]
) -> Typed:
    shape = args[0].type.shape
    return args, args[0].type.scalar.of(tuple(shape[a] for a in attrs[0]))


def _transpose_tidy(
    graph: Graph, args: Sequence[Node], attrs: tuple[Any, ...]
) -> Node | None:
    (x,), (perm,) = args, attrs
    if perm == tuple(range(len(perm))):
        return x
    if x.op.name == "transpose":
        inner = x.attrs[0]
        return graph.make("transpose", x.args, (tuple(inner[a] for a in perm),))
    if graph.bare(x).is_const:
        return graph.spread(graph.bare(x), tuple(x.type.shape[a] for a in perm))
    return None


def inverse(perm: Sequence[int]) -> tuple[int, ...]:
    """Return the permutation that undoes one."""
    return tuple(sorted(range(len(perm)), key=perm.__getitem__))


def _transpose_text(node: Node) -> Notation:
    (perm,) = node.attrs
    if perm == (1, 0):
        return Notation("{0}.T", ATOM, (ATOM,))
    return Notation(f"transpose({{0}}, {perm})")


def _transpose_latex(node: Node) -> Notation:
    (perm,) = node.attrs
    if perm == (1, 0):
        return Notation(r"{0}^{{\top}}", POWER, (ATOM,))
    order = ",".join(str(k + 1) for k in perm)
    return Notation(rf"{{0}}^{{{{\top\left({order}\right)}}}}", POWER, (ATOM,))


def _transpose_python(node: Node) -> Notation:
    (perm,) = node.attrs
    if perm == (1, 0):
        return Notation("{0}.T", ATOM, (ATOM,))
    return Notation(f"np.transpose({{0}}, {perm})")


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


def _window(starts: Any, shape: Any, steps: Any) -> tuple[slice, ...]:
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
    part = np.asarray(x)[_window(starts, shape, steps)]
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
        else _affine(next(rest), starts[k], steps[k])
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
    out[_window(starts, np.shape(x), steps)] = x
    return out


def _slice_element(at: Any, out: Node, index: Sequence[Node]) -> Node:
    starts, _, steps = out.attrs
    return at(out.args[0], [  # type: ignore[no-any-return]
        _affine(i, start, step)
        for i, start, step in zip(index, starts, steps, strict=True)
    ])  # fmt: skip


def _affine(i: Node, start: Extent, step: int) -> Node:
    moved = i if step == 1 else step * i
    return moved if isinstance(start, int) and not start else (
        moved + i.graph.extent(start)
    )  # fmt: skip


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


def _extent_text(node: Node) -> Notation:
    text = str(node.attrs[0])
    return Notation(text, ATOM if text.isidentifier() else SUM)


def _extent_latex(node: Node) -> Notation:
    form = _extent_text(node)
    return Notation(form.template.replace("*", r" \, "), form.binding)


def _concat_nests(out: Node) -> list[Nest]:
    (axis,) = out.attrs
    found = []
    for x, offset in zip(out.args, offsets(out), strict=True):

        def place(
            at: Any, index: Sequence[Node], offset: Extent = offset
        ) -> list[Node]:
            return [
                _affine(i, offset, 1) if k == axis else i for k, i in enumerate(index)
            ]

        def value(at: Any, index: Sequence[Node], x: Node = x) -> Node:
            return at(x, index)  # type: ignore[no-any-return]

        found.append(Nest("set", x.type.shape, place, value))
    return found


ROWS = (
    Op(
        name="broadcast", typing=None, shaping=_broadcast_type, tidy=_broadcast_tidy,
        numpy=_broadcast, text=_broadcast_text, python=_broadcast_text,
        latex=_broadcast_latex, cost=0,
        transposes=(
            lambda g, out, x: g.graph.make("sum", (g,), (new_axes(out),)),
        ),
        activity=lambda i, c, out: _any(new_axes(out), c),
        element=lambda at, out, index: at(
            out.args[0], [index[a] for a in out.attrs[0]]
        ),
    ),
    Op(
        name="reshape", typing=None, shaping=_reshape_type, tidy=_reshape_tidy,
        numpy=lambda shape, x: np.reshape(x, shape), cost=0,
        text=lambda n: Notation(
            f"{{0}}.reshape({extents(n.type.shape)})", ATOM, (ATOM,)
        ),
        python=_reshape_python, latex=Notation("{0}", LOOSEST),
        transposes=(
            lambda g, out, x: g.graph.make("reshape", (g,), (x.type.shape,)),
        ),
        activity=lambda i, c, out: c.graph.make(
            "reshape", (c,), (out.args[0].type.shape,)
        ),
    ),
    Op(
        name="transpose", typing=None, shaping=_transpose_type, tidy=_transpose_tidy,
        numpy=lambda perm, x: np.transpose(x, perm), cost=0,
        text=_transpose_text, python=_transpose_python,
        latex=_transpose_latex,
        transposes=(
            lambda g, out, x: g.graph.make("transpose", (g,), (inverse(out.attrs[0]),)),
        ),
        activity=lambda i, c, out: c.graph.make(
            "transpose", (c,), (inverse(out.attrs[0]),)
        ),
        element=lambda at, out, index: at(
            out.args[0], [index[i] for i in inverse(out.attrs[0])]
        ),
    ),
    Op(
        name="slice", typing=None, shaping=_slice_type, tidy=_slice_tidy, cost=0,
        numpy=lambda starts, shape, steps, x: x[_window(starts, shape, steps)],
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
        element=_pick_element,
        transposes=(_pick_back,),
        activity=lambda i, c, out: _pick_back(c, out, out.args[0]),
    ),
    Op(
        name="pad", typing=None, shaping=_pad_type, tidy=_pad_tidy, numpy=_pad, cost=0,
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
    Op(
        name="iota", arity=0, typing=None, numpy=np.arange, cost=0,
        element=lambda at, out, index: index[0],
        text=lambda n: Notation(f"arange({n.attrs[0]})"),
        latex=lambda n: Notation(rf"\left(0, \ldots, {n.attrs[0] - 1}\right)"),
        python=lambda n: Notation(f"np.arange({n.attrs[0]})"),
    ),
    Op(
        name="extent", arity=0, typing=None, numpy=np.int64, cost=0,
        text=_extent_text, python=_extent_text, latex=_extent_latex,
    ),
)  # fmt: skip
