"""Hold the gamma family for generated modules, under the rules of `portable.py`.

Between -10 and 10 the recurrence moves the argument to 1 + t, -1/2 <= t <= 3/4, where
the Taylor series of 1/Gamma serves gamma, gammaln and digamma alike; above 10 stands
Stirling's series, left of -10 the reflection formula. Accuracy as in `portable.py`,
but for gamma at its turning points left of -10: 6 units for 4.
"""

import math

import numpy as np


def gamma_series(t: float) -> tuple[float, float]:
    """Return 1/Gamma(1 + t) - 1 and its slope, -1/2 <= t <= 3/4 (DLMF 5.7.1)."""
    q = 0.0
    dq = 0.0
    for c in (
        1.2267786282382608e-15,
        -5.348122539423018e-15,
        -2.0583260535665066e-14,
        5.100370287454476e-13,
        -3.696805618642206e-12,
        7.782263439905071e-12,
        1.0434267116911005e-10,
        -1.18127457048702e-09,
        5.002007644469223e-09,
        6.116095104481416e-09,
        -2.056338416977607e-07,
        1.133027231981696e-06,
        -1.2504934821426706e-06,
        -2.013485478078824e-05,
        0.0001280502823881162,
        -0.00021524167411495098,
        -0.0011651675918590652,
        0.0072189432466631,
        -0.009621971527876973,
        -0.04219773455554433,
        0.16653861138229148,
        -0.04200263503409524,
        -0.6558780715202539,
        0.5772156649015329,
    ):
        dq = dq * t + q
        q = q * t + c
    return t * q, q + t * dq


def gamma_tail(x: float) -> float:
    """Return log(Gamma(x)) less Stirling's formula, for x >= 10 (DLMF 5.11.1)."""
    s = 0.0
    for c in (
        -3617.0 / 122400.0,
        1.0 / 156.0,
        -691.0 / 360360.0,
        1.0 / 1188.0,
        -1.0 / 1680.0,
        1.0 / 1260.0,
        -1.0 / 360.0,
        1.0 / 12.0,
    ):
        s = s / x / x + c
    return s / x


def sin_pi(x: float) -> float:
    """Return sin(pi*x), exactly 0 at whole x."""
    n = np.rint(x)
    s = np.sin(math.pi * (x - n))
    return np.float64(s if 2.0 * np.floor(0.5 * n) == n else -s)


def gamma_shift(x: float) -> tuple[float, float, float]:
    """Return p, q, t: Gamma(x) = p/q Gamma(1 + t), -1/2 <= t <= 3/4 (DLMF 5.5.1)."""
    t = np.float64(x)
    p = 1.0
    q = 1.0
    if x > 0.5:
        t -= 1.0
        while t > 0.75:
            p *= t
            t -= 1.0
    else:
        q = t
        while t < -0.5:
            t += 1.0
            q *= t
    return p, q, t


def gamma(x: float) -> float:
    """Return the gamma function (DLMF 5.5.3, 5.11.3), NaN at -1, -2, ..."""
    if x < 0.0 and x == np.floor(x):
        return np.float64(math.nan)
    if x > 172.0:
        return np.float64(math.inf)
    if x < -190.0:
        return 0.0 * sin_pi(x)
    z = abs(x)
    if z > 10.0:
        h = np.power(z, 0.5 * z - 0.25)  # its square may overflow
        e = h * np.exp(-z) * (math.sqrt(2.0 * math.pi) * np.exp(gamma_tail(z)))
        return np.float64(e * h if x > 0.0 else -math.pi / (x * sin_pi(x)) / e / h)
    p, q, t = gamma_shift(x)
    return np.float64(p / (q * (1.0 + gamma_series(t)[0])))


def gammaln(x: float) -> float:
    """Return log(|Gamma(x)|) (DLMF 5.5.3, 5.11.1), inf at 0, -1, -2, ..."""
    z = abs(x)
    if z > 10.0:
        if np.isinf(z) or (x < 0.0 and x == np.floor(x)):
            return np.float64(math.inf)
        e = (z - 0.5) * (np.log(z) - 1.0) + gamma_tail(z)
        e += 0.5 * math.log(2.0 * math.pi) - 0.5
        if x > 0.0:
            return np.float64(e)
        return np.float64(np.log(math.pi / abs(x * sin_pi(x))) - e)
    p, q, t = gamma_shift(x)
    e = np.log1p(gamma_series(t)[0])
    if -2.75 < x < -2.5:  # q = x (x + 1) (x + 2) (x + 3) = m*m - 1 is near -1
        m = x * (x + 3.0) + 1.0
        return np.float64(-np.log1p(-m * m) - e)
    return np.float64(np.log(p) - np.log(abs(q)) - e)


