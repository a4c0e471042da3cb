"""Read what arrays bring with them: `x @ y`, `x.T`, tuples, slices and strings.

Numbers and sizes become plain integers where they are arguments; of what runs along
indices, a row `X[i]`, the operators see one row alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from overbar.ir.errors import LimitError, ParseError, ShapeError, UnsupportedError
from overbar.ir.graph import Node
from overbar.ir.ops.contract import contract
from overbar.ir.types import Dim
from overbar.read import arrays
from overbar.read.kinds import check_number, is_condition, mismatch
from overbar.read.labels import Affine, Labelled, labelled, union
from overbar.read.lexing import short
from overbar.read.operators import is_size, size_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from overbar.read.machine import Machine
    from overbar.read.steps import Step
    from overbar.read.syntax import Part

    Run = Callable[[Machine, Sequence[Any], Step], Any]

_LARGEST = 2**63 - 1
_DEEPEST = 4


def static(value: Any) -> Any:
    """Return an integer or size as such, any other value as it is."""
    if type(value) is Node:
        if is_size(value):
            size = size_of(value)
            if isinstance(size, int) and abs(size) > _LARGEST:
                message = "expected an integer below 2**63 here, found a larger one"
                raise LimitError(message)
            return size
        return value.value if value.is_const else value
    if type(value) is Affine and not value.terms:
        return value.offset
    if type(value) in {tuple, list}:
        return type(value)(static(v) for v in value)
    return value


# Arguments ----------------------------------------------------------------------------


def pack(_machine: Machine, values: Sequence[Any], _step: Step) -> Any:
    """Return a tuple."""
    _check_depth(values)
    return tuple(values)


def listing(_machine: Machine, values: Sequence[Any], _step: Step) -> Any:
    """Return a list."""
    _check_depth(values)
    return list(values)


def _check_depth(values: Sequence[Any]) -> None:
    """Refuse more than a few tuples in each other."""
    level = list(values)
    for _ in range(_DEEPEST):
        level = [v for value in level if type(value) in {tuple, list} for v in value]
        if not level:
            return
    message = f"expected at most {_DEEPEST} tuples in each other, found more"
    raise LimitError(message)


def slicing(given: Sequence[bool]) -> Run:
    """Return the step that makes a slice of those of its parts that are given."""

    def run(machine: Machine, values: Sequence[Any], step: Step) -> Any:
        found = iter(zip(values, step.operands, strict=True))
        kinds = (_SIZES, _SIZES, _STEPS)
        return slice(*[
            _bound(machine, *next(found), kind) if g else None
            for g, kind in zip((*given, False)[:3], kinds, strict=True)
        ])  # fmt: skip

    return run


_SIZES: tuple[type, ...] = (int, Dim)
_STEPS: tuple[type, ...] = (int,)


def _bound(machine: Machine, value: Any, part: Part, kinds: tuple[type, ...]) -> Any:
    """Return where a slice starts or ends, or its step."""
    bound = static(value)
    if type(bound) in kinds:
        return bound
    span = machine.place(part)
    size = " or a size, such as n - 1," if Dim in kinds else " as a step"
    message = f"expected an integer{size} in a slice, found"
    raise ShapeError(f"{message} {short(span.text)}", span)


def string(text: str) -> str:
    """Return what stands between the quotes of a string."""
    if text[0] not in "\"'" or "\\" in text or text[:3] == 3 * text[0]:
        raise ParseError(f"expected a plain string, found {short(text)}")
    return text[1:-1]


# Operators ----------------------------------------------------------------------------


def _check_array(machine: Machine, value: Any, part: Part, sign: str) -> None:
    check_number(machine.source, part, value)
    if is_condition(value):
        raise mismatch(machine.source, part, value)
    if not value.type.shape:
        span = machine.place(part)
        message = f"expected an array at {sign!r}, found the number {short(span.text)}"
        advice = "; a product of numbers is written *" if sign == "@" else ""
        raise ShapeError(message + advice, span)


def matmul(machine: Machine, values: Sequence[Any], step: Step) -> Any:
    """Return `x @ y`."""
    for value, part in zip(values, step.operands, strict=True):
        _check_array(machine, value, part, "@")
    if all(type(v) is Node for v in values):
        return arrays.matmul(machine.graph, *values)
    x, y = (labelled(machine.graph, v) for v in values)
    if len(x.rest) > 2 or len(y.rest) > 2:
        message = "expected vectors and matrices at '@' beside indices"
        raise UnsupportedError(f"{message}, found an array of more axes")
    rows, columns = ("row", "sum")[-len(x.rest) :], ("sum", "column")[: len(y.rest)]
    loops = union([x, y])
    out = [*loops, *rows[:-1], *columns[1:]]
    node = contract(
        machine.graph, x.node, y.node, (*x.loops, *rows), (*y.loops, *columns), out
    )
    return Labelled(node, loops)


def transposed(machine: Machine, values: Sequence[Any], step: Step) -> Any:
    """Return `x.T`: the axes in reverse order."""
    (x,) = values
    _check_array(machine, x, step.operands[0], ".T")
    value = labelled(machine.graph, x)
    ahead, rank = len(value.loops), len(value.node.type.shape)
    perm = (*range(ahead), *reversed(range(ahead, rank)))
    node = machine.graph.make("transpose", (value.node,), (perm,))
    return node if type(x) is Node else Labelled(node, value.loops)
