"""Calls of formulas over arrays: shapes, gradients, Jacobians, one vector, batches."""

from __future__ import annotations

import math
import pickle
import re
import runpy
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.optimize import least_squares, minimize

import overbar as ob

if TYPE_CHECKING:
    from pathlib import Path

BACKENDS = ["auto", "python", "reference"]

LAYER = """
W: param[m, n]
b: param[m]
x: data[n]
z = W @ x + b
h = tanh(z)
"""
NETWORK = LAYER + "J = sum(h**2)\nJ"
RIDGE = """
w: param[d]
b: param
X: data[n, d]
y: data[n]
lam: data = 0.1
r = X @ w + b - y
J = sum(r**2)/2 + lam*(w @ w)
J
"""
PICKED = "E: param[v, d]\nw: index[k]\nsum(E[w]**2)"


def numbers(*shape):
    """Return the same random numbers whenever a shape is asked for."""
    return np.random.default_rng(math.prod(shape)).normal(size=shape)


W, B, X = numbers(3, 4), numbers(3), numbers(4)


def layer(W=W, b=B, x=X):
    """Return a layer's value and the adjoints for the value's sum of squares."""
    h = np.tanh(W @ x + b)
    back = 2 * h * (1 - h**2)
    return h, np.outer(back, x), back


def close(expected, actual, rtol=1e-12):
    """Fail unless two arrays have one shape and agree."""
    assert np.shape(expected) == np.shape(actual)
    np.testing.assert_allclose(actual, expected, rtol=rtol, atol=rtol)


def slope(f, x, h=1e-6):
    """Return the central differences of a function in the elements of an array."""
    found = []
    for place in np.ndindex(x.shape):
        step = np.zeros(x.shape)
        step[place] = h
        found.append((f(x + step) - f(x - step)) / (2 * h))
    stacked = np.stack(found, axis=-1)
    return stacked.reshape(stacked.shape[:-1] + x.shape)


# -- values and first derivatives ---------------------------------------------------


@pytest.mark.parametrize("backend", BACKENDS)
def test_derivatives(backend):
    """Every entry point agrees with the lecture's formulas, whatever runs it."""
    f = ob.compile(NETWORK, backend=backend)
    h, W_bar, b_bar = layer()
    close(h @ h, f(W, B, X))
    assert type(f(W, B, X)) is float
    value, saved = f.forward(W, B, X)
    close(h @ h, value)
    for gradient in (
        f.grad(W, B, X),
        f.value_and_grad(W, B, X)[1],
        f.backward(saved),
        f.vjp((W, B, X), 1.0),
        f.jacobian(W, B, X),
    ):
        close(W_bar, gradient.W)
        close(b_bar, gradient.b)
    close(3 * b_bar, f.backward(saved, 3.0).b)
    tangent = f.jvp((W, B, X), {"W": W, "b": B})
    close(np.sum(W_bar * W) + b_bar @ B, tangent)


@pytest.mark.parametrize("backend", BACKENDS)
def test_second_derivatives(backend):
    """Hessian blocks have the shapes of both parameters, and hvp contracts them."""
    f = ob.compile(NETWORK, backend=backend)
    hessian = f.hessian(W, B, X)
    h, _, _ = layer()
    D = np.diag(2 * (1 - h**2) ** 2 - 4 * h**2 * (1 - h**2))
    close(np.einsum("ik,j,l->ijkl", D, X, X), hessian.W.W)
    close(np.einsum("ik,j->ijk", D, X), hessian.W.b)
    close(np.einsum("ik,l->ikl", D, X), hessian["b", "W"])
    close(D, hessian.b.b)
    np.testing.assert_array_equal(
        np.moveaxis(hessian.W.b, -1, 0), hessian.b.W
    )  # symmetric to the last bit
    product = f.hvp((W, B, X), (W, B))
    close(
        np.einsum("ijkl,kl", hessian.W.W, W) + np.einsum("ijk,k", hessian.W.b, B),
        product.W,
    )


