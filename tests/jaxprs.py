"""Evaluate what JAX traced with NumPy: JAX's mathematics without XLA's compile times.

JAX differentiates; NumPy, primitive by primitive, computes. On arrays of a few elements
that is a hundred times as fast as to compile each primitive for each shape.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import jax
import numpy as np
import scipy.special

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def call(function: Callable[..., Any], *args: Any) -> Any:
    """Return what a function of JAX's operations returns, computed by NumPy."""
    traced, shape = jax.make_jaxpr(function, return_shape=True)(*args)
    leaves = [np.asarray(a) for a in jax.tree.leaves(args)]
    with np.errstate(all="ignore"):
        found = _evaluate(traced.jaxpr, traced.consts, leaves)
    return jax.tree.unflatten(jax.tree.structure(shape), found)


def _evaluate(jaxpr: Any, consts: Sequence[Any], args: Sequence[Any]) -> list[Any]:
    values = dict(zip(jaxpr.constvars, map(np.asarray, consts), strict=True))
    values |= dict(zip(jaxpr.invars, args, strict=True))

    def read(atom: Any) -> Any:
        return np.asarray(atom.val) if hasattr(atom, "val") else values[atom]

    for eqn in jaxpr.eqns:
        found = _apply(eqn, [read(v) for v in eqn.invars])
        for v, value in zip(eqn.outvars, found, strict=True):
            values[v] = np.asarray(value, getattr(v.aval, "dtype", None))
    return [read(v) for v in jaxpr.outvars]


def _apply(eqn: Any, args: Sequence[Any]) -> list[Any]:
    name, params = eqn.primitive.name, eqn.params
    inner = params.get("jaxpr", params.get("call_jaxpr"))
    if inner is not None:
        consts = getattr(inner, "consts", ())
        return _evaluate(getattr(inner, "jaxpr", inner), consts, args)
    if name in PLAIN:
        return [PLAIN[name](*args)]
    if name in RULES:
        found = RULES[name](*args, **params)
        return found if isinstance(found, list) else [found]
    found = eqn.primitive.bind(*args, **params)
    return list(found) if eqn.primitive.multiple_results else [found]


PLAIN: dict[str, Callable[..., Any]] = {
    "mul": np.multiply, "add": np.add, "add_any": np.add, "sub": np.subtract,
    "div": np.divide, "neg": np.negative, "max": np.maximum, "min": np.minimum,
    "sin": np.sin, "cos": np.cos, "tanh": np.tanh, "sqrt": np.sqrt, "log": np.log,
    "sinh": np.sinh, "cosh": np.cosh, "atan": np.arctan, "atan2": np.arctan2,
    "log1p": np.log1p, "expm1": np.expm1, "pow": np.power,
    "exp": np.exp, "abs": np.abs, "sign": np.sign, "square": np.square,
    "logistic": scipy.special.expit, "is_finite": np.isfinite,
    "eq": np.equal, "ne": np.not_equal, "gt": np.greater, "ge": np.greater_equal,
    "lt": np.less, "le": np.less_equal, "and": np.logical_and, "or": np.logical_or,
    "not": np.logical_not, "stop_gradient": np.asarray, "copy": np.asarray,
    "select_n": lambda which, *cases: np.where(which, cases[-1], cases[0]),
}  # fmt: skip


def _broadcast(x: Any, *, shape: Any, broadcast_dimensions: Any, **_: Any) -> Any:
    own = [1] * len(shape)
    for axis, extent in zip(broadcast_dimensions, x.shape, strict=True):
        own[axis] = extent
    return np.broadcast_to(x.reshape(own), shape)


def _dot(x: Any, y: Any, *, dimension_numbers: Any, **_: Any) -> Any:
    (xc, yc), (xb, yb) = dimension_numbers
    fresh = itertools.count()
    xs = [next(fresh) for _ in x.shape]
    ys = [next(fresh) for _ in y.shape]
    for a, b in (*zip(xc, yc, strict=True), *zip(xb, yb, strict=True)):
        ys[b] = xs[a]
    batch = [xs[a] for a in xb]
    left = [n for k, n in enumerate(xs) if k not in (*xc, *xb)]
    right = [n for k, n in enumerate(ys) if k not in (*yc, *yb)]
    return np.einsum(x, xs, y, ys, [*batch, *left, *right])


def _pad(x: Any, value: Any, *, padding_config: Any) -> Any:
    """Return x with its elements spread and edges added, or cut where negative."""
    for axis, (low, high, inner) in enumerate(padding_config):
        size = x.shape[axis]
        full = low + high + size + inner * max(size - 1, 0)
        places = low + (1 + inner) * np.arange(size)
        inside = (places >= 0) & (places < full)
        moved = np.full((full, *np.delete(x.shape, axis)), value)
        moved[places[inside]] = np.moveaxis(x, axis, 0)[inside]
        x = np.moveaxis(moved, 0, axis)
    return x


def _slice(x: Any, *, start_indices: Any, limit_indices: Any, strides: Any) -> Any:
    steps = strides or (1,) * x.ndim
    return x[tuple(map(slice, start_indices, limit_indices, steps))]


