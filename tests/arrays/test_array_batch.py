"""Batches over arrays by machine code, against Numba's code and calls one by one."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

import overbar as ob

A = np.arange(6.0).reshape(2, 3) - 2.5


def mixed():
    """Return a formula of every kind of input, and arguments of three by two points."""
    W, b = ob.param("W", ("m", "n")), ob.param("b")
    x, k = ob.data("x", ("n",)), ob.data("k", dtype="int64")
    c = ob.data("c", dtype="bool")
    y = np.tanh(W @ x) * b
    formula = ob.where(c, np.sum(y), y[k] ** 2)
    rng = np.random.default_rng(2)
    args = (
        rng.normal(size=(3, 1, 2, 4)), rng.normal(size=(3, 2)), rng.normal(size=4),
        rng.integers(-2, 2, (2,)), rng.normal(size=(3, 1)) > 0,
    )  # fmt: skip
    return formula, [W, b, x, k, c], args


def constants():
    """Return a formula with a constant array, and arguments."""
    x = ob.param("x", (3,))
    return np.sum((A @ x) ** 3), [x], (np.random.default_rng(1).normal(size=(5, 3)),)


def singles():
    """Return a formula of float32, and arguments."""
    x, y = ob.param("x", ("n",), dtype="float32"), ob.param("y", dtype="float32")
    rng = np.random.default_rng(4)
    args = rng.normal(size=(7, 4)).astype("f4"), rng.normal(size=7).astype("f4")
    return np.sum(ob.sigmoid(x) * y) / y, [x, y], args


def wholes():
    """Return a formula whose integers and conditions count, and arguments."""
    x, i = ob.param("x", ("n",)), ob.data("i", ("n",), dtype="int64")
    m = ob.data("m", ("n",), dtype="bool")
    rng = np.random.default_rng(6)
    args = (
        rng.normal(size=(4, 5)), rng.integers(0, 9, (4, 5)), rng.normal(size=5) > 0,
    )  # fmt: skip
    return np.sum(np.where(m, x * i, x)), [x, i, m], args


FORMULAS = {"mixed": mixed, "constants": constants, "singles": singles,
            "wholes": wholes}  # fmt: skip
METHODS = {
    "value": lambda f: f.batch,
    "grad": lambda f: f.batch.grad,
    "value_and_grad": lambda f: f.batch.value_and_grad,
    "hessian": lambda f: f.batch.hessian,
}


def flat(result):
    """Return the arrays of a nested result."""
    if isinstance(result, tuple):
        return [leaf for part in result for leaf in flat(part)]
    return [np.asarray(result)]


@pytest.mark.parametrize("case", FORMULAS)
def test_agrees_with_numba(case):
    """Strictly, a batch has the bits and dtypes that Numba's loops give."""
    formula, inputs, args = FORMULAS[case]()
    wrt = [x for x in inputs if x.name in "Wbxy"]
    found, expected = (
        ob.compile(
            formula, wrt, inputs, accuracy="strict", backend=backend
        ).batch.value_and_grad(*args)
        for backend in ("auto", "numba")
    )
    for one, other in zip(flat(found), flat(expected), strict=True):
        np.testing.assert_array_equal(one, other, strict=True)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("case", FORMULAS)
def test_agrees_with_calls(case, method):
    """Each point of a batch is what one call gives, to the bit."""
    formula, inputs, args = FORMULAS[case]()
    f = ob.compile(formula, [x for x in inputs if x.name in "Wbxy"], inputs)
    ranks = [len(f.signature.types[x.name].shape) for x in inputs]
    leads = [a.shape[: a.ndim - r] for a, r in zip(args, ranks, strict=True)]
    lead = np.broadcast_shapes(*leads)
    wide = [
        np.broadcast_to(a, (*lead, *a.shape[a.ndim - r :]))
        for a, r in zip(args, ranks, strict=True)
    ]
    found = flat(METHODS[method](f)(*args))
    single = getattr(f, method) if method != "value" else f
    for place in np.ndindex(lead):
        point = [
            w[place] if r else w[place].item() for w, r in zip(wide, ranks, strict=True)
        ]
        for one, other in zip(found, flat(single(*point)), strict=True):
            np.testing.assert_array_equal(one[place], other)


def test_no_points():
    """A batch of no points is empty, and calls nothing."""
    f = ob.compile("x: param[n]\nk: index\nx[k]**2")
    assert f.batch(np.ones((0, 3)), 1).shape == (0,)
    assert f.batch.grad(np.ones((0, 3)), np.ones(0, int)).x.shape == (0, 3)


REFUSED = {
    "place": ("x: param[n]\nk: index\nsum(x)*x[k]", (np.ones((4, 3)), [0, 1, 3, 2]),
              "expected indices from -3 to 2 in .*, found 3"),
    "shared": ("x: param[n]\nk: index[m]\nsum(x[k])", (np.ones(3), [[0, 1], [2, 5]]),
               "expected indices from -3 to 2 in .*, found 5"),
    "singular": ("x: param[n, n]\nsum(inv(x))",
                 (np.stack([np.eye(2), np.zeros((2, 2))]),), "singular"),
    "matrix": ("x: param[n, n]\nsum(cholesky(x))", (np.stack([np.eye(2), -np.eye(2)]),),
               "cholesky"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "args", "message"), REFUSED.values(), ids=REFUSED)
def test_points_that_are_refused(text, args, message):
    """A point with a place out of range, or without a factor, is named as in a call."""
    f, g = ob.compile(text), ob.compile(text, backend="numba")
    errors = []
    for h in (f, g):
        with pytest.raises(ob.InputError, match=message) as error:
            h.batch.grad(*args)
        errors.append(str(error.value))
    assert errors[0] == errors[1]


ALONE = """
import sys
import numpy as np
import overbar as ob
f = ob.compile("x: param[n]\\nsum(tanh(x)**2)*1.03125")
print(f.batch.grad(np.zeros((3, 2))).x.tolist(), "numba" in sys.modules)
"""


def test_without_numba():
    """A batch over arrays does not load Numba."""
    command = [sys.executable, "-c", ALONE]
    found = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    assert found == f"{np.zeros((3, 2)).tolist()} False\n"
