"""Compiled functions as objects: equal, pickled, threaded, saved, shown."""

from __future__ import annotations

import copy
import itertools
import json
import math
import os
import pickle
import subprocess
import sys
import threading
from xml.etree import ElementTree as ET

import numpy as np
import pytest
import sympy as sp
from numba import njit

import overbar as ob
from overbar.codegen.allowlist import check
from overbar.ir.errors import InputError

TEXT = "x*exp(-x) + y**2"
X, Y = ob.param("x"), ob.param("y")
x, y = sp.symbols("x y")

FUNCTIONS = {
    "text": lambda: ob.compile(TEXT),
    "python": lambda: ob.compile(X * ob.exp(-X) + Y**2),
    "sympy": lambda: ob.compile(x * sp.exp(-x) + y**2),
    "kinks": lambda: ob.compile("max(x, y)", kinks="left"),
    "wrt": lambda: ob.compile(TEXT, wrt="y"),
    "order": lambda: ob.compile(TEXT, inputs=["y", "x"]),
    "grouped": lambda: ob.compile(x * y, inputs=[[x, y]]),
    "outputs": lambda: ob.compile("x + y, x*y"),
    "matrix": lambda: ob.compile(sp.Matrix([[x, y], [1, x * y]])),
    "reduced": lambda: ob.compile("w: param\nx: data\n(w*x)**2", reduce="sum"),
    "strict": lambda: ob.compile(TEXT, accuracy="strict"),
    "default": lambda: ob.compile(X * ob.data("lam", default=math.nan)),
    "constants": lambda: ob.compile("x*inf + 0.0 - 0.0*x"),
    "where": lambda: ob.compile("where(x > 0, sqrt(x), 0)*y"),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_equal_by_content(name):
    """Two functions of the same content are equal, and one key in a dict."""
    f, g = FUNCTIONS[name](), FUNCTIONS[name]()
    assert f == g
    assert hash(f) == hash(g)
    assert {f: "found"}[g] == "found"
    assert f != TEXT


def test_different_by_content():
    """What changes a result or its form makes functions different."""
    same = {"python", "sympy"}  # as "text"
    different = [make for name, make in FUNCTIONS.items() if name not in same]
    different += [
        lambda: ob.compile("x*exp(-x) - y**2"),
        lambda: ob.compile("x*exp(-x) + y**2.5"),
        lambda: ob.compile("max(x, y)"),
        lambda: ob.compile(TEXT, wrt=["y"]),
    ]
    for f, g in itertools.combinations([make() for make in different], 2):
        assert f != g


def test_equal_by_either_door():
    """A formula in a text equals the same formula in Python."""
    assert FUNCTIONS["text"]() == FUNCTIONS["python"]()


def test_signed_zeros_are_different():
    """The constants 0.0 and -0.0 are not the same content."""
    assert ob.compile(X * 0.0) != ob.compile(X * -0.0)


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("protocol", [2, pickle.HIGHEST_PROTOCOL])
def test_pickle(name, protocol):
    """A pickle is equal to its function, and gives the same bits and texts."""
    f = FUNCTIONS[name]()
    g = pickle.loads(pickle.dumps(f, protocol))
    args = [np.array([0.5, 2.0])] if len(f.signature.names) == 1 else [0.5, 2.0]
    assert f == g
    assert hash(f) == hash(g)
    assert (f.text(), f.source, repr(f)) == (g.text(), g.source, repr(g))
    np.testing.assert_array_equal(f(*args), g(*args))
    np.testing.assert_array_equal(f.jacobian(*args), g.jacobian(*args))
    assert [str(k) for k in f.kinks] == [str(k) for k in g.kinks]


def test_pickle_of_results():
    """Results by name and what forward saved are pickled too."""
    f = ob.compile(TEXT)
    value, saved = pickle.loads(pickle.dumps(f.forward(0.5, 2.0)))
    assert f(0.5, 2.0) == value
    gradient = pickle.loads(pickle.dumps(f.backward(saved)))
    assert f.grad(0.5, 2.0) == gradient
    assert gradient.y == 4.0


SAVED = {
    "numbers": ("exp(x)*sin(y)", (0.5, 2.0)),
    "points": ("exp(x)*sin(y)", ([0.5, 1.0, 1.5], 2.0)),
    "many": ("+".join(f"exp(x*{k})*y" for k in range(1, 300)), (0.01, 2.0)),
    "arrays": (
        "x: param[n]\ny: param[m]\nsum(exp(x))*sum(exp(y))",
        (np.ones(3), [1.0]),
    ),
    "whole": (
        "x: param[n, n]\ny: param[n]\nsum(solve(x, y)**2)",
        (np.eye(2), [1.0, 2]),
    ),
    "index": ("x: param[n]\nk: index[m]\nexp(x)[k]*2", (np.ones(3), [0, 2])),
    "mapped": (
        "w: param[n]\nx: data[n]\nsum(exp(w*x))",
        (np.ones(3), np.ones((4, 3))),
    ),
}


@pytest.mark.parametrize("name", SAVED)
def test_what_another_function_saved(name):
    """What a copy's forward saved is taken, what another function's did is refused."""
    text, args = SAVED[name]
    f = ob.compile(text, reduce="sum" if name == "mapped" else None)
    saved = f.forward(*args)[1]
    g = pickle.loads(pickle.dumps(f))
    seed = 1.0 if name != "index" else [1.0, 2.0]
    expected = pickle.dumps(f.backward(saved, seed))
    for kept in (saved, pickle.loads(pickle.dumps(saved))):
        assert expected == pickle.dumps(g.backward(kept, seed))
    for other in ("x", "x: param[p]\ny: param[q]\nsum(exp(x)) + sum(exp(y))"):
        with pytest.raises(ob.InputError, match="that of another function"):
            ob.compile(other).backward(saved)


def test_saved_arrays_of_other_sizes():
    """A backward pass does not read past the end of what another function saved."""
    formula = "x: param[n]\ny: param[{}]\nsum(exp(x)) + sum(exp(y))"
    f, g = (ob.compile(formula.format(size)) for size in "mn")
    saved = f.forward(np.ones(1000), np.ones(1))[1]
    with pytest.raises(ob.InputError, match="that of another function"):
        g.backward(saved)
    same = g.forward(np.ones(2), np.ones(2))[1]
    with pytest.raises(ob.InputError, match="that of another function"):
        f.backward(same)  # which does not say what m is


def test_pickle_in_another_process():
    """A pickle loads, and runs, in a process with other hashes."""
    f = ob.compile(TEXT)
    code = (
        "import pickle, sys; f = pickle.load(sys.stdin.buffer);"
        "print(f.grad(0.5, 2.0)); print(f.source)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code],
        check=True, capture_output=True, input=pickle.dumps(f),
        env={**os.environ, "PYTHONHASHSEED": "7"},
    )  # fmt: skip
    assert f"{f.grad(0.5, 2.0)}\n{f.source}\n" == result.stdout.decode()


def test_deep_formulas():
    """A chain of 20,000 operations is pickled, compared and hashed, not recursed."""
    formula = X
    for _ in range(10_000):
        formula = ob.sin(formula) + 0.5
    f = ob.compile(formula, backend="reference")
    g = pickle.loads(pickle.dumps(f))
    assert f == g
    assert hash(f) == hash(g)
    assert copy.deepcopy(f) == f == copy.copy(f)
    assert f.grad(0.3) == g.grad(0.3)


# -- threads and Numba -----------------------------------------------------------------

COLD = {
    "value": lambda f: f(0.5, 2.0),
    "points": lambda f: f(np.array([0.5, 1.0]), 2.0),
    "grad": lambda f: f.grad(0.5, 2.0),
    "value_and_grad": lambda f: f.value_and_grad(0.5, 2.0),
    "forward": lambda f: f.backward(f.forward(0.5, 2.0)[1]),
    "hessian": lambda f: f.hessian(0.5, 2.0),
    "jit": lambda f: f.jit.value_and_grad(0.5, 2.0),
    "flat": lambda f: f.flat.value_and_grad([0.5, 2.0]),
    "text": lambda f: f.text(),
    "latex": lambda f: f.latex(),
    "source": lambda f: f.source,
    "draw": lambda f: f.draw([0.5, 2.0]),
    "check": lambda f: f.check(0.5, 2.0),
    "explain": lambda f: f.explain(0.5, 2.0),
    "pickle": lambda f: pickle.loads(pickle.dumps(f)),
    "cost": lambda f: f.cost,
}


def test_threads():
    """32 threads that call a cold function get what one thread gets."""
    formula = "x*exp(-x*y) + sin(x)/(y + 3)"
    f, barrier, found = ob.compile(formula), threading.Barrier(32), {}

    def run(i, name):
        barrier.wait()
        try:
            found[i] = repr(COLD[name](f))
        except BaseException as error:  # noqa: BLE001 - shown by the comparison
            found[i] = repr(error)

    names = [*COLD, *COLD]
    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(names)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    alone = {name: repr(call(ob.compile(formula))) for name, call in COLD.items()}
    assert dict(enumerate(alone[name] for name in names)) == found


def test_jit():
    """Numba code may call every entry point of `f.jit`."""
    jit = ob.compile(TEXT).jit
    value_and_grad, hvp = jit.value_and_grad, jit.hvp

    @njit
    def steps(at, other):
        for _ in range(3):
            _, (slope, _) = value_and_grad(at, other)
            at -= 0.1 * slope
        return at + hvp(at, other, 0.0, 1.0)[1]

    at, f = 0.25, ob.compile(TEXT)
    for _ in range(3):
        at -= 0.1 * f.grad(at, 2.0).x
    assert at + 2.0 == steps(0.25, 2.0)
    assert "hessian" in dir(jit)


def test_jit_of_an_array():
    """An array is refused where a number is expected, not read as one."""
    value = ob.compile(TEXT).jit.value
    assert value(1, np.float32(2.0)) == ob.compile(TEXT)(1.0, 2.0)
    with pytest.raises(
        InputError, match="one number for 'x', found an array of 1 axis"
    ):
        value(np.array([1.0, 2.0]), 2.0)


@pytest.mark.parametrize("names", [(), ("value",), ("grad", "hessian", "hvp", "vjp")])
def test_build(names):
    """Machine code can be made ahead of the first call."""
    f = ob.compile(TEXT)
    assert f.build(*names) is f
    assert f.grad(0.0, 2.0) == (1.0, 4.0)


@pytest.mark.parametrize("name", ["nothing", "copied", 3, ("value",)])
@pytest.mark.parametrize("text", [TEXT, "x: param[n]\nsum(x**2)"])
def test_build_of_what_is_no_entry_point(text, name):
    """Other names are refused before anything is made, and the known ones listed."""
    with pytest.raises(InputError, match=r"entry point \(value, forward, .*found"):
        ob.compile(text).build("value", name)


# -- saved modules, and what is shown --------------------------------------------------


@pytest.mark.parametrize("name", FUNCTIONS)
def test_saved_module(name, tmp_path):
    """A saved module passes our own check and runs where Overbar cannot be imported."""
    f = FUNCTIONS[name]()
    path = f.save(tmp_path / "gradient.py")
    check(path.read_text(encoding="utf-8"))
    assert f.source == path.read_text(encoding="utf-8")
    assert path == f.save(path)  # its own module may be written again
    args = [0.5, 2.0][: len(f.signature.inputs)]
    code = (
        "import json, sys; sys.modules['overbar'] = None; import gradient as g\n"
        f"print(json.dumps([g.forward(*{args})[0], g.value(*{args})]))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code],
        check=True, capture_output=True, text=True, cwd=tmp_path,
        env={**os.environ, "NUMBA_DISABLE_JIT": "1", "PYTHONPATH": ""},
    )  # fmt: skip
    value = f.runtime.call("value")(*args)
    assert f"{json.dumps([value, value])}\n" == result.stdout


def test_names_of_saved_modules(tmp_path):
    """The formula's name is in the header, made an identifier in file names."""
    f = ob.compile(TEXT, name="my formula")
    assert f.source.startswith('"""my_formula: generated by Overbar from\n')
    assert ob.compile(TEXT, name="1st").source.startswith('"""formula_1st: generated')
    path = tmp_path / "loaded.expr"
    path.write_text(TEXT, encoding="utf-8")
    assert ob.load(path).source.startswith('"""loaded: generated by Overbar from\n')
    assert ob.load(path, name="other").source.startswith('"""other: generated')
    assert ob.load(path) == f


def test_notebooks():
    """A notebook shows the statements as LaTeX and the graph as a picture."""
    f = ob.compile(TEXT)
    latex = f._repr_latex_()
    assert latex.startswith("$$\n")
    assert f.latex() in latex
    assert "svg" in ET.fromstring(f._repr_html_()).tag  # noqa: S314 - our own
    assert ob.compile(sum(ob.sin(i * X) for i in range(80)))._repr_html_() is None


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("text", "<overbar function (x, y) -> out>"),
        ("outputs", "<overbar function (x, y) -> out0, out1>"),
        ("grouped", "<overbar function (array) -> out>"),
        ("default", "<overbar function (x, lam) -> out>"),
    ],
)
def test_prompt(name, shown):
    """At the prompt a function shows its arguments and outputs."""
    assert shown == repr(FUNCTIONS[name]())


def test_text_of_either_order():
    """Order 2 adds the Hessian's statements; order 1 stays as it was before."""
    f = ob.compile("w: param\nu = exp(2*w)\nu")
    first = ["u = exp(2*w)", "", "u_bar = 1", "w_bar = 2*u_bar*u"]
    assert first == f.text().splitlines()
    assert first == f.text(order=2).splitlines()[:4]
    assert ["", "d2_dw_dw"] == [
        line.split(" = ")[0] for line in f.text(2).splitlines()[4:]
    ]
    assert f.text() == f.text(order=1) == ob.compile("w: param\nu = exp(2*w)\nu").text()


def test_stages():
    """Each stage prints as mathematics, one equation a line."""
    f = ob.compile("z: param\ny = sigmoid(z)\nL = (y - z)**2\nL")
    assert "y = sigmoid(z)\nL = (y - z)**2" == str(f.graph)
    assert "L_bar = seed" in str(f.adjoint_graph).splitlines()
    assert "y = sigmoid(z)" in str(f.program).splitlines()
    assert f.forward_source in f.source.replace(
        '@njit(cache=True, error_model="numpy", nogil=True)\n', ""
    )
