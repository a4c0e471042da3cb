"""Write random programs on arrays by elements: `y[i] = sum(W[i, j]*x[j] for j in n)`.

A row says how the element of a step at some indices reads; a step without a row is
written as a whole, as `array_programs.text_of` writes it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import array_programs as programs
from array_namespaces import Language, Text
from array_steps import BINARY, CHOICES, ELEMENTWISE
from array_wide_steps import BINARY as WIDE_BINARY
from array_wide_steps import UNARY

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from overbar.ir.types import Shape

LETTERS = "ijlopqrstu"
F = Language()


class Operand:
    """Hold a value's name and shape, to write its elements."""

    def __init__(self, name: str, shape: Shape) -> None:
        self.name = name
        self.shape = shape

    def at(self, places: Sequence[Any]) -> Text:
        """Return the element at some places, one an axis."""
        return Text(
            f"{self.name}[{', '.join(map(str, places))}]" if places else self.name
        )

    def along(self, indices: Sequence[str], shape: Shape) -> Text:
        """Return the element that broadcasting puts at indices of a larger shape."""
        first = len(shape) - len(self.shape)
        if first < 0:  # an operand that the step does without
            return Text(self.name)
        own = zip(self.shape, shape[first:], indices[first:], strict=True)
        return self.at([i if mine == full else 0 for mine, full, i in own])


def _run(extent: Any, letter: str) -> str:
    plain = isinstance(extent, int) or extent.name is not None
    return f"for {letter} in {extent if plain else f'0:{extent}'}"


def _elements(f: Callable[..., Any]) -> Callable[..., Any]:
    """Return the row of an elementwise function of the table `f` finds it in."""

    def write(
        indices: Sequence[str], shape: Shape, xs: Sequence[Operand], name: str
    ) -> Any:
        function = f(name)
        if function is None:
            return None
        return function(F, *(x.along(indices, shape) for x in xs))

    return write


LOCAL = {"where", "zero", "root", "log"}
"""Choices that look at one element alone."""
REDUCED = {"sum", "prod", "max", "min", "mean", "logsumexp"}


def _reduction(
    indices: Sequence[str], _shape: Shape, xs: Sequence[Operand], name: str, axis: Any,
    keep: bool,
) -> Any:  # fmt: skip
    (x,) = xs
    if name not in REDUCED or keep:
        return None
    rank = len(x.shape)
    axes = range(rank) if axis is None else (axis,) if isinstance(axis, int) else axis
    gone = {a % rank for a in axes}
    rest, more = iter(indices), iter(LETTERS[len(indices) :])
    places = [next(more) if a in gone else next(rest) for a in range(rank)]
    loops = [_run(x.shape[a], places[a]) for a in sorted(gone)]
    return f"{name}({x.at(places)} {' '.join(loops)})"


def _contraction(
    indices: Sequence[str], _shape: Shape, xs: Sequence[Operand], formula: str
) -> Any:
    parts, kept = formula.split("->")
    names = dict(zip(kept, indices, strict=True))
    loops = []
    fresh = iter(LETTERS[len(indices) :])
    for part, x in zip(parts.split(","), xs, strict=True):
        for letter, extent in zip(part, x.shape, strict=True):
            if letter not in names:
                names[letter] = next(fresh)
                loops.append(_run(extent, names[letter]))
    factors = [
        str(x.at([names[c] for c in part]))
        for part, x in zip(parts.split(","), xs, strict=True)
    ]
    product = "*".join(factors)
    return f"sum({product} {' '.join(loops)})" if loops else product


def _matmul(
    indices: Sequence[str], shape: Shape, xs: Sequence[Operand], _name: str
) -> Any:
    ranks = tuple(len(x.shape) for x in xs)
    forms = {(1, 1): "i,i->", (2, 1): "ij,j->i", (1, 2): "i,ij->j", (2, 2): "ij,jk->ik"}
    form = forms.get(ranks)
    return None if form is None else _contraction(indices, shape, xs, form)


def _transpose(
    indices: Sequence[str], _shape: Shape, xs: Sequence[Operand], order: Sequence[int]
) -> Any:
    return xs[0].at([indices[order.index(a)] for a in range(len(order))])


