"""Jacobians and Hessians over arrays, by the functions that fill them."""

from __future__ import annotations

import numba
import numpy as np
import pytest

import overbar as ob
from overbar.arguments import Argument
from overbar.ir.graph import Graph
from overbar.ir.types import F32, Type, dim
from overbar.levels import rewrite_for
from overbar.options import Options
from overbar.shaped import compiled

BACKENDS = ["auto", "python", "reference"]
BY_ROWS = "W: param[m, n]\nb: param[m]\nx: param[n]\ntanh(W @ x + b)"
BY_COLUMNS = "a: param\nx: param[2]\nt: data[n]\na*exp(-x[0]*t) + x[1]*t**3"
EITHER = "x: param[n]\nA: data[m, n]\ntanh(A @ x)"
SEVERAL = "a: param\nx: param[n]\ny = a*x**2\ns = a*sum(x**3)\ny, s"
LOSS = "W: param[m, n]\nb: param[m]\nx: data[n]\nsum(tanh(W @ x + b)**2)/2"
MIXED = "a: param\nw: param[n]\nx: data[k, n]\nsum(exp(a*(x @ w)))"


def numbers(*shape, seed=0):
    """Return random numbers of a shape."""
    return np.random.default_rng(seed).normal(size=shape)


def partials(f, args, h=1e-6):
    """Return central differences of a function's one result, by argument."""
    found = []
    for k, arg in enumerate(args):
        columns = []
        for place in np.ndindex(np.shape(arg)):
            ends = []
            for step in (h, -h):
                moved = np.array(arg, float)
                moved[place] += step
                given = [*args[:k], moved if np.ndim(arg) else float(moved)]
                ends.append(np.asarray(f(*given, *args[k + 1 :])))
            columns.append((ends[0] - ends[1]) / (2 * h))
        whole = np.stack(columns, -1)
        found.append(whole.reshape(whole.shape[:-1] + np.shape(arg)))
    return found


def near(expected, actual, rtol=1e-7):
    """Fail unless arrays have one shape and agree."""
    assert np.shape(expected) == np.shape(actual)
    np.testing.assert_allclose(actual, expected, rtol=rtol, atol=rtol)


FORMULAS = [
    (BY_ROWS, (numbers(3, 4), numbers(3), numbers(4)), 3),
    (BY_COLUMNS, (0.5, numbers(2), numbers(7)), 2),
    (EITHER, (numbers(3), numbers(5, 3)), 1),
    (EITHER, (numbers(5), numbers(3, 5)), 1),
    ("x: param[n]\nx[1:] - x[:-1]", (numbers(6),), 1),
    ("X: param[m, n]\ncumsum(X, axis=0)*X", (numbers(2, 3),), 1),
    (LOSS, (numbers(2, 3), numbers(2), numbers(3)), 2),
    (MIXED, (0.3, numbers(3), numbers(4, 3)), 2),
]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("text", "args", "count"), FORMULAS)
def test_jacobian(text, args, count, backend):
    """A Jacobian agrees with differences, from either side, whatever runs it."""
    f = ob.compile(text, backend=backend)
    expected = partials(f, args)[:count]
    for block, difference in zip(f.jacobian(*args), expected, strict=True):
        near(difference, block)
    if backend == "auto":
        for block, difference in zip(f.jit.jacobian(*args), expected, strict=True):
            near(difference, block)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("text", "args", "count"), FORMULAS[-2:])
def test_hessian(text, args, count, backend):
    """A Hessian agrees with differences of the gradient, and is symmetric."""
    f = ob.compile(text, backend=backend)
    names = f.options.wrt
    hessian = f.hessian(*args)
    for name in names:
        found = partials(lambda *at, name=name: f.grad(*at)[name], args)[:count]
        for other, difference in zip(names, found, strict=True):
            near(difference, hessian[name, other])
    theta, data = f.flat.pack(*args[:count]), args[count:]
    flat = f.flat.hessian(theta, *data)
    np.testing.assert_array_equal(flat, flat.T)


def test_triangle():
    """The generated function gives the lower triangle of blocks, row by row."""
    args = FORMULAS[-2][1]
    f = ob.compile(LOSS)
    hessian = f.hessian(*args)
    ww, bw, bb = f.jit.hessian(*args)
    near(hessian.W.W, ww, 1e-12)
    near(hessian.b.W, bw, 1e-12)
    near(hessian.b.b, bb, 1e-12)


@pytest.mark.parametrize("backend", BACKENDS)
def test_several_outputs(backend):
    """Outputs of different shapes have their blocks by name."""
    a, x = 0.7, numbers(4)
    jacobian = ob.compile(SEVERAL, backend=backend).jacobian(a, x)
    near(x**2, jacobian.a.y)
    near(np.diag(2 * a * x), jacobian.x.y)
    near(np.sum(x**3), jacobian.a.s)
    near(3 * a * x**2, jacobian.x.s)


