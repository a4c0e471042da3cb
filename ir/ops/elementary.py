"""Rows of the elementary functions of one variable (and atan2, hypot)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from overbar.ir.ops import phrases, portable
from overbar.ir.ops.row import (
    LOOSEST,
    POSITIVE,
    POWER,
    REAL,
    SUM,
    UNARY,
    UNIT,
    Notation,
    Op,
    Partial,
    apply,
    call,
    vectorised,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from overbar.ir.graph import Node
    from overbar.ir.ops.row import Interval


def _function(
    name: str,
    partial: Partial,
    *,
    latex: str | Notation = "",
    mp: Callable[..., Any] | None = None,
    domain: Interval = REAL,
    npname: str | None = None,
    singular: bool = False,
    cost: int = 15,
    **more: Any,
) -> Op:
    """Return the row of a function of one variable that NumPy has."""
    npname = npname or name
    if isinstance(latex, str):
        latex = Notation((latex or rf"\{name}") + r"\left({0}\right)")
    return Op(
        name=name, partials=(partial,), numpy=getattr(np, npname),
        mp=mp or (lambda m, x: getattr(m, name)(x)),
        python=call(f"np.{npname}"), text=call(name), latex=latex,
        llvm=name, vector=name, domain=(domain,), singular=singular, cost=cost,
        parsed=True, **more,
    )  # fmt: skip


def _log_mp(m: Any, x: Any, base: int | None = None) -> Any:
    if x < 0:
        return m.nan
    if x == 0:
        return -m.inf
    return m.log(x, base) if base else m.log(x)


def _root_slope(name: str, sign: float) -> Partial:
    """Return +-1/sqrt(1 - x**2), as a product that keeps its digits at +-1."""
    del name
    return lambda out, x: sign / apply("sqrt", apply("diff_squares", 1.0, x))


def _angle_slope(x: Node, y: Node) -> Node:
    """Return x/(x**2 + y**2), without a square that overflows."""
    r = apply("hypot", x, y)
    return apply("hypot_slope", x, y, r, attrs=(True,)) / r


def root_of_squares(_out: Node, x: Node, *more: Node) -> tuple[Node, Node]:
    """Return a norm as it is written, and whether its squares are ordinary."""
    total = x * x
    for other in more:
        total = total + other * other
    low, high = apply("ge", total, 2.0**-960), apply("le", total, 2.0**1020)
    return apply("sqrt", total), apply("and", low, high)


ROWS = (
    _function("exp", lambda out, x: out,
              latex=Notation(r"\mathrm{{e}}^{{{0}}}", POWER)),
    _function("exp2", lambda out, x: math.log(2) * out,
              latex=Notation("2^{{{0}}}", POWER), mp=lambda m, x: m.power(2, x)),
    _function("expm1", lambda out, x: apply("exp", x),
              latex=Notation(r"\mathrm{{e}}^{{{0}}} - 1", SUM, (LOOSEST,))),
    _function("log", lambda out, x: 1.0 / x, domain=POSITIVE, mp=_log_mp),
    _function("log2", lambda out, x: 1.0 / (math.log(2) * x), domain=POSITIVE,
              latex=r"\log_{{2}}", mp=lambda m, x: _log_mp(m, x, 2)),
    _function("log10", lambda out, x: 1.0 / (math.log(10) * x), domain=POSITIVE,
              latex=r"\log_{{10}}", mp=lambda m, x: _log_mp(m, x, 10)),
    _function("log1p", lambda out, x: 1.0 / (1.0 + x), domain=(-1.0, math.inf),
              latex=Notation(r"\log\left(1 + {0}\right)", operands=(SUM,)),
              mp=lambda m, x: m.log1p(x) if x > -1 else _log_mp(m, x + 1)),
    _function("sqrt", lambda out, x: 1.0 / (2.0 * out), domain=POSITIVE,
              phrases=phrases.OF_SQRT,
              singular=True, cost=1, exact=True, latex=Notation(r"\sqrt{{{0}}}", UNARY),
              mp=lambda m, x: m.sqrt(x) if x >= 0 else m.nan),
    _function("sin", lambda out, x: apply("cos", x)),
    _function("cos", lambda out, x: -apply("sin", x)),
    _function("tan", lambda out, x: 1.0 + apply("powi", out, attrs=(2,))),
    _function("asin", _root_slope("asin", 1.0), domain=UNIT, npname="arcsin",
              latex=r"\arcsin", singular=True,
              mp=lambda m, x: m.asin(x) if abs(x) <= 1 else m.nan),
    _function("acos", _root_slope("acos", -1.0), domain=UNIT, npname="arccos",
              latex=r"\arccos", singular=True,
              mp=lambda m, x: m.acos(x) if abs(x) <= 1 else m.nan),
    _function("atan", lambda out, x: apply("bell", x),
              npname="arctan", latex=r"\arctan"),
    _function("sinh", lambda out, x: apply("cosh", x)),
    _function("cosh", lambda out, x: apply("sinh", x)),
    _function("tanh", lambda out, x: apply("tanh_slope", out, x)),
    _function("asinh", lambda out, x: 1.0 / apply("hypot", x, 1.0), npname="arcsinh",
              latex=r"\operatorname{{arsinh}}"),
    _function("acosh",
              lambda out, x: 1.0 / apply("sqrt", x - 1.0) / apply("sqrt", x + 1.0),
              domain=(1.0, math.inf), npname="arccosh", singular=True,
              latex=r"\operatorname{{arcosh}}",
              mp=lambda m, x: m.acosh(x) if x >= 1 else m.nan),
    _function("atanh", lambda out, x: 1.0 / apply("diff_squares", 1.0, x), domain=UNIT,
              npname="arctanh", latex=r"\operatorname{{artanh}}",
              mp=lambda m, x: m.atanh(x) if abs(x) < 1
              else (m.sign(x) * m.inf if abs(x) == 1 else m.nan)),
    Op(
        name="cbrt", singular=True, cost=20, parsed=True, llvm="cbrt", vector="cbrt",
        partials=(lambda out, x: apply("powi", out, attrs=(-2,)) / 3.0,),
        numpy=vectorised(portable.cbrt), helper=portable.cbrt,
        mp=lambda m, x: m.sign(x) * m.cbrt(abs(x)) if x else x,
        python=call("cbrt"), text=call("cbrt"),
        latex=Notation(r"\sqrt[3]{{{0}}}", UNARY),
    ),
    Op(
        name="atan2", arity=2, domain=(REAL, REAL), cost=25, parsed=True,
        llvm="atan2", vector="atan2",
        partials=(
            lambda out, y, x: _angle_slope(x, y),
            lambda out, y, x: -_angle_slope(y, x),
        ),
        numpy=np.arctan2, mp=lambda m, y, x: m.atan2(y, x),
        python=call("np.arctan2"), text=call("atan2"),
        latex=Notation(r"\operatorname{{atan2}}\left({0}, {1}\right)"),
    ),
    Op(
        name="hypot", arity=2, commutative=True, domain=(REAL, REAL), cost=6,
        parsed=True, llvm="hypot", vector="hypot", ordinary=root_of_squares,
        partials=(
            lambda out, x, y: apply("hypot_slope", x, y, out, attrs=(True,)),
            lambda out, x, y: apply("hypot_slope", y, x, out, attrs=(True,)),
        ),
        numpy=vectorised(portable.hypot), helper=portable.hypot,
        mp=lambda m, x, y: m.hypot(x, y),
        python=call("hypot"), text=call("hypot"),
        latex=Notation(r"\sqrt{{{0}^{{2}} + {1}^{{2}}}}", UNARY, (POWER + 1,)),
        kink="{0} = {1} = 0 (zero)",
    ),
)  # fmt: skip
