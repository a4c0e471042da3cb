"""LaTeX reads as the mathematics that it stands for, and looks like it."""

from __future__ import annotations

import inspect
import math
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import overbar as ob
from overbar.ir.evaluate import evaluate
from overbar.ir.graph import Graph, Node
from overbar.ir.ops import OPS, apply
from overbar.ir.types import BOOL
from overbar.rewrite.engine import Rewriter
from overbar.rewrite.exact import EXACT
from overbar.show.latex import LatexWriter, align, latex
from overbar.show.typeset import symbol, typeset_number

if TYPE_CHECKING:
    from collections.abc import Callable

    from overbar.ir.ops import Op

    Worth = Callable[[str, dict[str, float]], Any]

ROWS = [
    row
    for row in OPS.values()
    if row.typing is not None and row.name not in {"copy", "wrap"}  # no mathematics
]
EXAMPLES = Path(__file__).parents[2] / "examples"
CONDITIONS = {"and", "or", "not"}

POINT = {"x": 0.3, "y": 0.7, "z": 0.9, "p": 0.2, "q": 0.8, "b": 0.6}

# Written as a formula in the first operand, which is that function of the second.
SLOPES = {"sigmoid_slope": "sigmoid", "tanh_slope": "tanh"}


def operands(graph: Graph, row: Op, shape: Callable[[Node, Node], Node]) -> list[Node]:
    """Return operands for a row, each of a shape made of two inputs."""
    *inputs, b = (graph.input(name) for name in POINT)
    found = [shape(a, b) for a in inputs[: row.arity or 3]]
    if row.name in CONDITIONS:
        return [apply("gt", a, b) for a in found]
    if row.name in SLOPES:
        return [apply(SLOPES[row.name], found[0]), found[0]]
    return [apply("gt", *inputs[:2]), *found[1:]] if row.chooses else found


def example(
    row: Op, shape: Callable[[Node, Node], Node] = lambda x, _b: x
) -> tuple[Graph, Node]:
    """Return a graph and the row's op applied to operands of a shape."""
    graph = Graph()
    args = operands(graph, row, shape)
    return graph, graph.make(row, args, attributes(row, len(args)))


def attributes(row: Op, count: int) -> tuple[int, ...]:
    """Return attributes for a row: as many as its evaluation takes."""
    taken = [_needed(f) for f in (row.mp, row.helper) if f is not None]
    return (2,) * (max((t for t in taken if t), default=count) - count)


def _needed(function: Callable[..., Any]) -> int:
    """Return how many attributes and operands a function takes, 0 for any number."""
    taken = inspect.signature(function).parameters.values()
    if any(p.kind is p.VAR_POSITIONAL for p in taken):
        return 0
    given = [p for p in taken if p.default is p.empty]
    return len(given) - (given[0].name in {"m", "_m"})  # mpmath's context


def written(graph: Graph, node: Node) -> str:
    """Return a node's LaTeX over the inputs."""
    return LatexWriter({n: name for name, n in graph.inputs.items()}).write(node)[0]


SHAPES: dict[str, Callable[[Node, Node], Node]] = {
    "name": lambda x, _b: x,
    "sum": lambda x, b: x + b,
    "difference": lambda x, b: x - b,
    "product": lambda x, b: x * b,
    "quotient": lambda x, b: x / b,
    "negative": lambda x, _b: -x,
    "call": lambda x, _b: apply("sin", x),
    "square": lambda x, _b: apply("powi", x, attrs=(2,)),
    "square of a call": lambda x, _b: apply("powi", apply("cos", x), attrs=(2,)),
    "constant": lambda x, _b: x.graph.const(POINT[x.attrs[0]]),
    "negative constant": lambda x, _b: x.graph.const(-POINT[x.attrs[0]]),
    "remainder": lambda x, b: apply("mod", x, b),
    "choice": lambda x, b: apply("select", apply("lt", x, b), b, x),
}
USES: dict[str, Callable[[Node, Node], Node]] = {
    "square": lambda x, _b: apply("powi", x, attrs=(2,)),
    "inverse square": lambda x, _b: apply("powi", x, attrs=(-2,)),
    "power": lambda x, b: apply("pow", x, b),
    "exponent": lambda x, b: b**x,
    "factor": lambda x, b: x * b,
    "second factor": lambda x, b: b * x,
    "minuend": lambda x, b: x - b,
    "subtrahend": lambda x, b: b - x,
    "addend": lambda x, b: b + x,
    "dividend": lambda x, b: x / b,
    "divisor": lambda x, b: b / x,
    "negative": lambda x, _b: -x,
}


