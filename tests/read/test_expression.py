"""Test formulas that are written in Python: values, names, refusals, depth."""

from __future__ import annotations

import copy
import enum
import inspect
import math
import operator as op
import pickle
import threading
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import scipy.special
import sympy

from overbar.ir.errors import InputError, LimitError, ShapeError, UnsupportedError
from overbar.ir.evaluate import evaluate
from overbar.ir.graph import Graph
from overbar.ir.types import BOOL, F32, F64, INT
from overbar.read.build import natural, read_expressions
from overbar.read.expression import (
    Expression,
    data,
    let,
    math_function,
    namespace,
    param,
)
from overbar.read.functions import FUNCTIONS, names
from overbar.rewrite.engine import Rewriter
from overbar.rewrite.exact import EXACT

if TYPE_CHECKING:
    from collections.abc import Callable

x, y = param("x"), param("y")
POINTS = (-2.5, -1.0, -0.3, -0.0, 0.0, 0.3, 1.0, 1.7, 3.0)
GRID = np.array(np.meshgrid(POINTS, POINTS)).reshape(2, -1)


def read(expr: Any, inputs: list[Any] | None = None, *, exact: bool = False) -> Graph:
    """Return the graph of one formula, with or without the exact rewrites."""
    graph = Graph(rewrite=Rewriter(EXACT) if exact else None)
    read_expressions({"out": expr}, graph, inputs)
    return graph


def value(expr: Any, **inputs: Any) -> Any:
    """Return a formula's value by the reference evaluation."""
    graph = read(expr)
    return evaluate(graph, inputs)[graph.outputs["out"]]


def same(left: Any, right: Any) -> bool:
    """Whether two floats are the same, NaN and the sign of zero included."""
    return bool(np.float64(left).tobytes() == np.float64(right).tobytes())


# Values -------------------------------------------------------------------------------

ARITHMETIC = (op.add, op.sub, op.mul, op.truediv, op.pow, op.mod, op.floordiv)
COMPARISONS = (op.lt, op.le, op.gt, op.ge, op.eq, op.ne)
BINARY: tuple[Callable[[Any, Any], Any], ...] = (
    *ARITHMETIC, *COMPARISONS, lambda a, b: (a > 0) & (b > 0),
    lambda a, b: (a > 0) | (b > 0), lambda a, b: ~(a > b),
    lambda a, b: np.where(a > 0, a, b), lambda a, b: np.where(a > 0, 1, -b),
    lambda a, b: np.clip(a, None, b), lambda a, b: np.clip(a, b, None),
    lambda a, b: np.clip(a, min=b, max=2), lambda a, b: np.clip(0.5, a, b),
)  # fmt: skip
UNARY: tuple[Callable[[Any], Any], ...] = (
    op.neg, op.pos, op.abs, round, lambda a: round(a, 0), math.floor, math.ceil,
    math.trunc, lambda a: np.True_ & (a > 0), lambda a: np.False_ | (a > 0),
    lambda a: True & (a > 0), lambda a: False | (a > 0), np.round, np.around,
    lambda a: np.clip(a, -1, 1), lambda a: np.clip(a, a_min=0, a_max=2),
)  # fmt: skip


@pytest.mark.parametrize("i", range(len(BINARY)))
def test_binary(i: int) -> None:
    """Operators and functions of two give what NumPy gives for the same numbers."""
    got = value(BINARY[i](x, y), x=GRID[0], y=GRID[1])
    with np.errstate(all="ignore"):
        expected = [BINARY[i](*map(np.float64, point)) for point in GRID.T]
    assert np.array_equal(expected, got, equal_nan=True)


@pytest.mark.parametrize("i", range(len(UNARY)))
def test_unary(i: int) -> None:
    """Operators and functions of one give what NumPy gives for the same numbers."""
    got = value(UNARY[i](x), x=GRID[0])
    expected = [UNARY[i](np.float64(point)) for point in GRID[0]]
    assert np.array_equal(expected, got, equal_nan=True)


LEFT = (
    2, 2.5, True, Fraction(1, 3), np.float64(2.5), np.float32(0.1), np.float16(0.1),
    np.int8(-3), np.int64(7), np.uint64(2**63 + 2**11), np.longlong(5), np.True_,
    np.array(2.5), enum.IntEnum("Two", "TWO").TWO, math.inf, -0.0,
)  # fmt: skip


