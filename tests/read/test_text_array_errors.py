"""Test how texts over arrays are refused: word for word, and never for long.

What is said of each text stands in tests/golden/text_array_errors.txt.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
from effort import within

from overbar.ir.errors import OverbarError
from overbar.ir.graph import Graph
from overbar.ir.source import Source
from overbar.levels import rewrite_for
from overbar.read.arrays import FUNCTIONS
from overbar.read.text import read_text

if TYPE_CHECKING:
    from conftest import Golden

INPUTS = (
    "W: param[m, n]; x: data[n]; u: data[m]; A: data[n, n]; c: data[3]; w: index[n]; "
    "s: data; "
).replace("; ", "\n")

TEXTS = {
    "shapes": [
        "x + u", "W * u", "W @ u", "x @ W", "x @ u", "W @ s", "s.T",
        "x if s > 0 else u",
        "where(x > 0, x, u)", "reshape(x, (3, 4))", "reshape(x, (2, -1))",
        "concatenate((W, x))", "stack([x, u])", "cholesky(W)", "solve(A, u)",
        "einsum('ij,j->i', W, u)", "def f(a): return a @ a\nf(W)",
        "def f(a, b):\n  q = a + b\n  return sum(q)\nf(x, u)",
    ],
    "indexing": [
        "x[0, 0]", "x[1.5]", "x[x]", "x[u > 0]", "c[3]", "c[-4]", "x[n]", "x[10**30]",
        "x[s:]", "x[1:2:0]", "x[::n]", "x[..., ...]", "s[0]", "x[(0, 1)]", "x[[0, 1]]",
        "slogdet(A)[2]", "slogdet(A)[s]", "x[i]", "2[0]", "x[]", "x[1:2:3:4]", "x[",
        "W[1, 2", "x.T.S", "x.T(1)", "x.sum()",
    ],
    "index form": [
        "r[i] = x[i] + u[i]\nr", "r[i] = W[i, i]\nr", "r[i] = W[i, j]\nr",
        "r[i] = s\nr",
        "r[i] = x[i - 1]\nr", "r[i] = c[i + 4]\nr", "r[i, j] = x[i + j]\nr",
        "r[i] = x[i] for i in m\nr", "r[i] = x[i] for i in n + 1\nr",
        "r[i] = x[i] for j in n\nr", "r[i] = x[i] for i in 1:n\nr",
        "r[i] = x[i] for i in n if i > 0\nr", "r[i] = x[i] for i in n for i in n\nr",
        "r[i, i] = x[i]\nr", "r[0] = x[0]\nr", "r[i + 1] = x[i]\nr", "r[x] = x\nr",
        "s[i] = x[i]", "r[i] = x[i]\nr[i] = x[i]", "(r)[i] = x[i]", "r[i][j] = W[i, j]",
        "r[i] = x[i] > 0\nr", "r[i] = x[i:]\nr", "r[i] = W[i, w]\nr",
        "r[i] = W[i, None, 0]\nr", "r[i] = x[i, 0]\nr", "r[i] = inv(W[i])\nr",
        "r[i] = sum(W[i], axis=1)\nr", "r[i] = W[i] @ u\nr", "r[i] = x[2.0*i]\nr",
        "r[i] = i(2)*x[i]\nr", "r[i] = (x[i], s)\nr", "r[i] = [x[i]]\nr",
    ],
    "loops": [
        "sum(x[j + 1] for j in n)", "sum(W[i, j] for i in n for j in m)",
        "sum(x[j] - x[j - 1] for j in n)", "sum(x[j] for j in x)",
        "sum(x[j] for j in 2.5)", "sum(x[j] for j in j)", "sum(x[j] for j in s)",
        "sum(W[i, j] for j in n for i in j)", "sum(x[j] for j in 3:1)",
        "sum(x[n] for n in 3)", "sum(x[j] for j in n for j in n)",
        "sum(x[j] for j in n) + j",
        "sum(sum(x[j] for j in n) for j in n)", "exp(x[j] for j in n)",
        "sum(x[j] > 0 for j in n)", "any(x[j] for j in n)",
        "sum(x[j] for j in n if x[j])",
        "sum(x[j] for j in n, axis=1)", "sum(x[j] for j)", "sum(x[j] for 2 in n)",
        "sum(x[j] for j on n)", "x[j] for j in n",
        "def sum(a): return a\nsum(x[j] for j in n)",
        "range(n)", "len(x)",
    ],
    "arguments": [
        "sum(x, axes=1)", "sum(x, 0, True)", "sum(axis=0, x)", "sum(x, axis=0, axis=1)",
        "sum(x, 0, axis=0)", "sum(x, axis=s)", "sum(x, axis=5)", "sum(x, axis=1.5)",
        "sum(x, axis='0')", "sum('x')", "sum(None)", "sum((x, x))", "sum(x > 0)",
        "softmax()", "exp(x, axis=0)", "max()", "max(s)", "max(s, axis=0)",
        "concatenate(x)", "zeros(-1)", "zeros(1.5)", "zeros(x)", "zeros(3, dtype='O')",
        "einsum(3, x)", "einsum(f'i', x)", "einsum('i,j', x)", "softmx(x)", "x + None",
        "x + [1, 2]", "x, [x]", "r = (x, s)", "split(x, 2)", "x > 0",
        "def f(a): return a\nf((x, s))", "def f(a): return a\nf(a=x)",
    ],
    "declarations": [
        "y: data[n + 1, k - 1]\ny", "y: data[2*k]\ny", "y: data[s]\ny", "y: data[y]\ny",
        "y: data[0.5]\ny", "y: data[-1]\ny", "y: data[n > 1]\ny", "y: data[exp(1)]\ny",
        "y: data[1:2]\ny", "y: data[x[0]]\ny", "n = 3", "n: data\nn",
        "y: data[n] = x\ny",
        "y: data[2] = (1, 2)\ny", "y: index = 1.5\ny", "y: index[n] = s\ny",
        "r = 2\nr[i] = x[i]", "y: parm[n]\ny",
    ],
    "limits": [
        "x[9**9**9]", "reshape(c, (10**9, 10**9))", "diff(c, 10**9)", "split(c, 10**9)",
        "y: data[" + "n, " * 40 + "n]\ny", "x" + "[None]" * 40,
        "x[" + "None, " * 70 + "0]",
        "sum(1 " + " ".join(f"for j{i} in n" for i in range(17)) + ")",
        "reshape(x, " + "(" * 9 + "n" + ",)" * 9 + ")", "sum(j for j in 10**30)",
        "conv2d(ones((50, 50)), ones((40, 40)))",
    ],
}  # fmt: skip


def read(text: str) -> Graph:
    """Return the graph of a text."""
    graph = Graph(rewrite=rewrite_for("standard"))
    read_text(Source("test.expr", INPUTS + text), graph)
    return graph


def outcome(text: str) -> OverbarError | None:
    """Return the error that reading a text raises, if it raises one."""
    try:
        read(text)
    except OverbarError as error:
        return error
    return None


def refusal(text: str) -> OverbarError:
    """Return the error that reading a text raises."""
    with pytest.raises(OverbarError) as caught:
        read(text)
    return caught.value


def test_messages(golden: Golden) -> None:
    """A refusal says what was expected, what was found and where, under the line."""
    lines = []
    for theme, texts in TEXTS.items():
        lines.append(f"=== {theme}\n")
        for text in texts:
            error = refusal(text)
            lines.append(f"{type(error).__name__} {error}\n")
    written = "\n".join(lines).split("\n")
    golden("text_array_errors.txt", "\n".join(line.rstrip() for line in written))


@pytest.mark.parametrize("text", [text for texts in TEXTS.values() for text in texts])
def test_refusals_point_at_the_text(text: str) -> None:
    """A refusal's span lies inside the text."""
    span = refusal(text).span
    assert span is not None
    assert 0 <= span.start <= span.end <= len(INPUTS + text)


