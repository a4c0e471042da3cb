"""Read logarithms of determinants in one step, as the determinant may overflow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from overbar.read.symbolic_products import MATRICES, is_a, library
from overbar.read.symbolic_reader import each

if TYPE_CHECKING:
    from collections.abc import Callable

    from overbar.ir.graph import Node
    from overbar.read.symbolic_reader import Reader, Steps
    from overbar.read.symbolic_scope import Scope

_ABS = "sympy.functions.elementary.complexes.Abs"


def log_determinant(reader: Reader, matrix: Any) -> Steps:
    """Read the logarithm of a determinant, which itself may overflow.

    It is NaN where the determinant is negative, as any logarithm is.
    """
    sign, size = library("slogdet")(reader.graph, (yield matrix))
    return size + reader.call("log", (sign,))  # type: ignore[no-any-return]


def _is_determinant(expr: Any) -> bool:
    return is_a(expr, f"{MATRICES}determinant.Determinant")


def log(otherwise: Callable[..., Node]) -> Callable[..., Steps]:
    """Return how a logarithm is read: that of a determinant in one step."""

    def read(reader: Reader, expr: Any, _scope: Scope) -> Steps:
        inner = expr.args[0]
        if len(expr.args) == 1 and _is_determinant(inner):
            return (yield from log_determinant(reader, inner.args[0]))
        if len(expr.args) == 1 and is_a(inner, _ABS) and _is_determinant(inner.args[0]):
            matrix = yield inner.args[0].args[0]
            return library("logdet")(reader.graph, matrix)  # type: ignore[no-any-return]
        return otherwise(reader, *(yield from each(expr.args)))

    return read
