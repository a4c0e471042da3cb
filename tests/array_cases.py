"""Hold one formula or more for each function on whole arrays, to be read in two ways.

A formula is `(f, d, *operands)`: `f.sum(...)` is our function or NumPy's, `d.m` a
named size or its number. Its operands are given as text, a shape each: `mn` is a matrix
of floats, `4` a vector of four, `.` a scalar; in front `#` makes integers from 0 to the
size of `k`, `?` conditions, `+` a symmetric positive definite matrix, `%` integers that
index the size `n`.
"""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import scipy.linalg
import scipy.special

from overbar.ir.types import DTYPES, dim
from overbar.read.arrays import FUNCTIONS, index


class Ours:
    """Give our functions by name, over a graph."""

    def __init__(self, graph):
        self.graph = graph

    def __getattr__(self, name):
        return lambda *args, **options: FUNCTIONS[name](self.graph, *args, **options)

    def at(self, x, *items):
        """Return `x[items]`."""
        return index(self.graph, x, items)

    def mul(self, x, y):
        """Return a product by elements."""
        return self.graph.lift(x) * self.graph.lift(y)


def one_hot(x, n):
    """Return rows with a single 1."""
    return (x[..., None] == np.arange(n)) * 1.0


def segment_sum(x, ids, n):
    """Return sums of the rows of each id."""
    out = np.zeros((n, *x.shape[1:]))
    np.add.at(out, ids, x)
    return out


