"""Drawings are well formed, say what they show, and are the same every time."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from overbar.ir.errors import LimitError
from overbar.ir.graph import Graph, Node
from overbar.ir.ops import OPS, apply
from overbar.ir.source import Source, Span
from overbar.show.dot import dot
from overbar.show.picture import picture, shown, sign
from overbar.show.svg import draw, gradients_at

if TYPE_CHECKING:
    from conftest import Golden

TIMES, MINUS = "\N{MULTIPLICATION SIGN}", "\N{MINUS SIGN}"
SVG = "{http://www.w3.org/2000/svg}"
DOCS = Path(__file__).parents[2] / "docs"


def lecture() -> Graph:
    """Return L5, (x + y) max(y, z), as the lecture names it (CS224N)."""
    graph = Graph()
    x, y, z = (graph.input(name) for name in "xyz")
    graph.assign("a", a := x + y)
    graph.assign("b", b := apply("max", y, z))
    graph.assign("f", f := a * b)
    graph.outputs["f"] = f
    return graph


def at_lecture(graph: Graph) -> str:
    """Return the drawing of L5 at the lecture's point."""
    wrt = list(graph.inputs.values())
    return draw(graph, *gradients_at(graph, wrt, {"x": 1, "y": 2, "z": 0}))


def texts(svg: str) -> list[str]:
    """Return all that is written in a drawing."""
    return [e.text or "" for e in ET.fromstring(svg).iter(f"{SVG}text")]  # noqa: S314 - ours


def titles(svg: str) -> list[str]:
    """Return all tooltips."""
    return [e.text or "" for e in ET.fromstring(svg).iter(f"{SVG}title")]  # noqa: S314 - ours


def test_lecture(golden: Golden) -> None:
    """L5 is drawn with its values above its edges and its gradients below."""
    golden("l5.svg", at_lecture(lecture()))


def test_lecture_says_the_numbers() -> None:
    """L5's drawing has the lecture's names, signs and numbers, edge by edge."""
    edges = ["1", "2", "2", "2", "2", "3", "0", "0", "3", "2", "2", "3", "6", "1"]
    nodes = ["x", "2", "y", "5", "z", "0", "+", "a", "max", "b", TIMES, "f"]
    assert nodes + edges == texts(at_lecture(lecture()))


def test_without_values_there_are_no_numbers() -> None:
    """Without values only names and signs are drawn."""
    assert ["x", "y", "z", "+", "a", "max", "b", TIMES, "f"] == texts(draw(lecture()))


def test_documents_show_what_is_drawn() -> None:
    """The pictures in docs/ are what docs/make_pictures.py draws."""
    drawn = runpy.run_path(str(DOCS / "make_pictures.py"))["pictures"]()
    assert drawn == {n: (DOCS / n).read_text(encoding="utf-8") for n in drawn}


def test_tooltips() -> None:
    """A tooltip has the statement, the user's line, and the numbers."""
    graph = lecture()
    source = Source("model.expr", "f = (x + y) * max(y, z)")
    graph.spans[graph.outputs["f"]] = Span(source, 4, 23)
    drawing = at_lecture(graph)
    statement = "f = a*b\nmodel.expr:1: f = (x + y) * max(y, z)\nvalue 6\ngradient 1"
    assert "Computation graph of f" == titles(drawing)[0]
    assert {
        "y\nvalue 2\ngradient 5",
        "a = x + y\nvalue 3\ngradient 2",
        statement,
    } <= set(titles(drawing))


def test_roles_look_different() -> None:
    """Parameters, data and operations differ in shape and colour."""
    graph = Graph()
    w, x = graph.input("w"), graph.input("x", "data")
    graph.outputs["f"] = w * x
    root = ET.fromstring(draw(graph))  # noqa: S314 - ours
    groups = [list(g) for g in root.iter(f"{SVG}g") if g.find(f"{SVG}rect") is not None]
    looks = {text.text: (box.get("fill"), box.get("rx")) for _, box, text in groups}
    assert {
        "w": ("#fff1cc", "16"),
        "x": ("#ddf4ff", "2"),
        TIMES: ("#ffffff", "16"),
    } == looks


