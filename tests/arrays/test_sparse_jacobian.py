"""Sparse Jacobians and Hessians: structural patterns, and few products to fill them."""

from __future__ import annotations

import array_programs as programs
import numpy as np
import pytest
from array_cases import CASES, NAMED, Ours, sizes, type_of, value_of
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array, diags_array

import overbar as ob
from overbar.colouring import coloured, fewest
from overbar.derivation import Derivation
from overbar.ir.evaluate import evaluate
from overbar.ir.graph import Graph
from overbar.ir.program import leaves
from overbar.ir.types import Type
from overbar.levels import rewrite_for
from overbar.patterns import pattern
from tests.arrays.subjects import Subject

BACKENDS = ["auto", "python", "reference"]
ROSENBROCK = "x: param[n]\nsum((1 - x[:-1])**2 + 100*(x[1:] - x[:-1]**2)**2)"


def numbers(*shape, seed=0):
    """Return random numbers of a shape."""
    return np.random.default_rng(seed).normal(size=shape)


def banded(n, *offsets, rows=None):
    """Return where a matrix has its diagonals."""
    rows = n if rows is None else rows
    whole = np.zeros((rows, n), bool)
    for k in offsets:
        whole |= np.eye(rows, n, k, dtype=bool)
    return whole


def blocks(count, block):
    """Return blocks along the diagonal."""
    return np.kron(np.eye(count), block).astype(bool)


JACOBIANS = {
    "elementwise": ("x: param[n]\nsin(x)*x", (numbers(9),), banded(9, 0), 1),
    "differences": (
        "x: param[n]\nx[1:] - x[:-1]", (numbers(9),), banded(9, 0, 1, rows=8), 2,
    ),
    "index form": (
        "x: param[n]\ny[i] = exp(x[i+1] - x[i])*x[i]\ny",
        (numbers(9),), banded(9, 0, 1, rows=8), 2,
    ),
    "moved": ("X: param[3, 4]\nreshape(X.T, (2, 6))", (numbers(3, 4),),
              np.eye(12)[np.arange(12).reshape(3, 4).T.ravel()], 1),
    "rows": ("X: param[5, 2]\nsoftmax(X, axis=1)", (numbers(5, 2),),
             blocks(5, np.ones((2, 2))), 2),
    "lines": ("X: param[5, 2]\ncumsum(X, axis=1)", (numbers(5, 2),),
              blocks(5, np.ones((2, 2))), 2),
    "sums": ("X: param[5, 3]\nsum(X**2, axis=1)", (numbers(5, 3),),
             blocks(5, np.ones((1, 3))), 1),
    "product": ("X: param[6, 2]\nA: data[3, 2]\nX @ A.T",
                (numbers(6, 2), numbers(3, 2)), blocks(6, np.ones((3, 2))), 2),
    "twice": ("x: param[n]\nconcatenate((x, x[::-1]**2))", (numbers(4),),
              np.vstack([np.eye(4), np.eye(4)[::-1]]), 1),
    "triangle": ("X: param[3, 3]\ntril(X)**2", (numbers(3, 3),),
                 np.diag(np.tri(3).ravel()), 1),
    "gathered": ("E: param[6, 2]\nw: index[k]\nE[w]**2", (numbers(6, 2), [0, 3, 3, 5]),
                 np.kron(np.eye(6)[[0, 3, 3, 5]], np.eye(2)), 1),
    "chosen": ("x: param[n]\nwhere(x > 0, x**2, -x)", (numbers(7),), banded(7, 0), 1),
}  # fmt: skip


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("case", JACOBIANS)
def test_jacobian(case, backend):
    """The pattern is the structural one, and the entries are the dense ones."""
    text, args, expected, sweeps = JACOBIANS[case]
    f = ob.compile(text, backend=backend)
    found = f.flat.jacobian(np.ravel(args[0]), *args[1:], sparse=True)
    assert isinstance(found, csr_array)
    np.testing.assert_array_equal(np.asarray(expected, bool), _held(found))
    dense = f.flat.jacobian(np.ravel(args[0]), *args[1:])
    np.testing.assert_allclose(found.toarray(), dense, 1e-13, 1e-15)
    assert f.plans or case == "gathered"
    for plan in f.plans.values():
        assert sweeps == plan.colours.max() + 1


def _held(matrix):
    """Return where a matrix holds entries, be they 0."""
    return csr_array(
        (np.ones(matrix.nnz, bool), matrix.indices, matrix.indptr), shape=matrix.shape
    ).toarray()


