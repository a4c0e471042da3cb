"""Test texts over arrays: whole arrays, the index form, and that both say the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.special

from overbar.ir.evaluate import evaluate
from overbar.ir.graph import Graph
from overbar.ir.source import Source
from overbar.ir.types import size_of
from overbar.ir.verify import verify
from overbar.levels import rewrite_for
from overbar.read.text import read_text

SIZES = {"m": 3, "n": 4, "d": 2, "v": 5, "N": 6, "C": 3, "k": 2}
INPUTS = """
W: param[m, n]
V: param[k, m]
A: param[n, n]
X: data[N, d]
Y: data[N, d]
Z: param[N, C]
E: param[v, d]
x: data[n]
u: param[m]
b: param[m]
c: param[k]
t: data[k]
q: data[3]
s: param
w: index[N]
y: index[N]
p: index
"""


def read(text: str) -> Graph:
    """Return the graph of a text."""
    graph = Graph(rewrite=rewrite_for("standard"))
    read_text(Source("test.expr", text), graph)
    verify(graph)
    return graph


def values(graph: Graph) -> dict[str, Any]:
    """Return numbers for the inputs of a graph, the same every time."""
    rng = np.random.default_rng(1)
    found: dict[str, Any] = {}
    for name, node in graph.inputs.items():
        shape = tuple(size_of(e, SIZES) for e in node.type.shape)
        if node.type.dtype == "int64":
            found[name] = rng.integers(0, 3, shape)
        else:
            found[name] = rng.standard_normal(shape)
    return found


def outputs(graph: Graph) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the values of the inputs, and of the outputs."""
    given = values(graph)
    found = evaluate(graph, given)
    return given, {name: found[node] for name, node in graph.outputs.items()}


