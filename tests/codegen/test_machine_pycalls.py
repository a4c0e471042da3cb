"""Check that functions of Python run a core on numbers, and fall back otherwise."""

from __future__ import annotations

import ctypes
import gc
import inspect
import math
import pickle
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from machine_cores import (
    COPY,
    POLYNOMIAL,
    core,
    each_way,
    numbers,
    told,
    usual,
    value,
    vector,
)

from overbar.codegen.machine import pycalls
from overbar.codegen.machine.pycores import Group, Parameter, Steps
from overbar.codegen.machine.pyslow import Slow
from overbar.ir.errors import OverbarError
from overbar.results import named

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = usual


@each_way
@pytest.mark.parametrize(
    ("args", "keywords", "expected"),
    [
        ((1.5, -2.0, 4.0), {}, (1.5, -2.0, 4.0)),
        ((1, True, -1), {}, (1.0, 1.0, -1.0)),
        ((np.float64(0.1), 2**70, -(2**53) - 1), {}, (0.1, 2.0**70, -(2.0**53))),
        ((1.0,), {"b": 2.0, "c": 3.0}, (1.0, 2.0, 3.0)),
        ((1.0,), {"c": 3.0, "b": 2.0}, (1.0, 2.0, 3.0)),
        ((), {"c": 3, "a": 1.0, "b": 2.0}, (1.0, 2.0, 3.0)),
        ((math.inf, 1e308, 5e-324), {}, (math.inf, 1e308, 5e-324)),
    ],
)
def test_numbers_that_fit(make: Any, args: Any, keywords: Any, expected: Any) -> None:
    """Floats, ints and bools reach the core exactly, by place and by name."""
    run = make(numbers("abc"), told, "value_and_grad")
    total, squares = run(*args, **keywords)
    assert value(*expected) == total
    assert tuple(x * x for x in expected) == squares
    assert {type(v) for v in (total, *squares)} == {float}


@each_way
@pytest.mark.parametrize(
    ("args", "keywords"),
    [
        ((1.0, 2.0), {}),
        ((1.0, 2.0, 3.0, 4.0), {}),
        ((), {}),
        ((1.0, 2.0), {"d": 3.0}),
        ((1.0, 2.0), {"a": 3.0}),
        ((1.0, 2.0, 3.0), {"c": 3.0}),
        ((1.0, 2.0, 3.0), {"out": None}),
        ((1.0, 2.0, 10**400), {}),
        ((1.0, 2.0, -(10**400)), {}),
        ((1.0, 2.0, "3"), {}),
        ((1.0, None, 3.0), {}),
        ((1.0, 2.0, 3j), {}),
        ((1.0, 2.0, np.float32(3.0)), {}),
        ((1.0, 2.0, np.int64(3)), {}),
        ((1.0, 2.0, [3.0]), {}),
    ],
)
def test_numbers_that_do_not_fit(make: Any, args: Any, keywords: Any) -> None:
    """The fallback gets every other call as it came, and no error is left behind."""
    run = make(numbers("abc"), told, "value_and_grad")
    assert run(*args, **keywords) == ("fallback", args, keywords)


@each_way
def test_subclasses_fall_back(make: Any) -> None:
    """A float that may say another value is for the fallback to ask."""

    class Odd(float):
        def __float__(self) -> float:
            return 7.0

    run = make(numbers("a", "float64"), float, "value")
    assert run(Odd(1.0)) == 7.0


@each_way
def test_names_that_are_equal_only(make: Any) -> None:
    """A name made at run time is no other object to the user."""
    made = "Alpha".lower()
    run = make(
        core(POLYNOMIAL, 1, [Parameter("alpha")], "float64"),
        lambda alpha: alpha,
        "value",
    )
    assert run(**{made: 2.0}) == 2.0


@each_way
@pytest.mark.parametrize(
    ("dtype", "given", "fits"),
    [
        ("float64", [0.1, -0.0, 3, True], True),
        ("float32", [0.5, -2.0, np.float64(3.0), math.inf], True),
        ("float32", [1e39, -1e39, 3, True, "1"], False),
        ("int64", [-1, 2**62, True, -(2**63)], True),
        ("int64", [2**63, -(2**63) - 1, 1.0, np.int64(1)], False),
        ("bool", [True, False], True),
        ("bool", [1, 0, 1.0, np.True_, None], False),
    ],
)
def test_kinds_of_numbers(make: Any, dtype: str, given: Any, fits: bool) -> None:
    """A slot holds each kind of number, which is a float again as a result."""
    one = core(COPY, 8, [Parameter("a", dtype)], dtype)
    run = make(one, told, "value")
    for number in given:
        expected = float(number) if fits else ("fallback", (number,), {})
        assert repr(run(number)) == repr(expected)  # which tells -0.0 from 0.0


@each_way
def test_float32_rounds(make: Any) -> None:
    """A float becomes the nearest float32, and NaN stays one."""
    run = make(core(COPY, 8, [Parameter("a", "float32")], "float32"), told, "value")
    assert run(0.1) == float(np.float32(0.1))
    assert math.isnan(run(math.nan))


