"""Print the call of a generated function, its results put into parts of arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING

from overbar.codegen.lines import INDENT, filled, wrap
from overbar.ir.program import Part

if TYPE_CHECKING:
    from overbar.codegen.writer import PythonWriter
    from overbar.ir.program import Call


def call_lines(item: Call, writer: PythonWriter, width: int) -> list[str]:
    """Return the lines of a call, of at most that width where names allow."""
    call = f"{item.program.name}({', '.join(map(writer.value, item.args))})"
    targets = item.targets(writer.names)
    if isinstance(item.into, Part):
        return wrap(f"{targets[0]} = ", call, "")
    if item.through:
        return wrap(f"{item.through} = ", call, "") + [
            f"{target} = {item.through}[{k}]"
            for k, target in enumerate(targets)
            if item.into[k] is not None
        ]
    if len(targets) == 1:
        return wrap(f"{targets[0]} = ", f"{call}[0]", "")
    left = ", ".join(targets)
    if len(left) + len(call) + 3 <= width:
        return [f"{left} = {call}"]
    if len(left) + len(item.program.name) + 5 <= width:
        return wrap(f"{left} = ", call, "")
    return ["(", *(INDENT + x for x in filled(targets, width - 4)), f") = {call}"]
