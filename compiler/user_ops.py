"""Add a user's own operation, which then takes part in everything.

Comes in: the value as a plain `def`, its partial derivatives as formulas. Goes out: a
row of the op table like any other, and the function that formulas call it by.
"""

from __future__ import annotations

import inspect
import keyword
from contextlib import suppress
from functools import cached_property
from types import FunctionType
from typing import TYPE_CHECKING, Any

import numpy as np

from overbar.codegen import allowlist, module
from overbar.codegen.load import load_plain
from overbar.codegen.machine.sources import parsed
from overbar.codegen.names import is_reserved
from overbar.ir.errors import InputError, OverbarError, UnsupportedError
from overbar.ir.graph import Graph
from overbar.ir.node import is_condition
from overbar.ir.ops import OPS, Op
from overbar.ir.ops.row import REAL, Notation, call, vectorised
from overbar.read.build import build
from overbar.read.expression import math_function, param
from overbar.read.functions import function, names
from overbar.read.overloading import lift

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from overbar.ir.graph import Node
    from overbar.read.expression import Expression

_BUILT_IN = frozenset(OPS)
_FAILURES = (TypeError, ValueError, LookupError, AttributeError, ArithmeticError)
"""What a value function may raise that is none of numbers."""


def op(
    name: str,
    value: Callable[..., float],
    partials: Callable[..., Any] | Sequence[Callable[..., Any] | None],
    *,
    high_precision: Callable[..., Any] | None = None,
    kink: str | None = None,
    singular: bool = False,
) -> Callable[..., Expression]:
    """Add an operation with its local derivatives, and return the function to call.

    >>> import overbar as ob
    >>> def cube(x):
    ...     return x * x * x
    >>> cubed = ob.op("cube", cube, lambda x: 3 * x**2)
    >>> ob.compile("cube(x)").grad(2.0)
    (x=12.0)

    name: how formulas call it, in Python, in expression files, as a SymPy function and
        in generated source.
    value: a plain `def` of numbers whose text can be read (it is printed into generated
        modules): it may use `math` and `np` and nothing else of its surroundings.
    partials: one function an argument, of the same arguments, that returns the partial
        derivative as an expression, built with operators and `ob.exp`, ...; None where
        it is zero. One function may stand for a list of one.
    high_precision: the value in mpmath, `(context, *args)`, for `f.check` and
        `f.accuracy`; by default `value` itself, run on mpmath numbers.
    kink: where the derivative is chosen by convention, such as "{0} = 0".
    singular: a partial may be infinite where the value is finite.

    An operation of this name that was added before is replaced; functions compiled
    before keep the old one. Pickles of functions that use the operation need it added
    before they are loaded. Raises InputError for a name that is taken, for a `value`
    that cannot be printed and for partials that are no formulas.
    """
    _check_name(name)
    value = getattr(value, "py_func", value)  # what Numba compiled, as it was written
    arguments = _arguments(name, value)
    rules = _rules(name, arguments, partials)
    own = _Value(name, value)
    own.check(len(arguments))
    row = Op(
        name=name, arity=len(arguments), numpy=vectorised(own.plainly),
        helper=value, mp=high_precision or own.exactly, parsed=True,
        partials=tuple(rules), python=call(name), text=call(name), kink=kink,
        latex=Notation(rf"\operatorname{{{{{_tex(name)}}}}}\left({{args}}\right)"),
        domain=(REAL,) * len(arguments), singular=singular, cost=10,
    )  # fmt: skip
    old = OPS.get(name)
    OPS[name] = row  # at once: a partial may be made of the operation itself
    try:
        for rule in rules:
            if rule is not None:
                rule.check()
    except BaseException:
        del OPS[name]
        OPS.update({} if old is None else {name: old})
        raise
    return math_function(name)


def _tex(name: str) -> str:
    return name.replace("_", r"\_")


def _check_name(name: object) -> None:
    if (
        not isinstance(name, str)
        or not (name.isidentifier() and name.isascii())
        or name.startswith("_")
        or keyword.iskeyword(name)
    ):
        message = f"expected a plain name for an operation, found {name!r}"
        raise InputError(message)
    new = name not in OPS
    if name in _BUILT_IN or (new and (name in names() or is_reserved(name))):
        message = f"expected a name that is not taken, found {name!r}"
        raise InputError(message)


