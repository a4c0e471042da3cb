"""Print C functions that call a core, of the types that C, SciPy and Numba ask for.

Comes in: a core with what it takes and gives. Goes out: the types of functions that it
can have, in C's words, and each function's text for LLVM. A row says what is special
about a type; all come down to one function of vectors (`@many`), or to the core itself.
"""

from __future__ import annotations

import ctypes
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from overbar.codegen.machine.doubles import whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LARGEST_CALL = 16
"""Numbers that a C function takes one by one."""
_NAN = "0x7FF8000000000000"


@dataclass(frozen=True, slots=True)
class CCore:
    """Stand for a core with what C functions need to know of it.

    address: of the machine code, which lives as long as `keep`.
    inputs, results: the dtypes of what it takes and gives, a slot each.
    bare: whether it gives one number, and not a tuple of one.
    defaults: of the last inputs, which may be left out.
    """

    address: int
    inputs: tuple[str, ...]
    results: tuple[str, ...]
    bare: bool
    defaults: tuple[float, ...] = ()
    keep: Any = None

    @property
    def least(self) -> int:
        """How many numbers a call has to give."""
        return len(self.inputs) - len(self.defaults)

    @property
    def plain(self) -> bool:
        """Whether all slots are doubles, so that C can call the core itself."""
        return {*self.inputs, *self.results} <= {"float64"}


class Row(NamedTuple):
    """Say what a type of C functions is in LLVM's words, and in those of `ctypes`.

    body: gives the lines of `@function` for a core.
    """

    result: str
    given: str
    kinds: tuple[Any, ...]
    body: Callable[[CCore], str]


_DOUBLE, _INT, _WORD = ctypes.c_double, ctypes.c_int, ctypes.c_ssize_t
_DOUBLES, _WORDS = ctypes.POINTER(_DOUBLE), ctypes.POINTER(_WORD)
RAW = "void (double *, double *)"
VECTOR = "double (int, double *, void *)"
"""What every core has, and what it has where it gives one number."""


def types_of(core: CCore) -> dict[str, Row]:
    """Return the types of functions that a core can have, its own first."""
    rows = dict(_rows(core))
    first = VECTOR if core.bare else RAW
    return {first: rows.pop(first), **rows}


def _rows(core: CCore) -> Iterator[tuple[str, Row]]:
    yield RAW, Row("void", "ptr %x, ptr %y", (None, _DOUBLES, _DOUBLES), _raw)
    count = len(core.inputs)
    if count <= LARGEST_CALL:
        kinds: tuple[Any, ...] = (_INT, _WORDS, _DOUBLES, _INT, _INT, ctypes.c_void_p)
        given = "ptr %i, ptr %y, i32 %n, i32 %m, ptr %data"
        name = "int (intptr_t *, double *, int, int, void *)"
        yield name, Row("i32", given, kinds, _transform)
    if len(core.results) != 1:
        return
    kinds = (_DOUBLE, _INT, _DOUBLES, ctypes.c_void_p)
    yield VECTOR, Row("double", "i32 %n, ptr %x, ptr %data", kinds, _vector)
    yield "double (int, double *)", Row("double", "i32 %n, ptr %x", kinds[:3], _vector)
    kinds = (_INT, _DOUBLES, _WORD, _DOUBLES, ctypes.c_void_p)
    given = "ptr %x, i64 %n, ptr %y, ptr %data"
    yield (
        "int (double *, intptr_t, double *, void *)",
        Row("i32", given, kinds, _filter),
    )
    if count:
        kinds = (_DOUBLE, _DOUBLE, ctypes.c_void_p)
        row = Row("double", "double %x0, ptr %data", kinds, _with_data)
        yield "double (double, void *)", row
    for n in range(core.least, min(count, LARGEST_CALL) + 1):
        given = ", ".join(f"double %x{i}" for i in range(n))
        row = Row("double", given, (_DOUBLE,) * (n + 1), _numbers(n))
        yield f"double ({', '.join(['double'] * n) or 'void'})", row


# -- the functions of each type --------------------------------------------------------


def _raw(_: CCore) -> str:
    return "call void @whole(ptr %x, ptr %y)\nret void"


def _vector(_: CCore) -> str:
    return f"%size = sext i32 %n to i64\n{_value('%size', '%x')}"


def _filter(_: CCore) -> str:
    return """\
%fits = call i1 @many(i64 %n, ptr %x, ptr %y)
%done = zext i1 %fits to i32
ret i32 %done"""


