"""Unify operand types: each rule returns the operands, cast, and the result type.

A constant takes the dtype of what it meets (as in JAX's weak types); int64 and bool
operands become floats beside floats; float32 and float64 do not mix silently. Arrays
of elementwise ops broadcast as in NumPy, by explicit `broadcast` nodes; constants,
which fit everywhere, stay scalars.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from overbar.ir.errors import ShapeError
from overbar.ir.types import BOOL, F32, F64, INT, Dim, Type, extents

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from overbar.ir.graph import Graph, Node
    from overbar.ir.types import Extent, Shape

Typed: TypeAlias = "tuple[Sequence[Node], Type]"
Typing: TypeAlias = "Callable[[Graph, str, Sequence[Node]], Typed]"
Shaping: TypeAlias = "Callable[[Graph, str, Sequence[Node], tuple[Any, ...]], Typed]"


def common(graph: Graph, name: str, args: Sequence[Node], floor: Type) -> Type:
    """Return the type that all operands' elements can take, at least `floor`."""
    found = {a.type.scalar for a in args if not a.is_const}
    if F32 in found and F64 in found:
        message = f"{name} cannot mix float32 and float64 operands; cast one of them"
        raise ShapeError(message)
    weak = {a.type.scalar for a in args} | {floor}
    if F32 in found:
        return F32
    if F64 in weak:
        return graph.real if not found & {F64} else F64
    if F32 in weak:  # constants alone
        return F32
    return INT if INT in weak else BOOL


def cast(graph: Graph, args: Sequence[Node], to: Type) -> Sequence[Node]:
    """Return the operands, those of other element types converted to `to`."""
    return [a if a.type.dtype == to.dtype else graph.convert(a, to) for a in args]


def _all_float64(args: Sequence[Node]) -> bool:
    """Whether nothing needs a cast: the common case, asked at every node."""
    for a in args:  # noqa: SIM110 - a loop takes half of all()'s time
        if a.type is not F64:
            return False
    return True


def differing(one: Extent, other: Extent) -> str:
    """Say that two sizes differ, and what to do where masks are the reason."""
    return f"expected {one} along an axis, found {other}{mask_advice(one, other)}"


def mask_advice(*found: Extent) -> str:
    """Say what to do where sizes differ that masks are the reason of."""
    if not any(isinstance(e, Dim) and e.is_count for e in found):
        return ""
    return (
        "; what a mask chooses meets only what the same mask chooses, "
        "where(mask, x, 0) keeps the shape of x"
    )


def joined(name: str, shapes: Sequence[Shape]) -> Shape:
    """Return the shape that shapes broadcast to, as in NumPy.

    Raises ShapeError, with both shapes, where they do not fit.
    """
    whole: Shape = ()
    for shape in shapes:
        if len(shape) > len(whole):
            whole = shape[: len(shape) - len(whole)] + whole
        start = len(whole) - len(shape)
        for i, extent in enumerate(shape, start):
            if whole[i] == 1:
                whole = (*whole[:i], extent, *whole[i + 1 :])
            elif extent not in (1, whole[i]):
                shown = " and ".join(f"[{extents(s)}]" for s in dict.fromkeys(shapes))
                message = f"{name} cannot combine shapes {shown}: "
                message += differing(whole[i], extent)
                raise ShapeError(message)
    return whole


def spread(graph: Graph, name: str, args: Sequence[Node]) -> tuple[list[Node], Shape]:
    """Return operands of one shape, scalar constants as they are, and that shape."""
    shape = joined(name, [a.type.shape for a in args])
    plain = [graph.bare(a) for a in args]
    return [a if a.is_const else graph.spread(a, shape) for a in plain], shape


def _elementwise(graph: Graph, name: str, args: Sequence[Node], to: Type) -> Typed:
    for a in args:
        if a.type.shape:
            args, shape = spread(graph, name, args)
            return cast(graph, args, to), to.of(shape)
    return cast(graph, args, to), to


def real(graph: Graph, name: str, args: Sequence[Node]) -> Typed:
    """Give a float result from operands made floats."""
    if _all_float64(args):
        return args, F64
    return _elementwise(graph, name, args, common(graph, name, args, F64))


def number(graph: Graph, name: str, args: Sequence[Node]) -> Typed:
    """Give a number of the operands' common type, integers staying integers."""
    if _all_float64(args):
        return args, F64
    return _elementwise(graph, name, args, common(graph, name, args, INT))


def compare(graph: Graph, name: str, args: Sequence[Node]) -> Typed:
    """Give a condition from operands of one common type."""
    args, kind = _elementwise(graph, name, args, common(graph, name, args, BOOL))
    return args, BOOL.of(kind.shape)


def logic(graph: Graph, name: str, args: Sequence[Node]) -> Typed:
    """Give a condition from conditions."""
    for i, a in enumerate(args):
        if a.type.dtype != "bool":
            message = (
                f"{name} expects conditions, such as x > 0; operand {i + 1} is "
                f"a number ({a.type})"
            )
            raise ShapeError(message)
    return _elementwise(graph, name, args, BOOL)


def choice(graph: Graph, name: str, args: Sequence[Node]) -> Typed:
    """Give the common type of the second and third operand, the first a condition."""
    logic(graph, name, args[:1])
    kind = common(graph, name, args[1:], BOOL)
    if not any(a.type.shape for a in args):
        return [args[0], *cast(graph, args[1:], kind)], kind
    each, shape = spread(graph, name, args)
    if not args[0].type.shape:  # one condition for all elements stays one
        each[0] = args[0]
    return [each[0], *cast(graph, each[1:], kind)], kind.of(shape)


def same(graph: Graph, name: str, args: Sequence[Node]) -> Typed:
    """Give one operand's own type."""
    del graph, name
    return args, args[0].type


FLOATING = (real, number)
"""Rules that leave float64 operands as they are and give a float64."""
