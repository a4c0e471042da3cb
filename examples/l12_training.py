"""Initialisation, optimisers, learning rates (CS224N, Lecture 4), on digits and iris.

SGD, Adagrad, RMSprop and Adam, each a few lines, in one jitted loop around
`f.jit.value_and_grad`; learning rates that halve, decay and cycle; Xavier's variance
2/(n_in + n_out) for the weights, and biases 0. Sparse Adam is in l4_window.py.

    python l12_training.py [FOLDER]    draws the curves, in a temporary folder if none
"""

import sys
import tempfile
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from curves import svg
from numba import njit
from sklearn.datasets import load_digits, load_iris

import overbar as ob

Array = np.ndarray
Sizes = tuple[int, int, int]  # inputs, hidden units, classes

f = ob.load(Path(__file__).with_suffix(".expr"))
value_and_grad = f.jit.value_and_grad
print(f.text(), end="\n\n")

EPOCHS, BATCH = 30, 16

# -- optimisers ----------------------------------------------------------------------
# Each moves theta, all parameters in one vector, by the gradient g and the learning
# rate in step t; m and v, vectors of 0 at first, are theirs to keep what they like.


@njit
def sgd(theta: Array, g: Array, _m: Array, _v: Array, rate: float, _t: int) -> None:
    """Move against the gradient."""
    theta -= rate * g


@njit
def adagrad(theta: Array, g: Array, _m: Array, v: Array, rate: float, _t: int) -> None:
    """Divide by the root of the sum of all squares so far."""
    v += g**2
    theta -= rate * g / (np.sqrt(v) + 1e-8)


@njit
def rmsprop(theta: Array, g: Array, _m: Array, v: Array, rate: float, _t: int) -> None:
    """Divide by the root of a running mean of the squares."""
    v += 0.1 * (g**2 - v)
    theta -= rate * g / (np.sqrt(v) + 1e-8)


@njit
def adam(theta: Array, g: Array, m: Array, v: Array, rate: float, t: int) -> None:
    """Divide a running mean by the root of that of squares, without their bias to 0."""
    m += 0.1 * (g - m)
    v += 0.001 * (g**2 - v)
    theta -= rate * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)


# -- learning rates by epoch, from lr0 -----------------------------------------------

