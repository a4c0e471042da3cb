"""Train a window classifier that finds names in a text (CS224N, Lectures 3 and 4).

The text is the prose of SciPy's documentation. The rule for what is a name: a word with
a capital (Newton, Fourier, Monte Carlo) that does not open its sentence. The network
reads words in lower case, five at a time, and says whether the middle one is a name.

A window's gradient reaches only the rows of E of its five words, the sum where a word
occurs twice. So Adam moves these rows and no others: sparse Adam.
"""

import inspect
import re
from collections import Counter
from pathlib import Path
from types import ModuleType

import numpy as np
import scipy.integrate
import scipy.interpolate
import scipy.linalg
import scipy.optimize
import scipy.signal
import scipy.spatial
import scipy.special
import scipy.stats
from numba import njit

import overbar as ob

Array = np.ndarray

f = ob.load(Path(__file__).with_suffix(".expr"))
print(f.text())

# -- the gradient reaches five rows --------------------------------------------------

rng = np.random.default_rng(4)
E = rng.normal(size=(9, 2))
W, b, u = rng.normal(size=(3, 10)), rng.normal(size=3), rng.normal(size=3)
window = np.array([7, 2, 5, 2, 0])  # word 2 twice
gradient = f.grad(E, W, b, u, window, 1.0)
assert set(np.flatnonzero(gradient.E.any(axis=1))) == set(window)

# As the lecture has it: delta = u o f'(z), times the logistic unit's sigma(s) - y.
x = E[window].ravel()
h = np.tanh(W @ x + b)
delta = (1 / (1 + np.exp(-u @ h)) - 1.0) * u * (1 - h**2)
pieces = (W.T @ delta).reshape(5, 2)  # a piece for each word of the window
np.testing.assert_allclose(gradient.b, delta, rtol=1e-12)
np.testing.assert_allclose(gradient.W, np.outer(delta, x), rtol=1e-12)
np.testing.assert_allclose(gradient.E[7], pieces[0], rtol=1e-12)
np.testing.assert_allclose(gradient.E[2], pieces[1] + pieces[3], rtol=1e-12)

# On request it comes as these rows alone, each as often as its word occurs.
rows, values = f.grad(E, W, b, u, window, 1.0, sparse=True).E
np.testing.assert_array_equal(rows, window)
np.testing.assert_allclose(values, pieces, rtol=1e-12)

# -- the text ------------------------------------------------------------------------

PROSE = re.compile(
    r"(?!.*(\n--| : ))[A-Z][^>=|]{60,}\.", re.DOTALL
)  # no code, no lists
WORD = re.compile(r"[A-Za-z][A-Za-z']*|[.,;:()]")
SEEN_OFTEN = 3  # times; other words are "?", whatever they are
NOT_NAMES = {"None", "True", "False"}


def sentences(*modules: ModuleType) -> list[list[str]]:
    """Return the words of the sentences of the modules' documentation."""
    texts = [
        inspect.getdoc(getattr(m, name)) for m in modules for name in sorted(dir(m))
    ]
    paragraphs = [p for text in texts if text for p in re.split(r"\n\s*\n", text)]
    prose = dict.fromkeys(p for p in paragraphs if PROSE.fullmatch(p))  # each once
    return [WORD.findall(s) for p in prose for s in re.split(r"(?<=[.!?:])\s+", p)]


def is_name(word: str, place: int) -> bool:
    """Whether a word of a sentence is a name, by the rule above."""
    return place > 0 and len(word) > 1 and word.istitle() and word not in NOT_NAMES


def windows(text: list[list[str]]) -> tuple[np.ndarray, np.ndarray]:
    """Return the windows of words, as numbers, and which of them hold a name."""
    rows, names = [], []
    for words in text:
        numbers = [number.get(word.lower(), RARE) for word in words]
        padded = [EDGE, EDGE, *numbers, EDGE, EDGE]
        for place, word in enumerate(words):
            if word.isalpha():
                rows.append(padded[place : place + 5])
                names.append(is_name(word, place))
    return np.array(rows), np.array(names, float)


