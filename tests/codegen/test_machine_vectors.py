"""Functions over vectors, against mpmath and what C says."""

from __future__ import annotations

import machine_points as subjects
import numpy as np
import pytest

from overbar.codegen.machine import inlined, libmvec, vectors

WITHOUT = libmvec.library() is None


@pytest.mark.skipif(WITHOUT, reason="no libmvec on this machine")
@pytest.mark.parametrize("lanes", [2, 4, 8])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", [*subjects.ONE, *subjects.TWO])
def test_vector_functions_are_within_4_ulps(name, dtype, lanes):
    """Each is as close to mpmath over its range, and what C says at special values."""
    if lanes > vectors.lanes():
        pytest.skip("the processor has no such registers")
    function = subjects.function(name, dtype, lanes)
    if function is None:
        pytest.skip("no such function: each lane calls libm")
    given = subjects.points(name, dtype, np.random.default_rng(7))
    assert [] == subjects.wrong(name, dtype, function, given)


@pytest.mark.skipif(WITHOUT, reason="no libmvec on this machine")
@pytest.mark.parametrize("lanes", [4, 8])
@pytest.mark.parametrize("name", subjects.ONE)
def test_functions_in_place_of_calls_are_within_4_ulps(name, lanes):
    """So are those that are written out, where their ways change as well."""
    if lanes > vectors.lanes():
        pytest.skip("the processor has no such registers")
    if not inlined.available(name, lanes):
        pytest.skip("called in the library")
    function = subjects.function(name, "float64", lanes, inside=True)
    rng = np.random.default_rng(7)
    x = np.concatenate([*subjects.points(name, "float64", rng), subjects.dense(rng)])
    assert [] == subjects.wrong(name, "float64", function, [x])
