"""The public API: calls, results by name, shapes, one flat vector, reductions."""

from __future__ import annotations

import itertools
import math
from functools import partial

import numpy as np
import pytest
import sympy as sp
from scipy.optimize import least_squares, minimize

import overbar as ob

X, Y = ob.param("x"), ob.param("y")
x, y, t = sp.symbols("x y t")

# Formulas with a value, gradient and Hessian that are known without us.
SADDLE = "x*y + y**2"
LINE = "2*x + y"
THREE = "x + y, x*y, 3*x"
DECAY = "a: param\nk: param\nt: data\ny: data = 0.5\na*exp(-k*t) - y"
LOSS = "w: param\nx: data\nt: data\n(w*x - t)**2"


# -- arguments ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("args", "keywords"),
    [
        ((2.0, 3.0), {}),
        ((2, 3), {}),
        ((2.0,), {"y": 3.0}),
        ((), {"y": 3, "x": 2}),
        ((np.float64(2), np.int64(3)), {}),
        ((np.float32(2), np.uint8(3)), {}),
        ((np.array(2.0), np.array(3)), {}),
        ((sp.Integer(2), sp.Rational(3)), {}),
    ],
)
def test_numbers(args, keywords):
    """Numbers of any kind are accepted, by position and by name."""
    f = ob.compile(SADDLE)
    assert f(*args, **keywords) == 15.0
    assert type(f(*args, **keywords)) is float
    assert f.grad(*args, **keywords) == (3.0, 8.0)
    assert (15.0, (3.0, 8.0)) == f.value_and_grad(*args, **keywords)


@pytest.mark.parametrize(
    "values",
    [
        [2, 3],
        (2.0, 3.0),
        np.array([2.0, 3.0]),
        np.array([2, 3]),
        np.array([2.0, 3.0, 9.0])[:2],
        np.array([[2.0], [3.0]])[:, 0],
        np.array([2.0, 3.0], "f4"),
        np.array([2.0, 3.0], ">f8"),
    ],
)
def test_arrays(values):
    """Arrays and lists of any real dtype are mapped over."""
    np.testing.assert_array_equal([6.0, 8.0], ob.compile("x*y")(values, [3.0, 8 / 3]))


def test_arguments_are_left_alone():
    """Arguments and results share no memory."""
    f, values = ob.compile("x"), np.array([1.0, 2.0])
    f(values)[0] = 9.0
    f.grad(values)
    value, saved = f.forward(values)
    values[0] = 7.0
    np.testing.assert_array_equal([1.0, 1.0], f.backward(saved).x)
    np.testing.assert_array_equal([1.0, 2.0], value)


def test_defaults():
    """Inputs with a default may be left out, and come last in the call."""
    f = ob.compile("lam: data = 0.5\nw: param\nx: data\nlam*w*x")
    assert ["w", "x", "lam"] == f.signature.names
    assert [3.0, 12.0, 12.0] == [f(2, 3), f(2, 3, 2), f(2, lam=2, x=3)]
    assert [(1.5,), (6.0,)] == [f.grad(2, 3), f.grad(2, 3, lam=2)]
    assert [1.5, 6.0] == [f.flat.grad([2], 3)[0], f.flat.grad([2], 3, 2)[0]]


def test_order_of_the_call():
    """Without `inputs`, text keeps its order and formulas sort by name, x2 first."""
    declared = "x10: param\nx2: param\nx10 - x2"
    assert ["x10", "x2"] == ob.compile(declared).signature.names
    p, q = ob.param("x10"), ob.param("x2")
    assert ["x2", "x10"] == ob.compile(p - q).signature.names
    assert ["x2", "x10"] == ob.compile(
        sp.Symbol("x10") - sp.Symbol("x2")
    ).signature.names
    assert ["x10", "x2"] == ob.compile(p - q, inputs=[p, q]).signature.names


