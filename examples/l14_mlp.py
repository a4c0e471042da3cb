"""Train a network by stochastic gradient descent (He He, Backpropagation, 2021).

f(x) = w0 + sum_i w_i tanh(v_i x + b_i), theta in R^10, risk 1/n sum (f(x_i) - y_i)^2.
"Symbolic: specify all computation before data": the formula is compiled before there is
any data, and runs over one random point a step, or over all of them at once.
"""

from pathlib import Path

import numpy as np

import overbar as ob

here = Path(__file__)
loss = ob.load(here.with_suffix(".expr"))
risk = ob.load(here.with_suffix(".expr"), reduce="mean")
assert len(loss.flat) == 10

rng = np.random.default_rng(2)
x = rng.uniform(-3.0, 3.0, size=200)
y = np.sin(x) + 0.05 * rng.normal(size=200)

theta = rng.normal(size=10)
for step in range(1, 20_001):
    i = rng.integers(200)
    _, gradient = loss.flat.value_and_grad(theta, x[i], y[i])
    theta -= 0.1 / (1 + step / 5000) * gradient
    if step in {1, 10, 100, 1000, 10_000, 20_000}:
        print(f"step {step:6}  risk {risk.flat.value(theta, x, y):.5f}")

# The noise alone has a mean square of 0.05^2 = 0.0025.
assert risk.flat.value(theta, x, y) < 0.01

# The gradient of the risk is the mean of the gradients at the points.
value, gradient = risk.flat.value_and_grad(theta, x, y)
np.testing.assert_allclose(value, np.mean(loss.flat.value(theta, x, y)), rtol=1e-13)
each = loss.flat.jacobian(theta, x, y)
assert each.shape == (200, 10)
np.testing.assert_allclose(gradient, each.mean(axis=0), rtol=1e-10, atol=1e-15)
