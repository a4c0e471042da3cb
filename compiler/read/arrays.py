"""Name NumPy's functions on whole arrays, for formulas of every kind.

Comes in: nodes (or numbers) and static arguments, axes and shapes and the like. Goes
out: nodes. One row a function: what a parameter takes, its annotation says, a Node or
Sequence[Node] for arrays, anything else is static.

>>> from overbar.ir.graph import Graph
>>> from overbar.ir.types import F64, dim
>>> graph = Graph()
>>> x = graph.input("x", kind=F64.of((dim("m"), 3)))
>>> FUNCTIONS["sum"](graph, x, axis=-1).type.shape[0].name
'm'
>>> FUNCTIONS["softmax"].parameters["x"].kind
'array'
"""

from __future__ import annotations

from inspect import Parameter as _Python
from inspect import Signature, signature
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from overbar.ir.constants import Constant
from overbar.ir.errors import UnsupportedError
from overbar.ir.graph import Node
from overbar.read import (
    array_diagonal,
    array_linear,
    array_make,
    array_mask,
    array_pad,
    array_product,
    array_reduce,
    array_shape,
    array_take,
)
from overbar.read.array_index import index
from overbar.read.operand import to_number

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from overbar.ir.graph import Graph

_KINDS = {"Node": "array", "Node | None": "array", "Sequence[Node]": "arrays"}
_MISSING = _Python.empty


class Parameter(NamedTuple):
    """Say what a function's parameter takes.

    kind: "array" (a node or number), "arrays" (a sequence of these) or "static".
    rest: whether it takes all further positional arguments; default: `Parameter.empty`
    of Python's inspect for one that must be given; positional: whether it may be.
    """

    name: str
    kind: str
    default: Any
    rest: bool
    positional: bool


class ArrayFunction:
    """Hold a function on whole arrays: `(graph, *arguments, **options) -> Node`.

    parameters: by name, in order. `inspect.signature` shows them after `graph`.
    Functions of several results (slogdet, eigh, split) return a tuple of nodes.
    """

    __slots__ = ("__signature__", "build", "name", "parameters")

    def __init__(self, name: str, build: Callable[..., Any]) -> None:
        self.name = name
        self.build = build
        self.__signature__ = signature(build)
        shown = list(self.__signature__.parameters.values())[1:]
        self.parameters: Mapping[str, Parameter] = {
            p.name: _parameter(p) for p in shown
        }

    def __call__(self, graph: Graph, *args: Any, **options: Any) -> Any:
        """Return the node of a call, or the nodes of all its results.

        Raises UnsupportedError for arguments that the function does not take.
        """
        bound = self.bind(*args, **options)
        given: list[Any] = []
        named: dict[str, Any] = {}
        for name, value in bound.items():
            p = self.parameters[name]
            lifted = _lifted(graph, p, value)
            if p.rest:
                given += lifted
            elif p.positional:
                given.append(lifted)
            else:
                named[name] = lifted
        return self.build(graph, *given, **named)

    def bind(self, *args: Any, **options: Any) -> dict[str, Any]:
        """Return arguments by the names of the parameters, defaults filled in.

        Raises UnsupportedError, which names the function and the argument.
        """
        places = [p for p in self.parameters.values() if p.positional]
        rest = places[-1] if places and places[-1].rest else None
        if rest is None and len(args) > len(places):
            message = f"{self.name} takes at most {len(places)} arguments by position"
            raise UnsupportedError(f"{message}, found {len(args)}")
        found = dict(zip([p.name for p in places if not p.rest], args, strict=False))
        if rest is not None:
            found[rest.name] = tuple(args[len(places) - 1 :])
        for name, value in options.items():
            if name not in self.parameters:
                takes = ", ".join(self.parameters)
                message = f"{self.name} takes no argument {name!r}, only {takes}"
                raise UnsupportedError(message)
            if name in found:
                raise UnsupportedError(
                    f"{self.name} takes {name!r} once, found it twice"
                )
            found[name] = value
        for p in self.parameters.values():
            if p.name not in found and p.default is _MISSING and not p.rest:
                raise UnsupportedError(f"{self.name} expects an argument {p.name!r}")
        return {p.name: found.get(p.name, p.default) for p in self.parameters.values()}

    def __repr__(self) -> str:
        """Return the function's name and parameters."""
        shown = list(self.__signature__.parameters.values())[1:]
        plain = [p.replace(annotation=_MISSING) for p in shown]
        return f"{self.name}{Signature(plain)}"


def _parameter(p: _Python) -> Parameter:
    """Return what one of a builder's parameters takes."""
    rest = p.kind is p.VAR_POSITIONAL
    kind = "arrays" if rest else _KINDS.get(str(p.annotation), "static")
    positional = p.kind in (p.POSITIONAL_OR_KEYWORD, p.VAR_POSITIONAL)
    return Parameter(p.name, kind, p.default, rest, positional)


def _lifted(graph: Graph, p: Parameter, value: Any) -> Any:
    if p.kind == "static" or value is None:
        return value
    if p.kind == "arrays":
        return [_lift(graph, v) for v in value]
    return _lift(graph, value)


def _lift(graph: Graph, value: Any) -> Node:
    """Return a node for a node, a number or an array of numbers."""
    if isinstance(value, np.ndarray | list | tuple):
        constant = Constant(value)
        if constant.type.shape:
            return graph.make("array", (), (constant,))
        value = constant.value
    return graph.lift(value if isinstance(value, Node) else to_number(value))


_TABLES = (
    array_reduce, array_shape, array_pad, array_diagonal, array_product, array_take,
    array_make, array_linear, array_mask,
)  # fmt: skip
FUNCTIONS: dict[str, ArrayFunction] = {
    name: ArrayFunction(name, build)
    for table in _TABLES
    for name, build in table.BUILDERS.items()
}


def matmul(graph: Graph, x1: Node, x2: Node) -> Node:
    """Return `x1 @ x2` as NumPy defines it."""
    return FUNCTIONS["matmul"](graph, x1, x2)  # type: ignore[no-any-return]


__all__ = ["FUNCTIONS", "ArrayFunction", "Parameter", "index", "matmul"]