def _arguments(name: str, value: Any) -> list[str]:
    """Return the names of a value function's arguments, if it can be printed."""
    expected = f"expected a function defined as `def {name}(x, ...)`"
    if not inspect.isfunction(value) or value.__name__ != name:
        found = value.__name__ if inspect.isfunction(value) else type(value).__name__
        message = f"{expected}, found {found}"
        raise InputError(message)
    parameters = inspect.signature(value).parameters.values()
    plain = inspect.Parameter.POSITIONAL_OR_KEYWORD
    if not parameters or any(
        p.kind is not plain or p.default is not p.empty for p in parameters
    ):
        message = f"{expected}, found {name}{inspect.signature(value)}"
        raise InputError(message)
    try:
        allowlist.check(module.helper_module(value))
    except OSError:
        message = f"expected {name!r} to have source text that can be read, found none"
        raise InputError(message) from None
    except OverbarError as error:
        found = error.message.rpartition("found ")[2].rpartition(" (line")[0]
        message = f"expected {name!r} to use math and np alone, found {found}"
        raise InputError(message) from None
    with suppress(UnsupportedError):
        parsed(value)  # machine code is made of its text as it is now
    return [p.name for p in parameters]


class _Value:
    """Run an operation's value by other means than the generated module does."""

    def __init__(self, name: str, value: Any) -> None:
        self.name = name
        self.value = value

    @cached_property
    def _plain(self) -> Any:
        text = module.helper_module(self.value)
        return getattr(load_plain(text, self.name), self.name)

    def check(self, count: int) -> None:
        """Raise InputError unless the value of numbers is a number."""
        try:
            with np.errstate(all="ignore"):
                found = self.plainly(*[0.5] * count)
        except _FAILURES as error:
            message = f"expected {self.name!r} to take numbers, found: {error}"
            raise InputError(message) from None
        if not isinstance(found, float | int | np.generic):
            kind = type(found).__name__
            message = f"expected {self.name!r} to return a number, found {kind}"
            raise InputError(message)

    def plainly(self, *args: Any) -> Any:
        """Return the value by IEEE rules, to the bit what compiled code gives."""
        return self._plain(*map(np.float64, args))

    def exactly(self, context: Any, *args: Any) -> Any:
        """Return the value in high precision: `math` and `np` stand for mpmath."""
        exact = _Exact(context)
        space = {"math": exact, "np": exact, "float": _same, self.name: self.value}
        return FunctionType(self.value.__code__, space)(*args)


class _Exact:
    """Stand in for `math` and `np` with the op table's forms for high precision."""

    def __init__(self, context: Any) -> None:
        self._context = context

    def __getattr__(self, name: str) -> Any:
        if name in {"pi", "e", "inf", "nan"}:
            return +getattr(self._context, name)
        if name == "float64":
            return _same
        known = function(name)
        row = OPS.get(known.name) if known is not None else None
        if row is None or row.mp is None:
            raise NotImplementedError(name)
        return lambda *args: row.mp(self._context, *args)


def _same(number: Any) -> Any:
    return number


def _rules(name: str, arguments: Sequence[str], partials: Any) -> list[_Rule | None]:
    if callable(partials):
        partials = [partials]
    if not isinstance(partials, list | tuple) or not all(
        rule is None or callable(rule) for rule in partials
    ):
        message = (
            f"expected partials of {name!r} as functions, one for each of "
            f"{', '.join(arguments)}, found {type(partials).__name__}"
        )
        raise InputError(message)
    if len(partials) != len(arguments):
        message = (
            f"expected {len(arguments)} partials of {name!r} "
            f"({', '.join(arguments)}), found {len(partials)}"
        )
        raise InputError(message)
    return [
        None if rule is None else _Rule(f"{name!r} in {argument}", arguments, rule)
        for argument, rule in zip(arguments, partials, strict=True)
    ]


class _Rule:
    """Be a row's partial, made from a function over expressions."""

    def __init__(
        self, what: str, arguments: Sequence[str], rule: Callable[..., Any]
    ) -> None:
        self.what = what
        self.arguments = arguments
        self.rule = rule

    @cached_property
    def _formula(self) -> Expression:
        return lift(self.rule(*map(param, self.arguments)))

    def check(self) -> None:
        """Raise InputError unless the partial is a formula of the arguments."""
        graph = Graph()
        try:
            given = {a: graph.input(a) for a in self.arguments}
            if is_condition(build(self._formula, graph, given)):
                message = f"expected a number, found the condition {self._formula!r}"
                raise InputError(message)
        except OverbarError as error:
            message = f"expected a partial of {self.what}; {error.message}"
            raise InputError(message) from None
        except TypeError as error:
            message = f"expected a partial of {self.what} to be a function of "
            message += f"{', '.join(self.arguments)}, found: {error}"
            raise InputError(message) from None

    def __call__(self, out: Node, *args: Node) -> Node:
        """Return the partial's node at the operands' nodes."""
        return build(
            self._formula, out.graph, dict(zip(self.arguments, args, strict=True))
        )
