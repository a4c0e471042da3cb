"""Draw random small programs on arrays, to run them in Overbar, NumPy and JAX.

A program is a list of steps over inputs with named dimensions; it is drawn while its
graph is built, so that shapes fit, and replayed over any namespace of functions `f`
(`f.sum(x, axis)`, `f.tanh(x)`), with sizes for the named dimensions.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from overbar.ir.errors import OverbarError
from overbar.ir.graph import Graph
from overbar.ir.ops import OPS, apply
from overbar.ir.types import INT, Type, dim, sized
from overbar.levels import rewrite_for
from overbar.read.arrays import FUNCTIONS, index

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Mapping, Sequence

    from overbar.ir.graph import Node
    from overbar.ir.types import Shape

DIMS = tuple(map(dim, "mnk"))
SIZES = tuple(
    dict(zip("mnk", sizes, strict=True))
    for sizes in ((2, 3, 2), (3, 1, 2), (1, 2, 3), (0, 2, 3), (2, 0, 1), (1, 1, 1))
)
LARGEST = 400
"""Elements that no array has more of."""
OPERATORS = {"maximum": "max", "minimum": "min", "greater": "gt", "less_equal": "le"}


class Ours:
    """Give Overbar's functions by name, over a graph."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name in FUNCTIONS:
            return lambda *args, **options: FUNCTIONS[name](
                self.graph, *args, **options
            )
        return lambda *args: apply(OPERATORS.get(name, name), *args)

    def at(self, x: Node, items: tuple[Any, ...]) -> Node:
        """Return `x[items]`."""
        return index(self.graph, x, items)

    def safe(self, _taken: Node, x: Node) -> Node:
        """Return x: what is not taken needs no second guard."""
        return x


class Theirs:
    """Give the functions of NumPy or JAX by name."""

    def __init__(self, *places: Any) -> None:
        self.places = places

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return next(getattr(p, name) for p in self.places if hasattr(p, name))

    def at(self, x: Any, items: tuple[Any, ...]) -> Any:
        """Return `x[items]`."""
        return x[items]

    def safe(self, taken: Any, x: Any) -> Any:
        """Return x where it is taken, elsewhere 1: the usual second guard."""
        return self.where(taken, x, 1.0)


# -- steps -------------------------------------------------------------------------


class Step(NamedTuple):
    """Apply a row of the table to earlier values; `static`: its other arguments."""

    row: str
    values: tuple[int, ...]
    static: tuple[Any, ...]


class Program(NamedTuple):
    """Hold what was drawn.

    shapes: of the parameters; indices: the shape of each input of indices and the
    extent that they point into; outputs: places of values; named: those with a name.
    """

    shapes: tuple[Shape, ...]
    indices: tuple[tuple[Shape, Any], ...]
    steps: tuple[Step, ...]
    outputs: tuple[int, ...]
    named: tuple[int, ...]
    sizes: Mapping[str, int]

    def __repr__(self) -> str:
        """Return what reproduces a failure."""
        lines = [f"x{i}: {shape}" for i, shape in enumerate(map(_shown, self.shapes))]
        lines += [f"w{i}: {_shown(s)} < {e}" for i, (s, e) in enumerate(self.indices)]
        count = len(self.shapes)
        for i, (row, values, static) in enumerate(self.steps, count):
            args = ", ".join(f"v{j}" for j in values)
            lines.append(f"v{i} = {row}({args}; {_shown(static)})")
        return "\n".join([*lines, f"outputs {self.outputs}", f"sizes {self.sizes}"])


def _shown(value: Any) -> str:
    if isinstance(value, tuple):
        return f"({', '.join(map(_shown, value))})"
    return str(value)


def run(
    program: Program, f: Any, params: Sequence[Any], indices: Sequence[Any],
    sizes: Mapping[str, int] | None = None,
) -> list[Any]:  # fmt: skip
    """Return all values of a program; `sizes`: of dimensions, None to keep names."""
    values = list(params)
    for row, places, static in program.steps:
        values.append(
            _step(f, row, [values[i] for i in places], static, indices, sizes)
        )
    return values


def _step(
    f: Any, row: str, args: Sequence[Any], static: tuple[Any, ...],
    indices: Sequence[Any], sizes: Mapping[str, int] | None,
) -> Any:  # fmt: skip
    if sizes is not None:
        static = sized(static, sizes)  # type: ignore[assignment]
    draft = ROWS[row]
    if draft.indexed:
        static = (*static[:-1], tuple(indices[i] for i in static[-1]))
    return draft.run(f, *args, *static)