@pytest.mark.parametrize("backend", BACKENDS)
def test_arrays_as_values(backend):
    """An array as value has seeds and tangents of its shape, and Jacobian blocks."""
    f = ob.compile(LAYER + "h", backend=backend)
    h, _, _ = layer()
    close(h, f(W, B, X))
    jacobian = f.jacobian(W, B, X)
    close(np.diag(1 - h**2), jacobian.b)
    close(np.einsum("ij,k->ijk", np.diag(1 - h**2), X), jacobian.W)
    seed = numbers(3)
    close((1 - h**2) * seed, f.vjp((W, B, X), seed).b)
    close((1 - h**2) * seed, f.backward(f.forward(W, B, X)[1], seed).b)
    close((1 - h**2) * (W @ X + seed), f.jvp((W, B, X), (W, seed)))


def test_outputs_of_several_shapes():
    """Outputs come by name; Jacobians too where they have several shapes."""
    f = ob.compile("x: param[n]\ny = 2*x\ns = sum(x**2)\ny, s")
    x = numbers(3)
    value = f(x)
    close(2 * x, value.y)
    close(x @ x, value.s)
    jacobian = f.jacobian(x)
    close(2 * np.eye(3), jacobian.x.y)
    close(2 * x, jacobian.x.s)
    seed = {"y": numbers(3), "s": 2.0}
    close(2 * seed["y"] + 4 * x, f.vjp((x,), seed).x)


def test_numbers_from_arrays():
    """Several numbers from an array have one Jacobian, a row each."""
    f = ob.compile("x: param[n]\nsum(x), sum(x**2)", "x")
    x = numbers(4)
    close(np.stack([np.ones(4), 2 * x]), f.jacobian(x))
    assert (4, 4) == ob.compile("x: param[n]\nsum(x**3)", "x").hessian(x).shape


def test_wide_and_tall_jacobians():
    """Reverse and forward mode give the same Jacobian, whichever is shorter."""
    A = numbers(2, 5)
    for text, expected in (
        ("x: param[n]\nA: data[m, n]\nA @ x", A),
        ("x: param[m]\nA: data[m, n]\nA.T @ x", A.T),
    ):
        x = numbers(expected.shape[1])
        close(expected, ob.compile(text, "x").jacobian(x, A))


def test_one_name_by_itself():
    """A single name given by itself has bare gradients, Hessians and tangents."""
    f = ob.compile(NETWORK, "b")
    _, _, b_bar = layer()
    close(b_bar, f.grad(W, B, X))
    assert (3, 3) == f.hessian(W, B, X).shape
    close(b_bar @ B, f.jvp((W, B, X), B))
    close(f.hessian(W, B, X) @ B, f.hvp((W, B, X), B))


def test_no_parameter():
    """A formula of data alone has empty gradients."""
    f = ob.compile("x: data[n]\nsum(x)", [])
    assert () == f.grad(X)
    assert () == f.jacobian(X)


# -- arguments ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "x",
    [
        X.tolist(),
        tuple(X),
        np.repeat(X, 2)[::2],
        X[::-1].copy()[::-1],
        X.astype(">f8"),
        np.stack([X, X], axis=1)[:, 0],
        [np.float64(v) for v in X],
    ],
)
def test_arrays_of_any_kind(x):
    """Lists, strided and byte-swapped arrays are taken, and left as they are."""
    f = ob.compile(NETWORK)
    before = np.array(x)
    close(f.grad(W, B, X).W, f.grad(W, B, x).W)
    close(f(W, B, X), f(W=W, x=x, b=B))
    np.testing.assert_array_equal(before, np.array(x))


def test_no_copy_of_what_fits():
    """An array of the right dtype in C order is handed on as it is."""
    f = ob.compile(NETWORK)
    assert all(
        given is bound
        for given, bound in zip((W, B, X), f.signature.bind((W, B, X)), strict=True)
    )


def test_fortran_order():
    """Matrices in Fortran order are matrices."""
    f = ob.compile(NETWORK)
    close(f.grad(W, B, X).W, f.grad(np.asfortranarray(W), B, X).W)
    close(f.grad(W, B, X).W, f.grad(W.T.copy().T, B, X).W)


