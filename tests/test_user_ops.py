"""Operations of one's own: `ob.op` by every route, to second order, and its errors."""

from __future__ import annotations

import math
import os
import pickle
import subprocess
import sys
import textwrap

import mpmath
import numba
import numpy as np
import pytest
import sympy as sp
from numba import njit

import overbar as ob
from overbar.ir.ops import OPS


def cube(x):
    """Return x cubed."""
    return x * x * x


def gate(x, y):
    """Return x times y."""
    return x * y


def blend(x, y):
    """Return something that branches."""
    # A comment with a quote " and a branch.
    if x > y:
        return np.exp(-x) + math.pi * y
    return math.atan2(x, y) * np.float64(2.0)


def growth(x):
    """Return exp(x)."""
    return math.exp(x)


def exp(x):
    """Be named as a function of math."""
    return x + 1.0


def powers(x):
    """Return exp(x)."""
    return math.exp(x)


def root(x):
    """Return the square root."""
    return np.sqrt(x)


def logarithm(x):
    """Return something with a pole."""
    return math.log(x) + 1.0 / x


def jump(x):
    """Return 1 right of 0."""
    return 1.0 if x > 0.0 else 0.0


@numba.njit
def compiled(x):
    """Return x squared."""
    return x * x


@pytest.fixture(autouse=True)
def own():
    """Add operations for a test, and take away all that it added."""
    before = dict(OPS)
    ob.op("cube", cube, lambda x: 3 * x**2)
    ob.op("gate", gate, [lambda x, y: y, lambda x, y: x])
    ob.op(
        "blend",
        blend,
        [
            lambda x, y: ob.where(x > y, -ob.exp(-x), 2 * y / (x * x + y * y)),
            lambda x, y: ob.where(x > y, math.pi, -2 * x / (x * x + y * y)),
        ],
    )
    ob.op("growth", growth, lambda x: ob.growth(x))  # noqa: PLW0108 - not there yet
    yield
    for name in OPS.keys() - before:
        del OPS[name]
        vars(ob).pop(name, None)


def by_text():
    """Return a formula of own operations, from a text."""
    return ob.compile("gate(cube(x), growth(y)) + blend(x, y)")


def by_python():
    """Return it written in Python."""
    x, y = ob.param("x"), ob.param("y")
    return ob.compile(ob.gate(ob.cube(x), ob.growth(y)) + ob.blend(x, y))


def by_sympy():
    """Return it written with SymPy's undefined functions."""
    x, y = sp.symbols("x y")
    named = {name: sp.Function(name) for name in ("gate", "cube", "growth", "blend")}
    inner = named["gate"](named["cube"](x), named["growth"](y))
    return ob.compile(inner + named["blend"](x, y))


def plain(backend):
    """Return the formula of the same values in built-in operations."""
    text = """
    x: param
    y: param
    x**3*exp(y) + (exp(-x) + pi*y if x > y else 2*atan2(x, y))"""
    return ob.compile(textwrap.dedent(text), backend=backend)


ROUTES = {"text": by_text, "python": by_python, "sympy": by_sympy}
POINTS = [(0.5, -1.5), (-1.25, 0.75), (2.0, 3.0), (0.0, 1.0)]


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("point", POINTS)
def test_routes(route, point):
    """An own operation takes part in text, Python and SymPy formulas alike."""
    f, g = ROUTES[route](), plain("auto")
    np.testing.assert_allclose(f(*point), g(*point), rtol=1e-15)
    np.testing.assert_allclose(f.grad(*point), g.grad(*point), rtol=1e-14)
    np.testing.assert_allclose(f.hessian(*point), g.hessian(*point), rtol=1e-13)


@pytest.mark.parametrize("backend", ["numba", "python", "reference"])
def test_backends(backend):
    """Every backend computes the same bits, arrays and every entry point included."""
    x, y = np.array(POINTS).T
    text = "gate(cube(x), growth(y)) + blend(x, y)"
    f = ob.compile(text, accuracy="strict")
    g = ob.compile(text, accuracy="strict", backend=backend)
    np.testing.assert_array_equal(f(x, y), g(x, y))
    np.testing.assert_array_equal(f.grad(x, y), g.grad(x, y))
    np.testing.assert_array_equal([f(*p) for p in POINTS], g(x, y))
    value, saved = g.forward(0.5, -1.5)
    assert f(0.5, -1.5) == value
    assert f.grad(0.5, -1.5) == g.backward(saved)
    assert f.hvp((0.5, -1.5), (1.0, 2.0)) == g.hvp((0.5, -1.5), (1.0, 2.0))
    assert f.jvp((0.5, -1.5), (1.0, 2.0)) == g.jvp((0.5, -1.5), (1.0, 2.0))


