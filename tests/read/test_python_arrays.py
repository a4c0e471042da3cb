"""Test array formulas that are written in Python: NumPy says what they mean."""

from __future__ import annotations

import pickle
from fractions import Fraction
from inspect import signature
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import scipy.special

from overbar.ir.errors import InputError, OverbarError, ShapeError, UnsupportedError
from overbar.ir.evaluate import evaluate
from overbar.ir.graph import Graph
from overbar.ir.types import size_of
from overbar.ir.verify import verify
from overbar.read.build import read_expressions
from overbar.read.expression import data, dim, let, math_function, param

if TYPE_CHECKING:
    from collections.abc import Callable

INPUTS = SimpleNamespace(
    W=param("W", ("m", "n")), V=param("V", ("m", "n")), A=param("A", ("n", "n")),
    x=param("x", ("n",)), y=param("y", ("m",)), z=data("z", ("n",)), s=param("s"),
    T=param("T", (2, "m", "n")), E=param("E", (5, "n")), R=param("R", (3, 4)),
    w=data("w", ("p",), dtype="int64"), b=data("b", ("n",), dtype="bool"),
    i=data("i", dtype="int64"), f=param("f", (4,)), g=param("g", (3,)),
)  # fmt: skip
W, x, y, s, R, w = (getattr(INPUTS, name) for name in "WxysRw")
SIZES = ({"m": 3, "n": 4, "p": 6}, {"m": 1, "n": 2, "p": 1}, {"m": 5, "n": 1, "p": 2})


def points(sizes: dict[str, int]) -> SimpleNamespace:
    """Return random arrays for all inputs."""
    numbers = np.random.default_rng(sum(sizes.values()))
    found: dict[str, Any] = {}
    for name, e in vars(INPUTS).items():
        shape = [size_of(extent, sizes) for extent in e.extents]
        found[name] = {
            "float64": lambda s: numbers.uniform(0.1, 2.0, s),
            "int64": lambda s: numbers.integers(0, 2, s),
            "bool": lambda s: numbers.random(s) < 0.5,
        }[e.payload.dtype](shape)
    found["A"] = found["A"] @ found["A"].T + np.eye(sizes["n"])
    return SimpleNamespace(**found)


def read(expr: Any) -> Graph:
    """Return the graph of one formula."""
    graph = Graph()
    read_expressions({"out": expr}, graph)
    return graph


def value(expr: Any, given: Any) -> Any:
    """Return a formula's value by the reference evaluation."""
    graph = read(expr)
    verify(graph)
    inputs = given if isinstance(given, dict) else vars(given)
    return evaluate(graph, inputs)[graph.outputs["out"]]


# Meaning: the same Python on formulas and on arrays -----------------------------------

