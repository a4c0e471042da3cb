"""Compare portable functions as machine code with what Numba makes of them, by bits."""

from __future__ import annotations

import ctypes
import inspect
import itertools
import math
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from overbar.codegen import module
from overbar.codegen.load import load_module
from overbar.codegen.machine import target
from overbar.codegen.machine.instructions import KINDS
from overbar.codegen.machine.portable import Functions
from overbar.ir.ops import OPS

if TYPE_CHECKING:
    from collections.abc import Sequence

SPECIAL = (
    0.0, 1.0, math.inf, 5e-324, 1e-310, 2.0**-1022, 1e-200, 1e-20, 1e-8, 2.0**-53,
    0.1, 0.5, math.nextafter(1.0, 0.0), math.nextafter(1.0, 2.0), math.log(2.0), 2.0,
    2.5, math.pi, 10.0, 10.5, 40.0, 171.5, 172.0, 700.5, 710.0, 745.5, 1e6, 2.0**53,
    1e20, 1e100, 1e200, 1.7976931348623157e308,
)  # fmt: skip
ORDERS = (0, 1, 2, 3, 4, 5, 8, 13, 20)
WHOLE = (*ORDERS, -1, -2, -7, 100, 1023, -1074, 2**53 + 1, -(2**63))
ATTRIBUTES: dict[str, tuple[tuple[str, Sequence[int]], ...]] = {
    "powi": (("int64", WHOLE),),
    "log_step": (("bool", (0, 1)),),
    **dict.fromkeys(("polygamma", "polygamma_step", "sinc_diff", "expm1_ratio_diff", "log1p_ratio_diff", "bernoulli_diff"), (("int64", ORDERS),)),
}  # fmt: skip
"""The attributes of ops, which are arguments of their functions: dtypes and values."""
LAST = {"powi"}
"""Ops whose attributes come after their operands."""
COUNT = 2000
LANES = 8


HELPERS = {
    name: op.helper
    for name, op in OPS.items()
    if op.helper is not None and op.shaping is None and name != "wrap"
}
"""The functions of ops that work element by element (`wrap` raises an error)."""
NJIT = '@njit(cache=True, error_model="numpy")'
LEVELS = ((0, 0), (2, 2))
"""Of LLVM: how well code is made, and how many passes run before."""


def dtypes_of(name: str, dtype: str) -> tuple[str, ...]:
    """Return the dtypes of a function's arguments for operands of one."""
    attributes = [d for d, _ in ATTRIBUTES.get(name, ())]
    count = len(inspect.signature(HELPERS[name]).parameters)
    operands = [dtype] * (count - len(attributes))
    return (*operands, *attributes) if name in LAST else (*attributes, *operands)


@cache
def points(name: str, dtype: str) -> tuple[np.ndarray[Any, Any], ...]:
    """Return arguments: special values with each other, and many magnitudes."""
    rng = np.random.default_rng(1)
    dtypes = dtypes_of(name, dtype)
    count = sum(d == dtype for d in dtypes)
    special = np.array([*SPECIAL, math.nan, *(-x for x in SPECIAL)])
    pairs = np.array(list(itertools.product(special, repeat=2))).T
    rows = np.concatenate([pairs, rng.choice(special, (1, pairs.shape[1]))])
    near = rng.uniform(-25.0, 25.0, (3, COUNT))
    close = near[:1] * (1.0 + rng.uniform(-1e-6, 1e-6, (3, COUNT)))
    signs = rng.choice([-1.0, 1.0], (3, COUNT))
    wide = signs * 10.0 ** rng.uniform(-12.0, 4.0, (3, COUNT))
    whole = (np.round(near), np.abs(near), signs * np.exp2(np.round(near)))
    values = np.concatenate([rows, near, close, wide, *whole], 1)
    floats = iter(values[:count])
    known = dict(ATTRIBUTES.get(name, ()))
    with np.errstate(all="ignore"):
        return tuple(
            (
                rng.choice(np.array(known[d]), values.shape[1])
                if d in known
                else next(floats)
            ).astype(d)
            for d in dtypes
        )


