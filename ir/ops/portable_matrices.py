# ruff: noqa: ANN001, ANN201 - arrays of any float, printed without annotations
# mypy: disable-error-code="no-untyped-def, no-untyped-call"
"""Hold functions of matrices for generated modules, under the rules of `portable.py`.

Those whose names end in `each` take stacks of matrices along one leading axis.
"""

import numpy as np


def triangular_solved(a, b, lower, transposed, unit):
    """Return the solution of a triangular system by blocks, most of it products."""
    out = b.copy()
    n, size = a.shape[0], 64
    down = lower != transposed
    for step in range(0, n, size):
        first = step if down else max(0, n - step - size)
        last = min(n, step + size) if down else n - step
        start, stop = (0, first) if lower else (last, n)
        rows = np.ascontiguousarray(a[first:last, start:stop])
        block = np.ascontiguousarray(a[first:last, first:last])
        if transposed:
            block = np.ascontiguousarray(block.T)
        elif start < stop:
            out[first:last] -= rows @ out[start:stop]
        for row in range(last - first):
            i = row if down else last - first - 1 - row
            for other in range(row):
                j = other if down else last - first - 1 - other
                for k in range(out.shape[1]):
                    out[first + i, k] -= block[i, j] * out[first + j, k]
            if not unit:
                for k in range(out.shape[1]):
                    out[first + i, k] /= block[i, i]
        if transposed and start < stop:
            out[start:stop] -= rows.T @ out[first:last]
    return out


def cholesky_inverse(a):
    """Return inv(L @ L.T) of a lower triangle L by blocks, most of it products."""
    n, size = a.shape[0], 48
    inverse, out = np.zeros_like(a), np.empty_like(a)
    for first in range(0, n, size):
        last = min(n, first + size)
        rows = np.eye(last - first, dtype=a.dtype)
        for i in range(last - first):
            for j in range(i):
                for k in range(j + 1):
                    rows[i, k] -= a[first + i, first + j] * rows[j, k]
            for k in range(i + 1):
                rows[i, k] /= a[first + i, first + i]
        inverse[first:last, first:last] = rows
        for start in range(0, first, size):
            end = min(n, start + size)
            left = np.ascontiguousarray(a[first:last, start:first])
            right = np.ascontiguousarray(inverse[start:first, start:end])
            inverse[first:last, start:end] = -(rows @ (left @ right))
    for first in range(0, n, size):
        last = min(n, first + size)
        left = np.ascontiguousarray(inverse[first:, first:last].T)
        part = left @ np.ascontiguousarray(inverse[first:, :last])
        out[first:last, :last] = part
        out[:last, first:last] = part.T
    return out


def eigengaps(w, tiny):
    """Return 1/(w[j] - w[i]), 0 on the diagonal; refuse repeated eigenvalues."""
    n = w.shape[0]
    out = np.zeros_like(np.outer(w, w))
    for i in range(n):
        for j in range(n):
            if i != j:
                gap = w[j] - w[i]
                if abs(gap) <= tiny * n * max(abs(w[0]), abs(w[n - 1])):
                    raise IndexError
                out[i, j] = 1.0 / gap
    return out


def all_but(s, i, j, k):
    """Return the product of all entries but those."""
    total = 1.0
    for m in range(len(s)):
        if m != i and m != j and m != k:  # noqa: PLR1714 - no containers
            total *= s[m]
    return total


def all_finite(a):
    """Whether no entry is NaN or infinite."""
    for x in a.ravel():  # noqa: SIM110 - no generators
        if not np.isfinite(x):
            return False
    return True


def cofactor(a):
    """Return the gradient of det(a), for singular matrices too."""
    out = np.zeros_like(a)
    if a.size == 0 or not all_finite(a):
        return out + a
    u, s, v = np.linalg.svd(a)
    for i in range(len(s)):
        out[i, i] = all_but(s, i, i, i)
    out = u @ out @ v
    return out if np.linalg.det(u) * np.linalg.det(v) > 0 else -out


