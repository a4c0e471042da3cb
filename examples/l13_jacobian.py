"""Jacobians (CS224N, Lecture 4): for f: R^n -> R^m the m x n matrix of df_i/dx_j.

The chain rule multiplies Jacobians. A gradient, by contrast, has the shape of its
parameter; both conventions are on offer.
"""

from pathlib import Path

import numpy as np
import sympy as sp

import overbar as ob

W = sp.Matrix(2, 3, sp.symbols("W1:3(1:4)"))
x = sp.Matrix(sp.symbols("x1:4"))
b = sp.Matrix(sp.symbols("b1:3"))
z = sp.Matrix(sp.symbols("z1:3"))
W0 = np.array([[1.0, 2.0, -1.0], [0.5, -0.25, 4.0]])
x0, b0 = np.array([0.1, -0.2, 0.3]), np.array([0.05, -1.0])
z0 = W0 @ x0 + b0

# d(Wx + b)/dx = W, and d(Wx + b)/db = I.
affine = [*(W * x + b)]
constants = [W, x, b]  # three arrays, however many symbols they hold
by_x = ob.compile(affine, wrt=list(x), inputs=constants)
by_b = ob.compile(affine, wrt=list(b), inputs=constants)
given = (W0.ravel(), x0, b0)
dz_dx = np.transpose(by_x.jacobian(*given))
dz_db = np.transpose(by_b.jacobian(*given))
print("d(Wx + b)/dx", dz_dx, "d(Wx + b)/db", dz_db, sep="\n")
np.testing.assert_array_equal(dz_dx, W0)
np.testing.assert_array_equal(dz_db, np.eye(2))

# Elementwise f: the Jacobian is diag(f'(z)).
elementwise = ob.compile([sp.tanh(entry) for entry in z])
dh_dz = elementwise.flat.jacobian(z0)
print("d tanh(z)/dz", dh_dz, sep="\n")
np.testing.assert_allclose(dh_dz, np.diag(1 - np.tanh(z0) ** 2), rtol=1e-14)

# The chain rule: dh/dx = dh/dz dz/dx. The whole layer is the expression file.
layer = ob.load(Path(__file__).with_suffix(".expr"), wrt=["x1", "x2", "x3"])
dh_dx = layer.flat.jacobian(x0, *W0.ravel(), *b0)
print("d tanh(Wx + b)/dx", dh_dx, sep="\n")
np.testing.assert_allclose(dh_dx, dh_dz @ dz_dx, rtol=1e-14)

# d(u^T h)/du = h^T: one row; the gradient is the same numbers in the shape of u.
u, h = sp.symbols("u1:3"), sp.symbols("h1:3")
score = ob.compile(u[0] * h[0] + u[1] * h[1], wrt=u, inputs=[*u, *h])
np.testing.assert_array_equal(score.grad(5.0, 6.0, 7.0, 8.0), [7.0, 8.0])

# x^3 has slope 3 at 1 and 48 at 4: 1.01^3 is about 1.03, and 4.01^3 about 64.48.
cube = ob.compile("x**3")
for at, slope in ((1.0, 3.0), (4.0, 48.0)):
    assert cube.grad(at) == (slope,)
    print(f"{at + 0.01}^3 = {cube(at + 0.01):.6f}, not far from {at**3} + 0.01*{slope}")
    assert abs(cube(at + 0.01) - (at**3 + 0.01 * slope)) < 0.01**2 * 3.01 * at