@pytest.mark.parametrize("left", LEFT, ids=lambda v: f"{type(v).__name__}-{v}")
def test_numbers_on_the_left(left: Any) -> None:
    """A number of any type may stand on the left of every operator."""
    number = float(left)
    for operator in (*ARITHMETIC, *COMPARISONS):
        formula = operator(left, x)
        assert type(formula) is Expression
        with np.errstate(all="ignore"):
            expected = operator(np.float64(number), np.float64(1.7))
        assert same(expected, value(formula, x=1.7))


@pytest.mark.parametrize("number", [0.0, -0.0, 5e-324, 1e308, math.inf, math.nan])
def test_special_constants(number: float) -> None:
    """Constants keep sign, NaN and infinities."""
    assert same(number, value(math_function("min")(number, math.inf)))
    assert same(number, value(x * number, x=1.0))


def test_integers_are_exact() -> None:
    """Integers beside integer data stay integers, beyond 2**53 too."""
    n = data("n", dtype="int64")
    assert 2**60 + 3 == value(n + (2**60 + 1), n=2)
    assert INT == read(n + 1).outputs["out"].type


UFUNCS = {
    name: ufunc
    for module in (np, scipy.special)
    for name, ufunc in vars(module).items()
    if isinstance(ufunc, np.ufunc) and ufunc.nout == 1 and ufunc.nin <= 2
}
CONDITIONS = {"logical_and", "logical_or", "logical_not", "bitwise_and", "bitwise_or",
              "invert"}  # fmt: skip
POSITIVE = {"beta", "betaln", "loggamma"}
"""NaN, or real, where SciPy gives the continuation of the integral, or NaN."""


def test_ufuncs() -> None:
    """Every ufunc that is accepted means what it means in NumPy or SciPy."""
    accepted = set()
    for ufunc in UFUNCS.values():
        name = ufunc.__name__
        points = np.abs(GRID) + 0.1 if name in POSITIVE else GRID
        if ufunc is np.matmul:  # it takes no scalars
            continue
        call = (
            (lambda *a, u=ufunc: u(*[v > 0 for v in a]))
            if name in CONDITIONS
            else ufunc
        )
        try:
            formula = call(*(x, y)[: ufunc.nin])
        except UnsupportedError:
            continue
        accepted.add(name)
        with np.errstate(all="ignore"):
            expected = call(*points[: ufunc.nin])
        got = value(formula, x=points[0], y=points[1])
        np.testing.assert_allclose(got, expected, 1e-14, 1e-15, err_msg=name)
    wanted = {"add", "power", "exp", "expm1", "maximum", "arctan2", "heaviside", "sign",
              "logical_and", "absolute", "square", "expit", "gammaln", "xlogy", "erf",
              "psi", "hypot", "logaddexp", "rint", "cbrt"}  # fmt: skip
    assert set() == wanted - accepted


@pytest.mark.parametrize("name", names())
def test_functions(name: str) -> None:
    """`ob.NAME` builds the node that the language's function of the name builds."""
    graph = Graph()
    function = math_function(name)
    count = max(1, FUNCTIONS[_canonical(name)].least)
    inputs = [param(f"x{i}") for i in range(count)]
    operands: list[Any] = [inputs[0] > 0, *inputs[1:]] if count == 3 else inputs
    operands = inputs if name == "clip" else operands
    read_expressions({"out": function(*operands), **{n.name: n for n in inputs}}, graph)
    nodes = [graph.inputs[f"x{i}"] for i in range(count)]
    if operands is not inputs:
        nodes[0] = graph.make("gt", (nodes[0], graph.const(0)))
    table = FUNCTIONS[_canonical(name)]
    assert table(graph, *nodes) is graph.outputs["out"]
    assert name == function.__name__
    assert inspect.getdoc(function) == (
        f"Return the formula of `{name}` applied to formulas or numbers."
    )
    assert function is namespace()[name]


def _canonical(name: str) -> str:
    from overbar.read.functions import ALIASES

    return ALIASES.get(name, name)


def test_functions_of_numbers() -> None:
    """A function of plain numbers is a formula too."""
    formula = math_function("exp")(2)
    assert type(formula) is Expression
    assert same(np.exp(2.0), value(formula))


STEPS: tuple[Callable[[Any, Any], Any], ...] = (
    op.add, op.mul, lambda a, b: a - 0.5 * b, lambda a, b: a / (1 + b * b),
    lambda a, b: 2 - np.sin(a + b), lambda a, b: np.tanh(a) ** 3 - b, np.maximum,
    lambda a, b: np.where(a > b, a * b, -b), lambda a, b: abs(a - b) ** 0.5,
    lambda a, b: b * np.exp(-abs(a)), np.arctan2, lambda a, b: np.float64(0.25) * a + b,
    lambda a, b: np.clip(a, -2, b * b), lambda a, b: scipy.special.expit(a) - b,
    lambda a, b: np.log1p(b * b) - a,
)  # fmt: skip


