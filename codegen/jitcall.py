"""Emit the call of machine code into a user's function.

Comes in: values of whatever Numba types the user's code has. Goes out: arguments
converted and their sizes checked, the call by address, results of their own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from numba.core import cgutils as numba_cgutils

from overbar.codegen.entry import sizes_of
from overbar.codegen.jitargs import Code, convert, need, need_count, need_tuple
from overbar.codegen.jitcheck import Check

if TYPE_CHECKING:
    from overbar.codegen.entry import Callee

cgutils: Any = numba_cgutils  # untyped


class Call:
    """Know how to call machine code, and what it may be called with.

    The code and what checks sizes live as long as this does, and Numba keeps it for the
    life of the process.
    """

    def __init__(self, callee: Callee) -> None:
        self.code = callee.code
        self._origin = callee.origin
        self.parts = callee.parts
        self.names = callee.names
        self.defaults = self._defaults(callee.defaults)
        sized = sizes_of(self.parts)
        count = sum(len(p.type.shape) or 1 for p in sized)
        self.check = Check(callee.fits, count) if sized else None

    def __reduce__(self) -> tuple[Any, ...]:
        return self._origin()

    def _defaults(self, given: Any) -> list[float]:
        """Return the numbers that stand for arguments left out at the end."""
        found: list[float] = []
        for name, part in zip(self.names[::-1], self.parts[::-1], strict=True):
            if name not in given or isinstance(part, tuple) or part.type.shape:
                break
            found.insert(0, given[name])
        return found

    # -- while the user's function is typed ------------------------------------------

    def need(self, args: Any) -> None:
        """Raise InputError for arguments of types that do not fit."""
        need_count(args, self.names, len(self.names) - len(self.defaults))
        for found, name, part in zip(args, self.names, self.parts, strict=False):
            if isinstance(part, tuple):
                need_tuple(found, name, part)
            else:
                need(found, part)

    # -- code --------------------------------------------------------------------------

    def emit(self, context: Any, builder: Any, signature: Any, values: Any) -> Any:
        """Emit the call; the one value is the tuple of arguments."""
        code = Code(context, builder, [])
        args = self._arguments(code, signature.args[0], values[0])
        if self.check is not None:
            self.check.emit(context, builder, self._sizes(code, args))
        return self.code.emit(code, args)

    def _arguments(self, code: Code, kinds: Any, value: Any) -> list[Any]:
        found = []
        wanted = zip(self.parts, self.code.kinds, strict=False)
        for i, (part, to) in enumerate(wanted):
            if i >= len(kinds):
                default = self.defaults[i - len(self.parts)]
                found.append(code.context.get_constant(to, default))
                continue
            each = code.builder.extract_value(value, i)
            if not isinstance(part, tuple):
                found.append(convert(code, each, kinds[i], to))
                continue
            items = [
                convert(code, code.builder.extract_value(each, j), kinds[i][j], to[j])
                for j in range(len(part))
            ]
            found.append(code.context.make_tuple(code.builder, to, items))
        return found

    def _sizes(self, code: Code, args: list[Any]) -> list[Any]:
        """Return the sizes of all arguments as in `sizes_of`, each as code."""
        found: list[Any] = []
        kinds = self.code.kinds
        for part, kind, value in zip(self.parts, kinds, args, strict=False):
            pieces = [
                (p, kind[j], code.builder.extract_value(value, j))
                for j, p in enumerate(part)
            ] if isinstance(part, tuple) else [(part, kind, value)]  # fmt: skip
            for p, k, v in pieces:
                if p.type.shape:
                    array = code.context.make_array(k)(code.context, code.builder, v)
                    found += cgutils.unpack_tuple(code.builder, array.shape)
                elif p.size:
                    found.append(v)
        return found
