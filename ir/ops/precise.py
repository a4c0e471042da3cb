"""Compute linear algebra in mpmath: the `mp` column of ops on whole arrays.

Comes in: an mpmath context and arrays of its numbers. Goes out: such an array, or a
number. Matrices are small here; mpmath's own factorisations do the work.
"""

from __future__ import annotations

import itertools
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable


def _stacked(signature: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Apply a function of matrices to each of a stack, as NumPy's do."""

    def decorate(one: Callable[..., Any]) -> Callable[..., Any]:
        def each(m: Any, *args: Any) -> Any:
            mapped = np.vectorize(partial(one, m), otypes=[object], signature=signature)
            return mapped(*args)[()]

        each.__doc__ = one.__doc__
        return each

    return decorate


def _array(numbers: Any) -> Any:
    """Return nested lists of numbers as an array of objects."""
    return np.array(numbers, dtype=object)


def _as_columns(solved: Callable[..., Any], m: Any, a: Any, b: Any, *flags: Any) -> Any:
    """Return a solution; a vector beside a matrix is a right side of one column."""
    if b.ndim == 1:
        return solved(m, a, b[:, None], *flags)[:, 0]
    return solved(m, a, b, *flags)


@_stacked("(n,n),(n,k)->(n,k)")
def _solved(m: Any, a: Any, b: Any) -> Any:
    if not b.size:
        return b
    factors, pivots = m.LU_decomp(m.matrix(a.tolist()))
    found = [
        m.U_solve(factors, m.L_solve(factors, m.matrix(column.tolist()), pivots))
        for column in b.T
    ]
    return _array([list(x) for x in found]).T


def solve(m: Any, a: Any, b: Any) -> Any:
    """Return the solution of a x = b, column by column of b."""
    return _as_columns(_solved, m, a, b)


@_stacked("(n,n),(n,k),(),(),()->(n,k)")
def _triangle_solved(
    _m: Any, a: Any, b: Any, lower: Any, transposed: Any, unit: Any
) -> Any:
    matrix = a.T if transposed else a
    out, n = b.copy(), len(b)
    down = lower != transposed
    for i in range(n) if down else range(n)[::-1]:
        known = slice(0, i) if down else slice(i + 1, n)
        out[i] = out[i] - matrix[i, known] @ out[known]
        if not unit:
            out[i] = out[i] / matrix[i, i]
    return out


def solve_triangular(
    m: Any, lower: Any, transposed: Any, unit: Any, a: Any, b: Any
) -> Any:
    """Return the solution of a triangular system, row by row."""
    return _as_columns(_triangle_solved, m, a, b, lower, transposed, unit)


def inv(m: Any, a: Any) -> Any:
    """Return the inverse."""
    identity = np.frompyfunc(m.mpf, 1, 1)(np.eye(a.shape[-1]))
    return _solved(m, a, np.broadcast_to(identity, a.shape))


def _mirrored(m: Any, a: Any) -> Any:
    """Return the symmetric matrix of which NumPy reads the lower triangle."""
    return m.matrix((np.tril(a) + np.tril(a, -1).T).tolist())


@_stacked("(n,n)->(n,n)")
def cholesky(m: Any, a: Any) -> Any:
    """Return the lower factor."""
    return _array(m.cholesky(_mirrored(m, a)).tolist()) if a.size else a


@_stacked("(n,n)->(n,n)")
def cholesky_inverse(m: Any, a: Any) -> Any:
    """Return the inverse of L L^T for a lower triangle L."""
    lower = np.where(np.tri(len(a), dtype=bool), a, m.zero)
    return inv(m, lower @ lower.T)


@_stacked("(n,n)->()")
def det(m: Any, a: Any) -> Any:
    """Return the determinant: the product of the pivots of an elimination.

    Not mpmath's own, which fails where a whole column left is 0.
    """
    rows, total = a.copy(), m.one
    for k in range(len(a)):
        pivot = k + int(np.argmax(abs(rows[k:, k])))
        if not rows[pivot, k]:
            return m.zero
        if pivot != k:
            rows[[k, pivot]] = rows[[pivot, k]]
            total = -total
        total *= rows[k, k]
        rows[k + 1 :] -= np.outer(rows[k + 1 :, k] / rows[k, k], rows[k])
    return total


@_stacked("(n,n)->()")
def logdet(m: Any, a: Any) -> Any:
    """Return log(abs(det))."""
    size = abs(det(m, a))
    return m.log(size) if size else m.ninf


@_stacked("(n,n)->()")
def detsign(m: Any, a: Any) -> Any:
    """Return the sign of the determinant."""
    return m.sign(det(m, a))


def cofactor(m: Any, a: Any, *along: Any) -> Any:
    """Return the gradient of the determinant, differentiated along some matrices."""
    signature = ",".join(["(n,n)"] * (1 + len(along)))
    return _stacked(f"{signature}->(n,n)")(_cofactor)(m, a, *along)


def _cofactor(m: Any, a: Any, *along: Any) -> Any:
    """Return determinants of what is left without the row and column of an entry.

    In these, rows of the matrices along take the places of others, in all ways.
    """
    n = len(a)
    out = np.empty_like(a)
    for i, j in np.ndindex(a.shape):
        rows = [r for r in range(n) if r != i]
        total = m.zero
        for places in itertools.permutations(range(n - 1), len(along)):
            left = np.delete(a[rows], j, axis=1)
            for place, e in zip(places, along, strict=True):
                left[place] = np.delete(e[rows[place]], j)
            total += det(m, left)
        out[i, j] = -total if (i + j) % 2 else total
    return out


@_stacked("(n,n)->(n)")
def eigvalsh(m: Any, a: Any) -> Any:
    """Return the eigenvalues in ascending order."""
    if not a.size:
        return a.reshape(0)
    return _array(list(m.eigsy(_mirrored(m, a), eigvals_only=True)))


@_stacked("(n,n)->(n,n)")
def eigenvectors(m: Any, a: Any) -> Any:
    """Return the eigenvectors as columns, with the signs that NumPy gives them."""
    if not a.size:
        return a
    found = _array(m.eigsy(_mirrored(m, a))[1].tolist())
    shown = np.linalg.eigh(a.astype(float))[1]
    return found * np.where(np.sum(found * shown, axis=0) < 0, -1, 1)


def eigengaps(m: Any, w: Any) -> Any:
    """Return 1/(w[j] - w[i]), 0 on the diagonal."""
    gaps = w[..., None, :] - w[..., :, None]
    same = np.eye(w.shape[-1], dtype=bool)
    return np.where(same, m.zero, 1 / np.where(same, m.one, gaps))


def prod_others(m: Any, axis: int, x: Any, *along: Any) -> Any:
    """Return products of the others along an axis (see `products`).

    By the sum over distinct places that it is: coefficients of 1, s, t, s*t, ... in
    the product of x + g*s + h*t + ... over all places but one, with s*s = t*t = 0.
    """
    lines = [np.moveaxis(v, axis, 0) for v in (x, *along)]
    out = np.empty_like(lines[0])
    most = 2 ** len(along)
    for j in range(len(out)):
        parts = [m.one] + [m.zero] * (most - 1)
        for p in range(len(out)):
            if p != j:
                parts = [
                    parts[k] * lines[0][p] + sum(
                        parts[k - 2**s] * g[p]
                        for s, g in enumerate(lines[1:]) if k >> s & 1
                    )
                    for k in range(most)
                ]  # fmt: skip
        out[j] = parts[-1]
    return np.moveaxis(out, 0, axis)
