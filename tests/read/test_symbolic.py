"""Test what SymPy expressions are read as: values, the order of operands, shapes."""

from __future__ import annotations

import math
import os
import random
import subprocess
import sys
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest
import sympy as sp
import sympy.tensor.array.expressions
from hypothesis import given
from hypothesis import strategies as st
from sympy.codegen import cfunctions as cf
from sympy.codegen import numpy_nodes as nn
from sympy.core.basic import Basic

from overbar.ir.errors import InputError, LimitError
from overbar.ir.evaluate import evaluate, evaluate_exactly
from overbar.ir.graph import Graph
from overbar.ir.ops import OPS
from overbar.ir.verify import verify
from overbar.read import symbolic_table
from overbar.read.symbolic import flatten, input_name, is_sympy, read_sympy
from overbar.rewrite.engine import Rewriter
from overbar.rewrite.exact import EXACT

x, y, z, t = sp.symbols("x y z t")
k, j = sp.symbols("k j", integer=True)
R = sp.Rational


def read(expr: Any, inputs: Any = None, *, exact: bool = True) -> Graph:
    """Return the graph of one formula, with or without the exact rewrites."""
    graph = Graph(rewrite=Rewriter(EXACT) if exact else None)
    read_sympy({"out": expr}, graph, inputs)
    verify(graph)
    return graph


def value(expr: Any, **inputs: float) -> Any:
    """Return a formula's value by the reference evaluation."""
    graph = read(expr)
    return evaluate(graph, inputs)[graph.outputs["out"]]


def truth(expr: Any, **inputs: float) -> float:
    """Return SymPy's value of a formula, NaN where it is not a real number."""
    exact = {s: sp.Float(inputs[s.name], 60) for s in expr.free_symbols}
    found = sp.N(expr.subs(exact).doit(), 30)
    if not found.is_extended_real:
        return math.nan
    return float(found)


# Values -------------------------------------------------------------------------------

