"""Hold machine code in memory of its own, which is written first and then only run."""

from __future__ import annotations

import ctypes
import mmap
from typing import Any

from overbar.ir.errors import OverbarError

_READ, _WRITE, _RUN = 1, 2, 4
"""Protections of POSIX's `mmap` and `mprotect`."""
_RETURN = b"\xc3"
"""A function that does nothing, for x86-64."""


class Executable:
    """Load code and keep it.

    cell: the address that the code jumps to first, which may be changed; data: what
    else it refers to.
    Raises OverbarError where the system refuses to run memory of this process.
    """

    def __init__(self, code: bytes, cell: Any = None) -> None:
        self.cell = cell
        self.data: Any = None
        self._memory = mmap.mmap(-1, len(code), prot=_READ | _WRITE)
        self._memory.write(code)
        view = ctypes.c_char.from_buffer(self._memory)
        self.address = ctypes.addressof(view)
        protect = ctypes.CDLL(None, use_errno=True).mprotect
        protect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
        if protect(self.address, len(code), _READ | _RUN):
            message = (
                "expected memory that can hold machine code, found that the system "
                f"forbids it (error {ctypes.get_errno()})"
            )
            raise OverbarError(message)

    @property
    def addresses(self) -> dict[str, int]:
        """The addresses of its function and of its cell, by name."""
        return {"core": self.address, "overbar_cell": self.cell.ctypes.data}


def allowed() -> bool:
    """Whether the system lets this process run code that it wrote itself."""
    try:
        Executable(_RETURN)
    except OverbarError:
        return False
    return True


def c_function(name: str) -> int:
    """Return the address of a function of the C library's."""
    found = ctypes.cast(getattr(ctypes.CDLL(None), name), ctypes.c_void_p).value
    if found is None:
        message = f"expected a function {name} of the C library, found none"
        raise OverbarError(message)
    return found
