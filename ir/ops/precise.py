"""Compute linear algebra in mpmath: the `mp` column of ops on whole arrays.

Comes in: an mpmath context and arrays of its numbers. Goes out: such an array, or a
number. Matrices are small here; mpmath's own factorisations do the work.
"""

from __future__ import annotations

from typing import Any

import numpy as np


def _array(numbers: Any) -> Any:
    """Return nested lists of numbers as an array of objects."""
    return np.array(numbers, dtype=object)


def _columns(b: Any) -> Any:
    """Return a right side as a matrix."""
    return b if b.ndim == 2 else b[:, None]


def solve(m: Any, a: Any, b: Any) -> Any:
    """Return the solution of a x = b, column by column of b."""
    if not b.size:
        return b
    factors, pivots = m.LU_decomp(m.matrix(a.tolist()))
    found = [
        m.U_solve(factors, m.L_solve(factors, m.matrix(column.tolist()), pivots))
        for column in _columns(b).T
    ]
    return _array([list(x) for x in found]).T.reshape(b.shape)


def solve_triangular(
    m: Any, lower: Any, transposed: Any, unit: Any, a: Any, b: Any
) -> Any:
    """Return the solution of a triangular system, row by row."""
    del m
    matrix = a.T if transposed else a
    out, n = _columns(b).copy(), len(b)
    down = lower != transposed
    for i in range(n) if down else range(n)[::-1]:
        known = slice(0, i) if down else slice(i + 1, n)
        out[i] = out[i] - matrix[i, known] @ out[known]
        if not unit:
            out[i] = out[i] / matrix[i, i]
    return out.reshape(b.shape)


def inv(m: Any, a: Any) -> Any:
    """Return the inverse."""
    return solve(m, a, np.frompyfunc(m.mpf, 1, 1)(np.eye(len(a))))


def _mirrored(m: Any, a: Any) -> Any:
    """Return the symmetric matrix of which NumPy reads the lower triangle."""
    return m.matrix((np.tril(a) + np.tril(a, -1).T).tolist())


def cholesky(m: Any, a: Any) -> Any:
    """Return the lower factor."""
    if not a.size:
        return a
    return _array(m.cholesky(_mirrored(m, a)).tolist())


def det(m: Any, a: Any) -> Any:
    """Return the determinant."""
    return m.det(m.matrix(a.tolist())) if a.size else m.one


def logdet(m: Any, a: Any) -> Any:
    """Return log(abs(det))."""
    size = abs(det(m, a))
    return m.log(size) if size else m.ninf


def detsign(m: Any, a: Any) -> Any:
    """Return the sign of the determinant."""
    return m.sign(det(m, a))


def eigvalsh(m: Any, a: Any) -> Any:
    """Return the eigenvalues in ascending order."""
    if not a.size:
        return a.reshape(0)
    return _array(list(m.eigsy(_mirrored(m, a), eigvals_only=True)))


def eigenvectors(m: Any, a: Any) -> Any:
    """Return the eigenvectors as columns, with the signs that NumPy gives them."""
    if not a.size:
        return a
    found = _array(m.eigsy(_mirrored(m, a))[1].tolist())
    shown = np.linalg.eigh(a.astype(float))[1]
    return found * np.where(np.sum(found * shown, axis=0) < 0, -1, 1)


def eigengaps(m: Any, w: Any) -> Any:
    """Return 1/(w[j] - w[i]), 0 on the diagonal."""
    gaps = w[None, :] - w[:, None]
    same = np.eye(len(w), dtype=bool)
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
