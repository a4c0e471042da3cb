"""Test machine code for functions of matrices: each op of the table that names one.

Numba calls the same routines of SciPy's LAPACK, so the bits are the same; the truth is
mpmath's, for values and for gradients.
"""

from __future__ import annotations

from typing import NamedTuple

import mpmath
import numpy as np
import pytest

import overbar as ob
from overbar import native_arrays
from overbar.codegen import load
from overbar.codegen.machine.arrays_matrices import ROUTINES
from overbar.codegen.module import print_module
from overbar.derivation import Derivation
from overbar.ir.errors import UnsupportedError
from overbar.ir.evaluate import evaluate_exactly
from overbar.ir.graph import Graph
from overbar.ir.ops import OPS, apply
from overbar.ir.program import leaves
from overbar.ir.types import F32, F64, dim
from overbar.levels import rewrite_for

SIZES = (0, 1, 2, 7, 50, 97)  # of blocks of 48 and 64 rows too
OPERANDS = {"solve": "nn nk", "solve_triangular": "nn nk", "eigengaps": "n"}
"""Shapes of operands, where they are not all square matrices."""
ATTRS = {"solve_triangular": (True, False, False)}
POSITIVE = {"cholesky", "cholesky_inverse", "solve_triangular"}
"""Ops that are given a positive definite matrix first."""
WITHOUT_STACKS = {"cholesky_inverse"}
OWN = sorted(
    op.name for op in OPS.values() if op.routine in ROUTINES and not op.stacked
)


class Built(NamedTuple):
    """Hold an entry point of a formula of one op, and its operands' shapes."""

    entry: object
    graph: Graph
    shapes: list[str]


def built(name, level, *, stack=False, real=F64, entry="value_and_grad"):
    """Return the sum of the cosines of an op's result, and its gradient."""
    op = OPS[name]
    graph = Graph(real=real, rewrite=rewrite_for(level))
    graph.strict = level == "strict"
    shapes = OPERANDS.get(name, " ".join(["nn"] * op.arity)).split()
    shapes = [f"m{shape}" if stack else shape for shape in shapes]
    given = [
        graph.input(f"x{i}", "param", real.of(tuple(map(dim, shape))))
        for i, shape in enumerate(shapes)
    ]
    waves = apply("cos", graph.make(op, given, ATTRS.get(name, ())))
    axes = tuple(range(len(waves.type.shape)))
    out = graph.make("sum", (waves,), (axes,)) if axes else waves
    graph.outputs["out"] = out if not op.is_flat else out + 0.0 * first_of(given[0])
    graph.formula_size = len(graph)
    try:
        return Built(getattr(Derivation(graph, given), entry)(), graph, shapes)
    except UnsupportedError:  # the last derivative of a determinant
        return Built(Derivation(graph, given).value(), graph, shapes)


def first_of(x):
    """Return the sum of an operand, so that a derivative is asked for."""
    return x.graph.make("sum", (x,), (tuple(range(len(x.type.shape))),))


def values_of(name, case, n):
    """Return random operands for matrices of a size."""
    rng = np.random.default_rng(n)
    found = []
    for i, shape in enumerate(case.shapes):
        x = rng.standard_normal([{"n": n, "k": 4, "m": 3}[c] for c in shape])
        if name in POSITIVE and i == 0:
            x = x @ np.swapaxes(x, -1, -2) + n * np.eye(n)
        if shape.endswith("n") and not shape.endswith("nn"):
            x = np.sort(x) + np.arange(n)  # eigenvalues that are apart
        found.append(x)
    return found


def flat(result):
    """Return the leaves of a nested result."""
    if isinstance(result, tuple | list):
        return [leaf for part in result for leaf in flat(part)]
    return [np.asarray(result)]


def own(case):
    """Return machine code for an entry point."""
    return native_arrays.compiled(case.entry, case.entry.program.name)


def test_all_are_known():
    """Every op that is computed as a whole has a routine, and every routine an op."""
    assert set(ROUTINES) == {OPS[name].routine for name in OWN}
    calls = {op.routine for op in OPS.values() if op.stacked}
    assert calls == set(ROUTINES) - {OPS[name].routine for name in WITHOUT_STACKS}