@each_way
@pytest.mark.parametrize(
    ("results", "expected"),
    [
        ("float64", 4.0),
        (Group(()), ()),
        (Group(("float64",)), (4.0,)),
        (Group(("float64", "float64", "float64")), (4.0, 5.0, 6.0)),
        (Group((Group(("float64",) * 2), "float64")), ((4.0, 5.0), 6.0)),
        (Group(("float64", Group((Group(("float64",) * 2),)))), (4.0, ((5.0, 6.0),))),
        (Group((Group(()), Group((Group(()), "float64")))), ((), ((), 4.0))),
        (Group(("int64", "float64", "bool")), (4616189618054758400.0, 5.0, 0.0)),
    ],
    ids=str,
)
def test_results(make: Any, results: Any, expected: Any) -> None:
    """Results are put together as the tree says, from slots in order."""
    given = (4.0, 5.0, 6.0)
    one = core(COPY, 8 * Steps(results).slots, map(Parameter, "abc"), results)
    assert make(one, told, "value")(*given) == expected


@each_way
def test_named_results(make: Any) -> None:
    """A named tuple is the same as one that Python makes, in every respect."""
    run = make(numbers("xyz"), told, "value_and_grad")
    _, grads = run(1.0, 2.0, 3.0)
    expected = named(["x", "y", "z"], [1.0, 4.0, 9.0])
    assert type(grads) is type(expected)
    assert grads == expected
    assert hash(grads) == hash(expected)
    assert repr(grads) == "(x=1.0, y=4.0, z=9.0)"
    assert grads.y == grads["y"] == 4.0
    assert gc.is_tracked(grads) == gc.is_tracked(expected)
    assert sys.getsizeof(grads) == sys.getsizeof(expected)
    assert pickle.loads(pickle.dumps(grads)) == expected


@each_way
def test_errors_of_the_fallback(make: Any) -> None:
    """What the fallback raises is raised."""

    def fail(*args: Any) -> None:
        message = f"expected numbers, found {args}"
        raise LookupError(message)

    run = make(numbers("ab"), fail, "value")
    with pytest.raises(LookupError, match="expected numbers, found"):
        run("a", "b")
    assert run(1.0, 2.0)[0] == 5.0


@each_way
def test_recursion(make: Any) -> None:
    """A fallback may call the function again; without an end it is an error."""
    found: dict[str, Callable[..., Any]] = {}
    found["run"] = run = make(
        numbers("a", "float64"), lambda x: found["run"](x[0]) + 1.0, "value"
    )
    assert run([[[5.0]]]) == 8.0
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(RecursionError):
        run(endless)


@each_way
def test_introspection(make: Any) -> None:
    """A function has its name and its docstring."""
    run = make(numbers("ab"), told, "value_and_grad", "Return both.")
    assert run.__name__ == "value_and_grad"
    assert run.__doc__ == "Return both."
    assert "value_and_grad" in repr(run)


def test_signatures() -> None:
    """A builtin function tells its arguments, where their names are Python's."""
    run = pycalls.builtin(numbers("ab"), told, "value", "Return it.")
    assert str(inspect.signature(run)) == "(a, b)"
    flat = pycalls.builtin(vector(3, out=True), told, "value", "Return it.")
    assert str(inspect.signature(flat)) == "(theta, /, *, out=None)"
    odd = core(POLYNOMIAL, 1, [Parameter("lambda")], "float64")
    assert pycalls.builtin(odd, told, "value", "Return it.").__doc__ == "Return it."


def test_other_pythons(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where objects may be laid out differently, ctypes calls the core."""
    assert type(pycalls.function(numbers("a"), told, "value")) is type(len)
    monkeypatch.setattr(pycalls, "available", lambda: False)
    run = pycalls.function(numbers("a"), told, "value")
    assert type(run) is Slow
    assert run(3.0) == (3.0, (9.0,))


@pytest.mark.parametrize(
    ("name", "odd"),
    [("ITEMS", 40), ("BYTES", 40), ("_is_usual_build", lambda: False)],
)
def test_unknown_layouts(monkeypatch: pytest.MonkeyPatch, name: str, odd: Any) -> None:
    """What lies elsewhere than expected is noticed before any code is run."""
    assert pycalls.available.__wrapped__()
    monkeypatch.setattr(pycalls, name, odd)
    assert not pycalls.available.__wrapped__()


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: vector(3, out=True, places=(0, 0, 1)),
        lambda: core(COPY, 8, [Parameter("a")], "float64", out=True),
        lambda: Group(("float64",), type("Loose", (tuple,), {})),
        lambda: Group(("float64",), list),  # type: ignore[arg-type]
    ],
)
def test_what_cannot_be(wrong: Callable[[], Any]) -> None:
    """A core that would write elsewhere than in its arguments is refused."""
    with pytest.raises(OverbarError, match=r"^expected .*, found"):
        wrong()


def test_addresses_are_not_shared() -> None:
    """The functions of Python that are called are ours to describe: no types change."""
    pycalls.builtin(numbers("a"), told, "value")
    assert ctypes.pythonapi.PyTuple_New.restype is ctypes.c_int


class Owner:
    """Have a function that falls back to a method."""

    def __init__(self) -> None:
        make = pycalls.builtin if self.usual else Slow
        self.value = make(numbers("a", "float64"), self.fall_back, "value")

    usual = True

    def fall_back(self, *args: Any) -> Any:
        """Return what a call has, and whose method this is."""
        return self, args

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), ()


class SlowOwner(Owner):
    """Have a function by way of ctypes."""

    usual = False


@pytest.mark.parametrize("kind", [Owner, SlowOwner])
def test_pickles(kind: type[Owner]) -> None:
    """A pickled function is that of the pickled object; one without is refused."""
    found = pickle.loads(pickle.dumps(kind().value))
    assert found(3.0) == 3.0
    assert type(found("a")[0]) is kind
    make = pycalls.builtin if kind.usual else Slow
    with pytest.raises(pickle.PicklingError, match="expected a function value of"):
        pickle.dumps(make(numbers("a"), told, "value"))
