"""Masks as they are read: given, known, made by NumPy's functions, and refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

import overbar as ob

if TYPE_CHECKING:
    from collections.abc import Callable

INPUTS = """
x: param[n]
y: data[n]
X: param[n, d]
k: index[n]
"""

REFUSED = {
    "x[y > 0]": (
        ob.UnsupportedError,
        (
            "'out' has as many elements as a mask chooses, which only a call can tell: "
            "reduce it, as in sum(x[mask]), or keep all elements with where(mask, x, 0)"
        ),
    ),
    "sum(x[y > 0]*x[x > 0])": (
        ob.ShapeError,
        (
            "mul cannot combine shapes [count(y > 0)] and [count(x > 0)]: expected "
            "count(y > 0) along an axis, found count(x > 0); what a mask chooses meets "
            "only what the same mask chooses, where(mask, x, 0) keeps the shape of x"
        ),
    ),
    "x[y > 0] @ x": (
        ob.ShapeError,
        (
            "cannot multiply shapes [count(y > 0)] and [n]: expected count(y > 0) rows "
            "on the right, found n; what a mask chooses meets only what the same mask "
            "chooses, where(mask, x, 0) keeps the shape of x"
        ),
    ),
    "sum(X[:, y > 0])": (
        ob.ShapeError,
        "expected a mask that fits [n, d], of size d for its axis 1, found n in [n]",
    ),
    "sum(x[X > 0])": (
        ob.ShapeError,
        "an index of shape [n] has at most 1 items, found 2",
    ),
    "sum(x[y[0] > 0])": (
        ob.ShapeError,
        (
            "expected a mask with axes, as in x[x > 0], found one condition; "
            "where(condition, x, 0) takes one"
        ),
    ),
    "sum(x[y > 0][:2])": (
        ob.UnsupportedError,
        (
            "x[y > 0][:2] depends on how many elements a mask chooses; it may go into "
            "functions of each element, sums, products, means, extrema and matrix "
            "products over what is chosen; where(mask, x, 0) keeps all elements"
        ),
    ),
}
NOT_TOLD = (
    "x[y > 0][0]", "sum(x[y > 0][::-1])", "sum(x[y > 0][1:]**2)", "argmax(x[y > 0])",
    "sum(concatenate([x[y > 0], x]))", "sum(inv(X[y > 0] @ X[y > 0].T))",
    "sum(pad(x[y > 0], 1))", "sum(x[y > 0][k])",
)  # fmt: skip
"""Formulas that depend on which elements are chosen, or how many."""


@pytest.mark.parametrize("text", REFUSED)
def test_refused(text: str) -> None:
    """What does not fit says so, what needs to know what is chosen says what may be."""
    error, message = REFUSED[text]
    with pytest.raises(error) as caught:
        ob.compile(INPUTS + text)
    assert caught.value.message == message
    assert caught.value.span is not None


@pytest.mark.parametrize("text", NOT_TOLD)
def test_not_told(text: str) -> None:
    """Operations that would have to know what is chosen are refused, not guessed."""
    with pytest.raises(ob.UnsupportedError, match="how many elements a mask chooses"):
        ob.compile(INPUTS + text)


def test_sizes_of_expressions() -> None:
    """A Python formula has no size to give where a mask chose."""
    x = ob.param("x", ("n",))
    with pytest.raises(ob.UnsupportedError, match=r"np\.count_nonzero\(mask\)"):
        _ = x[x > 0].shape
    with pytest.raises(ob.UnsupportedError, match=r"np\.count_nonzero\(mask\)"):
        len(x[x > 0])


def test_data_of_truths() -> None:
    """A mask may be given; x stays float32."""
    x = ob.param("x", ("n",), dtype="float32")
    m = ob.data("m", ("n",), dtype="bool")
    f = ob.compile(np.mean(x[m] ** 2), backend="python")
    values, mask = np.arange(4, dtype=np.float32), np.array([True, False, True, True])
    value, (x_bar,) = f.value_and_grad(mask, values)
    assert_allclose(value, 13 / 3, rtol=1e-6)
    assert x_bar.dtype == np.float32
    assert_allclose(x_bar, [0, 0, 4 / 3, 2], rtol=1e-6)


def test_known_masks() -> None:
    """A mask that no call changes gives places, and a size, when compiling."""
    x = ob.param("x", (3,))
    ends = x[np.array([True, False, True])]
    assert ends.shape == (2,)
    f = ob.compile(ends**2)
    assert_allclose(f([1.0, 2.0, 3.0]), [1, 9])
    assert_allclose(f.jacobian([1.0, 2.0, 3.0]).x, [[2, 0, 0], [0, 0, 6]])
    assert_allclose(ob.compile(x[[False] * 3])([1.0, 2.0, 3.0]), np.zeros(0))


def test_text() -> None:
    """The statements say what is computed: over all elements, with where."""
    f = ob.compile("x: param[n]\ny: data[n]\nz = x[y > 0]\nJ = sum(z**2)\nJ")
    value, adjoint = (
        "J = sum(x**2 if y > 0 else 0)",
        "x_bar = 2*J_bar*x if y > 0 else 0",
    )
    assert f.text() == f"{value}\n\nJ_bar = 1\n{adjoint}\n"


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "index": lambda x, X: np.sum(X[x > 0] ** 2),
    "two axes": lambda x, X: np.sum(X[X > 0] ** 2),
    "not": lambda x, X: np.sum(x[~(x > 0)] ** 2),
    "both": lambda x, X: np.sum(x[(x > 0) & (x < 1)] ** 2),
    "isnan": lambda x, X: np.sum(x[~np.isnan(x)] ** 2),
    "isfinite": lambda x, X: np.sum(x[np.isfinite(x)] ** 2),
    "compress": lambda x, X: np.sum(np.compress(x > 0, X, axis=0) ** 2),
    "extract": lambda x, X: np.sum(np.extract(X > 0, X) ** 2),
    "flatnonzero": lambda x, X: np.sum(X[np.flatnonzero(x > 0)] ** 2),
    "nonzero": lambda x, X: np.sum(X[np.nonzero(X > 0)] ** 2),
    "count_nonzero": lambda x, X: np.sum(x[x > 0]) / np.count_nonzero(x > 0),
    "method": lambda x, X: x[x > 0].mean() + X[x > 0].max(axis=0).sum(),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions(name: str) -> None:
    """A Python function of NumPy code, traced, gives what it gives when called."""
    rng = np.random.default_rng(4)
    x, X = rng.normal(size=5), rng.normal(size=(5, 3))
    shapes = {"x": ("n",), "X": ("n", 3)}
    f = ob.compile(FUNCTIONS[name], inputs=shapes, backend="python")
    assert_allclose(f(x, X), FUNCTIONS[name](x, X), rtol=1e-14)


def test_isnan() -> None:
    """Numbers are told from NaN, and from infinities, in choices too."""
    f = ob.compile("x: param[n]\nsum(where(isnan(x), 10, where(isfinite(x), 1, 100)))")
    assert f([1.0, np.nan, np.inf, -np.inf, 0.0]) == 212.0
