"""Call formulas as C functions, from SciPy, ctypes and Numba."""

from __future__ import annotations

import ctypes
import gc
import math
import pickle
import subprocess
import sys
import weakref
from typing import Any

import numba
import numpy as np
import pytest
import scipy.ndimage
from irregular import irregular
from scipy import LowLevelCallable
from scipy.integrate import nquad, quad

import overbar as ob

VECTOR = "double (int, double *, void *)"
RAW = "void (double *, double *)"
DATA = "double (double, void *)"
FILTER = "int (double *, intptr_t, double *, void *)"
TRANSFORM = "int (intptr_t *, double *, int, int, void *)"
BELL = "exp(-a*x**2/2)"
AREA = math.sqrt(2 * math.pi)


def bell() -> ob.CompiledFunction:
    """Return a bell curve over x, narrower for a larger a."""
    return ob.compile(BELL, inputs=["x", "a"])


def called(function: Any, *numbers: float) -> list[float]:
    """Return what a raw C function gives for numbers."""
    given, out = np.array(numbers, float), np.full(function.results, np.nan)
    kind = ctypes.POINTER(ctypes.c_double)
    function.ctypes(given.ctypes.data_as(kind), out.ctypes.data_as(kind))
    return out.tolist()


# -- SciPy -----------------------------------------------------------------------------


@pytest.mark.parametrize("signature", [VECTOR, "double (int, double *)"])
def test_quad(signature: str) -> None:
    """The area under a bell curve is known, whatever its width."""
    function = bell().cfunc.value.with_signature(signature).low_level
    assert signature == function.signature
    for a in (1.0, 4.0):
        area, error = quad(function, -12, 12, args=(a,))
        assert abs(area - AREA / math.sqrt(a)) < max(error, 1e-12)


def test_quad_of_one_number_and_data() -> None:
    """The inputs after the first may be the data of a `LowLevelCallable`."""
    one = ob.compile("exp(-x**2/2)").cfunc.value.with_signature("double (double)")
    assert quad(one.low_level, -12, 12)[0] == pytest.approx(AREA, rel=1e-12)
    data = ctypes.cast((ctypes.c_double * 1)(4.0), ctypes.c_void_p)
    two = bell().cfunc.value.with_signature(DATA)
    function = LowLevelCallable(two.ctypes, data, signature=two.signature)
    assert quad(function, -12, 12)[0] == pytest.approx(AREA / 2, rel=1e-12)


def test_quad_of_a_derivative() -> None:
    """The slope of an integral is the integral of the slope, in its one number."""
    slope = ob.compile(BELL, "a", ["x", "a"]).cfunc.grad.with_signature(VECTOR)
    found, error = quad(slope.low_level, -12, 12, args=(2.0,))
    assert abs(found + AREA / 2 * 2**-1.5) < max(error, 1e-12)


def test_nquad() -> None:
    """A volume over a square, and one that a default completes."""
    function = ob.compile("x: param\ny: param\nc: data = 3.0\nc*x*y**2").cfunc.value
    assert nquad(function.low_level, [(0, 2), (0, 1)])[0] == pytest.approx(2.0)
    given = nquad(function.low_level, [(0, 2), (0, 1)], args=(6.0,))[0]
    assert given == pytest.approx(4.0)


def test_filters_of_images() -> None:
    """Filters and maps of coordinates run a formula at every element."""
    image = np.random.default_rng(1).normal(size=(5, 6))
    spread = ob.compile("max(a, b, c) - min(a, b, c)").cfunc.value
    found = scipy.ndimage.generic_filter(
        image, spread.with_signature(FILTER).low_level, size=(1, 3), mode="nearest"
    )
    padded = np.pad(image, ((0, 0), (1, 1)), mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, 3, axis=1)
    np.testing.assert_array_equal(found, windows.max(-1) - windows.min(-1))
    with pytest.raises(RuntimeError):  # 5 elements are no 3
        scipy.ndimage.generic_filter(
            image, spread.with_signature(FILTER).low_level, size=(1, 5)
        )
    swap = ob.compile("0*i + j, i", inputs=["i", "j"]).cfunc.value
    function = swap.with_signature(TRANSFORM).low_level
    moved = scipy.ndimage.geometric_transform(
        image, function, output_shape=(6, 5), order=1
    )
    np.testing.assert_allclose(moved, image.T, atol=1e-15)


# -- C ---------------------------------------------------------------------------------


