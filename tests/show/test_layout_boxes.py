"""Boxes never overlap, links pass between them, and few cross."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import isotonic_regression

from overbar.ir.errors import LimitError
from overbar.show.crossings import crossings, sweep, uncross
from overbar.show.heights import increasing, keep_room
from overbar.show.layout import Layout, Link, arrange
from overbar.show.net import Box, Net


def random_graph(
    seed: int, count: int, *, labelled: bool
) -> tuple[list[Box], list[Link], list[int]]:
    """Return boxes of many sizes, links between them, and the last boxes."""
    rng = np.random.default_rng(seed)
    boxes = [
        Box(*(int(n) for n in rng.integers((10, 8, 8), (90, 40, 40))))
        for _ in range(count)
    ]
    links: list[Link] = []
    for target in range(2, count):
        sources = rng.integers(max(0, target - 9), target, 2).tolist()
        for place, source in enumerate(sources):
            label = (
                Box(int(rng.integers(10, 50)), 16, 15) if rng.random() < 0.8 else None
            )
            links.append(
                Link(source, target, 11 * place - 5, label if labelled else None)
            )
    return boxes, links, [count - 1]


Rectangle = tuple[float, float, float, float]


def rectangle(box: Box, x: int, y: int) -> Rectangle:
    """Return left, right, top and bottom of a box drawn at a place."""
    return x - box.width / 2, x + box.width / 2, y - box.above, y + box.below


def overlap(a: Rectangle, b: Rectangle) -> bool:
    """Return whether two rectangles have more in common than an edge's rounding."""
    return a[0] + 1 < b[1] and b[0] + 1 < a[1] and a[2] < b[3] and b[2] < a[3]


def rectangles(
    boxes: list[Box], links: list[Link], layout: Layout
) -> list[tuple[object, Rectangle]]:
    """Return what is drawn, boxes by their number and labels by their link."""
    found: list[tuple[object, Rectangle]] = [
        (i, rectangle(box, *layout.centres[i])) for i, box in enumerate(boxes)
    ]
    for link, place in zip(links, layout.labels, strict=True):
        if link.label is not None and place is not None:
            found.append((link, rectangle(link.label, *place)))
    return found


CASES = [(seed, 4 + seed % 40, labelled) for seed in range(40) for labelled in (0, 1)]


@pytest.mark.parametrize(("seed", "count", "labelled"), CASES)
def test_nothing_overlaps(seed: int, count: int, labelled: int) -> None:
    """Boxes and labels have room for themselves, within the picture."""
    boxes, links, last = random_graph(seed, count, labelled=bool(labelled))
    layout = arrange(boxes, links, last)
    drawn = rectangles(boxes, links, layout)
    assert [] == [
        (a, b) for (a, p), (b, q) in itertools.combinations(drawn, 2) if overlap(p, q)
    ]
    page = (0, layout.width, 0, layout.height)
    outside = [
        a for a, (l, r, t, b) in drawn  # noqa: E741 - left
        if l < page[0] or r > page[1] or t < page[2] or b > page[3]
    ]  # fmt: skip
    assert [] == outside


@pytest.mark.parametrize(("seed", "count", "labelled"), CASES)
def test_links_run_between_boxes(seed: int, count: int, labelled: int) -> None:
    """A link touches its own ends and its label alone; bows stay in the gaps."""
    boxes, links, last = random_graph(seed, count, labelled=bool(labelled))
    layout = arrange(boxes, links, last)
    drawn = rectangles(boxes, links, layout)
    for link, runs in zip(links, layout.routes, strict=True):
        others = [r for of, r in drawn if of not in (link.source, link.target, link)]
        lines = [(run.left, run.right, run.y - 0.5, run.y + 0.5) for run in runs]
        bows = [
            (a.right, b.left, min(a.y, b.y), max(a.y, b.y) + 1)
            for a, b in itertools.pairwise(runs)
        ]
        assert all(a.right < b.left for a, b in itertools.pairwise(runs))
        touched = [r for r in others for part in lines + bows if overlap(r, part)]
        assert [] == touched


@pytest.mark.parametrize(("seed", "count", "labelled"), CASES[:20])
def test_links_arrive(seed: int, count: int, labelled: int) -> None:
    """A link ends at its target's port, and starts at its source or on a link of it."""
    boxes, links, last = random_graph(seed, count, labelled=bool(labelled))
    layout = arrange(boxes, links, last)
    passed: dict[int, set[tuple[int, int]]] = {}
    for link, runs in zip(links, layout.routes, strict=True):
        passed.setdefault(link.source, {layout.centres[link.source]}).update(
            (run.right, run.y) for run in runs
        )
    for link, runs in zip(links, layout.routes, strict=True):
        x, y = layout.centres[link.target]
        assert (x, y + link.port) == (runs[-1].right, runs[-1].y)
        assert (runs[0].left, runs[0].y) in passed[link.source]


