"""Test what texts mean: declarations, outputs, names, functions, lines."""

from __future__ import annotations

import math
import re
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from fences import blocks

from overbar.ir.evaluate import evaluate
from overbar.ir.graph import Graph, Node, Rewrite
from overbar.ir.source import Source
from overbar.read.arrays import FUNCTIONS
from overbar.read.functions import names
from overbar.read.text import read_text
from overbar.rewrite.engine import Rewriter
from overbar.rewrite.exact import EXACT

REWRITES = (None, Rewriter(EXACT))

REGRESSION = '''\
"""Fit a sigmoid to one point.

Grosse, section 2.
"""
w: param
b: param
lam: data = 1/10
x: data
t: data  # the target

z = w*x + b
y = sigmoid(z)
L = (y - t)**2 / 2
R = w**2 / 2
J = L + lam*R
J
'''


def read(text: str, rewrite: Rewrite | None = REWRITES[1]) -> Graph:
    """Return the graph of a text."""
    graph = Graph(rewrite=rewrite)
    read_text(Source("test.expr", text), graph)
    return graph


def values(text: str, rewrite: Rewrite | None = REWRITES[1], **inputs: float) -> Any:
    """Return the outputs' values by name."""
    graph = read(text, rewrite)
    found = evaluate(graph, inputs)
    return {name: found[node] for name, node in graph.outputs.items()}


def value(text: str, rewrite: Rewrite | None = REWRITES[1], **inputs: float) -> float:
    """Return the value of the one output."""
    (found,) = values(text, rewrite, **inputs).values()
    return float(found)


def named(graph: Graph, name: str) -> Node:
    """Return the node that a statement gave a name."""
    return dict(graph.statements)[name]


def test_tables() -> None:
    """A file fills the graph's tables: inputs, roles, defaults, outputs, docstring."""
    graph = read(REGRESSION)
    assert ["w", "b", "x", "t", "lam"] == list(graph.inputs)
    roles = {"w": "param", "b": "param", "x": "data", "t": "data", "lam": "data"}
    assert list(roles.items()) == list(graph.roles.items())
    assert {"lam": 0.1} == graph.defaults
    assert {"J": named(graph, "J")} == graph.outputs
    assert ["z", "y", "L", "R", "J"] == [name for name, _ in graph.statements]
    assert "Fit a sigmoid to one point.\n\nGrosse, section 2." == graph.doc
    assert graph.span is None


def test_value() -> None:
    """A file computes what its formulas say."""
    w, b, lam, x, t = 0.5, -0.25, 0.1, 2.0, 1.0
    y = 1 / (1 + math.exp(-(w * x + b)))
    expected = (y - t) ** 2 / 2 + lam * (w**2 / 2)
    assert expected == value(REGRESSION, w=w, b=b, lam=lam, x=x, t=t)


def test_spans() -> None:
    """Every node knows the stretch of text that it was first written as."""
    graph = read("x: param\ny = 3*exp(x) + 1\ny")
    spans = {str(span): span.text for span in graph.spans.values()}
    expected = {
        "test.expr:1:1": "x",
        "test.expr:2:5": "3*exp(x) + 1",
        "test.expr:2:7": "exp(x)",
        "test.expr:2:16": "1",
    }
    assert expected | spans == spans
    assert "3*exp(x) + 1" == graph.spans[named(graph, "y")].text


def test_spans_of_functions() -> None:
    """A node made by a function of the file stands where its body says so."""
    graph = read("def f(a): return a*a\nf(x)")
    assert "a*a" == graph.spans[graph.outputs["out"]].text


OUTPUTS = [
    ("x*exp(-x)", ["out"]),
    ("x", ["out"]),
    ("(x)", ["out"]),
    ("x, y", ["out0", "out1"]),
    ("x,", ["out"]),
    ("(x, y)", ["out0", "out1"]),
    ("(\n  x,\n  y*2,\n)", ["out0", "out1"]),
    ("r = x*y", ["r"]),
    ("r = x*y\ns = r + 1", ["s"]),
    ("r = x*y\ns = r + 1\nr", ["r"]),
    ("r = x*y\ns = r + 1\nr, s", ["r", "s"]),
    ("a = x\na, x + 1", ["a", "out1"]),
    ("a = x\na, a", ["a", "out1"]),
    ("a = x\n(a)", ["out"]),
    ("out = x\nout + 1", ["out_"]),
    ("out: param\nout", ["out_"]),
    ("out1 = x\nx, out1", ["out0", "out1"]),
    ("out1 = x\nx, x", ["out0", "out1_"]),
    ("x, out1*2", ["out0", "out1_"]),
    ("out_*out", ["out__"]),
    ("r = x*y\ndef f(a): return a", ["r"]),
    ("3", ["out"]),
    ("a = 3", ["a"]),
]


