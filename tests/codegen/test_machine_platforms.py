"""Machine code as other machines make it: other kinds, fewer features, more refusals.

This machine takes their part where nothing but the choice of code depends on them.
Nothing here runs on Windows or ARM, whose own ABI and loader are thus untested.
"""

from __future__ import annotations

import re

import machine_platforms as other
import numpy as np
import pytest
from machine_levels import flat

import overbar as ob
from overbar.codegen.machine import (
    libraries,
    making,
    memory,
    pycalls,
    stencils,
    vectors,
)
from overbar.codegen.machine.loading import FIRST, LAYOUT
from overbar.codegen.machine.packing import Pack
from overbar.codegen.machine.points import points_text
from overbar.ir.errors import OverbarError
from overbar.native import wanted

with_stencils = pytest.mark.skipif(
    not stencils.available(), reason="no stencils on this machine"
)


@pytest.fixture
def files(monkeypatch):
    """Return what is kept on disk, here in memory, and nothing from before."""
    return other.no_disk(monkeypatch)


@pytest.mark.parametrize(
    ("machine", "system", "largest", "expected"),
    [
        ("x86_64", "linux", other.BITS, True),
        ("AMD64", "darwin", other.BITS, True),
        ("x86_64", "linux", 2**31 - 1, False),
        ("x86_64", "freebsd14", other.BITS, False),
        *((*kind, other.BITS, False) for kind in other.KINDS.values()),
    ],
)
def test_stencils_are_for_one_kind_of_machine(
    machine, system, largest, expected, monkeypatch
):
    """They are bytes of x86-64, called as System V has it."""
    monkeypatch.setattr(stencils, "allowed", lambda: True)
    other.pretend(monkeypatch, machine, system, largest)
    assert expected == stencils.available()


@pytest.mark.parametrize("kind", other.KINDS)
def test_long_formulas_run_on_other_kinds(kind, files, monkeypatch):
    """LLVM makes their first code there, which better code takes the place of."""
    other.pretend(monkeypatch, *other.KINDS[kind])
    assert FIRST in other.first_and_best(files)


def test_first_code_of_several_modules(files, monkeypatch):
    """What LLVM makes first of a very long formula calls from module to module."""
    monkeypatch.setattr(making, "CUT", 500)
    monkeypatch.setattr(making, "MODULE", 1_000)
    monkeypatch.setattr(making, "available", lambda: False)
    assert FIRST in other.first_and_best(files)


@with_stencils
def test_long_formulas_run_where_memory_may_not(files, monkeypatch):
    """Where the system refuses to run what was written, LLVM makes the first code."""
    assert LAYOUT in other.first_and_best(files)
    files.clear()
    monkeypatch.setattr(memory, "_RUN", 1 << 20)  # no such protection
    with pytest.raises(OverbarError, match="the system forbids it"):
        memory.Executable(b"\xc3")
    assert FIRST in other.first_and_best(files)


@with_stencils
def test_kept_stencils_are_passed_over_where_memory_may_not_run(files, monkeypatch):
    """Code that was kept where it ran is made anew where it does not."""
    f = ob.compile(other.LONG.formula, accuracy="strict")
    expected = f.value_and_grad(0.375)
    assert LAYOUT in map(other.what, files.values())
    monkeypatch.setattr(memory, "_RUN", 1 << 20)
    f = ob.compile(other.LONG.formula, accuracy="strict")
    assert expected == f.value_and_grad(0.375)
    assert FIRST in map(other.what, files.values())


LESS = {"no AVX-512": ("avx512", 4, "e"), "no AVX2": (other.NARROW, 2, "ed")}
"""What features there are not, and how many doubles a register then holds at most;
how symbols of libmvec's call wider ones."""


@pytest.mark.parametrize("less", LESS)
@pytest.mark.usefixtures("files")
def test_fewer_features_are_narrower_vectors(less, rng, monkeypatch):
    """No wider vector is used than there are registers for, and results are right."""
    names, most, wider = LESS[less]
    other.without(monkeypatch, names)
    assert most >= vectors.lanes()
    assert most >= max(libraries.widths(), default=0)
    f = ob.compile(other.LONG.formula)
    texts = making.core_texts(wanted(f.runtime.entry("value_and_grad")))
    wide = [int(n) for text in texts for n in re.findall(r"<(\d+) x double>", text)]
    assert most >= max(wide, default=0)
    assert not any(f"_ZGV{letter}" in t for t in texts for letter in wider)
    f.runtime.native.optimise("value_and_grad")
    found = flat(f.value_and_grad(0.375))
    np.testing.assert_allclose(found, [other.LONG.value, other.LONG.slope], rtol=1e-9)
    other.check_vectors(rng)


@pytest.mark.parametrize("kind", ["ARM under macOS", "Windows"])
@pytest.mark.usefixtures("files")
def test_without_libraries_every_lane_calls_libm(kind, rng, monkeypatch):
    """There are no packs, and batches are right."""
    other.without_libraries(monkeypatch)
    other.pretend(monkeypatch, *other.KINDS[kind])
    f = ob.compile(other.LONG.formula)
    entry = f.runtime.entry("value_and_grad")
    assert not any(isinstance(item, Pack) for item in wanted(entry).items)
    other.check_vectors(rng)


@pytest.mark.usefixtures("files")
def test_numba_makes_code_where_ours_is_not_loaded(rng, monkeypatch):
    """Numbers, batches and arrays go its way."""
    refused = other.without_loader(monkeypatch)
    f = ob.compile("x: param\nx*x*x")
    assert (0.125, (0.75,)) == f.value_and_grad(0.5)
    assert (0.125, 0.75) == f.flat.value_and_grad(np.array([0.5]))
    other.check_vectors(rng)
    assert refused


@pytest.mark.parametrize("triple", other.TRIPLES)
def test_llvm_makes_code_for_other_machines(triple, monkeypatch):
    """It takes our texts as other machines print them, and makes files for there."""
    other.without(monkeypatch, other.NARROW)
    other.without_libraries(monkeypatch)
    f = ob.compile(other.LONG.formula)
    long = wanted(f.runtime.entry("value_and_grad"))
    batch, _ = points_text(long, [False], "float64", vectors.Vectors.here(strict=False))
    texts = [*making.core_texts(long), batch, pycalls._text()]
    assert {other.TRIPLES[triple]} == {other.compiled_for(triple, t)[:4] for t in texts}
