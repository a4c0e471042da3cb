"""Hold the functions behind the stabilising rewrites, under the rules of `portable.py`.

Each computes, over the whole range, what an obvious formula computes with digits lost
or with an overflow on the way. Accuracy as in `portable.py`.
"""

import math

import numpy as np


def bose(x: float) -> float:
    """Return 1/(exp(x) - 1), also where exp(x) overflows."""
    if x > 40.0:
        return np.float64(np.exp(-x))
    return np.float64(1.0 / np.expm1(x))


def sech(x: float) -> float:
    """Return 1/cosh(x), also where cosh(x) overflows."""
    e = np.exp(-abs(x))
    return np.float64(2.0 * e / (1.0 + e * e))


def csch(x: float) -> float:
    """Return 1/sinh(x), also where sinh(x) overflows."""
    if abs(x) < 20.0:
        return np.float64(1.0 / np.sinh(x))
    return np.float64(np.copysign(2.0 * np.exp(-abs(x)), x))


def log_cosh(x: float) -> float:
    """Return log(cosh(x)) by log1p(2*sinh(x/2)**2), for large x without overflow."""
    a = abs(x)
    if a < 1.0:
        s = np.sinh(0.5 * a)
        return np.float64(np.log1p(2.0 * s * s))
    return np.float64(a + (np.log1p(np.exp(-2.0 * a)) - math.log(2.0)))


def log1mexp(x: float) -> float:
    """Return log(1 - exp(x)) (Maechler 2012, Accurately computing log(1 - e^-a))."""
    if x > -math.log(2.0):
        return np.float64(np.log(-np.expm1(x)))
    return np.float64(np.log1p(-np.exp(x)))


def log_step(signed: bool, x: float, d: float) -> float:  # noqa: FBT001 - an attribute
    """Return log((x + d)/x) by log1p(d/x), unless the quotient overflows.

    Without `signed` it is log(x + d) - log(x), which is NaN for negative x.
    """
    if x < 0.0 and not signed:
        return np.float64(math.nan)
    r = np.float64(d) / x
    if np.isinf(r) and not signed:
        return np.float64(np.log(x + d) - np.log(x))
    return np.float64(np.log1p(r))


def sqrt_step(x: float, d: float) -> float:
    """Return sqrt(x + d) - sqrt(x) without cancellation."""
    s = np.sqrt(x + d) + np.sqrt(x)
    if s == 0.0 or np.isinf(d):
        return np.float64(np.sqrt(x + d) - np.sqrt(x))
    return np.float64(d / s)


def exp_difference(x: float, y: float) -> float:
    """Return exp(x) - exp(y) by expm1(x - y)."""
    if np.isinf(x) or np.isinf(y):
        return np.float64(np.exp(x) - np.exp(y))
    high = max(x, y)
    d = -np.expm1(-abs(x - y))
    if high > 700.0:
        h = np.exp(0.5 * high)  # its square may overflow
        d = d * h * h
    else:
        d = d * np.exp(high)
    return np.float64(d if x >= y else -d)


def pow1p(x: float, y: float) -> float:
    """Return (1 + x)**y, what the rounding of 1 + x takes off put back."""
    s = 1.0 + x
    p = np.power(s, y)
    lost = x - (s - 1.0) if -0.5 < x < 1.0 else 0.0
    if lost == 0.0:
        return np.float64(p)
    if p == 0.0 or np.isinf(p):  # too small or large to put anything back
        return np.float64(np.exp(y * np.log1p(x)))
    return np.float64(p * np.exp(y * (lost / s)))


def cosine(x: float, y: float, r: float) -> float:
    """Return x/r for r = hypot(x, y), 0 at the origin; at infinity the limit."""
    if r == 0.0:
        return np.float64(0.0)
    if np.isinf(x):  # on the diagonal, if both are: the angle that atan2 gives
        return np.float64(np.copysign(math.sqrt(0.5) if np.isinf(y) else 1.0, x))
    return np.float64(x / r)


def hypotm1(x: float) -> float:
    """Return sqrt(1 + x*x) - 1, without cancellation near 0, without overflow."""
    a = abs(x)
    if a > 1e10:
        return np.float64(a - 1.0)
    s = np.sqrt(1.0 + a * a)
    return np.float64(a * a / (1.0 + s))


def bell(x: float) -> float:
    """Return 1/(1 + x*x), also where x*x overflows."""
    if abs(x) > 1e100:
        r = 1.0 / x
        return np.float64(r * r)
    return np.float64(1.0 / (1.0 + x * x))


def sinc_diff(n: float, x: float) -> float:
    """Return the n-th derivative of sin(x)/x, n >= 0.

    With f = sin(x)/x, Leibniz's rule on x*f = sin(x) is x f_k + k f_(k-1) = sin_k:
    stable forwards for |x| > k, backwards for |x| < k (Gautschi 1967).
    """
    if np.isinf(x):
        return np.float64(0.0)
    s = np.sin(x)
    c = np.cos(x)
    a = abs(x)
    if a > n + 1.0:
        f = s / x
        for k in range(1, int(n) + 1):
            t = s if k % 2 == 0 else c
            f = ((t if k % 4 < 2 else -t) - k * f) / x
        return np.float64(f)
    f = 0.0
    for k in range(int(3 * n) + 30, int(n), -1):
        t = s if k % 2 == 0 else c
        f = ((t if k % 4 < 2 else -t) - x * f) / k
    return np.float64(f)


