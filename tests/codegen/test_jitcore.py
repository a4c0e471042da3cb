"""Call machine code made without Numba from a user's own Numba code."""

from __future__ import annotations

import gc
import itertools
import math
import pickle
import subprocess
import sys
import weakref
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numba
import numpy as np
import pytest
from irregular import irregular

import overbar as ob

GENERATED = "overbar.codegen.generated."
SINGLE = ("grad", "value_and_grad", "hessian", "hvp", "value_grad_and_hvp")
ALWAYS = ("value", "forward", "backward", "vjp", "jvp", "jacobian")


def numbers(dtype: str, count: int, start: float = 0.5) -> list[Any]:
    """Return distinct numbers of a dtype."""
    found = start + np.arange(count) / 8
    return list((found > start).tolist() if dtype == "bool" else found.astype(dtype))


def inputs(kinds: str) -> list[Any]:
    """Return inputs by letters: float64, float32 (f), int64 (i), bool (b)."""
    dtypes = {"d": "float64", "f": "float32", "i": "int64", "b": "bool"}
    return [
        (ob.param if k in "df" else ob.data)(f"x{i}", dtype=dtypes[k])
        for i, k in enumerate(kinds)
    ]


def curve(xs: list[Any]) -> Any:
    """Return a formula with second derivatives between all its inputs."""
    total = ob.sin(xs[0])
    for left, right in itertools.pairwise(xs):
        total += ob.exp(left) * right**2
    return total


def chosen(xs: list[Any]) -> Any:
    """Return a formula with a branch, by its last input."""
    return ob.where(xs[-1], curve(xs[:-1]), xs[0])


FORMULAS = {
    "one": ("d", curve),
    "three": ("ddd", curve),
    "seventeen": ("d" * 17, curve),
    "singles": ("ff", curve),
    "many singles": ("f" * 18, curve),
    "an integer": ("ddi", lambda xs: xs[0] * xs[2] + ob.exp(xs[1]) * xs[2]),
    "a condition": ("ddb", chosen),
    "two outputs": ("ddd", lambda xs: (xs[0] * xs[1], ob.log(xs[2]) * xs[0])),
    "an integer out": ("di", lambda xs: (xs[1] + 1, xs[0] * 2)),
}
LEFT_OUT = {
    "seventeen": ("hessian", "value_grad_and_hvp"),  # which Numba takes seconds for
    "many singles": ("hessian", "value_grad_and_hvp"),
    "an integer out": ("jacobian", "jvp", "vjp"),  # zeros of it, its seed
}


def given(f: ob.CompiledFunction, name: str, kinds: str) -> list[Any]:
    """Return arguments of an entry point of `f.jit`, as they come in Numba code."""
    dtypes = [f.signature.dtypes[n] for n in f.signature.inputs]
    args = [numbers(dtype, 1, 0.5 + i / 8)[0] for i, dtype in enumerate(dtypes)]
    wrt = [k for k in kinds if k in "df"]
    more = {"vjp": 1.5, "jvp": 0.25, "hvp": 0.25, "value_grad_and_hvp": 0.25}.get(name)
    if more is not None:
        outputs = 1 if hasattr(f.jit, "grad") else 2
        args += [more] * (outputs if name == "vjp" else len(wrt))
    return [np.array(args, float)] if len(args) > 16 else args


@pytest.mark.parametrize("case", FORMULAS)
def test_agrees_with_the_generated_source(case: str) -> None:
    """Every entry point gives what Numba makes of the generated source, typed so."""
    kinds, formula = FORMULAS[case]
    xs = inputs(kinds)
    wrt = [x for x, kind in zip(xs, kinds, strict=True) if kind in "df"]
    ours, numbas = (
        ob.compile(formula(xs), wrt, xs, accuracy="strict", backend=backend)
        for backend in ("auto", "numba")
    )
    left_out = {"backward", *LEFT_OUT.get(case, ())}
    for name in (*ALWAYS, *SINGLE):
        if name in left_out or not hasattr(ours.jit, name):
            continue
        args = given(ours, name, kinds)
        found, expected = getattr(ours.jit, name), getattr(numbas.jit, name)
        close = 2.0**-22 if "f" in kinds else 0.0
        np.testing.assert_allclose(
            flat(found(*args)), flat(expected(*args)), rtol=close, err_msg=name
        )
        assert kind_of(expected) == kind_of(found), name


