"""The command line on formulas over arrays."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

if TYPE_CHECKING:
    from conftest import Cli

TEXT = "W: param[m, n]\nx: data[n]\nJ = sum((W @ x)**2)"


@pytest.fixture
def run(cli: Cli) -> Cli:
    """Return a way to run commands beside a formula f.expr and its data d.npz."""
    Path("f.expr").write_text(TEXT)
    np.savez("d.npz", W=[[1.0, 2.0]], x=[3.0, 4.0])
    return cli


def test_eval_takes_arrays_of_a_file(run: Cli) -> None:
    """The value and the gradient are those of the arrays."""
    result = run("eval", "f.expr", "--data", "d.npz", "--grad")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == "J = 121.0\ndJ/dW = [[66.0, 88.0]]\n"


def test_json_has_costs_in_sizes(run: Cli) -> None:
    """Counts are polynomials in the sizes, as text."""
    result = run("derive", "f.expr", "--format", "json")
    cost = json.loads(result.stdout)["cost"]
    assert cost["value"] == {
        "operations": {"add": "m*n + m", "mul": "m*n + m"}, "weighted": "2*m*n + 2*m",
    }  # fmt: skip
    assert cost["saved_bytes"] == "8*m + 8*n"
    assert cost["ratio"] == 1.5


@pytest.mark.parametrize("command", ["check", "bench"])
def test_what_is_not_built_says_so(run: Cli, command: str) -> None:
    """Commands that know numbers alone refuse arrays in words."""
    result = run(command, "f.expr")
    assert result.exit_code == 2
    assert "not built yet for formulas with arrays" in result.stderr
