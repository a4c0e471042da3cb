"""The worked example (CS224N, Lecture 4): f(x, y, z) = (x + y) max(y, z).

`+` distributes the upstream gradient, `max` routes it, `*` switches it, and gradients
sum where a value branches out. `python l5_graph.py graph.svg` draws it.
"""

import sys
from pathlib import Path

import overbar as ob

f = ob.load(Path(__file__).with_suffix(".expr"))
point = (1.0, 2.0, 0.0)
print(f.text())

value, gradient = f.value_and_grad(*point)
print(f"f{point} = {value}, gradient {gradient}")
assert value == 6.0
assert gradient == (2.0, 3.0 + 2.0, 0.0)

# The gates one by one, each a formula of its own.
add = ob.compile("x + y")
largest = ob.compile("max(y, z)")
times = ob.compile("a*b")
assert add.value_and_grad(1.0, 2.0) == (3.0, (1.0, 1.0))
assert largest.value_and_grad(2.0, 0.0) == (2.0, (1.0, 0.0))
assert times.value_and_grad(3.0, 2.0) == (6.0, (2.0, 3.0))

# At a tie max shares the gradient equally, unless one asks for another convention.
print("at a tie,", *f.kinks)
assert largest.grad(2.0, 2.0) == (0.5, 0.5)
assert ob.compile("max(y, z)", kinks="zero").grad(2.0, 2.0) == (0.0, 0.0)

# The lecture's picture: forward values above each edge, gradients below.
picture = f.draw(point)
assert picture.startswith("<svg")
if len(sys.argv) > 1:
    Path(sys.argv[1]).write_text(picture, encoding="utf-8")
