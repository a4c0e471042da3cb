"""Add a user's own operation, which then takes part in everything."""

from __future__ import annotations

import inspect
import keyword
from typing import TYPE_CHECKING, Any

from overbar.ir.errors import InputError, OverbarError, UnsupportedError
from overbar.ir.ops import OPS, Op
from overbar.ir.ops.row import REAL, Notation, call, vectorised
from overbar.read.functions import names

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from overbar.ir.graph import Node
    from overbar.read.expression import Expression

_BUILT_IN = frozenset(OPS)


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
    >>> cubed = ob.op("cube", cube, lambda x: 3 * x**2)  # doctest: +SKIP
    >>> ob.compile("cube(x)").grad(2.0)  # doctest: +SKIP
    (x=12.0,)

    name: how formulas call it, in Python, in expression files and in generated source.
    value: a plain `def` of numbers whose text can be read (it is printed into generated
        modules): it may use `math` and `np` and nothing else of its surroundings.
    partials: one function an argument, of the same arguments, that returns the partial
        derivative as an expression, built with operators and `ob.exp`, ...; None where
        it is zero. One function may stand for a list of one.
    high_precision: the value in mpmath, `(context, *args)`, for `f.check` and
        `f.accuracy`; by default `value` itself, run on mpmath numbers.
    kink: where the derivative is chosen by convention, such as "{0} = 0".
    singular: a partial may be infinite where the value is finite.

    Raises InputError for a name that is taken and for a `value` that cannot be printed.
    Pickles of functions that use the operation need it added before they are loaded.
    """
    _check_name(name)
    arity = _check_value(name, value)
    rules = [partials] if callable(partials) else list(partials)
    if len(rules) != arity:
        message = f"expected {arity} partials for {name!r}, found {len(rules)}"
        raise InputError(message)
    row = Op(
        name=name, arity=arity, numpy=vectorised(value), helper=value,  # type: ignore[arg-type]
        mp=high_precision or (lambda _context, *args: value(*args)), parsed=True,
        partials=tuple(None if r is None else _partial(name, r) for r in rules),
        python=call(value.__name__), text=call(name), kink=kink, singular=singular,
        latex=Notation(rf"\operatorname{{{{{name}}}}}" + r"\left({args}\right)"),
        domain=(REAL,) * arity, cost=10,
    )  # fmt: skip
    OPS[name] = row
    from overbar.read.expression import math_function  # noqa: PLC0415 - see the table

    return math_function(name)


def _check_name(name: str) -> None:
    if not name.isidentifier() or not name.isascii() or keyword.iskeyword(name):
        message = f"expected a plain name for an operation, found {name!r}"
        raise InputError(message)
    if name.startswith("_") or name in _BUILT_IN or (
        name in names() and name not in OPS
    ):  # fmt: skip
        message = f"expected a name that is not taken, found {name!r}"
        raise InputError(message)


def _check_value(name: str, value: Any) -> int:
    """Return how many arguments a value function takes, if it can be printed."""
    from overbar.codegen import allowlist, module  # noqa: PLC0415 - only needed here

    if not inspect.isfunction(value) or value.__name__ != name:
        found = getattr(value, "__name__", type(value).__name__)
        message = f"expected a function defined as `def {name}(...)`, found {found}"
        raise InputError(message)
    try:
        allowlist.check(module.helper_module(value))
    except OSError:
        message = f"expected {name!r} to have source text that can be read, found none"
        raise InputError(message) from None
    except OverbarError as error:
        message = f"expected {name!r} to use math and np alone; {error.message}"
        raise InputError(message) from None
    return len(inspect.signature(value).parameters)


def _partial(name: str, rule: Callable[..., Any]) -> Callable[..., Node]:
    """Return a row's partial from a function over expressions."""

    def partial(out: Node, *args: Node) -> Node:
        from overbar.read.build import build  # noqa: PLC0415 - loaded on demand
        from overbar.read.expression import param  # noqa: PLC0415

        places = {f"x{i}": node for i, node in enumerate(args)}
        given = [param(place) for place in places]
        try:
            result = rule(*given)
        except OverbarError as error:
            message = f"expected a partial of {name!r}; {error.message}"
            raise UnsupportedError(message) from None
        return build(result, out.graph, places)

    return partial
