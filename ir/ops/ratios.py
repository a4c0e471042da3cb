"""Rows of f(x)/x for functions that vanish at 0, with derivatives of every order.

The n-th derivative is an op with n as its attribute: the quotient rule would subtract
what is almost alike (Gautschi 1967, Computational aspects of three-term recurrences).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from overbar.ir.ops import portable, portable_stable
from overbar.ir.ops.row import (
    POWER,
    PRODUCT,
    SUM,
    UNARY,
    Notation,
    Op,
    apply,
    call,
)
from overbar.ir.ops.stable import helped

if TYPE_CHECKING:
    from collections.abc import Callable


def _ratio_mp(
    term: Callable[[Any, int], Any], slope: Callable[[Any, int, Any], Any]
) -> Callable[..., Any]:
    """Return the n-th derivative of g(x)/x for g with g(0) = 0, in mpmath.

    term: `(m, k)`, the Taylor coefficients of g(x)/x, for small x; slope: `(m, k, x)`,
    the k-th derivative of g, for Leibniz's rule on x*(g/x) = g elsewhere.
    """

    def evaluate(m: Any, *given: Any) -> Any:
        n, x = given if len(given) == 2 else (0, *given)
        with m.workdps(m.dps + 30 + 2 * n):
            if abs(x) < m.mpf(1) / 4:
                power, total = m.mpf(1), m.mpf(0)
                for k in range(n, n + 2 * m.dps):
                    total += term(m, k) * m.ff(k, n) * power
                    power *= x
                return +total
            f = slope(m, 0, x) / x
            for k in range(1, n + 1):
                f = (slope(m, k, x) - k * f) / x
            return +f

    return evaluate


def _log1p_slope_mp(m: Any, k: int, x: Any) -> Any:
    if x <= -1:
        return m.nan
    return m.log1p(x) if not k else (-1) ** (k - 1) * m.factorial(k - 1) / (1 + x) ** k


_SINC_MP = _ratio_mp(
    lambda m, k: (-1) ** (k // 2) / m.factorial(k + 1) if k % 2 == 0 else 0,
    lambda m, k, x: (m.sin, m.cos, lambda z: -m.sin(z), lambda z: -m.cos(z))[k % 4](x),
)
_EXPM1_RATIO_MP = _ratio_mp(
    lambda m, k: 1 / m.factorial(k + 1),
    lambda m, k, x: m.exp(x) if k else m.expm1(x),
)
_LOG1P_RATIO_MP = _ratio_mp(lambda m, k: m.mpf((-1) ** k) / (k + 1), _log1p_slope_mp)


def _bernoulli_mp(m: Any, *given: Any) -> Any:
    n, x = given if len(given) == 2 else (0, *given)
    with m.workdps(m.dps + 30):
        if abs(x) < 1:
            terms = (
                m.bernoulli(k) / m.factorial(k - n) * x ** (k - n)
                for k in range(n, n + 2 * m.dps)
            )
            return +m.fsum(terms)
        a = abs(x)
        slope = (
            [m.polylog(-k, m.exp(-a)) for k in (n, n - 1)] if n else [1 / m.expm1(a), 0]
        )
        f = (-1) ** n * (a * slope[0] - n * slope[1])
        if x < 0:
            f = (-1) ** n * f - (x if n == 0 else 1 if n == 1 else 0)
        return +f


def _family(
    name: str,
    functions: tuple[Callable[..., float], Callable[..., float]],
    mp: Callable[..., Any],
    notation: tuple[Notation, Notation],
    slopes: tuple[Notation, Notation],
) -> tuple[Op, Op]:
    """Return the row of g(x)/x, and that of its n-th derivative, n an attribute.

    functions: the portable ones of both; notation, slopes: text and LaTeX of each.
    """
    value, diff = functions
    return (
        helped(
            name, value, mp=mp, text=notation[0], latex=notation[1],
            partials=(lambda out, x: apply(f"{name}_diff", x, attrs=(1,)),),
        ),
        helped(
            f"{name}_diff", diff, mp=mp, cost=60, text=slopes[0], latex=slopes[1],
            partials=(
                lambda out, x: apply(f"{name}_diff", x, attrs=(out.attrs[0] + 1,)),
            ),
            python=Notation(f"{diff.__name__}({{a}}, {{0}})"),
        ),
    )  # fmt: skip


ROWS = (
    *_family(
        "sinc", (portable.sinc, portable_stable.sinc_diff), _SINC_MP,
        (call("sinc"), Notation(r"\operatorname{{sinc}}\left({0}\right)")),
        (Notation("sinc^({a})({0})"),
         Notation(r"\operatorname{{sinc}}^{{({a})}}\left({0}\right)")),
    ),
    helped(
        "inverse_sinc", portable_stable.inverse_sinc, cost=17,
        mp=lambda m, x: x / m.sin(x) if x else m.mpf(1),
        partials=(lambda out, x: -(apply("sinc_diff", x, attrs=(1,)) * out * out),),
        text=Notation("{0}/sin({0})", PRODUCT, (PRODUCT + 1,)),
        latex=Notation(r"\frac{{{0}}}{{\sin\left({0}\right)}}", UNARY),
    ),
    *_family(
        "expm1_ratio", (portable.expm1_ratio, portable_stable.expm1_ratio_diff),
        _EXPM1_RATIO_MP,
        (Notation("(exp({0}) - 1)/{0}", PRODUCT, (PRODUCT + 1,)),
         Notation(r"\frac{{\mathrm{{e}}^{{{0}}} - 1}}{{{0}}}", UNARY)),
        (Notation("((exp({0}) - 1)/{0})^({a})", POWER, (PRODUCT + 1,)),
         Notation(r"\left.\frac{{\mathrm{{d}}^{{{a}}}}}{{\mathrm{{d}}u^{{{a}}}}}"
                  r" \frac{{\mathrm{{e}}^{{u}} - 1}}{{u}}\right|_{{u = {0}}}", UNARY)),
    ),
    *_family(
        "log1p_ratio", (portable.log1p_ratio, portable_stable.log1p_ratio_diff),
        _LOG1P_RATIO_MP,
        (Notation("log(1 + {0})/{0}", PRODUCT, (PRODUCT + 1,)),
         Notation(r"\frac{{\log\left(1 + {0}\right)}}{{{0}}}", UNARY, (SUM,))),
        (Notation("(log(1 + {0})/{0})^({a})", POWER, (PRODUCT + 1,)),
         Notation(r"\left.\frac{{\mathrm{{d}}^{{{a}}}}}{{\mathrm{{d}}u^{{{a}}}}}"
                  r" \frac{{\log\left(1 + u\right)}}{{u}}\right|_{{u = {0}}}", UNARY)),
    ),
    *_family(
        "bernoulli", (portable_stable.bernoulli, portable_stable.bernoulli_diff),
        _bernoulli_mp,
        (Notation("{0}/(exp({0}) - 1)", PRODUCT, (PRODUCT + 1,)),
         Notation(r"\frac{{{0}}}{{\mathrm{{e}}^{{{0}}} - 1}}", UNARY)),
        (Notation("({0}/(exp({0}) - 1))^({a})", POWER, (PRODUCT + 1,)),
         Notation(r"\left.\frac{{\mathrm{{d}}^{{{a}}}}}{{\mathrm{{d}}u^{{{a}}}}}"
                  r" \frac{{u}}{{\mathrm{{e}}^{{u}} - 1}}\right|_{{u = {0}}}", UNARY)),
    ),
)  # fmt: skip
