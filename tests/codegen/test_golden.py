"""Hold generated modules as golden files, so that a printer's change is read."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from printed import EXAMPLES, FORMULAS

import overbar as ob

PATH = os.pathsep.join(sys.path)


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


SCRIPT = """
import sys
import overbar as ob
from printed import EXAMPLES, FORMULAS, entries
formulas = [*map(ob.load, EXAMPLES), *map(ob.compile, FORMULAS.values())]
formulas.append(ob.compile("z*sin(y)*x + w", wrt={"w", "x", "y", "z"}))
for f in formulas:
    sys.stdout.write("".join(f.runtime.source(name) for name in entries(f)))
    sys.stdout.write(f.text() + f.latex() + str(f.graph) + f.draw())
"""


def test_source_is_the_same_in_every_process():
    """Hash seeds do not show: processes print the same bytes of every formula."""
    outputs = {
        subprocess.run(
            [sys.executable, "-c", SCRIPT],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": PATH},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("0", "1", "4242")
    }
    assert len(outputs) == 1
    assert b"def hessian" in outputs.pop()


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