def test_read_only_arrays():
    """Read-only arrays are taken like others."""
    f, x = ob.compile(NETWORK), X.copy()
    x.flags.writeable = False
    close(f(W, B, X), f(W, B, x))


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1/n + sum(x)", math.inf), ("n/n + sum(x)", math.nan),
        ("mean(x)", math.nan), ("var(x)", math.nan), ("sum(x) - n**-1", -math.inf),
        ("sum(x**2)*(1/n)", math.nan), ("sum(x) + n//2/n", math.nan),
        ("sum(x) + log(n)", -math.inf), ("sum(x) + 1/(n - 1)", -1.0),
        ("where(n > 0, sum(x)/n, 5)", 5.0),
    ],
)  # fmt: skip
def test_sizes_of_none(backend, text, expected):
    """A size of 0 divides as IEEE 754 has it, whatever runs it, in both passes."""
    f = ob.compile("x: param[n]\n" + text, backend=backend)
    x = np.zeros(0)
    value, gradient = f.value_and_grad(x)
    again, saved = f.forward(x)
    np.testing.assert_array_equal([expected] * 3, [f(x), value, again])
    assert (0,) == gradient.x.shape == f.backward(saved).x.shape


@pytest.mark.parametrize("backend", BACKENDS)
def test_constants_divide_by_zero(backend):
    """Formulas with constant arrays follow IEEE 754 too, and warn of nothing."""
    x = ob.param("x", ())
    f = ob.compile(np.sum(np.array([-1.0, -2.0]) / x), backend=backend)
    assert -math.inf == f(0.0)
    assert -1.5 == f(2.0)


def test_every_size():
    """One compilation serves every size, none and one too."""
    f = ob.compile(NETWORK)
    for m, n in ((1, 1), (0, 3), (3, 0), (0, 0), (5, 2)):
        arrays = numbers(m, n), numbers(m), numbers(n)
        h, W_bar, b_bar = layer(*arrays)
        close(h @ h, f(*arrays))
        close(W_bar, f.grad(*arrays).W)
        close(b_bar, f.backward(f.forward(*arrays)[1]).b)


def test_sizes_without_arrays_saved():
    """The backward pass knows sizes that no saved array tells."""
    f = ob.compile("x: param[n]\nsum(x)")
    value, saved = f.forward(X)
    close(X.sum(), value)
    close(np.full(4, 2.0), f.backward(saved, 2.0).x)


def test_defaults_fill():
    """A number as default fills an array of the size that others tell."""
    f = ob.compile("x: param[n]\nt: data[n] = 0.5\nsum((x - t)**2)")
    close(np.sum((X - 0.5) ** 2), f(X))
    close(2 * (X - 0.5), f.grad(X).x)
    close(2 * (X - 2), f.grad(X, t=np.full(4, 2.0)).x)
    close(2 * (X - 0.5), f.flat.grad(X))


def test_indices():
    """Integer data pick rows; what is picked twice has its adjoints added."""
    f = ob.compile(PICKED)
    E, w = numbers(3, 2), [0, 2, 2]
    close(np.sum(E[w] ** 2), f(E, w))
    expected = np.zeros((3, 2))
    np.add.at(expected, w, 2 * E[w])
    close(expected, f.grad(E, w).E)
    close(f(E, [0, 2, 2]), f(E, np.array([0, -1, 2], "i4")))
    close(0.0, f(E, []))


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("call", ["__call__", "grad", "forward"])
@pytest.mark.parametrize("index", [3, -4, 10**12])
def test_indices_out_of_range(backend, call, index):
    """An index out of range is an error that points at the formula."""
    f = ob.compile(PICKED, backend=backend)
    with pytest.raises(ob.InputError) as error:
        getattr(f, call)(numbers(3, 2), [0, index])
    message = f"<string>:3:5: expected indices from -3 to 2 in E[w], found {index}\n"
    assert str(error.value).startswith(message)


