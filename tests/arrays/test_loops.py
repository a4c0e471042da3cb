"""Generated loops compute what the reference evaluation does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from overbar.codegen.allowlist import check
from overbar.codegen.load import load_plain
from overbar.codegen.module import print_module
from overbar.derivation import Derivation
from overbar.ir.evaluate import evaluate
from tests.arrays.formulas import FORMULAS, draw, graph_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from overbar.entry import Entry

NUMBA = ("cumsum_back", "concat", "picked", "untaken", "pad", "logsumexp", "matmul")


def load(*entries: Entry, jit: bool = False) -> dict[str, Callable[..., Any]]:
    """Run a generated module as `backend="python"` does; `jit`: by Numba, uncached."""
    source = print_module(entries[0].graph, [e.program for e in entries], "test")
    if not jit:
        return vars(load_plain(source, "test"))
    check(source)
    space: dict[str, Any] = {}
    source = source.replace("cache=True, ", "")
    exec(compile(source, "generated", "exec"), space)  # noqa: S102 - our own text
    return space


def flat(values: Any) -> list[Any]:
    """Return the numbers and arrays of nested tuples."""
    if isinstance(values, tuple | list):
        return [leaf for v in values for leaf in flat(v)]
    return [values]


def alike(found: Any, expected: Any) -> bool:
    """Whether results agree in shape and value."""
    return all(
        np.shape(a) == np.shape(b) and np.allclose(a, b, rtol=1e-10, atol=1e-12)
        for a, b in zip(flat(found), flat(expected), strict=True)
    )


def reference(entry: Entry, values: Sequence[Any]) -> list[Any]:
    """Return the outputs and their adjoints from the reference evaluation."""
    graph = entry.graph
    roots = list(graph.outputs.values())
    found = evaluate(graph, dict(zip(graph.inputs, values, strict=True)), roots)
    return [found[r] for r in roots]


@pytest.mark.parametrize("name", FORMULAS)
def test_every_entry_point_agrees_with_the_reference(name: str) -> None:
    """Value, gradient, both passes, tangents and Hessian products are right."""
    formula = FORMULAS[name]
    rng = np.random.default_rng(0)
    graph, inputs = graph_of(formula)
    values, dots = draw(formula, rng), draw(formula, rng)
    derivation = Derivation(graph, inputs)
    fused = derivation.value_and_grad()
    with np.errstate(all="ignore"):
        expected = reference(fused, values)
        assert alike(load(fused)["value_and_grad"](*values), expected)
        passes = load(derivation.forward(), derivation.backward())
        value, saved = passes["forward"](*values)
        assert alike([value, passes["backward"](saved)], expected)
        tangent = load(derivation.jvp())["jvp"](*values, *dots)
        product = sum(np.sum(a * b) for a, b in zip(dots, expected[1:], strict=True))
        assert alike(tangent, product)
        found = load(derivation.hvp())["hvp"](*values, *dots)
        step = 1e-6
        ahead = reference(
            fused, [v + step * d for v, d in zip(values, dots, strict=True)]
        )
        behind = reference(
            fused, [v - step * d for v, d in zip(values, dots, strict=True)]
        )
    for got, a, b in zip(found, ahead[1:], behind[1:], strict=True):
        assert np.allclose(got, (a - b) / (2 * step), atol=1e-6)


@pytest.mark.parametrize("name", FORMULAS)
def test_arrays_are_returned_in_their_shape(name: str) -> None:
    """The value of a formula whose result is an array is that array."""
    graph, inputs = graph_of(FORMULAS[name], scalar=False)
    values = draw(FORMULAS[name], np.random.default_rng(0))
    entry = Derivation(graph, inputs).value()
    with np.errstate(all="ignore"):
        assert alike(load(entry)["value"](*values), reference(entry, values))


@pytest.mark.parametrize("name", NUMBA)
def test_numba_agrees_with_the_reference(name: str) -> None:
    """What is compiled gives what the reference evaluation gives."""
    formula = FORMULAS[name]
    graph, inputs = graph_of(formula)
    values = draw(formula, np.random.default_rng(0))
    entry = Derivation(graph, inputs).value_and_grad()
    found = load(entry, jit=True)["value_and_grad"](*values)
    with np.errstate(all="ignore"):
        assert alike(found, reference(entry, values))
