"""Calls over arrays that go straight to compiled code, and those that must not."""

from __future__ import annotations

import threading
from contextlib import nullcontext

import numpy as np
import pytest

import overbar as ob
from tests.arrays.ridge import RIDGE, B, W, X, Y, close, ridge

rng = np.random.default_rng(5)


@pytest.fixture(scope="module")
def f():
    """Return ridge regression, called before, so that direct calls are possible."""
    return called("auto")


@pytest.fixture(scope="module")
def by_numba():
    """Return the same, compiled by Numba."""
    return called("numba")


def called(backend):
    """Return ridge regression, called before."""
    f = ob.compile(RIDGE, backend=backend)
    f(W, B, X, Y)
    f.grad(W, B, X, Y)
    f.value_and_grad(W, B, X, Y)
    f.flat.value_and_grad(f.flat.pack(W, B), X, Y)
    f.backward(f.forward(W, B, X, Y)[1])
    return f


@pytest.mark.parametrize(
    "call",
    [
        lambda f: f(W, B, X, Y),
        lambda f: f(W, B, X, Y, 0.5),
        lambda f: f(W, np.float64(B), X=X, y=Y),
        lambda f: f.grad(y=Y, X=X, b=B, w=W),
        lambda f: f.value_and_grad(W, B, X, Y, lam=0.5),
        lambda f: f.value_and_grad(W, B, X, Y, out=[np.empty(3), np.empty(())]),
        lambda f: f.forward(W, B, X, Y),
        lambda f: f.flat.value_and_grad(np.append(W, B), X, Y, 0.5),
    ],
)
def test_direct_calls(f, monkeypatch, call):
    """Plain arrays of shapes that came before are bound by nobody."""
    expected = call(f)

    def refuse(*_, **__):
        raise AssertionError

    monkeypatch.setattr(type(f.signature), "bind", refuse)
    monkeypatch.setattr(type(f.flat), "_bind", refuse)
    found = call(f)
    assert str(expected) == str(found)


def locked(a):
    """Return a read-only copy of an array."""
    a = a.copy()
    a.flags.writeable = False
    return a


def unaligned(a):
    """Return a copy of an array that starts at an odd address."""
    store = np.empty(a.nbytes + 1, np.uint8)
    found = np.frombuffer(store.data, a.dtype, a.size, 1).reshape(a.shape)
    found[...] = a
    return found


class Subclass(np.ndarray):
    """Be an array of another class."""


@pytest.mark.parametrize(
    "args",
    [
        (W.tolist(), B, X.tolist(), tuple(Y)),
        (W, B, np.asfortranarray(X), Y),
        (W, B, np.repeat(X, 2, axis=0)[::2], np.repeat(Y, 2)[::2]),
        (W[::-1].copy()[::-1], B, X, Y),
        (locked(W), B, locked(X), locked(Y)),
        (unaligned(W), B, unaligned(X), Y),
        (W.astype(">f8"), B, X.astype(">f8"), Y),
        (W, np.float64(B), X, Y),
        (W, np.array(B), X, Y),
        (W, np.float32(B), X, Y),
        (W, B, X.view(Subclass), Y),
    ],
)
def test_the_careful_way(f, by_numba, args):
    """Whatever NumPy would take is taken, without new machine code."""
    core = by_numba.runtime.call("value_and_grad")
    for function in (f, by_numba):
        close(ridge(), function.value_and_grad(*args))
        close(ridge(), function.value_and_grad(*args))
    assert 1 == len(core.overloads)


def test_other_dtypes(f):
    """Integers, truths and float32 are converted."""
    for dtype in (np.float32, np.int8, np.uint64, bool):
        x = (np.arange(12).reshape(4, 3) % 5).astype(dtype)
        close(ridge(X=x), f.value_and_grad(W, B, x, Y))
    close(ridge(b=1), f.value_and_grad(W, 1, X, Y))
    close(ridge(b=1), f.value_and_grad(W, True, X, Y))  # noqa: FBT003


