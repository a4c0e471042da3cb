"""Say what a random program's functions are: Overbar's, a peer's, or how they read.

A program is run over a namespace `f`: `f.sum(x, axis)`, `f.tanh(x)`, `f.at(x, items)`.
Its values are then nodes of a graph, arrays, formulas in Python, or texts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

import overbar as ob
from overbar.ir.ops import apply
from overbar.ir.types import Dim
from overbar.read.arrays import FUNCTIONS, index
from overbar.read.overloading import size

if TYPE_CHECKING:
    from collections.abc import Callable

    from overbar.ir.graph import Graph, Node

OPERATORS = {
    "maximum": "max", "minimum": "min", "greater": "gt", "less": "lt",
    "less_equal": "le", "logical_and": "and", "arctan": "atan", "arctan2": "atan2",
}  # fmt: skip
INFIX = {"greater": ">", "less": "<", "less_equal": "<=", "logical_and": "and"}


class Ours:
    """Give Overbar's functions by name, over a graph."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name in FUNCTIONS:
            return lambda *args, **options: FUNCTIONS[name](
                self.graph, *args, **options
            )
        return lambda *args: apply(OPERATORS.get(name, name), *args)

    def at(self, x: Node, items: tuple[Any, ...]) -> Node:
        """Return `x[items]`."""
        return index(self.graph, x, items)

    def safe(self, _taken: Node, x: Node) -> Node:
        """Return x: what is not taken needs no second guard."""
        return x


class Theirs:
    """Give the functions of NumPy or JAX by name."""

    def __init__(self, *places: Any) -> None:
        self.places = places

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return next(getattr(p, name) for p in self.places if hasattr(p, name))

    def at(self, x: Any, items: tuple[Any, ...]) -> Any:
        """Return `x[items]`."""
        return x[items]

    def safe(self, taken: Any, x: Any) -> Any:
        """Return x where it is taken, elsewhere 1: the usual second guard."""
        return self.where(taken, x, 1.0)


class Python:
    """Give NumPy's functions, applied to formulas made with `ob.param`."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        makers = name in {"arange", "eye"}  # of numbers, where they are NumPy's
        places = (ob,) if makers else (np, np.linalg, ob)
        own = next(getattr(p, name) for p in places if hasattr(p, name))
        return lambda *args, **options: own(
            *map(_as_formula, args), **{k: _as_formula(v) for k, v in options.items()}
        )

    def at(self, x: Any, items: tuple[Any, ...]) -> Any:
        """Return `x[items]`."""
        return x[items]

    def safe(self, _taken: Any, x: Any) -> Any:
        """Return x: what is not taken needs no second guard."""
        return x


def _as_formula(value: Any) -> Any:
    """Return an argument with each named size as a formula."""
    if isinstance(value, Dim):
        return size(value)
    if isinstance(value, tuple | list):
        return type(value)(map(_as_formula, value))
    return value


class Text:
    """Hold a value's text, which operators make longer, each in parentheses."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __str__(self) -> str:
        return self.text

    def __neg__(self) -> Text:
        return Text(f"(-{self})")

    def __pow__(self, other: Any) -> Text:
        return Text(f"({self}**{other})")


def _infix(sign: str, *, turned: bool = False) -> Callable[..., Text]:
    def pair(x: Any, y: Any) -> Text:
        left, right = (y, x) if turned else (x, y)
        return Text(f"({left} {sign} {right})")

    return pair


for _sign, _name in (("+", "add"), ("-", "sub"), ("*", "mul"), ("/", "truediv")):
    setattr(Text, f"__{_name}__", _infix(_sign))
    setattr(Text, f"__r{_name}__", _infix(_sign, turned=True))


class Language:
    """Write the functions as the expression language does."""

    def __getattr__(self, name: str) -> Callable[..., Text]:
        if name in INFIX:
            return _infix(INFIX[name])

        def call(*args: Any, **options: Any) -> Text:
            given = [*map(_written, args)]
            given += [f"{key}={_written(value)}" for key, value in options.items()]
            return Text(f"{name}({', '.join(given)})")

        return call

    def at(self, x: Any, items: tuple[Any, ...]) -> Text:
        """Return `x[items]`."""
        return Text(f"{x}[{', '.join(map(_item, items))}]")

    def safe(self, _taken: Any, x: Any) -> Any:
        """Return x: what is not taken needs no second guard."""
        return x


def _written(value: Any) -> str:
    if isinstance(value, str):
        return repr(value)
    if isinstance(value, tuple | list):
        inner = ", ".join(map(_written, value))
        return f"({inner},)" if len(value) == 1 else f"({inner})"
    return str(value)


def _item(item: Any) -> str:
    if item is Ellipsis:
        return "..."
    if not isinstance(item, slice):
        return str(item)
    ends = ["" if e is None else str(e) for e in (item.start, item.stop, item.step)]
    return ":".join(ends if item.step is not None else ends[:2])
