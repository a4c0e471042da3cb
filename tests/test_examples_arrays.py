"""Hold the lectures' entries over arrays to their exact results (see `examples/`)."""

from __future__ import annotations

import importlib.util
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
import scipy.special

import overbar as ob

EXAMPLES = Path(__file__).parents[1] / "examples"


def load(name, wrt=None, **options):
    """Return the compiled formula of an example."""
    return ob.load(EXAMPLES / f"{name}.expr", wrt, **options)


def adjoints(f):
    """Return the adjoint statements of a formula."""
    return f.text().rstrip().split("\n\n")[1].splitlines()


def normal(seed, *shapes):
    """Return arrays of normal numbers."""
    rng = np.random.default_rng(seed)
    return [rng.normal(size=shape) for shape in shapes]


# L2: the multilayer perceptron

L2 = [
    "L_bar = 1",
    "y_bar = L_bar*(y - t)",
    "h_bar = W2.T @ y_bar",
    "z_bar = h_bar*h*(1 - h)",
    "W1_bar = outer(z_bar, x)",
    "b1_bar = z_bar",
    "W2_bar = outer(y_bar, h)",
    "b2_bar = y_bar",
]


@pytest.mark.parametrize("name", ["l2_mlp", "l2_mlp_index"])
def test_l2_statements(name):
    """Both forms have the lecture's eight adjoint statements, in its order."""
    assert adjoints(load(name)) == L2


@pytest.mark.parametrize(("n", "m", "k"), [(3, 4, 2), (1, 1, 1), (5, 1, 3), (2, 0, 1)])
@pytest.mark.parametrize("name", ["l2_mlp", "l2_mlp_index"])
def test_l2_numbers(name, n, m, k):
    """Value and gradients are those of the lecture's statements in NumPy."""
    W1, b1, W2, b2, x, t = normal(1, (m, n), m, (k, m), k, n, k)
    h = scipy.special.expit(W1 @ x + b1)
    y_bar = W2 @ h + b2 - t
    z_bar = W2.T @ y_bar * h * (1 - h)
    value, gradient = load(name).value_and_grad(W1, b1, W2, b2, x, t)
    np.testing.assert_allclose(value, y_bar @ y_bar / 2, rtol=1e-13)
    expected = [np.outer(z_bar, x), z_bar, np.outer(y_bar, h), y_bar]
    for wanted, part in zip(expected, gradient, strict=True):
        np.testing.assert_allclose(part, wanted, rtol=1e-12, atol=1e-15)


def test_l2_reads_like_the_lecture():
    """The backward function that runs keeps the lecture's matrix statements."""
    source = load("l2_mlp").backward_source
    for statement in ("W2.T @ y_bar", "np.outer(z_bar, x)", "np.outer(y_bar, h)"):
        assert 1 == source.count(statement)
    assert "sigmoid(" not in source.replace("sigmoid_slope(", "")


# L3: parameters of different shapes as one vector

SHAPES = [(4, 3), (4,), (2, 4), (2,), (1, 2), (1,)]


def test_l3_one_vector():
    """Matrices unroll into one vector and come back by name, in their shapes."""
    parts, (X, Y) = normal(2, *SHAPES), normal(3, (5, 3), (5, 1))
    flat = load("l3_matrices").flat
    theta = flat.pack(*parts)
    np.testing.assert_array_equal(theta, np.concatenate([p.ravel() for p in parts]))
    back = flat.sized(h1=4, h2=2).unpack(theta, X, Y)
    for wanted, part in zip(parts, back, strict=True):
        np.testing.assert_array_equal(part, wanted)


def test_l3_layer_by_layer():
    """The gradient in the long vector is that of backpropagation, layer by layer."""
    (W1, b1, W2, b2, W3, b3), (X, Y) = normal(2, *SHAPES), normal(3, (5, 3), (5, 1))
    A1 = np.tanh(X @ W1.T + b1)
    A2 = np.tanh(A1 @ W2.T + b2)
    d3 = A2 @ W3.T + b3 - Y
    d2 = d3 @ W3 * (1 - A2**2)
    d1 = d2 @ W2 * (1 - A1**2)
    by_layer = [d1.T @ X, d1.sum(0), d2.T @ A1, d2.sum(0), d3.T @ A2, d3.sum(0)]
    expected = np.concatenate([part.ravel() for part in by_layer])
    flat = load("l3_matrices").flat.sized(h1=4, h2=2)
    theta = flat.pack(W1, b1, W2, b2, W3, b3)
    value, gradient = flat.value_and_grad(theta, X, Y)
    np.testing.assert_allclose(value, np.sum(d3**2) / 2, rtol=1e-13)
    np.testing.assert_allclose(gradient, expected, rtol=1e-11, atol=1e-14)


