"""Hold the lectures' entries in vectors and matrices to their exact results.

The sections' numbers are those of the lecture notes: Grosse (2, 3), the wiki (3),
CS224N (4, 9, 13) and He He (14). Gradients are written down here as the lectures do.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit, log_softmax, softmax

import overbar as ob
from overbar.rewrite.stabilise_softmax import SOFTMAX

RANDOM = np.random.default_rng(224)


def close(expected, actual, rtol=1e-12):
    """Fail unless two arrays have one shape and agree."""
    assert np.shape(expected) == np.shape(actual)
    np.testing.assert_allclose(actual, expected, rtol=rtol, atol=rtol)


# L2: the multilayer perceptron

DECLARED = """
W1: param[p, n]
b1: param[p]
W2: param[q, p]
b2: param[q]
x: data[n]
t: data[q]
"""
VECTORS = """
z = W1 @ x + b1
h = sigmoid(z)
y = W2 @ h + b2
L = sum((y - t)**2)/2
L
"""
INDICES = """
z[i] = sum(W1[i, j]*x[j] for j in n) + b1[i]
h[i] = sigmoid(z[i])
y[k] = sum(W2[k, i]*h[i] for i in p) + b2[k]
L = sum((y[k] - t[k])**2 for k in q)/2
L
"""


def perceptron(p, x, t):
    """Return the squared error of a network with one hidden layer."""
    z = p["W1"] @ x + p["b1"]
    h = 1 / (1 + np.exp(-z))
    y = p["W2"] @ h + p["b2"]
    return np.sum((y - t) ** 2) / 2


SHAPES = {
    "p": {"W1": ("p", "n"), "b1": ("p",), "W2": ("q", "p"), "b2": ("q",)},
    "x": ("n",),
    "t": ("q",),
}


def network():
    """Return weights, a point and a target, with what the lecture derives for them."""
    W1, b1 = RANDOM.normal(size=(4, 3)), RANDOM.normal(size=4)
    W2, b2 = RANDOM.normal(size=(2, 4)), RANDOM.normal(size=2)
    x, t = RANDOM.normal(size=3), RANDOM.normal(size=2)
    h = expit(W1 @ x + b1)
    y_bar = W2 @ h + b2 - t
    z_bar = W2.T @ y_bar * h * (1 - h)
    adjoints = np.outer(z_bar, x), z_bar, np.outer(y_bar, h), y_bar
    return (W1, b1, W2, b2), (x, t), y_bar @ y_bar / 2, adjoints


BACKWARD = """\
L_bar = 1
y_bar = L_bar*(y - t)
h_bar = W2.T @ y_bar
z_bar = h_bar*h*(1 - h)
W1_bar = outer(z_bar, x)
b1_bar = z_bar
W2_bar = outer(y_bar, h)
b2_bar = y_bar
"""


@pytest.mark.parametrize("body", [VECTORS, INDICES])
def test_l2_backward(body):
    """Both forms of the network have the lecture's backward pass."""
    f = ob.compile(DECLARED + body)
    assert BACKWARD == f.text().split("\n\n")[1]
    params, data, value, adjoints = network()
    close(value, f(*params, *data))
    for expected, actual in zip(adjoints, f.grad(*params, *data), strict=True):
        close(expected, actual)
    assert f.check(*params, *data)


def test_l2_forms_are_one_program():
    """The index form and the vector form give one graph."""
    vectors, indices = (ob.compile(DECLARED + b) for b in (VECTORS, INDICES))
    assert vectors == indices
    assert vectors.text() == indices.text()


def test_l2_from_python():
    """A Python function of dicts of arrays has the same gradients."""
    f = ob.compile(perceptron, wrt="p", inputs=SHAPES)
    params, data, value, adjoints = network()
    given = dict(zip(("W1", "b1", "W2", "b2"), params, strict=True))
    close(value, f(given, *data))
    for expected, actual in zip(adjoints, f.grad(given, *data), strict=True):
        close(expected, actual)
    np.testing.assert_array_equal(f.flat.pack(given), f.flat.pack(*params))


# L3: parameters, data and one long vector


def test_l3_one_long_vector():
    """Matrices of several shapes unroll into one vector, and come back."""
    f = ob.compile(DECLARED + VECTORS)
    params, data, value, adjoints = network()
    theta = f.flat.pack(*params)
    assert (4 * 3 + 4 + 2 * 4 + 2,) == theta.shape
    close(np.concatenate([p.ravel() for p in params]), theta)
    for param, back in zip(params, f.flat.unpack(theta, *data), strict=True):
        np.testing.assert_array_equal(param, back)
    close(value, f.flat.value(theta, *data))
    close(np.concatenate([a.ravel() for a in adjoints]), f.flat.grad(theta, *data))
    found = minimize(f.flat.value_and_grad, theta, data, jac=True)
    assert found.fun < 1e-9  # four units fit one point


# L4: the window classifier

WINDOW = """
E: param[v, d]
W: param[m, 5*d]
b: param[m]
u: param[m]
w: index[5]
x = reshape(E[w], 5*d)
z = W @ x + b
h = tanh(z)
s = u @ h
s
"""


