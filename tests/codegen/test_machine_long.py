"""Check machine code of long programs, and calls side by side, against mpmath."""

from __future__ import annotations

import math
import random
import re

import mpmath
import numpy as np
import pytest
from irregular import irregular
from machine_levels import cut, differences, levels, run, strictly
from machine_platforms import without_libraries
from op_truth import SUBJECTS

import overbar as ob
from overbar.codegen.machine import inlined_pairs, libraries, making, packing
from overbar.codegen.machine.loading import Machine, joined
from overbar.codegen.machine.making import core_texts, first_code
from overbar.codegen.machine.packing import Pack
from overbar.codegen.machine.target import assembled
from overbar.derivation import Derivation
from overbar.ir.errors import OverbarError
from overbar.ir.graph import Graph
from overbar.ir.ops import OPS
from overbar.native import wanted

INPUTS, NEAR = 16, 40
CUTS = [(7, 14), (1000, 1000)]
"""Operations of a function and of a module."""
WAYS = {
    "*": lambda a, b, _: a * b * 0.625,
    "+": lambda a, b, _: (a + b) * 0.625,
    "-": lambda a, b, _: (a - b) * 0.625,
    "sin": lambda a, b, sin: sin(a + b),
}


def _operations(n):
    """Return random operations on the last values and, again and again, on inputs."""
    draws = random.Random(0)  # noqa: S311 - a formula, no secret
    ops = []
    for k in range(n):
        count = INPUTS + k
        low = max(0, count - NEAR)
        first = draws.randrange(low, count)
        second = draws.randrange(INPUTS) if k % 8 == 0 else draws.randrange(low, count)
        ops.append((draws.choice([*WAYS, "+", "-"]), first, second))
    return ops


def _apply(ops, inputs, sin):
    """Return the sum of all values that no operation reads, whatever they are."""
    values = list(inputs)
    for way, a, b in ops:
        values.append(WAYS[way](values[a], values[b], sin))
    used = {i for _, a, b in ops for i in (a, b)}
    return sum(v for i, v in enumerate(values) if i not in used)


STEP = mpmath.mpf(10) ** -20


def _true(ops, point):
    """Return the value and gradient of a random formula with 50 digits."""
    with mpmath.workdps(50):
        base = [mpmath.mpf(x) for x in point]
        found = [_apply(ops, base, mpmath.sin)]
        for i, x in enumerate(base):
            ends = ([*base[:i], x + s * STEP, *base[i + 1 :]] for s in (1, -1))
            sides = [_apply(ops, end, mpmath.sin) for end in ends]
            found.append((sides[0] - sides[1]) / (2 * STEP))
        return np.array([float(v) for v in found])


@pytest.mark.parametrize("accuracy", ["strict", "standard"])
def test_a_long_program_is_right_at_every_level(accuracy, monkeypatch):
    """Of 2,000 operations, 16 inputs: values and gradients are those of mpmath."""
    ops = _operations(2_000)
    names = [f"x{i}" for i in range(INPUTS)]
    x = [ob.param(n) for n in names]
    formula = _apply(ops, x, ob.sin)
    f = ob.compile(formula, inputs=x, accuracy=accuracy)
    entry = f.runtime.entry("value_and_grad")
    codes = levels(entry, monkeypatch, strict=accuracy == "strict")
    codes |= {f"cut {c}": cut(strictly(entry), *c, monkeypatch) for c in CUTS}
    rows = np.random.default_rng(4).random((2, INPUTS))
    expected = np.array([_true(ops, row) for row in rows])
    found = {k: run(m, entry, rows) for k, m in codes.items()}
    for values in found.values():
        np.testing.assert_allclose(values, expected, rtol=1e-12, atol=1e-13)
    if accuracy == "strict":
        assert [] == differences(found["quick"], found)


VECTORS = {
    n: op for n, op in OPS.items() if op.vector and op.arity == 1 and not op.helper
}


