"""Draw curves as a small SVG picture, for the other examples (no example itself).

Each curve is named at its right end, in its colour, over a band and under points.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    Curve = tuple[np.ndarray, np.ndarray]

# Okabe and Ito's colours, which colour-blind readers tell apart too.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
WIDTH, HEIGHT = 640, 400
LEFT, RIGHT, TOP, BOTTOM = 64, 130, 40, 48
PEN = 'stroke-width="1.8" stroke-linejoin="round"'
LINE = 15  # the least distance of two names


class Axis(NamedTuple):
    """Hold where numbers stand on the picture, and which are written there."""

    ticks: np.ndarray
    place: Callable[[np.ndarray], np.ndarray]


def svg(
    curves: Mapping[str, Curve],
    title: str,
    labels: tuple[str, str],
    *,
    points: Curve | None = None,
    band: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None,
    log: bool = False,
) -> str:
    """Return a picture of curves (x, y) by name.

    points: (x, y); band: (x, lowest, highest); log: whether the y axis is logarithmic.
    """
    shown = [*curves.values(), *([points] if points else [])]
    shown += [(band[0], band[1]), (band[0], band[2])] if band else []
    across = axis(np.concatenate([x for x, _ in shown]), LEFT, WIDTH - RIGHT, log=False)
    up = axis(np.concatenate([y for _, y in shown]), HEIGHT - BOTTOM, TOP, log=log)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        text(LEFT, 22, title, size=14),
        text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 10, labels[0], anchor="middle"),
        text(LEFT - 48, TOP - 8, labels[1]) if labels[1] else "",
    ]
    for value, x in zip(across.ticks, across.place(across.ticks), strict=True):
        parts += [
            f'<path d="M{x:.1f} {HEIGHT - BOTTOM}v4" stroke="#555"/>',
            text(x, HEIGHT - BOTTOM + 17, f"{value:g}", anchor="middle"),
        ]
    for value, y in zip(up.ticks, up.place(up.ticks), strict=True):
        parts += [
            f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>',
            text(LEFT - 6, y + 4, f"{value:g}", anchor="end"),
        ]
    if band:
        x, low, high = band
        edge = [
            *zip(across.place(x), up.place(low), strict=True),
            *zip(across.place(x)[::-1], up.place(high)[::-1], strict=True),
        ]
        parts.append(f'<polygon points="{joined(edge)}" fill="#cfe2f3"/>')
    ends = [float(up.place(y)[-1]) for _, y in curves.values()]
    for (name, (x, y)), colour, end in zip(
        curves.items(), COLOURS, apart(ends), strict=False
    ):
        path = " ".join(
            f"{a:.1f},{b:.1f}"
            for a, b in zip(across.place(x), up.place(y), strict=True)
        )
        parts += [
            f'<polyline points="{path}" fill="none" stroke="{colour}" {PEN}/>',
            text(WIDTH - RIGHT + 8, end + 4, name, colour=colour),
        ]
    if points:
        parts += [
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="1.6" fill="#222"/>'
            for x, y in zip(across.place(points[0]), up.place(points[1]), strict=True)
        ]
    return "\n".join([*parts, "</svg>\n"])


def joined(places: Iterable[tuple[float, float]]) -> str:
    """Return places as SVG lists them."""
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in places)


def text(
    x: float,
    y: float,
    content: str,
    *,
    anchor: str = "start",
    size: int = 12,
    colour: str = "#333",
) -> str:
    """Return a line of text."""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}" '
        f'font-family="sans-serif" font-size="{size}">{escape(content)}</text>'
    )


def axis(values: np.ndarray, start: float, end: float, *, log: bool) -> Axis:
    """Return an axis from `start` to `end` of the picture that shows all values."""
    low, high = float(values.min()), float(values.max())
    if log:
        tens = 10.0 ** np.arange(np.floor(np.log10(low)), np.ceil(np.log10(high)) + 1)
        between = () if len(tens) > 4 else (2, 5)
        ticks = np.sort(np.concatenate([tens, *(k * tens for k in between)]))
        scale: Callable[..., np.ndarray] = np.log
    else:
        step = 10.0 ** np.floor(np.log10((high - low) / 2))
        step *= next(k for k in (0.5, 1, 2, 5, 10) if (high - low) / (k * step) <= 6)
        ticks = step * np.arange(np.floor(low / step), np.ceil(high / step) + 1)
        scale = np.asarray
    margin = 0.02 * (scale(high) - scale(low))
    lowest, highest = scale(low) - margin, scale(high) + margin
    ticks = ticks[(scale(ticks) >= lowest) & (scale(ticks) <= highest)]

    def place(of: np.ndarray) -> np.ndarray:
        return start + (end - start) * (scale(of) - lowest) / (highest - lowest)

    return Axis(ticks, place)


def apart(places: list[float]) -> list[float]:
    """Return places for names, in order, moved apart so that none overlap."""
    order = np.argsort(places)
    found, above = list(places), -np.inf
    for i in order:
        above = found[i] = max(found[i], above + LINE)
    excess = above - (HEIGHT - BOTTOM)
    below = np.inf
    for i in order[::-1] if excess > 0 else ():
        below = found[i] = min(found[i], HEIGHT - BOTTOM, below - LINE)
    return found