@pytest.mark.parametrize(("text", "expected"), OUTPUTS)
def test_outputs(text: str, expected: list[str]) -> None:
    """The last line, or the last assignment, gives the outputs their names."""
    assert expected == list(read(text).outputs)


def test_outputs_are_floats() -> None:
    """Outputs are floats even where the text has integers alone."""
    graph = read("3, 1 + 1")
    assert {"float64"} == {node.type.dtype for node in graph.outputs.values()}


INPUTS = [
    ("x10 + x2 + b", ["b", "x2", "x10"]),
    ("y = x*a\ny + a10*a9", ["a", "a9", "a10", "x"]),
    ("b: param\na: param\na*b", ["b", "a"]),
    ("b: data = 1\na: param\na*b", ["a", "b"]),
    ("pi*r**2 + e - inf", ["r"]),
    ("e: param\ne*pi", ["e"]),
    ("gamma: data\ngamma*gamma", ["gamma"]),
    ("def f(a): return a*b\nf(c)", ["b", "c"]),
    ("def f(a): return a*b\nc", ["b", "c"]),
    ("x: data\ny: param\nx", ["x", "y"]),
    ("x007*x7*x8", ["x007", "x7", "x8"]),
    ("θ*x + é", ["x", "é", "θ"]),
    ("1 + 2", []),
]


@pytest.mark.parametrize(("text", "expected"), INPUTS)
def test_inputs(text: str, expected: list[str]) -> None:
    """Inputs stand as declared, defaults last; undeclared ones in natural order."""
    graph = read(text)
    assert expected == list(graph.inputs)
    assert expected == list(graph.roles)


def test_undeclared_inputs_are_params() -> None:
    """In a text that declares nothing every free name is a param."""
    assert {"x": "param", "t": "param"} == read("x*t").roles


DEFAULTS = [
    ("0.1", 0.1),
    ("1/3", 1 / 3),
    ("-2", -2.0),
    ("pi/2", math.pi / 2),
    ("1e-3", 1e-3),
    ("2*(3 + 4)", 14.0),
    ("-inf", -math.inf),
    ("exp(1)", math.exp(1)),
    ("1 if 2 > 1 else 0", 1.0),
    ("sqrt(2)", math.sqrt(2)),
]


@pytest.mark.parametrize(("text", "expected"), DEFAULTS)
def test_defaults(text: str, expected: float) -> None:
    """A default is any constant expression."""
    assert {"x": expected} == read(f"x: data = {text}\nx").defaults
    assert {"x": expected} == read(f"x: param = {text}\nx", None).defaults


def test_default_of_constants() -> None:
    """A default may use what has been computed of constants."""
    graph = read("n = 4\nx: data = n**2\nx")
    assert {"x": 16.0} == graph.defaults


