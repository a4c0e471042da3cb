"""Python functions of NumPy code, traced by calling them on formulas."""

from __future__ import annotations

import ast
import functools
import pickle
import sys
import traceback
from typing import Any, NamedTuple

import numba
import numpy as np
import pytest

import overbar as ob
from overbar.tracing import trace

MATRIX, VECTOR = ("m", "n"), ("n",)


def sigmoid(z):
    """Return the logistic function."""
    return 1 / (1 + np.exp(-z))


def network(params, x, t):
    """Return the squared error of a network with one hidden layer."""
    z = params["W1"] @ x + params["b1"]
    h = sigmoid(z)
    y = params["W2"] @ h + params["b2"]
    L = np.sum((y - t) ** 2) / 2
    return L  # noqa: RET504 - its name is the output's


NETWORK = {
    "params": {"W1": ("h", "n"), "b1": ("h",), "W2": ("k", "h"), "b2": ("k",)},
    "x": ("n",),
    "t": ("k",),
}
LECTURE_2 = """\
z = W1 @ x + b1
h = sigmoid(z)
y = W2 @ h + b2
L = sum((y - t)**2)/2

L_bar = 1
y_bar = L_bar*(y - t)
h_bar = W2.T @ y_bar
z_bar = h_bar*h*(1 - h)
W1_bar = outer(z_bar, x)
b1_bar = z_bar
W2_bar = outer(y_bar, h)
b2_bar = y_bar
"""


def test_lecture_2():
    """A network in plain NumPy has the lecture's backward pass, in its own names."""
    f = ob.compile(network, wrt="params", inputs=NETWORK)
    assert LECTURE_2 == f.text()
    assert ["params", "x", "t"] == f.signature.names
    assert ("W1", "b1", "W2", "b2") == f.options.wrt
    assert "network" == f.options.name
    assert "Return the squared error of a network with one hidden layer." == f.graph.doc


def test_network():
    """The traced network has the value and gradient of the lecture's formulas."""
    numbers = np.random.default_rng(1)
    W1, b1, W2, b2, x, t = (
        numbers.normal(size=s) for s in ((3, 2), 3, (4, 3), 4, 2, 4)
    )
    params = {"W1": W1, "b1": b1, "W2": W2, "b2": b2}
    h = sigmoid(W1 @ x + b1)
    y_bar = W2 @ h + b2 - t
    z_bar = W2.T @ y_bar * h * (1 - h)
    expected = {
        "W1": np.outer(z_bar, x), "b1": z_bar, "W2": np.outer(y_bar, h), "b2": y_bar,
    }  # fmt: skip
    f = ob.compile(network, wrt="params", inputs=NETWORK)
    value, gradient = f.value_and_grad(params, x, t)
    assert pytest.approx(network(params, x, t)) == value
    for name, array in expected.items():
        np.testing.assert_allclose(gradient[name], array, 1e-12)


def curve(x, rate=2.0):
    """Return a curve with its peak at 1/rate."""
    y = x * np.exp(-rate * x)
    return y  # noqa: RET504 - its name is the output's


def test_scalars():
    """Without inputs, every argument without a default is a scalar."""
    f = ob.compile(curve)
    assert ["x"] == f.signature.names
    assert pytest.approx(0.5 * np.exp(-1.0)) == f(0.5)
    assert pytest.approx(0.0) == f.grad(0.5).x
    assert ["y"] == list(f.graph.outputs)


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        ({"w": (), "x": ()}, ["w", "x"]),
        ({"x": (), "w": ()}, ["x", "w"]),
        (["w", "x"], ["w", "x"]),
        ([ob.param("slope"), ob.data("x")], ["slope", "x"]),
        ({"w": ob.param("w"), "x": ob.data("x", default=1)}, ["w", "x"]),
    ],
)  # fmt: skip
def test_inputs(inputs, expected):
    """Inputs come by name in their own order, or by position."""
    f = ob.compile(lambda w, x: 3 * w * x, inputs=inputs)
    assert expected == f.signature.names
    assert 18.0 == f(2.0, 3.0)