HESSIANS = {
    "rosenbrock": (ROSENBROCK, (numbers(9),), banded(9, -1, 0, 1)),
    "sum of squares": ("x: param[n]\nsum(x**2)", (numbers(9),), banded(9, 0)),
    "linear": ("x: param[n]\nA: data[n]\nx @ A", (numbers(5), numbers(5)),
               np.zeros((5, 5))),
    "rows": ("X: param[4, 3]\nsum(logsumexp(X, axis=1))", (numbers(4, 3),),
             blocks(4, np.ones((3, 3)))),
    "embedding": ("E: param[6, 2]\nw: index[k]\nsum(E[w]**3)",
                  (numbers(6, 2), [0, 3, 3, 5]),
                  np.diag([1, 1, 0, 0, 0, 0, 1, 1, 0, 0, 1, 1])),
    "dense": ("x: param[n]\nsum(x)**2", (numbers(4),), np.ones((4, 4))),
}  # fmt: skip


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("case", HESSIANS)
def test_hessian(case, backend):
    """The pattern is the structural one, and the entries are the dense ones."""
    text, args, expected = HESSIANS[case]
    f = ob.compile(text, backend=backend)
    found = f.flat.hessian(np.ravel(args[0]), *args[1:], sparse=True)
    np.testing.assert_array_equal(np.asarray(expected, bool), _held(found))
    dense = f.flat.hessian(np.ravel(args[0]), *args[1:])
    np.testing.assert_allclose(found.toarray(), dense, 1e-13, 1e-15)
    np.testing.assert_array_equal(found.toarray(), found.toarray().T)


def test_many_elements():
    """A band of a hundred thousand columns takes three products."""
    x = numbers(100_000)
    f = ob.compile(ROSENBROCK, "x")
    found = f.hessian(x, sparse=True)
    a, b = x[:-1], x[1:]
    middle = np.zeros(x.size)
    middle[:-1] += 2 - 400 * (b - 3 * a**2)
    middle[1:] += 200
    beside = -400 * a
    expected = diags_array([beside, middle, beside], offsets=[-1, 0, 1])
    np.testing.assert_allclose((found - expected).data, 0, atol=1e-9)
    assert 3 * x.size - 2 == found.nnz


def test_by_name():
    """Blocks come by name, as the dense ones do, with elements in C order."""
    W, b, x = numbers(3, 2), numbers(3), numbers(2)
    f = ob.compile("W: param[m, n]\nb: param[m]\nx: data[n]\ntanh(W @ x + b)")
    dense, found = f.jacobian(W, b, x), f.jacobian(W, b, x, sparse=True)
    np.testing.assert_allclose(found.W.toarray(), dense.W.reshape(3, 6), 1e-14)
    np.testing.assert_allclose(found.b.toarray(), dense.b, 1e-14)
    assert (6, 3) == (found.W.nnz, found.b.nnz)
    g = ob.compile("a: param\nx: param[n]\nsum(x**3)*a")
    dense, found = g.hessian(2.0, b), g.hessian(2.0, b, sparse=True)
    np.testing.assert_allclose(found.x.x.toarray(), dense.x.x, 1e-14)
    np.testing.assert_allclose(found.a.x.toarray(), dense.a.x[None], 1e-14)
    np.testing.assert_allclose(found["x", "a"].toarray(), dense.x.a[:, None], 1e-14)
    assert 0 == found.a.a.nnz
    h = ob.compile("x: param[n]\ny = x**2\ns = sum(x)\ny, s", "x").jacobian(
        b, sparse=True
    )
    np.testing.assert_allclose(h.y.toarray(), np.diag(2 * b), 1e-14)
    np.testing.assert_array_equal(h.s.toarray(), np.ones((1, 3)))


def test_formulas_of_numbers():
    """Partials that are 0 everywhere have no entry."""
    f = ob.compile("x: param\ny: param\nz: param\nx**2, y*z, z")
    found = f.flat.jacobian([2.0, 3.0, 4.0], sparse=True)
    np.testing.assert_array_equal([[4, 0, 0], [0, 4, 3], [0, 0, 1]], found.toarray())
    assert 4 == found.nnz
    np.testing.assert_array_equal(
        [[0], [3], [1]], f.jacobian(2.0, 3.0, 4.0, sparse=True).z.toarray()
    )
    g = ob.compile("x: param\ny: param\nz: param\nx**2 + y*z")
    found = g.flat.hessian([2.0, 3.0, 4.0], sparse=True)
    np.testing.assert_array_equal([[2, 0, 0], [0, 0, 1], [0, 1, 0]], found.toarray())
    assert 3 == found.nnz
    assert 0 == g.hessian(2.0, 3.0, 4.0, sparse=True).x.y.nnz


def test_index_data():
    """Other indices have another pattern at the same sizes."""
    f = ob.compile("E: param[v]\nw: index[k]\nE[w]**2", "E")
    for w in ([0, 1], [2, 2], [-1, 0]):
        found = f.jacobian(np.arange(1.0, 4), w, sparse=True)
        expected = 2 * np.arange(1.0, 4) * np.eye(3)[w]
        np.testing.assert_array_equal(expected, found.toarray())
        assert 2 == found.nnz
    with pytest.raises(ob.InputError, match=r"expected indices from -3 to 2 in E\[w\]"):
        f.jacobian(np.arange(3.0), [0, 3], sparse=True)


