"""Let this machine be another: of another kind, with fewer features or libraries."""

from __future__ import annotations

import json
import math
from functools import cache
from types import SimpleNamespace
from typing import Any

import llvmlite.binding as llvm
import numpy as np
import pytest
from irregular import irregular
from machine_levels import flat
from machine_points import FORMULAS, called

import overbar as ob
from overbar.codegen.machine import (
    arrays_math,
    inlined,
    lanes,
    libraries,
    points,
    pycalls,
    stencils,
    store,
    target,
    vectors,
)

KINDS = {
    "ARM under macOS": ("arm64", "darwin"),
    "ARM under Linux": ("aarch64", "linux"),
    "Windows": ("AMD64", "win32"),
}
LONG = irregular(1_500, 0.375, seed=5)
BITS = 2**63 - 1
_ELF, _MACH_O = b"\x7fELF", b"\xcf\xfa\xed\xfe"
TRIPLES = {
    "aarch64-apple-darwin": _MACH_O,
    "aarch64-unknown-linux-gnu": _ELF,
    "x86_64-apple-darwin": _MACH_O,
    "x86_64-pc-windows-msvc-elf": _ELF,
}
"""Platforms as LLVM calls them, and how files of object code begin there."""
CACHED = (
    (target, "features"), (target, "fingerprint"), (target, "_machine"),
    (libraries, "symbol"), (libraries, "address"), (vectors, "lanes"),
    (arrays_math, "_pairs"), (store, "tag"),
)  # fmt: skip
"""What is asked of the machine once a process."""
READERS = ((libraries, "features"), (vectors, "features"), (inlined, "features"),
           (points, "features"), (lanes, "features"),
           (store, "fingerprint"))  # fmt: skip
NARROW = (
    "avx", "fma", "f16c", "xop", "vaes", "vpclmul", "sha512", "sm3", "sm4", "amx",
)  # fmt: skip
"""How the names of features begin that need registers of 32 bytes."""


def forget(patch: pytest.MonkeyPatch) -> None:
    """Ask the machine anew, in this test."""
    for module, name in CACHED:
        patch.setattr(module, name, cache(getattr(module, name).__wrapped__))
    for module, name in READERS:
        patch.setattr(module, name, getattr(target, name))


def pretend(
    patch: pytest.MonkeyPatch, machine: str, system: str, largest: int = BITS
) -> None:
    """Let this be a machine of another kind, for what chooses code by it."""
    there = SimpleNamespace(machine=lambda: machine)
    patch.setattr(stencils, "platform", there)
    patch.setattr(stencils, "sys", SimpleNamespace(platform=system, maxsize=largest))


def without(patch: pytest.MonkeyPatch, prefixes: str | tuple[str, ...]) -> None:
    """Let the processor have no features of these names."""
    here = target.llvm.get_host_cpu_features()
    for name in here:
        here[name] = here[name] and not name.startswith(prefixes)
    forget(patch)
    patch.setattr(target.llvm, "get_host_cpu_features", lambda: here)


def without_libraries(patch: pytest.MonkeyPatch) -> None:
    """Let there be no library of functions over vectors."""
    forget(patch)
    patch.setattr(libraries, "opened", lambda _: None)


def without_loader(patch: pytest.MonkeyPatch) -> list[str]:
    """Let LLVM load no code; return what it refused."""
    pycalls.available()  # found out once a process
    refused = []

    def link(_: Any, __: Any, name: str) -> None:
        refused.append(name)
        raise RuntimeError("no such relocation")

    patch.setattr(llvm.JITLibraryBuilder, "link", link)
    return refused


def compiled_for(triple: str, text: str) -> bytes:
    """Return the object code of a module for another platform.

    Skips the test where this LLVM makes no code for that.
    """
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    try:
        there = llvm.Target.from_triple(triple)
    except RuntimeError as error:
        pytest.skip(str(error))
    machine = there.create_target_machine(jit=True)
    with (
        llvm.create_context() as context,
        llvm.parse_assembly(text, context=context) as module,
    ):
        module.triple = machine.triple
        module.data_layout = str(machine.target_data)
        module.verify()
        return machine.emit_object(module)  # type: ignore[no-any-return]


def no_disk(patch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """Return what is kept on disk, here in memory."""
    found: dict[str, bytes] = {}
    patch.setattr(store, "fetch", found.get)
    patch.setattr(store, "keep", found.__setitem__)
    return found


def what(data: bytes) -> str | None:
    """Return what kept code is, None where it is not an entry point's."""
    head, _, _ = data.partition(b"\n")
    return str(json.loads(head)[0]) if head.startswith(b"[") else None


def first_and_best(files: dict[str, bytes]) -> list[str | None]:
    """Call a long formula by its first code and its best; return what code was kept."""
    f = ob.compile(LONG.formula, accuracy="strict")
    results = [flat(f.value_and_grad(0.375))]
    kept = [what(data) for data in files.values()]
    f.runtime.native.optimise("value_and_grad")
    assert f.runtime.native.made("value_and_grad").machine.final
    results.append(flat(f.value_and_grad(0.375)))
    np.testing.assert_allclose(results[0], [LONG.value, LONG.slope], rtol=1e-9)
    assert results[0] == results[1]
    return kept


def check_vectors(rng: np.random.Generator) -> None:
    """Check batches by calls one by one under Python, and a formula over arrays."""
    x, y = rng.uniform(0.1, 3.0, (2, 37))
    for formula in FORMULAS.values():
        f, plain = (ob.compile(formula, backend=b) for b in ("auto", "python"))
        for name in ("value", "grad"):
            alone = [flat(plain.run_entry(name, [*p])) for p in zip(x, y, strict=True)]
            found = called(f, name, x, y)
            np.testing.assert_allclose(found, np.transpose(alone), 1e-12, 1e-13)
    v = rng.uniform(0.1, 3.0, 37)
    total = sum(math.sin(t) * math.exp(t) for t in v.tolist())
    f = ob.compile("v: param[n]\nsum(sin(v)*exp(v))")
    np.testing.assert_allclose(f(v), total, rtol=1e-13)
