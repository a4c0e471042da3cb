"""Functions over vectors, against mpmath and what C says."""

from __future__ import annotations

import machine_points as subjects
import numpy as np
import pytest

from overbar.codegen.machine import vectors

WITHOUT = vectors.library() is None


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
    wrong = []
    rows = zip(function(*given).tolist(), *(g.tolist() for g in given), strict=True)
    for got, *xs in rows:
        want = subjects.truth(name, *xs)
        if want is not None:
            if subjects.ulps(got, want, dtype) > 4:
                wrong.append((xs, got, want))
            continue
        try:
            want = subjects.by_libm(name, dtype, xs)
        except (ValueError, OverflowError):
            continue
        close = np.isclose(got, want, rtol=4 * float(np.finfo(dtype).eps), atol=0)
        signs = np.signbit(got) == np.signbit(want) or want != 0
        if not (np.isnan(got) and np.isnan(want)) and not (close and signs):
            wrong.append((xs, got, want))
    assert [] == wrong
