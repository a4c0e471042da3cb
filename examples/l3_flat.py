"""Parameters, data and one long vector (Machinelearning wiki, Backpropagation).

C(W, b; x) = 1/2 sum_j (y_j - a_j)^2 over two layers: one differentiates in W and b
while x and y stay fixed. The parameters unroll into one vector theta: C: R^10 -> R.
"""

from pathlib import Path

import numpy as np

import overbar as ob

f = ob.load(Path(__file__).with_suffix(".expr"))
print("parameters", *f.flat.names)
print("data      ", *f.flat.data)

# Weight matrices of different shapes, and biases, packed into one vector and back.
W1, b1 = np.array([[0.3], [-0.8]]), np.array([0.1, 0.2])
W2, b2 = np.array([[1.0, -0.5], [0.25, 0.75]]), np.array([-0.1, 0.4])
theta = f.flat.pack(*W1.ravel(), *b1, *W2.ravel(), *b2)
assert theta.shape == (10,)
assert W2[0, 1] == f.flat.unpack(theta).W2_12

x, y = 1.5, np.array([0.0, 1.0])
cost, gradient = f.flat.value_and_grad(theta, x, *y)
print(f"C = {cost:.15f}")
print("dC/dtheta", np.round(gradient, 6))


def sigmoid(z: np.ndarray) -> np.ndarray:
    """Return the logistic function of each entry."""
    return 1 / (1 + np.exp(-z))


# The wiki's equations of backpropagation, layer by layer, in matrices.
h = sigmoid(W1 @ [x] + b1)
a = sigmoid(W2 @ h + b2)
delta2 = (a - y) * a * (1 - a)
delta1 = W2.T @ delta2 * h * (1 - h)
by_layers = [np.outer(delta1, [x]), delta1, np.outer(delta2, h), delta2]
expected = np.concatenate([part.ravel() for part in by_layers])
np.testing.assert_allclose(gradient, expected, rtol=1e-13)
np.testing.assert_allclose(cost, np.sum((y - a) ** 2) / 2, rtol=1e-15)

# One step down the gradient, in theta; then the same parameters by name.
lower = f.flat.value(theta - 0.5 * gradient, x, *y)
print(f"after one step of 0.5: C = {lower:.15f}")
assert lower < cost
assert f(*theta, x, *y) == cost
