"""Test SymPy's matrices, indexed sums and array expressions against NumPy."""

# ruff: noqa: PLW0108 - NumPy's forms take inputs by name

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import sympy as sp
from sympy.matrices import expressions as mx
from sympy.tensor.array import expressions as ax

import overbar as ob
from overbar.derive.reverse import reverse
from overbar.ir.errors import InputError, OverbarError, ShapeError, UnsupportedError
from overbar.ir.evaluate import evaluate
from overbar.ir.graph import Graph
from overbar.ir.types import size_of
from overbar.ir.verify import verify
from overbar.levels import rewrite_for
from overbar.read.symbolic import flatten, read_sympy

if TYPE_CHECKING:
    from collections.abc import Callable

m, n, k, q, p = sp.symbols("m n k q p", integer=True)
s = sp.Symbol("s")
i, j = sp.Idx("i", m), sp.Idx("j", n)
A = sp.MatrixSymbol("A", m, n)
X, Y = sp.MatrixSymbol("X", n, n), sp.MatrixSymbol("Y", n, n)
u, v, b = (sp.MatrixSymbol(name, n, 1) for name in "uvb")
c = sp.MatrixSymbol("c", m, 1)
W, Z, x, y, w = (sp.IndexedBase(name) for name in "WZxyw")
a3, b3 = ax.ArraySymbol("a", (m, n)), ax.ArraySymbol("d", (n, 2, 3))
SIZES = {"m": 3, "n": 4, "p": 2}


def _label(value: Any) -> str | None:
    """Return an expression as a test's name; functions have no lasting one."""
    return None if callable(value) and not hasattr(value, "args") else str(value)[:60]


def read(expr: Any, inputs: Any = None) -> Graph:
    """Return the graph of a formula."""
    graph = Graph(rewrite=rewrite_for("standard"))
    read_sympy(flatten(expr)[0], graph, inputs)
    verify(graph)
    return graph


def point(graph: Graph, seed: int = 0) -> dict[str, Any]:
    """Return random values of a graph's inputs; square ones regular."""
    rng = np.random.default_rng(seed)
    found: dict[str, Any] = {}
    for name, node in graph.inputs.items():
        shape = tuple(size_of(e, SIZES) for e in node.type.shape)
        if node.type.is_float:
            value = rng.uniform(0.2, 1.0, shape)
            square = len(shape) == 2 and shape[0] == shape[1]
            found[name] = value + 3 * np.eye(shape[0]) if square else value
        else:
            found[name] = rng.integers(0, 3, shape)
    return found


def run(expr: Any, **values: Any) -> Any:
    """Return a formula's only output at a point, by the reference evaluation."""
    graph = read(expr)
    return evaluate(graph, values, list(graph.outputs.values()))[
        next(iter(graph.outputs.values()))
    ]


eye, inv, det = np.eye, np.linalg.inv, np.linalg.det

