"""Check vector math: accuracy, special values, and that a place changes no bit."""

from __future__ import annotations

import math
import pickle
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import mpmath
import numba
import numpy as np
import pytest

import overbar as ob
from overbar.codegen import vectormath
from overbar.codegen.load import load_module, load_vector

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

HERE = pytest.mark.skipif(not vectormath.available(), reason="no libmvec here")
DTYPES = ("float64", "float32")
MOST = 4.0
"""Units in the last place that libmvec promises, all functions alike."""
EXACT = {"maximum", "minimum"}
TRUE: dict[str, Callable[..., Any]] = {
    "exp2": lambda x: mpmath.mpf(2) ** x,
    "log2": lambda x: mpmath.log(x) / mpmath.log(2),
    **{f"arc{n}": getattr(mpmath, f"a{n}") for n in ("sin", "cos", "tan", "tan2")},
    **{f"arc{n}": getattr(mpmath, f"a{n}") for n in ("sinh", "cosh", "tanh")},
}
HEAD = "import math\n\nimport numpy as np\nfrom numba import njit\n\n\n"
LOOP = """@njit(cache=True, error_model="numpy")
def {name}({args}):
    out = np.empty_like(x)
    for i in range(x.shape[0]):
        out[i] = {function}({elements})
    return out


"""


def offered() -> list[str]:
    """Return the functions that stand-ins have of their own, as source names them."""
    own = {"np": np, "math": math}
    return [
        f"{short}.{name}"
        for short, there in own.items()
        for name, function in vars(vectormath.modules()[there.__name__]).items()
        if getattr(there, name, None) is not function
    ]


NAMES = [n for n in offered() if n.partition(".")[2] not in EXACT]


def source() -> str:
    """Return a module with a loop over arrays for each function."""
    return HEAD + "".join(
        LOOP.format(
            name=name.replace(".", "_"), function=name,
            args="x, y" if arity(name) == 2 else "x",
            elements="x[i], y[i]" if arity(name) == 2 else "x[i]",
        )
        for name in NAMES
    )  # fmt: skip


def arity(name: str) -> int:
    """Return how many arguments a function takes."""
    return 2 if name == "np.arctan2" else 1


def both(name: str) -> list[Callable[..., Any]]:
    """Return a function's loop with vector math, and with scalar libm."""
    loaders = (load_vector, load_module)
    return [getattr(load(source(), "vm"), name.replace(".", "_")) for load in loaders]


def points(dtype: str) -> Any:
    """Return about 1,500 numbers of every size, dense where functions bend."""
    rng, kind = np.random.default_rng(0), np.finfo(dtype)
    low, high = math.log10(float(kind.tiny)), math.log10(float(kind.max))
    near = 10.0 ** rng.uniform(math.log10(float(kind.eps)), 0.0, 50)
    found = np.concatenate([
        10.0 ** rng.uniform(low, high, 150),
        10.0 ** rng.uniform(-8.0, 4.0, 150),
        rng.uniform(0.0, 1.0, 100),
        rng.uniform(0.0, 1.03 * math.log(float(kind.max)), 150),
        rng.uniform(0.0, 1.06 * math.log2(float(kind.max)), 100),
        rng.uniform(0.0, 28.0, 50),
        1.0 - near,
        1.0 + near,
    ])  # fmt: skip
    found = np.concatenate([found, -found])
    return found[np.abs(found) <= float(kind.max)].astype(dtype)


def edges(dtype: str) -> Any:
    """Return special values: ends of domains, thresholds, zeros, subnormal numbers."""
    kind = np.finfo(dtype)
    tiny, eps, most = (float(v) for v in (kind.tiny, kind.eps, kind.max))
    found = [
        *(0.0, float(kind.smallest_subnormal), tiny / 2, tiny, tiny * (1 + eps)),
        *(eps / 2, 0.5, 1.0 - eps / 2, 1.0, 1.0 + eps, 2.0, math.pi / 2, math.pi),
        *(math.log(most), math.log(most) * (1 + eps), math.log(2 * most), 88.73),
        *(math.log(tiny) * -1.0, 745.13, 745.14, 103.97, 103.98, 149.5, 1074.5),
        *(127.99999, 128.0, 1023.9999999999999, 1024.0, 710.4758600739439, 89.5),
        *(26.543258454250198, 27.3, 10.054, 10.06, 2.0**23, 2.0**52, 2.0**53),
        *(most / 2, most, math.inf, math.nan),
    ]
    with np.errstate(all="ignore"):
        return np.array([*found, *(-v for v in found)]).astype(dtype)


