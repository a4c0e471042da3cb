"""Read SymPy's array expressions: tensor products, contractions, permuted axes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from overbar.read.symbolic_loops import shape_of
from overbar.read.symbolic_matrices import applied, applied_place, filled
from overbar.read.symbolic_reader import Row, argument, each, plain

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from overbar.ir.graph import Node
    from overbar.read.symbolic_reader import Reader, Steps
    from overbar.read.symbolic_scope import Scope

_T = "sympy.tensor.array.expressions.array_expressions."


def _factors(expr: Any) -> Generator[Any, Node, list[Node]]:
    """Read the factors of a tensor product, any other array as one factor."""
    several = type(expr).__name__ == "ArrayTensorProduct"
    return (yield from each(expr.args if several else (expr,)))


def _labels(nodes: Sequence[Node], groups: Sequence[Any]) -> list[list[int]]:
    """Return labels of all factors' axes, one label for the axes of a group."""
    total = sum(len(n.type.shape) for n in nodes)
    labels = list(range(total))
    for k, group in enumerate(groups):
        for axis in group.args:
            labels[int(axis)] = total + k
    rest = iter(labels)
    return [[next(rest) for _ in n.type.shape] for n in nodes]


def _contracted(*, summed: bool) -> Any:
    """Return how a contraction (or a diagonal, its groups kept at the end) is read."""

    def read(reader: Reader, expr: Any, _scope: Scope) -> Steps:
        from overbar.read.array_product import product_of

        whole, *groups = expr.args
        nodes = yield from _factors(whole)
        inputs = _labels(nodes, groups)
        total = sum(map(len, inputs))
        out = [k for labels in inputs for k in labels if k < total]
        if not summed:
            out += [total + k for k in range(len(groups))]
        return product_of(reader.graph, type(expr).__name__, nodes, inputs, out)

    return read


def _product(reader: Reader, expr: Any, _scope: Scope) -> Steps:
    from overbar.read.array_product import product_of

    nodes = yield from each(expr.args)
    inputs = _labels(nodes, ())
    out = [k for labels in inputs for k in labels]
    return product_of(reader.graph, "ArrayTensorProduct", nodes, inputs, out)


def _sum(_reader: Reader, *nodes: Node) -> Node:
    total = nodes[0]
    for node in nodes[1:]:
        total = total + node
    return total


def _permuted(reader: Reader, expr: Any, _scope: Scope) -> Steps:
    node = yield expr.args[0]
    perm = tuple(int(k) for k in expr.args[1].array_form)
    return reader.graph.make("transpose", (node,), (perm,))


def _reshaped(reader: Reader, expr: Any, _scope: Scope) -> Steps:
    node = yield expr.args[0]
    shape = yield from shape_of(reader, expr.args[1].args, "a Reshape")
    return reader.graph.make("reshape", (node,), (shape,))


ROWS = {
    f"{_T}ArrayTensorProduct": Row(read=_product, place=argument("a tensor product")),
    f"{_T}ArrayContraction": Row(
        read=_contracted(summed=True), place=lambda *_: "the array of a contraction"
    ),
    f"{_T}ArrayDiagonal": Row(
        read=_contracted(summed=False), place=lambda *_: "the array of a diagonal"
    ),
    f"{_T}ArrayAdd": plain(_sum, "a sum of arrays"),
    f"{_T}PermuteDims": Row(read=_permuted, place=argument("PermuteDims")),
    f"{_T}Reshape": Row(read=_reshaped, place=argument("Reshape")),
    f"{_T}ArrayElementwiseApplyFunc": Row(read=applied, place=applied_place),
    f"{_T}ZeroArray": filled(0.0, "a ZeroArray"),
    f"{_T}OneArray": filled(1.0, "a OneArray"),
}
"""Rows by the full name of the class."""
