"""Fit the carbon dioxide in the air over Mauna Loa, by nonlinear least squares.

The weekly measurements of 1958 to 2001, which statsmodels ships, are exponential growth
over a base, and the seasons with their first harmonic: 7 parameters. SciPy fits them
with Overbar's exact Jacobian and with finite differences; the reference is a fit by
hand in 50 digits.
"""

import time
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import statsmodels.datasets
from scipy.optimize import least_squares

import overbar as ob

residual = ob.compile("""
base: param
rise: param
rate: param
a: param
phase_a: param
b: param
phase_b: param
t: data
ppm: data

trend = base + rise*exp(rate*t)
season = a*sin(2*pi*t + phase_a) + b*sin(4*pi*t + phase_b)
trend + season - ppm
""")

series = statsmodels.datasets.co2.load_pandas().data["co2"].dropna()
days = (series.index.values - np.datetime64("1980-01-01")) / np.timedelta64(1, "D")
t, ppm = days / 365.25, series.to_numpy()
start = residual.flat.pack(280.0, 55.0, 0.01, 3.0, 0.0, 1.0, 0.0)


class Counted:
    """Call a function and count the calls."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.calls = 0

    def __call__(self, *args: Any) -> Any:
        """Return the function's result."""
        self.calls += 1
        return self.function(*args)


def fit(jac: Any) -> tuple[Any, int, float]:
    """Return SciPy's result, how often it evaluated residuals, and the seconds."""
    value = Counted(residual.flat.value)
    begin = time.perf_counter()
    result = least_squares(
        value, start, jac=jac, args=(t, ppm),
        x_scale="jac", xtol=1e-15, ftol=1e-15, gtol=1e-15,
    )  # fmt: skip
    return result, value.calls, time.perf_counter() - begin


def reference(theta: np.ndarray) -> list[Any]:
    """Return the solution near `theta`, by Gauss-Newton steps in 50 digits."""
    mpmath.mp.dps = 50
    p = mpmath.matrix(theta.tolist())
    while True:
        base, rise, rate, a, phase_a, b, phase_b = p
        rows = []
        for at, y in zip(t.tolist(), ppm.tolist(), strict=True):
            growth = mpmath.exp(rate * at)
            cos_a, sin_a = mpmath.cos_sin(2 * mpmath.pi * at + phase_a)
            cos_b, sin_b = mpmath.cos_sin(4 * mpmath.pi * at + phase_b)
            r = base + rise * growth + a * sin_a + b * sin_b - y
            by_rate = rise * at * growth
            rows.append((1, growth, by_rate, sin_a, a * cos_a, sin_b, b * cos_b, r))
        columns = list(zip(*rows, strict=True))
        normal = mpmath.matrix(7, 7)
        for i in range(7):
            for j in range(i + 1):
                normal[i, j] = normal[j, i] = mpmath.fdot(columns[i], columns[j])
        right = mpmath.matrix(
            [mpmath.fdot(column, columns[7]) for column in columns[:7]]
        )
        step = mpmath.lu_solve(normal, right)
        p -= step
        if mpmath.norm(step) < 1e-20 * mpmath.norm(p):
            return list(p)


def digits(theta: np.ndarray, exact: list[Any]) -> float:
    """Return how many digits the worst parameter has right."""
    errors = [abs(a / b - 1) for a, b in zip(theta.tolist(), exact, strict=True)]
    return float(-mpmath.log10(max(errors)))


ways = {"exact": residual.flat.jacobian, "2-point": "2-point", "3-point": "3-point"}
results = {
    name: min((fit(jac) for _ in range(5)), key=lambda run: run[2])  # the quickest
    for name, jac in ways.items()
}
solution = reference(results["exact"][0].x)

print(f"{len(t)} measurements, {len(start)} parameters\n")
print("Jacobian  iterations  evaluations  digits      time")
for name, (result, evaluations, seconds) in results.items():
    print(
        f"{name:8}  {result.njev:10}  {evaluations:11}  "
        f"{digits(result.x, solution):6.1f}  {seconds * 1e3:5.1f} ms"
    )
best, evaluations, _ = results["exact"]
print(f"\n{residual.flat.unpack(np.round(best.x, 6))}")
print(f"standard deviation {np.sqrt(2 * best.cost / (len(t) - len(start))):.3f} ppm")
print(f"growth {100 * best.x[2]:.2f} % a year above {best.x[0]:.0f} ppm")

assert digits(best.x, solution) > digits(results["2-point"][0].x, solution)
assert digits(best.x, solution) > 7.5  # a cost of 16 digits tells half as many of x
assert evaluations < results["2-point"][1] / 3
