"""Make functions of single ops: doubles in, a double out, conditions as 0 and 1.

Code that is put together from stencils calls these for all but plain arithmetic.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from overbar.codegen.machine.forms import Forms
from overbar.codegen.machine.target import assemble, load

if TYPE_CHECKING:
    from collections.abc import Sequence

    from overbar.codegen.machine.target import Code
    from overbar.ir.ops import Op

Kernel: TypeAlias = "tuple[Op, tuple[Any, ...], tuple[str, ...]]"
"""An op, its attributes, and the dtypes of its operands."""

_KINDS: dict[Kernel, int] = {}
_KEPT: list[Code] = []


def kernels(wanted: Sequence[Kernel]) -> dict[Kernel, int]:
    """Return the address of a function for each op, its attributes, its dtypes.

    Made once a process, however many formulas call them.
    """
    new = [key for key in wanted if key not in _KINDS]
    if new:
        names = [f"kernel{i}" for i in range(len(new))]
        code = load(assemble(_text(new, names), level=2, passes=1), names)
        _KEPT.append(code)
        for key, name in zip(new, names, strict=True):
            _KINDS[key] = code.addresses[name]
    return {key: _KINDS[key] for key in wanted}


def _text(wanted: Sequence[Kernel], names: Sequence[str]) -> str:
    forms = Forms()
    functions = [
        _function(forms, name, *key) for name, key in zip(names, wanted, strict=True)
    ]
    return "\n".join([forms.text(), *functions])


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
