"""Compute the sizes of arrays from those of the arguments."""

from __future__ import annotations

from typing import TYPE_CHECKING

from overbar.ir.errors import UnsupportedError
from overbar.ir.ops import OPS
from overbar.ir.ops.shapes import product
from overbar.ir.types import Dim, Least

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from overbar.ir.graph import Node
    from overbar.ir.types import Atom, Extent

_EXTENT = OPS["extent"]


class Sizes:
    """Know the sizes of named dimensions, and write those that are made of them.

    write: writes an instruction where all code sees its value, and returns its name.
    """

    def __init__(self, write: Callable[[str], str]) -> None:
        self._write = write
        self._named: dict[str, str] = {}
        self._known: dict[Dim, str] = {}

    def learn(self, given: Sequence[tuple[Node, Sequence[str]]]) -> None:
        """Learn the named dimensions from arguments with their sizes.

        An argument that is a size has it as its one size.
        """
        for node, sizes in given:
            if node.op is _EXTENT and node.attrs[0].name is not None:
                self._named.setdefault(node.attrs[0].name, sizes[0])
        pairs = [
            (extent, size)
            for node, sizes in given
            if node.type.shape
            for extent, size in zip(node.type.shape, sizes, strict=True)
            if isinstance(extent, Dim)
        ]
        for extent, size in pairs:
            if extent.name is not None:
                self._named.setdefault(extent.name, size)
        for extent, size in pairs:
            if extent.line is not None and extent.line not in self._named:
                slope, start = extent.slope
                moved = self._write(f"sub i64 {size}, {start}")
                self._named[extent.line] = self._write(f"sdiv i64 {moved}, {slope}")

    def size(self, extent: Extent) -> str:
        """Return the size of an extent."""
        if not isinstance(extent, Dim):
            return str(extent)
        if extent not in self._known:
            self._known[extent] = self._sum(extent)
        return self._known[extent]

    def product(self, shape: Sequence[Extent]) -> str:
        """Return the number of elements of a shape."""
        return self.size(product(tuple(shape)))

    def _sum(self, extent: Dim) -> str:
        total = ""
        for factors, coefficient in extent.terms:
            term = str(coefficient) if coefficient != 1 or not factors else ""
            for factor in factors:
                size = self._atom(factor)
                term = self._write(f"mul nsw i64 {term}, {size}") if term else size
            total = self._write(f"add nsw i64 {total}, {term}") if total else term
        return total

    def _atom(self, factor: Atom) -> str:
        if isinstance(factor, str):
            if factor not in self._named:
                message = f"expected a size of {factor} among the arguments, found none"
                raise UnsupportedError(message)
            return self._named[factor]
        if isinstance(factor, Least):
            top, most = self.size(factor.top), factor.most
            few = self._write(f"icmp slt i64 {top}, {most}")
            return self._write(f"select i1 {few}, i64 {top}, i64 {most}")
        top, bottom = self.size(factor.top), factor.bottom
        quotient = self._write(f"sdiv i64 {top}, {bottom}")
        rest = self._write(f"srem i64 {top}, {bottom}")
        below = self._write(f"icmp slt i64 {rest}, 0")
        less = self._write(f"sext i1 {below} to i64")
        return self._write(f"add i64 {quotient}, {less}")
