"""Test what functions on whole arrays refuse, word for word."""

from __future__ import annotations

import numpy as np
import pytest
from array_cases import NAMED, Ours, type_of

import overbar as ob
from overbar.derive.reverse import reverse
from overbar.ir.errors import InputError, ShapeError, UnsupportedError
from overbar.ir.evaluate import evaluate
from overbar.ir.graph import Graph

REFUSED = [
    (
        lambda f, x: f.sum(x, 2), "mn", ShapeError,
        "sum expects an axis of shape [m, n], which has 2 axes, found axis 2",
    ),
    (
        lambda f, x: f.sum(x, (0, 0)), "mn", ShapeError,
        "sum expects each axis once, found (0, 0)",
    ),
    (
        lambda f, x: f.sum(x, 1.0), "mn", ShapeError,
        "sum expects a whole number as axis, found 1.0",
    ),
    (
        lambda f, x: f.sum(x, 0), ".", ShapeError,
        ("sum expects an axis of shape [] (a scalar), which has 0 axes, found "
        "axis 0"),
    ),
    (
        lambda f, x: f.max(x), "0n", ShapeError,
        "max expects at least one element, found [0, n]",
    ),
    (
        lambda f, x: f.norm(x, 1), "mnk", ShapeError,
        "norm with ord=1 expects one axis or two, found shape [m, n, k]",
    ),
    (
        lambda f, x: f.norm(x, "fro"), "n", ShapeError,
        "norm expects an operand with 2 axes, found shape [n]",
    ),
    (
        lambda f, x: f.transpose(x, (0, 0)), "mn", ShapeError,
        "transpose expects each axis of [m, n] once, found (0, 0)",
    ),
    (
        lambda f, x: f.squeeze(x, 0), "mn", ShapeError,
        "squeeze expects axes of size 1, found m along axis 0 of [m, n]",
    ),
    (
        lambda f, x: f.reshape(x, (3, -1)), "mn", ShapeError,
        ("reshape cannot fill -1 in (3, -1) from shape [m, n]: m*n is no "
        "multiple of 3"),
    ),
    (
        lambda f, x: f.reshape(x, (-1, -1)), "mn", ShapeError,
        "reshape expects -1 at most once, found (-1, -1)",
    ),
    (
        lambda f, x: f.reshape(x, (NAMED.n, NAMED.n)), "mn", ShapeError,
        "cannot reshape [m, n] to [n, n]: expected m*n elements, found n*n",
    ),
    (
        lambda f, x, y: f.matmul(x, y), "mn mk", ShapeError,
        ("cannot multiply shapes [m, n] and [m, k]: expected n rows on the "
        "right, found m"),
    ),
    (
        lambda f, x, y: f.matmul(x, y), ". mk", ShapeError,
        ("matmul expects matrices and vectors, found [] (a scalar) and [m, k]; "
        "use * for scalars"),
    ),
    (
        lambda f, x, y: f.matmul(x, y), "kmn 2nk", ShapeError,
        ("matmul cannot multiply shapes [k, m, n] and [2, n, k]: expected k "
        "along an axis, found 2"),
    ),
    (
        lambda f, x, y: f.dot(x, y), "mn kmn", ShapeError,
        ("dot cannot multiply shapes [m, n] and [k, m, n]: expected n along "
        "axis 1 of the second, found m"),
    ),
    (
        lambda f, x, y: f.tensordot(x, y, 1), "mn mk", ShapeError,
        ("tensordot cannot multiply shapes [m, n] and [m, k]: expected [n] "
        "along the axes, found [m]"),
    ),
    (
        lambda f, x, y: f.einsum("ij,jk->ik", x, y), "mn mk", ShapeError,
        ("einsum cannot multiply shapes [m, n] and [m, k]: expected n along an "
        "axis, found m"),
    ),
    (
        lambda f, x, y: f.einsum("ij->i", x, y), "mn mk", ShapeError,
        "einsum expects 1 operands for 'ij->i', found 2",
    ),
    (
        lambda f, x: f.einsum("ijk->i", x), "mn", ShapeError,
        ("einsum expects 'ijk' of 'ijk->i' to name the axes of its operand, "
        "found 2 of them"),
    ),
    (
        lambda f, x: f.einsum("ij->k", x), "mn", ShapeError,
        ("einsum expects 'ij->k' to end in labels of its operands, each once, "
        "found 'k'"),
    ),
    (
        lambda f, x, y: f.concatenate((x, y)), "mn mk", ShapeError,
        "concat cannot join shapes [m, n] and [m, k] along axis 0",
    ),
    (
        lambda f, x, y: f.stack((x, y)), "mn mk", ShapeError,
        "stack expects arrays of one shape, found [m, n] and [m, k]",
    ),
    (
        lambda f, x, y: f.concatenate((x, y)), ". .", ShapeError,
        "concatenate expects arrays with axes, found scalars; use stack",
    ),
    (
        lambda f, x: f.split(x, 3), "4", ShapeError,
        "split expects a size that 3 divides, found 4 along axis 0",
    ),
    (
        lambda f, x: f.diagonal(x), "n", ShapeError,
        "diagonal expects at least two axes, found shape [n]",
    ),
    (
        lambda f, x: f.pad(x, ((1, 1), (0, 0), (1, 1))), "mn", ShapeError,
        ("pad expects a pair of widths for each axis of [m, n], found ((1, 1), "
        "(0, 0), (1, 1))"),
    ),
    (
        lambda f, x: f.broadcast_to(x, (NAMED.m,)), "mn", ShapeError,
        ("broadcast_to cannot combine shapes [m, n] and [m]: expected n along "
        "an axis, found m"),
    ),
    (
        lambda f, x, i: f.take(x, i), "mn n", ShapeError,
        "take expects whole numbers as indices, found float64[n]",
    ),
    (
        lambda f, x, i: f.segment_sum(x, i, 3), "mn #n", ShapeError,
        ("segment_sum expects an id for each row of [m, n], found ids of shape "
        "[n]"),
    ),
    (
        lambda f, x: f.inv(x), "mn", ShapeError,
        "inv expects a square matrix, found shape [m, n]",
    ),
    (
        lambda f, x, y: f.solve(x, y), "nn m", ShapeError,
        ("solve cannot solve shapes [n, n] and [m]: expected a right side with "
        "n rows"),
    ),
    (
        lambda f, x: f.at(x, 4), "4n", ShapeError,
        "index 4 is out of range for axis 0 of [4, n]",
    ),
    (
        lambda f, x: f.at(x, 0, 0, 0), "mn", ShapeError,
        "an index of shape [m, n] has at most 2 items, found 3",
    ),
    (
        lambda f, x: f.at(x, slice(None, None, 0)), "mn", ShapeError,
        "a slice expects a step other than 0, found 0 on axis 0",
    ),
    (
        lambda f, x: f.at(x, 1.5), "mn", ShapeError,
        ("expected an integer, a slice, None, ... or an array of integers as "
        "index, found 1.5"),
    ),
    (
        lambda f, x, i: f.at(x, i), "mn n", ShapeError,
        "expected whole numbers as indices, found float64[n]",
    ),
    (
        lambda f, x, c: f.at(x, c), "mn ?n", ShapeError,
        "expected a mask that fits [m, n], of size m for its axis 0, found n in [n]",
    ),
    (
        lambda f, x: f.sum(x, 0, x), "mn", UnsupportedError,
        "sum takes at most 2 arguments by position, found 3",
    ),
    (
        lambda f, x: f.sum(x, dtype="int64"), "mn", UnsupportedError,
        "sum takes no argument 'dtype', only a, axis, keepdims",
    ),
    (
        lambda f, x: f.sum(), "mn", UnsupportedError,
        "sum expects an argument 'a'",
    ),
    (
        lambda f, x: f.sum(x, a=x), "mn", UnsupportedError,
        "sum takes 'a' once, found it twice",
    ),
    (
        lambda f, x: f.pad(x, 1, "linear_ramp"), "mn", UnsupportedError,
        ("pad expects a mode of constant, edge, reflect, symmetric, wrap, "
        "found 'linear_ramp'"),
    ),
    (
        lambda f, x: f.norm(x, "nuc"), "mn", UnsupportedError,
        ("norm of a matrix expects ord to be one of 'fro', 1, -1, inf, -inf, "
        "found 'nuc'"),
    ),
    (
        lambda f, x: f.clip(x), "mn", UnsupportedError,
        "clip expects a lower or an upper bound, found neither",
    ),
    (
        lambda f, x: f.zeros_like(x, dtype="complex128"), "mn", UnsupportedError,
        ("zeros_like expects a dtype of float64, float32, int64, bool, found "
        "'complex128'"),
    ),
    (
        lambda f, x, y: f.convolve(x, y), "mn n", ShapeError,
        "convolve expects an operand with 1 axis, found shape [m, n]",
    ),
    (
        lambda f, x, y: f.conv2d(x, y), "mn n", ShapeError,
        ("conv2d expects images (H, W) and a kernel (h, w), or (N, C, H, W) "
        "and (O, C, h, w), found [m, n] and [n]"),
    ),
    (
        lambda f, x: f.at(x, slice(0.5, None)), "mn", ShapeError,
        "a slice expects integers and sizes as its ends, found 0.5 on axis 0",
    ),
    (
        lambda f, x: f.arange(0, 3, 0), "mn", ShapeError,
        "arange expects a step other than 0, found 0",
    ),
    (
        lambda f, x: f.arange(0.5, NAMED.n), "mn", UnsupportedError,
        (
            "arange expects numbers with fractions to be known when compiling, "
            "found 0.5, n, 1"
        ),
    ),
    (
        lambda f, x, y: f.conv2d(x, y, "full"), "57 32", UnsupportedError,
        "conv2d expects a mode of same, valid, found 'full'",
    ),
    (
        lambda f, x, y: f.conv2d(x, y), "57 mn", UnsupportedError,
        (
            "conv2d expects the size of its kernel to be known when compiling, "
            "found [1, 1, m, n]"
        ),
    ),
    (
        lambda f, x, y: f.convolve(x, y, "half"), "n m", UnsupportedError,
        "convolve expects a mode of full, same, valid, found 'half'",
    ),
    (
        lambda f, x, y: f.convolve(x, y), "n 0", ShapeError,
        "convolve expects at least one element, found an empty vector",
    ),
    (
        lambda f, x, y: f.cross(x, y), "m4 m4", ShapeError,
        "cross expects vectors of 3 along axis -1, found shape [m, 4]",
    ),
    (
        lambda f, x: f.einsum("i;j", x), "mn", ShapeError,
        "einsum expects letters, commas, ... and -> as subscripts, found 'i;j'",
    ),
    (
        lambda f, x, y: f.inner(x, y), "mn mk", ShapeError,
        (
            "inner cannot multiply shapes [m, n] and [m, k]: expected n along the "
            "last axis, found k"
        ),
    ),
    (
        lambda f, x: f.moveaxis(x, (0, 1), 0), "mn", ShapeError,
        (
            "moveaxis expects as many distinct sources as destinations, found (0, "
            "1) and 0"
        ),
    ),
    (
        lambda f, x: f.norm(x, "two"), "n", UnsupportedError,
        "norm of a vector expects a number as ord, found 'two'",
    ),
    (
        lambda f, x: f.pad(x, 1, constant_values=(1, 2)), "mn", UnsupportedError,
        "pad expects one number as constant_values, found (1, 2)",
    ),
    (
        lambda f, x: f.repeat(x, -1), "mn", ShapeError,
        "repeat expects no negative repeats, found -1",
    ),
    (
        lambda f, x: f.repeat(x, (1, 2), 0), "3n", ShapeError,
        "repeat expects 3 repeats for axis 0 of [3, n], found 2",
    ),
    (
        lambda f, x: f.roll(x, (1, 2), (0, 1, 1)), "mn", ShapeError,
        "roll expects as many shifts as axes, found (1, 2) and (0, 1, 1)",
    ),
    (
        lambda f, x, i: f.take_along_axis(x, i, 1), "mn #m", ShapeError,
        "take_along_axis expects indices with 2 axes, found shape [m]",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("formula", "operands", "error", "message"), REFUSED)
def test_refused(formula, operands, error, message):
    """What does not fit is refused with both shapes, or the axis and the shape."""
    graph = Graph()
    nodes = [
        graph.input(f"x{k}", "param", type_of(text, NAMED))
        for k, text in enumerate(operands.split())
    ]
    with pytest.raises(error) as caught:
        formula(Ours(graph), *nodes)
    assert message == str(caught.value)


SINGULAR = [
    (
        "solve", np.ones((2, 2)),
        "solve expects an invertible matrix, found another (singular matrix)",
    ),
    (
        "inv", np.zeros((2, 2)),
        "inv expects an invertible matrix, found another (singular matrix)",
    ),
    (
        "cholesky", -np.eye(2),
        (
            "cholesky expects a positive definite matrix, found another "
            "(matrix is not positive definite)"
        ),
    ),
    (
        "solve_triangular", np.array([[0.0, 1.0], [1.0, 1.0]]),
        "solve_triangular expects a diagonal without zeros, found a zero",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("name", "matrix", "message"), SINGULAR)
def test_singular(name, matrix, message):
    """A matrix that the function is not defined for is refused when computed."""
    graph = Graph()
    a = graph.input("a", kind=type_of("nn", NAMED))
    b = graph.input("b", kind=type_of("n", NAMED))
    args = (a, b) if name.startswith("solve") else (a,)
    found = getattr(Ours(graph), name)(*args)
    with pytest.raises(InputError) as caught:
        evaluate(graph, {"a": matrix, "b": np.ones(2)}, [found])
    assert message == str(caught.value)


def test_repeated_eigenvalues():
    """Eigenvectors have no derivative where eigenvalues repeat; eigenvalues have."""
    graph = Graph()
    a = graph.input("a", kind=type_of("nn", NAMED))
    values, vectors = Ours(graph).eigh(a)
    seed = graph.const(1.0, a.type)
    bar = reverse(graph, {vectors: seed}, [a])[a]
    message = (
        "eigenvectors have no derivative where eigenvalues repeat: expected distinct "
        "eigenvalues, found 1.0 and 1.0"
    )
    with pytest.raises(InputError) as caught:
        evaluate(graph, {"a": np.diag([1.0, 1.0, 2.0])}, [bar])
    assert message == str(caught.value)
    bar = reverse(graph, {values: graph.const(1.0, values.type)}, [a])[a]
    found = evaluate(graph, {"a": np.diag([1.0, 1.0, 2.0])}, [bar])[bar]
    assert np.allclose(np.eye(3), found)


def test_compiled():
    """Compiled code refuses with the same words as the reference evaluation."""
    a = ob.param("A", ("n", "n"))
    inverse = ob.compile(np.sum(np.linalg.inv(a)))
    with pytest.raises(InputError, match="inv expects an invertible matrix"):
        inverse(np.zeros((2, 2)))
    cubes = ob.compile(np.sum(np.linalg.eigh(a)[1] ** 3))
    assert np.isclose(2.0, abs(cubes(np.eye(2))))
    with pytest.raises(InputError, match="no derivative where eigenvalues repeat"):
        cubes.grad(np.eye(2))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (
            lambda a, b: np.linalg.solve(a, b[:, :2]),
            "solve cannot solve shapes [k, n, n] and [k, 2, n]: expected a right side",
        ),
        (
            lambda a, b: np.linalg.solve(a[:2], a[:3]),
            "solve cannot combine shapes [2] and [3]: expected 2 along an axis",
        ),
        (
            lambda a, b: ob.solve_triangular(a, b, trans="X"),
            "solve_triangular expects trans to be one of 0, 1, 2, 'N', 'T', 'C', found",
        ),
        (
            lambda a, b: np.linalg.inv(b[:, :2]),
            "inv expects a square matrix, found shape [k, 2, n]",
        ),
    ],
)
def test_stacks_that_do_not_fit(build, message):
    """What stacks of matrices cannot be is refused, with their shapes."""
    a, b = (ob.param(name, ("k", "n", "n")) for name in "ab")
    with pytest.raises((ShapeError, UnsupportedError)) as caught:
        ob.compile(build(a, b))
    assert message in str(caught.value)


