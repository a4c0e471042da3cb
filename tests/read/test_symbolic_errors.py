"""Test what SymPy objects are refused, the words, the place, and hostile names."""

from __future__ import annotations

from typing import Any

import pytest
import sympy as sp
from sympy.core.basic import Basic

from overbar.ir.errors import InputError, OverbarError, UnsupportedError
from overbar.ir.graph import Graph
from overbar.read.symbolic import flatten, input_name, read_sympy
from overbar.read.symbolic_reader import Reader
from overbar.read.symbolic_table import row_of
from overbar.rewrite.engine import Rewriter
from overbar.rewrite.exact import EXACT

x, y, k = sp.symbols("x y k")
f, f2 = sp.Function("f"), sp.Function("f2")


class mine(sp.Function):  # noqa: N801 - a function as SymPy's
    """Stand for a user's own function."""


class erf(sp.Function):  # noqa: N801 - a function as SymPy's
    """Stand for a user's own function with the name of one of SymPy's."""


class exp(sp.exp):  # noqa: N801 - a function as SymPy's
    """Stand for a user's own variant of a function of SymPy's."""


def read(expr: Any, inputs: Any = None) -> Graph:
    """Return the graph of a formula."""
    graph = Graph(rewrite=Rewriter(EXACT))
    read_sympy(flatten(expr)[0], graph, inputs)
    return graph


U, I = UnsupportedError, InputError  # noqa: E741 - short for tables
KNOWS = "expected an operation that Overbar knows, found"
ADD_IT = "; write a symbol for it, or add it with ob.op"
COMPLEX = "complex numbers are not supported: expected a real number, found"
ROOT = ("complex numbers are not supported: expected a real power, found one of a "
        "negative number that has none")  # fmt: skip
BOUND = "expected a bound that is a constant integer, found"
CONDITION = ("expected a number, found a condition; use Piecewise((1, condition), "
             "(0, True))")  # fmt: skip
TEXT = ("expected a formula or a number (an input is ob.param(name), a formula in a "
        "string goes to ob.compile), found 'x*y' (str)")  # fmt: skip
GAMMA = "; .rewrite(sympy.gamma) makes it one of gamma"
ORDER = "expected a derivative of constant whole order, found another one"
POLY = "expected polygamma(n, x) with a whole number n from 0 to 170, found another n"
NUMBER = "expected a condition such as x > 0, found a number"
PLACES = "in output 'out'"

