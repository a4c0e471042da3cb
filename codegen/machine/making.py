"""Make the machine code of one entry point over numbers.

Comes in: nodes, what is given and what is wanted. Goes out: a core, `void core(ptr in,
ptr out)` with a slot of 8 bytes for every number, as bytes that `loading` makes run.

There are two levels. Short programs are optimised by LLVM at once, and so are long ones
that are nearly all patterns, which become loops (see `rolled`). Of other long ones the
first code is put together from stencils, in time that grows as their length; LLVM's
code, several times quicker to run and much slower to make, takes its place later.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from overbar.codegen.machine.branching import print_branching
from overbar.codegen.machine.forms import Forms
from overbar.codegen.machine.loading import CELL, LAYOUT, joined
from overbar.codegen.machine.packing import Pack, packed
from overbar.codegen.machine.rolled import print_rolled
from overbar.codegen.machine.stencils import Stencils, available, fits
from overbar.codegen.machine.straight import print_straight
from overbar.codegen.machine.target import assembled
from overbar.codegen.machine.wide import vector_forms
from overbar.ir.program import If
from overbar.ir.types import F32

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from overbar.ir.graph import Node
    from overbar.ir.program import Program

CUT = 500
"""Ops of a function of a long program: longer ones take LLVM up to twice as long and
run no faster, shorter ones run slower by what crosses the cuts."""
LARGEST_QUICK = 1_000
"""Ops up to which LLVM's code is made at once: it takes some 30 us an op."""
SHORT = 400
"""Ops up to which a program is printed as it is, without a look for loops or packs."""
MOSTLY_LOOPS = 500, 20
"""Ops that LLVM compiles at once of a long program that was rolled up, or one in how
many of its ops if that is more: no longer than other first code takes."""
MODULE, LARGEST_MODULE = 10_000, 30_000
"""Ops of a module, at least and at most: what one process makes code of at a time."""


class Wanted(NamedTuple):
    """Say what to compute: nodes in order, operands first, none of them an array.

    inputs, results: those with a slot each, in order; program: makes the Program of
    the same, which knows the branches; strict: elementary functions are libm's.
    """

    nodes: Sequence[Node]
    inputs: Sequence[Node]
    results: Sequence[Node]
    program: Callable[[], Program]
    strict: bool = False

    @property
    def items(self) -> Sequence[Node | Pack]:
        """What has operands, in the order of the best code."""
        made = [n for n in self.nodes if n.args]
        many = not self.strict and len(made) > SHORT
        return packed(made) if many else made

    @property
    def stepwise(self) -> bool:
        """Whether code follows the statements of the Program: has branches, or rounds.

        In a float32 formula a value is rounded where it is given a name.
        """
        asked = False
        for n in self.nodes:
            if n.type is F32:
                return True
            asked = asked or n.op.chooses
        return asked and any(isinstance(s, If) for s in self.program().body)


def core_texts(wanted: Wanted) -> list[str]:
    """Return the texts for LLVM of one or more modules, the last with `@core`.

    Raises UnsupportedError for an op that machine code does not know.
    """
    if wanted.stepwise:
        return [print_branching(wanted.program(), wanted.inputs, Forms())]
    text = _loops(wanted)
    if text is not None:
        return [text]
    items = wanted.items
    return print_straight(items, wanted.inputs, wanted.results, CUT, _share(len(items)))


def _share(ops: int) -> int:
    """Return the ops of a module: each processor makes one, none of them too long."""
    pieces = -(-ops // CUT)
    share = -(-pieces // (os.cpu_count() or 1)) * CUT
    return max(MODULE, min(share, LARGEST_MODULE))


def _loops(wanted: Wanted, most: float = float("inf")) -> str | None:
    """Return the text of a long straight program as loops, so many ops to compile."""
    if len(wanted.nodes) <= SHORT:
        return None
    if any(n.args for n in wanted.inputs):  # what forward saved is no input there
        return None
    lanes = vector_forms(strict=wanted.strict)
    return print_rolled(*wanted[:3], Forms(), lanes, most=most)


def first_code(wanted: Wanted) -> tuple[str, bytes]:
    """Return the code to begin with: what it is, and its bytes."""
    if len(wanted.nodes) <= LARGEST_QUICK:
        return joined([assembled(text) for text in core_texts(wanted)])
    if not wanted.stepwise:
        least, part = MOSTLY_LOOPS
        text = _loops(wanted, max(least, len(wanted.nodes) // part))
        if text is not None:
            return joined([assembled(text)])
        if available() and fits(wanted.nodes, wanted.results):
            return LAYOUT, Stencils(*wanted[:3]).layout().packed()
    texts = core_texts(wanted)
    own = texts[-1].replace("define void @core(", f"define void @{FIRST}(")
    texts[-1] = own + _STUB
    return joined([assembled(text, level=0) for text in texts], first=True)


FIRST = '"overbar.first"'
_STUB = f"""
@{CELL} = global ptr @{FIRST}
define void @core(ptr %in, ptr %out) nounwind {{
%code = load atomic ptr, ptr @{CELL} monotonic, align 8
tail call void %code(ptr %in, ptr %out)
ret void
}}
"""
"""What calls the code that a cell names: at first this, later better code."""
