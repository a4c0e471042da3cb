"""Compare portable functions as machine code with what Numba makes of them, by bits."""

from __future__ import annotations

import inspect
import itertools
import math
import re
from functools import cache
from typing import TYPE_CHECKING, Any

import numba
import numpy as np
import pytest
from machine_maps import HEAD, LANES, NJIT, bits, machine_maps, numba_maps, run
from portable_programs import PROGRAMS, REFUSED, whole_numbers

from overbar.codegen import module
from overbar.codegen.load import load_module
from overbar.codegen.machine import elementary
from overbar.codegen.machine.portable import Functions
from overbar.ir.errors import UnsupportedError
from overbar.ir.ops import OPS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from overbar.codegen.machine.target import Code

HELPERS = {
    name: op.llvm if callable(op.llvm) else op.helper
    for name, op in OPS.items()
    if callable(op.llvm) or (op.helper is not None and op.shaping is None)
    if name != "wrap"  # it raises an error
}
"""The functions of ops that work element by element."""
SPECIAL = (
    0.0, 1.0, math.inf, 5e-324, 1e-310, 2.0**-1022, 1e-200, 1e-20, 1e-8, 2.0**-53,
    0.1, 0.5, math.nextafter(1.0, 0.0), math.nextafter(1.0, 2.0), math.log(2.0), 2.0,
    2.5, math.pi, 10.0, 10.5, 40.0, 171.5, 172.0, 700.5, 710.0, 745.5, 1e6, 2.0**53,
    1e20, 1e100, 1e200, 1.7976931348623157e308,
)  # fmt: skip
ORDERS = (0, 1, 2, 3, 4, 5, 8, 13, 20)
WHOLE = (*ORDERS, -1, -2, -7, 100, 1023, -1074, 2**53 + 1, -(2**63))
ORDERED = ("polygamma", "polygamma_step", "sinc_diff", "expm1_ratio_diff",
           "log1p_ratio_diff", "bernoulli_diff")  # fmt: skip
ATTRIBUTES: dict[str, tuple[str, Sequence[int]]] = {
    "powi": ("int64", WHOLE), "log_step": ("bool", (0, 1)),
    **dict.fromkeys(ORDERED, ("int64", ORDERS)),
}  # fmt: skip
"""The attributes of ops, which are arguments of their functions: dtypes and values."""
LAST = {"powi"}
"""Ops whose attributes come after their operands."""
COUNT = 2000
DTYPES = pytest.mark.parametrize("dtype", ["float64", "float32"])
LEVELS = ({"level": 0, "passes": 0}, {"level": 2, "passes": 2})
"""How well LLVM makes code, and how many passes run before."""
LARGEST = 2**63 - 1
INTEGERS = (0, 1, -1, 2, -2, 3, -3, 7, -7, 10**9, -(10**9), LARGEST, -LARGEST - 1)


_NUMBA = numba.version_info.short
UNKNOWN = {"math.exp2"} if _NUMBA < (0, 63) else set()
ROUNDED = {whole_numbers} if _NUMBA < (0, 65) else set()
"""What an old Numba does not know; where it rounds powers of integers as floats."""


@cache
def floats(dtype: str) -> tuple[Any, ...]:
    """Return numbers: special ones with each other, and many magnitudes."""
    rng = np.random.default_rng(1)
    special = np.array([*SPECIAL, math.nan, *(-x for x in SPECIAL)])
    pairs = np.array(list(itertools.product(special, repeat=2))).T
    rows = np.concatenate([pairs, rng.choice(special, (1, pairs.shape[1]))])
    near = rng.uniform(-25.0, 25.0, (3, COUNT))
    close = near[:1] * (1.0 + rng.uniform(-1e-6, 1e-6, (3, COUNT)))
    signs = rng.choice([-1.0, 1.0], (3, COUNT))
    wide = signs * 10.0 ** rng.uniform(-12.0, 4.0, (3, COUNT))
    whole = (np.round(near), np.abs(near), signs * np.exp2(np.round(near)))
    with np.errstate(all="ignore"):
        every = np.concatenate([rows, near, close, wide, *whole], 1)
        return tuple(np.ascontiguousarray(row) for row in every.astype(dtype))


