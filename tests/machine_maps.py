"""Map functions over arrays: by Numba, and as machine code from text for LLVM."""

from __future__ import annotations

import ctypes
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from overbar.codegen.load import load_module
from overbar.codegen.machine import target
from overbar.codegen.machine.instructions import KINDS, kind_of
from overbar.codegen.machine.portable import Functions

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

LANES = 8
NJIT = '@njit(cache=True, error_model="numpy")'
HEAD = "import math\n\nimport numpy as np\nfrom numba import njit"


def numba_maps(texts: Sequence[str], calls: Mapping[str, tuple[str, int]]) -> Any:
    """Return a module with functions `map_name(x0, ..., out)`.

    texts: of functions before; calls: a function's text by name, and its arguments.
    """
    maps = []
    for name, (function, count) in calls.items():
        arguments = ", ".join(f"x{i}" for i in range(count))
        elements = ", ".join(f"x{i}[i]" for i in range(count))
        maps.append(
            f"{NJIT}\ndef map_{name}({arguments}, out):\n"
            f"    for i in range(x0.shape[0]):\n"
            f"        out[i] = {function}({elements})\n"
        )
    return load_module("\n\n".join([HEAD, *texts, *maps]), "maps")


def machine_maps(
    calls: Mapping[str, tuple[Callable[..., Any], Sequence[str]]],
    lanes: int,
    *,
    level: int = 2,
    passes: int = 2,
) -> target.Code:
    """Return machine code that maps functions, given with dtypes, over arrays."""
    functions = Functions(lanes)
    maps = []
    for name, (function, dtypes) in calls.items():
        symbol, result = functions.use(function, dtypes)
        maps.append(_map(name, symbol, dtypes, result, lanes))
    text = "\n".join([*functions.declarations(), *functions.definitions(), *maps])
    return target.load(target.assemble(text, level=level, passes=passes), list(calls))


def _map(name: str, symbol: str, dtypes: Sequence[str], result: str, lanes: int) -> str:
    """Return a function of LLVM's that maps another over arrays of whole lanes."""
    pointers = "".join(f"ptr %x{i}, " for i in range(len(dtypes)))
    lines = [
        f"define void @{name}({pointers}ptr %out, i64 %n) {{",
        "start:\nbr label %next\nnext:",
        "%i = phi i64 [ 0, %start ], [ %j, %next ]",
    ]
    for i, dtype in enumerate(dtypes):
        kind = kind_of(dtype, lanes)
        held = kind.replace("i1", "i8")
        one = KINDS[dtype].replace("i1", "i8")
        change = "freeze" if held == kind else "trunc"
        to = "" if held == kind else f" to {kind}"
        lines += [
            f"%p{i} = getelementptr {one}, ptr %x{i}, i64 %i",
            f"%l{i} = load {held}, ptr %p{i}, align 1",
            f"%v{i} = {change} {held} %l{i}{to}",
        ]
    given = ", ".join(f"{kind_of(d, lanes)} %v{i}" for i, d in enumerate(dtypes))
    kind, last = kind_of(result, lanes), kind_of("float64", lanes)
    change = {"float64": "freeze", "float32": "fpext", "int64": "sitofp"}.get(result)
    to = "" if kind == last else f" to {last}"
    lines += [
        f"%r = call {kind} {symbol}({given})",
        f"%y = {change or 'uitofp'} {kind} %r{to}",
        "%p = getelementptr double, ptr %out, i64 %i",
        f"store {last} %y, ptr %p, align 1",
        f"%j = add i64 %i, {lanes}",
        "%more = icmp slt i64 %j, %n",
        "br i1 %more, label %next, label %end\nend:\nret void\n}",
    ]
    return "\n".join(lines)


def run(address: int, arrays: Sequence[Any]) -> Any:
    """Call a function that maps over arrays; they end with as many as fill lanes."""
    size = len(arrays[0])
    filled = [np.resize(a, size + -size % LANES) for a in arrays]
    out = np.empty(len(filled[0]))
    pointers = [ctypes.c_void_p(a.ctypes.data) for a in [*filled, out]]
    kinds = [ctypes.c_void_p] * len(pointers)
    function = ctypes.CFUNCTYPE(None, *kinds, ctypes.c_int64)(address)
    function(*pointers, len(out))
    return out[:size]


def bits(values: Any) -> Any:
    """Return numbers as integers, all NaNs as one."""
    return np.where(np.isnan(values), math.nan, values).view("int64")
