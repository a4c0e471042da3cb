"""Functions over vectors, against mpmath and what C says."""

from __future__ import annotations

import machine_points as subjects
import numpy as np
import pytest

from overbar.codegen.machine import inlined, inlined_near, vectors
from overbar.codegen.machine.libraries import LIBMVEC, SVML, opened

LIBRARIES = {"libmvec": LIBMVEC, "SVML": SVML}


def library(name):
    """Return a library; skip the test where it is not installed."""
    if opened(LIBRARIES[name]) is None:
        pytest.skip(f"no {name} on this machine")
    return LIBRARIES[name]


@pytest.mark.parametrize("size", [16, 32, 64])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", [*subjects.ONE, *subjects.TWO])
@pytest.mark.parametrize("source", LIBRARIES)
def test_vector_functions_are_within_4_ulps(source, name, dtype, size):
    """Each is as close to mpmath over its range, and what C says at special values."""
    where = library(source)
    if size > 8 * vectors.lanes():
        pytest.skip("the processor has no such registers")
    lanes = size // np.dtype(dtype).itemsize
    function = subjects.function(name, dtype, lanes, where)
    if function is None:
        pytest.skip("no such function: each lane calls libm")
    given = subjects.points(name, dtype, np.random.default_rng(7))
    assert [] == subjects.wrong(name, dtype, function, given)


@pytest.mark.parametrize("lanes", [4, 8])
@pytest.mark.parametrize("name", subjects.ONE)
def test_functions_in_place_of_calls_are_within_4_ulps(name, lanes):
    """So are those that are written out, where their ways change as well."""
    where = library("libmvec")
    if lanes > vectors.lanes():
        pytest.skip("the processor has no such registers")
    if not inlined.available(name, lanes):
        pytest.skip("called in the library")
    function = subjects.function(name, "float64", lanes, where, inside=True)
    rng = np.random.default_rng(7)
    x = np.concatenate([*subjects.points(name, "float64", rng), subjects.dense(rng)])
    assert [] == subjects.wrong(name, "float64", function, [x])


@pytest.mark.parametrize("lanes", [4, 8])
@pytest.mark.parametrize(
    ("name", "of"),
    [*((name, name) for name in ("exp", "tanh", "sin", "cos")),
     *((paired, name) for name, (_, paired) in inlined_near.PAIRS.items())],
)  # fmt: skip
def test_functions_of_ordinary_numbers_are_within_4_ulps(name, of, lanes):
    """So are those that know numbers not to be large, up to the largest."""
    if lanes > vectors.lanes() or not inlined_near.available(of, lanes):
        pytest.skip("the processor has no such registers")
    rng, largest = np.random.default_rng(7), inlined_near.largest(name)
    given = [*subjects.points(of, "float64", rng), subjects.dense(rng)]
    fine = rng.uniform(-0.1, 0.1, 500), np.array([largest, -largest])
    x = np.concatenate([*given, *fine, rng.uniform(-largest, largest, 500)])
    x = x[np.abs(x) <= largest]
    assert [] == subjects.wrong(of, "float64", subjects.near(name, lanes), [x])


def test_log1p_in_place_of_a_call_is_close_at_all_sizes():
    """From the smallest numbers on, where 1 + x is rounded to 1 or by most of x."""
    if not inlined.available("log1p", 8):
        pytest.skip("called in the library")
    function = subjects.function("log1p", "float64", 8, library("libmvec"), inside=True)
    rng = np.random.default_rng(7)
    x = 10 ** rng.uniform(-320, 300, 2_000) * rng.choice([1, -1], 2_000)
    near = 10 ** rng.uniform(-20, 1, 4_000) * rng.choice([1, -1], 4_000)
    given = np.concatenate([x, near, [0.0, -0.0, np.inf, -1.0, -2.0, np.nan]])
    assert [] == subjects.wrong("log1p", "float64", function, [given])
