"""Rows of differences and quotients whose obvious formula, or its derivative, cancels.

The stabilising rewrites aim at them. Where the value is what one would write, as in
`share`, the row is there for its partials: they stay accurate at every order.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from overbar.ir.ops import portable, portable_stable
from overbar.ir.ops.elementary import root_of_squares
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
from overbar.ir.ops.stable import helped

if TYPE_CHECKING:
    from overbar.ir.graph import Node

MOST_EXACT_LEGS = 8
"""Up to so many operands `norm` gives partials that are exact to every order."""


def _square(x: Node) -> Node:
    return apply("powi", x, attrs=(2,))


def _compound_mp(m: Any, x: Any, y: Any) -> Any:
    return m.expm1(y * m.log1p(x)) if x > -1 else m.power(1 + x, y) - 1


def _pow1p_mp(m: Any, x: Any, y: Any) -> Any:
    return m.exp(y * m.log1p(x)) if x > -1 else m.power(1 + x, y)


def _log_step_mp(m: Any, signed: bool, x: Any, d: Any) -> Any:  # noqa: FBT001
    if x < 0 and not signed:
        return m.nan
    if x == 0 or x + d == 0:
        return m.inf if x == 0 else -m.inf
    ratio = d / x
    return m.log1p(ratio) if ratio > -1 else m.nan


def _sqrt_step_mp(m: Any, x: Any, d: Any) -> Any:
    if x < 0 or x + d < 0:
        return m.nan
    return d / (m.sqrt(x + d) + m.sqrt(x)) if d else m.mpf(0)


def _sqrt_step_slope(out: Node, root: Node, end: Node) -> Node:
    """Return 1/(2 sqrt(end)) - 1/(2 root), for out = sqrt(end) - root."""
    share = apply("share", out, root, apply("sqrt", end), attrs=(1.0,))
    return -(share / (2.0 * root))


def _quotient_mp(m: Any, x: Any, y: Any) -> Any:
    return x / y if y else m.nan


def _hypot_of(args: list[Node]) -> Node:
    """Return the root of the sum of squares."""
    return (
        args[0]
        if len(args) == 1
        else apply("hypot" if len(args) == 2 else "norm", *args)
    )


def _norm_partial(i: int, out: Node, *args: Node) -> Node:
    """Return x_i/norm, and give it what else it depends on where there is not much."""
    if len(args) > MOST_EXACT_LEGS:  # linear work instead, for norms of whole vectors
        return apply("xdivy", args[i], out)
    others = [a for k, a in enumerate(args) if k != i]
    return apply("hypot_slope", args[i], _hypot_of(others), out, attrs=(True,))


def _plain_quotient(out: Node, x: Node, _y: Node, s: Node) -> Node:
    """Return x/s as it is: through the rewrites it would become the op again."""
    from overbar.ir.ops import lookup

    return out.graph.restore(lookup("div"), (x, s), (), out.type)


def _plain_product(out: Node, v: Node, x: Node, y: Node, s: Node) -> Node:
    return _plain_quotient(out, v * x, y, s)


def _slope_lower(out: Node, x: Node, y: Node, h: Node) -> Node | None:
    limits = out.attrs[0]
    return None if limits else _plain_quotient(out, x, y, h)


def _slope_mp(m: Any, limits: bool, x: Any, y: Any, h: Any) -> Any:  # noqa: FBT001
    if h and not m.isinf(x):
        return x / m.hypot(x, y)
    if not limits:
        return m.nan
    return m.sign(x) * (m.sqrt(0.5) if m.isinf(y) else 1) if h else m.mpf(0)


def _slope_numpy(limits: bool, x: Any, y: Any, h: Any) -> Any:  # noqa: FBT001
    return _COSINE(x, y, h) if limits else np.divide(x, h)


_COSINE = vectorised(portable_stable.cosine)


def _rest(out: Node, x: Node, y: Node, s: Node) -> Node:
    """Return y/s with s = k*x + y: the share of what is left."""
    return apply("share", y, out.attrs[0] * x, s, attrs=(1.0,))


def _norm_numpy(*args: Any) -> Any:
    total = args[0]
    for a in args[1:]:
        total = _HYPOT(total, a)
    return total


_HYPOT = vectorised(portable.hypot)

_QUOTIENT = Notation("{0}/{2}", PRODUCT, (PRODUCT, PRODUCT + 1))
_FRACTION = Notation(r"\frac{{{0}}}{{{2}}}", UNARY, (LOOSEST,))

ROWS = (
    helped(
        "versin", portable.versin, partials=(lambda out, x: apply("sin", x),),
        mp=lambda m, x: 2 * m.sin(x / 2) ** 2, cost=17,
        text=Notation("1 - cos({0})", SUM),
        latex=Notation(r"1 - \cos\left({0}\right)", SUM),
        accuracy="2*sin(x/2)**2",
    ),
    helped(
        "compound", portable.compound_minus_one, arity=2, cost=60,
        domain=((-1.0, math.inf), REAL), mp=_compound_mp,
        partials=(lambda out, x, y: y * apply("pow1p", x, y - 1.0),
                  lambda out, x, y: apply("xlog1py", apply("pow1p", x, y), x)),
        text=Notation("(1 + {0})**{1} - 1", SUM, (SUM, UNARY)),
        latex=Notation(r"\left(1 + {0}\right)^{{{1}}} - 1", SUM, (SUM, LOOSEST)),
    ),
    helped(
        "pow1p", portable_stable.pow1p, arity=2, cost=40,
        domain=((-1.0, math.inf), REAL), mp=_pow1p_mp,
        partials=(lambda out, x, y: y * apply("pow1p", x, y - 1.0),
                  lambda out, x, y: apply("xlog1py", out, x)),
        text=Notation("(1 + {0})**{1}", POWER, (SUM, UNARY)),
        latex=Notation(r"\left(1 + {0}\right)^{{{1}}}", POWER, (SUM, LOOSEST)),
        accuracy="(1 + x)**y, as if 1 + x were not rounded",
    ),
    helped(
        "log_step", portable_stable.log_step, arity=2, cost=18, domain=(REAL, REAL),
        mp=_log_step_mp, python=Notation("log_step({a}, {0}, {1})"),
        partials=(
            lambda out, x, d: -(apply("share", d, x, x + d, attrs=(1.0,)) / x),
            lambda out, x, d: 1.0 / (x + d),
        ),
        text=Notation("log(1 + {1}/{0})", operands=(PRODUCT + 1, PRODUCT)),
        latex=Notation(r"\log\left(1 + \frac{{{1}}}{{{0}}}\right)", UNARY),
        accuracy="log((x + d)/x); without its attribute log(x + d) - log(x), NaN for"
        " negative x",
    ),
    helped(
        "sqrt_step", portable_stable.sqrt_step, arity=2, cost=5, singular=True,
        domain=((0.0, math.inf), REAL), mp=_sqrt_step_mp,
        partials=(
            lambda out, x, d: _sqrt_step_slope(out, apply("sqrt", x), x + d),
            lambda out, x, d: 1.0 / (2.0 * apply("sqrt", x + d)),
        ),
        text=Notation("sqrt({0} + {1}) - sqrt({0})", SUM, (SUM, SUM + 1)),
        latex=Notation(r"\sqrt{{{0} + {1}}} - \sqrt{{{0}}}", SUM, (SUM, SUM + 1)),
    ),
    Op(
        name="diff_squares", arity=2, cost=3, domain=(REAL, REAL),
        partials=(lambda out, x, y: 2.0 * x, lambda out, x, y: -2.0 * y),
        numpy=lambda x, y: (x - y) * (x + y), mp=lambda m, x, y: (x - y) * (x + y),
        lower=lambda out, x, y: (x - y) * (x + y),
        python=Notation("({0} - {1})*({0} + {1})", PRODUCT, (SUM, SUM + 1)),
        text=Notation("{0}**2 - {1}**2", SUM, (POWER + 1,)),
        latex=Notation("{0}^{{2}} - {1}^{{2}}", SUM, (POWER + 1,)),
        accuracy="(x - y)*(x + y)",
    ),
    Op(
        name="norm", arity=None, cost=12, domain=(REAL, REAL), partials=_norm_partial,
        numpy=_norm_numpy, helper=portable.hypot, ordinary=root_of_squares,
        mp=lambda m, *args: m.sqrt(m.fsum(args, squared=True)),
        python=Notation("hypot({0}, {1})", fold=True), text=call("hypot"),
        latex=Notation(r"\left\| {args} \right\|"), kink="({args}) = 0 (zero)",
    ),
    Op(
        name="hypot_slope", arity=3, domain=(REAL, REAL, REAL), cost=2,
        partials=(
            lambda out, x, y, h: apply(
                "xdivy", _square(apply("hypot_slope", y, x, h, attrs=out.attrs)), h),
            lambda out, x, y, h: -apply(
                "xdivy", out * apply("hypot_slope", y, x, h, attrs=out.attrs), h),
            None,
        ),
        numpy=_slope_numpy, mp=_slope_mp, lower=_slope_lower,
        ordinary=lambda out, x, y, h: (_plain_quotient(out, x, y, h), None),
        helper=portable_stable.cosine, python=call("cosine"),
        text=_QUOTIENT, latex=_FRACTION,
        accuracy="x/h with h = hypot(x, y); its partials do not subtract; with its"
        " attribute 0 at the origin and the limit at infinity, without NaN for both",
    ),
    Op(
        name="hypotm1", cost=8, helper=portable_stable.hypotm1,
        partials=(
            lambda out, x: apply(
                "hypot_slope", x, 1.0, apply("hypot", x, 1.0), attrs=(True,)),
        ),
        numpy=vectorised(portable_stable.hypotm1), python=call("hypotm1"),
        mp=lambda m, x: x * x / (1 + m.sqrt(1 + x * x)),
        text=Notation("sqrt(1 + {0}**2) - 1", SUM, (POWER + 1,)),
        latex=Notation(r"\sqrt{{1 + {0}^{{2}}}} - 1", SUM, (POWER + 1,)),
    ),
    helped(
        "bell", portable_stable.bell, mp=lambda m, x: 1 / (1 + x * x), cost=3,
        partials=(lambda out, x: -2.0 * (x * out * out),),
        text=Notation("1/(1 + {0}**2)", PRODUCT, (POWER + 1,)),
        latex=Notation(r"\frac{{1}}{{1 + {0}^{{2}}}}", UNARY, (POWER + 1,)),
        accuracy="1/(1 + x*x), also where x*x overflows",
    ),
    Op(
        name="share", arity=3, domain=(REAL, REAL, REAL),
        partials=(
            lambda out, x, y, s: _rest(out, x, y, s) / s,
            lambda out, x, y, s: -(out / s),
            None,
        ),
        numpy=lambda k, x, y, s: np.divide(x, s),
        mp=lambda m, k, x, y, s: _quotient_mp(m, x, s),
        python=_QUOTIENT, text=_QUOTIENT, latex=_FRACTION, lower=_plain_quotient,
        accuracy="x/s with s = k*x + y for its attribute k: the partials are y/s**2 and"
        " -x/s**2, where the quotient rule would subtract",
    ),
    Op(
        name="weighted_share", arity=4, domain=(REAL,) * 4, cost=2,
        partials=(
            lambda out, v, x, y, s: apply("share", x, y, s, attrs=out.attrs),
            lambda out, v, x, y, s: v * _rest(out, x, y, s) / s,
            lambda out, v, x, y, s: -(out / s),
            None,
        ),
        numpy=lambda k, v, x, y, s: np.divide(v * x, s),
        mp=lambda m, k, v, x, y, s: _quotient_mp(m, v * x, s), lower=_plain_product,
        python=Notation("{0}*{1}/{3}", PRODUCT, (PRODUCT, PRODUCT + 1)),
        text=Notation("{0}*{1}/{3}", PRODUCT, (PRODUCT, PRODUCT, PRODUCT, PRODUCT + 1)),
        latex=Notation(r"\frac{{{0} \, {1}}}{{{3}}}", UNARY,
                       (PRODUCT, PRODUCT, LOOSEST)),
        accuracy="v*x/s with s = k*x + y, as `share`",
    ),
)  # fmt: skip
