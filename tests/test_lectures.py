"""Hold the lectures' scalar entries to their exact results (see `examples/`)."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import mpmath
import numpy as np
import pytest
import sympy as sp

import overbar as ob

EXAMPLES = Path(__file__).parents[1] / "examples"
EXACT = mpmath.MPContext()
EXACT.dps = 50


def load(name, wrt=None, **options):
    """Return the compiled formula of an example."""
    return ob.load(EXAMPLES / f"{name}.expr", wrt, **options)


def logistic(z):
    """Return sigma(z) in 50 digits."""
    return 1 / (1 + EXACT.exp(-EXACT.mpf(z)))


def close(expected, actual, units=4):
    """Whether numbers agree to a few units in the last place."""
    return all(
        abs(EXACT.mpf(a) - e) <= units * 2.0**-53 * abs(e)
        for e, a in zip(expected, actual, strict=True)
    )


# L1: regularised linear regression with a sigmoid


def regression_in_python():
    """Return L1 written in Python."""
    w, b = ob.param("w"), ob.param("b")
    x, t, lam = ob.data("x"), ob.data("t"), ob.data("lam")
    z = ob.let("z", w * x + b)
    y = ob.let("y", ob.sigmoid(z))
    L = ob.let("L", (y - t) ** 2 / 2)
    R = ob.let("R", w**2 / 2)
    return ob.compile({"J": L + lam * R}, inputs=[w, b, x, t, lam])


def regression_in_sympy():
    """Return L1 written with SymPy."""
    w, b, x, t, lam = sp.symbols("w b x t lam")
    y = 1 / (1 + sp.exp(-(w * x + b)))
    J = (y - t) ** 2 / 2 + lam * w**2 / 2
    return ob.compile({"J": J}, wrt=[w, b], inputs=[w, b, x, t, lam])


REGRESSIONS = {
    "text": lambda: load("l1_regression"),
    "python": regression_in_python,
    "sympy": regression_in_sympy,
}
SEVEN = [
    "J_bar = 1",
    "R_bar = J_bar*lam",
    "L_bar = J_bar",
    "y_bar = L_bar*(y - t)",
    "z_bar = y_bar*y*(1 - y)",
    "w_bar = z_bar*x + R_bar*w",
    "b_bar = z_bar",
]


@pytest.mark.parametrize("route", REGRESSIONS)
@pytest.mark.parametrize(
    "point",
    [
        (0.5, -0.25, 2.0, 1.0, 0.1),
        (-3.0, 0.5, 4.0, 0.0, 2.0),
        (1.0, 0.0, 0.0, 0.5, 0.0),
    ],
)
def test_l1_numbers(route, point):
    """Value and gradient of L1 are right to a few units, however it is written."""
    w, b, x, t, lam = map(EXACT.mpf, point)
    y = logistic(w * x + b)
    z_bar = (y - t) * y * (1 - y)
    value, gradient = REGRESSIONS[route]().value_and_grad(*point)
    assert close([(y - t) ** 2 / 2 + lam * w**2 / 2], [value])
    assert close([z_bar * x + lam * w, z_bar], gradient, units=16)


@pytest.mark.parametrize("route", ["text", "python"])
def test_l1_statements(route):
    """The adjoint statements of L1 are the lecture's seven, in their order."""
    assert REGRESSIONS[route]().text().split("\n\n")[1].splitlines() == SEVEN


def test_l1_computes_nothing_twice():
    """The gradient of L1 multiplies w and x once, and calls sigma once."""
    source = load("l1_regression").source
    fused = source[source.index("def value_and_grad(") :].split("\n\n")[0]
    assert [1, 1, 1] == [fused.count(part) for part in ("w*x", "sigmoid(", "y - t")]


@pytest.mark.parametrize("loss", ["(y - t)**4", "abs(y - t)", "exp(y - t)", "t*y"])
def test_l1_another_loss(loss):
    """Another loss changes the statements of L and y_bar, and no other."""
    text = (EXAMPLES / "l1_regression.expr").read_text(encoding="utf-8")
    statements = load("l1_regression").text().splitlines()
    changed = ob.compile(text.replace("(y - t)**2/2", loss)).text().splitlines()
    names = [line.split(" = ")[0] for line in changed if line not in statements]
    assert ["L", "y_bar"] == names


# L3: parameters, data and one long vector

W1, B1 = np.array([[0.3], [-0.8]]), np.array([0.1, 0.2])
W2, B2 = np.array([[1.0, -0.5], [0.25, 0.75]]), np.array([-0.1, 0.4])
THETA = np.concatenate([W1.ravel(), B1, W2.ravel(), B2])


