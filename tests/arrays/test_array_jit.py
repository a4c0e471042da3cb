"""Formulas over arrays called inside of the user's own compiled code."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

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


def locked(a):
    """Return a read-only copy of an array."""
    a = a.copy()
    a.flags.writeable = False
    return a


TAKEN = {
    "plain": (W, B, X, Y),
    "Fortran": (W, B, np.asfortranarray(X), Y),
    "strided": (W[::-1].copy()[::-1], B, np.repeat(X, 2, 0)[::2], np.repeat(Y, 2)[::2]),
    "read-only": (locked(W), B, locked(X), locked(Y)),
    "read-only Fortran": (W, B, locked(np.asfortranarray(X)), locked(Y)[::-1]),
    "tuples": (tuple(W), B, tuple(map(tuple, X)), tuple(Y)),
    "mixed tuples": ((1, 2.5, True), B, X, (1, 2, 3, 4)),
    "integers": (np.arange(3), 1, np.arange(12).reshape(4, 3), np.ones(4, "u8")),
    "truths": (W, True, X > 0, Y > 0),
    "float32": (W.astype("f4"), np.float32(B), X.astype("f4"), Y.astype("f4")),
    "no axes": (W, np.array(B), X, Y),
}


@pytest.mark.parametrize("kind", TAKEN)
def test_what_numpy_would_take(user, kind):
    """Arrays of any layout and dtype, tuples and numbers are taken inside too."""
    args = TAKEN[kind]
    close(ridge(*args), user(*args))


def test_lists():
    """Lists of numbers, and lists of these, are arrays; so are typed lists."""
    inner = F.jit.value_and_grad

    @numba.njit
    def outer(w, y):
        return inner(w, 1, [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], y)

    x = np.arange(1.0, 7.0).reshape(2, 3)
    expected = ridge((1, 2, 3), 1, x, (0.5, 2))
    close(expected, outer(numba.typed.List([1, 2, 3]), numba.typed.List([0.5, 2.0])))


def test_what_may_be_none():
    """A value that may be None is taken where it is not."""
    inner = F.jit.value

    @numba.njit
    def outer(w, X, y, here):
        b, z = None, None
        if here:
            b, z = 0.25, y
        return inner(w, b, X, z)

    np.testing.assert_allclose(ridge()[0], outer(W, X, Y, here=True), rtol=1e-12)
    with pytest.raises(TypeError, match="None"):
        outer(W, X, Y, here=False)


def test_from_python():
    """The same functions can be called from Python, defaults filled in."""
    close(ridge(), F.jit.value_and_grad(W, B, X, Y))
    close(ridge(lam=2.0), F.jit.value_and_grad(W, B, X, Y, 2))


TYPES = [
    ((W, W, X, Y), "expected one number for 'b', found an array of 1 axis"),
    ((1.0, B, X, Y), "expected an array of shape [d] for 'w', found one number"),
    ((W, B, Y, Y),
     "expected an array of shape [n, d] for 'X', found an array of 1 axis"),
    ((W, B, X, X), "expected an array of shape [n] for 'y', found an array of 2 axes"),
    ((W, B, X * 1j, Y),
     "expected real numbers for 'X', found array(complex128, 2d, C)"),
    ((W, "b", X, Y),
     "expected one number for 'b', found a value of type unicode_type"),
    ((W, None, X, Y), "expected one number for 'b', found a value of type none"),
    (((1, (2, 3)), B, X, Y), ("expected an array of shape [d] for 'w', found a value "
     "of type Tuple(int64, UniTuple(int64 x 2))")),
    ((W, B, ((1, 2), (1, 2, 3)), Y),
     "expected numbers of one shape for 'X', found a ragged sequence"),
    ((W, B), "expected 4 to 5 arguments (w, b, X, y, lam), found 2"),
    ((W, B, X, Y, 1.0, 2.0), "expected 4 to 5 arguments (w, b, X, y, lam), found 6"),
]  # fmt: skip


@pytest.mark.parametrize(("args", "message"), TYPES)
def test_types_that_do_not_fit(args, message):
    """A wrong argument is refused while compiling, in our own words."""
    inner = F.jit.value_and_grad

    @numba.njit
    def outer(args):
        return inner(*args)

    with pytest.raises(ob.InputError) as error:
        outer(args)
    assert message == str(error.value)


def test_numbers_that_are_no_integers():
    """Indices are integers; unsigned ones of 64 bits may be too large for them."""
    inner = ob.compile("E: param[v, d]\nw: index[k]\nsum(E[w])").jit.value
    E = np.ones((3, 2))
    assert 4 == inner(E, np.array([0, 2], np.int8)) == inner(E, (0, 2))
    for w, kind in ((np.ones(2), "float64"), (np.ones(2, "u8"), "uint64")):
        with pytest.raises(ob.InputError) as error:
            inner(E, w)
        assert f"expected int64 for 'w', found array({kind}, 1d, C)" == str(error.value)


def test_both_passes():
    """What forward keeps is taken by backward, and is its own."""
    forward, backward = F.jit.forward, F.jit.backward

    @numba.njit
    def outer(w, b, X, y):
        value, saved = forward(w, b, X, y)
        w[:] = 0
        X[:] = 0
        y[:] = 0
        return value, backward(saved), backward(saved, 2)

    value, once, twice = outer(W.copy(), B, X.copy(), Y.copy())
    close(ridge(), (value, once))
    close(ridge(), (value, (twice[0] / 2, twice[1] / 2)))


def test_seeds_and_tangents():
    """Seeds and tangents are converted and checked like arguments."""
    text = "W: param[m, n]\nx: data[n]\nh = tanh(W @ x)\nh"
    f, slow = ob.compile(text), ob.compile(text, backend="reference")
    V, x, seed = X, W, Y
    expected = slow.vjp((V, x), seed).W
    vjp, jvp = f.jit.vjp, f.jit.jvp
    np.testing.assert_allclose(expected, vjp(V, x, tuple(seed))[0], rtol=1e-12)
    tangent = jvp(V, x, np.asfortranarray(V))
    np.testing.assert_allclose(slow.jvp((V, x), V), tangent, rtol=1e-12)
    with pytest.raises(ob.InputError, match=r"expected m = 4 along axis 0 of '\w+', "):
        vjp(V, x, seed[:3])
    forward, backward = f.jit.forward, f.jit.backward
    value, saved = forward(V, x)
    np.testing.assert_allclose(expected, backward(saved, seed)[0], rtol=1e-12)
    with pytest.raises(ob.InputError, match=r"expected m = 4 along axis 0 of '\w+', "):
        backward(saved, seed[:3])
    with pytest.raises(ob.InputError, match="expected what forward returned"):
        backward(value, seed)


@pytest.mark.parametrize(
    "text", ["x: param[n]\nx", "x: param[n]\nx, x", "x: param[n]\ny = 2*x\ny, y, y[1:]"]
)
def test_results_share_memory_with_nothing(text):
    """Results are the caller's own, in C order."""
    f, x = ob.compile(text), np.arange(3.0)
    expected, found = f(x), f.jit.value(x)
    pairs = zip(as_tuple(expected), as_tuple(found), strict=True)
    for i, (wanted, array) in enumerate(pairs):
        np.testing.assert_array_equal(wanted, array)
        assert array.flags.c_contiguous
        assert not np.shares_memory(array, x)
        assert not any(np.shares_memory(array, o) for o in as_tuple(found)[:i])