VALUES: tuple[tuple[Any, Callable[..., Any]], ...] = (
    # matrix expressions
    (A * X, lambda A, X: A @ X), (A * v, lambda A, v: A @ v),
    (A + 2 * A, lambda A: 3 * A), (X - Y, lambda X, Y: X - Y),
    (-X + Y * X / 3, lambda X, Y: Y @ X / 3 - X), (A.T * c, lambda A, c: A.T @ c),
    (v.T * X * v, lambda X, v: (v.T @ X @ v)[0, 0]),
    (v.T * X, lambda X, v: v.T @ X), (v * u.T, lambda u, v: v @ u.T),
    (u * v.T * X * b, lambda u, v, X, b: u @ v.T @ X @ b),
    (v.T * v * s, lambda s, v: s * (v.T @ v)[0, 0]), (s * X, lambda s, X: s * X),
    ((A * v - c).T * (A * v - c), lambda A, c, v: np.sum((A @ v - c) ** 2)),
    (X.inv() * v, lambda X, v: inv(X) @ v), (X.inv(), lambda X: inv(X)),
    (v.T * X.inv(), lambda X, v: v.T @ inv(X)), (Y * X.inv(), lambda X, Y: Y @ inv(X)),
    (A * X.inv() * Y * v, lambda A, X, Y, v: A @ inv(X) @ Y @ v),
    (X.inv() * Y.inv(), lambda X, Y: inv(X) @ inv(Y)),
    (v.T * X.inv() * u, lambda X, u, v: (v.T @ inv(X) @ u)[0, 0]),
    (X**3, lambda X: X @ X @ X), (X**-2, lambda X: inv(X) @ inv(X)),
    (sp.Trace(X), lambda X: np.trace(X)),
    (sp.Trace(X * Y), lambda X, Y: np.trace(X @ Y)),
    (sp.Trace(X**2 * Y), lambda X, Y: np.trace(X @ X @ Y)),
    (sp.Trace(X.inv() * Y), lambda X, Y: np.trace(inv(X) @ Y)),
    (sp.Trace(A * A.T) * s, lambda A, s: s * np.sum(A * A)),
    (sp.Trace(v * u.T), lambda u, v: (u.T @ v)[0, 0]),
    (sp.Determinant(X), lambda X: det(X)),
    (sp.log(sp.Determinant(X)), lambda X: np.log(det(X))),
    (sp.log(sp.Abs(sp.Determinant(-X))), lambda X: np.log(abs(det(X)))),
    (mx.hadamard_product(X, Y, X), lambda X, Y: X * Y * X),
    (mx.hadamard_product(v, u), lambda u, v: u * v),
    (mx.HadamardPower(X, 3), lambda X: X**3),
    (mx.HadamardPower(X, sp.Rational(1, 2)), lambda X: np.sqrt(X)),
    (mx.HadamardPower(v, s), lambda s, v: v**s),
    (X.applyfunc(sp.sin), lambda X: np.sin(X)),
    ((A * v).applyfunc(lambda t: 1 / (1 + sp.exp(-t))),
     lambda A, v: 1 / (1 + np.exp(-A @ v))),
    (v.applyfunc(lambda t: sp.Max(t, s)), lambda s, v: np.maximum(v, s)),
    (X.applyfunc(lambda t: sp.Piecewise((t, t > 1), (s, True))),
     lambda X, s: np.where(X > 1, X, s)),
    (X + s * sp.Identity(n), lambda X, s: X + s * eye(4)),
    (A * sp.OneMatrix(n, 2), lambda A: A @ np.ones((4, 2))),
    (sp.OneMatrix(1, m) * A, lambda A: np.ones((1, 3)) @ A),
    (sp.BlockMatrix([[X, v], [A, c]]), lambda A, X, c, v: np.block([[X, v], [A, c]])),
    (sp.BlockDiagMatrix(A, X),
     lambda A, X: np.block([[A, np.zeros((3, 4))], [np.zeros((4, 4)), X]])),
    (sp.BlockDiagMatrix(X, X), lambda X: np.kron(eye(2), X)),
    (X[1:3, ::2], lambda X: X[1:3, ::2]), (A[:, 1 : n - 1], lambda A: A[:, 1:3]),
    (mx.DiagMatrix(v), lambda v: np.diag(v[:, 0])),
    (mx.DiagonalMatrix(X), lambda X: np.diag(np.diag(X))),
    (mx.DiagonalOf(X), lambda X: np.diag(X)[:, None]),
    (sp.kronecker_product(A, X), lambda A, X: np.kron(A, X)),
    (X[1, 2], lambda X: X[1, 2]), (X[0, n - 1], lambda X: X[0, -1]),
    ((X * Y)[0, 1], lambda X, Y: (X @ Y)[0, 1]),
    (v[2, 0] * s, lambda s, v: v[2, 0] * s),
    (sp.exp(X[0, 1]) + sp.Trace(Y) / n, lambda X, Y: np.exp(X[0, 1]) + np.trace(Y) / 4),
    (sp.MatrixSymbol("F", 2, 2) * sp.ImmutableMatrix([[s, 2], [3, s**2]]),
     lambda F, s: F @ np.array([[s, 2], [3, s**2]])),
    (sp.ImmutableMatrix([[1, 2], [3, 4]]) * sp.MatrixSymbol("f", 2, 1),
     lambda f: np.array([[1, 2], [3, 4]]) @ f),
    # indexed sums and products
    (sp.Sum(W[i, j] * x[j], (j, 0, n - 1)), lambda W, x: W @ x),
    (sp.Sum(W[j, i] * x[j], (j, 0, n - 1)), lambda W, x: W.T @ x),
    (sp.Sum(W[k, q] * Z[q, k], (k, 0, m - 1), (q, 0, n - 1)),
     lambda W, Z: np.trace(W @ Z)),
    (sp.Sum(W[i, k] * Z[k, j], (k, 0, p - 1)), lambda W, Z: W @ Z),
    (sp.Sum(sp.Sum(W[i, k] * Z[k, q], (k, 0, p - 1)) * x[q], (q, 0, n - 1)),
     lambda W, Z, x: W @ Z @ x),
    (sp.Sum(x[k] * W[k, q] * Z[q, k], (k, 0, n - 1), (q, 0, m - 1)),
     lambda W, Z, x: np.einsum("k,kq,qk->", x, W, Z)),
    (sp.Sum(x[k] ** 2, (k, 0, n - 1)) / n, lambda x: np.mean(x**2)),
    (sp.Sum(k * x[k], (k, 0, n - 1)), lambda x: np.arange(4) @ x),
    (sp.Sum(s * x[k] / 3 + 1, (k, 0, n - 1)), lambda s, x: np.sum(s * x / 3 + 1)),
    (sp.Sum(-2 * x[j] * y[j] / 7, (j, 0, n - 1)), lambda x, y: -2 * x @ y / 7),
    (sp.Sum(x[i] * y[k], (k, 0, n - 1)), lambda x, y: x * y.sum()),
    (sp.Sum(x[i] * y[j], (k, 0, 3), (j, 0, n - 1)), lambda x, y: 4 * x * y.sum()),
    (sp.Sum(x[0] * y[k], (k, 0, n - 1)) + x[n - 1],
     lambda x, y: x[0] * y.sum() + x[-1]),
    (sp.Product(x[k] + s, (k, 0, n - 1)), lambda s, x: np.prod(x + s)),
    (sp.Product(W[i, k], (k, 0, n - 1)), lambda W: np.prod(W, 1)),
    (sp.Sum((x[k + 1] - x[k]) ** 2, (k, 0, n - 2)), lambda x: np.sum(np.diff(x) ** 2)),
    (sp.Sum(x[n - 1 - k] * y[k], (k, 0, n - 1)), lambda x, y: x[::-1] @ y),
    (sp.Sum(sp.IndexedBase("x", shape=(n,))[2 * k], (k, 0, 1)), lambda x: x[0] + x[2]),
    (sp.Sum(W[k, q], (q, 0, k), (k, 0, n - 1)), lambda W: np.tril(W).sum()),
    (sp.Sum(W[k, q], (q, k + 1, n - 1), (k, 0, n - 1)), lambda W: np.triu(W, 1).sum()),
    (sp.Sum(W[k, k], (k, 0, n - 1)), lambda W: np.trace(W)),
    (sp.Sum(sp.exp(-((x[k] - y[q]) ** 2)), (q, 0, n - 1), (k, 0, m - 1)),
     lambda x, y: np.exp(-((x[:, None] - y) ** 2)).sum()),
    (sp.Sum(sp.Piecewise((x[k], x[k] > 0.5), (s, True)), (k, 0, n - 1)),
     lambda s, x: np.where(x > 0.5, x, s).sum()),
    (sp.log(sp.Sum(sp.exp(x[k]), (k, 0, n - 1))), lambda x: np.log(np.exp(x).sum())),
    (sp.Sum(sp.Abs(X[k, q]), (k, 0, n - 1), (q, 0, n - 1)), lambda X: np.abs(X).sum()),
    (sp.Sum((X * Y)[k, 0] * v[k, 0], (k, 0, n - 1)),
     lambda X, Y, v: (X @ Y)[:, 0] @ v[:, 0]),
    (sp.Sum(s**k * sp.IndexedBase("x", shape=(4,))[k], (k, 0, 3)),
     lambda s, x: sum(s**t * x[t] for t in range(4))),
    # free indices
    (W[i, j] + x[i] * y[j], lambda W, x, y: W + np.outer(x, y)),
    (W[j, i], lambda W: W.T), (sp.Eq(Z[j, i], W[i, j]), lambda W: W.T),
    (sp.Eq(Z[j, i], x[j] + y[i]), lambda x, y: x[:, None] + y),
    (i * x[i], lambda x: np.arange(3) * x),
    (sp.exp(x[i]) / s, lambda s, x: np.exp(x) / s),
    (sp.IndexedBase("x", shape=(n,))[k + 1] - sp.IndexedBase("x", shape=(n,))[k],
     lambda x: np.diff(x)),
    (W[i, i], lambda W: np.diag(W)),
    # entries chosen by entries
    (sp.IndexedBase("E", shape=(5, n))[w[i], j], lambda E, w: E[w]),
    (sp.IndexedBase("E", shape=(m, 3))[i, w[i]] ** 2,
     lambda E, w: E[np.arange(3), w] ** 2),
    (sp.Sum(sp.IndexedBase("E", shape=(9,))[w[k] + k], (k, 0, m - 1)),
     lambda E, w: E[w + np.arange(3)].sum()),
    # arrays
    (a3, lambda a: a), (a3[1, 2] * s, lambda a, s: a[1, 2] * s),
    (ax.ArrayTensorProduct(a3, b3), lambda a, d: np.multiply.outer(a, d)),
    (ax.ArrayContraction(ax.ArrayTensorProduct(a3, b3), (1, 2)),
     lambda a, d: np.einsum("ij,jkl->ikl", a, d)),
    (ax.ArrayContraction(ax.ArrayTensorProduct(a3, a3), (0, 2), (1, 3)),
     lambda a: np.sum(a * a)),
    (ax.ArrayContraction(ax.ArraySymbol("a", (n, n, 2)), (0, 1)),
     lambda a: np.einsum("iij->j", a)),
    (ax.ArrayDiagonal(ax.ArrayTensorProduct(a3, b3), (1, 2)),
     lambda a, d: np.einsum("ij,jkl->iklj", a, d)),
    (ax.ArrayAdd(a3, a3, ax.PermuteDims(ax.ArraySymbol("d", (n, m)), [1, 0])),
     lambda a, d: 2 * a + d.T),
    (ax.PermuteDims(b3, [1, 2, 0]), lambda d: np.transpose(d, (1, 2, 0))),
    (ax.ArrayElementwiseApplyFunc(sp.exp, a3), lambda a: np.exp(a)),
    (ax.Reshape(a3, (m * n,)), lambda a: a.reshape(-1)),
    (ax.ArrayContraction(ax.ArrayTensorProduct(X, v), (1, 2)), lambda X, v: X @ v),
    (sp.Sum(a3[k, 0] * s, (k, 0, m - 1)), lambda a, s: s * a[:, 0].sum()),
)  # fmt: skip


