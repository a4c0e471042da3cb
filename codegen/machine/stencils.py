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
from typing import TYPE_CHECKING, Any

import numpy as np

from overbar.codegen.machine.layout import Layout
from overbar.ir.ops import OPS

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
    """Whether this machine runs such code."""
    machine = platform.machine().lower() in {"x86_64", "amd64"}
    return machine and sys.platform in {"linux", "darwin"} and sys.maxsize > 2**32


def fits(nodes: Sequence[Node], results: Sequence[Node]) -> bool:
    """Whether code is of float64 and conditions alone, and of few operands."""
    return all(n.type.dtype == "float64" for n in results) and all(
        n.type.dtype in {"float64", "bool"} and len(n.args) <= MOST_OPERANDS
        for n in nodes
    )


def _called(nodes: Sequence[Node]) -> list[Kernel]:
    """Return what needs a function: ops, their attributes, dtypes of their operands."""
    found: dict[Kernel, None] = {}
    for n in nodes:
        if n.op not in _INLINE:
            found[n.op, n.attrs, tuple([a.type.dtype for a in n.args])] = None
    return list(found)


class Stencils:
    """Lay out straight code; inputs and results have a slot each, in order."""

    def __init__(
        self, nodes: Sequence[Node], inputs: Sequence[Node], results: Sequence[Node]
    ) -> None:
        self.nodes = [n for n in nodes if n.args]
        self.results = results
        self.constants: list[float] = [_MINUS_ZERO]
        self.places = {n: INPUTS << 32 | 8 * i for i, n in enumerate(inputs)}
        self.functions = _called(self.nodes)
        self.kinds = {key: i for i, key in enumerate(self.functions)}
        self._flatten()

    def _flatten(self) -> None:
        """Note every node's code and the places of its operands, in flat arrays."""
        places, inline, kinds = self.places, _INLINE, self.kinds
        codes: list[int] = []
        operands: list[int] = []
        for i, n in enumerate(self.nodes):
            places[n] = SCRATCH << 32 | 8 * i
            given = [places.get(a) or self._constant(a) for a in n.args]
            code = inline.get(n.op)
            if code is None:
                code = -1 - kinds[n.op, n.attrs, tuple([a.type.dtype for a in n.args])]
            elif n.op in _NEGATIONS:
                given.insert(0, CONSTANTS << 32)
            elif len(given) == 1:
                given.insert(0, 0)
            codes.append(code)
            operands += given + [0] * (MOST_OPERANDS - len(given))
        self.codes = np.array(codes, np.int64)
        self.operands = np.array(operands, np.int64).reshape(-1, MOST_OPERANDS)

    def _constant(self, node: Node) -> int:
        place = CONSTANTS << 32 | 8 * len(self.constants)
        self.constants.append(node.value)
        self.places[node] = place
        return place

    def layout(self) -> Layout:
        """Return the code with what it needs."""
        body = self._body().tobytes() + self._ends()
        return Layout(body, np.array(self.constants), self.functions, len(self.nodes))

    def _body(self) -> Any:
        codes, operands = self.codes, self.operands
        count = len(codes)
        calls = codes < 0
        own = SCRATCH << 32 | 8 * np.arange(count)
        self._swap(own)
        first = operands[:, 0]
        kept = np.zeros(count, bool)  # the first operand is in its register already
        kept[1:] = first[1:] == own[:-1]
        read = self._reads(count)
        stored = np.ones(count, bool)
        stored[:-1] = ~(kept[1:] & (read[:-1] == 1))
        loads = [(first != 0) & ~kept]
        loads += [calls & (operands[:, j] != 0) for j in range(1, MOST_OPERANDS)]
        lengths = _LONG * (sum(l.astype(np.int64) for l in loads) + stored)
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

    def _swap(self, own: Any) -> None:
        """Let a sum or product begin with what was computed just before."""
        operands = self.operands
        commutes = np.isin(self.codes, [_CODES["fadd"], _CODES["fmul"]])
        commutes[1:] &= operands[1:, 1] == own[:-1]
        commutes[:1] = False
        operands[commutes, :2] = operands[commutes, 1::-1]

    def _reads(self, count: int) -> Any:
        """Return how often each node's value is read, results once more."""
        places = self.operands.ravel()
        index = (places[places >> 32 == SCRATCH] & 0xFFFFFFFF) >> 3
        read = np.bincount(index, minlength=count)
        for n in self.results:
            place = self.places.get(n, 0)
            if place >> 32 == SCRATCH:
                read[(place & 0xFFFFFFFF) >> 3] += 2
        return read

    def _ends(self) -> bytes:
        """Return instructions that copy results to their slots."""
        count = len(self.results)
        places = [self.places.get(n) or self._constant(n) for n in self.results]
        out = np.empty(count * (_LONG + 8), np.uint8)
        at = np.arange(count) * (_LONG + 8)
        _put(out, at, _MOVE, 0, np.array(places, np.int64))
        _fill(out, at + _LONG, b"\xf2\x0f\x11\x83", 8 * np.arange(count))
        return out.tobytes()


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


_NEGATIONS = {op for op in OPS.values() if op.llvm == "fneg"}
_INLINE: dict[Op, int] = {
    op: code
    for op in OPS.values()
    for name, code in {**_CODES, "fneg": _CODES["fsub"], "sqrt": _ROOT}.items()
    if op.llvm == name
}
"""What is one instruction: arithmetic; -x, which is -0 - x; the root."""
