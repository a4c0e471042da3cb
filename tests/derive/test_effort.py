"""Count calls, not seconds: what large formulas take grows with their size alone."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
from effort import calls

import overbar as ob
from overbar.codegen.lower import lower

if TYPE_CHECKING:
    from collections.abc import Callable

    from overbar.derivation import Derivation
    from overbar.read.overloading import Expression

MOST = 200
"""Calls of functions, C's among them, for an operation of a formula: 170 are made."""


def formula(size: int) -> Expression:
    """Return a random formula of some size, its values used again."""
    rng = random.Random(size)  # noqa: S311 - no secret
    values = [ob.param(f"x{i}") for i in range(16)]
    choices: tuple[Callable[..., Expression], ...] = (
        lambda a, b: a * b * 0.6, lambda a, b: (a + b) * 0.6,
        lambda a, b: (a - b) * 0.6, lambda a, b: ob.sin(a + b),
    )  # fmt: skip
    for _ in range(size):
        one, other = rng.choices(values[-40:], k=2)
        values.append(rng.choice(choices)(one, other))
    total = values[-40]
    for value in values[-39:]:
        total = total + value
    return total


@pytest.mark.parametrize("size", [500, 4000])
def test_calls_for_a_gradient_are_few_and_linear(size: int) -> None:
    """Reading, the sweep, its seed and lowering make so many calls an operation."""
    expression = formula(size)

    def act() -> None:
        derivation: Derivation = ob.compile(expression).derivation
        view = derivation.with_gradient()
        lower(view, list(view.outputs.values()))

    act()  # what is made once, and what rewrites learn of pairs of ops
    assert calls(act) < MOST * size
