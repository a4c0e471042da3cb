"""Measure the portable functions against mpmath, in plain Python and under Numba."""

from __future__ import annotations

import ctypes
import ctypes.util
import dis
import inspect
import math
from dataclasses import dataclass
from functools import cache
from itertools import product
from types import FunctionType, SimpleNamespace
from typing import TYPE_CHECKING, Any

import mpmath
import numba
import numpy as np
import pytest
from scipy import special

from overbar.ir.ops import portable, portable_gamma

if TYPE_CHECKING:
    from collections.abc import Callable

MODULES = (portable, portable_gamma)

mp = mpmath.MPContext()
mp.dps = 50
U = mp.mpf(2) ** -53
SUBNORMAL = mp.mpf(2) ** -1022
LARGEST = mp.mpf(np.finfo(float).max)

Points = list[tuple[float, ...]]


def functions(module: Any) -> dict[str, FunctionType]:
    """Return the module's own functions by name."""
    return {
        name: f
        for name, f in vars(module).items()
        if inspect.isfunction(f) and f.__module__ == module.__name__
    }


FUNCTIONS = {name: f for module in MODULES for name, f in functions(module).items()}


@cache
def jitted(name: str) -> Callable[..., float]:
    """Compile a function, and those that it calls, as a generated module does."""
    f = FUNCTIONS[name]
    needed = {n: jitted(n) for n in f.__code__.co_names if n in FUNCTIONS}
    copy = FunctionType(f.__code__, {"math": math, "np": np, **needed}, name)
    return numba.njit(error_model="numpy")(copy)


def plain(name: str, *args: float) -> Any:
    """Call a function in plain Python on np.float64 scalars."""
    with np.errstate(all="ignore"):
        return FUNCTIONS[name](*map(np.float64, args))


# -- points ----------------------------------------------------------------------


def logarithmic(low: float, high: float, count: int) -> list[float]:
    """Return `count` numbers from 10**low to 10**high with random digits."""
    rng = np.random.default_rng(count)
    exponents = np.linspace(low, high, count) + rng.uniform(-0.4, 0.4, count)
    return [float(10.0**e) for e in np.clip(exponents, -323.0, 308.0)]


def uniform(low: float, high: float, count: int) -> list[float]:
    """Return `count` random numbers between `low` and `high`."""
    return [float(x) for x in np.random.default_rng(7).uniform(low, high, count)]


WIDE = [*logarithmic(-323, 308, 200), 5e-324, 2.0**-1022, 1e-300, 1e300]
MIDDLE = logarithmic(-20, 3, 200)
POSITIVE = WIDE + MIDDLE
REAL = POSITIVE + [-x for x in POSITIVE] + [0.0, -0.0]


def line(*parts: list[float]) -> Points:
    """Return points of one coordinate."""
    return [(x,) for part in parts for x in part]


def plane(xs: list[float], ys: list[float], count: int = 500) -> Points:
    """Return random pairs from two lists."""
    rng = np.random.default_rng(5)
    return [
        (xs[i], ys[j])
        for i, j in zip(
            rng.integers(len(xs), size=count),
            rng.integers(len(ys), size=count),
            strict=True,
        )
    ]


# -- truth -----------------------------------------------------------------------


def sigma(x: Any) -> Any:
    """Return the logistic function."""
    return 1 / (1 + mp.exp(-x))