def test_types():
    """Inputs have the shape and dtype that is said; sizes may be integers or names."""
    inputs = {"W": MATRIX, "k": ((3,), "int64"), "r": (("n",), np.float32), "s": 4}
    traced = trace(lambda W, k, r, s: (W, k, r, s), inputs)
    declared = [e.payload for e in traced.inputs]
    assert ["W", "k", "r", "s"] == [d.name for d in declared]
    assert ["param", "data", "param", "param"] == [d.role for d in declared]
    expected = ["float64[m, n]", "int64[3]", "float32[n]", "float64[4]"]
    assert expected == [str(d.type) for d in declared]


@pytest.mark.parametrize(
    ("wrt", "roles"),
    [
        (None, ["param", "param", "param"]), ("x", ["data", "data", "param"]),
        ("p", ["param", "param", "data"]), (["b", "x"], ["data", "param", "param"]),
    ],
)  # fmt: skip
def test_roles(wrt, roles):
    """What wrt names are params, a dict's name all that is in it."""
    f = ob.compile(
        lambda p, x: p["a"] * x + p["b"], wrt, {"p": {"a": (), "b": ()}, "x": ()}
    )
    assert roles == [f.graph.roles[name] for name in ("a", "b", "x")]
    chosen = tuple(n for n, r in zip("abx", roles, strict=True) if r == "param")
    assert chosen == f.options.wrt


def line(p, x):
    """Return a line."""
    return p["slope"] * x + p["shift"]


def test_dicts():
    """An argument may be a dict, and its gradients are found under the same keys."""
    f = ob.compile(line, "p", {"p": {"slope": (), "shift": ()}, "x": ()})
    given = {"shift": 1.0, "slope": 2.0}
    assert 7.0 == f(given, 3.0) == f(x=3.0, p=given)
    gradient = f.grad(given, 3.0)
    assert {"slope": 3.0, "shift": 1.0} == {key: gradient[key] for key in given}
    assert (7.0, (3.0, 1.0)) == f.value_and_grad(given, 3.0)


def test_dicts_everywhere():
    """Points, flat vectors and pickles know of arguments that are dicts."""
    f = ob.compile(line, "p", {"p": {"slope": (), "shift": ()}, "x": ()})
    given = {"slope": 2.0, "shift": 1.0}
    again = pickle.loads(pickle.dumps(f))
    assert again == f
    assert 7.0 == again(given, 3.0)
    other = ob.compile(line, "p", {"p": {"shift": (), "slope": ()}, "x": ()})
    assert f != other
    np.testing.assert_array_equal([5.0, 7.0], f(given, [2.0, 3.0]))
    np.testing.assert_array_equal([2.0, 1.0], f.flat.pack(given))
    assert 7.0 == f.flat.value([2.0, 1.0], 3.0)
    f = ob.compile(network, "params", NETWORK)
    assert f == pickle.loads(pickle.dumps(f))


def test_dicts_with_keys_in_common():
    """Keys that are taken get the argument's name in front."""
    f = ob.compile(
        lambda a, b, w: a["w"] * b["w"] * w,
        inputs={"a": {"w": ()}, "b": {"w": ()}, "w": ()},
    )
    assert ["a_w", "b_w", "w"] == list(f.graph.inputs)
    assert 30.0 == f({"w": 2.0}, {"w": 3.0}, 5.0)


class Pair(NamedTuple):
    """Hold two results."""

    total: Any
    product: Any


def both(x, y):
    """Return two results, one of them with a name."""
    total = x + y
    return total, x * y


@pytest.mark.parametrize(
    ("function", "names"),
    [
        (both, ["total", "out1"]),
        (lambda x, y: (x + y, x * y), ["out0", "out1"]),
        (lambda x, y: [x + y, x * y], ["out0", "out1"]),
        (lambda x, y: {"total": x + y, "product": x * y}, ["total", "product"]),
        (lambda x, y: Pair(x + y, x * y), ["total", "product"]),
    ],
)
def test_several_outputs(function, names):
    """Tuples and dicts are several outputs, named by key or variable."""
    f = ob.compile(function)
    assert names == list(f.graph.outputs)
    assert (5.0, 6.0) == f(2.0, 3.0)


