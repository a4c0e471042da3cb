"""Draw times to the first gradient against n, both on logarithmic axes, as SVG.

Each line is named at its end, with the exponent that fits it.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.report import duration
from examples.curves import (
    BOTTOM,
    HEIGHT,
    LEFT,
    LINE,
    RIGHT,
    TOP,
    WIDTH,
    apart,
    axis,
    joined,
    text,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from examples.curves import Axis

    Points = Sequence[tuple[int, float]]
    Places = Sequence[tuple[float, float]]
    End = tuple[str, tuple[float, float, str]]

OWN = "overbar"
TITLE = "Time to the first gradient of a random DAG, from nothing"
HALO = 'stroke="white" stroke-width="4" stroke-linejoin="round" paint-order="stroke"'
COLOURS = {
    "overbar": "#d55e00",
    "casadi": "#0072b2",
    "casadi-gcc": "#009e73",
    "heyoka": "#a8518a",
    "jax": "#8a6d00",
    "autograd": "#444444",
    "sympy": "#888888",
}
ROOM = 1.35  # how far the axes reach beyond the points, as a factor
HEADROOM = 4.0  # for names above the lines


def picture(
    curves: Mapping[str, Points], exponents: Mapping[str, float | None]
) -> str:  # fmt: skip
    """Return the picture of all points (n, seconds) by tool."""
    every = np.array([p for points in curves.values() for p in points])
    sizes, times = every.T
    wide = np.array([sizes.min() / ROOM, sizes.max() * ROOM])
    high = np.array([times.min() / ROOM, times.max() * HEADROOM])
    across = axis(wide, LEFT, WIDTH - RIGHT, log=True)
    up = axis(high, HEIGHT - BOTTOM, TOP, log=True)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}">',
        f"<title>{TITLE}</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        text(LEFT, 22, TITLE, size=14),
        text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8, "operations", anchor="middle"),
        *_grid(across, up),
    ]
    places = {
        tool: [
            (float(across.place(np.array(float(n)))), float(up.place(np.array(t))))
            for n, t in points
        ]
        for tool, points in curves.items()
    }
    for tool in sorted(curves, key=lambda tool: tool == OWN):  # ours on top
        parts += _curve(places[tool], _colour(tool), bold=tool == OWN)
    parts += [_name(*at, tool, exponents.get(tool)) for tool, at in _ends(places)]
    return "\n".join([*parts, "</svg>\n"])


def _grid(across: Axis, up: Axis) -> list[str]:
    found = []
    for value, x in zip(across.ticks, across.place(across.ticks), strict=True):
        found += [
            f'<path d="M{x:.1f} {TOP}V{HEIGHT - BOTTOM + 4}" stroke="#e4e4e4"/>',
            text(x, HEIGHT - BOTTOM + 17, f"{value:,.0f}", anchor="middle"),
        ]
    for value, y in zip(up.ticks, up.place(up.ticks), strict=True):
        found += [
            f'<path d="M{LEFT - 4} {y:.1f}H{WIDTH - RIGHT}" stroke="#e4e4e4"/>',
            text(LEFT - 8, y + 4, duration(value), anchor="end"),
        ]
    return found


def _curve(places: Places, colour: str, *, bold: bool) -> list[str]:
    width = 3 if bold else 1.8
    line = (
        f'<polyline points="{joined(places)}" fill="none" stroke="{colour}" '
        f'stroke-width="{width}" stroke-linejoin="round"/>'
    )
    dots = [
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{1.2 + width:.1f}" fill="{colour}" '
        'stroke="white"/>'
        for x, y in places
    ]
    return [line, *dots]


def _ends(
    places: Mapping[str, Places],
) -> Iterator[tuple[str, tuple[float, float, str]]]:
    """Give where names stand, and how they are anchored: behind or above the lines."""
    edge = max(points[-1][0] for points in places.values())
    for end in sorted({points[-1][0] for points in places.values()}):
        here = {t: p for t, p in places.items() if p[-1][0] == end}
        behind = [t for t, p in here.items() if end == edge or len(p) == 1]
        heights = apart([here[tool][-1][1] for tool in behind])
        for tool, y in zip(behind, heights, strict=True):
            yield tool, (end + 9, y + 4, "start")
        above = sorted(here.keys() - behind, key=lambda tool: -here[tool][-1][1])
        top = min((here[tool][-1][1] for tool in above), default=0.0)
        for i, tool in enumerate(above):
            yield tool, (end - 2, top - 9 - LINE * i, "end")


def _name(x: float, y: float, anchor: str, tool: str, exponent: float | None) -> str:
    weight = ' font-weight="bold"' if tool == OWN else ""
    power = ""
    if exponent is not None:
        power = f'  n<tspan dy="-4" font-size="10">{exponent:.2f}</tspan>'
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{_colour(tool)}" '
        f'font-family="sans-serif" font-size="12"{weight} {HALO}>'
        f"{escape(tool)}{power}</text>"
    )


def _colour(tool: str) -> str:
    return COLOURS.get(tool, "#666666")
