"""Operations of one's own as machine code, against Numba's and the source as it is."""

from __future__ import annotations

import ctypes
import importlib
import math
import os
import subprocess
import sys

import numpy as np
import pytest
from portable_programs import PROGRAMS

import overbar as ob
from overbar.ir.errors import UnsupportedError
from overbar.ir.ops import OPS


@pytest.fixture(autouse=True)
def own():
    """Take away all operations that a test adds."""
    before = dict(OPS)
    yield
    for name in OPS.keys() - before:
        del OPS[name]
        vars(ob).pop(name, None)


def added(program):
    """Add an operation of two numbers, whose partials are no matter of its value."""
    name = program.__name__
    return ob.op(name, program, [lambda x, y: y, lambda x, y: x * y])


def taken():
    """Return the programs that can be operations of one's own."""
    found = []
    for program in PROGRAMS:
        try:
            added(program)
        except ob.InputError:  # such as functions of integers
            continue
        del OPS[program.__name__]
        found.append(program)
    return found


TAKEN = taken()
XS, YS = np.random.default_rng(0).normal(0, 3, (2, 40))


def test_what_is_tested():
    """Most programs that machine code knows can be operations of one's own."""
    assert len(TAKEN) >= len(PROGRAMS) // 2


@pytest.mark.parametrize("program", TAKEN, ids=[p.__name__ for p in TAKEN])
def test_bits(program):
    """Calls, batches, loops over arrays and `f.jit` have the bits of Numba's code."""
    own, x, y = added(program), ob.param("x"), ob.param("y")
    u, v = ob.param("u", ("n",)), ob.param("v", ("n",))
    formula = own(x, y) * x + own(y, own(x, x))
    f, g = (
        ob.compile(formula, accuracy="strict", backend=b) for b in ("auto", "numba")
    )
    f.runtime.native.made("value_and_grad")  # is there
    for point in zip(XS.tolist(), YS.tolist(), strict=True):
        assert_same(g.value_and_grad(*point), f.value_and_grad(*point))
        assert_same(g.value_and_grad(*point), f.jit.value_and_grad(*point))
    assert_same(g.value_and_grad(XS, YS), f.value_and_grad(XS, YS))
    f, g = (
        ob.compile(np.sum(own(u, v) * u), accuracy="strict", backend=b)
        for b in ("auto", "numba")
    )
    f.runtime.native_arrays.core("value_and_grad")  # is there
    assert_same(g.value_and_grad(XS, YS), f.value_and_grad(XS, YS))


def assert_same(expected, found):
    """Fail unless two results have the same numbers, signs of zeros too."""
    for one, other in zip(flat(expected), flat(found), strict=True):
        np.testing.assert_array_equal(one, other)
        np.testing.assert_array_equal(np.signbit(one), np.signbit(other))


def flat(result):
    """Return the leaves of a nested result."""
    if isinstance(result, tuple):
        return [leaf for part in result for leaf in flat(part)]
    return [np.asarray(result)]


def cube(x):
    """Return x cubed."""
    return x * x * x


def soft(x):
    """Return something that machine code does not know."""
    return np.logaddexp(x, 0.0)


def test_what_machine_code_does_not_know():
    """Numba compiles a formula of an operation that machine code does not know."""
    ob.op("soft", soft, ob.sigmoid)
    f = ob.compile("soft(x)*x")
    with pytest.raises(UnsupportedError, match=r"np\.logaddexp"):
        f.runtime.native.made("value")
    expected = 0.5 * math.log1p(math.exp(0.5))
    assert f(0.5) == pytest.approx(expected, rel=1e-15) == f.jit.value(0.5)
    np.testing.assert_allclose([expected, 0], f([0.5, 0.0]), rtol=1e-15)
    with pytest.raises(ob.UnsupportedError, match="that machine code does not know"):
        _ = f.cfunc.value


def test_functions_of_no_module():
    """A function that another tool made, in a namespace without a name, is taken."""
    cube.__module__ = None
    try:
        ob.op("cube", cube, lambda x: 3 * x**2)
        f, g = ob.compile("cube(x)"), ob.compile("x: param[n]\nsum(cube(x))")
        assert (8.0, 12.0) == (f(2.0), f.grad(2.0).x)
        assert (9.0, [3.0, 12.0]) == (g([1.0, 2.0]), g.grad([1.0, 2.0]).x.tolist())
    finally:
        cube.__module__ = __name__