def test_every_entry_point() -> None:
    """Inputs and results stand in memory in the order of a call and of the method."""
    f = ob.compile("x*exp(x*y) + sin(y)")
    x, y, e = 0.5, 0.25, math.exp(0.125)
    value = x * e + math.sin(y)
    grad = [e + x * y * e, x * x * e + math.cos(y)]
    hessian = [y * e * (2 + x * y), x * e * (2 + x * y), x**3 * e - math.sin(y)]
    product = [hessian[0] + 2 * hessian[1], hessian[1] + 2 * hessian[2]]
    expected: dict[str, tuple[list[float], list[float]]] = {
        "grad": ([x, y], grad),
        "value_and_grad": ([x, y], [value, *grad]),
        "jacobian": ([x, y], grad),
        "hessian": ([x, y], hessian),
        "vjp": ([x, y, 3.0], [3 * g for g in grad]),
        "jvp": ([x, y, 1.0, 2.0], [grad[0] + 2 * grad[1]]),
        "hvp": ([x, y, 1.0, 2.0], product),
        "value_grad_and_hvp": ([x, y, 1.0, 2.0], [value, *grad, *product]),
    }
    for name, (given, wanted) in expected.items():
        function = getattr(f.cfunc, name).with_signature(RAW)
        assert len(given) == len(function.inputs)
        np.testing.assert_allclose(called(function, *given), wanted, 1e-14)
    raw, saved = f.cfunc.value.with_signature(RAW), called(f.cfunc.forward, x, y)
    assert called(raw, x, y) == [saved[0]] == [pytest.approx(value)]
    adjoints = called(f.cfunc.backward, *saved[1:], 3.0)
    np.testing.assert_allclose(adjoints, [3 * g for g in grad], 1e-14)
    assert "seed" == f.cfunc.backward.inputs[-1]
    assert ("x", "y", "x_dot", "y_dot") == f.cfunc.jvp.inputs


def test_plain_arguments() -> None:
    """Few numbers may come one by one, those with defaults not at all."""
    value = ob.compile("x: param\nc: data = 3.0\nd: data = 4.0\nx*c - d").cfunc.value
    for given, expected in (((2.0,), 2.0), ((2.0, 5.0), 6.0), ((2.0, 5.0, 1.0), 9.0)):
        signature = f"double ({', '.join(['double'] * len(given))})"
        assert expected == value.with_signature(signature).ctypes(*given)
    assert value.with_signature(DATA).ctypes(2.0, None) == 2.0
    nothing = ob.compile("0.5 + 0.25").cfunc.value.with_signature("double (void)")
    assert nothing.ctypes() == 0.75


def test_wrong_counts() -> None:
    """More numbers than the formula takes, or too few, give NaN and touch nothing."""
    value = ob.compile("x: param\ny: param\nc: data = 3.0\nx*y + c").cfunc.value
    numbers = (ctypes.c_double * 4)(2.0, 5.0, 1.0, 9.0)
    found = [value.ctypes(n, numbers, None) for n in (-1, 0, 1, 2, 3, 4)]
    np.testing.assert_array_equal(found, [np.nan] * 3 + [13.0, 11.0, np.nan])
    assert math.isnan(value.with_signature(DATA).ctypes(2.0, None))


def test_numbers_of_all_kinds_are_doubles() -> None:
    """Singles are rounded, whole numbers cut, conditions true but for 0."""
    s = ob.param("s", dtype="float32")
    k, b = ob.data("k", dtype="int64"), ob.data("b", dtype="bool")
    f = ob.compile(ob.where(b, s * k, k), s, [s, k, b])
    one = float(np.float32(0.1))
    function = f.cfunc.value_and_grad
    assert called(function, 0.1, 3.75, 0.5) == [float(np.float32(one * 3)), 3.0]
    assert called(function, 0.1, 3.0, 0.0) == [3.0, 0.0]
    many = [ob.param(f"x{i}", dtype="float32") for i in range(600)]
    total = called(ob.compile(sum(many)).cfunc.value.with_signature(RAW), *range(600))
    assert total == [600 * 599 / 2]


def test_many_numbers() -> None:
    """Thousands of inputs and results are no more than longer vectors."""
    xs = [ob.param(f"x{i}") for i in range(3000)]
    f = ob.compile(sum(x * x for x in xs), xs, xs)
    found = called(f.cfunc.value_and_grad, *range(3000))
    assert found == [sum(i * i for i in range(3000)), *(2 * i for i in range(3000))]
    numbers = (ctypes.c_double * 3000)(*[2.0] * 3000)
    assert f.cfunc.value.ctypes(3000, numbers, None) == 12_000.0
    assert RAW in f.cfunc.value.signatures
    assert TRANSFORM not in f.cfunc.value.signatures


# -- Numba -----------------------------------------------------------------------------


