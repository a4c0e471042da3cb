"""Draw a graph as SVG: forward values above its edges, gradients below.

Comes in: a graph, and values and gradients if there are any. Goes out: the text of a
standalone picture, which needs no other program and no fonts of its own.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple
from unicodedata import east_asian_width
from xml.sax.saxutils import escape

from overbar.ir.errors import LimitError
from overbar.show.gradients import gradients_at
from overbar.show.layout import Link, arrange
from overbar.show.net import Box
from overbar.show.picture import Arrow, Item, picture

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from overbar.ir.graph import Graph, Node
    from overbar.show.layout import Layout, Run

__all__ = ["draw", "gradients_at"]

LARGEST_PICTURE = 2000
"""Nodes from which on a drawing is refused: nobody can read it."""

_LETTER, _SMALL = 15, 12  # heights of letters, in pixels
_LINE = 15  # from one line of small letters to the next
_RADIUS = 16
_PORTS_APART = 11
_VALUE, _GRADIENT = "#116329", "#cf222e"


class _Style(NamedTuple):
    """Say how items of a kind look: half their least size, corners and colours."""

    half: int
    pad: int
    corner: int
    paint: str
    font: str = ""


_STYLES = {
    "param": _Style(_RADIUS, 10, _RADIUS, 'fill="#fff1cc" stroke="#9a6700"'),
    "data": _Style(_RADIUS, 9, 2, 'fill="#ddf4ff" stroke="#0969da"'),
    "op": _Style(_RADIUS, 8, 10**6, 'fill="#ffffff" stroke="#24292f"'),
    "const": _Style(9, 2, 0, "", ' fill="#57606a"'),
    "output": _Style(14, 4, 0, "", ' font-weight="bold"'),
}


class _Shape(NamedTuple):
    """Size an item: half its width and height, the radius of its corners."""

    item: Item
    wide: int
    high: int
    corner: int

    @property
    def box(self) -> Box:
        """The room it needs, with the name above and the total below."""
        beside = max(_width(self.item.name, _LETTER), _width(self.item.total, _SMALL))
        return Box(
            max(2 * self.wide, beside),
            self.high + (18 if self.item.name else 0),
            self.high + (_LINE * _lines(self.item.total) + 1 if self.item.total else 0),
        )

    def side(self, port: int) -> int:
        """Return how far from the middle its outline is at a height."""
        beyond = abs(port) - (self.high - self.corner)
        if beyond <= 0:
            return self.wide
        return round(self.wide - self.corner + math.sqrt(self.corner**2 - beyond**2))


def draw(
    graph: Graph,
    values: Mapping[Node, Any] | None = None,
    gradients: Mapping[Node, Any] | None = None,
    edge_gradients: Mapping[tuple[Node, int], Any] | None = None,
) -> str:
    """Return the computation graph as SVG.

    With values, each edge shows the forward value above it, and with gradients what
    flows back along it below; `gradients_at` computes all three. Parameters are round
    and yellow, data square and blue.

    Raises LimitError for a graph that is too large to look at.
    """
    size = len(graph.order())
    if size > LARGEST_PICTURE:
        message = (
            f"expected a graph of at most {LARGEST_PICTURE} nodes to draw, found "
            f"{size}: draw a part of the formula, write it for Graphviz (dot) or print "
            "its text"
        )
        raise LimitError(message)
    shown = picture(graph, values, gradients, edge_gradients)
    ports = [0] * len(shown.items)
    for arrow in shown.arrows:
        ports[arrow.target] = arrow.places
    shapes = [_shape(item, k) for item, k in zip(shown.items, ports, strict=True)]
    links = [
        Link(a.source, a.target, _port(a), _label_box(a), a.free) for a in shown.arrows
    ]
    outputs = [i for i, item in enumerate(shown.items) if item.kind == "output"]
    layout = arrange([shape.box for shape in shapes], links, outputs)
    names = ", ".join(item.text for item in shown.items if item.kind == "output")
    return _document(f"Computation graph of {names}", layout, shapes, shown.arrows)


def _shape(item: Item, ports: int) -> _Shape:
    style = _STYLES[item.kind]
    high = max(style.half, (ports - 1) * _PORTS_APART // 2 + 8)
    text = _width(item.text, _LETTER) // 2
    wide = max(style.half, text + style.pad)
    if item.kind == "op" and text <= _RADIUS - 4:
        wide = style.half
    return _Shape(item, wide, high, min(style.corner, wide, high))


def _lines(text: str) -> int:
    return text.count("\n") + 1 if text else 0


def _width(text: str, size: int) -> int:
    """Return how wide a text's longest line is at most, in common fonts."""
    if "\n" in text:
        return max(_width(line, size) for line in text.split("\n"))
    wide = sum(east_asian_width(c) in "WF" for c in text)
    capital = sum(c.isupper() or c in "mw@%" for c in text)
    return math.ceil(size * (0.6 * (len(text) - wide) + wide + 0.2 * capital))