@pytest.mark.parametrize(("expr", "truth"), VALUES, ids=_label)
def test_values_are_numpys(expr: Any, truth: Callable[..., Any]) -> None:
    """Every construct has the value, and the shape, that NumPy gives it."""
    graph = read(expr)
    values = point(graph)
    node = next(iter(graph.outputs.values()))
    expected, actual = truth(**values), evaluate(graph, values, [node])[node]
    assert np.shape(expected) == np.shape(actual)
    assert np.shape(expected) == tuple(size_of(e, SIZES) for e in node.type.shape)
    assert expected == pytest.approx(actual, rel=1e-10)


@pytest.mark.parametrize(("expr", "truth"), VALUES, ids=_label)
def test_gradients_are_differences_of_numpys_values(
    expr: Any, truth: Callable[..., Any]
) -> None:
    """The adjoints of sum(sin(value)) are central differences of NumPy's value."""
    graph = read(expr)
    values = point(graph, seed=1)
    node = next(iter(graph.outputs.values()))
    wrt = [a for a in graph.inputs.values() if a.type.is_float]
    loss = graph.make("sin", (node,))
    if node.type.shape:
        loss = graph.make("sum", (loss,), (tuple(range(len(node.type.shape))),))
    found = reverse(graph, {loss: graph.const(1.0)}, wrt)
    graph.outputs = {"out": loss}
    grads = evaluate(graph, values, [found[a] for a in wrt])
    for a in wrt:
        name, step = str(a.attrs[0]), 1e-6
        base = np.asarray(values[name], float)
        numeric = np.zeros(base.shape)
        for place in np.ndindex(base.shape):
            sides = []
            for sign in (1, -1):
                moved = base.copy()
                moved[place] += sign * step
                sides.append(np.sum(np.sin(truth(**{**values, name: moved}))))
            numeric[place] = (sides[0] - sides[1]) / (2 * step)
        assert numeric == pytest.approx(grads[found[a]], rel=2e-6, abs=2e-7)