@pytest.mark.parametrize(
    ("formula", "inputs"),
    [
        (x * y + t, [(x, y), t]),
        (x * y + t, [[x, y], t]),
        (x * y + t, [sp.Matrix([x, y]), t]),
        (x * y + t, [np.array([x, y]), t]),
        (x * y + t, [["x", "y"], "t"]),
        ("x*y + t", [["x", "y"], "t"]),
        (X * Y + ob.param("t"), [(X, Y), ob.param("t")]),
    ],
)
def test_sequences_of_symbols(formula, inputs):
    """A sequence among the inputs becomes one array argument."""
    f = ob.compile(formula, inputs=inputs)
    assert ["array0", "t"] == f.signature.names
    assert [11.0, 11.0] == [f([2, 3], 5), f(t=5, array0=np.array([2.0, 3.0]))]
    np.testing.assert_array_equal([7.0, 14.0], f([[1, 3], [2, 3]], 5))
    assert (3.0, 2.0, 1.0) == f.grad([2, 3], 5)
    assert ob.compile(formula, inputs=inputs).flat.value([2, 3, 5]) == 11.0


def test_one_array_for_all():
    """The only sequence of symbols is called `array`; data in a group stay data."""
    f = ob.compile(x * y, inputs=[[x, y]])
    assert [6.0, 6.0] == [f([2, 3]), f(array=[2, 3])]
    g = ob.compile(x * y + t, wrt=x, inputs=[[x, y], t])
    assert [3.0, 3.0] == [g.grad([2, 3], 5), g.flat.grad([2], 3, t=5)[0]]


# -- what is differentiated, and how it is returned -----------------------------------


@pytest.mark.parametrize(
    ("wrt", "gradient"),
    [
        (None, "(x=3.0, y=8.0)"),
        ("y", "8.0"),
        (["y"], "(y=8.0)"),
        (("y", "x"), "(y=8.0, x=3.0)"),
        ({"y", "x"}, "(x=3.0, y=8.0)"),
        ([], "()"),
    ],
)
def test_wrt(wrt, gradient):
    """A gradient is bare for one name given by itself, else it has the names' order."""
    assert gradient == repr(ob.compile(SADDLE, wrt).grad(2.0, 3.0))


@pytest.mark.parametrize("wrt", [x, "x"])
def test_wrt_symbol(wrt):
    """A symbol is as good as its name."""
    f = ob.compile(x * y, wrt)
    assert 3.0 == f.grad(2, 3)
    assert 3.0 == f.jacobian(2, 3)
    assert (6.0, 3.0) == f.value_and_grad(2, 3)
    assert 0.0 == f.hessian(2, 3)
    assert 0.0 == f.hvp((2, 3), 1.0)
    assert 3.0 == f.jvp((2, 3), 1.0)
    assert 6.0 == f.vjp((2, 3), 2.0)


@pytest.mark.parametrize("seed", [[1.0, 2.0], (1, 2), np.array([1.0, 2.0])])
def test_seeds_of_one_output(seed):
    """For one output a list is as good as an array, and as a sequence of one seed."""
    f = ob.compile(SADDLE)
    for gradient in (
        f.vjp(([2.0, 3.0], 5.0), seed),
        f.vjp(([2.0, 3.0], 5.0), [seed]),
        f.vjp(([2.0, 3.0], 5.0), {"out": seed}),
        f.backward(f.forward([2.0, 3.0], 5.0)[1], seed),
    ):
        np.testing.assert_array_equal([5.0, 10.0], gradient.x)
        np.testing.assert_array_equal([12.0, 26.0], gradient.y)


def test_named():
    """Results answer to attributes, names, positions and pairs of names."""
    f = ob.compile(SADDLE)
    gradient, hessian = f.grad(2.0, 3.0), f.hessian(2.0, 3.0)
    assert [3.0, 3.0, 3.0] == [gradient.x, gradient["x"], gradient[0]]
    assert [1.0, 1.0, 1.0] == [hessian.x.y, hessian["x", "y"], hessian[0][1]]
    assert {"x": 3.0, "y": 8.0} == gradient._asdict()
    assert "(x=(x=0.0, y=1.0), y=(x=1.0, y=2.0))" == repr(hessian)


