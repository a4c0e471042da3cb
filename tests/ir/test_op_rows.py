"""Walk the op table: value, gradient and Hessian against mpmath's own derivatives.

Truth comes from the functions below and mpmath's numerical differentiation at 40
digits, never from the rows. Accuracy over whole ranges is measured in tests/accuracy.
"""

from __future__ import annotations

import itertools

import mpmath
import pytest

from overbar.derivation import Derivation
from overbar.ir.evaluate import evaluate
from overbar.ir.graph import Graph
from overbar.ir.ops import OPS
from overbar.ir.program import leaves
from overbar.ir.verify import verify
from overbar.rewrite.engine import rewriter
from overbar.rewrite.exact import EXACT

M = mpmath.MPContext()
M.dps = 40

TRUTH = {
    "add": lambda x, y: x + y,
    "sub": lambda x, y: x - y,
    "mul": lambda x, y: x * y,
    "div": lambda x, y: x / y,
    "neg": lambda x: -x,
    "pow": lambda x, y: x**y,
    "exp2": lambda x: M.mpf(2) ** x,
    "log2": lambda x: M.log(x, 2),
    "log10": lambda x: M.log(x, 10),
    "sigmoid": lambda x: 1 / (1 + M.exp(-x)),
    "softplus": lambda x: M.log(1 + M.exp(x)),
    "log_sigmoid": lambda x: -M.log(1 + M.exp(-x)),
    "logaddexp": lambda x, y: M.log(M.exp(x) + M.exp(y)),
    "xlogy": lambda x, y: x * M.log(y),
    "xlog1py": lambda x, y: x * M.log(1 + y),
    "gammaln": lambda x: M.log(abs(M.gamma(x))),
    "cbrt": lambda x: M.sign(x) * M.cbrt(abs(x)),
    "betaln": lambda x, y: M.log(M.beta(x, y)),
    "abs": abs,
    "max": max,
    "min": min,
    "relu": lambda x: max(x, M.mpf(0)),
}
NAMES = [
    *sorted(
    name
    for name, row in OPS.items()
    if row.parsed and row.name not in {"mod", "heaviside", "prelu", "round"}
    and (name in TRUTH or hasattr(M, name)) and row.domain[0][0] < 1
    and name not in {"sinc", "floor", "ceil", "sign", "trunc"}
),
    "add", "sub", "mul", "div", "neg", "pow",
]  # fmt: skip
POINTS = (0.31, 0.74, -0.42, 1.63, 2.87)


def truth(name, point, orders):
    """Return a partial derivative of an op's true value."""
    function = TRUTH.get(name) or getattr(M, name)
    at = tuple(M.mpf(p) for p in point)
    return M.diff(function, at, orders) if any(orders) else function(*at)


@pytest.mark.parametrize("name", NAMES)
def test_value_gradient_and_hessian(name):
    """Value and derivatives to second order agree with mpmath in the domain."""
    row = OPS[name]
    graph = Graph(rewrite=rewriter(EXACT))
    inputs = [graph.input(f"x{i}") for i in range(row.arity or 2)]
    graph.outputs["out"] = graph.make(row, inputs)
    derivation = Derivation(graph, inputs)
    verify(derivation.with_gradient())
    n = len(inputs)
    tested = 0
    for point in itertools.product(POINTS, repeat=n):
        inside = all(
            low < p < high
            for p, (low, high) in zip(point, (*row.domain, *row.domain), strict=False)
        )
        if not inside or len(set(point)) < n:
            continue
        tested += 1
        given = {f"x{i}": p for i, p in enumerate(point)}
        for entry, orders in (
            (derivation.value(), [(0,) * n]),
            (derivation.grad(), [_unit(n, i) for i in range(n)]),
            (
                derivation.hessian(),
                [_unit(n, i, j) for i in range(n) for j in range(i + 1)],
            ),
        ):
            nodes = leaves(entry.program.result)
            values = evaluate(entry.graph, given, nodes)
            for node, order in zip(nodes, orders, strict=True):
                exact = truth(name, point, order)
                error = abs(M.mpf(float(values[node])) - exact)
                assert error <= 1e-13 * (1 + abs(exact)), (point, order, exact)
    assert tested > 0


def _unit(n, *where):
    return tuple(sum(i == j for j in where) for i in range(n))


def test_every_row_can_be_evaluated_and_printed():
    """Each row that is computed has NumPy, mpmath and all three notations."""
    missing = [
        (name, column)
        for name, row in OPS.items()
        if row.arity != 0
        for column in ("numpy", "mp", "python", "text", "latex")
        if getattr(row, column) is None
    ]
    assert missing == []
