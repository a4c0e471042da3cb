r"""Arrays in LaTeX: `2 \, A^{\top} \, (A \, x - b)`, products and norms as on paper."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import overbar as ob
from overbar.derive.reverse import reverse
from overbar.ir.evaluate import evaluate
from overbar.ir.types import size_of
from overbar.show.tidying import tidied

SIZES = {"m": 3, "n": 4, "k": 2, "v": 5}
X, V, LS = "X: param[m, n]", "x: param[n]", "A: param[m, n]\nx: param[n]\nb: data[m]"

FORMULAS: tuple[tuple[str, str, list[str]], ...] = (
    (LS, "sum((A @ x - b)**2)/m",
     [r"\frac{\left\|A \, x - b\right\|^{2}}{m}",
      r"\frac{2 \, \left(A \, x - b\right) \, x^{\top}}{m}",
      r"\frac{2 \, A^{\top} \, \left(A \, x - b\right)}{m}"]),
    (LS, "sum(log(1 + exp(b*(A @ x))))",
     [r"\sum_{i} {\log\left(1 + \mathrm{e}^{b \odot \left(A \, x\right)}\right)}_{i}",
      (r"\left(\sigma\left(b \odot \left(A \, x\right)\right) \odot b\right)"
       r" \, x^{\top}"),
      (r"A^{\top} \, \left(\sigma\left(b \odot \left(A \, x\right)\right)"
       r" \odot b\right)")]),
    (f"{X}\nb: param[n]", "sum((X + b)**2)",
     [r"\left\|X + \mathbf{1} \, b^{\top}\right\|_{F}^{2}",
      r"2 \, \left(X + \mathbf{1} \, b^{\top}\right)",
      r"2 \, \left(X + \mathbf{1} \, b^{\top}\right)^{\top} \, \mathbf{1}"]),
    (f"{V}\ny: data[n]", "mean((x - y)**2)",
     [r"\frac{\left\|x - y\right\|^{2}}{n}", r"\frac{2 \, \left(x - y\right)}{n}"]),
    (V, "sum(x/(1 + x**2))",
     [r"\sum_{i} {\left(x \oslash \left(1 + x^{\odot 2}\right)\right)}_{i}", ""]),
    (V, "logsumexp(x)", [r"\operatorname{logsumexp}\left(x\right)",
                         r"\operatorname{softmax}\left(x\right)"]),
    (V, "sum(abs(x))", [r"\left\|x\right\|_{1}", r"\operatorname{sign}\left(x\right)"]),
    (V, "sqrt(x @ x)", [r"\left\|x\right\|", r"\frac{x}{\left\|x\right\|}"]),
    (V, "prod(x)", [r"\prod_{i} x_{i}", ""]),
    (V, "sum((x[1:] - x[:-1])**2)",
     [r"\left\|x_{1:} - x_{:n - 1}\right\|^{2}",
      (r"2 \, \operatorname{pad}_{1:n}\left(x_{1:} - x_{:n - 1}\right) - "
       r"2 \, \operatorname{pad}_{0:n - 1}\left(x_{1:} - x_{:n - 1}\right)")]),
    (V, "sum(cumsum(x)**2)",
     [r"\left\|\operatorname{cumsum}\left(x\right)\right\|^{2}",
      (r"2 \, \operatorname{cumsum}^{\leftarrow}\left(\operatorname{cumsum}"
       r"\left(x\right)\right)")]),
    (X, "mean(X)", [r"\frac{\sum_{i,j} X_{i,j}}{m \, n}",
                    r"\frac{1}{m \, n} \, \mathbf{1}"]),
    (X, "sum(sum(X, axis=0)**2)",
     [r"\left\|X^{\top} \, \mathbf{1}\right\|^{2}",
      r"2 \, \mathbf{1} \, \left(X^{\top} \, \mathbf{1}\right)^{\top}"]),
    (X, "trace(X.T @ X)", [r"\left\|X\right\|_{F}^{2}", r"2 \, X"]),
    ("E: param[v, k]\nw: index[n]", "sum(tanh(E[w]))",
     [r"\sum_{i,j} {\tanh\left(E_{w}\right)}_{i,j}",
      (r"\operatorname{scatter}_{w}\left(1 - \left(\tanh\left(E_{w}\right)\right)"
       r"^{\odot 2}\right)")]),
    ("K: param[n, n]\ny: data[n]", "0.5*y @ solve(K, y) + 0.5*logdet(K)",
     [r"\frac{y^{\top} \, K^{-1} \, y}{2} + \frac{\log\left|\det K\right|}{2}",
      r"\frac{K^{-\top}}{2} - \frac{K^{-\top} \, y \, y^{\top} \, K^{-\top}}{2}"]),
    ("W_1: param[m, n]\nb: data[m]", "sum((W_1.T @ b)**2)",
     [r"\left\|W_{1}^{\top} \, b\right\|^{2}", r"2 \, b \, b^{\top} \, W_{1}"]),
    ("A: param[m, n]\nx: param[n]", "sum(x + 2*x)",
     [r"3 \, \left(\sum_{i} x_{i}\right)", "0", r"3 \, \mathbf{1}"]),
)  # fmt: skip


@pytest.mark.parametrize(("inputs", "text", "expected"), FORMULAS, ids=str)
def test_formulas(inputs: str, text: str, expected: list[str]) -> None:
    """The value and the gradient of a formula are written as on paper."""
    f = ob.compile(f"{inputs}\n{text}")
    lines = [line for line in f.latex().split("\n") if "&=" in line]
    found = [re.sub(r" \\\\.*$", "", line.partition("&= ")[2]) for line in lines]
    assert len(expected) == len(found)
    assert [e or a for e, a in zip(expected, found, strict=True)] == found
    assert not re.search(r"\^\{[^{}]*\}\^|_\{[^{}]*\}_", f.latex())


def point(f: Any) -> dict[str, Any]:
    """Return random values of a formula's inputs."""
    rng = np.random.default_rng(3)
    found = {}
    for name, node in f.graph.inputs.items():
        shape = tuple(size_of(e, SIZES) for e in node.type.shape)
        whole = rng.integers(0, 2, shape)
        found[name] = rng.uniform(0.2, 2, shape) if node.type.is_float else whole
    return found


