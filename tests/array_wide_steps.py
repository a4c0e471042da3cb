"""Add kinds of steps to those of array_steps.py: more functions, matrices, data.

They stand apart, since programs that once failed are drawn from the first table alone,
by their seeds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from array_steps import BASE_OFTEN, BASE_ROWS, DIMS, Row, joins

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from array_programs import Draft

    from overbar.ir.types import Shape

UNARY: dict[str, Callable[..., Any]] = {
    "cos": lambda f, x: f.cos(x),
    "sinh": lambda f, x: f.sinh(0.5 * x),
    "arctan": lambda f, x: f.arctan(x),
    "log1p": lambda f, x: f.log1p(x * x),
    "expm1": lambda f, x: f.expm1(-0.5 * x),
    "softplus": lambda f, x: f.softplus(x),
    "relu": lambda f, x: f.maximum(x, 0.0),
    "fifth": lambda f, x: x**5 / 16.0,
    "inverse square": lambda f, x: (x * x + 1.25) ** -2,
    "three halves": lambda f, x: (x * x + 0.75) ** 1.5,
    "clip": lambda f, x: f.clip(x, -0.7, 0.9),
    "sinc": lambda f, x: f.where(
        f.greater(x * x, 0.0), f.sin(x) / f.safe(f.greater(x * x, 0.0), x), 1.0
    ),
}
BINARY: dict[str, Callable[..., Any]] = {
    "arctan2": lambda f, x, y: f.arctan2(x, y * y + 0.5),
    "logaddexp": lambda f, x, y: f.logaddexp(x, y),
    "power": lambda f, x, y: (x * x + 0.5) ** (0.25 * y),
    "hypot": lambda f, x, y: f.hypot(x, y * y + 0.25),
    "both": lambda f, x, y: f.where(
        f.logical_and(f.greater(x, 0.0), f.less(y, 0.5)), x * y, y
    ),
    "centred": lambda f, x, y: x - f.sum(y) / 4.0,
    "scaled": lambda f, x, y: x / (1.0 + f.sum(y * y)),
    "shared": lambda f, x, y: f.exp(x) / (f.exp(x) + f.exp(y)),
}
ALONG: dict[str, Callable[..., Any]] = {
    "norm": lambda f, x, axis: f.norm(x, axis=axis),
    "std": lambda f, x, axis: f.std(x, axis=axis),
    "ptp": lambda f, x, axis: f.ptp(x, axis=axis),
    "largest": lambda f, x, axis: f.take_along_axis(
        x, f.argmax(x, axis=axis, keepdims=True), axis
    ),
    "normed": lambda f, x, axis: x / (1.0 + f.norm(x, axis=axis, keepdims=True)),
    "softmax": lambda f, x, axis: f.exp(x) / f.sum(f.exp(x), axis=axis, keepdims=True),
    "weighted": lambda f, x, axis: f.average(x, axis=axis, weights=x * x + 0.5),
    "centred": lambda f, x, axis: x - f.mean(x, axis=axis, keepdims=True),
}
SHAPED: dict[str, Callable[..., Any]] = {
    "ravel": lambda f, x: f.ravel(x),
    "expand_dims": lambda f, x: f.expand_dims(x, -1),
    "swapaxes": lambda f, x: f.swapaxes(x, 0, -1),
    "moveaxis": lambda f, x: f.moveaxis(x, 0, -1),
    "hstack": lambda f, x: f.hstack((x, x)),
    "vstack": lambda f, x: f.vstack((x, 2.0 * x)),
    "wide": lambda f, x: f.at(x, (..., None)) * f.at(x, (..., None, slice(None))),
}
MATRICES: dict[str, Callable[..., Any]] = {
    "inv": lambda f, a, x: f.inv(a),
    "det": lambda f, a, x: f.det(0.5 * a),
    "logdet": lambda f, a, x: f.logdet(a),
    "cholesky": lambda f, a, x: f.cholesky(a),
    "solve": lambda f, a, x: f.solve(a, x),
    "quadratic": lambda f, a, x: f.trace(f.matmul(f.transpose(x), f.solve(a, x))),
}


def _named(names: Sequence[str]) -> Callable[[Draft], Any]:
    return lambda p: ((p.pick(),), (p.rng.choice(names),))


def _pair(p: Draft) -> Any:
    x = p.pick()
    places = [x, p.pick(lambda s: joins(s, p.shape(x)))]
    p.rng.shuffle(places)
    return tuple(places), (p.rng.choice(list(BINARY)),)


def _along(p: Draft) -> Any:
    found = p.one()
    if found is None or not p.size(p.shape(found[0])[found[1]]):
        return None
    return (found[0],), (p.rng.choice(list(ALONG)), found[1])


def _shaped(p: Draft) -> Any:
    x = p.pick(len)
    return None if x is None else ((x,), (p.rng.choice(list(SHAPED)),))


def _matrix(p: Draft) -> Any:
    x = p.pick(lambda s: len(s) == 2 and s[0] == s[1])
    if x is None or not p.size(p.shape(x)[0]):
        return None
    return (x,), (p.rng.choice(list(MATRICES)), p.shape(x)[0])


def _run_matrix(f: Any, x: Any, name: str, n: Any) -> Any:
    a = 0.5 * f.matmul(x, f.transpose(x)) + 2.0 * f.eye(n)
    return MATRICES[name](f, a, x)


def _alike(p: Draft) -> Any:
    """Draw a product of two values of one shape, or of two vectors, two matrices."""
    x = p.pick(len)
    if x is None:
        return None
    name = p.rng.choice(("inner", "vdot", "kron", "convolve", "tensordot"))
    shape = p.shape(x)
    fits: dict[str, Callable[[Shape], bool]] = {
        "inner": lambda s: s[-1:] == shape[-1:],
        "vdot": lambda s: s == shape,
        "kron": lambda s: len(s) == len(shape) <= 2,
        "convolve": lambda s: len(s) == len(shape) == 1,
        "tensordot": lambda s: shape[-1:] == s[:1],
    }
    y = p.pick(fits[name])
    if y is None or (not fits[name](shape) and name in {"kron", "convolve"}):
        return None
    if name == "convolve" and not all(p.size(p.shape(i)[0]) for i in (x, y)):
        return None
    return (x, y), (name, (1,) if name == "tensordot" else ())


def _at_each(p: Draft) -> Any:
    """Read along an axis where indices of the same shape say."""
    found = p.one()
    if found is None:
        return None
    i, axis = found
    shape = [*p.shape(i)]
    shape[axis] = p.rng.choice((*DIMS, 2))
    w = p.index(tuple(shape), p.shape(i)[axis])
    return None if w is None else ((i,), (axis, (w,)))


def _one_hot(p: Draft) -> Any:
    x = p.pick(len)
    if x is None:
        return None
    *front, last = p.shape(x)
    w = p.index(tuple(front), last)
    return None if w is None else ((x,), (last, (w,)))


def _masked(p: Draft) -> Any:
    x = p.pick()
    y = p.pick(lambda s: joins(s, p.shape(x)))
    w = p.index(p.shape(p.rng.choice((x, y))), 2)
    return None if w is None else ((x, y), ((w,),))


def _spread(p: Draft) -> Any:
    x = p.pick()
    return (x,), ((p.rng.choice((*DIMS, 2)), *p.shape(x)),)


WIDE_ROWS: dict[str, Row] = {
    "function": Row(_named(list(UNARY)), lambda f, x, name: UNARY[name](f, x)),
    "pair": Row(_pair, lambda f, x, y, name: BINARY[name](f, x, y)),
    "along": Row(_along, lambda f, x, name, axis: ALONG[name](f, x, axis)),
    "shaped": Row(_shaped, lambda f, x, name: SHAPED[name](f, x)),
    "matrix": Row(_matrix, _run_matrix),
    "product": Row(_alike, lambda f, x, y, name, rest: getattr(f, name)(x, y, *rest)),
    "at each": Row(
        _at_each, lambda f, x, axis, w: f.take_along_axis(x, w[0], axis), indexed=True
    ),
    "one hot": Row(_one_hot, lambda f, x, n, w: x * f.one_hot(w[0], n), indexed=True),
    "mask": Row(
        _masked, lambda f, x, y, w: f.where(f.greater(w[0], 0), x * 2.0, y),
        indexed=True,
    ),
    "weights": Row(_masked, lambda f, x, y, w: x * w[0] + y, indexed=True),
    "spread": Row(_spread, lambda f, x, shape: f.broadcast_to(x, shape)),
}  # fmt: skip
ROWS = BASE_ROWS | WIDE_ROWS
WIDE_OFTEN = (*BASE_OFTEN, *WIDE_ROWS, *["function", "pair", "along"] * 3)
