"""Rows of the special functions: error functions and the gamma family."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from overbar.ir.ops import portable_gamma, portable_steps
from overbar.ir.ops.row import (
    POSITIVE,
    POWER,
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
    from overbar.ir.graph import Node

_SLOPE = 2.0 / math.sqrt(math.pi)


def _bell(x: Node) -> Node:
    """Return 2/sqrt(pi) exp(-x**2), the derivative of erf (DLMF 7.2.1)."""
    return _SLOPE * apply("gaussian", x)


def _gaussian(_out: Node, x: Node) -> Node:
    return apply("exp", -(x * x))


def _pole_mp(function: str) -> Any:
    def evaluate(m: Any, x: Any) -> Any:
        if x == m.inf:
            return m.inf
        if x <= 0 and (x == -m.inf or x == m.floor(x)):
            return m.nan
        return getattr(m, function)(x)

    return evaluate


def _gammaln_mp(m: Any, x: Any) -> Any:
    if x != x or m.isinf(x):
        return x if x != x else m.inf
    return m.inf if x <= 0 and x == m.floor(x) else m.log(abs(m.gamma(x)))


def _polygamma_mp(m: Any, n: int, x: Any) -> Any:
    return m.psi(n, x) if x > 0 or x != m.floor(x) else m.nan


def _polygamma_step_mp(m: Any, n: int, x: Any, y: Any) -> Any:
    if not (x > 0 and x + y > 0):
        return m.nan
    gap = int(abs(m.log10(x) - m.log10(abs(y)))) if y else 0
    with m.workdps(m.dps + 30 + (n + 2) * gap):
        return m.psi(n, x + y) - m.psi(n, x)


ROWS = (
    Op(
        name="erf", partials=(lambda out, x: _bell(x),), parsed=True, cost=25,
        numpy=vectorised(math.erf), mp=lambda m, x: m.erf(x),
        python=call("math.erf"), text=call("erf"), llvm="erf", vector="erf",
        latex=Notation(r"\operatorname{{erf}}\left({0}\right)"),
    ),
    Op(
        name="erfc", partials=(lambda out, x: -_bell(x),), parsed=True, cost=25,
        numpy=vectorised(math.erfc), mp=lambda m, x: m.erfc(x),
        python=call("math.erfc"), text=call("erfc"), llvm="erfc", vector="erfc",
        latex=Notation(r"\operatorname{{erfc}}\left({0}\right)"),
    ),
    Op(
        name="gaussian", cost=17, lower=_gaussian,
        partials=(lambda out, x: -2.0 * apply("amul", out, x),),
        numpy=lambda x: np.exp(-np.square(x)), mp=lambda m, x: m.exp(-x * x),
        python=Notation("np.exp(-({0}*{0}))", operands=(POWER,)),
        text=Notation("exp(-{0}**2)", operands=(POWER + 1,)),
        latex=Notation(r"\mathrm{{e}}^{{-{0}^{{2}}}}", POWER, (POWER + 1,)),
        accuracy="exp(-x**2); its derivative is 0 at infinity",
    ),
    Op(
        name="gamma", parsed=True, cost=40,
        partials=(lambda out, x: out * apply("digamma", x),),
        numpy=vectorised(portable_gamma.gamma), helper=portable_gamma.gamma,
        mp=_pole_mp("gamma"),
        python=call("gamma"), text=call("gamma"),
        latex=Notation(r"\Gamma\left({0}\right)"),
    ),
    Op(
        name="gammaln", parsed=True, cost=40,
        partials=(lambda out, x: apply("digamma", x),),
        numpy=vectorised(portable_gamma.gammaln), helper=portable_gamma.gammaln,
        mp=_gammaln_mp,
        python=call("gammaln"), text=call("gammaln"),
        latex=Notation(r"\log\left|\Gamma\left({0}\right)\right|", UNARY),
    ),
    Op(
        name="digamma", parsed=True, cost=40,
        partials=(lambda out, x: apply("polygamma", x, attrs=(1,)),),
        numpy=vectorised(portable_gamma.digamma), helper=portable_gamma.digamma,
        mp=_pole_mp("digamma"), python=call("digamma"), text=call("digamma"),
        latex=Notation(r"\psi\left({0}\right)"),
    ),
    Op(
        name="polygamma", cost=60,
        partials=(
            lambda out, x: apply("polygamma", x, attrs=(out.attrs[0] + 1,)),
        ),
        numpy=vectorised(portable_gamma.polygamma), helper=portable_gamma.polygamma,
        mp=_polygamma_mp,
        python=Notation("polygamma({a}, {0})"), text=Notation("polygamma({a}, {0})"),
        latex=Notation(r"\psi^{{({a})}}\left({0}\right)"), domain=(REAL,),
    ),
    Op(
        name="beta", arity=2, commutative=True, parsed=True, cost=80,
        domain=(POSITIVE, POSITIVE),
        partials=(
            lambda out, x, y: -(out * apply("polygamma_step", x, y, attrs=(0,))),
            lambda out, x, y: -(out * apply("polygamma_step", y, x, attrs=(0,))),
        ),
        numpy=vectorised(portable_gamma.beta), helper=portable_gamma.beta,
        mp=lambda m, x, y: m.beta(x, y), python=call("beta"), text=call("beta"),
        latex=Notation(r"\mathrm{{B}}\left({0}, {1}\right)"),
    ),
    Op(
        name="betaln", arity=2, commutative=True, parsed=True, cost=80,
        domain=(POSITIVE, POSITIVE),
        partials=(
            lambda out, x, y: -apply("polygamma_step", x, y, attrs=(0,)),
            lambda out, x, y: -apply("polygamma_step", y, x, attrs=(0,)),
        ),
        numpy=vectorised(portable_gamma.betaln), helper=portable_gamma.betaln,
        mp=lambda m, x, y: m.log(m.beta(x, y)),
        python=call("betaln"), text=call("betaln"),
        latex=Notation(r"\log\mathrm{{B}}\left({0}, {1}\right)"),
    ),
    Op(
        name="polygamma_step", arity=2, cost=90, domain=(REAL, REAL),
        partials=(
            lambda out, x, y: apply("polygamma_step", x, y, attrs=(out.attrs[0] + 1,)),
            lambda out, x, y: apply("polygamma", x + y, attrs=(out.attrs[0] + 1,)),
        ),
        numpy=vectorised(portable_steps.polygamma_step),
        helper=portable_steps.polygamma_step, mp=_polygamma_step_mp,
        python=Notation("polygamma_step({a}, {0}, {1})"),
        text=Notation("polygamma({a}, {0} + {1}) - polygamma({a}, {0})", SUM, (SUM,)),
        latex=Notation(r"\psi^{{({a})}}\left({0} + {1}\right)"
                       r" - \psi^{{({a})}}\left({0}\right)", SUM, (SUM,)),
        accuracy="no difference of digammas that are alike: the slope of beta",
    ),
)  # fmt: skip