def test_conditions_are_dashed() -> None:
    """The edge of a condition is dashed, others are not."""
    graph = Graph()
    x = graph.input("x")
    graph.outputs["f"] = apply("select", apply("gt", x, 0.0), x, -x)
    root = ET.fromstring(draw(graph))  # noqa: S314 - ours
    dashed = [p for p in root.iter(f"{SVG}path") if p.get("stroke-dasharray")]
    assert 1 == len(dashed)


HOSTILE = [
    "<script>alert(1)</script>",
    '"/><image href="x"/>',
    "a&b;",
    "]]>",
    "line\nbreak",
    "nul\x00",
    "\u202egnp.exe",
    "\ud800",
    "'--><!--",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_stay_text(name: str) -> None:
    """Names of inputs, values and outputs never become markup."""
    graph = Graph()
    x = graph.input(name)
    graph.assign(name + "1", y := apply("exp", x))
    graph.outputs[name + "2"] = y
    drawing = draw(graph, *gradients_at(graph, [x], {name: 1.0}))
    drawing.encode()
    tags = {e.tag for e in ET.fromstring(drawing).iter()}  # noqa: S314 - ours
    assert {f"{SVG}{t}" for t in ("svg", "g", "title", "rect", "path", "text")} == tags
    clean = "".join(c if c.isprintable() else " " for c in name)
    assert any(clean[:9] in text for text in texts(drawing))
    assert 0 == drawing.count("\x00") + drawing.count("\u202e")


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_stay_quoted(name: str) -> None:
    """Names are quoted in Graphviz's language, however they look."""
    graph = Graph()
    graph.outputs[name] = apply("exp", graph.input(name))
    lines = dot(graph).splitlines()
    assert 8 == len(lines)
    for line in lines[2:5]:
        quoted = line.replace("\\\\", "").replace('\\"', "")
        assert 0 == quoted.count('"') % 2
        assert line.endswith("];")


def test_long_names_lose_their_middle() -> None:
    """A long name is shown by its ends; the tooltip has all of it."""
    graph = Graph()
    name = "input_" + "x" * 30 + "_last"
    graph.outputs["f"] = apply("exp", graph.input(name))
    drawing = draw(graph)
    assert "input_xxxxxx…xxxxxx_last" in texts(drawing)
    assert name in titles(drawing)


def polynomial(degree: int) -> Graph:
    """Return a polynomial in Horner's form."""
    graph = Graph()
    x = graph.input("x")
    y = x * 0.5
    for k in range(degree):
        y = y * x + float(k)
    graph.outputs["p"] = y
    return graph


@pytest.mark.parametrize("degree", [0, 1, 30, 600])
def test_long_formulas_are_drawn(degree: int) -> None:
    """A graph of hundreds of nodes is a valid picture, every node in it."""
    graph = polynomial(degree)
    root = ET.fromstring(draw(graph))  # noqa: S314 - ours
    signs = [e.text for e in root.iter(f"{SVG}text")]
    assert (degree + 1, degree) == (signs.count(TIMES), signs.count("+"))


def test_too_long_formulas_are_refused() -> None:
    """A graph that nobody could look at is refused with advice."""
    with pytest.raises(LimitError) as caught:
        draw(polynomial(1000))
    assert (
        "expected a graph of at most 2000 nodes to draw, found 3003: draw a part of "
        "the formula, write it for Graphviz (dot) or print its text"
    ) == str(caught.value)


def test_outputs_that_are_inputs_or_constants() -> None:
    """An output may be an input, a constant, or the same value as another."""
    graph = Graph()
    x = graph.input("x")
    y = x * x
    graph.outputs |= {"a": x, "b": graph.const(2.0), "c": y, "d": y}
    values, gradients, edges = gradients_at(graph, [x], {"x": 3.0})
    assert ["x", TIMES, "a", "2", "b", "c", "d"] == texts(draw(graph))
    drawn = texts(draw(graph, values, gradients, edges))
    assert ["x", TIMES, "a", "2", "b", "c", "d", "3", "3", "3", "2", "9", "9"] == drawn


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (2.0, "2"),
        (-0.0, "0"),
        (1 / 3, "0.3333"),
        (-1234.5678, f"{MINUS}1235"),
        (1.5e-7, f"1.5e{MINUS}7"),
        (2e20, "2e20"),
        (float("nan"), "nan"),
        (-float("inf"), f"{MINUS}∞"),
        (np.float32(0.1), "0.1"),
        (True, "true"),
        (np.bool_(False), "false"),  # noqa: FBT003 - a value to show
    ],
)
def test_numbers(value: float, expected: str) -> None:
    """Numbers are as short as they can be read."""
    assert expected == shown(value)


