"""Time what a fresh process takes to its first gradient, and what imports take.

    python -m benchmarks.start [--only numbers] [--quick] [--json FILE]

Each row is a script, run by a fresh interpreter again and again, in turns with the
others; `wall` and `processor` are medians of the whole process, `over` what is left
when an empty script is taken away. `cold` is the first run, with nothing in its caches;
the others find what it left on disk. The bare Numba functions have `cache=True` and
compute the same by hand; the gradients that scripts print are compared.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from benchmarks import report
from benchmarks.child import environment
from benchmarks.options import parser
from benchmarks.race import AGREE

if TYPE_CHECKING:
    from collections.abc import Mapping

    Row = dict[str, Any]

EMPTY = "empty script"


class Script(NamedTuple):
    """Hold a script: which others print the same, and its text."""

    group: str
    text: str


NUMBERS_OVERBAR = """
import overbar as ob
x, y, z = ob.param("x"), ob.param("y"), ob.param("z")
f = ob.compile(ob.sin(x*y)*ob.exp(-z) + x*z)
value, (gx, gy, gz) = f.value_and_grad(0.7, 1.3, 0.4)
print([value, gx, gy, gz])
"""
NUMBERS_NUMBA = """
import math
import numba

@numba.njit(cache=True)
def both(x, y, z):
    s, e = math.sin(x*y), math.exp(-z)
    inner = math.cos(x*y)*e
    return s*e + x*z, (y*inner + z, x*inner, x - s*e)

value, (gx, gy, gz) = both(0.7, 1.3, 0.4)
print([value, gx, gy, gz])
"""
NUMBERS_HEYOKA = """
import heyoka as hy
x, y, z = hy.make_vars("x", "y", "z")
value = hy.sin(x*y)*hy.exp(-z) + x*z
grad = hy.diff_tensors([value], diff_args=[x, y, z], diff_order=1).gradient
f = hy.cfunc([value, *grad], vars=[x, y, z])
print(f([0.7, 1.3, 0.4]).tolist())
"""
ARRAYS = """
import numpy as np
X, y, w = np.arange(12.0).reshape(4, 3)/12, np.ones(4), np.array([1.0, -2.0, 0.5])
"""
ARRAYS_OVERBAR = f"""{ARRAYS}
import overbar as ob
wp, Xp, yp = ob.param("w", ("d",)), ob.data("X", ("n", "d")), ob.data("y", ("n",))
r = np.tanh(Xp @ wp) - yp
f = ob.compile(r @ r, inputs=[wp, Xp, yp])
value, (g,) = f.value_and_grad(w, X, y)
print([float(value), *g.tolist()])
"""
ARRAYS_NUMBA = f"""{ARRAYS}
import numba

@numba.njit(cache=True)
def both(w, X, y):
    t = np.tanh(X @ w)
    r = t - y
    return r @ r, X.T @ (2*r*(1 - t*t))

