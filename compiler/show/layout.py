"""Place boxes in columns from left to right and route the links between them.

The layered method of Sugiyama, Tagawa and Toda (1981), in the four steps of Gansner,
Koutsofios, North and Vo, "A technique for drawing directed graphs" (1993): columns,
bends where a link passes a column, order within columns, heights. Whatever stands in a
column is crossed by links only at its own height, so that no link runs through a box.
Links of one source share their way as far as they go together.

The libraries looked at do not fit: grandalf (GPL) places a graph differently from
process to process and changes the recursion limit, others are heavy or need Graphviz.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from overbar.show.crossings import uncross
from overbar.show.heights import heights
from overbar.show.net import BEND, Box, Net

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

_GAP, _GAP_BY_LABEL, _WIDEST_GAP = 34, 22, 90
_SLOPE = 0.15  # pixels of a gap for each that the steepest link in it climbs
_MARGIN = 12


class Link(NamedTuple):
    """Join two boxes, arriving `port` below the middle; a label stands on the way.

    Where links into a box are `free`, they may exchange their ports.
    """

    source: int
    target: int
    port: int
    label: Box | None
    free: bool = False


class Run(NamedTuple):
    """Cross a column from `left` to `right` at height `y`."""

    left: int
    right: int
    y: int


@dataclass(frozen=True, slots=True)
class Layout:
    """Hold where everything is.

    centres: of the boxes; labels: the middle of each link's label; routes: the runs of
    each link, first out of its source (or the way it shares) and last into its target.
    """

    width: int
    height: int
    centres: list[tuple[int, int]]
    labels: list[tuple[int, int] | None]
    routes: list[list[Run]]


def arrange(
    boxes: Sequence[Box], links: Sequence[Link], last: Collection[int]
) -> Layout:
    """Return where boxes and links are drawn.

    Every link's source comes before its target, and links are in the order of their
    targets; those in `last` stand in the last column.
    """
    scale = 2 if any(link.label for link in links) else 1
    net = Net()
    for box, column in zip(boxes, _columns(len(boxes), links, last), strict=True):
        net.add(box, column * scale)
    net.count = len(boxes)
    chains, labels = _route(net, links)
    net.columns = _first_order(net, [*last])
    uncross(net)
    links = _untwist(net, links, chains)
    places = _places(net, heights(net), _GAP if scale == 1 else _GAP_BY_LABEL)
    routes = [
        _runs(places, link, chain) for link, chain in zip(links, chains, strict=True)
    ]
    return Layout(
        max((place.right for place in places), default=0) + _MARGIN,
        max((p.y + b.below for p, b in zip(places, net.boxes, strict=True)), default=0)
        + _MARGIN,
        [_centre(place) for place in places[: len(boxes)]],
        [None if i is None else _centre(places[i]) for i in labels],
        routes,
    )


def _columns(count: int, links: Sequence[Link], last: Collection[int]) -> list[int]:
    """Return a column for each box: links go right, and are short."""
    column = [0] * count
    sources: list[list[int]] = [[] for _ in range(count)]
    targets: list[list[int]] = [[] for _ in range(count)]
    for link in links:
        sources[link.target].append(link.source)
        targets[link.source].append(link.target)
        column[link.target] = max(column[link.target], column[link.source] + 1)
    end = max(column, default=0)
    for i in last:
        column[i] = end
    for i in reversed(range(count)):
        # What only inputs lead to stands where it is needed.
        if i not in last and targets[i] and not any(sources[s] for s in sources[i]):
            column[i] = min(column[t] for t in targets[i]) - 1
    return column


def _route(net: Net, links: Sequence[Link]) -> tuple[list[list[int]], list[int | None]]:
    """Add bends and labels; return the places of each link's way and its label's."""
    chains: list[list[int]] = [[] for _ in links]
    labels: list[int | None] = [None] * len(links)
    by_source: dict[int, list[int]] = {}
    for i, link in enumerate(links):
        by_source.setdefault(link.source, []).append(i)
    for source, leaving in by_source.items():
        start = net.column[source]
        ends = {i: _turn(net, links[i]) for i in leaving}
        trunk = [source]
        for column in range(start + 1, max(ends.values()) + 1):
            trunk.append(net.add(BEND, column))
            net.join(*trunk[-2:])
        drawn = False
        for i in sorted(leaving, key=lambda i: -ends[i]):
            link, turn = links[i], ends[i] - start
            way = trunk[turn : turn + 1] if drawn else trunk[: turn + 1]
            if link.label is not None:
                label = labels[i] = net.add(link.label, ends[i] + 1)
                net.join(way[-1], label)
                way = [*way, label]
            net.join(way[-1], link.target, link.port)
            chains[i] = [*way, link.target]
            drawn = True
    return chains, labels


def _turn(net: Net, link: Link) -> int:
    """Return the column up to which a link goes along with others of its source."""
    return net.column[link.target] - (2 if link.label is not None else 1)


def _first_order(net: Net, roots: Sequence[int]) -> list[list[int]]:
    """Return the columns as met from the outputs back, first operands first."""
    columns: list[list[int]] = [[] for _ in range(max(net.column, default=0) + 1)]
    seen = [False] * len(net.boxes)
    for root in [*roots, *reversed(range(len(net.boxes)))]:
        stack = [root]
        while stack:
            place = stack.pop()
            if seen[place]:
                continue
            seen[place] = True
            columns[net.column[place]].append(place)
            arriving = sorted(net.left[place], key=lambda pair: -pair[1])
            stack.extend(source for source, _ in arriving)
    return columns


def _untwist(
    net: Net, links: Sequence[Link], chains: Sequence[Sequence[int]]
) -> list[Link]:
    """Return links whose free ports are in the order in which they arrive."""
    position = {p: k for column in net.columns for k, p in enumerate(column)}
    arriving: dict[int, list[int]] = {}
    for i, link in enumerate(links):
        if link.free:
            arriving.setdefault(link.target, []).append(i)
    untwisted = list(links)
    for target, group in arriving.items():
        ports = sorted(links[i].port for i in group)
        group.sort(key=lambda i: (position[chains[i][-2]], links[i].port))
        net.part(target)
        for i, port in zip(group, ports, strict=True):
            untwisted[i] = links[i]._replace(port=port)
            net.join(chains[i][-2], target, port)
    return untwisted


def _places(net: Net, heights: Sequence[int], least: int) -> list[Run]:
    """Return the column and height of each place: columns from left to right."""
    top = min(
        (y - box.above for y, box in zip(heights, net.boxes, strict=True)), default=0
    )
    edges: list[tuple[int, int]] = []
    right = _MARGIN
    for k, column in enumerate(net.columns):
        steepest = max(
            (
                abs(heights[p] + port - heights[a])
                for p in column
                for a, port in net.left[p]
            ),
            default=0,
        )
        gap = min(_WIDEST_GAP, least + round(_SLOPE * steepest)) if k else 0
        left = right + gap
        right = left + max((net.boxes[p].width for p in column), default=0)
        edges.append((left, right))
    return [
        Run(*edges[column], y - top + _MARGIN)
        for column, y in zip(net.column, heights, strict=True)
    ]


def _runs(places: Sequence[Run], link: Link, chain: Sequence[int]) -> list[Run]:
    """Return the runs of a link: they begin and end at the middle of its boxes."""
    runs = [places[place] for place in chain]
    middle = _centre(runs[-1])[0]
    runs[-1] = runs[-1]._replace(right=middle, y=runs[-1].y + link.port)
    begin = _centre(runs[0])[0] if chain[0] == link.source else runs[0].right
    runs[0] = runs[0]._replace(left=begin)
    return runs


def _centre(place: Run) -> tuple[int, int]:
    return (place.left + place.right) // 2, place.y