@pytest.mark.parametrize("names", [*((n,) for n in VECTORS), ("sin", "cos")])
def test_calls_side_by_side_are_right_to_four_units(names, monkeypatch):
    """Calls in one vector differ from mpmath by 4 units at most, the same each time."""
    domains = [next(s for s in SUBJECTS if s.op == n).domain[0] for n in names]
    monkeypatch.setattr(packing, "LEAST", 2)
    low = max(-700.0, *(domain[0] for domain in domains))
    high = min(700.0, *(domain[1] for domain in domains))
    graph = Graph()
    inputs = [graph.input(f"x{i}") for i in range(13)]
    for i, x in enumerate(inputs):
        for name in names:
            graph.outputs[f"{name}{i}"] = graph.make(name, (-x,))
    entry = Derivation(graph, inputs).value()
    codes = levels(entry, monkeypatch, strict=False)
    packs = [p for p in wanted(entry)._replace(strict=False).items if type(p) is Pack]
    for name in names:
        known = [libraries.symbol(OPS[name].vector, width) for width in (4, 8)]
        assert any(known) == any(n.op.name == name for p in packs for n in p.nodes)
    rng = np.random.default_rng(6)
    near = rng.uniform(max(low, -3), min(high, 3), (60, 13))
    rows = -np.concatenate([near, rng.uniform(low, high, (60, 13))])
    rows[0, :4] = (math.nan, math.inf, -math.inf, 0.0)
    rows[1, :3] = (1e6, -1e9, 1e300)
    rows = np.where((-rows < low) | (-rows > high), rows[2:3], rows)
    exact = np.array([
        [_nearest(OPS[name], -x) for x in row for name in names] for row in rows
    ])  # fmt: skip
    for code in codes.values():
        found = run(code, entry, rows)
        np.testing.assert_array_equal(found, run(code, entry, rows))
        normal = np.isfinite(exact) & (abs(exact) > 1e-300)
        units = abs(found[normal] - exact[normal]) / np.spacing(abs(exact[normal]))
        assert units.max() <= 4
        np.testing.assert_allclose(found, exact, rtol=1e-14, atol=1e-300)


def test_sine_and_cosine_of_a_number_come_together(monkeypatch):
    """Where both are written out, one function over vectors returns both."""
    monkeypatch.setattr(packing, "LEAST", 2)
    graph = Graph()
    inputs = [graph.input(f"x{i}") for i in range(13)]
    for i, x in enumerate(inputs):
        for name in ("sin", "cos"):
            graph.outputs[f"{name}{i}"] = graph.make(name, (-x,))
    entry = Derivation(graph, inputs).value()
    packs = [p for p in wanted(entry)._replace(strict=False).items if type(p) is Pack]
    paired = any(inlined_pairs.symbol(width) for width in (4, 8))
    assert all(p.paired == paired for p in packs)
    for p in (p for p in packs if p.paired):
        assert [n.op.name for n in p.nodes] == [
            *["sin"] * len(p.args), *["cos"] * len(p.args)
        ]  # fmt: skip
        assert [n.args[0] for n in p.nodes] == [*p.args, *p.args]


def _nearest(op, x):
    """Return the double nearest to a function's value; NaN outside its domain."""
    if not math.isfinite(x):
        with np.errstate(all="ignore"):
            return float(op.numpy(np.float64(x)))
    with mpmath.workdps(40):
        return float(op.mp(mpmath.mp, mpmath.mpf(float(x))))


def test_a_machine_of_another_kind_begins_with_llvm(monkeypatch):
    """Where stencils do not run, LLVM makes the first code, and better code later."""
    known = irregular(1_500, 0.375, seed=3)
    entry = ob.compile(known.formula, accuracy="strict").runtime.entry("value_and_grad")
    whole = strictly(entry)
    stencils, best = Machine(*first_code(whole)), Machine(*_best(whole))
    monkeypatch.setattr(making, "available", lambda: False)
    other = Machine(*first_code(whole))
    assert [False, True, False] == [c.final for c in (stencils, best, other)]
    expected = run(best, entry, [[0.375]])
    np.testing.assert_allclose(expected, [[known.value, known.slope]], rtol=1e-6)
    found = {
        k: run(c, entry, [[0.375]]) for k, c in {"s": stencils, "o": other}.items()
    }
    for code in (stencils, other):
        code.replace(*_best(whole))
        found[f"{code}"] = run(code, entry, [[0.375]])
        with pytest.raises(OverbarError, match="found the best"):
            code.replace(*_best(whole))
    assert [] == differences(expected, found)


def _best(whole):
    return joined([assembled(text) for text in core_texts(whole)])


def test_a_machine_without_vector_functions_calls_one_by_one(monkeypatch):
    """There the same formula is right, and no function over vectors is called."""
    known = irregular(1_500, 0.375, seed=4)
    entry = ob.compile(known.formula).runtime.entry("value_and_grad")
    whole = wanted(entry)._replace(strict=False)
    vectors = re.compile(libraries.SYMBOLS)
    usual = any(vectors.search(text) for text in core_texts(whole))
    assert usual == (libraries.symbol("sin", 4) is not None)
    without_libraries(monkeypatch)
    texts = core_texts(whole)
    assert not any(vectors.search(text) for text in texts)
    code = Machine(*joined([assembled(text) for text in texts]))
    np.testing.assert_allclose(
        run(code, entry, [[0.375]]), [[known.value, known.slope]], rtol=1e-6
    )
