"""The nonlinearities of neural networks and their slopes (CS224N, Lecture 4)."""

from pathlib import Path

import numpy as np

import overbar as ob

f = ob.load(Path(__file__).with_suffix(".expr"))
z = np.array([-1000.0, -2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0, 1000.0])
value = f(z, a=0.25)
slope = f.jacobian(z, a=0.25).z.T  # a row a function, a column a point

print("        z", *(f"{at:9g}" for at in z))
for name, row, slopes in zip(value._asdict(), value, slope, strict=True):
    print(f"{name:>11}", *(f"{v:9.3g}" for v in row))
    print("      slope", *(f"{s:9.3g}" for s in slopes))

# tanh z = 2 sigmoid(2z) - 1, without overflow at z = 1000 and with all its digits.
np.testing.assert_allclose(value.tanh_z, np.tanh(z), rtol=1e-15)
np.testing.assert_allclose(slope[0], slope[0][::-1], rtol=1e-15)
np.testing.assert_allclose(slope[1], 1 - np.tanh(z) ** 2, rtol=1e-14, atol=1e-300)
assert slope[0][4] == 0.25
np.testing.assert_array_equal(value.hard_tanh_z, np.clip(z, -1, 1))
np.testing.assert_array_equal(slope[2], np.abs(z) <= 1)
np.testing.assert_array_equal(value.relu_z, np.maximum(z, 0))
np.testing.assert_array_equal(slope[3], z > 0)
np.testing.assert_array_equal(slope[4], np.where(z > 0, 1, 0.01))
np.testing.assert_array_equal(slope[5], np.where(z > 0, 1, 0.25))

# The parametric ReLU learns its slope: dL/da is z on the left, 0 on the right.
by_a = f.jacobian(z, a=0.25).a.T
np.testing.assert_array_equal(by_a[5], np.minimum(z, 0))
np.testing.assert_array_equal(by_a[:5], 0)