SAME = (
    (sp.Sum(W[i, j] * x[j], (j, 0, n - 1)), "A @ x", {"W": "A"}),
    (sp.Sum(W[i, k] * Z[k, j], (k, 0, p - 1)), "W @ Z", {}),
    (sp.Sum(x[k] * y[k], (k, 0, n - 1)), "x @ y", {}),
    (sp.Sum(W[k, q] ** 2, (k, 0, m - 1), (q, 0, n - 1)), "sum(W**2)", {}),
    (ax.ArrayContraction(ax.ArrayTensorProduct(a3, b3), (1, 2)),
     "einsum('il,ljk->ijk', a, d)", {}),
    (v.T * X * v, "v[:, 0] @ (X @ v[:, 0])", {}),
)  # fmt: skip


@pytest.mark.parametrize(("expr", "text", "names"), SAME, ids=_label)
def test_sums_over_indices_are_contractions(expr: Any, text: str, names: Any) -> None:
    """Index form is recognised: what is printed is the vector form."""
    found = str(read(expr))
    for old, new in names.items():
        found = found.replace(old, new)
    assert f"out = {text}" == found


def test_dimensions_are_symbolic() -> None:
    """Symbols used as dimensions are no inputs; as numbers they are their sizes."""
    graph = read(sp.Sum(x[k] / n, (k, 0, n - 1)) + sp.Trace(A * A.T) * m)
    assert ["A", "x"] == list(graph.inputs)
    types = [str(a.type) for a in graph.inputs.values()]
    assert ["float64[m, n]", "float64[n]"] == types