def _with_data(core: CCore) -> str:
    """Take the inputs after the first from the caller's data, if there are any."""
    count = len(core.inputs)
    return f"""\
%all = alloca [{count} x double]
store double %x0, ptr %all
%none = icmp eq ptr %data, null
br i1 %none, label %call, label %copy
copy:
%rest = getelementptr double, ptr %all, i64 1
call void @llvm.memcpy.p0.p0.i64(ptr %rest, ptr %data, i64 {8 * count - 8}, i1 false)
br label %call
call:
%size = select i1 %none, i64 1, i64 {count}
{_value("%size", "%all")}"""


def _numbers(count: int) -> Callable[[CCore], str]:
    def body(_: CCore) -> str:
        lines = [f"%all = alloca [{max(count, 1)} x double]"]
        for i in range(count):
            lines.append(f"%p{i} = getelementptr double, ptr %all, i64 {i}")
            lines.append(f"store double %x{i}, ptr %p{i}")
        return "\n".join([*lines, _value(str(count), "%all")])

    return body


def _value(size: str, pointer: str) -> str:
    """Return the one result for so many numbers; NaN where that is not their number."""
    return f"""\
%y = alloca double
store double {_NAN}, ptr %y
%fits = call i1 @many(i64 {size}, ptr {pointer}, ptr %y)
%value = load double, ptr %y
ret double %value"""


def _transform(core: CCore) -> str:
    """Take whole numbers, one an axis of an array (`geometric_transform` of SciPy)."""
    count = len(core.inputs)
    lines = [
        f"%all = alloca [{max(count, 1)} x double]",
        f"%right = icmp eq i32 %n, {count}",
        f"%left = icmp eq i32 %m, {len(core.results)}",
        "%known = and i1 %right, %left",
        "br i1 %known, label %call, label %refuse",
        "call:",
    ]
    for k in range(count):
        lines += [
            f"%i{k} = getelementptr i64, ptr %i, i64 {k}",
            f"%w{k} = load i64, ptr %i{k}",
            f"%x{k} = sitofp i64 %w{k} to double",
            f"%p{k} = getelementptr double, ptr %all, i64 {k}",
            f"store double %x{k}, ptr %p{k}",
        ]
    end = "call void @whole(ptr %all, ptr %y)\nret i32 1\nrefuse:\nret i32 0"
    return "\n".join([*lines, end])


# -- what they have in common ----------------------------------------------------------


def text_of(core: CCore, row: Row) -> str:
    """Return a function's text for LLVM: `@function`, which calls `@core`."""
    name = "@core" if core.plain else "@whole"
    changed = "" if core.plain else whole(core.inputs, core.results)
    own = f"define {row.result} @function({row.given}) {{\n{row.body(core)}\n}}"
    parts = [*_DECLARED, changed, _many(core), own]
    return "\n".join(parts).replace("@whole", name)


_DECLARED = (
    "declare void @core(ptr, ptr)",
    "declare ptr @malloc(i64)",
    "declare void @free(ptr)",
    "declare i64 @llvm.fptosi.sat.i64.f64(double)",
    "declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)",
)


def _many(core: CCore) -> str:
    """Return the function of a vector: whether it is as long as it should be.

    One that ends where the inputs with defaults begin, or later, is completed by these.
    """
    count, least = len(core.inputs), core.least
    values = [0.0] * least + [*core.defaults] if core.defaults else []
    held = len(values)
    numbers = ", ".join(f"double {_exact(v)}" for v in values)
    return f"""\
@defaults = internal constant [{held} x double] [{numbers}]
define internal i1 @many(i64 %n, ptr %x, ptr %y) {{
%all = alloca [{held} x double]
%exact = icmp eq i64 %n, {count}
br i1 %exact, label %call, label %other
other:
%enough = icmp sge i64 %n, {least}
%below = icmp slt i64 %n, {count}
%some = and i1 %enough, %below
br i1 %some, label %complete, label %refuse
complete:
call void @llvm.memcpy.p0.p0.i64(ptr %all, ptr @defaults, i64 {8 * held}, i1 false)
%size = shl i64 %n, 3
call void @llvm.memcpy.p0.p0.i64(ptr %all, ptr %x, i64 %size, i1 false)
br label %call
call:
%given = phi ptr [ %x, %0 ], [ %all, %complete ]
call void @whole(ptr %given, ptr %y)
ret i1 true
refuse:
ret i1 false
}}"""


def _exact(value: float) -> str:
    return f"0x{struct.pack('>d', value).hex().upper()}"
