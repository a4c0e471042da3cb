"""Loops cut into strips compute what the reference evaluation of the graph does."""

from __future__ import annotations

import re

import numpy as np
import pytest

import overbar as ob
from overbar.codegen import strips

FORMULAS = {
    "logistic": """
        w: param[d]
        X: data[d, n]
        y: data[n]
        z = w @ X
        sum(softplus(z) - y*z)
    """,
    "rows": """
        w: param[d]
        X: data[n, d]
        y: data[n]
        r = exp(X @ w) - y
        sum(r**2) + sum(r)**2
    """,
    "shifted": """
        w: param[n]
        X: data[d, n]
        z = sin(w)*sum(X, axis=0)
        sum((z[1:] - z[:-1])**2) + sum(z*tanh(z))
    """,
    "places": """
        w: param[n]
        X: data[d, n]
        z[i] = i*w[i] + sum(X[k, i] for k in d)
        sum(where(z[i] > 0.5*i, z[i]*i, 0.0) for i in n)
    """,
    "gathered": """
        w: param[n]
        X: data[d, n]
        k: index[n]
        z = w*sum(X, axis=0)
        sum(exp(z)*w[k]) + sum(z**2)
    """,
    "columns": """
        X: param[d, n]
        z = X - mean(X, axis=0)
        sum(exp(z/sqrt(mean(z**2, axis=0) + 1)))
    """,
}


CASES = [(name, n) for name in FORMULAS for n in (0, 1, 2, 5)]
CASES.remove(("shifted", 0))  # it has arrays of n - 1 elements


@pytest.mark.parametrize(("name", "n"), CASES)
def test_strips_change_nothing(
    name: str, n: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Value and gradient are those of the reference, wherever a strip ends."""
    monkeypatch.setattr(strips, "STRIP", 2)
    rng = np.random.default_rng(n)
    given = {"n": n, "d": 3}
    text = "\n".join(line.strip() for line in FORMULAS[name].split("\n"))
    f = ob.compile(text, backend="python")
    values = {}
    for name_, kind, shape in re.findall(r"(\w+): (\w+)\[(.*)\]", text):
        sizes = [given[size] for size in shape.split(", ")]
        drawn = rng.integers(0, max(n, 1), sizes), rng.normal(size=sizes)
        values[name_] = drawn[kind != "index"]
    expected = ob.compile(text, backend="reference").value_and_grad(**values)
    value, grad = f.value_and_grad(**values)
    np.testing.assert_allclose(value, expected[0], rtol=1e-13, atol=1e-13)
    for a, b in zip(grad, expected[1], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("name", FORMULAS)
def test_strips_are_there(name: str) -> None:
    """The formulas above do run over strips."""
    text = "\n".join(line.strip() for line in FORMULAS[name].split("\n"))
    found = "stop = min(start + 256, n)" in ob.compile(text).source
    assert found


@pytest.mark.parametrize("backend", ["auto", "numba", "python"])
def test_rows_of_strips_are_no_longer_than_the_array(backend: str) -> None:
    """What has many rows takes no more memory over strips than without."""
    text = "\n".join(line.strip() for line in FORMULAS["columns"].split("\n"))
    f, g = (ob.compile(text, backend=b) for b in (backend, "reference"))
    source = f.runtime.source("value_and_grad")
    assert "np.empty((d, min(n, 256)))" in source
    assert "np.empty((d, 256))" not in source
    for n in (0, 1, 255, 256, 257, 700):
        X = np.random.default_rng(n).normal(size=(4, n))
        value, grad = f.value_and_grad(X)
        expected = g.value_and_grad(X)
        np.testing.assert_allclose(value, expected[0], rtol=1e-12)
        np.testing.assert_allclose(grad.X, expected[1].X, rtol=1e-10, atol=1e-12)


def test_strict_sums_take_one_after_the_other() -> None:
    """At strict accuracy a sum over strips is not one of the strips' sums."""
    rng = np.random.default_rng(0)
    w, X = rng.normal(size=700), rng.normal(size=(3, 700))
    text = "w: param[n]\nX: data[d, n]\nz = w*sum(X, axis=0)\nX @ z, sum(z**2)"
    f = ob.compile(text, accuracy="strict", backend="python")
    z = w * (X[0] + X[1] + X[2])
    products, squares = f(w, X)
    assert products.tolist() == [np.cumsum(row * z)[-1] for row in X]
    assert squares == np.cumsum(z * z)[-1]
    assert "stop = min(start + 256, n)" in f.source


def test_names_of_the_user_stay_apart() -> None:
    """Rows, parts and bounds of strips take no name that a formula has."""
    text = """
        start: param[n]
        X: data[d, n]
        X_i: data[n]
        stop: data[n]
        X_part = start*sum(X, axis=0)
        stop_part = exp(X_part)*X_i - stop
        sum(stop_part**2) + sum(X_part)
    """
    text = "\n".join(line.strip() for line in text.split("\n"))
    rng = np.random.default_rng(5)
    given = rng.normal(size=300), rng.normal(size=(2, 300))
    given += rng.normal(size=300), rng.normal(size=300)
    value, grad = ob.compile(text).value_and_grad(*given)
    expected = ob.compile(text, backend="reference").value_and_grad(*given)
    np.testing.assert_allclose(value, expected[0], rtol=1e-12)
    np.testing.assert_allclose(grad.start, expected[1].start, rtol=1e-11)