OPERATORS: dict[str, Callable[[Any], Any]] = {
    "same shapes": lambda v: v.W + v.V * v.W - v.V / 3,
    "rows": lambda v: v.W * v.x + v.z,
    "columns": lambda v: v.W - v.y[:, None],
    "scalar": lambda v: 2 * v.W + v.s,
    "power": lambda v: v.W**2 + np.float64(2) ** v.V,
    "both ways": lambda v: v.x[:, None] * v.z + v.y[:, None, None],
    "negative": lambda v: -v.W + abs(v.V),
    "constant array": lambda v: v.R + np.arange(4.0),
    "constant on the left": lambda v: np.arange(3.0)[:, None] * v.R,
    "constant of integers": lambda v: v.R * np.arange(12).reshape(3, 4),
    "constant condition": lambda v: np.where(np.arange(4) > 1, v.R, 0),
    "list": lambda v: v.f * [1, 2.5, 3, Fraction(1, 2)],
    "nested list": lambda v: [[1], [2], [3]] * v.f,
    "comparison": lambda v: np.where((v.W > v.V) & ~(v.W < 0.5) | v.b, v.W, v.V),
    "matrix times vector": lambda v: v.W @ v.x,
    "vector times matrix": lambda v: v.y @ v.W,
    "matrix times matrix": lambda v: v.W @ v.A @ v.W.T,
    "vector times vector": lambda v: v.x @ v.z,
    "constant @": lambda v: np.ones((2, 3)) @ v.R,
    "@ constant": lambda v: v.R @ np.arange(4.0),
    "batches": lambda v: v.T @ v.A,
    "whole numbers": lambda v: v.w * 2 + v.w // 2,
    "sizes": lambda v: v.W / v.W.shape[0] + np.sqrt(v.x.shape[0]) + 1 / v.x.shape[0],
    "size": lambda v: v.W.sum() / v.W.size,
}  # fmt: skip
INDEXING: dict[str, Callable[[Any], Any]] = {
    "first": lambda v: v.W[0],
    "last": lambda v: v.W[-1],
    "element": lambda v: v.R[1, 2] + v.x[0],
    "slice": lambda v: v.f[1:] - v.f[:-1],
    "symbolic slice": lambda v: v.x[1:] - v.x[:-1],
    "steps": lambda v: v.R[::2, 1::2],
    "backwards": lambda v: v.x[::-1],
    "column": lambda v: v.W[:, 0],
    "new axes": lambda v: v.x[None, :, None],
    "ellipsis": lambda v: v.T[..., 0] + v.T[0, ...][..., -1],
    "rows by index": lambda v: v.E[v.w],
    "one row by index": lambda v: v.E[v.i],
    "pairs by index": lambda v: v.E[v.w, v.i * 0] + v.R[v.w, v.i],
    "rows by list": lambda v: v.R[[2, 0, 0]],
    "rows by array": lambda v: v.R[np.array([[0, 1], [2, 2]])],
    "size as index": lambda v: v.x[v.x.shape[0] - 1],
    "size as bound": lambda v: v.x[: v.x.shape[0] - 1],
    "masked": lambda v: np.where(v.b, v.x, 0.0)[None],
    "whole": lambda v: v.W[:],
    "rows": lambda v: sum(row @ v.f for row in v.R),
    "unpacked": lambda v: next(a * b + c for a, b, c in [v.g]),
}  # fmt: skip
METHODS: dict[str, Callable[[Any], Any]] = {
    "sum": lambda v: v.W.sum(),
    "sum axis": lambda v: v.W.sum(axis=0) + v.T.sum((0, 1)),
    "sum keepdims": lambda v: v.W / v.W.sum(axis=1, keepdims=True),
    "sum last": lambda v: v.T.sum(-1),
    "mean": lambda v: v.W.mean() + v.W.mean(0),
    "max": lambda v: v.W.max() + v.W.max(axis=1),
    "min": lambda v: v.W.min() + v.W.min(axis=-1),
    "prod": lambda v: v.W.prod() + v.W.prod(0),
    "var": lambda v: v.W.var() + v.W.var(axis=0),
    "std": lambda v: v.R.std() + v.R.std(axis=1, ddof=1),
    "dot": lambda v: v.W.dot(v.x) + v.y.dot(v.W).sum(),
    "reshape": lambda v: v.R.reshape(4, 3) + v.R.reshape((2, -1))[0, 0],
    "reshape sizes": lambda v: v.W.reshape(v.W.shape[1], v.W.shape[0]),
    "reshape flat": lambda v: v.W.reshape(-1) + v.W.ravel() + v.W.flatten(),
    "transpose": lambda v: v.T.transpose(2, 0, 1) + v.T.transpose((2, 0, 1)),
    "transpose all": lambda v: v.T.transpose() + v.T.T,
    "argmax": lambda v: v.W.argmax(axis=1),
    "argmin": lambda v: v.W.argmin() + v.x.argmax(),
    "cumsum": lambda v: v.W.cumsum(axis=1) + v.x.cumsum(),
    "trace": lambda v: v.A.trace(),
    "diagonal": lambda v: v.A.diagonal(),
    "squeeze": lambda v: v.R[None, :, :1].squeeze(),
    "swapaxes": lambda v: v.T.swapaxes(0, 2),
    "any, all": lambda v: np.where((v.W > 1).any() & ~(v.W > 0).all(), v.s, 2.0),
    "clip": lambda v: v.W.clip(0.5, 1.0) + v.W.clip(v.x, None),
    "copy": lambda v: v.W.copy() * 2,
    "astype": lambda v: (v.W > 0.5).astype(float) * v.W + v.w.sum().astype("float64"),
    "astype of conditions": lambda v: np.sum((v.W > 1).astype(int), axis=0),
    "dtype": lambda v: (v.w > 0).astype(v.x.dtype) - v.W.astype(v.W.dtype).sum(),
}  # fmt: skip
FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "exp": lambda v: np.exp(v.W @ v.x),
    "maximum": lambda v: np.maximum(v.W, 0) + np.minimum(v.V, v.x),
    "expit": lambda v: scipy.special.expit(v.W),
    "clip": lambda v: np.clip(v.W, 0, v.x),
    "sum": lambda v: np.sum(v.W * v.V) + np.sum(v.W, 0) + np.sum(v.W, axis=(0, 1)),
    "mean": lambda v: np.mean((v.W @ v.x - v.y) ** 2),
    "max": lambda v: np.max(v.W, axis=0) + np.min(v.W, 1).sum() + np.max(v.T, 0)[0],
    "amax": lambda v: np.amax(v.W) - np.amin(v.W),
    "prod": lambda v: np.prod(v.W, axis=0),
    "var, std": lambda v: np.var(v.W, axis=0) + np.std(v.R, ddof=1),
    "dot": lambda v: np.dot(v.W, v.x) + np.dot(v.x, v.z),
    "inner": lambda v: np.inner(v.x, v.z),
    "vdot": lambda v: np.vdot(v.x, v.z),
    "outer": lambda v: np.outer(v.y, v.x),
    "matmul": lambda v: np.matmul(v.W, v.A),
    "tensordot": lambda v: np.tensordot(v.T, v.A, axes=([2], [0])),
    "einsum": lambda v: np.einsum("ij,j->i", v.W, v.x),
    "einsum of three": lambda v: np.einsum("ij,jk,k->i", v.W, v.A, v.x),
    "einsum trace": lambda v: np.einsum("ii", v.A),
    "trace": lambda v: np.trace(v.A),
    "diag": lambda v: np.diag(v.x) + np.diag(np.diag(v.A)),
    "triangles": lambda v: np.tril(v.A) + np.triu(v.A, 1),
    "concatenate": lambda v: np.concatenate([v.x, v.z, v.f]),
    "concatenate rows": lambda v: np.concatenate((v.W, v.V), axis=1),
    "concatenate constants": lambda v: np.concatenate([np.zeros(2), v.x, [1.0]]),
    "stack": lambda v: np.stack([v.x, v.z]) + np.stack((v.x, v.z), axis=1).T,
    "stack of scalars": lambda v: np.array([v.s, v.x[0], 1.0]) * v.g,
    "list of scalars": lambda v: v.g * [v.s, v.s, 2],
    "hstack, vstack": lambda v: np.hstack([v.x, v.z]) + np.vstack([v.x, v.z]).ravel(),
    "where": lambda v: np.where(v.W > 0.5, v.W, v.x),
    "reshape": lambda v: np.reshape(v.R, (2, 6)) + np.ravel(v.R)[0],
    "transpose": lambda v: np.transpose(v.T, (1, 0, 2)),
    "swapaxes, moveaxis": lambda v: np.swapaxes(v.T, 0, 1) + np.moveaxis(v.T, 0, 1),
    "expand, squeeze": lambda v: np.squeeze(np.expand_dims(v.x, 0), 0),
    "broadcast_to": lambda v: np.broadcast_to(v.f, (3, 4)),
    "tile": lambda v: np.tile(v.f, 2),
    "repeat": lambda v: np.repeat(v.f, 3),
    "take": lambda v: np.take(v.E, v.w, axis=0),
    "flip, roll": lambda v: np.flip(v.f) + np.roll(v.f, 1),
    "cumsum": lambda v: np.cumsum(v.W, axis=0),
    "diff": lambda v: np.diff(v.f),
    "argmax": lambda v: np.argmax(v.W, axis=0),
    "zeros_like": lambda v: np.zeros_like(v.W) + np.ones_like(v.x),
    "full_like": lambda v: np.full_like(v.x, 3.0) * v.z,
    "pad": lambda v: np.pad(v.f, 1),
    "norm": lambda v: np.linalg.norm(v.x) + np.linalg.norm(v.W),
    "norm axis": lambda v: np.linalg.norm(v.W, axis=1),
    "solve": lambda v: np.linalg.solve(v.A, v.x),
    "inv": lambda v: np.linalg.inv(v.A),
    "det": lambda v: np.linalg.det(v.A),
    "slogdet": lambda v: np.linalg.slogdet(v.A)[1] + np.linalg.slogdet(v.A).logabsdet,
    "eigh": lambda v: np.linalg.eigh(v.A).eigenvalues,
    "cholesky": lambda v: np.linalg.cholesky(v.A),
    "reduce": lambda v: np.add.reduce(v.W) + np.maximum.reduce(v.W, axis=0),
    "ufuncs' outer": lambda v: np.add.outer(v.x, v.y) * np.multiply.outer(2.0, v.s),
    "outer of matrices": lambda v: np.subtract.outer(v.R, v.W).sum(axis=(1, 2)),
    "reduce to one": lambda v: np.add.reduce(v.W, axis=None) * np.multiply.reduce(v.f),
    "accumulate": lambda v: np.add.accumulate(v.W),
    "facts": lambda v: np.ndim(v.W) * v.x + np.shape(v.W)[1] + np.size(v.x),
    "logaddexp": lambda v: np.logaddexp(v.W, v.x),
    "square, sign": lambda v: np.square(v.W) + np.sign(v.V) + np.sqrt(v.W**2),
}  # fmt: skip
TABLE = {
    f"{group}: {name}": formula
    for group, rows in {
        "operators": OPERATORS, "indexing": INDEXING, "methods": METHODS,
        "functions": FUNCTIONS,
    }.items()
    for name, formula in rows.items()
}  # fmt: skip


