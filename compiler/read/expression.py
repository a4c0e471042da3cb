"""Make the inputs, names and functions of formulas that are written in Python.

Comes in: names. Goes out: expressions, and the functions `ob.exp`, `ob.where`, ...
"""

from __future__ import annotations

from functools import cache
from inspect import Signature, signature
from itertools import count
from typing import TYPE_CHECKING, Any, TypeAlias

from overbar.ir.ops import OPS
from overbar.ir.types import dim as named_dim
from overbar.read.applying import named
from overbar.read.array_call import TABLE
from overbar.read.extents import check_shape
from overbar.read.functions import function, names, nearest
from overbar.read.operand import check_default, check_dtype, check_name
from overbar.read.overloading import Expression, lift, size
from overbar.read.payload import Declaration, Label

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from overbar.read.overloading import Operand

    Shape: TypeAlias = "Sequence[int | str | Expression] | int | str | Expression"

__all__ = ["Expression", "data", "dim", "let", "math_function", "namespace", "param"]

_serial = count()


def param(
    name: str,
    shape: Shape = (),
    *,
    dtype: object = "float64",
    default: float | None = None,
) -> Expression:
    """Return an input that is differentiated by default.

    name: an identifier. shape: of an array: integers, names of sizes that are known
    when called, and sizes such as `ob.dim("n") - 1`. dtype: "float64" or "float32".
    default: the value where a call leaves the input out; one number fills an array.

    Raises InputError for what is no name, shape, dtype or default.

    >>> k = param("k", default=0.5)
    >>> k * data("t")
    k*t
    >>> (param("W", ("m", "n")) @ data("x", ("n",))).shape
    (m,)
    """
    return _declared(name, "param", shape, dtype, default)


def data(
    name: str,
    shape: Shape = (),
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
    extents = check_shape(shape, f"{role} {name!r}")
    kind = check_dtype(name, role, dtype)
    value = check_default(name, kind, default)
    declaration = Declaration(name, role, kind, value, extents)
    return Expression(OPS["input"], (), declaration, extents)


def dim(name: str) -> Expression:
    """Return a size that is known only when called, by its name.

    It is a formula, for shapes and for formulas; some input must have an axis of it.

    Raises InputError for what is no name.

    >>> n = dim("n")
    >>> data("x", (n,))[1:].shape, (2 * n + 1) / 2
    ((n - 1,), (2*n + 1)/2)
    """
    return size(named_dim(check_name(name)))


def let(name: str, expr: Operand) -> Expression:
    """Return the same value with a name, which generated source will use for it.

    Each name stands for one value of a formula, and for no input.

    Raises InputError for what is no name.

    >>> x = param("x")
    >>> z = let("z", x * x + 1)
    >>> z**2
    z**2
    """
    value = lift(expr)
    label = Label(check_name(name), next(_serial))
    return Expression(OPS["copy"], (value,), label, value.extents)


@cache
def math_function(name: str) -> Callable[..., Expression]:
    """Return `ob.NAME`: a function of the expression language, for Python formulas.

    Raises AttributeError for an unknown name, as a module does.

    >>> math_function("exp")(param("x"))
    exp(x)
    """
    if function(name) is None and name not in TABLE:
        advice = nearest(name, known())
        raise AttributeError(f"module 'overbar' has no attribute {name!r}{advice}")

    def call(*args: Operand, **options: Any) -> Any:
        return named(name, args, options)

    if function(name) is None:
        call.__signature__ = _signature(name)  # type: ignore[attr-defined]
    call.__name__ = call.__qualname__ = name
    call.__module__ = "overbar"
    call.__doc__ = f"Return the formula of `{name}` applied to formulas or numbers."
    return call


def _signature(name: str) -> Signature:
    """Return what a function on whole arrays takes, as `help` shows it."""
    own = list(signature(TABLE[name]).parameters.values())[1:]
    return Signature([p.replace(annotation=p.empty) for p in own])


def known() -> list[str]:
    """Return the names of all functions, elementwise and on whole arrays."""
    return sorted({*names(), *TABLE} - {"index"})


def namespace() -> dict[str, Callable[..., Expression]]:
    """Return all of these functions by name."""
    return {name: math_function(name) for name in known()}
