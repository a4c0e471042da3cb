"""Generated source of random programs on arrays computes what the reference does."""

from __future__ import annotations

import array_programs as programs
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import overbar as ob
from overbar.derivation import Derivation
from overbar.ir.errors import ShapeError
from tests.arrays.subjects import Subject, close, drawn, tame, total
from tests.arrays.test_loops import flat, load, reference

SEEDS = st.integers(0, 2**32)


def agree(subject: Subject, again: Subject, rtol: float) -> None:
    """Fail unless every entry point gives what the reference gives."""
    derivation = Derivation(subject.graph, subject.wrt)
    entries = [derivation.value_and_grad(), derivation.jvp(), derivation.hvp()]
    passes = [derivation.forward(), derivation.backward()]
    given, dots = subject.given, subject.dots
    with np.errstate(all="ignore"):
        expected = reference(entries[0], given)
        moved = again.derived()[-len(dots) :]
        assume(tame(expected) and tame(moved))
        own = load(*entries, *passes)
        close(own["value_and_grad"](*given), expected, rtol)
        value, saved = own["forward"](*given)
        close([value, own["backward"](saved)], expected, rtol)
        close(own["jvp"](*given, *dots), total(dots, expected[1:]), rtol)
        close(flat(own["hvp"](*given, *dots)), moved, rtol)


@pytest.mark.parametrize("part", range(4))
@settings(max_examples=80)
@given(SEEDS)
def test_generated_source_is_right(part: int, seed: int) -> None:
    """Every entry point gives what the reference evaluation of the graph gives."""
    seed, wide = seed * 4 + part, part % 2 == 0
    agree(Subject(seed, wide=wide), Subject(seed, wide=wide), 1e-9)


@settings(max_examples=60)
@given(SEEDS)
def test_generated_source_is_right_in_single_precision(seed: int) -> None:
    """The same for float32, whose results have fewer digits."""
    try:
        agree(*(Subject(seed, dtype="float32") for _ in range(2)), 5e-4)
    except ShapeError:  # as arange(n)*0.5 is float64, which mixes with no float32
        assume(condition=False)


@settings(max_examples=120)
@given(SEEDS)
def test_arrays_are_returned(seed: int) -> None:
    """Programs whose outputs are arrays, some of them inputs, return those."""
    program = drawn(seed, wide=seed % 2 == 0)
    params, _, indices = programs.values_of(program, seed)
    graph, wrt = programs.graph_of(program, scalar=False)
    entry = Derivation(graph, wrt).value()
    given = programs.arguments(program, params, indices)
    with np.errstate(all="ignore"):
        close(load(entry)["value"](*given), reference(entry, given))


@pytest.mark.parametrize("part", range(4))
@settings(max_examples=16)
@given(SEEDS)
def test_numba_compiles_them(part: int, seed: int) -> None:
    """What Numba compiles gives the value and gradient of the reference."""
    subject = Subject(seed * 4 + part, 6, wide=part % 2 == 0)
    entry = Derivation(subject.graph, subject.wrt).value_and_grad()
    with np.errstate(all="ignore"):
        expected = reference(entry, subject.given)
    assume(tame(expected))
    close(load(entry, jit=True)["value_and_grad"](*subject.given), expected)


FOUND = {
    "a place at a computed index, in a loop": 3,
    "reshape to and from a number": 81,
    "a concat filled by two loops": 53,
    "an element read into a number": 127,
    "an accumulator with a variable's name": 47,
    "a size that a function without arrays saves": 1048,
    "an element read before a loop": 1521,
    "half of a size in a product": 1584,
    "a saved number without a name": 1097,
}
FOUND_LONG = {
    "a read that a condition guards": 20025,
    "a sum looked into by a rewrite": 20084,
    "a padded condition": 20229,
    "reads under one condition in two branches": 20458,
    "an array recomputed as a number": 20224,
    "more than sixteen arrays saved": 20148,
    "a gather that is given": 20199,
}
CASES = [(n, s, 8) for n, s in FOUND.items()] + [
    (n, s, 14) for n, s in FOUND_LONG.items()
]


@pytest.mark.parametrize(
    ("seed", "steps"), [c[1:] for c in CASES], ids=[c[0] for c in CASES]
)
def test_programs_that_once_failed(seed: int, steps: int) -> None:
    """Every entry point runs and is right for programs that found bugs."""
    subject = Subject(seed, steps)
    derivation = Derivation(subject.graph, subject.wrt)
    fused = derivation.value_and_grad()
    own = load(fused, derivation.jvp(), derivation.forward(), derivation.backward())
    with np.errstate(all="ignore"):
        expected = reference(fused, subject.given)
        close(own["value_and_grad"](*subject.given), expected)
        value, saved = own["forward"](*subject.given)
        close([value, own["backward"](saved)], expected)
        found = own["jvp"](*subject.given, *subject.dots)
    close(found, total(subject.dots, expected[1:]))


MENDED = {
    "a size of an array that is saved for nothing else": (
        "x: param[k, 1]\nsum(cos(pad(x, 1)[:, -1]))", {"x": np.ones((2, 1))},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MENDED)
def test_programs_that_failed(name: str) -> None:
    """Both passes run one after the other."""
    text, given = MENDED[name]
    f = ob.compile(text, backend="python")
    value, saved = f.forward(**given)
    assert f(**given) == value
    close(list(f.backward(saved)), list(f.grad(**given)))
