"""Batches in vectors: points that know nothing of others, columns as they come."""

from __future__ import annotations

import numpy as np
import pytest
from machine_platforms import without_libraries
from machine_points import ENTRIES, FORMULAS, called

import overbar as ob
from overbar.codegen.machine import points, vectors
from overbar.ir.errors import InputError

LONGEST = 40


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


@pytest.mark.parametrize("byte", [1, 2, 254, 255])
def test_masks_are_true_where_bytes_are_not_zero(byte, rng):
    """Bytes that are looked at as a mask are what NumPy takes them for."""
    x, b = ob.param("x"), ob.data("b", dtype="bool")
    f = ob.compile(ob.where(b, x, -x))
    xs = rng.normal(size=20)
    given = np.where(rng.random(20) < 0.5, byte, 0).astype(np.uint8)
    np.testing.assert_array_equal(f(x=xs, b=given.view(bool)), np.where(given, xs, -xs))
    single = np.broadcast_to(np.array([byte], np.uint8).view(bool), 20)
    np.testing.assert_array_equal(f(x=xs, b=single), xs)


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
    """Where there is none each lane calls libm, with the bits of calls."""
    without_libraries(monkeypatch)
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


@pytest.mark.usefixtures("folder")
def test_what_is_too_long_goes_another_way(monkeypatch, rng):
    """It is derived for this code once, and computed as without it."""
    f = ob.compile(FORMULAS["arithmetic"])
    monkeypatch.setattr(points, "LONGEST", 3)
    entries = []
    entry = f.runtime.pointwise._entry
    f.runtime.pointwise._entry = lambda name: entries.append(name) or entry(name)
    x, y = rng.uniform(0.1, 3.0, (2, 5))
    alone = [f(a, b) for a, b in zip(x.tolist(), y.tolist(), strict=True)]
    for _ in range(3):
        np.testing.assert_allclose(f(x, y), alone, rtol=1e-15)
    assert ["value"] == entries
