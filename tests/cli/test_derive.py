"""Test `overbar derive`: statements, orders, formats."""

from __future__ import annotations

import ast
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

import pytest
import sympy

import overbar as ob
from overbar.cli.formats import FORMATS

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Cli

FORMULA = "x: param\ny: param\nc: data = 3\na = x**2*y + sin(x*y)\nJ = a*exp(c*x)\nJ\n"


def lines(text: str) -> list[tuple[str, str]]:
    """Return statements as pairs of name and expression."""
    pairs = [line.partition(" = ") for line in text.splitlines() if line]
    return [(name, value) for name, _, value in pairs]


def expanded(text: str) -> dict[str, sympy.Expr]:
    """Read statements with SymPy, each in terms of the inputs alone."""
    known: dict[str, sympy.Expr] = {}
    for name, value in lines(text):
        known[name] = sympy.sympify(value).subs(known)
    return known


def test_l1_as_in_the_lecture(cli: Cli, l1: str) -> None:
    """L1 prints the lecture's five forward and seven backward statements."""
    forward, adjoint = cli("derive", l1).stdout.split("\n\n")
    assert ["z", "y", "L", "R", "J"] == [name for name, _ in lines(forward)]
    assert [
        ("J_bar", "1"),
        ("R_bar", "J_bar*lam"),
        ("L_bar", "J_bar"),
        ("y_bar", "L_bar*(y - t)"),
        ("z_bar", "y_bar*y*(1 - y)"),
        ("w_bar", "z_bar*x + R_bar*w"),
        ("b_bar", "z_bar"),
    ] == lines(adjoint)


def test_text_is_that_of_the_api(cli: Cli, l1: str) -> None:
    """`overbar derive` prints what `f.text()` returns."""
    assert ob.load(l1).text() == cli("derive", l1).stdout


def test_both_orders_are_right(cli: Cli) -> None:
    """SymPy, differentiating the formula, finds what the statements say."""
    found = expanded(cli("derive", "-", "--order", "2", given=FORMULA).stdout)
    x, y = sympy.symbols("x y")
    point = {"x": 0.7, "y": -1.3, "c": 0.4}
    for name, wrt in {
        "x_bar": [x], "y_bar": [y], "d2_dx_dx": [x, x], "d2_dy_dx": [y, x],
        "d2_dy_dy": [y, y],
    }.items():  # fmt: skip
        truth = sympy.diff(found["J"], *wrt).evalf(30, subs=point)
        assert abs(found[name].evalf(30, subs=point) - truth) < 1e-14 * abs(truth)


def test_second_derivatives_that_are_zero(cli: Cli) -> None:
    """A linear formula's Hessian is printed too."""
    found = cli("derive", "-", "--order", "2", given="2*x + 3*y").stdout
    assert {"d2_dx_dx": "0", "d2_dy_dx": "0", "d2_dy_dy": "0"}.items() <= dict(
        lines(found)
    ).items()


def test_several_outputs_have_seeds(cli: Cli) -> None:
    """For several outputs the sweep starts from symbols."""
    found = cli("derive", "-", given="a = x*y\nb = x + y\na, b").stdout
    known = expanded(found)
    x, y, a, b = sympy.symbols("x y a_seed b_seed")
    assert [a * y + b, a * x + b] == [known["x_bar"], known["y_bar"]]


def test_wrt(cli: Cli) -> None:
    """--wrt chooses the derivatives."""
    found = cli("derive", "-", "--wrt", "x, z", given="x*y*z").stdout
    assert ["out", "out_bar", "x_bar", "z_bar"] == [name for name, _ in lines(found)]


def test_accuracy(cli: Cli) -> None:
    """--accuracy strict keeps what the standard level stabilises."""
    words = ("derive", "-", "--accuracy")
    given = "log(1 + exp(x))"
    assert "softplus(x)" in cli(*words, "standard", given=given).stdout
    assert "softplus(x)" not in cli(*words, "strict", given=given).stdout


def test_latex(cli: Cli, l1: str) -> None:
    """LaTeX has a line a statement, and second derivatives as fractions."""
    found = cli("derive", l1, "--format", "latex", "--order", "2").stdout
    assert found.startswith("\\begin{aligned}\nz &= ")
    assert found.endswith("\\end{aligned}\n")
    assert r"\frac{\partial^{2} J}{\partial b \, \partial w} &= " in found
    assert r"\overline{w} &= \overline{z} \, x + \overline{R} \, w" in found