def test_float32():
    """Single precision stays single precision, in results too."""
    from overbar.arguments import Argument
    from overbar.ir.graph import Graph
    from overbar.ir.types import F32, Type, dim
    from overbar.levels import rewrite_for
    from overbar.options import Options
    from overbar.shaped import compiled

    graph = Graph(real=F32, rewrite=rewrite_for("standard"))
    x = graph.input("x", "param", Type("float32", (dim("n"),)))
    graph.outputs["y"] = x * x
    f = compiled(graph, [Argument("x", ("x",))], Options(("x",), bare=True))
    x32 = X.astype("f4")
    for result in (f(X), f.jacobian(X), f.vjp((X,), X), f.jvp((X,), X)):
        assert np.float32 == result.dtype
    np.testing.assert_array_equal(x32 * x32, f(x32))
    np.testing.assert_array_equal(np.diag(2 * x32), f.jacobian(x32))


# -- results share no memory ---------------------------------------------------------


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    "text",
    [
        "x: param[n]\ny: param[n]\nx @ y",
        "x: param[n]\ny: param[n]\nsum(x) + sum(y)",
        "x: param[n]\ny: param[n]\nsum(x + y)",
        "x: param[n]\ny: param[n]\ns = x + y\nsum(s**2)",
    ],
)
def test_gradients_are_their_own(backend, text):
    """Gradients alias neither arguments nor each other nor what was saved."""
    f = ob.compile(text, backend=backend)
    x, y = numbers(4), numbers(5)[:4].copy()
    expected = [g.copy() for g in f.grad(x, y)]
    _, saved = f.forward(x, y)
    for gradient in (f.grad(x, y), f.backward(saved), f.vjp((x, y), 1.0)):
        for i, part in enumerate(gradient):
            close(expected[i], part)
            assert part.flags.writeable
            part[:] = 99.0
    for expect, part in zip(expected, f.backward(saved), strict=True):
        close(expect, part)
    np.testing.assert_array_equal(numbers(4), x)
    x[:] = y[:] = 7.0
    for expect, part in zip(expected, f.backward(saved), strict=True):
        close(expect, part)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("text", ["x", "x.T", "x[1:]", "reshape(x, 4*n)"])
def test_values_are_their_own(backend, text):
    """A value that is an argument, or looks into one, is a copy."""
    f = ob.compile(f"x: param[4, n]\n{text}", backend=backend)
    x = numbers(4, 3)
    value = f(x)
    value[...] = 5.0
    np.testing.assert_array_equal(numbers(4, 3), x)


# -- one vector --------------------------------------------------------------------


def test_flat():
    """The vector has the parameters after each other, in C order."""
    f = ob.compile(NETWORK)
    theta = f.flat.pack(W, B)
    np.testing.assert_array_equal(np.concatenate([W.ravel(), B]), theta)
    np.testing.assert_array_equal(theta, f.flat.pack(b=B, W=W))
    np.testing.assert_array_equal(theta, f.flat.pack({"b": B, "W": W}))
    np.testing.assert_array_equal(theta, f.flat.pack(f.flat.unpack(theta, X)))
    np.testing.assert_array_equal(W, f.flat.unpack(theta, x=X).W)
    gradient = f.flat.grad(theta, X)
    close(f.flat.pack(f.grad(W, B, X)), gradient)
    value, same = f.flat.value_and_grad(theta, X)
    close(f(W, B, X), value)
    close(gradient, same)
    out = np.empty(15)
    assert out is f.flat.value_and_grad(theta, X, out=out)[1]
    close(gradient, out)
    hessian = f.flat.hessian(theta, X)
    close(slope(lambda t: f.flat.grad(t, X), theta), hessian, 1e-5)
    np.testing.assert_array_equal(hessian, hessian.T)
    close(hessian @ theta, f.flat.hvp(theta, theta, X), 1e-10)
    close(gradient, f.flat.jacobian(theta, X))
    vector = ob.compile(LAYER + "h")
    close(slope(lambda t: vector.flat.value(t, X), theta),
          vector.flat.jacobian(theta, X), 1e-7)  # fmt: skip


