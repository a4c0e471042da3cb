"""Test machine code over arrays against the generated source, bit for bit."""

from __future__ import annotations

import numpy as np
import pytest
from array_cases import CASES, NAMED, Ours, sizes, type_of, value_of

import overbar as ob
from overbar import native_arrays
from overbar.codegen import load
from overbar.codegen.machine.arrays import print_arrays
from overbar.codegen.machine.arrays_matrices import ROUTINES
from overbar.codegen.module import print_module
from overbar.derivation import Derivation
from overbar.givers import silent
from overbar.ir.graph import Graph
from overbar.ir.ops import apply
from overbar.levels import rewrite_for

D = sizes(3, 4, 2)
DATA = ("#", "?", "%")
SMOOTH = [c for c in CASES if any(t[0] not in DATA for t in c[2])]


def derived(formula, operands, level):
    """Return the derivation of a sum of sines, None where there is none."""
    graph = Graph(rewrite=rewrite_for(level))
    graph.strict = level == "strict"
    nodes = [
        graph.input(
            f"x{k}", "data" if text[0] in DATA else "param", type_of(text, NAMED)
        )
        for k, text in enumerate(operands)
    ]
    graph.input("sizes", "data", type_of("mnk", NAMED))
    out = formula(Ours(graph), NAMED, *nodes)
    if not out.type.is_float:
        return None
    axes = tuple(range(len(out.type.shape)))
    waves = apply("sin", out)
    graph.outputs["out"] = graph.make("sum", (waves,), (axes,)) if axes else waves
    graph.formula_size = len(graph)
    return Derivation(graph, [n for n in nodes if n.type.is_float])


def flat(result):
    """Return the leaves of a nested result."""
    if isinstance(result, tuple | list):
        return [leaf for part in result for leaf in flat(part)]
    return [np.asarray(result)]


def both(entry, values):
    """Return the results of generated source as it is, and of machine code."""
    program = entry.program
    constants = [n.attrs[0].value for n in program.constants]
    module = load.load_plain(print_module(entry.graph, [program], "test"), "test")
    run = native_arrays.compiled(entry, program.name)
    with np.errstate(all="ignore"):
        expected = silent(getattr(module, program.name))(*values, *constants)
    return flat(expected), flat(run(*values))


def drawn(operands):
    """Return arguments of what `derived` gives, the array of the sizes as the last."""
    rng = np.random.default_rng(3)
    values = [value_of(t, D, rng) for t in operands] + [np.zeros((3, 4, 2))]
    return [v.item() if np.ndim(v) == 0 else v for v in values]


@pytest.mark.parametrize(
    ("formula", "operands"), [c[1:] for c in SMOOTH], ids=[c[0] for c in SMOOTH]
)
def test_bits(formula, operands):
    """Value and gradient have the bits of the source at strict accuracy."""
    derivation = derived(formula, operands, "strict")
    if derivation is None:
        return
    values = drawn(operands)
    entry = derivation.value_and_grad()
    expected, actual = both(entry, values)
    whole = any(n.op.routine in ROUTINES for n in entry.graph.order())
    for one, other in zip(expected, actual, strict=True):
        if whole:  # by NumPy's own LAPACK; see test_machine_matrices.py
            np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-9)
        else:
            np.testing.assert_array_equal(one, other, strict=True)


PRODUCTS = """
    W: param[m, n]
    X: param[n, k]
    v: param[n]
    {}
"""


@pytest.mark.parametrize(
    "shape", [(3, 4, 2), (1, 4, 2), (3, 4, 1), (1, 4, 1), (3, 0, 2)]
)
@pytest.mark.parametrize(
    "formula",
    ["sum(tanh(W @ X))", "sum(tanh(W @ v)) + sum(X)", "sum((X.T @ W.T)**2) + sum(v)"],
)
def test_products(formula, shape):
    """Products of matrices in every layout and size are NumPy's, gradients too."""
    rng = np.random.default_rng(0)
    m, n, k = shape
    values = [rng.standard_normal(s) for s in ((m, n), (n, k), (n,))]
    f, g = (
        ob.compile(PRODUCTS.format(formula), backend=backend)
        for backend in ("auto", "python")
    )
    expected, actual = g.value_and_grad(*values), f.value_and_grad(*values)
    for one, other in zip(flat(expected), flat(actual), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-13, atol=1e-13)


@pytest.fixture(scope="module")
def typed():
    """Return machine code that takes an array, an integer and floats."""
    f = ob.compile("""
        x: param[n]
        y: param
        k: index
        c: data
        where(c > 0, x[k]*y, sum(x))
    """)
    return native_arrays.compiled(f.runtime.entry("value"), "value")