@cache
def by_numba() -> Any:
    """Return a module with a function for each helper that maps it over arrays."""
    head = "import math\n\nimport numpy as np\nfrom numba import njit\n"
    texts = module._helpers([OPS[name] for name in HELPERS])
    for name, helper in HELPERS.items():
        count = len(inspect.signature(helper).parameters)
        arguments = ", ".join(f"x{i}" for i in range(count))
        elements = ", ".join(f"x{i}[i]" for i in range(count))
        texts.append(
            f"{NJIT}\ndef map_{name}({arguments}, out):\n"
            f"    for i in range(x0.shape[0]):\n"
            f"        out[i] = {helper.__name__}({elements})\n"
        )
    return load_module("\n\n".join([head, *texts]), "portable")


def mapping(
    name: str, symbol: str, dtypes: Sequence[str], result: str, lanes: int
) -> str:
    """Return a function of LLVM's that maps another over arrays of whole lanes."""
    stored = [*dtypes, "float64"]
    arguments = "".join(f"ptr %x{i}, " for i in range(len(stored)))
    lines = [
        f"define void @{name}({arguments}i64 %n) {{",
        "start:\nbr label %next\nnext:",
        "%i = phi i64 [ 0, %start ], [ %j, %next ]",
    ]
    kinds = [f"<{lanes} x {KINDS[d]}>" if lanes > 1 else KINDS[d] for d in stored]
    bytes_ = [k.replace("i1", "i8") for k in kinds]
    for i, d in enumerate(stored):
        one = KINDS[d].replace("i1", "i8")
        lines.append(f"%p{i} = getelementptr {one}, ptr %x{i}, i64 %i")
    for i in range(len(dtypes)):
        lines.append(f"%l{i} = load {bytes_[i]}, ptr %p{i}, align 1")
        same = kinds[i] == bytes_[i]
        change = "freeze" if same else "trunc"
        to = "" if same else f" to {kinds[i]}"
        lines.append(f"%v{i} = {change} {bytes_[i]} %l{i}{to}")
    given = ", ".join(f"{k} %v{i}" for i, k in enumerate(kinds[:-1]))
    kind = kinds[-1].replace("double", KINDS[result])
    change = "freeze" if result == "float64" else "fpext"
    to = "" if result == "float64" else f" to {kinds[-1]}"
    lines += [
        f"%r = call {kind} {symbol}({given})",
        f"%y = {change} {kind} %r{to}",
        f"store {kinds[-1]} %y, ptr %p{len(dtypes)}, align 1",
        f"%j = add i64 %i, {lanes}",
        "%more = icmp slt i64 %j, %n",
        "br i1 %more, label %next, label %end\nend:\nret void\n}",
    ]
    return "\n".join(lines)


@cache
def by_llvm(dtype: str, lanes: int, level: int, passes: int) -> target.Code:
    """Return machine code that maps each helper over arrays."""
    functions = Functions(lanes)
    mapped = []
    for name, helper in HELPERS.items():
        dtypes = dtypes_of(name, dtype)
        symbol, result = functions.use(helper, dtypes)
        mapped.append(mapping(name, symbol, dtypes, result, lanes))
    text = "\n".join([*functions.declarations(), *functions.definitions(), *mapped])
    return target.load(target.assemble(text, level=level, passes=passes), list(HELPERS))


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


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", HELPERS)
def test_bits_are_those_of_numba(name: str, dtype: str) -> None:
    """Every helper gives what Numba gives, whatever LLVM does to make code good."""
    arrays = points(name, dtype)
    expected = np.empty(len(arrays[0]))
    getattr(by_numba(), f"map_{name}")(*arrays, expected)
    for level in LEVELS:
        code = by_llvm(dtype, 1, *level)
        actual = run(code.addresses[name], arrays)
        np.testing.assert_array_equal(bits(expected), bits(actual), err_msg=str(level))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", HELPERS)
def test_lanes_give_what_numbers_give(name: str, dtype: str) -> None:
    """Every helper over vectors gives in each lane what it gives for one number."""
    arrays = points(name, dtype)
    expected = run(by_llvm(dtype, 1, 2, 2).addresses[name], arrays)
    for level in LEVELS:
        actual = run(by_llvm(dtype, LANES, *level).addresses[name], arrays)
        np.testing.assert_array_equal(bits(expected), bits(actual), err_msg=str(level))
