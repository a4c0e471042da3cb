"""Find under which conditions a value matters to the output.

The activity of a node is the region in which some use of it matters: a branch of a
`select` matters only where it is taken. Adjoints are valid within their node's
activity; a contribution that leaves a region is `select(condition, it, 0)`, so that
what an untaken branch computes (NaN, say) never reaches anything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from overbar.ir.ops import apply
from overbar.ir.region import Region, Regions, path, use_region

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from overbar.ir.graph import Node

LONGEST_PATH = 8
"""Branches between two regions, from which on conditions are shared from the root."""


def activities(
    order: Sequence[Node], ends: Collection[Node], regions: Regions
) -> dict[Node, Region]:
    """Return the activity of every node of a topological order, from the last down.

    ends: nodes whose adjoint matters in any case: the outputs, and what is
    differentiated with respect to.
    """
    if not any(op.chooses for op in {n.op for n in order}):
        return dict.fromkeys(order, regions.root)
    uses: dict[Node, list[Region]] = {end: [regions.root] for end in ends}
    found: dict[Node, Region] = {}
    for node in reversed(order):
        if node not in uses:
            continue
        region = found[node] = _either(uses.pop(node), regions)
        for i, arg in enumerate(node.args):
            uses.setdefault(arg, []).append(where_used(node, i, region, regions))
    return found


def where_used(node: Node, i: int, region: Region, regions: Regions) -> Region:
    """Return where operand i of a node matters that itself matters in `region`.

    Through an op on whole arrays, element by element conditions move to the operand's
    elements: a summed element matters where the sum does.
    """
    if node.op.shaping is None:
        return use_region(node, i, region, regions)
    if not by_element(region):
        return region
    rule = node.op.activity
    moved = rule(i, whole_condition(region), node) if rule else None
    if moved is None:
        return regions.root
    return regions.inside(regions.root, moved, taken=True)


def by_element(region: Region) -> bool:
    """Whether some condition of a region differs from element to element."""
    walk: Region | None = region
    while walk is not None:
        if walk.cond is not None and walk.cond.type.shape:
            return True
        walk = walk.parent
    return False


def _either(uses: Sequence[Region], regions: Regions) -> Region:
    """Return a region that is taken exactly where one of these is."""
    distinct = list(dict.fromkeys(uses))
    whole = regions.meet(distinct)
    if len(distinct) == 1 or whole in distinct:
        return whole
    sides = {(r.cond, r.taken) for r in distinct if r.parent is whole}
    if any((cond, not taken) in sides for cond, taken in sides):
        return whole
    condition = _condition(distinct[0], whole)
    for region in distinct[1:]:
        condition = apply("or", condition, _condition(region, whole))
    return regions.inside(whole, condition, taken=True)


def _literal(region: Region) -> Node:
    if region.cond is None:
        raise ValueError(region)
    return region.cond if region.taken else apply("not", region.cond)


def _condition(region: Region, outer: Region) -> Node:
    """Return the condition under which one comes from `outer` into `region`.

    In nests of many branches it is that of coming from the root, whose parts all
    regions share: one node a region, where paths of their own would be quadratic.
    """
    if region.depth - outer.depth > LONGEST_PATH:
        return whole_condition(region)
    steps = path(region, outer)
    condition = _literal(steps[0])
    for step in steps[1:]:
        condition = apply("and", condition, _literal(step))
    return condition


def whole_condition(region: Region) -> Node:
    """Return the condition under which one comes from the root into `region`."""
    missing = []
    walk = region
    while walk.condition is None and walk.parent is not None:
        missing.append(walk)
        walk = walk.parent
    condition = walk.condition
    for step in reversed(missing):
        own = _literal(step)
        condition = own if condition is None else apply("and", condition, own)
        step.condition = condition
    if condition is None:
        raise ValueError(region)
    return condition


def guard(value: Node, inner: Region, outer: Region, regions: Regions) -> Node:
    """Return the value where `inner` is taken, 0 elsewhere in `outer`."""
    if inner is outer:
        return value
    shared = regions.meet((inner, outer))
    if inner.depth - shared.depth > LONGEST_PATH:
        return apply("select", whole_condition(inner), value, 0.0)
    for step in reversed(path(inner, shared)):
        if step.cond is None:
            break
        sides = (value, 0.0) if step.taken else (0.0, value)
        value = apply("select", step.cond, *sides)
    return value