@pytest.mark.parametrize("order", ["1", "2"])
def test_source(cli: Cli, l1: str, order: str) -> None:
    """`source` is a module; order 2 adds a function for the Hessian."""
    tree = ast.parse(cli("derive", l1, "--format", "source", "--order", order).stdout)
    names = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    wanted = {"value", "forward", "backward", "value_and_grad", "hessian"}
    assert (wanted if order == "2" else wanted - {"hessian"}) == wanted & names


def test_ir(cli: Cli, l1: str) -> None:
    """`ir` prints inputs with their types, both graphs and the programs."""
    found = cli("derive", l1, "--format", "ir", "--order", "2").stdout
    f = ob.load(l1)
    assert "# inputs\nw: param float64\n" in found
    assert "lam: data float64 = 0.1\n" in found
    for part in (f.graph, f.adjoint_graph, f.program):
        assert f"\n{part}\n" in found
    assert "# program hessian\n" in found


def test_svg(cli: Cli) -> None:
    """`svg` is well-formed; with --at it shows values and gradients (L5)."""
    given = "a = x + y\nb = max(y, z)\nf = a*b"
    plain = cli("derive", "-", "--format", "svg", given=given).stdout
    shown = cli("derive", "-", "--format", "svg", "--at", "x=1,y=2,z=0", given=given)
    labels = set(ET.fromstring(shown.stdout).itertext())  # noqa: S314 - our own
    assert {"a", "b", "f", "x", "y", "z", "6", "5"} <= labels
    assert len(plain) < len(shown.stdout)


def test_dot(cli: Cli) -> None:
    """`dot` is a graph in Graphviz's language."""
    found = cli("derive", "-", "--format", "dot", given="x*y").stdout
    assert found.startswith("digraph")
    assert "->" in found


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--order 3", ("invalid value for '--order': '3' is not one of '1', '2'; "
         "see 'overbar derive --help'")),
        ("--order 2 --format svg", ("expected --order 1 with --format svg, which draws "
         "the formula")),
        ("--at x=1", "expected --at with --format svg, found it with text"),
        ("--order 2", "expected one output for --order 2, found several: a, b"),
    ],
)  # fmt: skip
def test_errors(cli: Cli, words: str, message: str) -> None:
    """What a format or an order cannot show is said."""
    result = cli("derive", "-", *words.split(), given="a = x\nb = 2*x\na, b")
    expected = (2, "", f"overbar: error: {message}\n")
    assert expected == (result.exit_code, result.stdout, result.stderr)


@pytest.mark.parametrize(
    ("name", "form"),
    [("a.tex", "latex"), ("a.py", "source"), ("a.json", "json"), ("a.svg", "svg"),
     ("a.dot", "dot"), ("a.gv", "dot"), ("a.txt", "text"), ("a", "text")],
)  # fmt: skip
def test_the_ending_chooses_the_format(
    cli: Cli, name: str, form: str, tmp_path: Path
) -> None:
    """Without --format, the file's name says what to write, below a mark of ours."""
    printed = cli("derive", "-", "--format", form, given="x*y").stdout
    result = cli("derive", "-", "-o", name, given="x*y")
    assert (0, "", "") == (result.exit_code, result.stdout, result.stderr)
    assert FORMATS[form].mark(printed) == (tmp_path / name).read_text()


def test_dash_is_standard_output(cli: Cli, tmp_path: Path) -> None:
    """`-o -` prints, and makes no file."""
    given = "x*y"
    found = cli("derive", "-", "-o", "-", given=given).stdout
    assert cli("derive", "-", given=given).stdout == found
    assert [] == list(tmp_path.iterdir())


def test_a_long_formula(cli: Cli) -> None:
    """20,000 terms are derived and printed."""
    given = " + ".join(f"x{i}*x{i}" for i in range(10_000))
    result = cli("derive", "-", given=given)
    assert (0, True) == (result.exit_code, "x9999_bar = " in result.stdout)


@pytest.mark.parametrize("form", ["text", "latex", "source", "ir", "json"])
def test_second_order_of_arrays(cli: Cli, form: str) -> None:
    """Order 2 over arrays states the product of the Hessian with a direction."""
    given = "W: param[m, n]\nx: data[n]\nh = tanh(W @ x)\nJ = sum(h**2)\nJ"
    found = cli("derive", "-", "--format", form, "--order", "2", given=given).stdout
    shown = {
        "text": "\nW_bar_dot = outer(",
        "latex": r"\dot{\overline{W}} &= ",
        "source": "        d2_dW_dW[i, j] = tangent(saved, W_dot)[0]\n",
        "ir": "d2_dW_dW[i, j] = tangent(saved, W_dot)\n",
        "json": '"name": "W_bar_dot"',
    }
    assert shown[form] in found