def points(name: str, dtype: str) -> tuple[Any, ...]:
    """Return arguments for an op's function, its attributes among them."""
    count = len(inspect.signature(HELPERS[name]).parameters)
    if name not in ATTRIBUTES:
        return floats(dtype)[:count]
    kind, values = ATTRIBUTES[name]
    operands = floats(dtype)[: count - 1]
    rng = np.random.default_rng(2)
    attribute = rng.choice(np.array(values), len(operands[0])).astype(kind)
    return (*operands, attribute) if name in LAST else (attribute, *operands)


@cache
def helpers_by_numba() -> Any:
    """Return functions that map helpers."""
    own = [module._text(h) for n, h in HELPERS.items() if callable(OPS[n].llvm)]
    texts = module._helpers(OPS[n] for n in HELPERS)
    count = {n: len(inspect.signature(h).parameters) for n, h in HELPERS.items()}
    calls = {n: (h.__name__, count[n]) for n, h in HELPERS.items()}
    return numba_maps([*own, *texts], calls)


@cache
def helpers_by_llvm(dtype: str, lanes: int, **how: int) -> Code:
    """Return functions that map helpers."""
    calls = {
        n: (h, [str(a.dtype) for a in points(n, dtype)]) for n, h in HELPERS.items()
    }
    return machine_maps(calls, lanes, **how)


@DTYPES
@pytest.mark.parametrize("name", HELPERS)
def test_bits_are_those_of_numba(name: str, dtype: str) -> None:
    """Every helper gives what Numba gives, whatever LLVM does to make code good."""
    arrays = points(name, dtype)
    expected = np.empty(len(arrays[0]))
    getattr(helpers_by_numba(), f"map_{name}")(*arrays, expected)
    for how in LEVELS:
        actual = run(helpers_by_llvm(dtype, 1, **how).addresses[name], arrays)
        np.testing.assert_array_equal(bits(expected), bits(actual), err_msg=str(how))


@DTYPES
@pytest.mark.parametrize("name", HELPERS)
def test_lanes_give_what_numbers_give(name: str, dtype: str) -> None:
    """Every helper over vectors gives in each lane what it gives for one number."""
    arrays = points(name, dtype)
    expected = run(helpers_by_llvm(dtype, 1).addresses[name], arrays)
    for how in LEVELS:
        actual = run(helpers_by_llvm(dtype, LANES, **how).addresses[name], arrays)
        np.testing.assert_array_equal(bits(expected), bits(actual), err_msg=str(how))


@DTYPES
def test_programs_mean_what_they_mean_to_numba(dtype: str) -> None:
    """All of the Python that is understood gives the bits of Numba, in lanes too."""
    programs = [f for f in PROGRAMS if f not in ROUNDED]
    texts = [module._text(f) for f in programs]
    compiled = numba_maps(texts, {f.__name__: (f.__name__, 2) for f in programs})
    arrays = floats(dtype)[:2]
    calls = {f.__name__: (f, (dtype, dtype)) for f in programs}
    codes = [machine_maps(calls, n, **how) for n in (1, LANES) for how in LEVELS]
    for name in calls:
        expected = np.empty(len(arrays[0]))
        getattr(compiled, f"map_{name}")(*arrays, expected)
        for code in codes:
            actual = run(code.addresses[name], arrays)
            np.testing.assert_array_equal(bits(expected), bits(actual), err_msg=name)