def _port(arrow: Arrow) -> int:
    return round((arrow.place - (arrow.places - 1) / 2) * _PORTS_APART)


def _label_box(arrow: Arrow) -> Box | None:
    if not arrow.value:
        return None
    width = max(_width(arrow.value, _SMALL), _width(arrow.gradient, _SMALL))
    below = _LINE * _lines(arrow.gradient)
    return Box(width + 4, _LINE * _lines(arrow.value) + 1, below or 3)


def _document(
    title: str, layout: Layout, shapes: Sequence[_Shape], arrows: Sequence[Arrow]
) -> str:
    """Return the SVG text of a layout."""
    width, height = layout.width, layout.height
    lines, heads, labels = [], [], []
    for arrow, runs, label in zip(arrows, layout.routes, layout.labels, strict=True):
        target = shapes[arrow.target]
        port = runs[-1].y - layout.centres[arrow.target][1]
        ends = _between(runs, shapes[arrow.source], target, port)
        dashed = ' stroke-dasharray="4 3"' if arrow.condition else ""
        lines.append(f'<path d="{_path(ends)}"{dashed}/>')
        tip = ends[-1]
        heads.append(f"M{tip.right} {tip.y}l-7 -3.5v7z")
        if label is not None:
            labels += _label(arrow, *label)
    nodes = [
        _node(shape, x, y) for shape, (x, y) in zip(shapes, layout.centres, strict=True)
    ]
    parts = [
        f"<title>{escape(title)}</title>",
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
        _group('fill="none" stroke="#57606a" stroke-width="1.3"', lines),
        f'<path fill="#57606a" d="{"".join(heads)}"/>',
        _group('text-anchor="middle" fill="#24292f" stroke-width="1.3"', nodes),
        _group(f'text-anchor="middle" font-size="{_SMALL}"', labels),
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" font-family="Helvetica, Arial, sans-serif" '
        f'font-size="{_LETTER}" role="img">\n' + "\n".join(parts) + "\n</svg>\n"
    )


def _group(attributes: str, parts: Sequence[str]) -> str:
    return "\n".join([f"<g {attributes}>", *parts, "</g>"])


def _between(
    runs: Sequence[Run], source: _Shape, target: _Shape, port: int
) -> list[Run]:
    """Return the runs without what is inside the boxes at their ends."""
    ends = list(runs)
    if ends[0].left < ends[0].right:
        ends[0] = ends[0]._replace(left=ends[0].left + source.side(0))
    last = ends[-1]
    tip = last.right - target.side(port) - 1
    ends[-1] = last._replace(right=max(tip, last.left))
    return ends


def _path(runs: Sequence[Run]) -> str:
    """Return a line along the runs, with a bow between each and the next."""
    text, at = f"M{runs[0].left} {runs[0].y}", runs[0].left
    for a, b in pairwise(runs):
        if a.y == b.y:
            continue
        middle = (a.right + b.left) // 2
        text += f"H{a.right}" if at < a.right else ""
        text, at = f"{text}C{middle} {a.y} {middle} {b.y} {b.left} {b.y}", b.left
    return text + (f"H{runs[-1].right}" if at < runs[-1].right else "")


def _label(arrow: Arrow, x: int, y: int) -> list[str]:
    top = y - 4 - _LINE * (_lines(arrow.value) - 1)
    above = _written(arrow.value, x, top, f'fill="{_VALUE}"')
    return above + _written(arrow.gradient, x, y + 12, f'fill="{_GRADIENT}"')


def _written(text: str, x: int, y: int, look: str) -> list[str]:
    """Return a text in lines, the first of them at the height y."""
    return [
        f'<text x="{x}" y="{y + _LINE * k}" {look}>{escape(line)}</text>'
        for k, line in enumerate(text.split("\n") if text else ())
    ]


def _node(shape: _Shape, x: int, y: int) -> str:
    item, wide, high, corner = shape
    style = _STYLES[item.kind]
    parts = [f"<title>{escape(item.title)}</title>"] if item.title else []
    if style.paint:
        parts.append(
            f'<rect x="{x - wide}" y="{y - high}" width="{2 * wide}" '
            f'height="{2 * high}" rx="{corner}" {style.paint}/>'
        )
    parts.append(f'<text x="{x}" y="{y + 5}"{style.font}>{escape(item.text)}</text>')
    if item.name:
        parts.append(
            f'<text x="{x}" y="{y - high - 5}" font-style="italic">'
            f"{escape(item.name)}</text>"
        )
    look = f'font-size="{_SMALL}" font-weight="bold" fill="{_GRADIENT}"'
    parts += _written(item.total, x, y + high + 13, look)
    return f"<g>{''.join(parts)}</g>"
