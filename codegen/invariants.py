"""Find what scalar expressions have that is the same in each turn of a loop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from overbar.codegen.units import reduces
from overbar.ir.ops import OPS

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from overbar.ir.graph import Node

_LOAD = OPS["load"]


def moving(roots: Sequence[Node], varying: set[Node], made: set[Node]) -> set[Node]:
    """Return the parts of expressions that vary in a loop, or read what it makes."""
    moves = set(varying)
    for node in sorted(below(roots), key=position):
        read = node.op is _LOAD and node.args[0] in made
        if read or any(a in moves for a in node.args):
            moves.add(node)
    return moves


def outermost(
    roots: Sequence[Node], moves: Collection[Node], risky: Collection[Node]
) -> list[Node]:
    """Return the largest parts of expressions that do not vary in a loop.

    What is risky stays in the branch of a choice that it stands in.
    """
    found = [r for r in roots if r not in moves]
    inside = [r for r in roots if r in moves]
    anyway = set(below(inside, moves, taken=False))
    for node in below(inside, moves):
        sure = operands(node, taken=False) if node in anyway else ()
        still = (a for a in operands(node) if a not in moves)
        found += [a for a in still if a not in risky or a in sure]
    whole = {n for n in found if n.args and n.op is not _LOAD}
    return sorted(whole, key=position)


def below(
    roots: Sequence[Node],
    within: Collection[Node] | None = None,
    *,
    taken: bool = True,
    known: Collection[Node] = (),
) -> list[Node]:
    """Return what scalar expressions are made of (`within` some nodes).

    taken: whether the branches of choices are among that; known: what has a value, and
    is not looked into.
    """
    found = list(dict.fromkeys(roots))
    seen = set(found)
    for node in found:  # grows while it is walked
        if node in known:
            continue
        for a in operands(node, taken=taken):
            if a not in seen and (within is None or a in within):
                seen.add(a)
                found.append(a)
    return found


def operands(node: Node, *, taken: bool = True) -> Sequence[Node]:
    """Return what a scalar expression reads: not the array of a load.

    taken: the branches of a choice too.
    """
    if node.op.chooses and not taken:
        return node.args[:1]
    if reduces(node):
        return ()
    return node.args[1:] if node.op is _LOAD else node.args


def scarce_factors(value: Node) -> set[Node]:
    """Return what a product is mostly 0 by: where that is 0, nothing else matters."""
    found = [value]
    for node in found:  # grows while it is walked
        found += [node.args[i] for i in node.op.vanishes]
    return {n for n in found if n.op.scarce is not None}


def position(node: Node) -> int:
    """Return where a node stands in the order of making."""
    return node.index
