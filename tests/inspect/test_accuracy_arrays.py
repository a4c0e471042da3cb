"""Check that the report of accuracy follows single elements of arrays."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import overbar as ob
from overbar.ir.errors import InputError, LimitError

U = 2.0**-53


def report(text: str, **inputs: Any) -> Any:
    """Return the report of a text's value and gradient."""
    return ob.compile(text, accuracy="strict").accuracy(**inputs)


@pytest.mark.parametrize(
    ("body", "bad", "good"),
    [
        ("1 - cos(x)", 1e-8, 1.0),
        ("(exp(x) - 1)*2", 1e-10, 0.5),
        ("log(1 + exp(x))", 800.0, 1.0),
        ("sqrt(x**2 + 1)*2", 1e200, 3.0),
        ("where(x > 0, 1 - cos(x), exp(x) - 1)", -1e-9, 2.0),
        ("exp(x) - 1", 1e-200, 1.0),
    ],
)
def test_elements_are_as_numbers(body: str, bad: float, good: float) -> None:
    """The losses at an element are those of the same formula of numbers there."""
    alone = report(f"x: param\ny = {body}\ny", x=bad)
    x = np.array([[good, good], [good, bad], [good, good]])
    found = report(f"x: param[m, n]\ny = {body}\nsum(y)", x=x)
    # a sum beside which the loss does not matter leaves it out, the gradient does not
    kept = report(f"x: param[m, n]\ny = {body}\ny", x=x)
    assert [] == [loss for loss in found if loss.index not in {(1, 1), ()}]
    assert {(1, 1)} == {loss.index for loss in kept if loss.name == "y"}
    expected = {x.expression: x for x in alone if x.name == "y"}
    losses = {x.expression: x for x in kept if x.name == "y"}
    assert expected.keys() == losses.keys()
    for name, loss in expected.items():
        assert pytest.approx(loss.digits_lost) == losses[name].digits_lost
        assert (loss.value, loss.exact) == (losses[name].value, losses[name].exact)


def test_a_product_of_vectors() -> None:
    """Digits that cancel in a sum of products, counted with exact fractions."""
    a, b = np.array([1.0, 1e8, -1e8]), np.array([0.1, 1e8 + 1.0, 1e8])
    a[2] = -(1e8 + 1.0)
    (loss,) = report("a: param[n]\nb: data[n]\ns = a @ b\ns", a=a, b=b)
    exact = sum(Fraction(x) * Fraction(y) for x, y in zip(a, b, strict=True))
    error = abs(Fraction(float(loss.value)) - exact) / abs(exact)
    assert ("s", "a @ b", (), float(exact)) == (
        loss.name, loss.expression, loss.index, loss.exact,
    )  # fmt: skip
    assert pytest.approx(math.log10(float(error) / U), abs=1e-6) == loss.digits_lost


def test_the_worst_row() -> None:
    """Of a product of a matrix and a vector, the row that cancels is named."""
    w = np.array([[1.0, 2.0], [1e10, -1e10], [3.0, 4.0]])
    x = np.array([1.0, 1.0 + 1e-12])
    (loss,) = report("W: param[m, n]\nx: data[n]\nz = W @ x\nz", W=w, x=x)[:1]
    exact = sum(Fraction(p) * Fraction(q) for p, q in zip(w[1], x, strict=True))
    assert ("z", (1,), float(exact)) == (loss.name, loss.index, loss.exact)


def eliminated(rows: list[list[Fraction]]) -> list[Fraction]:
    """Return the solution of a system, the right side in the last column, exactly."""
    n = len(rows)
    for k in range(n):
        for i in range(n):
            if i != k:
                factor = rows[i][k] / rows[k][k]
                pairs = zip(rows[i], rows[k], strict=True)
                rows[i] = [p - factor * q for p, q in pairs]
    return [rows[i][n] / rows[i][i] for i in range(n)]


def test_a_badly_conditioned_system() -> None:
    """The solution of Hilbert's system is wrong by its condition, exactly so."""
    n = 7
    a = 1.0 / (np.arange(n)[:, None] + np.arange(n) + 1)
    losses = report("A: param[n, n]\nb: data[n]\nx = solve(A, b)\nx",
                    A=a, b=np.ones(n))  # fmt: skip
    loss = next(x for x in losses if x.name == "x")
    exact = eliminated([[*map(Fraction, row), Fraction(1)] for row in a.tolist()])
    found = np.linalg.solve(a, np.ones(n))
    errors = [abs((Fraction(x) - e) / e) for x, e in zip(found, exact, strict=True)]
    worst = max(range(n), key=errors.__getitem__)
    assert ("solve(A, b)", (worst,)) == (loss.expression, loss.index)
    assert float(exact[worst]) == loss.exact
    assert loss.digits_lost > 6