REAL, RIGHT, UNIT, OUTSIDE = (-3.0, 3.0), (0.1, 6.0), (-1.0, 1.0), (1.1, 5.0)
NARROW = (-1.4, 1.4)
VALUES: tuple[tuple[Any, tuple[float, float]], ...] = (
    # arithmetic
    (x + y, REAL), (x - y, REAL), (-x - y - 3, REAL), (x * y / 7, REAL),
    (3 - x**2, REAL), (R(2, 3) * x + R(1, 7), REAL), (x / (3 * y), REAL),
    ((x - sp.Float("3.1")) ** 2, REAL), (-2 * x / (3 * y**2), REAL),
    (sp.pi * x + sp.E, REAL), (sp.GoldenRatio + sp.EulerGamma * x, REAL),
    (sp.Catalan + x * sp.S.TribonacciConstant, REAL), (x * sp.Float("-0.5"), REAL),
    # powers
    (x**7, REAL), (x**-3, REAL), (x ** sp.Integer(40), REAL), (sp.sqrt(x), RIGHT),
    (1 / sp.sqrt(x), RIGHT), (x ** R(3, 2), RIGHT), (x ** R(-5, 2), RIGHT),
    (sp.cbrt(x), REAL), (x ** R(2, 3), REAL), (x ** R(-4, 3), REAL),
    (y * x ** R(-1, 3), REAL), (x ** R(100, 3), RIGHT), (x ** R(2, 7), RIGHT),
    (sp.sqrt(sp.sqrt(x)), RIGHT), (x**y, RIGHT), (x ** sp.Float(2.0), REAL),
    (x ** sp.Float(-3.0), REAL), (x ** sp.Float(0.5), RIGHT), (2**x, REAL),
    (3**x, REAL),
    (R(1, 3) ** x, REAL), (sp.Pow(sp.E, x, evaluate=False), REAL),
    (sp.real_root(x, 3), REAL), (sp.real_root(x, 5), REAL), (x ** (-y), RIGHT),
    # exponentials and logarithms
    (sp.exp(x), REAL), (sp.exp(-(x**2) / 2), REAL), (sp.log(x), RIGHT),
    (sp.log(x), REAL), (sp.log(x, 2), RIGHT), (sp.log(x, y), OUTSIDE),
    (sp.log(x, 10, evaluate=False), RIGHT),
    # trigonometry
    *((f(x), NARROW) for f in (sp.sin, sp.cos, sp.tan, sp.cot, sp.sec, sp.csc)),
    *((f(x), UNIT) for f in (sp.asin, sp.acos, sp.atan, sp.acot)),
    *((f(x), OUTSIDE) for f in (sp.asin, sp.acos, sp.asec, sp.acsc)),
    (sp.asec(x), (-5.0, -1.1)), (sp.acsc(x), (-5.0, -1.1)), (sp.acot(x), REAL),
    (sp.atan2(y, x), REAL), (sp.sinc(x), REAL),
    # hyperbolic functions
    *((f(x), REAL) for f in (sp.sinh, sp.cosh, sp.tanh, sp.sech, sp.csch, sp.coth)),
    (sp.asinh(x), REAL), (sp.acosh(x), OUTSIDE), (sp.atanh(x), UNIT),
    (sp.acoth(x), OUTSIDE), (sp.asech(x), (0.1, 0.9)), (sp.acsch(x), REAL),
    # kinks and jumps
    (sp.Abs(x), REAL), (sp.sign(x), REAL), (sp.Max(x, y), REAL),
    (sp.Min(x, y, 1), REAL),
    (sp.Max(x, 0, y**2 - 1), REAL), (sp.floor(x), REAL), (sp.ceiling(x), REAL),
    (sp.frac(x), REAL), (sp.Mod(x, 2), REAL), (sp.Mod(x, y), REAL),
    (sp.Heaviside(x), REAL), (sp.Heaviside(x, 1) + y, REAL),
    (sp.KroneckerDelta(sp.floor(x), 1), REAL),
    # conditions
    (sp.Piecewise((sp.log(x), x > 0), (0, True)), REAL),
    (sp.Piecewise((1, x > 1), (x, x > -1)), REAL),
    (sp.Piecewise((1, x < -1), (2, sp.And(x <= 1, y > 0)), (3, x >= 2), (y, True)),
     REAL),
    (sp.Piecewise((1, sp.Or(x > 1, y > 1)), (0, True)), REAL),
    (sp.Piecewise((1, sp.Xor(x > 0, y > 0, x > y)), (0, True)), REAL),
    (sp.Piecewise((1, sp.Implies(x > 0, y > 0)), (0, True)), REAL),
    (sp.Piecewise((1, sp.Equivalent(x > 0, y > 0, x > 1)), (0, True)), REAL),
    (sp.Piecewise((1, sp.ITE(x > 0, y > 0, y < 1)), (0, True)), REAL),
    (sp.Piecewise((1, sp.Not(sp.And(x > 0, y > 0))), (0, True)), REAL),
    (sp.Piecewise((1, sp.Eq(sp.floor(x), 1)), (2, sp.Ne(sp.floor(y), 0)), (3, True)),
     REAL),
    # special functions
    (sp.erf(x), REAL), (sp.erfc(x), REAL), (sp.gamma(x), RIGHT), (sp.gamma(x), REAL),
    (sp.loggamma(x), RIGHT), (sp.digamma(x), RIGHT), (sp.trigamma(x), RIGHT),
    (sp.polygamma(3, x), RIGHT), (sp.beta(x, y), RIGHT), (sp.factorial(x), RIGHT),
    # the real axis
    (sp.re(x), REAL), (sp.im(x) + y, REAL), (sp.conjugate(x) * x, REAL),
    (sp.re(x + y) + sp.im(x * y), REAL),
    # sums and products
    (sp.Sum(x**k / sp.factorial(k), (k, 0, 8)), REAL),
    (sp.Sum((-1) ** k * x**k, (k, 1, 5)), REAL), (sp.Product(x + k, (k, 1, 6)), REAL),
    (sp.Sum(k * x + j, (j, 1, k), (k, 1, 4)), REAL),
    (sp.Sum(sp.sin(k * x), (k, 5, 1)), REAL), (sp.Product(x + k, (k, 5, 1)), REAL),
    (sp.Sum(x, (k, 1, 0)), REAL), (sp.Sum(x**-k, (k, -2, 2)), REAL),
    (sp.Sum(sp.Piecewise((x, k > 2), (y, True)), (k, 1, 4)), REAL),
    (x * sp.Sum(sp.Product(x + k * j, (j, 1, k)), (k, 1, 3)), REAL),
    (sp.Sum(k * sp.exp(y), (k, 1, 3)) + sp.exp(y), REAL),
    # substitutions and derivatives
    (sp.Subs(sp.Derivative(y * x, x), y, x**2), REAL),
    (sp.Subs(x**2 + y, (x, y), (t, z)), REAL),
    (sp.Derivative(sp.sin(x * y) * sp.exp(x), x), REAL),
    (sp.Derivative(sp.sin(x * y) * sp.exp(x), (x, 3), y), REAL),
    (sp.Derivative(x**3, (x, 4)) + y, REAL), (sp.Derivative(y**2, x) + x, REAL),
    (sp.Sum(sp.Derivative(x**k, x), (k, 1, 4)), REAL),
    (sp.Subs(sp.Derivative(sp.Subs(sp.sin(x * y), y, x), x), x, t**2), REAL),
    (sp.Sum(sp.Subs(sp.Derivative(sp.sin(z * y), z), z, k), (k, 1, 3)), REAL),
    # as written
    (sp.UnevaluatedExpr(x + 1) * 2, REAL), (sp.Mul(x, 1 / x, evaluate=False), REAL),
    (sp.Mul(2, 3, x, evaluate=False), REAL), (sp.Pow(x, 1, evaluate=False), REAL),
    (sp.Add(x, x, evaluate=False), REAL), (sp.sin(0, evaluate=False) + x, REAL),
    # SymPy's functions for code
    (cf.expm1(x), REAL), (cf.log1p(x), RIGHT), (cf.exp2(x), REAL), (cf.log2(x), RIGHT),
    (cf.log10(x), RIGHT), (cf.hypot(x, y), REAL), (nn.logaddexp(x, y), REAL),
)  # fmt: skip