def test_l3_roles():
    """Weights and biases are what is differentiated, and nodes of the picture."""
    f = load("l3_flat")
    names = f.flat.names
    assert names[:4] == ("W1_11", "W1_21", "b1_1", "b1_2")
    assert names[4:] == ("W2_11", "W2_12", "W2_21", "W2_22", "b2_1", "b2_2")
    assert ["x", "y_1", "y_2"] == f.flat.data
    picture = f.draw()
    assert [] == [name for name in (*names, *f.flat.data) if name not in picture]


def test_l3_one_vector():
    """Parameters unroll into one vector and come back by name."""
    f = load("l3_flat")
    np.testing.assert_array_equal(THETA, f.flat.pack(*THETA))
    np.testing.assert_array_equal(THETA, f.flat.pack(f.flat.unpack(THETA)))
    assert f(*THETA, 1.5, 0.0, 1.0) == f.flat.value(THETA, 1.5, 0.0, 1.0)


@pytest.mark.parametrize("x", [1.5, -0.25, 30.0])
def test_l3_layer_by_layer(x):
    """The gradient is that of the wiki's equations of backpropagation."""
    y = np.array([0.0, 1.0])
    h = 1 / (1 + np.exp(-(W1 @ [x] + B1)))
    a = 1 / (1 + np.exp(-(W2 @ h + B2)))
    delta2 = (a - y) * a * (1 - a)
    delta1 = W2.T @ delta2 * h * (1 - h)
    parts = [np.outer(delta1, [x]), delta1, np.outer(delta2, h), delta2]
    cost, gradient = load("l3_flat").flat.value_and_grad(THETA, x, *y)
    np.testing.assert_allclose(cost, np.sum((y - a) ** 2) / 2, rtol=1e-15)
    np.testing.assert_allclose(
        gradient, np.concatenate([part.ravel() for part in parts]), rtol=1e-9
    )


# L5: the worked example, and L6: the general algorithm


def test_l5_numbers():
    """The worked example has the lecture's value and gradient."""
    f = load("l5_graph")
    assert f.value_and_grad(1.0, 2.0, 0.0) == (6.0, (2.0, 5.0, 0.0))


@pytest.mark.parametrize(
    ("gate", "point", "value", "gradient"),
    [
        ("x + y", (1.0, 2.0), 3.0, (1.0, 1.0)),
        ("max(y, z)", (2.0, 0.0), 2.0, (1.0, 0.0)),
        ("max(y, z)", (0.0, 2.0), 2.0, (0.0, 1.0)),
        ("a*b", (3.0, 2.0), 6.0, (2.0, 3.0)),
    ],
)
def test_l5_gates(gate, point, value, gradient):
    """`+` distributes the upstream gradient, `max` routes it, `*` switches it."""
    assert (value, gradient) == ob.compile(gate).value_and_grad(*point)


def test_l5_statements():
    """Gradients sum where a value branches out."""
    assert load("l5_graph").text().split("\n\n")[1].splitlines() == [
        "f_bar = 1",
        "b_bar = f_bar*a",
        "a_bar = f_bar*b",
        "x_bar = a_bar",
        "y_bar = a_bar + b_bar*[y > z]",
        "z_bar = b_bar*[z > y]",
    ]


def paths(node, target):
    """Yield the paths from a node down to another: pairs of a node and an operand."""
    stack = [(node, ())]
    while stack:
        at, path = stack.pop()
        if at is target:
            yield path
        stack += [(arg, (*path, (at, i))) for i, arg in enumerate(at.args)]


@pytest.mark.parametrize(
    "text",
    [
        "(x + y)*max(y, z)",
        "x*y*z + x*y",
        "sin(x*y) + exp(x)*sin(x*y)*z",
        "sqrt(x*x + y*y)/(x + z*y)",
        "tanh(x - y)*tanh(x + y) - log(z*z + x*x)",
    ],
)
def test_l6_sum_over_paths(text):
    """A derivative is the sum, over all paths, of the products of local derivatives."""
    f = ob.compile(text, inputs=["x", "y", "z"], accuracy="strict")
    point = (0.75, 2.0, 0.5)
    values = dict(zip(f.graph.inputs.values(), map(EXACT.mpf, point), strict=True))
    for node in f.graph.order():
        if node not in values:
            given = [values[a] for a in node.args]
            values[node] = (
                node.op.mp(EXACT, *node.attrs, *given)
                if given
                else EXACT.mpf(node.value)
            )

    def local(node, i):
        """Return a local derivative from values alone."""

        def along(v):
            args = [v if k == i else values[a] for k, a in enumerate(node.args)]
            return node.op.mp(EXACT, *node.attrs, *args)

        return EXACT.diff(along, values[node.args[i]])

    (root,) = f.graph.outputs.values()
    for node, slope in zip(f.graph.inputs.values(), f.grad(*point), strict=True):
        total = sum(EXACT.fprod(local(*edge) for edge in p) for p in paths(root, node))
        np.testing.assert_allclose(slope, float(total), rtol=1e-14)