def cofactor_slope(a, e):
    """Return the derivative of the gradient of det(a) along e."""
    out = np.zeros_like(a)
    if a.size == 0 or not all_finite(a):
        return out + a + e
    u, s, v = np.linalg.svd(a)
    e = u.T @ e @ v.T
    for i in range(len(s)):
        for j in range(i):
            others = all_but(s, i, j, j)
            out[i, i] += others * e[j, j]
            out[j, j] += others * e[i, i]
            out[i, j] = -others * e[j, i]
            out[j, i] = -others * e[i, j]
    out = u @ out @ v
    return out if np.linalg.det(u) * np.linalg.det(v) > 0 else -out


def cofactor_curve(a, e, f):
    """Return the second derivative of the gradient of det(a) along e and f."""
    out = np.zeros_like(a)
    if a.size == 0 or not all_finite(a):
        return out + a + e + f
    u, s, v = np.linalg.svd(a)
    e, f = u.T @ e @ v.T, u.T @ f @ v.T
    for i in range(len(s)):
        for j in range(i):
            for k in range(j):
                others = all_but(s, i, j, k)
                for p, q, r in ((i, j, k), (j, k, i), (k, i, j)):
                    for x, y, z in ((i, j, k), (j, k, i), (k, i, j)):
                        even = e[q, y] * f[r, z] + f[q, y] * e[r, z]
                        odd = e[q, z] * f[r, y] + f[q, z] * e[r, y]
                        out[p, x] += others * (even - odd)
    out = u @ out @ v
    return out if np.linalg.det(u) * np.linalg.det(v) > 0 else -out


def solve_each(a, b):
    """Return the solution of each system."""
    out = np.empty_like(b)
    for i in range(a.shape[0]):
        out[i] = np.linalg.solve(a[i], b[i])
    return out


def solve_triangular_each(a, b, lower, transposed, unit):
    """Return the solution of each triangular system."""
    out = np.empty_like(b)
    for i in range(a.shape[0]):
        out[i] = triangular_solved(a[i], b[i], lower, transposed, unit)
    return out


def inv_each(a):
    """Return the inverse of each matrix."""
    out = np.empty_like(a)
    for i in range(a.shape[0]):
        out[i] = np.linalg.inv(a[i])
    return out


def cholesky_each(a):
    """Return the Cholesky factor of each matrix."""
    out = np.empty_like(a)
    for i in range(a.shape[0]):
        out[i] = np.linalg.cholesky(a[i])
    return out


def eigvalsh_each(a):
    """Return the eigenvalues of each matrix."""
    out = np.empty(a.shape[:2], a.dtype)
    for i in range(a.shape[0]):
        out[i] = np.linalg.eigvalsh(a[i])
    return out


def eigenvectors_each(a):
    """Return the eigenvectors of each matrix."""
    out = np.empty_like(a)
    for i in range(a.shape[0]):
        out[i] = np.linalg.eigh(a[i])[1]
    return out


def det_each(a):
    """Return the determinant of each matrix."""
    out = np.empty(a.shape[0], a.dtype)
    for i in range(a.shape[0]):
        out[i] = np.linalg.det(a[i])
    return out


def logdet_each(a):
    """Return log(abs(det)) of each matrix."""
    out = np.empty(a.shape[0], a.dtype)
    for i in range(a.shape[0]):
        out[i] = np.linalg.slogdet(a[i])[1]
    return out


def detsign_each(a):
    """Return the sign of the determinant of each matrix."""
    out = np.empty(a.shape[0], a.dtype)
    for i in range(a.shape[0]):
        out[i] = np.linalg.slogdet(a[i])[0]
    return out


def cofactor_each(a):
    """Return the gradient of the determinant of each matrix."""
    out = np.empty_like(a)
    for i in range(a.shape[0]):
        out[i] = cofactor(a[i])
    return out


def cofactor_slope_each(a, e):
    """Return the derivative of the gradient of each determinant along e."""
    out = np.empty_like(a)
    for i in range(a.shape[0]):
        out[i] = cofactor_slope(a[i], e[i])
    return out


def cofactor_curve_each(a, e, f):
    """Return the second derivative of the gradient of each determinant."""
    out = np.empty_like(a)
    for i in range(a.shape[0]):
        out[i] = cofactor_curve(a[i], e[i], f[i])
    return out


def eigengaps_each(w, tiny):
    """Return 1/(w[j] - w[i]) for each row of eigenvalues."""
    out = np.empty((w.shape[0], w.shape[1], w.shape[1]), w.dtype)
    for i in range(w.shape[0]):
        out[i] = eigengaps(w[i], tiny)
    return out