@pytest.mark.parametrize("name", TABLE)
def test_meaning(name: str) -> None:
    """Python on formulas gives what the same Python gives on NumPy's arrays."""
    formula = TABLE[name]
    expr = formula(INPUTS)
    for sizes in SIZES:
        given = points(sizes)
        with np.errstate(all="ignore"):
            expected = np.asarray(formula(given), float)
        got = value(expr, given)
        np.testing.assert_allclose(got, expected, 1e-12, 1e-12)
        shape = tuple(size_of(extent, sizes) for extent in expr.extents)
        assert np.shape(expected) == shape
        assert np.shape(expected) == np.shape(got)


# Shapes -------------------------------------------------------------------------------


def test_shape() -> None:
    """A formula knows its shape: integers, and sizes that are formulas."""
    W, x = INPUTS.W, INPUTS.x
    assert (2, "(m, n)", "(n, m)") == (W.ndim, str(W.shape), str(W.T.shape))
    assert ("(2, m, n)", "(3, 4)", "()") == (
        str(INPUTS.T.shape), str(INPUTS.R.shape), str(INPUTS.s.shape),
    )  # fmt: skip
    assert (3, 12, "m*n", "n - 1") == (
        len(INPUTS.R), INPUTS.R.size, str(W.size), str(x[1:].shape[0]),
    )  # fmt: skip
    assert "(2*n,)" == str(np.concatenate([x, x]).shape)
    assert "(n,)" == str(np.exp(W.T @ W @ x).shape)


