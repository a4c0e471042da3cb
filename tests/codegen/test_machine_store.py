"""Check that our own machine code comes back from disk; damage costs time alone."""

from __future__ import annotations

import errno
import json
import math
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import llvmlite.binding as llvm
import numpy as np
import pytest

import overbar as ob
from overbar.codegen import cache
from overbar.codegen.machine import making, store
from overbar.ir.errors import CacheWarning

if TYPE_CHECKING:
    from collections.abc import Callable

FORMULA = "x: param\ny: param\nsin(x)*y + sqrt(x)"
OTHER = "x: param\ny: param\ncos(x)*y - x"
POINT = (0.5, 2.0)
SLOPES = (math.cos(0.5) * 2.0 + 0.5 / math.sqrt(0.5), math.sin(0.5))
EXPECTED = (math.sin(0.5) * 2.0 + math.sqrt(0.5), SLOPES)
ENTRY = "value_and_grad"
posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX modes and processes")


@pytest.fixture
def compiled(folder, monkeypatch):  # noqa: ARG001 - the folder is set
    """Return the modules that LLVM compiled, from an empty cache on."""
    found = []
    real = llvm.parse_assembly

    def parse(text, *args, **options):
        found.append(text)
        return real(text, *args, **options)

    monkeypatch.setattr(llvm, "parse_assembly", parse)
    monkeypatch.setattr(store, "STORE", cache.Store())
    warm = ob.compile("x: param\nx + 1", accuracy="strict")
    warm.value_and_grad(1.0)  # how Python calls code is made once a process
    found.clear()
    return found


@pytest.fixture(params=["quick", "stencils"])
def level(request, monkeypatch):
    """Make code by LLVM, or from stencils, whose calls are made once a process."""
    if request.param == "stencils":
        for name in ("SHORT", "LARGEST_QUICK"):
            monkeypatch.setattr(making, name, 0)
    return request.param


def formula(text=FORMULA):
    """Return a formula as a process has it that has just started, but for the disk."""
    return ob.compile(text, accuracy="strict")


def path_of(f, folder):
    """Return where the code of its gradient is kept."""
    return folder / store.tag() / f"{f.runtime.native.made(ENTRY).key}.obj"


def right(f):
    """Whether it computes what it should."""
    value, slopes = f.value_and_grad(*POINT)
    return (value, tuple(slopes)) == (pytest.approx(EXPECTED[0]), pytest.approx(SLOPES))


def test_code_comes_back(compiled, folder, level):  # noqa: ARG001 - the fixture sets it
    """The same formula, made again, is loaded: no LLVM, and no file is written."""
    first = formula()
    assert right(first)
    path = path_of(first, folder)
    os.utime(path, ns=(1, 1))
    compiled.clear()
    assert right(formula())
    assert [] == compiled
    assert path.stat().st_mtime_ns == 1


def cut(path, where):
    """Cut a file off."""
    os.truncate(path, int(path.stat().st_size * where))


def flip(path, where):
    """Change one bit."""
    data = bytearray(path.read_bytes())
    data[int(len(data) * where)] ^= 1
    path.write_bytes(data)


def swap(path):
    """Put another formula's code there."""
    path.write_bytes(path_of(formula(OTHER), path.parents[1]).read_bytes())


def sealed(path, payload):
    """Write a payload under a digest that is right."""
    path.write_bytes(store._seal(f"{path.parent.name}/{path.name}", payload))


def headed(path, change):
    """Change what the head says, under a digest that is right."""
    head, _, code = path.read_bytes()[store._DIGEST :].partition(b"\n")
    sealed(path, json.dumps(change(json.loads(head))).encode() + b"\n" + code)


def to_folder(path):
    """Put a folder, with a file in it, in place of a file."""
    path.unlink()
    path.mkdir()
    (path / "inside").write_text("x")


def to_link(path):
    """Put a link to the same content in place of a file."""
    path.rename(path.with_suffix(".other"))
    path.symlink_to(path.with_suffix(".other"))


def other_version(path):
    """Put what another version of Overbar made of the same formula there."""
    payload = path.read_bytes()[store._DIGEST :]
    path.write_bytes(store._seal(f"overbar-other/{path.name}", payload))


