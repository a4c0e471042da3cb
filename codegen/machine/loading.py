"""Load the machine code of entry points over numbers, of one level or the other.

Comes in: what `making` made, perhaps in another process. Goes out: a core's address.
What makes code is not imported here: code from the disk is there sooner without it.
"""

from __future__ import annotations

import ctypes
import json
import re
from typing import TYPE_CHECKING, Any

from overbar.codegen.machine import libraries
from overbar.codegen.machine.target import load
from overbar.ir.errors import OverbarError

if TYPE_CHECKING:
    from collections.abc import Sequence

OBJECT, OBJECTS, FIRST, LAYOUT = "object", "objects", "first", "layout"
"""What bytes are: one module's object code, several ones', these with a cell that names
the code to run, or stencils."""
CELL = "overbar_cell"
_VECTOR = re.compile(libraries.SYMBOLS.encode())


class Machine:
    """Hold the machine code of a core, which may be replaced while it is called.

    address: of the core; cell: of the word that names the code which it runs, None
    for the best code. Code that was replaced is kept: it may be running.
    """

    def __init__(self, what: str, data: bytes) -> None:
        code = _loaded(what, data)
        self._codes = [code]
        self.address: int = code.addresses["core"]
        self.cell: int | None = code.addresses.get(CELL)

    @property
    def final(self) -> bool:
        """Whether the code is the best."""
        return self.cell is None

    def replace(self, what: str, data: bytes) -> None:
        """Let every call from now on run other code for the same."""
        if self.cell is None:
            message = "expected first code to replace, found the best"
            raise OverbarError(message)
        code = _loaded(what, data)
        ctypes.c_uint64.from_address(self.cell).value = code.addresses["core"]
        self._codes.append(code)
        self.cell = None


def joined(codes: Sequence[bytes], *, first: bool = False) -> tuple[str, bytes]:
    """Return the code of several modules as one: what it is, and its bytes."""
    if len(codes) == 1 and not first:
        return OBJECT, codes[0]
    head = json.dumps([len(code) for code in codes]).encode()
    return FIRST if first else OBJECTS, b"\n".join([head, b"".join(codes)])


def _loaded(what: str, data: bytes) -> Any:
    if what == LAYOUT:
        from overbar.codegen.machine.layout import Layout  # it needs the op table

        return Layout.unpacked(data).executable()
    symbols = {s.decode() for s in _VECTOR.findall(data)}
    names = ["core", CELL] if what == FIRST else ["core"]
    return load(
        [data] if what == OBJECT else _parted(data), names, libraries.addresses(symbols)
    )


def _parted(data: bytes) -> list[bytes]:
    head, _, rest = data.partition(b"\n")
    codes, start = [], 0
    for size in json.loads(head):
        codes.append(rest[start : start + size])
        start += size
    return codes