def test_sizes_compare() -> None:
    """Sizes compare where that is known: of one name, or as integers."""
    W, V, m, n = INPUTS.W, INPUTS.V, dim("m"), dim("n")
    assert W.shape == (W * V).shape == (m, n)
    assert W.shape != W.T.shape
    assert INPUTS.R.shape == (3, 4)
    assert n == dim("n")
    assert n != 3
    assert n < n + 1
    assert 2 * n - n >= n
    for compared in (n < m, n > 3, m <= 1, m * n >= n):
        with pytest.raises(InputError) as caught:
            bool(compared)
        assert NO_SIZE == str(caught.value)


def test_sizes_in_shapes() -> None:
    """Shapes are made of integers, names and sizes, one of them may stand alone."""
    n = dim("n")
    x = data("x", (n,))
    for shape in ((x.shape[0] - 1, 2), [n - 1, np.int64(2)], (n * 1 - 1, 2)):
        assert "(n - 1, 2)" == str(param("W", shape).shape)
    assert ("(3,)", "(n,)", "(n,)") == tuple(
        str(param("y", shape).shape)
        for shape in (3, "n", n)  # type: ignore[arg-type]
    )
    graph = read(param("W", (n // 2, 2 * n)).sum() + x.sum())
    assert "float64[(n)//2, 2*n]" == str(graph.inputs["W"].type)


def test_dtype() -> None:
    """A formula knows its dtype."""
    r = param("r", ("n",), dtype=np.float32)
    assert [np.float64, np.float32, np.int64, bool] == [
        e.dtype for e in (W @ x, r + 1, INPUTS.w + 1, W > 0)
    ]
    assert np.float32 == (INPUTS.b.astype(float) * r).dtype


def test_let() -> None:
    """Named values have shapes."""
    z = let("z", INPUTS.W @ INPUTS.x)
    assert "z = W @ x\nout = sum(z)" == str(read(z.sum()))
    assert "(m,)" == str(z.shape)


def test_float32() -> None:
    """Constants and new arrays take the inputs' precision."""
    r = param("r", ("n",), dtype="float32")
    graph = read((r * np.ones((2, 1)) + np.zeros_like(r) + 0.5).sum())
    assert "float32" == graph.outputs["out"].type.dtype
    with pytest.raises(ShapeError, match="cannot mix float32 and float64"):
        read(r + INPUTS.x)


def test_defaults() -> None:
    """One number is the default of a whole array."""
    graph = read(param("x", (3,), default=1).sum())
    assert {"x": 1.0} == graph.defaults


# Constants ----------------------------------------------------------------------------


def test_constants_are_one_node() -> None:
    """Equal arrays are one constant, told apart by type; a copy is kept."""
    numbers = np.ones((2, 3))
    R = param("R", (2, 3))
    expr = np.sin(R + numbers) * np.cos(numbers[:, :] + R)
    numbers[0, 0] = 5.0
    graph = read(expr)
    constants = [n for n in graph.order() if n.op.name == "array"]
    assert [[1.0, 1.0, 1.0]] * 2 == constants[0].attrs[0].value.tolist()
    assert 1 == len(constants)
    assert 2 == len([
        n for n in read((R + np.ones(3)) * np.ones(3, int)).order()
        if n.op.name == "array"
    ])  # fmt: skip


# Objects ------------------------------------------------------------------------------

REPR: tuple[tuple[Callable[[Any], Any], str], ...] = (
    (lambda v: v.W @ v.x, "W @ x"), (lambda v: (v.W * 2) @ v.x, "W*2 @ x"),
    (lambda v: v.W.T + 1, "W.T + 1"), (lambda v: (v.W + 1).T, "(W + 1).T"),
    (lambda v: v.x[1:, None], "x[1:, None]"),
    (lambda v: (-v.x)[..., ::2], "(-x)[..., ::2]"),
    (lambda v: v.E[v.w, 0], "E[w, 0]"), (lambda v: v.W.sum(axis=0), "sum(W, axis=0)"),
    (lambda v: np.einsum("ij,j", v.W, v.x), "einsum('ij,j', W, x)"),
    (lambda v: np.reshape(v.W, (v.W.size,)), "reshape(W, (m*n,))"),
    (lambda v: v.f + np.arange(4), "f + [0, 1, 2, 3]"),
    (lambda v: v.R * np.ones((3, 4)), "R*array[3, 4]"),
    (lambda v: np.concatenate([v.x] * 6)[0], "concatenate((x, x, x, x, ..., ...))[0]"),
)  # fmt: skip


@pytest.mark.parametrize("i", range(len(REPR)))
def test_repr(i: int) -> None:
    """A formula shows itself as Python would write it."""
    formula, expected = REPR[i]
    assert expected == repr(formula(INPUTS))


@pytest.mark.parametrize("name", TABLE)
def test_pickle(name: str) -> None:
    """A pickle gives the same formula again."""
    expr = TABLE[name](INPUTS)
    again = pickle.loads(pickle.dumps(expr))
    assert str(read(expr)) == str(read(again))
    assert repr(expr.shape) == repr(again.shape)


def test_depth() -> None:
    """A chain of 20,000 operations on arrays is written and read in linear time."""
    h = INPUTS.x
    for _ in range(5_000):
        h = np.tanh(INPUTS.A @ h + 1)[::-1]
    assert 20_000 < len(read(h)) < 40_000
    assert len(repr(h)) <= 80


def test_functions() -> None:
    """`ob.NAME` is elementwise or a reduction as in the expression language."""
    W, x = INPUTS.W, INPUTS.x
    assert "(m, n)" == str(math_function("max")(W, 0).shape)
    assert "(m,)" == str(math_function("max")(W, axis=1).shape)
    assert "()" == str(math_function("max")(W).shape)
    assert "(m, n)" == str(math_function("softmax")(W, axis=1).shape)
    given = points(SIZES[0])
    got = value(math_function("softmax")(x), given)
    np.testing.assert_allclose(got, scipy.special.softmax(given.x))
    got = value(math_function("logsumexp")(W, axis=0), given)
    np.testing.assert_allclose(got, scipy.special.logsumexp(given.W, axis=0))


def test_signatures() -> None:
    """`help` shows what a function on whole arrays takes."""
    assert "(x, axis=None)" == str(signature(math_function("softmax")))


def test_new_arrays() -> None:
    """Arrays of sizes that are known when called come from Overbar's functions."""
    x = INPUTS.x
    zeros, ones, arange = (math_function(n) for n in ("zeros", "ones", "arange"))
    n = x.shape[0]
    got = value(x + zeros(n) + ones((n,)) * arange(n), {"x": np.zeros(3)})
    np.testing.assert_array_equal([0.0, 1.0, 2.0], got)


# Refusals -----------------------------------------------------------------------------

NO_TRUTH = (
    "a condition has no truth value before it is computed; use ob.where(condition, a, "
    "b) instead of `if`, & | ~ instead of and/or/not, ob.max and ob.min instead of max "
    "and min"
)
NO_LENGTH = (
    "the length n is known only when called; x.shape[0] is its formula, and operations "
    "on whole arrays need no loop"
)
NO_SIZE = (
    "this depends on a size that is known only when called; use sizes in formulas and "
    "shapes, ob.zeros, ob.arange, ... for arrays of such a size, or give integers as "
    "the shapes of inputs"
)
NO_NUMPY = (
    "a formula is no array before it is computed: leave np.asarray and np.array out, "
    "and write np.stack or np.concatenate for lists of formulas, ob.take(array, i) for "
    "array[i], ob.NAME for what is no function of NumPy itself"
)
NO_CHANGE = (
    "a formula cannot be changed in place; write ob.where(condition, a, b) or "
    "np.concatenate for entries that differ"
)
REFUSED: tuple[tuple[Callable[[], object], type[OverbarError], str], ...] = (
    (lambda: W + y, ShapeError,
     ("add cannot combine shapes [m, n] and [m]: expected n along an axis, found m, in "
     "W + y")),
    (lambda: np.exp(W * R), ShapeError,
     ("mul cannot combine shapes [m, n] and [3, 4]: expected m along an axis, found 3, "
     "in W*R")),
    (lambda: np.maximum(x, y), ShapeError,
     ("max cannot combine shapes [n] and [m]: expected n along an axis, found m, in "
     "max(x, y)")),
    (lambda: x + np.ones(3), ShapeError,
     ("add cannot combine shapes [n] and [3]: expected n along an axis, found 3, in x "
     "+ [1.0, 1.0, 1.0]")),
    (lambda: bool(W > 0), InputError, NO_TRUTH),
    (lambda: max(x), InputError, NO_LENGTH),
    (lambda: list(x), InputError, NO_LENGTH),
    (lambda: len(W[:, 0]), InputError, NO_LENGTH.replace("length n", "length m")),
    (lambda: max(R[0]), InputError, NO_TRUTH),
    (lambda: len(s), UnsupportedError, "a scalar formula has no length and no entries"),
    (lambda: range(x.shape[0]), InputError, NO_SIZE),
    (lambda: np.zeros(x.shape), InputError, NO_SIZE),
    (lambda: np.arange(3.0)[w], InputError, NO_NUMPY),
    (lambda: np.asarray(x), InputError, NO_NUMPY),
    (lambda: scipy.special.softmax(x), InputError, NO_NUMPY),
    (lambda: x.__setitem__(0, 1.0), UnsupportedError, NO_CHANGE),
    (lambda: np.sum(x, dtype=float), UnsupportedError,
     "sum takes no argument 'dtype', only a, axis, keepdims"),
    (lambda: x.sum(0, None, None), UnsupportedError,
     "sum takes at most 2 arguments by position, found 4"),
    (lambda: np.linalg.eig(W), UnsupportedError,
     "expected a function that Overbar knows, found 'numpy.linalg.eig'"),
    (lambda: np.fft.fft(x), UnsupportedError,
     "expected a function that Overbar knows, found 'numpy.fft.fft'"),
    (lambda: x[s], ShapeError,
     "expected whole numbers as indices, found float64, in x[s]"),
    (lambda: x[y > 0], ShapeError,
     ("expected a mask that fits [n], of size n for its axis 0, found m in [m], in "
      "x[y > 0]")),
    (lambda: R[5], ShapeError,
     "index 5 is out of range for axis 0 of [3, 4], in R[5]"),
    (lambda: R[0, 0, 0], ShapeError,
     "an index of shape [3, 4] has at most 2 items, found 3, in R[0, 0, 0]"),
    (lambda: W @ y, ShapeError,
     ("cannot multiply shapes [m, n] and [m]: expected n rows on the right, found m, "
      "in W @ y")),
    (lambda: np.concatenate([W, x]), ShapeError,
     ("concat cannot join shapes [m, n] and [n] along axis 0, in concatenate((W, "
      "x))")),
    (lambda: np.sum(x, axis=1), ShapeError,
     ("sum expects an axis of shape [n], which has 1 axis, found axis 1, in sum(x, "
      "axis=1)")),
    (lambda: x.reshape(2, 3), ShapeError,
     ("cannot reshape [n] to [2, 3]: expected n elements, found 6, in reshape(x, (2, "
      "3))")),
    (lambda: np.einsum("ij,j", W, y), ShapeError,
     ("einsum cannot multiply shapes [m, n] and [m]: expected n along an axis, found "
      "m, in einsum('ij,j', W, y)")),
    (lambda: x[:w[0]], InputError,
     ("expected an integer, a size or a tuple of these where the shape depends on it, "
     "found the formula w[0]")),
    (lambda: x.sum(axis=w), InputError,
     ("expected an integer, a size or a tuple of these where the shape depends on it, "
     "found the formula w")),
    (lambda: x + np.ones(3) * 1j, UnsupportedError,
     "expected an array of real numbers, found an array of dtype complex128"),
    (lambda: x + np.array([2**63], "uint64"), InputError,
     "expected integers below 2**63, found 9223372036854775808"),
    (lambda: x + np.array(["a"]), InputError,
     "expected an array of real numbers, found an array of dtype <U1"),
    (lambda: x * [[1], [2, 3]], InputError,
     "expected numbers in rows of one length, found a ragged sequence"),
    (lambda: param("x", (-1,)), InputError,
     ("param 'x': expected sizes in its shape, integers or names such as 'n', found "
      "-1")),
    (lambda: param("x", (1.5,)), InputError,  # type: ignore[arg-type]
     ("param 'x': expected sizes in its shape, integers or names such as 'n', found "
      "1.5 (float)")),
    (lambda: param("x", ("n", "int64")), InputError,
     "param 'x': expected sizes in its shape, the dtype beside it, found 'int64'"),
    (lambda: np.add(np.zeros(3), R[:, 0], out=np.zeros(3)), UnsupportedError,
     ("add on formulas takes no out=; write a = a + b for a += b, where a is an array "
      "and b a formula")),
    (lambda: W.astype(int), ShapeError,
     ("expected an integer, found a value of type float64[m, n], in astype(W, "
      "'int64')")),
    (lambda: param("x", ("n-1",)), InputError,
     "expected a name such as x or rate_2, found 'n-1' (str)"),
    (lambda: param("x", (s,)), InputError,
     ("param 'x': expected sizes in its shape, integers or names such as 'n', found a "
      "value of type Expression")),
    (lambda: dim("a b"), InputError,
     "expected a name such as x or rate_2, found 'a b' (str)"),
    (lambda: read(param("V", (2 * dim("n"),))), InputError,
     ("expected the size 'n' to be that of an input's axis, as in data('x', ('n',)); "
      "found it in 2*n alone")),
    (lambda: read(x.sum() / dim("k")), InputError,
     ("expected the size 'k' to be that of an input's axis, as in data('x', ('k',)); "
      "found it in k alone")),
    (lambda: read(x.sum() + data("x", ("m",)).sum()), InputError,
     "input 'x' is declared as param(float64[n]) and as data(float64[m])"),
)  # fmt: skip


@pytest.mark.parametrize("i", range(len(REFUSED)))
def test_refusals(i: int) -> None:
    """Every refusal says what was expected and what was found."""
    act, error, message = REFUSED[i]
    with pytest.raises(error) as caught:
        act()
    assert message == str(caught.value)
    assert error is type(caught.value)