def test_called_from_compiled_code():
    """The generated functions can be called in compiled code of one's own."""
    jacobian = ob.compile(EITHER).jit.jacobian

    @numba.njit
    def gauss_newton(x, A):
        (J,) = jacobian(x, A)
        return J.T @ J

    x, A = FORMULAS[2][1]
    J = (1 - np.tanh(A @ x) ** 2)[:, None] * A
    near(J.T @ J, gauss_newton(x, A))


@pytest.mark.parametrize("size", [0, 1])
def test_small_sizes(size):
    """Sizes 0 and 1 give empty and single blocks."""
    x = numbers(size)
    near(np.diag(np.cos(x)), ob.compile("x: param[n]\nsin(x)", "x").jacobian(x))
    near(np.diag(6 * x), ob.compile("x: param[n]\nsum(x**3)", "x").hessian(x))
    A, y = numbers(size, 2), numbers(2)
    f = ob.compile("A: param[m, n]\ny: param[n]\nA @ y")
    near(np.einsum("ik,j->ikj", np.eye(size), y), f.jacobian(A, y).A)
    near(A, f.jacobian(A, y).y)


def test_float32():
    """Blocks have the parameters' element type."""
    x = numbers(3).astype("float32")
    graph = Graph(real=F32, rewrite=rewrite_for("standard"))
    node = graph.input("x", "param", Type("float32", (dim("n"),)))
    graph.outputs["y"] = graph.make("sum", [node * node * node], ((0,),))
    f = compiled(graph, [Argument("x", ("x",))], Options(("x",), bare=True))
    assert np.float32 == f.hessian(x).dtype
    assert np.float32 == f.jit.hessian(x)[0].dtype
    np.testing.assert_allclose(f.hessian(x), np.diag(6 * x), 1e-6)
    assert np.float32 == f.jacobian(x).dtype


@pytest.mark.parametrize(
    ("text", "args"),
    [
        (BY_ROWS, (numbers(5, 2, 3), numbers(2), numbers(5, 3))),
        (EITHER, (numbers(5, 2), numbers(3, 2))),
        (EITHER, (numbers(5, 3), numbers(2, 3))),
    ],
)
def test_batches(text, args):
    """A batch's Jacobians are those of its points."""
    f = ob.compile(text)
    together = f.batch.jacobian(*args)
    for k in range(5):
        ranks = [len(n.type.shape) for n in f.graph.inputs.values()]
        point = [a[k] if a.ndim > r else a for a, r in zip(args, ranks, strict=True)]
        for whole, block in zip(together, f.jacobian(*point), strict=True):
            np.testing.assert_array_equal(block, whole[k])


def test_constant_arrays():
    """Constant arrays reach both passes."""
    A = numbers(3, 2)
    f = ob.compile(lambda x: np.tanh(A @ x), inputs={"x": (2,)})
    x = numbers(2)
    near((1 - np.tanh(A @ x) ** 2)[:, None] * A, f.jacobian(x).x)


def test_many_numbers_beside_an_array():
    """More numbers than fit a tuple are handed on as an array."""
    names = [f"p{k}" for k in range(20)]
    declared = "".join(f"{n}: param\n" for n in names)
    total = " + ".join(f"sin({n})*t**{k}" for k, n in enumerate(names))
    t, p = np.linspace(0, 1, 3), numbers(20)
    f = ob.compile(f"{declared}t: data[k]\n{total}")
    expected = np.cos(p)[:, None] * t ** np.arange(20)[:, None]
    near(expected, np.stack(f.jacobian(*p, t)))


def test_shares_memory_with_nothing():
    """Blocks are the caller's own."""
    x = numbers(3)
    f = ob.compile("W: param[n]\nx: param[n]\nW @ x")
    W = numbers(3, seed=1)
    jacobian = f.jacobian(W, x)
    jacobian.W[:] = 0
    near(numbers(3), x)


