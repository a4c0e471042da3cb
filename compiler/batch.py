"""Map entry points over leading axes, point by point: each is what one call gives.

Comes in: values with axes in front of their declared ones, which broadcast as those of
NumPy's generalised ufuncs do. Goes out: results with these axes in front, or summed.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from overbar.ir.errors import InputError
from overbar.ir.types import size_of
from overbar.results import fill
from overbar.sizes import REFUSALS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from overbar.ir.graph import Node
    from overbar.shaped import ShapedFunction


class Batch:
    """Call a formula of arrays over leading axes: `f.batch(xs)[i]` is `f(xs[i])`.

    Arguments without axes of their own in front are the same at every point.
    """

    def __init__(self, f: ShapedFunction) -> None:
        self._f = f

    def __call__(self, /, *args: Any, **keywords: Any) -> Any:
        """Return the values, S + the shape of one."""
        return self._f.packaged(self._f.run_entry("value", self._bound(args, keywords)))

    def grad(self, /, *args: Any, **keywords: Any) -> Any:
        """Return the gradients of all points, S + the shape of the parameter."""
        self._f.need_scalar("batch.grad")
        values = self._bound(args, keywords)
        return self._f.grads(self._f.run_entry("grad", values))

    def value_and_grad(
        self, /, *args: Any, out: Any = None, **keywords: Any
    ) -> tuple[Any, Any]:
        """Return the values and the gradients, from one function."""
        f = self._f
        f.need_scalar("batch.value_and_grad")
        values = self._bound(args, keywords)
        value, *grads = f.run_entry("value_and_grad", values)
        if out is not None:
            fill([out] if f.options.bare else out, grads, f.options.wrt)
        return value, f.grads(grads)

    def jacobian(self, /, *args: Any, **keywords: Any) -> Any:
        """Return the Jacobians of all points, S in front."""
        return self._f.jacobian_of(self._bound(args, keywords))

    def hessian(self, /, *args: Any, **keywords: Any) -> Any:
        """Return the Hessians of all points, S in front."""
        self._f.need_scalar("batch.hessian")
        return self._f.hessian_of(self._bound(args, keywords))

    def _bound(self, args: Any, keywords: Any) -> list[Any]:
        return self._f.signature.bind(args, keywords, leading=True)


def common_lead(
    values: Sequence[Any], nodes: Sequence[Node], names: Sequence[str]
) -> tuple[int, ...]:
    """Return the common shape of what is in front of the declared axes.

    Raises InputError, with the axes by name, where they do not broadcast.
    """
    leads = [
        np.shape(v)[: np.ndim(v) - len(n.type.shape)]
        for v, n in zip(values, nodes, strict=False)
    ]
    try:
        return np.broadcast_shapes(*leads)
    except ValueError:
        shapes = ", ".join(
            f"{n} {lead}" for n, lead in zip(names, leads, strict=False) if lead
        )
        message = f"expected leading axes that broadcast, found shapes {shapes}"
        raise InputError(message) from None


def mapped(f: ShapedFunction, name: str, values: Sequence[Any], lead: Any) -> list[Any]:
    """Return an entry point's results at all points, the leading axes in front."""
    params = [n for _, n in f.runtime.entry(name).program.params]
    nodes = [n for n in params if not isinstance(n, tuple)]
    ranks = [len(n.type.shape) for n in nodes][: len(values)]
    sizes = f.sizes(values)
    results = f.results(name)
    out = [
        np.empty((*lead, *(size_of(e, sizes) for e in n.type.shape)), n.type.dtype)
        for n in results
    ]
    if f.runtime.interprets(name):
        for place, point in _points(values, ranks, lead):
            for whole, part in zip(out, f.once(name, point), strict=True):
                whole[place] = part
        return out
    if not f.runtime.entry(name).program.shaped:
        points = [np.broadcast_to(v, lead) for v in values]
        return [row.reshape(lead) for row in f.runtime.points(name, points, lead)]
    values = [np.asarray(v, n.type.dtype) for v, n in zip(values, nodes, strict=False)]
    stacks, places = _stacked(values, ranks, lead)
    count = prod(lead)
    flat = [a.reshape(count, *a.shape[len(lead) :]) for a in out]
    try:
        f.runtime.blocks(name, stacks, places, flat)
    except REFUSALS:
        for _, point in _points(values, ranks, lead):
            f.once(name, point)  # the first that cannot be computed says why
        raise
    return out


def _stacked(
    values: Sequence[Any], ranks: Sequence[int], lead: tuple[int, ...]
) -> tuple[list[Any], Any]:
    """Return arguments as stacks of blocks, and which block each point takes."""
    stacks, places = [], []
    for array, rank in zip(values, ranks, strict=True):
        own = array.shape[: array.ndim - rank]
        block = array.shape[array.ndim - rank :]
        stacks.append(np.ascontiguousarray(array.reshape(prod(own), *block)))
        where = np.arange(prod(own)).reshape(own)
        places.append(np.broadcast_to(where, lead).ravel())
    return stacks, np.array(places, np.int64).reshape(len(places), prod(lead))


def _points(
    values: Sequence[Any], ranks: Sequence[int], lead: tuple[int, ...]
) -> Iterator[tuple[tuple[int, ...], list[Any]]]:
    """Give each point's place and values, those that are mapped over sliced."""
    leads = [np.shape(v)[: np.ndim(v) - r] for v, r in zip(values, ranks, strict=True)]
    for place in np.ndindex(lead):
        yield (
            place,
            [
                _at(v, place[len(place) - len(own) :], own) if own else v
                for v, own in zip(values, leads, strict=True)
            ],
        )


def _at(value: Any, place: tuple[int, ...], lead: tuple[int, ...]) -> Any:
    found = value[tuple(i if n > 1 else 0 for i, n in zip(place, lead, strict=True))]
    return found if np.ndim(found) else found.item()


def summed(found: Sequence[Any], lead: tuple[int, ...], reduce: str) -> list[Any]:
    """Return the sum or the mean over the leading axes of each result."""
    axes, count = tuple(range(len(lead))), prod(lead)
    with np.errstate(all="ignore"):  # the mean over no points is NaN
        parts = [np.asarray(v.sum(axes, dtype=v.dtype)) for v in found]
        if reduce == "mean":
            parts = [np.asarray(p / p.dtype.type(count)) for p in parts]
    return [p if p.ndim else p.item() for p in parts]


def joined(
    rows: Any, adjoints: Any, lead: tuple[int, ...], reduce: str
) -> tuple[Any, Any]:
    """Return the rows that were read at all points, and what each adds to the result.

    They stand one after the other, as the sum over the leading axes has them.
    """
    if reduce == "mean" and lead:
        adjoints = adjoints / adjoints.dtype.type(prod(lead))
    count = rows.size
    return rows.reshape(count), adjoints.reshape(
        count, *adjoints.shape[len(lead) + 1 :]
    )