def args_of(name: str, xs: Any) -> list[Any]:
    """Return arguments: of two, every other one far along in the list."""
    return [xs, np.roll(xs, 377)][: arity(name)]


def true_value(name: str, args: Any) -> Any:
    """Return a function's value in high precision; None where it is not real."""
    short = name.partition(".")[2]
    if short == "erfc" and args[0] > 40:
        return mpmath.mpf(0)  # exp(-1600): below all floats
    function = TRUE.get(short) or getattr(mpmath, short)
    with mpmath.workprec(120):
        found = function(*(mpmath.mpf(float(a)) for a in args))
    return found if isinstance(found, mpmath.mpf) else None


def ulps(found: Any, true: Any) -> float:
    """Return how far a float is from a number, in units in the last place."""
    if np.isnan(found):
        return math.inf
    most = mpmath.mpf(float(np.finfo(found.dtype).max))  # infinity counts as that
    near, true = (max(min(mpmath.mpf(v), most), -most) for v in (float(found), true))
    number = found.dtype.type(float(abs(true)))
    unit = np.spacing(np.nextafter(number, 0) if number == most else number)
    return float(abs(near - true) / mpmath.mpf(float(unit)))


def bits(values: Any) -> Any:
    """Return the representations of floats; all NaNs are one."""
    return np.where(np.isnan(values), math.nan, values).astype(values.dtype).tobytes()


ALL = """arccos arccosh arcsin arcsinh arctan arctan2 arctanh cos cosh erf erfc exp exp2
expm1 log log10 log1p log2 maximum minimum sin sinh tan tanh"""


@HERE
def test_what_is_offered() -> None:
    """The functions that the tests below go through are all that libmvec speeds up."""
    assert sorted(n.partition(".")[2] for n in offered()) == sorted(ALL.split())


def test_the_measure_is_right() -> None:
    """What is 5 units off, of the other sign, or no number, is not let through."""
    x, one = np.float64(1.0), mpmath.mpf(1)
    assert ulps(x, one) == 0
    assert ulps(x + 5 * np.spacing(x), one) == 5
    assert ulps(-x, one) > MOST
    assert ulps(np.float64("nan"), one) > MOST
    assert ulps(np.float64("inf"), mpmath.mpf(10) ** 400) == 0
    assert ulps(np.float64("inf"), mpmath.mpf(10) ** 300) > MOST


@HERE
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", NAMES)
def test_at_most_four_ulps(name: str, dtype: str) -> None:
    """Over its whole range a function is within libmvec's promise of the true value."""
    args = args_of(name, points(dtype))
    found = both(name)[0](*args)
    rows = zip(*args, strict=True)
    off = []
    for row, value in zip(rows, found, strict=True):
        true = true_value(name, row)
        if true is None:
            assert np.isnan(value), (row, value)
        elif not (error := ulps(value, true)) <= MOST:
            off.append((row, value, error))
    assert len(found) > 1000
    assert off == []


@HERE
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", NAMES)
def test_special_values_are_those_of_libm(name: str, dtype: str) -> None:
    """NaN, infinities, signed zeros come as libm has them, all else within 4 ulps."""
    xs = edges(dtype)
    args = [xs] if arity(name) == 1 else [m.ravel() for m in np.meshgrid(xs, xs)]
    found, expected = (function(*args) for function in both(name))
    with np.errstate(all="ignore"):
        near = np.abs(found - expected) <= (MOST + 1) * np.spacing(np.abs(expected))
    near |= found == expected  # infinities
    near &= np.signbit(found) == np.signbit(expected)
    wrong = ~(near | (np.isnan(found) & np.isnan(expected)))
    rows = zip(*(a[wrong] for a in args), found[wrong], expected[wrong], strict=True)
    assert list(rows) == []


