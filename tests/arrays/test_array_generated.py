"""Test the generated source of every array function against reference evaluation."""

from __future__ import annotations

import numpy as np
import pytest
from array_cases import CASES, NAMED, Ours, sizes, type_of, value_of

from overbar.codegen.allowlist import check
from overbar.codegen.module import print_module
from overbar.derivation import Derivation
from overbar.ir.evaluate import evaluate
from overbar.ir.graph import Graph
from overbar.ir.ops import apply
from overbar.levels import rewrite_for

D = sizes(3, 4, 2)
DATA = ("#", "?", "%")
SMOOTH = [c for c in CASES if any(t[0] not in DATA for t in c[2])]


def loaded(entry):
    """Return an entry point's function, run as plain Python."""
    source = print_module(entry.graph, [entry.program], "test")
    check(source)
    plain = "\n".join(line for line in source.split("\n") if "njit" not in line)
    space = {}
    exec(compile(plain, "generated", "exec"), space)  # noqa: S102 - our own text
    return space["value_and_grad"]


@pytest.mark.parametrize(
    ("name", "formula", "operands"), SMOOTH, ids=[c[0] for c in SMOOTH]
)
def test_source(name, formula, operands):
    """Value and gradient of a sum of sines are what the reference computes."""
    if name == "repeat-2":
        pytest.skip("its constant array is handed over by what calls the source")
    rng = np.random.default_rng(3)
    graph = Graph(rewrite=rewrite_for("standard"))
    nodes = []
    for k, text in enumerate(operands):
        role = "data" if text[0] in DATA else "param"
        nodes.append(graph.input(f"x{k}", role, type_of(text, NAMED)))
    graph.input("sizes", "data", type_of("mnk", NAMED))
    out = formula(Ours(graph), NAMED, *nodes)
    if not out.type.is_float:
        return
    axes = tuple(range(len(out.type.shape)))
    waves = apply("sin", out)
    graph.outputs["out"] = graph.make("sum", (waves,), (axes,)) if axes else waves
    graph.formula_size = len(graph)
    params = [n for n in nodes if n.type.is_float]
    entry = Derivation(graph, params).value_and_grad()
    values = [value_of(t, D, rng) for t in operands] + [np.zeros((3, 4, 2))]
    roots = list(entry.graph.outputs.values())
    known = evaluate(entry.graph, dict(zip(graph.inputs, values, strict=True)), roots)
    with np.errstate(all="ignore"):
        value, grad = loaded(entry)(*values)
    for root, found in zip(roots, [value, *grad], strict=True):
        assert np.shape(known[root]) == np.shape(found)
        assert np.allclose(known[root], found, rtol=1e-9, atol=1e-11)
