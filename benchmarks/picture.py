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
    COLOURS,
    HEIGHT,
    LEFT,
    RIGHT,
    TOP,
    WIDTH,
    apart,
    axis,
    joined,
    text,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from examples.curves import Axis

    Points = Sequence[tuple[int, float]]

OWN = "overbar"
TITLE = "Time to the first gradient of a random DAG, from nothing"
HALO = 'stroke="white" stroke-width="4" stroke-linejoin="round" paint-order="stroke"'
ROOM = 1.35  # how far the axes reach beyond the points, as a factor


def picture(
    curves: Mapping[str, Points], exponents: Mapping[str, float | None]
) -> str:  # fmt: skip
    """Return the picture of all points (n, seconds) by tool."""
    every = np.array([p for points in curves.values() for p in points])
    reach = np.array([[1 / ROOM], [ROOM]])
    across = axis((every[:, 0] * reach).ravel(), LEFT, WIDTH - RIGHT, log=True)
    up = axis((every[:, 1] * reach).ravel(), HEIGHT - BOTTOM, TOP, log=True)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}">',
        f"<title>{TITLE}</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        text(LEFT, 22, TITLE, size=14),
        text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8, "operations", anchor="middle"),
        *_grid(across, up),
    ]
    others = [tool for tool in curves if tool != OWN]
    colours = dict(zip([OWN, *others], (COLOURS[1], COLOURS[0], *COLOURS[2:], "#666"),
                       strict=False))  # fmt: skip
    places = {
        tool: list(zip(*(side.place(np.array(v, float)).tolist() for side, v in
                         zip((across, up), zip(*points, strict=True), strict=True)),
                       strict=True))
        for tool, points in curves.items()
    }  # fmt: skip
    for tool in [*others, *([OWN] if OWN in curves else [])]:
        parts += _curve(places[tool], colours.get(tool, "#666"), bold=tool == OWN)
    for tool, (x, y) in _names(places).items():
        parts.append(_name(x, y, tool, exponents.get(tool), colours.get(tool, "#666")))
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


def _curve(places: Sequence[tuple[float, float]], colour: str, *, bold: bool
           ) -> list[str]:  # fmt: skip
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


def _names(
    places: Mapping[str, Sequence[tuple[float, float]]]
) -> dict[str, tuple[float, float]]:  # fmt: skip
    """Return where names stand: behind the last points, apart where lines end alike."""
    found = {}
    for end in {points[-1][0] for points in places.values()}:
        tools = [tool for tool, points in places.items() if points[-1][0] == end]
        heights = apart([places[tool][-1][1] for tool in tools])
        found |= {t: (end + 9, y) for t, y in zip(tools, heights, strict=True)}
    return found


def _name(x: float, y: float, tool: str, exponent: float | None, colour: str) -> str:
    weight = ' font-weight="bold"' if tool == OWN else ""
    power = ""
    if exponent is not None:
        power = f'  n<tspan dy="-4" font-size="10">{exponent:.2f}</tspan>'
    return (
        f'<text x="{x:.1f}" y="{y + 4:.1f}" fill="{colour}" font-family="sans-serif" '
        f'font-size="12"{weight} {HALO}>{escape(tool)}{power}</text>'
    )