def test_names_that_are_no_fields():
    """A name that is no field gets a trailing underscore and no leading one."""
    f = ob.compile(sp.Symbol("lambda") * sp.Symbol("_q") * sp.Symbol("count"))
    gradient = f.grad(count=2, lambda_=3, _q=5)
    assert [6.0, 15.0, 10.0] == [gradient.q_, gradient.count_, gradient.lambda_]
    assert 6.0 == gradient["_q"]


@pytest.mark.parametrize(
    ("formula", "names"),
    [
        (THREE, "out0 out1 out2"),
        ("s = x + y\np = x*y\ns, p, 3*x", "s p out2"),
        ([X + Y, X * Y, 3 * X], "out0 out1 out2"),
        ([x + y, x * y, 3 * x], "out0 out1 out2"),
        ((x + y, x * y, 3 * x), "out0 out1 out2"),
        ({"s": x + y, "p": x * y, "q": 3 * x}, "s p q"),
        ({"s": X + Y, "p": X * Y, "q": 3 * X}, "s p q"),
    ],
)
def test_several_outputs(formula, names):
    """Several outputs come by name; their Jacobian by parameter."""
    f = ob.compile(formula)
    assert tuple(names.split()) == f(2, 5)._fields
    assert (7.0, 10.0, 6.0) == f(2, 5)
    jacobian = f.jacobian(2, 5)
    np.testing.assert_array_equal([1, 5, 3], jacobian.x)
    np.testing.assert_array_equal([1, 2, 0], jacobian.y)
    assert (6.0, 3.0) == f.vjp((2, 5), (1, 1, 0))
    assert (6.0, 3.0) == f.vjp({"x": 2, "y": 5}, dict(zip(names.split(), (1, 1, 0))))  # noqa: B905
    assert (1.0, 5.0, 3.0) == f.jvp((2, 5), (1, 0))
    assert (6.0, 3.0) == f.backward(f.forward(2, 5)[1], (1, 1, 0))
    np.testing.assert_array_equal([[1, 1], [5, 2], [3, 0]], f.flat.jacobian([2, 5]))


@pytest.mark.parametrize(
    "matrix",
    [
        sp.Matrix([[x, y], [x * y, 1]]),
        [[x, y], [x * y, 1]],
        [[X, Y], [X * Y, 1]],
        ((1 * X, Y), (X * Y, 1.0)),
    ],
)
def test_arrays_of_outputs(matrix):
    """A matrix or nested sequence is one array: S + its shape."""
    f = ob.compile(matrix)
    np.testing.assert_array_equal([[2, 3], [6, 1]], f(2, 3))
    np.testing.assert_array_equal([[1, 0], [3, 0]], f.jacobian(2, 3).x)
    assert (5, 2, 2) == f(np.ones(5), 3).shape
    assert (5, 2, 2) == f.jacobian(np.ones(5), 3).y.shape


# -- shapes --------------------------------------------------------------------------

SHAPES = [((), ()), ((3,), ()), ((3,), (3,)), ((2, 1), (3,)), ((1,), (1,)), ((0,), ())]


