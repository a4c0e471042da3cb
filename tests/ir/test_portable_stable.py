"""Run the functions behind the stabilising rewrites under Numba as in plain Python.

Their accuracy is measured where they are used, by `tests/accuracy` and the walk over
the op table; here the two ways of running must agree.
"""

from __future__ import annotations

import inspect
import itertools
import math
from functools import cache
from typing import TYPE_CHECKING, Any

import numba
import numpy as np
import pytest

from overbar.ir.ops import portable_stable, portable_steps

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FunctionType

MODULES = (portable_stable, portable_steps)
FUNCTIONS = {
    name: f
    for module in MODULES
    for name, f in vars(module).items()
    if inspect.isfunction(f) and f.__module__ == module.__name__
}
ORDERS: dict[str, tuple[float, ...]] = {
    "sinc_diff": (1, 2, 3, 7),
    "expm1_ratio_diff": (1, 2, 3, 7),
    "log1p_ratio_diff": (1, 2, 3, 7),
    "bernoulli_diff": (1, 2, 3, 6),
    "polygamma_step": (0, 1, 2, 5),
    "log_step": (False, True),
}
"""Values of the attribute that comes first."""

POINTS = [0.0, -0.0, 5e-324, 1e-300, -1e-300, 1e-8, -1e-3, 0.3, -0.4, 0.5, -0.7, 1.0]
POINTS += [-1.0, 1.5, -2.0, 2.7, 3.0, 4.1, -9.0, 10.0, 21.0, -23.0, 41.0, -45.0, 350.0]
POINTS += [-400.0, 699.0, 705.0, 720.0, -720.0, 1e5, -1e8, 1e101, 1e300, -1e300]
POINTS += [math.inf, -math.inf, math.nan]
CLOSE = 1e-13
"""Numba's libm and NumPy's differ in the last bits, which powers magnify."""


@cache
def compiled(name: str) -> Callable[..., float]:
    """Compile a function as a generated module does."""
    return numba.njit(error_model="numpy")(FUNCTIONS[name])  # type: ignore[no-any-return]


def arguments(name: str) -> list[tuple[Any, ...]]:
    """Return points to call a function at, attributes first."""
    count = len(inspect.signature(FUNCTIONS[name]).parameters)
    if name == "pow1p":  # of negative numbers, pow and np.power differ: at -inf**0.5
        return [p for p in itertools.product(POINTS, repeat=2) if not p[0] < -1.0]
    if name not in ORDERS:
        return list(itertools.product(POINTS, repeat=count))
    points = list(itertools.product(POINTS, repeat=count - 1))
    return [(n, *point) for n in ORDERS[name] for point in points]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_numba_agrees_with_python(name: str) -> None:
    """Both ways give floats that are close, and infinite or NaN at the same points."""
    wrong = []
    for point in arguments(name):
        with np.errstate(all="ignore"):
            expected = FUNCTIONS[name](*point)
        assert isinstance(expected, np.float64)
        found = compiled(name)(*point)
        same = found == expected or (math.isnan(found) and math.isnan(expected))
        size = abs(expected) if math.isfinite(expected) else 0.0
        if not same and not abs(found - expected) <= CLOSE * size + 5e-323:
            wrong.append((point, float(expected), found))
    assert [] == wrong


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_stand_alone(name: str) -> None:
    """A function mentions math, np and builtins alone, so that it can be printed."""
    function: FunctionType = FUNCTIONS[name]
    allowed = {"math", "np"} | set(dir(__builtins__)) | {"abs", "max", "min", "range"}
    attributes = set(dir(np)) | set(dir(math))
    used = set(function.__code__.co_names)
    assert set() == used - allowed - attributes - {"int", "float"}
