"""Batches of vectors go straight to machine code; all others go another way."""

from __future__ import annotations

import numpy as np
import pytest

import overbar as ob
from overbar.arguments import Signature
from overbar.codegen.machine import RUNS, pycalls

pytestmark = pytest.mark.skipif(
    not (RUNS and pycalls.available()), reason="no builtin functions of our own here"
)
N = 37


@pytest.fixture
def f():
    """Return a formula of which the code for vectors is made."""
    made = ob.compile("x: param\ny: param\nsin(x)*y + x*x")
    made(*np.ones((2, 3)))
    made.value_and_grad(*np.ones((2, 3)))
    return made


@pytest.fixture
def looked(monkeypatch):
    """Return a list that grows where a call is bound by Python."""
    calls, real = [], Signature.bind
    monkeypatch.setattr(
        Signature, "bind", lambda *given: calls.append(1) or real(*given)
    )
    return calls


def data(count=N):
    """Return two vectors, parts of a matrix."""
    return np.random.default_rng(3).standard_normal((2, count))


def truth(x, y):
    """Return value and gradient."""
    return np.sin(x) * y + x * x, np.cos(x) * y + 2 * x, np.sin(x)


FITTING = {
    "rows": lambda a: [*a],
    "every second": lambda a: [*np.repeat(a, 2, axis=1)[:, ::2]],
    "backwards": lambda a: [*a[:, ::-1].copy()[:, ::-1]],
    "columns": lambda a: [*a.T.copy().T],
    "one twice": lambda a: [a[0], a[0]],
}


@pytest.mark.parametrize("name", FITTING)
def test_vectors_are_taken_as_they_are(f, looked, name):
    """Whatever their strides, without a look by Python, and with the right results."""
    x, y = FITTING[name](data())
    bars = np.empty((2, N))
    out = np.empty(N)
    value, slopes = f.value_and_grad(x, y)
    found = [f(x, y), f(x, y, out=out), value, *slopes]
    same, kept = f.value_and_grad(x, y, out=[*bars])
    assert looked == []
    expected = truth(x, y)
    for got, want in zip(found, [*expected[:1] * 2, *expected], strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-14)
    np.testing.assert_array_equal(np.stack([same, *kept]), np.stack([value, *slopes]))
    np.testing.assert_array_equal(bars, np.stack([*slopes]))
    np.testing.assert_array_equal(out, found[0])


def _overlapping(a):
    whole = np.zeros(2 * N)
    whole[:N] = a[0]
    return [whole[:N], a[1]], whole[N - 1 : 2 * N - 1]


OTHERS = {
    "a matrix": lambda a: (list(a.reshape(2, N, 1)), None),
    "a number": lambda a: ([a[0], 0.5], None),
    "one for all": lambda a: ([a[0], np.broadcast_to(a[1, :1], N)], None),
    "float32": lambda a: ([a[0], a[1].astype("float32")], None),
    "other bytes": lambda a: ([a[0], a[1].astype(">f8")], None),
    "a list": lambda a: ([a[0], a[1].tolist()], None),
    "of its own kind": lambda a: ([a[0], a[1].view(np.matrix).A1.view(Own)], None),
    "nothing": lambda a: ([a[0, :0], a[1, :0]], None),
    "not aligned": lambda a: ([a[0], _shifted(a[1])], None),
    "into itself": lambda a: ([a[0], a[1]], a[0]),
    "into a part of it": _overlapping,
    "into a second column": lambda a: ([a[0], a[1]], np.empty((N, 2))[:, 0]),
    "into float32": lambda a: ([a[0], a[1]], np.empty(N, "float32")),
}


class Own(np.ndarray):
    """Be an array of the user's."""


def _shifted(row):
    room = np.empty(8 * len(row) + 1, np.uint8)[1:].view(np.float64)
    room[:] = row
    return room


@pytest.mark.parametrize("name", OTHERS)
def test_others_have_the_same_results(f, looked, name):
    """What is no vector of doubles, or written where it is read, goes by Python."""
    (x, y), out = OTHERS[name](data())
    expected = truth(np.array(x, float), np.array(y, float))[0]
    got = f(x, y) if out is None else f(x, y, out=out)
    assert len(looked) == 1
    np.testing.assert_allclose(got, expected, rtol=1e-6 if name == "into float32" else
                               1e-14)  # fmt: skip
    if out is not None:
        np.testing.assert_array_equal(out, got.astype(out.dtype))


def test_errors_stay_the_same(f):
    """Lengths that do not fit, too few arguments, what cannot be written to."""
    x, y = data()
    fixed = np.empty(N)
    fixed.flags.writeable = False
    with pytest.raises(ob.InputError, match="broadcast"):
        f(x, y[:5])
    with pytest.raises(ob.InputError, match="expected"):
        f(x)
    with pytest.raises(ob.InputError, match="out="):
        f(x, y, out=np.empty(N + 1))
    with pytest.raises(ob.InputError, match="read-only"):
        f(x, y, out=fixed)
    with pytest.raises(ob.InputError, match="out="):
        f.value_and_grad(x, y, out=[np.empty(N)])


def test_each_results_memory_is_its_own(f, looked):
    """Nothing that was returned changes in later calls."""
    x, y = data()
    first = f.value_and_grad(x, y)
    kept = np.stack([first[0], *first[1]])
    for scale in range(5):
        f.value_and_grad(scale * x, y)
    np.testing.assert_array_equal(np.stack([first[0], *first[1]]), kept)
    assert looked == []


def test_large_batches_go_to_threads(f, looked, monkeypatch):
    """Where threads pay, they are used, with the same bits."""
    monkeypatch.setenv("OVERBAR_NUM_THREADS", "2")
    x, y = data(300_000)
    many = f(x, y)
    assert len(looked) == 1
    monkeypatch.setenv("OVERBAR_NUM_THREADS", "1")
    np.testing.assert_array_equal(f(x, y), many)
    assert len(looked) == 1
