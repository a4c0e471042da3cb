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

import ast
import inspect
import re
import textwrap
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from overbar.codegen.machine.elementary import scalar_symbol
from overbar.codegen.machine.expressions import Folding, Variables
from overbar.codegen.machine.instructions import (
    KINDS,
    SHORT,
    Instructions,
    Term,
    Value,
    kind_of,
)
from overbar.codegen.machine.statements import Lanes, Paths
from overbar.ir.errors import UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Result: TypeAlias = "str | tuple[str, ...]"
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
            message = f"expected one number from {function.__name__}, found several"
            raise UnsupportedError(message)
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
        kind = KINDS[dtype]
        self._declared[_declaration(one, [kind] * arity, kind)] = None
        symbol = f'@"overbar.each.{name}.{SHORT[dtype]}.v{self.lanes}"'
        if symbol not in self._defined:
            self._defined[symbol] = _each(symbol, one, [dtype] * arity, dtype, self.lanes)
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
        """Return the symbol of a function of libm's; over vectors, what it stands for."""
        if self.lanes > 1:
            return f"@<{name} {dtype} {arity}>"
        return self._declared(scalar_symbol(name, dtype), dtype, arity)

    def intrinsic(self, name: str, dtype: str, arity: int) -> str:
        """Return the symbol of an intrinsic of LLVM's."""
        suffix = f"v{self.lanes}" if self.lanes > 1 else ""
        return self._declared(f"@llvm.{name}.{suffix}{SHORT[dtype]}", dtype, arity)

    def _declared(self, symbol: str, dtype: str, arity: int) -> str:
        kind = kind_of(dtype, self.lanes)
        self.declarations[_declaration(symbol, [kind] * arity, kind)] = None
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
    tree, first = _parsed(function)
    loops = _loops(function)
    calls = _Calls(lanes)
    symbol = _symbol(function, dtypes, lanes)
    if lanes > 1 and loops:
        calls.lanes = 1
        one, result = calls.function(function, dtypes)
        text = _each(symbol, one, dtypes, result, lanes)
        calls.definitions[symbol, text] = None
        return Printed(symbol, result, tuple(calls.definitions), tuple(calls.declarations))
    flags = "".join(f"{f} " for f in sorted(getattr(function, "fastmath", ())))
    code = Instructions(lanes, flags)
    body = (Lanes if lanes > 1 else Paths)(function, first, code, calls)
    names = [a.arg for a in tree.args.args]
    if len(names) != len(dtypes):
        body.refuse(tree, f"{len(names)} arguments", f"{len(dtypes)} types")
    given = [f"%{n}" if n.isascii() else f"%.a{i}" for i, n in enumerate(names)]
    env: Variables = {
        n: Value(t, d) for n, t, d in zip(names, given, dtypes, strict=True)
    }
    if body.run(tree.body, env):
        body.refuse(tree, "a value that is returned on every path", "none")
    result, line = _ended(code, body.finish())
    head = ", ".join(
        f"{code.kind(d)} {t}" for t, d in zip(given, dtypes, strict=True)
    )
    text = (
        f"define internal {_kind(result, lanes)} {symbol}({head}) nounwind {{\n"
        f"{code.text()}\n{line}\n}}"
    )
    calls.definitions[symbol, text] = None
    return Printed(symbol, result, tuple(calls.definitions), tuple(calls.declarations))


def _ended(code: Instructions, found: Term) -> tuple[Result, str]:
    """Return the dtype of a result, and the line that returns it."""
    if isinstance(found, Value):
        return found.dtype, f"ret {code.kind(found.dtype)} {found.text}"
    result = tuple(v.dtype for v in found)
    kind, whole = _kind(result, code.lanes), "poison"
    for i, v in enumerate(found):
        put = f"insertvalue {kind} {whole}, {code.kind(v.dtype)} {v.text}, {i}"
        whole = code.make(put, v.dtype).text
    return result, f"ret {kind} {whole}"


def _kind(dtype: Result, lanes: int) -> str:
    if isinstance(dtype, str):
        return kind_of(dtype, lanes)
    return f"{{ {', '.join(kind_of(d, lanes) for d in dtype)} }}"


def _declaration(symbol: str, kinds: Sequence[str], kind: str) -> str:
    pure = "" if symbol.startswith("@llvm.") else _PURE
    return f"declare {kind} {symbol}({', '.join(kinds)}){pure}"


