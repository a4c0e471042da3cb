"""Check calls that leave out numbers which have defaults."""

from __future__ import annotations

import gc
import inspect
import math
import sys
from typing import Any

import numpy as np
import pytest
from machine_cores import COPY, POLYNOMIAL, core, each_way, told, usual, value

import overbar as ob
from overbar.codegen.machine import pycalls
from overbar.codegen.machine.pycores import Array, Core, Group, Parameter

pytestmark = usual
B, C = 2.5, 1e100


def defaulted() -> Core:
    """Return the polynomial of three numbers, two of which may be left out."""
    parameters = [Parameter("a"), Parameter("b", default=B), Parameter("c", default=C)]
    return core(POLYNOMIAL, 3, parameters, Group(("float64",) * 4))


@each_way
@pytest.mark.parametrize(
    ("args", "keywords", "expected"),
    [
        ((1.5,), {}, (1.5, B, C)),
        ((1.5, 3.0), {}, (1.5, 3.0, C)),
        ((1.5, 3.0, 4.0), {}, (1.5, 3.0, 4.0)),
        ((1.5,), {"b": 3.0}, (1.5, 3.0, C)),
        ((1.5,), {"c": 4.0}, (1.5, B, 4.0)),
        ((1.5,), {"c": 4.0, "b": 3.0}, (1.5, 3.0, 4.0)),
        ((1.5, 3.0), {"c": 4.0}, (1.5, 3.0, 4.0)),
        ((), {"a": 1.5}, (1.5, B, C)),
        ((), {"c": 4.0, "a": 1.5}, (1.5, B, 4.0)),
    ],
)
def test_left_out(make: Any, args: Any, keywords: Any, expected: Any) -> None:
    """What is not given is its default, wherever the others come from."""
    total, *squares = make(defaulted(), told, "value")(*args, **keywords)
    assert value(*expected) == total
    assert [x * x for x in expected] == squares


@each_way
@pytest.mark.parametrize(
    ("args", "keywords"),
    [
        ((), {}),
        ((), {"b": 3.0}),
        ((), {"b": 3.0, "c": 4.0}),
        ((1.5,), {"a": 1.5}),
        ((1.5,), {"d": 1.5}),
        ((1.5, 3.0), {"b": 3.0}),
        ((1.5, 3.0), {"a": 3.0}),
        ((1.5,), {"b": None}),
        ((1.5,), {"b": 3.0, "d": 4.0}),
        ((1.5, 3.0, 4.0), {"c": 4.0}),
        ((1.5, 3.0, 4.0, 5.0), {}),
    ],
)
def test_not_to_be_left_out(make: Any, args: Any, keywords: Any) -> None:
    """What has no default, comes twice or has another name is for the fallback."""
    found = make(defaulted(), told, "value")(*args, **keywords)
    assert ("fallback", args, keywords) == found


@each_way
@pytest.mark.parametrize(
    ("dtype", "default"),
    [("float64", -0.0), ("float32", 0.5), ("int64", -(2**62)), ("bool", True)],
)
def test_kinds_of_defaults(make: Any, dtype: str, default: Any) -> None:
    """A default of each kind is a number like those that are given."""
    one = core(COPY, 8, [Parameter("a", dtype, default=default)], dtype)
    assert repr(float(default)) == repr(make(one, told, "value")())


@each_way
def test_beside_a_vector(make: Any) -> None:
    """Defaults take their slots beside a vector, and beside the caller's array."""
    parameters = [Parameter("theta", size=2, placed=True), Parameter("b", default=B)]
    results = Group(("float64", Array((3,))))
    whole = core(POLYNOMIAL, 3, parameters, results, places=(2, 0, 1), out=True)
    run, out = make(whole, told, "value_and_grad"), np.empty(3)
    theta = np.array([1.5, 2.0])
    total, squares = run(theta, out=out)
    assert value(2.0, B, 1.5) == total
    assert squares is out
    np.testing.assert_array_equal(np.array([2.0, B, 1.5]) ** 2, squares)
    assert value(2.0, 3.0, 1.5) == run(theta, b=3.0, out=out)[0]


def test_references_to_defaults_are_counted() -> None:
    """No call keeps or loses a reference, and a default lives as its function."""
    run = pycalls.builtin(defaulted(), told, "value")
    objects = [B, C, run]
    before = [sys.getrefcount(each) for each in objects]
    for _ in range(1_000):
        run(1.5)
        run(1.5, c=4.0)
    assert before == [sys.getrefcount(each) for each in objects]
    own = float("123.5")
    run = pycalls.builtin(
        core(COPY, 8, [Parameter("a", default=own)], "float64"), told, "value"
    )
    del own
    gc.collect()
    kept = [float(f"{k}.25") for k in range(100)]  # would take its place
    assert (123.5, 100) == (run(), len(kept))


def test_signatures_with_defaults() -> None:
    """They are told, but not those that Python cannot read, or before one without."""
    run = pycalls.builtin(defaulted(), told, "value", "Return it.")
    assert str(inspect.signature(run)) == "(a, b=2.5, c=1e+100)"
    for last in (math.inf, math.nan, None):
        parameters = [Parameter("b", default=B), Parameter("c", default=last)]
        odd = pycalls.builtin(
            core(COPY, 8, parameters, "float64"), told, "value", "Return it."
        )
        assert str(inspect.signature(odd)) == "(b, c)"


def test_formulas_with_defaults() -> None:
    """Calls of a formula that leave out data do not go through Python."""
    f = ob.compile("x: param\ny: param\nz: data = 2.0\nsin(x)*y + z")
    plain = ob.compile(
        "x: param\ny: param\nz: data = 2.0\nsin(x)*y + z", backend="python"
    )
    run, flat, theta = f.value_and_grad, f.flat.value_and_grad, np.array([0.5, 3.0])
    found, gradient = plain.value_and_grad(0.5, 3.0)
    run(0.5, 3.0)
    flat(theta)
    calls: list[str] = []
    sys.setprofile(lambda frame, what, _: calls.append(what) if frame else None)
    try:
        results = [f.value_and_grad(0.5, y=3.0), f.value_and_grad(0.5, 3.0)]
        total, slopes = f.flat.value_and_grad(theta)
    finally:
        sys.setprofile(None)
    assert [(found, gradient)] * 2 == results
    assert (found, [*gradient]) == (total, slopes.tolist())
    assert "call" not in calls
