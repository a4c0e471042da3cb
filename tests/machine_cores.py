"""Cores to call, in LLVM's text: a polynomial, a copy, one that waits."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest

from overbar.codegen.machine import pycalls
from overbar.codegen.machine.pycores import Array, Core, Group, Parameter
from overbar.codegen.machine.pyslow import Slow
from overbar.codegen.machine.target import assemble, load
from overbar.results import named_type

WAYS = {"builtin": pycalls.builtin, "ctypes": Slow}
each_way = pytest.mark.parametrize("make", WAYS.values(), ids=WAYS)
usual = pytest.mark.skipif(
    not pycalls.available(), reason="this Python lays its objects out differently"
)

POLYNOMIAL = """
define void @core(ptr %in, ptr %out) {{
  br label %loop
loop:
  %i = phi i64 [ 0, %0 ], [ %j, %body ]
  %sum = phi double [ 0.0, %0 ], [ %total, %body ]
  %more = icmp ult i64 %i, {count}
  br i1 %more, label %body, label %end
body:
  %at = getelementptr double, ptr %in, i64 %i
  %x = load double, ptr %at
  %j = add i64 %i, 1
  %weight = uitofp i64 %j to double
  %term = fmul double %weight, %x
  %total = fadd double %sum, %term
  %square = fmul double %x, %x
  %to = getelementptr double, ptr %out, i64 %j
  store double %square, ptr %to
  br label %loop
end:
  store double %sum, ptr %out
  ret void
}}
"""
"""x1 + 2 x2 + 3 x3 + ..., and then the square of each."""

COPY = """
declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)
define void @core(ptr %in, ptr %out) {{
  call void @llvm.memcpy.p0.p0.i64(ptr %out, ptr %in, i64 {count}, i1 false)
  ret void
}}
"""
"""The first bytes of the inputs, as they are."""

AWAIT = """
define void @core(ptr %in, ptr %out) {{
  br label %loop
loop:
  %i = phi i64 [ 0, %0 ], [ %j, %again ]
  %x = load volatile double, ptr %in
  %set = fcmp une double %x, 0.0
  br i1 %set, label %end, label %again
again:
  %j = add i64 %i, 1
  %more = icmp ult i64 %j, {count}
  br i1 %more, label %loop, label %end
end:
  store double %x, ptr %out
  ret void
}}
"""
"""The first input, once it is not 0, or after so many looks."""


@cache
def machine(text: str, count: int) -> Any:
    """Return a core's code."""
    return load(assemble(text.format(count=count)), ["core"])


def core(text: str, count: int, parameters: Any, results: Any, **more: Any) -> Core:
    """Return a core with its arguments and results."""
    code = machine(text, count)
    address = code.addresses["core"]
    return Core(address, tuple(parameters), results, keep=code, **more)


def numbers(names: str, results: Any = None) -> Core:
    """Return the polynomial of numbers, with its squares by name."""
    grads = Group(("float64",) * len(names), named_type(tuple(names)))
    results = results or Group(("float64", grads))
    return core(POLYNOMIAL, len(names), map(Parameter, names), results)


def vector(n: int, **more: Any) -> Core:
    """Return the polynomial of one vector, with an array of squares."""
    results = Group(("float64", Array((n,))))
    return core(
        POLYNOMIAL, n, [Parameter("theta", size=n, placed=True)], results, **more
    )


def told(*args: Any, **keywords: Any) -> Any:
    """Return what a fallback is called with."""
    return "fallback", args, keywords


def value(*xs: float) -> float:
    """Return what the polynomial is by Python's arithmetic."""
    return sum((i + 1) * x for i, x in enumerate(xs))