def inverse_sinc(x: float) -> float:
    """Return x/sin(x), 1 at 0."""
    return np.float64(1.0 if x == 0.0 else x / np.sin(x))


def expm1_ratio_diff(n: float, x: float) -> float:
    """Return the n-th derivative of (exp(x) - 1)/x, n >= 0.

    It is the integral of t**n exp(x t) over 0 < t < 1, and x f_k + k f_(k-1) = exp(x):
    forwards for x large beside k, else backwards, as in `sinc_diff`.
    """
    if np.isnan(x) or x == math.inf:
        return np.float64(x)
    if x > n + 1.0:
        f = -np.expm1(-x) / x
        for k in range(1, int(n) + 1):
            f = (1.0 - k * f) / x
        h = np.exp(0.5 * x)  # its square may overflow
        return np.float64(f * h * h)
    e = np.exp(x)
    if x < -20.0 - n:
        f = np.expm1(x) / x
        for k in range(1, int(n) + 1):
            f = (e - k * f) / x
        return np.float64(f)
    f = 0.0
    for k in range(int(n) + 25 + int(3.0 * abs(x)), int(n), -1):
        f = (e - x * f) / k
    return np.float64(f)


def log1p_ratio_diff(n: float, x: float) -> float:
    """Return the n-th derivative of log(1 + x)/x, n >= 0.

    It is (-1)**n n! F, F the integral of t**n/(1 + x t)**(n + 1) over 0 < t < 1: a
    hypergeometric function of z = x/(1 + x), by Gauss's continued fraction (DLMF
    15.7.1); further out by x F_k = F_(k-1) - 1/(k (1 + x)**k).
    """
    if x == math.inf:
        return np.float64(0.0)
    scale = 1.0
    for k in range(1, int(n) + 1):
        scale *= -k
    if -0.9 < x < 10.0:
        z = x / (1.0 + x)
        a = n + 1.0
        f = 1.0
        for m in range(32, -1, -1):
            d = a + 2.0 * m
            f = 1.0 - (m + 1.0) ** 2 / (d + 1.0) / (d + 2.0) * z / f
            f = 1.0 - (a + m) ** 2 / d / (d + 1.0) * z / f
        return np.float64(scale / (a * f) * np.power(1.0 + x, -a))
    f = np.log1p(x) / x
    q = np.float64(1.0)
    for k in range(1, int(n) + 1):
        q /= 1.0 + x
        f = (f - q / k) / x
    return np.float64(scale * f)


def bernoulli(x: float) -> float:
    """Return x/(exp(x) - 1), the Bernoulli function."""
    if x == 0.0:
        return np.float64(1.0)
    if x > 700.0:
        return np.float64(0.0 if x == math.inf else x * np.exp(-x))
    return np.float64(x / np.expm1(x))


def bernoulli_diff(n: float, x: float) -> float:
    """Return the n-th derivative of f(x) = x/(exp(x) - 1), n >= 1.

    Near 0 by its Taylor series (DLMF 24.2.1), else by the series in exp(-|x|); the
    left half by f(x) = f(-x) - x.
    """
    a = np.float64(abs(x))
    if a > 800.0:  # where exp(-a) is 0
        a = np.float64(800.0)
    s = 0.0 * a
    if a < 2.0:
        j = 36.0
        for c in (
            -3.6859949406653103e-29,
            1.455172475614865e-27,
            -5.744790668872202e-26,
            2.267952452337683e-24,
            -8.953517427037546e-23,
            3.534707039629467e-21,
            -1.3954464685812522e-19,
            5.5090028283602295e-18,
            -2.174868698558062e-16,
            8.586062056277845e-15,
            -3.3896802963225827e-13,
            1.3382536530684679e-11,
            -5.284190138687493e-10,
            2.08767569878681e-08,
            -8.267195767195768e-07,
            3.306878306878307e-05,
            -1.0 / 720.0,
            1.0 / 12.0,
        ):
            if j >= n:
                f = c
                for k in range(int(n)):
                    f *= j - k
                s = s * a * a + f
            j -= 2.0
        s = (s if n % 2 == 0 else s * a) - (0.5 if n == 1 else 0.0)
    else:
        for k in range(40, 0, -1):
            s += np.power(1.0 * k, n - 1.0) * (k * a - n) * np.exp(-k * a)
        s = s if n % 2 == 0 else -s
    if x < 0.0 and n % 2 == 1:
        s = -s - (1.0 if n == 1 else 0.0)
    return np.float64(s)


def share_slope(x: float, y: float) -> float:
    """Return sigmoid(x - y)*sigmoid(y - x), 1/4 where x and y are the same infinity."""
    if x == y:
        return np.float64(0.25)
    e = np.exp(-abs(x - y))
    return np.float64(e / ((1.0 + e) * (1.0 + e)))