# L7: gates


@pytest.mark.parametrize("dz", [1.0, -2.5])
def test_l7_multiply_gate(dz):
    """Forward keeps x and y, and backward returns dz*y and dz*x."""
    f = load("l7_gate")
    z, kept = f.forward(3.0, -4.0)
    assert -12.0 == z
    assert (dz * -4.0, dz * 3.0) == f.backward(kept, dz)
    assert "return z, (x, y)" in f.forward_source
    assert ["x_bar = z_bar*y", "y_bar = z_bar*x"] == [
        line.split("  #")[0].strip()
        for line in f.backward_source.splitlines()
        if line.strip().startswith(("x_bar", "y_bar"))
    ]


# L8: gradient check


@pytest.mark.parametrize("at", [1.0, 4.0])
def test_l8_two_sided_is_far_more_accurate(at):
    """For x^3 the one-sided quotient is off by 3xh + h^2, the two-sided one by h^2."""
    f, h = load("l8_check"), 2.0**-10  # so that no value is rounded
    slope = Fraction(f.grad(at).x)
    above, here, below = (Fraction(f(at + d)) for d in (h, 0.0, -h))
    h = Fraction(h)
    assert 3 * Fraction(at) * h + h * h == (above - here) / h - slope
    assert h * h == (above - below) / (2 * h) - slope


@pytest.mark.parametrize(
    ("name", "point"),
    [
        ("l1_regression", (0.5, -0.25, 2.0, 1.0)),
        ("l3_flat", (*THETA.tolist(), 1.5, 0.0, 1.0)),
        ("l5_graph", (1.0, 2.0, 0.0)),
        ("l7_gate", (3.0, -4.0)),
        ("l8_check", (4.0,)),
        ("l14_ridge", (2.0, -3.0, 0.5, 1.0, 4.0, -8.0)),
        ("l14_mlp", (*np.linspace(-1.0, 1.5, 10).tolist(), 0.7, 0.3)),
    ],
)
def test_l8_every_example_passes(name, point):
    """Every example passes its gradient check, a row a parameter."""
    f = load(name)
    report = f.check(*point)
    assert report
    assert list(f.flat.names) == [row.name for row in report.rows]
    for row in report.rows:
        assert abs(row.difference - row.gradient) <= 1e-6 * max(1, abs(row.gradient))


# L11: nonlinearities

NONLINEAR = {  # value and slope in 50 digits
    "sigmoid(z)": lambda z: (logistic(z), logistic(z) * logistic(-z)),
    "2*sigmoid(2*z) - 1": lambda z: (EXACT.tanh(z), EXACT.sech(z) ** 2),
    "hard_tanh(z)": lambda z: (min(max(z, -1), 1), float(-1 < z < 1)),
    "-1 if z < -1 else (1 if z > 1 else z)": lambda z: (
        min(max(z, -1), 1),
        float(-1 <= z <= 1),
    ),
    "relu(z)": lambda z: (max(z, 0), float(z > 0)),
    "leaky_relu(z)": lambda z: (z, 1.0) if z > 0 else (0.01 * z, 0.01),
}


@pytest.mark.parametrize("formula", NONLINEAR)
@pytest.mark.parametrize("z", [-30.0, -2.0, -0.75, -0.125, 0.0, 0.5, 2.0, 30.0])
def test_l11_values_and_slopes(formula, z):
    """A nonlinearity and its slope are right to a few units on either side of 0."""
    value, gradient = ob.compile(formula).value_and_grad(z)
    assert close(NONLINEAR[formula](z), [value, gradient.z], units=8)


@pytest.mark.parametrize(("z", "slopes"), [(-2.0, (0.25, -2.0)), (3.0, (1.0, 0.0))])
def test_l11_parametric_relu(z, slopes):
    """The parametric ReLU has a slope in its parameter too."""
    assert slopes == ob.compile("prelu(z, a)").grad(z=z, a=0.25)[::-1]


# L13: Jacobians

W13 = np.array([[1.0, 2.0, -1.0], [0.5, -0.25, 4.0]])
X13, B13 = np.array([0.125, -0.25, 0.375]), np.array([0.0625, -1.0])


def test_l13_affine():
    """d(Wx + b)/dx is W and d(Wx + b)/db is I."""
    W = sp.Matrix(2, 3, sp.symbols("W1:3(1:4)"))
    x, b = sp.Matrix(sp.symbols("x1:4")), sp.Matrix(sp.symbols("b1:3"))
    point = (W13.ravel(), X13, B13)
    for wrt, expected in ((x, W13), (b, np.eye(2))):
        f = ob.compile([*(W * x + b)], wrt=list(wrt), inputs=[W, x, b])
        np.testing.assert_array_equal(expected, np.transpose(f.jacobian(*point)))