class Draft:
    """Draw steps one by one, each of a shape that fits what is there."""

    def __init__(self, rng: random.Random, sizes: Mapping[str, int]) -> None:
        self.rng = rng
        self.sizes = sizes
        self.graph = Graph(rewrite=rewrite_for("standard"))
        self.f = Ours(self.graph)
        self.values: list[Node] = []
        self.steps: list[Step] = []
        self.indices: list[tuple[Shape, Any]] = []
        self.index_nodes: list[Node] = []

    def parameter(self) -> None:
        """Add a parameter of up to three axes."""
        rank = self.rng.choice((0, 1, 1, 2, 2, 2, 3))
        shape = tuple(self.rng.choice((*DIMS, *DIMS, 1, 2)) for _ in range(rank))
        kind = Type("float64").of(shape)
        self.values.append(self.graph.input(f"x{len(self.values)}", "param", kind))

    def step(self, rows: Sequence[str]) -> None:
        """Add a step, if what is drawn fits."""
        row = self.rng.choice(rows)
        drawn = ROWS[row].draw(self)
        if drawn is None:
            return
        values, static = drawn
        args = [self.values[i] for i in values]
        try:
            node = _step(self.f, row, args, static, self.index_nodes, None)
        except OverbarError:
            return
        if node.type.is_float and self.small(node):
            self.values.append(node)
            self.steps.append(Step(row, values, static))

    def small(self, node: Node) -> bool:
        """Whether no size is negative, and there are not too many elements."""
        nodes = [n for n in self.graph.order([node]) if n.type.shape]
        shapes = [self.size(n.type.shape) for n in nodes]
        return all(min(s) >= 0 and math.prod(s) <= LARGEST for s in shapes)

    def size(self, value: Any) -> Any:
        """Return a shape or an extent as numbers."""
        return sized(value, self.sizes)

    def pick(self, fits: Callable[[Shape], bool] = lambda _: True) -> int | None:
        """Return the place of a value whose shape fits, late ones often."""
        places = [i for i, v in enumerate(self.values) if fits(v.type.shape)]
        if not places:
            return None
        return self.rng.choice(places[-3:] if self.rng.random() < 0.6 else places)

    def shape(self, i: int) -> Shape:
        """Return a value's shape."""
        return self.values[i].type.shape

    def index(self, shape: Shape, extent: Any) -> int | None:
        """Add an input of indices; None where there is nothing to point to."""
        if not self.size(extent) and math.prod(self.size(shape)):
            return None
        name = f"w{len(self.indices)}"
        self.index_nodes.append(self.graph.input(name, "data", INT.of(shape)))
        self.indices.append((shape, extent))
        return len(self.indices) - 1

    def one(self, rank: int = 0) -> tuple[int, int] | None:
        """Return a value of at least this rank and one of its axes."""
        i = self.pick(lambda s: len(s) >= max(rank, 1))
        return None if i is None else (i, self.rng.randrange(len(self.shape(i))))


Drawn = "tuple[tuple[int, ...], tuple[Any, ...]] | None"


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
    return None if None in found else ((i,), (tuple(places), tuple(found)))


def _run_looked_up(f: Any, x: Any, places: Sequence[int], found: Sequence[Any]) -> Any:
    items: list[Any] = [slice(None)] * len(
        x.shape if hasattr(x, "shape") else x.type.shape
    )
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


ROWS: dict[str, Row] = {
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
OFTEN = (*ROWS, *["elementwise", "binary"] * 5, *["reduction", "choice", "einsum"] * 2)


def draw(rng: random.Random, steps: int = 8) -> Program:
    """Draw a program of up to so many steps, values shared, with a few outputs."""
    p = Draft(rng, rng.choice(SIZES))
    for _ in range(rng.randint(1, 3)):
        p.parameter()
    shapes = tuple(v.type.shape for v in p.values)
    for _ in range(rng.randint(1, steps)):
        p.step(OFTEN)
    last = len(p.values) - 1
    outputs = (last, *(rng.randint(0, last) for _ in range(rng.choice((0, 0, 1, 2)))))
    named = tuple(i for i in range(len(shapes), last + 1) if rng.random() < 0.25)
    return Program(
        shapes, tuple(p.indices), tuple(p.steps), tuple(dict.fromkeys(outputs)), named,
        p.sizes,
    )  # fmt: skip


def values_of(program: Program, seed: int) -> tuple[list[Any], list[Any], list[Any]]:
    """Return parameters, tangents for them, and indices."""
    rng = np.random.default_rng(seed)
    sizes = [sized(s, program.sizes) for s in program.shapes]
    params, dots = ([rng.standard_normal(s)[()] for s in sizes] for _ in range(2))
    indices = []
    for shape, extent in program.indices:
        most = sized(extent, program.sizes)
        drawn = rng.integers(-most, max(most, 1), sized(shape, program.sizes))
        indices.append(drawn[()])
    return params, dots, indices


def loss(f: Any, outputs: Sequence[Any]) -> Any:
    """Return one number that depends on every element of the outputs."""
    first, *rest = (f.sum(f.sin(out)) for out in outputs)
    return sum(rest, start=first)


def graph_of(program: Program, *, scalar: bool = True) -> tuple[Graph, list[Node]]:
    """Return a program's graph and parameters; `scalar`: of its loss."""
    graph = Graph(rewrite=rewrite_for("standard"))
    f = Ours(graph)
    params = [
        graph.input(f"x{i}", "param", Type("float64").of(shape))
        for i, shape in enumerate(program.shapes)
    ]
    indices = [
        graph.input(f"w{i}", "data", INT.of(shape))
        for i, (shape, _) in enumerate(program.indices)
    ]
    for name in "mnk":  # so that each has a size, whatever the parameters' shapes are
        graph.input(f"size_{name}", "data", Type("float64").of((dim(name),)))
    values = run(program, f, params, indices)
    for i in program.named:
        graph.assign(f"v{i}", values[i])
    outputs = {f"y{i}": values[i] for i in program.outputs}
    graph.outputs = {"J": loss(f, list(outputs.values()))} if scalar else outputs
    for name, node in graph.outputs.items():
        graph.assign(name, node)
    return graph, params


def arguments(
    program: Program, params: Sequence[Any], indices: Sequence[Any]
) -> list[Any]:
    """Return what a generated function is called with."""
    return [*params, *indices, *(np.zeros(program.sizes[c]) for c in "mnk")]


__all__ = [
    "OPS",
    "Program",
    "arguments",
    "draw",
    "graph_of",
    "loss",
    "run",
    "values_of",
]
