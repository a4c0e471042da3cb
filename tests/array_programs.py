"""Draw random small programs on arrays, to run them in Overbar, NumPy and JAX.

A program is a list of steps over inputs with named dimensions; it is drawn while its
graph is built, so that shapes fit, and replayed over any namespace of functions `f`
(`f.sum(x, axis)`, `f.tanh(x)`), with sizes for the named dimensions.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from array_namespaces import Language, Ours, Python, Text
from array_steps import BASE_OFTEN, DIMS
from array_wide_steps import ROWS

import overbar as ob
from overbar.ir.errors import OverbarError
from overbar.ir.graph import Graph
from overbar.ir.types import DTYPES, INT, Type, dim, sized
from overbar.levels import rewrite_for
from overbar.read.overloading import size

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Mapping, Sequence

    from overbar.ir.graph import Node
    from overbar.ir.types import Shape

SIZES = tuple(
    dict(zip("mnk", sizes, strict=True))
    for sizes in ((2, 3, 2), (3, 1, 2), (1, 2, 3), (0, 2, 3), (2, 0, 1), (1, 1, 1))
)
LARGEST = 400
"""Elements that no array has more of."""


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
        """Return what reproduces a failure: the formula of the loss, and the sizes."""
        return f"{text_of(self)}\n# {dict(self.sizes)}"


def _unnamed(_name: str, value: Any) -> Any:
    return value


def run(
    program: Program, f: Any, params: Sequence[Any], indices: Sequence[Any],
    sizes: Mapping[str, int] | None = None,
    keep: Callable[[str, Any], Any] = _unnamed,
) -> list[Any]:  # fmt: skip
    """Return all values of a program.

    sizes: of dimensions, None to keep names; keep: gives a step's value its name.
    """
    values = list(params)
    for row, places, static in program.steps:
        made = _step(f, row, [values[i] for i in places], static, indices, sizes)
        values.append(keep(f"v{len(values)}", made))
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


def draw(
    rng: random.Random, steps: int = 8, often: Sequence[str] = BASE_OFTEN
) -> Program:
    """Draw a program of up to so many steps, values shared, with a few outputs."""
    p = Draft(rng, rng.choice(SIZES))
    for _ in range(rng.randint(1, 3)):
        p.parameter()
    shapes = tuple(v.type.shape for v in p.values)
    for _ in range(rng.randint(1, steps)):
        p.step(often)
    last = len(p.values) - 1
    outputs = (last, *(rng.randint(0, last) for _ in range(rng.choice((0, 0, 1, 2)))))
    named = tuple(i for i in range(len(shapes), last + 1) if rng.random() < 0.25)
    return Program(
        shapes, tuple(p.indices), tuple(p.steps), tuple(dict.fromkeys(outputs)), named,
        p.sizes,
    )  # fmt: skip


def values_of(
    program: Program, seed: int, dtype: str = "float64"
) -> tuple[list[Any], list[Any], list[Any]]:
    """Return parameters, tangents for them, and indices: negative ones, and twice."""
    rng = np.random.default_rng(seed)
    sizes = [sized(s, program.sizes) for s in program.shapes]
    params, dots = (
        [np.asarray(rng.standard_normal(s), dtype)[()] for s in sizes] for _ in range(2)
    )
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


def graph_of(
    program: Program, *, scalar: bool = True, dtype: str = "float64"
) -> tuple[Graph, list[Node]]:
    """Return a program's graph and parameters; `scalar`: of its loss."""
    graph = Graph(rewrite=rewrite_for("standard"))
    f = Ours(graph)
    params = [
        graph.input(f"x{i}", "param", DTYPES[dtype].of(shape))
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


# -- as users write them -----------------------------------------------------------


def text_of(program: Program) -> str:
    """Return a program's loss in the expression language."""
    lines = [f"x{i}: param{_brackets(s)}" for i, s in enumerate(program.shapes)]
    lines += [f"w{i}: index{_brackets(s)}" for i, (s, _) in enumerate(program.indices)]
    lines += [f"size_{name}: data[{name}]" for name in "mnk"]

    def keep(name: str, value: Any) -> Text:
        lines.append(f"{name} = {value}")
        return Text(name)

    f = Language()
    params = [Text(f"x{i}") for i in range(len(program.shapes))]
    indices = [Text(f"w{i}") for i in range(len(program.indices))]
    values = run(program, f, params, indices, keep=keep)
    return "\n".join([*lines, str(loss(f, [values[i] for i in program.outputs]))])


def _brackets(shape: Shape) -> str:
    return f"[{', '.join(map(str, shape))}]" if shape else ""


def inputs_of(program: Program) -> list[Any]:
    """Return a program's inputs as Python formulas have them."""
    params = [ob.param(f"x{i}", _sizes(s)) for i, s in enumerate(program.shapes)]
    indices = [
        ob.data(f"w{i}", _sizes(shape), dtype="int64")
        for i, (shape, _) in enumerate(program.indices)
    ]
    return [*params, *indices, *(ob.data(f"size_{c}", (c,)) for c in "mnk")]


def _sizes(shape: Shape) -> tuple[Any, ...]:
    return tuple(size(extent) for extent in shape)


def formula_of(program: Program, inputs: Sequence[Any], *, named: bool = False) -> Any:
    """Return a program's loss as a formula of its inputs, by NumPy's functions.

    named: whether each step's value has a name, as in a text.
    """
    f, count = Python(), len(program.shapes)
    keep = ob.let if named else _unnamed
    values = run(program, f, inputs[:count], inputs[count:], keep=keep)
    return loss(f, [values[i] for i in program.outputs])


def function_of(program: Program, *, named: bool = False) -> Callable[..., Any]:
    """Return a Python function of NumPy code that computes a program's loss."""
    return lambda **given: formula_of(program, list(given.values()), named=named)