@pytest.mark.parametrize("backend", ["numba", "python", "reference"])
def test_ieee_rules(backend):
    """Outside its domain an own operation is NaN or infinite, and raises nothing."""
    ob.op("logarithm", logarithm, lambda x: 1 / x - 1 / x**2)
    f = ob.compile("logarithm(x)", backend=backend)
    values = f([-1.0, 0.0, 1.0])
    assert math.isnan(values[0])
    assert math.isnan(values[1])  # -inf + inf
    assert values[2] == 1.0
    assert math.isnan(f(-1.0))


def test_guarded():
    """An untaken own operation poisons nothing, to second order."""
    ob.op("root", root, lambda x: 0.5 / ob.root(x), singular=True)
    f = ob.compile("where(x > 0, root(x), 0) + x*y")
    for x in (0.0, -1.0):
        assert (2.0, x) == f.grad(x, 2.0)
        assert ((0.0, 1.0), (1.0, 0.0)) == f.hessian(x, 2.0)
    assert f.grad(4.0, 2.0).x == 2.25


def test_zero_partials():
    """A partial of None is zero wherever it exists, and the kink is listed."""
    ob.op("jump", jump, [None], kink="{0} = 0 (jump)")
    f = ob.compile("jump(x)*x")
    assert (1.0,) == f.grad(3.0)
    assert (0.0,) == f.grad(-3.0)
    assert ["line 1: jump(x): x = 0 (jump)"] == [str(k) for k in f.kinks]


@pytest.mark.parametrize("point", POINTS[:3])
def test_checked_in_high_precision(point):
    """The check runs an own value in 50 digits, `math` and `np` standing for mpmath."""
    report = by_text().check(*point)
    assert report
    assert all(row.units < 100 for row in report.rows)


@pytest.mark.parametrize("factor", [1.0005, 0.9995])
def test_check_fails_on_a_wrong_partial(factor):
    """A partial that is wrong by 0.05 % fails the check."""
    ob.op("gate", gate, [lambda x, y: factor * y, lambda x, y: x])
    report = ob.compile("gate(x, y)").check(3.0, -4.0)
    assert [False, True] == [row.ok for row in report.rows]


def test_high_precision_given():
    """A form for high precision may be given, with the context as first argument."""
    seen = []

    def exact(context, x):
        seen.append(context.dps)
        return x**3

    ob.op("cube", cube, lambda x: 3 * x**2, high_precision=exact)
    assert ob.compile("cube(x)").check(2.0)
    assert min(seen) >= 15


def test_high_precision_missing():
    """A value that mpmath cannot run is said to be so, not taken for exact."""

    def rounded(x):
        return np.rint(x * 4.0) * np.nextafter(x, 2.0)

    ob.op("rounded", rounded, lambda x: ob.round(x * 4.0))
    report = ob.compile("rounded(x)").check(0.7)
    assert "nextafter lacks high precision" in report.rows[0].note


def test_readable():
    """Statements, LaTeX and generated source write the call as the user would."""
    f = ob.compile("cube(x) + y")
    assert f.text().startswith("out = cube(x) + y\n")
    assert "x_bar = 3*out_bar*x**2" in f.text()
    assert r"\operatorname{cube}\left(x\right)" in f.latex()
    assert "return cube(x) + y" in f.source
    assert '    """Return x cubed."""\n    return x * x * x\n' in f.source


def test_underscores_in_latex():
    """An underscore in a name is one in LaTeX too."""

    def my_op(x):
        return x + 1.0

    ob.op("my_op", my_op, lambda _: 1.0)
    assert r"\operatorname{my\_op}" in ob.compile("my_op(x)").latex()


def test_names_apart():
    """A variable of the operation's name gets another one in generated code."""
    x, cubed = ob.param("x"), ob.param("cube")
    f = ob.compile(ob.cube(x) * cubed)
    assert (24.0, 8.0) == f.grad(cube=2.0, x=2.0)[::-1]


def test_neighbours_apart():
    """A function of the same file is not printed for an attribute's name."""
    ob.op("powers", powers, ob.exp)
    assert exp(1.0) == 2.0
    assert "def exp" not in ob.compile("powers(x)").source


@njit
def shadow(x):
    """Return x squared, by variables that are called like functions of this file."""
    cube, exp = x, 0.0
    return cube * x + exp


def test_variables_apart():
    """A function of the same file is not printed for a variable, nor a decorator."""
    ob.op("shadow", shadow, lambda x: 2 * x)
    f, g = (ob.compile("shadow(x)", backend=b) for b in ("auto", "numba"))
    assert (9.0, 9.0) == (f(3.0), g(3.0))
    first = f.source.index("\ndef ")
    assert f.source.startswith("\ndef shadow(x):\n", first)


