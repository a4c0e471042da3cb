"""Test messages word for word: every way in which a text is refused, and where.

The texts stand here; what is said of each stands in tests/golden/text_errors.txt.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from overbar.ir.errors import OverbarError, ParseError, ShapeError, UnsupportedError
from overbar.ir.graph import Graph
from overbar.ir.source import Source
from overbar.read.text import read_text
from overbar.rewrite.engine import Rewriter
from overbar.rewrite.exact import EXACT

if TYPE_CHECKING:
    from conftest import Golden

TEXTS = {
    "signs": [
        "x^2", "x && y", "x & y", "x || y", "x | y", "!x", "~x", "x <> y", "x =< y",
        "x => y", "x === y", "x !== y", "(x := 3)", "x += 1", "x **= 2", "f -> x",
        "x; y", "np.exp(x)", "{x}", "x}", "x \\ y", "x \u2212 1", "x \u00d7 y",
        "x \u00b7 y", "x \u00f7 y", "x \u2264 y", "\u221ax", "x $ y", "x ? y",
        "\u201cx\u201d",
    ],
    "products": [
        "2x", "2 x", "x y", "x(y)", "2(x + 1)", "(x + 1)(y + 2)", "(x + 1)2", "1..2",
        "2 3", "x**2 y", "exp(x y)", "1e",
    ],
    "expressions": [
        "x +", "x + * y", "* x", "()", "(x,, y)", "x if y > 0", "x if y > 0 else",
        "if x > 0: y", "x else y", "x = 3 = 4", "f(x) = x", "x, y = 1, 2",
        "exp(x = 3)", "x == 3", "x == 3\ny", "x + (y, 2)", "x = (1, 2)",
    ],
    "conditions": [
        "x > 0", "c = x > 0", "x + (y > 0)", "exp(x > 0)", "-(x > 0)", "(x > 0) < 1",
        "where(x, 1, 2)", "where(x > 0, x > 1, 2)", "1 if x else 2", "x and y > 0",
        "not x", "x or y",
    ],
    "strings": [
        '"doc"', 'x\n"doc"', 'x = 1\n"doc"', '"a" "b"', 'x + "a"', 'f"doc {x}"',
        'b"doc"\nx', "'abc", '"""abc',
    ],
    "names": [
        "x = 1\nx = 2", "x: param\nx = 2", "x: data\nx: param", "x = 2\nx: param",
        "a = 1\nx*y\na", "pi = 3", "e = y - t", "exp = 3", "gamma*x",
        "x: param\nexp", "y = y + 1", "r = s\ns = x", "r = e\ne: param",
        "x: param\nlamda: data\nx*lambda_", "x: param\ny*x", "x: param\n" + 70*"y",
        "x: param\nz", "r = g(x)\ndef g(a): return a",
    ],
    "calls": [
        "sigmod(x)", "factorial(10)", "sum()", "x: param\nx(1)", "f = x\nf(1)",
        "pi(2)", "exp()", "exp(x, y)", "max(x)", "atan2(x)", "leaky_relu(x, 1, 2)",
    ],
    "declarations": [
        "", "# nothing", "x: param", "def f(x): return x", "x: parm\nx", "x: float\nx",
        "x: index[n] = 0.5\nx", "x: param[]\nx", "x: data =\nx", "x: data = y\nx",
        "x: param\ny: data = 2*x\nx", "x: data = 1 > 0\nx", "x: param 3", "x: 3", "x:",
    ],
    "arrays": [
        "W @ x", "x[i]", "z[i] = x", "[x for x in y]", "sum(x for x in y)",
        "for i in y: x", "x in y",
    ],
    "words": [
        "lambda: param", "lambda x: x", "x is y", "True", "None", "import os",
        "while x: y", "x = elif", "return x", "x = return", "x = def",
    ],
    "functions": [
        "def f(x): return f(x)\nf(1)", "def f(x): y = x\nf(1)",
        "def f(x):\n  y = x\nf(1)", "def f(x):\nreturn x",
        "def f(x):\n  return x\n  y = 1\nf(1)",
        "def f(x):\n  return x\n  return x\nf(1)",
        "def f(x):\n  def g(y): return y\n  return g(x)\nf(1)",
        "def f(x):\n  y: param\n  return x\nf(1)",
        "def f(x):\n  x + 1\n  return x\nf(1)", "def f(x):\n  x = 1\n  return x\nf(1)",
        "def f(x):\n  y = 1\n  y = 2\n  return x\nf(1)",
        "def f(x):\n  y = z\n  z = 2\n  return y\nf(1)",
        "def f(x):\n  y = x\n  'doc'\n  return y\nf(1)",
        "def f(x):\n  f'doc'\n  return x\nf(1)", "def f(x):\n  'doc'\nf(1)",
        "def f(x):\n  exp = 1\n  return x\nf(1)", "def f(x, x): return x\nf(1)",
        "def f(x) return x", "def f x: return x", "def f(2): return x",
        "def f(x=1): return x", "def (x): return x", "def f(x): return x, 1",
        "def f(x): return g(x)\nf(1)", "def f(x): return x(1)\nf(1)",
        "def f(a, b): return a*b\nf(1)", "def f(a): return a\nf(1, 2)",
        "def f(): return 1\nf(1)", "def f(x): return x\ndef f(x): return x\nf(1)",
        "f = x\ndef f(x): return x\nf(1)", "def f(x): return x\nf = 1",
        "def f(x): return x\nf", "def f(x): return x + (x > 0)\nf(1)",
        "x: param\ndef f(a): return a*y\nf(x)",
    ],
    "lines": [
        "(x + y", "y = (a + b\nz = 3", "a[x", "x)", "(x]", "(\nx]", "a = 1\n  b = 2",
        "def f(x):\n    a = x\n  b = 2\n    return a\nf(1)", "  a = 1\nb = 2", "\tx",
        "def f(x):\n\treturn x",
    ],
    "numbers": [
        "0x10", "007", "1__0", "1e999", "x: data = 1e999\nx", "x*1e400", "10**400",
        "x*10**400", "10**400/3", "9**9**9**9", "x**9**9**9", "x + 1/0 + y z",
        "a = 10**9999\na*a",
    ],
    "characters": [
        "__import__('os').system('ls')", "x.__class__", "__class__", "\ufb01",
        "x\u00b2",
        "\uff58", "x\0", "x\u202ey", "x\u2028y", "\u200bx", "x\ry", "x\ufeff", "\ud800",
        "x\ufdd0", "\u0301x", "x\U000e0001", "1\u0661", "x\u0bf0",
    ],
}  # fmt: skip


