"""Name the functions that formulas may call: the op table's, aliases and compositions.

One table for the expression language, for `ob.exp`, ... and for NumPy's functions on
array expressions: whatever a row of the op table marks as `parsed` is here at once.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

from overbar.ir.errors import UnsupportedError
from overbar.ir.ops import OPS, Op, apply

if TYPE_CHECKING:
    from overbar.ir.graph import Graph, Node

Build = Callable[..., "Node"]


@dataclass(frozen=True, slots=True)
class Function:
    """Hold a function that formulas may call.

    build: `(*nodes) -> node`; least, most: how many arguments it takes, None: any.
    """

    name: str
    build: Build
    least: int
    most: int | None

    def __call__(self, graph: Graph, *args: Node) -> Node:
        """Return the node of a call; a wrong number of arguments is an error."""
        self.check(len(args))
        if all(a.is_const for a in args):  # the builders' operators need one node
            args = tuple(graph.lift(a) for a in args)
        return self.build(*args)

    def check(self, count: int) -> None:
        """Raise UnsupportedError for a wrong number of arguments."""
        if count < self.least or (self.most is not None and count > self.most):
            message = f"{self.name} expects {self._expected()}, found {count}"
            raise UnsupportedError(message)

    def _expected(self) -> str:
        if self.most is None:
            return f"at least {self.least} arguments"
        if self.least == self.most:
            return f"{self.least} argument{'s' * (self.least != 1)}"
        return f"{self.least} to {self.most} arguments"


def _of_row(row: Op) -> Function:
    def build(*args: Node) -> Node:
        return apply(row.name, *args)

    least = 2 if row.arity is None else row.arity
    return Function(row.name, build, least, row.arity)


def _square(x: Node) -> Node:
    return apply("powi", x, attrs=(2,))


def _clip(x: Node, low: Node, high: Node) -> Node:
    return apply("min", apply("max", x, low), high)


def _leaky_relu(x: Node, slope: Node | float = 0.01) -> Node:
    return apply("prelu", x, slope)


def _acot(x: Node) -> Node:
    return apply("atan", 1.0 / x)


_COMPOSED: tuple[tuple[str, Build, int, int], ...] = (
    ("where", lambda c, x, y: apply("select", c, x, y), 3, 3),
    ("isnan", lambda x: apply("ne", x, x), 1, 1),
    ("isfinite", lambda x: apply("lt", apply("abs", x), math.inf), 1, 1),
    ("clip", _clip, 3, 3),
    ("square", _square, 1, 1),
    ("reciprocal", lambda x: 1.0 / x, 1, 1),
    ("pow", lambda x, y: x**y, 2, 2),
    ("hard_tanh", lambda x: apply("min", apply("max", x, -1.0), 1.0), 1, 1),
    ("leaky_relu", _leaky_relu, 1, 2),
    ("sec", lambda x: 1.0 / apply("cos", x), 1, 1),
    ("csc", lambda x: 1.0 / apply("sin", x), 1, 1),
    ("cot", lambda x: 1.0 / apply("tan", x), 1, 1),
    ("sech", lambda x: 1.0 / apply("cosh", x), 1, 1),
    ("csch", lambda x: 1.0 / apply("sinh", x), 1, 1),
    ("coth", lambda x: 1.0 / apply("tanh", x), 1, 1),
    ("asec", lambda x: apply("acos", 1.0 / x), 1, 1),
    ("acsc", lambda x: apply("asin", 1.0 / x), 1, 1),
    ("acot", _acot, 1, 1),
    ("asech", lambda x: apply("acosh", 1.0 / x), 1, 1),
    ("acsch", lambda x: apply("asinh", 1.0 / x), 1, 1),
    ("acoth", lambda x: apply("atanh", 1.0 / x), 1, 1),
    ("deg2rad", lambda x: x * (math.pi / 180.0), 1, 1),
    ("rad2deg", lambda x: x * (180.0 / math.pi), 1, 1),
    ("logit", lambda x: apply("log", x) - apply("log1p", -x), 1, 1),
)
_UNARY_ROW_WITH_DEFAULT = ("heaviside", 0.5)

ALIASES = {
    "arcsin": "asin", "arccos": "acos", "arctan": "atan", "arctan2": "atan2",
    "arcsinh": "asinh", "arccosh": "acosh", "arctanh": "atanh",
    "absolute": "abs", "fabs": "abs", "maximum": "max", "minimum": "min",
    "power": "pow", "expit": "sigmoid", "lgamma": "gammaln", "loggamma": "gammaln",
    "psi": "digamma", "rint": "round", "remainder": "mod", "ceiling": "ceil",
    "log_expit": "log_sigmoid", "radians": "deg2rad", "degrees": "rad2deg",
    "hardtanh": "hard_tanh", "ln": "log", "select": "where",
}  # fmt: skip
"""Other names of functions, as in NumPy and SciPy."""


def _table() -> dict[str, Function]:
    table = {row.name: _of_row(row) for row in OPS.values() if row.parsed}
    for name, build, least, most in _COMPOSED:
        table[name] = Function(name, build, least, most)
    name, default = _UNARY_ROW_WITH_DEFAULT
    table[name] = Function(name, lambda x, h=default: apply("heaviside", x, h), 1, 2)
    return table


FUNCTIONS = _table()


def function(name: str) -> Function | None:
    """Return the function of a name or alias, None if there is none.

    The table is read when asked, so that operations added with `ob.op` are found.
    """
    name = ALIASES.get(name, name)
    if name in FUNCTIONS:
        return FUNCTIONS[name]
    row = OPS.get(name)
    return _of_row(row) if row is not None and row.parsed else None


def names() -> list[str]:
    """Return all names of functions, for suggestions."""
    parsed = {row.name for row in OPS.values() if row.parsed}
    return sorted(parsed | set(FUNCTIONS) | set(ALIASES))


def nearest(name: str, known: list[str]) -> str:
    """Return "; did you mean ...?" for a misspelt name, or nothing."""
    found = get_close_matches(name, known, n=1, cutoff=0.6)
    return f"; did you mean {found[0]!r}?" if found else ""
