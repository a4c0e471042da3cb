"""High precision ends in time, however high a tower of functions is."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path

import mpmath
import pytest

from overbar.ir.bounded import DEEPEST, LARGEST, bounded_context
from overbar.ir.errors import ShapeError
from overbar.ir.evaluate import evaluate_exactly
from overbar.ir.graph import Graph
from overbar.ir.ops import OPS

# Each took more memory than there is, or hours, while exponents had no bounds.
TOWERS = {
    "1/(1 + exp(exp(x)))": 0.0,
    "exp(-exp(exp(x)))": 0.0,
    "exp(exp(x))": math.inf,
    "-exp(exp(x))": -math.inf,
    "exp(x)**exp(x)": math.inf,
    "tanh(exp(exp(x)))": 1.0,
    "sin(exp(x))": math.nan,
    "mod(exp(x), 3)": math.nan,
    "gamma(exp(x))": math.inf,
    "log(exp(x))": 1e10,
    "sqrt(exp(x))*exp(-x/2)": 1.0,
}

RUN = """
import json, sys
import overbar as ob
from overbar.ir.evaluate import evaluate_exactly
for text in json.load(sys.stdin):
    f = ob.compile(text, accuracy="strict", backend="reference")
    value = evaluate_exactly(f.graph, {"x": 1e10})[f.graph.outputs["out"]]
    reports = f.accuracy(1e10), f.check(1e10), f.explain(1e10)
    print(json.dumps([float(value), all(map(str, reports))]))
"""

WALK = """
import sys
sys.path[:0] = [sys.argv[1]]
from test_bounded import walk
print(walk())
"""


def run(code, *args, given=""):
    """Return what a program prints, unless it hangs."""
    command = [sys.executable, "-c", code, *args]
    return subprocess.run(
        command, input=given, check=True, capture_output=True, text=True, timeout=600
    ).stdout


def walk():
    """Return how many operations give a value at numbers out of all range."""
    m, count = mpmath.MPContext(), 0
    sizes = (m.mpf(3) ** 1_000_000_001, m.mpf(3) * m.mpf(2) ** (LARGEST // 2))
    numbers = [s * v for v in (*sizes, *(1 / v for v in sizes)) for s in (1, -1)]
    for row in OPS.values():
        arity = 2 if row.arity is None else row.arity
        for attrs in ((), (2,), (2, 2)) if row.mp is not None and arity else ():
            graph = Graph()
            inputs = [graph.input(f"x{i}") for i in range(arity)]
            try:
                root = graph.make(row, inputs, attrs)
                for first in numbers:
                    for other in (first, numbers[0], numbers[-1], m.mpf(1)):
                        values = [first, *[other] * (arity - 1)]
                        at = {f"x{i}": v for i, v in enumerate(values)}
                        evaluate_exactly(graph, at, [root])
            except (TypeError, ValueError, IndexError, ShapeError):
                continue  # operands or attributes of another operation
            count += 1
            break
    return count


def test_towers():
    """Values and reports of towers come within a minute, as limits tell them."""
    lines = run(RUN, given=json.dumps(list(TOWERS))).splitlines()
    for (text, expected), line in zip(TOWERS.items(), lines, strict=True):
        assert [text, repr(expected), True] == [
            text, repr(json.loads(line)[0]), json.loads(line)[1]
        ]  # fmt: skip


def test_every_operation_ends():
    """Every operation answers numbers of a hundred billion bits, and ends."""
    assert int(run(WALK, str(Path(__file__).parent))) > 90


@pytest.mark.parametrize(
    ("base", "expected"), [(1, 1), (-1, 1), (2, math.inf), (-2, math.inf), (0.5, 0)]
)
def test_power_of_a_large_exponent(base, expected):
    """Exponents beyond all floats are even, and 1 to them is 1."""
    graph = Graph()
    root = graph.make(OPS["pow"], [graph.input("x"), graph.input("y")], ())
    at = {"x": base, "y": mpmath.mpf(2) ** (2 * DEEPEST)}
    assert expected == evaluate_exactly(graph, at, [root])[root]


def test_precision_is_bounded():
    """A rule that asks for too many digits is refused."""
    context = bounded_context(30)
    with context.workdps(1000):
        assert context.dps == 1000
    assert context.dps == 30
    with pytest.raises(OverflowError, match="expected at most 10000 digits"):
        context.workdps(20_000)
