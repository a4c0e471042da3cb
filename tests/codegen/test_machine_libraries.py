"""Libraries of functions over vectors that come, are asked first, and are taken away.

Intel's is not installed where these tests usually run: a C compiler makes one that
calls C's functions lane by lane, with the bits of these, and counts its calls.
"""

from __future__ import annotations

import ctypes
import platform
import shutil
import subprocess
import sys
from types import SimpleNamespace

import machine_platforms as other
import numpy as np
import pytest

import overbar as ob
from overbar.codegen import cache
from overbar.codegen.machine import libraries, store
from overbar.codegen.machine.libraries import LIBMVEC, SVML, opened
from overbar.codegen.machine.making import core_texts
from overbar.ir.errors import UnsupportedError
from overbar.native import wanted

COMPILER = shutil.which("gcc") or shutil.which("cc")
HERE = platform.machine() == "x86_64" and sys.platform == "linux"
needs_compiler = pytest.mark.skipif(
    not (COMPILER and HERE), reason="no C compiler for this test's library"
)
NEEDED = "void overbar_count(long *calls) { ++*calls; }\n"
SOURCE = """
double expm1(double), atanh(double);
float expm1f(float), atanhf(float);
void overbar_count(long *);
long calls;
typedef double d2 __attribute__((vector_size(16)));
typedef double d4 __attribute__((vector_size(32)));
typedef double d8 __attribute__((vector_size(64)));
typedef float f4 __attribute__((vector_size(16)));
typedef float f8 __attribute__((vector_size(32)));
typedef float f16 __attribute__((vector_size(64)));
#define OVER(name, kind, lanes, feature) \\
    __attribute__((target(feature))) \\
    kind##lanes __svml_##name##lanes(kind##lanes x) { \\
        for (int i = 0; i < lanes; ++i) x[i] = name(x[i]); \\
        overbar_count(&calls); \\
        return x; \\
    }
#define ALL(name) \\
    OVER(name, d, 2, "sse2") OVER(name, d, 4, "avx2") OVER(name, d, 8, "avx512f") \\
    OVER(name##f, f, 4, "sse2") OVER(name##f, f, 8, "avx2") \\
    OVER(name##f, f, 16, "avx512f")
ALL(expm1) ALL(atanh)
"""
"""Its functions: one of which this library is asked first, one of which it is not."""
MADE = SVML._replace(files=("libneeded-by-a-test.so.5", "libsvml-of-a-test.so"))
"""Under names that are not those of libraries which this process may have open."""
FORMULA = "x: param\ny: param\natanh(x/5)*y + expm1(y)"


def shared(folder, name, source, *more):
    """Compile a shared library."""
    text = folder / f"{name}.c"
    text.write_text(source)
    options = ["-shared", "-fPIC", "-O1", f"-Wl,-soname,{name}", "-o", folder / name]
    subprocess.run([COMPILER, *options, text, *more, "-lm"], check=True)


@pytest.fixture(scope="module")
def prefix(tmp_path_factory):
    """Return a folder where the library is installed, as packages of Python's do it."""
    prefix = tmp_path_factory.mktemp("prefix")
    folder = prefix / "lib"
    folder.mkdir()
    needed, library = MADE.files
    shared(folder, needed, NEEDED)
    shared(folder, library, SOURCE, folder / needed)
    return prefix


@pytest.fixture
def put(monkeypatch, folder):  # noqa: ARG001 - the cache's folder is set
    """Return a function that starts anew, with Python installed in a folder."""
    real = opened.__wrapped__

    def start(prefix, *, without=()):
        other.forget(monkeypatch)
        where = SimpleNamespace(prefix=str(prefix), platform="linux")
        monkeypatch.setattr(libraries, "sys", where)
        known = (LIBMVEC, MADE)
        found = {each: None if each in without else real(each) for each in known}
        monkeypatch.setattr(libraries, "LIBRARIES", known)
        monkeypatch.setattr(libraries, "opened", found.get)
        monkeypatch.setattr(store, "STORE", cache.Store())
        return found[MADE]

    return start


def calls(library):
    """Return how often the library was called."""
    return ctypes.c_long.in_dll(library, "calls").value


def points(rng):
    """Return some points and what the formula is there, number by number."""
    x, y = rng.uniform(0.1, 3.0, (2, 37))
    alone = ob.compile(FORMULA, accuracy="strict")
    return x, y, [alone(a, b) for a, b in zip(x.tolist(), y.tolist(), strict=True)]


@needs_compiler
def test_a_library_is_found_where_python_is_installed(prefix, put):
    """It and what it needs are opened there, though the system knows neither."""
    assert put(prefix) is not None
    assert libraries.symbol("expm1", 2) is not None
    assert libraries.symbol("expm1", 3) is None