@pytest.mark.parametrize("backend", ["reference", "auto"])
def test_compiled(backend: str) -> None:
    """Formulas with matrices compile: natural order, shapes, gradients."""
    f = ob.compile((A * v - c).T * (A * v - c), backend=backend)
    rng = np.random.default_rng(0)
    given = rng.normal(size=(3, 4)), rng.normal(size=(3, 1)), rng.normal(size=(4, 1))
    r = given[0] @ given[2] - given[1]
    assert ["A", "c", "v"] == [a.name for a in f.signature.arguments]
    assert np.sum(r**2) == pytest.approx(f(*given))
    g = f.grad(*given)
    assert 2 * given[0].T @ r == pytest.approx(g.v)
    assert 2 * r @ given[2].T == pytest.approx(g.A)


def test_order_and_names_of_inputs() -> None:
    """Inputs may be given as array symbols, and outputs be named by Eq."""
    graph = read(sp.Eq(y[i], sp.Sum(W[i, j] * x[j], (j, 0, n - 1))), [x, W])
    assert (["x", "W"], ["y"]) == (list(graph.inputs), list(graph.outputs))
    graph = read([X * v, sp.Trace(X)], [v, X, u])
    assert ["v", "X", "u"] == list(graph.inputs)
    assert ["out0", "out1"] == list(graph.outputs)
    h = ob.compile({"loss": v.T * v}, wrt=v, backend="reference")
    assert [[2.0], [4.0]] == h.grad(np.array([[1.0], [2.0]])).tolist()


def test_entries_used_as_indices_are_whole_numbers() -> None:
    """An array whose entries index another is data of whole numbers."""
    graph = read(sp.IndexedBase("E", shape=(5, n))[w[i], j])
    assert ("int64[m]", "data") == (str(graph.inputs["w"].type), graph.roles["w"])