def _take(
    indices: Sequence[str], _shape: Shape, xs: Sequence[Operand], axis: int,
    w: Sequence[Operand],
) -> Any:  # fmt: skip
    count = len(w[0].shape)
    place = w[0].at(indices[axis : axis + count])
    return xs[0].at([*indices[:axis], place, *indices[axis + count :]])


def _window(
    indices: Sequence[str], _shape: Shape, xs: Sequence[Operand], items: Sequence[Any]
) -> Any:
    """Write slices that go forward; others start at the end of what is left."""
    rest, places = iter(indices), []
    extents = iter(xs[0].shape)
    for item in items:
        if item == "new":
            next(rest)
            continue
        extent = next(extents)
        if isinstance(item, int):
            places.append(item if item >= 0 else f"{extent} - {-item}")
            continue
        start, _, step = item
        first = start or 0
        if (step or 1) < 0:
            first = f"{extent} - {-start if start else 1}"
        places.append(f"{first} + {step or 1}*{next(rest)}")
    return xs[0].at(places)


def _outer(
    indices: Sequence[str], _shape: Shape, xs: Sequence[Operand], _name: str
) -> Any:
    return f"{xs[0].at(indices[:1])}*{xs[1].at(indices[1:])}"


def _square(
    indices: Sequence[str], _shape: Shape, xs: Sequence[Operand], name: str
) -> Any:
    (x,) = xs
    if name == "trace":
        return f"sum({x.at('ii')} {_run(x.shape[0], 'i')})"
    if name == "diagonal":
        return x.at([indices[0]] * 2)
    sign = ">=" if name == "tril" else "<="
    return f"where({indices[0]} {sign} {indices[1]}, {x.at(indices)}, 0.0)"


def _mask(
    indices: Sequence[str], shape: Shape, xs: Sequence[Operand], w: Sequence[Operand]
) -> Any:
    x, y, which = (v.along(indices, shape) for v in (*xs, *w))
    return f"where({which} > 0, {x}*2.0, {y})"


ROWS: dict[str, Callable[..., Any]] = {
    "elementwise": _elements(ELEMENTWISE.get),
    "binary": _elements(BINARY.get),
    "function": _elements(UNARY.get),
    "pair": _elements(
        lambda name: None if name in {"centred", "scaled"} else WIDE_BINARY[name]
    ),
    "choice": _elements(lambda name: CHOICES[name] if name in LOCAL else None),
    "reduction": _reduction,
    "einsum": _contraction,
    "matmul": _matmul,
    "outer": _outer,
    "transpose": _transpose,
    "take": _take,
    "window": _window,
    "square": _square,
    "mask": _mask,
}


def text_of(program: programs.Program) -> tuple[str, set[str]]:
    """Return a program's loss by elements, and the rows that are so written."""
    graph, _ = programs.graph_of(program)
    params = [graph.inputs[f"x{i}"] for i in range(len(program.shapes))]
    given = [graph.inputs[f"w{i}"] for i in range(len(program.indices))]
    nodes = programs.run(program, programs.Ours(graph), params, given)
    lines = programs.text_of(program).split("\n")
    first = len(lines) - 1 - len(program.steps)
    count = len(params)
    written = set()
    for k, (row, places, rest) in enumerate(program.steps):
        shape = nodes[count + k].type.shape
        values = [
            Operand(f"x{i}" if i < count else f"v{i}", nodes[i].type.shape)
            for i in places
        ]
        static = rest
        if programs.ROWS[row].indexed:
            which = (Operand(f"w{i}", program.indices[i][0]) for i in rest[-1])
            static = (*rest[:-1], tuple(which))
        indices = LETTERS[: len(shape)]
        write = ROWS.get(row)
        element = write and write(indices, shape, values, *static)
        if element is not None:
            left = Operand(f"v{count + k}", shape).at(indices)
            loops = " ".join(map(_run, shape, indices))
            lines[first + k] = f"{left} = {element} {loops}".rstrip()
            written.add(row)
    return "\n".join(lines), written