def test_l4_matrix_gradients():
    """The score's gradients are u o f'(z), delta x^T and W^T delta."""
    f = ob.compile("W: param[m, n]\nb: param[m]\nu: param[m]\nx: param[n]\n"
                   "z = W @ x + b\nh = tanh(z)\ns = u @ h\ns")  # fmt: skip
    W, b, u, x = (RANDOM.normal(size=s) for s in ((3, 5), 3, 3, 5))
    h = np.tanh(W @ x + b)
    delta = u * (1 - h**2)
    gradient = f.grad(W, b, u, x)
    close(delta, gradient.b)
    close(np.outer(delta, x), gradient.W)
    close(W.T @ delta, gradient.x)
    close(h, gradient.u)
    assert 1 == f.text().count("(1 - h**2)")  # computed once and shared


def test_l4_gradients_reach_the_windows_words():
    """A window's gradient reaches its words' rows; what comes twice has the sum."""
    f = ob.compile(WINDOW)
    E, W = RANDOM.normal(size=(9, 2)), RANDOM.normal(size=(3, 10))
    b, u, words = RANDOM.normal(size=3), RANDOM.normal(size=3), [4, 1, 7, 1, 0]
    x = E[words].ravel()
    h = np.tanh(W @ x + b)
    x_bar = W.T @ (u * (1 - h**2))
    expected = np.zeros((9, 2))
    for word, piece in zip(words, x_bar.reshape(5, 2), strict=True):
        expected[word] += piece
    args = E, W, b, u, words
    close(u @ h, f(*args))
    close(expected, f.grad(*args).E)
    close(np.outer(u * (1 - h**2), x), f.grad(*args).W)
    assert f.check(*args)


# L9: softmax cross-entropy with L2 regularisation

CROSS_ENTROPY = """
theta: param[c, d]
X: data[n, d]
y: index[n]
lam: data = 0.01
F = X @ theta.T
p = log_softmax(F, axis=1)
J = -sum(p[arange(n), y])/n + lam*sum(theta**2)
J
"""
INDEXED = """
theta: param[c, d]
X: data[n, d]
y: index[n]
lam: data = 0.01
F[i, k] = sum(X[i, j]*theta[k, j] for j in d)
J = sum(logsumexp(F[i, k] for k in c) - F[i, y[i]] for i in n)/n + lam*sum(theta**2)
J
"""


@pytest.mark.parametrize("text", [CROSS_ENTROPY, INDEXED])
@pytest.mark.parametrize("scale", [1.0, 1000.0])
def test_l9(text, scale):
    """The gradient at the logits is softmax less one-hot, finite at any size."""
    f = ob.compile(text)
    theta, X = scale * RANDOM.normal(size=(4, 3)), RANDOM.normal(size=(6, 3))
    y = np.array([0, 3, 1, 1, 2, 0])
    F = X @ theta.T
    value = -log_softmax(F, axis=1)[np.arange(6), y].mean() + 0.01 * np.sum(theta**2)
    expected = ((softmax(F, axis=1) - np.eye(4)[y]) / 6).T @ X + 0.02 * theta
    close(value, f(theta, X, y), 1e-11)
    gradient = f.grad(theta, X, y).theta
    np.testing.assert_allclose(gradient, expected, rtol=1e-11, atol=1e-11 * scale)
    assert f.check(theta, X, y) or scale > 1


@pytest.mark.parametrize(
    "text",
    [
        "f: param[c]\ny: index\n-log_softmax(f)[y]",
        "f: param[c]\ny: index\nlogsumexp(f) - f[y]",
        "f: param[c]\ny: index\n-log(exp(f[y])/sum(exp(f)))",
        "f: param[c]\ny: index\n-log((exp(f)/sum(exp(f)))[y])",
        "f: param[c]\ny: index\nlog(sum(exp(f))) - f[y]",
    ],
)
def test_l9_logits_of_a_thousand(text):
    """For logits of +-1000 the loss and its gradient are right, written any way."""
    g = ob.compile(text, "f")
    logits = np.array([1000.0, -1000.0, 999.0])
    for y in range(3):
        close(-log_softmax(logits)[y], g(logits, y))
        close(softmax(logits) - np.eye(3)[y], g.grad(logits, y))


def test_every_row_on_softmax_is_used():
    """The ways of writing the loss go through each of the rows on softmax."""
    texts = (
        "log(sum(exp(f))) - f[y]",
        "-log(exp(f[y])/sum(exp(f)))",
        "-log((exp(f)/sum(exp(f)))[y])",
    )
    found = {
        algebra
        for text in texts
        for algebra, _ in ob.compile(f"f: param[c]\ny: index\n{text}").graph.rewrites
    }
    assert found >= {rule.algebra for rule in SOFTMAX}


# L13: Jacobians


