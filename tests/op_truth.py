"""Say what each op of the table computes, so that its row can be judged.

Nothing here is read from a row. An op is given as a formula in SymPy, which
differentiates it three times; mpmath evaluates the derivatives with as many digits as
it takes, until doubling them changes nothing. A function of several pieces is the
formula of one piece, with a symbol for what is constant there.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from fractions import Fraction
from functools import cache, partial
from typing import TYPE_CHECKING, Any, TypeAlias

import mpmath
import numpy as np
import sympy
from mpmath.libmp import from_int, to_rational
from sympy import Rational, atan2, cos, cosh, exp, gamma, log, loggamma, polygamma, sin
from sympy.codegen.cfunctions import log1p

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

mp = mpmath.mp
Point: TypeAlias = "tuple[float, ...]"
Index: TypeAlias = "tuple[int, ...]"
Exact: TypeAlias = "dict[Index, Any]"
"""The value at `()`, partials at `(0,)`, `(1,)`, `(0, 1)`, ..., up to the third."""

X, Y, Z = ARGUMENTS = sympy.symbols("x y z", real=True)
K = sympy.Symbol("k", real=True)
INF = math.inf
REAL, POSITIVE, UNIT = (-INF, INF), (0.0, INF), (-1.0, 1.0)
ORDER = 3
FAR = 300
ENOUGH = mpmath.mpf(2) ** -80
LEAST_BITS = 160
MOST_DOUBLINGS = 6
SURE_OF_ZERO = 3


@dataclass(frozen=True, kw_only=True)
class Subject:
    """Hold an op and its truth.

    value: a formula in X, Y, Z, with K for what is constant nearby.
    count: the number of arguments.
    attrs: the op's attributes.
    operands: the op's operands of its arguments, where it takes more: a node known
        already, such as y = sigmoid(x) for y*(1 - y).
    piece: the value of K at a point, None where pieces meet.
    near: places to come close to, besides 0 and the ends of the domain.
    decades: how far points go out and in: to 10**300 and 10**-300, where mpmath can.
    most: about how many points, fewer where mpmath is slow.
    domain: an interval an argument, where the value is real and not infinite.
    """

    op: str
    value: sympy.Expr
    count: int
    attrs: tuple[Any, ...] = ()
    operands: Callable[..., Sequence[Any]] = lambda *args: args
    piece: Callable[..., Any] | None = None
    near: tuple[float, ...] = ()
    decades: int = FAR
    most: int = 180
    domain: tuple[tuple[float, float], ...] = (REAL,) * 3

    def __str__(self) -> str:
        """Name the subject in a test's id."""
        return "-".join([self.op, *map(str, self.attrs), *["3"] * (self.count > 2)])

    def __hash__(self) -> int:
        """Return the name's hash."""
        return hash(str(self))


# -- the formulas ------------------------------------------------------------------


def _of(op: str, value: sympy.Expr, count: int = 0, **more: Any) -> Subject:
    return Subject(
        op=op, value=value, count=count or 1 + (Y in value.free_symbols), **more
    )


def _fraction(x: Any) -> Fraction:
    """Return a float or mpf exactly."""
    return Fraction(x if isinstance(x, float) else Fraction(*to_rational(x._mpf_)))


def _whole(x: float) -> int | None:
    exact = _fraction(x)
    return None if exact.denominator == 1 else math.floor(exact)


def _quotient(x: float, y: float) -> int | None:
    if not y:
        return None
    ratio = _fraction(x) / _fraction(y)
    return None if ratio.denominator == 1 else math.floor(ratio)


def _nearest(x: float) -> int | None:
    exact = _fraction(x)
    return None if exact % 1 == Fraction(1, 2) else round(exact)


def _side(x: float, *_: float) -> int | None:
    return (x > 0) - (x < 0) or None


def _half(x: float, y: float = 0.0) -> int:
    """Return on which side of y x is, ties included: one function, two formulas."""
    return 1 if x >= y else -1


def _upper(x: float, *_: float) -> int | None:
    return None if x == 0 else int(x > 0)


def _larger(x: float, y: float) -> int | None:
    return None if x == y else int(x > y)


