"""Let compiled code ask whether the sizes of its arguments fit.

Comes in: a Python function that refuses sizes by raising InputError. Goes out: code
that compares the sizes of a call with those that were found to fit last, and asks the
Python function about others. So a call in a loop costs a few comparisons, and the error
is the same as outside of compiled code.
"""

from __future__ import annotations

import ctypes
import threading
from typing import TYPE_CHECKING, Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils as numba_cgutils

from overbar.ir.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

cgutils: Any = numba_cgutils  # untyped
_MOST_KEPT = 4096
"""Sets of sizes that are kept as found to fit."""

_WORD = ir.IntType(64)
_LAST = threading.local()


class Refused(InputError):  # noqa: N818 - never seen
    """Become the InputError that was raised for sizes in this thread last.

    Numba can only raise what it knows when compiling.
    """

    def __new__(cls) -> InputError:  # type: ignore[misc]
        """Return that error."""
        return getattr(_LAST, "error", None) or InputError("expected other sizes")


class Check:
    """Know which sizes fit, for code that runs on any thread, with the GIL or not.

    fits: takes the sizes; raises InputError for those that do not fit.
    count: of sizes.
    """

    def __init__(self, fits: Callable[[Sequence[int]], None], count: int) -> None:
        self.fits = fits
        self.count = count
        # Where the sizes are that were found to fit last: one word, so that it is
        # always read whole. Arrays that it pointed to are kept and never written.
        self.place = np.zeros(1, np.int64)
        self.kept: dict[tuple[int, ...], Any] = {}
        prototype = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.POINTER(ctypes.c_int64))
        self.callback = prototype(self._ask)

    def _ask(self, pointer: Any) -> int:
        """Return 0 for sizes that fit, and note the error for others."""
        sizes = tuple(pointer[: self.count])
        try:
            self.fits(sizes)
        except InputError as error:
            _LAST.error = error
            return 1
        if len(self.kept) < _MOST_KEPT:
            array = self.kept.setdefault(sizes, np.array(sizes, np.int64))
            self.place[0] = array.ctypes.data
        return 0

    def emit(self, context: Any, builder: Any, sizes: Sequence[Any]) -> None:
        """Emit code that raises an InputError unless the sizes fit."""
        found = cgutils.alloca_once(builder, _WORD, len(sizes))
        for i, size in enumerate(sizes):
            builder.store(size, builder.gep(found, [_WORD(i)]))
        place = self._address(context, builder, self.place.ctypes.data, _WORD)
        known = builder.load(place)
        same = cgutils.alloca_once_value(builder, cgutils.false_bit)
        with builder.if_then(cgutils.is_not_null(builder, known)):
            last = builder.inttoptr(known, _WORD.as_pointer())
            equal = cgutils.true_bit
            for i, size in enumerate(sizes):
                other = builder.load(builder.gep(last, [_WORD(i)]))
                equal = builder.and_(equal, builder.icmp_signed("==", size, other))
            builder.store(equal, same)
        with builder.if_then(builder.not_(builder.load(same)), likely=False):
            kind = ir.FunctionType(ir.IntType(32), [_WORD.as_pointer()])
            at = ctypes.cast(self.callback, ctypes.c_void_p).value
            refused = builder.call(self._address(context, builder, at, kind), [found])
            with builder.if_then(cgutils.is_not_null(builder, refused), likely=False):
                context.call_conv.return_user_exc(builder, Refused, ())

    @staticmethod
    def _address(context: Any, builder: Any, at: Any, kind: Any) -> Any:
        pointer = context.add_dynamic_addr(builder, at, info="overbar")
        return builder.bitcast(pointer, kind.as_pointer())
