"""Apply functions to whole arrays: `sum(x, axis=1)`, `x @ y`, `x.T`.

The functions themselves are those of `overbar.read.arrays`, NumPy's by name. Numbers
and sizes become plain integers where they are arguments; of what runs along indices, a
row `X[i]`, the reductions and `@` see one row alone.
"""

from __future__ import annotations

import inspect
from functools import cache
from typing import TYPE_CHECKING, Any

from overbar.ir.errors import LimitError, ParseError, ShapeError, UnsupportedError
from overbar.ir.graph import Node
from overbar.ir.ops.contract import contract
from overbar.ir.types import Dim
from overbar.read import arrays
from overbar.read.functions import nearest
from overbar.read.kinds import check_number, is_condition, mismatch
from overbar.read.labels import Affine, Labelled, labelled, union
from overbar.read.lexing import short
from overbar.read.operators import is_size, size_of
from overbar.read.syntax import kind_of, place

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lark import Token

    from overbar.read.functions import Function
    from overbar.read.machine import Machine
    from overbar.read.names import Names
    from overbar.read.steps import Step
    from overbar.read.syntax import Part

    Run = Callable[[Machine, Sequence[Any], Step], Any]

_LARGEST = 2**63 - 1
BY_ROWS = {
    "all", "any", "log_softmax", "logsumexp", "max", "mean", "min", "norm", "prod",
    "softmax", "std", "sum", "var",
}  # fmt: skip
"""Functions of one array and an axis, which work along indices too."""


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
    return tuple(values)


def listing(_machine: Machine, values: Sequence[Any], _step: Step) -> Any:
    """Return a list."""
    return list(values)


def slicing(given: Sequence[bool]) -> Run:
    """Return the step that makes a slice of those of its parts that are given."""

    def run(machine: Machine, values: Sequence[Any], step: Step) -> Any:
        found = iter(zip(values, step.operands, strict=True))
        return slice(*[_bound(machine, *next(found)) if g else None for g in (
            *given, *[False] * (3 - len(given)),
        )])  # fmt: skip

    return run


def _bound(machine: Machine, value: Any, part: Part) -> Any:
    """Return where a slice starts or ends."""
    bound = static(value)
    if isinstance(bound, int | Dim) and not isinstance(bound, bool):
        return bound
    span = machine.place(part)
    message = "expected an integer or a size, such as n - 1, in a slice, found"
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


# Functions ----------------------------------------------------------------------------


@cache
def _signature(name: str) -> inspect.Signature:
    whole = inspect.signature(arrays.FUNCTIONS[name])
    return whole.replace(parameters=list(whole.parameters.values())[1:])


def function(
    names: Names, name: Token, operands: Sequence[Part], scalar: Function | None
) -> Run | None:
    """Return the step of a call of a function over arrays.

    None where the elementwise function of that name is meant: `max(x, y)`, while
    `max(x)` and `max(x, axis=0)` reduce.
    """
    keywords = [str(p.children[0]) if kind_of(p) == "keyword" else "" for p in operands]  # type: ignore[union-attr]
    if str(name) not in arrays.FUNCTIONS:
        return None
    if scalar is not None and not any(keywords) and len(operands) >= scalar.least:
        return None
    if scalar is not None and not operands:
        return None
    _check_arguments(names, name, operands, keywords)

    def run(machine: Machine, values: Sequence[Any], step: Step) -> Any:
        return _called(machine, str(name), keywords, values, step, scalar)

    return run


def _check_arguments(
    names: Names, name: Token, operands: Sequence[Part], keywords: Sequence[str]
) -> None:
    """Refuse arguments that the function does not take."""
    known = list(_signature(str(name)).parameters)
    seen: set[str] = set()
    for part, keyword in zip(operands, keywords, strict=True):
        span = place(names.source, part)
        if seen and not keyword:
            message = "expected arguments by position before those by name"
            raise ParseError(f"{message}, found {short(span.text)} after them", span)
        if keyword in seen:
            message = f"expected the argument {keyword!r} once, found it again"
            raise ParseError(message, span)
        if keyword and keyword not in known[1:]:
            listed = ", ".join(known[1:]) or "no arguments by name"
            message = f"{name} expects {listed}, found {short(keyword)}"
            raise ParseError(message + nearest(keyword[:60], known[1:]), span)
        seen |= {keyword} - {""}
    positional = [None for keyword in keywords if not keyword]
    try:
        _signature(str(name)).bind(*positional, **dict.fromkeys(seen))
    except TypeError:
        message = f"{name} expects the arguments ({', '.join(known)}), found "
        count = len(operands)
        raise ParseError(
            f"{message}{count}", _whole_call(names, name, operands)
        ) from None


def _whole_call(names: Names, name: Token, operands: Sequence[Part]) -> Any:
    span = place(names.source, name)
    end = operands[-1].end_pos if operands else span.end
    return type(span)(span.source, span.start, end or span.end)


def _called(
    machine: Machine, name: str, keywords: Sequence[str], values: Sequence[Any],
    step: Step, scalar: Function | None,
) -> Any:  # fmt: skip
    for value, part in zip(values, step.operands, strict=True):
        if (
            isinstance(value, Node | Labelled)
            and is_condition(value)
            and (name not in _OF_CONDITIONS)
        ):
            raise mismatch(machine.source, part, value)
    first = values[0] if values else None
    if scalar is not None and not getattr(first, "type", None).shape:  # type: ignore[union-attr]
        try:
            scalar.check(1)
        except UnsupportedError as error:
            raise ParseError(error.message, machine.place(step.at)) from None
    args = [static(v) for v, k in zip(values, keywords, strict=True) if not k]
    options = {k: static(v) for v, k in zip(values, keywords, strict=True) if k}
    if any(isinstance(v, Labelled | Affine) for v in values):
        return _by_rows(machine, name, args, options, step)
    return arrays.FUNCTIONS[name](machine.graph, *args, **options)


_OF_CONDITIONS = {"all", "any", "where", "concatenate", "stack", "reshape", "select"}


def _by_rows(
    machine: Machine, name: str, args: list[Any], options: dict[str, Any], step: Step
) -> Any:
    """Return a function of one array of what runs along indices."""
    if name not in BY_ROWS or not isinstance(args[0], Labelled | Affine):
        message = f"expected whole arrays in {name}, found what runs along an index"
        raise UnsupportedError(message)
    value = labelled(machine.graph, args[0])
    ahead, rank = len(value.loops), len(value.rest)
    bound = _signature(name).bind(*args, **options)
    axis = bound.arguments.get("axis")
    axes = tuple(range(rank)) if axis is None else axis if (
        isinstance(axis, tuple)
    ) else (axis,)  # fmt: skip
    if not all(isinstance(a, int) and -rank <= a < rank for a in axes):
        shown = "no axes" if not rank else f"axes from 0 to {rank - 1}"
        found = short(machine.place(step.operands[0]).text)
        message = f"expected an axis of {found}, which has {shown}, found axis {axis}"
        raise ShapeError(message)
    bound.arguments["axis"] = tuple(ahead + a % rank for a in axes)
    bound.arguments[next(iter(bound.arguments))] = value.node
    node = arrays.FUNCTIONS[name](machine.graph, *bound.args, **bound.kwargs)
    return Labelled(node, value.loops)
