"""Turn the names of SymPy symbols, which may be any text, into identifiers."""

from __future__ import annotations

import keyword
import re
import unicodedata
from typing import Any

from overbar.ir.errors import InputError, UnsupportedError
from overbar.read.operand import found

_LONGEST, _SUGGESTED = 40, 20


def quoted(name: object) -> str:
    """Return a name as messages show it: quoted, escaped, cut where it is long."""
    text = str(name)
    escaped = ascii(text[:_LONGEST])
    whole = len(text) <= _LONGEST and len(escaped) <= _LONGEST + 2
    return escaped if whole else escaped[: _LONGEST - 2] + "...'"


def legal_name(name: str, kind: str) -> str:
    """Return the identifier that a name stands for.

    Names are compared as Python compares identifiers, in Unicode's normal form NFKC;
    a keyword gets a trailing underscore. Any other text is an InputError.

    >>> legal_name("lambda", "symbol"), legal_name("x_2", "symbol")
    ('lambda_', 'x_2')
    """
    normal = unicodedata.normalize("NFKC", name) if len(name) <= 1000 else ""
    if keyword.iskeyword(normal):
        return f"{normal}_"
    if normal.isidentifier() and not normal.startswith("__"):
        return normal
    plain = re.sub(r"[\W_]+", "_", normal[:_SUGGESTED], flags=re.ASCII).strip("_")
    advice = f", for instance to {plain}" if plain.isidentifier() else ""
    article = "an" if kind[0] in "aeiou" else "a"
    message = (
        f"expected {article} {kind} whose name is an identifier, such as x_1, found "
    )
    raise InputError(f"{message}{quoted(name)}; rename it{advice}")


def input_name(symbol: Any) -> str:
    """Return the name of a symbol's input (of a text: of the symbol so named).

    Raises InputError for what is no symbol or has no identifier for a name, and
    UnsupportedError for a symbol that does not stand for a real number.
    """
    if isinstance(symbol, str):
        return legal_name(symbol, "symbol")
    if array_name(symbol) is not None:
        return legal_name(str(array_name(symbol)), "symbol")
    if not getattr(symbol, "is_Symbol", False):
        raise InputError(f"inputs: expected a symbol, found {found(symbol)}")
    name = legal_name(symbol.name, "symbol")
    if not symbol.is_commutative:
        message = f"expected symbols that commute, found {name!r}, which does not"
        raise UnsupportedError(message)
    if symbol.is_extended_real is False:
        message = f"expected real symbols, found {name!r}, which is declared not real"
        raise UnsupportedError(message)
    return name


_ARRAYS = {
    "sympy.matrices.expressions.matexpr.MatrixSymbol",
    "sympy.tensor.indexed.IndexedBase",
    "sympy.tensor.array.expressions.array_expressions.ArraySymbol",
}


def array_name(symbol: Any) -> str | None:
    """Return the name of a symbol that stands for an array, None for any other."""
    kind = type(symbol)
    if f"{kind.__module__}.{kind.__qualname__}" not in _ARRAYS:
        return None
    return str(symbol.name)


def array_shape(symbol: Any) -> tuple[Any, ...] | None:
    """Return the extents that such a symbol was given, None for none."""
    shape = symbol.shape
    return None if shape is None else tuple(shape)
