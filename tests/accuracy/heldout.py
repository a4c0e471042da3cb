"""List formulas that no rule was written for, in the style of Herbie's benchmarks.

Written down before the rules; a formula here that turns out badly stays as it is and is
published in docs/accuracy.md. Sources: R. W. Hamming, Numerical Methods for Scientists
and Engineers (1973), chapter 3, as in Herbie's suite (Panchekha et al., PLDI 2015);
FPBench (Damouche et al., 2016); Rosa (Darulova and Kuncak, POPL 2014); textbooks.
"""

from __future__ import annotations

from accuracy.formulas import Case, above, beyond, both, close, uniform

HELD_OUT = (
    # Hamming, chapter 3, and its problems
    Case(lambda m, x, e: m.sin(x + e) - m.sin(x), (both(1e-3, 1e3), both(1e-16, 1e-1))),
    Case(lambda m, x, e: m.cos(x + e) - m.cos(x), (both(1e-3, 1e3), both(1e-16, 1e-1))),
    Case(lambda m, x, e: m.tan(x + e) - m.tan(x), (both(1e-3, 1.4), both(1e-16, 1e-2))),
    Case(lambda m, x: m.cbrt(x + 1) - m.cbrt(x), (above(1e-8, 1e100),)),
    Case(lambda m, x: 1 / (x + 1) - 2 / x + 1 / (x - 1), (beyond(1, 1e-3, 1e50),)),
    Case(lambda m, x: m.atan(x + 1) - m.atan(x), (both(1e-8, 1e50),)),
    Case(lambda m, x: 1 / m.sqrt(x) - 1 / m.sqrt(x + 1), (above(1e-8, 1e60),)),
    Case(lambda m, x: (m.exp(x) - 2) + m.exp(-x), (both(1e-150, 700),)),
    Case(lambda m, x: m.log((1 - x) / (1 + x)), (both(1e-300, 0.99),)),
    Case(lambda m, x: m.log(1 - x) / m.log(1 + x), (both(1e-150, 0.99),)),
    Case(
        lambda m, x: m.sqrt((m.exp(2 * x) - 1) / (m.exp(x) - 1)), (both(1e-100, 300),)
    ),
    Case(lambda m, x: (x - m.sin(x)) / (x - m.tan(x)), (both(1e-30, 1.5),)),
    Case(
        lambda m, a, b, c: (-b + m.sqrt(b**2 - 4 * a * c)) / (2 * a),
        (above(1e-3, 1e3), above(1e2, 1e12), both(1e-3, 1)),
    ),
    Case(lambda m, x: (1 - m.cos(x)) / m.sin(x), (both(1e-150, 3),)),
    Case(lambda m, x: 1 / x - 1 / m.tan(x), (both(1e-30, 3),)),
    Case(
        lambda m, x, n: (x + 1) ** (1 / n) - x ** (1 / n),
        (above(1e-3, 1e15), above(1, 1e3)),
    ),
    Case(lambda m, n: (n + 1) * m.log(n + 1) - n * m.log(n) - 1, (above(1e-3, 1e12),)),
    Case(
        lambda m, a, b, e: (
            e * (m.exp((a + b) * e) - 1) / ((m.exp(a * e) - 1) * (m.exp(b * e) - 1))
        ),
        (above(1e-3, 1e1), above(1e-3, 1e1), both(1e-20, 1)),
    ),
    # inverse hyperbolic functions, complex arithmetic, geometry
    Case(lambda m, x: m.log(x + m.sqrt(x**2 + 1)), (both(1e-150, 1e150),)),
    Case(lambda m, x: m.log(x + m.sqrt(x**2 - 1)), (beyond(1, 1e-10, 1e150),)),
    Case(lambda m, x: m.sqrt(x**2 + 1) - x, (both(1e-100, 1e200),)),
    Case(
        lambda m, a, b: m.sqrt(2 * (m.sqrt(a**2 + b**2) + a)) / 2,
        (both(1e-100, 1e200), both(1e-100, 1e200)),
    ),
    Case(
        lambda m, a, b, c, d: (a * c + b * d) / (c**2 + d**2),
        (both(1e-5, 1e5), both(1e-5, 1e5), both(1e-160, 1e160), close(1e-3, 1e3)),
    ),
    Case(
        lambda m, p, q, r: (
            2
            * m.asin(
                m.sqrt(
                    m.sin((p - q) / 2) ** 2 + m.cos(p) * m.cos(q) * m.sin((r) / 2) ** 2
                )
            )
        ),
        (uniform(-1.4, 1.4), close(1e-10, 1e-1), both(1e-10, 1)),
    ),
    Case(lambda m, x: m.acos(1 - x), (above(1e-300, 1.9),)),
    # physics
    Case(lambda m, v: 1 / m.sqrt(1 - v**2) - 1, (both(1e-150, 0.999),)),
    Case(lambda m, x: x**3 / (m.exp(x) - 1), (above(1e-60, 1e3),)),
    Case(lambda m, x: 1 / m.tanh(x) - 1 / x, (both(1e-30, 1e3),)),
    Case(
        lambda m, t, u, v: -(331.4 + 0.6 * t) * v / (331.4 + 0.6 * t + u) ** 2,
        (uniform(-30, 50), uniform(-100, 100), uniform(20, 2e4)),
    ),
    Case(lambda m, x: 4 * x**2 / (1 + (x / 1.11) ** 2), (both(1e-150, 1e250),)),
    Case(lambda m, x: 4 * x / (1 + x / 1.11), (above(1e-150, 1e250),)),
    Case(lambda m, x: m.exp(-1 / x) / x**2, (above(1e-3, 1e30),)),
    # statistics and learning
    Case(
        lambda m, x, y: m.log(1 + m.exp(x)) - x * y, (both(1e-30, 1e3), uniform(0, 1))
    ),
    Case(lambda m, p: -m.log(1 / p - 1), (above(1e-300, 0.999),)),
    Case(lambda m, p: -p * m.log(p) - (1 - p) * m.log(1 - p), (above(1e-300, 0.999),)),
    Case(lambda m, x: m.exp(-(x**2)) / m.erfc(x), (both(1e-30, 26),)),
    Case(lambda m, x: m.exp(x) - 1 - x, (both(1e-30, 700),)),
    Case(lambda m, x: x - m.log(1 + x), (both(1e-30, 0.99),)),
    Case(
        lambda m, x, n: x**n / (1 + x**n),
        (above(1e-30, 1e30), uniform(0.5, 8)),
    ),
    Case(
        lambda m, k, p, r, t: k / (1 + (k - p) / p * m.exp(-r * t)),
        (above(1, 1e3), above(1e-3, 0.5), above(1e-2, 1e1), above(1e-3, 1e3)),
    ),
    Case(lambda m, x, y: m.log(x) - m.log(y), (above(1e-3, 1e3), close())),
    Case(lambda m, x, y: m.sqrt(x) - m.sqrt(y), (above(1e-3, 1e3), close())),
    Case(lambda m, x: m.sqrt(1 + x) - m.sqrt(1 - x), (both(1e-300, 0.99),)),
    Case(lambda m, r, n: ((1 + r) ** n - 1) / r, (above(1e-15, 1e-1), above(1, 1e3))),
    Case(lambda m, x: m.sin(x) - m.tan(x), (both(1e-30, 1.5),)),
    Case(lambda m, x: m.exp(x) * m.log(1 + m.exp(-x)), (both(1e-3, 1e3),)),
    Case(lambda m, a, b: (m.exp(a) - m.exp(b)) / (a - b), (both(1e-5, 1e2), close())),
    Case(lambda m, x: 1 - x / m.sqrt(1 + x**2), (both(1e-100, 1e150),)),
    Case(lambda m, x, y: m.sin(x) ** 2 - m.sin(y) ** 2, (both(1e-3, 1e1), close())),
    Case(lambda m, x: m.gammaln(x + 0.5) - m.gammaln(x), (above(1e-3, 1e15),)),
    Case(lambda m, x, y: x / (1 + x) - y / (1 + y), (above(1e-9, 1e9), close())),
    Case(lambda m, x: 1 / (1 - x) - 1 / (1 + x), (both(1e-100, 1e50),)),
    Case(lambda m, x: m.sinh(x) / x, (both(1e-100, 700),)),
)