def test_an_input_returned():
    """An input that is returned is an output of another name."""
    f = ob.compile(lambda x, y: (x, x * y))
    assert ["out0", "out1"] == list(f.graph.outputs)
    assert (2.0, 6.0) == f(2.0, 3.0)


def test_plain_numbers():
    """A result may be a number."""
    assert (1.0, 4.0) == ob.compile(lambda x: (1, 2 * x))(2.0)


class Model:
    """Be called like a function."""

    def __init__(self, rate):
        self.rate = rate

    def __call__(self, x):
        """Return a multiple."""
        return self.rate * x

    def method(self, x):
        """Return a fraction."""
        return x / self.rate


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (Model(2.0), 6.0), (Model(2.0).method, 1.5),
        (functools.partial(curve, rate=0.0), 3.0),
        (lambda x, /: x + 1, 4.0), (lambda x, *, y=2: x + y, 5.0),
        (lambda **inputs: inputs["x"] + 1, 4.0),
    ],
)  # fmt: skip
def test_callables(function, expected):
    """Methods, objects, partial functions and any kind of argument are traced."""
    assert expected == ob.compile(function, inputs={"x": ()})(3.0)


@functools.wraps(curve)
def wrapped(*args, **keywords):
    """Call another function."""
    return curve(*args, **keywords)


class Curve:
    """Have a local variable too."""

    def __call__(self, x):
        """Return a curve."""
        y = x * np.exp(-2 * x)
        return y  # noqa: RET504 - its name is the output's


@pytest.mark.parametrize(
    "function",
    [curve, wrapped, functools.partial(curve, rate=2), Curve(), numba.njit(curve)],
)
def test_names_through_wrappers(function):
    """Variables have their names in whatever function it is that runs."""
    f = ob.compile(function, inputs={"x": ()})
    assert ["y"] == list(f.graph.outputs)
    assert "t1 = exp(-2*x)\ny = x*t1\n" in f.text()


def test_ufunc():
    """NumPy's own functions are functions too."""
    assert np.exp(2.0) == ob.compile(np.exp, inputs={"x": ()})(2.0)


def reused(x):
    """Give one name to two values, and two names to one."""
    y = x + 1
    y = y * y
    _hidden = y + 2
    z = _hidden
    return z * x


def test_names_of_variables():
    """A variable's last value has its name, a value its first name."""
    f = ob.compile(reused)
    assert ["y", "_hidden"] == [name for name, _ in f.graph.statements]


def test_hostile_names_of_variables():
    """What is no identifier gets into no source: names, docs, titles of functions."""

    def hostile(x):
        y = x * 2
        return np.exp(y)

    names = ("x", "y = __import__('os')\n#")
    hostile.__code__ = hostile.__code__.replace(co_varnames=names)
    hostile.__name__ = 'hostile"""\nimport os'
    hostile.__doc__ = 'Say """\nimport os\n\u202e\0 """'
    f = ob.compile(hostile)
    assert [] == f.graph.statements
    assert "formula" == f.options.name
    statements = {type(s) for s in ast.parse(f.source).body}
    assert {ast.Expr, ast.Import, ast.ImportFrom, ast.FunctionDef} >= statements
    imported = [
        s.names[0].name for s in ast.parse(f.source).body if isinstance(s, ast.Import)
    ]
    assert "os" not in imported
    assert "\u202e" not in f.source
    assert pytest.approx(np.exp(2.0)) == f(1.0)


def test_profiler_is_left_alone():
    """Where a profiler runs, it goes on, and the variables' names are not read."""
    calls = []

    def profiler(_frame, event, _arg):
        calls.append(event)

    sys.setprofile(profiler)
    try:
        traced = trace(curve)
        assert sys.getprofile() is profiler
    finally:
        sys.setprofile(None)
    assert {} == traced.variables
    assert ["out"] == list(traced.outputs)
    assert len(calls) > 10
    trace(curve)
    assert sys.getprofile() is None


def failing(x):
    """Ask for what is not known when tracing."""
    if x > 0:
        return x
    return -x