def test_source_reads_as_written_by_hand():
    """One pass forward, then one backward for each row."""
    source = ob.compile(EITHER.replace("[m, n]", "[3, n]")).runtime.source("jacobian")
    start = source.index("def jacobian(")
    assert (
        source[start : source.index("@njit", start)].rstrip()
        == '''\
def jacobian(x, A):
    """Return the partials of out, row by row."""
    n = x.shape[0]
    dout_dx = np.empty((3, n))
    if 3 <= n:
        _, saved = forward(x, A)
        seed = np.zeros(3)
        for i in range(3):
            seed[i] = 1.0
            dout_dx[i] = backward(saved, seed)[0]
            seed[i] = 0.0
    else:
        saved = linearize(x, A)
        x_dot = np.zeros(n)
        for i in range(n):
            x_dot[i] = 1.0
            dout_dx[..., i] = tangent(saved, x_dot)
            x_dot[i] = 0.0
    return dout_dx,'''
    )


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("text", "args"),
    [
        (LOSS, FORMULAS[-2][1]),
        (MIXED, FORMULAS[-1][1]),
        ("x: param\ny: param\nx**3*y + sin(y)", (0.7, 1.2)),
        ("*".join(f"cos(x{k})" for k in range(20)), numbers(20).tolist()),
    ],
)
def test_value_gradient_and_product(text, args, backend):
    """The joint function gives what the three give apart."""
    f = ob.compile(text, backend=backend)
    v = [numbers(*np.shape(a), seed=2)[()] for a in args[: len(f.options.wrt)]]
    value, gradient, product = f.value_grad_and_hvp(args, v)
    near(f(*args), value, 1e-14)
    for one, other in zip(f.grad(*args), gradient, strict=True):
        near(one, other, 1e-13)
    for one, other in zip(f.hvp(args, v), product, strict=True):
        near(one, other, 1e-13)


def test_joint_function_in_compiled_code():
    """`f.jit.value_grad_and_hvp` gives the value, and two tuples."""
    x, v = numbers(3), numbers(3, seed=1)
    f = ob.compile("x: param[n]\nsum(x**4)")
    value, (gradient,), (product,) = f.jit.value_grad_and_hvp(x, v)
    near(np.sum(x**4), value, 1e-14)
    near(4 * x**3, gradient, 1e-14)
    near(12 * x**2 * v, product, 1e-14)
    with pytest.raises(ob.InputError, match="expects one output, found 2"):
        ob.compile("x, x**2").value_grad_and_hvp(1.0, 1.0)


def test_joint_function_over_one_vector():
    """`f.flat.value_grad_and_hvp` gives the value, and two vectors."""
    theta, v = numbers(4), numbers(4, seed=1)
    for text in ("x: param[n]\nsum(x**4)", "a**4 + b**4 + c**4 + d**4"):
        value, gradient, product = ob.compile(text).flat.value_grad_and_hvp(theta, v)
        near(np.sum(theta**4), value, 1e-14)
        near(4 * theta**3, gradient, 1e-14)
        near(12 * theta**2 * v, product, 1e-14)


THEIRS = {
    "layer": (BY_ROWS, lambda p, W, b, x: p.tanh(W @ x + b), FORMULAS[0][1]),
    "decay": (
        BY_COLUMNS, lambda p, a, x, t: a * p.exp(-x[0] * t) + x[1] * t**3,
        FORMULAS[1][1],
    ),
    "softmax": (
        "X: param[m, n]\nsoftmax(X @ X.T, axis=1)",
        lambda p, X: p.exp(X @ X.T) / p.sum(p.exp(X @ X.T), axis=1)[:, None],
        (numbers(3, 2),),
    ),
    "inverse": (
        "A: param[n, n]\nb: param[n]\nsolve(A, b)",
        lambda p, A, b: p.linalg.solve(A, b),
        (numbers(3, 3) + 4 * np.eye(3), numbers(3)),
    ),
    "loss": (
        LOSS, lambda p, W, b, x: p.sum(p.tanh(W @ x + b) ** 2) / 2, FORMULAS[-2][1],
    ),
    "cumulated": (
        "x: param[n]\nsum(exp(cumsum(x)*x[::-1]))",
        lambda p, x: p.sum(p.exp(p.cumsum(x) * x[::-1])), (numbers(5) / 2,),
    ),
    "determinant": (
        "A: param[n, n]\nlogdet(A @ A.T)",
        lambda p, A: p.linalg.slogdet(A @ A.T)[1], (numbers(3, 3),),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", THEIRS)
def test_as_jax(case):
    """Jacobians, and Hessians of numbers, are those of JAX."""
    jax = pytest.importorskip("jax", reason="JAX is a peer, not a dependency")
    jax.config.update("jax_enable_x64", True)  # noqa: FBT003
    text, theirs, args = THEIRS[case]
    f = ob.compile(text)
    params = tuple(range(len(f.options.wrt)))

    def function(*given):
        return theirs(jax.numpy, *given)

    for own, other in zip(
        f.jacobian(*args), jax.jacobian(function, params)(*args), strict=True
    ):
        near(np.asarray(other), own, 1e-10)
    if np.ndim(f(*args)):
        return
    for row, others in zip(
        f.hessian(*args), jax.hessian(function, params)(*args), strict=True
    ):
        for own, other in zip(row, others, strict=True):
            near(np.asarray(other), own, 1e-9)