# L4: the window classifier


@pytest.mark.parametrize("window", [[7, 2, 5, 2, 0], [1, 1, 1, 1, 1], [0, 1, 2, 3, 8]])
@pytest.mark.parametrize("y", [0.0, 1.0])
def test_l4_gradients(window, y):
    """Delta is shared, and the window's gradient reaches only its words' rows."""
    E, W, b, u = normal(4, (9, 2), (3, 10), 3, 3)
    h = np.tanh(W @ E[window].ravel() + b)
    delta = (scipy.special.expit(u @ h) - y) * u * (1 - h**2)
    pieces = (W.T @ delta).reshape(5, 2)
    by_word = np.zeros_like(E)
    np.add.at(by_word, window, pieces)
    f = load("l4_window")
    gradient = f.grad(E, W, b, u, np.array(window), y)
    np.testing.assert_allclose(gradient.b, delta, rtol=1e-12)
    np.testing.assert_allclose(gradient.W, np.outer(delta, E[window]), rtol=1e-12)
    np.testing.assert_allclose(gradient.E, by_word, rtol=1e-12, atol=1e-15)
    rows, values = f.grad(E, W, b, u, np.array(window), y, sparse=True).E
    np.testing.assert_array_equal(rows, window)
    np.testing.assert_allclose(values, pieces, rtol=1e-12)


def test_l4_statements():
    """Delta is computed once; rows are gathered forward, and added to backward."""
    f = load("l4_window")
    assert "x = E[w].reshape(5*d)" in f.text()
    assert "E_bar = scatter_add(x_bar.reshape(5, d), w)" in adjoints(f)
    assert ["W_bar = outer(z_bar, x)", "b_bar = z_bar"] == adjoints(f)[-3:-1]


# L9: softmax cross-entropy

CROSS_ENTROPY = """
f: param[N, C]
y: index[N]
-mean(log_softmax(f, axis=1)[arange(N), y])
"""


@pytest.mark.parametrize("scale", [1.0, 1000.0])
def test_l9_softmax_minus_onehot(scale):
    """The gradient at the logits is softmax(f) - onehot(y), over N, and is finite."""
    f = scale * np.array([[1.0, -1.0, 0.0], [-1.0, -1.0, 1.0], [0.0, 1.0, -1.0]])
    y = np.array([1, 2, 0])
    value, gradient = ob.compile(CROSS_ENTROPY).value_and_grad(f, y)
    expected = (scipy.special.softmax(f, axis=1) - np.eye(3)[y]) / 3
    np.testing.assert_allclose(gradient.f, expected, rtol=1e-13, atol=1e-300)
    log_p = scipy.special.log_softmax(f, axis=1)[np.arange(3), y]
    np.testing.assert_allclose(value, -log_p.mean(), rtol=1e-14)
    assert "softmax(f, axis=1) - one_hot(y, C)" in ob.compile(CROSS_ENTROPY).text()


def test_l9_regression():
    """The regularised gradient has 2 lambda theta_k, weights and biases alike."""
    W, b, X = normal(5, (3, 4), 3, (6, 4))
    y = np.array([0, 1, 2, 2, 1, 0])
    error = (scipy.special.softmax(X @ W.T + b, axis=1) - np.eye(3)[y]) / 6
    gradient = load("l9_softmax").grad(W, b, X, y, 0.25)
    np.testing.assert_allclose(gradient.W, error.T @ X + 0.5 * W, rtol=1e-12)
    np.testing.assert_allclose(gradient.b, error.sum(0) + 0.5 * b, rtol=1e-12)


# L10: vectorisation


def test_l10_one_matrix_product():
    """W times 500 word vectors is one matrix product, whatever the sizes."""
    f = ob.compile("W: param[C, d]\nX: data[d, N]\nF = W @ X\nF")
    assert 1 == f.forward_source.count(" @ ")
    assert "for " not in f.forward_source
    for C, d, N in ((5, 300, 500), (1, 2, 3), (4, 1, 0)):
        W, X = normal(6, (C, d), (d, N))
        np.testing.assert_allclose(f(W, X), W @ X, rtol=1e-12, atol=1e-13)


# L12: training inside jitted code


