"""Loops compute what is costly once an element, whoever reads it how often."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

import overbar as ob
from overbar.codegen.load import load_plain

x, w, u = ob.param("x", ("m",)), ob.param("w", ("k",)), ob.param("u", ("n",))
X, Y = ob.data("X", ("k", "m")), ob.data("Y", ("n", "m"))
y = ob.data("y", ("m",))
SHAPES = {"x": (7,), "w": (3,), "u": (5,), "X": (3, 7), "Y": (5, 7), "y": (7,)}
FORMULAS = {
    "a row beside all rows": ("x Y", ob.sum(ob.sqrt(Y * Y + ob.exp(x))), 7, 7),
    "a column beside all columns": (
        "u Y",
        ob.sum(ob.sqrt(Y * Y + ob.exp(u)[:, None])),
        5,
        5,
    ),
    "an adjoint without a name": (
        "w X y",
        ob.sum(ob.softplus(w @ X) - y * (w @ X)),
        7,
        14,
    ),
    "a factor of a product": ("x Y", ob.sum((Y @ ob.exp(x)) ** 2), 7, 7),
}


@pytest.mark.parametrize("name", FORMULAS)
def test_exponentials_are_computed_once_an_element(name):
    """Generated source calls `exp` once for each element, in both passes."""
    inputs, formula, of_value, of_gradient = FORMULAS[name]
    module = load_plain(ob.compile(formula).source, "test")
    calls = []
    exp = module.np.exp
    module.np = SimpleNamespace(**vars(module.np))
    module.np.exp = lambda v: calls.append(v) or exp(v)
    rng = np.random.default_rng(7)
    given = {part: rng.standard_normal(SHAPES[part]) for part in inputs.split()}
    module.value(**given)
    assert len(calls) == of_value
    calls.clear()
    module.value_and_grad(**given)
    assert len(calls) == of_gradient