def conv2d(x, w, mode="valid", *, stride=1):
    """Return cross-correlations by their definition."""
    if x.ndim == 2:
        return conv2d(x[None, None], w[None, None], mode, stride=stride)[0, 0]
    h, k = w.shape[2:]
    if mode == "same":
        edges = ((h - 1) // 2, h // 2), ((k - 1) // 2, k // 2)
        x = np.pad(x, ((0, 0), (0, 0), *edges))
    windows = np.lib.stride_tricks.sliding_window_view(x, (h, k), (2, 3))
    return np.einsum("nchwij,ocij->nohw", windows[:, :, ::stride, ::stride], w)


def logdet(a):
    """Return log(abs(det(a)))."""
    return np.linalg.slogdet(a)[1]


class Theirs:
    """Give NumPy's and SciPy's functions by name; a few by their definition."""

    own = {f.__name__: f for f in (one_hot, segment_sum, conv2d, logdet)} | {
        "at": lambda x, *items: x[items], "mul": lambda x, y: x * y,
        "stop_gradient": lambda x: x,
    }  # fmt: skip

    def __getattr__(self, name):
        places = (
            SimpleNamespace(**self.own),
            scipy.special,
            np.linalg,
            np,
            scipy.linalg,
        )
        if name in {"diagonal", "trace", "outer", "cross", "tensordot"}:
            places = (np,)
        return next(getattr(p, name) for p in places if hasattr(p, name))


def sizes(m, n, k):
    """Return the sizes that formulas know."""
    return SimpleNamespace(m=m, n=n, k=k)


NAMED = sizes(*map(dim, "mnk"))


def shape_of(text, d):
    """Return the shape that a text of `cases` says."""
    letters = text.lstrip("#?+%").replace(".", "")
    return tuple(int(c) if c.isdigit() else getattr(d, c) for c in letters)


def type_of(text, d, dtype="float64"):
    """Return an operand's type."""
    kind = {"#": "int64", "%": "int64", "?": "bool"}.get(text[0], dtype)
    return DTYPES[kind].of(shape_of(text, d))


def value_of(text, d, rng, dtype="float64"):
    """Return random numbers for an operand."""
    shape = shape_of(text, d)
    if text[0] in "#%":
        return rng.integers(0, max(d.k if text[0] == "#" else d.n, 1), shape)
    if text[0] == "?":
        return rng.random(shape) < 0.5
    x = rng.standard_normal(shape)
    if text[0] == "+":
        x = x @ np.swapaxes(x, -1, -2) + np.diag(1.0 + np.arange(x.shape[-1]))
    return x.astype(dtype)


A, S = np.array([2, 0, 1]), slice
FORMULAS = {
    "sum": [
        (lambda f, d, x: f.sum(x), "mn"),
        (lambda f, d, x: f.sum(x, 0), "mn"),
        (lambda f, d, x: f.sum(x, axis=(-1, 0)), "mnk"),
        (lambda f, d, x: f.sum(x, axis=-2, keepdims=True), "mnk"),
        (lambda f, d, x: f.sum(x, keepdims=True), "mn"),
        (lambda f, d, x: f.sum(x), "."),
        (lambda f, d, x: f.sum(x), "?mn"),
        (lambda f, d, x: f.sum(x, axis=0), "#mn"),
        (lambda f, d, x, y: f.sum(f.mul(x, y), axis=1), "mn n"),
        (lambda f, d, x, y: f.sum(f.mul(x, y), axis=(0, 2)), "m1k nk"),
    ],
    "prod": [
        (lambda f, d, x: f.prod(x), "n"),
        (lambda f, d, x: f.prod(x, 1), "mn"),
        (lambda f, d, x: f.prod(x), "mn"),
        (lambda f, d, x: f.prod(x, (0, 2)), "mnk"),
    ],
    "max": [
        (lambda f, d, x: f.max(x), "mn"),
        (lambda f, d, x: f.max(x, 0, keepdims=True), "mn"),
    ],
    "amax": [(lambda f, d, x: f.amax(x, -1), "mn")],
    "min": [
        (lambda f, d, x: f.min(x), "mn"),
        (lambda f, d, x: f.min(x, (0, 2)), "mnk"),
    ],
    "amin": [(lambda f, d, x: f.amin(x, -1), "mn")],
    "ptp": [(lambda f, d, x: f.ptp(x, 0), "mn")],
    "mean": [
        (lambda f, d, x: f.mean(x), "mn"),
        (lambda f, d, x: f.mean(x, (0, 1)), "mnk"),
        (lambda f, d, x: f.mean(x, 1), "#mn"),
    ],
    "average": [
        (lambda f, d, x: f.average(x, 0), "mn"),
        (lambda f, d, x, w: f.average(x, axis=1, weights=f.mul(w, w)), "m4 4"),
        (lambda f, d, x, w: f.average(x, weights=f.mul(w, w)), "mn mn"),
    ],
    "var": [
        (lambda f, d, x: f.var(x), "mn"),
        (lambda f, d, x: f.var(x, 1, ddof=1), "m4"),
        (lambda f, d, x: f.var(x, 0, keepdims=True), "mn"),
    ],
    "std": [
        (lambda f, d, x: f.std(x), "mn"),
        (lambda f, d, x: f.std(x, axis=1, ddof=1), "m4"),
    ],
    "any": [
        (lambda f, d, x: f.any(x), "?mn"),
        (lambda f, d, x: f.any(x, 0), "?mn"),
        (lambda f, d, x: f.any(x, 1), "#mn"),
    ],
    "all": [
        (lambda f, d, x: f.all(x), "?mn"),
        (lambda f, d, x: f.all(x, 1, keepdims=True), "?mn"),
    ],
    "count_nonzero": [(lambda f, d, x: f.count_nonzero(x, 0), "#mn")],
    "argmax": [
        (lambda f, d, x: f.argmax(x), "mn"),
        (lambda f, d, x: f.argmax(x, 0), "mn"),
        (lambda f, d, x: f.argmax(x, 1, keepdims=True), "mn"),
    ],
    "argmin": [
        (lambda f, d, x: f.argmin(x), "mn"),
        (lambda f, d, x: f.argmin(x, -1), "mn"),
    ],
    "norm": [
        (lambda f, d, x: f.norm(x), "n"),
        (lambda f, d, x: f.norm(x), "mn"),
        (lambda f, d, x: f.norm(x, axis=1, keepdims=True), "mn"),
        *[(lambda f, d, x, p=p: f.norm(x, p, 0), "mn") for p in (1, 2, 3)],
        (lambda f, d, x: f.norm(x, 0), "n"),
        (lambda f, d, x: f.norm(x, "fro"), "mn"),
        (lambda f, d, x: f.norm(x, "fro", (0, 1), keepdims=True), "mnk"),
    ],
    "norm, largest": [
        *[(lambda f, d, x, p=p: f.norm(x, p, 0), "mn") for p in (np.inf, -np.inf)],
        *[(lambda f, d, x, p=p: f.norm(x, p), "mn") for p in (1, -1, np.inf, -np.inf)],
        (lambda f, d, x: f.norm(x, 1, (2, 0)), "mnk"),
    ],
    "cumsum": [
        (lambda f, d, x: f.cumsum(x), "mn"),
        (lambda f, d, x: f.cumsum(x, 0), "mn"),
        (lambda f, d, x: f.cumsum(x, axis=-1), "mnk"),
        (lambda f, d, x: f.cumsum(x), "?n"),
    ],
    "diff": [
        (lambda f, d, x: f.diff(x), "m4"),
        (lambda f, d, x: f.diff(x, 2, 0), "4n"),
    ],
    "logsumexp": [
        (lambda f, d, x: f.logsumexp(x), "mn"),
        (lambda f, d, x: f.logsumexp(x, 1), "mn"),
        (lambda f, d, x: f.logsumexp(x, axis=0, keepdims=True), "mn"),
    ],
    "softmax": [
        (lambda f, d, x: f.softmax(x), "mn"),
        (lambda f, d, x: f.softmax(x, 0), "mn"),
        (lambda f, d, x: f.softmax(x, axis=-1), "mnk"),
    ],
    "log_softmax": [
        (lambda f, d, x: f.log_softmax(x), "n"),
        (lambda f, d, x: f.log_softmax(x, axis=-1), "mn"),
    ],
    "transpose": [
        (lambda f, d, x: f.transpose(x), "mn"),
        (lambda f, d, x: f.transpose(x), "n"),
        (lambda f, d, x: f.transpose(x, (2, 0, 1)), "mnk"),
        (lambda f, d, x: f.transpose(x, (0, -1, 1)), "mnk"),
    ],
    "permute_dims": [(lambda f, d, x: f.permute_dims(x, (1, 0)), "mn")],
    "matrix_transpose": [(lambda f, d, x: f.matrix_transpose(x), "mnk")],
    "swapaxes": [(lambda f, d, x: f.swapaxes(x, 0, -1), "mnk")],
    "moveaxis": [
        (lambda f, d, x: f.moveaxis(x, 0, -1), "mnk"),
        (lambda f, d, x: f.moveaxis(x, (0, 1), (2, 0)), "mnk"),
    ],
    "reshape": [
        (lambda f, d, x: f.reshape(x, (d.n, d.m)), "mn"),
        (lambda f, d, x: f.reshape(x, -1), "mn"),
        (lambda f, d, x: f.reshape(x, (d.m * 2, -1)), "m2n"),
        (lambda f, d, x: f.reshape(x, (2, -1, d.n)), "m2n"),
        (lambda f, d, x: f.reshape(x, (1, 1)), "."),
    ],
    "ravel": [(lambda f, d, x: f.ravel(x), "mn"), (lambda f, d, x: f.ravel(x), ".")],
    "squeeze": [
        (lambda f, d, x: f.squeeze(x), "141"),
        (lambda f, d, x: f.squeeze(x, 1), "m1n"),
    ],
    "expand_dims": [
        (lambda f, d, x: f.expand_dims(x, 0), "mn"),
        (lambda f, d, x: f.expand_dims(x, (0, -1)), "mn"),
    ],
    "concatenate": [
        (lambda f, d, x, y: f.concatenate((x, y)), "mn kn"),
        (lambda f, d, x, y: f.concatenate([x, y, x], 1), "mn mk"),
        (lambda f, d, x, y: f.concatenate((x, y), axis=None), "mn k"),
        (lambda f, d, x: f.concatenate((x,)), "n"),
    ],
    "concat": [(lambda f, d, x, y: f.concat((x, y), axis=-1), "mn mn")],
    "stack": [
        (lambda f, d, x, y: f.stack((x, y)), "mn mn"),
        (lambda f, d, x, y: f.stack([x, y], -1), "mn mn"),
        (lambda f, d, x, y: f.stack([x, y]), ". ."),
    ],
    "vstack": [
        (lambda f, d, x, y: f.vstack((x, y)), "n mn"),
        (lambda f, d, x, y: f.vstack((x, y)), "n n"),
    ],
    "hstack": [
        (lambda f, d, x, y: f.hstack((x, y)), "mn mk"),
        (lambda f, d, x, y: f.hstack((x, y)), "n ."),
    ],
    "column_stack": [(lambda f, d, x, y: f.column_stack((x, y)), "m mn")],
    "split": [
        (lambda f, d, x: f.split(x, 2, 1)[1], "m4"),
        (lambda f, d, x: f.split(x, (1, 3), 1)[2], "m4"),
    ],
    "pad": [
        (lambda f, d, x: f.pad(x, 1), "mn"),
        (lambda f, d, x: f.pad(x, ((1, 0), (0, 2))), "mn"),
        (lambda f, d, x: f.pad(x, (2, 1)), "n"),
        (lambda f, d, x: f.pad(x, (1, 2), constant_values=3.5), "mn"),
        *[
            (lambda f, d, x, w=w: f.pad(x, (2, 3), w), "4")
            for w in ("edge", "reflect", "symmetric", "wrap")
        ],
        (lambda f, d, x: f.pad(x, ((0, 0), (1, 2)), mode="edge"), "m4"),
    ],
    "tile": [
        (lambda f, d, x: f.tile(x, 2), "n"),
        (lambda f, d, x: f.tile(x, (2, 1)), "n"),
        (lambda f, d, x: f.tile(x, (2, 3)), "mn"),
        (lambda f, d, x: f.tile(x, 2), "mn"),
    ],
    "repeat": [
        (lambda f, d, x: f.repeat(x, 2), "mn"),
        (lambda f, d, x: f.repeat(x, 3, 0), "mn"),
        (lambda f, d, x: f.repeat(x, (2, 0, 1), axis=1), "m3"),
    ],
    "flip": [(lambda f, d, x: f.flip(x), "mn"), (lambda f, d, x: f.flip(x, 1), "mn")],
    "roll": [
        (lambda f, d, x: f.roll(x, 1), "34"),
        (lambda f, d, x: f.roll(x, -2, 1), "m4"),
        (lambda f, d, x: f.roll(x, (1, 5), (0, 1)), "34"),
    ],
    "broadcast_to": [
        (lambda f, d, x: f.broadcast_to(x, (d.m, d.n)), "n"),
        (lambda f, d, x: f.broadcast_to(x, (d.m, d.n)), "m1"),
        (lambda f, d, x: f.broadcast_to(x, (d.k, d.m, d.n)), "."),
    ],
    "zeros": [
        (lambda f, d: f.zeros((d.m, 2)), ""),
        (lambda f, d: f.zeros(d.n, dtype="int64"), ""),
    ],
    "ones": [
        (lambda f, d: f.ones((d.m, d.n)), ""),
        (lambda f, d: f.ones(3, dtype=bool), ""),
    ],
    "full": [
        (lambda f, d: f.full((d.m, d.n), 2.5), ""),
        (lambda f, d, x: f.full((2, d.n), x), "."),
    ],
    "zeros_like": [(lambda f, d, x: f.zeros_like(x), "mn")],
    "ones_like": [(lambda f, d, x: f.ones_like(x), "#n")],
    "full_like": [(lambda f, d, x: f.full_like(x, 2.5), "mn")],
    "eye": [
        (lambda f, d: f.eye(d.n), ""),
        (lambda f, d: f.eye(3, 4, k=-1), ""),
        (lambda f, d: f.eye(d.m, d.n, 1), ""),
    ],
    "identity": [(lambda f, d: f.identity(d.m), "")],
    "arange": [
        (lambda f, d: f.arange(d.n), ""),
        (lambda f, d: f.arange(2, 9, 3), ""),
        (lambda f, d: f.arange(5, -1, -2), ""),
        (lambda f, d: f.arange(0.5, 2.0, 0.25), ""),
    ],
    "linspace": [
        (lambda f, d: f.linspace(0, 1, 5), ""),
        (lambda f, d: f.linspace(-1.0, 2.0, num=4, endpoint=False), ""),
    ],
    "where": [
        (lambda f, d, c, x, y: f.where(c, x, y), "?mn mn n"),
        (lambda f, d, c, x: f.where(c, x, 0.0), "?m1 n"),
        (lambda f, d, c, x, y: f.where(c, x, y), "#n mn ."),
    ],
    "clip": [
        (lambda f, d, x: f.clip(x, -0.5, 0.5), "mn"),
        (lambda f, d, x: f.clip(x, None, 0.1), "mn"),
        (lambda f, d, x: f.clip(x, a_min=0.0, a_max=None), "n"),
    ],
    "take": [
        (lambda f, d, x, i: f.take(x, i), "mn #4"),
        (lambda f, d, x, i: f.take(x, i, 1), "mn %23"),
        (lambda f, d, x, i: f.take(x, i, axis=-2), "mnk %3"),
        (lambda f, d, x: f.take(x, 1, axis=0), "4n"),
    ],
    "take_along_axis": [
        (lambda f, d, x, i: f.take_along_axis(x, i, 1), "mn %m2"),
        (lambda f, d, x, i: f.take_along_axis(x, i, axis=0), "nm %3m"),
    ],
    "one_hot": [
        (lambda f, d, i: f.one_hot(i, d.k), "#mn"),
        (lambda f, d, i: f.one_hot(i, 5), "#3"),
    ],
    "segment_sum": [
        (lambda f, d, x, i: f.segment_sum(x, i, d.k), "mn #m"),
        (lambda f, d, x, i: f.segment_sum(x, i, 5), "m #m"),
    ],
    "delete": [(lambda f, d, x: f.delete(x, 1, 1), "m4")],
    "matmul": [
        (lambda f, d, x, y: f.matmul(x, y), s)
        for s in (
            "n n",
            "mn n",
            "m mn",
            "mn nk",
            "kmn n",
            "n mnk",
            "kmn kn2",
            "kmn n2",
            "mn knm",
            "1mn knm",
            "2kmn knm",
            "11 1",
        )
    ],
    "dot": [
        (lambda f, d, x, y: f.dot(x, y), s)
        for s in ("n n", "mn n", "n nm", "mn nk", ". mn", "kmn n", "mn knk", "kmn nm")
    ],
    "inner": [
        (lambda f, d, x, y: f.inner(x, y), s) for s in ("n n", "mn kn", "mn n", ". n")
    ],
    "vdot": [(lambda f, d, x, y: f.vdot(x, y), "mn mn")],
    "outer": [(lambda f, d, x, y: f.outer(x, y), s) for s in ("m n", "mn k", "m m")],
    "kron": [(lambda f, d, x, y: f.kron(x, y), s) for s in ("mn nk", "m n", "n mk")],
    "cross": [(lambda f, d, x, y: f.cross(x, y), s) for s in ("3 3", "m3 m3", "m3 3")],
    "tensordot": [
        (lambda f, d, x, y: f.tensordot(x, y), "kmn mnk"),
        (lambda f, d, x, y: f.tensordot(x, y, 1), "mn nk"),
        (lambda f, d, x, y: f.tensordot(x, y, axes=((0, 1), (1, 0))), "mnk nm"),
        (lambda f, d, x, y: f.tensordot(x, y, 0), "m n"),
    ],
    "einsum": [
        *[
            (lambda f, d, *a, s=s: f.einsum(s, *a), shapes)
            for s, shapes in (
                ("ij,jk->ik", "mn nk"),
                ("ij->ji", "mn"),
                ("ij,j", "mn n"),
                ("ii", "nn"),
                ("ii->i", "nn"),
                ("iij->j", "nnm"),
                ("ij,ij->", "mn mn"),
                ("i,j,k->ijk", "m n k"),
                ("ij,jk,kl->il", "mn nk km"),
                ("...ij,...jk->...ik", "2mn 2nk"),
                ("...i,i->...", "mkn n"),
                ("...i,...i", "mn n"),
                ("ij,kj->ik", "mn kn"),
                ("i,ij,j->", "m mn n"),
                ("ba", "mn"),
                ("b...->...b", "mnk"),
                ("ij,ij,ij->i", "mn mn mn"),
                (",i->i", ". n"),
                ("ij,j->ij", "1n n"),
                ("ij,jk->ik", "m1 nk"),
                ("ab,bc,cd,de->ae", "mn nk km mn"),
                ("ij,ji->", "mn nm"),
            )
        ],
    ],
    "diagonal": [
        (lambda f, d, x: f.diagonal(x), "nn"),
        (lambda f, d, x: f.diagonal(x, 1), "nn"),
        (lambda f, d, x: f.diagonal(x, -1), "34"),
        (lambda f, d, x: f.diagonal(x, axis1=2, axis2=0), "nmn"),
    ],
    "trace": [
        (lambda f, d, x: f.trace(x), "nn"),
        (lambda f, d, x: f.trace(x, 1), "34"),
        (lambda f, d, x, y: f.trace(f.matmul(x, y)), "mn nm"),
        (lambda f, d, x: f.trace(x), "nnk"),
    ],
    "diag": [
        (lambda f, d, x: f.diag(x), "n"),
        (lambda f, d, x: f.diag(x, 1), "n"),
        (lambda f, d, x: f.diag(x, -2), "n"),
        (lambda f, d, x: f.diag(x), "nn"),
        (lambda f, d, x: f.diag(x, -1), "nn"),
    ],
    "tril": [(lambda f, d, x: f.tril(x), "mn"), (lambda f, d, x: f.tril(x, -1), "kmn")],
    "triu": [(lambda f, d, x: f.triu(x, 1), "mn")],
    "convolve": [
        (lambda f, d, x, y: f.convolve(x, y), "43"[0] + " 3"),
        *[
            (lambda f, d, x, y, w=w: f.convolve(x, y, w), s)
            for w in ("full", "same", "valid")
            for s in ("7 3", "7 2", "3 7", "4 4")
        ],
        (lambda f, d, x, y: f.convolve(x, y), "n m"),
        (lambda f, d, x, y: f.convolve(x, y), "n 3"),
    ],
    "conv2d": [
        (lambda f, d, x, w: f.conv2d(x, w), "57 32"),
        (lambda f, d, x, w: f.conv2d(x, w, "same"), "57 32"),
        (lambda f, d, x, w: f.conv2d(x, w), "m256 k223"),
        (lambda f, d, x, w: f.conv2d(x, w, stride=2), "m278 k233"),
        (lambda f, d, x, w: f.conv2d(x, w, mode="same"), "mk45 2k33"),
    ],
    "stop_gradient": [(lambda f, d, x: f.stop_gradient(x), "mn")],
    "solve": [
        (lambda f, d, a, b: f.solve(a, b), s)
        for s in ("+nn n", "+nn nk", "+knn n", "+knn knm", "+nn mnk", "+2mnn nk")
    ],
    "solve_triangular": [
        *[
            (lambda f, d, a, b, o=o: f.solve_triangular(a, b, **o), s)
            for s in ("+nn n", "+nn nk", "+knn knm")
            for o in (
                {"lower": True},
                {},
                {"trans": 1},
                {"trans": "T", "lower": True},
                {"lower": True, "unit_diagonal": True},
                {"trans": 1, "unit_diagonal": True},
            )
        ],
    ],
    "cholesky": [(lambda f, d, a: f.cholesky(a), s) for s in ("+nn", "+knn", "+m2nn")],
    "inv": [(lambda f, d, a: f.inv(a), s) for s in ("+nn", "+knn", "+m2nn")],
    "det": [(lambda f, d, a: f.det(a), s) for s in ("nn", "knn", "m2nn")],
    "logdet": [(lambda f, d, a: f.logdet(a), s) for s in ("nn", "+knn")],
    "slogdet": [
        (lambda f, d, a: f.slogdet(a)[0], "nn"),
        (lambda f, d, a: f.slogdet(a)[1], "nn"),
        (lambda f, d, a: f.slogdet(a)[0], "knn"),
        (lambda f, d, a: f.slogdet(a)[1], "m2nn"),
    ],
    "eigvalsh": [(lambda f, d, a: f.eigvalsh(a), s) for s in ("+nn", "+knn", "+m2nn")],
    "eigh": [
        (lambda f, d, a: f.eigh(a)[0], "+nn"),
        (lambda f, d, a: f.eigh(a)[1], "+nn"),
        (lambda f, d, a: f.eigh(a)[0], "+knn"),
        (lambda f, d, a: f.eigh(a)[1], "+knn"),
    ],
    "matrix_power": [
        (lambda f, d, a, p=p: f.matrix_power(a, p), s)
        for p, s in (
            *((0, "nn"), (1, "nn"), (3, "nn"), (-2, "+nn")),
            *((0, "knn"), (3, "knn"), (-2, "+knn")),
        )
    ],
    "index, from the end": [(lambda f, d, x: f.at(x, S(d.n - 1, None)), "n")],
    "index": [
        (lambda f, d, x: f.at(x, 1), "4n"),
        (lambda f, d, x: f.at(x, -1), "mn"),
        (lambda f, d, x: f.at(x, 0, -2), "m4"),
        (lambda f, d, x: f.at(x, S(1, None)), "mn"),
        (lambda f, d, x: f.at(x, S(None, -1)), "mn"),
        (lambda f, d, x: f.at(x, S(None, None, -1)), "mn"),
        (lambda f, d, x: f.at(x, S(None, None, 2), S(1, 3)), "m4"),
        (lambda f, d, x: f.at(x, ..., 0), "mn"),
        (lambda f, d, x: f.at(x, None, S(None), None), "mn"),
        (lambda f, d, x: f.at(x, S(5, 2)), "4n"),
        (lambda f, d, x: f.at(x, S(10)), "4n"),
        (lambda f, d, x: f.at(x, S(-2, None, -1)), "4n"),
        (lambda f, d, x: f.at(x, S(3, 0, -2)), "4n"),
        (lambda f, d, x: f.at(x, S(None, None, -2)), "n"),
        (lambda f, d, x: f.at(x, S(0, d.n)), "n"),
        (lambda f, d, x, i: f.at(x, i), "nm %4"),
        (lambda f, d, x, i: f.at(x, S(None), i), "mn %23"),
        (lambda f, d, x, i, j: f.at(x, i, j), "nn %4 %4"),
        (lambda f, d, x, i, j: f.at(x, i, j), "nn %21 %3"),
        (lambda f, d, x, i: f.at(x, 0, S(None), i), "2mn %3"),
        (lambda f, d, x, i: f.at(x, S(None), 0, i), "m2n %3"),
        (lambda f, d, x, i: f.at(x, i, 0), "n2 %3"),
        (lambda f, d, x, i: f.at(x, i, None, S(None, None, 2)), "n4 %3"),
        (lambda f, d, x, i, j: f.at(x, i, None, j), "nn %3 %3"),
        (lambda f, d, x, i, j: f.at(x, i, S(None), j), "nmn %3 %3"),
        (lambda f, d, x, i: f.at(x, ..., i), "mkn %3"),
        (lambda f, d, x, i: f.at(x, i), "n %."),
    ],
}
CASES = [
    (f"{name}-{k}", formula, operands.split())
    for name, formulas in FORMULAS.items()
    for k, (formula, operands) in enumerate(formulas)
]