def test_replaced():
    """A formula made before an operation was replaced keeps the old one, every way."""
    ob.op("cube", cube, lambda x: 3 * x**2)
    old = [ob.compile("cube(x)*y") for _ in range(2)]
    wide = ob.compile("x: param[n]\nsum(cube(x))")
    expected = 3 * 1.5**2 * 2.0
    assert old[0].grad(1.5, 2.0).x == expected

    replaced = ob.op("cube", other(), lambda x: 6 * x**2)
    new = ob.compile("cube(x)*y")
    for f, slope in ((old[0], expected), (old[1], expected), (new, 2 * expected)):
        assert f.grad(1.5, 2.0).x == slope
        assert f(1.5, 2.0) == slope * 1.5 / 3
        assert f.jit.grad(1.5, 2.0)[0] == slope
        assert f.grad([1.5, 1.5], 2.0).x.tolist() == [slope] * 2
    wide.runtime.native_arrays.core("grad")  # is there
    assert wide.grad([1.5, 1.5]).x.tolist() == [expected / 2] * 2
    x = ob.param("x", ("n",))
    assert ob.compile(np.sum(replaced(x))).grad([1.5]).x.tolist() == [expected]


@pytest.mark.parametrize("backend", ["auto", "numba", "python"])
def test_replaced_between_parts(backend):
    """A formula of an operation and of what replaced it is an error."""
    x = ob.param("x")
    one = ob.op("cube", cube, lambda x: 3 * x**2)(x)
    same = ob.op("cube", cube, lambda x: 3 * x**2)(x)
    assert ob.compile(one + same, backend=backend)(2.0) == 16.0
    f = ob.compile(one + ob.op("cube", other(), lambda x: 6 * x**2)(x), backend=backend)
    assert (36.0,) == f.grad(2.0)
    for given in (2.0, [2.0, 3.0]):
        with pytest.raises(ob.InputError, match=r"one operation named 'cube'.*two"):
            f(given)


def other():
    """Return another function named cube."""

    def cube(x):
        """Return twice x cubed."""
        return 2.0 * x * x * x

    return cube


MODULE = """
def powered(x):
    return x{}


{}def other(x):
    return x
"""


def test_edited_files(tmp_path, monkeypatch):
    """What is made of an operation later is its text as it was when it was added."""
    monkeypatch.syspath_prepend(str(tmp_path))
    path = tmp_path / "overbar_user_module.py"
    path.write_text(MODULE.format("*x", ""))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    module = importlib.import_module("overbar_user_module")
    ob.op("powered", module.powered, lambda x: 2 * x)
    f = ob.compile("powered(x) + 1")
    path.write_text(MODULE.format("*x*x + 0.0", "# longer\n"))
    importlib.invalidate_caches()
    importlib.reload(module)
    ob.op("powered", module.powered, lambda x: 3 * x**2)
    assert (10.0, 28.0) == (f(3.0), ob.compile("powered(x) + 1")(3.0))
    del sys.modules["overbar_user_module"]


SCRIPT = """
import sys
import overbar as ob

{}
ob.op("own", own, lambda x: {})
f = ob.compile("own(x)*x")
g = ob.compile("x: param[n]\\nsum(own(x)*x)")
print(f(2.0), f.grad(2.0).x, f([2.0])[0])
print(g([2.0]), g.grad([2.0]).x[0], g.batch([[2.0]])[0])
print("numba" in sys.modules)
"""
BODIES = {
    "x*x": "2*x",
    "x*x*x": "3*x**2",
    "x + 1.0": "1.0",
}


def test_other_processes(tmp_path):
    """Code on disk never serves an operation that does something else now."""
    outputs = []
    for body, partial in [*BODIES.items(), *BODIES.items()]:
        script = tmp_path / "script.py"
        text = f"def own(x):\n    return {body}\n"
        script.write_text(SCRIPT.format(text, partial))
        outputs.append(
            subprocess.run(
                [sys.executable, str(script)],
                check=True, capture_output=True, text=True,
                env={**os.environ, "OVERBAR_CACHE_DIR": str(tmp_path / "cache")},
            ).stdout
        )  # fmt: skip
    expected = [
        f"{v} {s} {v}\n{v} {s} {v}\nFalse\n"
        for v, s in ((8.0, 12.0), (16.0, 32.0), (6.0, 5.0))
    ]
    assert outputs == [*expected, *expected]


def test_long_formulas():
    """A long formula has its first code and its best, with the bits of the source."""
    ob.op("cube", cube, lambda x: 3 * x**2)
    x = ob.param("x")
    total = x
    for i in range(400):
        total = ob.sin(total * (1 + i % 7)) + ob.cube(x - i % 3) / (2 + total**2)
    f, g = (ob.compile(total, accuracy="strict", backend=b) for b in ("auto", "python"))
    expected = g.value_and_grad(0.3)
    assert np.isfinite(flat(expected)).all()
    assert_same(expected, f.value_and_grad(0.3))
    assert not f.runtime.native.made("value_and_grad").machine.final
    f.build("value_and_grad", optimise=True)
    assert f.runtime.native.made("value_and_grad").machine.final
    assert_same(expected, f.value_and_grad(0.3))


def test_c_functions():
    """A formula of own operations is a C function too."""
    ob.op("cube", cube, lambda x: 3 * x**2)
    both = ob.compile("cube(x)*y").cfunc.value_and_grad
    given, out = (ctypes.c_double * 2)(2.0, 0.5), (ctypes.c_double * 3)()
    both.ctypes(given, out)
    assert [4.0, 6.0, 8.0] == list(out)