REFUSED: tuple[tuple[Any, type[OverbarError], str], ...] = (
    # functions
    (sp.LambertW(x), U, f"{KNOWS} LambertW, {PLACES}"),
    (f(x), U, f"{KNOWS} the function f{ADD_IT}, {PLACES}"),
    (mine(x), U, f"{KNOWS} the function mine{ADD_IT}, {PLACES}"),
    (sp.Function("gamma")(x), U,
     f"expected sympy.gamma, found another function named gamma, {PLACES}"),
    (erf(x), U, f"expected sympy.erf, found another function named erf, {PLACES}"),
    (exp(x), U, f"expected sympy.exp, found another function named exp, {PLACES}"),
    (sp.erfi(x), U, f"{KNOWS} erfi, {PLACES}"),
    (sp.besselj(0, x), U, f"{KNOWS} besselj, {PLACES}"),
    (sp.exp_polar(x), U, f"{KNOWS} exp_polar, {PLACES}"),
    (sp.arg(x), U, f"{KNOWS} arg, {PLACES}"),
    (sp.binomial(x, y), U, f"{KNOWS} binomial{GAMMA}, {PLACES}"),
    (sp.rf(x, y), U, f"{KNOWS} RisingFactorial{GAMMA}, {PLACES}"),
    (sp.polygamma(x, y), U, f"{POLY}, {PLACES}"),
    (sp.polygamma(171, y), U, f"{POLY}, {PLACES}"),
    (sp.DiracDelta(x), U,
     f"expected a function of numbers, found DiracDelta, which is none, {PLACES}"),
    # what is no number
    (sp.I, U, f"{COMPLEX} I, {PLACES}"),
    (sp.zoo, U, f"{COMPLEX} zoo, which SymPy makes of 1/0, {PLACES}"),
    ((-2) ** sp.Rational(1, 3) * x, U,
     f"{ROOT}, {PLACES}, in the 2nd factor of a product"),
    (sp.Pow(-2, sp.Float(0.5), evaluate=False), U, f"{ROOT}, {PLACES}"),
    (sp.Eq(x, y), I,
     f"expected a number, found the equation Eq(a, b); use a - b, {PLACES}"),
    (x > y, I, f"{CONDITION}, {PLACES}"),
    (sp.true, I, f"{CONDITION}, {PLACES}"),
    (True, I, f"{CONDITION}, {PLACES}"),
    (sp.And(x > 0, y > 0), I, f"{CONDITION}, {PLACES}"),
    (Basic.__new__(sp.sin, x > 0), U,
     f"expected a number, found a condition, {PLACES}, in the argument of sin"),
    (sp.Piecewise((1, sp.And(sp.Symbol("c"), x > 0))), U,
     (f"{NUMBER}, {PLACES}, in the 1st condition of a Piecewise, in the 1st argument "
      "of And")),
    (sp.Piecewise((1, x > 0), (2, sp.Symbol("c"))), U,
     f"{NUMBER}, {PLACES}, in the 2nd condition of a Piecewise"),
    # what is no formula
    ("x*y", I, f"{TEXT}, {PLACES}"),
    ([x, "x*y"], I, f"{TEXT}, in output 'out1'"),
    ({1, 2}, I,
     f"expected a formula or a number, found a value of type set, {PLACES}"),
    (1j, U, ("complex numbers are not supported: expected a formula or a real number, "
     f"found 1j (complex), {PLACES}")),
    (sp.Lambda(x, x**2), U, f"expected a formula, found a Lambda; call it, {PLACES}"),
    (sp.Poly(x**2 + 1, x), U, f"{KNOWS} Poly; .as_expr() makes it a formula, {PLACES}"),
    (sp.sin(x).series(x, 0, 3), U,
     f"{KNOWS} O(...); .removeO() leaves it out, {PLACES}, in the 2nd term of a sum"),
    (sp.Integral(sp.exp(x * k), (k, 0, 1)), U,
     f"{KNOWS} Integral; try .doit(), {PLACES}"),
    (sp.Limit(x / k, k, 0), U, f"{KNOWS} Limit; try .doit(), {PLACES}"),
    (sp.Interval(0, 1), U, f"{KNOWS} Interval, {PLACES}"),
    (sp.CRootOf(x**5 + x + 1, 0), U, f"{KNOWS} ComplexRootOf, {PLACES}"),
    (sp.Wild("w"), U, f"{KNOWS} Wild, {PLACES}"),
    # sums, products, derivatives
    (sp.Sum(x**k, (k, 1, y)), U, f"{BOUND} a symbolic one, {PLACES}"),
    (sp.Sum(x**k, (k, 1, sp.oo)), U, f"{BOUND} an infinite one, {PLACES}"),
    (sp.Sum(x**k, (k, sp.Rational(1, 2), 3)), U, f"{BOUND} 0.5, {PLACES}"),
    (Basic.__new__(sp.Sum, x**k, sp.Tuple(k)), U,
     f"expected a sum with two bounds, found an indefinite one, {PLACES}"),
    (sp.Derivative(f(x), x), U,
     f"{KNOWS} the function f{ADD_IT}, {PLACES}, in the expression of a Derivative"),
    (sp.Derivative(f(x), f(x)), U, ("expected a derivative with respect to a symbol, "
     f"found one with respect to f, {PLACES}")),
    (sp.Derivative(sp.sin(x), (x, y)), U, f"{ORDER}, {PLACES}"),
    (sp.Subs(f(x), x, y), U,
     f"{KNOWS} the function f{ADD_IT}, {PLACES}, in the expression of a Subs"),
    # places
    (y + sp.exp(f(x)), U, (f"{KNOWS} the function f{ADD_IT}, {PLACES}, "
     "in the 2nd term of a sum, in the argument of exp")),
    (x / f(x), U, (f"{KNOWS} the function f{ADD_IT}, {PLACES}, "
     "in the 2nd factor of a product")),
    (f(x) ** y, U, f"{KNOWS} the function f{ADD_IT}, {PLACES}, in the base of a power"),
    (y ** f(x), U, (f"{KNOWS} the function f{ADD_IT}, {PLACES}, "
     "in the exponent of a power")),
    (sp.atan2(x, f(x)), U, (f"{KNOWS} the function f{ADD_IT}, {PLACES}, "
     "in the 2nd argument of atan2")),
    (sp.Max(x, f(x)), U, (f"{KNOWS} the function f{ADD_IT}, {PLACES}, "
     "in the 2nd argument of Max")),
    (sp.Piecewise((1, x > 0), (f(x), True)), U, (f"{KNOWS} the function f{ADD_IT}, "
     f"{PLACES}, in the 2nd arm of a Piecewise")),
    (sp.Piecewise((1, f(x) > 0), (0, True)), U, (f"{KNOWS} the function f{ADD_IT}, "
     f"{PLACES}, in the 1st condition of a Piecewise, in the 1st argument of a "
     "comparison")),
    (sp.Sum(k * f(k), (k, 1, 2)), U, (f"{KNOWS} the function f{ADD_IT}, {PLACES}, "
     "in the entries of a Sum, in the 2nd factor of a product")),
    (sp.Product(x, (k, 1, f(x))), U, (f"{KNOWS} the function f{ADD_IT}, {PLACES}, "
     "in the bounds of a Product")),
    (sp.Subs(x**2 + k, (x, k), (y, f2(y))), U, (f"{KNOWS} the function f2{ADD_IT}, "
     f"{PLACES}, in the 2nd replacement of a Subs")),
    (sp.Derivative(x**2, (x, f(y))), U, (f"{KNOWS} the function f{ADD_IT}, {PLACES}, "
     "in the order of a Derivative")),
    ({"a": x, "b": f(x)}, U, f"{KNOWS} the function f{ADD_IT}, in output 'b'"),
    (sp.Matrix([[x, f(x)]]), U, f"{KNOWS} the function f{ADD_IT}, in output 'out_0_1'"),
)  # fmt: skip