def test_singular_in_a_stack():
    """One singular matrix refuses a stack, in compiled code too."""
    f = ob.compile("A: param[k, n, n]\nsum(inv(A))")
    stack = np.array([np.eye(2), np.ones((2, 2))])
    with pytest.raises(InputError, match="inv expects an invertible matrix"):
        f(stack)
    values = ob.compile("A: param[k, n, n]\nsum(cholesky(A))")
    with pytest.raises(InputError, match="cholesky expects a positive definite matrix"):
        values(-stack)


@pytest.mark.parametrize("shape", [(0, 2, 2), (2, 0, 0), (2, 1, 1)])
def test_empty_stacks(shape):
    """Stacks without matrices, and of matrices without entries, have results."""
    stack = np.ones(shape)
    for name in ("inv", "det", "cholesky", "eigvalsh"):
        f = ob.compile(f"A: param[k, n, n]\nsum({name}(A))")
        value, grad = f.value_and_grad(stack)
        assert np.isclose(np.sum(getattr(np.linalg, name)(stack)), value)
        assert shape == grad.A.shape


EMPTY = {
    "max(x)": "1:1: expected sizes that max(x) can be taken of, found n = 0",
    "sum(min(W, axis=0))": (
        "1:5: expected sizes that min(W, axis=0) can be taken of, found k = 2, n = 0"
    ),
    "argmax(x)*1.0": (
        "1:1: expected sizes that argmax(x, axis=0) can be taken of, found n = 0"
    ),
    "sum(softmax(x))": (
        "1:5: expected sizes that softmax(x) can be taken of, found n = 0"
    ),
    "norm(x, inf)": "1:1: expected sizes that max(abs(x)) can be taken of, found n = 0",
}


@pytest.mark.parametrize("backend", ["reference", "python"])
@pytest.mark.parametrize("text", EMPTY)
def test_nothing_is_the_largest_of_nothing(text, backend):
    """A call refuses sizes for which an array has no largest element."""
    f = ob.compile(f"x: param[n]\nW: param[n, k]\n{text}", backend=backend)
    for call in (f, f.grad):
        with pytest.raises(InputError) as caught:
            call(np.zeros(0), np.zeros((0, 2)))
        assert EMPTY[text] in str(caught.value).replace("<string>:3:", "1:")
    assert np.isfinite(f(np.ones(1), np.ones((1, 2))))


def test_a_mask_is_no_indices() -> None:
    """NumPy would choose by it; zeros and ones are not what is meant."""
    f = ob.compile("x: param[n]\ni: index[k]\nsum(x[i])")
    with pytest.raises(InputError) as caught:
        f(np.ones(3), np.array([True, False, True]))
    expected = (
        "expected int64 for 'i', found ndarray of dtype bool; np.flatnonzero gives the "
        "indices that a mask chooses"
    )
    assert expected == str(caught.value)