@pytest.mark.parametrize(
    ("text", "inputs", "named"),
    [
        ("x: param[n]\ny: data[n]\nsum((1 - cos(x))*y)",
         {"x": [1.0, 1e-8, 2.0], "y": [1.0, 1.0, 1.0]}, []),
        ("x: param[n]\ny: data[n]\nsum((1 - cos(x))*y)",
         {"x": [1.0, 1e-8, 2.0], "y": [1.0, 1e16, 1.0]}, [("1 - cos(x)", (1,))]),
        ("x: param[n]\ni: index[k]\nd = 1 - cos(x)\nd[i]",
         {"x": [1e-8, 1.0, 1e-9], "i": [1, 1, 2]}, [("1 - cos(x)", (2,))]),
        ("x: param[m, n]\nd = 1 - cos(x)\nd.T[0, 1:]",
         {"x": [[1e-8, 1e-7], [1.0, 1.0], [1e-6, 1.0]]}, [("1 - cos(x)", (2, 0))]),
        ("x: data[n]\ny: param[n]\nsum(x*y) + max(x)",
         {"x": [0.1, 0.2], "y": [0.3, 0.4]}, []),
        ("W: param[m, n]\nx: data[n]\nt: data[m]\nsum((W @ x - t)**2)",
         {"W": [[1.0, 2.0], [3.0, 4.0]], "x": [1.0, 2.0], "t": [5.0, 11.0]}, []),
        ("x: param[n]\nlogsumexp(x) + sum(softmax(x)*x)",
         {"x": [800.0, -800.0, 3.0]}, []),
        ("x: param[n]\nsum(exp(-x))", {"x": [800.0, 740.0, 900.0]}, []),
        ("A: param[n, n]\nlogdet(A) + sum(inv(A)) + sum(cholesky(A))",
         {"A": [[2.0, 0.5], [0.5, 3.0]]}, []),
    ],
)  # fmt: skip
def test_what_is_named(
    text: str, inputs: dict[str, Any], named: list[tuple[str, tuple[int, ...]]]
) -> None:
    """Elements are named whose errors reach a result, and no others."""
    found = report(text, **inputs)
    assert named == [(loss.expression, loss.index) for loss in found]


def test_a_gradient_that_cancels() -> None:
    """At a minimum the residuals cancel in the gradient, element by element."""
    x = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    w = np.array([0.1, 0.2])
    y = x @ w + np.array([1e-9, 0.0, 0.0])
    losses = report("w: param[n]\nX: data[N, n]\ny: data[N]\nsum((X @ w - y)**2)/2",
                    w=w, X=x, y=y)  # fmt: skip
    assert "X @ w - y" in [loss.expression for loss in losses]
    assert all(loss.line == 4 for loss in losses)


def test_float32_has_its_own_unit() -> None:
    """Rounding to float32 is no loss there; what cancels is."""
    x, y = np.float32([0.1, 1.1]), np.float32([0.3, 1.21])
    inputs = [ob.param(name, ("n",), dtype="float32") for name in "xy"]
    assert () == ob.compile(inputs[0] * inputs[1]).accuracy(x, y)
    (loss, *_) = ob.compile(inputs[0] * inputs[0] - inputs[1]).accuracy(x, y)
    assert ((1,), True) == (loss.index, loss.digits_lost > 0)


def test_the_table_has_places() -> None:
    """The worst element stands in a column of its own."""
    expected = """\
digits lost  line  statement  operation   element  computed  exact
16.0         2     d          1 - cos(x)  [0, 1]   0.0       5e-17"""
    found = report("x: param[m, n]\nd = 1 - cos(x)\nd", x=[[1.0, 1e-8]])
    assert expected == str(found)


def test_arrays_that_are_too_large() -> None:
    """What would take minutes is refused within a second, with the sizes."""
    f = ob.compile("W: param[m, n]\nx: data[n]\nsum((W @ x)**2)")
    with pytest.raises(LimitError) as caught:
        f.accuracy(np.ones((3000, 3000)), np.ones(3000))
    assert (
        "expected arrays that take at most 4,000,000 operations, as each is rerun in "
        "high precision; found W of shape (3000, 3000), x of shape (3000,), which take "
    ) in str(caught.value)


def test_wrong_arguments() -> None:
    """Arguments are checked as in a call."""
    f = ob.compile("x: param[n]\nsum(x)")
    with pytest.raises(InputError, match="expected values for x; found none for x"):
        f.accuracy()


def test_a_large_network_in_seconds() -> None:
    """Some ten thousand operations are rerun quickly."""
    f = ob.compile(
        "W: param[m, n]\nV: param[k, m]\nx: data[n]\nt: data[k]\n"
        "y = V @ tanh(W @ x)\nsum((y - t)**2)"
    )
    rng = np.random.default_rng(0)
    found = f.accuracy(
        rng.normal(size=(40, 30)), rng.normal(size=(10, 40)), rng.normal(size=30),
        rng.normal(size=10),
    )  # fmt: skip
    assert all(loss.digits_lost < 4 for loss in found)