def test_flat_sizes():
    """One size that data leave open comes from the length; others are to be given."""
    f = ob.compile("A: param[m, n]\nB: param[n, k]\nsum((A @ B)**2)")
    A, C = numbers(2, 3), numbers(3, 4)
    theta = f.flat.pack(A, C)
    with pytest.raises(ob.InputError) as error:
        f.flat.unpack(theta)
    assert (
        "expected sizes of k and m and n, which no data tell; give them by "
        "f.flat.sized(k=..., m=..., n=...)"
    ) == str(error.value)
    np.testing.assert_array_equal(C, f.flat.sized(m=2, n=3).unpack(theta).B)
    close(np.sum((A @ C) ** 2), f.flat.sized(m=2, n=3).value(theta))


def test_flat_fits_scipy():
    """SciPy finds the least squares that NumPy solves for."""
    f = ob.compile(RIDGE)
    A, y = numbers(20, 3), numbers(20)
    start = f.flat.pack(np.zeros(3), 0.0)
    found = minimize(
        f.flat.value_and_grad, start, args=(A, y, 0.0), jac=True, tol=1e-12
    )
    ones = np.column_stack([A, np.ones(20)])
    expected = np.linalg.lstsq(ones, y, rcond=None)[0]
    close(expected, found.x, 1e-6)
    step = np.linalg.solve(
        f.flat.hessian(start, A, y, 0.0), f.flat.grad(start, A, y, 0.0)
    )
    close(expected, start - step, 1e-9)
    residuals = ob.compile(RIDGE.rsplit("J =", 1)[0] + "r")
    found = least_squares(
        residuals.flat.value, start, residuals.flat.jacobian, args=(A, y)
    )
    close(expected, found.x, 1e-6)


# -- leading axes --------------------------------------------------------------------


def test_batch():
    """A batch maps over leading axes, bit for bit what calls one by one give."""
    f = ob.compile(NETWORK)
    xs = numbers(2, 5, 4)
    values, gradients = f.batch(W, B, xs), f.batch.grad(W, B, xs)
    assert (2, 5) == values.shape
    assert (2, 5, 3, 4) == gradients.W.shape
    for place in np.ndindex(2, 5):
        assert f(W, B, xs[place]) == values[place]
        np.testing.assert_array_equal(f.grad(W, B, xs[place]).W, gradients.W[place])
    value, gradient = f.batch.value_and_grad(W, B, xs)
    np.testing.assert_array_equal(values, value)
    np.testing.assert_array_equal(gradients.b, gradient.b)
    assert (2, 5, 3, 3) == f.batch.hessian(W, B, xs).b.b.shape
    assert (2, 5, 3) == f.batch.jacobian(W, B, xs).b.shape


def test_batch_broadcasts():
    """Leading axes broadcast as those of NumPy's generalised ufuncs do."""
    f = ob.compile(LAYER + "h")
    Ws, bs, xs = numbers(2, 1, 3, 4), numbers(1, 5, 3), numbers(5, 4)
    expected = np.tanh(np.einsum("aijk,bk->abj", Ws, xs) + bs)
    close(expected, f.batch(Ws, bs, xs))
    close(expected[:0], f.batch(Ws[:0], bs, xs))
    close(f(W, B, X), f.batch(W, B, X))


def test_reduce_leaves_parameters_as_they_are():
    """With a reduction, parameters have exactly their shape."""
    f = ob.compile(NETWORK, reduce="sum")
    with pytest.raises(ob.InputError) as error:
        f(numbers(2, 3, 4), B, X)
    assert (
        "expected an array of shape [m, n] for 'W', found an array of shape (2, 3, 4); "
        "data alone map over leading axes"
    ) == str(error.value)


