"""Wrap generated functions to be given what they take.

Comes in: a function. Goes out: one that packs, rounds or converts its arguments, or has
the last of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from overbar.ir.types import F32

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from overbar.ir.program import Program


def partial_last(
    function: Callable[..., Any], last: Sequence[Any]
) -> Callable[..., Any]:
    """Return a function whose last arguments are given."""

    def run(*args: Any) -> Any:
        return function(*args, *last)

    return run


def rounding(function: Callable[..., Any], program: Program) -> Callable[..., Any]:
    """Return a function of Python's floats that computes in float32, as arrays do."""
    parts = [part for _, part in program.params]

    def run(*args: Any) -> Any:
        return function(*map(_rounded, args, parts))

    return run


def rounding_floats(
    function: Callable[..., Any], places: Sequence[int]
) -> Callable[..., Any]:
    """Return a function with Python's floats in some places, and nothing else there."""

    def run(*args: Any) -> Any:
        found = list(args)
        for place in places:
            if type(found[place]) is not float:
                raise TypeError
            found[place] = np.float32(found[place])
        return function(*found)

    return run


def _rounded(value: Any, part: Any) -> Any:
    if isinstance(part, tuple):
        return tuple(map(_rounded, value, part))
    return np.float32(value) if part.type is F32 else value


def packing(function: Any, dtype: str) -> Callable[..., Any]:
    """Return a function of numbers that hands them on as one array."""

    def packed(*args: Any) -> Any:
        return function(np.array(args, dtype))

    return packed


def silent(function: Any, *, convert: bool = True) -> Callable[..., Any]:
    """Return a plain function that follows IEEE rules instead of raising."""

    def run(*args: Any) -> Any:
        with np.errstate(all="ignore"):
            return function(*map(_ieee, args)) if convert else function(*args)

    return run


def _ieee(value: Any) -> Any:
    """Return a number as one of NumPy's, which divide by zero without raising."""
    if isinstance(value, tuple):
        return tuple(map(_ieee, value))
    kind = _IEEE.get(type(value))
    return kind(value) if kind else value


_IEEE: dict[type, Callable[[Any], Any]] = {float: np.float64, int: np.int64}
