"""The shorter way of batches: right where it is taken, and not taken elsewhere."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

import overbar as ob
from overbar.codegen.machine import points, vectors
from overbar.codegen.machine.ordinary import ordinary
from overbar.native import wanted

SIZES = [
    0.0, 5e-324, 1e-310, 2.3e-308, 1e-200, 1e-160, 1e-145, 1e-20, 0.3, 1.0, 3.7, 1e5,
    1e10, 1e140, 1e153, 1e155, 1e200, 1.7e308, math.inf,
]  # fmt: skip
SPECIAL = [*SIZES, *(-v for v in SIZES), math.nan]
FORMULAS = {
    "hypot(x, y)": "xy",
    "sqrt(x**2 + y**2 + z**2)": "xyz",
    "1/sqrt(x**2 + y**2 + z**2)": "xyz",
    "x/sqrt(x**2 + y**2) + z": "xyz",
    "x/y + z/y": "xyz",
    "x*y/(y + z) + z/(y + z)": "xyz",
    "tanh(x)*y + z": "xyz",
    "sin(x)*cos(x)*y": "xy",
    "exp(x)*tanh(x) + y/x": "xy",
    "where(x > 0, y/x + x/x, z/x)": "xyz",
}
ENTRIES = ("value", "value_and_grad", "hessian")
MOST = 400


def rows(f, entry, columns):
    """Return an entry point's results at points, a row each."""
    return np.array(f.run_entry(entry, [np.array(c) for c in columns]))


def drawn(rng, count):
    """Return special values in all places, some combinations of them."""
    whole = np.array(list(itertools.product(SPECIAL, repeat=count))).T
    return whole[:, rng.permutation(whole.shape[1])[:MOST]]


@pytest.mark.parametrize("formula", FORMULAS)
def test_special_values_go_the_general_way(formula, rng):
    """Zeros, infinities, NaN, large and small numbers give what calls do."""
    names = list(FORMULAS.get(formula, "xyz"))
    f = ob.compile(formula, wrt=names)
    slow = ob.compile(formula, wrt=names, backend="python")
    given = drawn(rng, len(names))
    for entry in ENTRIES:
        found = rows(f, entry, given).T
        with np.errstate(all="ignore"):
            alone = [slow.run_entry(entry, p) for p in given.T.tolist()]
        expected = np.array(alone, dtype=float)
        np.testing.assert_allclose(found, expected, rtol=2e-14, atol=1e-320)
        zeros = (found == 0) & (expected == 0)
        np.testing.assert_array_equal(
            np.signbit(found[zeros]), np.signbit(expected[zeros])
        )


@pytest.mark.parametrize("formula", FORMULAS)
def test_special_neighbours_change_nothing(formula, rng):
    """A point has the same bits beside ordinary ones, special ones and by itself."""
    names = list(FORMULAS.get(formula, "xyz"))
    f = ob.compile(formula, wrt=names)
    ordinary = rng.uniform(-3, 3, (len(names), MOST))
    mixed = np.where(rng.random(MOST) < 0.1, drawn(rng, len(names)), ordinary)
    for entry in ENTRIES:
        whole = rows(f, entry, mixed)
        for start, stop in ((0, 1), (3, 4), (1, 9), (5, 30), (8, MOST)):
            some = slice(start, stop)
            np.testing.assert_array_equal(
                rows(f, entry, mixed[:, some]), whole[:, some]
            )
        clean = rows(f, entry, ordinary)
        same = (mixed == ordinary).all(axis=0)
        np.testing.assert_array_equal(whole[:, same], clean[:, same])


@pytest.mark.parametrize("lanes", [2, 4, 8])
@pytest.mark.parametrize(
    "formula", ["x/sqrt(x**2 + y**2) + z", "tanh(x)*y + z/y + x/y"]
)
def test_special_values_in_narrower_registers(formula, lanes, monkeypatch, rng):
    """So it is with the registers and instructions of other processors."""
    if lanes > vectors.lanes():
        pytest.skip("the processor has no such registers")
    monkeypatch.setattr(vectors, "lanes", lambda: lanes)
    test_special_values_go_the_general_way(formula, rng)


@pytest.mark.parametrize("lanes", [2, 4, 8])
@pytest.mark.parametrize(
    "formula",
    [
        "x/sqrt(x**2 + y**2) + z",
        "sqrt(x**2 + y**2 + z**2)**3/sqrt(x**2 + y**2)",
        "sin(x)*cos(y)*tanh(z) + exp(x)/z",
    ],
)
def test_special_neighbours_in_narrower_registers(formula, lanes, monkeypatch, rng):
    """What waits in registers while some lanes go the general way is there after it."""
    if lanes > vectors.lanes():
        pytest.skip("the processor has no such registers")
    monkeypatch.setattr(vectors, "lanes", lambda: lanes)
    test_special_neighbours_change_nothing(formula, rng)


def test_shared_divisors_give_quotients(rng):
    """A quotient by what divides others is rounded as a division, but for one in many.

    It is never a unit in the last place off, and x/x is 1.
    """
    xs, ys, zs = [ob.param(name) for name in "xyz"]
    g = ob.compile({"a": xs / ys, "b": zs / ys, "c": ys / ys})
    x, y, z = rng.uniform(-1, 1, (3, 20_000)) * 2.0 ** rng.integers(-300, 300, 20_000)
    found = g(x, y, z)
    for got, expected in ((found.a, x / y), (found.b, z / y)):
        wrong = got != expected
        assert wrong.mean() < 1e-3
        np.testing.assert_array_max_ulp(got, expected, 1)
    np.testing.assert_array_equal(found.c, np.ones_like(y))


def test_what_is_not_needed_is_not_tested():
    """Of a norm's gradient one root and one reciprocal are left, and their tests."""
    f = ob.compile("sqrt(x**2 + y**2 + z**2)", wrt=[*"xyz"])
    way = ordinary(wanted(f.runtime.entry("value_and_grad")))
    names = [n.op.name for n in way.wanted.nodes]
    assert (1, 1) == (names.count("sqrt"), names.count("div"))
    assert (2, 0) == (len(way.conditions), len(way.divisors))


@pytest.mark.parametrize("accuracy", ["standard", "strict"])
def test_only_batches_that_are_not_strict_go_two_ways(accuracy):
    """At strict there is one way, the general one."""
    f = ob.compile("hypot(x, y)", wrt=[*"xy"], accuracy=accuracy)
    entry = wanted(f.runtime.entry("value"))
    strict = accuracy == "strict"
    kind = vectors.Vectors.here(strict=strict)
    text, _ = points.points_text(entry, (False, False), "float64", kind)
    assert ("@rest(" in text) != (strict or kind.exact)