@pytest.mark.parametrize(("expr", "interval"), VALUES, ids=lambda v: str(v)[:60])
def test_value_is_sympys(expr: Any, interval: tuple[float, float]) -> None:
    """Every construct has SymPy's value at random points, NaN where it is not real."""
    draw = random.Random(str(expr))  # noqa: S311 - test points
    plain, better = read(expr, exact=False), read(expr)
    for _ in range(8):
        point = {s.name: draw.uniform(*interval) for s in expr.free_symbols}
        expected = truth(expr, **point)
        for graph in (plain, better):
            actual = evaluate(graph, point)[graph.outputs["out"]]
            assert expected == pytest.approx(actual, rel=1e-12, abs=1e-13, nan_ok=True)


def test_functions_for_code() -> None:
    """SymPy's names for functions of C that it cannot evaluate are known."""
    same = {cf.Sqrt(x): sp.sqrt(x), cf.fma(x, y, 2): x * y + 2, nn.maximum(x, y): x + y}
    for written, meant in same.items():
        expected = value(meant, x=3.5, y=0.0)
        assert expected == value(written, x=3.5, y=0.0)
    assert [2.0, -2.0] == [value(cf.Cbrt(x), x=v) for v in (8.0, -8.0)]


def test_numbers_of_python_are_outputs() -> None:
    """Sequences may hold Python's and NumPy's numbers."""
    found = [value(v) for v in (2, 0.1, Fraction(1, 3), np.float64(0.1), np.int64(-1))]
    assert [2.0, 0.1, 1 / 3, 0.1, -1.0] == found


def test_constants_are_the_nearest_floats() -> None:
    """Numbers become the nearest float64, whatever their size or digits."""
    for text in ("0.1", "1e22", "123456789.123456789123456789", "5e-324", "2.5e-324",
                 "2.3e-308", "1.7976931348623157e308", "9007199254740993", "-0.3",
                 ):  # fmt: skip
        assert float(text) == value(sp.Float(text, 60))
    for p, q in (
        (1, 3),
        (-2, 7),
        (10**400, 10**399 + 1),
        (3**900, 7**500),
        (1, 10**400),
    ):
        assert float(Fraction(p, q)) == value(R(p, q))
    for name, expr in (("pi", sp.pi), ("e", sp.E), ("euler", sp.EulerGamma),
                       ("catalan", sp.Catalan), ("phi", sp.GoldenRatio)):  # fmt: skip
        assert float(getattr(mpmath.mp, name)) == value(expr)
    assert [math.inf, -math.inf] == [value(sp.oo), value(-sp.oo)]
    assert math.isnan(value(sp.nan))
    assert 2.0**53 + 2 == value(sp.Integer(2**53 + 3)) - 2


