"""Hold code that was put together from stencils, and make it run.

Comes in: the bytes of a function's body, its constants, the ops that it calls. Goes
out: the same as a file, and code in memory: a stub that jumps to where a cell says, the
registers' set-up, the body, the end. The cell may later name other code.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from overbar.codegen.machine.kernels import kernels
from overbar.codegen.machine.memory import Executable, c_function
from overbar.ir.ops import lookup

if TYPE_CHECKING:
    from collections.abc import Sequence

    from overbar.codegen.machine.kernels import Kernel


@dataclass(frozen=True, slots=True)
class Layout:
    """Hold a function's body with what it needs.

    functions: what it calls, in the order of its table; scratch: how many slots of
    memory it computes in.
    """

    body: bytes
    constants: Any
    functions: Sequence[Kernel]
    scratch: int

    def packed(self) -> bytes:
        """Return it as bytes."""
        functions = [(op.name, attrs, dtypes) for op, attrs, dtypes in self.functions]
        head = json.dumps([functions, self.scratch, len(self.constants)])
        return b"".join([head.encode(), b"\n", self.constants.tobytes(), self.body])

    @classmethod
    def unpacked(cls, data: bytes) -> Layout:
        """Return what `packed` made bytes of."""
        head, _, rest = data.partition(b"\n")
        functions, scratch, count = json.loads(head)
        known = [(lookup(n), tuple(a), tuple(d)) for n, a, d in functions]
        return cls(rest[8 * count :], np.frombuffer(rest, "f8", count), known, scratch)

    def executable(self) -> Executable:
        """Return the code, loaded."""
        table = np.array([*kernels(self.functions).values(), 0], np.uint64)
        cell = np.zeros(1, np.uint64)
        stub = _stub(cell.ctypes.data)
        malloc, free = _memory()
        start = _prologue(
            table.ctypes.data, self.constants.ctypes.data, 8 * self.scratch, malloc
        )
        code = Executable(stub + start + self.body + _epilogue(free), cell)
        code.data = (table, self.constants)
        cell[0] = code.address + len(stub)
        return code


@cache
def _memory() -> tuple[int, int]:
    return c_function("malloc"), c_function("free")


def _stub(cell: int) -> bytes:
    """Jump to the address in a cell: mov rax, ...; jmp [rax]."""
    return b"\x48\xb8" + cell.to_bytes(8, "little") + b"\xff\x20"


def _prologue(table: int, constants: int, size: int, malloc: int) -> bytes:
    """Save registers, set them up, and ask for scratch memory."""
    return b"".join([
        b"\x55\x53\x41\x54\x41\x55\x41\x56\x41\x57",  # push rbp, rbx, r12 to r15
        b"\x48\x83\xec\x08",  # sub rsp, 8: calls need it to be a multiple of 16
        b"\x49\x89\xfe\x48\x89\xf3",  # mov r14, rdi; mov rbx, rsi
        b"\x48\xbd", table.to_bytes(8, "little"),  # mov rbp, ...
        b"\x49\xbf", constants.to_bytes(8, "little"),  # mov r15, ...
        b"\xbf", size.to_bytes(4, "little"),  # mov edi, ...
        b"\x48\xb8", malloc.to_bytes(8, "little"), b"\xff\xd0",  # mov rax, ...; call
        b"\x49\x89\xc5",  # mov r13, rax
    ])  # fmt: skip


def _epilogue(free: int) -> bytes:
    """Give the scratch memory back, restore registers, return."""
    return b"".join([
        b"\x4c\x89\xef",  # mov rdi, r13
        b"\x48\xb8", free.to_bytes(8, "little"), b"\xff\xd0",  # mov rax, ...; call
        b"\x48\x83\xc4\x08",  # add rsp, 8
        b"\x41\x5f\x41\x5e\x41\x5d\x41\x5c\x5b\x5d\xc3",  # pop all, return
    ])  # fmt: skip
