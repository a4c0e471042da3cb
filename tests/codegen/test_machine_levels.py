"""Compare the levels of machine code with each other and with Numba, by bits.

Numba makes its code of the printed source, which shares nothing with the printers of
LLVM's text and of stencils but the graph.
"""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from machine_levels import cut, differences, flat, levels, run, strictly
from op_forms import BATCH, FORMS, derivation
from op_truth import SUBJECTS
from random_programs import INPUTS, SYMBOLIC, draw, points
from random_programs import run as run_steps

import overbar as ob
from overbar.codegen.machine import making
from overbar.derivation import Derivation
from overbar.ir.errors import OverbarError
from overbar.ir.graph import Graph
from overbar.ir.ops import OPS
from overbar.ir.types import BOOL, F32, INT
from overbar.levels import rewrite_for
from overbar.runtime import Runtime

SPECIAL = (
    0.0, -0.0, 5e-324, -1e-310, 1.0, -1.0, 0.5, -2.0, 3.0, 1e-9, 30.0, 1e300, -1e200,
    math.inf, -math.inf, math.nan,
)  # fmt: skip
WHOLE = (0, 1, -1, 2, -3, 7, 2**31, -(2**40), 2**53 + 1)


def _points(count):
    """Return points of up to three numbers: special ones in pairs, all magnitudes."""
    rng = np.random.default_rng(0)
    pairs = np.array(list(itertools.product(SPECIAL, repeat=2)))
    special = np.column_stack([pairs, rng.choice(SPECIAL, len(pairs))])
    near = rng.uniform(-3, 3, (count, 3))
    wide = rng.choice([-1, 1], (count, 3)) * np.exp(rng.uniform(-20, 8, (count, 3)))
    return np.concatenate([special, near, wide])


POINTS = _points(80)


def _batch(start):
    """Return some forms, labels of their values and partials, and points."""
    forms = FORMS[start : start + BATCH]
    partials = [f"{name}'" for name, size, _ in forms for _ in range(size)]
    columns = [i for _, size, _ in forms for i in range(size)]
    return forms, [name for name, _, _ in forms], partials, columns


@pytest.mark.parametrize("start", range(0, len(FORMS), BATCH))
def test_every_op_has_the_bits_of_numba_at_every_level(start, monkeypatch):
    """Values, what is saved, and partials, by LLVM, from stencils, without branches."""
    forms, values, partials, columns = _batch(start)
    runtime = Runtime(derivation(forms), "ops", "numba")
    forward, backward = runtime.call("forward"), runtime.call("backward")
    ones = [1.0] * len(forms)
    rows, after = POINTS[:, columns].tolist(), []
    expected = {"forward": [], "backward": []}
    for row in rows:
        value, saved = forward(*row)
        after.append([*flat(saved), *ones])
        expected["forward"].append([*flat(value), *flat(saved)])
        expected["backward"].append(flat(backward(saved, *ones)))
    given = {"forward": (rows, values), "backward": (after, partials)}
    for name, (at, labels) in given.items():
        entry = runtime.entry(name)
        found = {k: run(m, entry, at) for k, m in levels(entry, monkeypatch).items()}
        assert {"quick", "stencils"} <= set(found)
        wrong = {
            (level, labels[c] if c < len(labels) else "saved", at[r][c], a, b)
            for level, r, c, a, b in differences(np.array(expected[name]), found)
        }
        assert set() == wrong


@pytest.mark.parametrize("start", range(0, len(FORMS), BATCH))
def test_float32_is_that_of_float64_to_its_own_precision(start, monkeypatch):
    """All levels have the same bits in float32, close to what float64 has."""
    forms, *_, columns = _batch(start)
    rng = np.random.default_rng(3)
    moderate = rng.uniform(0.6, 0.95, (40, 3)).astype("f4").astype(float)
    rows = [*POINTS[:, columns].tolist(), *moderate[:, columns].tolist()]
    for name in ("value", "jacobian"):
        entries = [getattr(derivation(forms, *kind), name)() for kind in ([], [F32])]
        double, single = (
            {k: run(m, entry, rows) for k, m in levels(entry, monkeypatch).items()}
            for entry in entries
        )
        assert [] == differences(single["quick"], single)
        expected, found = double["quick"][-40:], single["quick"][-40:]
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


