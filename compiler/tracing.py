"""Trace a Python function of NumPy code: call it once on formulas instead of arrays.

Comes in: the function, and the shapes of its arguments. Goes out: the formulas that it
returns by output name, its inputs, and the names of its local variables for the source.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from overbar.ir.errors import InputError
from overbar.read.expression import Expression, data, param
from overbar.read.operand import check_dtype, check_name, found
from overbar.read.overloading import lift
from overbar.read.payload import Declaration

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import CodeType, FrameType

FLOATS = ("float64", "float32")


@dataclass(frozen=True, slots=True)
class DictInput:
    """Stand for an argument that is a dict of inputs, by key."""

    name: str
    members: dict[str, Expression]

    def __iter__(self) -> Iterator[Expression]:
        return iter(self.members.values())

    def __len__(self) -> int:
        return len(self.members)


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
    title = _title(function)
    parameters = _parameters(function)
    chosen = None if wrt is None else _chosen(wrt)
    named = _named(title, inputs, parameters)
    entries = _Inputs(chosen).all(named)
    args, keywords = _arguments(parameters, entries)
    result, variables = _watched(function, args, keywords)
    taken = {e.name for entry in entries.values() for e in _each(entry)}
    variables = {name: e for name, e in variables.items() if name not in taken}
    outputs = _outputs(title, result, variables)
    doc = inspect.getdoc(function) if inspect.isfunction(function) else None
    return Traced(outputs, list(entries.values()), title, doc or "", variables)


def _title(function: Callable[..., Any]) -> str:
    return getattr(function, "__name__", None) or type(function).__name__


def _each(entry: Expression | DictInput) -> list[Expression]:
    return [entry] if isinstance(entry, Expression) else [*entry.members.values()]


def _chosen(wrt: Any) -> set[str]:
    given = [wrt] if isinstance(wrt, str | Expression) else list(wrt)
    return {item if isinstance(item, str) else str(item.name) for item in given}


# Inputs -------------------------------------------------------------------------------


def _parameters(function: Callable[..., Any]) -> dict[str, inspect.Parameter] | None:
    """Return a function's parameters by name, None for one that does not tell."""
    try:
        return dict(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        return None


def _named(
    title: str, inputs: Any, parameters: Mapping[str, inspect.Parameter] | None
) -> dict[str, Any]:
    """Return what is said of each argument, by its name."""
    required = [
        name
        for name, p in (parameters or {}).items()
        if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
    ]
    if inputs is None:
        if parameters is None:
            message = f"expected inputs= with the arguments of {title}, found none"
            raise InputError(message)
        return dict.fromkeys(required, ())
    if isinstance(inputs, Mapping):
        given = dict(inputs)
    else:
        given = _by_position(inputs, required)
    missing = [name for name in required if name not in given]
    known = parameters or given
    takes_any = any(p.kind is p.VAR_KEYWORD for p in (parameters or {}).values())
    unknown = [n for n in given if n not in known and not takes_any]
    if missing or unknown:
        wrong = f"found none for {', '.join(missing)}" if missing else (
            f"found {', '.join(map(str, unknown))}"
        )  # fmt: skip
        message = f"expected inputs for the arguments {', '.join(required)} of {title}"
        raise InputError(f"{message}, {wrong}")
    return given


def _by_position(inputs: Any, required: Sequence[str]) -> dict[str, Any]:
    if isinstance(inputs, str) or not isinstance(inputs, Sequence):
        message = "expected inputs as a dict of shapes or a sequence of inputs, found "
        raise InputError(f"{message}{found(inputs)}")
    given: dict[str, Any] = {}
    for i, entry in enumerate(inputs):
        by_name = isinstance(entry, str)
        name = entry if by_name or i >= len(required) else required[i]
        given[str(name)] = () if by_name else _Placed(entry)
    return given


class _Placed:
    """Mark an input that may have another name than the argument it is given for."""

    def __init__(self, entry: Any) -> None:
        self.entry = entry


class _Inputs:
    """Make the inputs of a function."""

    def __init__(self, chosen: set[str] | None) -> None:
        self.chosen = chosen
        self.taken: set[str] = set()

    def all(self, given: Mapping[str, Any]) -> dict[str, Expression | DictInput]:
        """Return the input, or dict of inputs, of each argument."""
        plain = [n for n, spec in given.items() if not isinstance(spec, Mapping)]
        self.taken |= set(plain)
        return {
            name: self._dict(name, spec) if isinstance(spec, Mapping)
            else self._one(name, name, spec)
            for name, spec in given.items()
        }  # fmt: skip

    def _dict(self, name: str, spec: Mapping[Any, Any]) -> DictInput:
        members: dict[str, Expression] = {}
        for key, value in spec.items():
            if not isinstance(key, str):
                message = f"expected names as keys of {name!r}, found {found(key)}"
                raise InputError(message)
            own = key
            while own in self.taken:
                own = f"{name}_{own}"
            self.taken.add(own)
            members[key] = self._one(own, name, value)
        return DictInput(check_name(name), members)

    def _one(self, name: str, argument: str, spec: Any) -> Expression:
        """Return the input of a name, made as `spec` says."""
        if isinstance(spec, _Placed):
            spec = spec.entry
        elif isinstance(spec, Expression) and spec.name != name:
            message = f"expected an input named {name!r}, found {spec!r}"
            raise InputError(message)
        if isinstance(spec, Expression):
            if not isinstance(spec.payload, Declaration):
                message = f"expected an input for {name!r}, found the formula {spec!r}"
                raise InputError(message)
            return spec
        shape, dtype = spec, "float64"
        if _is_pair(spec):
            shape, dtype = spec
        if isinstance(shape, np.ndarray):
            message = f"expected a shape for {name!r}, such as ('n',), found an array"
            raise InputError(message)
        real = check_dtype(name, "data", dtype) in FLOATS
        picked = self.chosen is None or bool({name, argument} & self.chosen)
        declare = param if picked and real else data
        return declare(name, shape, dtype=dtype)


def _is_pair(spec: Any) -> bool:
    """Whether an input is given as its shape and its dtype."""
    if not isinstance(spec, tuple | list) or len(spec) != 2:
        return False
    return isinstance(spec[0], tuple | list)


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
    code = getattr(function, "__code__", None)
    if code is None or sys.getprofile() is not None:
        return function(*args, **keywords), {}
    seen: dict[str, Any] = {}
    sys.setprofile(_watch(code, seen))
    try:
        result = function(*args, **keywords)
    finally:
        sys.setprofile(None)
    return result, {
        name: value for name, value in seen.items() if type(value) is Expression
    }


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
