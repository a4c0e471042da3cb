"""Make the inputs, names and functions of formulas that are written in Python.

Comes in: names. Goes out: expressions, and the functions `ob.exp`, `ob.where`, ...
"""

from __future__ import annotations

from functools import cache
from itertools import count
from typing import TYPE_CHECKING

from overbar.ir.errors import UnsupportedError
from overbar.ir.ops import OPS
from overbar.read.calls import resolve
from overbar.read.functions import function, names, nearest
from overbar.read.operand import NO_ARRAYS, check_default, check_dtype, check_name
from overbar.read.overloading import Declaration, Expression, Label, applied, lift

if TYPE_CHECKING:
    from collections.abc import Callable

    from overbar.read.overloading import Operand

__all__ = ["Expression", "data", "let", "math_function", "namespace", "param"]

_serial = count()


def param(
    name: str,
    shape: tuple[()] = (),
    *,
    dtype: object = "float64",
    default: float | None = None,
) -> Expression:
    """Return an input that is differentiated by default.

    name: an identifier. shape: `()`, arrays are not built yet. dtype: "float64" or
    "float32". default: the value where a call leaves the input out.

    Raises InputError for what is no name, dtype or default, UnsupportedError for a
    shape.

    >>> k = param("k", default=0.5)
    >>> k * data("t")
    k*t
    """
    return _declared(name, "param", shape, dtype, default)


def data(
    name: str,
    shape: tuple[()] = (),
    *,
    dtype: object = "float64",
    default: float | None = None,
) -> Expression:
    """Return an input that is not differentiated by default.

    As `param`, with the dtypes "int64" and "bool" too.

    >>> n = data("n", dtype="int64", default=3)
    >>> n % 2 == 1
    n % 2 == 1
    """
    return _declared(name, "data", shape, dtype, default)


def _declared(
    name: object, role: str, shape: object, dtype: object, default: object
) -> Expression:
    name = check_name(name)
    if not isinstance(shape, tuple) or shape:
        raise UnsupportedError(f"{NO_ARRAYS}: {name!r} has the shape {shape!r}")
    kind = check_dtype(name, role, dtype)
    value = check_default(name, kind, default)
    return Expression(OPS["input"], (), Declaration(name, role, kind, value))


def let(name: str, expr: Operand) -> Expression:
    """Return the same value with a name, which generated source will use for it.

    Each name stands for one value of a formula, and for no input.

    Raises InputError for what is no name.

    >>> x = param("x")
    >>> z = let("z", x * x + 1)
    >>> z**2
    z**2
    """
    return Expression(
        OPS["copy"], (lift(expr),), Label(check_name(name), next(_serial))
    )


@cache
def math_function(name: str) -> Callable[..., Expression]:
    """Return `ob.NAME`: a function of the expression language, for Python formulas.

    Raises AttributeError for an unknown name, as a module does.

    >>> math_function("exp")(param("x"))
    exp(x)
    """
    if function(name) is None:
        advice = nearest(name, names())
        raise AttributeError(f"module 'overbar' has no attribute {name!r}{advice}")

    def call(*args: Operand) -> Expression:
        return applied(resolve(name, len(args)), args)

    call.__name__ = call.__qualname__ = name
    call.__module__ = "overbar"
    call.__doc__ = f"Return the formula of `{name}` applied to formulas or numbers."
    return call


def namespace() -> dict[str, Callable[..., Expression]]:
    """Return all of these functions by name."""
    return {name: math_function(name) for name in names()}