text = sentences(
    scipy.integrate,
    scipy.interpolate,
    scipy.linalg,
    scipy.optimize,
    scipy.signal,
    scipy.spatial,
    scipy.special,
    scipy.stats,
)
rng.shuffle(text)
held_out, text = text[: len(text) // 5], text[len(text) // 5 :]
counts = Counter(word.lower() for words in text for word in words)
EDGE, RARE = 0, 1
vocabulary = ["|", "?", *sorted(w for w, n in counts.items() if n >= SEEN_OFTEN)]
number = {word: i for i, word in enumerate(vocabulary)}
w, y = windows(text)
print(f"\n{len(y)} windows, {int(y.sum())} names, {len(vocabulary)} words")

# -- training, in machine code -------------------------------------------------------

value_and_rows = f.jit.value_and_rows


@njit
def adam(p: Array, g: Array, m: Array, v: Array, rate: float, t: int) -> None:
    """Move a parameter by Adam, step t; m and v are its moments."""
    m += 0.1 * (g - m)
    v += 0.001 * (g * g - v)
    p -= rate * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)


@njit
def epoch(
    parameters: tuple[Array, ...],
    moments: tuple[tuple[Array, Array], ...],
    w: Array,
    y: Array,
    rate: float,
    order: Array,
    t: int,
) -> float:
    """Go once through the windows in an order; return the mean loss."""
    E, W, b, u = parameters
    (mE, vE), (mW, vW), (mb, vb), (mu, vu) = moments
    total = 0.0
    for i in order:
        t += 1
        loss, ((rows, values), gW, gb, gu) = value_and_rows(E, W, b, u, w[i], y[i])
        total += loss
        for row in np.unique(rows):  # sparse: other rows, and their moments, stay
            g = np.zeros(E.shape[1])
            for k in range(5):  # a word that occurs twice gets the sum
                if rows[k] == row:
                    g += values[k]
            adam(E[row], g, mE[row], vE[row], rate, t)
        adam(W, gW, mW, vW, rate, t)
        adam(b, gb, mb, vb, rate, t)
        adam(u, gu, mu, vu, rate, t)
    return total / len(y)


d, m = 16, 24  # numbers a word, hidden units
width = np.sqrt(6 / (m + 5 * d))  # uniform(-r, r) of Xavier's variance 2/(n_in + n_out)
parameters = (
    0.3 * rng.normal(size=(len(vocabulary), d)),
    rng.uniform(-width, width, size=(m, 5 * d)),
    np.zeros(m),
    0.3 * rng.normal(size=m),
)
moments = tuple((np.zeros_like(p), np.zeros_like(p)) for p in parameters)
for done, rate in enumerate((2e-3, 1e-3, 5e-4)):
    order = rng.permutation(len(y))
    loss = epoch(parameters, moments, w, y, rate, order, done * len(y))
    print(f"epoch {done + 1}, rate {rate:.4f}: mean loss {loss:.4f}")

# -- sentences that the network has not seen -----------------------------------------

w, y = windows(held_out)
p = np.exp(-f.batch(*parameters, w, 1.0))  # as J is -log p where y = 1
for kind, rows in (("words", w[:, 2] > RARE), ("unknown words", w[:, 2] == RARE)):
    found, true = p[rows] > 0.5, y[rows] > 0
    precision = np.sum(found & true) / np.sum(found)
    recall = np.sum(found & true) / np.sum(true)
    print(
        f"{kind}: {np.sum(true)} names of {len(true)}, found with "
        f"precision {precision:.2f}, recall {recall:.2f}"
    )
    assert precision > 0.3
    assert recall > 0.1

place = 0
for words in held_out[:120]:
    marked = []
    for word in words:
        name = word.isalpha() and p[place] > 0.5
        place += word.isalpha()
        marked.append(f"[{word}]" if name else word)
    if any(mark.startswith("[") for mark in marked) and len(words) < 20:
        print("   ", *marked)
