"""Hold the elementary functions that generated modules carry with them.

Scalar floats in, a float out. Each function is printed as it stands here
(`inspect.getsource`) into the modules that need it, so it may mention only `math`,
`np` and its neighbours in this file, and never a constant of the module. The same
text runs under `numba.njit(error_model="numpy")` and, with `np.float64` scalars under
`np.errstate(all="ignore")`, in plain Python; so nothing here raises, and every result
is an `np.float64` (a Python float would raise on the next division by zero).

Accuracy is meant for the whole domain: |error| <= 4 u (|f| + sum |x df/dx|), with
u = 2^-53, unless a docstring says otherwise. `tests/ir/test_portable.py` measures it.
"""

import math

import numpy as np


def sigmoid(x: float) -> float:
    """Return 1/(1 + exp(-x)), for large -x without overflow."""
    e = np.exp(-abs(x))
    return np.float64((1.0 if x >= 0.0 else e) / (1.0 + e))


def sigmoid_slope(y: float, x: float) -> float:
    """Return y*(1 - y) for y = sigmoid(x), without cancellation for y near 1."""
    e = np.exp(-abs(x))
    return np.float64(y * ((1.0 if x < 0.0 else e) / (1.0 + e)))


def softplus(x: float) -> float:
    """Return log(1 + exp(x)) (Maechler 2012, Accurately computing log(1 +- e^-a))."""
    return np.float64((max(0.0, x)) + np.log1p(np.exp(-abs(x))))


def log_sigmoid(x: float) -> float:
    """Return log(sigmoid(x)) = -softplus(-x)."""
    return np.float64(-((max(0.0, -x)) + np.log1p(np.exp(-abs(x)))))


def logaddexp(x: float, y: float) -> float:
    """Return log(exp(x) + exp(y)); equal infinities give themselves."""
    d = 0.0 if x == y else abs(x - y)
    return np.float64((max(y, x)) + np.log1p(np.exp(-d)))


def logaddexp_share(x: float, y: float) -> float:
    """Return sigmoid(x - y), the slope of logaddexp in x; 1/2 at a tie."""
    e = np.exp(-(0.0 if x == y else abs(x - y)))
    return np.float64((1.0 if x >= y else e) / (1.0 + e))


def tanh_slope(y: float, x: float) -> float:
    """Return 1 - y*y for y = tanh(x), without cancellation for y near 1 or -1."""
    h = np.exp(-abs(x)) * (1.0 + abs(y))  # 1 - |y| = exp(-2|x|)*(1 + |y|)
    return np.float64(h * h)


def versin(x: float) -> float:
    """Return 1 - cos(x) = 2*sin(x/2)**2, without cancellation near 0."""
    s = np.sin(0.5 * x)
    return np.float64(2.0 * s * s)


def sinc(x: float) -> float:
    """Return sin(x)/x (not normalised), 1 at 0 and 0 at infinity."""
    if x == 0.0:
        return np.float64(1.0)
    if np.isinf(x):
        return np.float64(0.0)
    return np.float64(np.sin(x) / x)


def expm1_ratio(x: float) -> float:
    """Return (exp(x) - 1)/x, 1 at 0, also where exp(x) alone overflows."""
    if x == 0.0:
        return np.float64(1.0)
    if x < 700.0:
        return np.float64(np.expm1(x) / x)
    if np.isinf(x):
        return np.float64(x)
    h = np.exp(0.5 * x)
    return np.float64(h / x * h)


def log1p_ratio(x: float) -> float:
    """Return log(1 + x)/x, 1 at 0."""
    if x == 0.0:
        return np.float64(1.0)
    if x == math.inf:
        return np.float64(0.0)
    return np.float64(np.log1p(x) / x)


def compound_minus_one(x: float, n: float) -> float:
    """Return (1 + x)**n - 1 without cancellation; for x < -1 as `**` does."""
    t = n * np.log1p(x)
    if abs(t) < 1.0 or abs(t) > 800.0:
        return np.float64(np.expm1(t))
    s = 1.0 + x
    p = np.power(s, n)
    if -0.5 < x < 1.0 and x != 0.0:  # what the rounding of 1 + x took off the power
        p *= np.exp(n * ((x - (s - 1.0)) / s))
    return np.float64(p - 1.0)