@DTYPES
def test_functions_of_math_and_numpy_give_the_bits_of_numba(dtype: str) -> None:
    """Every function that is known gives what Numba gives."""
    rows = {n: r for n, r in elementary.KNOWN.items() if n not in UNKNOWN}
    known = {n: row[1] for n, row in rows.items() if "int" not in n}
    places = {name: f"f{i}" for i, name in enumerate(known)}
    body = "\n".join(
        f"        out[{i}, i] = {name}({', '.join(('x[i]', 'y[i]')[:count])})"
        for i, (name, count) in enumerate(known.items())
    )
    texts = [
        f"{NJIT}\ndef {places[n]}(x, y):\n    return {n}({', '.join('xy'[:count])})\n"
        for n, count in known.items()
    ]
    loop = f"{NJIT}\ndef every(x, y, out):\n    for i in range(x.shape[0]):\n{body}\n"
    made = load_module("\n\n".join([HEAD, *texts, loop]), "elementary")
    x, y, _ = floats(dtype)
    expected = np.empty((len(known), len(x)))
    made.every(x, y, expected)
    functions = {f: (getattr(made, f).py_func, (dtype, dtype)) for f in places.values()}
    for lanes in (1, LANES):
        code = machine_maps(functions, lanes)
        for row, (name, place) in zip(expected, places.items(), strict=True):
            actual = run(code.addresses[place], (x, y))
            np.testing.assert_array_equal(bits(row), bits(actual), err_msg=name)


@pytest.mark.parametrize("name", ["mod", "floordiv"])
def test_integers_are_divided_as_numba_divides_them(name: str) -> None:
    """Remainders and quotients of integers are Numba's, by zero and -1 too."""
    pairs = np.array(list(itertools.product(INTEGERS, repeat=2))).T
    arrays = [np.ascontiguousarray(row) for row in pairs]
    expected = np.empty(len(arrays[0]))
    getattr(helpers_by_numba(), f"map_{name}")(*arrays, expected)
    for lanes in (1, LANES):
        code = machine_maps({name: (HELPERS[name], ("int64", "int64"))}, lanes)
        np.testing.assert_array_equal(expected, run(code.addresses[name], arrays))


@pytest.mark.parametrize("lanes", [1, LANES])
@pytest.mark.parametrize("function", REFUSED, ids=lambda f: f.__name__)
def test_what_is_not_understood_is_refused(function: Any, lanes: int) -> None:
    """Whatever is no arithmetic of numbers is an error that names the function."""
    dtypes = ["float64"] * function.__code__.co_argcount
    with pytest.raises(UnsupportedError, match=re.escape(REFUSED[function])) as error:
        Functions(lanes).use(function, dtypes)
    assert function.__name__ in str(error.value)


def test_errors_name_the_line() -> None:
    """An error tells the line of the file that is not understood."""
    function = next(f for f in REFUSED if f.__name__ == "unset")
    line = inspect.getsourcelines(function)[1] + 4
    with pytest.raises(UnsupportedError, match=rf"found t \(line {line}\)"):
        Functions().use(function, ["float64"])


def test_lanes_take_elementary_functions_of_the_caller() -> None:
    """Functions of libm's over vectors are those that the caller names."""
    asked = []

    def vector(name: str, dtype: str, arity: int) -> str:
        asked.append((name, dtype, arity))
        return f"@vector_{name}"

    functions = Functions(4, vector)
    functions.use(HELPERS["pow1p"], ["float64", "float64"])
    functions.use(HELPERS["softplus"], ["float32"])
    text = "\n".join(functions.definitions())
    assert {("pow", "float64", 2), ("exp", "float32", 1)} <= set(asked)
    assert "call <4 x double> @vector_pow(<4 x double> %" in text
    assert all("pow" not in line for line in functions.declarations())


def test_text_is_the_same_each_time() -> None:
    """Functions used twice are printed once, in the same words in every module."""
    texts = []
    for _ in range(2):
        functions = Functions()
        for name in ("beta", "gamma", "beta"):
            functions.use(HELPERS[name], ["float64"] * (1 + (name == "beta")))
        texts.append("\n".join(functions.definitions()))
    assert texts[0] == texts[1]
    assert texts[0].count('define internal double @"overbar.gamma"(') == 1
