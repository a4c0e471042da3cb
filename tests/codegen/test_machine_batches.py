"""Large batches in threads, and gradients in arrays of the caller's."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import threading

import numpy as np
import pytest
from machine_points import FORMULAS

import overbar as ob
from overbar.codegen.machine import threads
from overbar.ir.errors import InputError

# -- threads -------------------------------------------------------------------------


@pytest.mark.usefixtures("lots")
def test_threads_change_nothing(rng, monkeypatch):
    """One thread and three give the same bits, in sums too."""
    x, y = rng.uniform(0.1, 3.0, (2, 3_001))
    for reduce in (None, "sum"):
        w = {"wrt": []} if reduce else {}
        f = ob.compile(FORMULAS["helpers"], reduce=reduce, **w)
        found = []
        for count in ("1", "2", "3", "7"):
            monkeypatch.setenv(threads.VARIABLE, count)
            found.append(f(x, y))
        for other in found[1:]:
            np.testing.assert_array_equal(other, found[0])


@pytest.mark.usefixtures("lots")
def test_a_number_of_threads_is_a_number(monkeypatch):
    """What is no count of threads is refused by name."""
    f = ob.compile("x*x")
    for text in ("many", "0", "-1"):
        monkeypatch.setenv(threads.VARIABLE, text)
        with pytest.raises(InputError, match=threads.VARIABLE):
            f(np.ones(3))


def test_as_many_threads_as_there_is_work(monkeypatch, rng):
    """A number beyond all sense is one that is large enough."""
    monkeypatch.setattr(threads, "SMALLEST", 0)
    monkeypatch.setenv(threads.VARIABLE, "9" * 30)
    f, x = ob.compile("x*x"), rng.random(1_000)
    before = threading.active_count()
    np.testing.assert_array_equal(f(x), x * x)
    assert threading.active_count() - before < 16
    assert threads.count() < 10_000


@pytest.mark.usefixtures("lots")
def test_a_fault_in_a_thread_is_raised():
    """What one thread raises, the caller hears of, after all have ended."""

    def run(start, _):
        if start:
            raise ValueError("here")

    with pytest.raises(ValueError, match="here"):
        threads.share(run, 10_000, 1.0)


@pytest.mark.usefixtures("lots")
def test_a_batch_may_interrupt_another(rng):
    """A signal's handler runs a batch where its thread is about to share one."""
    f, x = ob.compile("x*x"), rng.random(3_000)
    with threads._Pool.lock:
        assert threads._Pool.lock.acquire(blocking=False)
        threads._Pool.lock.release()
        np.testing.assert_array_equal(f(x), x * x)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_forked_child_has_threads_of_its_own():
    """After a fork both processes share batches among threads, and end."""
    script = """
        import os, threading, numpy as np, overbar as ob
        from overbar.codegen.machine import threads
        threads.SMALLEST, threads._PIECE = 0, 1
        f = ob.compile("exp(-x*x)")
        x = np.linspace(0.0, 3.0, 5_000)
        expected = f(x)
        child = os.fork()
        same = np.array_equal(f(x), expected)
        if not child:
            os._exit(0 if same and threading.active_count() > 1 else 1)
        _, status = os.waitpid(child, 0)
        print(same, status)
    """
    env = os.environ | {threads.VARIABLE: "3"}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", textwrap.dedent(script)],
        env=env, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert ("True 0\n", "") == (done.stdout, done.stderr)


# -- arrays of the caller's ------------------------------------------------------------


@pytest.mark.parametrize("backend", ["auto", "numba"])
def test_gradients_are_written_where_they_are_wanted(backend, rng):
    """Arrays that fit are filled and returned, others are filled."""
    f = ob.compile(FORMULAS["functions"], backend=backend)
    x, y = rng.uniform(0.1, 3.0, (2, 4, 5))
    value, expected = f.value_and_grad(x, y)
    out = [np.empty((4, 5)), np.empty((4, 5))]
    found = f.value_and_grad(x, y, out=out)
    np.testing.assert_array_equal(found[0], value)
    for entry, target, want in zip(found[1], out, expected, strict=True):
        assert entry is target
        np.testing.assert_array_equal(target, want)
    wide = np.zeros((4, 10))
    back = [wide[:, ::2], np.empty((5, 4)).T]
    f.value_and_grad(x, y, out=back)
    for target, want in zip(back, expected, strict=True):
        np.testing.assert_array_equal(target, want)


@pytest.mark.parametrize("backend", ["auto", "numba"])
def test_values_are_written_where_they_are_wanted(backend, rng):
    """So are values, of one output or of several."""
    x, y = rng.uniform(0.1, 3.0, (2, 4, 5))
    for formula in (FORMULAS["functions"], "s = x*y\nt = exp(x) - y\ns, t"):
        f = ob.compile(formula, backend=backend)
        want = f(x, y)
        want, single = (want, False) if isinstance(want, tuple) else ([want], True)
        fitting = [np.empty((4, 5)) for _ in want]
        found = f(x, y, out=fitting[0] if single else fitting)
        for target, entry in zip(fitting, [found] if single else found, strict=True):
            assert entry is target
        back = [np.zeros((4, 10))[:, ::2] for _ in want]
        f(x, y, out=back[0] if single else back)
        np.testing.assert_array_equal(fitting, want)
        np.testing.assert_array_equal(back, want)


def test_values_in_the_place_of_arguments(rng):
    """An argument is read before a value goes there, in part of it too."""
    f = ob.compile(FORMULAS["functions"])
    x, y = rng.uniform(0.1, 3.0, (2, 300))
    want, given, longer = f(x, y), x.copy(), np.append(x, 0.0)
    f(given, y, out=given)
    f(longer[:-1], y, out=longer[1:])
    np.testing.assert_array_equal([given, longer[1:]], [want, want])


def test_gradients_in_the_place_of_arguments(rng):
    """What is read may be where results go: it is read before."""
    f = ob.compile(FORMULAS["functions"])
    x, y = rng.uniform(0.1, 3.0, (2, 300))
    _, expected = f.value_and_grad(x, y)
    given = [x.copy(), y.copy()]
    f.value_and_grad(*given, out=given[::-1])
    for target, want in zip(given[::-1], expected, strict=True):
        np.testing.assert_array_equal(target, want)
    same = np.empty(300)
    f.value_and_grad(x, y, out=[same, same])
    np.testing.assert_array_equal(same, expected[1])


@pytest.mark.parametrize("shape", [(3,), (2, 3)])
def test_out_of_another_shape_is_refused(shape):
    """Arrays that are not of the points' shape are an error, as without arrays."""
    f = ob.compile("x*y")
    with pytest.raises(InputError, match="out="):
        f.value_and_grad(np.ones(4), 1.0, out=[np.empty(shape), np.empty(shape)])
    with pytest.raises(InputError, match="out="):
        f.value_and_grad(np.ones(4), 1.0, out=[np.empty(4)] * len(shape) * 4)
