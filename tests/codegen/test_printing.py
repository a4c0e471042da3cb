"""What is printed runs and reads well: every op, names that collide, every example.

Values of the op table are compared between compiled source, plain source and the graph
run node by node; names are judged by closed forms; structure is read from the source.
"""

from __future__ import annotations

import builtins
import itertools
import math
import subprocess
import sys

import numpy as np
import pytest
from op_forms import BATCH, CONDITIONS, FORMS, derivation
from op_truth import SUBJECTS
from printed import EXAMPLES, FORMULAS, entries, over_arrays
from read_source import asked_again, functions, repeated, unassigned, unread

import overbar as ob
from overbar.codegen import allowlist
from overbar.codegen.names import reserved
from overbar.ir.errors import InputError, OverbarError
from overbar.ir.ops import TABLES
from overbar.runtime import Runtime

# -- every op, three ways ----------------------------------------------------------

BACKENDS = ("numba", "python", "reference")
POINTS = np.array(
    [
        [0.375, 1.25, 2.5],
        [1.5, 0.75, 0.25],
        [-0.625, 2.25, 1.125],
        [0.0, 1.0, 0.0],
        [-2.0, -0.5, 3.0],
        [1e-5, 30.0, 1.0],
        [0.75, 0.75, 0.75],
        [1e-310, 1e300, -1e-300],
        [math.inf, 1.0, 0.5],
        [math.nan, 2.0, -math.inf],
        [-0.0, 0.0, -0.0],
    ]
)
MOST_UNITS = 16
"""NumPy's functions, which the reference calls, are not libm's to the last bits."""


BESIDES = {
    *("input", "const", "select", "cast"),  # they are in all of these
    *("wrap", "stop_gradient", "attains"),  # in tests/arrays
}


def _results(forms, backend):
    """Return a row a point: the values, then the partials of each."""
    runtime = Runtime(derivation(forms), "ops", backend)
    columns = [i for _, size, _ in forms for i in range(size)]
    rows = []
    for point in POINTS[:, columns].tolist():
        values, saved = runtime.call("forward")(*point)
        partials = runtime.call("backward")(saved, *[1.0] * len(forms))
        rows.append(np.hstack([np.array(values, float), np.array(partials, float)]))
    return np.array(rows)


def _units(found, expected):
    """Return differences in units of u, infinite between NaN, infinity and numbers."""
    with np.errstate(all="ignore"):
        units = abs(found - expected) / (2.0**-53 * abs(expected) + 5e-324)
    units[(found == expected) | (np.isnan(found) & np.isnan(expected))] = 0
    units[np.isnan(units)] = math.inf
    return units


@pytest.mark.parametrize("start", range(0, len(FORMS), BATCH))
def test_every_op_runs_three_ways(start):
    """Compiled and plain source give the same bits, the reference all but the last."""
    forms = FORMS[start : start + BATCH]
    labels = [name for name, _, _ in forms]
    labels += [f"{name}'" for name, size, _ in forms for _ in range(size)]
    compiled, plain, slow = (_results(forms, b) for b in BACKENDS)
    differ = compiled.view(np.int64) != plain.view(np.int64)
    differ &= ~(np.isnan(compiled) & np.isnan(plain))
    wrong = [(labels[c], POINTS[r].tolist()) for r, c in np.argwhere(differ)]
    assert [] == wrong
    far = _units(plain, slow) > MOST_UNITS
    wrong = [
        (labels[c], POINTS[r].tolist(), plain[r, c], slow[r, c])
        for r, c in np.argwhere(far)
    ]
    assert [] == wrong
    assert np.isfinite(plain).any(axis=0).all()


def test_every_op_is_among_them():
    """An op that is added to the table is printed and run, or this test fails."""
    rows = {
        row.name
        for table in TABLES
        for row in table.ROWS
        if row.typing is not None or row.name in BESIDES  # on arrays: tests/arrays
    }
    assert rows == {s.op for s in SUBJECTS} | {*CONDITIONS} | BESIDES