DAMAGE: dict[str, Callable[[Path], object]] = {
    "missing": Path.unlink,
    "empty": lambda path: path.write_bytes(b""),
    "one byte": lambda path: path.write_bytes(b"x"),
    "inside the digest": lambda path: os.truncate(path, 20),
    "the digest alone": lambda path: os.truncate(path, store._DIGEST),
    "inside the head": lambda path: os.truncate(path, store._DIGEST + 9),
    "half": lambda path: cut(path, 0.5),
    "all but the end": lambda path: cut(path, 0.999),
    "longer": lambda path: path.write_bytes(path.read_bytes() + b"x"),
    "a bit at the start": lambda path: flip(path, 0),
    "a bit in the head": lambda path: flip(
        path, (store._DIGEST + 3) / path.stat().st_size
    ),
    "a bit in the middle": lambda path: flip(path, 0.5),
    "a bit at the end": lambda path: flip(path, 0.9999),
    "zeros": lambda path: path.write_bytes(bytes(path.stat().st_size)),
    "zeros after the digest": lambda path: path.write_bytes(
        path.read_bytes()[: store._DIGEST] + bytes(5000)
    ),
    "random bytes": lambda path: path.write_bytes(np.random.default_rng(0).bytes(9999)),
    "another formula's": swap,
    "another version's": other_version,
    "a folder": to_folder,
    "a link": to_link,
    "a pipe": lambda path: [path.unlink(), os.mkfifo(path)],
    "writable by all": lambda path: path.chmod(0o666),
    "sealed, empty": lambda path: sealed(path, b""),
    "sealed, no head": lambda path: sealed(path, b"machine code"),
    "sealed, a number as head": lambda path: headed(path, lambda _: 42),
    "sealed, a short head": lambda path: headed(path, lambda head: head[:2]),
    "sealed, an unknown kind": lambda path: headed(path, lambda h: ["new", *h[1:]]),
}


@posix
@pytest.mark.parametrize("kind", DAMAGE)
def test_damage_costs_one_compilation(compiled, folder, level, kind):
    """A file that is not as it was written is made again, once, and is right then."""
    first = formula()
    assert right(first)
    path = path_of(first, folder)
    original = path.read_bytes()
    DAMAGE[kind](path)
    compiled.clear()
    assert right(formula())
    assert compiled or level == "stencils"
    assert path.read_bytes() == original
    compiled.clear()
    assert right(formula())
    assert [] == compiled


@posix
def test_unreadable_files_are_made_again(compiled, folder, monkeypatch):
    """Where a file cannot be read, code is made and the file is replaced."""
    first = formula()
    assert right(first)
    path, real = path_of(first, folder), os.open
    path.chmod(0)

    def refuse(name, *args, **options):
        if name == str(path) or name == path:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), name)
        return real(name, *args, **options)

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", refuse)  # root may read everything
        compiled.clear()
        assert right(formula())
        assert len(compiled) == 1
    compiled.clear()
    assert right(formula())
    assert [] == compiled


def test_a_full_disk_costs_one_warning(compiled, monkeypatch):
    """When nothing can be written any more, formulas are made and right."""
    del compiled

    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(tempfile, "mkstemp", full)
    with pytest.warns(CacheWarning, match="No space left") as caught:
        assert [right(formula()) for _ in range(3)] == [True] * 3
    assert len(caught) == 1


def test_edited_sources_have_a_folder_of_their_own(monkeypatch, tmp_path):
    """Code made by one state of the sources is not another's; all of them count."""
    names = {path.name for path in store._sources()}
    assert {"straight.py", "elementary.py", "native.py"} <= names
    source = tmp_path / "source.py"
    source.write_text("x = 1")
    monkeypatch.setattr(store, "_sources", lambda: iter([source]))
    tags = []
    for change in (
        lambda: None,
        lambda: source.write_text("x = 12"),
        lambda: os.utime(source, ns=(1, 1)),
        lambda: os.utime(source, ns=(1, 1)),
    ):
        change()
        tags.append(store.tag.__wrapped__())
    assert len(set(tags)) == 3
    assert tags[2] == tags[3]
    monkeypatch.setattr(store, "fingerprint", lambda: "another processor")
    assert store.tag.__wrapped__() not in tags
    monkeypatch.setattr(store, "_sources", lambda: iter([]))  # as in an archive
    tags = [store.tag.__wrapped__()]
    monkeypatch.setattr(ob, "__version__", "0.0.0")
    assert store.tag.__wrapped__() not in tags


def test_the_cache_knows_its_files(compiled, folder, monkeypatch):
    """Code counts among what is cached, and is purged; formulas are made again."""
    monkeypatch.setattr(cache, "STORE", store.STORE)
    assert right(formula())
    files = list(folder.glob("*/*.obj"))
    assert cache.cache_info().files == len(files) > 0
    assert cache.cache_info().bytes == sum(path.stat().st_size for path in files)
    cache.purge()
    assert [] == list(folder.glob("*/*"))
    compiled.clear()
    assert right(formula())
    assert len(compiled) == 1
