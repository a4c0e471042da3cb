"""Random programs on arrays compute and differentiate as JAX and the reference do."""

from __future__ import annotations

import importlib.util
import random
from typing import Any

import array_programs as programs
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from overbar.derivation import Derivation
from overbar.derive.forward import forward
from overbar.derive.reverse import reverse
from overbar.ir.evaluate import evaluate
from overbar.ir.verify import verify
from tests.arrays.test_loops import flat, load, reference

HAS_JAX = importlib.util.find_spec("jax") is not None
SEEDS = st.integers(0, 2**32)


def drawn(seed: int, steps: int = 8) -> programs.Program:
    """Return the program of a seed; what it is drawn from shrinks badly anyway."""
    return programs.draw(random.Random(seed), steps)  # noqa: S311 - no secrets


def close(found: Any, expected: Any) -> None:
    """Fail unless results agree in shape, and in value to rounding."""
    for a, b in zip(flat(found), flat(expected), strict=True):
        assert np.shape(a) == np.shape(b)
        scale = 1e-9 * (1 + np.max(np.abs(b), initial=0))
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=scale)


def total(tangents: Any, adjoints: Any) -> float:
    """Return the sum of products."""
    return sum(float(np.sum(a * b)) for a, b in zip(tangents, adjoints, strict=True))


class Subject:
    """Hold a program, its loss's graph and what it is called with."""

    def __init__(self, seed: int, steps: int = 8) -> None:
        self.program = drawn(seed, steps)
        self.params, self.dots, self.indices = programs.values_of(self.program, seed)
        self.graph, self.wrt = programs.graph_of(self.program)
        self.given = programs.arguments(self.program, self.params, self.indices)

    def derived(self) -> list[Any]:
        """Return value, gradient, tangent and Hessian product by the reference."""
        graph, wrt = self.graph, self.wrt
        (value,) = graph.outputs.values()
        graph.formula_size = len(graph)
        zeros = {n: graph.const(0.0, n.type) for n in wrt}
        found = reverse(graph, {value: graph.const(1.0)}, wrt)
        bars = [found.get(n, zeros[n]) for n in wrt]
        dots = {n: graph.remake_input(f"{n.attrs[0]}_dot", n.type) for n in wrt}
        tangents = forward(graph, dots, [value, *bars])
        dot = tangents.get(value, graph.const(0.0))
        moved = [tangents.get(b, z) for b, z in zip(bars, zeros.values(), strict=True)]
        verify(graph)
        names = [*graph.inputs, *(d.attrs[0] for d in dots.values())]
        values = dict(zip(names, [*self.given, *self.dots], strict=True))
        roots = [value, *bars, dot, *moved]
        known = evaluate(graph, values, roots)
        return [known[r] for r in roots]


def _segment_sum(x: Any, ids: Any, n: int) -> Any:
    import jax.numpy as jnp

    return jnp.zeros((n, *x.shape[1:])).at[ids].add(x)


def truth(subject: Subject) -> list[Any]:
    """Return the same as `Subject.derived`, by JAX's mathematics."""
    import jax
    from jaxprs import call

    class Segments:
        segment_sum = staticmethod(_segment_sum)

    f = programs.Theirs(Segments, jax.numpy, jax.nn, jax.scipy.special, jax.lax)
    program, params = subject.program, tuple(subject.params)

    def loss(*given: Any) -> Any:
        values = programs.run(program, f, given, subject.indices, program.sizes)
        return programs.loss(f, [values[i] for i in program.outputs])

    def both(at: Any, along: Any) -> Any:
        every = tuple(range(len(params)))
        return jax.jvp(jax.value_and_grad(loss, every), at, along)

    (value, bars), (dot, moved) = call(both, params, tuple(subject.dots))
    return [value, *bars, dot, *moved]


@pytest.mark.skipif(not HAS_JAX, reason="JAX is a peer, not a dependency")
@settings(max_examples=600)
@given(SEEDS)
def test_derivatives_are_those_of_jax(seed: int) -> None:
    """Value, gradient, tangent and Hessian-vector product are JAX's, in float64."""
    import jax

    jax.config.update("jax_enable_x64", val=True)
    subject = Subject(seed)
    with np.errstate(all="ignore"):
        found = subject.derived()
    assume(all(np.isfinite(v).all() for v in found))
    close(found, truth(subject))


@settings(max_examples=120)
@given(SEEDS)
def test_generated_source_is_right(seed: int) -> None:
    """Every entry point gives what the reference evaluation of the graph gives."""
    subject = Subject(seed)
    derivation = Derivation(subject.graph, subject.wrt)
    entries = [derivation.value_and_grad(), derivation.jvp(), derivation.hvp()]
    passes = [derivation.forward(), derivation.backward()]
    given, dots = subject.given, subject.dots
    with np.errstate(all="ignore"):
        expected = reference(entries[0], given)
        assume(all(np.isfinite(v).all() for v in expected))
        own = load(*entries, *passes)
        close(own["value_and_grad"](*given), expected)
        value, saved = own["forward"](*given)
        close([value, own["backward"](saved)], expected)
        close(own["jvp"](*given, *dots), total(dots, expected[1:]))
        found = flat(own["hvp"](*given, *dots))
        subject = Subject(seed)
        close(found, subject.derived()[-len(dots) :])


@settings(max_examples=120)
@given(SEEDS)
def test_arrays_are_returned(seed: int) -> None:
    """Programs whose outputs are arrays, some of them inputs, return those."""
    program = drawn(seed)
    params, _, indices = programs.values_of(program, seed)
    graph, wrt = programs.graph_of(program, scalar=False)
    entry = Derivation(graph, wrt).value()
    given = programs.arguments(program, params, indices)
    with np.errstate(all="ignore"):
        close(load(entry)["value"](*given), reference(entry, given))


@settings(max_examples=12)
@given(SEEDS)
def test_numba_compiles_them(seed: int) -> None:
    """What Numba compiles gives the value and gradient of the reference."""
    subject = Subject(seed, steps=5)
    entry = Derivation(subject.graph, subject.wrt).value_and_grad()
    found = load(entry, jit=True)["value_and_grad"](*subject.given)
    with np.errstate(all="ignore"):
        close(found, reference(entry, subject.given))


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
