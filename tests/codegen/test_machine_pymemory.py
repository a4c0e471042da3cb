"""Check that functions of machine code keep count of what they touch, and threads."""

from __future__ import annotations

import gc
import sys
import threading
import time
import tracemalloc
import weakref
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from machine_cores import (
    AWAIT,
    core,
    each_way,
    numbers,
    told,
    usual,
    vector,
)

from overbar.codegen.machine import pycalls
from overbar.codegen.machine.pycores import Parameter
from overbar.results import named_type

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = usual


def mixed_calls() -> tuple[list[Any], Callable[[], None]]:
    """Return objects, and calls of every kind that use them."""
    run = pycalls.builtin(numbers("abc"), told, "value_and_grad")
    flat = pycalls.builtin(vector(3, out=True), told, "value_and_grad")
    wide = pycalls.builtin(vector(500), told, "value_and_grad")
    a, theta, out, large = 1.5, np.ones(3), np.ones(3), np.ones(500)
    word, big = "text", 10**400

    def call() -> None:
        run(a, a, a)
        run(a, c=a, b=True)
        run(a, a)
        run(a, word, a)
        run(a, big, c=a)
        flat(theta)
        flat(theta, out=out)
        flat(theta, out=word)
        flat(word)
        wide(large)
        wide(theta)

    kind = named_type(("a", "b", "c"))
    objects = [run, flat, wide, a, theta, out, large, word, big, kind, told]
    return [*objects, np.ndarray, tuple, float, theta.dtype, None, True], call


def test_references_are_counted() -> None:
    """No call keeps or loses a reference to anything it touches."""
    objects, call = mixed_calls()
    call()
    before = [sys.getrefcount(each) for each in objects]
    for _ in range(1000):
        call()
    assert before == [sys.getrefcount(each) for each in objects]


def test_memory_stays() -> None:
    """Many calls leave nothing behind."""
    _, call = mixed_calls()
    for _ in range(100):
        call()
    tracemalloc.start()
    try:
        gc.collect()
        before, _ = tracemalloc.get_traced_memory()
        for _ in range(5000):
            call()
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 5000


@each_way
def test_what_a_function_holds(make: Any) -> None:
    """A function keeps its fallback, and both go together, also from a circle."""

    class Holder:
        def fall_back(self, *args: Any) -> Any:
            return self, args

    holder = Holder()
    run = make(numbers("ab"), holder.fall_back, "value")
    holder.run = run  # type: ignore[attr-defined]
    alive = weakref.ref(holder)
    del holder
    gc.collect()
    assert run("a", "b")[1] == ("a", "b")
    assert alive() is not None
    del run
    gc.collect()
    assert alive() is None


def test_functions_come_and_go() -> None:
    """Making functions again and again leaves nothing behind."""
    one = numbers("abc")
    for _ in range(10):
        pycalls.builtin(one, told, "value")(1.0, 2.0, 3.0)
    gc.collect()
    before = sys.getrefcount(told), sys.getrefcount(one.keep), len(gc.get_objects())
    for _ in range(200):
        pycalls.builtin(one, told, "value")(1.0, 2.0, 3.0)
    gc.collect()
    after = sys.getrefcount(told), sys.getrefcount(one.keep), len(gc.get_objects())
    assert before[:2] == after[:2]
    assert after[2] - before[2] < 50


def test_no_memory() -> None:
    """Where memory is short a call raises MemoryError and loses nothing."""
    testing = pytest.importorskip("_testcapi")
    objects, call = mixed_calls()
    call()
    objects = objects[:11]  # Python makes and drops its own None and the like
    run, _, wide, *_ = objects
    xs, large = (1.0, 2.0, 3.0), objects[6]
    kept = [run(*xs) for _ in range(200)]  # empties the lists of free floats
    before = [sys.getrefcount(each) for each in objects]
    failed = 0
    for start in range(12):
        for action in (lambda: run(*xs), lambda: wide(large)):
            testing.set_nomemory(start, start + 1)
            try:
                action()
            except MemoryError:
                failed += 1
            finally:
                testing.remove_mem_hooks()
    assert failed > 2
    assert before == [sys.getrefcount(each) for each in objects]
    assert len(kept) == 200


@each_way
@pytest.mark.parametrize("waits", [False, True])
def test_threads(make: Any, waits: bool) -> None:
    """Threads do not disturb each other's numbers."""
    run = make(vector(300, waits=waits), told, "value_and_grad")

    def work(k: int) -> bool:
        theta = np.full(300, float(k))
        expected = theta**2
        return all((run(theta)[1] == expected).all() for _ in range(200))

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(16)))


@pytest.mark.parametrize("waits", [False, True])
def test_others_run_meanwhile(waits: bool) -> None:
    """Other threads run during a core if they may, and only then."""
    looks = 2**33 if waits else 2**24
    parameters = [Parameter("theta", size=1, placed=True)]
    run = pycalls.builtin(
        core(AWAIT, looks, parameters, "float64", waits=waits), told, "value"
    )
    theta, started = np.zeros(1), threading.Event()

    def set_it() -> None:
        started.set()
        time.sleep(0.001)
        theta[0] = 5.0

    thread = threading.Thread(target=set_it)
    thread.start()
    started.wait()
    found = run(theta)
    thread.join()
    if waits:
        assert found == 5.0
    else:
        assert theta[0] == 5.0
        assert found in {0.0, 5.0}
