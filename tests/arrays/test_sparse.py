"""Sparse gradients of embeddings: the rows that were read, and their adjoints."""

from __future__ import annotations

import numpy as np
import pytest
from numba import njit

import overbar as ob
from overbar.ir.errors import InputError
from overbar.shaped import Rows

HEAD = "E: param[v, d]\nF: param[v, d]\nw: index[n]\nu: index[k]\n"
BACKENDS = ("reference", "python", "numba")
RNG = np.random.default_rng(0)
GIVEN = {
    "E": RNG.standard_normal((6, 2)), "F": RNG.standard_normal((6, 2)),
    "w": np.array([1, -1, 1]), "u": np.array([0, 5, -6, 2]),
}  # fmt: skip

ROWS = {
    "sum(E[w]**2)": [1, 5, 1],
    "sum(take(E, w, 0)*2)": [1, 5, 1],
    "sum(E[w[0]]**3)": [1],
    "sum(sum(E[w[i], j]**2 for j in d) for i in n)": [1, 5, 1],
    "sum(E[w]**2)*sum(sin(E[u]))": [1, 5, 1, 0, 5, 0, 2],
    "sum(E[w] @ F[w].T)": [1, 5, 1],
    "sum(E[w].T @ E[w])": [1, 5, 1],
    "sum(where(E[w] > 0, E[w]*log(abs(E[w])), 0))": [1, 5, 1],
    "sum(E[stack((w, w))]**2)": [1, 5, 1, 1, 5, 1],
    "logsumexp(E[u] @ E[w[1]])": [0, 5, 0, 2, 5],
}
"""Rows of E that are read, in the order of the gathers, by formula."""

WHOLE = (
    "sum(E[w]**2) + sum(E)",
    "sum(E[w])*sum(E[:, w[0]])",
    "sum(exp(E)[w])",
    "sum(E[w, 0])",
    "sum(E[1:4]**2)",
    "sum(F)",
)
"""Formulas that read E otherwise too, elements of it, or not at all."""


def compiled(text, backend="python", **options):
    """Return a formula of two embeddings, and two inputs of indices."""
    return ob.compile(HEAD + text, backend=backend, **options)


def dense(part, like):
    """Return a gradient with all its zeros."""
    if not isinstance(part, Rows):
        return part
    found = np.zeros_like(like)
    np.add.at(found, part.rows, part.values)
    return found


def differences(f, name, step=1e-6):
    """Return the gradient in one embedding by central differences."""
    base = GIVEN[name]
    found = np.zeros_like(base)
    for at in np.ndindex(base.shape):
        moved = np.zeros_like(base)
        moved[at] = step
        ends = [f(**GIVEN | {name: base + s * moved}) for s in (1, -1)]
        found[at] = (ends[0] - ends[1]) / (2 * step)
    return found