@pytest.mark.parametrize("formula", [SADDLE, LINE, "0*x + y", "x + 1"])
@pytest.mark.parametrize("shapes", SHAPES)
@pytest.mark.parametrize("backend", ["numba", "python", "reference"])
def test_broadcasting(formula, shapes, backend):
    """All results have the broadcast shape, also where a derivative is constant."""
    f = ob.compile(formula, ["x"], inputs=None, backend=backend)
    args = [np.full(shape, 2.0) for shape in shapes][: len(f.signature.names)]
    S = np.broadcast_shapes(*(a.shape for a in args))
    results = {
        "value": f(*args),
        "grad": f.grad(*args).x,
        "fused": f.value_and_grad(*args)[1].x,
        "jacobian": f.jacobian(*args).x,
        "hessian": f.hessian(*args).x.x,
        "hvp": f.hvp(args, [1.0]).x,
        "vjp": f.vjp(args, 1.0).x,
        "jvp": f.jvp(args, [1.0]),
        "backward": f.backward(f.forward(*args)[1]).x,
    }
    assert dict.fromkeys(results, S) == {k: np.shape(v) for k, v in results.items()}
    kind = np.ndarray if S else float
    assert {kind} == {type(v) for v in results.values()}


def test_shapes_of_several_outputs():
    """A Jacobian has the shape S + (m,) by name, and S + (m, n) over one vector."""
    f = ob.compile(THREE, wrt=["x"])
    assert (4, 3) == f.jacobian(np.ones(4), 2.0).x.shape
    assert (4, 3, 1) == f.flat.jacobian([1.0], np.ones(4)).shape
    decay = ob.compile(DECAY)
    assert (4, 2, 2) == decay.flat.hessian([1.0, 2.0], np.ones(4)).shape
    assert (4, 5) == decay.batch(np.ones((4, 1)), 2.0, np.ones(5)).shape


@pytest.mark.parametrize("name", ["__call__", "grad", "jacobian", "hessian"])
def test_points_are_independent(name):
    """Over an array each point gets, bit for bit, what it gets alone."""
    f = ob.compile("sin(x*y)*exp(y)/(1 + x**2)", accuracy="strict")
    points = list(itertools.product([-2.5, 0.3, 7.0], [-0.4, 1.9]))
    together = getattr(f, name)(*np.array(points).T)
    alone = np.array([getattr(f, name)(*point) for point in points])
    np.testing.assert_array_equal(np.moveaxis(alone, 0, -1), np.array(together))


@pytest.mark.parametrize("formula", ["3.5", "x: data\nx", SADDLE])
def test_nothing_to_differentiate(formula):
    """Without parameters a gradient is empty."""
    f = ob.compile(formula, wrt=[])
    args = [1.0] * len(f.signature.names)
    assert [(), (), ()] == [f.grad(*args), f.jacobian(*args), f.hessian(*args)]
    assert (f(*args), ()) == f.value_and_grad(*args)
    assert f(*args) == f.flat.value([], *args)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_dtypes(dtype):
    """A number is computed as an array of its declared dtype would be."""
    u, v = ob.param("u", dtype=dtype), ob.param("v", dtype=dtype)
    f = ob.compile(ob.exp(u * v) + ob.sin(u) / 3, accuracy="strict")
    us = np.linspace(0.0, 3.0, 7).astype(dtype)
    assert {np.dtype(dtype)} == {a.dtype for a in (f(us, 1.1), *f.grad(us, 1.1))}
    np.testing.assert_array_equal(f(us, 1.1), [f(a, 1.1) for a in us])
    np.testing.assert_array_equal(f(us, 1.1), [f(a, 1.1) for a in us.tolist()])
    np.testing.assert_array_equal(
        f.grad(us, 1.1).u, [f.backward(f.forward(a, 1.1)[1]).u for a in us]
    )


def test_integers_and_conditions():
    """Data may be integers and conditions; numbers of another kind are refused."""
    n, c = ob.data("n", dtype="int64"), ob.data("c", dtype="bool")
    f = ob.compile(ob.where(c, X**2, X) * n, inputs=[X, n, c])
    assert [18.0, 6.0] == [f(3.0, 2, c=True), f(3.0, 2, c=False)]
    assert (12.0,) == f.grad(3, np.int32(2), np.bool_(1))
    np.testing.assert_array_equal([18.0, 6.0], f(3, 2, [True, False]))


# -- one flat vector, and SciPy -------------------------------------------------------


