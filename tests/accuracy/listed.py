"""List the formulas that the stabilising rules were written for, and their variants."""

# ruff: noqa: ARG005 - every formula is given its functions, used or not

from __future__ import annotations

from accuracy.formulas import Case, above, below, beyond, both, close

LISTED = (
    # exponentials
    Case(lambda m, x: 1 / (m.exp(x) - 1), (both(1e-150, 800),), ((800.0,),)),
    Case(lambda m, x: m.exp(x) / (m.exp(x) - 1), (both(1e-150, 800),)),
    Case(lambda m, x: 3 / (2 * m.exp(-x / 2) - 2), (both(1e-150, 1e3),)),
    Case(lambda m, x: 1 / (m.exp(x) - 2), (both(1e-30, 800),)),
    Case(lambda m, x: m.exp(x) - 1, (both(1e-300, 800),)),
    Case(lambda m, x: 2 - 2 * m.exp(-3 * x), (both(1e-300, 800),)),
    Case(lambda m, x: (m.exp(x) - 1) / x, (both(1e-300, 800),), ((1e-8,),)),
    Case(lambda m, x: (1 - m.exp(-2 * x)) / x, (both(1e-300, 800),)),
    Case(lambda m, x: x / (m.exp(x) - 1), (both(1e-300, 800),)),
    Case(lambda m, a, b: m.exp(a) - m.exp(b), (both(1e-10, 1e2), close())),
    Case(lambda m, x: (m.exp(x) - m.exp(-x)) / 2, (both(1e-300, 800),)),
    Case(lambda m, a: 1 / (m.exp(a) + m.exp(-a)), (both(1e-300, 800),)),
    Case(lambda m, x: 3 / (m.exp(2 * x) + m.exp(-2 * x)), (both(1e-300, 800),)),
    Case(lambda m, x: 1 / (m.exp(x) - m.exp(-x)), (both(1e-100, 800),)),
    Case(
        lambda m, x: (m.exp(x) - m.exp(-x)) / (m.exp(x) + m.exp(-x)),
        (both(1e-300, 800),),
    ),
    Case(
        lambda m, x: (m.exp(2 * x) - 1) / (m.exp(2 * x) + 1),
        (both(1e-300, 800),),
    ),
    Case(lambda m, x: m.tanh(x), (both(1e-300, 800),)),
    Case(lambda m, x: 1 - m.tanh(x / 3) ** 2, (both(1e-300, 800),)),
    Case(lambda m, x: 1 - m.tanh(x), (both(1e-300, 800),)),
    Case(lambda m, x: m.cosh(x) - 1, (both(1e-300, 700),)),
    # logistic functions
    Case(lambda m, x: 1 / (1 + m.exp(-x)), (both(1e-300, 800),)),
    Case(lambda m, x: m.exp(x) / (1 + m.exp(x)), (both(1e-300, 800),)),
    Case(lambda m, x: 5 / (1 + 3 * m.exp(-(x - 2) / 4)), (both(1e-300, 3e3),)),
    Case(lambda m, x: 1 - 1 / (1 + m.exp(-x)), (both(1e-300, 800),)),
    Case(lambda m, x: m.exp(-x) / (1 + m.exp(-x)) ** 2, (both(1e-300, 800),)),
    Case(
        lambda m, x: 1 / (1 + m.exp(-x)) * (1 - 1 / (1 + m.exp(-x))),
        (both(1e-300, 800),),
    ),
    Case(
        lambda m, a, b: m.exp(a) / (m.exp(a) + m.exp(b)),
        (both(1e-30, 1e3), both(1e-30, 1e3)),
    ),
    Case(lambda m, x: m.log(1 / (1 + m.exp(-x))), (both(1e-300, 800),)),
    Case(lambda m, x: m.log(1 - 1 / (1 + m.exp(-x))), (both(1e-300, 800),)),
    Case(
        lambda m, a, b: 1 - m.exp(a) / (m.exp(a) + m.exp(b)),
        (both(1e-30, 1e3), both(1e-30, 1e3)),
    ),
    Case(lambda m, x: 2 / (1 + m.exp(-x)) - 1, (both(1e-300, 800),)),
    Case(lambda m, x: 3 / (1 + m.exp(x)) ** 2, (both(1e-300, 350),)),
    Case(lambda m, x: (1 + m.exp(-x)) ** -2, (both(1e-300, 350),)),
    Case(lambda m, x: x / (1 + m.exp(x)) ** 3, (both(1e-200, 230),)),
    Case(
        lambda m, a, b: m.exp(a) / m.exp(b),
        (both(1e-30, 3e2), both(1e-30, 3e2)),
    ),
    Case(lambda m, x: m.exp(x) ** 3 - 1, (both(1e-300, 230),)),
    # logarithms
    Case(lambda m, x: m.log(1 + x), (both(1e-300, 0.99),)),
    Case(lambda m, x: m.log(1 - 2 * x), (below(1e-300, 1e300),)),
    Case(lambda m, x: m.log(1 + x) / x, (both(1e-300, 0.99),), ((1e-8,),)),
    Case(lambda m, x: m.log(1 + 3 * x) / x, (above(1e-300, 1e100),)),
    Case(lambda m, x: m.log(1 + m.exp(x)), (both(1e-300, 800),), ((800.0,),)),
    Case(lambda m, x: m.log(3 + 2 * m.exp(x / 5)), (both(1e-300, 8e3),)),
    Case(lambda m, x: m.log(m.exp(x) - 1), (above(1e-150, 1e3),)),
    Case(lambda m, x: m.log(1 - m.exp(-x)), (above(1e-150, 700),)),
    Case(
        lambda m, a, b: m.log(m.exp(a) + m.exp(b)),
        (both(1e-30, 1e3), both(1e-30, 1e3)),
    ),
    Case(
        lambda m, a, b: m.log(2 * m.exp(3 * a) + m.exp(-b) / 4),
        (both(1e-30, 1e3), both(1e-30, 1e3)),
    ),
    Case(
        lambda m, a, b, c: m.log(m.exp(a) + m.exp(b) + m.exp(c) + 1),
        (both(1e-30, 1e3), both(1e-30, 1e3), both(1e-30, 1e3)),
    ),
    Case(
        lambda m, a, b: m.log(m.exp(a) - m.exp(b)),
        (above(1, 9e2), below(1, 9e2)),
    ),
    Case(lambda m, x: m.log(m.cosh(x)), (both(1e-150, 1e3),)),
    Case(lambda m, x: m.log(m.exp(x) + m.exp(-x)), (both(1e-150, 1e3),)),
    Case(lambda m, x: m.log(1 / m.cosh(x)), (both(1e-150, 1e3),)),
    Case(lambda m, x: m.log(3 * m.exp(-x)), (both(1e-3, 1e3),)),
    Case(
        lambda m, a, b: m.log(m.exp(a) / (m.exp(a) + m.exp(b))),
        (both(1e-30, 1e3), both(1e-30, 1e3)),
    ),
    Case(
        lambda m, a, b, c: a - m.log(m.exp(a) + m.exp(b) + m.exp(c)),
        (both(1e-30, 1e3), both(1e-30, 1e3), both(1e-30, 1e3)),
    ),
    Case(lambda m, x: m.log(1 + m.exp(x)) - x, (both(1e-300, 800),)),
    Case(lambda m, x: m.log(x + 1) - m.log(x), (above(1e-100, 1e100),)),
    Case(lambda m, x: m.log((x + 3) / x), (above(1e-100, 1e100),)),
    # powers and roots
    Case(lambda m, x, y: x**2 - y**2, (both(1e-100, 1e100), close())),
    Case(lambda m, x, y: 4 * x**2 - y**2 / 9, (both(1e-100, 1e100), close())),
    Case(
        lambda m, x, y: m.sqrt(x**2 + y**2),
        (both(1e-100, 1e200), both(1e-100, 1e200)),
        ((1e200, 1e200), (1e200, 1.0)),
    ),
    Case(lambda m, x: m.sqrt(3 * x**2 + 5), (both(1e-100, 1e300),)),
    Case(
        lambda m, x, y, z: m.sqrt(x**2 + y**2 + 9 * z**2),
        (both(1e-80, 1e80), both(1e-80, 1e80), both(1e-80, 1e80)),
    ),
    Case(lambda m, x: m.sqrt(1 + x**2) - 1, (both(1e-150, 1e200),)),
    Case(lambda m, x: m.sqrt(9 + 4 * x**2) - 3, (both(1e-150, 1e200),)),
    Case(lambda m, x: x / m.sqrt(x**2 + 1), (both(1e-100, 1e200),)),
    Case(lambda m, x: x**2 / (x**2 + 1), (both(1e-150, 1e200),), ((1e160,), (1e78,))),
    Case(lambda m, x: 3 * x**2 / (2 * x**2 + 5), (both(1e-150, 1e200),)),
    Case(
        lambda m, x, y: x**2 / (x**2 + y**2),
        (both(1e-60, 1e60), both(1e-60, 1e60)),
    ),
    Case(lambda m, x: x / (x + 1), (above(1e-100, 1e100),)),
    Case(
        lambda m, v, s, k: v * s / (k + s),
        (above(1e-3, 1e3), above(1e-30, 1e30), above(1e-30, 1e30)),
    ),
    Case(lambda m, x: x / (x - 1), (beyond(1, 1e-10, 1e100),)),
    Case(lambda m, x: 1 / (1 + x**2), (both(1e-150, 1e200),)),
    Case(lambda m, x: (1 + x) ** 7 - 1, (both(1e-300, 1e30),)),
    Case(lambda m, x: 1 - (1 - x / 12) ** 360, (both(1e-300, 1),)),
    Case(lambda m, x, n: (1 + x) ** n - 1, (above(1e-300, 1), both(1e-10, 1e3))),
    Case(lambda m, x, n: (1 + x) ** n, (above(1e-300, 1), both(1e-10, 1e3))),
    Case(lambda m, x: m.sqrt(1 + x) - 1, (both(1e-300, 0.99),)),
    Case(lambda m, x: m.sqrt(x + 1) - m.sqrt(x), (above(1e-100, 1e100),)),
    Case(
        lambda m, x: m.sqrt(2 * x - 1) - m.sqrt(2 * x + 3),
        (beyond(0.5, 1e-3, 1e100),),
    ),
    Case(lambda m, x: 1 / (x + 1) - 1 / x, (above(1e-100, 1e100),)),
    Case(lambda m, x: 2 / (3 * x) - 2 / (3 * x + 1), (above(1e-100, 1e100),)),
    # trigonometry
    Case(lambda m, x: 1 - m.cos(x), (both(1e-150, 1e5),), ((1e-8,),)),
    Case(lambda m, x: 3 * m.cos(2 * x) - 3, (both(1e-150, 1e5),)),
    Case(lambda m, x: m.sin(x) / x, (both(1e-300, 1e5),), ((1e-6,),)),
    Case(lambda m, x: m.sin(x) ** 2 / x**2, (both(1e-300, 1e5),), ((1e-6,),)),
    Case(lambda m, x: (m.sin(3 * x) / x) ** 2, (both(1e-300, 1e5),)),
    Case(lambda m, x: x / m.sin(x), (both(1e-300, 3),)),
    Case(lambda m, x: (1 - m.cos(x)) / x**2, (both(1e-150, 1e5),), ((1e-8,),)),
    Case(lambda m, x: 1 - m.erf(x), (both(1e-300, 26),)),
    Case(lambda m, x: 1 - m.erfc(x), (both(1e-300, 26),)),
    Case(lambda m, x: 1 - m.cos(x) ** 2, (both(1e-150, 1e5),)),
    # others
    Case(lambda m, x: x * m.log(x), (above(1e-300, 1e300),)),
)
