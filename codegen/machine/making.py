"""Make the machine code of one entry point over numbers.

Comes in: nodes, what is given and what is wanted. Goes out: a core, `void core(ptr in,
ptr out)` with a slot of 8 bytes for every number, in a form that a file can hold.

There are two levels. Short programs are optimised by LLVM at once. Of long ones the
first code is put together from stencils, in time that grows as their length; LLVM's
code, several times quicker to run and much slower to make, takes its place later.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from overbar.codegen.machine import libmvec
from overbar.codegen.machine.branching import print_branching
from overbar.codegen.machine.forms import Forms
from overbar.codegen.machine.layout import Layout
from overbar.codegen.machine.packing import Pack, packed
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
MODULE = 10_000
"""Ops of a module: what one process makes code of at a time."""
_VECTOR = re.compile(rb"_ZGV[bcde]N\d+v+_\w+")
_OBJECT, _OBJECTS, _LAYOUT = "object", "objects", "layout"


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
        many = not self.strict and len(made) > LARGEST_QUICK
        return packed(made) if many else made

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

    def replace(self, what: str, data: bytes) -> None:
        """Let every call from now on run other code for the same."""
        code = _loaded(what, data)
        self._codes[0].cell[0] = code.addresses["core"]
        self._codes.append(code)
        self.final = True


def core_texts(wanted: Wanted) -> list[str]:
    """Return the texts for LLVM of one or more modules, the last with `@core`.

    Raises UnsupportedError for an op that machine code does not know.
    """
    if wanted.branches:
        return [print_branching(wanted.program(), wanted.inputs, Forms())]
    return print_straight(wanted.items, wanted.inputs, wanted.results, CUT, MODULE)


def first_code(wanted: Wanted) -> tuple[str, bytes]:
    """Return the code to begin with: what it is, and its bytes."""
    quick = len(wanted.nodes) <= LARGEST_QUICK
    if not quick and available() and fits(wanted.nodes, wanted.results):
        if not wanted.branches:
            return _LAYOUT, Stencils(*wanted[:3]).layout().packed()
    texts = core_texts(wanted)
    return joined([assembled(text, level=2 if quick else 0) for text in texts])


def assembled(text: str, *, level: int = 2) -> bytes:
    """Return the object code of a module of `core_texts`.

    Variables of branches are in memory, so that the passes pay there; straight code
    has none, and its equal subexpressions are one already.
    """
    branches = "\nbr i1 " in text
    return assemble(text, level=level, passes=2 if branches and level else 0)


def joined(codes: Sequence[bytes]) -> tuple[str, bytes]:
    """Return the code of several modules as one: what it is, and its bytes."""
    if len(codes) == 1:
        return _OBJECT, codes[0]
    head = json.dumps([len(code) for code in codes]).encode()
    return _OBJECTS, b"\n".join([head, b"".join(codes)])


def machine(what: str, data: bytes) -> Machine:
    """Load code as `first_code` returns it."""
    return Machine(_loaded(what, data), final=what != _LAYOUT)


def _loaded(what: str, data: bytes) -> Any:
    if what == _LAYOUT:
        return Layout.unpacked(data).executable()
    symbols = {s.decode() for s in _VECTOR.findall(data)}
    known = {s: address for s in symbols if (address := libmvec.address(s))}
    return load([data] if what == _OBJECT else _parted(data), ["core"], known)


def _parted(data: bytes) -> list[bytes]:
    head, _, rest = data.partition(b"\n")
    codes, start = [], 0
    for size in json.loads(head):
        codes.append(rest[start : start + size])
        start += size
    return codes
