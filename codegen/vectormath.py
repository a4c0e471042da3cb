"""Give loops of generated modules vector versions of elementary functions.

Comes in: nothing. Goes out: stand-ins for the modules `numpy` and `math` whose
functions Numba compiles to calls of glibc's libmvec. A call tells LLVM the vector
version of what it calls, so that LLVM's own loop vectoriser uses it; where a loop is
not vectorised, or has elements left at its end, the scalar version calls the vector
one with the same number in every lane. So a value never depends on where in an array
it stands. Functions are at most 4 units in the last place off (libmvec's promise).
"""

from __future__ import annotations

import math
import re
from functools import cache
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from llvmlite import binding, ir
from numba import types
from numba.core import config
from numba.extending import intrinsic

from overbar.ir.ops import OPS
from overbar.ir.ops.row import Notation

if TYPE_CHECKING:
    from collections.abc import Mapping

_LIBRARY = "libmvec.so.1"


class _Isa(NamedTuple):
    """Say how a vector register is called in libmvec's symbols, and what it holds."""

    letter: str
    doubles: int


_AVX2, _SSE2 = _Isa("d", 4), _Isa("b", 2)


@cache
def available() -> bool:
    """Whether this machine has the library."""
    try:
        binding.load_library_permanently(_LIBRARY)
    except RuntimeError:
        return False
    return binding.address_of_symbol(_symbol(_isa(), "exp", 1)) is not None


def modules() -> Mapping[str, ModuleType]:
    """Return the stand-ins, by the names that source imports them under."""
    return {"math": _standin(math), "numpy": _standin(np)}


@cache
def _isa() -> _Isa:
    """Return the widest registers that Numba's code may hand over."""
    settings = ("CPU_NAME", "CPU_FEATURES")  # perhaps for other machines
    chosen = any(getattr(config, name, None) for name in settings)
    features = binding.get_host_cpu_features()
    wide = not chosen and features.get("avx2") and features.get("fma")
    return _AVX2 if wide else _SSE2


def _symbol(isa: _Isa, name: str, arity: int, *, single: bool = False) -> str:
    lanes = isa.doubles * (2 if single else 1)
    return f"_ZGV{isa.letter}N{lanes}{'v' * arity}_{name}{'f' if single else ''}"


@cache
def _standin(module: ModuleType) -> ModuleType:
    """Return a copy of a module with vector versions of its functions."""
    found = ModuleType(module.__name__)
    vars(found).update(vars(module))
    for op in OPS.values():
        if op.vector is None or not isinstance(op.python, Notation):
            continue
        match = re.fullmatch(r"(math|np)\.(\w+)\(.*", op.python.template)
        short = {"math": "math", "numpy": "np"}[module.__name__]
        arity = op.arity or 1
        if match and match[1] == short and _known(op.vector, arity):
            vars(found)[match[2]] = _function(op.vector, arity)
    if module is np:
        vars(found).update(maximum=_maximum, minimum=_minimum)
    return found


def _known(name: str, arity: int) -> bool:
    symbols = (_symbol(_isa(), name, arity, single=s) for s in (False, True))
    return available() and all(binding.address_of_symbol(s) for s in symbols)


def _function(name: str, arity: int) -> Any:
    """Return a function that Numba compiles to a call with a vector version."""
    if arity == 1:

        @intrinsic
        def function(typing: Any, x: Any) -> Any:  # noqa: ARG001 - Numba's protocol
            return _typed(name, x)

    else:

        @intrinsic
        def function(typing: Any, x: Any, y: Any) -> Any:  # noqa: ARG001
            return _typed(name, x, y)

    return function


@intrinsic
def _maximum(typing: Any, x: Any, y: Any) -> Any:  # noqa: ARG001
    """Return the larger number, NaN if one is: a maximum of LLVM's, in lanes too."""
    return _extremum("maximum", ">", x, y)


@intrinsic
def _minimum(typing: Any, x: Any, y: Any) -> Any:  # noqa: ARG001
    """Return the smaller number, NaN if one is."""
    return _extremum("minimum", "<", x, y)


def _extremum(name: str, sign: str, x: Any, y: Any) -> Any:
    """Return a signature and code, of floats by LLVM's intrinsic function."""
    if not all(isinstance(a, types.Number | types.Boolean) for a in (x, y)):
        return None
    kind: Any = types.float32 if x == y == types.float32 else types.float64
    whole = all(isinstance(a, types.Integer | types.Boolean) for a in (x, y))
    kind = types.int64 if whole else kind

    def generate(_: Any, builder: Any, __: Any, values: Any) -> Any:
        if whole:
            return builder.select(builder.icmp_signed(sign, *values), *values)
        number = values[0].type
        function = builder.module.declare_intrinsic(
            f"llvm.{name}", [number], ir.FunctionType(number, [number] * 2)
        )
        return builder.call(function, values)

    return kind(kind, kind), generate


def _typed(name: str, *args: Any) -> Any:
    """Return a signature and the code for it; None for what is no number."""
    if not all(isinstance(a, types.Number | types.Boolean) for a in args):
        return None
    single = all(a == types.float32 for a in args)
    kind = types.float32 if single else types.float64

    def generate(_: Any, builder: Any, __: Any, values: Any) -> Any:
        scalar, text = _scalar(builder.module, name, len(args), single=single)
        call = builder.call(scalar, values)
        # llvmlite knows no attributes of calls that are key and value
        set.add(call.attributes, f'"vector-function-abi-variant"="{text}"')
        return call

    return kind(*[kind for _ in args]), generate


def _scalar(module: Any, name: str, arity: int, *, single: bool) -> tuple[Any, str]:
    """Return the scalar version in an LLVM module, and the text that pairs both."""
    isa = _isa()
    lanes = isa.doubles * (2 if single else 1)
    symbol = _symbol(isa, name, arity, single=single)
    own = f"overbar.{symbol}"
    pair = f"_ZGV_LLVM_N{lanes}{'v' * arity}_{own}({symbol})"
    if own in module.globals:
        return module.globals[own], pair
    number = ir.FloatType() if single else ir.DoubleType()
    vector = ir.VectorType(number, lanes)
    wide = ir.Function(module, ir.FunctionType(vector, [vector] * arity), symbol)
    scalar = ir.Function(module, ir.FunctionType(number, [number] * arity), own)
    scalar.linkage = "linkonce_odr"
    for function, flags in ((wide, ()), (scalar, ("noinline",))):
        for flag in ("nounwind", "readnone", "willreturn", *flags):
            set.add(function.attributes, flag)  # llvmlite does not know them all
    builder = ir.IRBuilder(scalar.append_basic_block())
    first = ir.Constant(ir.IntType(32), 0)
    everywhere = ir.Constant(ir.VectorType(ir.IntType(32), lanes), [0] * lanes)
    nothing = ir.Constant(vector, ir.Undefined)
    spread = [
        builder.shuffle_vector(
            builder.insert_element(nothing, x, first), nothing, everywhere
        )
        for x in scalar.args
    ]
    builder.ret(builder.extract_element(builder.call(wide, spread), first))
    return scalar, pair
