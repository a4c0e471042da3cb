"""Test derivatives of determinants against SymPy's, at singular matrices above all."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp
from sympy.polys.matrices import DomainMatrix

import overbar as ob
from overbar.derive.forward import forward
from overbar.derive.reverse import reverse
from overbar.ir.errors import InputError, UnsupportedError
from overbar.ir.evaluate import evaluate, evaluate_exactly
from overbar.ir.graph import Graph
from overbar.ir.types import F64, dim

OPS = ("cofactor", "cofactor_slope", "cofactor_curve")
RNG = np.random.default_rng(11)
DET = ob.compile("A: param[n, n]\ndet(A)")


def of_rank(n, rank):
    """Return a matrix of small integers of a rank, not aligned with the axes."""
    left, right = RNG.integers(-3, 4, (n, rank)), RNG.integers(-3, 4, (rank, n))
    return (left @ right).astype(float)


MATRICES = [
    *(of_rank(n, rank) for n in range(1, 6) for rank in range(n + 1)),
    *(np.diag(d) for d in ([2.0, 0, 3, -1], [0.0, 0, 3, -1], [0.0, 0, 0, -1])),
    np.diag([1.0, -2, 3])[[1, 0, 2]],
    np.ones((4, 4)),
]
ids = [f"{len(m)} rank {np.linalg.matrix_rank(m)} {k}" for k, m in enumerate(MATRICES)]
EVERY = pytest.mark.parametrize("matrix", MATRICES, ids=ids)


def exact(matrix, *along):
    """Return the derivative of the gradient of det along matrices, by SymPy."""
    steps = sp.symbols("s t")
    moved = sp.Matrix(matrix.astype(int))
    for t, e in zip(steps, along, strict=False):
        moved += t * sp.Matrix(e.astype(int))
    whole = DomainMatrix.from_Matrix(moved).convert_to(sp.ZZ[steps]).to_dense()
    degrees = [int(k < len(along)) for k in range(2)]
    term = steps[0] ** degrees[0] * steps[1] ** degrees[1]
    found = np.empty_like(matrix)
    for i, j in np.ndindex(matrix.shape):
        rows, columns = ([k for k in range(len(matrix)) if k != p] for p in (i, j))
        minor = sp.ZZ[steps].to_sympy(whole.extract(rows, columns).det())
        sign = (-1) ** (i + j)
        found[i, j] = sign * sp.Poly(minor, *steps).coeff_monomial(term)
    return found


def directions(matrix, count):
    """Return matrices of small integers."""
    return RNG.integers(-3, 4, (count, *matrix.shape)).astype(float)


def close(expected, found, size=10.0):
    """Compare with what rounding allows products of some numbers of a size."""
    return np.allclose(expected, found, rtol=1e-12, atol=1e-15 * size**5)


@EVERY
def test_gradient(matrix):
    """The gradient of a determinant is the matrix of cofactors, singular or not."""
    assert close(exact(matrix), DET.grad(matrix).A)


@EVERY
@pytest.mark.parametrize("order", [0, 1, 2])
def test_ops(matrix, order):
    """Cofactors and their derivatives are SymPy's, evaluated, exactly and compiled."""
    along = directions(matrix, order)
    expected = exact(matrix, *along)
    graph = Graph()
    kind = F64.of((dim("n"), dim("n")))
    inputs = [graph.input(f"x{k}", "param", kind) for k in range(order + 1)]
    node = graph.make(OPS[order], inputs)
    given = {f"x{k}": v for k, v in enumerate([matrix, *along])}
    assert close(expected, evaluate(graph, given, [node])[node])
    found = evaluate_exactly(graph, given, [node], 30)[node]
    assert np.allclose(expected, found.astype(float), rtol=1e-15, atol=1e-20)


def test_hessian():
    """Second derivatives at a singular matrix are those of the cofactors."""
    matrix = of_rank(4, 2)
    hessian = DET.hessian(matrix).A.A
    for e in directions(matrix, 3):
        found = np.tensordot(hessian, e, 2)
        assert close(exact(matrix, e), found)
        assert close(exact(matrix, e), DET.hvp((matrix,), (e,)).A)


def test_third_derivative():
    """Reverse and forward agree to the third order, at a matrix of rank n - 2."""
    matrix, (e, f, g) = of_rank(4, 2), directions(of_rank(4, 2), 3)
    graph = Graph()
    kind = F64.of((4, 4))
    a, de, df = (graph.input(name, "param", kind) for name in "aef")
    root = graph.make("det", (a,))
    for direction in (de, df):
        root = forward(graph, {a: direction}, [root])[root]
    bars = reverse(graph, {root: graph.const(1.0)}, [a, de])
    given = {"a": matrix, "e": e, "f": f}
    found = evaluate(graph, given, [bars[a], bars[de]])
    assert close(exact(matrix, e, f), found[bars[a]])
    assert close(exact(matrix, f), found[bars[de]])
    dot = forward(graph, {a: graph.input("g", "param", kind)}, [root])[root]
    value = evaluate(graph, given | {"g": g}, [dot])[dot]
    assert close(np.sum(exact(matrix, e, f) * g), value)


def test_fourth_derivative():
    """Derivatives of determinants beyond the third are refused."""
    graph = Graph()
    a, e = (graph.input(name, "param", F64.of((4, 4))) for name in "ae")
    root = graph.make("cofactor_curve", (a, e, e))
    message = (
        "expected derivatives of a determinant up to the third order, found the fourth"
    )
    total = graph.make("sum", (root,), ((0, 1),))
    with pytest.raises(UnsupportedError, match=message):
        reverse(graph, {total: graph.const(1.0)}, [a])
    with pytest.raises(UnsupportedError, match=message):
        forward(graph, {a: e}, [total])
    along = reverse(graph, {total: graph.const(1.0)}, [e])[e]
    assert e.type == along.type


def test_stack():
    """In a stack, some singular, every determinant has its own cofactors."""
    f = ob.compile("A: param[k, n, n]\nw: data[k]\nsum(w*det(A))")
    stack, w = np.array([of_rank(3, r) for r in range(4)]), np.arange(1.0, 5)
    expected = [v * exact(m) for v, m in zip(w, stack, strict=True)]
    assert close(np.array(expected), f.grad(stack, w).A)
    e = directions(stack[0], 4)
    expected = [v * exact(m, x) for v, m, x in zip(w, stack, e, strict=True)]
    assert close(np.array(expected), f.hvp((stack, w), (e,)).A)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_not_finite(bad):
    """What is no number stays none in the gradient, without a refusal."""
    matrix = np.eye(3)
    matrix[1, 2] = bad
    assert np.isnan(DET.grad(matrix).A[1, 2]) or np.isinf(DET.grad(matrix).A[1, 2])


def test_logarithm_at_a_singular_matrix():
    """log|det| is -inf there, as NumPy has it, and has no derivative."""
    f = ob.compile("A: param[n, n]\nslogdet(A)[1]")
    assert -np.inf == f(np.ones((2, 2)))
    with pytest.raises(InputError, match="inv expects an invertible matrix"):
        f.grad(np.ones((2, 2)))


def test_float32():
    """A gradient in float32 is float32."""
    a = ob.param("A", ("n", "n"), dtype="float32")
    found = ob.compile(np.linalg.det(a)).grad(np.ones((3, 3), np.float32)).A
    assert np.float32 == found.dtype
    assert np.allclose(np.zeros((3, 3)), found, atol=1e-6)