def _first(choose: Callable[..., float]) -> Callable[..., int | None]:
    """Return a code for which of three arguments is chosen, None for a tie."""

    def piece(*point: float) -> int | None:
        found = choose(point)
        return point.index(found) if point.count(found) == 1 else None

    return piece


def _family(op: str, value: sympy.Expr, **more: Any) -> Iterator[Subject]:
    """Yield a function and the op of its derivatives, of the orders 1 and 2."""
    yield _of(op, value, **more)
    for n in (1, 2):
        yield _of(f"{op}_diff", value.diff(X, n), attrs=(n,), **more)


_THREE = (
    X * (K - 1) * (K - 2) / 2 - Y * K * (K - 2) + Z * K * (K - 1) / 2
)  # X, Y or Z as K is 0, 1 or 2


def _after(op: str) -> Callable[..., Sequence[Any]]:
    """Return operands of which the first is another op's value of the arguments."""
    return lambda *args: (args[0].graph.make(op, args), *args)


def _sum(k: float, x: Any, y: Any) -> Sequence[Any]:
    return x, y, k * x + y


_UP, _DOWN = (sympy.Function(name)(K) for name in ("up", "down"))
"""1 or 0 as K is positive or not, and the other way round: sums stay exact."""
_RISE = exp(K * (Y - X))  # at most 1 as K is the sign of X - Y
_PI = tuple(k * math.pi / 2 for k in (1, 2, 3, 4, 7, 40))
_WHOLE = (-1.0, -2.0, -10.0, 1.0, 2.0, 10.0)
_LOG_BETA = loggamma(X) + loggamma(Y) - loggamma(X + Y)
_BIG = (2.0**53, 1e16, 3e9)