def refusal(text: str) -> OverbarError:
    """Return the error that reading a text raises."""
    graph = Graph(rewrite=Rewriter(EXACT))
    with pytest.raises(OverbarError) as caught:
        read_text(Source("test.expr", text), graph)
    assert graph.span is None
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
    golden("text_errors.txt", "\n".join(line.rstrip() for line in written))


@pytest.mark.parametrize("text", [text for texts in TEXTS.values() for text in texts])
def test_refusals_point_at_the_text(text: str) -> None:
    """A refusal's span lies inside the text."""
    span = refusal(text).span
    assert span is not None
    assert 0 <= span.start <= span.end <= len(text)


SAID = [
    ("2x", ParseError, "a product is written 2*x"),
    ("x^2", ParseError, "a power is written **"),
    ("x: param\nsigmod(x)", UnsupportedError, "did you mean 'sigmoid'?"),
    ("lr: data\nl_r*2", ParseError, "did you mean 'lr'?"),
    ("lambda: data = 0.1", ParseError, "it may be named lam"),
    ("w @ x", ShapeError, "a product of numbers is written *"),
]


@pytest.mark.parametrize(("text", "kind", "part"), SAID)
def test_suggestions(text: str, kind: type[OverbarError], part: str) -> None:
    """A refusal says what to write instead."""
    error = refusal(text)
    assert kind is type(error)
    assert part in error.message


def test_caret() -> None:
    """The line stands under the message, a caret under the place."""
    expected = (
        "test.expr:3:7: expected a name declared or assigned above, found 'nrom'; "
        "did you mean 'norm'?\n    r = x*nrom\n          ^^^^"
    )
    assert expected == str(refusal("x: param\nnorm: param\nr = x*nrom\nr"))
