"""Elementary functions of eight doubles at once, for the hand-written versions.

glibc's vector library (libmvec, at most 4 ulp off) where it is there and the processor
has AVX-512; elsewhere a plain loop of scalar calls.
"""

from __future__ import annotations

import ctypes
import math
from typing import TYPE_CHECKING, Any

import llvmlite.binding as llvm
import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

if TYPE_CHECKING:
    from collections.abc import Callable

LANES = 8
LIBRARY = "libmvec.so.1"


def _available() -> bool:
    if not llvm.get_host_cpu_features().get("avx512f", False):
        return False
    try:
        ctypes.CDLL(LIBRARY)
    except OSError:
        return False
    llvm.load_library_permanently(LIBRARY)
    return True


AVAILABLE = _available()


def _eight(symbol: str) -> Callable[..., None]:
    """Return a function (x, i, out) that fills out[i:i + 8] from x[i:i + 8]."""

    @intrinsic
    def call(_typing: Any, x: Any, _i: Any, out: Any) -> Any:
        def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            vector = ir.VectorType(ir.DoubleType(), LANES)
            kind = ir.FunctionType(vector, [vector])
            function = cgutils.get_or_insert_function(builder.module, kind, symbol)
            places = []
            for array, of in ((args[0], sig.args[0]), (args[2], sig.args[2])):
                data = context.make_array(of)(context, builder, array).data
                place = builder.gep(data, [args[1]])
                places.append(builder.bitcast(place, vector.as_pointer()))
            given = builder.load(places[0], align=8)
            builder.store(builder.call(function, [given]), places[1], align=8)
            return context.get_dummy_value()

        return types.void(x, types.intp, out), generate

    return call  # type: ignore[no-any-return]


def _over(symbol: str, scalar: Callable[[float], float]) -> Callable[..., None]:
    """Return a function (x, out) over contiguous vectors."""
    eight = _eight(symbol)
    vectors = AVAILABLE

    @njit(error_model="numpy")
    def fill(x: Any, out: Any) -> None:
        n = x.size
        i = 0
        if vectors:
            while i + LANES <= n:
                eight(x, i, out)
                i += LANES
            if i < n:
                rest = np.zeros(LANES)
                rest[: n - i] = x[i:]
                eight(rest, 0, rest)
                out[i:] = rest[: n - i]
        else:
            for j in range(n):
                out[j] = scalar(x[j])

    return fill  # type: ignore[no-any-return]


exp = _over("_ZGVeN8v_exp", math.exp)
log1p = _over("_ZGVeN8v_log1p", math.log1p)
tanh = _over("_ZGVeN8v_tanh", math.tanh)
log = _over("_ZGVeN8v_log", math.log)
sin = _over("_ZGVeN8v_sin", math.sin)
cos = _over("_ZGVeN8v_cos", math.cos)
