"""Matrices of different shapes as one long vector (Machinelearning wiki).

One differentiates in W and b while X and Y stay fixed. The parameters unroll into one
vector theta, so that C: R^(#W + #b) -> R, which is what optimisers want: here SciPy's
L-BFGS fits the network, a robot arm of two joints, with `f.flat` as it is.
"""

from itertools import pairwise
from pathlib import Path

import numpy as np
from scipy.optimize import minimize

import overbar as ob

f = ob.load(Path(__file__).with_suffix(".expr"))

# Where the hand of an arm is, by the angles of its two joints; the second is shorter.
rng = np.random.default_rng(1)
X = rng.uniform(-1.5, 1.5, size=(400, 2))
shoulder, elbow = X.T
Y = np.column_stack(
    [
        np.cos(shoulder) + 0.7 * np.cos(shoulder + elbow),
        np.sin(shoulder) + 0.7 * np.sin(shoulder + elbow),
    ]
)

# Xavier: Var(W_ij) = 2/(n_in + n_out); biases 0.
layers = (2, 12, 8, 2)
start: list[np.ndarray] = []
for n_in, n_out in pairwise(layers):
    start.append(rng.normal(size=(n_out, n_in)) * np.sqrt(2 / (n_in + n_out)))
    start.append(np.zeros(n_out))

# Packed and unpacked: shapes come back, by name.
theta = f.flat.pack(*start)
flat = f.flat.sized(h1=12, h2=8)  # the data tell all other sizes
print("parameters", *flat.names, "and data", *flat.data)
print(f"theta in R^{len(theta)}, of shapes", *(part.shape for part in start))
assert len(theta) == sum(part.size for part in start)
unpacked = flat.unpack(theta, X, Y)
assert unpacked.W2.shape == (8, 12)
np.testing.assert_array_equal(unpacked.W2, start[2])

# The gradient in theta is the matrices' gradients, packed.
cost, slope = flat.value_and_grad(theta, X, Y)
np.testing.assert_array_equal(slope, f.flat.pack(*f.grad(*start, X, Y)))

result = minimize(
    flat.value_and_grad,
    theta,
    args=(X, Y),
    jac=True,
    method="L-BFGS-B",
    options={"maxiter": 500},
)
print(f"C = {cost:.2f} before, {result.fun:.5f} after {result.nit} iterations")
print(f"the hand is off by {np.sqrt(2 * result.fun / len(X)):.4f} on average")
assert result.fun < 1e-3 * cost

# At the end the gradient in the long vector is right, by differences in 3 directions.
for _ in range(3):
    v = rng.normal(size=len(theta))
    _, slope = flat.value_and_grad(result.x + 0.1 * v, X, Y)
    ahead = flat.value(result.x + 0.1 * v + 1e-6 * v, X, Y)
    behind = flat.value(result.x + 0.1 * v - 1e-6 * v, X, Y)
    np.testing.assert_allclose((ahead - behind) / 2e-6, slope @ v, rtol=1e-5)
