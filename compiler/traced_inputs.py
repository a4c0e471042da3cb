"""Make the inputs of a function that is traced, from the shapes that a user gave.

Comes in: the function's parameters and, by name or in order, shapes, inputs and dicts
of them. Goes out: an input, or a dict of inputs, for each argument.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from overbar.ir.errors import InputError
from overbar.read.expression import Expression, data, param
from overbar.read.operand import check_dtype, check_name, found
from overbar.read.payload import Declaration

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

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


def parameters_of(function: Callable[..., Any]) -> dict[str, inspect.Parameter] | None:
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


def make_inputs(
    title: str,
    inputs: Any,
    parameters: Mapping[str, inspect.Parameter] | None,
    chosen: set[str] | None,
) -> dict[str, Expression | DictInput]:
    """Return the input, or dict of inputs, of each argument of a function.

    inputs: as `overbar.tracing.trace` takes them; chosen: the names that are params,
    None for all that are real.
    """
    return _Inputs(chosen).all(_named(title, inputs, parameters))


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
