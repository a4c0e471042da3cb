"""Rows of functions that exist for their accuracy: sigmoid, softplus, log-sum-exp, ...

Each replaces a formula that loses digits; the stabilising rewrites aim at them.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from overbar.ir.ops import portable, portable_stable
from overbar.ir.ops.row import (
    LOOSEST,
    POWER,
    PRODUCT,
    REAL,
    SUM,
    UNARY,
    Notation,
    Op,
    apply,
    call,
    vectorised,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from overbar.ir.graph import Node


def helped(name: str, helper: Callable[..., float], **columns: Any) -> Op:
    """Return a row that is computed by a portable helper."""
    defaults: dict[str, Any] = {
        "numpy": vectorised(helper), "helper": helper, "cost": 25,
        "python": call(helper.__name__), "text": call(name),
        "latex": Notation(rf"\operatorname{{{{{name}}}}}" + r"\left({args}\right)"),
    }  # fmt: skip
    return Op(name=name, **(defaults | columns))


def _sigmoid_mp(m: Any, x: Any) -> Any:
    return 1 / (1 + m.exp(-x)) if x > 0 else m.exp(x) / (1 + m.exp(x))


def _softplus_mp(m: Any, x: Any) -> Any:
    return x + m.log1p(m.exp(-x)) if x > 0 else m.log1p(m.exp(x))


def _logaddexp_mp(m: Any, x: Any, y: Any) -> Any:
    if x != x or y != y:
        return m.nan
    high, low = max(x, y), min(x, y)
    return high if m.isinf(high) else high + m.log1p(m.exp(low - high))


def _share_mp(m: Any, x: Any, y: Any) -> Any:
    return m.mpf(1) / 2 if x == y else _sigmoid_mp(m, x - y)


def _share_slope_mp(m: Any, x: Any, y: Any) -> Any:
    return _share_mp(m, x, y) * _share_mp(m, y, x)


def _xlog_mp(m: Any, x: Any, y: Any) -> Any:
    if x == 0 and y == y:
        return m.mpf(0)
    if y == 0:
        return -m.sign(x) * m.inf
    return x * m.log(y) if y > 0 else m.nan


def _xlog1p_mp(m: Any, x: Any, y: Any) -> Any:
    if x == 0 or y <= -1:
        return _xlog_mp(m, x, 1 + y)
    return x * m.log1p(y)


def _sigmoid_bend(out: Node, _y: Node, x: Node) -> Node:
    """Return sigma''(x): with y = sigma(x), (1 - 2 y) = -tanh(x/2)."""
    return -(out * apply("tanh", 0.5 * x))


def _bose_mp(m: Any, x: Any) -> Any:
    return 1 / m.expm1(x) if x else m.inf


def _csch_mp(m: Any, x: Any) -> Any:
    return m.csch(x) if x else m.inf


def _log_cosh_mp(m: Any, x: Any) -> Any:
    if abs(x) > 1:
        return abs(x) + m.log1p(m.exp(-2 * abs(x))) - m.log(2)
    return m.log1p(2 * m.sinh(x / 2) ** 2)


def _exp_difference_mp(m: Any, x: Any, y: Any) -> Any:
    if x < y:
        return -_exp_difference_mp(m, y, x)
    return -m.exp(x) * m.expm1(y - x)


def _log1mexp_mp(m: Any, x: Any) -> Any:
    if x >= 0:
        return -m.inf if x == 0 else m.nan
    return m.log(-m.expm1(x)) if x > -1 else m.log1p(-m.exp(x))


def _ordinary_tanh_slope(_out: Node, y: Node, x: Node) -> tuple[Node, Node]:
    """Return exp(-2|x|)*(1 + |y|)**2, whose exponential the tangent needs as well."""
    size, sum_ = apply("abs", x), 1.0 + apply("abs", y)
    slope = apply("exp", -2.0 * size) * (sum_ * sum_)
    return slope, apply("le", size, 350.0)


ROWS = (
    helped(
        "sigmoid", portable.sigmoid, parsed=True, mp=_sigmoid_mp,
        partials=(lambda out, x: apply("sigmoid_slope", out, x),),
        latex=Notation(r"\sigma\left({0}\right)"),
    ),
    helped(
        "sigmoid_slope", portable.sigmoid_slope, arity=2, domain=(REAL, REAL),
        partials=(None, _sigmoid_bend), cost=5,
        mp=lambda m, y, x: _sigmoid_mp(m, x) * _sigmoid_mp(m, -x),
        text=Notation("{0}*(1 - {0})", PRODUCT, (PRODUCT + 1,)),
        latex=Notation(r"{0} \, \left(1 - {0}\right)", PRODUCT, (PRODUCT + 1,)),
        accuracy="y*(1 - y) with y = sigmoid(x), without the cancellation at y near 1",
    ),
    helped(
        "tanh_slope", portable.tanh_slope, arity=2, domain=(REAL, REAL),
        partials=(None, lambda out, y, x: -2.0 * y * out), cost=5,
        mp=lambda m, y, x: m.sech(x) ** 2, ordinary=_ordinary_tanh_slope,
        text=Notation("1 - {0}**2", SUM, (POWER + 1,)),
        latex=Notation(r"1 - {0}^{{2}}", SUM, (POWER + 1,)),
        accuracy="1 - y**2 with y = tanh(x), without the cancellation at y near 1",
    ),
    helped(
        "softplus", portable.softplus, parsed=True, mp=_softplus_mp,
        partials=(lambda out, x: apply("sigmoid", x),),
        latex=Notation(r"\log\left(1 + \mathrm{{e}}^{{{0}}}\right)"),
    ),
    helped(
        "log_sigmoid", portable.log_sigmoid, parsed=True,
        mp=lambda m, x: -_softplus_mp(m, -x),
        partials=(lambda out, x: apply("sigmoid", -x),),
        latex=Notation(r"\log\sigma\left({0}\right)"),
    ),
    helped(
        "logaddexp", portable.logaddexp, arity=2, commutative=True, parsed=True,
        domain=(REAL, REAL), mp=_logaddexp_mp,
        partials=(
            lambda out, x, y: apply("logaddexp_share", x, y),
            lambda out, x, y: apply("logaddexp_share", y, x),
        ),
        latex=Notation(r"\log\left(\mathrm{{e}}^{{{0}}} + \mathrm{{e}}^{{{1}}}\right)"),
    ),
    helped(
        "logaddexp_share", portable.logaddexp_share, arity=2, domain=(REAL, REAL),
        mp=_share_mp,
        partials=(
            lambda out, x, y: apply("logaddexp_slope", x, y),
            lambda out, x, y: -apply("logaddexp_slope", x, y),
        ),
        text=Notation("sigmoid({0} - {1})", operands=(SUM, SUM + 1)),
        latex=Notation(r"\sigma\left({0} - {1}\right)", operands=(SUM, SUM + 1)),
        accuracy="sigmoid(x - y), 1/2 where x and y are the same infinity",
    ),
    helped(
        "logaddexp_slope", portable_stable.share_slope, arity=2, cost=20,
        domain=(REAL, REAL), mp=_share_slope_mp,
        partials=(lambda out, x, y: -(out * apply("tanh", 0.5 * (x - y))),
                  lambda out, x, y: out * apply("tanh", 0.5 * (x - y))),
        text=Notation("sigmoid'({0} - {1})", operands=(SUM, SUM + 1)),
        latex=Notation(r"\sigma'\left({0} - {1}\right)", operands=(SUM, SUM + 1)),
        accuracy="p*(1 - p) with p = sigmoid(x - y), without cancellation",
    ),
    helped(
        "xlogy", portable.xlogy, arity=2, domain=(REAL, (0.0, math.inf)), parsed=True,
        mp=_xlog_mp, singular=True,
        partials=(
            lambda out, x, y: apply("log", y),
            lambda out, x, y: apply("xdivy", x, y),
        ),
        text=Notation("{0}*log({1})", PRODUCT, (PRODUCT, 0)),
        latex=Notation(r"{0} \, \log\left({1}\right)", PRODUCT, (PRODUCT, 0)),
        accuracy="0 where x is 0, whatever y is but NaN",
    ),
    helped(
        "xdivy", portable.xdivy, arity=2, domain=(REAL, REAL), singular=True, cost=2,
        mp=lambda m, x, y: x if x == 0 and y == 0 else (x / y if y else m.nan),
        partials=(
            lambda out, x, y: 1.0 / y,
            lambda out, x, y: -apply("xdivy", out, y),
        ),
        text=Notation("{0}/{1}", PRODUCT, (PRODUCT, PRODUCT + 1)),
        latex=Notation(r"\frac{{{0}}}{{{1}}}", UNARY, (LOOSEST,)),
        accuracy="x/y, but 0 where both are 0",
    ),
    helped(
        "xlog1py", portable.xlog1py, arity=2, domain=(REAL, (-1.0, math.inf)),
        mp=_xlog1p_mp, singular=True, parsed=True,
        partials=(
            lambda out, x, y: apply("log1p", y),
            lambda out, x, y: apply("xdivy", x, 1.0 + y),
        ),
        latex=Notation(r"{0} \, \log\left(1 + {1}\right)", PRODUCT, (PRODUCT, SUM)),
    ),
    helped(
        "bose", portable_stable.bose, mp=_bose_mp, cost=17,
        partials=(lambda out, x: out * apply("bose", -x),),
        text=Notation("1/(exp({0}) - 1)", PRODUCT),
        latex=Notation(r"\frac{{1}}{{\mathrm{{e}}^{{{0}}} - 1}}", UNARY),
        accuracy="b' = b(x) b(-x): no difference of large numbers, to any order",
    ),
    helped(
        "sech", portable_stable.sech, mp=lambda m, x: m.sech(x), cost=18,
        partials=(lambda out, x: -(out * apply("tanh", x)),),
    ),
    helped(
        "csch", portable_stable.csch, mp=_csch_mp, cost=17,
        partials=(lambda out, x: -(out / apply("tanh", x)),),
    ),
    helped(
        "log_cosh", portable_stable.log_cosh, mp=_log_cosh_mp, cost=35,
        partials=(lambda out, x: apply("tanh", x),),
        text=Notation("log(cosh({0}))"),
        latex=Notation(r"\log\left(\cosh\left({0}\right)\right)", UNARY),
    ),
    helped(
        "log1mexp", portable_stable.log1mexp, domain=((-math.inf, 0.0),), cost=32,
        mp=_log1mexp_mp, partials=(lambda out, x: -apply("bose", -x),),
        text=Notation("log(1 - exp({0}))"),
        latex=Notation(r"\log\left(1 - \mathrm{{e}}^{{{0}}}\right)", UNARY),
    ),
    helped(
        "exp_difference", portable_stable.exp_difference, arity=2, cost=33,
        domain=(REAL, REAL), mp=_exp_difference_mp,
        partials=(lambda out, x, y: apply("exp", x),
                  lambda out, x, y: -apply("exp", y)),
        text=Notation("exp({0}) - exp({1})", SUM, (LOOSEST,)),
        latex=Notation(r"\mathrm{{e}}^{{{0}}} - \mathrm{{e}}^{{{1}}}", SUM, (LOOSEST,)),
    ),
)  # fmt: skip