@pytest.mark.parametrize("text", [*ROWS, *WHOLE])
def test_rows_add_up_to_the_gradient(text):
    """Rows and adjoints, added up, are the gradient, also by differences."""
    f = compiled(text)
    value, sparse = f.value_and_grad(**GIVEN, sparse=True)
    expected, full = f.value_and_grad(**GIVEN)
    assert expected == value
    for name, part, whole in zip("EF", sparse, full, strict=True):
        found = dense(part, GIVEN[name])
        np.testing.assert_allclose(found, whole, rtol=1e-13, atol=1e-14)
        np.testing.assert_allclose(found, differences(f, name), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize(
    ("text", "backend"),
    [(t, b) for t in ROWS for b in BACKENDS[:2]] + [(t, "numba") for t in [*ROWS][:2]],
)
def test_rows(text, backend):
    """Each row occurs as often as it is read, counted from the front."""
    found = compiled(text, backend).grad(**GIVEN, sparse=True).E
    assert ROWS[text] == found.rows.tolist()
    assert (len(ROWS[text]), 2) == found.values.shape


@pytest.mark.parametrize("text", WHOLE)
def test_what_is_read_otherwise_has_a_dense_gradient(text):
    """A parameter that is used as a whole, too, has a gradient of its own shape."""
    found = compiled(text).grad(**GIVEN, sparse=True).E
    assert isinstance(found, np.ndarray)
    assert GIVEN["E"].shape == found.shape


@pytest.mark.parametrize("backend", BACKENDS)
def test_no_rows(backend):
    """Reading no row gives no rows, of the parameter's width."""
    given = GIVEN | {"w": np.array([], np.int64)}
    found = compiled("sum(E[w]**2)", backend).grad(**given, sparse=True).E
    assert [(0,), (0, 2)] == [found.rows.shape, found.values.shape]


def test_single_precision():
    """Adjoints have the dtype of the parameter."""
    E = ob.param("E", ("v", "d"), dtype="float32")
    w = ob.data("w", ("n",), dtype="int64")
    f = ob.compile(np.sum(E[w] ** 2), backend="python")
    found = f.grad(np.ones((3, 2), np.float32), [0, 2], sparse=True).E
    assert np.dtype("float32") == found.values.dtype
    assert [[2.0, 2.0]] * 2 == found.values.tolist()


@pytest.mark.parametrize("reduce", ["sum", "mean"])
def test_reduced_over_data(reduce):
    """With `reduce=` the rows of all points stand one after the other."""
    f = compiled("sum(E[w]**2)*sum(F)", reduce=reduce)
    given = GIVEN | {"w": np.array([[1, -1, 1], [0, 2, 1]])}
    value, sparse = f.value_and_grad(**given, sparse=True)
    expected, full = f.value_and_grad(**given)
    assert expected == value
    assert [1, 5, 1, 0, 2, 1] == sparse.E.rows.tolist()
    np.testing.assert_allclose(dense(sparse.E, GIVEN["E"]), full.E, rtol=1e-13)
    np.testing.assert_allclose(sparse.F, full.F, rtol=1e-13)
    points = [compiled("sum(E[w]**2)*sum(F)").grad(**given | {"w": w}).E
              for w in given["w"]]  # fmt: skip
    total = sum(points) / (len(points) if reduce == "mean" else 1)
    np.testing.assert_allclose(full.E, total, rtol=1e-13)


REFUSED = {
    "expected out= or sparse=, found both: rows have no fixed shape": (
        "sum(E[w]**2)", {"out": np.empty((6, 2))},
    ),
    "value_and_grad expects one number, found 'out' of shape [d]; use jacobian or vjp":
        ("sum(E[w], axis=0)", {}),
    "expected int64 for 'w', found ndarray of dtype float64": (
        "sum(E[w]**2)", {"w": np.array([0.5])},
    ),
    "<string>:5:5: expected indices from -6 to 5 in E[w], found 6\n"
    "    sum(E[w]**2)\n        ^^^^": ("sum(E[w]**2)", {"w": np.array([0, 6])}),
}  # fmt: skip


@pytest.mark.parametrize("message", REFUSED)
def test_refused(message):
    """What has no rows, or no place for them, is refused word for word."""
    text, more = REFUSED[message]
    with pytest.raises(InputError) as caught:
        compiled(text).value_and_grad(**GIVEN | more, sparse=True)
    assert message == str(caught.value)


def test_in_a_jitted_loop():
    """Numba code that calls the gradient moves the rows that were read, no others."""
    f = ob.compile("E: param[v, d]\nw: index[n]\nsum(E[w]**2)/2")
    value_and_rows = f.jit.value_and_rows

    @njit
    def descend(E, w, rate, steps):
        for _ in range(steps):
            _, ((rows, values),) = value_and_rows(E, w)
            for i in range(len(rows)):
                E[rows[i]] -= rate * values[i]

    E = np.ones((4, 2))
    descend(E, np.array([1, -1, 1]), 0.25, 2)
    assert [[1.0] * 2, [0.25] * 2, [1.0] * 2, [0.5625] * 2] == E.tolist()
