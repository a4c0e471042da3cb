"""Test that high precision leaks nowhere into doubles: through every op on arrays."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from array_cases import CASES, NAMED, Ours, sizes, type_of, value_of

from overbar.derive.forward import forward
from overbar.derive.reverse import reverse
from overbar.ir.evaluate import evaluate, evaluate_exactly
from overbar.ir.graph import Graph
from overbar.ir.ops import apply
from overbar.levels import rewrite_for

D = sizes(3, 4, 2)
DIGITS, STEP = 90, mpmath.mpf(10) ** -35
SMOOTH = [c for c in CASES if any(t and t[0] not in "#?%" for t in c[2])]


@pytest.mark.parametrize(
    ("name", "formula", "operands"), SMOOTH, ids=[c[0] for c in SMOOTH]
)
def test_small_steps(name, formula, operands):
    """A step of 1e-35 moves values and gradients by their slopes, as no double can."""
    rng = np.random.default_rng(3)
    graph = Graph(rewrite=rewrite_for("standard"))
    nodes = [
        graph.input(f"x{k}", "param", type_of(t, NAMED)) for k, t in enumerate(operands)
    ]
    graph.input("sizes", "data", type_of("mnk", NAMED))
    given = {f"x{k}": value_of(t, D, rng) for k, t in enumerate(operands)}
    given["sizes"] = np.zeros((D.m, D.n, D.k))
    out = formula(Ours(graph), NAMED, *nodes)
    params = [n for n in nodes if n.type.is_float]
    if not out.type.is_float or not params or name.startswith("stop_gradient"):
        return
    axes = tuple(range(len(out.type.shape)))
    root = apply("sin", out)
    root = graph.make("sum", (root,), (axes,)) if axes else root
    bars = reverse(graph, {root: graph.const(1.0)}, params)
    roots = [root, *bars.values()]
    graph.outputs |= {f"out{k}": r for k, r in enumerate(roots)}
    dots = {n: graph.remake_input(f"{n.attrs[0]}_dot", n.type) for n in params}
    slopes = forward(graph, dots, roots)
    directions = {n.attrs[0]: rng.standard_normal(np.shape(given[n.attrs[0]]))
                  for n in params}  # fmt: skip
    tangents = {f"{x}_dot": v for x, v in directions.items()}
    slope = evaluate(graph, given | tangents, list(slopes.values()))
    ends = [
        evaluate_exactly(graph, moved(given, directions, step), roots, DIGITS)
        for step in (-STEP, STEP)
    ]
    for r in roots:
        low, high = (np.asarray(end[r], dtype=object) for end in ends)
        found = np.asarray((high - low) / (2 * STEP), dtype=float)
        expected = slope[slopes[r]] if r in slopes else np.zeros(np.shape(found))
        scale = 1 + np.max(np.abs(expected), initial=0)
        assert np.allclose(expected, found, rtol=0, atol=1e-9 * scale)


def moved(given, directions, step):
    """Return inputs, moved along directions by less than a double can tell."""
    exact = np.frompyfunc(mpmath.mpf, 1, 1)
    with mpmath.workdps(DIGITS):
        return given | {
            name: exact(given[name]) + exact(v) * step for name, v in directions.items()
        }