def test_errors_keep_the_traceback():
    """An error inside the function shows the user's own line."""
    with pytest.raises(ob.InputError, match=r"use ob\.where") as caught:
        ob.compile(failing)
    lines = [frame.line for frame in traceback.extract_tb(caught.tb)]
    assert "if x > 0:" in lines
    assert sys.getprofile() is None


def test_shape_errors_come_where_they_are_written():
    """Shapes that do not fit raise at the user's line, with both shapes."""

    def add(x, y):
        return x + y

    with pytest.raises(ob.ShapeError) as caught:
        ob.compile(add, inputs={"x": ("m",), "y": ("n",)})
    expected = (
        "add cannot combine shapes [m] and [n]: expected m along an axis, found n"
    )
    assert f"{expected}, in x + y" == str(caught.value)
    assert "return x + y" in [f.line for f in traceback.extract_tb(caught.tb)]


def test_the_users_own_errors_go_through():
    """What the function itself raises is not touched."""
    with pytest.raises(KeyError, match="nothing"):
        ob.compile(lambda p: p["nothing"], inputs={"p": {"w": ()}})


class Silent:
    """Do not tell what arguments it takes."""

    __signature__ = "none"

    def __call__(self, x):
        """Return the square."""
        return x * x


def test_functions_that_tell_no_arguments():
    """Such a function is called with the inputs in their order."""
    assert 9.0 == ob.compile(Silent(), inputs=["x"])(3.0)


REFUSED = (
    (lambda: ob.compile("x*y", inputs={"x": (), "y": ()}),
     ("expected a sequence of inputs, found a dict; a dict of shapes is for the "
      "arguments of a Python function")),
    (lambda: ob.compile(lambda x, y: x, inputs={"x": ()}),
     "expected inputs for the arguments x, y of <lambda>, found none for y"),
    (lambda: ob.compile(lambda x: x, inputs={"x": (), "z": ()}),
     "expected inputs for the arguments x of <lambda>, found z"),
    (lambda: ob.compile(lambda x: x, inputs=3),
     ("expected inputs as a dict of shapes or a sequence of inputs, found a value of "
      "type int")),
    (lambda: ob.compile(Silent()),
     "expected inputs= with the arguments of Silent, found none"),
    (lambda: ob.compile(lambda x: None),
     "expected <lambda> to return formulas, found a value of type NoneType"),
    (lambda: ob.compile(lambda x: "x"),
     "expected <lambda> to return formulas, found 'x' (str)"),
    (lambda: ob.compile(lambda x: ()),
     "expected <lambda> to return a formula, found nothing"),
    (lambda: ob.compile(lambda x: x, inputs={"x": np.ones(3)}),
     "expected a shape for 'x', such as ('n',), found an array"),
    (lambda: ob.compile(lambda x: x, inputs={"x": ob.param("y")}),
     "expected an input named 'x', found y"),
    (lambda: ob.compile(lambda x: x, inputs=[ob.param("y") + 1]),
     "expected an input for 'x', found the formula y + 1"),
    (lambda: ob.compile(lambda p: p["a"], inputs={"p": {1: ()}}),
     "expected names as keys of 'p', found a value of type int"),
    (lambda: ob.compile(lambda x: x, inputs={"x": (1.5,)}),
     ("param 'x': expected sizes in its shape, integers or names such as 'n', found "
      "1.5 (float)")),
    (lambda: ob.compile(line, inputs={"p": {"slope": (), "shift": ()}, "x": ()})(
        2.0, 3.0),
     ("expected a dict with the keys slope, shift for 'p', found a value of type "
      "float")),
    (lambda: ob.compile(line, inputs={"p": {"slope": (), "shift": ()}, "x": ()})(
        {"slope": 1.0}, 3.0),
     "expected a dict with the keys slope, shift for 'p', found the keys slope"),
)  # fmt: skip


@pytest.mark.parametrize("i", range(len(REFUSED)))
def test_refusals(i):
    """What cannot be traced is an InputError that says why."""
    act, message = REFUSED[i]
    with pytest.raises(ob.InputError) as caught:
        act()
    assert message == str(caught.value)
