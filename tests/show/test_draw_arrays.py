"""Drawings of formulas over arrays."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import overbar as ob
from overbar.ir.errors import InputError
from overbar.show.numbers import shown
from overbar.show.svg import gradients_at

TEXT = "W: param[m, n]\nx: data[n]\nz = W @ x\nJ = sum(z**2)\nJ"
MINUS = "\N{MINUS SIGN}"


def texts(drawing: str) -> list[str]:
    """Return all that is written in a drawing."""
    return re.findall(r"<text[^>]*>([^<]*)</text>", drawing)


def matrix(rows: Any) -> list[str]:
    """Return a matrix of whole numbers as lines of a label."""
    return [f"[{', '.join(f'{x:g}' for x in row)}]".replace("-", MINUS) for row in rows]


def test_edges_show_shapes() -> None:
    """Each array's shape stands on the edges that it flows along."""
    drawing = ob.compile("W: param[m, n]\nx: data[n]\nsum(W @ x)").draw()
    assert [t for t in texts(drawing) if t.startswith("[")] == ["[m, n]", "[n]", "[m]"]


@pytest.mark.parametrize("by_name", [False, True])
def test_small_arrays_show_their_elements(by_name: bool) -> None:
    """Values and gradients stand on the edges: dJ/dW is 2 W x x^T."""
    w, x = np.array([[1.0, -2.0], [3.0, 0.0]]), np.array([2.0, -1.0])
    z = w @ x
    f = ob.compile(TEXT)
    given = {"W": w, "x": x}
    found = texts(f.draw(**given) if by_name else f.draw(given))
    gradient = matrix(2 * np.outer(z, x))
    labels = [*matrix(w), *matrix([x, z, 2 * z, z**2, [1, 1]]), *gradient, *gradient]
    assert sorted(labels) == sorted(t for t in found if t.startswith("["))
    assert ["52", "1"] == found[-2:]


def test_large_arrays_show_shape_and_range() -> None:
    """A large array is its shape and its extremes, its gradient the latter alone."""
    w, x = np.arange(60.0).reshape(10, 6), np.ones(6)
    found = texts(ob.compile(TEXT).draw([w, x]))
    z = w @ x
    for line in ("[10, 6]", "0 … 59", "[6]", "1", "[10]"):
        assert line in found
    assert f"{2 * z.min():g} … {2 * z.max():g}" in found
    assert f"{z.min():g} … {z.max():g}" in found


def test_one_array_needs_no_sequence() -> None:
    """The array of a formula of one input is that input."""
    f = ob.compile("x: param[n]\nsum(x**2)")
    x = np.array([1.0, 2.0, 3.0])
    assert f.draw([x]) == f.draw(x) == f.draw(x=x)


def test_untaken_elements_have_no_gradient() -> None:
    """What a branch computes for elements that it does not give flows nowhere."""
    f = ob.compile("x: param[n]\ny = where(x > 0, sqrt(x), x**2)\nsum(y[::-1])")
    x = np.array([4.0, -1.0, 0.25])
    graph = f.graph
    _, gradients, edges = gradients_at(graph, [graph.inputs["x"]], {"x": x})
    by_op = {node.op.name: part for (node, _), part in edges.items()}
    assert [0.25, 0.0, 1.0] == by_op["sqrt"].tolist()
    assert [0.0, -2.0, 0.0] == by_op["powi"].tolist()
    assert [0.25, -2.0, 1.0] == gradients[graph.inputs["x"]].tolist()


def test_edges_add_up() -> None:
    """The gradient of a node is the sum of what flows back along its edges."""
    f = ob.compile(
        "A: param[n, n]\nb: param[n]\nx = solve(A, b)\n"
        "sum(x*softmax(b)) + x @ b + logsumexp(A[0]) + sum(cumsum(x)[1:])"
    )
    graph = f.graph
    rng = np.random.default_rng(3)
    given = {"A": rng.normal(size=(3, 3)) + 3 * np.eye(3), "b": rng.normal(size=3)}
    wrt = list(graph.inputs.values())
    _, gradients, edges = gradients_at(graph, wrt, given)
    for node, total in gradients.items():
        parts = [p for (user, i), p in edges.items() if user.args[i] is node]
        if parts:
            assert np.allclose(sum(parts), total, rtol=1e-12, atol=1e-13)
    expected = f.grad(**given)
    for name, part in zip("Ab", expected, strict=True):
        assert np.allclose(part, gradients[graph.inputs[name]], 1e-12, 1e-13)


def test_signs() -> None:
    """Circles show what is written: products, transposes, parts, ranges."""
    f = ob.compile(
        "A: param[m, n]\nB: param[k, n]\ny: index[m]\n"
        "s = max(A, axis=1)\nC = A @ B.T\nsum(C[arange(m), y]*s) + sum(C + s[0])"
    )
    found = texts(f.draw())
    for sign in ("· @ ·.T", "max", "·[·, ·]", "arange(m)", "sum", "·[0]"):
        assert sign in found


def test_values_are_checked() -> None:
    """Arrays that do not fit are refused as in a call."""
    f = ob.compile(TEXT)
    for values, message in [
        ([np.ones((2, 2))], "expected values for W, x; found none for x"),
        ([np.ones((2, 2)), np.ones(3)],
         "expected n = 2, as in 'W', along axis 0 of 'x', found 3"),
        ({"W": np.ones((2, 2)), "y": 1.0}, "expected arguments named W, x, found 'y'"),
    ]:  # fmt: skip
        with pytest.raises(InputError) as caught:
            f.draw(values)
        assert message == str(caught.value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (np.zeros((0, 3)), "[0, 3]"),
        (np.array([True, False]), "[true, false]"),
        (np.ones((2, 2, 2)), "[2, 2, 2]\n1"),
        (np.array([1, 2, 3, 4, 5]), "[5]\n1 … 5"),
        (np.array([1.0] * 5 + [np.nan]), "[6]\nnan"),
        (np.array([-np.inf, 12345.0]), f"[{MINUS}∞, 12345]"),
        (np.array(2.5), "2.5"),
    ],
)
def test_labels(value: Any, text: str) -> None:
    """Arrays are short texts, whatever they hold."""
    assert text == shown(value)
