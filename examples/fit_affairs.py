"""Fit a logistic regression to a survey of 1974, by maximum likelihood.

Fair's data, which statsmodels ships: 6366 women, 8 answers each, and whether they had
an affair. SciPy minimises the negative log-likelihood with Overbar's exact gradient and
Hessian, and with finite differences. References: statsmodels' Logit, and Newton's
method in 50 digits.
"""

import time
from typing import Any

import mpmath
import numpy as np
import statsmodels.api as sm
from scipy.optimize import minimize

import overbar as ob

survey = sm.datasets.fair.load_pandas().data
affair = (survey.pop("affairs") > 0).to_numpy(float)
answers = [survey[name].to_numpy() for name in survey]

# -log p(y | x) = log(1 + exp(z)) - y z for z = b + w^T x, summed over the women.
b, y = ob.param("b"), ob.data("y")
w = [ob.param(f"w_{name}") for name in survey]
x = [ob.data(name) for name in survey]
z = b
for weight, answer in zip(w, x, strict=True):
    z += weight * answer
z = ob.let("z", z)
loss = ob.log(1 + ob.exp(z)) - y * z
nll = ob.compile({"loss": loss}, inputs=[b, *w, *x, y], reduce="sum").flat

WAYS: dict[str, dict[str, Any]] = {
    "BFGS, exact gradient": {"fun": nll.value_and_grad, "jac": True, "method": "BFGS"},
    "BFGS, 2-point": {"fun": nll.value, "jac": "2-point", "method": "BFGS"},
    "BFGS, 3-point": {"fun": nll.value, "jac": "3-point", "method": "BFGS"},
    "Newton, exact Hessian": {
        "fun": nll.value_and_grad,
        "jac": True,
        "hess": nll.hessian,
        "method": "trust-exact",
    },
}


def fit(way: dict[str, Any]) -> tuple[Any, float]:
    """Return SciPy's result and the seconds it took."""
    begin = time.perf_counter()
    start, data = np.zeros(len(nll)), (*answers, affair)
    # Finite differences may end where they see no further descent: that is no error.
    result = minimize(x0=start, args=data, options={"gtol": 1e-4}, **way)
    return result, time.perf_counter() - begin


def newton(theta: np.ndarray) -> list[Any]:
    """Return the solution near `theta`, by Newton steps in 50 digits."""
    mpmath.mp.dps = 50
    columns = [[1.0] * len(affair), *(column.tolist() for column in answers)]
    p = mpmath.matrix(theta.tolist())
    while True:
        rows = zip(*columns, strict=True)
        s = [1 / (1 + mpmath.exp(-mpmath.fdot(row, p))) for row in rows]
        slope = [si - yi for si, yi in zip(s, affair.tolist(), strict=True)]
        gradient = mpmath.matrix([mpmath.fdot(column, slope) for column in columns])
        curved = [
            [si * (1 - si) * xi for si, xi in zip(s, column, strict=True)]
            for column in columns
        ]
        hessian = mpmath.matrix([[mpmath.fdot(u, v) for u in columns] for v in curved])
        step = mpmath.lu_solve(hessian, gradient)
        p -= step
        if mpmath.norm(step) < 1e-20 * mpmath.norm(p):
            return list(p)


def digits(theta: np.ndarray, exact: list[Any]) -> float:
    """Return how many digits the worst parameter has right."""
    errors = [abs(a / b - 1) for a, b in zip(theta.tolist(), exact, strict=True)]
    return float(-mpmath.log10(max(errors)))


results = {
    name: min((fit(way) for _ in range(3)), key=lambda run: run[1])  # the quickest
    for name, way in WAYS.items()
}
design = sm.add_constant(np.column_stack(answers))
logit = sm.Logit(affair, design).fit(disp=0)
solution = newton(logit.params)

print(f"{len(affair)} women, {len(nll)} parameters\n")
print("                       iterations  evaluations  digits      time")
for name, (result, seconds) in results.items():
    print(
        f"{name:21}  {result.nit:10}  {result.nfev:11}  "
        f"{digits(result.x, solution):6.1f}  {seconds * 1e3:5.0f} ms"
    )
print(f"{'statsmodels':21}  {'':10}  {'':11}  {digits(logit.params, solution):6.1f}\n")

# The exact Hessian gives the standard errors.
best = results["Newton, exact Hessian"][0].x
errors = np.sqrt(np.diag(np.linalg.inv(nll.hessian(best, *answers, affair))))
for name, value, error in zip(["(constant)", *survey], best, errors, strict=True):
    print(f"{name:15}  {value:8.4f} +- {error:.4f}")

np.testing.assert_allclose(best, logit.params, rtol=1e-6)
np.testing.assert_allclose(errors, logit.bse, rtol=1e-6)
exact, differences = results["BFGS, exact gradient"][0], results["BFGS, 2-point"][0]
assert digits(exact.x, solution) > digits(differences.x, solution)
assert exact.nfev < differences.nfev / 5
assert digits(best, solution) > 10
