"""What an untaken side of `where` computes reaches nothing, in arrays too.

Each formula guards a part that is NaN or infinite on the other side of its condition;
the truth is the same formula with a second guard inside, `{0}` of a harmless value.
"""

from __future__ import annotations

import numpy as np
import pytest

import overbar as ob

HEAD = "x: param[n]\nW: param[m, n]\ns: param\nw: index[k]\n"
GUARDED = {
    "elements": "sum(where(x > 0, sqrt(SAFE(x > 0, x)), 0))",
    "logarithm": "sum(where(x > 0, x*log(SAFE(x > 0, x)), x))",
    "quotient": "sum(where(x != 0, sin(x)/SAFE(x != 0, x), 1)**2)",
    "power": "sum(where(x > 0, SAFE(x > 0, x)**1.5, 0))",
    "nested": (
        "sum(where(x > 0, where(x < 1, sqrt(SAFE(x > 0 and x < 1, x*(1 - x))), "
        "log(SAFE(x >= 1, x))), 0))"
    ),
    "broadcast": "sum(where(x + 0*W > 0, sqrt(SAFE(x > 0, x)), 0)*W)",
    "a row for all": "sum(where(x > 0, W*log(SAFE(x > 0, x)), W**2))",
    "a number for all": "sum(where(s + 0*x > 0, x*sqrt(SAFE(s > 0, s)), x))",
    "reduction": "where(sum(x) > 0, sqrt(SAFE(sum(x) > 0, sum(x))), 0)",
    "reduction along an axis": (
        "t = sum(W, axis=0)\nsum(where(t > 0, log(SAFE(t > 0, t)), x))"
    ),
    "inside of a reduction": "sum(sum(where(W > 0, log(SAFE(W > 0, W)), 0), 0)**2)",
    "gather": "sum(where(x[w] > 0, sqrt(SAFE(x[w] > 0, x[w])), 0))",
    "gather of guarded": "sum(where(x > 0, sqrt(SAFE(x > 0, x)), 0)[w]**2)",
    "contraction": "sum((W @ where(x > 0, sqrt(SAFE(x > 0, x)), 0))**2)",
    "behind a contraction": ("sum(where(W @ x > 0, sqrt(SAFE(W @ x > 0, W @ x)), 0))"),
    "slices": "sum(where(x[1:] > 0, sqrt(SAFE(x[1:] > 0, x[1:])), 0)*x[:-1])",
    "softmax": "sum(softmax(where(x > 0, log(SAFE(x > 0, x)), 0))**2)",
    "cumsum": "sum(cumsum(where(x > 0, sqrt(SAFE(x > 0, x)), x))**2)",
    "maximum": "max(where(x > 0, sqrt(SAFE(x > 0, x)), x - 1))*s",
    "product": "prod(where(x > 0, sqrt(SAFE(x > 0, x)), 2))",
    "concat": "sum(concatenate((where(x > 0, sqrt(SAFE(x > 0, x)), 0), x))**3)",
    "scalar taken": "where(s > 0, sum(sqrt(SAFE(s > 0, s + x**2 - x**2)))*s, s)",
}
POINTS = {
    "all untaken": (-np.array([1.0, 2.0, 0.5, 3.0]), -1.0),
    "at the edge": (np.zeros(4), 0.0),
    "mixed": (np.array([0.5, -1.0, 0.0, 2.0]), 0.7),
}


def compiled(text, *, safe):
    """Return a formula with the second guard or without it."""
    while "SAFE(" in text:
        start = text.index("SAFE(")
        depth, commas, end = 1, [], start + 5
        while depth:
            depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(text[end], 0)
            commas += [end] * (text[end] == "," and depth == 1)
            end += 1
        cond, value = text[start + 5 : commas[0]], text[commas[0] + 1 : end - 1]
        inner = f"where({cond}, {value}, 1)" if safe else f"({value})"
        text = text[:start] + inner + text[end:]
    return ob.compile(HEAD + text, backend="python")


@pytest.mark.parametrize("place", POINTS)
@pytest.mark.parametrize("name", GUARDED)
def test_guards(name, place):
    """Value, gradient and Hessian-vector product are finite and right."""
    f, truth = (compiled(GUARDED[name], safe=s) for s in (False, True))
    x, s = POINTS[place]
    point = (x, np.stack([x, -x[::-1], x]), s, np.array([0, 2, 2, 1]))
    rng = np.random.default_rng(0)
    dots = (rng.normal(size=4), rng.normal(size=(3, 4)), 0.3)
    with np.errstate(all="ignore"):
        for found, expected in (
            ([f(*point)], [truth(*point)]),
            (f.grad(*point), truth.grad(*point)),
            (f.hvp(point, dots), truth.hvp(point, dots)),
        ):
            for a, b in zip(found, expected, strict=True):
                assert np.isfinite(a).all()
                np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)