SUBJECTS = (
    _of("copy", X, attrs=("name",)),
    _of("add", X + Y),
    _of("sub", X - Y),
    _of("neg", -X),
    _of("mul", X * Y),
    _of("div", X / Y),
    _of("amul", X * Y),
    *(_of("powi", X**n, attrs=(n,)) for n in (2, 3, -2, 7, -5, 64, 65, -130)),
    _of("pow", X**Y, domain=(POSITIVE, REAL), near=(1.0, 2.0)),
    _of("mod", X - K * Y, piece=_quotient),
    _of("floordiv", K, 2, piece=_quotient),
    _of("exp", exp(X), near=(709.7, -745.0)),
    _of("exp2", 2**X, near=(1023.9, -1074.0)),
    _of("expm1", exp(X) - 1, near=(709.7,)),
    _of("log", log(X), domain=(POSITIVE,), near=(1.0,)),
    _of("log2", log(X) / log(2), domain=(POSITIVE,), near=(1.0,)),
    _of("log10", log(X) / log(10), domain=(POSITIVE,), near=(1.0,)),
    _of("log1p", log(1 + X), domain=((-1.0, INF),)),
    _of("sqrt", sympy.sqrt(X), domain=(POSITIVE,)),
    _of("sin", sin(X), near=_PI),
    _of("cos", cos(X), near=_PI),
    _of("tan", sympy.tan(X), near=_PI),
    _of("asin", sympy.asin(X), domain=(UNIT,)),
    _of("acos", sympy.acos(X), domain=(UNIT,)),
    _of("atan", sympy.atan(X), near=(1.0,)),
    _of("sinh", sympy.sinh(X), near=(710.4,)),
    _of("cosh", cosh(X), near=(710.4,)),
    _of("tanh", sympy.tanh(X), near=(0.75, 19.0)),
    _of("asinh", sympy.asinh(X)),
    _of("acosh", sympy.acosh(X), domain=((1.0, INF),)),
    _of("atanh", sympy.atanh(X), domain=(UNIT,)),
    _of("cbrt", K * (K * X) ** Rational(1, 3), piece=_side),
    _of("atan2", atan2(X, Y)),
    _of("hypot", sympy.sqrt(X**2 + Y**2)),
    _of("erf", sympy.erf(X), most=90),
    _of("erfc", sympy.erfc(X), near=(26.5,), most=90),
    _of("gaussian", exp(-(X**2)), most=90),
    _of("gamma", gamma(X), near=_WHOLE, decades=30, most=90),
    _of("gammaln", loggamma(X), near=_WHOLE, decades=30, most=90),
    _of("digamma", polygamma(0, X), near=_WHOLE, decades=30, most=90),
    *(
        _of("polygamma", polygamma(n, X), attrs=(n,), near=_WHOLE, decades=30, most=90)
        for n in (1, 2, 6)
    ),
    _of("beta", exp(_LOG_BETA), domain=(POSITIVE, POSITIVE), decades=16, most=120),
    _of("betaln", _LOG_BETA, domain=(POSITIVE, POSITIVE), decades=16, most=120),
    _of("sigmoid", 1 / (1 + exp(-X)), near=(1.0, 36.7, -745.0)),
    _of(
        "sigmoid_slope",
        exp(-X) / (1 + exp(-X)) ** 2,
        operands=_after("sigmoid"),
        near=(1.0,),
    ),
    _of("tanh_slope", 1 / cosh(X) ** 2, operands=_after("tanh"), near=(0.75,)),
    _of("softplus", _UP * X + log1p(exp(-K * X)), piece=_half, near=(36.7, -745.0)),
    _of("log_sigmoid", _DOWN * X - log1p(exp(-K * X)), piece=_half, near=(-36.7,)),
    _of("logaddexp", _UP * X + _DOWN * Y + log1p(exp(K * (Y - X))), piece=_half),
    _of("logaddexp_share", 1 / (1 + exp(Y - X))),
    _of("xlogy", X * log(Y), domain=(REAL, POSITIVE)),
    _of("xdivy", X / Y),
    _of("xlog1py", X * log(1 + Y), domain=(REAL, (-1.0, INF))),
    _of("bose", 1 / (exp(X) - 1), near=(709.7, 1.0)),
    _of("sech", 1 / cosh(X), near=(710.4,)),
    _of("csch", 1 / sympy.sinh(X), near=(710.4,)),
    _of(
        "log_cosh",
        K * X + log1p(exp(-2 * K * X)) - log(2),
        piece=_half,
        near=(710.4,),
    ),
    _of("log1mexp", log1p(-exp(X)), domain=((-INF, 0.0),), near=(-0.7, -36.7)),
    _of("exp_difference", exp(X) - exp(Y), near=(709.7,)),
    _of("logaddexp_slope", _RISE / (1 + _RISE) ** 2, piece=_half),
    *(
        _of(
            "polygamma_step",
            polygamma(n, X + Y) - polygamma(n, X),
            attrs=(n,),
            domain=(POSITIVE, POSITIVE),
            decades=16,
        )
        for n in (0, 1)
    ),
    _of("versin", 1 - cos(X), near=_PI),
    *_family("sinc", sin(X) / X),
    _of("inverse_sinc", X / sin(X), near=_PI),
    *_family("expm1_ratio", (exp(X) - 1) / X, near=(700.0,)),
    *_family("log1p_ratio", log(1 + X) / X, domain=((-1.0, INF),)),
    *_family("bernoulli", X / (exp(X) - 1), near=(700.0, 1.0)),
    _of("compound", (1 + X) ** Y - 1, domain=((-1.0, INF), REAL)),
    _of("pow1p", (1 + X) ** Y, domain=((-1.0, INF), REAL)),
    _of("log_step", log(1 + Y / X), attrs=(False,), domain=(POSITIVE, REAL)),
    _of("log_step", log(1 + Y / X), attrs=(True,)),
    _of("sqrt_step", sympy.sqrt(X + Y) - sympy.sqrt(X), domain=(POSITIVE, REAL)),
    _of("diff_squares", X**2 - Y**2),
    _of("norm", sympy.sqrt(X**2 + Y**2 + Z**2), 3),
    _of(
        "hypot_slope",
        X / sympy.sqrt(X**2 + Y**2),
        attrs=(True,),
        operands=lambda x, y: (x, y, x.graph.make("hypot", (x, y))),
    ),
    _of("hypotm1", sympy.sqrt(1 + X**2) - 1),
    _of("bell", 1 / (1 + X**2)),
    *(
        _of("share", X / (k * X + Y), attrs=(k,), operands=partial(_sum, k))
        for k in (1.0, -3.0)
    ),
    _of(
        "weighted_share",
        Z * X / (2 * X + Y),
        3,
        attrs=(2.0,),
        operands=lambda x, y, z: (z, *_sum(2, x, y)),
    ),
    _of("abs", K * X, piece=_side),
    _of("max", K * X + (1 - K) * Y, piece=_larger),
    _of("min", K * Y + (1 - K) * X, piece=_larger),
    _of("max", _THREE, 3, piece=_first(max)),
    _of("min", _THREE, 3, piece=_first(min)),
    _of("step", K, 2, attrs=(0.5,), piece=_larger),
    _of("sign", K, piece=_side),
    _of("floor", K, piece=_whole, near=_WHOLE + _BIG),
    _of("ceil", K + 1, piece=_whole, near=_WHOLE),
    _of(
        "trunc", K, piece=lambda x: _whole(x) and math.trunc(_fraction(x)), near=_WHOLE
    ),
    _of("round", K, piece=_nearest, near=(0.5, 1.5, -0.5, -2.5, *_BIG)),
    _of("heaviside", K, 2, piece=_upper),
    _of("relu", K * X, piece=_upper),
    _of("prelu", K * X + (1 - K) * X * Y, piece=_upper),
)


