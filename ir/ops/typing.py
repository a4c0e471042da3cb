"""Unify operand types: each rule returns the operands, cast, and the result type.

A constant takes the dtype of what it meets (as in JAX's weak types); int64 and bool
operands become floats beside floats; float32 and float64 do not mix silently.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from overbar.ir.errors import ShapeError
from overbar.ir.types import BOOL, F32, F64, INT, Type

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from overbar.ir.graph import Graph, Node

Typed: TypeAlias = "tuple[Sequence[Node], Type]"
Typing: TypeAlias = "Callable[[Graph, str, Sequence[Node]], Typed]"


def common(graph: Graph, name: str, args: Sequence[Node], floor: Type) -> Type:
    """Return the type that all operands can take, at least `floor`."""
    found = {a.type for a in args if not a.is_const}
    if F32 in found and F64 in found:
        message = f"{name} cannot mix float32 and float64 operands; cast one of them"
        raise ShapeError(message)
    weak = {a.type for a in args} | {floor}
    if F32 in found:
        return F32
    if F64 in weak:
        return graph.real if not found & {F64} else F64
    if F32 in weak:  # constants alone
        return F32
    return INT if INT in weak else BOOL


def cast(graph: Graph, args: Sequence[Node], to: Type) -> Sequence[Node]:
    """Return the operands, those of other types converted to `to`."""
    return [a if a.type is to else graph.convert(a, to) for a in args]


def _all_float64(args: Sequence[Node]) -> bool:
    """Whether nothing needs a cast: the common case, asked at every node."""
    for a in args:  # noqa: SIM110 - a loop takes half of all()'s time
        if a.type is not F64:
            return False
    return True


def real(graph: Graph, name: str, args: Sequence[Node]) -> Typed:
    """Give a float result from operands made floats."""
    if _all_float64(args):
        return args, F64
    kind = common(graph, name, args, F64)
    return cast(graph, args, kind), kind


def number(graph: Graph, name: str, args: Sequence[Node]) -> Typed:
    """Give a number of the operands' common type, integers staying integers."""
    if _all_float64(args):
        return args, F64
    kind = common(graph, name, args, INT)
    return cast(graph, args, kind), kind


def compare(graph: Graph, name: str, args: Sequence[Node]) -> Typed:
    """Give a condition from operands of one common type."""
    return cast(graph, args, common(graph, name, args, BOOL)), BOOL


def logic(_graph: Graph, name: str, args: Sequence[Node]) -> Typed:
    """Give a condition from conditions."""
    for i, a in enumerate(args):
        if a.type is not BOOL:
            message = (
                f"{name} expects conditions, such as x > 0; operand {i + 1} is "
                f"a number ({a.type})"
            )
            raise ShapeError(message)
    return args, BOOL


def choice(graph: Graph, name: str, args: Sequence[Node]) -> Typed:
    """Give the common type of the second and third operand, the first a condition."""
    logic(graph, name, args[:1])
    kind = common(graph, name, args[1:], BOOL)
    return [args[0], *cast(graph, args[1:], kind)], kind
