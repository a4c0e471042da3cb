"""Test values and gradients of array formulas against JAX, where it is installed."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from array_cases import CASES, NAMED, Ours, Theirs, shape_of, sizes, type_of, value_of

from overbar.derive.reverse import reverse
from overbar.ir.evaluate import evaluate
from overbar.ir.graph import Graph
from overbar.ir.ops import apply
from overbar.levels import rewrite_for

jax = pytest.importorskip("jax", reason="JAX is a peer, not a dependency")
import jax.numpy as jnp  # noqa: E402
import jax.scipy as jsp  # noqa: E402

jax.config.update("jax_enable_x64", True)  # noqa: FBT003
D = sizes(3, 4, 2)
ELSEWHERE = {"stop_gradient": jax.lax.stop_gradient, "convolve": jnp.convolve}
OTHER = {"delete", "average", "one_hot", "segment_sum", "conv2d"}
"""What JAX lacks or defines otherwise."""
UNLIKE = {"softmax-0", "log_softmax-0", "repeat-2", "clip-2"}
"""What JAX wants other arguments for."""
LOWER = {"cholesky", "eigvalsh", "eigh"}
"""What reads the lower triangle: JAX gives its adjoint to both triangles in halves."""


class Jaxs(Theirs):
    """Give JAX's functions by name."""

    own = ELSEWHERE | {
        "at": lambda x, *items: x[items], "mul": lambda x, y: x * y,
        "logdet": lambda a: jnp.linalg.slogdet(a)[1],
        "softmax": jax.nn.softmax, "log_softmax": jax.nn.log_softmax,
        "outer": jnp.outer, "cross": jnp.cross, "trace": jnp.trace,
        "diagonal": jnp.diagonal, "tensordot": jnp.tensordot,
    }  # fmt: skip

    def __getattr__(self, name):
        places = (
            SimpleNamespace(**self.own), jsp.special, jnp.linalg, jnp, jsp.linalg
        )  # fmt: skip
        return next(getattr(p, name) for p in places if hasattr(p, name))


def known(name, operands):
    """Whether JAX has the formula, and floats are among its operands."""
    kind = name.rpartition("-")[0]
    return (
        kind not in OTHER
        and name not in UNLIKE
        and any(t[0] not in "#?%" for t in operands)
    )


SHARED = [c for c in CASES if c[2] and known(c[0], c[2])]


@pytest.mark.parametrize(
    ("name", "formula", "operands"), SHARED, ids=[c[0] for c in SHARED]
)
def test_gradients(name, formula, operands):
    """Gradients of a sum of sines are JAX's, in every operand."""
    rng = np.random.default_rng(5)
    graph = Graph(rewrite=rewrite_for("standard"))
    nodes = [
        graph.input(f"x{k}", "param", type_of(t, NAMED)) for k, t in enumerate(operands)
    ]
    graph.input("sizes", "data", type_of("mnk", NAMED))
    values = [value_of(t, D, rng) for t in operands]
    out = formula(Ours(graph), NAMED, *nodes)
    if not out.type.is_float or name in {"eigh-1", "eigh-3"}:  # up to sign
        return
    axes = tuple(range(len(out.type.shape)))
    root = (
        graph.make("sum", (apply("sin", out),), (axes,)) if axes else apply("sin", out)
    )
    params = [n for n in nodes if n.type.is_float]
    bars = reverse(graph, {root: graph.const(1.0)}, params)
    given = {f"x{k}": v for k, v in enumerate(values)} | {"sizes": np.zeros((3, 4, 2))}
    found = evaluate(graph, given, [root, *bars.values()])
    places = tuple(k for k, n in enumerate(nodes) if n.type.is_float)

    def loss(*args):
        return jnp.sum(jnp.sin(formula(Jaxs(), D, *args)))

    value, expected = jax.value_and_grad(loss, places)(*map(jnp.asarray, values))
    assert np.allclose(value, found[root], rtol=1e-9, atol=1e-9)
    for node, g in zip(params, expected, strict=True):
        own = (
            found[bars[node]]
            if node in bars
            else np.zeros(shape_of(operands[nodes.index(node)], D))
        )
        if name.rpartition("-")[0] in LOWER:
            own = (own + np.swapaxes(own, -1, -2)) / 2
        assert np.allclose(g, own, rtol=1e-8, atol=1e-8)