X = np.arange(3.0)


@pytest.mark.parametrize(
    "args",
    [
        (X, 1.0, 1),
        (X.tolist(), 1.0, 1, 2.0),
        (X.astype(np.float32), 1.0, 1, 2.0),
        (X.astype(">f8"), 1.0, 1, 2.0),
        (X[::2], 1.0, 1, 2.0),
        (X[None], 1.0, 1, 2.0),
        (X, 1, 1, 2.0),
        (X, 1.0, 1.0, 2.0),
        (X, np.float32(1.0), 1, 2.0),
    ],
)
def test_misfits(typed, args):
    """Anything but the very types is a TypeError, so that it is looked at with care."""
    with pytest.raises(TypeError):
        typed(*args)


def test_numbers(typed):
    """Numbers come in as floats, NumPy's too, and as integers; out comes a list."""
    assert [4.0] == typed(X, 2.0, 2, 1.0)
    assert [4.0] == typed(X, np.float64(2.0), -1, 1.0)
    assert [3.0] == typed(X, 2.0, 2, -1.0)


def test_places_out_of_range(typed):
    """A place that is out of range is an IndexError."""
    for place in (3, -4):
        with pytest.raises(IndexError):
            typed(X, 2.0, place, 1.0)


def test_results_are_their_own():
    """Results that are arguments, or the same array twice, share no memory."""
    f = ob.compile(lambda x: (x, x * 1.0, np.sum(x)), ["x"], {"x": ("n",)})
    first, second, total = native_arrays.compiled(f.runtime.entry("value"), "value")(X)
    assert [3.0] == [total]
    for one, other in ((first, X), (second, X), (first, second)):
        assert not np.shares_memory(one, other)
        np.testing.assert_array_equal(one, other)
    assert all(a.flags.owndata for a in (first, second))


def test_vector_functions():
    """Calls name a vector version, but not at strict accuracy."""
    for accuracy, count in (("standard", True), ("strict", False)):
        f = ob.compile("x: param[n]\nsum(exp(x))", accuracy=accuracy)
        entry = f.runtime.entry("value")
        text = print_arrays(entry.program, strict=entry.graph.strict)
        assert count == ("vector-function-abi-variant" in text)


@pytest.mark.parametrize("name", ["jacobian", "hessian"])
def test_programs_that_call_others(name):
    """Matrices of partials call other programs, and put their results in place."""
    text = "a: param\nx: param[n]\nW: param[m, n]\n"
    text += "sum(tanh(a*(W @ x)))" if name == "hessian" else "tanh(a*(W @ x))"
    rng = np.random.default_rng(0)
    values = [0.5, rng.standard_normal(3), rng.standard_normal((2, 3))]
    f, g = (ob.compile(text, accuracy="strict", backend=b) for b in ("auto", "python"))
    run = f.runtime.native_arrays.exact(name)
    expected = g.runtime.call(name)(*values)
    for one, other in zip(flat(expected), flat(run(*values)), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-13, atol=1e-14)


FACTORED = """
    A: param[n, n]
    b: param[n, k]
    c: param[n]
    L = cholesky(A @ A.T)
    sum(log(diagonal(L))) + {}
"""


@pytest.mark.parametrize("n", [1, 64, 150])
@pytest.mark.parametrize(
    "term",
    [
        "sum(solve_triangular(L, b, lower=True)**2) + sum(c)",
        "sum(solve_triangular(L, c, lower=True, trans='T')**2) + sum(b)",
        "sum(solve_triangular(A, b)**2) + sum(c)",
    ],
)
def test_triangles(n, term):
    """Factors and solutions by blocks are the helpers', and so are gradients."""
    rng = np.random.default_rng(n)
    a = np.eye(n) + np.triu(rng.standard_normal((n, n))) / n
    values = [a, rng.standard_normal((n, 3)), rng.standard_normal(n)]
    f, g = (ob.compile(FACTORED.format(term), backend=b) for b in ("auto", "python"))
    f.runtime.native_arrays.exact("value_and_grad")
    expected, actual = g.value_and_grad(*values), f.value_and_grad(*values)
    for one, other in zip(flat(expected), flat(actual), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-11, atol=1e-11)


def test_no_factor():
    """A matrix without a factor is refused, with its place in the formula."""
    f = ob.compile("A: param[n, n]\nsum(cholesky(A))")
    for _ in range(2):
        with pytest.raises(ob.InputError, match="cholesky"):
            f.grad(-np.eye(3))
    with pytest.raises(np.linalg.LinAlgError):
        f.runtime.native_arrays.exact("grad")(-np.eye(3))