def test_two_arrays_of_results_are_two():
    """Many outputs and many saved values are returned in an array each."""
    text = ", ".join(f"sin(x{i})*x{i + 1}" for i in range(20))
    f = ob.compile(text, backend="python")
    given = [0.1 * i for i in range(21)]
    values, saved = f.forward(*given)
    assert [math.sin(a) * b for a, b in itertools.pairwise(given)] == list(values)
    expected = [math.cos(given[0]) * given[1]]
    expected += [
        math.sin(a) + math.cos(b) * c
        for a, b, c in zip(given, given[1:], given[2:], strict=False)
    ]
    expected += [math.sin(given[19])]
    np.testing.assert_allclose(f.backward(saved, [1.0] * 20), expected, rtol=1e-15)


# -- names that generated code uses itself -----------------------------------------

LIKELY = (
    "np", "math", "njit", "step", "value", "k", "out", "saved", "seed", "points", "r",
    "r0", "x_bar", "t1", "results", "inputs", "backward", "grad", "out_bar", "t1_bar",
    "pow_int", "amul", "float", "range", "out0", "r1", "out_seed", "results_", "np_",
    "inputs_", "saved_", "value_points", "t2", "t2_bar", "t12", "y_bar", "x_dot",
    "out_dot", "seed_bar", "d2_dx_dx", "dout_dx", "args", "shape",
)  # fmt: skip
USED = {"x", "y", "max", "sqrt"}
"""Names that the formulas below mean something else by."""
BUILTINS = {*allowlist.BUILTINS, "__build_class__", "exec", "open", "print", "sum"}


def _accepted(*lines):
    try:
        return bool(ob.compile("\n".join(lines), backend="python"))
    except OverbarError:
        return False


NAMES = [
    name
    for name in dict.fromkeys(
        [*LIKELY, *sorted(BUILTINS | reserved() - set(dir(builtins)))]
    )
    if name not in USED and _accepted(f"{name}: param", f"{name}*{name}")
]
NEW = [n for n in NAMES if _accepted("y: param", f"{n} = y*y", f"{n}*{n}")]
FEW, MANY = 14, 18


def _check(f, given, value, gradient):
    """Compare everything that can be called with a value and gradient known."""
    close = {"rtol": 1e-12, "atol": 1e-12}
    n = len(given)
    columns = [np.array([g, g]) for g in given]
    weights = np.linspace(1, 2, n)
    assert f(*given) == pytest.approx(value)
    assert f(**dict(zip(f.signature.names, given, strict=True))) == f(*given)
    np.testing.assert_allclose(f(*columns), [value] * 2, **close)
    found = [f.grad(*given), f.value_and_grad(*given)[1], f.jacobian(*given)]
    found += [f.backward(f.forward(*given)[1]), f.vjp(given, 1.0)]
    found += [f.flat.value_and_grad(np.array(given))[1]]
    for each in found:
        np.testing.assert_allclose(each, gradient, **close)
    for each in (
        f.grad(*columns),
        f.value_and_grad(*columns)[1],
        f.backward(f.forward(*columns)[1]),
    ):
        np.testing.assert_allclose(each, np.transpose([gradient] * 2), **close)
    assert f.jvp(given, list(weights)) == pytest.approx(weights @ gradient)


@pytest.mark.parametrize("backend", ["python", "numba"])
@pytest.mark.parametrize("count", [FEW, MANY])
def test_inputs_have_any_name(count, backend):
    """Inputs may be called what the generated module calls its own things.

    Few of them are arguments one by one, many come in one array.
    """
    chosen = NAMES if backend == "python" else NAMES[:count]
    for start in range(0, len(chosen), count):
        names = chosen[start : start + count]
        terms = [f"{i + 1}*max({n}, 1/2)*sqrt({n})" for i, n in enumerate(names)]
        text = "".join(f"{n}: param\n" for n in names) + " + ".join(terms)
        f = ob.compile(text, backend=backend, accuracy="strict")
        given = [1.0 + i / 8 for i in range(len(names))]
        weights = np.arange(1, len(names) + 1)
        gradient = 1.5 * weights * np.sqrt(given)
        _check(f, given, float(weights @ np.power(given, 1.5)), gradient)
        if count == FEW:
            curves = np.diag(0.75 * weights / np.sqrt(given))
            found = f.flat.hessian(np.array(given))
            np.testing.assert_allclose(found, curves, rtol=1e-12)


