"""Test random formulas in index form against loops in Python, element by element.

Each formula is drawn together with a function that computes one element of it from
plain lists; nothing of Overbar is in that function.
"""

from __future__ import annotations

import math
import random
from itertools import product
from operator import itemgetter
from statistics import fmean
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np
import pytest

from overbar.ir.evaluate import evaluate
from overbar.ir.graph import Graph
from overbar.ir.source import Source
from overbar.ir.verify import verify
from overbar.levels import rewrite_for
from overbar.read.text import read_text

if TYPE_CHECKING:
    from collections.abc import Callable

SIZES = {"m": 3, "n": 4}
INPUTS = "W: param[m, n]\nx: data[n]\nu: data[m]\nA: data[n, n]\nw: index[n]\ns: data\n"
_RNG = np.random.default_rng(0)
VALUES: dict[str, Any] = {
    "W": _RNG.uniform(0.5, 1.5, (3, 4)),
    "x": _RNG.uniform(0.5, 1.5, 4),
    "u": _RNG.uniform(0.5, 1.5, 3),
    "A": _RNG.uniform(0.5, 1.5, (4, 4)),
    "w": _RNG.integers(0, 3, 4),
    "s": 1.3,
}
Places: TypeAlias = "dict[str, int]"
Value: TypeAlias = "Callable[[Places], Any]"
ARRAYS = {"W": ("m", "n"), "A": ("n", "n"), "x": ("n",), "u": ("m",)}


class Drawn(NamedTuple):
    """Hold a formula and what it is where the indices have values."""

    text: str
    value: Value


REDUCTIONS: dict[str, Callable[[list[float]], float]] = {
    "sum": sum,
    "prod": math.prod,
    "max": max,
    "min": min,
    "mean": fmean,
    "logsumexp": lambda v: math.log(sum(map(math.exp, v))),
}


def mirrored(name: str, size: str) -> Drawn:
    """Return an index that counts from the end."""
    return Drawn(f"{size} - 1 - {name}", lambda at: SIZES[size] - 1 - at[name])


class Draw:
    """Draw formulas with indices that run through dimensions."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)  # noqa: S311 - formulas, no secrets
        self.loops = 0

    def place(self, size: str, scope: dict[str, str]) -> Drawn:
        """Return an index into an axis of a dimension."""
        last = SIZES[size] - 1
        found = [
            Drawn("0", lambda _: 0),
            Drawn("1", lambda _: 1),
            Drawn("-1", lambda _: last),
        ]
        for name in (name for name, own in scope.items() if own == size):
            found += 3 * [Drawn(name, itemgetter(name))]
            found += [mirrored(name, size)]
        if size == "m":
            text, value = self.place("n", scope)
            found += [Drawn(f"w[{text}]", lambda at: VALUES["w"][value(at)])]
        return self.rng.choice(found)

    def leaf(self, scope: dict[str, str]) -> Drawn:
        """Return an element of an array, an index or a number."""
        kind = self.rng.random()
        if kind < 0.1 and scope:
            name = self.rng.choice(list(scope))
            return Drawn(name, lambda at: at[name])
        if kind < 0.2:
            return self.rng.choice(
                [Drawn("s", lambda _: VALUES["s"]), Drawn("n", lambda _: 4)]
            )
        array, sizes = self.rng.choice(list(ARRAYS.items()))
        places = [self.place(size, scope) for size in sizes]
        text = ", ".join(p.text for p in places)
        return Drawn(
            f"{array}[{text}]",
            lambda at: VALUES[array][tuple(p.value(at) for p in places)],
        )

    def formula(self, depth: int, scope: dict[str, str]) -> Drawn:
        """Return a formula of so many operations in each other."""
        kind = self.rng.random()
        if depth == 0 or kind < 0.1:
            return self.leaf(scope)
        if kind < 0.4:
            return self.reduction(depth, scope)
        (a, x), (b, y) = (self.formula(depth - 1, scope) for _ in range(2))
        return self.rng.choice([
            Drawn(f"({a} + {b})", lambda at: x(at) + y(at)),
            Drawn(f"({a} - {b})", lambda at: x(at) - y(at)),
            Drawn(f"({a} * {b})", lambda at: x(at) * y(at)),
            Drawn(f"({a} / (2 + {b}**2))", lambda at: x(at) / (2 + y(at) ** 2)),
            Drawn(f"tanh({a})", lambda at: math.tanh(x(at))),
            Drawn(f"max({a}, {b})", lambda at: max(x(at), y(at))),
            Drawn(
                f"({a} if {b} > 1 else -{b})",
                lambda at: x(at) if y(at) > 1 else -y(at),
            ),
        ])  # fmt: skip

    def reduction(self, depth: int, scope: dict[str, str]) -> Drawn:
        """Return a sum or the like over an index of its own."""
        self.loops += 1
        name, size = f"j{self.loops}", self.rng.choice(["m", "n"])
        start = self.rng.choice([0, 0, 1])
        body, value = self.formula(depth - 1, {**scope, name: size})
        other = self.rng.choice([*scope, ""])
        test = f" if {name} != {other}" if other else ""
        function = self.rng.choice(list(REDUCTIONS))
        reduced = REDUCTIONS[function]

        def whole(at: Places) -> float:
            steps = range(start, SIZES[size])
            kept = [k for k in steps if not other or k != at[other]]
            return reduced([value({**at, name: k}) for k in kept])

        ends = f"{start}:{size}" if start else size
        return Drawn(f"{function}({body} for {name} in {ends}{test})", whole)


FREE: list[dict[str, str]] = [
    {"i": "m"}, {"i": "n"}, {"i": "m", "k": "n"}, {"k": "n", "i": "m"},
    {"i": "n", "k": "n"},
]  # fmt: skip


@pytest.mark.parametrize("seed", range(300))
def test_random_formulas(seed: int) -> None:
    """Every element of an indexed assignment is what its formula says."""
    draw = Draw(seed)
    scope = draw.rng.choice(FREE)
    text, value = draw.formula(draw.rng.choice([2, 3, 4]), scope)
    ranges = " ".join(f"for {name} in {size}" for name, size in scope.items())
    text = f"{INPUTS}r[{', '.join(scope)}] = {text} {ranges}\nr"
    expected = [
        value(dict(zip(scope, at, strict=True)))
        for at in product(*(range(SIZES[size]) for size in scope.values()))
    ]
    graph = Graph(rewrite=rewrite_for("standard"))
    read_text(Source("test.expr", text), graph)
    verify(graph)
    (out,) = graph.outputs.values()
    actual = evaluate(graph, VALUES)[out]
    shape = tuple(SIZES[size] for size in scope.values())
    assert shape == np.shape(actual)
    expected_array = np.array(expected, float).reshape(shape)
    np.testing.assert_allclose(actual, expected_array, rtol=1e-10, err_msg=text)
