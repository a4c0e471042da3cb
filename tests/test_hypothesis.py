"""Drawn formulas give the same in each mode, level and way to run, kept or carried.

The formulas come from the op table: a new op is fuzzed by existing.
"""

from __future__ import annotations

import importlib.util
import json
import os
import pickle
import subprocess
import sys
from types import SimpleNamespace
from unittest import mock

import numpy as np
from drawn import REWRITTEN, WITH_KINKS, formulas, rounding
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import overbar as ob
from overbar.ir.ops import OPS

UNITS = 32.0
LOWER = np.tril_indices(3)
NAMES = ("x", "y", "z")
SMOOTH = sorted(
    name
    for name, row in OPS.items()
    if row.parsed and row.kink is None and not row.is_flat and row.arity in {1, 2}
)
LEAVES = st.one_of(
    st.sampled_from(NAMES),
    st.integers(1, 9).map(str),
    st.floats(0.125, 4.0, width=16).map(repr),
)


def _grow(parts):
    calls = [
        st.tuples(*[parts] * OPS[name].arity).map(
            lambda args, name=name: f"{name}({', '.join(args)})"
        )
        for name in SMOOTH
    ]
    infix = st.tuples(parts, st.sampled_from("+-*/"), parts).map(
        lambda t: f"({t[0]} {t[1]} {t[2]})"
    )
    return st.one_of(infix, *calls)


ANYTHING = st.recursive(LEAVES, _grow, max_leaves=6).map(
    lambda text: f"x: param\ny: param\nz: param\n{text}"
)
"""Formulas that may be singular or NaN anywhere."""
POINTS = st.tuples(*[st.sampled_from([-1.5, -0.0, 0.0, 0.3, 1.0, 700.0])] * 3)


def _gradient(f, point):
    value, gradient = f.value_and_grad(*point)
    return np.array([value, *gradient])


def _moves(f, drawn):
    return rounding(f, "value_and_grad", drawn.point)


def _same(found, expected, moves):
    """Fail where results differ by more than the rounding of operations explains."""
    assume(np.isfinite(moves).all() and max(moves) < 1e-3)
    allowed = UNITS * (moves + 2.0**-53 * np.abs(expected)) + 1e-290
    assert (np.abs(np.array(found) - expected) <= allowed).all(), (found, expected)


@settings(max_examples=120)
@given(formulas(WITH_KINKS))
def test_reverse_agrees_with_forward(drawn):
    """The gradient is the tangent in each direction, to rounding."""
    f = drawn.compiled(accuracy="strict")
    found = _gradient(f, drawn.point)
    tangents = [f.jvp(drawn.point, row) for row in np.eye(3).tolist()]
    moves = _moves(f, drawn)
    _same(tangents, found[1:], moves[1:])


@settings(max_examples=120)
@given(formulas(WITH_KINKS))
def test_levels_of_accuracy_agree(drawn):
    """Strict and standard differ by what rounding of the strict one explains."""
    strict, standard = (drawn.compiled(accuracy=a) for a in ("strict", "standard"))
    expected = _gradient(strict, drawn.point)
    _same(_gradient(standard, drawn.point), expected, _moves(strict, drawn))


@settings(max_examples=250)
@given(formulas(REWRITTEN, names=2))
def test_rewrites_keep_second_derivatives(drawn):
    """Of two inputs come many sums and quotients that standard rewrites."""
    strict, standard = (drawn.compiled(accuracy=a) for a in ("strict", "standard"))
    hessian, expected = (np.array(f.hessian(*drawn.point)) for f in (standard, strict))
    moves = rounding(strict, "hessian", drawn.point)
    floor = 1e-13 * (1 + np.abs(expected).max())  # x/x - 1 has no error when strict
    _same(hessian[LOWER], expected[LOWER], moves + floor)


@settings(max_examples=60)
@given(formulas(WITH_KINKS))
def test_source_agrees_with_reference(drawn):
    """Generated source, run without Numba, gives what the graph gives."""
    f = drawn.compiled()
    found = _gradient(drawn.compiled(backend="python"), drawn.point)
    _same(found, _gradient(f, drawn.point), _moves(f, drawn))