def test_agrees_backwards() -> None:
    """`backward` takes what `forward` saved, a tuple or an array, and gives the vjp."""
    for kinds in ("ddd", "d" * 12, "ddb", "f" * 5):
        xs = inputs(kinds)
        wrt = [x for x, kind in zip(xs, kinds, strict=True) if kind in "df"]
        f = ob.compile((chosen if "b" in kinds else curve)(xs), wrt, xs)
        forward, backward, vjp = f.jit.forward, f.jit.backward, f.jit.vjp
        args = given(f, "value", kinds)
        many = len(f.runtime.native.made("backward").inputs) > 17
        saved = forward(*args)[1]
        assert many == isinstance(saved, np.ndarray)
        assert flat(vjp(*args, 1.5)) == flat(backward(saved, 1.5))
        assert flat(vjp(*args, 1.0)) == flat(backward(saved))


def flat(value: Any) -> list[float]:
    """Return all numbers of a result."""
    if isinstance(value, tuple | np.ndarray):
        return [x for part in value for x in flat(part)]
    return [float(value)]


def kind_of(entry: Any) -> str:
    """Return the type of what a Numba function returned last."""
    return str(entry.nopython_signatures[-1].return_type)


def test_mixed_numbers_in_one_array() -> None:
    """Numbers of several dtypes that come as one array lose no digits in it."""
    for letter, exact in (("d", np.float64), ("f", np.float32)):
        xs = inputs("bi" + letter * 17)
        formula = ob.where(xs[0], xs[1] * 0.25 + sum(x * x for x in xs[2:]), 0.0)
        f = ob.compile(formula, xs[2:], xs)
        at = np.array([1.0, 7.0, *(i + 0.1 for i in range(17))])
        value, gradient = f.jit.value_and_grad(at)
        close = 4 * float(np.finfo(exact).eps)
        assert value == pytest.approx(1.75 + sum(at[2:] ** 2), rel=close)
        assert gradient.dtype == exact
        np.testing.assert_array_equal(gradient, 2 * at[2:].astype(exact))
        assert f.jit.value(np.array([0.0, *at[1:]])) == 0.0


def test_arrays_of_results_share_nothing() -> None:
    """Arrays among the results are the caller's own: writing one changes no other."""
    f = ob.compile(curve(inputs("d" * 18)))
    run = f.jit.value_grad_and_hvp

    @numba.njit
    def twice(at: Any) -> Any:
        value, gradient, product = run(at)
        gradient[:] = 7.0
        return value, gradient, product, run(at)

    at = np.full(36, 0.5)
    value, gradient, product, (again, expected, same) = twice(at)
    assert (gradient == 7.0).all()
    assert not np.shares_memory(gradient, product)
    assert value == again
    assert flat(product) == flat(same)
    assert flat(expected) == flat(run(at)[1])
    del product, same, again
    gc.collect()
    assert (gradient == 7.0).all()


def test_no_generated_source_is_compiled() -> None:
    """`f.jit` of numbers prints no Python source, and has Numba compile none."""
    f = ob.compile("exp(-a*x**2)*sin(x + 0.125)")
    before = {name for name in sys.modules if name.startswith(GENERATED)}
    value, (slope, _) = f.jit.value_and_grad(0.5, 2.0)
    after = {name for name in sys.modules if name.startswith(GENERATED)}
    assert before == after
    assert value == pytest.approx(math.exp(-2.0) * math.sin(2.125), rel=1e-15)
    assert slope == pytest.approx(-4 * value, rel=1e-15)