def test_functions_of_one_line():
    """A function whose body follows on its first line is taken like any other."""

    # fmt: off
    def line(x): y = x + 1.0; return y * x  # noqa: E702
    # fmt: on
    ob.op("line", line, lambda x: 2 * x + 1)
    f, g = (ob.compile("line(x)", backend=b) for b in ("auto", "numba"))
    assert (12.0, 12.0) == (f(3.0), g(3.0))
    assert "def line(x):\n    y = x + 1.0\n    return y * x\n" in f.source


def test_numba_functions():
    """A function that Numba compiled is taken as it was written."""
    ob.op("compiled", compiled, lambda x: 2 * x)
    assert (6.0,) == ob.compile("compiled(x)").grad(3.0)


def test_replaced():
    """An operation may be replaced; what was compiled before keeps the old one."""
    old = ob.compile("cube(x)")
    ob.op("cube", cube, lambda x: 6 * x)
    assert (12.0,) == ob.compile("cube(x)").grad(2.0)
    assert (6.0,) == ob.compile("cube(x)").grad(1.0)
    assert (3.0,) == old.grad(1.0)


def test_in_compiled_code():
    """Numba's code calls formulas of them."""
    f = by_text()
    value, gradient = f.jit.value_and_grad(0.5, -1.5)
    assert value == f(0.5, -1.5)
    assert gradient == tuple(f.grad(0.5, -1.5))


def test_pickles():
    """A pickle loads where the operation was added, and says so where it was not."""
    f = by_text()
    data = pickle.dumps(f)
    assert f == pickle.loads(data)
    assert f.grad(0.5, -1.5) == pickle.loads(data).grad(0.5, -1.5)
    formula = ob.cube(ob.param("x"))
    assert (12.0,) == ob.compile(pickle.loads(pickle.dumps(formula))).grad(2.0)
    row = OPS.pop("blend")
    with pytest.raises(ob.UnsupportedError, match="expected an operation of the op"):
        pickle.loads(data)
    OPS["blend"] = row


def test_saved_module(tmp_path):
    """A saved module carries the operation, and runs without Overbar."""
    path = by_text().save(tmp_path / "gradient.py")
    code = (
        "import sys; sys.modules['overbar'] = None; import gradient;"
        "print(repr(gradient.value_and_grad(0.5, -1.5)))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code],
        check=True, capture_output=True, text=True, cwd=path.parent,
        env={**os.environ, "PYTHONPATH": ""},
    )  # fmt: skip
    value, gradient = by_text().value_and_grad(0.5, -1.5)
    assert repr((value, tuple(gradient))) == result.stdout.strip()


def test_against_mpmath():
    """Value, gradient and Hessian of a chain of own operations are right."""
    f = ob.compile("growth(cube(x))")
    with mpmath.workdps(50):
        x = mpmath.mpf(0.75)
        value = mpmath.exp(x**3)
        slope, bend = 3 * x**2 * value, (6 * x + 9 * x**4) * value
    expected = [float(v) for v in (value, slope, bend)]
    actual = [f(0.75), f.grad(0.75).x, f.hessian(0.75).x.x]
    np.testing.assert_allclose(actual, expected, rtol=1e-14)


class Callable:
    """Be called like a function, without being one."""

    def __call__(self, x):
        """Return x."""
        return x


def defaults(x, y=1.0):
    """Take an optional argument."""
    return x + y


def many(*args):
    """Take any number of arguments."""
    return args[0]


def nothing():
    """Take no argument."""
    return 1.0


def neighbour(x):
    """Call a function of this file."""
    return cube(x)


def opened(x):
    """Open a file."""
    return open(x)  # noqa: PTH123 - is never run


def pair(x):
    """Return two numbers."""
    return x, x


def text(x):
    """Add a text."""
    return x + "a"


UNTEXTED = {}
exec("def untexted(x):\n    return x", UNTEXTED)  # noqa: S102 - has no file