@pytest.mark.parametrize(("inputs", "text", "expected"), FORMULAS, ids=str)
def test_what_is_written_is_worth_the_same(
    inputs: str, text: str, expected: list[str]
) -> None:
    """What is put in order for reading has the value of what is computed."""
    del expected
    f = ob.compile(f"{inputs}\n{text}")
    graph = f.graph.view(f.graph.outputs)
    (value,) = graph.outputs.values()
    wrt = [graph.inputs[n] for n in f.options.wrt]
    found = reverse(graph, {value: graph.const(1.0)}, wrt)
    roots = [value, *(found[n] for n in wrt if n in found)]
    better = tidied(graph, roots)
    values = point(f)
    computed = evaluate(graph, values, roots)
    written = evaluate(graph, values, [better[n] for n in roots])
    for node in roots:
        assert computed[node] == pytest.approx(written[better[node]], rel=1e-12)


def test_statements_keep_their_names() -> None:
    """Formulas whose steps have names are statements, their adjoints as in L2."""
    f = ob.compile(
        "W: param[m, n]\nx: data[n]\nb: param[m]\nt: data[m]\n"
        "z = W @ x + b\nh = sigmoid(z)\nL = sum((h - t)**2)\nL"
    )
    found = f.latex()
    for line in (
        r"z &= W \, x + b \\",
        (r"\overline{z} &= \overline{h} \odot "
         r"\left(h \odot \left(1 - h\right)\right) \\"),
        r"\overline{W} &= \overline{z} \, x^{\top} \\",
    ):  # fmt: skip
        assert line in found.split("\n")