MEANT = [
    ("W @ x + b", lambda i: i.W @ i.x + i.b),
    ("W.T @ u", lambda i: i.W.T @ i.u),
    ("x @ x", lambda i: i.x @ i.x),
    ("sigmoid(W)", lambda i: scipy.special.expit(i.W)),
    ("W * x - u[:, None]", lambda i: i.W * i.x - i.u[:, None]),
    ("-W / 2 + s", lambda i: -i.W / 2 + i.s),
    ("sum(W, axis=1)", lambda i: i.W.sum(axis=1)),
    ("sum(W, 0)", lambda i: i.W.sum(0)),
    ("mean(W, axis=(0, 1))", lambda i: i.W.mean()),
    ("mean(W, axis=1, keepdims=True)", lambda i: i.W.mean(axis=1, keepdims=True)),
    ("softmax(W, axis=-1)", lambda i: scipy.special.softmax(i.W, axis=-1)),
    ("max(W)", lambda i: i.W.max()),
    ("min(W, axis=0)", lambda i: i.W.min(axis=0)),
    ("max(W, x)", lambda i: np.maximum(i.W, i.x)),
    ("max(W, 0)", lambda i: np.maximum(i.W, 0)),
    ("W if s > 0 else x", lambda i: i.W if i.s > 0 else 0 * i.W + i.x),
    ("where(W > x, W, 0)", lambda i: np.where(i.x < i.W, i.W, 0)),
    ("sum(where(0 < W < 1, 1, 0))", lambda i: ((0 < i.W) & (i.W < 1)).sum()),
    ("reshape(W, (n, m))", lambda i: i.W.reshape(4, 3)),
    ("reshape(W, m*n)", lambda i: i.W.reshape(-1)),
    ("zeros((m, n)) + x", lambda i: np.zeros((3, 4)) + i.x),
    ("ones(n)*2", lambda i: 2 * np.ones(4)),
    ("eye(n) @ x", lambda i: i.x),
    ("concatenate((x, b), axis=0)", lambda i: np.concatenate([i.x, i.b])),
    ("stack([x, x], axis=1)", lambda i: np.stack([i.x, i.x], axis=1)),
    ('einsum("ij,j->i", W, x)', lambda i: i.W @ i.x),
    ("outer(u, x)", lambda i: np.outer(i.u, i.x)),
    ("solve(A, x)", lambda i: np.linalg.solve(i.A, i.x)),
    ("slogdet(A)[1]", lambda i: np.linalg.slogdet(i.A)[1]),
    ("norm(x)", lambda i: np.linalg.norm(i.x)),
    ("cumsum(x)", lambda i: np.cumsum(i.x)),
    ("x[1:]", lambda i: i.x[1:]),
    ("x[:-1]", lambda i: i.x[:-1]),
    ("x[:n - 1]", lambda i: i.x[:3]),
    ("x[::2]", lambda i: i.x[::2]),
    ("x[::-1]", lambda i: i.x[::-1]),
    ("x[-1]", lambda i: i.x[-1]),
    ("W[:, 0]", lambda i: i.W[:, 0]),
    ("W[1]", lambda i: i.W[1]),
    ("W[..., 1:3]", lambda i: i.W[..., 1:3]),
    ("x[None, :] * u[:, None]", lambda i: i.x[None, :] * i.u[:, None]),
    ("E[w]", lambda i: i.E[i.w]),
    ("E[w + 1]", lambda i: i.E[i.w + 1]),
    ("E[p]", lambda i: i.E[i.p]),
    ("Z[arange(N), y]", lambda i: i.Z[np.arange(6), i.y]),
    ("sum(x) / n", lambda i: i.x.mean()),
    ("m*n + 0*s", lambda i: 12.0),
    ("n // 2 + s", lambda i: 2 + i.s),
    ("sqrt(n) + s", lambda i: 2 + i.s),
    ("w + 0.5", lambda i: i.w + 0.5),
    ("W.T", lambda i: i.W.T),
    ("x.T", lambda i: i.x),
    # the index form
    ("r[i] = sum(W[i, j]*x[j] for j in n)\nr", lambda i: i.W @ i.x),
    ("r[j, i] = W[i, j]\nr", lambda i: i.W.T),
    ("r[i] = x[i + 1] - x[i]\nr", lambda i: np.diff(i.x)),
    ("r[i] = x[2*i]\nr", lambda i: i.x[::2]),
    ("r[i] = x[2*i + 1] - x[2*i]\nr", lambda i: i.x[1::2] - i.x[::2]),
    ("r[i] = x[n - 1 - i]\nr", lambda i: i.x[::-1]),
    ("r[i] = x[0]*x[i]\nr", lambda i: i.x[0] * i.x),
    ("r[i] = W[i, -1]\nr", lambda i: i.W[:, -1]),
    ("r[i] = i*x[i]\nr", lambda i: np.arange(4) * i.x),
    ("r[i, j] = u[i]*x[j]\nr", lambda i: np.outer(i.u, i.x)),
    ("r[i, j] = E[w[i], j]\nr", lambda i: i.E[i.w]),
    ("r[i] = Z[i, y[i]]\nr", lambda i: i.Z[np.arange(6), i.y]),
    ("r[i] = A[i, i]\nr", lambda i: np.diag(i.A)),
    ("r[i] = sum(q[j]*x[i + j] for j in 3)\nr",
     lambda i: np.convolve(i.x, i.q[::-1], "valid")),
    ("r[i] = s for i in n\nr", lambda i: np.full(4, i.s)),
    ("r[i, j] = 1.0 if i == j else s*i for i in 2 for j in 3\nr",
     lambda i: np.where(np.eye(2, 3), 1.0, i.s * np.arange(2)[:, None])),
    ("r[i] = W[i] @ x + b[i]\nr", lambda i: i.W @ i.x + i.b),
    ("r[i] = sum(W[i]*x)\nr", lambda i: i.W @ i.x),
    ("r[i] = softmax(W[i])\nr", lambda i: scipy.special.softmax(i.W, axis=1)),
    ("r[i] = max(W[i, :])\nr", lambda i: i.W.max(axis=1)),
    ("r[i] = W[:, i]\nr", lambda i: i.W.T),
    ("r[i, j] = sum((X[i] - Y[j])**2)\nr",
     lambda i: ((i.X[:, None] - i.Y[None]) ** 2).sum(-1)),
    ("r[i] = W.T[i, 0]\nr", lambda i: i.W[0]),
    ("r[i] = (W @ x)[i] + b[i]\nr", lambda i: i.W @ i.x + i.b),
    ("r[i] = W[i][0]\nr", lambda i: i.W[:, 0]),
    ("sum(x[j] for j in n)", lambda i: i.x.sum()),
    ("sum(x[j] for j in 1:n)", lambda i: i.x[1:].sum()),
    ("sum(x[j] - x[j - 1] for j in 1:n)", lambda i: i.x[-1] - i.x[0]),
    ("sum(j*x[j] for j in 1:3)", lambda i: i.x[1] + 2 * i.x[2]),
    ("sum(x[j] for j in n if x[j] > 0)", lambda i: i.x[i.x > 0].sum()),
    ("sum(A[i, j] for i in n for j in n if i != j)",
     lambda i: i.A.sum() - np.trace(i.A)),
    ("sum(A[i, j] for i in n for j in n if i < j if A[i, j] > 0)",
     lambda i: (np.triu(i.A, 1) * (i.A > 0)).sum()),
    ("prod(x[j] for j in n)", lambda i: i.x.prod()),
    ("prod(x[j] for j in n if j > 1)", lambda i: i.x[2:].prod()),
    ("max(x[j] for j in n if j != 0)", lambda i: i.x[1:].max()),
    ("min(x[j]**2 for j in n)", lambda i: (i.x**2).min()),
    ("mean(x[j] for j in n)", lambda i: i.x.mean()),
    ("mean(x[j] for j in n if j < 3)", lambda i: i.x[:3].mean()),
    ("logsumexp(x[j] for j in n)", lambda i: scipy.special.logsumexp(i.x)),
    ("where(any(x[j] > 0 for j in n), 1, 0)", lambda i: float((i.x > 0).any())),
    ("where(all(x[j] > 0 for j in n), 1, 0)", lambda i: float((i.x > 0).all())),
    ("sum(1 for j in n) + s", lambda i: 4 + i.s),
    ("sum(sum(W[i, j] for j in n)**2 for i in m)",
     lambda i: (i.W.sum(axis=1) ** 2).sum()),
    ("def f(M, a):\n  r[i] = sum(M[i, j]*a[j] for j in n)\n  return tanh(r)\nf(W, x)",
     lambda i: np.tanh(i.W @ i.x)),
    ("def layer(M, a, h): return sigmoid(M @ a + h)\nlayer(V, layer(W, x, b), c)",
     lambda i: scipy.special.expit(i.V @ scipy.special.expit(i.W @ i.x + i.b) + i.c)),
    ("def g(a): return a**2\nr[i] = g(x[i])\nr", lambda i: i.x**2),
    ("def g(a):\n  q[j] = a[j]*j\n  return sum(q)\nr[i] = g(W[i])\nr",
     lambda i: i.W @ np.arange(4)),
    ("r[i] = W[i, p]\nr", lambda i: i.W[:, i.p]),
    ("r[i] = x[w[i]]\nr", lambda i: i.x[i.w]),
    ("r[i] = A[i] @ A[:, i]\nr", lambda i: np.diag(i.A @ i.A)),
    ("def g(a): return sum(a)\ng(x) + g(b)", lambda i: i.x.sum() + i.b.sum()),
]  # fmt: skip


