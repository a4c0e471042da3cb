"""Least squares and ridge regression (He He, Backpropagation, 2021).

yhat = w^T x + b, r = y - yhat, l = r^2, with dl/dr = 2r, dl/dyhat = -2r, dl/db = -2r
and dl/dw_j = -2 r x_j; the slide's exercise: dJ/dw_j = -2 r x_j + 2 lambda w_j.
"""

from pathlib import Path

import overbar as ob

f = ob.load(Path(__file__).with_suffix(".expr"))
print(f.text())

w, b, x, y, lam = (2.0, -3.0), 0.5, (1.0, 4.0), -8.0, 0.25
r = y - (w[0] * x[0] + w[1] * x[1] + b)
J, gradient = f.value_and_grad(*w, b, *x, y, lam)
print(f"r = {r}, J = {J}, gradient {gradient}")
assert r == 1.5
assert r**2 + lam * (w[0] ** 2 + w[1] ** 2) == J
assert gradient.b == -2 * r
assert gradient.w1 == -2 * r * x[0] + 2 * lam * w[0]
assert gradient.w2 == -2 * r * x[1] + 2 * lam * w[1]

# Without the penalty: least squares.
plain = f.grad(*w, b, *x, y, lam=0.0)
assert plain == (-2 * r * x[0], -2 * r * x[1], -2 * r)

# The gradient in the intermediate values, each a formula of its own.
assert ob.compile("r**2").grad(r) == (2 * r,)
assert ob.compile("(y - yhat)**2", wrt="yhat").grad(y=y, yhat=y - r) == -2 * r
