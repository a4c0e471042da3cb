"""Thousands of random programs on arrays have the derivatives that JAX gives them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import array_programs as programs
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from overbar.ir.errors import ShapeError
from overbar.ir.evaluate import evaluate
from tests.arrays import subjects
from tests.arrays.subjects import Subject, close, tame, total
from tests.arrays.test_loops import flat

if TYPE_CHECKING:
    from collections.abc import Sequence

pytestmark = pytest.mark.skipif(not subjects.HAS_JAX, reason=subjects.NO_JAX)
SEEDS = st.integers(0, 2**32)
PARTS = 6
"""Parts of a test that processes may run side by side; each draws other programs."""


def directions(subject: Subject, seed: int) -> list[Any]:
    """Return another direction for each parameter."""
    rng = np.random.default_rng([seed, 1])
    return [rng.standard_normal(np.shape(p)) for p in subject.params]


def derived(subject: Subject) -> list[Any]:
    """Return a subject's derivatives, if they are numbers to compare."""
    with np.errstate(all="ignore"):
        found = subject.derived()
    assume(tame(found))
    return found


@pytest.mark.parametrize("part", range(PARTS))
@settings(max_examples=500)
@given(SEEDS)
def test_derivatives_are_those_of_jax(part: int, seed: int) -> None:
    """Value, slopes and the second slope along two directions are JAX's.

    The slope along one is by the gradient, along the other by tangents, so that these
    are compared too: <J v, w> and <v, J^T w>.
    """
    seed = seed * PARTS + part
    subject = Subject(seed, wide=part % 2 == 0)
    along = directions(subject, seed)
    found = derived(subject)
    expected = subjects.slopes(subject, along)
    assume(tame(expected))  # JAX: NaN for the norm of zeros
    close(subjects.slopes_found(subject, found, along), expected)
    close(found[1 + len(along)], total(subject.dots, found[1 : 1 + len(along)]))


@pytest.mark.parametrize("part", range(2))
@settings(max_examples=150)
@given(SEEDS)
def test_gradients_are_those_of_jax(part: int, seed: int) -> None:
    """Every element of gradient and Hessian-vector product is JAX's."""
    subject = Subject(seed * 2 + part, wide=part == 0)
    found = derived(subject)
    expected = subjects.truth(subject)
    assume(tame(expected))
    close(found, expected)


def widened(values: Sequence[Any]) -> list[Any]:
    """Return single precision numbers in double."""
    return [np.asarray(v, "float64") for v in values]


def decisions(subject: Subject, params: Sequence[Any]) -> list[Any]:
    """Return every truth value that a program comes across."""
    given = programs.arguments(subject.program, params, subject.indices)
    values = evaluate(
        subject.graph, dict(zip(subject.graph.inputs, given, strict=True))
    )
    return [np.asarray(v).tolist() for n, v in values.items() if n.type.dtype == "bool"]


@settings(max_examples=500)
@given(SEEDS)
def test_single_precision(seed: int) -> None:
    """All results are float32 where parameters are, and right to its digits."""
    try:
        subject = Subject(seed, wide=seed % 2 == 0, dtype="float32")
    except ShapeError:  # as arange(n)*0.5 is float64, which mixes with no float32
        assume(condition=False)
    double = Subject(seed, wide=seed % 2 == 0)
    rounded = widened(subject.params)
    # What is 0 in double precision alone is decided in another way in single.
    assume(decisions(subject, subject.params) == decisions(double, rounded))
    found = derived(subject)
    assert {np.dtype("float32")} == {np.asarray(v).dtype for v in flat(found)}
    along = directions(subject, seed)
    subject.dots = widened(subject.dots)
    expected = subjects.slopes(subject, along, widened(subject.params))
    assume(tame(expected))
    close(subjects.slopes_found(subject, widened(found), along), expected, 5e-4)
