"""Print a C function of doubles for a core that takes and gives other numbers.

Comes in: the dtypes of the core's inputs and results. Goes out: text for LLVM. Inputs
are copied as what they are to be, results changed where they are.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_LARGEST_STACK = 512
"""Inputs up to which their slots are on the stack."""

_TO: dict[str, tuple[str, str]] = {
    "float64": ("double", "%v{0} = fadd double %a{0}, -0.0"),
    "float32": ("float", "%v{0} = fptrunc double %a{0} to float"),
    "int64": ("i64", "%v{0} = call i64 @llvm.fptosi.sat.i64.f64(double %a{0})"),
    "bool": ("i8", "%b{0} = fcmp une double %a{0}, 0.0\n%v{0} = zext i1 %b{0} to i8"),
}
"""What a dtype's numbers are in a slot, and how a double `%a` becomes one, `%v`."""
_FROM = {
    "float32": "%v{0} = fpext float %a{0} to double",
    "int64": "%v{0} = sitofp i64 %a{0} to double",
    "bool": "%v{0} = uitofp i8 %a{0} to double",
}
"""How a number of a dtype, `%a`, becomes a double, `%v`."""


def whole(inputs: Sequence[str], results: Sequence[str]) -> str:
    """Return `@whole`, which takes and gives doubles and calls `@core`.

    inputs, results: the dtypes of what that takes and gives.
    """
    count = max(len(inputs), 1)
    large = count > _LARGEST_STACK
    memory = (
        f"call ptr @malloc(i64 {8 * count})" if large else f"alloca i64, i64 {count}"
    )
    lines = [f"%slots = {memory}"]
    for dtype, start, stop in _runs(inputs):
        kind, change = _TO[dtype]
        lines.append(
            _loop(f"i{start}", start, stop, ("%x", "double"), ("%slots", kind), change)
        )
    lines.append("call void @core(ptr %slots, ptr %y)")
    for dtype, start, stop in _runs(results):
        if dtype in _FROM:
            kind = _TO[dtype][0]
            name, change = f"o{start}", _FROM[dtype]
            lines.append(
                _loop(name, start, stop, ("%y", kind), ("%y", "double"), change)
            )
    lines.append("call void @free(ptr %slots)" if large else "")
    body = "\n".join(lines)
    return f"define internal void @whole(ptr %x, ptr %y) {{\n{body}\nret void\n}}"


def _runs(dtypes: Sequence[str]) -> Iterator[tuple[str, int, int]]:
    """Yield stretches of one dtype: it, where it starts and where it ends."""
    start = 0
    for dtype, stretch in groupby(dtypes):
        stop = start + len(list(stretch))
        yield dtype, start, stop
        start = stop


def _loop(
    name: str,
    start: int,
    stop: int,
    given: tuple[str, str],
    made: tuple[str, str],
    change: str,
) -> str:
    """Return a loop over slots: from some memory and type into some others."""
    (source, kind), (target, other) = given, made
    return f"""\
br label %before.{name}
before.{name}:
br label %loop.{name}
loop.{name}:
%n{name} = phi i64 [ {start}, %before.{name} ], [ %next{name}, %loop.{name} ]
%from{name} = getelementptr i64, ptr {source}, i64 %n{name}
%a{name} = load {kind}, ptr %from{name}
{change.format(name)}
%to{name} = getelementptr i64, ptr {target}, i64 %n{name}
store {other} %v{name}, ptr %to{name}
%next{name} = add i64 %n{name}, 1
%more{name} = icmp ne i64 %next{name}, {stop}
br i1 %more{name}, label %loop.{name}, label %after.{name}
after.{name}:"""
