"""Formulas with constant arrays called inside of the user's own compiled code."""

from __future__ import annotations

import subprocess
import sys

import numba
import numpy as np
import pytest

import overbar as ob
from tests.arrays.ridge import W, X

A = X


def constant(array=A):
    """Return a formula with a constant array."""
    x = ob.param("x", (3,))
    return ob.compile(np.sum((array @ x) ** 2))


def test_constant_arrays():
    """Constant arrays come along, unseen."""
    inner = constant().jit.value_and_grad

    @numba.njit
    def descend(x, n):
        for _ in range(n):
            _, (x_bar,) = inner(x)
            x = x - 0.1 * x_bar
        return inner(x)[0]

    x = W
    for _ in range(5):
        x = x - 0.1 * 2 * A.T @ (A @ x)
    np.testing.assert_allclose(np.sum((A @ x) ** 2), descend(W, 5), rtol=1e-12)
    with pytest.raises(ob.InputError, match="expected 3 along axis 0 of 'x', found 2"):
        descend(W[:2], 5)


def test_constant_arrays_cannot_be_changed():
    """A constant that is itself a result is returned as a copy."""
    f = ob.compile(ob.param("x", (3,)) * 0 + A[0], inputs=["x"])
    g = ob.compile((ob.param("x", (3,)), np.add(A[0], 0 * ob.param("x", (3,)))))
    for each in (f, g):
        found = last(each.jit.value(W))
        found[:] = 7
        np.testing.assert_array_equal(A[0], last(each.jit.value(W)))


def test_formulas_with_other_constants():
    """Two formulas that differ in constants alone keep their own."""
    first, second = constant().jit.value, constant(2 * A).jit.value

    @numba.njit
    def both(x):
        return first(x), second(x)

    one, two = both(W)
    np.testing.assert_allclose([np.sum((A @ W) ** 2), 4 * one], [one, two], rtol=1e-12)


USER = """
import gc, sys, warnings
warnings.simplefilter("ignore")
import numba
import numpy as np
import overbar as ob

x = ob.param("x", (3,))
formula = ob.compile(np.sum((float(sys.argv[1]) * np.ones((4, 3))) @ x)).jit.value

@numba.njit(cache=True)
def user(x):
    return formula(x)

print(user(np.ones(3)))
del x, formula
gc.collect()
junk = [np.full((4, 3), 7.0) for _ in range(1000)]
print(user(np.ones(3)))
"""


def test_a_users_cached_function_never_has_old_constants(tmp_path):
    """A cached user function has the new constants in a new process, and keeps them."""
    script = tmp_path / "user.py"
    script.write_text(USER)
    outputs = [
        subprocess.run(
            [sys.executable, str(script), factor],
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for factor in ("1", "2")
    ]
    assert outputs == ["12.0\n12.0\n", "24.0\n24.0\n"]


def last(value):
    """Return a value, or the last of several."""
    return value[-1] if isinstance(value, tuple) else value