def program(seed: int, first: Any, second: Any) -> Any:
    """Run a random program of 60 steps on formulas or on numbers."""
    numbers = np.random.default_rng(seed)
    values = [first, second]
    for _ in range(60):
        step = STEPS[numbers.integers(len(STEPS))]
        values.append(step(values[-1], values[numbers.integers(len(values))]))
    return values[-1]


@pytest.mark.parametrize("seed", range(60))
def test_programs(seed: int) -> None:
    """A random Python program gives the same on formulas as on NumPy's numbers."""
    point = np.float64(0.7), np.float64(-1.3)
    expected = program(seed, *point)
    for exact in (False, True):
        graph = read(program(seed, x, y), exact=exact)
        got = evaluate(graph, {"x": point[0], "y": point[1]})[graph.outputs["out"]]
        assert pytest.approx(expected, rel=1e-11, abs=1e-11) == got


# Reading ------------------------------------------------------------------------------


def test_reads_shared_parts_once() -> None:
    """`x -> x*x + x` 60 times is 2**60 terms as a tree, and 120 operations."""
    formula = x
    for _ in range(60):
        formula = formula * formula + formula
    assert 121 == len(read(formula))
    assert len(repr(formula)) <= 80


def test_equal_parts_are_one_node() -> None:
    """Expressions are not interned, nodes are; inputs of one name are one input."""
    graph = read((x + y) * (param("y") + param("x")))
    assert 4 == len(graph)
    assert ["x", "y"] == list(graph.inputs)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["x10", "x2", "x1"], ["x1", "x2", "x10"]),
        (["b", "a10c2", "a10c1", "a9"], ["a9", "a10c1", "a10c2", "b"]),
        (["x01", "x1", "x1_", "x"], ["x", "x01", "x1", "x1_"]),
        (["x" + "9" * 5000, "x" + "1" * 5000], ["x" + "1" * 5000, "x" + "9" * 5000]),
    ],
)
def test_natural_order(given: list[str], expected: list[str]) -> None:
    """Inputs are ordered by name, numbers in names by value, of any length."""
    assert expected == sorted(given, key=natural)
    assert expected == list(read(sum(param(name) for name in given)).inputs)


def test_inputs() -> None:
    """Inputs come with role, type and default; `inputs` orders them and adds some."""
    n = data("n", dtype="int64", default=np.int32(3))
    on = data("on", dtype=bool, default=False)
    w = param("w", dtype=np.float32, default=Fraction(1, 2))
    graph = read(np.where(on, w, n), [y, "w", on, n])
    assert ["y", "w", "on", "n"] == list(graph.inputs)
    assert ["param", "param", "data", "data"] == list(graph.roles.values())
    assert [F64, F32, BOOL, INT] == [node.type for node in graph.inputs.values()]
    assert repr({"w": 0.5, "on": False, "n": 3}) == repr(graph.defaults)


def test_same_declaration_twice() -> None:
    """Inputs declared alike twice are one, a default of NaN included."""
    graph = read(param("a", default=math.nan) + param("a", default=math.nan))
    assert ["a"] == list(graph.inputs)


def test_let() -> None:
    """Names are given in the order of writing, to the values that the outputs need."""
    z = let("z", x * y)
    b = let("b", 2 * z)
    a = let("a", np.exp(z))
    let("unused", z + 1)
    graph = read(a + b)
    assert ["z", "b", "a"] == [name for name, _ in graph.statements]
    assert "z = x*y\nb = 2*z\na = exp(z)\nout = a + b" == str(graph)
    assert ("z", "x", None) == (z.name, x.name, (x + 1).name)


def test_outputs() -> None:
    """Several outputs share what they have in common; numbers may be outputs."""
    graph = Graph()
    read_expressions({"s": x + y, "p": (x + y) * 2, "one": 1}, graph)
    assert ["s", "p", "one"] == list(graph.outputs)
    assert graph.outputs["p"].args[0] is graph.outputs["s"]


# Objects ------------------------------------------------------------------------------