def test_l12_steps_in_jitted_code():
    """Gradient steps inside one's own jitted loop are those of NumPy's formulas."""
    from numba import njit

    f = load("l12_training")
    run = f.jit.value_and_grad

    @njit
    def descend(W1, b1, W2, b2, X, y):
        for _ in range(3):
            _, (g1, c1, g2, c2) = run(W1, b1, W2, b2, X, y)
            W1 -= 0.5 * g1
            b1 -= 0.5 * c1
            W2 -= 0.5 * g2
            b2 -= 0.5 * c2

    X, y = normal(7, (6, 4))[0], np.array([0, 1, 2, 2, 1, 0])
    mine, own = (normal(8, (5, 4), 5, (3, 5), 3) for _ in range(2))
    descend(*mine, X, y)
    for _ in range(3):
        H = np.tanh(X @ own[0].T + own[1])
        F = (scipy.special.softmax(H @ own[2].T + own[3], axis=1) - np.eye(3)[y]) / 6
        T = F @ own[2] * (1 - H**2)
        for part, g in zip(own, (T.T @ X, T.sum(0), F.T @ H, F.sum(0)), strict=True):
            np.subtract(part, 0.5 * g, out=part)
    for expected, actual in zip(own, mine, strict=True):
        np.testing.assert_allclose(actual, expected, rtol=1e-11, atol=1e-14)


# L13: Jacobians of arrays


def test_l13_affine():
    """d(Wx + b)/dx is W and d(Wx + b)/db is I."""
    W, x, b = normal(9, (2, 3), 3, 2)
    text = "W: data[m, n]\nx: param[n]\nb: param[m]\nW @ x + b"
    jacobian = ob.compile(text).jacobian(W, x, b)
    np.testing.assert_array_equal(jacobian.x, W)
    np.testing.assert_array_equal(jacobian.b, np.eye(2))


def test_l13_elementwise():
    """The Jacobian of an elementwise function is diag(f'(z))."""
    (z,) = normal(10, 4)
    jacobian = ob.compile("z: param[n]\ntanh(z)").jacobian(z).z
    np.testing.assert_allclose(jacobian, np.diag(1 - np.tanh(z) ** 2), rtol=1e-13)


def test_l13_two_conventions():
    """The Jacobian of u^T h in u is a row; the gradient has the shape of u."""
    u, h = normal(11, 3, 3)
    f = ob.compile("u: param[n]\nh: data[n]\nu @ h")
    np.testing.assert_array_equal(f.grad(u, h).u, h)
    np.testing.assert_array_equal(f.flat.jacobian(u, h), h)


# Ridge regression


def test_ridge_leave_one_out():
    """The leave-one-out error is that of leaving each point out."""
    X, y, r = normal(12, (8, 3), 8, 3)
    left = []
    for i in range(8):
        Xi, yi = np.delete(X, i, 0), np.delete(y, i)
        w = np.linalg.solve(Xi.T @ Xi + np.diag(np.exp(r)), Xi.T @ yi)
        left.append(y[i] - X[i] @ w)
    f = load("ridge")
    np.testing.assert_allclose(f(r, X, y), np.mean(np.square(left)), rtol=1e-11)
    assert f.check(r, X, y)


# The pictures


def curves():
    """Return the module that draws the examples' curves."""
    spec = importlib.util.spec_from_file_location("curves", EXAMPLES / "curves.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("log", [False, True])
def test_curves_are_drawn_inside(log):
    """A picture is XML; curves, points and names lie inside, names apart."""
    x = np.arange(1.0, 6.0)
    named = {"<a>": (x, 1 / x), "b": (x, 1 / x + 1e-3), "c": (x, x)}
    low_high = (x, 0.5 / x, 2 / x)
    picture = curves().svg(
        named, "title", ("x", "y"), points=(x, 2 / x), band=low_high, log=log
    )
    root = ET.fromstring(picture)  # noqa: S314 # drawn right here
    width, height = float(root.get("width")), float(root.get("height"))
    tag = "{http://www.w3.org/2000/svg}"
    lines = root.findall(f"{tag}polyline")
    assert len(named) == len(lines)
    for line in [*lines, *root.findall(f"{tag}polygon")]:
        places = np.array([p.split(",") for p in line.get("points").split()], float)
        assert np.all((places > 0) & (places < [width, height]))
    names = [t for t in root.findall(f"{tag}text") if t.text in named]
    heights = sorted(float(t.get("y")) for t in names)
    assert 3 == len(heights)
    assert all(np.diff(heights) > 12)
