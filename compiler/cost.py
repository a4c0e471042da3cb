"""Count what a formula and its gradient compute: operations, their weight, bytes saved.

Comes in: the Programs of the value and of the gradient. Goes out: a Cost. Counted are
computed statements, every node once: of a branch the side that costs more, of a loop
its body times its extent. What a constant makes trivial (a product with the seed 1) is
free, as the machine has it, and so is finding places in arrays. Over arrays a count is
a polynomial in the named sizes.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from overbar.ir.errors import InputError
from overbar.ir.ops.shapes import product
from overbar.ir.types import Quotient, dims, size_of
from overbar.tally import at_large, sum_of, tallied

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from overbar.ir.graph import Node
    from overbar.ir.program import Program
    from overbar.ir.types import Atom, Extent, Shape, Term

BYTES = 8
"""Bytes of a saved number."""


@dataclass(frozen=True, slots=True)
class Count:
    """Count the operations of one function.

    operations: how often each op of the table is computed, by its name.
    flops: the same weighted by the rows' `cost`: 1 is an IEEE operation.
    """

    operations: Mapping[str, Extent]
    flops: Extent

    @property
    def total(self) -> Extent:
        """The number of operations."""
        return sum_of(self.operations.values())

    def at(self, sizes: Mapping[str, int]) -> Count:
        """Return the count for sizes of the named dimensions."""
        found = {name: size_of(n, sizes) for name, n in self.operations.items()}
        return Count(found, size_of(self.flops, sizes))

    def __str__(self) -> str:
        """Return the operations by number, `mul 4, add 2`."""
        rank = {name: at_large(n) for name, n in self.operations.items()}
        ranked = sorted(self.operations, key=lambda name: (-rank[name], name))
        return ", ".join(f"{name} {readable(self.operations[name])}" for name in ranked)


@dataclass(frozen=True, slots=True)
class Cost:
    """Hold the cost of a function and of its gradient (with or without its value).

    saved: bytes that the forward pass keeps for the backward pass.
    shapes: of the inputs, by name, which sizes may be read off (see `at`).
    """

    value: Count
    gradient: Count
    saved: Extent
    names: tuple[str, str] = field(default=("value", "value_and_grad"), repr=False)
    shapes: Mapping[str, Shape] = field(default_factory=dict, repr=False)

    @property
    def ratio(self) -> float:
        """How many times the gradient costs what the value does, weighted.

        Of counts in named sizes, the limit as all sizes grow alike.
        """
        return at_large(self.gradient.flops) / max(1, at_large(self.value.flops))

    @property
    def sizes(self) -> list[str]:
        """The named sizes that the counts depend on, in order."""
        found = (self.value.flops, self.gradient.flops, self.saved)
        return sorted({name for e in dims(found) for name in e.names})

    def at(self, /, **given: Any) -> Cost:
        """Return the cost as numbers, for sizes (`m=64`) or for arguments (`W=W`).

        Raises InputError for names that are neither, and where a size is missing.
        """
        sizes: dict[str, int] = {}
        for name, value in given.items():
            sizes |= self._sizes_of(name, value)
        missing = [name for name in self.sizes if name not in sizes]
        if missing:
            message = (
                f"expected sizes for {', '.join(self.sizes)}; found none for "
                f"{', '.join(missing)}"
            )
            raise InputError(message)
        return replace(
            self, value=self.value.at(sizes), gradient=self.gradient.at(sizes),
            saved=size_of(self.saved, sizes),
        )  # fmt: skip

    def _sizes_of(self, name: str, value: Any) -> dict[str, int]:
        """Return the sizes that one argument of `at` gives."""
        shape = self.shapes.get(name, ())
        if np.ndim(value) and len(shape) == np.ndim(value):
            return {
                e.name: n
                for e, n in zip(shape, np.shape(value), strict=True)
                if not isinstance(e, int) and e.name
            }
        known = {e.name for s in self.shapes.values() for e in dims(s) if e.name}
        if name in known and isinstance(value, int | np.integer) and value >= 0:
            return {name: int(value)}
        if name in self.shapes and not shape and not np.ndim(value):
            return {}
        names = ", ".join(sorted(known)) or "no sizes"
        found = f"shape {np.shape(value)}" if np.ndim(value) else repr(value)
        message = (
            f"expected whole numbers for {names}, or arrays for "
            f"{', '.join(self.shapes) or 'no inputs'}; found {name} = {found}"
        )
        raise InputError(message)

    def __str__(self) -> str:
        """Return a small table."""
        counts = (self.value, self.gradient)
        width = max(map(len, self.names))
        cells = [(readable(c.total), readable(c.flops)) for c in counts]
        wide, weight = (
            max(n, *(len(c[k]) for c in cells)) for k, n in ((0, 10), (1, 8))
        )
        lines = [f"{'':{width}}  {'operations':>{wide}}  {'weighted':>{weight}}"]
        for name, (total, flops), count in zip(self.names, cells, counts, strict=True):
            lines.append(
                f"{name:{width}}  {total:>{wide}}  {flops:>{weight}}  {count}".rstrip()
            )
        limit = " for large sizes" if self.sizes else ""
        ratio = f"{self.ratio:.2f}"
        lines.append(f"{'ratio':{width}}  {'':{wide}}  {ratio:>{weight}}{limit}")
        lines.append(f"{'saved':{width}}  {readable(self.saved)} bytes")
        return "\n".join(lines)


def cost(
    value: Program,
    grad: Program,
    saved: Iterable[Node] = (),
    shapes: Mapping[str, Shape] | None = None,
) -> Cost:
    """Return the cost of two programs, and of the values saved between passes.

    grad: the program of the gradient, or of the value and the gradient together.
    """
    kept = sum_of(_bytes(node) for node in saved)
    names = (value.name, grad.name)
    return Cost(count(value), count(grad), kept, names, dict(shapes or {}))


def count(program: Program) -> Count:
    """Return the operations that a program computes."""
    found = tallied(program)
    return Count(dict(sorted(found.operations.items())), found.flops)


def _bytes(node: Node) -> Extent:
    """Return how many bytes a saved value takes."""
    shape = node.type.shape
    return product(shape) * (np.dtype(node.type.dtype).itemsize if shape else BYTES)


_PLAIN: tuple[Term, ...] = (((), 1),)


def readable(number: Extent) -> str:
    """Return a polynomial as text, with powers and fractions: `4/3*n**3 + 2*m*n`.

    A quotient of a product is written as one, as none of an elimination's steps is cut
    in parts; that of a single size is a whole number, `n//2`.
    """
    if isinstance(number, int):
        return str(number)
    merged: dict[tuple[Atom, ...], Fraction] = {}
    for factors, coefficient in number.terms:
        share = Fraction(coefficient)
        plain: list[Atom] = []
        for f in factors:
            (inner, weight), *more = f.top.terms if isinstance(f, Quotient) else _PLAIN
            if isinstance(f, Quotient) and len(inner) > 1 and not more:
                share *= Fraction(weight, f.bottom)
                plain += inner
            else:
                plain.append(f)
        key = tuple(sorted(plain, key=str))
        merged[key] = merged.get(key, Fraction()) + share
    ranked = sorted(merged, key=lambda key: (-len(key), [str(f) for f in key]))
    text = " + ".join(_term(key, merged[key]) for key in ranked if merged[key])
    return text.replace("+ -", "- ")


def _term(factors: tuple[Atom, ...], coefficient: Fraction) -> str:
    alone = len(factors) == 1 and coefficient == 1
    powers = [
        (f"({f})" if not alone and isinstance(f, Quotient) else str(f))
        + (f"**{n}" if n > 1 else "")
        for f, n in Counter(factors).items()
    ]
    text = "*".join(powers)
    if abs(coefficient) == 1 and text:
        return text if coefficient > 0 else f"-{text}"
    return "*".join(part for part in (str(coefficient), text) if part)
