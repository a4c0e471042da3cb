"""Test `overbar build` and `overbar bench`."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

import overbar as ob
from overbar.codegen.cache import STORE

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Cli


def test_a_module_that_stands_by_itself(cli: Cli, l1: str, tmp_path: Path) -> None:
    """What is written imports NumPy and Numba alone, and gives the API's numbers."""
    result = cli("build", l1, "-o", "l1.py")
    names = "value, forward, backward, value_and_grad"
    assert (0, f"wrote l1.py: {names}\n", "") == (
        result.exit_code, result.stdout, result.stderr,
    )  # fmt: skip
    text = (tmp_path / "l1.py").read_text()
    assert ob.load(l1).source == text
    imported = [
        name.name.split(".")[0] if isinstance(node, ast.Import) else node.module
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in node.names
    ]
    assert {"numba", "numpy"} >= set(imported)
    code = (
        "import sys; sys.modules['overbar'] = None; import l1\n"
        "print(l1.value_and_grad(1.0, 2.0, 3.0, 4.0))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
    )
    value, gradient = ob.load(l1).value_and_grad(1.0, 2.0, 3.0, 4.0)
    assert (value, tuple(gradient)) == ast.literal_eval(done.stdout)


@pytest.mark.parametrize(
    "name", ["a.txt", "a", "a-b.py", "class.py", "1.py", ".py", "a\nb.py", ""]
)
def test_names_that_cannot_be_imported(cli: Cli, name: str, tmp_path: Path) -> None:
    """A module's name must be one that can be imported."""
    result = cli("build", "-", "-o", name, given="x*y")
    shown = name.replace("\n", " ")
    message = f"expected a path such as gradient.py, found {shown!r}"
    assert (2, "", f"overbar: error: {message}\n") == (
        result.exit_code, result.stdout, result.stderr,
    )  # fmt: skip
    assert [] == list(tmp_path.iterdir())


def test_bench(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """`bench` prints all times with their units, and leaves the cache as it was."""
    monkeypatch.setattr("overbar.cli.bench._REPEATS", 1)
    folder = STORE.root()
    result = cli("bench", "-", "--at", "x=0.5", given="x*exp(x)")
    title, *rows = result.stdout.splitlines()
    assert (0, "", "out in x: 3 nodes") == (result.exit_code, result.stderr, title)
    time = r" +[\d.]+(e[+]\d+)? (s|ms|us|ns)"
    expected = [
        f"read{time}", f"derive{time}", f"compile{time}",
        r" +a call  a point of 10,000", f"value{time}{time}",
        f"value_and_grad{time}{time}", r"ratio +[\d.]+ +[\d.]+",
    ]  # fmt: skip
    assert len(expected) == len(rows)
    assert all(re.fullmatch(e, row) for e, row in zip(expected, rows, strict=True))
    assert folder == STORE.root()


def test_bench_of_several_outputs(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of several outputs, the Jacobian is timed."""
    monkeypatch.setattr("overbar.cli.bench._REPEATS", 1)
    result = cli("bench", "-", given="a = x*y\nb = x + y\na, b")
    assert (0, True) == (result.exit_code, "\njacobian " in result.stdout)
