"""Drawn formulas have SymPy's gradients and mpmath's second derivatives.

What may differ is what rounding of each operation explains, measured for each draw.
"""

from __future__ import annotations

import mpmath
import numpy as np
from drawn import DIGITS, WITH_KINKS, formulas, rounding
from drawn_operations import KINKED, SMOOTH
from hypothesis import assume, given, settings

from overbar.ir.ops import OPS

UNITS = 32.0
"""How many units of rounding an operation of the table may be off."""

UNIT = 2.0**-53
UNDERFLOW, DIFFERENCE = 1e-290, 1e-40
"""How far off results are for subnormal numbers, and for differences in 60 digits."""
LOWER = [(i, j) for i in range(3) for j in range(i + 1)]


def _close(found, expected, moves, floor=UNDERFLOW):
    """Fail where results are further off than rounding explains."""
    assume(np.isfinite(moves).all() and max(moves) < 1e-3)
    allowed = UNITS * (moves + UNIT * np.abs(np.array(expected, dtype=float)))
    pairs = zip(map(float, found), expected, strict=True)
    off = [float(abs(mpmath.mpf(a) - b)) for a, b in pairs]
    assert [] == [o for o, a in zip(off, allowed, strict=True) if not o <= a + floor]


def test_every_function_is_drawn():
    """A new named row needs its meaning written down, in SymPy, to be drawn."""
    named = {name for name, row in OPS.items() if row.parsed}
    untrue = {"stop_gradient"}  # its derivative is not that of its value
    assert untrue == named - set(SMOOTH) - set(KINKED)


@settings(max_examples=100)
@given(formulas(WITH_KINKS))
def test_value_and_gradient_are_those_of_sympy(drawn):
    """Value and gradient agree with SymPy's derivative of its own expression."""
    expected = drawn.true(0, 1)
    f = drawn.compiled(accuracy="strict")
    value, gradient = f.value_and_grad(*drawn.point)
    moves = rounding(f, "value_and_grad", drawn.point)
    _close([value, *gradient], expected, moves)


@settings(max_examples=60)
@given(formulas(WITH_KINKS))
def test_hessian_is_that_of_differences(drawn):
    """The Hessian agrees with mpmath's numerical one in 60 digits, and is symmetric."""
    drawn.true(0, 1)
    f = drawn.compiled(accuracy="strict")
    with mpmath.workdps(DIGITS):
        value = drawn.numbers(drawn.exact)
        at = tuple(drawn.given.values())
        orders = [tuple((i == k) + (j == k) for k in range(len(at))) for i, j in LOWER]
        expected = [mpmath.diff(value, at, order) for order in orders]
    hessian = np.array(f.hessian(*drawn.point))
    moves = rounding(f, "hessian", drawn.point)
    _close([hessian[i][j] for i, j in LOWER], expected, moves, DIFFERENCE)
    np.testing.assert_array_equal(hessian, hessian.T)