def as_tuple(value):
    """Return a value, or values, as a tuple."""
    return value if isinstance(value, tuple) else (value,)


def test_no_memory_is_lost():
    """Converted arguments and results are freed."""
    from numba.core.runtime import _nrt_python, rtsys

    value, grad = F.jit.value, F.jit.value_and_grad
    identity = ob.compile("x: param[n]\nx.T, x").jit.value

    @numba.njit
    def outer(w, b, X, y):
        total = 0.0
        for _ in range(10):
            total += value(w, b, X, (1, 2, 3, 4)) + grad(w, b, X, y)[1][1]
            total += identity(y)[1][0]
        return total

    args = (W, B, np.asfortranarray(X), Y.astype(np.float32))
    outer(*args)
    _nrt_python.memsys_enable_stats()
    before = rtsys.get_allocation_stats()
    outer(*args)
    after = rtsys.get_allocation_stats()
    _nrt_python.memsys_disable_stats()
    assert after.alloc > before.alloc
    assert after.alloc - before.alloc == after.free - before.free


def test_many_threads():
    """Calls without the GIL, each with sizes of its own, do not disturb each other."""
    value = ob.compile(RIDGE).jit.value

    @numba.njit(nogil=True)
    def outer(w, b, X, y):
        total = 0.0
        for _ in range(2000):
            total += value(w, b, X, y)
        return total

    def work(n):
        return outer(W, B, X[:n], Y[:n])

    expected = [2000 * ridge(X=X[:n], y=Y[:n])[0] for n in range(5)]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(3):
            np.testing.assert_allclose(expected, list(pool.map(work, range(5))), 1e-9)


def test_caught_inside():
    """Compiled code may catch what is refused, and go on."""
    value = F.jit.value

    @numba.njit
    def outer(w, b, X, y):
        try:
            return value(w, b, X, y)
        except Exception:  # noqa: BLE001 - all that Numba knows
            return -1.0

    assert outer(W, B, X, Y[:2]) == -1.0
    np.testing.assert_allclose(ridge()[0], outer(W, B, X, Y), rtol=1e-12)


def test_many_inputs_come_as_one_array():
    """More than 16 numbers are one array, of as many elements."""
    f = ob.compile("+".join(f"x{i}**2" for i in range(20)))
    assert sum(i * i for i in range(20)) == f.jit.value(list_of(20))
    with pytest.raises(ob.InputError, match="expected 20 along axis 0 of 'inputs'"):
        f.jit.value(np.ones(19))


def list_of(n):
    """Return the first integers in reversed memory."""
    return np.arange(n)[::-1].copy()[::-1]