def moment(k: int, x: Any) -> Any:
    """Return the integral of t**k cos(x t + k pi/2) over 0 < t < 1: sinc's k-th slope.

    By hypergeometric series for small x, else by repeated integration by parts.
    """
    if abs(x) < 10:
        if k % 2:
            series = mp.hyper([mp.mpf(k + 2) / 2], [1.5, mp.mpf(k + 4) / 2], -x * x / 4)
            return (-1) ** ((k + 1) // 2) * x / (k + 2) * series
        series = mp.hyper([mp.mpf(k + 1) / 2], [0.5, mp.mpf(k + 3) / 2], -x * x / 4)
        return mp.mpf((-1) ** (k // 2)) / (k + 1) * series
    if k == 0:
        return mp.sin(x) / x
    return (mp.sin(x + k * mp.pi / 2) - k * moment(k - 1, x)) / x


def gammaln(x: Any) -> Any:
    """Return log(|Gamma(x)|)."""
    return mp.re(mp.loggamma(x))


def psi(n: int, x: Any) -> Any:
    """Return the polygamma function, left of 0 from the right (DLMF 5.15.5-6)."""
    sign = (-1) ** n
    if x > 0:
        return mp.psi(n, x)
    if x > -60:
        poles = range(math.ceil(-x) + 1)
        return mp.psi(n, x + len(poles)) - sign * mp.factorial(n) * mp.fsum(
            (x + k) ** (-n - 1) for k in poles
        )
    r = x - mp.floor(x)
    return sign * (mp.psi(n, 1 - x) - mp.psi(n, 1 - r)) + mp.psi(n, r)


def compound(x: Any, n: Any) -> Any:
    """Return (1 + x)**n - 1."""
    with mp.workdps(400):
        return mp.mpf(mp.power(1 + x, n) - 1)


def betaln(x: Any, y: Any) -> Any:
    """Return log(B(x, y))."""
    with mp.workdps(150):
        return mp.loggamma(x) + mp.loggamma(y) - mp.loggamma(x + y)


def psi_gap(x: Any, y: Any) -> Any:
    """Return psi(x) - psi(x + y)."""
    with mp.workdps(150):
        return mp.psi(0, x) - mp.psi(0, x + y)


def floor_mod(x: Any, y: Any) -> Any:
    """Return x modulo y with the sign of y, exactly."""
    with mp.workdps(700):
        return x - y * mp.floor(x / y)


@dataclass(frozen=True)
class Row:
    """Say what a function is: points, true value, true slopes, and its arguments."""

    name: str
    points: Points
    value: Callable[..., Any]
    slopes: tuple[Callable[..., Any], ...]
    feed: Callable[..., tuple[float, ...]] = lambda *x: x
    limit: float = 4.0

    def __str__(self) -> str:
        """Name the row in a test's id."""
        return self.name


NEGATIVE = [-x for x in POSITIVE]
MODERATE = MIDDLE + [-x for x in MIDDLE] + uniform(-40, 40, 200)
BRANCHES = [
    s * x for x in (0.5, 0.75, 1.0, 1.75, 2.0, 2.5, 3.0, 10.0, 27.0) for s in (1, -1)
]
BRANCHES += [float(np.nextafter(x, d)) for x in BRANCHES for d in (9e9, -9e9)]
LINE = line(REAL, uniform(-40, 40, 300), BRANCHES)
TAIL = line(uniform(-760, 760, 200), BRANCHES, MODERATE)
CIRCLE = [
    float(k * np.pi / 2 * (1 + e)) for k in range(1, 40) for e in (0, 1e-9, -1e-5)
]
WHOLE = [float(n) for n in range(-12, 13)] + [50.0, -50.0, 333.0]
GAMMA = uniform(-40, 40, 400) + uniform(-185, 172, 200) + MIDDLE[:120] + BRANCHES
GAMMA += [-x for x in MIDDLE[:120]] + uniform(0.5, 3.5, 500)
GAMMA += uniform(-2.8, -2.4, 200)  # gammaln has two zeros here
GAMMA += [n * (1 + e) for n in WHOLE[:25] for e in (1e-3, -1e-7, 1e-12, -3e-16)]
GAMMA = [x for x in GAMMA if x > 0 or x != math.floor(x)]
ROOTS = [1.4616321449683622, -0.504083008264455, -1.5734984731623904]
POLES = [-x - 0.25 for x in logarithmic(1, 14, 40)]
BETA_LINE = logarithmic(-320, -30, 30) + logarithmic(-30, 30, 100)
BETA_LINE += uniform(0, 30, 100) + logarithmic(-2, 3, 50)
BETA = plane(BETA_LINE, BETA_LINE, 400) + plane(uniform(0, 60, 99), BETA_LINE, 400)

ZERO = (lambda *_: mp.zero,)  # where the slopes may not excuse an error

ROWS = (
    Row("sigmoid", LINE + TAIL, sigma, (lambda x: sigma(x) * sigma(-x),)),
    Row(
        "sigmoid_slope",
        LINE + TAIL,
        lambda x: sigma(x) * sigma(-x),
        (lambda x: sigma(x) * sigma(-x) * mp.tanh(x / 2),),
        feed=lambda x: (plain("sigmoid", x), x),
    ),
    Row(
        "tanh_slope",
        LINE + TAIL,
        lambda x: mp.sech(x) ** 2,
        (lambda x: 2 * mp.sech(x) ** 2 * mp.tanh(x),),
        feed=lambda x: (math.tanh(x), x),
    ),
    Row("softplus", LINE + TAIL, lambda x: mp.log1p(mp.exp(x)), (sigma,)),
    Row(
        "log_sigmoid",
        LINE + TAIL,
        lambda x: -mp.log1p(mp.exp(-x)),
        (lambda x: sigma(-x),),
    ),
    Row(
        "logaddexp",
        plane(REAL, REAL) + plane(MODERATE, MODERATE),
        lambda x, y: max(x, y) + mp.log1p(mp.exp(-abs(x - y))),
        (lambda x, y: sigma(x - y), lambda x, y: sigma(y - x)),
    ),
    Row(
        "logaddexp_share",
        plane(MODERATE, MODERATE),
        lambda x, y: sigma(x - y),
        (lambda x, y: sigma(x - y) * sigma(y - x),) * 2,
    ),
    Row("versin", LINE + line(CIRCLE), lambda x: 2 * mp.sin(x / 2) ** 2, (mp.sin,)),
    Row(
        "sinc",
        LINE + line(CIRCLE),
        lambda x: moment(0, x),
        (lambda x: moment(1, x),),
    ),
    Row(
        "expm1_ratio",
        line(REAL, uniform(-50, 720, 300)),
        lambda x: mp.expm1(x) / x if x else mp.one,
        (lambda x: (mp.exp(x) - mp.expm1(x) / x) / x if x else mp.mpf(1) / 2,),
    ),
    Row(
        "log1p_ratio",
        line([x for x in REAL if x > -1], uniform(-1, 3, 200)),
        lambda x: mp.log1p(x) / x if x else mp.one,
        (lambda x: (1 / (1 + x) - mp.log1p(x) / x) / x if x else mp.zero,),
    ),
    Row(
        "compound_minus_one",
        plane([x for x in MODERATE if x > -1] + uniform(-1, 2, 300), MODERATE, 3000)
        + plane(WIDE, MODERATE)
        + plane(logarithmic(-20, 0, 100), logarithmic(0, 22, 100)),
        compound,
        (lambda x, n: n * mp.power(1 + x, n - 1),),  # n is a constant in use
    ),
    Row(
        "compound_minus_one",
        plane(NEGATIVE + uniform(-4, -1, 200), WHOLE, 1000),
        compound,
        (lambda x, n: n * mp.power(1 + x, n - 1),),
    ),
    Row(
        "xlogy",
        plane(REAL, POSITIVE + uniform(0, 3, 300)),
        lambda x, y: x * mp.log(y),
        (lambda _, y: mp.log(y), lambda x, y: x / y),
    ),
    Row(
        "xlog1py",
        plane(REAL, POSITIVE + uniform(-1, 3, 300)),
        lambda x, y: x * mp.log1p(y),
        (lambda _, y: mp.log1p(y), lambda x, y: x / (1 + y)),
    ),
    Row(
        "xdivy",
        plane(REAL[:-2], REAL[:-2]),
        lambda x, y: x / y,
        (lambda _, y: 1 / y, lambda x, y: -x / y**2),
    ),
    Row(
        "hypot",
        plane(REAL, REAL) + plane(MODERATE, MODERATE),
        mp.hypot,
        ZERO,
    ),
    Row(
        "cbrt",
        LINE,
        lambda x: mp.sign(x) * mp.cbrt(abs(x)),
        ZERO,
        limit=2.0,
    ),
    Row(
        "mod",
        plane(REAL, REAL[:-2]) + plane(MODERATE, MODERATE),
        floor_mod,
        (lambda *_: mp.one, lambda x, y: mp.floor(x / y)),
    ),
    Row(
        "pow_int",
        plane(REAL[:-2], WHOLE) + plane(MODERATE, WHOLE, 2000),
        mp.power,
        (lambda x, n: n * mp.power(x, n - 1),),
    ),
    Row(
        "gamma",
        line(GAMMA, WIDE[:100], [-x for x in WIDE[:100]], ROOTS),
        mp.gamma,
        (lambda x: mp.gamma(x) * mp.psi(0, x),),
        limit=6.0,
    ),
    Row(
        "gammaln",
        line(GAMMA, POSITIVE, POLES, NEGATIVE[:100]),
        gammaln,
        (lambda x: psi(0, x),),
    ),
    Row(
        "digamma",
        line(GAMMA, POSITIVE, POLES, NEGATIVE[:100], ROOTS),
        lambda x: psi(0, x),
        (lambda x: psi(1, x),),
    ),
    *(
        Row(
            "polygamma",
            line(GAMMA[:: 1 + n // 20 * 9], POSITIVE[:: 1 + n // 20 * 9], POLES),
            lambda x, n=n: psi(n, x),
            (lambda x, n=n: psi(n + 1, x),),
            feed=lambda x, n=n: (float(n), x),
        )
        for n in (1, 2, 3, 4, 7, 20, 150)
    ),
    Row(
        "beta",
        BETA,
        lambda x, y: mp.exp(betaln(x, y)),
        (
            lambda x, y: mp.exp(betaln(x, y)) * psi_gap(x, y),
            lambda x, y: mp.exp(betaln(x, y)) * psi_gap(y, x),
        ),
    ),
    Row("betaln", BETA, betaln, (psi_gap, lambda x, y: psi_gap(y, x))),
)


# -- the measure -----------------------------------------------------------------


def units(got: float, true: Any, condition: Any) -> float:
    """Return the error over u (|f| + sum |x df/dx|), or over u times 2**-1022.

    Beyond the largest float the right answer is an infinity, as it is within a few
    units below.
    """
    if abs(true) > LARGEST:
        return 0.0 if got == mp.sign(true) * mp.inf else math.inf
    if math.isinf(got) and abs(true) + 4 * U * condition > LARGEST:
        return 0.0
    if not math.isfinite(got):
        return math.inf
    return float(abs(got - true) / (U * max(condition, SUBNORMAL)))


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_accuracy(row: Row) -> None:
    """Every value lies within the row's limit of mpmath's, in both ways of running."""
    compiled = jitted(row.name)
    worst: tuple[float, tuple[float, ...]] = (0.0, ())
    for point in row.points:
        x = [mp.mpf(v) for v in point]
        true = row.value(*x)
        slopes = [v * slope(*x) for v, slope in zip(x, row.slopes, strict=False)]
        condition = abs(true) + sum(map(abs, slopes))
        args = row.feed(*point)
        for got in (plain(row.name, *args), compiled(*args)):
            worst = max(worst, (units(float(got), true, condition), point))
    assert worst[0] <= row.limit, worst


# -- special values --------------------------------------------------------------

VALUES = (0.0, 5e-324, 0.5, 1.0, 2.0, 3.0, 800.0, 1e300, math.inf)
SPECIAL = (*VALUES, *(-x for x in VALUES), math.nan)


def tied(x: float, y: float, tie: float) -> Any:
    """Return 1, tie or 0 as x is above, at or below y."""
    return np.select([x > y, x == y, x < y], [1.0, tie, 0.0], math.nan)


def positive(f: Callable[..., Any]) -> Callable[..., Any]:
    """Return f of two numbers, NaN where one is negative or NaN, or both infinite."""
    return lambda x, y: f(x, y) if x >= 0 and y >= 0 and x + y < math.inf else math.nan


LIBRARY: dict[str, Callable[..., Any]] = {
    "sigmoid": special.expit,
    "softplus": lambda x: np.logaddexp(0.0, x),
    "log_sigmoid": special.log_expit,
    "logaddexp": np.logaddexp,
    "logaddexp_share": lambda x, y: 0.5 if x == y else special.expit(x - y),
    "expm1_ratio": special.exprel,
    "xlogy": special.xlogy,
    "xlog1py": special.xlog1py,
    "xdivy": lambda x, y: 0.0 if x == y == 0 else x / y,
    "hypot": np.hypot,
    "cbrt": np.cbrt,
    "mod": np.mod,
    "sign": np.sign,
    "heaviside": np.heaviside,
    "step": tied,
    "relu": lambda x: np.maximum(x, 0.0),
    "prelu": lambda x, a: np.where(x > 0, x, a * x),
    "amul": lambda g, p: 0.0 if g == 0 and np.isinf(p) else g * p,
    "maximum": np.maximum,
    "minimum": np.minimum,
    "gamma": special.gamma,
    "gammaln": lambda x: math.inf if x <= 0 and x % 1 == 0 else math.lgamma(x),
    "digamma": special.digamma,
}
LIMITS: dict[str, list[tuple[tuple[float, ...], float]]] = {
    "sigmoid_slope": [((1, math.inf), 0), ((0, -math.inf), 0), ((0.5, 0), 0.25)],
    "tanh_slope": [((1, math.inf), 0), ((-1, -math.inf), 0), ((0, 0), 1)],
    "versin": [((0,), 0), ((math.inf,), math.nan)],
    "sinc": [((0,), 1), ((math.inf,), 0), ((-math.inf,), 0)],
    "log1p_ratio": [((0,), 1), ((math.inf,), 0), ((-1,), math.inf), ((-2,), math.nan)],
    "compound_minus_one": [
        ((-1, 3), -1),
        ((-1, 0), 0),
        ((-1, -3), math.inf),
        ((math.inf, 2), math.inf),
        ((math.inf, -2), -1),
        ((math.inf, 0), 0),
        ((0, math.inf), 0),
        ((0.5, math.inf), math.inf),
        ((0.5, -math.inf), -1),
        ((-3, 2), 3),
        ((-3, 3), -9),
        ((-3, 0.5), math.nan),
        ((math.nan, 0), 0),  # as NaN**0 = 1
    ],
    "pow_int": [
        ((0, 0), 1),
        ((math.nan, 0), 1),
        ((3, 4), 81),
        ((-2, 3), -8),
        ((2, -1074), 5e-324),
        ((0, -1), math.inf),
        ((-0.0, -1), -math.inf),
        ((-0.0, -2), math.inf),
        ((math.inf, -2), 0),
        ((-math.inf, 3), -math.inf),
        ((1, 1e300), 1),
        ((2, 1e300), math.inf),
        ((2, math.nan), math.nan),
    ],
    "polygamma": [
        ((0, 1), -0.5772156649015329),
        ((1, 0), math.inf),
        ((1, -2), math.inf),
        ((1, math.inf), 0),
        ((1, -math.inf), math.nan),
        ((2, 0), -math.inf),
        ((2, -3), -math.inf),
        ((2, math.inf), 0),
        ((0.5, 1), math.nan),
        ((-1, 1), math.nan),
        ((171, 1), math.nan),
    ],
    "beta": [
        ((0, 1), math.inf),
        ((0, 0), math.inf),
        ((2, math.inf), 0),
        ((math.inf, math.inf), 0),
        ((0, math.inf), math.nan),
        ((-0.5, 3), math.nan),
        ((1, 1), 1),
    ],
    "betaln": [
        ((0, 1), math.inf),
        ((0, 0), math.inf),
        ((2, math.inf), -math.inf),
        ((0, math.inf), math.nan),
        ((-0.5, 3), math.nan),
        ((1, 1), 0),
    ],
}
UNREAD = {("heaviside", 1), ("step", 2), ("prelu", 1)}  # not everywhere
INTERNAL = {
    "gamma_series",
    "gamma_shift",
    "gamma_tail",
    "sin_pi",
    "polygamma_right",
    "beta_ratio",
    "beta_large",
}


def arity(name: str) -> int:
    """Return a function's number of arguments."""
    return FUNCTIONS[name].__code__.co_argcount


def same(got: float, expected: float) -> bool:
    """Tell whether two floats agree to 13 digits, infinities and NaN exactly."""
    return bool(got == pytest.approx(expected, rel=1e-13, abs=1e-318, nan_ok=True))


def test_every_function_is_tested() -> None:
    """No function is left out of the tables."""
    measured = {row.name for row in ROWS}
    assert set(FUNCTIONS) == measured | set(LIBRARY) | set(LIMITS) | INTERNAL


@pytest.mark.parametrize("name", LIBRARY)
def test_special_values(name: str) -> None:
    """Zeros, infinities, NaN and extremes give what NumPy or SciPy gives."""
    wrong = []
    for args in product(SPECIAL, repeat=arity(name)):
        with np.errstate(all="ignore"):
            expected = float(LIBRARY[name](*map(np.float64, args)))
        results = float(plain(name, *args)), jitted(name)(*args)
        if not all(same(got, expected) for got in results):
            wrong.append((args, *results, expected))
    assert wrong == []


@pytest.mark.parametrize("name", LIMITS)
def test_limits(name: str) -> None:
    """Limits that no library states are those of the mathematics."""
    wrong = []
    for args, expected in LIMITS[name]:
        results = float(plain(name, *args)), jitted(name)(*map(float, args))
        if not all(same(got, expected) for got in results):
            wrong.append((args, *results, expected))
    assert wrong == []


@pytest.mark.parametrize("name", ["cbrt", "mod"])
def test_signed_zeros(name: str) -> None:
    """Zero results carry the sign that NumPy gives them."""
    for args in product((0.0, -0.0, 1.0, -1.0, 3.0, -3.0), repeat=arity(name)):
        with np.errstate(all="ignore"):
            expected = LIBRARY[name](*map(np.float64, args))
        results = plain(name, *args), jitted(name)(*args)
        if expected == 0:
            signs = {bool(np.signbit(got)) for got in results}
            assert signs == {bool(np.signbit(expected))}, args


@pytest.mark.parametrize("name", sorted(set(FUNCTIONS) - INTERNAL))
def test_nan(name: str) -> None:
    """NaN in any argument that the result depends on gives NaN."""
    for i in range(arity(name)):
        if (name, i) not in UNREAD:
            args = [math.nan if i == k else 0.5 for k in range(arity(name))]
            got = float(plain(name, *args)), jitted(name)(*args)
            assert np.isnan(got).all(), args


# -- two ways of running ---------------------------------------------------------


def numpy_on_libm() -> SimpleNamespace:
    """Return NumPy with its elementary functions from libm, as Numba has them.

    NumPy's own, vectorised, may differ from libm's in the last bit.
    """
    libm = ctypes.CDLL(ctypes.util.find_library("m"))
    names = {"power": "pow"} | {
        n: n for n in ("exp", "expm1", "log", "log1p", "sin", "cos", "tan", "fmod")
    }
    found = {}
    for name, symbol in names.items():
        f = libm[symbol]
        f.restype = ctypes.c_double
        f.argtypes = [ctypes.c_double] * (2 if symbol in {"pow", "fmod"} else 1)
        found[name] = lambda *args, f=f: np.float64(f(*args))
    return SimpleNamespace(**(vars(np) | found))


@pytest.mark.skipif(not ctypes.util.find_library("m"), reason="no libm to load")
@pytest.mark.parametrize("name", sorted(set(FUNCTIONS) - INTERNAL))
def test_same_bits(name: str) -> None:
    """Plain Python and Numba agree to the last bit where both call libm."""
    scope: dict[str, Any] = {"math": math, "np": numpy_on_libm()}
    scope |= {n: FunctionType(f.__code__, scope, n) for n, f in FUNCTIONS.items()}
    rows = [row for row in ROWS if row.name == name]
    points = [row.feed(*point) for row in rows for point in row.points]
    points += product(SPECIAL, repeat=arity(name))
    compiled = jitted(name)
    with np.errstate(all="ignore"):
        for args in points:
            expected = np.float64(scope[name](*map(np.float64, args)))
            got = np.float64(compiled(*args))
            assert (
                expected.tobytes() == got.tobytes() or np.isnan([expected, got]).all()
            )


@pytest.mark.parametrize("name", sorted(set(FUNCTIONS) - INTERNAL))
def test_python_floats(name: str) -> None:
    """Python floats and whole numbers serve as well, and np.float64 comes out."""
    for args in product(SPECIAL, repeat=arity(name)):
        with np.errstate(all="ignore"):
            got = FUNCTIONS[name](*args)
            again = FUNCTIONS[name](
                *(int(x) if abs(x) in {1.0, 2.0, 3.0, 800.0} else x for x in args)
            )
        expected = plain(name, *args)
        assert [np.float64] * 3 == [type(got), type(again), type(expected)], args
        np.testing.assert_array_equal([got, again], [expected, expected])


@pytest.mark.parametrize(
    ("name", "args"),
    [("pow_int", (1.5, 3)), ("pow_int", (1.5, -2)), ("polygamma", (2, 1.5))],
)
def test_whole_attributes(name: str, args: tuple[float, ...]) -> None:
    """A whole number written into the source compiles and gives the float's result."""
    assert jitted(name)(*args) == jitted(name)(*map(float, args))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_stands_alone(name: str) -> None:
    """A function mentions only math, np and its file, and says itself in one line."""
    f = FUNCTIONS[name]
    siblings = functions(inspect.getmodule(f))
    free = {
        instruction.argval
        for instruction in dis.get_instructions(f)
        if instruction.opname == "LOAD_GLOBAL"
    }
    assert free <= {"math", "np", "abs", "int", "max", "min", "range", *siblings}
    assert (f.__defaults__, f.__kwdefaults__, f.__closure__) == (None, None, None)
    assert len((f.__doc__ or "").splitlines()) == 1
    assert inspect.getsource(f).startswith(f"def {name}(")