def test_identity() -> None:
    """Expressions are found in dicts and sets by identity."""
    a, b = x + 1, x + 1
    assert "a" == {a: "a", b: "b"}[a]
    assert 2 == len({a, b, a})
    assert a in {a, b}
    assert type(a == b) is Expression


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        (-(x**2), "-x**2"), ((-x) ** 2, "(-x)**2"), (x - (y - 1), "x - (y - 1)"),
        (x**-2, "x**-2"), ((x + 1) * 2.5 / y, "(x + 1)*2.5/y"),
        (2 % x / 3, "(2 % x)/3"), (np.clip(x, 0, 1), "clip(x, 0, 1)"),
        (np.where((x > 0) & ~(y < 2), x, 0.0), "where(x > 0 and not y < 2, x, 0.0)"),
        (math_function("max")(x, y, 1, 2, 3), "max(x, y, 1, 2, ...)"),
        (x * 10**5000, "x*<an integer of 16610 bits>"), (let("z", x + 1) * 2, "z*2"),
        (data("n", dtype=int) % 2 == 1, "n % 2 == 1"),
        (((((x * 2 + 1) * 2 + 1) * 2 + 1) * 2 + 1) * 2, "((...*2 + 1)*2 + 1)*2"),
    ],
)  # fmt: skip
def test_repr(expr: Expression, expected: str) -> None:
    """A formula shows itself as Python would write it, cut off where it is deep."""
    assert expected == repr(expr)


def test_copy_and_pickle() -> None:
    """Copies are the object itself; a pickle gives the same formula again."""
    formula = let("z", np.clip(x, 0, 1)) * data("n", dtype="int64", default=3) - 0.1
    assert copy.copy(formula) is formula
    assert copy.deepcopy([formula])[0] is formula
    again = pickle.loads(pickle.dumps(formula))
    assert str(read(formula)) == str(read(again))
    assert read(formula).defaults == read(again).defaults


def test_depth() -> None:
    """200,000 operations in a chain are read, shown, pickled and freed."""
    formula = x
    for _ in range(100_000):
        formula = np.sin(formula) + 1
    assert 200_003 == len(read(formula))
    assert "sin(sin(... + 1) + 1) + 1" == repr(formula)
    formula = pickle.loads(pickle.dumps(formula))
    assert 200_003 == len(read(formula))
    held = [formula]
    del formula
    before = threading.stack_size(256 * 1024)
    thread = threading.Thread(target=held.clear)  # frees the chain on a small stack
    thread.start()
    thread.join()
    threading.stack_size(before)
    assert [] == held


# Refusals -----------------------------------------------------------------------------

NO_TRUTH = (
    "a condition has no truth value before it is computed; use ob.where(condition, a, "
    "b) instead of `if`, & | ~ instead of and/or/not, ob.max and ob.min instead of max "
    "and min"
)
NO_NUMBER = (
    "a formula is no number before it is computed; use ob.exp(x) or np.exp(x) instead "
    "of math.exp(x), and call ob.compile(formula) to compute it"
)
NO_LENGTH = "a scalar formula has no length and no entries"
NO_MATRICES = (
    "matmul expects matrices and vectors, found [] (a scalar) and [] (a scalar); use * "
    "for scalars"
)
NO_CARET = "^ is not supported on formulas; use ** for powers and != for exclusive or"
NO_DIGITS = "rounding to decimal digits is not supported; use round(x*100)/100"
NO_COMPLEX = "complex numbers are not supported: expected a formula or a real number, "
WITH_SYMPY = (
    "expected a formula or a number, found a SymPy object; write the whole formula "
    "either with SymPy's symbols or with ob.param and ob.data"
)
WITH_TEXT = (
    "expected a formula or a number (an input is ob.param(name), a formula in a string "
    "goes to ob.compile), found "
)
UNKNOWN = "expected a function that Overbar knows, found "
s = sympy.Symbol("s")