@pytest.mark.parametrize(("seed", "count", "labelled"), CASES)
def test_free_links_do_not_twist(seed: int, count: int, labelled: int) -> None:
    """Links whose ports are free arrive in the order in which they come."""
    boxes, links, last = random_graph(seed, count, labelled=bool(labelled))
    links = [link._replace(free=True) for link in links]
    layout = arrange(boxes, links, last)
    arriving: dict[int, list[tuple[int, int]]] = {}
    for link, runs in zip(links, layout.routes, strict=True):
        arriving.setdefault(link.target, []).append((runs[-2].y, runs[-1].y))
    for ends in arriving.values():
        (y1, end1), (y2, end2) = ends
        assert (y1 - y2) * (end1 - end2) >= 0


def test_chain_is_straight() -> None:
    """A chain of operations with one operand is one straight line."""
    boxes = [Box(20 + i, 10 + i, 10) for i in range(9)]
    links = [Link(i, i + 1, 0, Box(30, 15, 15)) for i in range(8)]
    layout = arrange(boxes, links, [8])
    assert 1 == len(
        {y for _, y in layout.centres} | {r.y for w in layout.routes for r in w}
    )


def test_inputs_stand_where_they_are_needed() -> None:
    """An input with one user stands in the column before it."""
    boxes = [Box(20, 10, 10)] * 5
    links = [Link(i, i + 1, 0, None) for i in (0, 1)]
    links += [Link(2, 4, -5, None), Link(3, 4, 5, None)]
    layout = arrange(boxes, links, [4])
    assert layout.centres[3][0] == layout.centres[2][0]


def random_net(seed: int) -> Net:
    """Return a net of four columns with links between them."""
    rng = np.random.default_rng(seed)
    net = Net()
    net.columns = [[net.add(Box(5, 5, 5), k) for _ in range(6)] for k in range(4)]
    for k in range(3):
        for _ in range(11):
            a, b, port = (int(n) for n in rng.integers((0, 0, -1), (6, 6, 2)))
            net.join(net.columns[k][a], net.columns[k + 1][b], 5 * port)
    return net


def by_hand(net: Net, position: dict[int, int]) -> int:
    """Count crossings link by link."""
    count = 0
    for column in net.columns:
        ends = [
            (position[a], position[b] + port / 1024)
            for a in column
            for b, port in net.right[a]
        ]
        count += sum(
            (p[0] - q[0]) * (p[1] - q[1]) < 0
            for p, q in itertools.combinations(ends, 2)
        )
    return count


def positions(net: Net) -> dict[int, int]:
    """Return where in its column each place stands."""
    return {p: k for column in net.columns for k, p in enumerate(column)}


@pytest.mark.parametrize("seed", range(20))
def test_crossings_are_counted(seed: int) -> None:
    """Crossings are counted as by hand, link by link."""
    net = random_net(seed)
    place = positions(net)
    assert by_hand(net, place) == crossings(net, [place[p] for p in range(24)])


@pytest.mark.parametrize("seed", range(20))
def test_the_best_order_is_kept(seed: int) -> None:
    """No sweep that is tried leaves fewer crossings than the order that is kept."""
    net = random_net(seed)
    place = positions(net)
    position = [place[p] for p in range(24)]
    found = [crossings(net, position)]
    for k in range(4):
        sweep(net, position, forward=k % 2 == 0)
        found.append(crossings(net, position))
    net = random_net(seed)
    uncross(net)
    assert by_hand(net, positions(net)) <= min(found)


def test_ordering_finds_what_does_not_cross() -> None:
    """A ladder whose rungs are given crossed is drawn without crossings."""
    net = Net()
    net.columns = [[net.add(Box(5, 5, 5), k) for _ in range(6)] for k in range(2)]
    for a, b in zip(*net.columns, strict=True):
        net.join(a, b)
    net.columns[1].reverse()
    uncross(net)
    assert net.columns[0] == [p - 6 for p in net.columns[1]]


def test_rounding_takes_no_room() -> None:
    """Places that rounding brought too near are moved apart again."""
    y = [0, 9, 30]
    keep_room([0, 1, 2], [0, 10, 20], y)
    assert [0, 10, 30] == y


@given(
    st.lists(
        st.tuples(st.floats(-1e3, 1e3), st.floats(0.1, 100)), min_size=1, max_size=30
    )
)
def test_increasing_is_isotonic_regression(pairs: list[tuple[float, float]]) -> None:
    """Heights in order are SciPy's isotonic regression."""
    values, weights = zip(*pairs, strict=True)
    truth = isotonic_regression(values, weights=weights).x
    np.testing.assert_allclose(increasing(values, weights), truth, atol=1e-6)


def test_too_many_bends() -> None:
    """A net of links that pass too many columns is refused with advice."""
    boxes = [Box(9, 9, 9)] * 800
    links = [Link(i, i + 1, 0, None) for i in range(799)]
    links += [Link(i, 799, 0, None) for i in range(700)]
    links.sort(key=lambda link: link.target)
    with pytest.raises(LimitError) as caught:
        arrange(boxes, links, [799])
    assert (
        "expected a drawing of at most 50000 boxes and bends, found more: draw a part "
        "of the formula, write it for Graphviz (dot) or print its text"
    ) == str(caught.value)


def test_nothing_at_all() -> None:
    """A picture of nothing is a small empty page."""
    layout = arrange([], [], [])
    assert (12, 12) == (layout.width, layout.height)