@needs_compiler
def test_libraries_are_asked_in_turn(prefix, put, monkeypatch):
    """One that is quicker first; the other for what that has not."""
    put(prefix, without=[LIBMVEC])
    found = [libraries.symbol(name, 2) for name in ("atanh", "expm1", "sin")]
    assert ["__svml_atanh2", "__svml_expm12", None] == found
    assert "__svml_atanhf4" == libraries.symbol("atanh", 4, dtype="float32")
    made = put(prefix)
    some = dict.fromkeys(("_ZGVbN2v_atanh", "_ZGVbN2v_sin"), made.overbar_count)
    both = {LIBMVEC: SimpleNamespace(**some), MADE: made}
    monkeypatch.setattr(libraries, "opened", both.get)
    found = [libraries.symbol(name, 2) for name in ("atanh", "expm1", "sin")]
    assert ["__svml_atanh2", "__svml_expm12", "_ZGVbN2v_sin"] == found


def test_registers_of_other_processors_have_symbols_of_their_own(monkeypatch):
    """On ARM libmvec's functions are over two doubles, and SVML has none."""
    other.forget(monkeypatch)
    monkeypatch.setattr(libraries, "features", lambda: {"neon": True})
    monkeypatch.setattr(libraries, "address", lambda _: 1)
    assert "_ZGVnN2vv_atan2" == libraries.symbol("atan2", 2, 2)
    assert "_ZGVnN4v_expf" == libraries.symbol("exp", 4, dtype="float32")
    assert libraries.symbol("exp", 8) is None


@needs_compiler
@pytest.mark.parametrize("without", [(), (LIBMVEC,)], ids=["beside", "alone"])
def test_batches_call_it(without, prefix, put, rng):
    """Results are those of its functions; at strict each lane calls libm."""
    x, y, alone = points(rng)
    library = put(prefix, without=without)
    before = calls(library)
    np.testing.assert_allclose(ob.compile(FORMULA)(x, y), alone, rtol=1e-14)
    after = calls(library)
    assert after > before
    strict = ob.compile(FORMULA, accuracy="strict")
    np.testing.assert_array_equal(alone, strict(x, y))
    assert calls(library) == after


@needs_compiler
def test_loops_over_arrays_call_it(prefix, put, rng):
    """LLVM's vectoriser takes its functions."""
    library = put(prefix)
    before = calls(library)
    v = rng.uniform(-0.9, 0.9, 37)
    found = ob.compile("v: param[n]\natanh(v) + expm1(v)")(v)
    np.testing.assert_allclose(found, np.arctanh(v) + np.expm1(v), rtol=1e-14)
    assert calls(library) > before


@needs_compiler
def test_long_formulas_call_it(prefix, put):
    """Their optimised code does, from the disk as well."""
    library = put(prefix)
    wide = max(libraries.widths()) > 2
    terms = [f"atanh(x*{i / 512} - y/{i * i + 2})" for i in range(300)]
    text = f"x: param\ny: param\n{' + '.join(terms)}"
    expected = ob.compile(text, accuracy="strict").value_and_grad(0.5, 0.25)
    f = ob.compile(text)
    texts = core_texts(wanted(f.runtime.entry("value_and_grad")))
    assert wide == any("@__svml_atanh" in each for each in texts)
    f.build("value_and_grad", optimise=True)
    f = ob.compile(text)
    before = calls(library)
    value, slopes = f.value_and_grad(0.5, 0.25)
    assert wide == (calls(library) > before)
    np.testing.assert_allclose((value, *slopes), (expected[0], *expected[1]), 1e-12)


@needs_compiler
def test_code_is_made_anew_when_a_library_comes_or_goes(prefix, put, rng):
    """What calls its functions is not run without it, nor the other way round."""
    x, y, alone = points(rng)
    tags = []
    library = put(prefix)
    for there in (False, True, False, True):
        put(prefix if there else "/nowhere", without=[] if there else [MADE])
        before = calls(library)
        np.testing.assert_allclose(ob.compile(FORMULA)(x, y), alone, rtol=1e-14)
        assert there == (calls(library) > before)
        tags.append(store.tag())
    assert tags[:2] == tags[2:]
    assert tags[0] != tags[1]


@needs_compiler
def test_code_is_made_anew_when_a_function_is_gone(prefix, put, rng, monkeypatch):
    """Code from the disk that calls what is not there is made again, without it."""
    x, y, alone = points(rng)
    library = put(prefix)
    ob.compile(FORMULA)(x, y)
    tag, before = store.tag(), calls(library)
    put("/nowhere", without=[MADE])
    monkeypatch.setattr(store, "tag", lambda: tag)
    (found,) = ob.compile(FORMULA).runtime.pointwise.run("value", [x, y], x.shape)
    np.testing.assert_allclose(found, alone, rtol=1e-14)
    assert calls(library) == before
    with pytest.raises(UnsupportedError, match="expected a function __svml_atanh2"):
        libraries.addresses(["__svml_atanh2"])


@pytest.mark.parametrize("content", [b"", b"no library"])
def test_a_file_that_is_no_library_is_passed_over(content, tmp_path, put, rng):
    """Functions are then those of the other libraries."""
    folder = tmp_path / "lib"
    folder.mkdir()
    (folder / MADE.files[-1]).write_bytes(content)
    x, y, alone = points(rng)
    assert put(tmp_path) is None
    np.testing.assert_allclose(ob.compile(FORMULA)(x, y), alone, rtol=1e-14)
