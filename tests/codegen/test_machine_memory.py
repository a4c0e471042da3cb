"""Memory of results: whose it is, and when it is used again."""

from __future__ import annotations

import gc
import itertools
import threading

import numpy as np
import pytest

import overbar as ob
from overbar.codegen.machine import reused
from overbar.mapping import fit, reduced

LARGE = reused.SMALLEST // 8


@pytest.fixture
def small(monkeypatch):
    """Treat small results as if they were large; nothing is kept before or after."""
    monkeypatch.setattr(reused, "SMALLEST", 1_000)
    reused._kept.clear()
    yield 1_000
    reused._kept.clear()


def test_memory_is_used_again_when_nobody_holds_it(small):
    """A result's memory is another's only after all arrays that look into it ended."""
    (first,) = reused.vectors(1, small, "float64")
    place, part = reused.address(first), first[10:20].reshape(2, 5)
    part[:] = 7.0
    del first
    gc.collect()
    assert 0 == reused.kept()
    (second,) = reused.vectors(1, small, "float64")
    assert reused.address(second) != place
    second[:] = 0.0
    np.testing.assert_array_equal(part, np.full((2, 5), 7.0))
    del part
    gc.collect()
    assert 0 < reused.kept()
    (third,) = reused.vectors(1, small, "float64")
    assert place == reused.address(third)


@pytest.mark.usefixtures("small")
def test_little_memory_is_kept(monkeypatch):
    """The oldest goes when there is too much; pieces of other sizes are not taken."""
    monkeypatch.setattr(reused, "MOST", 100_000)
    held = [reused.vectors(1, n, "float64") for n in (1_000, 2_000, 3_000, 4_000)]
    held.clear()
    gc.collect()
    assert 0 < reused.kept() <= reused.MOST
    (other,) = reused.vectors(1, 12_345, "float64")
    assert 12_345 == other.size
    (large,) = reused.vectors(1, 100_000, "float64")
    large[:] = 1.0
    del large, other
    gc.collect()
    assert reused.kept() <= reused.MOST


@pytest.mark.usefixtures("small")
def test_what_is_too_large_takes_nothing_from_others(monkeypatch):
    """A result larger than all that is kept goes, and what is kept stays."""
    monkeypatch.setattr(reused, "MOST", 100_000)
    (usual,) = reused.vectors(1, 1_000, "float64")
    (large,) = reused.vectors(1, 20_000, "float64")
    del usual
    gc.collect()
    expected = reused.kept()
    del large
    gc.collect()
    assert 0 < expected == reused.kept()


@pytest.mark.usefixtures("small")
def test_memory_ends_in_peace_when_another_thread_takes_the_rest(monkeypatch):
    """What is given back while all that is kept goes elsewhere raises nothing."""

    def kept():
        reused._kept.clear()  # as a thread that looks for a piece of its size
        return reused.MOST + 1

    monkeypatch.setattr(reused, "kept", kept)
    reused._keep(np.empty(1_000, np.uint8))
    assert not reused._kept


@pytest.mark.usefixtures("small")
def test_collections_give_memory_back_at_any_moment():
    """Results in cycles may end while what is kept is counted."""
    held = [reused.vectors(1, 1_000, "float64") for _ in range(40)]
    held.clear()
    thresholds = gc.get_threshold()
    try:
        for often in range(2, 40):
            gc.set_threshold(often, 1_000, 1_000)
            for _ in range(20):
                cycle = reused.vectors(1, 1_000, "float64")
                cycle.append(cycle)
                del cycle
                assert 0 < reused.kept() <= reused.MOST
    finally:
        gc.set_threshold(*thresholds)


@pytest.mark.parametrize("length", [0, 1, 100, 511, 512, 4_096, 5_001, LARGE])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_vectors_are_vectors(length, dtype):
    """They are apart, without gaps, aligned, of the length and dtype wanted."""
    found = reused.vectors(3, length, dtype)
    for i, vector in enumerate(found):
        assert ((length,), np.dtype(dtype)) == (vector.shape, vector.dtype)
        flags = vector.flags
        assert flags.c_contiguous
        assert flags.aligned
        assert flags.writeable
        vector[:] = i
    for i, vector in enumerate(found):
        np.testing.assert_array_equal(vector, np.full(length, i, dtype))
    assert fit(found, [], (length,), dtype)


def test_results_outlive_calls_that_come_later(small, rng):
    """What a call returned stays as it is, whatever is computed after it."""
    f = ob.compile("exp(x)*y", wrt=["x", "y"])
    x, y = rng.uniform(-1, 1, (2, 3 * small))
    value, (x_bar, y_bar) = f.value_and_grad(x, y)
    expected = value.copy(), x_bar.copy(), y_bar.copy()
    for k in range(5):
        f.value_and_grad(x + k, y)
        f(y, x)
    for got, want in zip((value, x_bar, y_bar), expected, strict=True):
        np.testing.assert_array_equal(got, want)
    np.testing.assert_allclose(value, np.exp(x) * y, rtol=1e-15)


def test_threads_take_memory_of_their_own(small):
    """Threads that take and give back at once never hold the same memory."""
    faults = []

    def work(mark):
        for _ in range(300):
            (mine,) = reused.vectors(1, small, "float64")
            mine[:] = mark
            if not (mine == mark).all():
                faults.append(mark)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert [] == faults


@pytest.mark.parametrize("reduce", ["sum", "mean"])
def test_rows_are_reduced_one_by_one(reduce, rng):
    """Sums over rows of one array and over vectors are the same."""
    rows = rng.normal(size=(3, 1_000))
    expected = getattr(np, reduce)(rows, axis=1).tolist()
    assert expected == reduced(list(rows), reduce)


def test_arrays_that_overlap_do_not_fit(rng):
    """Results share memory with nothing: as NumPy's function says, pair by pair."""
    base = rng.normal(size=64)
    cuts = [base[i:j] for i, j in itertools.combinations(range(0, 65, 8), 2)]
    odd = [base[::2], base[::-1][:8], base[40:30:-3], base[60:]]
    for a in (c for c in cuts if c.size == 16):
        for b in cuts + odd:
            expected = not np.may_share_memory(a, b)
            assert expected == fit([a], [b], (16,), "float64")
            if b.shape == (16,) and b.flags.c_contiguous:
                assert expected == fit([a, b], [], (16,), "float64")
    quarter = base.view()
    quarter.flags.writeable = False
    assert not fit([base[:16]], [quarter], (16,), "float64")
    assert fit([base[:16]], [np.zeros(16), 1.0], (16,), "float64")
    assert not fit([base[:16]], [base[16:], base[8:24]], (16,), "float64")
