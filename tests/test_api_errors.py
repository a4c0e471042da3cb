"""The public API's messages, word for word."""

from __future__ import annotations

import platform
import sys

import numpy as np
import pytest
import sympy as sp

import overbar as ob

X, Y = ob.param("x"), ob.param("y")
x, y = sp.symbols("x y")
FLAG = ob.data("c", dtype="bool")
COUNT = ob.data("n", dtype="int64")

FORMULAS = {
    "f": lambda: ob.compile("x*y + y**2"),
    "three": lambda: ob.compile("x + y, x*y, 3*x"),
    "one": lambda: ob.compile("3.5"),
    "fit": lambda: ob.compile("a: param\nk: param\nt: data\ny: data\na*exp(k*t) - y"),
    "loss": lambda: ob.compile("w: param\nx: data\n(w*x)**2", reduce="sum"),
    "grouped": lambda: ob.compile(x * y, inputs=[[x, y]]),
    "typed": lambda: ob.compile(ob.where(FLAG, X, 2) * COUNT, inputs=[X, COUNT, FLAG]),
    "bare": lambda: ob.compile("x*y", "x"),
    "many": lambda: ob.compile(" + ".join(f"x{i}" for i in range(20))),
    "plain": lambda: ob.compile("x*y", backend="python"),
}
EMPTY = np.zeros(2)

