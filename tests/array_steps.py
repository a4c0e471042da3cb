"""Say what steps random programs on arrays are made of: a table of kinds of steps.

A row draws what a step applies to, so that shapes fit, and runs it over any namespace
of functions (see array_namespaces.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from overbar.ir.types import dim

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from array_programs import Draft

    from overbar.ir.types import Shape

DIMS = tuple(map(dim, "mnk"))


class Row(NamedTuple):
    """Say how a kind of step is drawn, and how it runs.

    indexed: the last static argument is a tuple of inputs of indices.
    """

    draw: Callable[[Draft], Any]
    run: Callable[..., Any]
    indexed: bool = False


def joins(a: Shape, b: Shape) -> bool:
    """Whether two shapes broadcast against each other."""
    pairs = zip(a[::-1], b[::-1], strict=False)
    return all(x in {y, 1} or y == 1 for x, y in pairs)


ELEMENTWISE: dict[str, Callable[..., Any]] = {
    "sin": lambda f, x: f.sin(x),
    "tanh": lambda f, x: f.tanh(x),
    "exp": lambda f, x: f.exp(0.25 * x),
    "root": lambda f, x: f.sqrt(x * x + 1.0),
    "log": lambda f, x: f.log(x * x + 0.5),
    "abs": lambda f, x: f.abs(x),
    "sigmoid": lambda f, x: f.sigmoid(x),
    "square": lambda f, x: x**2,
    "cube": lambda f, x: x**3 / 8.0,
    "reciprocal": lambda f, x: 1.0 / (x * x + 1.5),
    "line": lambda f, x: 2.5 * x - 1.0,
    "rest": lambda f, x: 1.5 - x,
    "negated": lambda f, x: -x,
    "stopped": lambda f, x: f.stop_gradient(x),
}
BINARY: dict[str, Callable[..., Any]] = {
    "add": lambda f, x, y: x + y,
    "sub": lambda f, x, y: x - y,
    "mul": lambda f, x, y: x * y,
    "div": lambda f, x, y: x / (1.5 + y * y),
    "maximum": lambda f, x, y: f.maximum(x, y),
    "minimum": lambda f, x, y: f.minimum(x, y),
}
CHOICES: dict[str, Callable[..., Any]] = {
    "where": lambda f, x, y, z: f.where(f.greater(x, y), z, x),
    "zero": lambda f, x, y, z: f.where(f.less_equal(y, 0.1), z * y, 0.0),
    "scalar": lambda f, x, y, z: f.where(f.greater(f.sum(x), 0.3), z, y),
    "all": lambda f, x, y, z: f.where(f.any(f.greater(x, 0.0), 0), z, y),
    "root": lambda f, x, y, z: _guarded(f, f.sqrt, f.greater(x, 0.0), x, z),
    "log": lambda f, x, y, z: _guarded(f, f.log, f.greater(x, 0.2), x * 2.0, y),
    "root of sum": lambda f, x, y, z: _guarded(
        f, f.sqrt, f.greater(f.sum(x), 0.0), f.sum(x), z
    ),
}
REDUCTIONS = ("sum", "sum", "mean", "prod", "max", "min", "logsumexp", "var")
WHOLE = ("softmax", "log_softmax", "cumsum", "flip")


def _guarded(f: Any, function: Any, taken: Any, x: Any, other: Any) -> Any:
    return f.where(taken, function(f.safe(taken, x)), other)


def _elementwise(p: Draft) -> Any:
    return (p.pick(),), (p.rng.choice(list(ELEMENTWISE)),)


def _two(p: Draft, names: Sequence[str], count: int = 2) -> Any:
    first = p.pick()
    others = [p.pick(lambda s: joins(s, p.shape(first))) for _ in range(count - 1)]
    places = [first, *others]
    p.rng.shuffle(places)
    return tuple(places), (p.rng.choice(names),)


def _reduction(p: Draft) -> Any:
    i = p.pick(len)
    if i is None:
        return None
    rank = len(p.shape(i))
    axes = tuple(sorted(p.rng.sample(range(rank), p.rng.randint(1, rank))))
    axis = p.rng.choice((None, axes, axes[0], axes[-1] - rank))
    name = p.rng.choice(REDUCTIONS)
    over = (axis,) if isinstance(axis, int) else range(rank) if axis is None else axis
    empty = not all(p.size(p.shape(i)[a]) for a in over)
    if empty and name not in {"sum", "prod"}:
        return None
    return (i,), (name, axis, p.rng.random() < 0.3)


def _whole(p: Draft) -> Any:
    found = p.one()
    if found is None:
        return None
    i, axis = found
    if not p.size(p.shape(i)[axis]):
        return None
    return (i,), (p.rng.choice(WHOLE), axis)


def _products(p: Draft) -> Any:
    x = p.pick(len)
    if x is None:
        return None
    last = p.shape(x)[-1]
    y = p.pick(lambda s: bool(s) and s[-min(len(s), 2)] == last)
    return None if y is None else ((x, y), ("matmul",))


def _outer(p: Draft) -> Any:
    x, y = (p.pick(lambda s: len(s) == 1) for _ in range(2))
    return None if x is None else ((x, y), ("outer",))


def _einsum(p: Draft) -> Any:
    places = [p.pick(len) for _ in range(p.rng.choice((1, 2, 2, 2, 3)))]
    if None in places:
        return None
    letters: dict[str, Any] = {}
    parts = []
    for place in places:
        part = ""
        for extent in p.shape(place):  # type: ignore[arg-type]
            known = [c for c, e in letters.items() if e == extent and c not in part]
            new = "ijklabcdefgh"[len(letters)]
            c = p.rng.choice(known) if known and p.rng.random() < 0.7 else new
            letters[c] = extent
            part += c
        parts.append(part)
    kept = p.rng.sample(list(letters), p.rng.randint(0, min(3, len(letters))))
    return tuple(places), (f"{','.join(parts)}->{''.join(kept)}",)


def _transpose(p: Draft) -> Any:
    i = p.pick(lambda s: len(s) > 1)
    if i is None:
        return None
    return (i,), (tuple(p.rng.sample(range(len(p.shape(i))), len(p.shape(i)))),)


def _reshape(p: Draft) -> Any:
    i = p.pick()
    shape = p.shape(i)
    if len(shape) < 2 or p.rng.random() < 0.4:
        k = p.rng.randint(0, len(shape))
        return (i,), ((*shape[:k], 1, *shape[k:]),)
    k = p.rng.randrange(len(shape) - 1)
    return (i,), ((*shape[:k], shape[k] * shape[k + 1], *shape[k + 2 :]),)


WINDOWS = (
    (None, None, None), (None, None, None), (1, None, None), (None, -1, None),
    (None, None, 2), (1, None, 2), (None, None, -1), (None, None, -2), (-2, None, -1),
    (1, -1, None), 0, -1, 1,
)  # fmt: skip
"""Items of an index: starts, stops and steps of slices, and places."""


def _window(p: Draft) -> Any:
    i = p.pick(len)
    if i is None:
        return None
    items = [p.rng.choice(WINDOWS) for _ in p.shape(i)]
    for item, extent in zip(items, p.size(p.shape(i)), strict=True):
        if extent < (1 if item == WINDOWS[0] else 2):
            return None
    if p.rng.random() < 0.3:
        items.insert(p.rng.randint(0, len(items)), "new")
    return (i,), (tuple(items),)


def _items(items: Sequence[Any]) -> tuple[Any, ...]:
    return tuple(
        None if item == "new" else slice(*item) if isinstance(item, tuple) else item
        for item in items
    )


def _like(p: Draft, axis: int, i: int) -> Callable[[Shape], bool]:
    own = p.shape(i)
    return lambda s: (
        len(s) == len(own)
        and all(
            k == axis or a == b for k, (a, b) in enumerate(zip(s, own, strict=True))
        )
    )


def _joined(p: Draft) -> Any:
    found = p.one()
    if found is None:
        return None
    i, axis = found
    others = [p.pick(_like(p, axis, i)) for _ in range(p.rng.choice((1, 1, 2)))]
    return (i, *others), (axis,)


def _stacked(p: Draft) -> Any:
    i = p.pick()
    shape = p.shape(i)
    other = p.pick(lambda s: s == shape)
    return (i, other), (p.rng.randint(0, len(shape)),)


def _padded(p: Draft) -> Any:
    i = p.pick(len)
    if i is None:
        return None
    return (i,), (
        tuple(p.rng.choice(((0, 0), (1, 0), (0, 2), (1, 1))) for _ in p.shape(i)),
    )


def _taken(p: Draft) -> Any:
    found = p.one()
    if found is None:
        return None
    i, axis = found
    shape = tuple(p.rng.choice((*DIMS, 2)) for _ in range(p.rng.choice((0, 1, 1, 2))))
    w = p.index(shape, p.shape(i)[axis])
    return None if w is None else ((i,), (axis, (w,)))


def _looked_up(p: Draft) -> Any:
    """Read at two arrays of indices, and a slice."""
    i = p.pick(lambda s: len(s) > 1)
    if i is None:
        return None
    shape = (p.rng.choice((*DIMS, 2)),)
    places = p.rng.sample(range(len(p.shape(i))), 2)
    found = [
        p.index(s, p.shape(i)[a])
        for a, s in zip(places, (shape, p.rng.choice((shape, ()))), strict=True)
    ]
    rank = len(p.shape(i))
    return None if None in found else ((i,), (rank, tuple(places), tuple(found)))


def _run_looked_up(
    f: Any, x: Any, rank: int, places: Sequence[int], found: Sequence[Any]
) -> Any:
    items: list[Any] = [slice(None)] * rank
    for place, w in zip(places, found, strict=True):
        items[place] = w
    return f.at(x, tuple(items))


def _segments(p: Draft) -> Any:
    i = p.pick(len)
    if i is None:
        return None
    count = p.rng.choice((*DIMS, 3))
    w = p.index(p.shape(i)[:1], count)
    return None if w is None else ((i,), (count, (w,)))


def _moved(p: Draft) -> Any:
    found = p.one()
    if found is None:
        return None
    i, axis = found
    return (i,), (
        p.rng.choice(("roll", "repeat", "tile", "diff", "ramp")),
        axis,
        p.shape(i),
    )


MOVES: dict[str, Callable[..., Any]] = {
    "roll": lambda f, x, axis, shape: f.roll(x, 1, axis),
    "repeat": lambda f, x, axis, shape: f.repeat(x, 2, axis),
    "tile": lambda f, x, axis, shape: f.tile(x, (2, 1)),
    "diff": lambda f, x, axis, shape: f.diff(x, 1, axis),
    "ramp": lambda f, x, axis, shape: x * (0.5 * f.arange(shape[-1])),
}


def _square(p: Draft) -> Any:
    i = p.pick(lambda s: len(s) == 2)
    if i is None:
        return None
    names = [
        "tril",
        "triu",
        *(["diagonal", "trace"] * (p.shape(i)[0] == p.shape(i)[1])),
    ]
    return (i,), (p.rng.choice(names),)


BASE_ROWS: dict[str, Row] = {
    "elementwise": Row(_elementwise, lambda f, x, name: ELEMENTWISE[name](f, x)),
    "binary": Row(
        lambda p: _two(p, list(BINARY)), lambda f, x, y, name: BINARY[name](f, x, y)
    ),
    "choice": Row(
        lambda p: _two(p, list(CHOICES), 3),
        lambda f, x, y, z, name: CHOICES[name](f, x, y, z),
    ),
    "reduction": Row(
        _reduction,
        lambda f, x, name, axis, keep: getattr(f, name)(x, axis=axis, keepdims=keep),
    ),
    "whole": Row(_whole, lambda f, x, name, axis: getattr(f, name)(x, axis)),
    "matmul": Row(_products, lambda f, x, y, name: getattr(f, name)(x, y)),
    "outer": Row(_outer, lambda f, x, y, name: getattr(f, name)(x, y)),
    "einsum": Row(_einsum, lambda f, *args: f.einsum(args[-1], *args[:-1])),
    "transpose": Row(_transpose, lambda f, x, order: f.transpose(x, order)),
    "reshape": Row(_reshape, lambda f, x, shape: f.reshape(x, shape)),
    "window": Row(_window, lambda f, x, items: f.at(x, _items(items))),
    "concat": Row(_joined, lambda f, *args: f.concatenate(args[:-1], args[-1])),
    "stack": Row(_stacked, lambda f, *args: f.stack(args[:-1], args[-1])),
    "pad": Row(_padded, lambda f, x, widths: f.pad(x, widths)),
    "take": Row(_taken, lambda f, x, axis, w: f.take(x, w[0], axis), indexed=True),
    "look up": Row(_looked_up, _run_looked_up, indexed=True),
    "segments": Row(
        _segments, lambda f, x, n, w: f.segment_sum(x, w[0], n), indexed=True
    ),
    "move": Row(_moved, lambda f, x, name, axis, shape: MOVES[name](f, x, axis, shape)),
    "square": Row(_square, lambda f, x, name: getattr(f, name)(x)),
}
BASE_OFTEN = (
    *BASE_ROWS,
    *["elementwise", "binary"] * 5,
    *["reduction", "choice", "einsum"] * 2,
)
