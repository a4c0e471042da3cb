"""Regularised linear regression with a sigmoid (Grosse, Lecture 6, section 2).

The lecture derives seven backward statements by hand. Here is the same formula written
in Python: Overbar prints the seven, and runs them.
"""

import math
from pathlib import Path

import overbar as ob

w, b = ob.param("w"), ob.param("b")
x, t, lam = ob.data("x"), ob.data("t"), ob.data("lam", default=0.1)

z = ob.let("z", w * x + b)
y = ob.let("y", ob.sigmoid(z))
L = ob.let("L", (y - t) ** 2 / 2)
R = ob.let("R", w**2 / 2)
J = L + lam * R

f = ob.compile({"J": J}, inputs=[w, b, x, t, lam])
print(f.text())

# The expression file beside this one says the same.
assert f.text() == ob.load(Path(__file__).with_suffix(".expr")).text()
assert f.text().split("\n\n")[1].splitlines() == [
    "J_bar = 1",
    "R_bar = J_bar*lam",
    "L_bar = J_bar",
    "y_bar = L_bar*(y - t)",
    "z_bar = y_bar*y*(1 - y)",
    "w_bar = z_bar*x + R_bar*w",
    "b_bar = z_bar",
]

# The derivatives that calculus gives, at a point.
point = {"w": 0.5, "b": -0.25, "x": 2.0, "t": 1.0}
value, gradient = f.value_and_grad(**point)
sigma = 1 / (1 + math.exp(-(0.5 * 2.0 - 0.25)))
z_bar = (sigma - 1.0) * sigma * (1 - sigma)
print(f"J = {value:.15f}")
print(f"gradient {gradient}\n")
assert math.isclose(value, (sigma - 1.0) ** 2 / 2 + 0.1 * 0.5**2 / 2, rel_tol=1e-15)
assert math.isclose(gradient.w, z_bar * 2.0 + 0.1 * 0.5, rel_tol=1e-14)
assert math.isclose(gradient.b, z_bar, rel_tol=1e-14)

# Changing the loss changes the statement for y_bar, and no other.
L1 = ob.let("L", abs(y - t))
g = ob.compile({"J": L1 + lam * R}, inputs=[w, b, x, t, lam])
before = f.text().splitlines()
changed = [line for line in g.text().splitlines() if line not in before]
print("with the absolute error instead:", *changed, sep="\n    ")
assert [line.split(" = ")[0] for line in changed] == ["L", "y_bar"]
