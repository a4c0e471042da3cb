"""At strict accuracy functions in vectors are libm's: against mpmath, to a unit."""

from __future__ import annotations

import platform

import machine_points as subjects
import numpy as np
import pytest

import overbar as ob

LOOSE = {"log10", "sinh", "tanh", "acosh", "asinh", "erfc"}
"""Functions of glibc's own that are up to two units in the last place off."""
pytestmark = pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc", reason="known of glibc's libm alone"
)


@pytest.mark.parametrize("name", [*subjects.ONE, *subjects.TWO])
def test_strict_functions_are_within_one_ulp(name, rng):
    """In batches, and in calls one by one, which have the same bits."""
    x, y = ob.param("x"), ob.param("y")
    inputs = [x, y] if name in subjects.TWO else [x]
    formula = x**y if name == "pow" else getattr(ob, name)(*inputs)
    f = ob.compile(formula, inputs=inputs, accuracy="strict")
    given = subjects.points(name, "float64", rng)
    found = f(*given)
    places = [g.tolist() for g in given]
    alone = [f(*xs) for xs in zip(*places, strict=True)]
    np.testing.assert_array_equal(found, alone)
    most, wrong = 2 if name in LOOSE else 1, []
    for got, *xs in zip(found.tolist(), *places, strict=True):
        want = subjects.truth(name, *xs)
        if want is not None and subjects.ulps(got, want, "float64") > most:
            wrong.append((xs, got, want))
    assert [] == wrong
    assert [] == subjects.wrong(name, "float64", f, given)  # at infinity and the like