VALUE_ERRORS = [
    (3, cube, "expected a plain name for an operation, found 3"),
    ("a b", cube, "expected a plain name for an operation, found 'a b'"),
    ("_cube", cube, "expected a plain name for an operation, found '_cube'"),
    ("lambda", cube, "expected a plain name for an operation, found 'lambda'"),
    ("wärme", cube, "expected a plain name for an operation, found 'wärme'"),
    ("exp", cube, "expected a name that is not taken, found 'exp'"),
    ("clip", cube, "expected a name that is not taken, found 'clip'"),
    ("ln", cube, "expected a name that is not taken, found 'ln'"),
    ("forward", cube, "expected a name that is not taken, found 'forward'"),
    ("math", cube, "expected a name that is not taken, found 'math'"),
    ("len", cube, "expected a name that is not taken, found 'len'"),
    ("t1", cube, "expected a name that is not taken, found 't1'"),
    ("tan2", lambda x: x,
     "expected a function defined as `def tan2(x, ...)`, found <lambda>"),
    ("other", cube, "expected a function defined as `def other(x, ...)`, found cube"),
    ("other", Callable(),
     "expected a function defined as `def other(x, ...)`, found Callable"),
    ("other", 3, "expected a function defined as `def other(x, ...)`, found int"),
    ("defaults", defaults,
     "expected a function defined as `def defaults(x, ...)`, found defaults(x, y=1.0)"),
    ("many", many,
     "expected a function defined as `def many(x, ...)`, found many(*args)"),
    ("nothing", nothing,
     "expected a function defined as `def nothing(x, ...)`, found nothing()"),
    ("untexted", UNTEXTED["untexted"],
     "expected 'untexted' to have source text that can be read, found none"),
    ("neighbour", neighbour,
     "expected 'neighbour' to use math and np alone, found cube"),
    ("opened", opened,
     "expected 'opened' to use math and np alone, found open"),
    ("pair", pair, "expected 'pair' to return a number, found tuple"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value", "message"), VALUE_ERRORS)
def test_value_errors(name, value, message):
    """What is no name or no printable function is refused when it is added."""
    known = set(OPS)
    with pytest.raises(ob.InputError) as error:
        ob.op(name, value, lambda x: 1.0)
    assert message == str(error.value)
    assert known == set(OPS)


def test_value_that_fails():
    """A value that cannot be computed from numbers is refused, with the reason."""
    with pytest.raises(ob.InputError, match="'text' to take numbers"):
        ob.op("text", text, lambda x: 1.0)


PARTIAL_ERRORS = [
    (3, "expected partials of 'gate' as functions, one for each of x, y, found int"),
    ([1, 2],
     "expected partials of 'gate' as functions, one for each of x, y, found list"),
    (lambda x, y: y, "expected 2 partials of 'gate' (x, y), found 1"),
    ([None] * 3, "expected 2 partials of 'gate' (x, y), found 3"),
    ([None, lambda x, y: ob.param("z")],
     "expected a partial of 'gate' in y; expected inputs among x, y, found 'z'"),
    ([lambda x, y: "y", None],
     ("expected a partial of 'gate' in x; expected a formula or a number (an input "
     "is ob.param(name), a formula in a string goes to ob.compile), found 'y' (str)")),
    ([lambda x, y: y if x > 0 else x, None],
     ("expected a partial of 'gate' in x; a condition has no truth value before it "
     "is computed; use ob.where(condition, a, b) instead of `if`, & | ~ instead of "
     "and/or/not, ob.max and ob.min instead of max and min")),
    ([lambda x, y: math.exp(x), None],
     ("expected a partial of 'gate' in x; a formula is no number before it is "
     "computed; use ob.exp(x) or np.exp(x) instead of math.exp(x), and call "
     "ob.compile(formula) to compute it")),
]  # fmt: skip


@pytest.mark.parametrize(("partials", "message"), PARTIAL_ERRORS)
def test_partial_errors(partials, message):
    """Partials that are no formulas of the arguments are refused; nothing is added."""
    row = OPS["gate"]
    with pytest.raises(ob.InputError) as error:
        ob.op("gate", gate, partials)
    assert message == str(error.value)
    assert row is OPS["gate"]


def test_partial_of_other_arguments():
    """A partial that takes other arguments is refused."""
    with pytest.raises(ob.InputError, match="'gate' in x to be a function of x, y"):
        ob.op("gate", gate, [lambda x: x, None])


def test_condition_as_partial():
    """A condition is no partial."""
    with pytest.raises(ob.InputError) as error:
        ob.op("gate", gate, [lambda x, y: x > y, None])
    message = (
        "expected a partial of 'gate' in x; expected a number, found the condition"
    )
    assert f"{message} x > y" == str(error.value)


@pytest.mark.parametrize(("call", "count"), [("cube()", 0), ("cube(x, y)", 2)])
def test_calls_with_a_wrong_count(call, count):
    """A call with a wrong number of arguments is refused where it stands."""
    with pytest.raises(ob.ParseError) as error:
        ob.compile(call)
    assert f"cube expects 1 argument, found {count}" == error.value.message


def test_misspelt():
    """A misspelt own operation is suggested."""
    with pytest.raises(ob.UnsupportedError, match="did you mean 'growth'"):
        ob.compile("grwth(x)")
