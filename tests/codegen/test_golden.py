"""Hold generated modules as golden files, so that a printer's change is read."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import overbar as ob

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.expr"))
FORMULAS = {
    "guarded_sqrt": "x: param\nwhere(x > 0, sqrt(x), 0)",
    "nested_guards": (
        "x: param\ny: param\n"
        "u = sqrt(x)\n"
        "where(x > 0, where(x > 1, y*log(x - 1), u), y) + where(y > 0, u, 1)"
    ),
    "long_sum": "+".join(f"coefficient{i}*sin({i}*angle)" for i in range(1, 12)),
    "twenty_inputs": "*".join(f"x{i}" for i in range(20)),
    "two_outputs": "r = hypot(x, y)\nr, atan2(y, x)",
    "reserved_names": "np*math + step**2 + value*lam",
    "kinks": "max(x, y, z) + abs(x - y) + relu(z)",
    "constants": "pi*x/3 + x**5 - 0.1*x**-2 + 1e-30*x",
}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.stem)
def test_source_of_examples(path, golden):
    """The generated module of each example file is the golden one."""
    golden(f"{path.stem}.py", ob.load(path).source)


@pytest.mark.parametrize("name", FORMULAS)
def test_source_of_formulas(name, golden):
    """The generated module of each formula hard to print is the golden one."""
    golden(f"{name}.py", ob.compile(FORMULAS[name], name=name).source)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.stem)
def test_text_of_examples(path, golden):
    """The statements of each example are the golden ones."""
    golden(f"{path.stem}.txt", ob.load(path).text())


def test_the_lectures_seven_statements():
    """L1's backward function assigns the seven adjoints in the lecture's order."""
    source = ob.load(EXAMPLES[0].parent / "l1_regression.expr").backward_source
    names = [
        line.split(" = ")[0].strip() for line in source.split("\n") if " = " in line
    ]
    assert names[1:] == [
        "J_bar", "R_bar", "L_bar", "y_bar", "z_bar", "w_bar", "b_bar",
    ]  # fmt: skip


def test_source_is_the_same_in_every_process():
    """Hash seeds do not show: two processes print the same bytes."""
    script = (
        "import overbar as ob, sys\n"
        f"for text in {list(FORMULAS.values())!r}:\n"
        "    f = ob.compile(text)\n"
        "    sys.stdout.write(f.source + f.text())\n"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("0", "1", "4242")
    }
    assert len(outputs) == 1


def test_generated_modules_pass_a_linter():
    """Golden modules pass ruff's default rules."""
    folder = Path(__file__).parents[1] / "golden"
    files = sorted(map(str, folder.glob("*.py")))
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--isolated", *files],
        capture_output=True,
        text=True,
        check=False,
    )
    assert files
    assert done.stdout.strip() == "All checks passed!"