@pytest.mark.parametrize("backend", ["python", "numba"])
def test_variables_have_any_name(backend):
    """Variables may be called what the generated module calls its own things."""
    names = NEW if backend == "python" else NEW[:MANY]
    before = ["y", *names]
    lines = [f"{n} = sqrt({b}**2 + x)" for b, n in itertools.pairwise(before)]
    text = "\n".join(["x: param", "y: param", *lines, " + ".join(names)])
    f = ob.compile(text, backend=backend, accuracy="strict")
    x, y = 0.75, 1.25
    steps = np.arange(1, len(names) + 1)
    roots = np.sqrt(y**2 + steps * x)
    gradient = [sum(steps / roots) / 2, sum(y / roots)]
    _check(f, [x, y], float(sum(roots)), np.array(gradient))


@pytest.mark.parametrize("backend", ["python", "numba"])
@pytest.mark.parametrize("count", [FEW, MANY])
def test_outputs_have_any_name(count, backend):
    """Outputs may be called what the generated module calls its own things."""
    for start in range(0, len(NEW) if backend == "python" else count, count):
        first = min(start, len(NEW) - count)
        _check_outputs(NEW[first : first + count], backend)


def _check_outputs(names, backend):
    lines = [f"{n} = max(x, y)*sqrt(x)*{i + 2}" for i, n in enumerate(names)]
    text = "\n".join(["x: param", "y: param", *lines, ", ".join(names)])
    f = ob.compile(text, backend=backend, accuracy="strict")
    factors = np.arange(2, len(names) + 2)
    expected = 2.25**1.5 * factors
    slopes = 1.5**2 * factors
    np.testing.assert_allclose(f(2.25, 1.0), expected, rtol=1e-14)
    np.testing.assert_allclose(
        f(np.full(3, 2.25), 1.0), np.transpose([expected] * 3), rtol=1e-14
    )
    np.testing.assert_allclose(f.jacobian(2.25, 1.0).x, slopes, rtol=1e-14)
    seeds = [1.0] * len(names)
    np.testing.assert_allclose(f.vjp((2.25, 1.0), seeds).x, sum(slopes), rtol=1e-14)
    back = f.backward(f.forward(2.25, 1.0)[1], seeds)
    np.testing.assert_allclose(back, [sum(slopes), 0.0], rtol=1e-14)


def test_numba_code_calls_any_name():
    """`f.jit` has functions of formulas whose names collide."""
    from numba import njit

    text = "value: param\nnp: param\nmath = np*value\nr = sin(math)\nr*math + np"
    f = ob.compile(text)
    grad, value = f.jit.grad, f.jit.value

    @njit
    def both(x, y):
        return value(x, y), grad(x, y)

    expected = math.sin(0.5) * 0.5 + 2.0
    slope = math.cos(0.5) * 0.5 + math.sin(0.5)
    found, gradient = both(0.25, 2.0)
    assert expected == pytest.approx(found)
    assert (slope * 2.0, slope * 0.25 + 1.0) == pytest.approx(gradient)


@pytest.mark.parametrize(
    "name", ["value_points", "grad_points", "hvp", "njit", "results", "t3", "t3_bar"]
)
def test_operations_may_not_have_names_of_the_module(name):
    """A user's operation cannot take a name that generated modules give themselves."""

    def value(x):
        return x

    value.__name__ = name
    with pytest.raises(InputError) as caught:
        ob.op(name, value, lambda x: 1)
    expected = f"expected a name that is not taken, found {name!r}"
    assert expected == str(caught.value)


# -- every function of every example -----------------------------------------------

CASES = {path.stem: ob.load(path) for path in EXAMPLES} | {
    name: ob.compile(text, name=name) for name, text in FORMULAS.items()
}


@pytest.mark.parametrize("case", [c for c, f in CASES.items() if not over_arrays(f)])
def test_nothing_is_computed_twice(case):
    """By value numbering, in every function; nor is anything dead or read too early."""
    f = CASES[case]
    faults = {}
    for entry in entries(f):
        found = functions(f.runtime.source(entry))
        function = found[entry]
        faults[entry] = (
            repeated(function), unread(function), asked_again(function),
            unassigned(function, set(found)),
        )  # fmt: skip
    assert {entry: ([], [], [], []) for entry in entries(f)} == faults


