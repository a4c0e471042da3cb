"""Run the command line in this process, in a folder of its own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest
from click.testing import CliRunner

from overbar.cli import overbar

if TYPE_CHECKING:
    from click.testing import Result

ROOT = Path(__file__).parents[2]


class Cli(Protocol):
    """Run `overbar WORDS` with a text or bytes as standard input."""

    def __call__(self, *words: str, given: str | bytes = "") -> Result:
        """Return the exit status and what was printed."""


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """Return a way to run commands in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NO_COLOR", raising=False)

    def run(*words: str, given: str | bytes = "") -> Result:
        return CliRunner().invoke(overbar, list(words), input=given)

    return run


@pytest.fixture
def l1() -> str:
    """Return the path of the first lecture's formula."""
    return str(ROOT / "examples" / "l1_regression.expr")