def test_long_chains_are_read_without_recursion() -> None:
    """A product nested 3,000 deep is read by a loop, each object once."""
    whole = X
    for _ in range(3000):
        product = mx.HadamardProduct(whole, Y, evaluate=False)
        whole = mx.MatAdd(X, product, evaluate=False)
    assert len(read(whole)) < 10_000


U, S, I = UnsupportedError, ShapeError, InputError  # noqa: E741 - short for tables
REFUSED: tuple[tuple[Any, type[OverbarError], str], ...] = (
    (sp.Sum(W[k, q], (q, 0, n - 1)), S, "expected to see how far the index k runs"),
    (sp.Sum(x[k], (k, 1, n)), S,
     "expected indices of 'x' that count from 0, found the first one 1"),
    (sp.Sum(sp.IndexedBase("x", shape=(n,))[k], (k, 0, n)), S,
     "expected indices of x from 0 to n - 1, found one from 0 to n"),
    (sp.Sum(x[k - 1], (k, 0, n)), S, "found one from -1"),
    (x[i] + sp.Sum(x[j], (j, 0, n - 1)), S, "expected the shape of 'x', found indices"),
    (W[i, j] + W[i], I, "indices of 'W' as elsewhere, found"),
    (x, U, "expected x[i], an entry, found the array alone"),
    (sp.Sum(x[k], (k, 0, sp.oo)), U, "expected a bound made of integers, dimensions"),
    (sp.Sum(x[k], (k, 0, sp.exp(n))), U, "expected a bound made of integers"),
    (sp.Sum(x[k], (k, 5, 2)), U, "expected a last bound that is not below the first"),
    (sp.MatrixSymbol("V", sp.sqrt(n), 2), U,
     "expected the shape of 'V' made of integers"),
    (x[i + 1] - x[i], U, "expected every dimension as an extent of an input, found m"),
    (ax.ZeroArray(n, 2), U,
     "expected every dimension as an extent of an input, found n"),
    (sp.Eq(y[i], W[i, j]), U, "expected the indices of the left side, found j"),
    (sp.Eq(y[2 * i], x[i]), U, "expected plain indices on the left of Eq"),
    (X**sp.Rational(1, 2), U, "expected a power of a matrix from -64 to 64"),
    (X**100, U, "expected a power of a matrix from -64 to 64"),
    (sp.MatrixSymbol("x", n, n)[0, 0] + sp.Symbol("x"), I,
     "expected one symbol named 'x', found two"),
    (sp.Derivative(sp.Sum(s * x[k], (k, 0, n - 1)), s), U,
     "expected a derivative of a formula without sums over indices"),
    (sp.Sum(sp.Determinant(X + x[k] * Y), (k, 0, n - 1)), U, "expected whole arrays"),
    (sp.IndexedBase("E", shape=(5,))[w[i] / 2], S, "expected a whole number as index"),
    (mx.Permanent(X), U, "expected an operation that Overbar knows, found Permanent"),
    (sp.Sum(x[k], (k, 0, s + 0.5)), U, "expected a bound made of integers"),
)  # fmt: skip


@pytest.mark.parametrize(("expr", "error", "text"), REFUSED, ids=_label)
def test_refusals(expr: Any, error: type[OverbarError], text: str) -> None:
    """What cannot be read is refused in words that name it."""
    with pytest.raises(error) as caught:
        read(expr)
    assert text in str(caught.value)


def test_refused_inputs() -> None:
    """Dimensions and indices are no inputs; what is missing is named."""
    for given, text in (
        ([n, W, x], "expected no 'n', which is a dimension"),
        ([W], "'x', which the formula uses, is missing"),
        ([W, x, W], "'W' is given twice"),
    ):
        with pytest.raises(InputError, match=text):
            read(sp.Sum(W[i, j] * x[j], (j, 0, n - 1)), given)


def test_sums_without_entries_are_unrolled() -> None:
    """A sum of plain numbers still needs bounds that are numbers."""
    assert 30.0 == run(sp.Sum(s * k, (k, 1, 4)), s=3.0)
    with pytest.raises(UnsupportedError, match="a constant integer, found a symbolic"):
        read(sp.Sum(s**k, (k, 0, n)))
