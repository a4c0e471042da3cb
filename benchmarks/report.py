"""Turn rows of figures into a table for the terminal and into JSON."""

from __future__ import annotations

import json
import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

HEAD = ("tool", "first", "value", "gradient", "/value", "/hand", "memory", "apart")
WIDTHS = (9, 10, 10, 10, 7, 7, 8, 8)
PACKAGES = (
    "overbar", "numpy", "numba", "scipy", "jax", "pytensor", "casadi", "autograd",
    "heyoka",
)  # fmt: skip
UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "us"), (0.0, "ns"))
MARKED = 1.2  # a tool that uses more cores than this is marked


def duration(seconds: float) -> str:
    """Return a time with three digits and its unit."""
    least, unit = next(u for u in UNITS if seconds >= u[0])
    return f"{seconds / (least or 1e-9):.3g} {unit}"


def table(title: str, rows: Sequence[dict[str, Any]]) -> str:
    """Return a workload's table, the tools in order."""
    base = next((r["gradient"] for r in rows if r["tool"] == "hand"
                 and "gradient" in r), None)  # fmt: skip
    lines = [title, line(HEAD)]
    left = []
    for row in rows:
        if "left out" in row:
            left.append(f"  {row['tool']}: {row['left out']}")
        else:
            lines.append(line(_cells(row, base)) + notes(row))
    counts = [f"{r['tool']} {r['operations']}" for r in rows if "operations" in r]
    if counts:
        left.append(f"  operations of a gradient: {', '.join(counts)}")
    return "\n".join([*lines, *left])


def _cells(row: dict[str, Any], base: float | None) -> tuple[str, ...]:
    return (
        row["tool"],
        duration(row["first"]),
        duration(row["value"]),
        duration(row["gradient"]),
        f"{row['ratio']:.2f}",
        f"{row['gradient'] / base:.2f}" if base else "",
        f"{row['peak'] / 2**20:.0f} MiB",
        f"{row['difference']:.0e}",
    )


def notes(row: dict[str, Any]) -> str:
    """Return what is to be said of a row, behind it."""
    said = [] if row["agrees"] else ["WRONG"]
    if row.get("unchecked"):
        said.append("compared with nothing")
    if row["threads"] == 1 and row.get("cores", 0) > MARKED:
        said.append(f"on {row['cores']:.1f} cores")
    return "  " + ", ".join(said) if said else ""


def line(cells: Sequence[str]) -> str:
    """Return cells side by side, the first to the left, the others to the right."""
    first, *others = (c.rjust(w) for c, w in zip(cells, WIDTHS, strict=False))
    return "  ".join(["  " + first.strip().ljust(WIDTHS[0]), *others]).rstrip()


def machine() -> dict[str, Any]:
    """Return what the figures were taken on."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "load": os.getloadavg(),
        "python": platform.python_version(),
        **{name: _version(name) for name in PACKAGES},
    }


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor()
    names = [li.split(":")[1].strip() for li in text.splitlines() if "model name" in li]
    return names[0] if names else platform.machine()


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def save(path: str, about: dict[str, Any], rows: Sequence[dict[str, Any]]) -> None:
    """Write everything to a JSON file."""
    text = json.dumps({"machine": about, "rows": rows}, indent=1)
    Path(path).write_text(text + "\n", encoding="utf-8")