def test_pack():
    """Parameters are packed in order, by name, as a tuple, list, array or dict."""
    flat = ob.compile(DECAY).flat
    packed = [
        flat.pack(2, 3), flat.pack(2, k=3), flat.pack(k=3, a=2), flat.pack([2, 3]),
        flat.pack((2, 3)), flat.pack(np.array([2, 3])), flat.pack({"k": 3, "a": 2}),
        flat.pack(flat.unpack([2, 3])),
    ]  # fmt: skip
    np.testing.assert_array_equal([[2.0, 3.0]] * 8, packed)
    assert "(a=2.0, k=3.0)" == repr(flat.unpack(np.array([2, 3])))
    assert [("a", "k"), ["t", "y"], 2] == [flat.names, flat.data, len(flat)]


@pytest.mark.parametrize("theta", [[2.0, 0.5], (2, 0.5), np.array([2.0, 0.5])])
def test_flat(theta):
    """Over one vector, data of shape S give S, S + (n,) and S + (n, n)."""
    flat, times = ob.compile(DECAY).flat, np.array([0.0, 1.0, 2.0])
    decay = np.exp(-0.5 * times)
    np.testing.assert_allclose(flat.value(theta, times), 2 * decay - 0.5, rtol=1e-15)
    by_k = -2 * times * decay
    np.testing.assert_allclose(flat.jacobian(theta, times), np.c_[decay, by_k], 1e-15)
    zero, by_a = 0 * times, -times * decay
    hessian = np.moveaxis([[zero, by_a], [by_a, -times * by_k]], -1, 0)
    np.testing.assert_allclose(flat.hessian(theta, times, y=9), hessian, 1e-15)
    assert (2,) == flat.grad(theta, 1.0).shape == flat.hvp(theta, [1, 0], 1.0).shape
    np.testing.assert_allclose(flat.hvp(theta, [1, 0], 1.0), hessian[1][:, 0], 1e-15)
    value, gradient = flat.value_and_grad(theta, np.float64(1.0), 0.25)
    assert 2 * math.exp(-0.5) - 0.25 == value
    np.testing.assert_array_equal(flat.grad(theta, 1.0), gradient)


def test_scipy():
    """SciPy's optimisers take the flat functions as they are."""
    f = ob.compile("(1 - x)**2 + 100*(y - x**2)**2")
    for options in (
        {"fun": f.flat.value_and_grad, "jac": True, "method": "BFGS"},
        {"fun": f.flat.value, "jac": f.flat.grad, "method": "L-BFGS-B", "tol": 1e-12},
        {"fun": f.flat.value_and_grad, "jac": True, "hess": f.flat.hessian,
         "method": "trust-exact"},
        {"fun": f.flat.value_and_grad, "jac": True, "hessp": f.flat.hvp,
         "method": "Newton-CG"},
    ):  # fmt: skip
        result = minimize(x0=[-1.2, 1.0], **options)
        np.testing.assert_allclose(result.x, [1.0, 1.0], rtol=1e-4)
    decay, times = ob.compile(DECAY).flat, np.linspace(0.0, 4.0, 9)
    fit = least_squares(
        decay.value,
        [1.0, 1.0],
        jac=decay.jacobian,
        args=(times, 3 * np.exp(-2 * times)),
    )
    np.testing.assert_allclose(fit.x, [3.0, 2.0], rtol=1e-7)


# -- sums over data, arrays to fill ----------------------------------------------------


