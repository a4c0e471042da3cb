"""Batches in vectors: points that know nothing of others, columns, threads."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import numpy as np
import pytest

import overbar as ob
from overbar.codegen.machine import threads, vectors
from overbar.ir.errors import InputError

LONGEST = 40
FORMULAS = {
    "functions": "exp(-x*y)*sin(x) + log(x + y)*tanh(x - y)",
    "branch": "where(x > y, sqrt(x - y), log(y - x + 1)) + x**3",
    "helpers": "sigmoid(x) + gammaln(y) + log(1 + exp(x*y)) + hypot(x, y)",
    "arithmetic": "x*y/(1 + x*x) - max(x, y) + abs(x - y)",
}
ENTRIES = ("value", "grad", "hessian", "vjp", "jvp")


def called(f, name, x, y):
    """Return an entry point's results at points, as rows."""
    extra = {"vjp": [1.5], "jvp": [0.5, np.ones_like(x)]}.get(name, [])
    return np.array(f.run_entry(name, [x, y, *extra]))


@pytest.fixture
def rng():
    """Return the same random numbers every time."""
    return np.random.default_rng(11)


@pytest.fixture
def lots(monkeypatch):
    """Let three threads share every batch, in small pieces."""
    monkeypatch.setattr(threads, "SMALLEST", 0)
    monkeypatch.setattr(threads, "_PIECE", 1)
    monkeypatch.setenv(threads.VARIABLE, "3")


# -- points --------------------------------------------------------------------------


@pytest.mark.parametrize("accuracy", ["standard", "strict"])
@pytest.mark.parametrize("formula", FORMULAS)
def test_a_point_knows_nothing_of_others(formula, accuracy, rng):
    """Bits are the same at every length and offset, in any order, with any strides."""
    f = ob.compile(FORMULAS[formula], accuracy=accuracy)
    x, y = rng.uniform(0.1, 3.0, (2, LONGEST))
    for name in ENTRIES:
        whole = called(f, name, x, y)
        for n in range(1, LONGEST + 1):
            start = (3 * n) % (LONGEST - n + 1)
            some = slice(start, start + n)
            np.testing.assert_array_equal(
                called(f, name, x[some], y[some]), whole[:, some]
            )
        order = rng.permutation(LONGEST)
        np.testing.assert_array_equal(
            called(f, name, x[order], y[order]), whole[:, order]
        )
        np.testing.assert_array_equal(called(f, name, x[::-3], y[::-3]), whole[:, ::-3])


@pytest.mark.usefixtures("lots")
def test_long_batches_are_their_points(rng):
    """More points than a block holds, by one thread or by three, are what few are."""
    f = ob.compile(FORMULAS["functions"])
    x, y = rng.uniform(0.1, 3.0, (2, 5_003))
    whole = called(f, "value", x, y)
    for n in (1, 255, 256, 257, 263, 264, 512, 4_999):
        np.testing.assert_array_equal(called(f, "value", x[:n], y[:n]), whole[:, :n])
        np.testing.assert_array_equal(called(f, "value", x[-n:], y[-n:]), whole[:, -n:])


@pytest.mark.parametrize("name", ENTRIES)
@pytest.mark.parametrize("formula", FORMULAS)
def test_strict_batches_are_calls(formula, name, rng):
    """At strict a batch has the bits of calls, one by one."""
    f = ob.compile(FORMULAS[formula], accuracy="strict")
    x, y = rng.uniform(-3.0, 3.0, (2, 17))
    together = called(f, name, x, y)
    more = {"vjp": [1.5], "jvp": [0.5, 1.0]}.get(name, [])
    alone = [
        f.run_entry(name, [a, b, *more])
        for a, b in zip(x.tolist(), y.tolist(), strict=True)
    ]
    np.testing.assert_array_equal(together, np.array(alone).T)