# -- derivatives -------------------------------------------------------------------


def indexes(count: int, order: int = ORDER) -> list[Index]:
    """Return the multi-indexes of all partials up to an order."""
    return [
        index
        for k in range(order + 1)
        for index in itertools.combinations_with_replacement(range(count), k)
    ]


def _psi(n: int, x: Any) -> Any:
    """Return the polygamma function, left of 0 by reflection (DLMF 5.15.6).

    psi_n(x) -+ psi_n(1 - x) has period 1, and mpmath is right on (0, 1).
    """
    return _psi_to(int(n), x, mp.prec)


@cache
def _psi_to(n: int, x: Any, bits: int) -> Any:
    """Return the polygamma function, once for all ops of the gamma family."""
    del bits
    if x > 0:
        return mp.psi(n, x)
    rest = x - mp.floor(x)
    if not rest:
        raise ZeroDivisionError
    sign = (-1) ** n
    return sign * (mp.psi(n, 1 - x) - mp.psi(n, 1 - rest)) + mp.psi(n, rest)


_OWN = {
    "polygamma": _psi,
    "loggamma": lambda x: mp.re(mp.loggamma(x)),
    "log1p": mp.log1p,
    "up": lambda k: mp.mpf(k > 0),
    "down": lambda k: mp.mpf(k <= 0),
}
"""SymPy's functions that mpmath has otherwise: gammaln is log(|gamma|) everywhere."""


@cache
def formulas(value: sympy.Expr, count: int) -> dict[Index, sympy.Expr]:
    """Return a formula and its partials."""
    return {
        index: value.diff(*(ARGUMENTS[i] for i in index)) if index else value
        for index in indexes(count)
    }


@cache
def compiled(value: sympy.Expr, count: int) -> tuple[Callable[..., Any], list[bool]]:
    """Return mpmath code for a formula and its partials, and which of these are 0."""
    found = list(formulas(value, count).values())
    code = sympy.lambdify(
        (*ARGUMENTS[:count], K), found, modules=[_OWN, "mpmath"], cse=True
    )
    return code, [formula == 0 for formula in found]


@cache
def partials(subject: Subject, point: Sequence[Any]) -> Exact | None:
    """Return value and partials at a point.

    None where they are not real and finite, or where one of them is 0 but for rounding,
    so that digits do not help.
    """
    piece = subject.piece(*point) if subject.piece else 0
    if piece is None:
        return None
    code, zero = compiled(subject.value, subject.count)
    arguments = [*map(mpmath.mpf, point), mp.make_mpf(from_int(piece))]
    before: list[Any] | None = None
    # Enough for 1 + x: a small x that is lost twice would agree with itself.
    least = LEAST_BITS + sum(abs(mp.mag(a)) for a in arguments if a)
    for doublings in range(MOST_DOUBLINGS):
        with mpmath.workprec(least << doublings):
            try:
                found = code(*arguments)
            except (ValueError, ZeroDivisionError, OverflowError):
                return None
            if any(isinstance(v, mpmath.mpc) or not mp.isfinite(v) for v in found):
                return None
            found = [mpmath.mpf(v) for v in found]
            if before is not None and all(
                abs(a - b) <= ENOUGH * abs(b) and (b or z or doublings >= SURE_OF_ZERO)
                for a, b, z in zip(before, found, zero, strict=True)
            ):
                return dict(zip(indexes(subject.count), found, strict=True))
        before = found
    return None


