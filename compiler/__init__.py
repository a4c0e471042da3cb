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

from typing import Any

from overbar.api import compile, load  # noqa: A004 - the public name
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
from overbar.read.expression import Expression, data, let, math_function, param
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
    "let",
    "load",
    "op",
    "param",
]


def __getattr__(name: str) -> Any:
    """Return `ob.exp`, `ob.where`, ...: the functions of the expression language."""
    return math_function(name)