REFUSED: tuple[tuple[Callable[[], object], type[Exception], str], ...] = (
    (lambda: bool(x > 0), InputError, NO_TRUTH),
    (lambda: 1 if x > 0 else 2, InputError, NO_TRUTH),
    (lambda: x > 0 and y > 0, InputError, NO_TRUTH),
    (lambda: not x, InputError, NO_TRUTH),
    (lambda: 0 < x < 1, InputError, NO_TRUTH),
    (lambda: max(x, y), InputError, NO_TRUTH),
    (lambda: x in [y, x], InputError, NO_TRUTH),
    (lambda: float(x), InputError, NO_NUMBER),
    (lambda: int(x), InputError, NO_NUMBER),
    (lambda: complex(x), InputError, NO_NUMBER),
    (lambda: range(x), InputError, NO_NUMBER),  # type: ignore[call-overload]
    (lambda: math.exp(x), InputError, NO_NUMBER),
    (lambda: len(x), UnsupportedError, NO_LENGTH),
    (lambda: list(x), UnsupportedError, NO_LENGTH),  # type: ignore[call-overload]
    (lambda: x[0], ShapeError,
     "an index of shape [] (a scalar) has at most 0 items, found 1, in x[0]"),
    (lambda: x @ y, ShapeError, NO_MATRICES + ", in x @ y"),
    (lambda: 2 @ x, ShapeError, NO_MATRICES + ", in 2 @ x"),
    (lambda: x ^ 2, UnsupportedError, NO_CARET),
    (lambda: 2 ^ x, UnsupportedError, NO_CARET),
    (lambda: round(x, 2), UnsupportedError, NO_DIGITS),
    (lambda: np.round(x, 2), UnsupportedError, NO_DIGITS),
    (lambda: x + "y", InputError, WITH_TEXT + "'y' (str)"),
    (lambda: "y" == x, InputError, WITH_TEXT + "'y' (str)"),
    (lambda: x + "\n" * 99, InputError, WITH_TEXT + repr("\n" * 40) + " (str)"),
    (lambda: x * None, InputError,
     "expected a formula or a number, found a value of type NoneType"),
    (lambda: x * np.longdouble(2), InputError,
     "expected a formula or a number, found a value of type longdouble"),
    (lambda: x * type("a\nb\u202e", (), {})(), InputError,
     "expected a formula or a number, found a value of type a b "),
    (lambda: x + 1j, UnsupportedError, NO_COMPLEX + "found 1j (complex)"),
    (lambda: np.complex128(1) * x, UnsupportedError,
     NO_COMPLEX + "found np.complex128(1+0j) (complex128)"),
    (lambda: x + Fraction(10**400), LimitError,
     "expected a number below 1.8e308, found a larger fraction"),
    (lambda: read(x + 10**400), LimitError,
     ("expected a number below 1.8e308, found a larger integer, in x + <an integer of "
     "1329 bits>")),
    (lambda: x + s, InputError, WITH_SYMPY),
    (lambda: s + x, InputError, WITH_SYMPY),
    (lambda: sympy.exp(x), InputError, WITH_SYMPY),
    (lambda: s < x, InputError, WITH_SYMPY),
    (lambda: np.fmax(x, y), UnsupportedError, UNKNOWN + "'fmax'; did you mean 'max'?"),
    (lambda: scipy.special.jv(1, x), UnsupportedError, UNKNOWN + "'jv'"),
    (lambda: np.fft.fft(x), UnsupportedError, UNKNOWN + "'numpy.fft.fft'"),
    (lambda: np.subtract.reduce(x), UnsupportedError,
     "subtract.reduce is not supported on formulas, only subtract itself is"),
    (lambda: np.exp(x, where=True, dtype=float), UnsupportedError,
     "exp on formulas takes no where=, dtype="),
    (lambda: np.where(x > 0), UnsupportedError,
     "where on formulas: missing a required argument: 'x'"),
    (lambda: np.clip(x), UnsupportedError,
     "clip expects a lower or an upper bound, found neither"),
    (lambda: np.heaviside(x, "a"), InputError, WITH_TEXT + "'a' (str)"),
    (lambda: math_function("exp")(x, y), UnsupportedError,
     "exp expects 1 argument, found 2"),
    (lambda: math_function("hypot")(x), UnsupportedError,
     "hypot expects 2 arguments, found 1"),
    (lambda: math_function("epx"), AttributeError,
     "module 'overbar' has no attribute 'epx'; did you mean 'exp'?"),
    (lambda: math_function("__import__"), AttributeError,
     "module 'overbar' has no attribute '__import__'"),
    (lambda: read(np.sin(x & y)), ShapeError,
     ("and expects conditions, such as x > 0; operand 1 is a number (float64), in x "
     "and y")),
    (lambda: param(3), InputError, "expected a name, found a value of type int"),
    (lambda: param("n", dtype="int64"), InputError,
     "param 'n': expected dtype float64 or float32, found 'int64' (str)"),
    (lambda: data("n", dtype=complex), InputError,
     "data 'n': expected dtype float64, float32, int64 or bool, found complex128"),
    (lambda: param("n", dtype=np.floating), InputError,
     "param 'n': expected dtype float64 or float32, found a value of type type"),
    (lambda: data("n", dtype="i4,i4"), InputError,
     "data 'n': expected dtype float64, float32, int64 or bool, found 'i4,i4' (str)"),
    (lambda: data("n", dtype=None), InputError,
     ("data 'n': expected dtype float64, float32, int64 or bool, found a value of type "
     "NoneType")),
    (lambda: param("x", default="1"), InputError,  # type: ignore[arg-type]
     "'x': expected a default of dtype float64, found '1' (str)"),
    (lambda: data("n", dtype=int, default=2.5), InputError,
     "'n': expected a default of dtype int64, found 2.5 (float)"),
    (lambda: data("n", dtype=int, default=2**63), InputError,
     "'n': expected a default of dtype int64, found a value of type int"),
    (lambda: data("n", dtype=bool, default=1), InputError,
     "'n': expected a default of dtype bool, found a value of type int"),
    (lambda: param("x", default=10**400), LimitError,
     "'x': expected a default below 1.8e308, found a larger integer"),
    (lambda: read(param("a") + data("a", default=1)), InputError,
     "input 'a' is declared as param(float64) and as data(float64) = 1.0"),
    (lambda: read(x + y, [x]), InputError,
     "inputs: 'y', which the formula uses, is missing"),
    (lambda: read(x + y, [x, "y", x]), InputError, "inputs: 'x' is given twice"),
    (lambda: read(param("rate"), ["rat"]), InputError,
     ("inputs: expected an input of the formula, found 'rat' (str); did you mean "
     "'rate'?")),
    (lambda: read(x + y, [x + y]), InputError,
     "inputs: expected an input of the formula, found x + y"),
    (lambda: read(x, [3]), InputError,
     "inputs: expected an input of the formula, found a value of type int"),
    (lambda: read(let("z", x) + let("z", y)), InputError,
     ("expected one value for the name 'z', found two: one named with let and one "
     "named with let")),
    (lambda: read(let("x", y) + x), InputError,
     "expected one value for the name 'x', found two: an input and one named with let"),
    (lambda: read(let("out", x + y) * 2), InputError,
     ("expected one value for the name 'out', found two: an output and one named with "
     "let")),
    (lambda: read_expressions({"x": x + 1}, Graph()), InputError,
     "expected one value for the name 'x', found two: an input and an output"),
)  # fmt: skip


