"""Make the machine code of one entry point over numbers.

Comes in: nodes, what is given and what is wanted. Goes out: a core, `void core(ptr in,
ptr out)` with a slot of 8 bytes for every number, in a form that a file can hold.

There are two levels. Short programs are optimised by LLVM at once. Of long ones the
first code is put together from stencils, in time that grows as their length; LLVM's
code, several times quicker to run and much slower to make, takes its place later.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from overbar.codegen.machine.branching import print_branching
from overbar.codegen.machine.forms import Forms
from overbar.codegen.machine.layout import Layout
from overbar.codegen.machine.stencils import Stencils, available, fits
from overbar.codegen.machine.straight import print_straight
from overbar.codegen.machine.target import assemble, load
from overbar.ir.program import If

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from overbar.ir.graph import Node
    from overbar.ir.program import Program

CUT = 2_000
"""Ops of a function of a long program."""
LARGEST_QUICK = 400
"""Ops up to which LLVM's code is made at once."""
_OBJECT, _LAYOUT = "object", "layout"


class Wanted(NamedTuple):
    """Say what to compute: nodes in order, operands first, none of them an array.

    inputs, results: those with a slot each, in order; program: makes the Program of
    the same, which knows the branches.
    """

    nodes: Sequence[Node]
    inputs: Sequence[Node]
    results: Sequence[Node]
    program: Callable[[], Program]

    @property
    def branches(self) -> bool:
        """Whether something is to be computed in a branch alone."""
        return any(n.op.chooses for n in self.nodes) and any(
            isinstance(s, If) for s in self.program().body
        )


class Machine:
    """Hold the machine code of a core, which may be replaced while it is called.

    address: of the core. Code that was replaced is kept: it may be running.
    """

    def __init__(self, code: Any, *, final: bool) -> None:
        self._codes = [code]
        self.address: int = code.addresses["core"]
        self.final = final

    def replace(self, data: bytes) -> None:
        """Let every call from now on run other code for the same."""
        code = load(data, ["core"])
        self._codes[0].cell[0] = code.addresses["core"]
        self._codes.append(code)
        self.final = True


def core_text(wanted: Wanted, *, cut: int = CUT) -> str:
    """Return the text of `@core` for LLVM.

    Raises UnsupportedError for an op that machine code does not know.
    """
    if wanted.branches:
        return print_branching(wanted.program(), wanted.inputs, Forms())
    return print_straight(wanted.nodes, wanted.inputs, wanted.results, Forms(), cut)


def optimised(text: str) -> bytes:
    """Return the best object code of `core_text`."""
    return assemble(text, level=2, passes=2 if "\nbr i1 " in text else 0)


def first_code(wanted: Wanted) -> tuple[str, bytes]:
    """Return the code to begin with: what it is, and its bytes."""
    if len(wanted.nodes) > LARGEST_QUICK and available():
        if fits(wanted.nodes, wanted.results) and not wanted.branches:
            return _LAYOUT, Stencils(*wanted[:3]).layout().packed()
        return _OBJECT, assemble(core_text(wanted), level=0)
    return _OBJECT, optimised(core_text(wanted))


def machine(what: str, data: bytes) -> Machine:
    """Load code as `first_code` returns it."""
    if what == _OBJECT:
        return Machine(load(data, ["core"]), final=True)
    return Machine(Layout.unpacked(data).executable(), final=False)