def xlogy(x: float, y: float) -> float:
    """Return x*log(y), 0 at x = 0 unless y is NaN."""
    if x == 0.0 and not np.isnan(y):
        return np.float64(0.0)
    return np.float64(x * np.log(y))


def xlog1py(x: float, y: float) -> float:
    """Return x*log(1 + y), 0 at x = 0 unless y is NaN."""
    if x == 0.0 and not np.isnan(y):
        return np.float64(0.0)
    return np.float64(x * np.log1p(y))


def xdivy(x: float, y: float) -> float:
    """Return x/y, but 0 where both are 0."""
    if x == 0.0 and y == 0.0:
        return np.float64(0.0)
    return np.float64(x) / y


def hypot(x: float, y: float) -> float:
    """Return sqrt(x*x + y*y), where needed scaled by a power of two."""
    if np.isinf(x) or np.isinf(y):
        return np.float64(math.inf)
    a = max(abs(x), abs(y))
    scale = 1.0
    back = 1.0  # its inverse, exactly
    if a > 2.0**500:
        scale = 2.0**600
        back = 2.0**-600
    elif a < 2.0**-500:
        scale = 2.0**-600
        back = 2.0**600
    u = x * back
    v = y * back
    return np.float64(scale * np.sqrt(u * u + v * v))


def cbrt(x: float) -> float:
    """Return the real cube root, a power corrected by one step of Newton's method."""
    if x == 0.0 or not np.isfinite(x):
        return np.float64(x)
    a = abs(x)
    r = np.power(a, 1.0 / 3.0)
    r -= (r - a / (r * r)) / 3.0
    return np.float64(np.copysign(r, x))


def mod(x: float, y: float) -> float:
    """Return x modulo y with the sign of y, as np.mod; NaN where y = 0."""
    r = np.fmod(x, y)
    if r == 0.0:
        return np.float64(np.copysign(0.0, y))
    if (r < 0.0) != (y < 0.0):
        r += y
    return np.float64(r)


def sign(x: float) -> float:
    """Return -1, 0 or 1 as x is negative, zero or positive, as np.sign."""
    if x > 0.0:
        return np.float64(1.0)
    if x < 0.0:
        return np.float64(-1.0)
    return np.float64(x + 0.0)


def heaviside(x: float, h: float) -> float:
    """Return 0 for x < 0, h at 0 and 1 for x > 0, as np.heaviside."""
    if x > 0.0:
        return np.float64(1.0)
    if x < 0.0:
        return np.float64(0.0)
    return np.float64(h if x == 0.0 else x)


def step(x: float, y: float, tie: float) -> float:
    """Return 1 where x > y, tie where x = y, 0 where x < y; else NaN."""
    if x > y:
        return np.float64(1.0)
    if x < y:
        return np.float64(0.0)
    return np.float64(tie if x == y else math.nan)


def relu(x: float) -> float:
    """Return x where x > 0, else 0; NaN stays NaN."""
    return np.float64(x if x > 0.0 or np.isnan(x) else 0.0)


def prelu(x: float, a: float) -> float:
    """Return x where x > 0, else a*x."""
    return np.float64(x if x > 0.0 else a * x)


def amul(g: float, p: float) -> float:
    """Return g*p, but 0 for g = 0 and infinite p: no share of an infinite slope."""
    if g == 0.0 and np.isinf(p):
        return np.float64(0.0)
    return np.float64(g * p)


def maximum(x: float, y: float) -> float:
    """Return the larger of x and y, or NaN if either is, as np.maximum."""
    return np.float64(x if x >= y or np.isnan(x) else y)


def minimum(x: float, y: float) -> float:
    """Return the smaller of x and y, or NaN if either is, as np.minimum."""
    return np.float64(x if x <= y or np.isnan(x) else y)


def pow_int(x: float, n: float) -> float:
    """Return x**n for whole n by repeated squaring (Knuth, TAOCP 4.6.3)."""
    b = np.float64(x)
    m = np.float64(abs(n))
    if not m < 2.0**53 or m != np.floor(m):
        return np.float64(np.power(b, n))
    p = np.float64(1.0)
    while m > 0.0:
        half = np.floor(0.5 * m)
        if m != 2.0 * half:
            p *= b
        b *= b
        m = half
    if n >= 0:
        return p
    if np.isinf(p):  # its reciprocal may still be a subnormal number
        return np.float64(np.power(np.float64(x), n))
    return 1.0 / p
