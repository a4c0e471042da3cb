"""Test the gradient through a Cholesky factor in the forms that it takes apart."""

from __future__ import annotations

import numpy as np
import pytest

import overbar as ob

RNG = np.random.default_rng(17)
N = 5
ROOT = RNG.standard_normal((N, N))
K = ROOT @ ROOT.T + np.diag(np.arange(1.0, N + 1))
Y, Z, W = RNG.standard_normal((3, N))
INVERSE = np.linalg.inv(K)
ALPHA, BETA = INVERSE @ Y, INVERSE @ Z

HEAD = "K: param[n, n]\ny: data[n]\nz: data[n]\nw: data[n]\nL = cholesky(K)\n"
A = "a = solve_triangular(L, y, lower=True)\n"
B = "b = solve_triangular(L, z, lower=True)\n"
LOGS = "sum(log(diag(L)))"
KNOWN = {
    "likelihood": (A + f"0.5*sum(a**2) + {LOGS}", INVERSE - np.outer(ALPHA, ALPHA)),
    "twice": (A + f"-3*sum(a**2) - 2*{LOGS}", 6 * np.outer(ALPHA, ALPHA) - 2 * INVERSE),
    "weights": (
        A + f"x = solve_triangular(L.T, a)\n0.5*y @ x + {LOGS}",
        INVERSE - np.outer(ALPHA, ALPHA),
    ),
    "trans": (
        A + f"x = solve_triangular(L, a, trans='T', lower=True)\n0.5*y @ x - {LOGS}",
        -INVERSE - np.outer(ALPHA, ALPHA),
    ),
    "logarithms": (f"2*{LOGS}", 2 * INVERSE),
    "one logarithm": ("log(prod(diag(L)))", INVERSE),
    "product": (A + B + "a @ b", -np.outer(ALPHA, BETA) - np.outer(BETA, ALPHA)),
    "sum of two": (
        A + B + "sum(a**2) + sum(b**2)",
        -2 * np.outer(ALPHA, ALPHA) - 2 * np.outer(BETA, BETA),
    ),
    "part of it": (
        f"0.5*y @ solve(K, y) + {LOGS}", INVERSE - np.outer(ALPHA, ALPHA),
    ),
}  # fmt: skip
"""Formulas, and twice their gradients where K stays symmetric, by hand."""
UNKNOWN = {
    "weighted logarithms": "sum(w*log(diag(L)))",
    "entries": "sum(L**2)",
    "diagonal": "sum(w*diag(L)**3)",
    "row": "w @ L @ y",
    "column": "sum((L @ y)**3)",
    "solved cubes": A + "sum(a**3)",
    "all": A + B + f"sum(a**3) - a @ b*3 + {LOGS} + w @ L @ y + sum(w*log(diag(L)))",
    "upper triangle": "sum(triu(L)) + sum(w*triu(L.T)[0])",
}
LOGARITHMS = ob.compile("K: param[n, n]\nsum(log(diag(cholesky(K))))")
TEXTS = UNKNOWN | {name: text for name, (text, _) in KNOWN.items()}
FUNCTIONS = {
    name: ob.compile(HEAD + text, backend="python") for name, text in TEXTS.items()
}


def mirrored(bar):
    """Return twice the gradient in a symmetric matrix."""
    return bar + bar.T


@pytest.mark.parametrize("name", KNOWN)
def test_known(name):
    """Where the adjoint of the factor is simple, gradients have their closed form."""
    found = mirrored(FUNCTIONS[name].grad(K, Y, Z, W).K)
    assert np.allclose(KNOWN[name][1], found, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("name", ["likelihood", "twice", "weights", "trans"])
def test_likelihood_reads_like_the_book(name):
    """It needs no product of matrices and no solve with a matrix on the right."""
    text = FUNCTIONS[name].text().rpartition("out_bar = ")[2]
    assert "inv(L @ L.T)" in text
    assert " @ " not in text.replace("L @ L.T", "").replace("y @ ", "")
    assert "cholesky_inverse(L)" in FUNCTIONS[name].source


@pytest.mark.parametrize("name", FUNCTIONS)
def test_derivatives(name):
    """First and second derivatives agree with differences in high precision."""
    f = FUNCTIONS[name]
    assert f.check(K, Y, Z, W)
    step = RNG.standard_normal((N, N))
    moved = [f.grad(K + h * step, Y, Z, W).K for h in (-1e-6, 1e-6)]
    expected = (moved[1] - moved[0]) / 2e-6
    found = f.hvp((K, Y, Z, W), (step,)).K
    assert np.allclose(expected, found, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("n", [1, 47, 48, 49, 100])
def test_inverse(n):
    """The inverse of L L^T is right about the sizes of blocks, also in a stack."""
    lower = np.tril(RNG.standard_normal((n, n))) / n + np.eye(n)
    found = mirrored(LOGARITHMS.grad(lower @ lower.T).K)
    assert np.allclose(np.linalg.inv(lower @ lower.T), found, rtol=1e-9, atol=1e-10)


def test_stack():
    """In a stack every factor has its own adjoint."""
    f = ob.compile(
        "K: param[k, n, n]\nL = cholesky(K)\nsum(log(diagonal(L, axis1=1, axis2=2)))"
    )
    stack = np.array([K, K + np.eye(N)])
    found = f.grad(stack).K
    expected = [np.linalg.inv(k) for k in stack]
    assert np.allclose(expected, found + np.swapaxes(found, 1, 2), rtol=1e-12)