epochs = np.arange(EPOCHS)
SCHEDULES = {
    "constant": np.ones(EPOCHS),
    "halved every 5": 0.5 ** (epochs // 5),
    "exp(-k t)": np.exp(-0.1 * epochs),
    "cyclic": 0.1 + 0.9 * np.abs(epochs % 10 - 5) / 5,
}

# -- the loop ------------------------------------------------------------------------


@njit
def unpack(theta: Array, n: int, h: int, C: int) -> tuple[Array, ...]:
    """Return theta's parts as W1, b1, W2 and b2, which share its memory."""
    W1, theta = theta[: h * n].reshape(h, n), theta[h * n :]
    b1, theta = theta[:h], theta[h:]
    W2, b2 = theta[: C * h].reshape(C, h), theta[C * h :]
    return W1, b1, W2, b2


@njit
def gradient(theta: Array, sizes: Sizes, X: Array, y: Array, g: Array) -> float:
    """Put the gradient of the loss over some points into g."""
    n, h, C = sizes
    W1, b1, W2, b2 = unpack(theta, n, h, C)
    g1, c1, g2, c2 = unpack(g, n, h, C)
    loss, (g1[:], c1[:], g2[:], c2[:]) = value_and_grad(W1, b1, W2, b2, X, y)
    return loss


@njit
def one_epoch(
    step: Any,
    state: tuple[Array, Array, Array],
    t: int,
    rate: float,
    sizes: Sizes,
    X: Array,
    y: Array,
) -> float:
    """Go once through the points, a batch a step; return the mean loss."""
    theta, m, v = state
    g, total = np.empty_like(theta), 0.0
    for start in range(0, len(y), BATCH):
        Xs, ys = X[start : start + BATCH], y[start : start + BATCH]
        total += len(ys) * gradient(theta, sizes, Xs, ys, g)
        t += 1
        step(theta, g, m, v, rate, t)
    return total / len(y)


def xavier(sizes: Sizes, rng: np.random.Generator) -> Array:
    """Return where training starts: weights uniform(-r, r), biases 0."""
    parts = []
    for n_in, n_out in pairwise(sizes):
        r = np.sqrt(6 / (n_in + n_out))  # uniform(-r, r) has variance r^2/3
        parts += [rng.uniform(-r, r, size=n_out * n_in), np.zeros(n_out)]
    return np.concatenate(parts)


def progress(name: str, done: int) -> None:
    """Draw a bar, where there is a terminal to see it."""
    if sys.stderr.isatty():
        bar = "#" * (30 * done // EPOCHS)
        end = "\r" if done < EPOCHS else "\r\033[K"
        print(f"{name:12} [{bar:30}] {done}/{EPOCHS}", end=end, file=sys.stderr)


def train(
    X: Array, y: Array, sizes: Sizes, step: Any, rates: Array
) -> tuple[Array, Array]:
    """Return the trained parameters, and the mean loss of each epoch."""
    rng = np.random.default_rng(0)
    theta = xavier(sizes, rng)
    state = (theta, np.zeros_like(theta), np.zeros_like(theta))
    steps = -(-len(y) // BATCH)  # of an epoch
    losses = []
    for epoch, rate in enumerate(rates):
        order = rng.permutation(len(y))
        t = epoch * steps
        losses.append(one_epoch(step, state, t, rate, sizes, X[order], y[order]))
        progress(step.__name__, epoch + 1)
    return theta, np.array(losses)


def right(theta: Array, sizes: Sizes, X: Array, y: Array) -> float:
    """Return the share of points that are classified right."""
    W1, b1, W2, b2 = unpack(theta, *sizes)
    scores = np.tanh(X @ W1.T + b1) @ W2.T + b2
    return float(np.mean(np.argmax(scores, axis=1) == y))


# -- digits and iris -----------------------------------------------------------------

folder = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp())
shuffle = np.random.default_rng(3).permutation
runs: dict[str, dict[str, Array]] = {}
for name, load, hidden in (("digits", load_digits, 32), ("iris", load_iris, 8)):
    X, y = load(return_X_y=True)
    order = shuffle(len(y))
    X, y = ((X - X.mean(axis=0)) / (X.std(axis=0) + 0.1))[order], y[order]
    learn, test = slice(len(y) * 2 // 3), slice(len(y) * 2 // 3, None)
    sizes = (X.shape[1], hidden, int(y.max()) + 1)
    print(f"{name}: {len(y)} points, network {sizes[0]} - {sizes[1]} - {sizes[2]}")

    constant, *others = SCHEDULES
    ways = {
        "SGD": (sgd, SCHEDULES[constant] * 0.2),
        "Adagrad": (adagrad, SCHEDULES[constant] * 0.05),
        "RMSprop": (rmsprop, SCHEDULES[constant] * 0.01),
        "Adam": (adam, SCHEDULES[constant] * 0.01),
        **{f"SGD, {k}": (sgd, SCHEDULES[k] * 0.2) for k in others},
    }
    for way, (step, rates) in ways.items():
        theta, losses = train(X[learn], y[learn], sizes, step, rates)
        share = right(theta, sizes, X[test], y[test])
        print(
            f"  {way:20} loss {losses[0]:.3f} -> {losses[-1]:.1e}, "
            f"{100 * share:5.1f} % of unseen points right"
        )
        assert losses[-1] < losses[0] / 2
        runs.setdefault(name, {})[way] = losses

for name, losses in runs.items():
    by_optimiser = {k: (epochs + 1, c) for k, c in losses.items() if "," not in k}
    by_schedule = {k: (epochs + 1, c) for k, c in losses.items() if "SGD" in k}
    for kind, curves in (("optimisers", by_optimiser), ("schedules", by_schedule)):
        title = f"{name}: mean loss of an epoch, by {kind[:-1]}"
        picture = svg(curves, title, ("epoch", ""), log=True)
        (folder / f"{name}_{kind}.svg").write_text(picture, encoding="utf-8")
print(f"curves drawn in {folder}")