def test_l13_elementwise():
    """The Jacobian of an elementwise function is diag(f'(z))."""
    f = ob.compile("sin(z1), z2**3, exp(z3)")
    slopes = [float(mpmath.cos(0.5)), 12.0, float(mpmath.exp(-1.0))]
    jacobian = f.flat.jacobian([0.5, 2.0, -1.0])
    np.testing.assert_allclose(jacobian, np.diag(slopes), rtol=1e-15)


def test_l13_chain_rule():
    """The chain rule multiplies Jacobians: dh/dx = diag(f'(z)) W."""
    layer = load("l13_jacobian", wrt=["x1", "x2", "x3"])
    z = W13 @ X13 + B13
    expected = np.diag([float(EXACT.sech(v) ** 2) for v in z]) @ W13
    jacobian = layer.flat.jacobian(X13, *W13.ravel(), *B13)
    np.testing.assert_allclose(jacobian, expected, rtol=1e-14)


def test_l13_dot_product():
    """d(u^T h)/du is h^T, and as a gradient it has the shape of u."""
    f = ob.compile("u1*h1 + u2*h2", wrt=["u1", "u2"])
    assert (7.0, 8.0) == f.grad(h1=7.0, h2=8.0, u1=5.0, u2=6.0)
    assert (2,) == f.flat.jacobian([5.0, 6.0], 7.0, 8.0).shape


@pytest.mark.parametrize(
    ("at", "slope", "near"), [(1.0, 3.0, 1.030301), (4.0, 48.0, 64.481201)]
)
def test_l13_cube(at, slope, near):
    """x^3 has slope 3 at 1 and 48 at 4; 1.01^3 is about 1.03, 4.01^3 about 64.48."""
    f = ob.compile("x**3")
    assert (slope,) == f.grad(at)
    np.testing.assert_allclose(f(at + 0.01), near, rtol=1e-14)


# L14: He He's examples


@pytest.mark.parametrize("lam", [0.0, 0.25])
def test_l14_ridge(lam):
    """Ridge regression has the gradient -2 r x_j + 2 lambda w_j, and -2 r in b."""
    w, b, x, y = (2.0, -3.0), 0.5, (1.0, 4.0), -8.0  # no value is rounded
    r = y - (w[0] * x[0] + w[1] * x[1] + b)
    J, gradient = load("l14_ridge").value_and_grad(*w, b, *x, y, lam)
    assert r**2 + lam * (w[0] ** 2 + w[1] ** 2) == J
    assert gradient.b == -2 * r
    assert [-2 * r * xj + 2 * lam * wj for wj, xj in zip(w, x, strict=True)] == [
        gradient.w1,
        gradient.w2,
    ]


def test_l14_intermediate_gradients():
    """dl/dr is 2r and dl/dyhat is -2r, as the statements say."""
    text = load("l14_ridge").text()
    assert "r_bar = 2*l_bar*r\n" in text
    assert "yhat_bar = -r_bar\n" in text


def test_l14_mlp():
    """The network's ten derivatives are those of the formula, in 50 digits."""
    theta = np.linspace(-1.0, 1.5, 10)
    w, v, b = theta[1:4].tolist(), theta[4:7].tolist(), theta[7:].tolist()
    x, y = 0.75, 0.25
    h = [EXACT.tanh(EXACT.mpf(vi) * x + bi) for vi, bi in zip(v, b, strict=True)]
    f_bar = 2 * (theta[0] + EXACT.fdot(w, h) - y)
    by_b = [f_bar * wi * (1 - hi**2) for wi, hi in zip(w, h, strict=True)]
    expected = [f_bar, *(f_bar * hi for hi in h), *(x * g for g in by_b), *by_b]
    f = load("l14_mlp")
    assert 10 == len(f.flat)
    assert close(expected, f.flat.grad(theta, x, y), units=64)


def test_l14_risk():
    """The risk over n points is the mean of the losses, and so is its gradient."""
    theta, rng = np.linspace(-1.0, 1.5, 10), np.random.default_rng(0)
    x, y = rng.normal(size=(2, 50))
    loss, risk = load("l14_mlp").flat, load("l14_mlp", reduce="mean").flat
    value, gradient = risk.value_and_grad(theta, x, y)
    np.testing.assert_allclose(value, loss.value(theta, x, y).mean(), rtol=1e-14)
    each = loss.jacobian(theta, x, y)
    np.testing.assert_allclose(gradient, each.mean(axis=0), rtol=1e-12)