@pytest.mark.parametrize("i", range(len(REFUSED)))
def test_refusals(i: int) -> None:
    """Every refusal says what was expected and what was found."""
    act, error, message = REFUSED[i]
    with pytest.raises(error) as caught:
        act()
    assert message == str(caught.value)
    assert error is type(caught.value)


HOSTILE = {
    "": "expected a name such as x or rate_2, found '' (str)",
    "a b": "expected a name such as x or rate_2, found 'a b' (str)",
    "x\n": r"expected a name such as x or rate_2, found 'x\n' (str)",
    "x\0": r"expected a name such as x or rate_2, found 'x\x00' (str)",
    "x\u202e": r"expected a name such as x or rate_2, found 'x\u202e' (str)",
    "__import__('os')": (
        "expected a name such as x or rate_2, found \"__import__('os')\" (str)"
    ),
    "(x := 1)": "expected a name such as x or rate_2, found '(x := 1)' (str)",
    "f'{x}'": "expected a name such as x or rate_2, found \"f'{x}'\" (str)",
    "x;" + "y" * 10**6: (
        f"expected a name such as x or rate_2, found 'x;{'y' * 38}' (str)"
    ),
    "lambda": "expected a name, found Python's keyword 'lambda'",
    "None": "expected a name, found Python's keyword 'None'",
    "\ufb01": (r"expected a name in Unicode's normal form NFKC, 'fi', found '\ufb01'"),
    "\U0001d431": (
        r"expected a name in Unicode's normal form NFKC, 'x', found '\U0001d431'"
    ),
}


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_names(name: str) -> None:
    """What is no plain identifier is refused, wherever a name is given."""
    for give in (param, data, lambda name: let(name, x)):
        with pytest.raises(InputError) as caught:
            give(name)
        assert HOSTILE[name] == str(caught.value)


@pytest.mark.parametrize("name", ["x", "_", "rate_2", "match", "\u03b1", "\xe9t\xe9"])
def test_good_names(name: str) -> None:
    """Identifiers are names, Greek and accented letters too."""
    assert [name] == list(read(param(name)).inputs)
    assert type(read(param(np.str_(name))).inputs.popitem()[0]) is str
