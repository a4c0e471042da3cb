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
