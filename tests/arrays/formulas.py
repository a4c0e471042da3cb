"""Small formulas over arrays, as graphs: one or more for every op on arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from overbar.ir.graph import Graph
from overbar.ir.ops import apply
from overbar.ir.ops.contract import contract
from overbar.ir.types import Type, dim, size_of
from overbar.levels import rewrite_for

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

    from overbar.ir.graph import Node
    from overbar.ir.types import Shape

M, N = dim("m"), dim("n")
SIZES = {"m": 3, "n": 4}
FULL = (M, N)
_LONG = (M * M,)


class Formula(NamedTuple):
    """Build an array or number from inputs of some shapes."""

    build: Callable[..., Node]
    shapes: dict[str, Shape]


def op(name: str, *attrs: object) -> Callable[..., Node]:
    """Return what applies one op to one array."""
    return lambda g, x: g.make(name, (x,), attrs)


def total(x: Node) -> Node:
    """Return the sum over all axes."""
    return x.graph.make("sum", (x,), (tuple(range(len(x.type.shape))),))


def _shifted(g: Graph, x: Node) -> Node:
    ahead = g.make("slice", (x,), ((1,), (N - 1,), (1,)))
    behind = g.make("slice", (x,), ((0,), (N - 1,), (1,)))
    return (ahead - behind) ** 2.0


def _pairs(g: Graph, x: Node) -> Node:
    rows, columns = g.spread_along(x, (0,), (N, N)), g.spread_along(x, (1,), (N, N))
    slow = apply("exp", columns)
    return g.make("sum", (rows * slow + rows / (1.5 + apply("sin", slow)),), ((0,),))


def _distances(g: Graph, x: Node, y: Node) -> Node:
    gap = g.spread_along(x, (0, 2), (M, 2, N)) - g.spread_along(y, (1, 2), (M, 2, N))
    return g.make("reduce_min", (g.make("sum", (gap * gap,), ((2,),)),), ((1,),))


def _chain(g: Graph, x: Node, y: Node) -> Node:
    inner = apply("tanh", contract(g, x, y, "ij", "jk", "ik"))
    return apply("tanh", contract(g, inner, y, "ik", "jk", "ij"))


def _root(g: Graph, x: Node) -> Node:
    safe = apply("select", apply("gt", x, 0.0), apply("sqrt", x), 0.0)
    return g.make("sum", (safe,), ((0,),))


def _untaken(g: Graph, x: Node, s: Node) -> Node:
    root = g.spread(apply("sqrt", s - 100.0), FULL)
    return apply("select", apply("gt", x, 100.0), root, x)


def _picked(g: Graph, x: Node) -> Node:
    places = apply("mod", g.iota(3) * 2, 4)
    return g.make("gather", (x, g.iota(3), places), ((0, 1),))


FORMULAS: dict[str, Formula] = {
    "broadcast": Formula(lambda g, x, b: x * b + 2.0 * b, {"x": FULL, "b": (N,)}),
    "column": Formula(
        lambda g, x, b: x / g.spread_along(b, (0,), FULL), {"x": FULL, "b": (M,)}
    ),
    "sum_rows": Formula(
        lambda g, x: g.make("sum", (apply("exp", x),), ((0,),)), {"x": FULL}
    ),
    "sum_all": Formula(lambda g, x: total(apply("exp", x)), {"x": FULL}),
    "prod": Formula(op("prod", (1,)), {"x": FULL}),
    "max": Formula(op("reduce_max", (1,)), {"x": FULL}),
    "min": Formula(op("reduce_min", (0,)), {"x": FULL}),
    "logsumexp": Formula(op("logsumexp", (1,)), {"x": FULL}),
    "logsumexp_rows": Formula(op("logsumexp", (0,)), {"x": FULL}),
    "softmax": Formula(op("softmax", (1,)), {"x": FULL}),
    "log_softmax": Formula(op("log_softmax", (0,)), {"x": FULL}),
    "transpose": Formula(op("transpose", (1, 0)), {"x": FULL}),
    "reshape": Formula(op("reshape", (M * N,)), {"x": FULL}),
    "reshaped products": Formula(
        lambda g, u: g.make("reshape", (contract(g, u, u, "i", "j", "ij"),), (_LONG,)),
        {"u": (M,)},
    ),
    "new_axis": Formula(op("reshape", (M, 1, N)), {"x": FULL}),
    "cumsum": Formula(op("cumsum", 0, False), {"x": (N,)}),  # noqa: FBT003
    "cumsum_back": Formula(op("cumsum", 1, True), {"x": FULL}),  # noqa: FBT003
    "slice": Formula(op("slice", (0, 1), (M, N - 2), (1, 1)), {"x": FULL}),
    "steps": Formula(op("slice", (1, 0), (2, (N + 1) // 2), (1, 2)), {"x": FULL}),
    "flip": Formula(op("slice", (0, N - 1), FULL, (1, -1)), {"x": FULL}),
    "pad": Formula(op("pad", (1, 2), (M + 3, 2 * N + 3), (1, 2)), {"x": FULL}),
    "concat": Formula(
        lambda g, x, y: g.make("concat", (x, y), (0,)), {"x": FULL, "y": (2, N)}
    ),
    "affine": Formula(
        lambda g, w, x, b: contract(g, w, x, "ij", "j", "i") + b,
        {"w": FULL, "x": (N,), "b": (M,)},
    ),
    "transposed": Formula(
        lambda g, w, x: contract(g, w, x, "ij", "i", "j"), {"w": FULL, "x": (M,)}
    ),
    "matmul": Formula(
        lambda g, w, x: contract(g, w, x, "ij", "jk", "ik"), {"w": FULL, "x": (N, 50)}
    ),
    "small_matmul": Formula(
        lambda g, w, x: contract(g, w, x, "ij", "jk", "ik"), {"w": (2, N), "x": (N, 2)}
    ),
    "outer": Formula(
        lambda g, u, v: contract(g, u, v, "i", "j", "ij"), {"u": (M,), "v": (N,)}
    ),
    "einsum": Formula(
        lambda g, u, v: contract(g, u, v, "ijk", "jl", "kl"),
        {"u": (M, N, 2), "v": (N, 3)},
    ),
    "batched": Formula(
        lambda g, u, v: contract(g, u, v, "ijk", "ikl", "ijl"),
        {"u": (M, N, 2), "v": (M, 2, 3)},
    ),
    "dot": Formula(
        lambda g, u, v: contract(g, u, v, "i", "i", ""), {"u": (M,), "v": (M,)}
    ),
    "square": Formula(lambda g, u: contract(g, u, u, "i", "i", ""), {"u": (M,)}),
    "gather": Formula(
        lambda g, x: g.make("gather", (x, apply("mod", g.iota(5), 3)), ((0,),)),
        {"x": FULL},
    ),
    "gather_columns": Formula(
        lambda g, x: g.make("gather", (x, apply("mod", g.iota(5), 3)), ((1,),)),
        {"x": FULL},
    ),
    "picked": Formula(_picked, {"x": FULL}),
    "guarded_root": Formula(_root, {"x": FULL}),
    "untaken": Formula(_untaken, {"x": FULL, "s": ()}),
    "scalar_condition": Formula(
        lambda g, x, s: apply("select", apply("gt", s, 0.0), apply("sqrt", s) * x, x),
        {"x": FULL, "s": ()},
    ),
    "kinks": Formula(lambda g, x: apply("max", x, 0.1) + apply("abs", x), {"x": FULL}),
    "by_total": Formula(lambda g, x: x / total(x * x), {"x": FULL}),
    "distances": Formula(_distances, {"x": FULL, "y": (2, N)}),
    "chain": Formula(_chain, {"x": FULL, "y": (N, 2)}),
    "itself": Formula(lambda g, x: x * 1.0, {"x": FULL}),
    "shifted": Formula(_shifted, {"x": (N,)}),
    "pairs": Formula(_pairs, {"x": (N,)}),
}


def graph_of(formula: Formula, *, scalar: bool = True) -> tuple[Graph, list[Node]]:
    """Return a formula's graph and inputs; `scalar` sums the sine of its result."""
    graph = Graph(rewrite=rewrite_for("standard"))
    inputs = [
        graph.input(name, "param", Type("float64").of(shape))
        for name, shape in formula.shapes.items()
    ]
    out = formula.build(graph, *inputs)
    if scalar:
        out = apply("sin", out)
        out = total(out) if out.type.shape else out
    graph.assign("out", out)
    graph.outputs["out"] = out
    return graph, inputs


def draw(formula: Formula, rng: np.random.Generator) -> list[np.ndarray]:
    """Return values for a formula's inputs."""
    return [
        rng.standard_normal([size_of(e, SIZES) for e in shape])[()]
        for shape in formula.shapes.values()
    ]