@pytest.mark.parametrize("p", [1, 2, -1, 4])
def test_cube_roots_are_accurate_everywhere(p: int) -> None:
    """x**(p/3) is right to a few ulps over the whole range, where pow is not."""
    with mpmath.workdps(50):
        for at in (1e300, 1e-300, 3e-310, 2.0, 1.7e150, 8.0, 1e15, 0.3):
            if abs(p * math.log10(at) / 3) < 307:
                exact = mpmath.cbrt(mpmath.mpf(at)) ** p
                error = abs(mpmath.mpf(float(value(x ** R(p, 3), x=at))) / exact - 1)
                assert error < 8 * 2**-53


def test_cube_roots_below_zero_are_not_real() -> None:
    """Value and derivatives of x**(1/3) are NaN for x < 0, as SymPy's are complex."""
    for expr in (sp.cbrt(x), 1 / sp.cbrt(x), x ** R(2, 3)):
        for order in range(3):
            whole = Basic.__new__(sp.Derivative, expr, sp.Tuple(x, order))
            assert math.isnan(value(whole, x=-8.0))
    assert [2.0, 0.0] == [value(sp.cbrt(x), x=8.0), value(sp.cbrt(x), x=0.0)]


@pytest.mark.parametrize(
    "base",
    [sp.Symbol("p", positive=True), x**2, x**2 + 1, sp.exp(x), sp.Abs(x), sp.Integer(5),
     2 * sp.sqrt(sp.Symbol("p", nonnegative=True)), x**4 * sp.cosh(x)],
)  # fmt: skip
def test_cube_roots_of_what_is_not_negative_have_no_guard(base: Any) -> None:
    """A base that is seen to be >= 0 needs no choice."""
    graph = read(sp.Pow(base, R(1, 3), evaluate=False))
    assert not [n for n in graph.order() if n.op.chooses]


def test_edges() -> None:
    """Special points have the values that SymPy's definitions give."""
    assert 0.5 == value(sp.Heaviside(x), x=0.0)
    assert 0.25 == value(sp.Heaviside(x, R(1, 4)), x=0.0)
    assert 1.0 == value(sp.sinc(x), x=0.0)
    assert math.isnan(value(sp.Piecewise((1, x > 0)), x=-1.0))
    assert [1.0, 0.0] == [value(sp.KroneckerDelta(x, 2), x=v) for v in (2.0, 1.0)]
    assert 3.0 == value(sp.Mod(x, 5), x=-2.0)
    assert math.isnan(value(Basic.__new__(sp.im, sp.sqrt(x)), x=-1.0))
    assert 120.0 == value(sp.factorial(5, evaluate=False))
    assert 11.0 == value(sp.Subs(x**2 + y, (x, y), (y, x)), x=2.0, y=3.0)


ATOMS = st.sampled_from([x, y, sp.Integer(2), sp.Integer(-3), R(1, 2), R(-5, 4)])
GROWN = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.builds(sp.Add, inner, inner), st.builds(sp.Mul, inner, inner),
        st.builds(lambda a, b: a - b, inner, inner), st.builds(sp.Abs, inner),
        st.builds(lambda a: a / (1 + a**2), inner), st.builds(sp.cos, inner),
        st.builds(lambda a: a**3, inner), st.builds(sp.Max, inner, inner),
        st.builds(lambda a, b: sp.Piecewise((a, x < y), (b, True)), inner, inner),
    ),
    max_leaves=12,
)  # fmt: skip


@given(GROWN)
def test_reading_loses_nothing(expr: Any) -> None:
    """Formulas evaluated in high precision have SymPy's value, up to constants."""
    graph = read(expr)
    point = {"x": 0.375, "y": -1.625}
    exact = {x: R(3, 8), y: R(-13, 8)}
    with mpmath.workdps(50):
        expected = mpmath.mpf(sp.N(expr.subs(exact), 45))
        found = evaluate_exactly(graph, point)[graph.outputs["out"]]
        assert abs(expected - found) <= 1e-12 * (1 + abs(expected))


# Form ---------------------------------------------------------------------------------

