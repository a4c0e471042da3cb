"""At ties, kinks and jumps the gradient is the declared convention's, in each mode.

What the conventions mean is worked out here in exact fractions, from one-sided
difference quotients of piecewise linear functions, not from the rows of the op table.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import overbar as ob

if TYPE_CHECKING:
    from collections.abc import Callable

CONVENTIONS = ("half", "left", "right", "zero")
STEP = Fraction(1, 1024)
POINT = (1, -2, 3)


def _clip(x, low, high):
    return min(max(x, low), high)


class Kinked(NamedTuple):
    """Define an operation by its values, and what tied operands are.

    values: the numbers that each operand may have; share: the slope of an operand by
    the convention "half", where that is not the mean of both sides; always: the one
    convention that an operation of a convention of its own follows.
    """

    function: Callable[..., Fraction]
    values: tuple[tuple[int, ...], ...]
    share: Callable[..., Fraction] | None = None
    always: str = ""


def _equal_shares(pick):
    """Return the share of operand i where all that attain the extremum share alike."""

    def share(i, *args):
        best = pick(args)
        return Fraction(int(args[i] == best), args.count(best))

    return share


BITS = ((0, 1),)
OPERATIONS = {
    "abs": Kinked(abs, ((-1, 0, 1),)),
    "max": Kinked(max, BITS * 2, _equal_shares(max)),
    "min": Kinked(min, BITS * 2, _equal_shares(min)),
    "max, three": Kinked(max, BITS * 3, _equal_shares(max)),
    "min, three": Kinked(min, BITS * 3, _equal_shares(min)),
    "max, four": Kinked(max, BITS * 4, _equal_shares(max)),
    "clip": Kinked(_clip, ((0, 1, 2, 3), (1,), (2,))),
    "hard_tanh": Kinked(lambda x: _clip(x, -1, 1), ((-2, -1, 0, 1),)),
    "relu": Kinked(lambda x: max(x, 0), ((-1, 0, 1),), always="left"),
    "prelu": Kinked(lambda x, a: x if x > 0 else a * x, ((-1, 0, 1), (2, 3)),
                    always="left"),
    "leaky_relu": Kinked(lambda x, a: x if x > 0 else a * x, ((-1, 0, 1), (2, 3)),
                         always="left"),
}  # fmt: skip
CHOICES = {
    "<": lambda x, y: x < y, "<=": lambda x, y: x <= y, ">": lambda x, y: x > y,
    ">=": lambda x, y: x >= y, "==": lambda x, y: x == y, "!=": lambda x, y: x != y,
}  # fmt: skip
JUMPS = {
    "sign": 0, "floor": 1, "ceil": 1, "trunc": 1, "round": Fraction(1, 2),
    "heaviside": 0,
}  # fmt: skip
"""Functions that are flat off their jumps, and a number at which they jump."""


class Operand(NamedTuple):
    """Hold a linear function of x, y, z that has a given value at POINT."""

    slopes: tuple[int, int, int]
    value: Fraction

    def __str__(self) -> str:
        """Return it in the expression language."""
        constant = self.value - sum(
            s * p for s, p in zip(self.slopes, POINT, strict=True)
        )
        terms = [f"({s})*{name}" for s, name in zip(self.slopes, "xyz", strict=True)]
        return " + ".join([*terms, f"({float(constant)!r})"])


SLOPES = st.tuples(*[st.integers(-3, 3)] * 3)


@st.composite
def operands(draw, values):
    """Draw linear operands; one may be the very same as another."""
    found = [Operand(draw(SLOPES), Fraction(draw(st.sampled_from(v)))) for v in values]
    if len(found) > 1 and found[0].value in values[1] and draw(st.booleans()):
        found[1] = found[0]
    return found


def _slope(op, kinks, i, args):
    """Return the partial in operand i, by definition."""

    def side(h):
        moved = [*args[:i], args[i] + h, *args[i + 1 :]]
        return (Fraction(op.function(*moved)) - op.function(*args)) / h

    left, right = side(-STEP), side(STEP)
    if (op.always or kinks) == "left":
        return left
    if kinks == "right":
        return right
    if kinks == "zero":
        return left if left == right else Fraction(0)
    return op.share(i, *args) if op.share else (left + right) / 2


def _check(text, expected, kinks="half"):
    """Compare gradients of all modes and ways to run with those expected."""
    for backend in ("reference", "python"):
        f = ob.compile(text, inputs=list("xyz"), kinks=kinks, backend=backend)
        units = [[float(i == j) for i in range(3)] for j in range(3)]
        tangents = [f.jvp(POINT, unit) for unit in units]
        expected = [float(e) for e in expected]
        assert expected == pytest.approx(list(f.grad(*POINT)), rel=1e-15, abs=2e-15)
        assert expected == pytest.approx(tangents, rel=1e-15, abs=2e-15)


def _chained(partials, args):
    """Return the gradient in x, y, z of a function of linear operands."""
    return [
        sum(p * a.slopes[k] for p, a in zip(partials, args, strict=True))
        for k in range(3)
    ]


@pytest.mark.parametrize("kinks", CONVENTIONS)
@pytest.mark.parametrize("name", OPERATIONS)
@settings(max_examples=9)
@given(st.data())
def test_ties_follow_the_convention(name, kinks, data):
    """Half is an equal share, left and right are one-sided, zero is nothing."""
    op = OPERATIONS[name]
    args = data.draw(operands(op.values))
    numbers = [a.value for a in args]
    partials = [_slope(op, kinks, i, numbers) for i in range(len(args))]
    text = f"{name.split(',')[0]}({', '.join(map(str, args))})"
    gradient = _chained(partials, args)
    _check(f"2*{text} - z", [2 * g - (k == 2) for k, g in enumerate(gradient)], kinks)


@pytest.mark.parametrize("comparison", CHOICES)
@settings(max_examples=20)
@given(operands(((0, 1), (0, 1), (2, 3), (2, 3))))
def test_a_choice_has_the_slope_of_what_it_takes(comparison, args):
    """At a tie of its condition `where` has the slope of the branch that is taken."""
    x, y, chosen, other = args
    taken = chosen if CHOICES[comparison](x.value, y.value) else other
    text = f"where({x} {comparison} {y}, {chosen}, {other})"
    _check(text, taken.slopes)
    assert float(taken.value) == ob.compile(text, backend="python")(*POINT)


@pytest.mark.parametrize("kinks", CONVENTIONS)
@pytest.mark.parametrize("name", JUMPS)
@settings(max_examples=8)
@given(st.data())
def test_jumps_are_flat(name, kinks, data):
    """At a jump the slope is 0, and a factor beside it keeps its own."""
    inner = Operand(data.draw(SLOPES), Fraction(JUMPS[name]))
    text = f"(3 + {name}({inner}))*y"
    f = ob.compile(text, inputs=list("xyz"), backend="python")
    _check(text, [0, f(*POINT) / POINT[1], 0], kinks)


@pytest.mark.parametrize("kinks", CONVENTIONS)
@settings(max_examples=8)
@given(SLOPES, st.integers(1, 3), st.integers(-3, 3))
def test_a_remainder_has_one_slope_everywhere(kinks, slopes, modulus, turns):
    """At its jump `x % m` has slope 1 in x and minus the whole turns in m."""
    x = Operand(slopes, Fraction(modulus * turns))
    m = Operand((0, 1, 0), Fraction(modulus))
    _check(f"mod({x}, {m})", _chained([1, -turns], [x, m]), kinks)


@pytest.mark.parametrize("kinks", CONVENTIONS)
@settings(max_examples=8)
@given(operands(((0,), (0,))))
def test_the_hypotenuse_has_the_slope_of_least_norm(kinks, args):
    """At the origin the subgradient of least norm is 0, whatever the convention."""
    _check(f"hypot({args[0]}, {args[1]})", [0, 0, 0], kinks)