value, g = both(w, X, y)
print([float(value), *g.tolist()])
"""

SCRIPTS = {
    EMPTY: Script("", ""),
    "import numpy": Script("", "import numpy"),
    "import overbar": Script("", "import overbar"),
    "import numba": Script("", "import numba"),
    "numbers: numba": Script("numbers", NUMBERS_NUMBA),
    "numbers: overbar": Script("numbers", NUMBERS_OVERBAR),
    "numbers: heyoka": Script("numbers", NUMBERS_HEYOKA),
    "arrays: numba": Script("arrays", ARRAYS_NUMBA),
    "arrays: overbar": Script("arrays", ARRAYS_OVERBAR),
}


def run(path: Path, variables: Mapping[str, str]) -> Row:
    """Return what a fresh process took by both clocks, and the numbers it printed."""
    used, start = _used(), time.perf_counter()
    done = subprocess.run(
        [sys.executable, str(path)], env=variables, cwd=path.parent,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    wall = time.perf_counter() - start
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        return {"left out": lines[-1] if lines else f"status {done.returncode}"}
    printed = json.loads(done.stdout) if done.stdout.strip() else []
    return {"wall": wall, "cpu": _used() - used, "printed": printed}


def _used() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def measure(
    scripts: Mapping[str, Script], folder: Path, repeats: int
) -> list[Row]:  # fmt: skip
    """Return a row a script; caches are in the folder, empty at the beginning."""
    rows: dict[str, Row] = {}
    variables = environment(folder, 1)
    for i, (name, script) in enumerate(scripts.items()):
        path = folder / f"script{i}.py"
        path.write_text(script.text, encoding="utf-8")
        first = run(path, variables)
        rows[name] = {"script": name, "group": script.group, "path": str(path)}
        rows[name] |= first if "left out" in first else {
            "cold": first["wall"], "printed": first["printed"],
            "wall times": [], "cpu times": [],
        }  # fmt: skip
        if "left out" not in first:
            run(path, variables)  # byte code and the last of the caches
    going = [row for row in rows.values() if "left out" not in row]
    for _ in range(repeats):
        for row in going:
            found = run(Path(row["path"]), variables)
            for clock in ("wall", "cpu"):
                row[f"{clock} times"].append(found[clock])
    for row in going:
        row |= {c: statistics.median(row[f"{c} times"]) for c in ("wall", "cpu")}
        row["agrees"] = _agrees(row, going)
    return list(rows.values())


def _agrees(row: Row, rows: list[Row]) -> bool:
    """Whether a script printed what the first of its group did."""
    expected = next(r["printed"] for r in rows if r["group"] == row["group"])
    largest = max(map(abs, expected), default=0.0)
    return len(expected) == len(row["printed"]) and all(
        abs(a - b) <= AGREE * largest
        for a, b in zip(row["printed"], expected, strict=True)
    )


def table(rows: list[Row]) -> str:
    """Return a table of all scripts."""
    empty = next(row for row in rows if row["script"] == EMPTY)
    lines = [f"  {'script':<20}{'cold':>10}{'wall':>10}{'over':>10}{'processor':>11}"]
    for row in rows:
        if "left out" in row:
            lines.append(f"  {row['script']}: {row['left out']}")
            continue
        cells = [row["cold"], row["wall"], row["wall"] - empty["wall"]]
        shown = [f"{1e3 * seconds:.0f} ms".rjust(10) for seconds in cells]
        wrong = "" if row["agrees"] else "  WRONG"
        cpu = f"{1e3 * row['cpu']:.0f} ms".rjust(11)
        lines.append(f"  {row['script']:<20}{''.join(shown)}{cpu}{wrong}")
    return "\n".join([*lines, *_differences(rows, "wall"), *_differences(rows, "cpu")])


def _differences(rows: list[Row], clock: str) -> list[str]:
    """Return by how much Overbar's scripts take longer than those beside them."""
    times = {row["script"]: row.get(clock) for row in rows}
    pairs = [
        ("import overbar", "import numpy"),
        ("numbers: overbar", "numbers: numba"),
        ("arrays: overbar", "arrays: numba"),
    ]
    return [
        f"  {ours} over {theirs}, {clock}: {times[ours] - times[theirs]:+.3f} s"
        for ours, theirs in pairs
        if times.get(ours) and times.get(theirs)
    ]


def main() -> int:
    """Measure and print; return 1 where gradients disagree."""
    arguments = parser("benchmarks.start", __doc__)
    arguments.add_argument("--only", choices=("numbers", "arrays"), help="one group")
    options = arguments.parse_args()
    about = report.machine()
    scripts = {
        name: script for name, script in SCRIPTS.items()
        if not options.only or script.group in {"", options.only}
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as name:
        rows = measure(scripts, Path(name), 1 if options.quick else options.repeats)
    print(f"fresh processes  (load {os.getloadavg()[0]:.1f})")
    print(table(rows))
    if options.json:
        report.save(options.json, about, rows)
    return int(any(not row.get("agrees", True) for row in rows))


if __name__ == "__main__":
    sys.exit(main())
