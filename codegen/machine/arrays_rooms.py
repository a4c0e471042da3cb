"""Hold the memory that a core needs for arrays of its own: one block for all of them.

The C library keeps what one block was in, where many are given back to the system and
their pages are taken, and cleared, anew at each call. The core's kernel is told its
parts one by one, so that LLVM knows that they do not overlap.
"""

from __future__ import annotations

ALIGNED = 64
"""Bytes that memory begins at a multiple of: a line of the cache."""


class Rooms:
    """Collect the parts of the block of one core.

    sizing: lines that compute sizes, from which those of the parts are.
    """

    def __init__(self) -> None:
        self.sizing: list[str] = []
        self._bytes: list[str] = []

    def add(self, size: str) -> str:
        """Return the name of a part of so many bytes."""
        self._bytes.append(size)
        return f"%room{len(self._bytes) - 1}"

    def names(self) -> list[str]:
        """Return the names of the parts."""
        return [f"%room{k}" for k in range(len(self._bytes))]

    def called(self, loads: str, call: str, missing: int) -> str:
        """Return the body of a function that makes a call with the block.

        missing: what it returns where there is no memory.
        """
        if not self._bytes:
            return f"{loads}%status = {call}\nret i32 %status\n"
        lines, total = [loads, *self.sizing], "0"
        places = []
        for k, size in enumerate(self._bytes):
            places.append(total)
            lines.append(
                f"%wide{k} = add i64 {size}, {ALIGNED - 1}\n"
                f"%part{k} = and i64 %wide{k}, -{ALIGNED}\n"
                f"%end{k} = add i64 {total}, %part{k}\n"
            )
            total = f"%end{k}"
        lines.append(
            f"%whole = add i64 {total}, {ALIGNED}\n"
            "%memory = call noalias ptr @malloc(i64 %whole)\n"
            "%lost = icmp eq ptr %memory, null\n"
            "br i1 %lost, label %none, label %some\n"
            f"none:\nret i32 {missing}\nsome:\n"
            f"%last = getelementptr i8, ptr %memory, i64 {ALIGNED - 1}\n"
            f"%start = call ptr @llvm.ptrmask.p0.i64(ptr %last, i64 -{ALIGNED})\n"
        )
        lines += [
            f"%room{k} = getelementptr i8, ptr %start, i64 {place}\n"
            for k, place in enumerate(places)
        ]
        lines.append(
            f"%status = {call}\ncall void @free(ptr %memory)\nret i32 %status\n"
        )
        return "".join(lines)
