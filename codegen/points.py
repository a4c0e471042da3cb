"""Print a function that calls another at many points.

Points are columns of one array where all arguments are numbers; else every argument
has its own array of values, and a table says which one a point takes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from overbar.codegen.lines import INDENT, WIDTH, wrap
from overbar.ir.program import is_packed
from overbar.ir.types import BOOL, F32, F64, INT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from overbar.ir.program import Program, Result

_POINT = {
    F64: "points[{}, k]",
    F32: "points[{}, k]",
    INT: "int(points[{}, k])",
    BOOL: "points[{}, k] != 0",
}


def print_points(program: Program, decorator: str) -> str:
    """Return a function that calls the program's at every point, into arrays.

    Over numbers: argument j of point k is `points[j, k]`, and result j `out[j, k]`.
    Over arrays: argument j of point k is row `places[j, k]` of `given[j]`, so that what
    is the same at all points is given once; result j is row k of `out[j]`.
    """
    return (_over_arrays if program.shaped else _over_numbers)(program, decorator)


def _over_numbers(program: Program, decorator: str) -> str:
    points = ["points[:, k]"] if program.packed else [
        _POINT[node.type].format(i)
        for i, (_, node) in enumerate(program.params)
        if not isinstance(node, tuple)
    ]  # fmt: skip
    head = _head(program, decorator, "points", "column of points")
    return _filled(head, program, points, "out[{}, k{}]")


def _over_arrays(program: Program, decorator: str) -> str:
    own = len(program.params) - len(program.constants)
    args = [
        f"given[{j}][places[{j}, k]]" if j < own else f"given[{j}]"
        for j in range(len(program.params))
    ]
    head = _head(program, decorator, "given, places", "point")
    return _filled(head, program, args, "out[{}][k{}]")


def _head(program: Program, decorator: str, given: str, each: str) -> list[str]:
    """Return the first lines; of what is given the last has a column a point."""
    return [
        decorator,
        f"def {program.name}_points({given}, out):",
        f'{INDENT}"""Call {program.name} at each {each}, into out."""',
        f"{INDENT}for k in range({given.rsplit(', ', maxsplit=1)[-1]}.shape[1]):",
    ]


def _filled(head: list[str], program: Program, args: Sequence[str], place: str) -> str:
    """Return the function's text; place: where result j goes, with its further axes."""
    copies: list[str] = []
    pattern = _pattern(program.result, place, copies, [])
    pad, call = INDENT * 2, f"{program.name}({', '.join(args)})"
    if len(pattern) + len(program.name) < WIDTH - len(pad) - 4:
        lines = wrap(f"{pattern} = ", call, pad)
    else:
        lines = [*wrap("r = ", call, pad), *wrap("", f"{pattern} = r", pad)]
    return "\n".join([*head, *lines, *(pad + line for line in copies)]) + "\n"


def _pattern(result: Result, place: str, copies: list[str], done: list[Result]) -> str:
    """Return what a nested result is assigned to; note where its values go."""
    first = len(done)
    name = f"r{first}"
    if not isinstance(result, tuple):
        done.append(result)
        axes = ", :" * len(result.type.shape)
        copies.append(f"{place.format(first, axes)} = {name}")
        return name
    if is_packed(result):
        done += result
        copies.append(f"{place.format(f'{first} : {len(done)}', '')} = {name}")
        return name
    parts = [_pattern(part, place, copies, done) for part in result]
    return f"({', '.join(parts)}{',' * (len(parts) == 1)})"
