"""Measure errors against exact values, and find which operands they come from.

Comes in: the values of nodes in floating point and in high precision. Goes out: the
relative error at a place of a node, and the places of operands that bring it about.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from overbar.explain import element
from overbar.ir.errors import InputError
from overbar.ir.evaluate import evaluate
from overbar.ir.graph import Graph
from overbar.ir.types import FLOATS, dim
from overbar.verdict import UNIT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from overbar.explain import Place
    from overbar.ir.evaluate import Values
    from overbar.ir.graph import Node

NOTED = 10.0
"""An error is noted from so many units of rounding on."""

_SHARE = 0.1
_MOST_SOURCES = 16
"""Elements of an operand that one element of a result is traced to, at most."""


class Errors:
    """Know the relative errors of nodes' elements, at most 1."""

    def __init__(self, values: Values, exact: Values) -> None:
        self.values = values
        self.exact = exact
        self._known: dict[Node, Any] = {}
        self._gaps: dict[Node, Any] = {}

    def of(self, node: Node) -> Any:
        """Return the errors of all elements, in the node's shape."""
        found = self._known.get(node)
        if found is None:
            found = np.asarray(0.0)
            if node.type.dtype in FLOATS:
                found = _each(relative_error, self.values[node], self.exact[node])
            self._known[node] = found
        return found

    def at(self, node: Node, place: Place) -> float:
        """Return the error at a place."""
        return float(element(self.of(node), place))

    def gaps(self, node: Node) -> Any:
        """Return the absolute errors of all elements."""
        found = self._gaps.get(node)
        if found is None:
            found = self._gaps[node] = _each(_gap, self.values[node], self.exact[node])
        return found

    def largest(self, node: Node, places: Iterable[Place], count: int) -> list[Place]:
        """Return the places with the largest errors, the largest first."""
        return sorted(places, key=lambda p: (-self.at(node, p), p))[:count]

    def off(self, node: Node) -> list[Place]:
        """Return where a result is wrong, over- and underflows that are due aside."""
        if node.type.dtype not in FLOATS:
            return []
        places = np.argwhere(self.of(node) > NOTED * UNIT[node.type.dtype])
        return [p for p in map(_place, places) if not self._is_due(node, p)]

    def _is_due(self, node: Node, place: Place) -> bool:
        dtype = np.dtype(node.type.dtype)
        value = float(element(self.values[node], place))
        with np.errstate(over="ignore"):
            due = float(dtype.type(float(element(self.exact[node], place))))
        least = float(np.finfo(dtype).smallest_subnormal)
        return value == due or abs(value - due) <= least


def _each(function: Callable[[Any, Any], float], value: Any, exact: Any) -> Any:
    """Return a function of each element and its exact value, as floats."""
    with np.errstate(all="ignore"):
        return np.asarray(np.frompyfunc(function, 2, 1)(value, exact), dtype=float)


def _place(row: Any) -> Place:
    return tuple(map(int, row))


def relative_error(value: Any, exact: Any) -> float:
    """Return the relative error, at most 1; 0 where there is no number to be right."""
    if exact != exact or abs(exact) == math.inf:
        return 0.0
    if not np.isfinite(value) or not exact:
        return float(value != exact)
    gap = abs(exact - type(exact)(float(value)))
    return min(1.0, float(gap / abs(exact)))


def _gap(value: Any, exact: Any) -> float:
    found = float(type(exact)(float(value)) - exact)
    return found if math.isfinite(found) else 0.0


class Sources:
    """Find the operands' elements whose errors bring about a good part of another's."""

    def __init__(self, errors: Errors, sizes: Mapping[str, int]) -> None:
        self.errors = errors
        self.sizes = sizes

    def of(self, node: Node, place: Place) -> list[tuple[Node, Place]]:
        """Return operands, and the places in them, that an error comes from."""
        if not node.args:
            return []
        if node.op.shaping is not None:
            return self._through(node, place)
        return self._beside(node, place)

    # -- element by element: the op itself tells -------------------------------------

    def _beside(self, node: Node, place: Place) -> list[tuple[Node, Place]]:
        """Try what each operand's own error alone brings about."""
        errors = self.errors
        total = errors.at(node, place)
        exact = element(errors.exact[node], place)
        right = {a: element(errors.exact[a], place) for a in node.args}
        found = []
        for arg in dict.fromkeys(node.args):
            at = place if arg.type.shape else ()
            if errors.at(arg, at) == 0.0:
                continue
            rounded = type(right[arg])(float(element(errors.values[arg], at)))
            mixed = [rounded if a is arg else right[a] for a in node.args]
            moved = applied(node, mixed, exact)
            if moved is None or relative_error(float(moved), exact) >= _SHARE * total:
                found.append((arg, at))
        return found

    # -- whole arrays: the op's derivative tells --------------------------------------

    def _through(self, node: Node, place: Place) -> list[tuple[Node, Place]]:
        """Weigh the operands' errors with the derivatives of one element."""
        total = abs(element(self.errors.gaps(node), place))
        found: list[tuple[Node, Place]] = []
        for arg, slopes in self._slopes(node, place).items():
            with np.errstate(all="ignore"):
                share = np.abs(slopes * self.errors.gaps(arg)) >= _SHARE * total
            places = map(_place, np.argwhere(share & (self.errors.of(arg) > 0)))
            largest = self.errors.largest(arg, places, _MOST_SOURCES)
            found += [(arg, p) for p in largest]
        return found

    def _slopes(self, node: Node, place: Place) -> dict[Node, Any]:
        """Return the derivatives of one element in all of the operands' own."""
        seed = np.zeros(np.shape(self.errors.values[node]))
        seed[place] = 1.0
        try:
            return slopes(node, seed[()], self.errors.values, self.sizes)
        except InputError:  # a matrix that is singular, in floating point
            return {}


def slopes(
    node: Node, seed: Any, values: Mapping[Node, Any], sizes: Mapping[str, int]
) -> dict[Node, Any]:
    """Return what an op on arrays sends back for a seed: by operand, in its shape."""
    found: dict[Node, Any] = {}
    for i, part in sent_back(node, seed, values, sizes).items():
        arg = node.args[i]
        found[arg] = found[arg] + part if arg in found else part
    return found


def sent_back(
    node: Node, seed: Any, values: Mapping[Node, Any], sizes: Mapping[str, int]
) -> dict[int, Any]:
    """Return what an op on arrays sends back for a seed: by the operand's number.

    The op's rule is run alone, in a graph of its own.
    """
    graph = Graph(kinks=node.graph.kinks, real=node.graph.real)
    args = [graph.input(f"x{i}", kind=a.type) for i, a in enumerate(node.args)]
    out = graph.restore(node.op, args, node.attrs, node.type)
    g = graph.input("g", kind=node.type)
    back = [node.op.transpose(i, g, out) for i in range(len(args))]
    known = {graph.extent(dim(name)): size for name, size in sizes.items()}
    known[out] = values[node]
    given = {f"x{i}": values[a] for i, a in enumerate(node.args)} | {"g": seed}
    results = evaluate(graph, given, [b for b in back if b is not None], known)
    return {i: results[b] for i, b in enumerate(back) if b is not None}


def applied(node: Node, args: Sequence[Any], like: Any) -> Any:
    """Return an op on elements applied to exact numbers; None where it fails."""
    try:
        return node.op.mp(like.context, *node.attrs, *args) if node.op.mp else None
    except (ValueError, ZeroDivisionError, ArithmeticError, TypeError):
        return None
