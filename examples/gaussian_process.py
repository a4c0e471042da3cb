"""Learn a Gaussian process of the carbon dioxide in the air, and look ahead.

The kernel of Rasmussen and Williams (Gaussian Processes for Machine Learning, 2006,
section 5.4.3) for the measurements on Mauna Loa: a long rise, seasons that drift, what
is irregular over years, and noise; 11 parameters, learnt by maximising the likelihood
with its exact gradient, through the Cholesky factor. It learns from 1958 to 1996, and
is then surer of the years to 2001 than it should be: the rise grew steeper.

    python gaussian_process.py [FOLDER]    draws it, in a temporary folder if none
"""

import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import statsmodels.datasets
from curves import svg
from scipy.linalg import cho_factor, cho_solve
from scipy.optimize import minimize
from threadpoolctl import threadpool_limits

import overbar as ob

threadpool_limits(1)  # for matrices as small as these, threads only wait for each other

START = {
    "rise": 60.0, "rise_years": 60.0,
    "season": 2.5, "season_years": 90.0, "season_shape": 1.3,
    "medium": 0.7, "medium_years": 1.2, "medium_mix": 0.8,
    "weather": 0.2, "weather_years": 0.1, "noise": 0.2,
}  # fmt: skip


def kernel(d: Any, p: dict[str, Any]) -> Any:
    """Return the covariance of two months d years apart, without the noise."""
    rise = p["rise"] ** 2 * np.exp(-(d**2) / (2 * p["rise_years"] ** 2))
    drift = d**2 / (2 * p["season_years"] ** 2)
    wave = 2 * np.sin(np.pi * d) ** 2 / p["season_shape"] ** 2
    season = p["season"] ** 2 * np.exp(-drift - wave)
    ratio = d**2 / (2 * p["medium_mix"] * p["medium_years"] ** 2)
    medium = p["medium"] ** 2 * (1 + ratio) ** -p["medium_mix"]
    weather = p["weather"] ** 2 * np.exp(-(d**2) / (2 * p["weather_years"] ** 2))
    return rise + season + medium + weather


# -log p(y) = 1/2 |a|^2 + sum_i log L_ii + N/2 log 2 pi for K = L L^T and L a = y. The
# kernel, which is NumPy's code, is read by calling it; parameters go by logarithms.
log_p = {name: ob.param(f"log_{name}") for name in START}
t, y = ob.data("t", ("N",)), ob.data("y", ("N",))
p = {name: np.exp(value) for name, value in log_p.items()}
N = t.shape[0]
K = ob.let("K", kernel(t[:, None] - t, p) + p["noise"] ** 2 * ob.eye(N))
L = ob.let("L", np.linalg.cholesky(K))
a = ob.let("a", ob.solve_triangular(L, y, lower=True))
J = a @ a / 2 + np.sum(np.log(np.diag(L))) + N / 2 * np.log(2 * np.pi)
f = ob.compile({"J": J}, inputs=[*log_p.values(), t, y])
print(f"{len(f.text().splitlines())} statements, forward and backward")

# Means of two months each, in ppm about the mean of the years before 1997.
series = (
    statsmodels.datasets.co2.load_pandas().data["co2"].resample("2ME").mean().dropna()
)
years = series.index.year.to_numpy() + (series.index.month.to_numpy() - 0.5) / 12
known = years < 1997
level = series.to_numpy()[known].mean()
ppm = series.to_numpy() - level
at, measured = years[known], ppm[known]

start = np.log(list(START.values()))
before, slope = f.flat.value_and_grad(start, at, measured)

# The gradient is right: by differences, all parameters growing by 1e-4.
ahead, behind = (
    f.flat.value_and_grad(start + h, at, measured)[0] for h in (1e-4, -1e-4)
)
np.testing.assert_allclose((ahead - behind) / 2e-4, slope.sum(), rtol=1e-4)

result = minimize(
    f.flat.value_and_grad,
    start,
    args=(at, measured),
    jac=True,
    method="L-BFGS-B",
    bounds=[(v - 3, v + 3) for v in start],
    options={"maxiter": 100},
)
found = dict(zip(START, np.exp(result.x).tolist(), strict=True))
print(
    f"{len(at)} measurements: -log p = {before:.2f}, "
    f"then {result.fun:.2f} after {result.nit} iterations"
)
for name, value in found.items():
    print(f"    {name:14} {value:8.3g}")
assert result.fun < before

# What the process expects at all times, and how sure it is.
times = np.arange(years[0], years[-1], 1 / 12)
K = kernel(at[:, None] - at, found) + found["noise"] ** 2 * np.eye(len(at))
factor = cho_factor(K)


def expected(at_times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean, and the standard deviation of a measurement."""
    cross = kernel(at_times[:, None] - at, found)
    explained = np.sum(cross * cho_solve(factor, cross.T).T, axis=1)
    variance = kernel(np.zeros(1), found) - explained + found["noise"] ** 2
    return cross @ cho_solve(factor, measured), np.sqrt(variance)


mean, deviation = expected(years[~known])
miss = ppm[~known] - mean
inside = np.mean(np.abs(miss) < 2 * deviation)
print(
    f"1997 to 2001: {np.sqrt(np.mean(miss**2)):.2f} ppm off, "
    f"{100 * inside:.0f} % within two standard deviations"
)
assert np.sqrt(np.mean(miss**2)) < 2.0
assert inside > 0.4

folder = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp())
mean, deviation = expected(times)
late = times > 1990
picture = svg(
    {"expected": (times[late], (level + mean)[late])},
    "Carbon dioxide over Mauna Loa: learnt to 1996, then foretold (two deviations)",
    ("year", "ppm"),
    points=(years[years > 1990], series.to_numpy()[years > 1990]),
    band=(
        times[late],
        (level + mean - 2 * deviation)[late],
        (level + mean + 2 * deviation)[late],
    ),
)
(folder / "gaussian_process.svg").write_text(picture, encoding="utf-8")
print(f"drawn in {folder}")
