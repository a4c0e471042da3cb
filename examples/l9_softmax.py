"""Softmax cross-entropy with L2 regularisation (CS224N, Lecture 4).

The gradient at the logits is softmax(f) - onehot(y), over N: it comes out so, and is
finite for logits of +-1000. Then SciPy trains on scikit-learn's handwritten digits.
"""

import math
from pathlib import Path

import numpy as np
from scipy.optimize import minimize
from scipy.special import softmax
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

import overbar as ob

f = ob.load(Path(__file__).with_suffix(".expr"))
print(f.text())

# Logits of +-1000, where exp alone would overflow, and their gradient.
loss = ob.compile("""
f: param[N, C]
y: index[N]
-mean(log_softmax(f, axis=1)[arange(N), y])
""")
logits = np.array([[1000.0, -1000.0, 0.0], [1.0, 2.0, 3.0], [-1000.0, -1000.0, 1000.0]])
y = np.array([1, 2, 2])
J, gradient = loss.value_and_grad(logits, y)
print(f"\nJ = {J}, gradient at logits of +-1000:", gradient.f, sep="\n")
assert math.isclose(J, (2000.0 + math.log1p(math.exp(-1) + math.exp(-2))) / 3)
expected = (softmax(logits, axis=1) - np.eye(3)[y]) / len(y)
np.testing.assert_allclose(gradient.f, expected, rtol=1e-13)

# Handwritten digits, 8 x 8 pixels; the first 1200 to learn from, 597 to be tested on.
X, y = load_digits(return_X_y=True)
X = X / 16
theta = np.zeros(10 * 64 + 10)
result = minimize(
    f.flat.value_and_grad,
    theta,
    args=(X[:1200], y[:1200]),
    jac=True,
    method="L-BFGS-B",
    options={"gtol": 1e-8, "ftol": 0, "maxiter": 5000, "maxfun": 5000},
)
W, b = f.flat.unpack(result.x, X, y)
right = np.mean(np.argmax(X[1200:] @ W.T + b, axis=1) == y[1200:])
print(
    f"\nJ = {result.fun:.6f} after {result.nit} iterations, "
    f"{100 * right:.1f} % of the unseen digits right"
)
assert right > 0.9

# scikit-learn minimises C sum_i loss_i + 1/2 ||theta||^2: the same for C = 1/(2 N lam),
# where b is a column of weights on a pixel that is always 1.
ones = np.column_stack([X[:1200], np.ones(1200)])
peer = LogisticRegression(
    C=1 / (2 * 1200 * 0.001), fit_intercept=False, tol=1e-8, max_iter=5000
).fit(ones, y[:1200])
np.testing.assert_allclose(np.column_stack([W, b]), peer.coef_, atol=1e-4)
print("the weights are those of scikit-learn's LogisticRegression")
