"""Say what drawn operations mean in SymPy, and where the kinked ones have kinks.

A kinked operation is, near a point clear of its kinks, one of a few smooth functions:
a `Piece`, chosen by the operands' values.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import mpmath
import sympy

from overbar.ir.ops import OPS

if TYPE_CHECKING:
    from collections.abc import Callable


def _log_abs(x: Any) -> Any:
    return sympy.log(x**2) / 2


SMOOTH: dict[str, Callable[..., Any]] = {
    "exp": sympy.exp, "log": sympy.log, "sqrt": sympy.sqrt, "sin": sympy.sin,
    "cos": sympy.cos, "tan": sympy.tan, "asin": sympy.asin, "acos": sympy.acos,
    "atan": sympy.atan, "sinh": sympy.sinh, "cosh": sympy.cosh, "tanh": sympy.tanh,
    "asinh": sympy.asinh, "acosh": sympy.acosh, "atanh": sympy.atanh,
    "erf": sympy.erf, "erfc": sympy.erfc, "gamma": sympy.gamma,
    "digamma": sympy.digamma,
    "exp2": lambda x: 2**x,
    "expm1": lambda x: sympy.exp(x) - 1,
    "log2": lambda x: sympy.log(x) / sympy.log(2),
    "log10": lambda x: sympy.log(x) / sympy.log(10),
    "log1p": lambda x: sympy.log(1 + x),
    "cbrt": lambda x: x * (x**2) ** sympy.Rational(-1, 3),
    "hypot": lambda x, y: sympy.sqrt(x**2 + y**2),
    "gammaln": lambda x: _log_abs(sympy.gamma(x)),
    "beta": lambda x, y: sympy.gamma(x) * sympy.gamma(y) / sympy.gamma(x + y),
    "betaln": lambda x, y: _log_abs(SMOOTH["beta"](x, y)),
    "sigmoid": lambda x: 1 / (1 + sympy.exp(-x)),
    "softplus": lambda x: sympy.log(1 + sympy.exp(x)),
    "log_sigmoid": lambda x: -sympy.log(1 + sympy.exp(-x)),
    "logaddexp": lambda x, y: sympy.log(sympy.exp(x) + sympy.exp(y)),
    "xlogy": lambda x, y: x * sympy.log(y),
    "xlog1py": lambda x, y: x * sympy.log(1 + y),
}  # fmt: skip
"""The rows of the op table that have names, are smooth, and what they mean."""

INFIX: dict[str, Callable[..., Any]] = {
    "{0} + {1}": lambda x, y: x + y,
    "{0} - {1}": lambda x, y: x - y,
    "{0}*{1}": lambda x, y: x * y,
    "{0}/{1}": lambda x, y: x / y,
    "-{0}": lambda x: -x,
    "{0}**2": lambda x: x**2,
    "{0}**-3": lambda x: x**-3,
    "{0}**0.5": sympy.sqrt,
    "{0}**{1}": lambda x, y: x**y,
    "1 + {0}": lambda x: 1 + x,
    "1 - {0}": lambda x: 1 - x,
    "{0}/3": lambda x: x / 3,
    "3*{0} + {1}": lambda x, y: 3 * x + y,
    "0.75*{0} + {1}": lambda x, y: 3 * x / 4 + y,
}


class Piece(NamedTuple):
    """Say what a kinked operation is near a point, and how far the kink is."""

    clear: Any
    form: Callable[..., Any]


def _sides(side: Any, right: Any, left: Any) -> Piece:
    return Piece(abs(side), right if side > 0 else left)


def _constant(clear: Any, value: Any) -> Piece:
    return Piece(clear, lambda *_: sympy.Integer(int(value)))


def _to_integer(x: Any) -> Any:
    return abs(x - mpmath.nint(x))


def _first(*order: Any) -> Piece:
    """Return the piece of an extremum, for operands signed so that the largest wins."""
    ranks = sorted(range(len(order)), key=lambda i: order[i])
    i, second = ranks[-1], ranks[-2]
    return Piece(order[i] - order[second], lambda *args: args[i])


def _clip(x: Any, low: Any, high: Any) -> Piece:
    i = 2 if max(x, low) > high else 1 if low > x else 0
    clear = min(abs(x - low), abs(max(x, low) - high))
    return Piece(clear, lambda *args: args[i])


def _mod(x: Any, y: Any) -> Piece:
    turns = int(mpmath.floor(x / y))
    return Piece(_to_integer(x / y), lambda x, y: x - turns * y)


KINKED: dict[str, Callable[..., Piece]] = {
    "abs": lambda x: _sides(x, lambda x: x, lambda x: -x),
    "max": _first,
    "min": lambda *args: _first(*(-a for a in args)),
    "sign": lambda x: _constant(abs(x), mpmath.sign(x)),
    "floor": lambda x: _constant(_to_integer(x), mpmath.floor(x)),
    "ceil": lambda x: _constant(_to_integer(x), mpmath.ceil(x)),
    "trunc": lambda x: _constant(_to_integer(x), int(x)),
    "round": lambda x: _constant(_to_integer(x + mpmath.mpf(0.5)), mpmath.nint(x)),
    "mod": _mod,
    "heaviside": lambda x, _: _constant(abs(x), x > 0),
    "relu": lambda x: _sides(x, lambda x: x, lambda x: 0 * x),
    "prelu": lambda x, _: _sides(x, lambda x, a: x, lambda x, a: a * x),
    "atan2": lambda y, x: Piece(max(abs(y), x), sympy.atan2),
    "clip": _clip,
    "leaky_relu": lambda x, _: _sides(x, lambda x, a: x, lambda x, a: a * x),
    "hard_tanh": lambda x: Piece(
        abs(abs(x) - 1),
        (lambda x: x) if abs(x) < 1 else (lambda _: sympy.Integer(1 if x > 0 else -1)),
    ),
}
"""Operations that have names and kinks, jumps or cuts."""

COMPARISONS: dict[str, Callable[..., bool]] = {
    "{0} < {1}": lambda x, y: x < y,
    "{0} <= {1}": lambda x, y: x < y,
    "{0} > {1}": lambda x, y: x > y,
    "{0} >= {1}": lambda x, y: x > y,
    "{0} == {1}": lambda x, y: False,
    "{0} != {1}": lambda x, y: True,
    "not {0} < {1}": lambda x, y: x > y,
    "{0} < {1} and {0} > 0.25": lambda x, y: 0.25 < x < y,
    "{0} < {1} or {1} < 0.5": lambda x, y: x < y or y < 0.5,
}
"""Conditions for operands that differ, and are clear of 1/4 and 1/2."""

ARITY = {"max": 3, "min": 3, "clip": 3, "leaky_relu": 2, "hard_tanh": 1, "where": 4}


def arity(op: str) -> int:
    """Return how many operands an operation is drawn with."""
    return ARITY.get(op) or (1 + ("{1}" in op) if "{0}" in op else OPS[op].arity) or 0