@pytest.mark.parametrize(("reduce", "scale"), [("sum", 1), ("mean", 1 / 6)])
def test_reduce(reduce, scale):
    """With a reduction, data have leading axes and results are those of all points."""
    f = ob.compile(NETWORK, reduce=reduce)
    g = ob.compile(NETWORK)
    xs = numbers(6, 4)
    close(scale * g.batch(W, B, xs).sum(), f(W, B, xs))
    close(scale * g.batch.grad(W, B, xs).W.sum(0), f.grad(W, B, xs).W)
    close(scale * g.batch.hessian(W, B, xs).b.W.sum(0), f.hessian(W, B, xs).b.W)
    theta = f.flat.pack(W, B)
    close(f.flat.pack(f.grad(W, B, xs)), f.flat.grad(theta, xs))
    close(f.grad(W, B, xs).b, f.backward(f.forward(W, B, xs)[1]).b)
    close(g(W, B, X), f(W, B, X))


def test_numbers_around_arrays():
    """A formula of numbers with arrays inside maps over its arguments."""
    f = ob.compile("x: param\nsum(x**k for k in 4)")
    xs = np.array([0.5, 2.0, 3.0])
    close(1 + xs + xs**2 + xs**3, f(xs))
    close(1 + 2 * xs + 3 * xs**2, f.grad(xs).x)
    close(15.0, f(2.0))
    close(2 + 6 * xs, f.hessian(xs).x.x)


# -- errors ------------------------------------------------------------------------


CALLS = [
    (NETWORK, lambda f: f(W, B, X[:3]),
     "expected n = 4, as in 'W', along axis 0 of 'x', found 3"),
    (NETWORK, lambda f: f(W, B[:2], X),
     "expected m = 3, as in 'W', along axis 0 of 'b', found 2"),
    (NETWORK, lambda f: f(W, B, numbers(2, 4)),
     ("expected an array of shape [n] for 'x', found an array of shape (2, 4); f.batch "
     "maps over leading axes")),
    (NETWORK, lambda f: f(W, 2.0, X),
     "expected an array of shape [m] for 'b', found one number"),
    (NETWORK, lambda f: f(W[0], B, X),
     "expected an array of shape [m, n] for 'W', found an array of shape (4,)"),
    (NETWORK, lambda f: f(W, B), "expected values for W, b, x; found none for x"),
    (NETWORK, lambda f: f(W, B, ["a"] * 4),
     "expected real numbers for 'x', found list of dtype <U1"),
    (NETWORK, lambda f: f(W, B, [[1], [2, 3]]),
     "expected numbers of one shape for 'x', found a ragged sequence"),
    (NETWORK, lambda f: f(W, B, X * 1j),
     "expected real numbers for 'x', found ndarray of dtype complex128"),
    (RIDGE, lambda f: f(numbers(3), [1.0], numbers(5, 3), numbers(5)),
     "expected one number for 'b', found an array of shape (1,)"),
    (PICKED, lambda f: f(numbers(3, 2), [0.5]),
     "expected int64 for 'w', found list of dtype float64"),
    ("x: param[3]\nsum(x)", lambda f: f(X),
     "expected 3 along axis 0 of 'x', found 4"),
    ("x: param[n]\ny: data[n + 1]\nsum(x)*sum(y)", lambda f: f(X, X),
     "expected n + 1 = 5, as n = 4, along axis 0 of 'y', found 4"),
    (NETWORK, lambda f: f.vjp((W, B, X), X),
     "expected one number for the seed of 'J', found an array of shape (4,)"),
    (LAYER + "h", lambda f: f.vjp((W, B, X), X),
     "expected m = 3 along axis 0 of the seed of 'h', found 4"),
    (LAYER + "h", lambda f: f.backward(f.forward(W, B, X)[1]),
     "expected an array of shape [m] for the seed of 'h', found one number"),
    (NETWORK, lambda f: f.hvp((W, B, X), (W, X)),
     "expected m = 3 along axis 0 of the tangent of 'b', found 4"),
    (LAYER + "h", lambda f: f.grad(W, B, X),
     "grad expects one number, found 'h' of shape [m]; use jacobian or vjp"),
    (LAYER + "h", lambda f: f.hessian(W, B, X),
     "hessian expects one number, found 'h' of shape [m]; sum it first"),
    (NETWORK, lambda f: f.flat.value(numbers(14), X),
     "expected a vector of m*n + m numbers with n = 4 for some size m, found 14"),
    (RIDGE, lambda f: f.flat.value(numbers(3), numbers(5, 3), numbers(5)),
     "expected a vector of 4 numbers (w (3,), b ()), found 3"),
    (NETWORK, lambda f: f.flat.value(W, X),
     ("expected a vector of 2 parameters (W, b), found shape (3, 4) of dtype float64")),
    (NETWORK, lambda f: f.flat.value(numbers(15), X, X),
     "expected theta and at most 1 data argument (x), found 2"),
    (NETWORK, lambda f: f.batch(W, numbers(2, 3), numbers(5, 4)),
     "expected leading axes that broadcast, found shapes b (2,), x (5,)"),
    (NETWORK, lambda f: f.value_and_grad(W, B, X, out=[np.empty(3), B]),
     ("expected an array of floats of shape (3, 4) as out= for 'W', found one of "
     "float64 of shape (3,)")),
    ("x: param[n]\nt: data[k] = 1\nsum(x) + sum(t)", lambda f: f(X),
     ("expected an array of shape [k] for 't', as no other argument gives the size k; "
     "found none")),
]  # fmt: skip