MANY = 10_000
HOSTILE = [
    "x[9**9**9]",
    "x" + "[x" * MANY + "]" * MANY,
    "w[" * MANY + "0" + "]" * MANY + " + 0.0",
    "x" + "[0:]" * (MANY // 2),
    "W" + ".T" * MANY,
    "sum(" + "[" * MANY + "x" + "]" * MANY + ")",
    "reshape(x, (" + "1, " * MANY + "n))",
    "reshape(c, (10**18, 10**18, 10**18))",
    "zeros((10**18, 10**18, 10**18)) + s",
    "sum(eye(10**9))",
    "sum(tile(c, 10**9))",
    "sum(repeat(x, 10**9, axis=0))",
    "split(ones(10**9), 10**9)[0]",
    "diff(x, 10**9)",
    "sum(matrix_power(A, 10**18))",
    "conv2d(ones((10**6, 10**6)), ones((10**3, 10**3)))",
    "sum(convolve(ones(10**6), ones(10**6)))",
    "einsum('" + "i" * 10**6 + "', x)",
    "sum(j for j in 10**18)",
    "sum(" * MANY + "x[j]" + " for j in n)" * MANY,
    "r[i] = " + "w[" * (MANY // 4) + "i" + "]" * (MANY // 4) + "\nr",
    "r[i] = x" + "[0:]" * (MANY // 4) + "[i]\nr",
    "a0 = n + m\n"
    + "".join(f"a{i} = a{i - 1}*a{i - 1}\n" for i in range(1, 99))
    + "a98*s",
    "a0 = n//2\n"
    + "".join(f"a{i} = (a{i - 1} + m)//3\n" for i in range(1, 999))
    + "a998",
    "y: data[" + ", ".join(f"d{i}" for i in range(MANY)) + "]\ny",
    "o0 = x\n" + "".join(f"o{i} = o{i - 1}[:, None]*x\n" for i in range(1, 99)) + "o98",
    "sum(x, " + ", ".join(f"k{i}=1" for i in range(MANY)) + ")",
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_texts_take_no_time(text: str) -> None:
    """Whatever a text asks for, it is read or refused by calls of its own number."""
    outcome("x + u[0]")  # what is made at first use
    with within(100_000 + 300 * min(len(text), 30_000)):
        error = outcome(text)
    if error is not None:
        assert error.span is not None
        assert len(error.message) < 1000


WORDS = [
    "W", "x", "A", "c", "w", "s", "n", "m", "i", "j", "0", "1", "-1", "2.5", "+", "*",
    "@", ".T", "[", "]", "[", "]", "(", ")", "(", ")", ",", ":", "...", "None", "True",
    "for", "in", "if", "else", "=", "axis", ">", "'ij'", "sum", "max", "exp", "\n",
    "for j in n", "x[i]", "[:, 0]", "(m, n)", "where", "def f(a): return", "f",
    *FUNCTIONS,
]  # fmt: skip


def test_random_words() -> None:
    """Words in any order are read or refused with a place, never with a traceback."""
    rng = random.Random(0)  # noqa: S311 - words, no secrets
    for _ in range(2000):
        text = " ".join(rng.choices(WORDS, k=rng.randint(1, 12)))
        error = outcome(text)
        assert error is None or error.span is not None, text


def expression(rng: random.Random, depth: int) -> str:
    """Return a formula over arrays that is well written, whether it fits or not."""
    if depth == 0 or rng.random() < 0.1:
        return rng.choice(["W", "x", "A", "c", "w", "s", "n", "2", "0", "i", "j", "-1"])
    parts = [expression(rng, depth - 1) for _ in range(3)]
    form = rng.choice([
        "({0} + {1})", "({0} @ {1})", "{0}[{1}]", "{0}[{1}, :]", "{0}[{1}:{2}]",
        "{0}.T", "sum({0} for j in {1})", "max({0} for j in n if {1} > {2})",
        "({0} if {1} > {2} else {1})", "{name}({0})", "{name}({0}, {1})",
        "{name}({0}, axis={1})", "{name}(({0}, {1}))", "{name}({0}, ({1}, {2}))",
        "{name}('ij,j', {0}, {1})", "x[{0}]", "W[{0}, {1}]", "E[w[{0}]]",
    ])  # fmt: skip
    return form.format(*parts, name=rng.choice([*FUNCTIONS, "exp", "where"]))


def test_random_formulas() -> None:
    """Formulas of any kind are read or refused with a place."""
    rng = random.Random(1)  # noqa: S311 - words, no secrets
    read_ones = 0
    for k in range(3000):
        text = expression(rng, 3)
        error = outcome(f"r[i] = {text}\nr" if k % 3 == 0 else text)
        assert error is None or error.span is not None, text
        read_ones += error is None
    assert read_ones > 100