CALLS = [
    # missing, surplus, unknown, doubled
    ("f", lambda f: f(1.0), "expected values for x, y; found none for y"),
    ("f", lambda f: f(), "expected values for x, y; found none for x, y"),
    ("f", lambda f: f(1, 2, 3), "expected at most 2 arguments (x, y), found 3"),
    ("bare", lambda f: f(1, x=1), "expected one value for 'x', found two"),
    ("f", lambda f: f(1, z=2), "expected arguments named x, y, found 'z'"),
    ("f", lambda f: f(1, yy=2),
     "expected arguments named x, y, found 'yy'; did you mean 'y'?"),
    ("one", lambda f: f(1), "expected no arguments, found 1"),
    ("one", lambda f: f(x=1), "expected arguments named (none), found 'x'"),
    ("many", lambda f: f(1),
     ("expected values for x0, x1, x2, x3, x4, x5, x6, x7, x8, x9, x10, ...; "
     "found none for x1, x2, x3, x4, x5, x6, x7, x8, x9, x10, x11, ...")),
    # what is no real number
    ("f", lambda f: f("a", 2), "expected real numbers for 'x', found the text 'a'"),
    ("f", lambda f: f(None, 2),
     "expected real numbers for 'x', found a value of type NoneType"),
    ("f", lambda f: f(1j, 2),
     "expected real numbers for 'x', found a value of type complex"),
    ("f", lambda f: f(1, sp.pi),
     "expected real numbers for 'y', found a value of type Pi"),
    ("f", lambda f: f(X, 1),
     "expected real numbers for 'x', found a value of type Expression"),
    ("f", lambda f: f(np.array(["a"]), 1),
     "expected real numbers for 'x', found ndarray of dtype <U1"),
    ("f", lambda f: f([1, [2]], 3),
     "expected numbers of one shape for 'x', found a ragged sequence"),
    ("f", lambda f: f(10**400, 2),
     "expected a number below 1.8e308 for 'x', found a larger one"),
    ("typed", lambda f: f(1, 3.5, True),  # noqa: FBT003
     "expected int64 for 'n', found a value of type float"),
    ("typed", lambda f: f(1.0, 2.0, 1.0),
     "expected int64 for 'n', found a value of type float"),
    ("typed", lambda f: f(1, 2**63, True),  # noqa: FBT003
     "expected int64 for 'n', found 9223372036854775808"),
    ("typed", lambda f: f(1, 10**30, True),  # noqa: FBT003
     "expected int64 for 'n', found a value of type int"),
    ("typed", lambda f: f(1, 2, 1),
     "expected bool for 'c', found a value of type int"),
    ("typed", lambda f: f(1, [1.5], True),  # noqa: FBT003
     "expected int64 for 'n', found list of dtype float64"),
    # shapes
    ("f", lambda f: f([1, 2], [1, 2, 3]),
     "expected arguments that broadcast, found shapes x (2,), y (3,)"),
    ("f", lambda f: f.forward([1, 2], [1, 2, 3]),
     "expected arguments that broadcast, found shapes x (2,), y (3,)"),
    ("grouped", lambda f: f([1, 2, 3]),
     "expected 2 values along the first axis of 'array', found shape (3,)"),
    ("grouped", lambda f: f(1),
     "expected 2 values along the first axis of 'array', found shape ()"),
    ("loss", lambda f: f([1, 2], [1, 2]),
     "expected one number for 'w', as reduce= sums over data; found shape (2,) (param)",
    ),
    *(("loss", call,
       (f"expected one number for the {what}, as reduce= sums over data; "
        "found shape (2,)"))
      for what, call in (
          ("seed of 'out'", lambda f: f.vjp((1, [1, 2]), np.ones(2))),
          ("seed of 'out'", lambda f: f.backward(f.forward(1, [1, 2])[1], np.ones(2))),
          ("tangent of 'w'", lambda f: f.jvp((1, [1, 2]), np.ones(2))),
          ("tangent of 'w'", lambda f: f.hvp((1, [1, 2]), np.ones(2))),
      )),
    ("loss", lambda f: f.forward([1, 2], [1, 2]),
     "expected one number for 'w', as reduce= sums over data; found shape (2,) (param)",
    ),
    ("f", lambda f: f.text(3), "expected order 1 or 2, found 3"),
    ("three", lambda f: f.text(2), "text(order=2) expects one output, found 3"),
    ("f", lambda f: f.check(1, [1, 2]), "expected one number for 'y', found (2,)"),
    ("f", lambda f: f.draw([1, [1, 2]]), "expected one number for 'y', found (2,)"),
    ("f", lambda f: f.draw(1.0), "expected values for x, y; found none for y"),
    # one output
    *(("three", call,
       f"{name} expects one output, found 3 (out0, out1, out2); {advice}")
      for name, advice, call in (
          ("grad", "use jacobian or vjp", lambda f: f.grad(1, 2)),
          ("value_and_grad", "use jacobian or vjp", lambda f: f.value_and_grad(1, 2)),
          ("hessian", "compile one alone", lambda f: f.hessian(1, 2)),
          ("hvp", "compile one alone", lambda f: f.hvp((1, 2), (1, 0))),
          ("flat.grad", "use jacobian or vjp", lambda f: f.flat.grad([1, 2])),
          ("flat.hvp", "compile one alone", lambda f: f.flat.hvp([1, 2], [1, 0])),
          ("flat.hessian", "compile one alone", lambda f: f.flat.hessian([1, 2])),
          ("flat.value_and_grad", "use jacobian or vjp",
           lambda f: f.flat.value_and_grad([1, 2])),
      )),
    # seeds and tangents
    ("f", lambda f: f.vjp((1, 2), "a"),
     "expected real numbers for 'out', found the text 'a'"),
    ("three", lambda f: f.vjp((1, 2), 1),
     "expected 3 seeds (out0, out1, out2), found 1"),
    ("three", lambda f: f.vjp((1, 2), {"out0": 1}),
     "expected a seed for each of out0, out1, out2; found out0"),
    ("three", lambda f: f.backward(f.forward(1, 2)[1]),
     "expected 3 seeds (out0, out1, out2), found 1"),
    ("f", lambda f: f.jvp((1, 2), 1), "expected 2 tangents (x, y), found 1"),
    ("f", lambda f: f.jvp((1, 2), ("a", 1)),
     "expected real numbers for 'x', found the text 'a'"),
    ("f", lambda f: f.hvp((1, 2), {"x": 1}),
     "expected a tangent for each of x, y; found x"),
    ("f", lambda f: f.hvp(1, (1, 0)), "expected values for x, y; found none for y"),
    ("f", lambda f: f.backward(3),
     "expected what forward returned as its second value, found int"),
    ("f", lambda f: f.backward(f.forward(1, 2)[1], np.ones(2)),
     "expected a number as seed, as forward was called with numbers"),
    # the flat vector
    ("f", lambda f: f.flat.value([1, 2, 3]),
     "expected a vector of 2 parameters (x, y), found shape (3,) of dtype int64"),
    ("bare", lambda f: f.flat.grad(1.0, 2.0),
     "expected a vector of 1 parameter (x), found shape () of dtype float64"),
    ("f", lambda f: f.flat.value("ab"),
     "expected a vector of 2 parameters (x, y), found shape () of dtype <U2"),
    ("f", lambda f: f.flat.hvp([1, 2], [1]),
     "expected a vector of 2 parameters (x, y), found shape (1,) of dtype int64"),
    ("f", lambda f: f.flat.value([1, 2], 3),
     "expected theta and no data, found 1"),
    ("fit", lambda f: f.flat.value([1, 2], 3, 4, 5),
     "expected theta and at most 2 data arguments (t, y), found 3"),
    ("fit", lambda f: f.flat.value([1, 2], 3),
     "expected values for t, y; found none for y"),
    ("fit", lambda f: f.flat.value([1, 2], 3, t=3),
     "expected one value for 't', found two"),
    ("fit", lambda f: f.flat.value([1, 2], 3, a=3),
     "expected arguments named t, y, found 'a'"),
    ("fit", lambda f: f.flat.grad([1, 2], [3, 4], 5),
     ("flat.grad expects one value, found one for each of (2,) points; compile with "
     "reduce='sum' to add them, or use flat.jacobian")),
    ("fit", lambda f: f.flat.hvp([1, 2], [1, 0], [3, 4], 5),
     ("flat.hvp expects one value, found one for each of (2,) points; compile with "
     "reduce='sum' to add them, or use flat.hessian")),
    ("one", lambda f: f.flat.jacobian([]),
     "flat.jacobian expects parameters to differentiate in, found none"),
    ("f", lambda f: f.flat.pack(1), "expected values for x, y; found none for y"),
    ("f", lambda f: f.flat.pack([1, 2, 3]),
     "expected at most 2 arguments (x, y), found 3"),
    ("f", lambda f: f.flat.pack([1, [2, 3]]),
     "expected one number for 'y', found (2,)"),
    # arrays to fill
    ("f", lambda f: f.value_and_grad(1, 2, out=3),
     "expected out= with 2 arrays (x, y), found a value of type int"),
    ("f", lambda f: f.value_and_grad(1, 2, out=[EMPTY]),
     "expected out= with 2 arrays (x, y), found 1"),
    ("f", lambda f: f.value_and_grad([1, 2], 2, out=np.zeros((2, 3))),
     ("expected an array of floats of shape (2,) as out= for 'x', found one of float64 "
     "of shape (3,)")),
    ("f", lambda f: f.flat.value_and_grad([1, 2], out=np.zeros(2, int)),
     ("expected an array of floats of shape (2,) as out= for 'theta', found one of "
     "int64 of shape (2,)")),
    ("f", lambda f: f([1.0, 2.0], 2, out=np.zeros(3)),
     ("expected an array of floats of shape (2,) as out= for 'out', found one of "
      "float64 of shape (3,)")),
    ("f", lambda f: f([1.0, 2.0], 2, out=np.broadcast_to(0.0, (2,))),
     ("expected an array of floats of shape (2,) as out= for 'out', found one of "
      "float64 of shape (2,), which is read-only")),
    ("bare", lambda f: f.value_and_grad(1, 2, out=3.0),
     ("expected an array of floats of shape () as out= for 'x', found a value of type "
     "float")),
    # results
    ("f", lambda f: f.grad(1, 2)["z"], "expected one of x, y, found 'z'"),
]  # fmt: skip

