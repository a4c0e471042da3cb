"""Trace a Python function of NumPy code: call it once on formulas instead of arrays.

Comes in: the function, and the shapes of its arguments. Goes out: the formulas that it
returns by output name, its inputs, and the names of its local variables for the source.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from overbar.ir.errors import InputError
from overbar.read.expression import Expression
from overbar.read.operand import check_name, found
from overbar.read.overloading import lift
from overbar.traced_inputs import DictInput, make_inputs, parameters_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import CodeType, FrameType


@dataclass(frozen=True, slots=True)
class Traced:
    """Hold what a function returned for formulas.

    outputs: expressions by name; inputs: in the order of the call; variables: the
    function's local variables that are formulas, by name.
    """

    outputs: dict[str, Expression]
    inputs: list[Expression | DictInput]
    name: str
    doc: str
    variables: dict[str, Expression] = field(default_factory=dict)


def is_function(expr: Any) -> bool:
    """Whether an object is to be traced: callable, and no formula of any kind."""
    from overbar.read.symbolic import is_sympy

    return callable(expr) and not is_sympy(expr) and not isinstance(expr, Expression)


def trace(function: Callable[..., Any], inputs: Any = None, wrt: Any = None) -> Traced:
    """Call a function on formulas, and return what it computes.

    inputs: a dict by the arguments' names; each a shape, a pair of shape and dtype, an
    input made with `param` or `data`, or a dict of these for an argument that is a dict
    of arrays. A sequence gives names of scalars or inputs by position. None: every
    argument without a default is a scalar. wrt: names that are params; without it all
    are that are real.

    Raises InputError for arguments that are missing or unknown and for a result that
    is no formula; what the function itself raises goes through as it is.
    """
    function = getattr(function, "py_func", function)  # what Numba compiled
    title = getattr(function, "__name__", None) or type(function).__name__
    parameters = parameters_of(function)
    chosen = None if wrt is None else _chosen(wrt)
    entries = make_inputs(title, inputs, parameters, chosen)
    args, keywords = _arguments(parameters, entries)
    result, variables = _watched(function, args, keywords)
    taken = {e.name for entry in entries.values() for e in _each(entry)}
    variables = {name: e for name, e in variables.items() if name not in taken}
    outputs = _outputs(title, result, variables)
    doc = inspect.getdoc(function) if inspect.isfunction(function) else None
    return Traced(outputs, list(entries.values()), title, doc or "", variables)


def _each(entry: Expression | DictInput) -> list[Expression]:
    return [entry] if isinstance(entry, Expression) else [*entry.members.values()]


def _chosen(wrt: Any) -> set[str]:
    given = [wrt] if isinstance(wrt, str | Expression) else list(wrt)
    return {item if isinstance(item, str) else str(item.name) for item in given}


def _arguments(
    parameters: Mapping[str, inspect.Parameter] | None,
    entries: Mapping[str, Expression | DictInput],
) -> tuple[list[Any], dict[str, Any]]:
    """Return what the function is called with, by position and by name."""
    values = {
        name: dict(e.members) if isinstance(e, DictInput) else e
        for name, e in entries.items()
    }
    if parameters is None:
        return list(values.values()), {}
    args: list[Any] = []
    for name, p in parameters.items():
        if p.kind is p.POSITIONAL_ONLY and name in values:
            args.append(values.pop(name))
    return args, values


# Calling ------------------------------------------------------------------------------


def _watched(
    function: Callable[..., Any], args: Sequence[Any], keywords: Mapping[str, Any]
) -> tuple[Any, dict[str, Expression]]:
    """Call a function; return its result, and its local variables that are formulas.

    They are read as it returns, through Python's hook for profilers, where no profiler
    uses it: so that generated source has the names that the function's author chose.
    """
    code = _code(function)
    if code is None or sys.getprofile() is not None:
        return function(*args, **keywords), {}
    seen: dict[str, Any] = {}
    sys.setprofile(_watch(code, seen))
    try:
        result = function(*args, **keywords)
    finally:
        sys.setprofile(None)
    return result, {
        name: value
        for name, value in seen.items()
        if type(value) is Expression and _is_legal(name)
    }


def _code(function: Any) -> CodeType | None:
    """Return the code that runs, also of a method, an object, or what is wrapped."""
    plain = inspect.unwrap(getattr(function, "func", function))
    own = getattr(plain, "__code__", None)
    return own or getattr(type(plain).__call__, "__code__", None)


def _is_legal(name: str) -> bool:
    try:
        return name == check_name(name)
    except InputError:  # of code that no Python text has been
        return False


def _watch(code: CodeType, seen: dict[str, Any]) -> Callable[..., None]:
    def hook(frame: FrameType, event: str, _arg: object) -> None:
        if event == "return" and frame.f_code is code:
            seen.clear()  # the outermost call of a recursive function returns last
            seen.update(frame.f_locals)

    return hook


# Results ------------------------------------------------------------------------------


def _outputs(
    title: str, result: Any, variables: Mapping[str, Expression]
) -> dict[str, Expression]:
    """Return a result's formulas by output name: a key, a variable's name, or out0."""
    as_dict = getattr(result, "_asdict", None)
    if as_dict is not None:
        result = as_dict()
    if isinstance(result, Mapping):
        pairs = [(check_name(key), value) for key, value in result.items()]
    elif isinstance(result, tuple | list):
        pairs = [(f"out{i}", value) for i, value in enumerate(result)]
    else:
        pairs = [("out", result)]
    if not pairs:
        raise InputError(f"expected {title} to return a formula, found nothing")
    formulas = [(name, _formula(title, value)) for name, value in pairs]
    if isinstance(result, Mapping):
        return dict(formulas)
    own = {id(e): name for name, e in reversed(list(variables.items()))}
    outputs: dict[str, Expression] = {}
    for name, e in formulas:
        better = own.get(id(e), name)
        outputs[name if better in outputs else better] = e
    return outputs


def _formula(title: str, value: Any) -> Expression:
    if isinstance(value, str) or value is None or callable(value):
        message = f"expected {title} to return formulas, found {found(value)}"
        raise InputError(message)
    return lift(value)
