"""Print portable functions of Python as functions of LLVM's, without Numba.

Comes in: functions of scalars such as those of `ir/ops/portable.py`, or a user's own,
and the dtypes of their arguments. Goes out: text for LLVM with the same bits in its
results as `numba.njit(error_model="numpy")` gives: values are typed as Numba types
them, and elementary functions are those that Numba calls.

With lanes an argument is a vector with one number a lane. A function without loops is
then printed as straight code over vectors, whatever its branches; one with loops is
called lane by lane. What is outside of the subset of Python is an `UnsupportedError`.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from overbar.codegen.machine.elementary import scalar_symbol
from overbar.codegen.machine.instructions import (
    KINDS,
    SHORT,
    Instructions,
    Term,
    UnfitError,
    Value,
    kind_of,
)
from overbar.codegen.machine.lanewise import Result, each_lane, kind_of_result
from overbar.codegen.machine.paths import Paths
from overbar.codegen.machine.sources import loops, parsed
from overbar.codegen.machine.statements import Lanes
from overbar.ir.errors import UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from overbar.codegen.machine.expressions import Variables

_PURE = " nounwind willreturn memory(none)"
_WANTED = re.compile(r"@<(\w+) (\w+) (\d)>")


class Functions:
    """Collect what a module needs of portable functions.

    lanes: how many numbers an argument is, 1 or the lanes of a vector.
    elementary: `(name, dtype, arity) -> symbol`, a function of libm's over vectors,
        which the caller declares; by default each lane calls libm.

    >>> from overbar.ir.ops.portable import sigmoid
    >>> functions = Functions()
    >>> functions.use(sigmoid, ["float64"])
    ('@"overbar.sigmoid"', 'float64')
    >>> functions.declarations()[1]
    'declare double @llvm.exp.f64(double)'
    >>> functions.definitions()[0].split(" {")[0]
    'define internal double @"overbar.sigmoid"(double %x) nounwind'
    """

    def __init__(
        self,
        lanes: int = 1,
        elementary: Callable[[str, str, int], str] | None = None,
    ) -> None:
        self.lanes = lanes
        self._elementary = elementary
        self._declared: dict[str, None] = {}
        self._defined: dict[str, str] = {}

    def use(
        self, function: Callable[..., Any], dtypes: Sequence[str]
    ) -> tuple[str, str]:
        """Return the symbol of a function and the dtype of its result.

        Raises UnsupportedError for a function that is no formula of numbers.
        """
        found = _printed(function, tuple(dtypes), self.lanes)
        if not isinstance(found.dtype, str):
            raise _several(function)
        self._take(found)
        return found.symbol, found.dtype

    def declarations(self) -> list[str]:
        """Return declarations, each once."""
        return list(self._declared)

    def definitions(self) -> list[str]:
        """Return definitions, each once, what they call first."""
        return list(self._defined.values())

    def _take(self, found: Printed) -> None:
        for symbol, text in found.definitions:
            own = _WANTED.sub(self._symbol, text)
            if self._defined.setdefault(symbol, own) != own:
                message = f"expected one function named {symbol}, found two"
                raise UnsupportedError(message)
        self._declared |= dict.fromkeys(found.declarations)

    def _symbol(self, wanted: re.Match[str]) -> str:
        """Return the symbol for a function of libm's over vectors."""
        name, dtype, arity = wanted[1], wanted[2], int(wanted[3])
        if self._elementary is not None:
            return self._elementary(name, dtype, arity)
        one = scalar_symbol(name, dtype)
        self._declared[_declaration(one, KINDS[dtype], arity)] = None
        symbol = f'@"overbar.each.{name}.{SHORT[dtype]}.v{self.lanes}"'
        text = each_lane(symbol, one, [dtype] * arity, dtype, self.lanes)
        self._defined.setdefault(symbol, text)
        return symbol


class Printed(NamedTuple):
    """Hold one function with all that it calls, needed first."""

    symbol: str
    dtype: Result
    definitions: tuple[tuple[str, str], ...]
    declarations: tuple[str, ...]


