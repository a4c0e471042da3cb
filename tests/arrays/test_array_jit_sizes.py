"""Sizes of arrays that the user's own compiled code gives to formulas."""

from __future__ import annotations

import numba
import numpy as np
import pytest

import overbar as ob
from tests.arrays.ridge import RIDGE, B, W, X, Y, called_inside, close, ridge

F = ob.compile(RIDGE)


@pytest.fixture(scope="module")
def user():
    """Return a user's own compiled function that calls a formula."""
    return called_inside(F)


SIZES = [
    (W, B, X, Y[:3]), (W[:2], B, X, Y), (W, B, X[:, :2], Y), (W, B, X.T, Y),
    (W, B, X[:0], Y), (W, B, X, np.ones(0)), (W, B, X, [1, 2, 3]),
]  # fmt: skip


@pytest.mark.parametrize("args", SIZES)
def test_sizes_that_do_not_fit(user, args):
    """Wrong sizes are refused when running, as outside of compiled code."""
    close(ridge(), user(W, B, X, Y))
    args = [np.asarray(a) if isinstance(a, list) else a for a in args]
    with pytest.raises(ob.InputError) as expected:
        F(*args)
    for _ in range(2):
        with pytest.raises(ob.InputError) as error:
            user(*args)
        assert str(expected.value) == str(error.value)
    close(ridge(), user(W, B, X, Y))


@pytest.mark.parametrize(
    ("text", "x"),
    [
        ("x: param[n]\nsum(x[1:] - x[:-1])", []),
        ("x: param[n]\nx[3]*2", [1.0, 2.0]),
        ("x: param[n]\nsum(x[-3:]*2)", [1.0, 2.0]),
        ("x: param[3]\nsum(x)", [1.0, 2.0]),
    ],
)
def test_sizes_that_a_formula_has_no_use_for(text, x):
    """Nothing is read outside of an array that is too small."""
    f, x = ob.compile(text), np.array(x)
    with pytest.raises(ob.InputError) as expected:
        f(x)
    with pytest.raises(ob.InputError) as error:
        f.jit.value(x)
    assert str(expected.value) == str(error.value)


def test_sizes_may_change_from_call_to_call():
    """Sizes alternate, none among them; all are checked."""
    value = F.jit.value

    @numba.njit
    def outer(w, b, X, y):
        total = np.empty(len(y) + 1)
        for n in range(len(y) + 1):
            total[n] = value(w, b, X[:n], y[:n])
        return total

    expected = [ridge(X=X[:n], y=Y[:n])[0] for n in range(5)]
    for _ in range(2):
        np.testing.assert_allclose(expected, outer(W, B, X, Y), rtol=1e-12)
    many = ob.compile("x: param[n]\nsum(x)").jit.value
    assert all(n == many(np.ones(n)) for n in range(5000))
