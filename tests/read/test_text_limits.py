"""Test large texts: read in linear time, refused beyond typed limits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from effort import calls, no_hang, within

from overbar.ir.errors import LimitError
from overbar.ir.evaluate import evaluate
from overbar.ir.graph import Graph
from overbar.ir.source import Source
from overbar.read.limits import Limits
from overbar.read.text import read_text
from overbar.rewrite.engine import Rewriter
from overbar.rewrite.exact import EXACT

if TYPE_CHECKING:
    from collections.abc import Callable

REWRITE = Rewriter(EXACT)


def read(text: str, limits: Limits | None = None) -> Graph:
    """Return the graph of a text."""
    graph = Graph(rewrite=REWRITE)
    read_text(Source("test.expr", text), graph, limits or Limits())
    return graph


def value(text: str, **inputs: float) -> float:
    """Return the value of the one output."""
    graph = read(text)
    (node,) = graph.outputs.values()
    return float(evaluate(graph, inputs)[node])


def doubling(body: str, argument: str, functions: int = 59) -> str:
    """Return a text in which every function calls the one before it twice."""
    callers = "".join(
        f"def f{i}(x): return {body.replace('F', f'f{i - 1}')}\n"
        for i in range(1, functions + 1)
    )
    return f"def f0(x): return x + 1\n{callers}f{functions}({argument})"


LARGE: list[tuple[str, Callable[[int], str], int, float]] = [
    ("sum", lambda n: "+".join(["x"] * n), 20_000, 40_000.0),
    ("terms", lambda n: "+".join(f"({i}*x**2)" for i in range(n)), 5_000, 49_990_000.0),
    ("parentheses", lambda n: "(" * n + "x" + ")" * n, 10_000, 2.0),
    ("sums in parentheses", lambda n: "(" * n + "x" + " + 1)" * n, 10_000, 10_002.0),
    ("most parentheses", lambda n: "(" * n + "x" + ")" * n, 100_000, 2.0),
    ("differences", lambda n: "1 - (" * n + "x" + ")" * n, 20_000, 2.0),
    ("minus", lambda n: "-" * (n | 1) + "x", 100_000, -2.0),
    ("powers", lambda n: "1**" * n + "x", 20_000, 1.0),
    ("not", lambda n: "1 if " + "not " * (n & ~1) + "x > 0 else 0", 50_000, 1.0),
    ("choices", lambda n: "".join(f"{i} if x < {i} else " for i in range(n)) + "0",
     9_000, 3.0),
    ("and", lambda n: "1 if " + " and ".join(["x > 1"] * n) + " else 0", 20_000, 1.0),
    ("chain", lambda n: "1 if " + "<".join(["x"] * n) + " else 0", 20_000, 0.0),
    ("calls", lambda n: "abs(" * n + "x" + ")" * n, 50_000, 2.0),
    ("arguments", lambda n: "max(" + ",".join(map(str, range(n))) + ", x)", 20_000,
     19_999.0),
    ("lines", lambda n: "a0 = x\n" + "\n".join(f"a{i} = a{i - 1} + x"
                                               for i in range(1, n)), 20_000, 40_000.0),
    ("functions", lambda n: doubling("F(x) - F(x) + x", "x", n), 60, 2.0),
    ("comments", lambda n: "#\n" * n + "x", 1_000_000, 2.0),
    ("docstring", lambda n: '"""' + "\\a " * n + '"""\nx', 2_000_000, 2.0),
    ("one name", lambda n: "x + 0*" + "y" * n, 4_000_000, 2.0),
    ("continuations", lambda n: "x" + "\\\n" * n + "+1", 100_000, 3.0),
    ("digits", lambda n: "x + 0." + "1" * n, 4_000_000, 2.0 + 1 / 9),
]  # fmt: skip
SEVERAL = {"argument by argument": (doubling("F(x) + 0*F(x + 1)", "x"), 3.0)}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *(pytest.param(make(n), found, id=name) for name, make, n, found in LARGE),
        *(pytest.param(*row, id=name) for name, row in SEVERAL.items()),
    ],
)
def test_large_texts(text: str, expected: float) -> None:
    """Large and deep texts are read right, without recursion."""
    with no_hang():
        found = value(text, x=2.0, **{"y" * 4_000_000: 1.0})
    assert expected == pytest.approx(found, rel=1e-15)


@pytest.mark.parametrize("make", [pytest.param(row[1], id=row[0]) for row in LARGE])
def test_effort_is_linear(make: Callable[[int], str]) -> None:
    """Four times the text is read with about four times the calls."""
    small, large = make(500), make(2_000)
    read(small)  # what is made at first use
    assert calls(lambda: read(large)) <= 4.05 * calls(lambda: read(small))


BEYOND = [
    ("characters", " " * (8 * 2**20 + 1)),
    ("words", "x," * 4_000_000),
    ("statements", "a=b\n" * 2_000_000),
    ("operations", "x" + "+x" * 200_001),
    ("calls", "abs(" * 200_001 + "x"),
    ("parentheses", "(" * 100_001),
    ("brackets", "[" * 100_001),
    ("an integer", "9" * 10_001),
    ("a long integer", "9" * 8_000_000),
    ("an integer with underscores", "9_" * 3_999_999 + "9"),
    ("a float", "1e999999999"),
    ("a long float", "9" * 1_000_000 + "."),
    ("a power", "9**9**9**9"),
    ("an exponent", "x**9**9**9"),
    ("powers of powers", "((((9**9)**9)**9)**9)**9"),
    ("products", "a = 10**9999\nb = a*a\nb*b"),
    ("shifts", "a = 10**9999\n" + "".join(f"b{i} = a + {i}\n" for i in range(9000))),
    ("inlining", doubling("F(2*x) + F(2*x + 1)", "x")),
    ("inlining constants", doubling("F(2*x % 999983) + F((2*x + 1) % 999983)", "1")),
    ("inlining arguments",
     f"def f({','.join(f'a{i}' for i in range(30_000))}): return a0\n"
     f"def g(x): return f({','.join('x' * 30_000)})\n"
     + "+".join(f"g({i}*x)" for i in range(1000))),
]  # fmt: skip


@pytest.mark.parametrize("text", [pytest.param(text, id=name) for name, text in BEYOND])
def test_limits(text: str) -> None:
    """Exceeding a limit is a LimitError, soon: the most calls are 9 million."""
    with within(20_000_000), pytest.raises(LimitError):
        read(text)


SETTABLE = [
    ("x*x*x*x", Limits(operations=2)),
    ("x0, x1, x2, x3", Limits(operations=3)),
    ("x*y*z", Limits(operations=4)),
    ("(((x)))", Limits(nesting=2)),
    ("1000", Limits(digits=3)),
    ("100*100", Limits(digits=3)),
    ("x + y", Limits(characters=4)),
]


@pytest.mark.parametrize(("text", "limits"), SETTABLE)
def test_limits_are_settable(text: str, limits: Limits) -> None:
    """A caller may be stricter, or more generous."""
    read(text)
    with pytest.raises(LimitError):
        read(text, limits)


def test_generous_limits() -> None:
    """What exceeds the usual limits is read under wider ones."""
    digits = "1" * 12_000
    graph = read(f"x*({digits} // 10**11990)", Limits(digits=20_000))
    (node,) = graph.outputs.values()
    assert 1_111_111_111.0 == evaluate(graph, {"x": 1.0})[node]
