"""Test the lectures' formulas: Python and both forms of text give the same graph."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import overbar as ob
from overbar.ir.graph import Graph
from overbar.ir.source import Source
from overbar.levels import rewrite_for
from overbar.read.build import read_expressions
from overbar.read.text import read_text
from overbar.tracing import trace

NETWORK = {
    "W1": ("p", "n"), "b1": ("p",), "W2": ("q", "p"), "b2": ("q",), "x": ("n",),
    "t": ("q",),
}  # fmt: skip
WINDOW: dict[str, Any] = {
    "E": ("V", "d"), "w": ((5,), "int64"), "W": ("H", 5 * ob.dim("d")), "u": ("H",),
}  # fmt: skip
SOFTMAX: dict[str, Any] = {
    "theta": ("d", "C"), "X": ("N", "d"), "y": (("N",), "int64"), "lam": (),
}  # fmt: skip
AFFINE = {"W": ("m", "n"), "x": ("n",), "b": ("m",), "u": ("m",)}


def network(W1: Any, b1: Any, W2: Any, b2: Any, x: Any, t: Any) -> Any:
    """Return the squared error of L2's network."""
    z = W1 @ x + b1
    h = 1 / (1 + np.exp(-z))
    y = W2 @ h + b2
    L = np.sum((y - t) ** 2) / 2
    return L  # noqa: RET504 - its name is the output's


def window(E: Any, w: Any, W: Any, u: Any) -> Any:
    """Return the score of L4's window of words."""
    x = E[w].reshape(-1)
    h = np.tanh(W @ x)
    s = u @ h
    return s  # noqa: RET504 - its name is the output's


def softmax_loss(theta: Any, X: Any, y: Any, lam: Any) -> Any:
    """Return L9's cross-entropy with a penalty."""
    f = X @ theta
    p = ob.log_softmax(f, axis=1)
    J = -np.mean(p[ob.arange(len_of(X)), y]) + lam * np.sum(theta**2)
    return J  # noqa: RET504 - its name is the output's


def logsumexp_loss(theta: Any, X: Any, y: Any, lam: Any) -> Any:
    """Return the same, written as the lectures do."""
    f = X @ theta
    losses = ob.logsumexp(f, axis=1) - f[ob.arange(len_of(X)), y]
    J = np.sum(losses) / len_of(X) + lam * np.sum(theta**2)
    return J  # noqa: RET504 - its name is the output's


def len_of(X: Any) -> Any:
    """Return the number of rows."""
    return X.shape[0]


def affine(W: Any, x: Any, b: Any, u: Any) -> Any:
    """Return L13's chain."""
    z = W @ x + b
    f = u @ np.exp(z)
    return f  # noqa: RET504 - its name is the output's


FORMS: tuple[tuple[Any, dict[str, Any], str], ...] = (
    (network, NETWORK, """
z = W1 @ x + b1
h = sigmoid(z)
y = W2 @ h + b2
L = sum((y - t)**2)/2
"""),
    (network, NETWORK, """
z[i] = sum(W1[i, j]*x[j] for j in n) + b1[i]
h[i] = sigmoid(z[i])
y[k] = sum(W2[k, i]*h[i] for i in p) + b2[k]
L = sum((y[k] - t[k])**2 for k in q)/2
"""),
    (window, WINDOW, """
x = ravel(E[w])
h = tanh(W @ x)
s = u @ h
"""),
    (softmax_loss, SOFTMAX, """
f = X @ theta
p = log_softmax(f, axis=1)
J = -mean(p[arange(N), y]) + lam*sum(theta**2)
"""),
    (logsumexp_loss, SOFTMAX, """
f[i, c] = sum(X[i, k]*theta[k, c] for k in d)
losses[i] = logsumexp(f[i, c] for c in C) - f[i, y[i]]
J = sum(losses[i] for i in N)/N + lam*sum(theta[k, c]**2 for k in d for c in C)
"""),
    (affine, AFFINE, """
z = W @ x + b
f = u @ exp(z)
"""),
    (affine, AFFINE, """
z[i] = sum(W[i, j]*x[j] for j in n) + b[i]
f = sum(u[i]*exp(z[i]) for i in m)
"""),
)  # fmt: skip


def declared(inputs: dict[str, Any]) -> str:
    """Return the declarations of an expression file."""
    lines = []
    for name, spec in inputs.items():
        whole = len(spec) == 2 and isinstance(spec[0], tuple)
        role, shape = ("index", spec[0]) if whole else ("param", spec)
        lines.append(f"{name}: {role}[{', '.join(map(str, shape))}]")
    return "\n".join(lines).replace("[]", "")


@pytest.mark.parametrize("i", range(len(FORMS)))
def test_same_graph(i: int) -> None:
    """A function in plain NumPy is the graph of the text, names of values included."""
    function, inputs, text = FORMS[i]
    written, traced = (Graph(rewrite=rewrite_for("standard")) for _ in "12")
    read_text(Source("<string>", declared(inputs) + text), written)
    found = trace(function, inputs)
    read_expressions(found.outputs, traced, found.inputs, found.variables)
    assert str(written) == str(traced)
    assert list(written.outputs) == list(traced.outputs)
    for name, node in traced.inputs.items():
        assert written.inputs[name].type == node.type