lam = sp.Symbol("lambda")
FORMS = (
    (1 + x + x**2, "x**2 + x + 1"),
    (1 - x, "1 - x"),
    (-x + y, "y - x"),
    (-x - y, "-x - y"),
    (3 - x**2 - y, "3 - x**2 - y"),
    (x - 3, "x - 3"),
    (x - sp.Float("3.1"), "x - 3.1"),
    (1 / (1 + sp.exp(-x)), "1/(1 + exp(-x))"),
    (1 + sp.exp(x), "exp(x) + 1"),
    (sp.sin(x) + x, "x + sin(x)"),
    (1 / x + x, "x + 1/x"),
    (1 - 1 / x, "1 - 1/x"),
    (1 + sp.exp(-(x**2) / 2), "1 + exp(-x**2/2)"),
    (x**2 - 2 * x * y + y**2, "x**2 - 2*x*y + y**2"),
    (lam * x**2 / 2 + (t - y) ** 2 / 2, "lambda_*x**2/2 + (t - y)**2/2"),
    (y * x**2, "x**2*y"),
    (-2 * x / (3 * y**2), "-2*x/(3*y**2)"),
    (2 * x / 3, "2*x/3"),
    (sp.pi * x / 2, "pi*x/2"),
    (sp.Float(0.5) * x, "0.5*x"),
    (-sp.Float(0.5) * x + y, "y - 0.5*x"),
    (x / y / z, "x/(y*z)"),
    (sp.sqrt(x) / 2, "sqrt(x)/2"),
    (1 / sp.sqrt(x), "1/sqrt(x)"),
    (x ** R(5, 2), "x**2.5"),
    (x ** sp.Float(2), "x**2"),
    (sp.cbrt(x), "cbrt(x)*(1 if x >= 0 else nan)"),
    (sp.exp(-x) * x, "x*exp(-x)"),
    (sp.Max(0, x), "max(x, 0)"),
    (sp.real_root(x, 3), "cbrt(abs(x))*sign(x)"),
    (sp.Sum(x**k / k, (k, 1, 3)), "x + x**2/2 + x**3/3"),
    (sp.Sum(x, (k, 1, 3)), "x + x + x"),
    (sp.Product(x - k, (k, 0, 2)), "x*(x - 1)*(x - 2)"),
    (sp.Sum((-1) ** k * x**k, (k, 0, 2)), "1 - x + x**2"),
    (sp.Derivative(sp.sin(x), x), "cos(x)"),
    (sp.Piecewise((1, x > 0), (x, True)), "1 if x > 0 else x"),
    (sp.Piecewise((1, x > 0)), "1 if x > 0 else nan"),
    (sp.digamma(x) + sp.polygamma(2, y), "digamma(x) + polygamma(2, y)"),
    (sp.loggamma(x), "gammaln(x)"),
    (sp.Function("sigmoid")(x), "sigmoid(x)"),
    # unevaluated: as written
    (sp.Add(z, y, x, evaluate=False), "z + y + x"),
    (sp.Mul(z, y, x, evaluate=False), "z*y*x"),
    (sp.Add(1, x, -1, evaluate=False), "1 + x - 1"),
    (sp.Mul(x, 2, evaluate=False), "x*2"),
    (sp.Mul(x, R(1, 2), evaluate=False), "x/2"),
    (sp.Mul(x, sp.Pow(x, -1), evaluate=False), "x/x"),
    (sp.Mul(0, x, evaluate=False), "0*x"),
    (sp.UnevaluatedExpr(x) - sp.UnevaluatedExpr(x), "0"),
    (sp.sin(sp.pi, evaluate=False), "sin(pi)"),
)


@pytest.mark.parametrize(("expr", "text"), FORMS, ids=lambda v: str(v)[:60])
def test_form(expr: Any, text: str) -> None:
    """Operands stand in the order in which one writes them."""
    assert f"out = {text}" == str(read(expr))


def test_order_does_not_depend_on_hashes() -> None:
    """The same graph is read whatever the seed of Python's hashes."""
    program = (
        "import sympy as sp\n"
        "from overbar.ir.graph import Graph\n"
        "from overbar.read.symbolic import read_sympy\n"
        "x, y, z, w = sp.symbols('x y z w')\n"
        "c = sp.Or(sp.And(x > y, y > z, z > w), sp.Xor(x > 1, y > 1, z > 1))\n"
        "e = sp.Piecewise((sp.Max(x, y, z, w), c), (x*y*z + x*z + sp.sin(w)*w, True))\n"
        "graph = Graph()\n"
        "read_sympy({'out': e}, graph)\n"
        "print(graph)\n"
    )
    texts = {
        subprocess.run(
            [sys.executable, "-c", program], env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True, text=True, check=True,
        ).stdout
        for seed in ("0", "1", "2")
    }  # fmt: skip
    assert 1 == len(texts)


# Inputs -------------------------------------------------------------------------------


