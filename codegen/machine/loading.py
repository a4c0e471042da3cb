"""Load the machine code of entry points over numbers, of one level or the other.

Comes in: what `making` made, perhaps in another process. Goes out: a core's address.
What makes code is not imported here: code from the disk is there sooner without it.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from overbar.codegen.machine import libmvec
from overbar.codegen.machine.target import load

if TYPE_CHECKING:
    from collections.abc import Sequence

OBJECT, OBJECTS, LAYOUT = "object", "objects", "layout"
"""What bytes are: one module's object code, several ones', or stencils."""
_VECTOR = re.compile(rb"_ZGV[bcde]N\d+v+_\w+")


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


def joined(codes: Sequence[bytes]) -> tuple[str, bytes]:
    """Return the code of several modules as one: what it is, and its bytes."""
    if len(codes) == 1:
        return OBJECT, codes[0]
    head = json.dumps([len(code) for code in codes]).encode()
    return OBJECTS, b"\n".join([head, b"".join(codes)])


def machine(what: str, data: bytes) -> Machine:
    """Load code as `first_code` returns it."""
    return Machine(_loaded(what, data), final=what != LAYOUT)


def _loaded(what: str, data: bytes) -> Any:
    if what == LAYOUT:
        from overbar.codegen.machine.layout import Layout  # it needs the op table

        return Layout.unpacked(data).executable()
    symbols = {s.decode() for s in _VECTOR.findall(data)}
    known = {s: address for s in symbols if (address := libmvec.address(s))}
    return load([data] if what == OBJECT else _parted(data), ["core"], known)


def _parted(data: bytes) -> list[bytes]:
    head, _, rest = data.partition(b"\n")
    codes, start = [], 0
    for size in json.loads(head):
        codes.append(rest[start : start + size])
        start += size
    return codes