@pytest.mark.parametrize("case", CASES)
def test_modules_are_what_may_be_executed(case):
    """Every generated module passes the check that stands before execution."""
    f = CASES[case]
    for entry in entries(f):
        assert entry in functions(f.runtime.source(entry))
        assert allowlist.check(f.runtime.source(entry)).body


def test_modules_pass_a_linter(tmp_path):
    """Every generated module passes ruff's default rules and has lines of 88 columns.

    What is long is the user's own text in the header.
    """
    for case, f in CASES.items():
        for entry in entries(f):
            source = f.runtime.source(entry)
            (tmp_path / f"{case}_{entry}.py").write_text(source, encoding="utf-8")
            code = source.split('"""', 2)[2]
            assert [] == [line for line in code.split("\n") if len(line) > 88]
    command = [sys.executable, "-m", "ruff", "check", "--isolated", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "All checks passed!"


FAULTS = (
    ("a = x*y\nb = y*x\nreturn a + b", ["y * x"]),
    ("a = x\nb = a*y + 1\nreturn b + x*y", ["x * y"]),
    ("a = x*y\nb = x*y\nreturn a*2 + b*2", ["x * y", "b * 2"]),
    ("a = x > y\nreturn a if y < x else x", ["y < x"]),
    ("a = x*y\nif x > 0:\n    a = x*y\nreturn a", ["x * y"]),
    ("a = x + x*y\nreturn (a, x*y)", ["x * y"]),
    ("return np.sin(x) if x > y else np.sin(np.sin(x)) - np.sin(x)", ["np.sin(x)"]),
    ("if x > y:\n    a = x*y\nelse:\n    a = x*y\nreturn a", []),
    ("if x > y:\n    a = x\nelse:\n    a = y\nreturn a*y + x*y", []),
    ("return np.sin(x) if x > y else np.sin(x)", []),
    ("return x - y + (y - x) + x/y + y/x + -1.0*x**-1.0", []),
)


@pytest.mark.parametrize(("body", "expected"), FAULTS)
def test_the_numbering_of_values(body, expected):
    """What is computed twice is found under any name and in any order, or not at all.

    Branches do not know what the other one has computed.
    """
    source = "def f(x, y):\n" + "".join(f"    {line}\n" for line in body.split("\n"))
    assert expected == repeated(functions(source)["f"])


AGAIN = (
    ("if x > y:\n    if x > y:\n        return x\nreturn y", ["x > y"]),
    ("a = x > y\nif a:\n    return x if y < x else y\nreturn y", ["y < x"]),
    ("if x > y:\n    return x if not x > y else y\nreturn y", ["x > y"]),
    ("if x > y:\n    x = y\nreturn x if x > y else y", []),
)


@pytest.mark.parametrize(("body", "expected"), AGAIN)
def test_the_search_for_decided_conditions(body, expected):
    """A condition that is asked where its answer is known is found."""
    source = "def f(x, y):\n" + "".join(f"    {line}\n" for line in body.split("\n"))
    assert expected == asked_again(functions(source)["f"])


DEAD = (
    ("a = x\na = y\nreturn a", ["a"]),
    ("a = 0.0\nif x > y:\n    a = x\nelse:\n    a = y\nreturn a", ["a"]),
    ("if x > y:\n    a = x\nelse:\n    a = y\nreturn x", ["a", "a"]),
    ("a = 0.0\nif x > y:\n    a = x\nreturn a", []),
    ("a = x\nif a > y:\n    a = y*a\nreturn a", []),
    ("_, a = x\nreturn a", []),
)


@pytest.mark.parametrize(("body", "expected"), DEAD)
def test_the_search_for_dead_assignments(body, expected):
    """A value that no path reads is found, also where its variable is read later."""
    source = "def f(x, y):\n" + "".join(f"    {line}\n" for line in body.split("\n"))
    assert expected == unread(functions(source)["f"])