@pytest.mark.parametrize(
    ("stack", "real"), [(False, F64), (True, F32)], ids=["one", "stack"]
)
@pytest.mark.parametrize("name", OWN)
def test_bits(name, stack, real):
    """Values, and gradients, have the bits of Numba's code at strict accuracy."""
    entry = "value" if stack else "value_and_grad"
    stack = stack and name not in WITHOUT_STACKS
    case = built(name, "strict", stack=stack, real=real, entry=entry)
    program = case.entry.program
    text = print_module(case.entry.graph, [program], "test")
    numba = getattr(load.load_module(text, "test"), program.name)
    constants = [n.attrs[0].value for n in program.constants]
    run = own(case)
    for n in SIZES:
        values = [x.astype(real.dtype) for x in values_of(name, case, n)]
        expected, actual = flat(numba(*values, *constants)), flat(run(*values))
        for one, other in zip(expected, actual, strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("n", [1, 2, 5])
@pytest.mark.parametrize("name", OWN)
def test_truth(name, n):
    """Values and gradients are mpmath's, of one matrix and of stacks."""
    one = built(name, "standard")
    values = values_of(name, one, n)
    for actual, expected in zip(
        flat(own(one)(*values)), truth(one, values), strict=True
    ):
        np.testing.assert_allclose(actual, expected, rtol=1e-9, atol=1e-9)
    if name in WITHOUT_STACKS:
        return
    stack = built(name, "standard", stack=True)
    values = values_of(name, stack, n)
    total, *bars = zip(*(truth(one, x) for x in zip(*values, strict=True)), strict=True)
    expected = [sum(total), *map(np.array, bars)]
    for actual, each in zip(flat(own(stack)(*values)), expected, strict=True):
        np.testing.assert_allclose(actual, each, rtol=1e-9, atol=1e-9)


def truth(case, values):
    """Return an entry point's results by mpmath."""
    exactly = np.frompyfunc(mpmath.mpf, 1, 1)
    given = {f"x{i}": exactly(x) for i, x in enumerate(values)}
    roots = leaves(case.entry.result)
    found = evaluate_exactly(case.entry.graph, given, roots)
    return [np.asarray(found[root], float) for root in roots]


SINGULAR = np.array([[1.0, 2.0], [2.0, 4.0]])
REGULAR = np.array([[2.0, 1.0], [1.0, 3.0]])
REFUSED = [
    ("A: param[n, n]\nb: param[n]\nsum(solve(A, b))", (SINGULAR, np.ones(2)), "solve"),
    ("A: param[n, n]\nsum(inv(A))", (SINGULAR,), "inv"),
    ("A: param[m, n, n]\nsum(inv(A))", (np.array([REGULAR, SINGULAR]),), "inv"),
    ("A: param[n, n]\nsum(cholesky(A))", (-REGULAR,), "cholesky"),
    ("A: param[m, n, n]\nsum(cholesky(A))", (-np.array([REGULAR]),), "cholesky"),
    ("A: param[n, n]\nlogdet(A)", (SINGULAR,), "inv"),
    ("A: param[n, n]\nsum(eigh(A)[1]**3)", (np.eye(2),), "repeat"),
    ("A: param[m, n, n]\nsum(eigh(A)[1]**3)", (np.array([np.eye(2)]),), "repeat"),
]


@pytest.mark.parametrize(("text", "values", "found"), REFUSED)
def test_refused(text, values, found):
    """Matrices without a result are refused, with the op's place in the formula."""
    f = ob.compile(text)
    error = IndexError if found == "repeat" else np.linalg.LinAlgError
    with pytest.raises(error):
        f.runtime.native_arrays.exact("value_and_grad")(*values)
    for _ in range(2):
        with pytest.raises(ob.InputError, match=found):
            f.value_and_grad(*values)


@pytest.mark.parametrize(
    ("term", "value"),
    [("det(A)", np.nan), ("sum(inv(A))", np.inf), ("sum(eigvalsh(A))", -np.inf)],
)
def test_not_finite(term, value):
    """Matrices that are not finite are refused, as Numba refuses them."""
    matrix = REGULAR.copy()
    matrix[0, 1] = value
    for backend in ("auto", "numba"):
        f = ob.compile(f"A: param[n, n]\n{term}", backend=backend)
        with pytest.raises(ob.InputError, match="matrices of finite numbers"):
            f(matrix)
