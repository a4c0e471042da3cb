"""Hold differences of polygamma functions, under the rules of `portable.py`."""

import numpy as np


def polygamma_step(n: float, x: float, y: float) -> float:
    """Return the n-th derivative of digamma at x + y less that at x, for x, x + y > 0.

    Both are moved to the right of n + 12 (DLMF 5.15.5); there the difference of the
    asymptotic series (DLMF 5.15.8), a polynomial P in 1/x, is that of its argument
    times a divided difference of P. Nothing that is alike is subtracted.
    """
    if not (x > 0.0 and x + y > 0.0):
        return np.float64(np.nan)
    factorial = 1.0
    for j in range(1, int(n) + 1):
        factorial *= j
    total = np.float64(0.0)
    z = np.float64(x)
    while min(z, z + y) < n + 12.0 and z + 1.0 > z:
        a = 1.0 / z
        b = 1.0 / (z + y)
        s = 1.0  # becomes the sum of a**i b**(n - i)
        power = 1.0
        for _ in range(int(n)):
            power *= b
            s = s * a + power
        total += factorial * s * (y * b) * a
        z += 1.0
    a = 1.0 / z
    b = 1.0 / (z + y)
    p = 0.0  # P(a), from its highest power down
    d = 0.0  # P[a, b]
    k = 20.0
    for c in (
        -174611.0 / 330.0,
        43867.0 / 798.0,
        -3617.0 / 510.0,
        7.0 / 6.0,
        -691.0 / 2730.0,
        5.0 / 66.0,
        -1.0 / 30.0,
        1.0 / 42.0,
        -1.0 / 30.0,
        1.0 / 6.0,
    ):
        f = c / k if n == 0 else c
        for j in range(1, int(n)):
            f *= k + j
        d = d * b + p
        p = p * a + f
        d = d * b + p
        p = p * a + (0.5 * factorial if k == 2.0 else 0.0)
        k -= 2.0
    d = d * b + p
    p = p * a + (factorial / n if n > 0 else 0.0)
    for _ in range(int(n)):
        d = d * b + p
        p *= a
    total += d * (y * b) * a
    if n == 0:
        total += np.log1p(y / z)
    return np.float64(total if n % 2 == 0 else -total)
