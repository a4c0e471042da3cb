"""Put machine code together from ready-made pieces, for x86-64: long code in no time.

Comes in: straight code over float64. Goes out: bytes that compute one op after another
in memory: load, apply, store. Every op is a few instructions of known length, so NumPy
lays out all of them at once; functions are called through a table. The code is not
good, some five times slower than what LLVM makes of it, but is made a hundred times
sooner, in time that grows as its length.

Registers: rbx results, rbp table of functions, r13 scratch, r14 inputs, r15 constants.
Encodings are those of Intel's manual, volume 2.
"""

from __future__ import annotations

import platform
import sys
from array import array
from typing import TYPE_CHECKING, Any

import numpy as np

from overbar.codegen.machine.layout import Layout
from overbar.codegen.machine.memory import allowed
from overbar.ir.node import CONST
from overbar.ir.ops import OPS, OWN
from overbar.ir.types import F64

if TYPE_CHECKING:
    from collections.abc import Sequence

    from overbar.codegen.machine.kernels import Kernel
    from overbar.ir.graph import Node
    from overbar.ir.ops import Op

SCRATCH, INPUTS, CONSTANTS = 5, 6, 7
"""The registers r13, r14 and r15 in an instruction whose prefix says r8 to r15."""
MOST_OPERANDS = 4
_CODES = {"fadd": 0x58, "fmul": 0x59, "fsub": 0x5C, "fdiv": 0x5E}
_MOVE, _STORE, _ROOT = 0x10, 0x11, 0x51
_LONG, _CALL = 9, 6
"""Bytes of an instruction with an operand in memory, and of a call."""
_MINUS_ZERO = -0.0


def available() -> bool:
    """Whether this machine runs such code, and the system allows it.

    It takes its arguments where System V's convention has them, unlike Windows'.
    """
    machine = platform.machine().lower() in {"x86_64", "amd64"}
    usual = machine and sys.platform in {"linux", "darwin"} and sys.maxsize > 2**32
    return usual and allowed()


def fits(nodes: Sequence[Node], results: Sequence[Node]) -> bool:
    """Whether code is of float64 and conditions alone, and of few operands.

    The ops have to be our own, as what is called is known by their names.
    """
    unlike = [n for n in nodes if n.type is not F64 or len(n.args) > MOST_OPERANDS]
    return (
        {n.op for n in nodes} <= OWN
        and all(n.type.dtype == "float64" for n in results)
        and all(
            n.type.dtype in {"float64", "bool"} and len(n.args) <= MOST_OPERANDS
            for n in unlike
        )
    )