@pytest.mark.parametrize(
    ("expr", "error", "message"), REFUSED, ids=lambda v: str(v)[:40]
)
def test_refusals(expr: Any, error: type[OverbarError], message: str) -> None:
    """What cannot be read is refused, with its name, its place and advice."""
    with pytest.raises(error) as caught:
        read(expr)
    assert message == str(caught.value)
    assert error is type(caught.value)


SYMBOLS: tuple[tuple[Any, Any, type[OverbarError], str], ...] = (
    (x + sp.Symbol("x", real=True), None, I,
     ("expected one symbol named 'x', found two with different assumptions; make it "
     "once, and use that one, in output 'out', in the 2nd term of a sum")),
    (sp.Dummy("u") * sp.Dummy("u"), None, I,
     ("expected one symbol named 'u', found two with different assumptions; make it "
     "once, and use that one, in output 'out', in the 2nd factor of a product")),
    (x, [sp.Symbol("x", positive=True)], I,
     ("expected one symbol named 'x', found two with different assumptions; make it "
     "once, and use that one, in output 'out'")),
    (sp.Symbol("ϕ") + sp.Symbol("φ"), None, I,
     (r"expected different names, found '\u03c6' and '\u03d5', which are both 'φ' as "
     "identifiers, in output 'out', in the 2nd term of a sum")),
    (sp.Symbol("lambda") + sp.Symbol("lambda_"), None, I,
     ("expected different names, found 'lambda' and 'lambda_', which are both "
     "'lambda_' as identifiers, in output 'out', in the 2nd term of a sum")),
    (sp.Symbol("z", imaginary=True), None, U,
     "expected real symbols, found 'z', which is declared not real, in output 'out'"),
    (sp.Symbol("z", commutative=False), None, U,
     "expected symbols that commute, found 'z', which does not, in output 'out'"),
    (x + y + k, [x], I, "inputs: 'k', 'y', which the formula uses, are missing"),
    (x + y, [x], I, "inputs: 'y', which the formula uses, is missing"),
    (sp.Sum(x * k, (k, 1, 2)), [], I,
     "inputs: 'x', which the formula uses, is missing"),
    (x, [x, x], I, "inputs: 'x' is given twice"),
    (x, [x, "x"], I, "inputs: 'x' is given twice"),
    (x, [x, 2], I, "inputs: expected a symbol, found a value of type int"),
    (x, [x**2], I, "inputs: expected a symbol, found a value of type Pow"),
    ({"x": x + 1}, None, I,
     "expected one value for the name 'x', found two: an input and an output"),
)  # fmt: skip


