"""Write two elementary functions of one number as one, over vectors of doubles.

Comes in: the functions' names and a number of lanes. Goes out: the definition of a
function that returns both. They are at most 4 units in the last place off.
"""

from __future__ import annotations

from overbar.codegen.machine import inlined, inlined_near, libraries
from overbar.codegen.machine.instructions import Value
from overbar.codegen.machine.writing import Doubles

NAMES = ("sin", "cos")
"""Those that have the reduction of their angle in common."""


def symbol(lanes: int) -> str | None:
    """Return what the function is called, None where it cannot be written."""
    fits = all(
        inlined_near.available(name, lanes) and libraries.symbol(name, lanes)
        for name in NAMES
    )
    return f"overbar.both.{'.'.join(NAMES)}.{lanes}" if fits else None


def definition(lanes: int) -> list[str]:
    """Return the function's declarations, and the definition as the last."""
    code = Doubles(lanes)
    x = Value("%x", "float64")
    both = inlined_near.sin_and_cos(code, x)
    called = [libraries.symbol(name, lanes) for name in NAMES]
    values = inlined.unless_far(code, x, both, [f"@{name}" for name in called])
    kind = code.kind("float64")
    pair = f"{{ {kind}, {kind} }}"
    first, second = (value.text for value in values)
    text = (
        f"define internal {pair} @{symbol(lanes)}({kind} %x) noinline nounwind "
        '"min-legal-vector-width"="512" {\n'
        f"{code.text()}\n%one = insertvalue {pair} poison, {kind} {first}, 0\n"
        f"%two = insertvalue {pair} %one, {kind} {second}, 1\nret {pair} %two\n}}"
    )
    pure = "nounwind willreturn memory(none)"
    return [
        *code.declared, *(f"declare {kind} @{name}({kind}) {pure}" for name in called),
        text,
    ]  # fmt: skip