@pytest.mark.parametrize("formula", FORMULAS)
def test_batches_are_what_numba_makes_of_the_source(formula, rng):
    """They agree with the generated source, compiled by Numba, to rounding."""
    x, y = rng.uniform(0.1, 3.0, (2, 37))
    f, g = (ob.compile(FORMULAS[formula], backend=b) for b in ("auto", "numba"))
    for name in ENTRIES:
        found, expected = called(f, name, x, y), called(g, name, x, y)
        np.testing.assert_allclose(found, expected, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("n", range(1, 18))
@pytest.mark.parametrize(
    ("formula", "bad"),
    [
        ("where(x > 0, sqrt(x), 0)", -1.0),
        ("where(x > 0, log(x), 0)", 0.0),
        ("where(x < 1, acos(x), 0)", 1.0),
        ("where(x != 0, sin(x)/x, 1)", 0.0),
        ("where(x > 0, x**0.5*log(x), 0)", -2.0),
        ("where(x < 700, exp(x), 0)", 1e4),
    ],
)
def test_untaken_branches_do_not_poison(formula, bad, n):
    """Where the other side is taken, value, gradient and Hessian are those of that."""
    f = ob.compile(formula, wrt="x")
    x = np.where(np.arange(n) % 3 == n % 3, bad, 0.3)
    good = x != bad
    aside = float(f(bad))
    for name, other in (("value", aside), ("grad", 0.0), ("hessian", 0.0)):
        (found,) = f.run_entry(name, [x])
        alone = f.run_entry(name, [0.3])
        np.testing.assert_array_equal(found[~good], np.full((~good).sum(), other))
        np.testing.assert_allclose(found[good], alone * good.sum(), rtol=1e-14)


# -- columns -------------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 7, 8, 9, 300])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_columns_of_all_dtypes(n, dtype, rng):
    """Floats, integers and masks are read as they are, strided or one number."""
    x, s = ob.param("x", dtype=dtype), ob.data("s", dtype=dtype)
    k, b = ob.data("k", dtype="int64"), ob.data("b", dtype="bool")
    f = ob.compile(ob.where(b, x * (k > 2), x + s))
    xs, ss = rng.normal(size=(2, n)).astype(dtype)
    ks, bs = rng.integers(-9, 9, n), rng.random(n) < 0.5
    given = {"x": xs, "s": ss, "k": ks, "b": bs}
    expected = np.where(bs, xs * (ks > 2), xs + ss)
    assert expected.dtype == dtype
    np.testing.assert_array_equal(f(**given), expected)
    wide = {name: np.repeat(a, 2)[::2] for name, a in given.items()}
    np.testing.assert_array_equal(f(**wide), expected)
    back = {name: a[::-1].copy()[::-1] for name, a in given.items()}
    np.testing.assert_array_equal(f(**back), expected)
    for flag in (True, False):
        single = np.where(flag, xs, xs + ss[0])
        found = f(x=xs, k=3, b=flag, s=ss[0])
        np.testing.assert_array_equal(found, single)
        assert dtype == found.dtype


def test_large_integers_stay_exact():
    """An integer that no double holds is an integer in a batch."""
    k = ob.data("k", dtype="int64")
    f = ob.compile(ob.where(k == 2**53 + 1, 1.0, 0.0) + 0 * ob.param("x"))
    np.testing.assert_array_equal(
        f(np.array([2**53, 2**53 + 1]), np.zeros(2)), [0.0, 1.0]
    )


def test_axes_broadcast(rng):
    """Rows, columns, transposes and single entries meet as NumPy has them meet."""
    f = ob.compile(FORMULAS["functions"], accuracy="strict")
    x, y = rng.uniform(0.1, 3.0, (5, 1)), rng.uniform(0.1, 3.0, (1, 7))
    full = [np.array(a) for a in np.broadcast_arrays(x, y)]
    expected = f(*full)
    assert (5, 7) == expected.shape
    np.testing.assert_array_equal(f(x, y), expected)
    np.testing.assert_array_equal(f(full[0].T, full[1].T), expected.T)
    np.testing.assert_array_equal(f(np.asfortranarray(full[0]), y), expected)
    np.testing.assert_array_equal(f(x[:1], y[0]), expected[:1])
    assert (0,) == f(np.zeros(0), 1.0).shape
    with pytest.raises(InputError, match="broadcast"):
        f(np.zeros(3), np.zeros(4))


def test_misaligned_columns_are_read(rng):
    """Numbers that lie across words are read all the same."""
    data = np.zeros(8 * 20 + 1, "uint8")
    x = data[1:].view("float64")
    x[:] = rng.normal(size=20)
    f = ob.compile("x*x + 1")
    np.testing.assert_array_equal(f(x), x.copy() ** 2 + 1)


def test_many_versions_of_one_formula(rng):
    """Which inputs are numbers does not change what comes out."""
    text = " + ".join(f"{c}*sin({c})" for c in "abcdfg")
    f = ob.compile(text)
    point = rng.normal(size=6)
    expected = f(*[np.array([v, v]) for v in point])
    for which in range(1, 2**6):
        args = [
            np.array([v, v]) if which >> i & 1 else float(v)
            for i, v in enumerate(point)
        ]
        np.testing.assert_array_equal(f(*args), expected)


def test_without_a_vector_library(monkeypatch, rng):
    """Where libmvec is missing each lane calls libm, with the bits of calls."""
    monkeypatch.setattr(vectors, "library", lambda: None)
    f = ob.compile(FORMULAS["functions"])
    x, y = rng.uniform(0.1, 3.0, (2, 11))
    alone = [f(a, b) for a, b in zip(x.tolist(), y.tolist(), strict=True)]
    np.testing.assert_array_equal(f(x, y), alone)


@pytest.mark.parametrize("lanes", [2, 4, 8])
def test_narrower_registers(monkeypatch, lanes, rng):
    """Code for processors with narrower registers is right as well."""
    if lanes > vectors.lanes():
        pytest.skip("the processor has no such registers")
    x, y = rng.uniform(0.1, 3.0, (2, 21))
    expected = called(ob.compile(FORMULAS["helpers"], backend="numba"), "grad", x, y)
    monkeypatch.setattr(vectors, "lanes", lambda: lanes)
    found = called(ob.compile(FORMULAS["helpers"]), "grad", x, y)
    np.testing.assert_allclose(found, expected, rtol=1e-13)


def test_long_formulas(rng):
    """A formula of thousands of operations runs in lanes as well."""
    lines = ["t0 = x*y"]
    lines += [f"t{i} = sin(t{i - 1})*x + y/(1 + t{i - 1}**2)" for i in range(1, 1_500)]
    text = "\n".join([*lines, "t1499"])
    x, y = rng.uniform(0.1, 0.9, (2, 19))
    f = ob.compile(text, accuracy="strict")
    alone = [f(a, b) for a, b in zip(x.tolist(), y.tolist(), strict=True)]
    np.testing.assert_array_equal(f(x, y), alone)


@pytest.mark.usefixtures("folder")
def test_code_is_kept_on_disk(monkeypatch, rng):
    """A second process, and a formula made anew, find the code that was made."""
    x, y = rng.uniform(0.1, 3.0, (2, 11))
    expected = ob.compile(FORMULAS["functions"])(x, y)

    def refuse(*_):
        raise AssertionError

    monkeypatch.setattr("overbar.pointwise.made", refuse)
    np.testing.assert_array_equal(ob.compile(FORMULAS["functions"])(x, y), expected)


# -- threads -------------------------------------------------------------------------


@pytest.mark.usefixtures("lots")
def test_threads_change_nothing(rng, monkeypatch):
    """One thread and three give the same bits, in sums too."""
    x, y = rng.uniform(0.1, 3.0, (2, 3_001))
    for reduce in (None, "sum"):
        w = {"wrt": []} if reduce else {}
        f = ob.compile(FORMULAS["helpers"], reduce=reduce, **w)
        found = []
        for count in ("1", "2", "3", "7"):
            monkeypatch.setenv(threads.VARIABLE, count)
            found.append(f(x, y))
        for other in found[1:]:
            np.testing.assert_array_equal(other, found[0])


@pytest.mark.usefixtures("lots")
def test_a_number_of_threads_is_a_number(monkeypatch):
    """What is no count of threads is refused by name."""
    f = ob.compile("x*x")
    for text in ("many", "0", "-1"):
        monkeypatch.setenv(threads.VARIABLE, text)
        with pytest.raises(InputError, match=threads.VARIABLE):
            f(np.ones(3))


@pytest.mark.usefixtures("lots")
def test_a_fault_in_a_thread_is_raised():
    """What one thread raises, the caller hears of, after all have ended."""

    def run(start, _):
        if start:
            raise ValueError("here")

    with pytest.raises(ValueError, match="here"):
        threads.share(run, 10_000, 1.0)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_forked_child_has_threads_of_its_own():
    """After a fork both processes share batches among threads, and end."""
    script = """
        import os, numpy as np, overbar as ob
        from overbar.codegen.machine import threads
        threads.SMALLEST = 0
        f = ob.compile("exp(-x*x)")
        x = np.linspace(0.0, 3.0, 5_000)
        expected = f(x)
        child = os.fork()
        same = np.array_equal(f(x), expected)
        if not child:
            os._exit(0 if same else 1)
        _, status = os.waitpid(child, 0)
        print(same, status)
    """
    env = os.environ | {threads.VARIABLE: "3"}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", textwrap.dedent(script)],
        env=env, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert ("True 0\n", "") == (done.stdout, done.stderr)


# -- arrays of the caller's ------------------------------------------------------------


@pytest.mark.parametrize("backend", ["auto", "numba"])
def test_gradients_are_written_where_they_are_wanted(backend, rng):
    """Arrays that fit are filled and returned, others are filled."""
    f = ob.compile(FORMULAS["functions"], backend=backend)
    x, y = rng.uniform(0.1, 3.0, (2, 4, 5))
    value, expected = f.value_and_grad(x, y)
    out = [np.empty((4, 5)), np.empty((4, 5))]
    found = f.value_and_grad(x, y, out=out)
    np.testing.assert_array_equal(found[0], value)
    for entry, target, want in zip(found[1], out, expected, strict=True):
        assert entry is target
        np.testing.assert_array_equal(target, want)
    wide = np.zeros((4, 10))
    back = [wide[:, ::2], np.empty((5, 4)).T]
    f.value_and_grad(x, y, out=back)
    for target, want in zip(back, expected, strict=True):
        np.testing.assert_array_equal(target, want)


def test_gradients_in_the_place_of_arguments(rng):
    """What is read may be where results go: it is read before."""
    f = ob.compile(FORMULAS["functions"])
    x, y = rng.uniform(0.1, 3.0, (2, 300))
    _, expected = f.value_and_grad(x, y)
    given = [x.copy(), y.copy()]
    f.value_and_grad(*given, out=given[::-1])
    for target, want in zip(given[::-1], expected, strict=True):
        np.testing.assert_array_equal(target, want)
    same = np.empty(300)
    f.value_and_grad(x, y, out=[same, same])
    np.testing.assert_array_equal(same, expected[1])


@pytest.mark.parametrize("shape", [(3,), (2, 3)])
def test_out_of_another_shape_is_refused(shape):
    """Arrays that are not of the points' shape are an error, as without arrays."""
    f = ob.compile("x*y")
    with pytest.raises(InputError, match="out="):
        f.value_and_grad(np.ones(4), 1.0, out=[np.empty(shape), np.empty(shape)])
    with pytest.raises(InputError, match="out="):
        f.value_and_grad(np.ones(4), 1.0, out=[np.empty(4)] * len(shape) * 4)


@pytest.mark.parametrize("angle", [1e6, 1.5e6, 1e9, 1e22, np.inf, np.nan])
def test_large_angles_beside_small_ones(angle):
    """A lane with an angle that takes another way leaves the others as they are."""
    f = ob.compile("exp(sin(x))*cos(y) + tanh(x)*sin(y) + x*y")
    x = np.linspace(0.1, 3.0, 9)
    y = x[::-1].copy()
    before = f(x, y)
    x[3], y[6] = angle, -angle
    after = f(x, y)
    rest = [i for i in range(9) if i not in (3, 6)]
    np.testing.assert_array_equal(after[rest], before[rest])
    with np.errstate(invalid="ignore"):
        expected = np.exp(np.sin(x)) * np.cos(y) + np.tanh(x) * np.sin(y) + x * y
    np.testing.assert_allclose(after, expected, rtol=1e-14)