REFUSED = [
    (lambda f: f(W, B, X, Y[:3]),
     "expected n = 4, as in 'X', along axis 0 of 'y', found 3"),
    (lambda f: f(W, W, X, Y),
     "expected one number for 'b', found an array of shape (3,)"),
    (lambda f: f(B, B, X, Y),
     "expected an array of shape [d] for 'w', found one number"),
    (lambda f: f(W, B, X), "expected values for w, b, X, y, lam; found none for y"),
    (lambda f: f(W, B, X, Y, z=1.0),
     "expected arguments named w, b, X, y, lam, found 'z'"),
    (lambda f: f(W, B, X, Y, w=W), "expected one value for 'w', found two"),
    (lambda f: f(W, B, X, Y, 1.0, 2.0),
     "expected at most 5 arguments (w, b, X, y, lam), found 6"),
    (lambda f: f(W, B, X * 1j, Y),
     "expected real numbers for 'X', found ndarray of dtype complex128"),
    (lambda f: f(W, "b", X, Y), "expected real numbers for 'b', found the text 'b'"),
    (lambda f: f(W, None, X, Y),
     "expected real numbers for 'b', found a value of type NoneType"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "message"), REFUSED)
def test_errors_do_not_depend_on_the_way(f, call, message):
    """A wrong call says the same whether or not direct calls are possible."""
    for each in (f, ob.compile(RIDGE, backend="reference")):
        with pytest.raises(ob.InputError) as error:
            call(each)
        assert message == str(error.value)


def test_sizes_come_with_each_call(f):
    """Calls of different sizes may follow each other, in any order."""
    for n in (1, 4, 0, 7, 4, 0):
        x, y = rng.normal(size=(n, 3)), rng.normal(size=n)
        close(ridge(X=x, y=y), f.value_and_grad(W, B, x, y))
        close(ridge(X=x, y=y), f.value_and_grad(W, B, y=y, X=x))


def test_more_shapes_than_are_remembered():
    """What is remembered of shapes is bounded, and forgetting does no harm."""
    f = ob.compile("x: param[n]\nsum(x)")
    for n in range(3000):
        assert n == f(np.ones(n))
    assert len(f.signature.seen) <= 1024


VIEWS = [
    "x: param[n]\nx", "x: param[n]\nx, x",
    "x: param[n]\nx.T, x[:1], reshape(x, (1, n))",
    "x: param[n]\ny = 2*x\ny, y, y[:2]", "x: param[n]\nflip(x)",
]  # fmt: skip


@pytest.mark.parametrize("text", VIEWS)
def test_results_share_memory_with_nothing(text):
    """Results are the caller's own, from the first call on."""
    f, x = ob.compile(text), np.arange(3.0)
    before = [np.copy(v) for v in as_tuple(f(x))]
    for call in (f, lambda x: f.forward(x)[0]):
        for _ in range(3):
            found = as_tuple(call(x))
            for i, (expected, array) in enumerate(zip(before, found, strict=True)):
                np.testing.assert_array_equal(expected, array)
                assert array.flags.writeable
                assert array.flags.c_contiguous
                assert not np.shares_memory(array, x)
                assert not any(np.shares_memory(array, o) for o in found[:i])
                array[...] = -1
    np.testing.assert_array_equal(np.arange(3.0), x)


def as_tuple(value):
    """Return a value, or values, as a tuple."""
    return value if isinstance(value, tuple) else (value,)


def test_what_forward_keeps_is_its_own(f):
    """Arrays may change between the passes."""
    w, x = W.copy(), X.copy()
    for _ in range(2):
        _, saved = f.forward(w, B, x, Y)
        gradient = f.backward(saved)
        w[:], x[:] = 0, 0
        np.testing.assert_array_equal(gradient.w, f.backward(saved).w)
        w[:], x[:] = W, X


