"""Call functions over arrays: `sum(x, axis=1)`, `einsum("ij,j->i", W, x)`.

The functions themselves are those of `overbar.read.arrays`, NumPy's by name, and their
parameters say what is an array and what is a number, a size or a tuple of these. Of
what runs along indices, a row `X[i]`, the reductions see one row alone.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from overbar.ir.errors import LimitError, ParseError, ShapeError, UnsupportedError
from overbar.ir.graph import Node
from overbar.read import arrays
from overbar.read.kinds import NUMBERS, check_number, is_condition
from overbar.read.labels import Affine, Labelled, labelled
from overbar.read.lexing import short
from overbar.read.suggestions import suggest
from overbar.read.syntax import Phrase
from overbar.read.whole import static

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from lark import Token

    from overbar.read.arrays import Parameter
    from overbar.read.functions import Function
    from overbar.read.machine import Machine
    from overbar.read.names import Names
    from overbar.read.steps import Step
    from overbar.read.syntax import Part

    Run = Callable[[Machine, Sequence[Any], Step], Any]

_MOST = 1000
_MISUSED = (AttributeError, LookupError, OverflowError, TypeError, ValueError)
_TEXT = "subscripts"
_TEXTS = {"dtype", "mode", "ord", "trans", _TEXT}
_COUNTS = {("diff", "n"), ("split", "indices_or_sections")}
_EMPTY = inspect.Parameter.empty
_ALONG_ONE = {"argmax", "argmin", "cumsum", "log_softmax", "norm", "softmax"}
BY_ROWS = _ALONG_ONE | {
    "all", "any", "logsumexp", "max", "mean", "min", "prod", "std", "sum", "var",
}  # fmt: skip
"""Functions of one array and an axis, which work along indices too."""


def function(
    names: Names, name: Token, operands: Sequence[Part], scalar: Function | None
) -> Run | None:
    """Return the step of a call of a function over arrays.

    None where the elementwise function of that name is meant: `max(x, y)`, while
    `max(x)` and `max(x, axis=0)` reduce.
    """
    keywords = [_keyword(part) for part in operands]
    if str(name) not in arrays.FUNCTIONS:
        return None
    enough = scalar is not None and len(operands) >= scalar.least
    if scalar is not None and not any(keywords) and (enough or not operands):
        return None
    bound = _bound_to(names, name, operands, keywords)

    def run(machine: Machine, values: Sequence[Any], step: Step) -> Any:
        given = [
            _argument(
                machine, str(name), value, part, arrays.FUNCTIONS[name].parameters[p]
            )
            for value, part, p in zip(values, step.operands, bound, strict=True)
        ]
        if scalar is not None and not any(_is_array(v) for v in given):
            raise ParseError(_too_few(scalar), machine.place(step.at))
        args = [v for v, k in zip(given, keywords, strict=True) if not k]
        options = {k: v for v, k in zip(given, keywords, strict=True) if k}
        if any(isinstance(v, Labelled | Affine) for v in _flat(given)):
            return _by_rows(machine, str(name), args, options, step)
        return _applied(machine, str(name), args, options)

    return run


def _keyword(part: Part) -> str:
    if isinstance(part, Phrase) and part.rule == "keyword":
        return str(part.children[0])
    return ""


def _value_of(part: Part) -> Part:
    if isinstance(part, Phrase) and part.rule == "keyword":
        return part.children[2]  # type: ignore[no-any-return]
    return part


def _too_few(scalar: Function) -> str:
    try:
        scalar.check(1)
    except UnsupportedError as error:
        return error.message
    return f"{scalar.name} expects an array"


def _is_array(value: Any) -> bool:
    return isinstance(value, Node | Labelled) and bool(value.type.shape)


def _flat(values: Sequence[Any]) -> list[Any]:
    """Return arguments, those of a sequence by themselves."""
    return [
        v for value in values
        for v in (value if type(value) in {tuple, list} else (value,))
    ]  # fmt: skip


def _bound_to(
    names: Names, name: Token, operands: Sequence[Part], keywords: Sequence[str]
) -> list[str]:
    """Return which parameter each argument is for; refuse what is none.

    A function's last positional parameter may take all arguments that are left.
    """
    parameters = arrays.FUNCTIONS[name].parameters
    places = [p for p in parameters.values() if p.positional]
    found: list[str] = []
    for k, (part, keyword) in enumerate(zip(operands, keywords, strict=True)):
        span = names.place(part)
        if keyword:
            if keyword not in parameters:
                takes = ", ".join(parameters)
                message = f"{name} takes no argument {short(keyword)}, only {takes}"
                raise ParseError(message + suggest(keyword, parameters), span)
        elif any(keywords[:k]):
            message = "expected arguments by position before those by name"
            raise ParseError(f"{message}, found {short(span.text)} after them", span)
        elif k < len(places) or (places and places[-1].rest):
            keyword = places[min(k, len(places) - 1)].name  # noqa: PLW2901
        else:
            plural = "s" * (len(places) != 1)
            message = f"{name} takes at most {len(places)} argument{plural} by position"
            raise ParseError(f"{message}, found {len(operands)}", span)
        if keyword in found and not parameters[keyword].rest:
            message = f"{name} takes {short(keyword)} once, found it again"
            raise ParseError(message, span)
        found.append(keyword)
    for p in parameters.values():
        if p.default is _EMPTY and not p.rest and p.name not in found:
            message = f"{name} expects an argument {short(p.name)}, found none"
            raise ParseError(message, names.place(name))
    return found


def _argument(machine: Machine, name: str, value: Any, part: Part, p: Parameter) -> Any:
    """Return a value as a parameter takes it; refuse one of another kind."""
    if p.kind == "static" or isinstance(value, str) or value is None:
        return _static_argument(machine, name, value, part, p)
    if p.kind == "arrays" and not p.rest:
        if type(value) not in {tuple, list}:
            span = machine.place(part)
            message = (
                f"expected a tuple of arrays as {p.name}, found {short(span.text)}"
            )
            raise ShapeError(message, span)
        for v in value:
            check_number(machine.source, part, v)
        return value
    check_number(machine.source, part, value)
    return value


def _static_argument(
    machine: Machine, name: str, value: Any, part: Part, p: Parameter
) -> Any:
    """Return an integer, a size, a string or a tuple of these."""
    found = static(value)
    wanted = ""
    if p.name == _TEXT and not isinstance(found, str):
        wanted = "a string"
    elif isinstance(found, str) and p.name not in _TEXTS:
        wanted = "a number"
    elif p.kind != "static":
        wanted = "an array"
    elif any(isinstance(v, NUMBERS) for v in _leaves(found)):
        wanted = "a number that does not depend on inputs"
    if wanted:
        span = machine.place(_value_of(part))
        message = f"expected {wanted} as {p.name}, found {short(span.text)}"
        raise ShapeError(message, span)
    _check_count(machine, name, found, part, p)
    return found


def _check_count(
    machine: Machine, name: str, value: Any, part: Part, p: Parameter
) -> None:
    """Refuse more repetitions than one writes, and longer tuples and strings."""
    count = 0
    if isinstance(value, str) or type(value) in {tuple, list}:
        count = len(value)
    elif (name, p.name) in _COUNTS and isinstance(value, int):
        count = value
    if count > _MOST:
        message = f"expected at most {_MOST} as {p.name}, found {count}"
        raise LimitError(message, machine.place(_value_of(part)))


def _leaves(value: Any) -> list[Any]:
    """Return what stands in sequences in each other."""
    stack, found = [value], []
    while stack:
        v = stack.pop()
        if type(v) in {tuple, list}:
            stack += v
        else:
            found.append(v)
    return found


def _applied(
    machine: Machine, name: str, args: Sequence[Any], options: Mapping[str, Any]
) -> Any:
    """Return what a function gives."""
    function = arrays.FUNCTIONS[name]
    conditions = any(
        isinstance(v, Node) and is_condition(v)
        for v in _flat([*args, *options.values()])
    )
    if conditions and name not in _OF_CONDITIONS:
        message = f"{name} expects numbers, found a condition; "
        raise ShapeError(message + "where(condition, 1, 0) makes a number of it")
    try:
        return function(machine.graph, *args, **options)
    except _MISUSED as error:
        message = f"{name} does not take these arguments: {str(error)[:200]}"
        raise ShapeError(message) from None


_OF_CONDITIONS = {
    "all", "any", "broadcast_to", "compress", "concat", "concatenate", "count_nonzero",
    "expand_dims", "extract", "flatnonzero", "flip", "nonzero", "ravel", "reshape",
    "squeeze", "stack", "transpose", "where",
}  # fmt: skip
"""Functions that take conditions as they take numbers."""


def _by_rows(
    machine: Machine, name: str, args: list[Any], options: dict[str, Any], step: Step
) -> Any:
    """Return a function of one array of what runs along indices."""
    bound = arrays.FUNCTIONS[name].bind(*args, **options)
    first, *others = bound.values()
    if name not in BY_ROWS or any(isinstance(v, NUMBERS) for v in _flat(others)):
        message = f"expected whole arrays in {name}, found what runs along an index"
        raise UnsupportedError(message)
    value = labelled(machine.graph, first)
    ahead, rank = len(value.loops), len(value.rest)
    axis = bound["axis"]
    axes = tuple(range(rank)) if axis is None else axis if (
        type(axis) is tuple
    ) else (axis,)  # fmt: skip
    if not all(isinstance(a, int) and -rank <= a < rank for a in axes):
        shown = "no axes" if not rank else f"axes from 0 to {rank - 1}"
        found = short(machine.place(step.operands[0]).text)
        message = f"expected an axis of {found}, which has {shown}, found axis {axis}"
        raise ShapeError(message)
    bound["axis"] = tuple(ahead + a % rank for a in axes)
    if name in _ALONG_ONE and len(axes) == 1:
        bound["axis"] = bound["axis"][0]
    del bound[next(iter(bound))]
    node = _applied(machine, name, [value.node], bound)
    return Labelled(node, value.loops)