@pytest.mark.parametrize("size", [0, 1, 2, 3])
def test_small_sizes(size):
    """Every size has its own pattern."""
    f = ob.compile("x: param[n]\nsin(x)*x[::-1]", "x")
    x = numbers(size)
    found = f.jacobian(x, sparse=True)
    np.testing.assert_allclose(found.toarray(), f.jacobian(x), 1e-14)
    assert (size, size) == found.shape
    expected = np.eye(size, dtype=bool)
    np.testing.assert_array_equal(expected | expected[::-1], _held(found))
    g = (
        ob.compile(ROSENBROCK, "x")
        if size
        else ob.compile("x: param[n]\nsum(x**2)", "x")
    )
    np.testing.assert_allclose(g.hessian(x, sparse=True).toarray(), g.hessian(x), 1e-13)


def test_what_is_given_is_not_shared():
    """A caller may write to what it was given."""
    f, x = ob.compile("x: param[n]\nsin(x)", "x"), numbers(5)
    f.jacobian(x, sparse=True).indices[:] = 0
    np.testing.assert_allclose(f.jacobian(x, sparse=True).toarray(), np.diag(np.cos(x)))


def test_refusals():
    """Sparse matrices are those of one point."""
    f = ob.compile("x: param\nt: data\n(x*t)**2", reduce="sum")
    message = "jacobian with sparse=True expects one point, found leading axes (2,)"
    with pytest.raises(ob.InputError) as error:
        f.jacobian(1.0, [1.0, 2.0], sparse=True)
    assert message == str(error.value)
    with pytest.raises(ob.InputError, match="found reduce='sum'"):
        f.flat.hessian([1.0], 2.0, sparse=True)


@pytest.mark.parametrize(("name", "formula", "operands"), CASES)
def test_every_function(name, formula, operands):
    """The pattern of every function on arrays holds all that differs from zero."""
    del name
    graph = Graph(rewrite=rewrite_for("standard"))
    nodes = [
        graph.input(f"x{k}", "param", type_of(text, NAMED))
        for k, text in enumerate(operands)
    ]
    wrt = [n for n in nodes if n.type.is_float]
    out = formula(Ours(graph), NAMED, *nodes)
    if not wrt or not out.type.is_float:
        return
    graph.outputs["out"] = out
    graph.input("sizes", "data", Type("float64", (NAMED.m, NAMED.n, NAMED.k)))
    d = sizes(3, 4, 2)
    given = {"sizes": np.zeros((d.m, d.n, d.k))}
    rng = np.random.default_rng(1)
    for node, text in zip(nodes, operands, strict=True):
        given[node.attrs[0]] = value_of(text, d, rng)
    _holds_all(Derivation(graph, wrt), given, vars(d))


@settings(max_examples=60)
@given(st.integers(0, 2**32))
def test_random_programs(seed):
    """The pattern of a random program holds all that differs from zero."""
    subject = Subject(seed, steps=5)
    graph, wrt = programs.graph_of(subject.program, scalar=False)
    given = dict(zip(graph.inputs, subject.given, strict=True))
    shapes = {}
    for node in graph.inputs.values():
        found = np.shape(given[node.attrs[0]])
        pairs = zip(node.type.shape, found, strict=True)
        shapes |= {e.name: n for e, n in pairs if not isinstance(e, int) and e.name}
    _holds_all(Derivation(graph, wrt), given, shapes)


COLUMNS = 6
"""Columns of a Jacobian that are looked at."""


def _holds_all(derivation, given, known):
    """Fail unless the pattern holds the entries of some columns of the Jacobian."""
    view, roots = derivation.structure("jacobian")
    held = _held(pattern(view, roots, derivation.wrt, given, known).entries)
    entry = derivation.jvp()
    names = [f"{n.attrs[0]}_dot" for n in derivation.wrt]
    params = dict(entry.program.params)
    values = {n: given[n.attrs[0]] for n in derivation.graph.inputs.values()}
    results = leaves(entry.program.result)
    zeros = [np.zeros(np.shape(values[n])) for n in derivation.wrt]
    places = [(k, p) for k, z in enumerate(zeros) for p in np.ndindex(z.shape)]
    assert (sum(np.size(values[n]) for n in derivation.wrt)) == held.shape[1]
    for column in range(0, len(places), len(places) // COLUMNS + 1):
        k, place = places[column]
        dots = [z.copy() for z in zeros]
        dots[k][place] = 1
        at = {params[n]: v for n, v in zip(names, dots, strict=True)}
        found = evaluate(entry.graph, {}, results, {**values, **at})
        away = np.concatenate([np.ravel(found[r]) for r in results]) != 0
        assert not np.any(away & ~held[:, column])


@settings(max_examples=200)
@given(st.integers(0, 12), st.integers(1, 12), st.integers(0, 2**32))
def test_colours(rows, columns, seed):
    """Columns of one colour share no row, and the colours are few."""
    rng = np.random.default_rng(seed)
    held = rng.random((rows, columns)) < rng.random()
    found = coloured(csr_array(held))
    for colour in range(columns):
        assert held[:, found == colour].sum(axis=1).max(initial=0) <= 1
    assert fewest(csr_array(held)) == held.sum(axis=1).max(initial=0)
    neighbours = (held.T.astype(int) @ held > 0).sum(axis=1).max(initial=1)
    assert max(fewest(csr_array(held)), 1) <= found.max() + 1 <= max(neighbours, 1)
