"""Test NumPy's functions over nodes against NumPy and SciPy themselves."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from array_cases import CASES, FORMULAS, NAMED, Ours, Theirs, sizes, type_of, value_of

from overbar.ir.evaluate import evaluate
from overbar.ir.graph import Graph
from overbar.levels import rewrite_for
from overbar.read.arrays import FUNCTIONS

TOLERANCE = {"float64": 1e-10, "float32": 3e-4}


def ours(formula, operands, values, d, dtype="float64", small=None):
    """Return the value of a formula of our functions."""
    graph = Graph(rewrite=rewrite_for("standard"))
    nodes = [
        graph.input(f"x{k}", "param", type_of(text, d, dtype))
        for k, text in enumerate(operands)
    ]
    found = formula(Ours(graph), d, *nodes)
    graph.input("sizes", "data", type_of("mnk", d))
    given = {f"x{k}": value for k, value in enumerate(values)}
    small = small or sizes(3, 4, 2)
    given["sizes"] = np.zeros((small.m, small.n, small.k))
    graph.outputs["out"] = found
    shape = found.type.shape
    value = evaluate(graph, given)[found]
    if all(isinstance(e, int) for e in shape):
        assert np.shape(value) == shape
    return value


def agree(expected, actual, dtype="float64"):
    """Compare a value with the truth, in shape too."""
    assert np.shape(expected) == np.shape(actual)
    close = np.allclose(
        expected, actual, TOLERANCE[dtype], TOLERANCE[dtype], equal_nan=True
    )
    assert close, (expected, actual)


def truth(formula, values, d):
    """Return the value of a formula of NumPy's functions, in double precision."""
    wide = [v.astype(float) if np.asarray(v).dtype == np.float32 else v for v in values]
    with np.errstate(all="ignore"):
        return formula(Theirs(), d, *wide)


@pytest.mark.parametrize(
    ("name", "formula", "operands"), CASES, ids=[c[0] for c in CASES]
)
def test_numpy(name, formula, operands):
    """Every function gives what NumPy's gives, for all kinds of sizes and floats."""
    rng = np.random.default_rng(1)
    d = sizes(3, 4, 2)
    values = [value_of(text, d, rng) for text in operands]
    expected = truth(formula, values, d)
    if name.startswith("eigh-1"):  # up to sign
        expected = expected * np.sign(
            expected[0] * ours(formula, operands, values, d)[0]
        )
    agree(expected, ours(formula, operands, values, d))
    named = {t.strip("#?+%.") for t in operands}
    if operands and not all(t.isdigit() or not t for t in named):
        agree(expected, ours(formula, operands, values, NAMED))
    narrow = [
        value_of(text, d, np.random.default_rng(1), "float32") for text in operands
    ]
    if not name.startswith("eigh-1"):
        agree(
            truth(formula, narrow, d),
            ours(formula, operands, narrow, d, "float32"),
            "float32",
        )


def filled(text):
    """Whether an operand's sizes are all named, so that any of them may be 0 or 1."""
    return not any(c.isdigit() for c in text) and text not in (".", "")


ANY_SIZE = [c for c in CASES if c[2] and all(map(filled, c[2]))]
LENIENT = {"norm, largest", "index, from the end"}
"""What has a value without elements in NumPy alone."""


@pytest.mark.parametrize("named", [False, True], ids=["numbers", "named"])
@pytest.mark.parametrize(
    "d", [(1, 1, 1), (1, 4, 1), (0, 4, 2), (3, 0, 2), (0, 0, 0)], ids=str
)
def test_small_sizes(d, named):
    """Sizes of 0 and 1 give what they give in NumPy, shapes too."""
    d = sizes(*d)
    for name, formula, operands in ANY_SIZE:
        values = [value_of(text, d, np.random.default_rng(1)) for text in operands]
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                expected = truth(formula, values, d)
        except (IndexError, ValueError, ZeroDivisionError):
            continue  # NumPy and SciPy want elements
        if name.rpartition("-")[0] in LENIENT and 0 in (d.m, d.n, d.k):
            continue
        found = ours(formula, operands, values, NAMED if named else d, small=d)
        if name.startswith("eigh-1"):
            expected, found = expected**2, found**2
        agree(expected, found)


CHOOSING = {"compress", "extract", "flatnonzero", "nonzero"}
"""Functions of masks: whole formulas alone give what they choose (test_masks.py)."""


def test_all_listed():
    """Every function has a formula in the table."""
    listed = {name.split(",")[0] for name in FORMULAS}
    assert set(FUNCTIONS) - CHOOSING | {"index"} == listed
