"""Stacks of matrix products go to BLAS one by one, in a loop that lays them out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from read_loops import dead, varying
from read_source import functions

import overbar as ob
from overbar.codegen.allowlist import check
from overbar.codegen.module import print_module
from overbar.derivation import Derivation
from overbar.ir.evaluate import evaluate
from overbar.ir.graph import Graph
from overbar.ir.source import Source
from overbar.levels import rewrite_for
from overbar.read.text import read_text

if TYPE_CHECKING:
    from overbar.derivation import Entry

DECLARED = """
Q: param[k, d, e]
R: param[d, k, e]
V: param[k, d]
S: param[k, 3, 4]
X: data[N, e]
W: data[N, k, d]
Z: data[k, N, d]
"""
SIZES = {"N": 7, "k": 2, "d": 3, "e": 4}
STACKS = {
    "rows": "einsum('kde,nke->nkd', Q, X[:, None, :] * exp(V[:, :1]))",
    "columns": "einsum('kde,nke->kdn', Q, X[:, None, :] * exp(V[:, :1]))",
    "stored": "einsum('kde,knd->kne', Q, Z)",
    "turned": "einsum('dke,nkd->enk', R, W)",
    "differences": "einsum('kde,nkd->nke', Q, W - V)",
    "gradient": "einsum('nkd,nke->kde', W - V, X[:, None, :] * V[:, :1])",
    "named": "A = sin(W - V)\nB = einsum('kde,nkd->nke', Q, A)\nA[:, :, :1] + B**2",
    "both": "Y = einsum('kde,nkd->nke', Q, W - V)\neinsum('kde,nke->nkd', Q, tanh(Y))",
    "points": "einsum('nkd,kde->nke', cumsum(W, 0), Q)",
}
LOOPS = {
    "small": "einsum('kij,nkj->nki', S, W[:, :, :1] * ones((N, k, 4)))",
    "for each point": "einsum('nij,nkj->nik', W * V, W)",
    "for each point, turned": "einsum('nij,njl->nil', W * V, transpose(W, (0, 2, 1)))",
    "no points": "einsum('kij,kjl->kil', Q, transpose(Q, (0, 2, 1)))",
}


def graph_of(formula: str, accuracy: str = "standard") -> Graph:
    """Return the graph of the sum of a formula's sines."""
    graph = Graph(rewrite=rewrite_for(accuracy), strict=accuracy == "strict")
    *lines, last = formula.split("\n")
    text = "\n".join([DECLARED, *lines, f"sum(sin({last}))"])
    read_text(Source("test.expr", text), graph)
    graph.formula_size = len(graph)
    return graph


def entry_of(graph: Graph, name: str = "value_and_grad") -> Entry:
    """Return an entry point with respect to the parameters."""
    params = [n for k, n in graph.inputs.items() if graph.roles[k] == "param"]
    return getattr(Derivation(graph, params), name)()


def values(graph: Graph, sizes: dict[str, int]) -> dict[str, Any]:
    """Return inputs of some sizes."""
    rng = np.random.default_rng(11)
    shapes = {
        name: [e if isinstance(e, int) else e.size(sizes) for e in node.type.shape]
        for name, node in graph.inputs.items()
    }
    return {name: rng.standard_normal(shape) for name, shape in shapes.items()}


@pytest.mark.parametrize("sizes", [SIZES, SIZES | {"N": 1}, SIZES | {"N": 0, "k": 1}],
                         ids=["usual", "one", "none"])  # fmt: skip
@pytest.mark.parametrize("name", STACKS)
def test_value_and_gradient(name: str, sizes: dict[str, int]) -> None:
    """The source's value and gradient are those of the graph as it was written."""
    graph, plain = graph_of(STACKS[name]), graph_of(STACKS[name], "strict")
    given = values(graph, sizes)
    source = print_module(graph, [entry_of(graph).program], "test")
    check(source)
    lines = [line for line in source.split("\n") if "njit" not in line]
    space: dict[str, Any] = {}
    exec(compile("\n".join(lines), "generated", "exec"), space)  # noqa: S102 - ours
    value, grad = space["value_and_grad"](*given.values())
    strict = entry_of(plain)
    roots = list(strict.graph.outputs.values())
    known = evaluate(strict.graph, given, roots)
    assert source.count("np.dot(") > 0
    for root, found in zip(roots, [value, *grad], strict=True):
        assert np.shape(known[root]) == np.shape(found)
        assert np.allclose(known[root], found, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", [n for n in STACKS if n != "gradient"])
def test_nothing_is_made_in_a_loop(name: str) -> None:
    """Matrices lie in memory from before the loops; nothing is there in vain."""
    graph = graph_of(STACKS[name])
    for entry in ("value", "value_and_grad", "forward", "backward", "jvp", "hvp"):
        made = entry_of(graph, entry)
        source = print_module(made.graph, [made.program], "test")
        check(source)
        own = functions(source)[made.program.name]
        assert varying(own) == []
        assert [n for n in dead(own) if n not in {a.arg for a in own.args.args}] == []


@pytest.mark.parametrize("name", LOOPS)
def test_small_matrices_stay_loops(name: str) -> None:
    """Products of small matrices, and one for each point, are written out."""
    graph = graph_of(LOOPS[name])
    assert "np.dot(" not in print_module(graph, [entry_of(graph).program], "test")


def test_strict_stays_loops() -> None:
    """At strict accuracy sums are taken in order."""
    graph = graph_of(STACKS["rows"], "strict")
    assert "np.dot(" not in print_module(graph, [entry_of(graph).program], "test")


def test_one_loop_lays_out_and_multiplies() -> None:
    """Both operands are filled, multiplied and used in one turn of a loop."""
    graph = graph_of("einsum('kde,nke->nkd', Q, X[:, None, :] - V[:, :1])")
    source = print_module(graph, [entry_of(graph, "value").program], "test")
    body = source[source.index("    for i in range(k):") :].split("\n")
    assert [
        "    for i in range(k):",
        "        for j in range(N):",
        "            for l in range(e):",
        "                t1[j, l] = X[j, l] - V[i, 0]",
        "        np.dot(t1, Q[i].T, t2)",
    ] == body[:5]


def test_compiled() -> None:
    """Numba compiles it, for views too, and finite differences agree."""
    f = ob.compile(DECLARED + "sum(sin(" + STACKS["differences"] + "))")
    given = values(graph_of(STACKS["differences"]), SIZES)
    given["W"] = np.asfortranarray(given["W"])
    assert f.check(*given.values())
    B = np.einsum("kde,nkd->nke", given["Q"], given["W"] - given["V"])
    assert np.isclose(np.sum(np.sin(B)), f(*given.values()), rtol=1e-14)
