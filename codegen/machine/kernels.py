"""Make functions of single ops: doubles in, a double out, conditions as 0 and 1.

Code that is put together from stencils calls these for all but plain arithmetic.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, TypeAlias

from overbar.codegen.machine import libmvec
from overbar.codegen.machine.forms import Forms
from overbar.codegen.machine.target import assemble, load

if TYPE_CHECKING:
    from collections.abc import Sequence

    from overbar.codegen.machine.target import Code
    from overbar.ir.ops import Op

Kernel: TypeAlias = "tuple[Op, tuple[Any, ...], tuple[str, ...], int]"
"""An op, its attributes, the dtypes of its operands, and lanes, 1 for no vector."""

_DECLARED = re.compile(r"^declare .*$", re.MULTILINE)
_KINDS: dict[Kernel, int] = {}
_KEPT: list[Code] = []


def kernels(wanted: Sequence[Kernel]) -> dict[Kernel, int]:
    """Return the address of a function for each.

    Made once a process, however many formulas call them.
    """
    new = [key for key in wanted if key not in _KINDS]
    if new:
        names = [f"kernel{i}" for i in range(len(new))]
        code = load(assemble(_text(new, names), passes=1), names, _symbols(new))
        _KEPT.append(code)
        for key, name in zip(new, names, strict=True):
            _KINDS[key] = code.addresses[name]
    return {key: _KINDS[key] for key in wanted}


def _symbols(wanted: Sequence[Kernel]) -> dict[str, int]:
    """Return the addresses of functions over vectors."""
    found = [libmvec.symbol(op.vector or "", lanes) for op, _, _, lanes in wanted]
    return {s: libmvec.address(s) or 0 for s in found if s is not None}


def _text(wanted: Sequence[Kernel], names: Sequence[str]) -> str:
    forms = Forms()
    functions = [
        _function(forms, name, *key[:3]) if key[3] == 1 else _together(name, *key)
        for name, key in zip(names, wanted, strict=True)
    ]
    known = {text for part in functions for text in _DECLARED.findall(part)}
    rest = [_DECLARED.sub("", part) for part in functions]
    return "\n".join([forms.text(), *sorted(known), *rest])


def _together(name: str, op: Op, _: Any, __: Any, lanes: int) -> str:
    """Return a function over scratch memory and a row of places in it.

    The row says where results go, one after another, and where each operand is.
    """
    kind, symbol = f"<{lanes} x double>", libmvec.symbol(op.vector or "", lanes)
    lines, vector = [], "poison"
    for i in range(lanes):
        lines += [
            f"%p{i} = getelementptr i64, ptr %row, i64 {i + 1}",
            f"%o{i} = load i64, ptr %p{i}",
            f"%q{i} = getelementptr i8, ptr %scratch, i64 %o{i}",
            f"%x{i} = load double, ptr %q{i}",
            f"%w{i} = insertelement {kind} {vector}, double %x{i}, i32 {i}",
        ]
        vector = f"%w{i}"
    lines += [
        f"%r = call {kind} @{symbol}({kind} {vector})",
        "%o = load i64, ptr %row",
        "%q = getelementptr i8, ptr %scratch, i64 %o",
        f"store {kind} %r, ptr %q, align 8",
        "ret void",
    ]
    body = "\n".join(lines)
    known = f"declare {kind} @{symbol}({kind})\n"
    return f"{known}define void @{name}(ptr %scratch, ptr %row) {{\n{body}\n}}"


def _function(
    forms: Forms, name: str, op: Op, attrs: tuple[Any, ...], dtypes: tuple[str, ...]
) -> str:
    """Return a function that takes doubles, and gives the op what it expects."""
    lines, given = [], []
    for i, dtype in enumerate(dtypes):
        given.append(f"%a{i}")
        if dtype == "bool":
            lines.append(f"%b{i} = fcmp une double %a{i}, 0.0\n")
            given[-1] = f"%b{i}"
    made = forms.form(op, attrs, dtypes)
    lines.append(made.template.format(*given, n=""))
    value = "%v" if made.template else given[0]
    if made.dtype == "bool":
        lines.append(f"%w = uitofp i1 {value} to double\n")
        value = "%w"
    arguments = ", ".join(f"double %a{i}" for i in range(len(dtypes)))
    body = "".join(lines)
    return f"define double @{name}({arguments}) {{\n{body}ret double {value}\n}}"
