"""Schedule a matrix of partials: one call of another program for each row or column.

Comes in: the programs of a row (`backward`) or of a column (`tangent`), with what they
save. Goes out: the Program that runs the first once, and the second for each basis
vector of the shorter side, into blocks of the matrix.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from overbar.codegen.names import legal, unused
from overbar.ir.graph import Node
from overbar.ir.ops import OPS, apply
from overbar.ir.ops.shapes import product
from overbar.ir.program import (
    Allocate,
    Call,
    For,
    If,
    Part,
    Program,
    Store,
    is_packed,
)
from overbar.ir.types import INT, Dim, dims

if TYPE_CHECKING:
    from collections.abc import Sequence

    from overbar.ir.graph import Graph
    from overbar.ir.program import Statement
    from overbar.ir.types import Extent

_LETTERS = "ijklpqrs"
_LOAD = OPS["load"]


@dataclass(frozen=True, slots=True)
class Side:
    """Say how a matrix is filled from one of its sides.

    first: the program that saves what `each` needs, called once; None if it needs none.
    each: the program that is called with each basis vector.
    symbols: the arguments that a basis vector is made of.
    blocks: for each symbol, the block that each result is a part of, None if unwanted.
    last: a symbol's axes are the last of a block, not the first.
    """

    first: Program | None
    each: Program
    symbols: Sequence[Node]
    blocks: Sequence[Sequence[Node | None]]
    last: bool = False


def size_of_all(nodes: Sequence[Node]) -> Extent:
    """Return the number of elements of several arrays."""
    total: Extent = 0
    for node in nodes:
        total = total + product(node.type.shape)
    return total


def shorter(rows: Sequence[Node], columns: Sequence[Node]) -> tuple[str, ...]:
    """Return which side has fewer elements whatever the sizes, both if that depends.

    It is told for sizes of at least 1: with n = 1 + k, no term of the difference in k
    may be negative.
    """
    more = _from_one(size_of_all(columns)) - _from_one(size_of_all(rows))
    signs = {c < 0 for _, c in more.terms} if isinstance(more, Dim) else {more < 0}
    if len(signs) > 1:
        return ("rows", "columns")
    return ("columns",) if True in signs else ("rows",)


def _from_one(extent: Extent) -> Extent:
    """Return an extent with 1 added to every size in it."""
    if isinstance(extent, int):
        return extent
    total: Extent = 0
    for factors, coefficient in extent.terms:
        term: Extent = coefficient
        for f in factors:
            term = term * (Dim((((f,), 1),)) + 1)
        total = total + term
    return total


def sweep(
    graph: Graph,
    name: str,
    sides: Sequence[Side],
    blocks: tuple[Node, ...],
    doc: str,
    spaces: tuple[Sequence[Node], Sequence[Node]] = ((), ()),
) -> Program:
    """Return the Program that fills blocks of a matrix, from its shorter side.

    spaces: what the rows and the columns are, where the choice between two sides is
        made at the call.
    """
    return _Sweep(graph, sides, blocks).run(name, doc, spaces)


class _Sweep:
    """Hold the names of one program."""

    def __init__(
        self, graph: Graph, sides: Sequence[Side], blocks: tuple[Node, ...]
    ) -> None:
        self.graph, self.sides, self.blocks = graph, sides, blocks
        steps = [p for s in sides for p in (s.first, s.each) if p is not None]
        self.constants = tuple(dict.fromkeys(n for p in steps for n in p.constants))
        inputs = {n: graph.names[n] for n in graph.inputs.values()}
        symbols = {n: str(n.attrs[0]) for s in sides for n in s.symbols}
        names = {**inputs, **symbols, **{b: graph.names[b] for b in blocks}}
        extents = dims(tuple(n.type.shape for n in names))
        sizes = sorted({d for e in extents for d in e.names})
        self.names = legal(names, sizes)
        taken = {*self.names.values(), *sizes}
        for k, node in enumerate(self.constants):
            self.names[node] = unused(f"constant{k + 1}", taken)
        self.through = unused("parts", taken)
        self.letters = [c for c in _LETTERS if c not in taken]
        self.sizes = {d: t for d in sizes if (t := self._read(d)) != d}

    def _read(self, size: str) -> str:
        """Return the text that reads a named dimension off an input."""
        for node in self.graph.inputs.values():
            for axis, extent in enumerate(node.type.shape):
                if isinstance(extent, Dim) and extent.name == size:
                    return f"{self.names[node]}.shape[{axis}]"
        return size

    def run(
        self, name: str, doc: str, spaces: tuple[Sequence[Node], Sequence[Node]]
    ) -> Program:
        """Return the Program."""
        body: list[Statement] = [
            Allocate(b, b.type.shape, None) for b in self.blocks if b.type.shape
        ]
        filled = [self._side(side) for side in self.sides]
        if len(filled) == 1:
            body += filled[0]
        else:
            rows, columns = (self.graph.extent(size_of_all(space)) for space in spaces)
            by_rows, by_columns = filled
            body.append(If(apply("le", rows, columns), by_rows, by_columns))
        inputs = [(self.names[n], n) for n in self.graph.inputs.values()]
        constants = [(self.names[n], n) for n in self.constants]
        return Program(
            name, doc, (*inputs, *constants), body, self.names, self.blocks,
            defaults={} if constants else self.graph.defaults, sizes=self.sizes,
            constants=self.constants,
        )  # fmt: skip

    def _side(self, side: Side) -> list[Statement]:
        """Return the statements that fill all blocks from one side."""
        body: list[Statement] = []
        saved = self.graph.remake_input(" saved", INT)
        self.names[saved] = "saved"
        if side.first is not None:
            kept: Part | tuple[Part | None, ...] = Part(saved, whole=True)
            if side.first.name == "forward":
                kept = (None, Part(saved, whole=True))
            args = tuple(n for _, n in side.first.params if isinstance(n, Node))
            body.append(Call(side.first, args, kept))
        one = [n for n in side.symbols if n.type.shape]
        body += [Allocate(n, n.type.shape, 0.0) for n in one]
        for symbol, blocks in zip(side.symbols, side.blocks, strict=True):
            body += self._turns(side, symbol, blocks, saved)
        return body

    def _turns(
        self, side: Side, symbol: Node, blocks: Sequence[Node | None], saved: Node
    ) -> list[Statement]:
        """Return the loops over the elements of a symbol, each set to 1 in turn."""
        graph, shape = self.graph, symbol.type.shape
        index = tuple(graph.remake_input(c, INT) for c in self._indices(len(shape)))
        self.names |= {i: str(i.attrs[0]) for i in index}
        kind = symbol.type.scalar
        zero, one = graph.const(0.0, kind), graph.const(1.0, kind)
        args: list[Node] = []
        for _, n in side.each.params:
            if not isinstance(n, Node):
                args.append(saved)
            elif n in side.symbols and not n.type.shape:
                args.append(one if n is symbol else zero)
            else:
                args.append(n)
        parts = tuple(self._part(b, index, last=side.last) for b in blocks)
        bare = not isinstance(side.each.result, tuple)
        into = parts[0] if bare and parts[0] is not None else parts
        through = self.through if is_packed(side.each.result) else ""
        turn: list[Statement] = [Call(side.each, tuple(args), into, through)]
        if shape:
            place = graph.restore(_LOAD, (symbol, *index), (), kind)
            turn = [Store(place, one, "set"), *turn, Store(place, zero, "set")]
        for letter, extent in zip(index[::-1], shape[::-1], strict=True):
            turn = [For(self.names[letter], extent, turn)]
        return turn

    def _indices(self, rank: int) -> list[str]:
        more = [f"i{k}_" for k in range(len(self.letters), rank)]
        return [*self.letters[:rank], *more]

    @staticmethod
    def _part(
        block: Node | None, index: tuple[Node, ...], *, last: bool
    ) -> Part | None:
        if block is None:
            return None
        rank = len(block.type.shape)
        return Part(block, index, last and 0 < len(index) < rank, whole=not rank)