SAME = [
    ("x if y > 0 else -x", "where(y > 0, x, -x)"),
    ("where(0 < x < y, x, y)", "where(0 < x and x < y, x, y)"),
    ("where(not x > y, x, y)", "where((not (x > y)), x, y)"),
    ("where(x > 0 or y > 0 and x > y, x, y)", "where(x>0 or (y>0 and x>y), x, y)"),
    ("x if x > 0 else y if y > 0 else 1", "x if x > 0 else (y if y > 0 else 1)"),
    ("-x**2", "-(x**2)"),
    ("x**-y", "x**(-y)"),
    ("x**y**2", "x**(y**2)"),
    ("-x*y", "(-x)*y"),
    ("x - y - 1", "(x - y) - 1"),
    ("x/y*2", "(x/y)*2"),
    ("x // y % 2", "(x // y) % 2"),
    ("+x + y", "x + y"),
    ("x + \\\n y", "x + y"),
    ("x + \\\r\n y", "x + y"),
    ("(x\n  + y\n)", "x + y"),
    ("(x  # one\n + # two\n y)", "x + y"),
    ("x + y  # the end", "x + y"),
    ("\n\n  \n# comment\nx + y\n\n# more\n", "x + y"),
    ("\N{ZERO WIDTH NO-BREAK SPACE}x + y", "x + y"),
    ("a = x\r\nb = y\r\na + b\r\n", "a = x\nb = y\na + b"),
    ("    a = x\n    b = y\n    a + b", "a = x\nb = y\na + b"),
    ("x\t+\ty", "x + y"),
    ("ln(x) + arctan2(x, y)", "log(x) + atan2(x, y)"),
    ("max(x, y, 1)", "maximum(x, y, 1)"),
    ("exp(x,)", "exp(x)"),
    ("def f(a): return a*a\nf(x) + f(y)", "x*x + y*y"),
    ("def f(a, b,): return a - b\nf(y, x)", "y - x"),
    ("def f(): return 2*pi\nf()*x + y", "2*pi*x + y"),
    ("def f(a):\n  '''Doc.'''\n  b = a*x\n  c = b + y\n  return b*c\nf(2)",
     "2*x*(2*x + y)"),
    ("def f(a): return a + 1\ndef g(a): return f(f(a))*y\ng(x)", "(x + 1 + 1)*y"),
    ("def f(x): return x*y\nf(2)", "2*y"),
    ("u = x*y\ndef f(a): return a + u\nu2 = f(x)\nu2", "x + x*y"),
    ("u = x\ndef f(a):\n  u = a*y\n  return u\nf(u)", "x*y"),
    ("def f(c): return where(c, x, y)\nf(x > y)", "where(x > y, x, y)"),
    ("def f(a): return a > y\nwhere(f(x), x, y)", "where(x > y, x, y)"),
    ("def sigmoid(z): return z*y\nsigmoid(x)", "x*y"),
    ("def f(e): return e*x*y\nf(3)", "3*x*y"),
    ("c = x > y\nwhere(c, x, y)", "where(x > y, x, y)"),
]  # fmt: skip


@pytest.mark.parametrize("rewrite", REWRITES)
@pytest.mark.parametrize(("text", "plain"), SAME)
def test_same_meaning(text: str, plain: str, rewrite: Rewrite | None) -> None:
    """Two ways of writing a formula give one node."""
    graph = Graph(rewrite=rewrite)
    read_text(Source("x", "x: param\ny: param\nx + y"), graph)
    found = []
    for each in (text, plain):
        graph.outputs.clear()
        read_text(Source("test", each), graph)
        found.append(list(graph.outputs.values()))
    assert found[0] == found[1]


def test_aliases_are_statements() -> None:
    """A second name of a value is a statement of its own."""
    graph = read("a = x*2\nb = a\nb")
    assert ["a", "b"] == [name for name, _ in graph.statements]
    assert named(graph, "a") is named(graph, "b")
    assert "a" == graph.names[named(graph, "b")]


@pytest.mark.parametrize(
    "name",
    ["t1", "x_bar", "value", "forward", "np", "njit", "self", "_", "_x", "match"],
)
def test_ordinary_names(name: str) -> None:
    """Names that generated code or Python uses for itself are fine."""
    assert [name] == list(read(f"{name}: param\n{name}**2").inputs)


def test_threads() -> None:
    """Threads that read at once do not disturb each other."""
    found: list[float] = []

    def work(n: int) -> None:
        found.extend(value(f"x*{k} + {n}", x=2.0) - 2 * k - n for k in range(20))

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [0.0] * 160 == found


def test_import_is_light() -> None:
    """`import overbar` leaves lark unloaded."""
    code = "import sys, overbar; sys.exit('lark' in sys.modules)"
    assert 0 == subprocess.run([sys.executable, "-c", code], check=False).returncode


def test_the_page_on_the_language() -> None:
    """The texts of docs/language.md are read, and it names every function."""
    page = (Path(__file__).parents[2] / "docs" / "language.md").read_text("utf-8")
    texts = [block.code for block in blocks(page) if block.info == ("py",)]
    found = [list(read(text).outputs) for text in texts]
    assert [["J"], ["out"], ["L"], ["L"]] == found
    assert {*names(), *FUNCTIONS} <= set(re.findall(r"`(\w+)`", page))
