"""The multilayer perceptron (Grosse, Lecture 6, section 3), in matrices and by indices.

z = W1 x + b1, h = sigma(z), y = W2 h + b2, L = 1/2 ||t - y||^2. The lecture's backward
statements, W2_bar = y_bar h^T and so on, are what Overbar prints, and a function of
them is what runs, for every size of layers.
"""

from pathlib import Path

import numpy as np

import overbar as ob

here = Path(__file__)
f = ob.load(here.with_suffix(".expr"))
print(f.text())
assert f.text().split("\n\n")[1].splitlines() == [
    "L_bar = 1",
    "y_bar = L_bar*(y - t)",
    "h_bar = W2.T @ y_bar",
    "z_bar = h_bar*h*(1 - h)",
    "W1_bar = outer(z_bar, x)",
    "b1_bar = z_bar",
    "W2_bar = outer(y_bar, h)",
    "b2_bar = y_bar",
]
print(f.backward_source)

# The lecture's other form, index by index, is the same program.
by_index = ob.load(here.with_name("l2_mlp_index.expr"))
assert by_index.text() == f.text()

# And so is the network written in Python, with NumPy's operators.
W1, b1 = ob.param("W1", ("m", "n")), ob.param("b1", ("m",))
W2, b2 = ob.param("W2", ("k", "m")), ob.param("b2", ("k",))
x, t = ob.data("x", ("n",)), ob.data("t", ("k",))
z = ob.let("z", W1 @ x + b1)
h = ob.let("h", ob.sigmoid(z))
y = ob.let("y", W2 @ h + b2)
g = ob.compile({"L": 1 / 2 * ((y - t) ** 2).sum()}, inputs=[W1, b1, W2, b2, x, t])
assert g.text() == f.text()

# One compilation serves every size: (inputs, hidden units, outputs).
rng = np.random.default_rng(0)
for inputs, hidden, outputs in ((3, 4, 2), (784, 100, 10), (1, 1, 1)):
    weights = [
        rng.normal(size=(hidden, inputs)) / np.sqrt(inputs),
        rng.normal(size=hidden),
        rng.normal(size=(outputs, hidden)) / np.sqrt(hidden),
        rng.normal(size=outputs),
    ]
    point, target = rng.normal(size=inputs), rng.normal(size=outputs)
    loss, gradient = f.value_and_grad(*weights, point, target)
    print(
        f"{inputs:3} -> {hidden:3} -> {outputs:2}: L = {loss:.6f}, gradients of shapes",
        *(part.shape for part in gradient),
    )

    # The lecture's statements, in NumPy.
    hidden_value = 1 / (1 + np.exp(-(weights[0] @ point + weights[1])))
    y_bar = weights[2] @ hidden_value + weights[3] - target
    z_bar = weights[2].T @ y_bar * hidden_value * (1 - hidden_value)
    expected = [np.outer(z_bar, point), z_bar, np.outer(y_bar, hidden_value), y_bar]
    for wanted, part in zip(expected, gradient, strict=True):
        np.testing.assert_allclose(part, wanted, rtol=1e-10, atol=1e-14)
    np.testing.assert_allclose(loss, y_bar @ y_bar / 2, rtol=1e-13)
