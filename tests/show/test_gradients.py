"""The numbers on a picture are the lecture's, and add up."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest
import sympy

from overbar.ir.errors import InputError
from overbar.ir.graph import Graph, Node
from overbar.ir.ops import apply
from overbar.show.gradients import gradients_at

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def lecture() -> tuple[Graph, dict[str, Node]]:
    """Return L5, (x + y) max(y, z), and its nodes by name (CS224N)."""
    graph = Graph()
    x, y, z = (graph.input(name) for name in "xyz")
    a, b = x + y, apply("max", y, z)
    graph.outputs["f"] = f = a * b
    return graph, {"x": x, "y": y, "z": z, "a": a, "b": b, "f": f}


def test_lecture() -> None:
    """L5 at (1, 2, 0) has the lecture's values, gradients and edges."""
    graph, n = lecture()
    values, gradients, edges = gradients_at(graph, [n[k] for k in "xyz"], POINT)
    assert {"x": 1, "y": 2, "z": 0, "a": 3, "b": 2, "f": 6} == {
        k: values[node] for k, node in n.items()
    }
    assert {"x": 2, "y": 5, "z": 0, "a": 2, "b": 3, "f": 1} == {
        k: gradients[node] for k, node in n.items()
    }
    assert {
        ("a", 0): 2, ("a", 1): 2, ("b", 0): 3, ("b", 1): 0, ("f", 0): 2, ("f", 1): 3,
    } == {
        (k, i): edges[node, i] for k, node in n.items() for i in range(len(node.args))
    }  # fmt: skip


POINT = {"x": 1.0, "y": 2.0, "z": 0.0}


def guarded(x: Node, y: Node, z: Node) -> Node:
    """Return choices within choices, whose untaken branches are not finite."""
    inner = apply("select", apply("gt", z, 0.5), apply("log", z), x * y)
    root = apply("sqrt", x - 5.0)
    outer = apply("select", apply("gt", x, 5.0), root * y, inner * inner)
    return outer + apply("select", apply("lt", y, 0.0), 1.0 / z, z * z)


FORMULAS: list[tuple[Callable[..., Node], Callable[..., Any]]] = [
    (
        lambda x, y, z: (x + y) * apply("max", y, z),
        lambda x, y, z: (x + y) * y + 0 * z,  # at POINT
    ),
    (
        lambda x, y, z: x * x * x + apply("sin", x * y) / (y + z),
        lambda x, y, z: x**3 + sympy.sin(x * y) / (y + z),
    ),
    (guarded, lambda x, y, z: (x * y) ** 2 + z**2),  # at POINT
    (
        lambda x, y, z: apply("powi", x - z, attrs=(3,)) ** 2.0 / apply("exp", -y),
        lambda x, y, z: (x - z) ** 6 * sympy.exp(y),
    ),
]


@pytest.mark.parametrize(("build", "truth"), FORMULAS)
def test_against_sympy(
    build: Callable[..., Node], truth: Callable[..., sympy.Expr]
) -> None:
    """Gradients are SymPy's, and every node's is the sum of what its edges carry."""
    graph = Graph()
    inputs = [graph.input(name) for name in "xyz"]
    graph.outputs["f"] = build(*inputs)
    values, gradients, edges = gradients_at(graph, inputs, POINT)
    symbols = sympy.symbols("x y z")
    exact = truth(*symbols)
    at = dict(zip(symbols, (1, 2, 0), strict=True))
    assert float(exact.subs(at)) == pytest.approx(values[graph.outputs["f"]])
    assert [float(sympy.diff(exact, s).subs(at)) for s in symbols] == pytest.approx(
        [float(gradients[n]) for n in inputs]
    )
    sums = dict.fromkeys(gradients, 0.0)
    for (node, i), part in edges.items():
        sums[node.args[i]] += part
    del sums[graph.outputs["f"]]
    assert sums == pytest.approx({n: gradients[n] for n in sums}, nan_ok=False)


def test_untaken_branches_have_no_gradient() -> None:
    """What an untaken branch computes is not finite, and has a gradient of 0."""
    graph = Graph()
    x = graph.input("x")
    root = apply("sqrt", x)
    graph.outputs["f"] = f = apply("select", apply("gt", x, 0.0), root, x * 3.0)
    values, gradients, edges = gradients_at(graph, [x], {"x": -4.0})
    assert math.isnan(values[root])
    assert (0.0, 0.0, 0.0) == (gradients[root], edges[root, 0], edges[f, 1])
    assert (3.0, 1.0) == (gradients[x], edges[f, 2])


def test_data_has_no_gradient() -> None:
    """Only what lies between the parameters and the output has a gradient."""
    graph = Graph()
    w, x, t = graph.input("w"), graph.input("x", "data"), graph.input("t", "data")
    graph.outputs["f"] = f = w * x + x * t
    _, gradients, edges = gradients_at(graph, [w], {"w": 2.0, "x": 3.0, "t": 5.0})
    assert {w: 3.0, w * x: 1.0, f: 1.0} == gradients
    assert {(w * x, 0): 3.0, (f, 0): 1.0} == edges


def test_the_graph_is_left_as_it_is() -> None:
    """Drawing adds nothing to a graph that derivatives are yet to be made from."""
    graph, n = lecture()
    before = len(graph), graph.formula_size, dict(graph.names)
    gradients_at(graph, [n["x"]], POINT)
    assert before == (len(graph), graph.formula_size, dict(graph.names))


def several() -> Graph:
    """Return a graph of two outputs, with a default."""
    graph = Graph()
    x, y = graph.input("x"), graph.input("y")
    graph.defaults["y"] = 4.0
    graph.outputs |= {"p": x * y, "q": x + y}
    return graph


@pytest.mark.parametrize(
    ("output", "expected"), [(None, []), ("p", [1.0, 4.0, 3.0]), ("q", [1.0, 1.0, 1.0])]
)
def test_several_outputs(output: str | None, expected: Sequence[float]) -> None:
    """Of several outputs, the one that is named is differentiated, else none."""
    graph = several()
    wrt = list(graph.inputs.values())
    values, gradients, _ = gradients_at(graph, wrt, {"x": 3.0}, output)
    assert (12.0, 7.0) == tuple(values[n] for n in graph.outputs.values())
    assert expected == sorted(gradients.values(), key=list(expected).index)


@pytest.mark.parametrize(
    ("inputs", "output", "message"),
    [
        ({}, None, "expected a value for 'x', found none"),
        ({"x": 1.0}, "r", "expected one of the outputs p, q, found 'r'"),
    ],
)
def test_errors(inputs: dict[str, float], output: str | None, message: str) -> None:
    """A missing value and an unknown output are named."""
    graph = several()
    with pytest.raises(InputError) as caught:
        gradients_at(graph, [graph.inputs["x"]], inputs, output)
    assert message == str(caught.value)