def test_l13_jacobians():
    """Jacobians of f(z), W x + b and u^T h in either convention."""
    W, b, x, u = (RANDOM.normal(size=s) for s in ((3, 4), 3, 4, 4))
    elementwise = ob.compile("z: param[n]\ntanh(z)", "z")
    close(np.diag(1 - np.tanh(x) ** 2), elementwise.jacobian(x))
    affine = ob.compile("W: param[m, n]\nx: param[n]\nb: param[m]\nW @ x + b")
    jacobian = affine.jacobian(W, x, b)
    close(W, jacobian.x)
    close(np.eye(3), jacobian.b)
    close(np.einsum("ik,l->ikl", np.eye(3), x), jacobian.W)
    product = ob.compile("u: param[n]\nh: param[n]\nu @ h")
    close(x, product.jacobian(u, x).u)
    close(x, product.grad(u, x).u)  # the shape convention


def test_l13_chain_rule():
    """The Jacobian of a composition is the product of the Jacobians."""
    A, x = RANDOM.normal(size=(3, 4)), RANDOM.normal(size=4)
    inner = ob.compile("x: param[n]\nA: data[m, n]\ntanh(A @ x)", "x")
    outer = ob.compile("z: param[m]\nz**2/sum(z)", "z")
    both = ob.compile("x: param[n]\nA: data[m, n]\nz = tanh(A @ x)\nz**2/sum(z)", "x")
    product = outer.jacobian(inner(x, A)) @ inner.jacobian(x, A)
    close(product, both.jacobian(x, A), 1e-11)


def test_l13_cube():
    """x^3 has slope 3 at 1 and 48 at 4."""
    f = ob.compile("x: param[n]\nx**3", "x")
    close(np.diag([3.0, 48.0]), f.jacobian([1.0, 4.0]))


# L14: He He's examples

TANH_UNITS = """
w0: param
w: param[3]
v: param[3]
b: param[3]
X: data[n]
y: data[n]
f[i] = w0 + sum(w[k]*tanh(v[k]*X[i] + b[k]) for k in 3)
risk = sum((f[i] - y[i])**2 for i in n)/n
risk
"""


def test_l14_tanh_units():
    """Three tanh units on a line: theta in R^10, and the risk's gradient."""
    f = ob.compile(TANH_UNITS)
    w0, (w, v, b) = 0.3, RANDOM.normal(size=(3, 3))
    X, y = RANDOM.normal(size=7), RANDOM.normal(size=7)
    h = np.tanh(np.outer(X, v) + b)
    r = w0 + h @ w - y
    back = 2 / 7 * r[:, None] * w * (1 - h**2)
    close(np.mean(r**2), f(w0, w, v, b, X, y))
    gradient = f.grad(w0, w, v, b, X, y)
    close(2 / 7 * r.sum(), gradient.w0)
    close(2 / 7 * r @ h, gradient.w)
    close(X @ back, gradient.v)
    close(back.sum(0), gradient.b)
    assert (10,) == f.flat.pack(w0, w, v, b).shape
    assert (10, 10) == f.flat.hessian(f.flat.pack(w0, w, v, b), X, y).shape


def test_l14_ridge():
    """Ridge regression on one point: dJ/dw = -2 r x + 2 lambda w, dJ/db = -2 r."""
    f = ob.compile(
        "w: param[d]\nb: param\nx: data[d]\ny: data\nlam: data = 0.1\n"
        "yhat = w @ x + b\nr = y - yhat\nJ = r**2 + lam*(w @ w)\nJ"
    )
    w, x, b, y, lam = RANDOM.normal(size=4), RANDOM.normal(size=4), 0.2, 1.5, 0.7
    r = y - (w @ x + b)
    gradient = f.grad(w, b, x, y, lam)
    close(-2 * r * x + 2 * lam * w, gradient.w)
    close(-2 * r, gradient.b)
    close(2 * np.outer(x, x) + 2 * lam * np.eye(4), f.hessian(w, b, x, y, lam).w.w)
    xs, ys = RANDOM.normal(size=(6, 4)), RANDOM.normal(size=6)
    rs = ys - (xs @ w + b)
    close(-2 * rs[:, None] * xs + 2 * lam * w, f.batch.grad(w, b, xs, ys, lam).w)


def test_l14_descent():
    """Training by one random point a step finds the least squares."""
    f = ob.compile("w: param[d]\nb: param\nx: data[d]\ny: data\n(y - w @ x - b)**2")
    truth, X = np.array([1.0, -2.0, 0.5]), RANDOM.normal(size=(200, 3))
    y = X @ truth + 3.0
    w, b = np.zeros(3), 0.0
    for i in np.random.default_rng(0).integers(200, size=1000):
        _, gradient = f.value_and_grad(w, b, X[i], float(y[i]))
        w, b = w - 0.05 * gradient.w, b - 0.05 * gradient.b
    close(truth, w, 1e-9)
    close(3.0, b, 1e-9)


def test_l14_affine_map():
    """An affine map written by index is the product of the matrix and the vector."""
    text = "M: param[m, n]\na: data[n]\nc: data[m]\n"
    index = ob.compile(text + "b[i] = sum(M[i, k]*a[k] for k in n) + c[i]\nb")
    vector = ob.compile(text + "b = M @ a + c\nb")
    assert vector == index
    M, a, c = (RANDOM.normal(size=s) for s in ((2, 3), 3, 2))
    close(M @ a + c, index(M, a, c))