@HERE
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", NAMES)
def test_a_place_in_an_array_changes_no_bit(name: str, dtype: str) -> None:
    """A value is the same at all offsets of arrays of all lengths, and alone."""
    chosen = np.random.default_rng(3).choice(points(dtype), 60)
    pool = np.concatenate([chosen, edges(dtype)[::4]])[:80]
    args = args_of(name, pool)
    function, _ = both(name)
    alone = [function(*(a[i : i + 1] for a in args)) for i in range(len(pool))]
    expected = np.concatenate(alone)
    for length in range(41):
        for start in range(41):
            part = slice(start, start + length)
            found = function(*(a[part] for a in args))
            assert bits(found) == bits(expected[part]), (length, start)


@HERE
@pytest.mark.parametrize("dtype", DTYPES)
def test_loops_are_vectorised(dtype: str) -> None:
    """The machine code of a loop calls the vector version; scalar libm does not."""
    vector, plain = both("np.exp")
    x = np.zeros(3, dtype)
    for kept, expected in ((vector, True), (plain, False)):
        function = numba.njit(kept.py_func)  # code from disk cannot be looked into
        function(x)
        text = function.inspect_llvm(function.signatures[-1])
        assert ("_ZGV" in text) == expected


EXTREMUM = HEAD + "".join(
    LOOP.format(
        name=name, function=f"np.{name}", args="x, y", elements="x[i], y[i]"
    ).replace("empty_like(x)", "empty(x.shape[0])")
    for name in sorted(EXACT)
)
NUMBERS = {
    "float64": [-math.inf, -1.5, 0.0, 2.0, math.inf, math.nan, 1e300, 5e-324],
    "float32": [-math.inf, -1.5, 0.0, 2.0, math.inf, math.nan, 1e30, 1e-45],
    "int64": [-(2**62), -3, 0, 2, 7, 2**52, 1, -1],
    "bool": [False, True, True, False, True, False, True, True],
}


@pytest.mark.parametrize("name", sorted(EXACT))
@pytest.mark.parametrize("first", NUMBERS)
@pytest.mark.parametrize("second", NUMBERS)
def test_extrema_are_those_of_numpy(name: str, first: str, second: str) -> None:
    """The larger and the smaller number, NaN if one is, for all dtypes that meet."""
    x = np.repeat(np.array(NUMBERS[first], first), 8)
    y = np.tile(np.array(NUMBERS[second], second), 8)
    found = getattr(load_vector(EXTREMUM, "extremum"), name)(x, y)
    np.testing.assert_array_equal(found, getattr(np, name)(x, y))


FORMULA = (
    "w: param[n]\nc: data[n]\nz = tanh(w)*log1p(c**2)\n1 + exp(sin(z)) + maximum(z, c)"
)


def given() -> list[Any]:
    """Return arguments of the formula: 37 numbers, so that no lanes come out even."""
    rng = np.random.default_rng(5)
    return [rng.normal(size=37), rng.normal(size=37)]