class _Calls:
    """Collect what a function calls while it is translated."""

    def __init__(self, lanes: int) -> None:
        self.lanes = lanes
        self.definitions: dict[tuple[str, str], None] = {}
        self.declarations: dict[str, None] = {}

    def elementary(self, name: str, dtype: str, arity: int) -> str:
        """Return the symbol of a function of libm's; over vectors, a mark for it."""
        if self.lanes > 1:
            return f"@<{name} {dtype} {arity}>"
        return self._declared(scalar_symbol(name, dtype), dtype, arity)

    def intrinsic(self, name: str, dtype: str, arity: int) -> str:
        """Return the symbol of an intrinsic of LLVM's."""
        suffix = f"v{self.lanes}" if self.lanes > 1 else ""
        return self._declared(f"@llvm.{name}.{suffix}{SHORT[dtype]}", dtype, arity)

    def _declared(self, symbol: str, dtype: str, arity: int) -> str:
        kind = kind_of(dtype, self.lanes)
        self.declarations[_declaration(symbol, kind, arity)] = None
        return symbol

    def function(
        self, function: Callable[..., Any], dtypes: tuple[str, ...]
    ) -> tuple[str, Result]:
        """Return the symbol of a portable function and the dtype of its result."""
        found = _printed(function, dtypes, self.lanes)
        self.definitions |= dict.fromkeys(found.definitions)
        self.declarations |= dict.fromkeys(found.declarations)
        return found.symbol, found.dtype


@lru_cache(maxsize=1024)
def _printed(
    function: Callable[..., Any], dtypes: tuple[str, ...], lanes: int
) -> Printed:
    """Translate a function, and what it calls."""
    calls = _Calls(lanes)
    symbol = _symbol(function, dtypes, lanes)
    # Over lanes a loop would run for those that never get there, perhaps for ever.
    if loops(function) and lanes > 1:
        calls.lanes = 1
        one, result = calls.function(function, dtypes)
        if not isinstance(result, str):
            raise _several(function)
        text = each_lane(symbol, one, dtypes, result, lanes)
    else:
        result, text = _translated(function, dtypes, symbol, calls)
    definitions = (*calls.definitions, (symbol, text))
    return Printed(symbol, result, definitions, tuple(calls.declarations))


def _translated(
    function: Callable[..., Any], dtypes: tuple[str, ...], symbol: str, calls: _Calls
) -> tuple[Result, str]:
    """Return the dtype of a function's result and its definition."""
    tree, first = parsed(function)
    flags = " ".join(sorted(getattr(function, "fastmath", ())))
    code = Instructions(calls.lanes, flags)
    body = (Lanes if calls.lanes > 1 else Paths)(function, first, code, calls)
    names = [a.arg for a in tree.args.args]
    if len(names) != len(dtypes):
        body.refuse(tree, f"{len(names)} arguments", str(len(dtypes)))
    env: Variables = {
        n: Value(f"%{n}" if n.isascii() else f"%.a{i}", d)
        for i, (n, d) in enumerate(zip(names, dtypes, strict=True))
    }
    head = ", ".join(
        f"{code.kind(v.dtype)} {v.text}" for v in env.values() if isinstance(v, Value)
    )
    if body.run(tree.body, env):
        body.refuse(tree, "a value that is returned on every path", "none")
    try:
        found = body.finish()
    except UnfitError as error:
        body.refuse(tree, error.expected, error.found)
    result, line = _ended(code, found)
    kind = kind_of_result(result, calls.lanes)
    opening = f"define internal {kind} {symbol}({head}) nounwind {{"
    return result, f"{opening}\n{code.text()}\n{line}\n}}"


def _several(function: Callable[..., Any]) -> UnsupportedError:
    name = function.__name__
    return UnsupportedError(f"expected one number from {name}, found several")


def _ended(code: Instructions, found: Term) -> tuple[Result, str]:
    """Return the dtype of a result, and the line that returns it."""
    if isinstance(found, Value):
        return found.dtype, f"ret {code.kind(found.dtype)} {found.text}"
    result = tuple(v.dtype for v in found)
    kind, whole = kind_of_result(result, code.lanes), "poison"
    for i, v in enumerate(found):
        put = f"insertvalue {kind} {whole}, {code.kind(v.dtype)} {v.text}, {i}"
        whole = code.make(put, v.dtype).text
    return result, f"ret {kind} {whole}"


def _declaration(symbol: str, kind: str, arity: int) -> str:
    pure = "" if symbol.startswith("@llvm.") else _PURE
    return f"declare {kind} {symbol}({', '.join([kind] * arity)}){pure}"


def _symbol(function: Callable[..., Any], dtypes: tuple[str, ...], lanes: int) -> str:
    """Name a function for arguments of these dtypes, without a suffix if all double."""
    parts = ["overbar"]
    if not str(function.__module__).startswith("overbar."):  # it may be None
        parts.append("user")
    parts.append(function.__name__)
    if set(dtypes) == {"float32"}:
        parts.append(SHORT["float32"])
    elif set(dtypes) != {"float64"}:
        parts += [SHORT[d] for d in dtypes]
    if lanes > 1:
        parts.append(f"v{lanes}")
    return f'@"{".".join(parts)}"'
