"""Read the points at which a formula is evaluated: `--at x=1,y=pi/2`, or at random."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from overbar.ir.errors import InputError
from overbar.ir.evaluate import evaluate
from overbar.ir.graph import Graph
from overbar.ir.source import Source, printable
from overbar.read.text import read_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from overbar.function import CompiledFunction

    Draw = Callable[[np.random.Generator, int], NDArray[np.float64]]

_OPENING, _CLOSING = "([{", ")]}"


def read_at(texts: Sequence[str]) -> dict[str, float]:
    """Return the numbers that `--at` gives, by name.

    A number is written as in a formula, so that pi/2 and sqrt(2) are numbers too; it
    is read by the reader of formulas and never executed. Raises InputError for what is
    not NAME=NUMBER and for a name given twice, and the reader's errors.

    >>> read_at(["x=1,y=max(1, 2)", "z=pi/2"])
    {'x': 1.0, 'y': 2.0, 'z': 1.5707963267948966}
    """
    found: dict[str, float] = {}
    for part in (part for text in texts for part in _split(text)):
        name, sign, value = (piece.strip() for piece in part.partition("="))
        if not (name and sign and value):
            message = f"expected NAME=NUMBER in --at, such as x=1; found {part!r}"
            raise InputError(message)
        if name in found:
            message = f"expected one value for {name!r} in --at, found two"
            raise InputError(message)
        found[name] = read_number(value, f"--at {printable(name)}")
    return found


def _split(text: str) -> Iterator[str]:
    """Cut a text at the commas that are in no parentheses."""
    depth, start = 0, 0
    for i, c in enumerate(text):
        depth += (c in _OPENING) - (c in _CLOSING)
        if c == "," and depth <= 0:
            yield text[start:i]
            start = i + 1
    yield text[start:]


def read_number(text: str, name: str) -> float:
    """Return the value of a constant expression.

    >>> read_number("-2**0.5", "x")
    -1.4142135623730951
    """
    try:
        return float(text)  # also 1e400, nan and -inf
    except ValueError:
        pass
    graph = Graph()
    read_text(Source(name, text), graph)
    if graph.inputs or graph.statements or len(graph.outputs) != 1:
        message = f"expected a number for {name}, such as 2.5 or pi/2; found {text!r}"
        raise InputError(message)
    (node,) = graph.outputs.values()
    return float(evaluate(graph, {}, [node])[node])


# -- points at random ------------------------------------------------------------

_DRAWS: tuple[Draw, ...] = (
    lambda random, n: random.normal(size=n),
    lambda random, n: random.uniform(size=n),
    lambda random, n: random.lognormal(size=n),
)
"""A formula may be defined for positive numbers alone, or only below 1."""

TRIES = 200
"""Points drawn for each one wanted, at most."""

_LARGEST = 10**7
"""Values computed at a time, of all nodes at all points."""


def random_points(
    f: CompiledFunction, count: int, seed: int, fixed: Mapping[str, float]
) -> list[dict[str, float]]:
    """Return points at which the values and the gradient are finite.

    Inputs that are `fixed`, and those with a default, keep their value. There may be
    fewer points than wanted; raises InputError where none is found.
    """
    random = np.random.default_rng(seed)
    given = {**f.signature.defaults, **fixed}
    free = [name for name in f.signature.inputs if name not in given]
    graph = f.derivation.with_gradient()
    roots = list(graph.outputs.values())
    seeds = {node.attrs[0]: 1.0 for node in f.derivation.adjoints.seeds}
    size = min(max(_LARGEST // max(len(graph.order()), 1), 1), TRIES * count)
    found: list[dict[str, float]] = []
    for _ in range(0, TRIES * count, size):
        drawn = {name: mixed(random, size) for name in free}
        values = evaluate(graph, {**seeds, **given, **drawn}, roots)
        good = np.ones(size, bool)
        for root in roots:
            good &= np.isfinite(values[root])
        for i in np.flatnonzero(good):
            found.append({**fixed, **{n: float(v[i]) for n, v in drawn.items()}})
            if len(found) == count:
                return found
    if not found:
        message = (
            f"expected a point at which all is finite, found none among "
            f"{TRIES * count} at random; give one by --at"
        )
        raise InputError(message)
    return found


def mixed(random: np.random.Generator, size: int) -> NDArray[np.float64]:
    """Draw each number from one of the distributions."""
    choice = random.integers(len(_DRAWS), size=size)
    return np.choose(choice, [draw(random, size) for draw in _DRAWS])