def point(row: Op) -> dict[str, float]:
    """Return values of the inputs that lie in the row's domain."""
    low, high = row.domain[0]
    shift = low if low >= 1.0 else -1.0 if high <= 0.0 else 0.0
    return {name: value + shift for name, value in POINT.items()}


def agrees(worth: Worth, graph: Graph, node: Node, values: dict[str, float]) -> bool:
    """Return whether a node's LaTeX is worth what the node computes, if finite."""
    value = complex(evaluate(graph, values, [node])[node])
    if not math.isfinite(value.real):
        return True
    seen = worth(written(graph, node), values)
    return bool(abs(seen - value) <= 1e-9 * (1 + abs(value)))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_operands_keep_their_meaning(row: Op, worth: Worth) -> None:
    """Whatever its operands look like, an op's LaTeX is worth what the op computes."""
    graph, node = example(row)
    at = point(row)
    assert math.isfinite(evaluate(graph, at, [node])[node])
    wrong = [s for s, m in SHAPES.items() if not agrees(worth, *example(row, m), at)]
    assert [] == wrong


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_uses_keep_the_meaning(row: Op, worth: Worth) -> None:
    """Within a power, product, sum or quotient, an op's LaTeX keeps its meaning."""
    graph, node = example(row)
    b = graph.inputs["b"]
    uses = {} if node.type is BOOL else USES
    at = point(row)
    wrong = [u for u, m in uses.items() if not agrees(worth, graph, m(node, b), at)]
    assert [] == wrong


@pytest.mark.parametrize(
    "text",
    [
        r"x + -y",
        r"x \, -y",
        r"\sin\left(x\right)^{2}",
        r"\frac{x}{y}^{2}",
        r"\sqrt{x}^{2}",
        r"x^{2}^{3}",
        r"\left(x",
    ],
)
def test_reader_refuses_ambiguity(text: str, worth: Worth) -> None:
    """The reader that says what LaTeX is worth refuses what could be misread."""
    with pytest.raises(ValueError, match=r"expected|power"):
        worth(text, POINT)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (r"x - y - z", 0.3 - 0.7 - 0.9),
        (r"x - \left(y - z\right)", 0.3 - (0.7 - 0.9)),
        (r"-x \, y + 2 \cdot z^{2}", -0.3 * 0.7 + 2 * 0.9**2),
        (r"\sin^{2}\left(x\right) + \frac{x}{y}", math.sin(0.3) ** 2 + 0.3 / 0.7),
        (
            r"\begin{cases} x & \text{if } x > y \\ z & \text{otherwise} \end{cases}",
            0.9,
        ),
    ],
)
def test_reader_reads(text: str, value: float, worth: Worth) -> None:
    """The reader that says what LaTeX is worth knows the usual precedence."""
    assert value == pytest.approx(float(worth(text, POINT)), rel=1e-12)


