"""Draw, count and rerun every function on arrays."""

from __future__ import annotations

import numpy as np
import pytest
from array_cases import CASES, NAMED, Ours, sizes, type_of, value_of

from overbar.accuracy import losing_digits
from overbar.cost import cost
from overbar.derivation import Derivation
from overbar.ir.evaluate import evaluate
from overbar.ir.graph import Graph
from overbar.levels import rewrite_for
from overbar.show.svg import draw, gradients_at

D = sizes(3, 4, 2)
SMOOTH = [c for c in CASES if any(t and t[0] not in "#?%" for t in c[2])]


@pytest.mark.parametrize(
    ("name", "formula", "operands"), SMOOTH, ids=[c[0] for c in SMOOTH]
)
def test_looks(name, formula, operands):  # noqa: ARG001 - the id
    """Gradients along edges add up, counts are whole, no function loses its digits."""
    rng = np.random.default_rng(3)
    graph = Graph(rewrite=rewrite_for("standard"))
    nodes = [
        graph.input(f"x{k}", "param", type_of(t, NAMED)) for k, t in enumerate(operands)
    ]
    graph.input("sizes", "data", type_of("mnk", NAMED))
    given = {f"x{k}": value_of(t, D, rng) for k, t in enumerate(operands)}
    given["sizes"] = np.zeros((D.m, D.n, D.k))
    graph.outputs["out"] = out = formula(Ours(graph), NAMED, *nodes)
    params = [n for n in nodes if n.type.is_float]
    if not out.type.is_float or not params or not graph.order():
        return
    losses = losing_digits(graph, given)
    assert all(loss.digits_lost < 4 for loss in losses)
    values, gradients, edges = gradients_at(graph, params, given)
    assert draw(graph, values, gradients, edges).startswith("<svg")
    derivation = Derivation(graph, params)
    with_gradient = derivation.with_gradient()
    seed = np.ones(np.shape(values[out]))
    bars = evaluate(with_gradient, given | {"seed": seed, "out_seed": seed})
    names = [graph.names[n] for n in params]
    for node, x in zip(params, names, strict=True):
        bar = bars[with_gradient.outputs[f"{x}_bar"]]
        found = gradients.get(node, np.zeros(np.shape(bar)))
        assert np.allclose(bar, found, rtol=1e-10, atol=1e-12)
        parts = [p for (user, i), p in edges.items() if user.args[i] is node]
        assert not parts or np.allclose(sum(parts), found, rtol=1e-10, atol=1e-12)
    types = {x: n.type.shape for x, n in graph.inputs.items()}
    counts = cost(
        derivation.value().program, derivation.vjp().program, params, types
    ).at(m=D.m, n=D.n, k=D.k)  # fmt: skip
    assert min(counts.value.flops, counts.gradient.flops, counts.saved) >= 0
    assert isinstance(counts.gradient.flops, int)
