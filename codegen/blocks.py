"""Print a function that calls another at many points of arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING

from overbar.codegen.lines import INDENT, wrap

if TYPE_CHECKING:
    from overbar.ir.program import Program, Result


def print_blocks(program: Program, decorator: str) -> str:
    """Return a function that calls the program's at every point, into arrays.

    Argument j of point k is row `places[j, k]` of `given[j]`, so that what is the same
    at all points is given once; result j of point k is row k of `out[j]`.
    """
    params = [node for _, node in program.params]
    own = len(params) - len(program.constants)
    args = [
        f"given[{j}][places[{j}, k]]" if j < own else f"given[{j}]"
        for j in range(len(params))
    ]
    copies: list[str] = []
    pattern = _pattern(program.result, copies)
    pad = INDENT * 2
    lines = [
        decorator,
        f"def {program.name}_points(given, places, out):",
        f'{INDENT}"""Call {program.name} at each point, into out."""',
        f"{INDENT}for k in range(places.shape[1]):",
        *wrap("r = ", f"{program.name}({', '.join(args)})", pad),
        *wrap(f"{pattern} = ", "r", pad),
        *(pad + line for line in copies),
    ]
    return "\n".join(lines) + "\n"


def _pattern(result: Result, copies: list[str]) -> str:
    """Return what a nested result is assigned to; note where its values go."""
    if not isinstance(result, tuple):
        name = f"r{len(copies)}"
        axes = ", :" * len(result.type.shape)
        copies.append(f"out[{len(copies)}][k{axes}] = {name}")
        return name
    parts = [_pattern(part, copies) for part in result]
    return f"({', '.join(parts)}{',' * (len(parts) == 1)})"