def test_inputs_are_sorted_naturally() -> None:
    """Without an order, x2 comes before x10; all inputs are params."""
    names = ("x10", "b", "x2", "x1", "a")
    graph = read(sp.Add(*sp.symbols(names)))
    assert ["a", "b", "x1", "x2", "x10"] == list(graph.inputs)
    assert dict.fromkeys(graph.inputs, "param") == graph.roles
    assert list(graph.inputs) == list(graph.roles)


def test_inputs_are_in_the_order_given() -> None:
    """Given inputs come in their order, whether used or not; names will do."""
    graph = read(x + y, inputs=[z, y, "x"])
    assert ["z", "y", "x"] == list(graph.inputs)


def test_bound_symbols_are_no_inputs() -> None:
    """A symbol of a sum or substitution is an input only where it is free, too."""
    assert ["x"] == list(read(sp.Sum(x * k, (k, 1, 3))).inputs)
    assert ["k", "x"] == list(read(k + sp.Sum(x * k, (k, 1, 3))).inputs)
    assert ["t", "x"] == list(read(sp.Subs(x * y, y, t)).inputs)
    shadowed = sp.Sum(k, (k, 1, 3)) * k
    assert 1.5 == value(sp.Sum(shadowed / 12, (k, 1, 2)))


def test_names_of_inputs() -> None:
    """Keywords get an underscore; names are identifiers in normal form NFKC."""
    cases = {"lambda": "lambda_", "None": "None_", "x_1": "x_1", "ϕ": "φ", "x₁": "x1",
             "λ": "λ", "_x": "_x", "self": "self", "print": "print"}  # fmt: skip
    for raw, name in cases.items():
        assert name == input_name(sp.Symbol(raw)) == input_name(raw)
        assert [name] == list(read(sp.Symbol(raw) ** 2).inputs)


def test_dummies_are_inputs() -> None:
    """A Dummy is an input of its name."""
    dummy = sp.Dummy("u")
    assert ["u"] == list(read(dummy * x, inputs=[dummy, x]).inputs)[:1]


def test_outputs_share_what_they_have_in_common() -> None:
    """Several outputs are read into one graph, each subexpression once."""
    graph = Graph(rewrite=Rewriter(EXACT))
    shared = sp.exp(x * y)
    read_sympy({"a": shared + 1, "b": shared * 2, "c": x}, graph)
    assert ["a", "b", "c"] == list(graph.outputs)
    assert 1 == sum(n.op is OPS["exp"] for n in graph.order())
    assert graph.inputs["x"] is graph.outputs["c"]


def test_functions_added_by_the_user_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """A function by the name of an operation that was added is that operation."""
    row = OPS["softplus"]
    monkeypatch.setitem(OPS, "besselj0", row)

    class besselj0(sp.Function):  # noqa: N801 - as SymPy's own
        pass

    monkeypatch.setitem(OPS, "LambertW", row)
    for expr in (besselj0(x), sp.Function("besselj0")(x), sp.LambertW(x)):
        assert "out = softplus(x)" == str(read(expr))


def test_rows_are_of_classes_that_sympy_has() -> None:
    """No row is misspelt, and none of SymPy's functions is read by name alone."""
    classes = {symbolic_table.full_name(c) for c in _subclasses(Basic)}
    assert set() == set(symbolic_table.ROWS) - classes
    for kind in _subclasses(sp.Function):
        name = symbolic_table.full_name(kind)
        if name.startswith("sympy.") and name not in symbolic_table.ROWS:
            assert symbolic_table.function(kind.__name__) is None


def _subclasses(kind: type) -> set[type]:
    found: set[type] = set()
    stack = [kind]
    while stack:
        for child in stack.pop().__subclasses__():
            if child not in found:
                found.add(child)
                stack.append(child)
    return found


# Several outputs ----------------------------------------------------------------------