HERE = f" on {platform.machine()}, {sys.platform}"
UNSUPPORTED = [
    ("plain", lambda f: f.jit.value,
     "f.jit needs Numba; this formula has backend='python'"),
    ("plain", lambda f: f.cfunc.value,
     "f.cfunc is machine code of our own; this formula has backend='python'" + HERE),
]  # fmt: skip


@pytest.mark.parametrize(("name", "call", "message"), CALLS)
def test_calls(name, call, message):
    """A wrong call is an InputError that says what was expected and what was found."""
    with pytest.raises(ob.InputError) as error:
        call(FORMULAS[name]())
    assert message == str(error.value)


@pytest.mark.parametrize(("name", "call", "message"), UNSUPPORTED)
def test_not_built_yet(name, call, message):
    """What is not built yet says so."""
    with pytest.raises(ob.UnsupportedError) as error:
        call(FORMULAS[name]())
    assert message == str(error.value)


KINDS = "a SymPy expression, text, or one made with ob.param"
COMPILED = [
    # options
    (lambda: ob.compile("x", kinks="none"),
     "expected kinks half, left, right, zero, found 'none'"),
    (lambda: ob.compile("x", accuracy="best"),
     "expected accuracy strict or standard, found 'best'"),
    (lambda: ob.compile("x", backend="c"),
     "expected backend auto, numba, python, reference; found 'c'"),
    (lambda: ob.compile("x", reduce="max"),
     "expected reduce 'sum', 'mean' or None, found 'max'"),
    (lambda: ob.compile("x", name=3), "expected a text as name, found int"),
    # names
    (lambda: ob.compile("x*y", wrt="z"),
     "expected one of the inputs x, y, found 'z'"),
    (lambda: ob.compile("alpha*y", wrt=["alpa"]),
     "expected one of the inputs alpha, y, found 'alpa'; did you mean 'alpha'?"),
    (lambda: ob.compile("x*y", wrt=["x", "x"]),
     "expected each name of wrt once, found x, x"),
    (lambda: ob.compile("x*y", wrt=3), "expected a name or symbol, found int"),
    (lambda: ob.compile(X * COUNT, wrt="n"),
     "expected real inputs to differentiate with respect to, found 'n' of type int64"),
    (lambda: ob.compile("x*y", inputs="xy"),
     "expected a sequence of inputs, found str"),
    (lambda: ob.compile("x*y", inputs={"x", "y"}),
     "expected a sequence of inputs, found set"),
    (lambda: ob.compile("x*y", inputs=5), "expected a sequence of inputs, found int"),
    (lambda: ob.compile("x*y", inputs=["y"]),
     "expected every input in inputs=, found no x"),
    (lambda: ob.compile("x*y", inputs=[]),
     "expected every input in inputs=, found no x, y"),
    (lambda: ob.compile("x*y", inputs=["y", ["x", "y"]]),
     "expected each input once, found 'y' twice"),
    (lambda: ob.compile("x*y", inputs=["y", "x", "z"]),
     "expected one of the inputs x, y, found 'z'"),
    (lambda: ob.compile("x*y", inputs=["x", 3]),
     "expected a name or symbol, found int"),
    (lambda: ob.compile(X, inputs=[X * 2]),
     "expected a name or symbol, found Expression"),
    # what is no formula
    *((lambda expr=expr: ob.compile(expr),
       f"expected a formula: {KINDS}; found {type(expr).__name__}")
      for expr in (None, b"x", object(), np.zeros(2), 1j)),
    (lambda: ob.compile([X, "y"]), f"expected a formula: {KINDS}; found str"),
    (lambda: ob.compile([]), "expected at least one output, found none"),
    (lambda: ob.compile({}), "expected at least one output, found none"),
    (lambda: ob.compile({1: X}), "expected names of outputs, found '1'"),
    (lambda: ob.compile({"a b": X}),
     ("expected an output whose name is an identifier, such as x_1, found 'a b'; "
     "rename it, for instance to a_b")),
    (lambda: ob.compile(X > 0),
     ("expected a number, found the condition x > 0; ob.where(condition, 1, 0) makes a "
     "number of it")),
    (lambda: ob.compile(True),  # noqa: FBT003
     ("expected a number, found the condition True; ob.where(condition, 1, 0) makes a "
     "number of it")),
    (lambda: ob.compile([x, X]),
     ("expected a formula or a number, found a value of type Expression, in output "
     "'out1'")),
    (lambda: ob.compile(sp.Symbol("_x") + sp.Symbol("x_")),
     "expected names with distinct fields, found '_x' and 'x_', both 'x_'; rename one"),
]  # fmt: skip