def test_numba_calls_it() -> None:
    """Numba's code calls a C function as one of `ctypes`, or by its address."""
    value = bell().cfunc.value.with_signature("double (double, double)").ctypes
    both = bell().cfunc.value_and_grad
    by_address = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)(both.address)

    @numba.njit
    def run(x: float, a: float) -> Any:
        given, out = np.array([x, a]), np.empty(3)
        by_address(given.ctypes, out.ctypes)
        return value(x, a), out

    single, (total, x_bar, a_bar) = run(0.5, 2.0)
    expected = math.exp(-0.25)
    assert single == total == pytest.approx(expected, rel=1e-15)
    assert x_bar == pytest.approx(-expected, rel=1e-15)
    assert a_bar == pytest.approx(-expected / 8, rel=1e-15)


# -- lives -----------------------------------------------------------------------------


def test_it_lives_as_long_as_it_is_held() -> None:
    """Functions keep their code without the formula, and let it go when they go."""
    f = bell()
    machine = weakref.ref(f.runtime.native.made("value").machine)
    function, low_level = f.cfunc.value.ctypes, f.cfunc.value.low_level
    del f
    gc.collect()
    assert function(2, (ctypes.c_double * 2)(0.0, 1.0), None) == 1.0
    del function
    gc.collect()
    assert quad(low_level, -12, 12, args=(1.0,))[0] == pytest.approx(AREA)
    del low_level
    gc.collect()
    assert machine() is None


def test_an_address_stays() -> None:
    """An address that was asked for is good to the end of the process."""
    kind = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double, ctypes.c_double)
    plain = bell().cfunc.value.with_signature("double (double, double)").address
    raw = bell().cfunc.grad.address
    gc.collect()
    assert kind(plain)(0.0, 1.0) == 1.0
    given, out = (ctypes.c_double * 2)(1.0, 0.0), (ctypes.c_double * 2)()
    ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)(raw)(given, out)
    assert list(out) == [0.0, -0.5]


def test_better_code_takes_the_place_of_the_first() -> None:
    """A C function of a long formula runs its better code once that is there."""
    formula, expected, _ = irregular(2000, 0.25)
    f = ob.compile(formula)
    function = f.cfunc.value.with_signature("double (double)").ctypes
    assert not f.runtime.native.made("value").machine.final
    assert function(0.25) == pytest.approx(expected, rel=1e-9)
    f.build("value", optimise=True)
    assert f.runtime.native.made("value").machine.final
    assert function(0.25) == pytest.approx(expected, rel=1e-9)


def test_no_numba() -> None:
    """C functions are made and called without Numba."""
    script = (
        "import sys; import overbar as ob; "
        "f = ob.compile('x*y').cfunc.value.with_signature('double (double, double)'); "
        "print(f.ctypes(2.0, 3.0), 'numba' in sys.modules)"
    )
    command = [sys.executable, "-c", script]
    found = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    assert found == "6.0 False\n"


# -- errors ----------------------------------------------------------------------------


def test_arrays_are_refused() -> None:
    """A formula of arrays says what to use instead."""
    f = ob.compile("x: param[n]\nsum(x*x)")
    with pytest.raises(ob.UnsupportedError) as error:
        _ = f.cfunc.value
    assert str(error.value) == (
        "f.cfunc is for formulas of numbers, without operations of your own that "
        "machine code does not know; call f.jit.value in a function of your own under "
        "numba.cfunc"
    )
    inner = f.jit.value

    @numba.cfunc("double(int64, CPointer(double))")
    def by_hand(n: int, x: Any) -> Any:
        return inner(numba.carray(x, n))

    kind = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_int64, ctypes.c_void_p)
    assert kind(by_hand.address)(3, (ctypes.c_double * 3)(1.0, 2.0, 3.0)) == 14.0


def test_unknown_names_and_types() -> None:
    """What is not there is an error that lists what is."""
    f = ob.compile("x, y, x*y")
    with pytest.raises(AttributeError) as error:
        _ = f.cfunc.grad
    known = "value, forward, backward, vjp, jvp, jacobian"
    assert str(error.value) == f"f.cfunc has {known}; found 'grad'"
    with pytest.raises(ob.InputError) as refused:
        f.cfunc.value.with_signature("float (float)")
    known = f"{RAW}; {TRANSFORM}"
    assert str(refused.value) == f"expected one of {known}; found 'float (float)'"
    assert {"value", "jacobian"} <= set(dir(f.cfunc))


def test_pickles() -> None:
    """An address means nothing in another process; the formula goes there."""
    f = bell()
    function = f.cfunc.value
    shown = f"<C function value(x, a): {VECTOR}>"
    assert repr(function) == shown
    with pytest.raises(TypeError) as error:
        pickle.dumps(function)
    message = f"expected something to pickle, found {shown}; pickle the formula"
    assert str(error.value) == message
    again = pickle.loads(pickle.dumps(f)).cfunc.value.low_level
    assert quad(again, -12, 12, args=(1.0,))[0] == pytest.approx(AREA)
