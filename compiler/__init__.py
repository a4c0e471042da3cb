"""Compile formulas into functions with exact, readable, compiled derivatives.

>>> import overbar as ob
>>> f = ob.compile("(x + y)*max(y, z)")
>>> f(1.0, 2.0, 0.0)
6.0
>>> f.grad(1.0, 2.0, 0.0)
(x=2.0, y=5.0, z=0.0)

`compile` takes a text, a SymPy expression or expressions made with `param` and `data`;
`load` takes an expression file. Importing this stays light: SymPy, Numba and SciPy are
loaded when first needed.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from overbar.api import compile, load
    from overbar.function import CompiledFunction
    from overbar.ir.errors import (
        CacheWarning,
        InputError,
        LimitError,
        OverbarError,
        ParseError,
        ShapeError,
        UnsupportedError,
    )
    from overbar.read.expression import Expression, data, dim, let, param
    from overbar.user_ops import op

__version__ = "0.1.0"

__all__ = [
    "CacheWarning",
    "CompiledFunction",
    "Expression",
    "InputError",
    "LimitError",
    "OverbarError",
    "ParseError",
    "ShapeError",
    "UnsupportedError",
    "compile",
    "data",
    "dim",
    "let",
    "load",
    "op",
    "param",
]


_HOME = {
    "overbar.api": ("compile", "load"),
    "overbar.function": ("CompiledFunction",),
    "overbar.ir.errors": (
        "CacheWarning",
        "InputError",
        "LimitError",
        "OverbarError",
        "ParseError",
        "ShapeError",
        "UnsupportedError",
    ),
    "overbar.read.expression": ("Expression", "data", "dim", "let", "param"),
    "overbar.user_ops": ("op",),
}
_MODULE = {name: module for module, names in _HOME.items() for name in names}


def __getattr__(name: str) -> Any:
    """Load what is asked for; `ob.exp`, ... are the expression language's functions."""
    if name in _MODULE:
        value = getattr(import_module(_MODULE[name]), name)
    elif name.startswith("_"):
        message = f"module 'overbar' has no attribute {name!r}"
        raise AttributeError(message)
    else:
        from overbar.read.expression import math_function

        value = math_function(name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Return the public names, functions of the expression language included."""
    from overbar.read.expression import known

    return sorted({*__all__, *known()})