def test_values_that_are_refused(f):
    """An index out of range says where, also when called directly before."""
    del f
    g = ob.compile("E: param[v, d]\nw: index[k]\nsum(E[w])")
    E, w = np.ones((3, 2)), np.array([0, 2])
    for _ in range(2):
        assert 4 == g(E, w)
        with pytest.raises(ob.InputError, match=r"expected indices from -3 to 2 in .*"):
            g(E, np.array([0, 5]))


def test_constants():
    """Constant arrays are handed on by direct calls too."""
    A = rng.normal(size=(2, 3))
    f = ob.compile(np.sum(A @ ob.param("x", (3,))))
    for _ in range(3):
        np.testing.assert_allclose((A @ W).sum(), f(W), rtol=1e-14)


def test_constants_in_single_precision():
    """A formula of float32 rounds its constants; what it cannot hold is an error."""
    x, wide = ob.param("x", (2,), dtype="float32"), np.array([0.1, 2.0**24 + 1])
    f = ob.compile(wide * x, "x")
    for v in (np.ones(2, np.float32), np.ones(2), [1, 1]):
        assert np.float32 == f(v).dtype == f.vjp((v,), v).dtype
        np.testing.assert_array_equal(wide.astype(np.float32), f(v))
    with pytest.raises(ob.ShapeError) as error:
        ob.compile(np.array([np.inf, 1e300]) * x)
    assert (
        "expected constants that float32 can hold, as the inputs have it, found "
        "1e+300, in [inf, 1e+300]"
    ) == str(error.value)
    with pytest.raises(ob.ShapeError, match="cannot mix float32 and float64"):
        ob.compile(ob.param("y", (2,)) * x)


def test_single_precision(monkeypatch):
    """Arrays of float32 stay what they are, with and without numbers beside them."""
    refused = pytest.raises(ob.InputError, match="expected real numbers for 'k'")
    x = np.arange(3, dtype=np.float32)
    parts = ob.param("x", ("n",), dtype="float32"), ob.param("k", (), dtype="float32")
    for f, args in (
        (ob.compile(parts[0] * parts[0]), (x,)),
        (ob.compile(parts[0] * parts[1], inputs=["x", "k"]), (x, 2.0)),
    ):
        for _ in range(3):
            assert np.float32 == f(*args).dtype
            np.testing.assert_array_equal(x * (args[1:] or (x,))[0], f(*args))
        with refused if args[1:] else nullcontext():
            f(x, *["1.5" for _ in args[1:]])
        with monkeypatch.context() as patch:
            patch.setattr(f.signature, "bind", None)
            assert np.float32 == f(*args).dtype


def test_many_numbers():
    """More numbers than a tuple holds come as they do from the first call."""
    f = ob.compile("x: param[n]\n" + ", ".join(f"sum(x)*{i}" for i in range(20)))
    for _ in range(3):
        assert [float(3 * i) for i in range(20)] == list(f(np.ones(3)))
        assert {float} == set(map(type, f(np.ones(3))))


def test_threads(f):
    """Many threads may make the first direct calls at once."""
    g, found = ob.compile(RIDGE.replace("J", "K")), []
    del f

    def work():
        found.extend(g(W, B, X, Y) for _ in range(20))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert 1 == len(set(found))
    np.testing.assert_allclose(ridge()[0], found[0], rtol=1e-14)


def test_an_array_that_nothing_reads():
    """An array that the formula has no use for is taken; its gradient is zeros."""
    x, a = ob.param("x", ("n",)), ob.param("a")
    f = ob.compile(a * 2, inputs=[x, a])
    value, gradient = f.value_and_grad(np.ones(3), 1.5)
    assert (3.0, 2.0) == (value, gradient.a)
    np.testing.assert_array_equal(np.zeros(3), gradient.x)
    assert f(np.ones(3), 1.5) == 3.0 == f.jit.value(np.ones(3), 1.5)
    np.testing.assert_array_equal([3.0, 3.0], f.batch(np.ones((2, 3)), 1.5))