@pytest.mark.parametrize(("text", "call", "message"), CALLS)
def test_calls(text, call, message):
    """A wrong call names the argument, the dimension and both sizes."""
    with pytest.raises(ob.InputError) as error:
        call(ob.compile(text, backend="reference"))
    assert message == str(error.value)


@pytest.mark.parametrize(
    ("text", "x", "message"),
    [
        ("x: param[n]\nx[1:] - x[:-1]", [],
         "expected sizes with n - 1 of at least 0, found n = 0"),
        ("x: param[n]\nx[3]*2", [1, 2],
         "expected sizes that x[3] can be taken of, found n = 2"),
        ("x: param[n]\nx[-3:]*2", [1, 2],
         "expected sizes that x[n - 3:] can be taken of, found n = 2"),
    ],
)  # fmt: skip
def test_sizes_that_do_not_fit(text, x, message):
    """Sizes for which the formula makes no sense are refused with its line."""
    with pytest.raises(ob.InputError) as error:
        ob.compile(text, backend="reference")(x)
    first, *_ = str(error.value).split("\n")
    assert re.fullmatch(r"<string>:\d+:\d+: " + re.escape(message), first)


# -- what a formula tells of itself ----------------------------------------------------


def test_check():
    """A right gradient passes, element by element; a large one along random lines."""
    f = ob.compile(NETWORK)
    report = f.check(W, B, X)
    assert report
    assert ["W", "b"] == [row.name.split("[")[0] for row in report.rows]
    assert "the worst of 12 elements" == report.rows[0].note
    assert max(row.relative for row in report.rows) < 1e-13
    large = f.check(numbers(40, 50), numbers(40), numbers(50) / 20)
    assert large
    assert "the worst of 8 random directions" == large.rows[0].note
    assert f.check(numbers(400, 300) / 10, numbers(400), numbers(300) / 20)
    assert ob.compile(LAYER + "h").check(W, B, X)
    assert ob.compile(PICKED).check(numbers(3, 2), [0, 2, 2])


def test_check_finds_what_is_wrong(monkeypatch):
    """A wrong gradient fails, in the element that is wrong."""
    f = ob.compile(NETWORK)
    right = f.grad(W, B, X)
    wrong = right.W.copy()
    wrong[1, 2] *= 1.0001
    monkeypatch.setattr(f, "once", lambda _name, _values: [wrong, right.b])
    report = f.check(W, B, X)
    assert not report
    assert ["W[1, 2]", False] == [report.rows[0].name, report.rows[0].ok]
    assert report.rows[1].ok