def _windows(indices: Any, numbers: Any, sizes: Any, shape: Any) -> Any:
    """Yield where each element of the windows stands: outside, and in the operand."""
    collapsed = getattr(numbers, "collapsed_slice_dims", None)
    if collapsed is None:
        collapsed = numbers.inserted_window_dims
        starts_map = numbers.scatter_dims_to_operand_dims
        offsets, batch_axes = (
            numbers.update_window_dims,
            numbers.scatter_indices_batching_dims,
        )
    else:
        starts_map, offsets = numbers.start_index_map, numbers.offset_dims
        batch_axes = numbers.start_indices_batching_dims
    kept = [
        k
        for k in range(len(shape))
        if k not in (*collapsed, *numbers.operand_batching_dims)
    ]
    count = indices.ndim - 1 + len(offsets)
    for at in np.ndindex(indices.shape[:-1]):
        start = [0] * len(shape)
        for k, value in zip(starts_map, indices[at], strict=True):
            start[k] = min(max(int(value), 0), shape[k] - sizes[k])
        for k, axis in zip(numbers.operand_batching_dims, batch_axes, strict=True):
            start[k] = at[axis]
        for inside in np.ndindex(*(sizes[k] for k in kept)):
            place = list(start)
            for k, more in zip(kept, inside, strict=True):
                place[k] += more
            rest, window = iter(at), iter(inside)
            yield (
                tuple(
                    next(window) if k in offsets else next(rest) for k in range(count)
                ),
                tuple(place),
            )


def _gather(
    x: Any, indices: Any, *, dimension_numbers: Any, slice_sizes: Any, **_: Any
) -> Any:
    numbers = dimension_numbers
    fixed = (*numbers.collapsed_slice_dims, *numbers.operand_batching_dims)
    window = iter([n for k, n in enumerate(slice_sizes) if k not in fixed])
    rest = iter(indices.shape[:-1])
    count = indices.ndim - 1 + len(numbers.offset_dims)
    axes = (k in numbers.offset_dims for k in range(count))
    out = np.empty([next(window) if own else next(rest) for own in axes], x.dtype)
    for outside, place in _windows(indices, numbers, slice_sizes, x.shape):
        out[outside] = x[place]
    return out


def _scatter_add(
    x: Any, indices: Any, g: Any, *, dimension_numbers: Any, **_: Any
) -> Any:
    numbers = dimension_numbers
    sizes = [1] * x.ndim
    fixed = (*numbers.inserted_window_dims, *numbers.operand_batching_dims)
    kept = [k for k in range(x.ndim) if k not in fixed]
    for k, axis in zip(kept, numbers.update_window_dims, strict=True):
        sizes[k] = g.shape[axis]
    out = np.array(x)
    for outside, place in _windows(indices, numbers, sizes, x.shape):
        out[place] += g[outside]
    return out


def _cumsum(x: Any, *, axis: int, reverse: bool, **_: Any) -> Any:
    if reverse:
        return np.flip(np.cumsum(np.flip(x, axis), axis), axis)
    return np.cumsum(x, axis)


def _reduction(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda x, *, axes, **_: function(x, axis=tuple(axes))


RULES: dict[str, Callable[..., Any]] = {
    "broadcast_in_dim": _broadcast, "dot_general": _dot, "pad": _pad, "slice": _slice,
    "gather": _gather, "scatter-add": _scatter_add, "cumsum": _cumsum,
    "stack": lambda *xs, axis: np.stack(xs, axis),
    "unstack": lambda x, *, axis, **_: list(np.moveaxis(x, axis, 0)),
    "tile": lambda x, *, reps: np.tile(x, reps),
    "reduce_sum": _reduction(np.sum), "reduce_max": _reduction(np.max),
    "reduce_min": _reduction(np.min), "reduce_prod": _reduction(np.prod),
    "reduce_or": _reduction(np.any), "reduce_and": _reduction(np.all),
    "integer_pow": lambda x, *, y: x**float(y),
    "reshape": lambda x, *, new_sizes, dimensions, **_: x.transpose(
        dimensions or range(x.ndim)
    ).reshape(new_sizes),
    "squeeze": lambda x, *, dimensions: np.squeeze(x, tuple(dimensions)),
    "transpose": lambda x, *, permutation: np.transpose(x, permutation),
    "rev": lambda x, *, dimensions: np.flip(x, tuple(dimensions)),
    "convert_element_type": lambda x, *, new_dtype, **_: x.astype(new_dtype),
    "concatenate": lambda *xs, dimension: np.concatenate(xs, dimension),
    "iota": lambda *, dtype, shape, dimension, **_: np.broadcast_to(
        np.arange(shape[dimension], dtype=dtype).reshape(
            [-1 if k == dimension else 1 for k in range(len(shape))]
        ), shape,
    ),
    "argmax": lambda x, *, axes, index_dtype: np.argmax(x, axes[0]).astype(index_dtype),
    "split": lambda x, *, sizes, axis: np.split(x, np.cumsum(sizes)[:-1], axis),
}  # fmt: skip