def test_better_code_takes_the_place_of_the_first() -> None:
    """A compiled caller of a long formula runs its better code once that is there."""
    formula, *expected = irregular(1200, 0.25)
    f = ob.compile(formula)
    run = f.jit.value_and_grad

    @numba.njit
    def user(x: float) -> Any:
        value, gradient = run(x)
        return value, gradient[0]

    first = user(0.25)
    made = f.runtime.native.made("value_and_grad")
    address = made.machine.address
    assert not made.machine.final
    f.build("value_and_grad", optimise=True)
    assert made.machine.final
    assert address == made.machine.address
    for found in (first, user(0.25)):
        np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_code_outlives_its_formula() -> None:
    """Machine code stays for a compiled caller when all else is gone."""

    def user() -> Any:
        f = ob.compile("x*exp(y)")
        inner = f.jit.value
        machines.append(weakref.ref(f.runtime.native.made("value").machine))

        @numba.njit
        def outer(x: float) -> float:
            return inner(x, 1.0)

        outer(1.0)
        outer.py_func.__closure__[0].cell_contents = None
        return outer

    machines: list[Any] = []
    outer = user()
    gc.collect()
    assert outer(2.0) == 2 * math.e
    assert machines[0]() is not None


def test_parallel_loops_and_threads() -> None:
    """Loops over all cores, and threads without the lock, get what one call gets."""
    f = ob.compile(curve(inputs("d" * 18)))
    run = f.jit.value_and_grad

    @numba.njit(parallel=True)
    def many(points: Any) -> Any:
        out = np.empty(points.shape)
        for i in numba.prange(len(points)):
            value, gradient = run(points[i])
            out[i] = value * gradient
        return out

    @numba.njit(nogil=True)
    def one(point: Any) -> Any:
        value, gradient = run(point)
        return value * gradient

    points = np.random.default_rng(3).normal(size=(64, 18))
    expected = [one(p) for p in points]
    np.testing.assert_array_equal(many(points), expected)
    with ThreadPoolExecutor(4) as pool:
        np.testing.assert_array_equal(list(pool.map(one, points)), expected)


LOAD = """
import pickle, sys
with open(sys.argv[1], "rb") as file:
    print(*[entry(*args) for entry, args in pickle.load(file)])
"""


def test_pickles_are_read_in_other_processes(tmp_path: Any) -> None:
    """An entry of `f.jit` is pickled with its formula, of numbers or of arrays."""
    one = ob.compile("x*exp(y)", backend="auto").jit.value
    many = ob.compile("+".join(f"x{i}**2" for i in range(17))).jit.value
    arrays = ob.compile("x: param[n]\nsum(x*x)").jit.value
    calls = [
        (one, (2.0, 0.0)), (many, (np.arange(17.0),)), (arrays, (np.arange(3.0),)),
    ]  # fmt: skip
    path = tmp_path / "entries"
    path.write_bytes(pickle.dumps(calls))
    command = [sys.executable, "-c", LOAD, str(path)]
    found = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    assert found.split() == ["2.0", "1496.0", "5.0"]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda f: f.jit.value(np.ones(19)),
         "expected 20 along axis 0 of 'inputs', found 19"),
        (lambda f: f.jit.value(1.0),
         "expected an array of shape [20] for 'inputs', found one number"),
        (lambda f: f.jit.value([1j] * 20),
         "expected real numbers for 'inputs', found"),
        (lambda f: f.jit.jvp(np.ones(39)),
         "expected 40 along axis 0 of 'inputs', found 39"),
        (lambda f: f.jit.backward(np.ones(3)),
         "expected 60 along axis 0 of 'saved', found 3"),
        (lambda f: f.jit.value(), "expected 1 argument (inputs), found 0"),
    ],
)  # fmt: skip
def test_wrong_arrays(call: Any, message: str) -> None:
    """An array that does not fit is an InputError that says what was expected."""
    f = ob.compile("+".join(f"sin(x{i})*x{i}**2" for i in range(20)))
    with pytest.raises(ob.InputError) as error:
        call(f)
    assert str(error.value).startswith(message)