class Stencils:
    """Lay out straight code; inputs and results have a slot each, in order.

    places: where a value is, by its node's index: a register of a base, and an offset.
    """

    def __init__(
        self, nodes: Sequence[Node], inputs: Sequence[Node], results: Sequence[Node]
    ) -> None:
        self.results = results
        self.constants = [_MINUS_ZERO]
        last = max(n.index for n in (*nodes[-1:], *inputs, *results))
        self.places = [0] * (last + 1)
        for i, n in enumerate(inputs):
            self.places[n.index] = INPUTS << 32 | 8 * i
        self.kinds: dict[Kernel, int] = {}
        self.codes = array("q")
        self.columns = array("q"), array("q")
        self.more: list[tuple[int, int, int]] = []
        self._flatten(nodes)

    def _flatten(self, nodes: Sequence[Node]) -> None:
        """Note every node's code and the places of its operands, in flat arrays."""
        places, inline, codes = self.places, _INLINE, self.codes
        firsts, seconds = self.columns
        own = SCRATCH << 32
        for n in nodes:
            args = n.args
            if not args:
                if n.op is CONST:
                    places[n.index] = CONSTANTS << 32 | 8 * len(self.constants)
                    self.constants.append(n.value)
                continue
            if n.op in _SAME:
                places[n.index] = places[args[0].index]
                continue
            code = inline.get(n.op)
            if code is None:
                key = (n.op, n.attrs, tuple([a.type.dtype for a in args]))
                code = -1 - self.kinds.setdefault(key, len(self.kinds))
            first = places[args[0].index]
            if len(args) == 1:
                if code >= 0:  # the operand is that in memory
                    first = CONSTANTS << 32 if n.op in _NEGATIONS else 0
                    seconds.append(places[args[0].index])
                else:
                    seconds.append(0)
            else:
                seconds.append(places[args[1].index])
                for j, a in enumerate(args[2:], 2):
                    self.more.append((len(codes), j, places[a.index]))
            firsts.append(first)
            codes.append(code)
            places[n.index] = own
            own += 8

    def layout(self) -> Layout:
        """Return the code with what it needs."""
        body = self._body().tobytes() + self._ends()
        count = len(self.codes)
        return Layout(body, np.array(self.constants), list(self.kinds), count)

    def _body(self) -> Any:
        codes = np.frombuffer(self.codes, np.int64)
        count = len(codes)
        operands = np.zeros((count, MOST_OPERANDS), np.int64)
        for j, column in enumerate(self.columns):
            operands[:, j] = column
        for i, j, place in self.more:
            operands[i, j] = place
        calls = codes < 0
        own = SCRATCH << 32 | 8 * np.arange(count)
        _swap(codes, operands, own)
        first = operands[:, 0]
        kept = np.zeros(count, bool)  # the first operand is in its register already
        kept[1:] = first[1:] == own[:-1]
        read = self._reads(operands)
        stored = np.ones(count, bool)
        stored[:-1] = ~(kept[1:] & (read[:-1] == 1))
        loads = [(first != 0) & ~kept]
        loads += [calls & (operands[:, j] != 0) for j in range(1, MOST_OPERANDS)]
        lengths = _LONG * (sum(map(np.int64, loads)) + stored)
        lengths += np.where(calls, _CALL, _LONG)
        at = np.concatenate([[0], np.cumsum(lengths)])
        out = np.empty(at[-1], np.uint8)
        at = at[:-1].copy()
        for j, load in enumerate(loads):
            _put(out, at[load], _MOVE, j, operands[load, j])
            at += _LONG * load
        for code in np.unique(codes[~calls]):
            some = codes == code
            _put(out, at[some], int(code), 0, operands[some, 1])
        _put_calls(out, at[calls], -1 - codes[calls])
        at += np.where(calls, _CALL, _LONG)
        _put(out, at[stored], _STORE, 0, own[stored])
        return out

    def _reads(self, operands: Any) -> Any:
        """Return how often each node's value is read, results once more."""
        places = operands.ravel()
        index = (places[places >> 32 == SCRATCH] & 0xFFFFFFFF) >> 3
        read = np.bincount(index, minlength=len(operands))
        for n in self.results:
            place = self.places[n.index]
            if place >> 32 == SCRATCH:
                read[(place & 0xFFFFFFFF) >> 3] += 2
        return read

    def _ends(self) -> bytes:
        """Return instructions that copy results to their slots."""
        count = len(self.results)
        places = [self.places[n.index] for n in self.results]
        out = np.empty(count * (_LONG + 8), np.uint8)
        at = np.arange(count) * (_LONG + 8)
        _put(out, at, _MOVE, 0, np.array(places, np.int64))
        _fill(out, at + _LONG, b"\xf2\x0f\x11\x83", 8 * np.arange(count))
        return out.tobytes()


def _swap(codes: Any, operands: Any, own: Any) -> None:
    """Let a sum or product begin with what was computed just before."""
    commutes = np.isin(codes, [_CODES["fadd"], _CODES["fmul"]])
    commutes[1:] &= operands[1:, 1] == own[:-1]
    commutes[:1] = False
    operands[commutes, :2] = operands[commutes, 1::-1]


def _put(out: Any, at: Any, code: int, register: int, places: Any) -> None:
    """Write `code xmm, [base + offset]` at some positions, nine bytes each."""
    head = bytes([0xF2, 0x41, 0x0F, code, 0x80 | register << 3])
    _fill(out, at, head, places & 0xFFFFFFFF)
    out[at + 4] |= (places >> 32).astype(np.uint8)


def _put_calls(out: Any, at: Any, places: Any) -> None:
    """Write `call [rbp + offset]` at some positions, six bytes each."""
    _fill(out, at, b"\xff\x95", 8 * places)


def _fill(out: Any, at: Any, head: bytes, offsets: Any) -> None:
    """Write the same bytes and then an offset of four at some positions."""
    for j, byte in enumerate(head):
        out[at + j] = byte
    parts = offsets.astype("<u4").view(np.uint8).reshape(-1, 4)
    for j in range(4):
        out[at + len(head) + j] = parts[:, j]


_SAME = {op for op in OPS.values() if op.llvm == "same"}
_NEGATIONS = {op for op in OPS.values() if op.llvm == "fneg"}
_INLINE: dict[Op, int] = {
    op: code
    for op in OPS.values()
    for name, code in {**_CODES, "fneg": _CODES["fsub"], "sqrt": _ROOT}.items()
    if op.llvm == name
}
"""What is one instruction: arithmetic; -x, which is -0 - x; the root."""