def test_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the library is missing, modules are those that run on scalar libm."""
    monkeypatch.setattr(vectormath, "available", lambda: False)
    text = source() + "# without\n"
    assert load_vector(text, "vm") is load_module(text, "vm")
    f = ob.compile(FORMULA.replace("1 +", "2 +"))
    assert not f.runtime.module("value").__name__.endswith("_vector")
    expected = ob.compile(FORMULA, accuracy="strict")(*given()) + 1
    np.testing.assert_allclose(f(*given()), expected, rtol=1e-14)


def test_strict_is_the_same_on_every_backend() -> None:
    """At strict accuracy there is no vector math: all bits are those without Numba."""
    compiled = ob.compile(FORMULA, accuracy="strict")
    plain = ob.compile(FORMULA, accuracy="strict", backend="python")
    assert bits(compiled(*given())) == bits(plain(*given()))
    assert not compiled.runtime.module("value").__name__.endswith("_vector")


@HERE
def test_standard_uses_it() -> None:
    """At standard accuracy the loops of arrays have vector math, numbers have not."""
    module = ob.compile(FORMULA).runtime.module("value")
    assert module.__name__.endswith("_vector")
    scalar = ob.compile("exp(x)").runtime.module("value")
    assert not scalar.__name__.endswith("_vector")


def says(script: str, *args: str, **environment: str) -> str:
    """Return what a fresh process prints, with the cache folder of these tests."""
    import os

    command = [sys.executable, "-W", "error", "-c", script, *args]
    return subprocess.run(
        command, capture_output=True, text=True, check=True,
        env={**os.environ, **environment},
    ).stdout  # fmt: skip


AGAIN = """
import sys
import numpy as np
from overbar.codegen.load import load_vector
text = open(sys.argv[1]).read()
f = load_vector(text, "again").np_exp
print(f(np.linspace(-3.0, 3.0, 37)).tobytes().hex())
print(sum(f.stats.cache_hits.values()), sum(f.stats.cache_misses.values()))
"""


@HERE
def test_a_second_process_compiles_nothing(tmp_path: Path) -> None:
    """Machine code with vector math comes from disk, and gives the same bits."""
    path = tmp_path / "text.py"
    path.write_text(source())
    cache = {"OVERBAR_CACHE_DIR": str(tmp_path / "cache")}
    first, second = (says(AGAIN, str(path), **cache).split("\n") for _ in range(2))
    assert first[0] == second[0]
    assert first[1] == "0 1"
    assert second[1] == "1 0"


@HERE
def test_other_processors(tmp_path: Path) -> None:
    """Code for any x86-64 takes the narrow registers, as exactly, beside ours."""
    path = tmp_path / "text.py"
    path.write_text(source())
    cache = {"OVERBAR_CACHE_DIR": str(tmp_path / "cache")}
    says(AGAIN, str(path), **cache)
    shown = says(AGAIN, str(path), **cache, NUMBA_CPU_NAME="generic").split("\n")
    found = np.frombuffer(bytes.fromhex(shown[0]))
    for value, x in zip(found, np.linspace(-3.0, 3.0, 37), strict=True):
        assert ulps(value, true_value("np.exp", [x])) <= MOST
    assert shown[1] == "0 1"


UNPICKLE = """
import pathlib, pickle, sys
f, args = pickle.loads(pathlib.Path(sys.argv[1]).read_bytes())
print(f(*args).tobytes().hex())
"""


def test_formulas_pickle(tmp_path: Path) -> None:
    """A formula that ran with vector math runs so in another process, bit for bit."""
    f = ob.compile(FORMULA)
    expected = f(*given()).tobytes().hex()
    path = tmp_path / "formula.pickle"
    path.write_bytes(pickle.dumps((f, given())))
    assert says(UNPICKLE, str(path)) == expected + "\n"


UNTOUCHED = """
import math, sys
import numba, numpy as np
from numba.core import config

def state():
    return {k: repr(v) for k, v in vars(config).items() if k.isupper()}

def text(n):
    @numba.njit
    def own(x):
        for i in range(x.shape[0]):
            x[i] = np.exp(x[i]) + math.erf(x[i]) + np.maximum(x[i], n)
    own(np.zeros(3))
    return own.inspect_asm(own.signatures[0])

before, functions = state(), (np.exp, math.erf, np.maximum)
assert "_ZGV" not in text(1.0)
import overbar as ob
f = ob.compile("w: param[n]\\nsum(exp(w)*max(w, 0.5))", backend="numba")
f.value_and_grad(np.ones(5))
assert any(m.endswith("_vector") for m in sys.modules)
assert state() == before
assert (np.exp, math.erf, np.maximum) == functions
assert "_ZGV" not in text(2.0)
"""


@HERE
def test_nothing_in_the_process_changes() -> None:
    """The user's own Numba functions, its settings and NumPy stay as they were."""
    assert says(UNTOUCHED) == ""


def test_bits_depend_on_no_place_in_whole_formulas() -> None:
    """Elements of a compiled formula are the same wherever they stand."""
    f = ob.compile(FORMULA)
    whole = f(*given())
    for start in range(20):
        for length in (1, 2, 3, 5, 8, 13):
            part = slice(start, start + length)
            found = f(*(a[part].copy() for a in given()))
            assert bits(found) == bits(whole[part])
