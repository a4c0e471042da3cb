"""Gates (CS224N, Lecture 4): a forward and a backward pass, one operation long.

Forward keeps what backward needs; backward returns the upstream gradient times the
local ones. First the multiply gate as Overbar generates it; then one of our own, added
with `ob.op`, which takes part in everything.
"""

from pathlib import Path

import overbar as ob

f = ob.load(Path(__file__).with_suffix(".expr"))
z, kept = f.forward(3.0, -4.0)
dx, dy = f.backward(kept, 2.0)  # dz = 2
print(f.forward_source)
print(f.backward_source)
assert (z, dx, dy) == (-12.0, 2.0 * -4.0, 2.0 * 3.0)


def product(x: float, y: float) -> float:
    """Return x times y: the gate's forward."""
    return x * y


gate = ob.op("product", product, [lambda x, y: y, lambda x, y: x])

# In a text, with operations that Overbar knows.
g = ob.compile("log(product(x, y)) + product(x, x)")
print(g.text())
assert g.grad(2.0, 8.0) == (1 / 2.0 + 2 * 2.0, 1 / 8.0)
assert g.hessian(2.0, 8.0) == ((-1 / 4.0 + 2.0, 0.0), (0.0, -1 / 64.0))

# From Python, and checked against 50 digits as any formula is.
x, y = ob.param("x"), ob.param("y")
h = ob.compile(gate(ob.sin(x), ob.exp(y)))
report = h.check(0.5, 1.5)
print(report)
assert report

# The checker is not kind to a gate that is wrong by 0.05 %.


def sloppy(x: float, y: float) -> float:
    """Return x times y."""
    return x * y


ob.op("sloppy", sloppy, [lambda x, y: 1.0005 * y, lambda x, y: x])
report = ob.compile("sloppy(x, y)").check(3.0, -4.0)
print(report)
assert not report