def balanced(text: str) -> bool:
    """Return whether braces, sized delimiters and environments are all closed."""
    depth = 0
    for brace in re.findall(r"(?<!\\)[{}]", text):
        depth += 1 if brace == "{" else -1
        if depth < 0:
            return False
    pairs = [(r"\\left\b", r"\\right\b"), (r"\\begin\{", r"\\end\{")]
    return depth == 0 and all(
        len(re.findall(a, text)) == len(re.findall(b, text)) for a, b in pairs
    )


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_every_row_is_balanced(row: Op) -> None:
    """Every row of the op table has LaTeX, with everything closed that it opens."""
    texts = [written(*example(row, shape)) for shape in SHAPES.values()]
    assert [] == [text for text in texts if not balanced(text)]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("x", "x"),
        ("lam", r"\lambda"),
        ("lambda_", r"\lambda"),
        ("theta1", r"\theta_{1}"),
        ("W1", "W_{1}"),
        ("t12", "t_{12}"),
        ("loss", r"\mathit{loss}"),
        ("loss2", r"\mathit{loss}_{2}"),
        ("x_dot", r"\dot{x}"),
        ("w_bar", r"\overline{w}"),
        ("w_bar_dot", r"\dot{\overline{w}}"),
        ("z1_bar", r"\overline{z_{1}}"),
        ("theta_hat", r"\hat{\theta}"),
        ("yhat", r"\hat{y}"),
        ("loss_hat", r"\widehat{\mathit{loss}}"),
        ("x_max", r"x_{\mathrm{max}}"),
        ("W1_2", "W_{1,2}"),
        ("a_i_theta", r"a_{i,\theta}"),
        ("w_bar_", r"\overline{w}'"),
        ("Omega", r"\Omega"),
        ("λ", r"\lambda"),
        ("x1y2", r"\mathit{x1y2}"),
        ("_x", r"\text{\_x}"),
        ("x__y", r"\text{x\_\_y}"),
        ("a b", r"\text{a b}"),
        ("}\\input{x}", r"\text{\}\textbackslash{}input\{x\}}"),
        ("$x$%\n^~&#", r"\text{\$x\$\% \textasciicircum{}\textasciitilde{}\&\#}"),
    ],
)
def test_names(name: str, expected: str) -> None:
    """Names are typeset as on paper; what is no identifier becomes harmless text."""
    assert expected == symbol(name)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (2.0, "2"),
        (-2.5, "-2.5"),
        (-0.0, "-0.0"),
        (1e-3, "10^{-3}"),
        (1e-2, "0.01"),
        (2.5e-4, r"2.5 \cdot 10^{-4}"),
        (-1e-5, "-10^{-5}"),
        (1e20, "10^{20}"),
        (10**30, "1" + "0" * 30),
        (1 / 3, r"\frac{1}{3}"),
        (-22 / 7, r"-\frac{22}{7}"),
        (math.pi, r"\pi"),
        (-math.pi / 2, r"-\frac{\pi}{2}"),
        (2 * math.pi / 3, r"\frac{2\pi}{3}"),
        (math.e, r"\mathrm{e}"),
        (math.log(2), r"\log\left(2\right)"),
        (math.inf, r"\infty"),
        (-math.inf, r"-\infty"),
        (math.nan, r"\mathrm{NaN}"),
        (True, r"\text{true}"),
    ],
)
def test_numbers(value: float, expected: str) -> None:
    """Numbers are typeset as a person would write them."""
    assert expected == typeset_number(value)[0]


def choose(condition: Node, x: Node, y: Node) -> Node:
    """Return a choice between two values."""
    return apply("select", apply("gt", condition, 0.0), x, y)