# -- points ------------------------------------------------------------------------

_RANDOM = 20260101
_GAPS = [10.0**-e for e in range(1, 16)]


def _logarithmic(rng: np.random.Generator, low: int, high: int, n: int) -> list[float]:
    exponents = np.linspace(low, high, n)
    return [
        float(m * 10.0**e)
        for e, m in zip(exponents, rng.uniform(1, 3, n), strict=False)
    ]


def _line(subject: Subject, i: int, rng: np.random.Generator) -> list[float]:
    """Return values of one argument: every magnitude, and close to what is special."""
    low, high = subject.domain[i]
    far = subject.decades
    always = [0.5, 1.0, 2.0, 3.0, 10.0, *([5e-324, 1e300] if far == FAR else [])]
    wide = [3e-310, 2.0**-1022, 1e-300] if far == FAR else []
    wide += _logarithmic(rng, -far, far, 31) + _logarithmic(rng, -8, 3, 45)
    wide += list(map(float, rng.uniform(0.1, 40, 40)))
    ends = [e for e in (low, high) if math.isfinite(e) and e]
    for place in (*subject.near, *ends):
        always += [place, *(float(np.nextafter(place, s * INF)) for s in (1, -1))]
        wide += [place + s * g for g in _GAPS[::2] for s in (1, -1)]
    kept, some = (
        [
            x
            for x in dict.fromkeys(s * x for s in (1, -1) for x in line)
            if low < x < high
        ]
        for line in (always, wide)
    )
    return [*kept, *some[:: 1 + len(some) // subject.most]]


def points(subject: Subject) -> list[Point]:
    """Return points of the whole domain, the same ones every time.

    Of several arguments half the points are random, half have two of the arguments
    close to each other, or opposite.
    """
    rng = np.random.default_rng(_RANDOM)
    lines = [_line(subject, i, rng) for i in range(subject.count)]
    if subject.count == 1:
        return [(x,) for x in lines[0]]
    half = subject.most // 2
    found = [tuple(map(float, map(rng.choice, lines))) for _ in range(half)]
    for point in [tuple(map(float, map(rng.choice, lines))) for _ in range(half)]:
        near = float(point[0] * rng.choice((1, -1)) * (1 + rng.choice((0, *_GAPS))))
        low, high = subject.domain[1]
        found.append((point[0], near if low < near < high else point[1], *point[2:]))
    return found


# -- special values ----------------------------------------------------------------

_EXPONENTS = (20, 35, 60)
_GROWS = 1.4


def approach(special: float, exponent: int, power: float) -> Any:
    """Return a number near a special value: on the same side of 0, or far out."""
    if math.isfinite(special) and special:
        return mpmath.mpf(special)
    size = mpmath.mpf(10) ** int(exponent * power * (1 if special else -1))
    return size if math.copysign(1, special) > 0 else -size


def tends(values: Sequence[Any]) -> float | None:
    """Return where a sequence goes; None for nowhere."""
    a, b, c = map(abs, values)
    if not c or (b >= _GROWS * c and a >= _GROWS * b):
        return math.copysign(0.0, values[-1])
    if c >= _GROWS * b and b >= _GROWS * a:
        return INF if values[-1] > 0 else -INF
    settled = abs(values[-1] - values[-2]) <= ENOUGH * c
    return float(values[-1]) if settled else None


def limits(subject: Subject, point: Point) -> dict[Index, float | None]:
    """Return the limits of value, gradient and Hessian at special values.

    Arguments go there at the same and at different speeds; None where there is no one
    limit, or where the way leads through points that are not in the domain.
    """
    found: dict[Index, float | None] = {}
    for speed in itertools.permutations((1.0, 2.0), subject.count):
        way = [
            partials(subject, tuple(map(approach, point, itertools.repeat(e), speed)))
            for e in _EXPONENTS
        ]
        for index in indexes(subject.count, 2):
            steps = [step and step[index] for step in way]
            end = None if None in steps else tends(steps)
            known = found.setdefault(index, end)
            if known is not None and known != end:
                found[index] = None
    return found