@settings(max_examples=60)
@given(ANYTHING, POINTS)
def test_source_agrees_with_reference_where_nothing_is_smooth(text, point):
    """NaN and infinity appear in the same places, in source and in the graph."""
    f, g = (ob.compile(text, backend=b) for b in ("reference", "python"))
    found, expected = _gradient(g, point), _gradient(f, point)
    np.testing.assert_array_equal(np.isnan(found), np.isnan(expected))
    at = np.isinf(expected)
    np.testing.assert_array_equal(found[at], expected[at])


@settings(max_examples=60)
@given(ANYTHING, POINTS)
def test_pickles_are_the_same(text, point):
    """A pickled copy is equal, prints the same bytes and gives the same bits."""
    f = ob.compile(text, backend="reference")
    g = pickle.loads(pickle.dumps(f))
    assert g == f
    assert hash(g) == hash(f)
    assert g.source == f.source
    np.testing.assert_array_equal(_gradient(g, point), _gradient(f, point))


# -- saved modules -----------------------------------------------------------------


def _module(path):
    """Import a saved module where neither Overbar nor Numba can be imported."""
    numba = SimpleNamespace(njit=lambda **_: lambda function: function)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    with mock.patch.dict(sys.modules, {"numba": numba, "overbar": None}):
        spec.loader.exec_module(module)
    return module


@settings(max_examples=60)
@given(drawn=formulas(WITH_KINKS))
def test_saved_modules_need_neither_overbar_nor_numba(tmp_path_factory, drawn):
    """What `save` writes runs by itself, fused and in two passes."""
    f = drawn.compiled()
    module = _module(f.save(tmp_path_factory.mktemp("saved") / "saved.py"))
    with np.errstate(all="ignore"):
        value, gradient = module.value_and_grad(*map(np.float64, drawn.point))
        ahead, saved = module.forward(*map(np.float64, drawn.point))
        adjoints = module.backward(saved, np.float64(1.0))
    moves, expected = _moves(f, drawn), _gradient(f, drawn.point)
    _same([value, *gradient], expected, moves)
    _same([ahead, *adjoints], expected, moves)


RUN = """
import importlib, json, sys
sys.modules["overbar"] = None
found = {}
for name, point in json.load(sys.stdin).items():
    value, gradient = importlib.import_module(name).value_and_grad(*point)
    found[name] = [value, *gradient]
print(json.dumps(found))
"""


def test_numba_gives_the_same_as_saved_modules(tmp_path):
    """Compiled by Overbar or on its own in another process: the same bits."""
    points, expected = {}, {}

    @settings(max_examples=6)
    @given(formulas(WITH_KINKS))
    def save(drawn):
        name = f"saved{len(points)}"
        f = drawn.compiled(backend="numba")
        f.save(tmp_path / f"{name}.py")
        points[name], expected[name] = drawn.point, _gradient(f, drawn.point)
        plain = drawn.compiled()
        _same(expected[name], _gradient(plain, drawn.point), _moves(plain, drawn))

    save()
    found = subprocess.run(
        [sys.executable, "-c", RUN], cwd=tmp_path, input=json.dumps(points),
        check=True, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": ""},
    ).stdout  # fmt: skip
    assert {k: v.tolist() for k, v in expected.items()} == json.loads(found)


SOURCES = """
import json, sys, overbar
texts = json.load(sys.stdin)
print(json.dumps([overbar.compile(t, backend="reference").source for t in texts]))
"""


def test_sources_are_the_same_whatever_the_hash_seed():
    """Sources are byte-identical in a process whose strings hash differently."""
    texts, expected = [], []

    @settings(max_examples=40)
    @given(formulas(WITH_KINKS))
    def collect(drawn):
        texts.append(drawn.text)
        expected.append(drawn.compiled().source)

    collect()
    found = subprocess.run(
        [sys.executable, "-c", SOURCES], input=json.dumps(texts),
        check=True, capture_output=True, text=True,
        env={**os.environ, "PYTHONHASHSEED": "11"},
    ).stdout  # fmt: skip
    assert expected == json.loads(found)