def test_check_at_a_kink():
    """Between the slopes of a kink every number is right."""
    report = ob.compile("x: param[n]\nsum(abs(x))").check([1.0, 0.0])
    assert report
    report = ob.compile("x: param[n]\nmax(x)").check([1.0, 1.0])
    assert report


def test_check_where_nothing_is_right():
    """A value that is no number says why."""
    report = ob.compile("x: param[n]\nsum(log(x))").check([1.0, -2.0])
    assert not report
    assert report.rows[0].note.startswith("nan in line 2: log(x) at x[1] = -2.0")


def test_explain():
    """The first NaN of an array is named with its place."""
    f = ob.compile("x: param[n]\ny = x - 2\ns = sum(sqrt(y))\ns")
    found = str(f.explain([3.0, 1.0, 2.5])).split("\n")[0]
    assert (
        "nan in line 3: sqrt(y) at y[1] = -1.0, outside of the domain [0, inf)"
    ) == found
    assert not f.explain([3.0, 4.0])
    found = str(f.explain([3.0, math.inf]))
    assert "inf in the input x[1]" == found.split("\n")[0]


def test_identity():
    """Functions of arrays pickle, hash and compare by content."""
    f, g = ob.compile(NETWORK), ob.compile(NETWORK)
    assert f == g
    assert hash(f) == hash(g)
    again = pickle.loads(pickle.dumps(f))
    assert f == again
    close(f(W, B, X), again(W, B, X))
    assert f != ob.compile(NETWORK.replace("[m, n]", "[m, 4]").replace("[n]", "[4]"))
    assert f.text() == again.text()


def test_named_results_pickle():
    """Gradients in arrays pickle."""
    gradient = ob.compile(NETWORK).grad(W, B, X)
    np.testing.assert_array_equal(gradient.W, pickle.loads(pickle.dumps(gradient)).W)


def test_stages():
    """Every stage can be printed, and notebooks show the formula."""
    f = ob.compile(NETWORK)
    assert "<overbar function (W, b, x) -> J>" == repr(f)
    assert "z = W @ x + b" in str(f.graph)
    assert "W_bar = outer(z_bar, x)" in str(f.adjoint_graph)
    assert "h_bar" in str(f.program)
    for text in (f.source, f.forward_source, f.backward_source, f.latex(), f.draw()):
        assert text
    assert f._repr_html_().startswith("<svg")


def test_build():
    """Machine code can be made ahead, whatever the sizes."""
    for text in (NETWORK, PICKED, "x: param[n]\nsum(x[1:]*x[:-1])"):
        f = ob.compile(text)
        assert f is f.build("value", "forward", "backward", "vjp")


def test_jit():
    """The generated functions can be called by compiled code of one's own."""
    import numba

    inner = ob.compile(NETWORK).jit.value_and_grad

    @numba.njit
    def descend(W, b, x):
        for _ in range(3):
            _, (dW, db) = inner(W, b, x)
            W, b = W - 0.1 * dW, b - 0.1 * db
        return W, b

    V, c = W, B
    for _ in range(3):
        _, dW, db = layer(V, c)
        V, c = V - 0.1 * dW, c - 0.1 * db
    close(V, descend(W, B, X)[0])


def test_a_written_module_refuses_other_shapes(tmp_path: Path) -> None:
    """Its functions read nothing beyond an array, though no call of ours is around."""
    text = "x: param[n]\ny: data[n]\nA: data[n, 2]\nsum(x*y) + sum(A) + sum(x[1:])"
    path = ob.compile(text).save(tmp_path / "written.py")
    written = runpy.run_path(str(path))["value_and_grad"]
    three, two, pairs = np.ones(3), np.ones(2), np.ones((3, 2))
    assert written(three, three, pairs)[0] == 11.0
    for message, args in {
        r"expected y of shape \[n\]": (three, two, pairs),
        r"expected A of shape \[n, 2\]": (three, three, np.ones((3, 3))),
        "expected sizes with n - 1 of at least 0": (two[:0], two[:0], pairs[:0]),
    }.items():
        with pytest.raises(ValueError, match=message):
            written(*args)
