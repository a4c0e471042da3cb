"""Programs in plain NumPy: traced, they give the value and gradient of the program."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.special

import overbar as ob

SIZES = {"n": 4, "d": 3, "m": 2, "k": 5}


def attention(Q, K, V):
    """Attend, with a softmax written out."""
    scores = Q @ K.T / np.sqrt(Q.shape[-1])
    weights = np.exp(scores - scores.max(axis=1, keepdims=True))
    weights = weights / weights.sum(axis=1, keepdims=True)
    return np.sum((weights @ V) ** 2)


def process(X, y, scale, noise):
    """Return the negative log-likelihood of a Gaussian process."""
    squares = np.sum(X**2, axis=1)
    distances = squares[:, None] + squares[None, :] - 2 * X @ X.T
    K = np.exp(-0.5 * distances / scale**2) + noise * np.eye(4)
    return 0.5 * y @ np.linalg.solve(K, y) + 0.5 * np.linalg.slogdet(K)[1]


def logistic(w, b, X, y):
    """Return the loss of a logistic regression."""
    margins = y * (X @ w + b)
    return np.mean(np.logaddexp(0, -margins)) + 0.1 * np.dot(w, w)


def mixture(mu, log_sigma, X):
    """Return the log-likelihood of a mixture of Gaussians."""
    scaled = (X[:, None, :] - mu[None]) * np.exp(-log_sigma)[None, :, None]
    logs = -0.5 * np.sum(scaled**2, axis=-1) - X.shape[1] * log_sigma
    top = logs.max(axis=1)
    return np.sum(np.log(np.sum(np.exp(logs - top[:, None]), axis=1)) + top)


def recurrent(W, U, x):
    """Run a recurrent network over the rows of x."""
    h = np.zeros(3)
    for row in x:
        h = np.tanh(W @ h + U @ row)
    return h.sum()


def rosenbrock(x):
    """Return the function of the banana-shaped valley."""
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def words(E, W, w):
    """Score the mean of some rows of E."""
    return np.sum(np.maximum(W @ np.mean(E[w], axis=0), 0))


def labels(X, y):
    """Return the cross-entropy of labels."""
    logs = X - np.log(np.exp(X).sum(axis=1))[:, None]
    return -np.mean(logs[np.arange(4), y])


def smooth(x):
    """Average neighbours, three at a time, and count what stands out."""
    means = np.convolve(x, np.ones(3) / 3, mode="valid")
    return np.sum(np.where(means > 0, means**2, np.abs(means))) + np.std(x)


def polynomial(c, x):
    """Evaluate a polynomial by Horner's rule."""
    total = 0.0
    for coefficient in c[::-1]:
        total = total * x + coefficient
    return np.sum(total)


def volume(A):
    """Return a sum over a matrix's inverse, determinant and Cholesky factor."""
    B = A @ A.T + np.eye(3)
    L = np.linalg.cholesky(B)
    return np.sum(np.linalg.inv(B)) + np.linalg.det(B) + np.sum(np.log(np.diag(L)))


def einsums(A, B, x):
    """Contract in several ways."""
    C = np.einsum("ij,jk->ik", A, B)
    return np.einsum("ik,k,i->", C, x, np.tanh(C @ x)) + np.tensordot(A, A, axes=2)


def tables(x, R):
    """Take arrays apart and put them together."""
    rows = np.concatenate([R, np.outer(x[:2], np.arange(3.0))])
    grid = np.stack([rows.T, rows.T * 2], axis=-1).reshape(3, -1)
    return np.sum(np.cumsum(grid, axis=1)[:, ::2] ** 2) + np.prod(np.tile(x, 2)[1:4])


PROGRAMS = (
    (attention, {"Q": ("n", "d"), "K": ("k", "d"), "V": ("k", "m")}),
    (attention, {"Q": (2, 3), "K": (4, 3), "V": (4, 1)}),
    (process, {"X": (4, "d"), "y": (4,), "scale": (), "noise": ()}),
    (logistic, {"w": ("d",), "b": (), "X": ("n", "d"), "y": ("n",)}),
    (mixture, {"mu": ("m", "d"), "log_sigma": ("m",), "X": ("n", "d")}),
    (recurrent, {"W": (3, 3), "U": (3, "m"), "x": (4, "m")}),
    (rosenbrock, {"x": ("n",)}),
    (words, {"E": ("k", "d"), "W": ("m", "d"), "w": (("n",), "int64")}),
    (labels, {"X": (4, "m"), "y": ((4,), "int64")}),
    (smooth, {"x": ("k",)}),
    (polynomial, {"c": (4,), "x": ("n",)}),
    (volume, {"A": (3, "n")}),
    (einsums, {"A": ("n", "d"), "B": ("d", "k"), "x": ("k",)}),
    (tables, {"x": (3,), "R": (2, 3)}),
)  # fmt: skip


def arguments(inputs):
    """Return random arguments of the shapes."""
    numbers = np.random.default_rng(3)
    found = {}
    for name, spec in inputs.items():
        whole = len(spec) == 2 and isinstance(spec[0], tuple)
        shape = [SIZES.get(e, e) for e in (spec[0] if whole else spec)]
        found[name] = (
            numbers.integers(0, 2, shape) if whole else numbers.uniform(0.2, 1.5, shape)
        )
    return found


def differences(function, given, name, step=1e-6):
    """Return the gradient by central differences."""
    base = given[name]
    found = np.zeros(base.shape)
    for index in np.ndindex(base.shape):
        ends = []
        for sign in (1, -1):
            moved = base.copy()
            moved[index] += sign * step
            ends.append(function(**{**given, name: moved}))
        found[index] = (ends[0] - ends[1]) / (2 * step)
    return found


@pytest.mark.parametrize("i", range(len(PROGRAMS)))
@pytest.mark.parametrize("backend", ["reference", "python"])
def test_programs(i, backend):
    """Value and gradient are the program's own, by NumPy and by differences."""
    function, inputs = PROGRAMS[i]
    given = arguments(inputs)
    f = ob.compile(function, inputs=inputs, backend=backend)
    value, gradient = f.value_and_grad(**given)
    assert pytest.approx(function(**given), rel=1e-12) == value
    assert f.options.wrt == tuple(n for n in given if given[n].dtype.kind == "f")
    for name in f.options.wrt:
        expected = differences(function, given, name)
        np.testing.assert_allclose(gradient[name], expected, 1e-6, 1e-7)


def test_expit():
    """SciPy's ufuncs are known too."""
    f = ob.compile(
        lambda x: np.sum(scipy.special.xlogy(x, scipy.special.expit(x))),
        inputs={"x": ("n",)}, backend="reference",
    )  # fmt: skip
    x = np.array([0.0, 1.0])
    assert pytest.approx(np.log(scipy.special.expit(1.0))) == f(x)
