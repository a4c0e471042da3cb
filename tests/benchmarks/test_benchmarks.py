"""Run every benchmark once, small and quick, and test what judges its figures.

Nothing here looks at a time: figures are ratios within one run, read by people.
"""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]

START = "empty script,import numpy,import overbar,import numba,"

# Command, and the tools (or scripts) whose rows have figures.
COMMANDS = [
    ("benchmarks --only batch --tools hand,numpy", "hand,numpy"),
    ("benchmarks --only hamiltonian --tools overbar,numpy --threads 2",
     "overbar,numpy"),
    ("benchmarks --only speelpenning --tools hand,overbar --cpu", "hand,overbar"),
    ("benchmarks.random_dag --tools overbar", "hand,overbar"),
    ("benchmarks.small --tools overbar", "hand,overbar"),
    ("benchmarks.start --only numbers", START + "numbers: numba,numbers: overbar"),
]  # fmt: skip


def imported(name: str):
    """Return a module of benchmarks/, which is no part of the distribution."""
    if str(ROOT) not in sys.path:
        sys.path.append(str(ROOT))
    return importlib.import_module(f"benchmarks.{name}")


def run(command: str, folder: Path) -> tuple[str, list[dict]]:
    """Return what a quick benchmark prints, and the rows of its JSON."""
    target = folder / "figures.json"
    done = subprocess.run(
        [sys.executable, "-m", *command.split(), "--quick", "--json", str(target)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (0, "") == (done.returncode, done.stderr)
    return done.stdout, json.loads(target.read_text(encoding="utf-8"))["rows"]


@pytest.mark.parametrize(("command", "tools"), COMMANDS)
def test_runs_quickly_and_agrees(command, tools, tmp_path):
    """Each benchmark prints a row a tool, whose answers agree with the reference's."""
    printed, rows = run(command, tmp_path)
    figures = {row.get("tool") or row["script"]: row for row in rows
               if "left out" not in row}  # fmt: skip
    assert tools == ",".join(n for n in figures if not n.endswith("heyoka"))
    assert all(row["agrees"] for row in figures.values())
    assert all(name in printed for name in figures)
    assert "WRONG" not in printed


def test_counts_operations_of_a_gradient(tmp_path):
    """Speelpenning's gradient takes 18 operations, as heyoka's manual has it."""
    command = "benchmarks --only speelpenning --tools overbar"
    _, (row,) = run(command, tmp_path)
    assert 18 == row["operations"]


def test_dag_is_that_of_the_figures():
    """The operations are those that the published figures were taken on."""
    formulas = imported("formulas")
    first = [("*", 12, 13), ("+", 8, 16), ("+", 12, 9), ("+", 11, 18)]
    assert first == formulas.operations(1000)[:4]
    assert formulas.operations(100) == formulas.operations(1000)[:100]


def test_sweep_by_hand_is_the_gradient():
    """The reference's gradient agrees with central differences at every input."""
    formulas = imported("formulas")
    ops = formulas.operations(200)
    sinks, h = formulas.unused(ops), 1e-6
    point = np.random.default_rng(1).random(16)
    _, gradient = formulas.sweep(ops, sinks, point)
    for i, slope in enumerate(gradient):
        up, down = (formulas.sweep(ops, sinks, point + s * np.eye(16)[i])[0]
                    for s in (h, -h))  # fmt: skip
        assert abs((up - down) / (2 * h) - slope) < 1e-8


@pytest.mark.parametrize(
    ("found", "agrees"),
    [
        ([1.0, 2.0], True),
        ([1.0, 2.0 * (1 + 1e-12)], True),
        ([1.0, 2.0 * (1 + 1e-8)], False),
        ([1.0, float("nan")], False),
        ([1.0], False),
        ([1.0, 2.0, 3.0], False),
    ],
)
def test_wrong_answers_are_seen(found, agrees, tmp_path):
    """An answer that is off by more than 1e-9, or has another shape, disagrees."""
    expected, answers, row = tmp_path / "a.npz", tmp_path / "b.npz", {}
    np.savez(expected, value=np.array([5.0]), gradient=np.array([1.0, 2.0]))
    np.savez(answers, **{"value@flat": np.array([5.0]), "gradient": np.array(found)})
    imported("race").compare(row, answers, expected)
    assert agrees == row["agrees"]


def test_slow_tool_is_left_out(tmp_path):
    """A tool that takes over its limit is reported as such, and not asked again."""
    command = "benchmarks.random_dag --tools overbar --limit 0.001"
    _, rows = run(f"{command} --sizes 3000,3001", tmp_path)
    reasons = {(row["n"], row["tool"]): row.get("left out") for row in rows}
    assert "over 0.001 s" == reasons[3000, "overbar"]
    assert "over 0.001 s at 3,000" == reasons[3001, "overbar"]


def test_exponent_is_fitted_to_large_sizes():
    """The exponent of n**1.5 is 1.5, whatever small sizes cost; of one size, none."""
    exponent = imported("random_dag").exponent
    points = [(100, 7.0), *((n, n**1.5) for n in (1000, 10_000, 100_000))]
    assert 1.5 == pytest.approx(exponent(points))
    assert exponent(points[:2]) is None


def test_picture_shows_every_tool():
    """The picture is well-formed, and each tool has a line, its points and its name."""
    curves = {"overbar": [(100, 0.01), (1000, 0.1)], "a<b": [(100, 0.02)]}
    drawn = imported("picture").picture(curves, {"overbar": 1.0, "a<b": None})
    root = ET.fromstring(drawn)  # noqa: S314 - our own text
    names = "".join(root.itertext())
    assert all(name in names for name in curves)
    assert 3 == drawn.count("<circle")