@pytest.mark.parametrize(("reduce", "n"), [("sum", 1), ("mean", 3)])
def test_reduce(reduce, n):
    """A reduction adds over data; gradients have the parameters' shape."""
    f = ob.compile(LOSS, reduce=reduce)
    data = ([1.0, 2.0, 3.0], [3.0, 4.0, 5.0])
    r = 2.0 * np.array(data[0]) - data[1]
    value, slope, bend = sum(r**2) / n, sum(2 * r * data[0]) / n, 28 / n
    assert [value, slope] == [f(2.0, *data), f.grad(2.0, *data).w]
    assert (value, (slope,)) == f.value_and_grad(2, *data)
    assert [bend, bend] == [f.hessian(2.0, *data).w.w, f.hvp((2.0, *data), [1]).w]
    assert slope == f.jacobian(2.0, *data).w
    value_flat, slope_flat = f.flat.value_and_grad([2.0], *data)
    assert (value, [slope]) == (value_flat, slope_flat.tolist())
    assert [[bend]] == f.flat.hessian([2.0], *data).tolist()
    assert [1.0, (-2.0,)] == [f(2.0, 1.0, 3.0), f.grad(2.0, 1.0, 3.0)]


FIT = "w: param\nb: param\nx: data\ny: data\n(w*x + b - y)**2"
FIT_PAIR = FIT + ", w*b*x"
FIT_DATA = ([1.0, 2.0, -0.5], [3.0, 4.0, 1.0])


def fit_loop(w, b, seeds, tangents, n):
    """Return values, adjoints and tangents of FIT_PAIR, in a loop, divided by n."""
    values, adjoints, dots = [0.0, 0.0], [0.0, 0.0], [0.0, 0.0]
    for x, y in zip(*FIT_DATA, strict=True):
        r = w * x + b - y
        slopes = [[2 * r * x, 2 * r], [b * x, w * x]]
        for i, value in enumerate((r * r, w * b * x)):
            values[i] += value / n
            for j in range(2):
                adjoints[j] += seeds[i] * slopes[i][j] / n
                dots[i] += slopes[i][j] * tangents[j] / n
    return values, adjoints, dots


@pytest.mark.parametrize("backend", ["numba", "reference"])
@pytest.mark.parametrize(("reduce", "n"), [("sum", 1), ("mean", 3)])
def test_reduced_passes(reduce, n, backend):
    """Both passes, vjp and jvp of a reduction are a loop's over its points."""
    f = ob.compile(FIT_PAIR, reduce=reduce, backend=backend)
    args, seeds, tangents = (2.0, 0.25, *FIT_DATA), (0.5, -3.0), (1.5, 2.0)
    values, adjoints, dots = fit_loop(*args[:2], seeds, tangents, n)
    value, saved = f.forward(*args)
    close = partial(np.testing.assert_allclose, rtol=1e-13)
    close(values, value)
    close(adjoints, f.backward(saved, seeds))
    close(adjoints, f.vjp(args, seeds))
    close(dots, f.jvp(args, tangents))
    parts = (*value, *f.vjp(args, seeds), *f.jvp(args, tangents))
    assert {float} == set(map(type, parts))


@pytest.mark.parametrize("reduce", ["sum", "mean"])
@pytest.mark.parametrize("data", [FIT_DATA, (1.0, 3.0), ([], [])])
def test_reduced_passes_agree(reduce, data):
    """A reduction's passes give what value_and_grad gives, for any number of points."""
    f, args = ob.compile(FIT, reduce=reduce), (2.0, 0.25, *data)
    value, gradient = f.value_and_grad(*args)
    ahead, saved = f.forward(*args)
    assert repr(value) == repr(ahead)  # a mean over nothing is NaN
    assert repr(gradient) == repr(f.backward(saved)) == repr(f.vjp(args, 1.0))
    assert repr(gradient.w) == repr(f.jvp(args, (1.0, 0.0)))


def test_reduced_saved_is_a_copy():
    """What a reduction's forward saves does not change with the caller's arrays."""
    f, x = ob.compile(LOSS, "w", reduce="sum"), np.array([1.0, 2.0])
    _, saved = f.forward(2.0, x, [3.0, 4.0])
    x[:] = 0.0
    assert -2.0 == f.backward(saved)