@pytest.mark.parametrize(
    ("build", "expected"),
    [
        (lambda x, _: 2.0 * x, r"2 \, x"),
        (lambda x, _: x * 2.0, r"x \cdot 2"),
        (lambda x, _: x * x.graph.const(-2.0), r"x \, \left(-2\right)"),
        (lambda x, _: -2.0 * x, r"\left(-2\right) \, x"),
        (lambda x, y: y + -2.0 * x, r"y + \left(-2\right) \, x"),
        (lambda x, y: x * (y * 2.0), r"x \, y \cdot 2"),
        (lambda x, y: (1e-3 * x) * y, r"10^{-3} \, x \, y"),
        (lambda x, _: x**2 / 2, r"\frac{x^{2}}{2}"),
        (lambda x, y: (x / y) ** 3, r"\left(\frac{x}{y}\right)^{3}"),
        (lambda x, _: apply("tanh", x) ** 2, r"\tanh^{2}\left(x\right)"),
        (lambda x, _: apply("gamma", x) ** 2, r"\left(\Gamma\left(x\right)\right)^{2}"),
        (lambda x, _: apply("tan", x) ** -2, r"\left(\tan\left(x\right)\right)^{-2}"),
        (
            lambda x, y: apply("hypot", apply("sin", x), y),
            r"\sqrt{\sin^{2}\left(x\right) + y^{2}}",
        ),
        (lambda x, y: y + apply("mod", x, y), r"y + \left(x \bmod y\right)"),
        (
            lambda x, y: choose(x, x, y) * y,
            (
                r"\left(\begin{cases} x & \text{if } x > 0 \\"
                r" y & \text{otherwise} \end{cases}\right) \, y"
            ),
        ),
        (
            lambda x, y: choose(x, x, choose(y, y, x * y)),
            (
                r"\begin{cases} x & \text{if } x > 0 \\ y & \text{if } y > 0 \\"
                r" x \, y & \text{otherwise} \end{cases}"
            ),
        ),
    ],
)  # fmt: skip
def test_layout(build: Callable[[Node, Node], Node], expected: str) -> None:
    """Products, powers and cases are set as on paper."""
    graph = Graph(rewrite=Rewriter(EXACT))
    node = build(graph.input("x"), graph.input("y"))
    assert expected == written(graph, node)


FORWARD = r"""z &= w \, x + b \\
y &= \sigma\left(z\right) \\
L &= \frac{\left(y - t\right)^{2}}{2} \\
R &= \frac{w^{2}}{2} \\
J &= L + \lambda \, R"""
BACKWARD = r"""\overline{J} &= 1 \\
\overline{R} &= \overline{J} \, \lambda \\
\overline{L} &= \overline{J} \\
\overline{y} &= \overline{L} \, \left(y - t\right) \\
\overline{z} &= \overline{y} \, y \, \left(1 - y\right) \\
\overline{w} &= \overline{z} \, x + \overline{R} \, w \\
\overline{b} &= \overline{z}"""


def test_lecture() -> None:
    """L1 and its adjoints are the lecture's statements (Grosse, section 2)."""
    f = ob.load(EXAMPLES / "l1_regression.expr")
    assert f"\\begin{{aligned}}\n{FORWARD}\n\\end{{aligned}}" == latex(f.graph)
    both = f"{FORWARD} \\\\[1ex]\n{BACKWARD}"
    assert f"\\begin{{aligned}}\n{both}\n\\end{{aligned}}" == f.latex()


def test_shared_subexpressions_are_named() -> None:
    """What is used twice has a name, in the derivatives too."""
    graph = Graph(rewrite=Rewriter(EXACT))
    x = graph.input("x")
    e = apply("exp", x * x)
    graph.outputs["f"] = e / (1.0 + e)
    assert [r"t_{1} &= \mathrm{e}^{x \, x} \\", r"f &= \frac{t_{1}}{1 + t_{1}}"] == (
        latex(graph).splitlines()[1:-1]
    )


def test_align_leaves_out_empty_parts() -> None:
    """Parts without equations leave no gap."""
    assert "\\begin{aligned}\na &= b\n\\end{aligned}" == align([], [("a", "b")], [])


def test_deep_formula() -> None:
    """A chain of 3,000 nested sines and sums is written without recursion."""
    graph = Graph()
    x = graph.input("x")
    y = x
    for k in range(3000):
        y = apply("sin", y) + float(k)
    graph.outputs["y"] = y
    assert balanced(latex(graph))