def _symbol(function: Callable[..., Any], dtypes: tuple[str, ...], lanes: int) -> str:
    """Name a function for arguments of these dtypes, without a suffix if all double."""
    parts = ["overbar"]
    if not function.__module__.startswith("overbar."):
        parts.append("user")
    parts.append(function.__name__)
    if set(dtypes) == {"float32"}:
        parts.append(SHORT["float32"])
    elif set(dtypes) != {"float64"}:
        parts += [SHORT[d] for d in dtypes]
    if lanes > 1:
        parts.append(f"v{lanes}")
    return f'@"{".".join(parts)}"'


def _each(
    symbol: str, one: str, dtypes: Sequence[str], result: Result, lanes: int
) -> str:
    """Return the definition of a function over vectors that calls one lane by lane."""
    whole = (result,) if isinstance(result, str) else result
    kinds = [kind_of(d, lanes) for d in dtypes]
    lines = []
    outs = ["poison"] * len(whole)
    for lane in range(lanes):
        for i, kind in enumerate(kinds):
            lines.append(f"%x{i}.{lane} = extractelement {kind} %x{i}, i64 {lane}")
        given = ", ".join(
            f"{KINDS[d]} %x{i}.{lane}" for i, d in enumerate(dtypes)
        )
        lines.append(f"%y.{lane} = call {_kind(result, 1)} {one}({given})")
        for i, d in enumerate(whole):
            value = f"%y.{lane}"
            if not isinstance(result, str):
                value = f"%y{i}.{lane}"
                part = f"extractvalue {_kind(result, 1)} %y.{lane}, {i}"
                lines.append(f"{value} = {part}")
            kind = kind_of(d, lanes)
            put = f"insertelement {kind} {outs[i]}, {KINDS[d]} {value}, i64 {lane}"
            outs[i] = f"%z{i}.{lane}"
            lines.append(f"{outs[i]} = {put}")
    last = outs[0]
    if not isinstance(result, str):
        last = "poison"
        for i, d in enumerate(whole):
            put = f"{_kind(result, lanes)} {last}, {kind_of(d, lanes)} {outs[i]}, {i}"
            last = f"%w{i}"
            lines.append(f"{last} = insertvalue {put}")
    head = ", ".join(f"{kind} %x{i}" for i, kind in enumerate(kinds))
    kind = _kind(result, lanes)
    lines.append(f"ret {kind} {last}")
    body = "\n".join(lines)
    return f"define internal {kind} {symbol}({head}) nounwind {{\n{body}\n}}"


@cache
def _parsed(function: Callable[..., Any]) -> tuple[ast.FunctionDef, int]:
    """Return a function's syntax tree, and the line of its file where it starts."""
    name = getattr(function, "__name__", repr(function))
    try:
        lines, first = inspect.getsourcelines(function)
        tree = ast.parse(textwrap.dedent("".join(lines))).body[0]
    except (OSError, TypeError, SyntaxError):
        tree, first = ast.Pass(), 0
    if not isinstance(tree, ast.FunctionDef):
        message = f"expected {name} to have text that can be read, found none"
        raise UnsupportedError(message)
    rest = tree.args
    if rest.vararg or rest.kwarg or rest.kwonlyargs or rest.defaults or rest.posonlyargs:
        message = f"expected plain arguments of {name}, found {ast.unparse(rest)}"
        raise UnsupportedError(message)
    Folding().visit(tree)
    return tree, first


@cache
def _inside(function: Callable[..., Any]) -> tuple[Callable[..., Any], ...]:
    """Return all functions that one calls, itself first; refuse recursion."""
    found: dict[Any, None] = {}
    stack = [function]
    while stack:
        called = stack.pop()
        found[called] = None
        inner = _called(called)
        if function in inner:
            message = f"expected no recursion, found one in {function.__name__}"
            raise UnsupportedError(message)
        stack += [f for f in inner if f not in found]
    return tuple(found)


@cache
def _loops(function: Callable[..., Any]) -> bool:
    """Whether a function has loops, or calls one that has, but for those of literals.

    Over lanes it would go around for lanes that never get there, perhaps for ever.
    """
    return any(
        isinstance(n, ast.While)
        or (isinstance(n, ast.For) and not isinstance(n.iter, ast.Tuple))
        for f in _inside(function)
        for n in ast.walk(_parsed(f)[0])
    )


def _called(function: Any) -> list[Callable[..., Any]]:
    """Return the Python functions that a function names."""
    names = (n for n in ast.walk(_parsed(function)[0]) if isinstance(n, ast.Name))
    found = (function.__globals__.get(n) for n in dict.fromkeys(n.id for n in names))
    return [f for f in found if inspect.isfunction(f)]
