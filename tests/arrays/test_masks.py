"""Masks choose elements: values are NumPy's, derivatives those of what is chosen alone.

What a mask leaves out is NaN or infinite in these tests, so that any trace of it shows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import special

import overbar as ob

if TYPE_CHECKING:
    from collections.abc import Callable

MASKED = """
m: data[n]
x: param[n]
y: data[n]
X: param[n, d]
w: param[d]
k: index[n]
"""
CHOSEN = MASKED.replace("m: data[n]\n", "")

PROGRAMS: dict[str, Callable[..., Any]] = {
    "sum(x[M])": lambda x, y, X, w, k: x.sum(),
    "mean(x[M]**2)": lambda x, y, X, w, k: np.mean(x**2),
    "std(x[M], ddof=1)": lambda x, y, X, w, k: np.std(x, ddof=1),
    "sum((x[M] - mean(x[M]))**4)": lambda x, y, X, w, k: np.sum((x - x.mean()) ** 4),
    "prod(x[M])": lambda x, y, X, w, k: np.prod(x),
    "max(x[M]*y[M])": lambda x, y, X, w, k: np.max(x * y),
    "min(sin(x[M]))": lambda x, y, X, w, k: np.min(np.sin(x)),
    "norm(x[M])": lambda x, y, X, w, k: np.linalg.norm(x),
    "logsumexp(x[M])": lambda x, y, X, w, k: special.logsumexp(x),
    "softmax(x[M]) @ y[M]": lambda x, y, X, w, k: special.softmax(x) @ y,
    "log_softmax(x[M]) @ y[M]": lambda x, y, X, w, k: special.log_softmax(x) @ y,
    "sum(cumsum(x[M])**2)": lambda x, y, X, w, k: np.sum(np.cumsum(x) ** 2),
    "sum(log(x[M])/x[M])": lambda x, y, X, w, k: np.sum(np.log(x) / x),
    "sum((X[M] @ w - y[M])**2)": lambda x, y, X, w, k: np.sum((X @ w - y) ** 2),
    "sum((X[M].T @ x[M])**2)": lambda x, y, X, w, k: np.sum((X.T @ x) ** 2),
    "sum((X.T[:, M] @ x[M])**2)": lambda x, y, X, w, k: np.sum((X.T @ x) ** 2),
    "mean(X[M], axis=0) @ w": lambda x, y, X, w, k: X.mean(0) @ w,
    "max(X[M], axis=1) @ x[M]": lambda x, y, X, w, k: X.max(1) @ x,
    "max(X[M], axis=0) @ w": lambda x, y, X, w, k: X.max(0) @ w,
    "max(max(X[M], axis=1))": lambda x, y, X, w, k: X.max(),
    "(X[M] @ w - mean(exp(-(X[M] @ w)**2))) @ max(softmax(X[M], axis=1), axis=1)": (
        lambda x, y, X, w, k: (
            (X @ w - np.exp(-((X @ w) ** 2)).mean()) @ special.softmax(X, 1).max(1)
        )
    ),
    "sum(X[M]*w)": lambda x, y, X, w, k: np.sum(X * w),
    "X[M, 0] @ x[M]": lambda x, y, X, w, k: X[:, 0] @ x,
    "X[M, k[M]] @ x[M]": lambda x, y, X, w, k: X[np.arange(len(x)), k] @ x,
    "w[k[M]] @ x[M]": lambda x, y, X, w, k: w[k] @ x,
    "sum(segment_sum(x[M], k[M], d)**2)": lambda x, y, X, w, k: np.sum(
        np.bincount(k, x) ** 2
    ),
    "sum(take_along_axis(log_softmax(X[M], axis=1), k[M][:, None], 1))": (
        lambda x, y, X, w, k: special.log_softmax(X, 1)[np.arange(len(x)), k].sum()
    ),
    "sum(one_hot(k[M], d)*X[M])": lambda x, y, X, w, k: X[np.arange(len(x)), k].sum(),
    "sum(exp(-(x[M][:, None] - x[M])**2) @ x[M])": lambda x, y, X, w, k: np.sum(
        np.exp(-((x[:, None] - x) ** 2)) @ x
    ),
    "sum(where(x[M] > 1, x[M]**2, y[M]))": lambda x, y, X, w, k: np.sum(
        np.where(x > 1, x**2, y)
    ),
    "det(X[M].T @ X[M])": lambda x, y, X, w, k: np.linalg.det(X.T @ X),
    "trace(X[M] @ X[M].T)": lambda x, y, X, w, k: np.sum(X**2),
    "sum(diag(x[M]) @ X[M])": lambda x, y, X, w, k: np.sum(x[:, None] * X),
    "sum(x[M][x[M] > 1]**3)": lambda x, y, X, w, k: np.sum(x[x > 1] ** 3),
    "sum(X[M][X[M] > 1]**3)": lambda x, y, X, w, k: np.sum(X[X > 1] ** 3),
}
MASKS = {
    "some": [1, 0, 0, 1, 1, 0, 1, 1],
    "all": [1] * 8,
    "ends": [0, 1, 1, 1, 1, 1, 1, 0],
}


def inputs(mask: Any) -> dict[str, Any]:
    """Return inputs that are not finite, or out of range, where a mask is False."""
    rng = np.random.default_rng(0)
    n = len(mask)
    found: dict[str, Any] = {
        "x": rng.uniform(0.5, 2, n), "y": rng.normal(size=n),
        "X": rng.uniform(0.2, 2, (n, 3)),
    }  # fmt: skip
    for values, bad in zip(found.values(), (np.nan, np.inf, -np.inf), strict=True):
        values[~mask] = bad
    found["w"] = rng.normal(size=3)
    found["k"] = np.where(mask, rng.permutation(np.arange(n) % 3), 99)
    return found


def chosen(given: dict[str, Any], mask: Any) -> dict[str, Any]:
    """Return inputs without what a mask leaves out."""
    return {name: v if name == "w" else v[mask] for name, v in given.items()}


def spread(mask: Any, grad: Any) -> Any:
    """Return a gradient with zeros for what a mask leaves out."""
    if len(grad) != mask.sum():
        return grad
    whole = np.zeros((len(mask), *grad.shape[1:]))
    whole[mask] = grad
    return whole


def pair(text: str, **options: Any) -> tuple[Any, Any]:
    """Return a formula of masked arrays, and that of what is chosen alone."""
    alone = text.replace("[M, ", "[arange(n), ").replace("[:, M]", "")
    masked = ob.compile(MASKED + text.replace("M", "m > 0"), **options)
    return masked, ob.compile(CHOSEN + alone.replace("[M]", ""), backend="python")


@pytest.mark.parametrize("text", PROGRAMS)
def test_programs(text: str) -> None:
    """Value, gradient and Hessian product are those of the chosen elements alone."""
    f, g = pair(text, backend="python")
    for pattern in MASKS.values():
        mask = np.array(pattern) > 0
        given = inputs(mask)
        alone = chosen(given, mask)
        value, grads = f.value_and_grad(m=pattern, **given)
        assert_allclose(value, PROGRAMS[text](**alone), rtol=1e-12)
        for name, wanted in g.grad(**alone)._asdict().items():
            whole = wanted if name == "w" else spread(mask, wanted)
            assert_allclose(
                getattr(grads, name), whole, rtol=1e-11, atol=1e-12, err_msg=name
            )


@pytest.mark.parametrize("text", PROGRAMS)
def test_second_derivatives(text: str) -> None:
    """The Hessian times a direction is that of the chosen elements alone."""
    f, g = pair(text, backend="python")
    mask = np.array(MASKS["some"]) > 0
    given = inputs(mask)
    alone = chosen(given, mask)
    rng = np.random.default_rng(1)
    v = {n: rng.normal(size=np.shape(given[n])) for n in ("x", "X", "w")}
    found = f.hvp(dict(m=mask * 1.0, **given), v)
    wanted = g.hvp(alone, chosen(v, mask))
    for name in v:
        whole = getattr(wanted, name)
        whole = whole if name == "w" else spread(mask, whole)
        assert_allclose(
            getattr(found, name), whole, rtol=1e-10, atol=1e-11, err_msg=name
        )


ON_MATRICES: dict[str, Callable[..., Any]] = {
    "sum(X[X > 0]**3)": lambda X, y: np.sum(X[X > 0] ** 3),
    "mean(X[X > 0])": lambda X, y: np.mean(X[X > 0]),
    "max(X[X > y[:, None]])": lambda X, y: np.max(X[X > y[:, None]]),
    "sum(X.T[X.T > 0]*exp(X.T[X.T > 0]))": lambda X, y: np.sum(
        X[X > 0] * np.exp(X[X > 0])
    ),
    "sum(X[X > 0][X[X > 0] < 1]**2)": lambda X, y: np.sum(X[(X > 0) & (X < 1)] ** 2),
    "sum(X[y > 0][:, X[0] > 0]**2)": lambda X, y: np.sum(X[y > 0][:, X[0] > 0] ** 2),
    "sum(exp(y[y > 0][:, None] - y[y <= 0]))*X[0, 0]": lambda X, y: (
        np.exp(y[y > 0][:, None] - y[y <= 0]).sum() * X[0, 0]
    ),
    "sum(extract(X > 0, X)**2)": lambda X, y: np.sum(X[X > 0] ** 2),
    "sum(compress(y > 0, X, axis=0)**2)": lambda X, y: np.sum(X[y > 0] ** 2),
    "sum(X[flatnonzero(y)]**2)": lambda X, y: np.sum(X**2),
    "X[flatnonzero(y > 0), 0] @ flatnonzero(y > 0)": lambda X, y: (
        X[y > 0, 0] @ np.flatnonzero(y > 0)
    ),
    "sum(X[nonzero(X > 0)[0], nonzero(X > 0)[1]]**2)": lambda X, y: np.sum(
        X[X > 0] ** 2
    ),
    "sum(X[y > 0])/count_nonzero(y > 0)": lambda X, y: np.sum(X[y > 0]) / sum(y > 0),
    "sum(X[:, arange(3) > 0]**2)": lambda X, y: np.sum(X[:, 1:] ** 2),
}


@pytest.mark.parametrize("backend", ["python", "reference"])
@pytest.mark.parametrize("text", ON_MATRICES)
def test_masks_of_matrices(text: str, backend: str) -> None:
    """Masks of several axes, of axes in the middle and of what masks chose."""
    rng = np.random.default_rng(2)
    X, y = rng.normal(size=(5, 3)), rng.normal(size=5)
    f = ob.compile(f"X: param[n, 3]\ny: data[n]\n{text}", backend=backend)
    assert_allclose(f(X, y), ON_MATRICES[text](X, y), rtol=1e-12)
    slopes = np.empty_like(X)
    for place in np.ndindex(X.shape):
        step = np.zeros_like(X)
        step[place] = 1e-6
        ahead, behind = (ON_MATRICES[text](X + s, y) for s in (step, -step))
        slopes[place] = (ahead - behind) / 2e-6
    assert_allclose(f.grad(X, y).X, slopes, rtol=1e-6, atol=1e-7)


EMPTY = {
    "sum": 0.0, "prod": 1.0, "mean": np.nan, "max": -np.inf, "min": np.inf,
    "norm": 0.0, "logsumexp": -np.inf,
}  # fmt: skip


@pytest.mark.parametrize("name", EMPTY)
def test_nothing_chosen(name: str) -> None:
    """Where nothing is chosen, reductions have their neutral value, gradients are 0."""
    f = ob.compile(f"x: param[n]\nm: data[n]\n{name}(x[m > 0])", backend="python")
    value, (x_bar,) = f.value_and_grad(np.ones(3), np.zeros(3))
    assert_allclose(value, EMPTY[name])
    assert_allclose(x_bar, np.zeros(3))


def test_chosen_of_nothing() -> None:
    """An array without elements has none to choose."""
    f = ob.compile("x: param[n]\nsum(x[x > 0]**2)", backend="python")
    value, (x_bar,) = f.value_and_grad(np.zeros(0))
    assert value == 0.0
    assert x_bar.shape == (0,)


def loss(x: Any, y: Any, X: Any) -> Any:
    """Return the mean square of residuals of the points that are there."""
    there = ~np.isnan(y)
    r = X[there] @ x - y[there]
    return np.sum(r**2) / np.count_nonzero(there)


POINTS = np.random.default_rng(3).normal(size=(6, 2))
TARGETS = np.array([0.3, np.nan, -1.0, np.nan, 2.0, 0.1])
SLOPE = np.array([0.5, -0.25])
SHAPES = {"x": ("d",), "y": ("n",), "X": ("n", "d")}


def closed_form() -> tuple[float, Any]:
    """Return value and gradient of `loss` by its formula."""
    X, y = POINTS[~np.isnan(TARGETS)], TARGETS[~np.isnan(TARGETS)]
    r = X @ SLOPE - y
    return r @ r / len(y), 2 * X.T @ r / len(y)


@pytest.mark.parametrize("accuracy", ["standard", "strict"])
@pytest.mark.parametrize("backend", ["numba", "python", "reference"])
def test_missing_data(accuracy: str, backend: str) -> None:
    """A traced function leaves out what is NaN, whatever runs it."""
    f = ob.compile(loss, "x", inputs=SHAPES, accuracy=accuracy, backend=backend)
    value, x_bar = f.value_and_grad(SLOPE, TARGETS, POINTS)
    wanted = closed_form()
    assert_allclose(value, wanted[0], rtol=1e-14)
    assert_allclose(x_bar, wanted[1], rtol=1e-13)


def test_every_door() -> None:
    """What is derived of arrays is there with masks too."""
    f = ob.compile(loss, "x", inputs=SHAPES)
    args = SLOPE, TARGETS, POINTS
    value, x_bar = closed_form()
    there = POINTS[~np.isnan(TARGETS)]
    hessian = 2 * there.T @ there / len(there)
    _, saved = f.forward(*args)
    assert_allclose(f.backward(saved), x_bar)
    assert_allclose(f.jvp(args, SLOPE), x_bar @ SLOPE)
    assert_allclose(f.vjp(args, 2.0), 2 * x_bar)
    assert_allclose(f.hessian(*args), hessian)
    assert_allclose(f.hvp(args, SLOPE), hessian @ SLOPE)
    assert_allclose(f.jacobian(*args, sparse=True).toarray(), [x_bar])
    assert_allclose(f.batch(np.stack([SLOPE, SLOPE]), TARGETS, POINTS), [value] * 2)
    assert_allclose(f.jit.value_and_grad(*args)[0], value)
    assert_allclose(f.flat.grad(SLOPE, TARGETS, POINTS), x_bar)
    assert f.check(SLOPE, np.nan_to_num(TARGETS), POINTS)