def example(name: str) -> Node:
    """Return a node of an op."""
    graph = Graph()
    row = OPS[name]
    args = [graph.input(c) for c in "xyz"[: 2 if row.arity is None else row.arity]]
    if row.chooses:
        args[0] = apply("gt", args[0], 0.0)
    return graph.make(row, args, (2,) if name == "powi" else ())


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("add", "+"), ("sub", MINUS), ("neg", MINUS), ("mul", TIMES), ("div", "/"),
        ("powi", "^2"), ("pow", "^"), ("mod", "mod"), ("le", "≤"), ("ne", "≠"),
        ("select", "if"), ("exp", "exp"), ("max", "max"), ("xlogy", "xlogy"),
        ("step", "step"), ("sigmoid_slope", "sigmoid_slope"),
    ],
)  # fmt: skip
def test_signs(name: str, expected: str) -> None:
    """An op's circle holds its sign in formulas, or its name."""
    assert expected == sign(example(name))


DETERMINISM = """
import overbar as ob
f = ob.compile("a = x*y + sin(z)\\nb = max(a, x, y)\\nc = a if x > y else b\\nc*b/a")
print(f.draw(x=1, y=2, z=3))
print(f.draw())
"""


def test_drawings_do_not_depend_on_hashes() -> None:
    """The drawing is the same, byte for byte, whatever Python's hash seed is."""
    drawn = {
        subprocess.run(
            [sys.executable, "-c", DETERMINISM],
            env=os.environ | {"PYTHONHASHSEED": seed},
            check=True,
            capture_output=True,
        ).stdout
        for seed in ("0", "1", "42")
    }
    assert 1 == len(drawn)
    assert b"<svg" in drawn.pop()


def test_picture_of_a_constant_has_one_item_a_use() -> None:
    """Each use of a constant has a small number of its own beside it."""
    graph = Graph()
    x = graph.input("x")
    graph.outputs["f"] = (x + 2.0) * 2.0 - 2.0
    kinds = [item.kind for item in picture(graph).items]
    assert ["param", "const", "op"] == kinds[:3]
    assert (3, 3, 1) == tuple(kinds.count(k) for k in ("const", "op", "output"))
    shown = picture(graph, *gradients_at(graph, [x], {"x": 3.0}))
    values = [arrow.value for arrow in shown.arrows]
    assert ["3", "", "5", "", "10", "", "8"] == values


def test_what_is_used_twice_shows_its_gradient() -> None:
    """Beside the gradient of each edge, a value of several users has the sum."""
    graph = Graph()
    x = graph.input("x")
    once, twice = apply("exp", x), apply("sin", x)
    graph.outputs["f"] = once + twice * twice
    items = picture(graph, *gradients_at(graph, [x], {"x": 0.0})).items
    assert {"x": "1", "exp": "", "sin": "0"} == {
        item.text: item.total for item in items if item.text in {"x", "exp", "sin"}
    }