def test_reduce_of_no_points():
    """A sum over no points is 0, a mean is NaN, and neither warns."""
    assert 0.0 == ob.compile(LOSS, reduce="sum")(2.0, [], [])
    assert math.isnan(ob.compile(LOSS, reduce="mean")(2.0, [], []))


@pytest.mark.parametrize(
    ("shape", "out"),
    [
        ((), lambda: [np.zeros(()), np.zeros(())]),
        ((), lambda: np.zeros(2)),
        ((3,), lambda: [np.zeros(3), np.zeros(3)]),
        ((3,), lambda: (np.zeros(3, "f4"), np.zeros(6)[::2])),
        ((3,), lambda: np.zeros((2, 3))),
        ((0,), lambda: np.zeros((2, 0))),
    ],
)
def test_out(shape, out):
    """`out` is filled with the gradient that is returned."""
    f, target = ob.compile(SADDLE), out()
    value, gradient = f.value_and_grad(np.full(shape, 2.0), 3.0, out=target)
    np.testing.assert_array_equal(np.full(shape, 15.0), value)
    for part, filled in zip(gradient, target, strict=True):
        np.testing.assert_array_equal(part, filled)


@pytest.mark.parametrize(
    ("formula", "given", "shape"),
    [
        ("x*y", (2.0, 3.0), ()),
        ("x*y", ([2.0, 4.0], 3.0), (2,)),
        ("x: param[n]\ny: param\nx*y", ([2.0, 4.0], 3.0), (2,)),
        ("x: param\ny: param\nx*y*arange(2)", (2.0, 3.0), (2,)),
    ],
)
@pytest.mark.parametrize("dtype", ["f8", "f4"])
def test_out_of_a_value(formula, given, shape, dtype):
    """`out` is filled with the value that is returned, of numbers and of arrays."""
    target, f = np.zeros(shape, dtype), ob.compile(formula)
    value = f(*given, out=target)
    np.testing.assert_array_equal(f(*given), value)
    np.testing.assert_array_equal(target, value)
    np.testing.assert_array_equal(f(*given, out=None), value)


def test_out_of_a_matrix_of_formulas():
    """It is filled whole, points in front."""
    x = sp.Symbol("x")
    f, target = ob.compile(sp.Matrix([[x, x**2]])), np.zeros((3, 1, 2))
    f(np.arange(3.0), out=target)
    assert [[[0.0, 0.0]], [[1.0, 1.0]], [[2.0, 4.0]]] == target.tolist()


def test_an_input_may_be_called_out():
    """The argument of this name is then the formula's."""
    f = ob.compile("x: param\nout: param\nx*out")
    assert 6.0 == f(2.0, out=3.0)
    assert [6.0, 8.0] == f(2.0, out=np.array([3.0, 4.0])).tolist()


def test_out_of_a_single_parameter():
    """One array is enough for the gradient in one parameter, and of its shape."""
    f = ob.compile("w: param[n]\nx: data[n]\nsum(w*x)")
    target = np.zeros(3)
    f.value_and_grad(np.ones(3), [1.0, 2.0, 3.0], out=target)
    assert [1.0, 2.0, 3.0] == target.tolist()
    with pytest.raises(ob.InputError, match=r"1 array \(w\), found one of float64"):
        f.value_and_grad(np.ones(3), np.ones(3), out=np.array(1.0))


def test_out_bare_and_flat():
    """A bare gradient fills one array, a flat one a vector, which is returned."""
    bare, vector = np.zeros(3), np.zeros(2)
    ob.compile(SADDLE, "y").value_and_grad(np.ones(3), 3.0, out=bare)
    np.testing.assert_array_equal([7.0] * 3, bare)
    for theta in ([2.0, 3.0], np.array([2.0, 3.0])):
        vector[:] = 0
        value, gradient = ob.compile(SADDLE).flat.value_and_grad(theta, out=vector)
        assert value == 15.0
        assert gradient is vector
        np.testing.assert_array_equal([3.0, 8.0], vector)
