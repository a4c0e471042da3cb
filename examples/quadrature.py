"""Integrate a formula and its derivative by SciPy, as C functions.

A coin gave 18 heads in 20 throws. Its log-odds z have the prior N(0, s^2); the evidence
for a width s is the integral over z of likelihood times prior, and the best s is where
the slope of the evidence is 0: that is the integral of the slope in s.
"""

import math
import time

import numpy as np
from scipy.integrate import quad
from scipy.optimize import brentq

import overbar as ob

HEADS, THROWS = 18.0, 20.0
joint = ob.compile(
    "exp(k*z - n*log(1 + exp(z)) - (z/s)**2/2) / (s*sqrt(2*pi))",
    wrt="s",
    inputs=["z", "s", "k", "n"],  # the variable of integration comes first
)
density = joint.cfunc.value.low_level
slope = joint.cfunc.grad.with_signature("double (int, double *, void *)").low_level


def integral(function: object, s: float) -> float:
    """Return the integral of a function over all log-odds for a width of the prior."""
    given = (s, HEADS, THROWS)
    return float(quad(function, -40, 40, given, epsabs=1e-14, points=[0, 2, 4])[0])


best = brentq(lambda s: integral(slope, s), 0.5, 10.0)
evidence = integral(density, best)
print(f"the best prior is N(0, {best:.4f}^2), with the evidence {evidence:.6g}")

# The same by the trapezoidal rule in NumPy, and its slope by a difference.
z, step = np.linspace(-40, 40, 4001, retstep=True)


def by_rule(s: float) -> float:
    """Return the evidence for a width of the prior."""
    log = HEADS * z - THROWS * np.logaddexp(0, z) - (z / s) ** 2 / 2
    return float(step * np.exp(log).sum() / (s * math.sqrt(2 * math.pi)))


assert abs(evidence - by_rule(best)) < 1e-9 * evidence
for s in (0.7, 3.0):
    difference = (by_rule(s + 1e-5) - by_rule(s - 1e-5)) / 2e-5
    assert abs(integral(slope, s) - difference) < 1e-7 * evidence
assert by_rule(best) > max(by_rule(0.99 * best), by_rule(1.01 * best))


def seconds(function: object) -> float:
    """Return how long an integral takes."""
    begin = time.perf_counter()
    for _ in range(20):
        integral(function, best)
    return (time.perf_counter() - begin) / 20


def plain(z: float, s: float, k: float, n: float) -> float:
    """Return the same density by Python."""
    log = k * z - n * math.log(1 + math.exp(z)) - (z / s) ** 2 / 2
    return math.exp(log) / (s * math.sqrt(2 * math.pi))


print(f"an integral takes {1e6 * seconds(density):.0f} us by way of the C function")
print(f"and {1e6 * seconds(plain):.0f} us by way of a Python function")