CHOICES = {
    "x > 0 ? 0.0 : x": (lambda x: x > 0, 0.0, None),
    "x < 0 ? 0.0 : x": (lambda x: x < 0, 0.0, None),
    "x > 0 ? -0.0 : x": (lambda x: x > 0, -0.0, None),
    "x <= 0 ? x : 0.0": (lambda x: x <= 0, None, 0.0),
    "x >= 0 ? x : -0.0": (lambda x: x >= 0, None, -0.0),
}
"""Conditions, and what is chosen; None is x itself."""


def _chosen(kind, x):
    test, then, other = CHOICES[kind]
    found = then if test(x) else other
    return x if found is None else found


def test_a_zero_beside_a_float32_keeps_its_sign(monkeypatch):
    """LLVM's passes, which come where code branches, leave x as it is where it is -0.0.

    They took the widening of x out of a choice that looks like the smaller of two
    numbers, and the other number where both are 0.
    """
    x, y = (ob.param(name, dtype="float32") for name in "xy")
    formulas = [
        ob.where(test(x), *(x if a is None else a for a in arms))
        for test, *arms in CHOICES.values()
    ]
    branch = ob.where(y > 0, ob.exp(y) * ob.sin(y) / (y + 2.0), y * y)
    f = ob.compile([*formulas, branch], inputs=[x, y], accuracy="strict")
    entry = f.runtime.entry("value")
    assert any("\nbr i1 " in text for text in making.core_texts(strictly(entry)))
    rows = [(value, -1.0) for value in (-0.0, 0.0, 1.0, -1.0, math.inf, -math.inf)]
    expected = [[*(_chosen(kind, at) for kind in CHOICES), 1.0] for at, _ in rows]
    found = {k: run(m, entry, rows) for k, m in levels(entry, monkeypatch).items()}
    assert [] == differences(np.array(expected), found)


def _whole_numbers():
    """Return a formula with every op that keeps integers and conditions as they are."""
    graph = Graph(rewrite=rewrite_for("strict"))
    given = [graph.input(n, "data", INT) for n in "nmk"]
    asked = [graph.input(n, "data", BOOL) for n in "pq"]
    x = graph.input("x")
    logic = [(name, (), asked) for name in ("and", "or", "not")]
    compared = [(n, (), given) for n in ("lt", "le", "gt", "ge", "eq", "ne")]
    ops = {
        s.op: (s.op, s.attrs, given) for s in SUBJECTS if not s.attrs or s.attrs == (2,)
    }
    for name, attrs, operands in [*ops.values(), *logic, *compared]:
        count = OPS[name].arity
        count = count or next(s.count for s in SUBJECTS if s.op == name)
        try:
            node = graph.make(name, operands[:count], attrs)
        except OverbarError:
            continue  # an op of floats
        if node.type in {INT, BOOL}:
            graph.outputs[f"{name}_of"] = node
            graph.outputs[f"{name}_and"] = graph.make("select", (asked[0], node, x))
    return Derivation(graph, [x])


def test_integers_and_conditions_are_those_of_numba(monkeypatch):
    """Integers, conditions and floats mix as they do in the source under Numba."""
    derived = _whole_numbers()
    runtime = Runtime(derived, "whole", "numba")
    rng = np.random.default_rng(5)
    rows = [
        [*map(int, rng.choice(WHOLE, 3)), *map(bool, rng.choice(2, 2)), x]
        for x in (*SPECIAL, *rng.normal(size=40).tolist())
    ]
    entry = runtime.entry("value")
    assert len(entry.result) > 30
    value = runtime.call("value")
    expected = np.array([flat(value(*row)) for row in rows])
    found = {k: run(m, entry, rows) for k, m in levels(entry, monkeypatch).items()}
    names = list(derived.graph.outputs)
    wrong = [(level, names[c], rows[r], a, b) for level, r, c, a, b
             in differences(expected, found)]  # fmt: skip
    assert [] == wrong


# -- programs: branches, cuts ----------------------------------------------------------


