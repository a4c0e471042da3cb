"""Check that functions of Python run a core on vectors, few numbers or many."""

from __future__ import annotations

import pickle
import sys
from typing import Any

import numpy as np
import pytest
from machine_cores import (
    COPY,
    POLYNOMIAL,
    core,
    each_way,
    told,
    usual,
    value,
    vector,
)

from overbar.codegen.machine.pycores import Array, Group, Parameter
from overbar.results import named_type

pytestmark = usual


@each_way
def test_vectors_that_fit(make: Any) -> None:
    """A vector is read in place, and the array of results is new or the caller's."""
    run = make(vector(3, out=True), told, "value_and_grad")
    theta, out = np.array([1.0, -2.0, 4.0]), np.empty(3)
    total, squares = run(theta)
    assert total == 9.0
    assert squares.tolist() == [1.0, 4.0, 16.0]
    assert squares.flags.owndata
    assert squares.flags.writeable
    total, squares = run(theta, out=out)
    assert squares is out
    assert out.tolist() == [1.0, 4.0, 16.0]
    assert run(theta, out=None)[1] is not out


@each_way
def test_vectors_of_other_making(make: Any) -> None:
    """What was pickled, cannot be written or is part of another array fits too."""
    run = make(vector(2), told, "value_and_grad")
    fixed = np.array([1.0, 2.0])
    fixed.flags.writeable = False
    many = np.arange(6.0).reshape(3, 2)
    for theta in (pickle.loads(pickle.dumps(fixed)), fixed, many[1], many[1:2, :][0]):
        total, squares = run(theta)
        assert total == value(*theta)
        assert squares.tolist() == (theta**2).tolist()


@each_way
def test_results_into_the_vector_itself(make: Any) -> None:
    """Results go where the vector was, wholly or in part, after it was read."""
    run = make(vector(3, out=True), told, "value_and_grad")
    whole = np.array([1.0, 2.0, 3.0, 0.0])
    assert run(whole[:3], out=whole[1:])[0] == 14.0
    assert whole.tolist() == [1.0, 1.0, 4.0, 9.0]
    theta = whole[:3].copy()
    assert run(theta, out=theta)[0] == 15.0
    assert theta.tolist() == [1.0, 1.0, 16.0]


class Own(np.ndarray):
    """An array of one's own type."""


UNFIT = {
    "short": np.zeros(2),
    "long": np.zeros(4),
    "float32": np.zeros(3, "float32"),
    "int64": np.zeros(3, "int64"),
    "swapped": np.zeros(3, np.dtype("float64").newbyteorder()),
    "matrix": np.zeros((3, 1)),
    "point": np.array(0.0),
    "apart": np.zeros(6)[::2],
    "backwards": np.zeros(3)[::-1],
    "askew": np.zeros(25, "u1")[1:].view("float64"),
    "own": np.zeros(3).view(Own),
    "list": [0.0, 0.0, 0.0],
    "number": 1.0,
}


@each_way
@pytest.mark.parametrize("name", UNFIT)
def test_vectors_that_do_not_fit(make: Any, name: str) -> None:
    """The fallback gets every other array, as the vector and as the target."""
    run = make(vector(3, out=True), told, "value_and_grad")
    good, bad = np.zeros(3), UNFIT[name]
    for args, keywords in (
        ((bad,), {}),
        ((bad,), {"out": good}),
        ((good,), {"out": bad}),
    ):
        _, found, by_name = run(*args, **keywords)
        assert found[0] is args[0]
        assert by_name.keys() == keywords.keys()


@each_way
def test_calls_of_vectors_that_do_not_fit(make: Any) -> None:
    """The fallback gets what is one too many, or cannot be written."""
    run = make(vector(3, out=True), told, "value_and_grad")
    good, fixed = np.zeros(3), np.zeros(3)
    fixed.flags.writeable = False
    assert run() == ("fallback", (), {})
    assert run(out=good)[1] == ()
    assert len(run(good, good)[1]) == 2
    assert run(good, out=fixed)[0] == "fallback"
    assert run(good, out=good, more=1)[0] == "fallback"
    assert run(theta=good)[0] == "fallback"


@each_way
def test_vectors_and_numbers_in_another_order(make: Any) -> None:
    """Elements go to the slots that are said, and results are arrays of any shape."""
    theta = Parameter("theta", size=2, placed=True)
    parameters = [theta, Parameter("k"), Parameter("n", "int64")]
    results = Group(("int64", Array((1, 3))))
    one = core(COPY, 32, parameters, results, places=(1, 3, 2, 0))
    run = make(one, told, "jacobian")
    given = np.array([1.5, 3.5])
    for count, matrix in (run(given, 2.5, 9), run(given, n=9, k=2.5)):
        assert count == 9.0
        assert matrix.tolist() == [[1.5, 2.5, 3.5]]
    assert run(given, 2.5, 9.0)[0] == "fallback"


@each_way
def test_two_vectors(make: Any) -> None:
    """Several vectors may come and go, each an array of its own."""
    parameters = [Parameter(name, size=2, placed=True) for name in ("theta", "v")]
    results = Group(("float64", Array((1,)), Array((2,))))
    run = make(core(COPY, 32, parameters, results), told, "hvp")
    total, first, second = run(np.array([1.0, 2.0]), np.array([3.0, 4.0]))
    assert (total, first.tolist(), second.tolist()) == (1.0, [2.0], [3.0, 4.0])
    assert run(np.zeros(2), np.zeros(3))[0] == "fallback"


@each_way
@pytest.mark.parametrize("n", [1, 60, 90, 5000])
def test_many_numbers(make: Any, n: int) -> None:
    """Numbers that do not fit on the stack are as right as few."""
    names = tuple(sys.intern(f"x{i}") for i in range(n))
    grads = Group(("float64",) * n, named_type(names))
    parameters = map(Parameter, names)
    one = core(POLYNOMIAL, n, parameters, Group(("float64", grads)))
    run = make(one, told, "value_and_grad")
    given = [float(i % 7) for i in range(n)]
    expected = (value(*given), tuple(x * x for x in given))
    assert run(*given) == expected
    assert run(**dict(zip(names, given, strict=True))) == expected
    theta, out = np.array(given), np.empty(n)
    flat = make(vector(n, out=True), told, "value_and_grad")
    assert flat(theta, out=out)[0] == expected[0]
    assert tuple(out) == expected[1]
    assert run(*given[1:])[0] == "fallback"