@pytest.mark.parametrize(("expr", "inputs", "error", "message"), SYMBOLS)
def test_symbols(
    expr: Any, inputs: Any, error: type[OverbarError], message: str
) -> None:
    """Symbols that cannot be inputs are refused."""
    with pytest.raises(error) as caught:
        read(expr, inputs)
    assert message == str(caught.value)


HOSTILE = (
    "x_{1}", r"\alpha", "a b", "", " ", "1x", "x.y", "x-y", "x'", "x;y", "x,y",
    "__import__('os').system('true')", "exec", "__class__", "__builtins__", "__x",
    "(lambda: 0)()", "[c for c in ().__class__.__bases__]", "x:=1", "f'{1+1}'",
    "x\nimport os", "x\r\ny", "x\0", "x\u202ey", "x\u200by", "\ufeffx", '"""', "x#",
    "__\uff49mport__", "_\uff3fclass__", "x" * 1001,
    "\ufdfa" * 600, "\N{CYRILLIC SMALL LETTER A}.", "%s", "{0.__class__}", "$x",
    "x\\", "../x", "~",
)  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE, ids=ascii)
def test_hostile_names_of_symbols(name: str) -> None:
    """A symbol's name reaches the graph as an identifier, or not at all."""
    graph = Graph()
    try:
        read_sympy({"out": sp.Symbol(name) + x}, graph)
    except InputError as error:
        message = str(error)
        assert message.isascii()
        assert message.isprintable()
        assert 250 > len(message)
        assert "; rename it" in message
        assert not graph.outputs
    else:
        assert name.isidentifier()
        assert name.isascii()
    for found in graph.inputs:
        assert found in {"x", "exec"}


def test_hostile_names_are_refused() -> None:
    """All of the list but the name of a builtin are refused, however they come in."""
    for name in HOSTILE:
        if name != "exec":
            for wrong in (name, sp.Symbol(name)):
                with pytest.raises(InputError):
                    input_name(wrong)
            with pytest.raises(InputError):
                flatten({name: x})


@pytest.mark.parametrize("name", HOSTILE, ids=ascii)
def test_hostile_names_of_functions(name: str) -> None:
    """The name of an unknown function is shown in ASCII, escaped and cut."""
    name = name.replace("\0", "")  # Python itself refuses this one
    for kind in (sp.Function(name), type(name, (sp.Function,), {})):
        with pytest.raises(UnsupportedError) as caught:
            read(Basic.__new__(kind, x))
        message = str(caught.value)
        assert message.isascii()
        assert message.isprintable()
        assert 250 > len(message)


def test_operations_that_are_gone() -> None:
    """A row that names no function is refused when it is used."""
    with pytest.raises(UnsupportedError) as caught:
        Reader(Graph(), row_of).call("nothing", ())
    assert f"{KNOWS} nothing" == str(caught.value)


def test_names_that_are_bound_are_not_checked() -> None:
    """A bound symbol may have any name: it never reaches the graph."""
    odd = sp.Symbol("i'; import os")
    graph = read(sp.Sum(x**odd, (odd, 1, 2)) + sp.Subs(odd, odd, y))
    assert "out = y + (x + x**2)" == str(graph)
    assert ["x", "y"] == list(graph.inputs)
