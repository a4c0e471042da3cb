"""Second derivatives of formulas over arrays, as statements and as LaTeX."""

from __future__ import annotations

import re

import numpy as np
import pytest

import overbar as ob
from overbar.ir.evaluate import evaluate
from overbar.statements import add_products, derivatives

LAYER = """
W: param[m, n]
b: param[m]
x: data[n]
z = W @ x + b
h = tanh(z)
J = sum(h**2)
J
"""


def numbers(*shape, seed=0):
    """Return random numbers of a shape."""
    return np.random.default_rng(seed).normal(size=shape)


def test_layer():
    """Each named value has its tangent, and each adjoint its own, in order."""
    assert ob.compile(LAYER).text(2).split("\n\n")[2].splitlines() == [
        "z_dot = W_dot @ x + b_dot",
        "h_dot = z_dot*t1",
        "h_bar_dot = 2*h_dot*J_bar",
        "z_bar_dot = h_bar_dot*t1 + 2*z_dot*-2*h*t1*J_bar*h",
        "W_bar_dot = outer(z_bar_dot, x)",
        "b_bar_dot = z_bar_dot",
    ]


STATED = {
    "layer": (LAYER, (numbers(2, 3), numbers(2), numbers(3))),
    "least squares": (
        "x: param[n]\nA: data[m, n]\nb: data[m]\nr = A @ x - b\nsum(r**2)/2",
        (numbers(3), numbers(4, 3), numbers(4)),
    ),
    "linear": ("x: param[n]\na: data[n]\na @ x", (numbers(3), numbers(3))),
    "taken names": (
        "x: param[n]\nx_dot = sum(x**2)\nx_bar = x_dot**2\nx_bar", (numbers(3),),
    ),
    "alias": ("x: param[n]\ny = x\ns = sum(y**3)\ns", (numbers(3),)),
    "numbers too": ("a: param\nx: param[n]\nexp(a)*sum(x**2)", (0.3, numbers(3))),
    "embedding": (
        "E: param[v, d]\nw: index[k]\nu: param[d]\ns = E[w] @ u\nsum(softplus(-s))",
        (numbers(5, 2), np.array([1, 3, 3]), numbers(2)),
    ),
    "inverse": ("A: param[n, n]\nlogdet(A)", (numbers(3, 3) + 5 * np.eye(3),)),
    "softmax": (
        "W: param[k, n]\nx: data[n]\np = softmax(W @ x)\n-log(p[0])",
        (numbers(4, 3), numbers(3)),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", STATED)
def test_statements_compute_the_product(case):
    """What is stated is the Hessian times the direction: differences of gradients."""
    text, args = STATED[case]
    f = ob.compile(text)
    view = f.derivation.with_gradient()
    found = add_products(f.derivation, view, list(view.outputs)[1:])
    given = dict(zip(f.graph.inputs, args, strict=True))
    h = 1e-6
    moves = {
        name: numbers(*np.shape(given[name]), seed=1)[()] for name in f.options.wrt
    }
    values = given | {found[n][0]: v for n, v in moves.items()}
    known = evaluate(view, values)
    ends = [
        f.grad(**(given | {n: given[n] + s * v for n, v in moves.items()}))
        for s in (h, -h)
    ]
    for name in f.options.wrt:
        expected = (ends[0][name] - ends[1][name]) / (2 * h)
        actual = np.broadcast_to(
            known[view.outputs[found[name][1]]], np.shape(expected)
        )
        np.testing.assert_allclose(actual, expected, 1e-6, 1e-7)
    stated = derivatives(f.derivation, 2).parts["hessian"]
    assert {s.name for s in stated} >= {pair[1] for pair in found.values()}


def test_latex():
    """Named steps are statements with dots; a plain formula has its product as one."""
    statements = ob.compile(LAYER).latex(2)
    assert r"\dot{z} &= \dot{W} \, x + \dot{b}" in statements
    assert r"\dot{\overline{W}} &= \dot{\overline{z}} \, x^{\top}" in statements
    squares = "x: param[n]\nA: data[m, n]\nb: data[m]\nsum((A @ x - b)**2)"
    assert ob.compile(squares).latex(2).splitlines()[3] == (
        r"\nabla^{2} f \, \dot{x} &= 2 \, A^{\top} \, A \, \dot{x}"
    )
    form = ob.compile("a: param[n]\nx: param[n]\nM: data[n, n]\na @ M @ x").latex(2)
    whole = r"\nabla^{2} f \, \left(\dot{a}, \dot{x}\right)"
    assert rf"\left[{whole}\right]_{{a}} &= M \, \dot{{x}}" in form
    assert rf"\left[{whole}\right]_{{x}} &= M^{{\top}} \, \dot{{a}}" in form


def test_refusals():
    """Second derivatives are those of one number, as for `hessian`."""
    for show in ("text", "latex"):
        message = (
            f"{show}(order=2) expects one number, found 'h' of shape [m]; sum it first"
        )
        with pytest.raises(ob.InputError, match=re.escape(message)):
            getattr(ob.compile(LAYER.replace("\nJ\n", "\nh\n")), show)(2)
        with pytest.raises(ob.InputError, match="expected order 1 or 2, found 3"):
            getattr(ob.compile(LAYER), show)(3)