@pytest.mark.parametrize(("compiled", "message"), COMPILED)
def test_compile(compiled, message):
    """What cannot be compiled is an InputError that says why."""
    with pytest.raises(ob.InputError) as error:
        compiled()
    assert message == str(error.value)


@pytest.mark.parametrize(
    ("compiled", "message"),
    [
        (
            lambda: ob.compile(["x", "y"]),
            "expected one text with several outputs, such as 'x + y, x*y'",
        ),
        (
            lambda: ob.compile("x", accuracy="fast"),
            "accuracy='fast' is not built yet; use 'standard' or 'strict'",
        ),
        (
            lambda: ob.compile(sp.Function("f")(x)),
            (
                "expected an operation that Overbar knows, found the function f; write "
                "a symbol for it, or add it with ob.op, in output 'out'"
            ),
        ),
    ],
)
def test_compile_unsupported(compiled, message):
    """What Overbar does not know is an UnsupportedError that names it."""
    with pytest.raises(ob.UnsupportedError) as error:
        compiled()
    assert message == str(error.value)


def test_jit_names():
    """A name that is no entry point lists those that are."""
    always = "value, forward, backward, vjp, jvp, jacobian"
    for name, known in (
        ("f", f"{always}, grad, value_and_grad, hessian, hvp, value_grad_and_hvp"),
        ("three", always),
    ):
        with pytest.raises(AttributeError) as error:
            FORMULAS[name]().jit.graph  # noqa: B018
        assert f"f.jit has {known}; found 'graph'" == str(error.value)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("m.txt", "expected a path such as gradient.py, found '{path}'"),
        ("a b.py", "expected a path such as gradient.py, found '{path}'"),
        ("class.py", "expected a path such as gradient.py, found '{path}'"),
        (
            "mine.py",
            (
                "expected a new file or a module that Overbar wrote, found {path}; it "
                "is left as it is"
            ),
        ),
        (
            "no/where.py",
            "expected a place to write {path}, found: No such file or directory",
        ),
    ],
)
def test_save(name, message, tmp_path):
    """`save` writes to a new module or its own, and nowhere else."""
    (tmp_path / "mine.py").write_text("x = 1\n", encoding="utf-8")
    path = tmp_path / name
    with pytest.raises(ob.InputError) as error:
        FORMULAS["f"]().save(path)
    assert message.format(path=path) == str(error.value)
    assert ["mine.py"] == [p.name for p in tmp_path.iterdir()]
    assert "x = 1\n" == (tmp_path / "mine.py").read_text(encoding="utf-8")
