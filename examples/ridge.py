"""Choose the penalties of ridge regression by the gradient of its leave-one-out error.

442 patients with diabetes, 10 measurements each, and how the disease went on a year
later (scikit-learn). One derives the error that is left when each patient is predicted
from all others, through the solution of the normal equations, by the penalty of each
measurement. The reference for one common penalty is scikit-learn's RidgeCV.
"""

from pathlib import Path

import numpy as np
from scipy.optimize import minimize, minimize_scalar
from sklearn.datasets import load_diabetes
from sklearn.linear_model import RidgeCV

import overbar as ob

data = load_diabetes()
X = data.data * np.sqrt(len(data.data))  # each column with mean 0 and mean square 1
y = data.target - data.target.mean()

# Ridge regression itself: the gradient reads as in books, and is 0 at the solution.
ridge = ob.compile("""
w: param[d]
X: data[N, d]
y: data[N]
lam: data
sum((X @ w - y)**2) + lam*sum(w**2)
""")
print(ridge.text())
w = np.linalg.solve(X.T @ X + 20.0 * np.eye(10), X.T @ y)
at_zero = np.abs(ridge.grad(np.zeros(10), X, y, 20.0).w).max()
assert np.abs(ridge.grad(w, X, y, 20.0).w).max() < 1e-12 * at_zero

# The error of leaving one out, from its definition, is what the formula gives.
f = ob.load(Path(__file__).with_suffix(".expr"))
print("\n", f.text(), sep="")
start = np.full(10, np.log(20.0))
left_out = []
for i in range(len(y)):
    Xi, yi = np.delete(X, i, axis=0), np.delete(y, i)
    left_out.append(
        y[i] - X[i] @ np.linalg.solve(Xi.T @ Xi + 20.0 * np.eye(10), Xi.T @ yi)
    )
np.testing.assert_allclose(f(start, X, y), np.mean(np.square(left_out)), rtol=1e-10)

# One penalty for all: the derivative is the sum of the gradient.
common = minimize_scalar(
    lambda r: f(np.full(10, r), X, y), bounds=(-5, 10), options={"xatol": 1e-9}
)
best = np.full(10, common.x)
assert abs(f.grad(best, X, y).r.sum()) < 1e-4
alphas = np.exp(np.linspace(common.x - 1, common.x + 1, 201))
peer = RidgeCV(alphas=alphas, fit_intercept=False).fit(X, y)
np.testing.assert_allclose(peer.alpha_, np.exp(common.x), rtol=0.02)
print(
    f"\none penalty, {np.exp(common.x):.2f}: error {np.sqrt(common.fun):.3f}; "
    f"scikit-learn chooses {peer.alpha_:.2f}"
)

# One for each measurement, where the gradient pays: which of them matter?
each = minimize(
    f.flat.value_and_grad,
    best,
    args=(X, y),
    jac=True,
    method="L-BFGS-B",
    bounds=[(-10, 20)] * 10,
)
print(f"a penalty each: error {np.sqrt(each.fun):.3f} after {each.nit} iterations")
assert each.fun < common.fun
w = np.linalg.solve(X.T @ X + np.diag(np.exp(each.x)), X.T @ y)
for name, r, weight in sorted(
    zip(data.feature_names, each.x, w, strict=True), key=lambda row: -abs(row[2])
):
    print(f"    {name:4} penalty {np.exp(r):9.3g}  weight {weight:7.2f}")