FLAT: tuple[tuple[Any, dict[str, Any], tuple[int, ...] | None], ...] = (
    (x, {"out": x}, None),
    (5, {"out": 5}, None),
    ([x, 1], {"out0": x, "out1": 1}, None),
    ((x,), {"out0": x}, None),
    (sp.Tuple(x, y), {"out0": x, "out1": y}, None),
    (sp.Matrix([[x, y]]), {"out_0_0": x, "out_0_1": y}, (1, 2)),
    (sp.ImmutableMatrix([x, y]), {"out_0_0": x, "out_1_0": y}, (2, 1)),
    (sp.SparseMatrix(1, 2, {(0, 1): x}), {"out_0_0": 0, "out_0_1": x}, (1, 2)),
    (sp.Array([x, y]), {"out_0": x, "out_1": y}, (2,)),
    (sp.Array([[[x], [y]]]), {"out_0_0_0": x, "out_0_1_0": y}, (1, 2, 1)),
    (sp.Array(x), {"out": x}, None),
    ([[x, y], [1, 2]],
     {"out_0_0": x, "out_0_1": y, "out_1_0": 1, "out_1_1": 2}, (2, 2)),
    ([sp.Matrix([x, y]), sp.Matrix([1, 2])],
     {"out_0_0_0": x, "out_0_1_0": y, "out_1_0_0": 1, "out_1_1_0": 2}, (2, 2, 1)),
    ([x, [y, z]], {"out_0": x, "out_1_0": y, "out_1_1": z}, None),
    ([[x], [y, z]], {"out_0_0": x, "out_1_0": y, "out_1_1": z}, None),
    ([[x, y], [z]], {"out_0_0": x, "out_0_1": y, "out_1_0": z}, None),
    ({"f": x, "g": y}, {"f": x, "g": y}, None),
    ({"f": [x, y], "g": sp.Matrix([z])}, {"f0": x, "f1": y, "g_0_0": z}, None),
    ({"f": sp.Matrix([[x, y]])}, {"f_0_0": x, "f_0_1": y}, None),
    ({sp.Symbol("lambda"): x}, {"lambda_": x}, None),
    (sp.Dict({x: y}), {"x": y}, None),
)  # fmt: skip


@pytest.mark.parametrize(("expr", "outputs", "shape"), FLAT, ids=lambda v: str(v)[:60])
def test_flatten(expr: Any, outputs: dict[str, Any], shape: Any) -> None:
    """Sequences, matrices, arrays and dicts become scalars by name, and a shape."""
    found = flatten(expr)
    assert (outputs, shape) == found
    assert list(outputs) == list(found[0])


NAMED = "whose name is an identifier, such as x_1"
RENAME = "rename it, for instance to a_b"
FLAT_ERRORS = (
    ([], InputError, "expected at least one output, found none"),
    ({}, InputError, "expected at least one output, found none"),
    (sp.Matrix(0, 0, []), InputError, "expected at least one output, found none"),
    ({"f": [x], "f0": y}, InputError, "expected each output once, found 'f0' twice"),
    ({"ϕ": x, "φ": y}, InputError, "expected each output once, found 'φ' twice"),
    ({3: x}, InputError, "expected names of outputs, found '3'"),
    ({"a b": x}, InputError, f"expected an output {NAMED}, found 'a b'; {RENAME}"),
    (sp.SparseMatrix(10**5, 10**5, {}), LimitError,
     "expected at most 100,000 outputs, found more"),
    ([[x] * 1000] * 1000, LimitError, "expected at most 100,000 outputs, found more"),
)  # fmt: skip


@pytest.mark.parametrize(("expr", "error", "message"), FLAT_ERRORS)
def test_flatten_refuses(expr: Any, error: type[Exception], message: str) -> None:
    """What cannot be flattened is refused in words."""
    with pytest.raises(error) as caught:
        flatten(expr)
    assert message == str(caught.value)


def test_flatten_refuses_a_list_that_holds_itself() -> None:
    """A list that holds itself is refused."""
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(LimitError) as caught:
        flatten(endless)
    message = "expected outputs nested 20 levels deep at most, found more"
    assert message == str(caught.value)


def test_is_sympy() -> None:
    """SymPy's objects are told from all else."""
    for yes in (x, sp.Integer(1), x > 0, sp.Matrix([x]), sp.ImmutableMatrix([x]),
                sp.Array([x]), sp.MutableDenseNDimArray([x]), sp.Tuple(x)):  # fmt: skip
        assert is_sympy(yes)
    for no in ("x", 1, 1.0, [x], np.array([1.0]), None, sp, sp.Symbol):
        assert not is_sympy(no)


def test_sympy_is_not_imported() -> None:
    """Neither the reader nor asking whether an object is SymPy's imports SymPy."""
    program = (
        "import sys\n"
        "from overbar.read.symbolic import flatten, is_sympy\n"
        "print(is_sympy(1), flatten([1, 2]), 'sympy' in sys.modules)"
    )
    found = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert "False ({'out0': 1, 'out1': 2}, None) False\n" == found.stdout