def digamma(x: float) -> float:
    """Return Gamma'(x)/Gamma(x) (DLMF 5.5.2, 5.5.4, 5.11.2), NaN at -1, -2, ..."""
    z = abs(x)
    if z > 10.0:
        s = 0.0
        for c in (
            3617.0 / 8160.0,
            -1.0 / 12.0,
            691.0 / 32760.0,
            -1.0 / 132.0,
            1.0 / 240.0,
            -1.0 / 252.0,
            1.0 / 120.0,
            -1.0 / 12.0,
        ):
            s = s / z / z + c
        s = s / z / z - 0.5 / z + np.log(z)
        if x > 0.0:
            return np.float64(s)
        r = x - np.rint(x)
        if r == 0.0:
            return np.float64(math.nan)
        return np.float64(s + 1.0 / z - math.pi / np.tan(math.pi * r))
    s = 0.0
    t = x
    if x > 0.5:
        t = x - 1.0
        while t > 0.75:
            s += 1.0 / t
            t -= 1.0
    else:
        if x < 0.0 and x == np.floor(x):
            return np.float64(math.nan)
        s = -1.0 / np.float64(x)
        while t < -0.5:
            t += 1.0
            s -= 1.0 / t
    q, dq = gamma_series(t)
    return np.float64(s - dq / (1.0 + q))


def polygamma_right(n: float, x: float) -> float:
    """Return n! zeta(n + 1, x), x > 0, n >= 1 (DLMF 5.15.5, 5.15.9)."""
    unit = 1.0  # below (n!)**(1/n), to keep the powers in range
    while 8.0 * unit < n:
        unit *= 2.0
    scale = 1.0 / unit
    for k in range(1, int(n) + 1):
        scale *= k / unit
    steps = 10 if x < n + 12.0 else 0
    w = x + steps
    tail = 1.0 / n + 0.5 / w
    m = n + 1.0
    term = m / w / w
    for c in (
        1.0 / 12.0,
        -1.0 / 720.0,
        1.0 / 30240.0,
        -1.0 / 1209600.0,
        1.0 / 47900160.0,
        -691.0 / 1307674368000.0,
        1.0 / 74724249600.0,
        -3617.0 / 10670622842880000.0,
        43867.0 / 5109094217170944000.0,
        -174611.0 / 802857662698291200000.0,
    ):
        tail += c * term
        term *= (m + 1.0) / w * (m + 2.0) / w
        m += 2.0
    h = np.power(w / unit, -0.5 * n)  # its square may underflow
    s = scale * unit * tail * h * h
    for k in range(steps - 1, -1, -1):
        s += scale * np.power((x + k) / unit, -n - 1.0)
    return np.float64(s)


def polygamma(n: float, x: float) -> float:
    """Return the n-th derivative of digamma (DLMF 5.15.6); n = 0, 1, ..., 170."""
    if n == 0.0:
        return digamma(x)
    if not 0.0 < n <= 170.0 or n != np.floor(n):
        return np.float64(math.nan)
    sign = np.float64(2.0 * (n - 2.0 * np.floor(0.5 * n)) - 1.0)  # 1 for odd n
    if x > 0.0:
        return sign * polygamma_right(n, x)
    if x == 0.0:
        return np.float64(math.inf if sign > 0.0 else -np.copysign(math.inf, x))
    r = x - np.rint(x)
    s = polygamma_right(n, abs(r)) + sign * polygamma_right(n, 1.0 - abs(r))
    return (s if r < 0.0 else sign * s) - polygamma_right(n, 1.0 - x)


def beta_ratio(x: float, y: float) -> tuple[float, float, float]:
    """Return p, z, e: Gamma(y)/Gamma(x + y) = p z**-x exp(e), x, y > 0 (5.11.1)."""
    p = 1.0
    z = y
    while z < 10.0:
        p += p * x / z
        z += 1.0
    e = x - (x + z - 0.5) * np.log1p(x / z)
    return p, z, e + (gamma_tail(z) - gamma_tail(x + z))


def beta_large(x: float, y: float) -> tuple[float, float]:
    """Return p, e with B(x, y) = p exp(e), x, y >= 10 (DLMF 5.12.1, 5.11.1)."""
    tail = gamma_tail(x) + gamma_tail(y) - gamma_tail(x + y)
    p = math.sqrt(2.0 * math.pi) / np.sqrt(y) * np.exp(tail)
    return p, (0.5 - x) * np.log1p(y / x) - y * np.log1p(x / y)


def beta(x: float, y: float) -> float:
    """Return Gamma(x) Gamma(y)/Gamma(x + y), NaN for negative x or y (DLMF 5.12.1)."""
    a, b = (x, y) if x < y else (y, x)
    if a == 0.0 and b < math.inf:
        return np.float64(math.inf)
    if not a > 0.0:
        return np.float64(math.nan)
    if b == math.inf:
        return np.float64(0.0)
    if a > 10.0:
        p, e = beta_large(a, b)
        return np.float64(p * np.exp(e))
    p, z, e = beta_ratio(a, b)
    h = np.power(z, -0.5 * a)  # its square may underflow
    return np.float64(gamma(a) * p * h * np.exp(e) * h)


def betaln(x: float, y: float) -> float:
    """Return log(beta(x, y)) (DLMF 5.12.1), NaN for negative x or y."""
    a, b = (x, y) if x < y else (y, x)
    if a == 0.0 and b < math.inf:
        return np.float64(math.inf)
    if not a > 0.0:
        return np.float64(math.nan)
    if b == math.inf:
        return np.float64(-math.inf)
    if a > 10.0:
        p, e = beta_large(a, b)
        return np.float64(np.log(p) + e)
    p, z, e = beta_ratio(a, b)
    return np.float64(gammaln(a) + (np.log(p) + e - a * np.log(z)))