class Given:
    """Hold the inputs' values by name."""

    def __init__(self, found: dict[str, Any]) -> None:
        self.__dict__.update(found)


@pytest.mark.parametrize(("text", "meant"), MEANT, ids=[text for text, _ in MEANT])
def test_meaning(text: str, meant: Any) -> None:
    """A formula gives what NumPy gives."""
    given, found = outputs(read(INPUTS + text))
    (actual,) = found.values()
    expected = np.asarray(meant(Given(given)), float)
    assert expected.shape == np.shape(actual)
    np.testing.assert_allclose(actual, expected, rtol=1e-13, atol=1e-14)


L2_VECTOR = """
W1: param[m, n]
b1: param[m]
W2: param[k, m]
b2: param[k]
x: data[n]
t: data[k]
z = W1 @ x + b1
h = sigmoid(z)
y = W2 @ h + b2
L = sum((y - t)**2) / 2
"""
L2_INDEX = """
W1: param[m, n]
b1: param[m]
W2: param[k, m]
b2: param[k]
x: data[n]
t: data[k]
z[i] = sum(W1[i, j]*x[j] for j in n) + b1[i]
h[i] = sigmoid(z[i])
y[o] = sum(W2[o, i]*h[i] for i in m) + b2[o]
L = sum((y[o] - t[o])**2 for o in k) / 2
"""
RIDGE = "w: param[d]\nb: param\nx: data[d]\ny: data\nlam: data = 0.1\n"
SOFTMAX = "W: param[C, d]\nX: data[N, d]\ny: index[N]\nlam: data\n"
MLP = "v: param[h]\nb: param[h]\nw: param[h]\nw0: param\nX: data[N]\nY: data[N]\n"
POINTS = "X: data[n, d]\nY: data[m, d]\n"
AFFINE = "M: data[n, n]\na: param[n]\nc: param[n]\n"
SAME = {
    "two layers": (L2_VECTOR, L2_INDEX),
    "ridge": (
        RIDGE + "r = y - (w @ x + b)\nr**2 + lam*(w @ w)",
        RIDGE + "r = y - (sum(w[k]*x[k] for k in d) + b)\n"
        "r**2 + lam*sum(w[k]*w[k] for k in d)",
    ),
    "softmax regression": (
        SOFTMAX + "F = X @ W.T\nl = F[arange(N), y] - logsumexp(F, axis=1)\n"
        "-sum(l)/N + lam*sum(W*W)",
        SOFTMAX + "F[i, c] = sum(X[i, k]*W[c, k] for k in d)\n"
        "l[i] = F[i, y[i]] - logsumexp(F[i, c] for c in C)\n"
        "-sum(l[i] for i in N)/N + lam*sum(W[c, k]*W[c, k] for c in C for k in d)",
    ),
    "three tanh units": (
        MLP + "F = w0 + sum(w*tanh(v*X[:, None] + b), axis=1)\nsum((F - Y)**2)/N",
        MLP + "F[i] = w0 + sum(w[j]*tanh(v[j]*X[i] + b[j]) for j in h)\n"
        "sum((F[i] - Y[i])**2 for i in N)/N",
    ),
    "distances": (
        POINTS + "D = sum((X[:, None, :] - Y)**2, axis=2)",
        POINTS + "D[i, j] = sum((X[i, k] - Y[j, k])**2 for k in d)",
    ),
    "matrix product": (
        "A: param[n, k]\nB: param[k, m]\nC = A @ B",
        "A: param[n, k]\nB: param[k, m]\nC[i, j] = sum(A[i, l]*B[l, j] for l in k)",
    ),
    "transposed product": (
        "A: param[k, n]\nx: param[k]\nC = A.T @ x",
        "A: param[k, n]\nx: param[k]\nC[j] = sum(A[l, j]*x[l] for l in k)",
    ),
    "embedding": (
        "E: param[v, d]\nw: index[n]\nR = E[w]",
        "E: param[v, d]\nw: index[n]\nR[i, j] = E[w[i], j]",
    ),
    "differences": (
        "x: param[n]\nr = x[1:] - x[:n - 1]",
        "x: param[n]\nr[i] = x[i + 1] - x[i]",
    ),
    "strides": (
        "x: param[n]\nr = x[::2]",
        "x: param[n]\nr[i] = x[2*i]",
    ),
    "affine map": (
        AFFINE + "r = M @ a + c",
        AFFINE + "r[i] = sum(M[i, k]*a[k] for k in n) + c[i]",
    ),
    "rows": (
        "X: data[n, d]\nr = sum(X, axis=1)",
        "X: data[n, d]\nr[i] = sum(X[i])",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("vector", "index"), SAME.values(), ids=list(SAME))
def test_index_form_and_vector_form_are_the_same(vector: str, index: str) -> None:
    """Both forms of one formula give one graph."""
    graphs = read(vector), read(index)
    assert str(graphs[0]) == str(graphs[1])
    used = [{n.op.name for n in graph.order()} for graph in graphs]
    assert used[0] == used[1]
    assert content(graphs[0]) == content(graphs[1])


def content(graph: Graph) -> list[tuple[Any, ...]]:
    """Return what the outputs need, numbered afresh."""
    number = {node: i for i, node in enumerate(graph.order())}
    return [
        (n.op.name, n.attrs, n.type, *(number[a] for a in n.args)) for n in number
    ]  # fmt: skip