def _program(seed, size, last=1):
    """Return a drawn program's last values as a formula whose source runs as it is."""
    symbols = [ob.param(n) for n in INPUTS]
    values = run_steps(draw(seed, size), symbols, SYMBOLIC)
    formula = values[-1] if last == 1 else values[-last:]
    return ob.compile(formula, inputs=symbols, accuracy="strict", backend="python")


EDGES = [
    (x, y, z)
    for x in (0.0, -0.3, math.inf)
    for y in (0.5, -0.0)
    for z in (1.1, math.nan)
]
CUTS = [(1, 3), (2, 2), (3, 50), (7, 14), (1000, 1000)]
"""Operations of a function and of a module."""


def _expected(f, name, rows):
    """Return what the printed source gives under Python."""
    return np.array([flat(f.runtime.call(name)(*row)) for row in rows])


@pytest.mark.parametrize("last", [1, 20])
@pytest.mark.parametrize("seed", range(12))
def test_random_programs_have_the_bits_of_their_source(seed, last, monkeypatch):
    """With branches, without, cut anywhere: programs compute what their source does."""
    f = _program(seed, 50, last)
    rows = [*points(seed, 6), *EDGES]
    for name in ("value", "jacobian"):
        entry = f.runtime.entry(name)
        whole = strictly(entry)
        codes = levels(entry, monkeypatch)
        codes |= {f"cut {c}": cut(whole, *c, monkeypatch) for c in CUTS}
        found = {k: run(m, entry, rows) for k, m in codes.items()}
        assert [] == differences(_expected(f, name, rows), found)


RESULTS = {
    "an input": "x: param\nx",
    "a constant": "x: param\n3.5",
    "inputs and constants": "x: param\ny: param\nz = x*y\nz, x, 2.5, y, z, -0.0, x",
    "one node twice": "x: param\nz = sin(x)\nz, exp(z), z",
    "unused inputs": "x: param\ny: param\nz: param\nsin(y) + 1",
    "many": "\n".join(f"x{i}: param" for i in range(20))
    + "\n" + ", ".join(f"sin(x{i})*x{(i + 7) % 20}" for i in range(20)),
    "no inputs": "sin(0.5), 2",
}  # fmt: skip


@pytest.mark.parametrize("kind", RESULTS)
def test_odd_results_have_the_bits_of_their_source(kind, monkeypatch):
    """Results that are inputs, constants or the same; inputs that are not read."""
    f = ob.compile(RESULTS[kind], accuracy="strict", backend="python")
    count = len(f.graph.inputs)
    rows = np.random.default_rng(1).normal(size=(5, count)).tolist()
    for name in ("value", "jacobian") if count else ("value",):
        entry = f.runtime.entry(name)
        codes = levels(entry, monkeypatch)
        whole = strictly(entry)
        codes |= {f"cut {c}": cut(whole, *c, monkeypatch) for c in CUTS}
        found = {k: run(m, entry, rows) for k, m in codes.items()}
        assert [] == differences(_expected(f, name, rows), found)


CONDITION = "sin(x)*y > 0.25"
SAVED = {
    "few": f"x: param\ny: param\nwhere({CONDITION}, x*y, exp(x)*y)"
    f"*where({CONDITION}, y, x)",
    "many": "x: param\ny: param\n"
    + "*".join(f"where(x*y > {k}, sin(x*{k}.5), exp(y/{k}))" for k in range(1, 9)),
    "alone": "x: param\ny: param\n"
    + "+".join(f"where(x*y > {k}.5, {k}*x, x - y)" for k in range(-9, 9)),
}  # fmt: skip


@pytest.mark.parametrize("kind", SAVED)
def test_saved_conditions_come_back(kind):
    """What `forward` saves may be conditions, which `backward` takes as they are."""
    f = ob.compile(SAVED[kind], accuracy="strict")
    plain = ob.compile(SAVED[kind], accuracy="strict", backend="python")
    for point in ((0.7, 0.5), (2.5, 1.5), (-1.0, -3.5)):
        results = [g.backward(g.forward(*point)[1], 1.0) for g in (f, plain)]
        assert results[0] == results[1] == plain.value_and_grad(*point)[1]
